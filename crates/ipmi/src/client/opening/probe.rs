//! Get Channel Authentication Capabilities, asked beside an Open Session Request that got no answer: it tells a BMC
//! that does not like the request from one that is not there.

use std::time::Instant;

use crate::client::error::Error;
use crate::client::link::Link;
use crate::command::{Command, GetChannelAuthenticationCapabilities};
use crate::completion::CompletionCode;
use crate::fault::{Fault, IgnoreReason};
use crate::message::Message;
use crate::packet;
use crate::privilege::PrivilegeLevel;

/// Sequence number of the probe's inner message; nothing else outside a session has one.
const PROBE_SEQUENCE: u8 = 0x3F;

/// The question and what is known of its answer.
#[derive(Debug, Default)]
pub(super) struct Probe {
    /// When it was sent, if only once.
    sent_at: Option<Instant>,
    sent: bool,
    answered: bool,
    /// The BMC refused the IPMI 2.0 form of the question.
    plain: bool,
}

impl Probe {
    /// Whether something that speaks IPMI is there.
    pub(super) fn is_answered(&self) -> bool {
        self.answered
    }

    pub(super) fn send(&mut self, link: &mut Link, now: Instant, privilege: PrivilegeLevel) {
        self.sent_at = (!self.sent).then_some(now);
        self.sent = true;
        let command = GetChannelAuthenticationCapabilities { extended: !self.plain, privilege };
        let mut data = Vec::new();
        command.encode(&mut data);
        let (netfn, cmd) =
            (GetChannelAuthenticationCapabilities::NETFN, GetChannelAuthenticationCapabilities::CMD);
        let message = Message::request(netfn, 0, cmd, PROBE_SEQUENCE, &data);
        link.send(packet::encode_sessionless(&message.encode()));
    }

    /// Takes an answer; the error is one that ends the set-up.
    pub(super) fn receive(
        &mut self,
        link: &mut Link,
        now: Instant,
        privilege: PrivilegeLevel,
        payload: &[u8],
    ) -> Result<Result<(), Error>, IgnoreReason> {
        let message = Message::decode(payload)?;
        if !message.is_reply() {
            return Err(Fault::Reflected.into());
        }
        let expected = message.netfn == GetChannelAuthenticationCapabilities::NETFN | 1
            && message.command == GetChannelAuthenticationCapabilities::CMD
            && message.sequence == PROBE_SEQUENCE;
        if !expected || !self.sent || self.answered {
            return Err(IgnoreReason::Unexpected);
        }
        let (&code, data) = message.data.split_first().ok_or(Fault::Truncated("completion code"))?;
        if CompletionCode(code) == CompletionCode::INVALID_FIELD && !self.plain {
            self.plain = true;
            self.send(link, now, privilege);
            return Ok(Ok(()));
        }
        self.answered = true;
        if let Some(sent_at) = self.sent_at {
            link.timing.answered(now.saturating_duration_since(sent_at));
        }
        if !CompletionCode(code).is_ok() {
            return Ok(Ok(()));
        }
        let capabilities = GetChannelAuthenticationCapabilities::decode(data)?;
        // Only an answer in the 2.0 form that denies 2.0 is believed.
        Ok(match capabilities.extended && !capabilities.rmcp_plus {
            true => Err(Error::NoRmcpPlus),
            false => Ok(()),
        })
    }
}
