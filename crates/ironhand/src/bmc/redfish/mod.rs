//! `ironhand bmc --protocol redfish`: the same verbs over Redfish.

mod bios;
mod boot;
mod certificates;
mod chassis;
mod controller;
mod events;
mod inventory;
mod log;
mod media;
mod power;
mod problem;
mod raw;
mod screen;
mod sensors;
mod user;

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use ironhand_api::Tls;
use ironhand_connectors::{
    Device, HttpClient, HttpLimits, Login, MemorySessions, Pins, Proof, RedfishConfig, RedfishDevice, Route,
};

pub use self::bios::Bios;
pub use self::events::Events;
pub use self::media::Media;
pub use self::screen::Screen;

use self::certificates::KeptCertificates;
use super::access::Access;
use super::args::Verb;
use super::problem::Problem;
use super::report::Finding;
use super::sweep::{Purpose, Sweep};
use super::targets::Target;
use crate::exit::Failure;
use crate::output::Output;

/// Controllers that are spoken to at the same time: each takes up to two connections, and a process may commonly open
/// 1,024 files.
const AT_ONCE: usize = 400;

/// How long sessions may take to be ended that a command left open when it was cut short.
const LOGGING_OUT: Duration = Duration::from_secs(3);

/// `ironhand bmc --protocol redfish`.
pub async fn run(access: &Access, verb: Verb, output: Output) -> Result<(), Failure> {
    let controllers = Controllers::new(access, output)?;
    match verb {
        Verb::Power(asked) => power::power(&controllers, &asked).await,
        Verb::Boot(asked) => boot::boot(&controllers, &asked).await,
        Verb::Sensors(asked) => sensors::sensors(&controllers, &asked).await,
        Verb::Sel(asked) => log::sel(controllers, &asked).await,
        Verb::Fru(asked) => inventory::fru(&controllers, &asked).await,
        Verb::User(asked) => user::user(&controllers, &asked).await,
        Verb::Chassis(asked) => chassis::chassis(&controllers, &asked).await,
        Verb::Mc(asked) => controller::mc(&controllers, &asked).await,
        Verb::Media(asked) => media::media(&controllers, &asked).await,
        Verb::Bios(asked) => bios::bios_settings(&controllers, &asked).await,
        Verb::Screen(asked) => screen::screen(&controllers, &asked).await,
        Verb::Raw(asked) => raw::raw(&controllers, &asked).await,
        Verb::Events(asked) => events::events(controllers, &asked).await,
        Verb::Sdr(_) => Err(over_ipmi_only("sdr")),
        Verb::Sol(_) => Err(over_ipmi_only("sol")),
        Verb::Lan(_) => Err(over_ipmi_only("lan")),
        Verb::Dcmi(_) => Err(over_ipmi_only("dcmi")),
        Verb::Quirks => Ok(()),
    }
}

fn over_ipmi_only(what: &str) -> Failure {
    Failure::Usage {
        message: format!("over IPMI alone: {what}"),
        hint: Some("leave out --protocol redfish".to_owned()),
    }
}

/// The controllers of a command that are spoken to by Redfish, and how.
struct Controllers {
    sweep: Sweep,
    login: Login,
    tls: Tls,
    system: Option<String>,
    certificates: Arc<KeptCertificates>,
    sessions: Arc<MemorySessions>,
}

impl Controllers {
    fn new(access: &Access, output: Output) -> Result<Self, Failure> {
        let given = [
            ("--cipher-suite", access.cipher_suite.is_some()),
            ("--privilege", access.privilege.is_some()),
            ("--kg-file", access.kg_file.is_some()),
            ("--quirks", access.quirks.is_some()),
        ];
        if let Some((option, _)) = given.iter().find(|(_, given)| *given) {
            return Err(over_ipmi_only(option));
        }
        let tls = access.tls()?;
        let sweep = access.sweep(if tls.is_off() { 80 } else { 443 }, output)?;
        let (username, password) = access.login()?;
        let certificates = Arc::new(KeptCertificates::read());
        let pins: Arc<dyn Pins> = Arc::clone(&certificates) as _;
        // What cannot be used for one controller can be used for none.
        Proof::of(&tls, String::new(), &pins).map_err(|error| Failure::Usage {
            message: error.to_string(),
            hint: Some("name a file with certificates in PEM: --tls ca=FILE".to_owned()),
        })?;
        Ok(Self {
            sweep: Sweep { at_once: AT_ONCE, ..sweep },
            login: Login { username, password },
            tls,
            system: access.system.clone(),
            certificates,
            sessions: Arc::default(),
        })
    }

    /// Does `work` on every controller at once, and prints what comes of it as it comes.
    async fn each<F: Finding>(
        &self,
        work: impl AsyncFn(&mut RedfishDevice) -> Result<F, Problem>,
    ) -> Result<(), Failure> {
        self.every(Purpose::Read, work).await
    }

    /// As [`Controllers::each`], for work that changes something: where it is cut short, nobody knows how far it came.
    async fn change<F: Finding>(
        &self,
        work: impl AsyncFn(&mut RedfishDevice) -> Result<F, Problem>,
    ) -> Result<(), Failure> {
        self.every(Purpose::Change, work).await
    }

    /// As [`Controllers::each`], for work that has use for the names of the controllers.
    async fn named<F: Finding>(
        &self,
        work: impl AsyncFn(&str, &mut RedfishDevice) -> Result<F, Problem>,
    ) -> Result<(), Failure> {
        let asked = RefCell::default();
        let on = async |target: &Target| {
            self.on(&asked, target, &async |device: &mut RedfishDevice| work(&target.name, device).await)
                .await
        };
        let report = self.sweep.over(Purpose::Read, on).await;
        self.log_out_of_the_rest().await;
        report?.finish()
    }

    async fn every<F: Finding>(
        &self,
        purpose: Purpose,
        work: impl AsyncFn(&mut RedfishDevice) -> Result<F, Problem>,
    ) -> Result<(), Failure> {
        let asked = RefCell::default();
        let report = self.sweep.over(purpose, async |target| self.on(&asked, target, &work).await).await;
        self.log_out_of_the_rest().await;
        report?.finish()
    }

    async fn on<F>(
        &self,
        asked: &RefCell<HashMap<SocketAddr, String>>,
        target: &Target,
        work: impl AsyncFn(&mut RedfishDevice) -> Result<F, Problem>,
    ) -> Result<F, Problem> {
        let address = target.address().await.map_err(|error| Problem::unknown_name(&error))?;
        if let Some(first) = asked.borrow_mut().insert(address, target.name.clone()) {
            return Err(Problem::same_bmc(&first));
        }
        let mut device = self.device(target)?;
        let result = work(&mut device).await;
        Box::new(device).close().await;
        result
    }

    fn device(&self, target: &Target) -> Result<RedfishDevice, Problem> {
        let pins: Arc<dyn Pins> = Arc::clone(&self.certificates) as _;
        let controller = target.place();
        let proof = Proof::of(&self.tls, controller.clone(), &pins)?;
        let http =
            HttpClient::new(Route::direct(target.host.clone(), target.port), proof, HttpLimits::default());
        let config = RedfishConfig {
            controller,
            login: self.login.clone(),
            system: self.system.clone(),
            sessions: Arc::clone(&self.sessions) as _,
        };
        Ok(RedfishDevice::new(http, config))
    }

    /// Ends the sessions of work that was cut short: a controller has few, and keeps them for half an hour.
    async fn log_out_of_the_rest(&self) {
        let open = self.sessions.open();
        let rest =
            self.sweep.targets.iter().filter(|target| open.iter().any(|(of, _)| *of == target.place()));
        let devices = rest.filter_map(|target| self.device(target).ok());
        let ends = join_all(devices.map(|device| Box::new(device).close()));
        // Those that are silent even now are left to end by themselves.
        let _ = tokio::time::timeout(LOGGING_OUT, ends).await;
    }
}
