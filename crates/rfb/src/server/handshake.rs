//! From the first byte to the size of the screen (RFC 6143 sections 7.1 to 7.3), as the server.

use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{ServerConfig, ServerError};
use crate::error::{Phase, ProtocolError};
use crate::framebuffer::Framebuffer;
use crate::inbox::Inbox;
use crate::pixel_format::PixelFormat;
use crate::security::vencrypt::{self, Proof, Tunnel, VencryptSubtype};
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
    VencryptVersion(ProtocolVersion),
    VencryptSubtype(ProtocolVersion),
    /// The caller is to encrypt the connection before anything more is read or written.
    StartTls(ProtocolVersion, Proof),
    Response(ProtocolVersion),
    /// The lengths of a name and a password, and both.
    Login(ProtocolVersion),
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
            Step::SecurityType(_)
            | Step::VencryptVersion(_)
            | Step::VencryptSubtype(_)
            | Step::StartTls(..) => Phase::Security,
            Step::Response(_) | Step::Login(_) => Phase::Authentication,
            Step::ClientInit => Phase::Initialisation,
        }
    }

    pub(super) fn picture(&self) -> &Framebuffer {
        &self.picture
    }

    pub(super) fn set_picture(&mut self, picture: &Framebuffer) {
        self.picture.clone_from(picture);
    }

    /// Whether nothing can be done before the connection is encrypted.
    pub(super) fn awaits_tls(&self) -> bool {
        matches!(self.step, Step::StartTls(..))
    }

    /// Goes on within TLS.
    pub(super) fn tls_started(&mut self, out: &mut Vec<u8>) {
        if let Step::StartTls(version, proof) = self.step {
            self.step = self.demand(proof, version, out);
        }
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
                Step::VencryptVersion(version) => {
                    let Some([major, minor]) = inbox.take() else { return Ok(None) };
                    if [major, minor] != vencrypt::VERSION {
                        out.push(1);
                        return Err(ProtocolError::VencryptVersion { major, minor }.into());
                    }
                    out.extend_from_slice(&[0, 1]);
                    out.extend_from_slice(&self.subtype().0.to_be_bytes());
                    Step::VencryptSubtype(version)
                }
                Step::VencryptSubtype(version) => {
                    let Some(chosen) = inbox.take() else { return Ok(None) };
                    let chosen = VencryptSubtype(u32::from_be_bytes(chosen));
                    match chosen.parts().filter(|_| chosen == self.subtype()) {
                        None => return Err(ServerError::SubtypeNotOffered { chosen }),
                        Some((Tunnel::Nothing, proof)) => self.demand(proof, version, out),
                        Some((_, proof)) => {
                            out.push(1);
                            Step::StartTls(version, proof)
                        }
                    }
                }
                // What somebody slipped in before the encryption must not be taken for what comes within it.
                Step::StartTls(..) if !inbox.is_empty() => return Err(ProtocolError::BeforeTls.into()),
                Step::StartTls(..) => return Ok(None),
                Step::Login(version) => {
                    let Some(login) = take_login(inbox)? else { return Ok(None) };
                    let known = self.knows(&login);
                    conclude(known, version, out)?
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
        let ServerConfig { user, password, tls, .. } = &self.config;
        match (password, user) {
            _ if *tls => SecurityType::VENCRYPT,
            (Some(_), Some(_)) => SecurityType::VENCRYPT,
            (Some(_), None) => SecurityType::VNC_AUTHENTICATION,
            (None, _) => SecurityType::NONE,
        }
    }

    /// The only way of VeNCrypt that is offered.
    fn subtype(&self) -> VencryptSubtype {
        let ServerConfig { user, password, tls, .. } = &self.config;
        match (password, user) {
            (Some(_), Some(_)) if *tls => VencryptSubtype::X509_PLAIN,
            (Some(_), Some(_)) => VencryptSubtype::PLAIN,
            (Some(_), None) => VencryptSubtype::X509_VNC,
            (None, _) => VencryptSubtype::X509_NONE,
        }
    }

    fn knows(&self, login: &Login) -> bool {
        let ServerConfig { user: Some(user), password: Some(password), .. } = &self.config else {
            return false;
        };
        // Both are compared, and all of them, so that the time tells nothing.
        let same_user = login.user.ct_eq(user.as_bytes());
        (same_user & login.password.ct_eq(password.expose_secret().as_bytes())).into()
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
        match self.security() {
            SecurityType::VENCRYPT => {
                out.extend_from_slice(&vencrypt::VERSION);
                Step::VencryptVersion(version)
            }
            SecurityType::VNC_AUTHENTICATION => self.demand(Proof::Vnc, version, out),
            _ => self.demand(Proof::None, version, out),
        }
    }

    fn demand(&self, proof: Proof, version: ProtocolVersion, out: &mut Vec<u8>) -> Step {
        match proof {
            Proof::Vnc => {
                out.extend_from_slice(&self.challenge);
                Step::Response(version)
            }
            Proof::Plain => Step::Login(version),
            Proof::None => {
                // Only 3.8 has a result where there was nothing to prove.
                if version == ProtocolVersion::V3_8 {
                    out.extend_from_slice(&0_u32.to_be_bytes());
                }
                Step::ClientInit
            }
        }
    }

    fn judge(
        &self,
        response: [u8; vnc_authentication::CHALLENGE_LENGTH],
        version: ProtocolVersion,
        out: &mut Vec<u8>,
    ) -> Result<Step, ServerError> {
        let known = |password| vnc_authentication::verify(password, self.challenge, response);
        conclude(self.config.password.as_ref().is_some_and(known), version, out)
    }

    fn write_server_init(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.picture.width().to_be_bytes());
        out.extend_from_slice(&self.picture.height().to_be_bytes());
        out.extend_from_slice(&PixelFormat::TRUE_COLOUR_32.to_bytes());
        write_text(self.config.name.as_bytes(), out);
    }
}

/// Lets in or turns away.
fn conclude(known: bool, version: ProtocolVersion, out: &mut Vec<u8>) -> Result<Step, ServerError> {
    if known {
        out.extend_from_slice(&0_u32.to_be_bytes());
        return Ok(Step::ClientInit);
    }
    out.extend_from_slice(&1_u32.to_be_bytes());
    if version == ProtocolVersion::V3_8 {
        write_text(b"Authentication failed", out);
    }
    Err(ServerError::AuthFailed)
}

/// The longest name, and the longest password, that a viewer may log in with.
const MAX_LOGIN: u32 = 1024;

/// What a viewer logs in with.
struct Login {
    user: Vec<u8>,
    password: Zeroizing<Vec<u8>>,
}

/// A name and a password, once both are there.
fn take_login(inbox: &mut Inbox) -> Result<Option<Login>, ProtocolError> {
    let Some(&[u3, u2, u1, u0, p3, p2, p1, p0]) = inbox.pending().first_chunk() else { return Ok(None) };
    let lengths = [[u3, u2, u1, u0], [p3, p2, p1, p0]].map(u32::from_be_bytes);
    if let Some(length) = lengths.into_iter().find(|length| *length > MAX_LOGIN) {
        return Err(ProtocolError::TextLength { length });
    }
    let [user, password] = lengths.map(|length| length as usize);
    let Some(texts) = inbox.pending().get(8..8 + user + password) else { return Ok(None) };
    let (user, password) = texts.split_at(user);
    let login = Login { user: user.to_vec(), password: Zeroizing::new(password.to_vec()) };
    inbox.consume(8 + login.user.len() + login.password.len());
    Ok(Some(login))
}

fn write_text(text: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend(text.iter().take(usize::try_from(length).unwrap_or(usize::MAX)));
}
