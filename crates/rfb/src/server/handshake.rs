//! From the first byte to the size of the screen (RFC 6143 sections 7.1 to 7.3), as the server.

use super::{ServerConfig, ServerError};
use crate::error::Phase;
use crate::framebuffer::Framebuffer;
use crate::inbox::Inbox;
use crate::pixel_format::PixelFormat;
use crate::security::{SecurityType, vnc_authentication};
use crate::version::{self, Greeting, ProtocolVersion};

/// What the viewer told, and what it is to see.
pub(super) struct Start {
    pub(super) shared: bool,
    pub(super) picture: Framebuffer,
}

pub(super) struct Handshake {
    step: Step,
    config: ServerConfig,
    picture: Framebuffer,
    challenge: [u8; vnc_authentication::CHALLENGE_LENGTH],
}

#[derive(Clone, Copy)]
enum Step {
    Version,
    SecurityType(ProtocolVersion),
    Response(ProtocolVersion),
    ClientInit,
}

impl Handshake {
    pub(super) fn new(
        config: ServerConfig,
        picture: Framebuffer,
        challenge: [u8; vnc_authentication::CHALLENGE_LENGTH],
        out: &mut Vec<u8>,
    ) -> Self {
        out.extend_from_slice(config.highest_version.line());
        Self { step: Step::Version, config, picture, challenge }
    }

    pub(super) fn phase(&self) -> Phase {
        match self.step {
            Step::Version => Phase::Version,
            Step::SecurityType(_) => Phase::Security,
            Step::Response(_) => Phase::Authentication,
            Step::ClientInit => Phase::Initialisation,
        }
    }

    pub(super) fn picture(&self) -> &Framebuffer {
        &self.picture
    }

    pub(super) fn set_picture(&mut self, picture: &Framebuffer) {
        self.picture.clone_from(picture);
    }

    /// Goes as far as the bytes reach; the start of the session once all is said.
    pub(super) fn advance(
        &mut self,
        inbox: &mut Inbox,
        out: &mut Vec<u8>,
    ) -> Result<Option<Start>, ServerError> {
        loop {
            self.step = match self.step {
                Step::Version => match version::parse(inbox.pending()) {
                    Greeting::Incomplete => return Ok(None),
                    Greeting::NotRfb => {
                        let start = inbox.pending();
                        let start = start.get(..version::LENGTH).unwrap_or(start).to_vec();
                        return Err(ServerError::NotRfb { start });
                    }
                    Greeting::Version { major, minor } => {
                        inbox.consume(version::LENGTH);
                        self.offer_security(major, minor, out)?
                    }
                },
                Step::SecurityType(version) => {
                    let Some([chosen]) = inbox.take() else { return Ok(None) };
                    let chosen = SecurityType(chosen);
                    if chosen != self.security() {
                        return Err(ServerError::SecurityNotOffered { chosen });
                    }
                    self.begin(version, out)
                }
                Step::Response(version) => {
                    let Some(response) = inbox.take() else { return Ok(None) };
                    self.judge(response, version, out)?
                }
                Step::ClientInit => {
                    let Some([shared]) = inbox.take() else { return Ok(None) };
                    self.write_server_init(out);
                    let nothing = Framebuffer::default();
                    let picture = core::mem::replace(&mut self.picture, nothing);
                    return Ok(Some(Start { shared: shared != 0, picture }));
                }
            };
        }
    }

    fn security(&self) -> SecurityType {
        if self.config.password.is_some() { SecurityType::VNC_AUTHENTICATION } else { SecurityType::NONE }
    }

    fn offer_security(&self, major: u16, minor: u16, out: &mut Vec<u8>) -> Result<Step, ServerError> {
        let spoken = ProtocolVersion::spoken_by(major, minor)
            .ok_or(ServerError::UnsupportedVersion { major, minor })?
            .min(self.config.highest_version);
        let SecurityType(number) = self.security();
        if spoken == ProtocolVersion::V3_3 {
            out.extend_from_slice(&u32::from(number).to_be_bytes());
            return Ok(self.begin(spoken, out));
        }
        out.extend_from_slice(&[1, number]);
        Ok(Step::SecurityType(spoken))
    }

    fn begin(&self, version: ProtocolVersion, out: &mut Vec<u8>) -> Step {
        if self.config.password.is_some() {
            out.extend_from_slice(&self.challenge);
            return Step::Response(version);
        }
        // Only 3.8 has a result where there was nothing to prove.
        if version == ProtocolVersion::V3_8 {
            out.extend_from_slice(&0_u32.to_be_bytes());
        }
        Step::ClientInit
    }

    fn judge(
        &self,
        response: [u8; vnc_authentication::CHALLENGE_LENGTH],
        version: ProtocolVersion,
        out: &mut Vec<u8>,
    ) -> Result<Step, ServerError> {
        let known = |password| vnc_authentication::verify(password, self.challenge, response);
        if self.config.password.as_ref().is_some_and(known) {
            out.extend_from_slice(&0_u32.to_be_bytes());
            return Ok(Step::ClientInit);
        }
        out.extend_from_slice(&1_u32.to_be_bytes());
        if version == ProtocolVersion::V3_8 {
            let reason = b"Authentication failed";
            write_text(reason, out);
        }
        Err(ServerError::AuthFailed)
    }

    fn write_server_init(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.picture.width().to_be_bytes());
        out.extend_from_slice(&self.picture.height().to_be_bytes());
        out.extend_from_slice(&PixelFormat::TRUE_COLOUR_32.to_bytes());
        write_text(self.config.name.as_bytes(), out);
    }
}

fn write_text(text: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend(text.iter().take(usize::try_from(length).unwrap_or(usize::MAX)));
}
