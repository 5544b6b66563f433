//! `ironhand bmc`: commands to BMCs directly, without a server or a store.
//!
//! A verb is a function that does its work on one [`Bmc`] and returns a [`Finding`]; [`Fleet::each`] runs
//! it on all of them at once and prints what they answer as it comes.

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
mod report;
mod sdr;
mod sel;
mod sensors;
mod sol;
mod targets;
mod user;
mod watchdog;

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, pin_mut};
use ironhand_ipmi::client::{IdlePolicy, SessionProtocol};
use ironhand_ipmi::{CipherSuite, ClientConfig, Ipmi15Authentication, PrivilegeLevel};
use ironhand_ipmi_port::{Bmc, IpmiPort, PortConfig};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::args::{Access, Privilege, Protocol, Verb};
use self::memory::Memory;
use self::problem::Problem;
use self::report::{Finding, Report, Shown};
use self::targets::Target;
use crate::exit::Failure;
use crate::files::read_secret;
use crate::output::Output;
use crate::serve::stop_asked;

/// Results that are printed together at most.
const AT_ONCE: usize = 256;

/// How long work that ends by itself when the program is told to stop has to say how it ended.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// How often the progress bar moves.
const TICK: Duration = Duration::from_millis(200);

/// `ironhand bmc`.
pub async fn run(asked: args::Bmc, output: Output) -> Result<(), Failure> {
    if let Verb::Quirks = asked.verb {
        return quirks::list(output);
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
        Verb::Quirks => Ok(()),
    }
}

/// The BMCs of a command, and how they are spoken to.
struct Fleet {
    targets: Vec<Target>,
    config: ClientConfig,
    /// Whether the suite is to be found out, and kept for the next command.
    learns: bool,
    /// How long one BMC may take.
    timeout: Option<Duration>,
    output: Output,
}

/// Whether a command only reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Read,
    Change,
}

/// What the work on all BMCs of a command has in common.
struct Desk<'a> {
    port: &'a IpmiPort,
    memory: Option<RefCell<Memory>>,
    /// Addresses that are asked, by the names they were given: two names may stand for one BMC.
    asked: RefCell<HashMap<SocketAddr, String>>,
    purpose: Purpose,
}

impl Fleet {
    fn new(access: &Access, output: Output) -> Result<Self, Failure> {
        let targets = targets::targets(&access.hosts, access.port)?;
        let user = access.user.clone().ok_or_else(|| Failure::Usage {
            message: "no user is named".to_owned(),
            hint: Some("name one with -U, or set IRONHAND_USER; -U '' is the null user".to_owned()),
        })?;
        let password =
            read_secret(access.password_file.as_deref(), "IRONHAND_PASSWORD")?.ok_or_else(|| {
                Failure::Usage {
                    message: "the BMCs need a password".to_owned(),
                    hint: Some("name a file with --password-file, or set IRONHAND_PASSWORD".to_owned()),
                }
            })?;
        let mut config = ClientConfig::new(user, password);
        config.kg = read_secret(access.kg_file.as_deref(), "IRONHAND_KG")?;
        config.privilege = match access.privilege {
            Privilege::User => PrivilegeLevel::User,
            Privilege::Operator => PrivilegeLevel::Operator,
            Privilege::Administrator => PrivilegeLevel::Administrator,
        };
        // Commands of several messages think between them; a session is closed when its BMC is let go of.
        config.idle = IdlePolicy::default();
        config.protocol = match access.protocol {
            Protocol::Ipmi => SessionProtocol::RmcpPlus,
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
        Ok(Self {
            targets,
            config,
            learns: access.cipher_suite.is_none(),
            timeout: access.timeout.map(Duration::from),
            output,
        })
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
        let width = self.targets.iter().map(|target| target.name.len()).max().unwrap_or_default();
        let mut report = Report::new(self.output, self.targets.len(), width);
        let mut waiting: Vec<bool> = vec![true; self.targets.len()];
        let interrupted = stop_asked();
        pin_mut!(interrupted);
        let desk = Desk {
            port: &port,
            // Where the suite is given, nothing is to be learned.
            memory: self.learns.then(Memory::read).map(RefCell::new),
            asked: RefCell::default(),
            purpose,
        };
        let results: FuturesUnordered<_> = self
            .targets
            .iter()
            .enumerate()
            .map(|(place, target)| {
                let (desk, work) = (&desk, &work);
                async move { (place, self.on(desk, target, work).await) }
            })
            .collect();
        let mut results = results.ready_chunks(AT_ONCE);
        let mut ticks = tokio::time::interval(TICK);
        // When the command ends, once it was told to.
        let mut ends_at = None;
        let printed = loop {
            let printed = tokio::select! {
                biased;
                ready = results.next() => {
                    let Some(ready) = ready else { break Ok(()) };
                    ready
                        .into_iter()
                        .try_for_each(|(place, result)| {
                            waiting[place] = false;
                            report.add(&self.targets[place].name, &result)
                        })
                        .and_then(|()| report.flush())
                }
                _ = ticks.tick() => {
                    report.tick();
                    Ok(())
                }
                _ = &mut interrupted, if ends_at.is_none() => {
                    ends_at = Some(Instant::now() + LAST_WORDS);
                    Ok(())
                }
                () = tokio::time::sleep_until(ends_at.unwrap_or_else(Instant::now)), if ends_at.is_some() => {
                    let mut left = self.targets.iter().zip(&waiting).filter(|(_, waits)| **waits);
                    break left.try_for_each(|(target, _)| {
                        report.add(&target.name, &Err::<F, _>(Problem::interrupted(purpose)))
                    });
                }
            };
            if printed.is_err() {
                break printed;
            }
        };
        drop(results);
        if let Some(memory) = &desk.memory {
            memory.borrow().write();
        }
        drop(port);
        stop.cancel();
        // The driver closes what is open on the BMCs, in bounded time.
        let _ = driver.await;
        printed.and_then(|()| report.finish())
    }

    async fn on<F>(
        &self,
        desk: &Desk<'_>,
        target: &Target,
        work: impl AsyncFn(&Bmc) -> Result<F, Problem>,
    ) -> Result<F, Problem> {
        let work = async {
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
        };
        match self.timeout {
            None => work.await,
            Some(limit) => match tokio::time::timeout(limit, work).await {
                Ok(result) => result,
                Err(_) => Err(Problem::timed_out(limit, desk.purpose)),
            },
        }
    }
}
