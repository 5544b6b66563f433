//! One account of a controller whose password is changed: setting its password, logging in with it.

use std::future::Future;
use std::time::Duration;

use ironhand_ipmi::user::PasswordSize;
use ironhand_model::{LoginReply, SetReply, Which};
use ironhand_store::Rotation;
use secrecy::{ExposeSecret, SecretString};

use super::{ipmi, redfish};
use crate::device::DeviceError;

/// Opens sessions at one controller. Two of them may be open at a time, and neither uses anything of an earlier one.
pub(crate) trait Console: Send {
    /// An open session.
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

    /// A login was refused, which some controllers count.
    fn refused(&mut self, why: &DeviceError);

    /// Lets some time pass.
    fn rest(&mut self, time: Duration) -> impl Future<Output = ()> + Send;
}

/// What is asked in a session.
pub(crate) trait Session: Send {
    /// Where the controller keeps an account.
    type Place: Clone + Send + Sync;

    /// Asks something harmless, which opens the session.
    fn enter(&mut self) -> impl Future<Output = Result<(), DeviceError>> + Send;

    /// The place of the user with exactly this name.
    fn find(&mut self, username: &str) -> impl Future<Output = Result<Self::Place, NoPlace>> + Send;

    /// Sets the password of the user at a place.
    fn write(&mut self, place: &Self::Place, secret: &SecretString) -> impl Future<Output = Written> + Send;

    /// Gives the session back.
    fn end(self) -> impl Future<Output = ()> + Send;
}

/// What a controller said when it was told a password; where that is not yes, why.
pub(crate) enum Written {
    /// It says that it took it.
    Accepted,
    /// It took it, and does not show it.
    Doubted(String),
    /// It keeps only the first 16 bytes.
    Cut,
    /// It says that it did not take it.
    Refused(String),
    /// Nothing came back: it may have taken it.
    NoReply(String),
    /// It was not told.
    NotSent(String),
}

/// Why it is not certain where the controller keeps the account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoPlace {
    /// Every free place has the empty name.
    #[error("the account has no name, so its place in the BMC's user table cannot be told from a free one")]
    Nameless,
    /// The name is not one that the protocol can carry.
    #[error("{0}")]
    Name(String),
    /// No place has exactly this name.
    #[error("the BMC's user table has no user of exactly the name `{0}`")]
    Missing(String),
    /// Which one logs in depends on the controller.
    #[error("the BMC's user table has the name `{name}` in places {places}")]
    Several {
        /// The name.
        name: String,
        /// The places, in words.
        places: String,
    },
    /// The table could not be read.
    #[error("the BMC's user table could not be read: {0}")]
    Unread(String),
}

/// The account, during one change of its password.
pub(crate) struct Account<C: Console> {
    console: C,
    username: String,
    old: SecretString,
    new: SecretString,
    /// Where the controller keeps it, once found.
    place: Option<<C::Session as Session>::Place>,
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
    pub(crate) fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Gives the sessions back: they are scarce.
    pub(crate) async fn end(self) {
        for session in [self.main, self.beside].into_iter().flatten() {
            session.end().await;
        }
    }

    /// Sets the new password, logged in with the old one.
    ///
    /// One of which the controller says that it keeps only the first 16 bytes is taken back at once in the same session, as
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
        match session.write(&place, &new).await {
            Written::Cut => {
                let restored = session.write(&place, &old).await;
                self.reason = Some("the BMC keeps only the first 16 bytes of the password".to_owned());
                match restored {
                    Written::Accepted | Written::Cut => SetReply::Refused,
                    _ => SetReply::NoReply,
                }
            }
            written => {
                let (reply, reason) = written.reply();
                self.reason = reason.or(self.reason.take());
                reply
            }
        }
    }

    /// Sets the old password back: in the session in which the new one was sent, else in that of the last login.
    pub(crate) async fn undo(&mut self) -> SetReply {
        let old = self.old.clone();
        let mut reply = SetReply::NotSent;
        for mut session in [self.main.take(), self.beside.take()].into_iter().flatten() {
            let written = match place(&mut session, &self.username, &mut self.place).await {
                Ok(place) => session.write(&place, &old).await.reply().0,
                Err(error) => {
                    self.reason = Some(error.to_string());
                    SetReply::NotSent
                }
            };
            session.end().await;
            match written {
                SetReply::Accepted => return SetReply::Accepted,
                SetReply::NotSent => {}
                written => reply = written,
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
        if let Some(session) = self.beside.take() {
            session.end().await;
        }
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

impl Written {
    /// The same as the machine is told it, and why it is not yes.
    fn reply(self) -> (SetReply, Option<String>) {
        match self {
            Self::Accepted | Self::Cut => (SetReply::Accepted, None),
            Self::Doubted(reason) => (SetReply::Accepted, Some(reason)),
            Self::Refused(reason) => (SetReply::Refused, Some(reason)),
            Self::NoReply(reason) => (SetReply::NoReply, Some(reason)),
            Self::NotSent(reason) => (SetReply::NotSent, Some(reason)),
        }
    }
}

/// The first 16 bytes of a password, which is of ASCII characters.
fn cut(password: &SecretString) -> SecretString {
    let whole = password.expose_secret();
    SecretString::from(whole.get(..PasswordSize::Sixteen.bytes()).unwrap_or(whole))
}

async fn enter<S: Session>(opened: Result<S, DeviceError>) -> Result<S, DeviceError> {
    let mut session = opened?;
    match session.enter().await {
        Ok(()) => Ok(session),
        Err(error) => {
            session.end().await;
            Err(error)
        }
    }
}

/// The account's place, looked up once.
async fn place<S: Session>(
    session: &mut S,
    username: &str,
    known: &mut Option<S::Place>,
) -> Result<S::Place, NoPlace> {
    if let Some(place) = known {
        return Ok(place.clone());
    }
    let found = session.find(username).await?;
    *known = Some(found.clone());
    Ok(found)
}

/// What a login that did not work says of the password.
fn login_verdict(error: &DeviceError) -> LoginReply {
    match error {
        DeviceError::Ipmi(error) => ipmi::login_verdict(error),
        DeviceError::Connector(error) => redfish::login_verdict(error),
        _ => LoginReply::NoReply,
    }
}
