//! From the first byte to the name of the console, as the viewer.

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::ClientConfig;
use crate::aten::{BANNER, CREDENTIAL_BYTES, OPAQUE, SECURITY};
use crate::error::{self, Error, Phase, ProtocolError};
use crate::inbox::Inbox;

/// The longest name or reason that is waited for, in bytes; what announces more is not a text.
const MAX_TEXT: usize = 4096;

/// Bytes that follow the name: eight unknown, and whether video, keyboard, taking over and virtual USB are on.
const AFTER_NAME: usize = 12;

/// What the controller told before the first picture.
pub(super) struct Start {
    pub(super) name: String,
    /// The size that it names, which is not that of the screen.
    pub(super) size: (u16, u16),
}

pub(super) struct Handshake {
    step: Step,
    credentials: Zeroizing<Vec<u8>>,
}

#[derive(Clone, Copy)]
enum Step {
    Banner,
    SecurityTypes,
    /// The reason for a refusal before the login is next.
    Reason,
    Opaque,
    Result,
    ServerInit,
    Name {
        length: usize,
        size: (u16, u16),
    },
}

impl Handshake {
    /// # Errors
    ///
    /// [`Error::CredentialTooLong`].
    pub(super) fn new(config: &ClientConfig) -> Result<Self, Error> {
        let mut credentials = Zeroizing::new(Vec::with_capacity(2 * CREDENTIAL_BYTES));
        for (what, secret) in [("name", &config.user), ("password", &config.password)] {
            push_field(what, secret, &mut credentials)?;
        }
        Ok(Self { step: Step::Banner, credentials })
    }

    pub(super) fn phase(&self) -> Phase {
        match self.step {
            Step::Banner => Phase::Version,
            Step::SecurityTypes | Step::Reason => Phase::Security,
            Step::Opaque | Step::Result => Phase::Authentication,
            Step::ServerInit | Step::Name { .. } => Phase::Initialisation,
        }
    }

    /// The refusal whose reason is still to come.
    pub(super) fn refusal(&self) -> Option<Error> {
        match self.step {
            Step::Reason => Some(Error::Refused { reason: String::new() }),
            // A controller that does not know the token closes the connection without a word.
            Step::Result => Some(Error::AuthFailed { reason: String::new() }),
            _ => None,
        }
    }

    /// Goes as far as the bytes reach; the start of the session once all is said.
    pub(super) fn advance(&mut self, inbox: &mut Inbox, out: &mut Vec<u8>) -> Result<Option<Start>, Error> {
        loop {
            let next = match self.step {
                Step::Banner => take_banner(inbox, out)?,
                Step::SecurityTypes => take_security_types(inbox, out)?,
                Step::Reason => match take_text(inbox)? {
                    Some(reason) => return Err(Error::Refused { reason }),
                    None => None,
                },
                Step::Opaque => inbox.take::<OPAQUE>().map(|_| {
                    out.extend_from_slice(&self.credentials);
                    // At once: some controllers wait a tenth of a second for it and then give up.
                    out.push(1);
                    Step::Result
                }),
                Step::Result => take_result(inbox)?,
                Step::ServerInit => take_server_init(inbox)?,
                Step::Name { length, size } => {
                    let Some(text) = inbox.take_many(length + AFTER_NAME) else { return Ok(None) };
                    let name = error::line(text.get(..length).unwrap_or_default());
                    return Ok(Some(Start { name, size }));
                }
            };
            match next {
                Some(step) => self.step = step,
                None => return Ok(None),
            }
        }
    }
}

fn push_field(what: &'static str, secret: &SecretString, out: &mut Vec<u8>) -> Result<(), Error> {
    let secret = secret.expose_secret().as_bytes();
    if secret.len() > CREDENTIAL_BYTES {
        return Err(Error::CredentialTooLong { what, limit: CREDENTIAL_BYTES });
    }
    let end = out.len() + CREDENTIAL_BYTES;
    out.extend_from_slice(secret);
    out.resize(end, 0);
    Ok(())
}

fn take_banner(inbox: &mut Inbox, out: &mut Vec<u8>) -> Result<Option<Step>, Error> {
    let pending = inbox.pending();
    let expected = b"RFB ";
    if !pending.iter().zip(expected).all(|(found, expected)| found == expected) {
        return Err(Error::NotThisConsole { start: pending.get(..BANNER).unwrap_or(pending).to_vec() });
    }
    let Some(banner) = inbox.take::<BANNER>() else { return Ok(None) };
    out.extend_from_slice(&banner);
    Ok(Some(Step::SecurityTypes))
}

fn take_security_types(inbox: &mut Inbox, out: &mut Vec<u8>) -> Result<Option<Step>, Error> {
    let Some([count]) = inbox.peek() else { return Ok(None) };
    let Some(listed) = inbox.take_many(1 + usize::from(count)) else { return Ok(None) };
    let offered = listed.get(1..).unwrap_or_default();
    if offered.is_empty() {
        return Ok(Some(Step::Reason));
    }
    if !offered.contains(&SECURITY) {
        return Err(Error::UnsupportedSecurity { offered: offered.to_vec() });
    }
    out.push(SECURITY);
    Ok(Some(Step::Opaque))
}

/// A length of four bytes and as much text.
fn take_text(inbox: &mut Inbox) -> Result<Option<String>, Error> {
    let Some(length) = inbox.peek() else { return Ok(None) };
    let length = checked_length(length)?;
    Ok(inbox.take_many(4 + length).map(|text| error::line(text.get(4..).unwrap_or_default())))
}

fn checked_length(length: [u8; 4]) -> Result<usize, ProtocolError> {
    let announced = u32::from_be_bytes(length);
    let length = announced as usize;
    if length > MAX_TEXT {
        return Err(ProtocolError::Length { what: "text", announced: announced.into() });
    }
    Ok(length)
}

fn take_result(inbox: &mut Inbox) -> Result<Option<Step>, Error> {
    let Some(result) = inbox.take() else { return Ok(None) };
    match u32::from_be_bytes(result) {
        0 => Ok(Some(Step::ServerInit)),
        // Not all send a reason as RFB 3.8 has it, so that none is waited for.
        1 | 2 => Err(Error::AuthFailed { reason: String::new() }),
        number => Err(ProtocolError::Result { number }.into()),
    }
}

fn take_server_init(inbox: &mut Inbox) -> Result<Option<Step>, Error> {
    let Some([w1, w0, h1, h0, rest @ ..]) = inbox.take::<24>() else { return Ok(None) };
    let [.., l3, l2, l1, l0] = rest;
    let length = checked_length([l3, l2, l1, l0])?;
    Ok(Some(Step::Name { length, size: (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0])) }))
}
