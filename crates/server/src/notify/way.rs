//! The ways of telling: a webhook, mail, a local socket.

use ironhand_api::{Name, Notifier, NotifierSpec, Secret};
use ironhand_store::{NotifierField, Store, StoreError};
use secrecy::SecretString;

use super::error::NotifyError;
use super::http::Poster;
use super::letter::{Letter, Pen};
use super::mail::Mailer;
use super::{sign, socket, webhook};
use crate::endpoint::Target;

/// How one notifier is told.
pub(super) struct Way {
    name: Name,
    pen: Pen,
    means: Means,
}

enum Means {
    Webhook {
        poster: Box<Poster>,
        signed: bool,
    },
    Mail {
        mailer: Box<Mailer>,
        login: bool,
    },
    Socket {
        path: String,
    },
    /// What is kept cannot be used, like that of another release.
    None {
        fault: NotifyError,
    },
}

impl Way {
    /// How the notifier is told by the server that CloudEvents call `source`, on the machine that calls itself `node`.
    pub(super) fn new(notifier: &Notifier, source: &str, node: &str) -> Result<Self, NotifyError> {
        let Notifier { metadata, spec } = notifier;
        let pen = Pen::new(source, spec)?;
        let means = Self::means(spec, node).unwrap_or_else(|fault| Means::None { fault });
        Ok(Self { name: metadata.name.clone(), pen, means })
    }

    fn means(spec: &NotifierSpec, node: &str) -> Result<Means, NotifyError> {
        if let Some(webhook) = &spec.webhook {
            let poster = Box::new(Poster::new(target(&webhook.url)?));
            return Ok(Means::Webhook { poster, signed: webhook.secret.is_some() });
        }
        if let Some(email) = &spec.email {
            let mailer = Box::new(Mailer::new(email, node)?);
            return Ok(Means::Mail { mailer, login: email.password.is_some() });
        }
        let socket = spec.socket.as_ref().map(|socket| Means::Socket { path: socket.path.clone() });
        socket.ok_or_else(|| NotifyError::Unsuited { reason: "there is no way to tell it".to_owned() })
    }

    /// What in a manifest cannot be.
    pub(super) fn faults(spec: &NotifierSpec) -> Vec<String> {
        let mut faults = match Pen::new("", spec) {
            Ok(pen) => pen.faults(),
            Err(error) => vec![error.to_string()],
        };
        if let Some(webhook) = &spec.webhook {
            faults.extend(Target::parse(&webhook.url).err());
            if let Some(Secret::Plain(secret)) = &webhook.secret
                && !sign::is_sound(secret)
            {
                faults.push("`secret`: what follows `whsec_` must be Base64".to_owned());
            }
        }
        if let Some(email) = &spec.email {
            faults.extend(Mailer::faults(email));
        } else if spec.subject.is_some() {
            faults.push("`subject` is of use for `email` alone".to_owned());
        }
        faults
    }

    pub(super) const fn pen(&self) -> &Pen {
        &self.pen
    }

    /// Whether one letter tells several events.
    pub(super) const fn joins(&self) -> bool {
        matches!(self.means, Means::Mail { .. })
    }

    /// Tells a letter. Returns what the receiver said. The secret is opened for the one letter and then forgotten.
    pub(super) async fn tell(&mut self, store: &Store, letter: &Letter<'_>) -> Result<String, NotifyError> {
        let Self { name, pen, means } = self;
        match means {
            Means::Webhook { poster, signed } => {
                let secret = secret(store, name, NotifierField::WebhookSecret, *signed).await?;
                webhook::tell(poster, secret.as_ref(), pen, letter).await
            }
            Means::Mail { mailer, login } => {
                let password = secret(store, name, NotifierField::EmailPassword, *login).await?;
                mailer.tell(name, password.as_ref(), pen, letter).await
            }
            Means::Socket { path } => socket::tell(path, pen, letter).await,
            Means::None { fault } => Err(fault.clone()),
        }
    }
}

fn target(url: &str) -> Result<Target, NotifyError> {
    Target::parse(url).map_err(|reason| NotifyError::Unsuited { reason })
}

/// The secret in a field of the notifier, where its manifest has one. What is to be signed is never sent unsigned.
async fn secret(
    store: &Store,
    name: &Name,
    field: NotifierField,
    wanted: bool,
) -> Result<Option<SecretString>, NotifyError> {
    if !wanted {
        return Ok(None);
    }
    let opened = store.notifier_secret(name, field).await;
    let failed = |error: StoreError| match error.retry() {
        true => NotifyError::Store { reason: error.to_string() },
        false => NotifyError::Secret { reason: error.to_string() },
    };
    let missing = || NotifyError::Secret { reason: "there is none".to_owned() };
    opened.map_err(failed)?.ok_or_else(missing).map(Some)
}
