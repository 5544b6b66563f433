//! What is kept of a host's devices in the store: the certificates that they showed first, and open sessions.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use ironhand_api::Name;
use ironhand_connectors::{Error, Pins, Session, Sessions, Token};
use ironhand_store::{SessionOwner, Store, StoreError};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::clock;
use crate::http::chain;

/// What is kept of one host's devices.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) store: Store,
    pub(super) host: Name,
}

/// Where the keys are kept that machines of a host showed first.
pub(in crate::lane) fn pins_of(store: &Store, host: &Name) -> Arc<dyn Pins> {
    Arc::new(Kept { store: store.clone(), host: host.clone() })
}

/// A session as it is sealed.
#[derive(Serialize, Deserialize)]
struct Sealed<'s> {
    token: &'s str,
    #[serde(default)]
    path: Option<String>,
}

impl Pins for Kept {
    fn pinned<'a>(&'a self, device: &'a str) -> BoxFuture<'a, Result<Option<[u8; 32]>, Error>> {
        Box::pin(async move {
            let pins = self.store.pinned_certificates(&self.host).await.map_err(not_stored)?;
            pins.iter().find(|pin| pin.connector == device).map(|pin| digest(&pin.sha256)).transpose()
        })
    }

    fn pin<'a>(&'a self, device: &'a str, shown: [u8; 32]) -> BoxFuture<'a, Result<[u8; 32], Error>> {
        Box::pin(async move {
            let pinned = self.store.pin_certificate(&self.host, device, hex::encode(shown), clock::now());
            let pinned = digest(&pinned.await.map_err(not_stored)?)?;
            if pinned == shown {
                let host = &self.host;
                tracing::info!(host = %host, connector = device, digest = hex::encode(shown), "certificate pinned");
            }
            Ok(pinned)
        })
    }
}

impl Sessions for Kept {
    fn kept<'a>(&'a self, controller: &'a str, username: &'a str) -> BoxFuture<'a, Option<Session>> {
        Box::pin(async move {
            let kept = self.store.device_session(&self.owner(controller, username)).await;
            let sealed = kept.inspect_err(|error| self.lost(controller, error)).ok()??;
            let Sealed { token, path } = serde_json::from_str(sealed.expose_secret()).ok()?;
            Some(Session { token: Token::new(token), path })
        })
    }

    fn keep<'a>(
        &'a self,
        controller: &'a str,
        username: &'a str,
        session: Option<Session>,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let sealed = session.as_ref().and_then(|Session { token, path }| {
                let sealed = Sealed { token: token.expose(), path: path.clone() };
                serde_json::to_string(&sealed).ok().map(Zeroizing::new)
            });
            let sealed = sealed.map(|text| SecretString::from(text.as_str()));
            let owner = self.owner(controller, username);
            let stored = self.store.put_device_session(&owner, sealed, clock::now()).await;
            if let Err(error) = stored {
                self.lost(controller, &error);
            }
        })
    }
}

impl Kept {
    fn owner(&self, device: &str, username: &str) -> SessionOwner {
        let (host, device, username) = (self.host.clone(), device.to_owned(), username.to_owned());
        SessionOwner { host, device, username }
    }

    /// Without what is kept, another session is opened.
    fn lost(&self, device: &str, error: &StoreError) {
        tracing::warn!(host = %self.host, connector = device, error = %chain(error), "a session is not kept");
    }
}

fn not_stored(error: StoreError) -> Error {
    Error::NotStored { reason: chain(&error) }
}

fn digest(kept: &str) -> Result<[u8; 32], Error> {
    let mut digest = [0; 32];
    hex::decode_to_slice(kept, &mut digest)
        .map_err(|_| Error::NotStored { reason: format!("`{kept}` is not the digest of a certificate") })?;
    Ok(digest)
}
