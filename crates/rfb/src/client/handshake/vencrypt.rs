//! VeNCrypt, as the client.

use secrecy::ExposeSecret;

use super::{Refusal, Step, Taken, prove};
use crate::client::{ClientConfig, Protection};
use crate::error::{Error, ProtocolError};
use crate::inbox::Inbox;
use crate::security::vencrypt::{Proof, Tunnel, VERSION, VencryptSubtype};
use crate::version::ProtocolVersion;

/// The server names its version of VeNCrypt; what is above ours speaks ours, too.
pub(super) fn take_version(
    inbox: &mut Inbox,
    version: ProtocolVersion,
    out: &mut Vec<u8>,
) -> Result<Taken, Error> {
    let Some([major, minor]) = inbox.take() else { return Ok(Taken::No(Step::VencryptVersion(version))) };
    if [major, minor] < VERSION {
        return Err(ProtocolError::VencryptVersion { major, minor }.into());
    }
    out.extend_from_slice(&VERSION);
    Ok(Taken::Yes(Step::VencryptAccepted(version)))
}

/// Zero if the server takes our version.
pub(super) fn take_acceptance(inbox: &mut Inbox, version: ProtocolVersion) -> Result<Taken, Error> {
    match inbox.take() {
        None => Ok(Taken::No(Step::VencryptAccepted(version))),
        Some([0]) => Ok(Taken::Yes(Step::VencryptSubtypes(version))),
        Some(_) => Err(Refusal::Connection.error(String::new())),
    }
}

pub(super) fn take_subtypes(
    inbox: &mut Inbox,
    version: ProtocolVersion,
    config: &ClientConfig,
    out: &mut Vec<u8>,
) -> Result<Taken, Error> {
    let again = Ok(Taken::No(Step::VencryptSubtypes(version)));
    let Some((&count, numbers)) = inbox.pending().split_first() else { return again };
    let length = 4 * usize::from(count);
    let Some(numbers) = numbers.get(..length) else { return again };
    let offered: Vec<VencryptSubtype> = numbers
        .as_chunks::<4>()
        .0
        .iter()
        .map(|number| VencryptSubtype(u32::from_be_bytes(*number)))
        .collect();
    inbox.consume(1 + length);
    let (chosen, tunnel, proof) = chosen_among(&offered, config)?;
    out.extend_from_slice(&chosen.0.to_be_bytes());
    match tunnel {
        Tunnel::Nothing => prove(proof, version, config, out),
        Tunnel::AnonymousTls | Tunnel::X509 => Ok(Taken::Yes(Step::TlsAccepted(version, proof))),
    }
}

/// One if the server goes on to TLS.
pub(super) fn take_tls_acceptance(
    inbox: &mut Inbox,
    version: ProtocolVersion,
    proof: Proof,
) -> Result<Taken, Error> {
    match inbox.take() {
        None => Ok(Taken::No(Step::TlsAccepted(version, proof))),
        Some([1]) => Ok(Taken::Yes(Step::StartTls(version, proof))),
        Some(_) => Err(Refusal::Connection.error(String::new())),
    }
}

/// The first of those that tell most about who we are and that we can prove.
fn chosen_among(
    offered: &[VencryptSubtype],
    config: &ClientConfig,
) -> Result<(VencryptSubtype, Tunnel, Proof), Error> {
    let parts: Vec<_> =
        offered.iter().filter_map(|&subtype| subtype.parts().map(|(t, p)| (subtype, t, p))).collect();
    let wanted = match config.protection {
        Protection::Nothing => return Err(Error::TlsRequired { offered: offered.to_vec() }),
        Protection::Vencrypt => Tunnel::X509,
        Protection::Around => Tunnel::Nothing,
    };
    let find = |wanted: Tunnel, proof: Proof| {
        parts.iter().copied().find(|&(_, tunnel, found)| (tunnel, found) == (wanted, proof))
    };
    let (user, password) = (config.user.is_some(), config.password.is_some());
    let by_name = find(wanted, Proof::Plain);
    let by_password = find(wanted, Proof::Vnc);
    let usable = by_name
        .filter(|_| user && password)
        .or(by_password.filter(|_| password))
        .or_else(|| find(wanted, Proof::None));
    if let Some(usable) = usable {
        return Ok(usable);
    }
    if by_name.is_some() && !user && (password || by_password.is_none()) {
        return Err(Error::UserRequired);
    }
    if by_name.is_some() || by_password.is_some() {
        return Err(Error::PasswordRequired);
    }
    let is_anonymous = parts.iter().any(|&(_, tunnel, _)| tunnel == Tunnel::AnonymousTls);
    let offered = offered.to_vec();
    Err(if is_anonymous && wanted == Tunnel::X509 {
        Error::AnonymousTls { offered }
    } else {
        Error::UnsupportedVencrypt { offered }
    })
}

/// The name and the password, each behind its length.
pub(super) fn write_plain(config: &ClientConfig, out: &mut Vec<u8>) -> Result<(), Error> {
    let user = config.user.as_deref().ok_or(Error::UserRequired)?;
    let password = config.password.as_ref().ok_or(Error::PasswordRequired)?.expose_secret();
    for text in [user, password] {
        out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
    }
    out.extend_from_slice(user.as_bytes());
    out.extend_from_slice(password.as_bytes());
    Ok(())
}
