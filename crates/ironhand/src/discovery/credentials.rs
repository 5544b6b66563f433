//! The credentials that a scan tries.

use std::net::IpAddr;
use std::sync::Mutex;

use ironhand_api::{Manifest, Name, Secret};
use ironhand_connectors::Login;
use ironhand_discovery::{Budget, CredentialSet, Logins};
use ironhand_ipmi_port::{IpmiPort, PortConfig};
use tokio_util::sync::CancellationToken;

use super::args::Access;
use crate::exit::Failure;
use crate::files::{read_manifests, read_secret, resolve_secrets};

/// What to try logins with; `None` where no credentials are given, unless those of the factory are to be tried.
/// `refused` are the refusals of earlier scans, `fallback` the name of the credential that the command line gives.
pub fn logins(
    access: &Access,
    fallback: &Name,
    refused: Vec<(IpAddr, String, u64)>,
    factory: bool,
    stop: &CancellationToken,
) -> Result<Option<Logins>, Failure> {
    let mut sets = Vec::new();
    if let Some(username) = access.user.clone() {
        let password = read_secret(access.password_file.as_deref(), "IRONHAND_PASSWORD")?;
        let password = password.ok_or_else(|| Failure::Usage {
            message: "there is no password".to_owned(),
            hint: Some("name its file with --password-file, or set IRONHAND_PASSWORD".to_owned()),
        })?;
        sets.push(CredentialSet { name: fallback.clone(), login: Login { username, password } });
    }
    if let Some(file) = &access.credentials_from {
        let mut manifests = read_manifests(std::slice::from_ref(file))?;
        resolve_secrets(&mut manifests)?;
        let read = manifests.into_iter().filter_map(|located| match located.manifest {
            Manifest::Credential(credential) => Some(credential),
            _ => None,
        });
        for credential in read {
            let name = credential.metadata.name;
            let Secret::Plain(password) = credential.spec.password else {
                return Err(Failure::Usage {
                    message: format!(
                        "credential `{name}` is sealed, and only the server that sealed it can open it"
                    ),
                    hint: Some("use fromFile or fromEnv".to_owned()),
                });
            };
            let login = Login { username: credential.spec.username, password };
            sets.push(CredentialSet { name, login });
        }
        if sets.is_empty() {
            return Err(Failure::Usage {
                message: format!("{}: there is no Credential in it", file.display()),
                hint: None,
            });
        }
    }
    if sets.is_empty() && !factory {
        return Ok(None);
    }
    let (port, _) = IpmiPort::start(PortConfig::default(), stop.clone())
        .map_err(|error| Failure::Failed(format!("cannot open the sockets for IPMI: {error}")))?;
    Ok(Some(Logins { sets, port, budget: Mutex::new(Budget::new(refused)) }))
}
