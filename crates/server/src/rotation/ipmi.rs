//! Changing a password over IPMI: the account's place in the user table, and what the BMC keeps of a password.

use std::future::Future;

use ironhand_ipmi::user::{PasswordKept, PasswordSize, UserId, UserName, UserPassword, list, set_password};
use ironhand_ipmi::{Procedure, ProcedureError, Reply, Request};
use ironhand_ipmi_port::{Bmc, RunError};
use ironhand_model::LoginReply;
use secrecy::SecretString;

use super::account::{NoPlace, Session, Written};
use crate::device::DeviceError;

/// The channel that a BMC is asked over.
const THIS_CHANNEL: u8 = 0x0E;

/// What is asked in a session of IPMI.
pub(crate) trait IpmiSession: Send {
    /// Asks one thing.
    fn request(
        &mut self,
        request: Request,
    ) -> impl Future<Output = Result<Reply, ironhand_ipmi::Error>> + Send;

    /// Runs a procedure to its end.
    fn run<P: Procedure<Output: Send> + Send>(
        &mut self,
        procedure: P,
    ) -> impl Future<Output = Result<P::Output, RunError>> + Send;
}

impl IpmiSession for Bmc {
    async fn request(&mut self, request: Request) -> Result<Reply, ironhand_ipmi::Error> {
        Bmc::request(self, request).await
    }

    async fn run<P: Procedure<Output: Send> + Send>(&mut self, procedure: P) -> Result<P::Output, RunError> {
        Bmc::run(self, procedure).await
    }
}

impl<S: IpmiSession> Session for S {
    type Place = UserId;

    async fn enter(&mut self) -> Result<(), DeviceError> {
        self.request(Request::GetDeviceId).await?;
        Ok(())
    }

    async fn find(&mut self, username: &str) -> Result<UserId, NoPlace> {
        let wanted = UserName::new(username).map_err(|error| NoPlace::Name(error.to_string()))?;
        if wanted.is_empty() {
            return Err(NoPlace::Nameless);
        }
        let users = self.run(list(THIS_CHANNEL)).await.map_err(|error| NoPlace::Unread(error.to_string()))?;
        let ids: Vec<_> = users.users.iter().filter(|user| user.name == wanted).map(|user| user.id).collect();
        match ids.as_slice() {
            [] => Err(NoPlace::Missing(username.to_owned())),
            [id] => Ok(*id),
            _ => Err(NoPlace::Several { name: username.to_owned(), places: places(&ids) }),
        }
    }

    async fn write(&mut self, place: &UserId, secret: &SecretString) -> Written {
        let Ok(password) = UserPassword::new(secret) else {
            return Written::Refused(user_cannot_be_carried());
        };
        // In 16 bytes wherever it fits: those who speak IPMI 1.5 can use it then, too.
        match self.run(set_password(*place, password, PasswordSize::Sixteen)).await {
            Ok(PasswordKept { truncated: false, .. }) => Written::Accepted,
            Ok(PasswordKept { truncated: true, .. }) => Written::Cut,
            Err(error) => verdict(&error),
        }
    }

    async fn end(self) {
        // Dropping it closes it.
    }
}

fn places(ids: &[UserId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

fn user_cannot_be_carried() -> String {
    "IPMI cannot carry the password".to_owned()
}

/// What it says of the password that it was not set without a fault.
fn verdict(error: &RunError) -> Written {
    let reason = error.to_string();
    match error {
        // It was accepted first; a login shows whether the BMC's own test is right.
        RunError::Procedure(ProcedureError::NotKept { .. }) => Written::Doubted(reason),
        RunError::Procedure(ProcedureError::Refused { .. } | ProcedureError::Impossible { .. }) => {
            Written::Refused(reason)
        }
        RunError::Procedure(_) | RunError::Client(_) => Written::NoReply(reason),
    }
}

/// What a login that did not work says of the password.
pub(super) fn login_verdict(error: &ironhand_ipmi::Error) -> LoginReply {
    use ironhand_ipmi::{Error, RakpStatus};
    match error {
        Error::WrongPassword
        | Error::UnknownUser
        | Error::CredentialTooLong { .. }
        | Error::SetupRefused(RakpStatus::INVALID_INTEGRITY_CHECK_VALUE) => LoginReply::Refused,
        // Both come behind the proof that the password is right.
        Error::PrivilegeRefused { .. } | Error::WrongKg | Error::Completion(_) => LoginReply::Accepted,
        _ => LoginReply::NoReply,
    }
}
