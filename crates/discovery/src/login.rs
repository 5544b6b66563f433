//! Tries credentials on what was found, without locking anybody out.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ironhand_api::{CertificatePin, MacAddress, Name};
use ironhand_connectors::{
    Device, HttpClient, HttpLimits, Login, MemorySessions, Proof, RedfishConfig, RedfishDevice, Route,
};
use ironhand_ipmi::client::IdlePolicy;
use ironhand_ipmi::{ClientConfig, Error, Request};
use ironhand_ipmi_port::IpmiPort;
use ironhand_redfish::{PartKind, ReadInventory};
use tokio::time::timeout;

use crate::descriptor::{LONGEST_TEXT, MOST_MACS};
use crate::found::{Protocol, Spoken};
use crate::{Budget, Found};

/// How long one controller may take to tell what it is when it has let us in. What it has told until then is kept.
const READING: Duration = Duration::from_secs(60);

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
            let account = &set.login.username;
            let budget = || self.budget.lock().unwrap_or_else(PoisonError::into_inner);
            if !budget().allows(found.address, account, now) {
                continue;
            }
            match try_one(&self.port, found, set).await {
                Tried::Accepted => {
                    found.login = Some(set.name.to_string());
                    break;
                }
                Tried::Refused => {
                    budget().refuse(found.address, account, now);
                    refused.push(account.clone());
                }
                Tried::Undecided => {}
            }
        }
        refused
    }
}

/// By IPMI first: there a wrong password is seen here, from the controller's own proof, and nothing more is tried with it.
async fn try_one(port: &IpmiPort, found: &mut Found, set: &CredentialSet) -> Tried {
    let spoken =
        |found: &Found, protocol| found.speaks.iter().copied().find(|spoken| spoken.protocol == protocol);
    let by_ipmi = match spoken(found, Protocol::Ipmi) {
        Some(spoken) => over_ipmi(port, SocketAddr::new(found.address, spoken.port), &set.login).await,
        None => Tried::Undecided,
    };
    if by_ipmi == Tried::Refused {
        return Tried::Refused;
    }
    match (spoken(found, Protocol::Redfish), by_ipmi) {
        // Redfish tells more of a machine than IPMI does. That it lets nobody in takes nothing back.
        (Some(spoken), Tried::Accepted) => {
            over_redfish(found, spoken, &set.login).await;
            Tried::Accepted
        }
        (Some(spoken), _) => over_redfish(found, spoken, &set.login).await,
        (None, tried) => tried,
    }
}

async fn over_ipmi(port: &IpmiPort, peer: SocketAddr, login: &Login) -> Tried {
    let mut config = ClientConfig::new(login.username.clone(), login.password.clone());
    config.idle = IdlePolicy::Close(Duration::ZERO);
    let Ok(bmc) = port.open(peer, config).await else { return Tried::Undecided };
    let answer = bmc.request(Request::GetDeviceId).await;
    bmc.close().await;
    match answer {
        Ok(_) | Err(Error::Completion(_) | Error::WrongKg) => Tried::Accepted,
        Err(Error::WrongPassword) => Tried::Refused,
        Err(_) => Tried::Undecided,
    }
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
        *place = told.map(|text| text.chars().take(LONGEST_TEXT).collect());
    }
}
