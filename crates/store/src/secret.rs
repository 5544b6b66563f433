//! What secrets belong to, and how those that callers send come to be kept.

use std::fmt;

use ironhand_api::{Kind, Name, Secret};
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use crate::StoreError;
use crate::seal::Sealer;

/// What a secret belongs to: `password` of `Credential dc-standard`. It is authenticated with the sealed text, so that
/// one that was copied to another place does not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretPlace {
    kind: Kind,
    name: Name,
    field: String,
}

impl SecretPlace {
    /// The password of a credential.
    pub(crate) fn credential(name: &Name) -> Self {
        Self::of(Kind::Credential, name, "password")
    }

    /// A field of a notifier.
    pub(crate) fn notifier(name: &Name, field: NotifierField) -> Self {
        Self::of(Kind::Notifier, name, field.as_str())
    }

    /// The secret of a repository's webhook.
    pub(crate) fn repository(name: &Name) -> Self {
        Self::of(Kind::Repository, name, "webhook.secret")
    }

    /// A password of an account of a host's controller. `which` tells the valid one from those before and after it;
    /// the user name may hold any character and so comes last.
    pub(crate) fn account(host: &Name, which: AccountSecret, username: &str) -> Self {
        Self::of(Kind::Host, host, &format!("{}/{username}", which.as_str()))
    }

    /// The session of an account on a host's device. Devices are called by their connectors, which hold no `/`, unless
    /// as the path of a socket, where nobody has sessions.
    pub(crate) fn session(host: &Name, device: &str, username: &str) -> Self {
        Self::of(Kind::Host, host, &format!("session/{device}/{username}"))
    }

    fn of(kind: Kind, name: &Name, field: &str) -> Self {
        Self { kind, name: name.clone(), field: field.to_owned() }
    }

    /// The kind of resource that the secret belongs to.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The name of that resource.
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// What is authenticated with the sealed text. Names hold no `/`, so that no two places give the same.
    pub(crate) fn associated(&self) -> Vec<u8> {
        format!("{}/{}/{}", self.kind, self.name, self.field).into_bytes()
    }

    /// What heals a sealed text that does not open.
    pub(crate) fn remedy(&self) -> String {
        match self.kind {
            Kind::Host => {
                "set the password of the account at the controller and apply it as a Credential of the host"
                    .to_owned()
            }
            kind => {
                format!("apply the {} again with its {}", kind.to_string().to_lowercase(), self.field)
            }
        }
    }
}

impl fmt::Display for SecretPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} `{}`", self.field, self.kind, self.name)
    }
}

/// Which secret of a [`Notifier`](ironhand_api::Notifier).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotifierField {
    /// The secret under which the bodies of a webhook are signed.
    WebhookSecret,
    /// The password of the account at the SMTP server.
    EmailPassword,
}

impl NotifierField {
    /// The field, as a path in the specification.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WebhookSecret => "webhook.secret",
            Self::EmailPassword => "email.password",
        }
    }
}

/// Which password of an account of a host's controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccountSecret {
    /// The one that a change has given it.
    Valid,
    /// The one before it, while its grace lasts.
    Previous,
    /// The one that a change under way began with.
    Old,
    /// The one that a change under way is to give it.
    New,
}

impl AccountSecret {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "password",
            Self::Previous => "previous password",
            Self::Old => "old password",
            Self::New => "new password",
        }
    }
}

/// The sealed form of a secret that a caller sent. A secret that is kept already keeps its sealed text, so that
/// applying it again changes nothing although each sealing looks different.
pub(crate) fn settle(
    sealer: &Sealer,
    place: &SecretPlace,
    given: Secret,
    kept: Option<&Secret>,
) -> Result<Secret, StoreError> {
    let reference = |form| StoreError::SecretReference { place: place.clone(), form };
    let (plain, given) = match given {
        Secret::FromFile(_) => return Err(reference("fromFile")),
        Secret::FromEnv(_) => return Err(reference("fromEnv")),
        Secret::Sealed(text) => (sealer.open(place, &text)?, Some(text)),
        Secret::Plain(plain) => (plain, None),
    };
    let same = kept.and_then(|kept| match kept {
        Secret::Sealed(text) => {
            // A kept secret that does not open is replaced: applying anew is what the error of opening advises.
            let old = sealer.open(place, text).ok()?;
            let same = old.expose_secret().as_bytes().ct_eq(plain.expose_secret().as_bytes());
            bool::from(same).then(|| text.clone())
        }
        _ => None,
    });
    Ok(Secret::Sealed(match same.or(given) {
        Some(text) if sealer.is_current(&text) => text,
        _ => sealer.seal(place, &plain)?,
    }))
}
