//! From the first byte to the size of the screen (RFC 6143 sections 7.1 to 7.3), as the client.

mod vencrypt;

use crate::client::{ClientConfig, Protection};
use crate::error::{Error, Phase, ProtocolError};
use crate::inbox::Inbox;
use crate::packed::Packed;
use crate::security::vencrypt::Proof;
use crate::security::{SecurityType, vnc_authentication};
use crate::text::{self, Text};
use crate::version::{self, Greeting, ProtocolVersion};

/// The longest name or reason that is waited for, in bytes; what announces more is not a text.
const MAX_ANNOUNCED_TEXT: u32 = 1024 * 1024;

/// What the server told before the first update.
pub(super) struct Start {
    pub(super) name: String,
    pub(super) screen: Packed,
}

pub(super) struct Handshake {
    step: Step,
}

enum Step {
    Version,
    SecurityTypes(ProtocolVersion),
    /// The length of the reason for a refusal is next.
    ReasonLength(Refusal),
    Reason(Refusal, Text),
    VencryptVersion(ProtocolVersion),
    VencryptAccepted(ProtocolVersion),
    VencryptSubtypes(ProtocolVersion),
    TlsAccepted(ProtocolVersion, Proof),
    /// The caller is to encrypt the connection before anything more is read or written.
    StartTls(ProtocolVersion, Proof),
    Challenge(ProtocolVersion),
    SecurityResult(ProtocolVersion),
    ServerInit,
    Name {
        screen: Packed,
        name: Text,
    },
}

#[derive(Clone, Copy)]
enum Refusal {
    Connection,
    Password,
    TooManyAttempts,
}

impl Refusal {
    fn error(self, reason: String) -> Error {
        // Servers that speak 3.8 say in words what older ones say by a result of two, or refuse before asking.
        let too_many = reason.to_ascii_lowercase().contains("too many");
        match self {
            Self::TooManyAttempts => Error::TooManyAttempts { reason },
            _ if too_many => Error::TooManyAttempts { reason },
            Self::Connection => Error::Refused { reason },
            Self::Password => Error::AuthFailed { reason },
        }
    }
}

/// Whether a step could be taken.
enum Taken {
    Yes(Step),
    Finished(Start),
    /// More bytes must arrive; the step is as it was.
    No(Step),
}

impl Handshake {
    pub(super) fn new() -> Self {
        Self { step: Step::Version }
    }

    pub(super) fn phase(&self) -> Phase {
        match self.step {
            Step::Version => Phase::Version,
            Step::SecurityTypes(_)
            | Step::VencryptVersion(_)
            | Step::VencryptAccepted(_)
            | Step::VencryptSubtypes(_)
            | Step::TlsAccepted(..)
            | Step::StartTls(..) => Phase::Security,
            Step::ReasonLength(Refusal::Connection) | Step::Reason(Refusal::Connection, _) => Phase::Security,
            Step::ReasonLength(_) | Step::Reason(..) | Step::Challenge(_) | Step::SecurityResult(_) => {
                Phase::Authentication
            }
            Step::ServerInit | Step::Name { .. } => Phase::Initialisation,
        }
    }

    /// The refusal whose reason is still to come.
    pub(super) fn refusal(&self) -> Option<Error> {
        match self.step {
            Step::ReasonLength(refusal) | Step::Reason(refusal, _) => Some(refusal.error(String::new())),
            _ => None,
        }
    }

    /// Whether nothing can be done before the connection is encrypted.
    pub(super) fn awaits_tls(&self) -> bool {
        matches!(self.step, Step::StartTls(..))
    }

    /// Goes on within TLS.
    pub(super) fn tls_started(&mut self, config: &ClientConfig, out: &mut Vec<u8>) -> Result<(), Error> {
        if let Step::StartTls(version, proof) = self.step
            && let Taken::Yes(next) = prove(proof, version, config, out)?
        {
            self.step = next;
        }
        Ok(())
    }

    /// Goes as far as the bytes reach; the start of the session once all is said.
    pub(super) fn advance(
        &mut self,
        inbox: &mut Inbox,
        config: &ClientConfig,
        out: &mut Vec<u8>,
    ) -> Result<Option<Start>, Error> {
        loop {
            let step = core::mem::replace(&mut self.step, Step::Version);
            match step.take(inbox, config, out)? {
                Taken::Yes(next) => self.step = next,
                Taken::Finished(start) => return Ok(Some(start)),
                Taken::No(same) => {
                    self.step = same;
                    return Ok(None);
                }
            }
        }
    }
}

impl Step {
    fn take(self, inbox: &mut Inbox, config: &ClientConfig, out: &mut Vec<u8>) -> Result<Taken, Error> {
        match self {
            Self::Version => take_version(inbox, config, out),
            Self::SecurityTypes(ProtocolVersion::V3_3) => take_dictated_security_type(inbox, config, out),
            Self::SecurityTypes(version) => take_security_types(inbox, version, config, out),
            Self::ReasonLength(refusal) => Ok(match inbox.take() {
                Some(length) => Taken::Yes(Self::Reason(refusal, announced_text(length)?)),
                None => Taken::No(self),
            }),
            Self::Reason(refusal, mut reason) => match reason.receive(inbox) {
                Some(bytes) => Err(refusal.error(text::line(&bytes))),
                None => Ok(Taken::No(Self::Reason(refusal, reason))),
            },
            Self::VencryptVersion(version) => vencrypt::take_version(inbox, version, out),
            Self::VencryptAccepted(version) => vencrypt::take_acceptance(inbox, version),
            Self::VencryptSubtypes(version) => vencrypt::take_subtypes(inbox, version, config, out),
            Self::TlsAccepted(version, proof) => vencrypt::take_tls_acceptance(inbox, version, proof),
            // What somebody slipped in before the encryption must not be taken for what comes within it.
            Self::StartTls(..) if !inbox.is_empty() => Err(ProtocolError::BeforeTls.into()),
            Self::StartTls(..) => Ok(Taken::No(self)),
            Self::Challenge(version) => {
                let Some(challenge) = inbox.take() else { return Ok(Taken::No(self)) };
                let password = config.password.as_ref().ok_or(Error::PasswordRequired)?;
                out.extend_from_slice(&vnc_authentication::response(password, challenge));
                Ok(Taken::Yes(Self::SecurityResult(version)))
            }
            Self::SecurityResult(version) => take_security_result(inbox, version, config, out),
            Self::ServerInit => take_server_init(inbox),
            Self::Name { screen, mut name } => Ok(match name.receive(inbox) {
                Some(bytes) => Taken::Finished(Start { name: text::line(&bytes), screen }),
                None => Taken::No(Self::Name { screen, name }),
            }),
        }
    }
}

fn announced_text(length: [u8; 4]) -> Result<Text, ProtocolError> {
    let length = u32::from_be_bytes(length);
    if length > MAX_ANNOUNCED_TEXT {
        return Err(ProtocolError::TextLength { length });
    }
    Ok(Text::new(length))
}

fn take_version(inbox: &mut Inbox, config: &ClientConfig, out: &mut Vec<u8>) -> Result<Taken, Error> {
    match version::parse(inbox.pending()) {
        Greeting::Incomplete => Ok(Taken::No(Step::Version)),
        Greeting::NotRfb => {
            let start = inbox.pending();
            Err(Error::NotRfb { start: start.get(..version::LENGTH).unwrap_or(start).to_vec() })
        }
        Greeting::Version { major, minor } => {
            inbox.consume(version::LENGTH);
            let spoken =
                ProtocolVersion::spoken_by(major, minor).ok_or(Error::UnsupportedVersion { major, minor })?;
            let version = spoken.min(config.highest_version);
            out.extend_from_slice(version.line());
            Ok(Taken::Yes(Step::SecurityTypes(version)))
        }
    }
}

/// Version 3.3: the server says which type it is to be (section 7.1.2 and appendix A).
fn take_dictated_security_type(
    inbox: &mut Inbox,
    config: &ClientConfig,
    out: &mut Vec<u8>,
) -> Result<Taken, Error> {
    let version = ProtocolVersion::V3_3;
    let Some([high, middle, low, number]) = inbox.take() else {
        return Ok(Taken::No(Step::SecurityTypes(version)));
    };
    let number = if (high, middle, low) == (0, 0, 0) { number } else { u8::MAX };
    match SecurityType(number) {
        SecurityType::INVALID => Ok(Taken::Yes(Step::ReasonLength(Refusal::Connection))),
        chosen => begin(chosen_among(&[chosen], config)?, version, config, out),
    }
}

fn take_security_types(
    inbox: &mut Inbox,
    version: ProtocolVersion,
    config: &ClientConfig,
    out: &mut Vec<u8>,
) -> Result<Taken, Error> {
    let again = Ok(Taken::No(Step::SecurityTypes(version)));
    let Some((&count, types)) = inbox.pending().split_first() else { return again };
    let count = usize::from(count);
    let Some(types) = types.get(..count) else { return again };
    let offered: Vec<SecurityType> = types.iter().copied().map(SecurityType).collect();
    inbox.consume(1 + count);
    if offered.is_empty() {
        return Ok(Taken::Yes(Step::ReasonLength(Refusal::Connection)));
    }
    let chosen = chosen_among(&offered, config)?;
    out.push(chosen.0);
    begin(chosen, version, config, out)
}

/// Whoever set a password wants it asked for; otherwise a server that also lets anyone in is entered so. Whoever wants
/// TLS does without nothing, whatever is offered.
fn chosen_among(offered: &[SecurityType], config: &ClientConfig) -> Result<SecurityType, Error> {
    let offers = |wanted| offered.contains(&wanted);
    if config.protection == Protection::Vencrypt {
        return if offers(SecurityType::VENCRYPT) {
            Ok(SecurityType::VENCRYPT)
        } else {
            Err(Error::TlsUnavailable { offered: offered.to_vec() })
        };
    }
    let by_password = offers(SecurityType::VNC_AUTHENTICATION);
    if by_password && config.password.is_some() {
        Ok(SecurityType::VNC_AUTHENTICATION)
    } else if offers(SecurityType::NONE) {
        Ok(SecurityType::NONE)
    } else if offers(SecurityType::VENCRYPT) {
        Ok(SecurityType::VENCRYPT)
    } else if by_password {
        Err(Error::PasswordRequired)
    } else {
        Err(Error::UnsupportedSecurity { offered: offered.to_vec() })
    }
}

fn begin(
    chosen: SecurityType,
    version: ProtocolVersion,
    config: &ClientConfig,
    out: &mut Vec<u8>,
) -> Result<Taken, Error> {
    match chosen {
        SecurityType::VENCRYPT => Ok(Taken::Yes(Step::VencryptVersion(version))),
        SecurityType::VNC_AUTHENTICATION => prove(Proof::Vnc, version, config, out),
        _ => prove(Proof::None, version, config, out),
    }
}

fn prove(
    proof: Proof,
    version: ProtocolVersion,
    config: &ClientConfig,
    out: &mut Vec<u8>,
) -> Result<Taken, Error> {
    Ok(Taken::Yes(match proof {
        Proof::Vnc => Step::Challenge(version),
        Proof::Plain => {
            vencrypt::write_plain(config, out)?;
            Step::SecurityResult(version)
        }
        // Only 3.8 has a result where there was nothing to prove.
        Proof::None if version == ProtocolVersion::V3_8 => Step::SecurityResult(version),
        Proof::None => client_init(config, out),
    }))
}

fn take_security_result(
    inbox: &mut Inbox,
    version: ProtocolVersion,
    config: &ClientConfig,
    out: &mut Vec<u8>,
) -> Result<Taken, Error> {
    let Some(result) = inbox.take() else { return Ok(Taken::No(Step::SecurityResult(version))) };
    let refusal = match u32::from_be_bytes(result) {
        0 => return Ok(Taken::Yes(client_init(config, out))),
        1 => Refusal::Password,
        2 => Refusal::TooManyAttempts,
        number => return Err(ProtocolError::SecurityResult { number }.into()),
    };
    if version == ProtocolVersion::V3_8 {
        Ok(Taken::Yes(Step::ReasonLength(refusal)))
    } else {
        Err(refusal.error(String::new()))
    }
}

fn client_init(config: &ClientConfig, out: &mut Vec<u8>) -> Step {
    out.push(u8::from(config.shared));
    Step::ServerInit
}

/// The server's own pixel format is passed over: ours is set before the first pixel is asked for.
fn take_server_init(inbox: &mut Inbox) -> Result<Taken, Error> {
    let Some([w1, w0, h1, h0, rest @ ..]) = inbox.take::<24>() else {
        return Ok(Taken::No(Step::ServerInit));
    };
    let screen =
        Packed::black(u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0])).map_err(Error::TooLarge)?;
    let [.., l3, l2, l1, l0] = rest;
    Ok(Taken::Yes(Step::Name { screen, name: announced_text([l3, l2, l1, l0])? }))
}
