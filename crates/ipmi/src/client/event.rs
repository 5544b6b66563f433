//! What a client tells its caller.

use crate::client::Error;
use crate::command::Reply;
use crate::fault::IgnoreReason;
use crate::privilege::PrivilegeLevel;
use crate::sol::SolEvent;
use crate::suite::CipherSuite;

/// Names a request, from [`Client::submit`](crate::Client::submit) to [`Event::Done`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub(super) u64);

/// What a client wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send this datagram to the BMC.
    Send(Vec<u8>),
    /// Something happened.
    Event(Event),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A request is finished. Each ticket is answered exactly once.
    Done {
        /// Which request.
        ticket: Ticket,
        /// What the BMC answered, or why it did not.
        result: Result<Reply, Error>,
    },
    /// A session was opened.
    SessionOpened {
        /// The cipher suite that protects it; `None` for a session of IPMI 1.5, which has none.
        suite: Option<CipherSuite>,
        /// The highest privilege level it may rise to: what the requests at hand needed.
        limit: PrivilegeLevel,
    },
    /// The session is no more.
    SessionClosed {
        /// Why.
        reason: CloseReason,
    },
    /// Something happened on the serial console.
    Sol(SolEvent),
    /// A datagram had no effect.
    Ignored {
        /// Why.
        reason: IgnoreReason,
    },
}

/// Why a client's session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// [`Client::close`](crate::Client::close) was called.
    Requested,
    /// It had no work for as long as [`IdlePolicy::Close`](crate::client::IdlePolicy::Close) says.
    Idle,
    /// The BMC no longer answered in it.
    Lost,
    /// A request needs a session of a higher privilege level, which is opened next.
    Privilege,
}
