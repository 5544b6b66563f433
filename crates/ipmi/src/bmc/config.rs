//! What kind of BMC a [`Bmc`](crate::Bmc) is.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::bmc::faults::Faults;
use crate::bmc::lockout::BadPasswordThreshold;
use crate::bmc::session15::Ipmi15Config;
use crate::bmc::sol::SolSettings;
use crate::bmc::{Bmc, FruConfig, LanSettings, SelConfig, SensorSet};
use crate::command::{ChassisStatus, DeviceId, IpmiVersion};
use crate::keys::SecretKey;
use crate::privilege::PrivilegeLevel;
use crate::quirk::Quirks;
use crate::suite::CipherSuite;

/// A user of the BMC. Its user id is its place in [`BmcConfig::users`], counted from 1.
#[derive(Debug, Clone)]
pub struct User {
    /// Name: up to 16 bytes; empty for the null user.
    pub name: String,
    /// Password: up to 20 bytes. A longer one never matches.
    pub password: SecretString,
    /// The highest privilege level of the user's sessions.
    pub limit: PrivilegeLevel,
    /// Whether the user may log in.
    pub enabled: bool,
}

impl User {
    /// An enabled user.
    pub fn new(name: impl Into<String>, password: SecretString, limit: PrivilegeLevel) -> Self {
        Self { name: name.into(), password, limit, enabled: true }
    }
}

/// What kind of BMC it is.
#[derive(Debug, Clone)]
pub struct BmcConfig {
    /// Its users. Without any, nobody can log in.
    pub users: Vec<User>,
    /// The cipher suites that it accepts, the preferred one first.
    pub suites: Vec<CipherSuite>,
    /// What it offers of IPMI 1.5 sessions.
    pub ipmi15: Ipmi15Config,
    /// Its own key Kg; `None` where users' keys stand in for it, as they do for one that is
    /// all zeroes, malformed or too long. See [`ClientConfig::kg`](crate::ClientConfig::kg).
    pub kg: Option<SecretString>,
    /// The machine's GUID in the order of the wire.
    pub guid: [u8; 16],
    /// What it answers to Get Device ID.
    pub device_id: DeviceId,
    /// What it answers to Get Chassis Status until [`Bmc::set_chassis`](crate::Bmc::set_chassis) says otherwise.
    pub chassis: ChassisStatus,
    /// For how many hours the machine has been powered on in its life.
    pub power_on_hours: u32,
    /// Its network settings.
    pub lan: LanSettings,
    /// How many sessions can be open at once: 1 to 63, the most that Get Session Info can count.
    pub max_sessions: u8,
    /// How long a session may be silent before it is closed. The specification says 60 seconds, three more or less.
    pub inactivity: Duration,
    /// When failed logins lock a user out; `None` for never.
    pub bad_password_threshold: Option<BadPasswordThreshold>,
    /// Its FRU devices.
    pub fru: FruConfig,
    /// Its System Event Log.
    pub sel: SelConfig,
    /// Its Serial over LAN.
    pub sol: SolSettings,
    /// Its sensors and their records. Many BMCs can share a set.
    pub sensors: Arc<SensorSet>,
    /// What makes its sensors differ a little from those of another BMC with the same set: two raw steps at most.
    pub sensor_variation: Option<u64>,
    /// Vendor faults that it shows.
    pub quirks: Quirks,
    /// What it does wrong until [`Bmc::set_faults`](crate::Bmc::set_faults) says otherwise.
    pub faults: Faults,
}

impl BmcConfig {
    /// A BMC with these users, suites 17 and 3, no Kg, 16 sessions, a machine that is off, and no manufacturer.
    pub fn new(users: Vec<User>) -> Self {
        Self {
            users,
            suites: CipherSuite::PREFERRED.to_vec(),
            ipmi15: Ipmi15Config::default(),
            kg: None,
            guid: [0; 16],
            device_id: DeviceId {
                device_id: 0x20,
                provides_device_sdrs: false,
                device_revision: 1,
                available: true,
                firmware_major: 1,
                firmware_minor: 0,
                ipmi_version: IpmiVersion { major: 2, minor: 0 },
                additional_support: 0x8F,
                manufacturer: 0,
                product: 0,
                auxiliary_revision: None,
            },
            chassis: ChassisStatus::default(),
            power_on_hours: 0,
            lan: LanSettings::default(),
            max_sessions: 16,
            inactivity: Duration::from_secs(60),
            bad_password_threshold: None,
            fru: FruConfig::default(),
            sel: SelConfig::default(),
            sol: SolSettings::default(),
            sensors: SensorSet::sample(),
            sensor_variation: None,
            quirks: Quirks::NONE,
            faults: Faults::default(),
        }
    }
}

impl Bmc {
    /// Kg, where one is set that can be a key.
    pub(super) fn kg(&self) -> Option<SecretKey> {
        self.config.kg.as_ref().and_then(|kg| SecretKey::from_kg(kg).ok().flatten())
    }

    /// Says which cipher suites it accepts from now on, the preferred one first. Sessions that are open stay.
    pub fn set_suites(&mut self, suites: &[CipherSuite]) {
        self.config.suites = suites.to_vec();
    }

    /// Says when failed logins lock users out from now on. Failures that were counted stay counted.
    pub fn set_bad_password_threshold(&mut self, rule: Option<BadPasswordThreshold>) {
        self.config.bad_password_threshold = rule;
    }
}
