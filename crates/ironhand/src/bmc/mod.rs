//! `ironhand bmc`: commands to BMCs directly, without a server or a store.
//!
//! A verb is a function that does its work on one [`Bmc`] and returns a [`Finding`]; [`Fleet::each`] runs
//! it on all of them at once and prints what they answer as it comes.

mod access;
pub mod args;
mod boot;
mod chassis;
mod dcmi;
mod fru;
mod lan;
mod mc;
mod memory;
mod power;
mod problem;
mod quirks;
mod raw;
mod redfish;
mod report;
mod sdr;
mod sel;
mod sensors;
pub mod sol;
mod sweep;
pub mod targets;
mod user;
mod watchdog;

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;

use ironhand_ipmi::client::{IdlePolicy, SessionProtocol};
use ironhand_ipmi::{CipherSuite, ClientConfig, Ipmi15Authentication, PrivilegeLevel};
use ironhand_ipmi_port::{Bmc, IpmiPort, PortConfig};
use tokio_util::sync::CancellationToken;

use self::access::{Access, Privilege, Protocol};
use self::args::Verb;
use self::memory::Memory;
use self::problem::Problem;
use self::report::{Finding, Shown};
pub use self::sensors::number;
use self::sweep::{Purpose, Sweep};
use self::targets::Target;
use crate::exit::Failure;
use crate::files::read_secret;
use crate::output::Output;

/// RMCP's primary port (ASF 2.0 section 3.2.2).
const RMCP_PORT: u16 = 623;

/// `ironhand bmc`.
pub async fn run(asked: args::Bmc, output: Output) -> Result<(), Failure> {
    if let Verb::Quirks = asked.verb {
        return quirks::list(output);
    }
    if asked.access.protocol == Protocol::Redfish {
        return redfish::run(&asked.access, asked.verb, output).await;
    }
    let fleet = Fleet::new(&asked.access, output)?;
    match asked.verb {
        Verb::Power(asked) => power::power(&fleet, &asked).await,
        Verb::Boot(asked) => boot::boot(&fleet, &asked).await,
        Verb::Sensors(asked) => sensors::sensors(&fleet, &asked).await,
        Verb::Sdr(asked) => sdr::sdr(&fleet, &asked).await,
        Verb::Raw(asked) => raw::raw(&fleet, &asked).await,
        Verb::User(asked) => user::user(&fleet, &asked).await,
        Verb::Lan(asked) => lan::lan(&fleet, &asked).await,
        Verb::Chassis(asked) => chassis::chassis(&fleet, &asked).await,
        Verb::Mc(asked) => mc::mc(&fleet, &asked).await,
        Verb::Dcmi(asked) => dcmi::dcmi(&fleet, &asked).await,
        Verb::Sel(asked) => sel::sel(fleet, &asked).await,
        Verb::Fru(asked) => fru::fru(&fleet, &asked).await,
        Verb::Sol(asked) => sol::sol(&fleet, &asked).await,
        Verb::Events(_) => Err(over_redfish_only("events", "; `sel --follow` is over both")),
        Verb::Media(_) => Err(over_redfish_only("media", "")),
        Verb::Bios(_) => Err(over_redfish_only("bios", "")),
        Verb::Screen(_) => Err(over_redfish_only("screen", "")),
        Verb::Quirks => Ok(()),
    }
}

fn over_redfish_only(verb: &str, instead: &str) -> Failure {
    Failure::Usage {
        message: format!("over Redfish alone: {verb}"),
        hint: Some(format!("add --protocol redfish{instead}")),
    }
}

/// The BMCs of a command that are spoken to by IPMI, and how.
struct Fleet {
    sweep: Sweep,
    config: ClientConfig,
    /// Whether the suite is to be found out, and kept for the next command.
    learns: bool,
}

/// What the work on all BMCs of a command has in common.
struct Desk<'a> {
    port: &'a IpmiPort,
    memory: Option<RefCell<Memory>>,
    /// Addresses that are asked, by the names they were given: two names may stand for one BMC.
    asked: RefCell<HashMap<SocketAddr, String>>,
}

impl Fleet {
    fn new(access: &Access, output: Output) -> Result<Self, Failure> {
        if access.system.is_some() {
            return Err(over_redfish_only("--system", ""));
        }
        let sweep = access.sweep(RMCP_PORT, output)?;
        let (user, password) = access.login()?;
        let mut config = ClientConfig::new(user, password);
        config.kg = read_secret(access.kg_file.as_deref(), "IRONHAND_KG")?;
        config.privilege = match access.privilege {
            Some(Privilege::User) => PrivilegeLevel::User,
            Some(Privilege::Operator) => PrivilegeLevel::Operator,
            Some(Privilege::Administrator) | None => PrivilegeLevel::Administrator,
        };
        // Commands of several messages think between them; a session is closed when its BMC is let go of.
        config.idle = IdlePolicy::default();
        config.protocol = match access.protocol {
            Protocol::Ipmi | Protocol::Redfish => SessionProtocol::RmcpPlus,
            Protocol::Ipmi15Md5 => SessionProtocol::Ipmi15(Ipmi15Authentication::Md5),
            Protocol::Ipmi15Password => SessionProtocol::Ipmi15(Ipmi15Authentication::Password),
        };
        config.quirks = access.quirks.unwrap_or_default();
        if let Some(number) = access.cipher_suite {
            let suite = CipherSuite::from_id(number).ok_or_else(|| Failure::Usage {
                message: format!("cipher suite {number} is not spoken"),
                hint: Some("use 17, 3, 12 or 8".to_owned()),
            })?;
            config.suites = vec![suite];
        }
        Ok(Self { sweep, config, learns: access.cipher_suite.is_none() })
    }

    /// Does `work` on every BMC at once, and prints what comes of it as it comes.
    async fn each<F: Finding>(&self, work: impl AsyncFn(&Bmc) -> Result<F, Problem>) -> Result<(), Failure> {
        self.every(Purpose::Read, work).await
    }

    /// As [`Fleet::each`], for work that changes something: where it is cut short, nobody knows how far it came.
    async fn change<F: Finding>(
        &self,
        work: impl AsyncFn(&Bmc) -> Result<F, Problem>,
    ) -> Result<(), Failure> {
        self.every(Purpose::Change, work).await
    }

    async fn every<F: Finding>(
        &self,
        purpose: Purpose,
        work: impl AsyncFn(&Bmc) -> Result<F, Problem>,
    ) -> Result<(), Failure> {
        let stop = CancellationToken::new();
        let (port, driver) = IpmiPort::start(PortConfig::default(), stop.clone())
            .map_err(|error| Failure::Failed(format!("cannot open UDP sockets: {error}")))?;
        let desk = Desk {
            port: &port,
            // Where the suite is given, nothing is to be learned.
            memory: self.learns.then(Memory::read).map(RefCell::new),
            asked: RefCell::default(),
        };
        let report = self.sweep.over(purpose, async |target| self.on(&desk, target, &work).await).await;
        if let Some(memory) = &desk.memory {
            memory.borrow().write();
        }
        drop(port);
        stop.cancel();
        // The driver closes what is open on the BMCs, in bounded time.
        let _ = driver.await;
        report?.finish()
    }

    async fn on<F>(
        &self,
        desk: &Desk<'_>,
        target: &Target,
        work: impl AsyncFn(&Bmc) -> Result<F, Problem>,
    ) -> Result<F, Problem> {
        let address = target.address().await.map_err(|error| Problem::unknown_name(&error))?;
        if let Some(first) = desk.asked.borrow_mut().insert(address, target.name.clone()) {
            return Err(Problem::same_bmc(&first));
        }
        let mut config = self.config.clone();
        if let Some(memory) = &desk.memory {
            config.learned = memory.borrow().of(address);
        }
        let bmc = desk.port.open(address, config).await?;
        let result = work(&bmc).await;
        if let Some(memory) = &desk.memory {
            let learned = bmc.learned().await;
            memory.borrow_mut().keep(address, learned);
        }
        result
    }
}
