//! Changing a password over Redfish: the account by its path, in sessions of its own.

use ironhand_connectors::{Device, Error, PasswordRules, RedfishDevice, RedfishError as Redfish};
use ironhand_model::LoginReply;
use secrecy::SecretString;

use super::LONGEST;
use super::account::{NoPlace, Session, Written};
use crate::device::DeviceError;

/// Logins at one controller under one name and password. No session is used that another one opened.
pub(crate) struct RedfishSession {
    device: RedfishDevice,
}

impl RedfishSession {
    /// `device` must keep its sessions to itself.
    pub(crate) fn new(device: RedfishDevice) -> Self {
        Self { device }
    }

    /// What the controller asks of the length of a password: the least and the greatest.
    pub(crate) async fn lengths(&mut self) -> Result<(usize, usize), DeviceError> {
        let PasswordRules { shortest, longest, .. } = self.device.password_rules().await?;
        let length = |length: u64| usize::try_from(length).unwrap_or(usize::MAX);
        // Some say 0 and mean that they do not know. The same account carries no more than `LONGEST` over IPMI.
        let longest = longest.filter(|longest| *longest > 0).map_or(LONGEST, length).min(LONGEST);
        Ok((length(shortest.unwrap_or_default()), longest))
    }
}

impl Session for RedfishSession {
    /// The path of the account.
    type Place = String;

    async fn enter(&mut self) -> Result<(), DeviceError> {
        // Everybody may read the service root; this takes a login.
        self.device.password_rules().await?;
        Ok(())
    }

    async fn find(&mut self, username: &str) -> Result<String, NoPlace> {
        let found = self.device.accounts_named(username).await;
        let paths = found.map_err(|error| NoPlace::Unread(error.to_string()))?;
        match paths.as_slice() {
            [] => Err(NoPlace::Missing(username.to_owned())),
            [path] => Ok(path.clone()),
            _ => Err(NoPlace::Several { name: username.to_owned(), places: paths.join(" and ") }),
        }
    }

    async fn write(&mut self, place: &String, secret: &SecretString) -> Written {
        match self.device.tell_password(place, secret).await {
            Ok(()) => Written::Accepted,
            Err(error) => verdict(&error),
        }
    }

    async fn end(self) {
        Box::new(self.device).close().await;
    }
}

/// What it says of the password that it was not set.
fn verdict(error: &Error) -> Written {
    let reason = error.to_string();
    match error {
        Error::Redfish(
            Redfish::Refused { .. }
            | Redfish::Forbidden { .. }
            | Redfish::Unsupported { .. }
            | Redfish::Missing { .. },
        )
        | Error::Refused { .. }
        | Error::Unsupported { .. } => Written::Refused(reason),
        // The session was over and no other came about, or no connection did: the controller was told nothing.
        Error::LoginRefused { .. }
        | Error::Redfish(Redfish::Unauthorized)
        | Error::Unreachable { .. }
        | Error::Hop { .. }
        | Error::Certificate { .. }
        | Error::Tls { .. } => Written::NotSent(reason),
        _ => Written::NoReply(reason),
    }
}

/// What a login that did not work says of the password.
pub(super) fn login_verdict(error: &Error) -> LoginReply {
    match error {
        Error::LoginRefused { .. } | Error::Redfish(Redfish::Unauthorized) => LoginReply::Refused,
        // Both come behind the proof that the password is right.
        Error::Redfish(Redfish::PasswordChangeRequired { .. } | Redfish::Forbidden { .. }) => {
            LoginReply::Accepted
        }
        _ => LoginReply::NoReply,
    }
}
