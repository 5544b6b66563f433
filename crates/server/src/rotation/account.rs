//! One account of a BMC whose password is changed: its place in the user table, setting its password, logging in with it.

use std::future::Future;
use std::time::Duration;

use ironhand_ipmi::user::{
    self, PasswordKept, PasswordSize, UserId, UserName, UserPassword, list, set_password,
};
use ironhand_ipmi::{Procedure, ProcedureError, Reply, Request};
use ironhand_ipmi_port::{Bmc, RunError};
use ironhand_model::{LoginReply, SetReply, Which};
use ironhand_store::Rotation;
use secrecy::{ExposeSecret, SecretString};

use crate::device::DeviceError;

/// The channel that a BMC is asked over.
const THIS_CHANNEL: u8 = 0x0E;

/// Opens sessions at one BMC. Two of them may be open at a time, and neither uses anything of an earlier one.
pub(crate) trait Console: Send {
    /// An open session; dropping it closes it.
    type Session: Session;

    /// Makes ready for the session in which the password is changed, in place of an earlier one.
    fn open(
        &mut self,
        username: &str,
        password: &SecretString,
    ) -> impl Future<Output = Result<Self::Session, DeviceError>> + Send;

    /// Makes ready for a session beside that one, in which a password is tried.
    fn try_beside(
        &mut self,
        username: &str,
        password: &SecretString,
    ) -> impl Future<Output = Result<Self::Session, DeviceError>> + Send;

    /// A login was refused, which some BMCs count.
    fn refused(&mut self, why: &DeviceError);

    /// Lets some time pass.
    fn rest(&mut self, time: Duration) -> impl Future<Output = ()> + Send;
}

/// What is asked in a session.
pub(crate) trait Session: Send {
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

impl Session for Bmc {
    async fn request(&mut self, request: Request) -> Result<Reply, ironhand_ipmi::Error> {
        Bmc::request(self, request).await
    }

    async fn run<P: Procedure<Output: Send> + Send>(&mut self, procedure: P) -> Result<P::Output, RunError> {
        Bmc::run(self, procedure).await
    }
}

/// Why the account's place in the BMC's user table is not certain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoPlace {
    /// Every free place has the empty name.
    #[error("the account has no name, so its place in the BMC's user table cannot be told from a free one")]
    Nameless,
    /// The name is not one that IPMI can carry.
    #[error("{0}")]
    Name(#[from] user::NameError),
    /// No place has exactly this name.
    #[error("the BMC's user table has no user of exactly the name `{0}`")]
    Missing(String),
    /// Which one logs in depends on the BMC.
    #[error("the BMC's user table has the name `{name}` in places {}", places(.ids))]
    Several {
        /// The name.
        name: String,
        /// The places.
        ids: Vec<UserId>,
    },
    /// The table could not be read.
    #[error("the BMC's user table could not be read: {0}")]
    Unread(#[from] RunError),
}

fn places(ids: &[UserId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

/// The place of the user with exactly this name, for a session that may read the table.
pub(crate) async fn find(session: &mut impl Session, username: &str) -> Result<UserId, NoPlace> {
    let wanted = UserName::new(username)?;
    if wanted.is_empty() {
        return Err(NoPlace::Nameless);
    }
    let users = session.run(list(THIS_CHANNEL)).await?;
    let ids: Vec<_> = users.users.iter().filter(|user| user.name == wanted).map(|user| user.id).collect();
    match ids.as_slice() {
        [] => Err(NoPlace::Missing(username.to_owned())),
        [id] => Ok(*id),
        _ => Err(NoPlace::Several { name: username.to_owned(), ids }),
    }
}

/// The account, during one change of its password.
pub(crate) struct Account<C: Console> {
    console: C,
    username: String,
    old: SecretString,
    new: SecretString,
    /// Its place in the user table, once found.
    place: Option<UserId>,
    /// The session in which the new password was sent, while it is open.
    main: Option<C::Session>,
    /// The session of the last login, where it worked.
    beside: Option<C::Session>,
    /// Why the last step did not do what was wanted.
    reason: Option<String>,
}

impl<C: Console> Account<C> {
    pub(crate) fn new(console: C, rotation: &Rotation) -> Self {
        Self {
            console,
            username: rotation.username.clone(),
            old: rotation.old.clone(),
            new: rotation.new.clone(),
            place: None,
            main: None,
            beside: None,
            reason: None,
        }
    }

    /// Lets some time pass.
    pub(crate) async fn rest(&mut self, time: Duration) {
        self.console.rest(time).await;
    }

    /// Why a step did not do what was wanted, where one did not.
    pub(crate) fn into_reason(self) -> Option<String> {
        self.reason
    }

    /// Sets the new password, logged in with the old one.
    ///
    /// One of which the BMC says that it keeps only the first 16 bytes is taken back at once in the same session, as
    /// nobody could log in with all of it. That counts as refused.
    pub(crate) async fn set(&mut self) -> SetReply {
        let (old, new) = (self.old.clone(), self.new.clone());
        if self.main.is_none() {
            let opened = self.console.open(&self.username, &old).await;
            match enter(opened).await {
                Ok(session) => self.main = Some(session),
                Err(error) => {
                    self.not_entered(&error);
                    return SetReply::NotSent;
                }
            }
        }
        let Some(session) = &mut self.main else { return SetReply::NotSent };
        let place = match place(session, &self.username, &mut self.place).await {
            Ok(place) => place,
            Err(error) => {
                self.reason = Some(error.to_string());
                return SetReply::NotSent;
            }
        };
        match write(session, place, &new).await {
            Ok(PasswordKept { truncated: false, .. }) => SetReply::Accepted,
            Ok(PasswordKept { truncated: true, .. }) => {
                let restored = write(session, place, &old).await;
                self.reason = Some("the BMC keeps only the first 16 bytes of the password".to_owned());
                if restored.is_ok() { SetReply::Refused } else { SetReply::NoReply }
            }
            Err(error) => {
                self.reason = Some(error.to_string());
                set_verdict(&error)
            }
        }
    }

    /// Sets the old password back: in the session in which the new one was sent, else in that of the last login.
    pub(crate) async fn undo(&mut self) -> SetReply {
        let old = self.old.clone();
        let mut reply = SetReply::NotSent;
        for session in [self.main.take(), self.beside.take()].iter_mut().flatten() {
            let written = match place(session, &self.username, &mut self.place).await {
                Ok(place) => write(session, place, &old).await,
                Err(error) => {
                    self.reason = Some(error.to_string());
                    continue;
                }
            };
            match written {
                Ok(_) => return SetReply::Accepted,
                Err(error) => reply = set_verdict(&error),
            }
        }
        reply
    }

    /// Logs in, in a fresh session.
    pub(crate) async fn login(&mut self, which: Which) -> LoginReply {
        let secret = match which {
            Which::Old => self.old.clone(),
            Which::New => self.new.clone(),
            Which::NewCut => cut(&self.new),
        };
        self.beside = None;
        let opened = self.console.try_beside(&self.username, &secret).await;
        match enter(opened).await {
            Ok(session) => {
                self.beside = Some(session);
                LoginReply::Accepted
            }
            Err(error) => {
                self.not_entered(&error);
                login_verdict(&error)
            }
        }
    }

    fn not_entered(&mut self, error: &DeviceError) {
        if error.is_refusal() {
            self.console.refused(error);
        }
        self.reason = Some(error.to_string());
    }
}

/// The first 16 bytes of a password, which is of ASCII characters.
fn cut(password: &SecretString) -> SecretString {
    let whole = password.expose_secret();
    SecretString::from(whole.get(..PasswordSize::Sixteen.bytes()).unwrap_or(whole))
}

/// Asks something harmless, which opens the session.
async fn enter<S: Session>(opened: Result<S, DeviceError>) -> Result<S, DeviceError> {
    let mut session = opened?;
    session.request(Request::GetDeviceId).await?;
    Ok(session)
}

/// The account's place, looked up once.
async fn place<S: Session>(
    session: &mut S,
    username: &str,
    known: &mut Option<UserId>,
) -> Result<UserId, NoPlace> {
    if let Some(place) = known {
        return Ok(*place);
    }
    let found = find(session, username).await?;
    *known = Some(found);
    Ok(found)
}

async fn write<S: Session>(
    session: &mut S,
    place: UserId,
    secret: &SecretString,
) -> Result<PasswordKept, RunError> {
    let password = UserPassword::new(secret).map_err(|_| ProcedureError::Impossible {
        doing: "set the user's password",
        reason: "IPMI cannot carry the password",
    })?;
    // In 16 bytes wherever it fits: those who speak IPMI 1.5 can use it then, too.
    session.run(set_password(place, password, PasswordSize::Sixteen)).await
}

/// What it says of the password that it was not set without a fault.
fn set_verdict(error: &RunError) -> SetReply {
    match error {
        // It was accepted first; a login shows whether the BMC's own test is right.
        RunError::Procedure(ProcedureError::NotKept { .. }) => SetReply::Accepted,
        RunError::Procedure(ProcedureError::Refused { .. } | ProcedureError::Impossible { .. }) => {
            SetReply::Refused
        }
        RunError::Procedure(_) | RunError::Client(_) => SetReply::NoReply,
    }
}

/// What a login that did not work says of the password.
fn login_verdict(error: &DeviceError) -> LoginReply {
    use ironhand_ipmi::{Error, RakpStatus};
    match error {
        DeviceError::Ipmi(
            Error::WrongPassword
            | Error::UnknownUser
            | Error::CredentialTooLong { .. }
            | Error::SetupRefused(RakpStatus::INVALID_INTEGRITY_CHECK_VALUE),
        ) => LoginReply::Refused,
        // Both come behind the proof that the password is right.
        DeviceError::Ipmi(Error::PrivilegeRefused { .. } | Error::WrongKg | Error::Completion(_)) => {
            LoginReply::Accepted
        }
        _ => LoginReply::NoReply,
    }
}
