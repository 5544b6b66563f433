//! Tries credentials on what was found, without locking anybody out, and asks those that it lets in how it is kept.

mod kept;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ironhand_api::{CertificatePin, MacAddress, Name};
use ironhand_connectors::{
    Device, HttpClient, HttpLimits, Login, MemorySessions, Proof, RedfishConfig, RedfishDevice, Route,
};
use ironhand_ipmi::client::IdlePolicy;
use ironhand_ipmi::user::{self, EnabledStatus, ListedUser};
use ironhand_ipmi::{ClientConfig, Error, PrivilegeLevel, RawCommand, Reply, Request};
use ironhand_ipmi_port::{Bmc, IpmiPort};
use ironhand_redfish::{PartKind, ReadInventory};
use secrecy::ExposeSecret;
use tokio::time::timeout;

use crate::descriptor::{MOST_MACS, text};
use crate::found::{Protocol, Spoken};
use crate::inside::{Inside, NetworkPort};
use crate::{Budget, Found, Maker, factory};

use kept::ReadKept;

/// How long one controller may take to tell what it is when it has let us in. What it has told until then is kept.
const READING: Duration = Duration::from_secs(60);

/// For how long an IPMI session may lie between two commands of one reading.
const KEPT_OPEN: Duration = Duration::from_secs(10);

/// The channel that is asked over (IPMI 2.0 section 6.3).
const THIS_CHANNEL: u8 = 14;

/// A user name and password, under the name that manifests refer to them by.
#[derive(Clone)]
pub struct CredentialSet {
    /// The name.
    pub name: Name,
    /// User name and password.
    pub login: Login,
}

/// What became of an account on a controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tried {
    /// It was let in.
    Accepted,
    /// The password is another.
    Refused,
    /// This way knows no such account, or did not say: another way may.
    Undecided,
}

/// Tries credentials.
pub struct Logins {
    /// In the order in which they are tried.
    pub sets: Vec<CredentialSet>,
    /// The sockets for IPMI.
    pub port: IpmiPort,
    /// What may still be tried.
    pub budget: Mutex<Budget>,
}

impl Logins {
    /// Tries the credentials on a controller until one is accepted, then asks it what it tells to those that it lets in.
    /// Gives the accounts that were refused: they are to be remembered.
    ///
    /// A password goes only to a controller that proves that it holds the certificate which it showed before, or over
    /// IPMI, where it is not sent. `now` is in seconds since 1970.
    pub async fn attempt(&self, found: &mut Found, now: u64) -> Vec<String> {
        let mut refused = Vec::new();
        for set in &self.sets {
            match self.within_budget(found, &set.login, now).await {
                Some(Tried::Accepted) => {
                    found.login = Some(set.name.to_string());
                    break;
                }
                Some(Tried::Refused) => refused.push(set.login.username.clone()),
                Some(Tried::Undecided) | None => {}
            }
        }
        refused
    }

    /// Tries the accounts that a maker's controllers leave the factory with. Tells those that it lets in. An account
    /// whose password is known is not tried with another.
    pub async fn attempt_factory(&self, found: &mut Found, maker: Option<Maker>, now: u64) -> Vec<String> {
        let known = self.accepted(found).cloned();
        let mut accepted: Vec<String> = Vec::new();
        for login in factory::logins(maker) {
            if accepted.contains(&login.username) {
                continue;
            }
            let lets_in = match known.as_ref().filter(|known| known.username == login.username) {
                Some(known) => known.password.expose_secret() == login.password.expose_secret(),
                None => self.within_budget(found, &login, now).await == Some(Tried::Accepted),
            };
            if lets_in {
                accepted.push(login.username);
            }
        }
        accepted
    }

    /// Asks a controller, as the one that it lets in, how it is kept; nothing where it lets none of ours in.
    pub async fn inspect(&self, found: &Found, maker: Option<Maker>) -> Inside {
        let Some(login) = self.accepted(found) else { return Inside::default() };
        let mut inside = match spoken(found, Protocol::Redfish) {
            Some(spoken) => inspect_redfish(found, spoken, login).await,
            None => Inside::default(),
        };
        if let Some(spoken) = spoken(found, Protocol::Ipmi) {
            let peer = SocketAddr::new(found.address, spoken.port);
            inspect_ipmi(&self.port, peer, login, maker, &mut inside).await;
        }
        inside.login.clone_from(&found.login);
        inside.account = Some(login.username.clone());
        inside
    }

    /// What a controller was found to accept.
    fn accepted(&self, found: &Found) -> Option<&Login> {
        let name = found.login.as_deref()?;
        self.sets.iter().find(|set| set.name.as_str() == name).map(|set| &set.login)
    }

    /// Tries a login, where that may still be done.
    async fn within_budget(&self, found: &mut Found, login: &Login, now: u64) -> Option<Tried> {
        let budget = || self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        if !budget().allows(found.address, &login.username, now) {
            return None;
        }
        let tried = try_one(&self.port, found, login).await;
        if tried == Tried::Refused {
            budget().refuse(found.address, &login.username, now);
        }
        Some(tried)
    }
}

fn spoken(found: &Found, protocol: Protocol) -> Option<Spoken> {
    found.speaks.iter().copied().find(|spoken| spoken.protocol == protocol)
}

/// By IPMI first: there a wrong password is seen here, from the controller's own proof, and nothing more is tried with it.
async fn try_one(port: &IpmiPort, found: &mut Found, login: &Login) -> Tried {
    let by_ipmi = match spoken(found, Protocol::Ipmi) {
        Some(spoken) => over_ipmi(port, SocketAddr::new(found.address, spoken.port), login).await,
        None => Tried::Undecided,
    };
    if by_ipmi == Tried::Refused {
        return Tried::Refused;
    }
    match (spoken(found, Protocol::Redfish), by_ipmi) {
        // Redfish tells more of a machine than IPMI does. That it lets nobody in takes nothing back.
        (Some(spoken), Tried::Accepted) => {
            over_redfish(found, spoken, login).await;
            Tried::Accepted
        }
        (Some(spoken), _) => over_redfish(found, spoken, login).await,
        (None, tried) => tried,
    }
}

async fn over_ipmi(port: &IpmiPort, peer: SocketAddr, login: &Login) -> Tried {
    let Some(bmc) = open(port, peer, login, Duration::ZERO).await else { return Tried::Undecided };
    let answer = bmc.request(Request::GetDeviceId).await;
    bmc.close().await;
    match answer {
        Ok(_) | Err(Error::Completion(_) | Error::WrongKg) => Tried::Accepted,
        Err(Error::WrongPassword) => Tried::Refused,
        Err(_) => Tried::Undecided,
    }
}

async fn open(port: &IpmiPort, peer: SocketAddr, login: &Login, idle: Duration) -> Option<Bmc> {
    let mut config = ClientConfig::new(login.username.clone(), login.password.clone());
    config.idle = IdlePolicy::Close(idle);
    port.open(peer, config).await.ok()
}

/// Adds what IPMI tells of users and of the network port, where Redfish did not.
async fn inspect_ipmi(
    port: &IpmiPort,
    peer: SocketAddr,
    login: &Login,
    maker: Option<Maker>,
    inside: &mut Inside,
) {
    let Some(bmc) = open(port, peer, login, KEPT_OPEN).await else { return };
    let reading = async {
        if inside.administrators.is_empty()
            && let Ok(list) = bmc.run(user::list(THIS_CHANNEL)).await
        {
            inside.administrators =
                list.users.iter().filter(|user| is_administrator(user)).map(name_of).collect();
        }
        if maker == Some(Maker::SUPERMICRO) && inside.network_port.is_none() {
            let mode = RawCommand {
                netfn: 0x30,
                lun: 0,
                cmd: 0x70,
                data: vec![0x0C, 0x00],
                privilege: PrivilegeLevel::Administrator,
                repeatable: true,
            };
            if let Ok(Reply::Raw(mode)) = bmc.request(Request::Raw(mode)).await {
                inside.network_port = mode.first().copied().and_then(NetworkPort::of_supermicro);
            }
        }
    };
    // What is not told until then stays untold.
    let _ = timeout(READING, reading).await;
    bmc.close().await;
}

fn is_administrator(user: &ListedUser) -> bool {
    let level = user.access.limit.level();
    user.access.ipmi_messaging
        && level == Some(PrivilegeLevel::Administrator)
        && !matches!(user.enabled, EnabledStatus::Disabled)
}

/// The name of a user; the null user has none.
fn name_of(user: &ListedUser) -> String {
    text(user.name.as_str()).unwrap_or_else(|| format!("(user {} without a name)", user.id))
}

async fn inspect_redfish(found: &Found, spoken: Spoken, login: &Login) -> Inside {
    let Some(mut device) = device(found, spoken, login) else { return Inside::default() };
    let reading = async {
        let place = device.place().await.ok()?;
        device.run(ReadKept { place }).await.ok()
    };
    let inside = timeout(READING, reading).await.ok().flatten().unwrap_or_default();
    Box::new(device).close().await;
    inside
}

/// A controller whose Redfish is spoken to as somebody; `None` where it cannot prove that it is the one that was seen.
fn device(found: &Found, spoken: Spoken, login: &Login) -> Option<RedfishDevice> {
    // Not over plain HTTP: whoever listens would read the password.
    if spoken.plain {
        return None;
    }
    let digest = found.evidence["gathered"]["tls"]["certificate"]["sha256"].as_str()?;
    let Ok(CertificatePin::Sha256(digest)) = format!("sha256:{digest}").try_into() else { return None };
    let route = Route::direct(found.address.to_string(), spoken.port);
    let http = HttpClient::new(route, Proof::Certificate(digest), HttpLimits::default());
    let config = RedfishConfig {
        controller: found.address.to_string(),
        login: login.clone(),
        system: None,
        sessions: Arc::new(MemorySessions::default()),
    };
    Some(RedfishDevice::new(http, config))
}

/// Logs in, and takes down what the controller tells to those that it lets in.
async fn over_redfish(found: &mut Found, spoken: Spoken, login: &Login) -> Tried {
    let Some(mut device) = device(found, spoken, login) else { return Tried::Undecided };
    let tried = match timeout(READING, device.place()).await {
        Ok(Ok(place)) => {
            let identity = &place.identity;
            fill(&mut found.product, identity.product.as_ref());
            fill(&mut found.firmware, identity.firmware.as_ref());
            fill(&mut found.model, identity.model.as_ref());
            if let Ok(Ok(inventory)) = timeout(READING, device.run(ReadInventory { place })).await {
                fill(&mut found.model, inventory.model.as_ref());
                fill(&mut found.serial, inventory.serial.as_ref());
                fill(&mut found.firmware, inventory.controller_firmware.as_ref());
                let nics = inventory.parts.iter().filter(|part| part.kind == PartKind::NetworkInterface);
                let macs = nics.filter_map(|nic| nic.mac.as_ref()?.parse().ok()).take(MOST_MACS);
                let macs: BTreeSet<MacAddress> = macs.collect();
                if found.macs.is_empty() {
                    found.macs = macs.into_iter().collect();
                }
            }
            Tried::Accepted
        }
        Ok(Err(error)) if error.is_refusal() => Tried::Refused,
        _ => Tried::Undecided,
    };
    Box::new(device).close().await;
    tried
}

/// Takes what is told where nothing was known.
fn fill(place: &mut Option<String>, told: Option<&String>) {
    if place.is_none() {
        *place = told.and_then(|told| text(told));
    }
}
