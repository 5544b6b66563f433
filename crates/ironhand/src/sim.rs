//! `ironhand sim`: simulated hardware, until it is told to stop.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use ironhand_ipmi::Ipmi15Authentication;
use ironhand_sim::bmc_fleet::{
    BmcFault, BmcSelector, FaultPlan, FaultRule, PowerTimes, RedfishConfig, ScriptError, Share,
};
use ironhand_sim::fleet::host_name;
use ironhand_sim::kvm_unit::{KvmUnit, KvmUnitConfig, UnitKind};
use ironhand_sim::modem::{SimModem, Switched};
use ironhand_sim::outlets::{Strip, StripConfig, StripUser};
use ironhand_sim::qemu::{QemuBmc, QemuConfig};
use ironhand_sim::wsman::{WsmanConfig, WsmanKind, WsmanService};
use ironhand_sim::{BmcFleet, BmcFleetConfig, Certificate, Fleet, FleetConfig, Machine, MachineConfig, Make};
use secrecy::SecretString;

use crate::args;
use crate::args::SimProtocol;
use crate::exit::Failure;
use crate::files::read_secret;
use crate::output::{Output, line};
use crate::serve::{chain, stop_asked};

/// The password, which must be somewhere.
fn password(file: Option<&std::path::Path>) -> Result<SecretString, Failure> {
    read_secret(file, "IRONHAND_PASSWORD")?.ok_or_else(|| Failure::Usage {
        message: "the controller needs a password".to_owned(),
        hint: Some("name a file with --password-file, or set IRONHAND_PASSWORD".to_owned()),
    })
}

/// `ironhand sim qemu`.
pub async fn qemu(asked: args::SimQemu, output: Output) -> Result<(), Failure> {
    let args = asked.args.into_iter().map(Into::into).collect();
    let mut config = QemuConfig::new(asked.name.clone(), args, password(asked.password_file.as_deref())?);
    config.program = asked.qemu;
    config.bind = asked.bind;
    config.ipmi_port = asked.ipmi_port;
    config.redfish_port = asked.redfish_port;
    config.vnc_port = asked.vnc_port;
    config.user = asked.user;
    config.power_on = !asked.off;
    let guest = QemuBmc::start(config).await.map_err(|error| Failure::Failed(chain(&error)))?;
    let (ipmi, redfish, vnc) = (guest.ipmi(), guest.redfish(), guest.vnc());
    let stop = stop_asked();
    if output.is_structured() {
        let mut told = serde_json::json!({ "name": asked.name, "ipmi": ipmi, "vnc": vnc });
        if let Some(redfish) = redfish {
            told["redfish"] = redfish.to_string().into();
        }
        line(&told.to_string());
    } else {
        let ways = ways(Some(ipmi.to_string()), redfish.map(|at| at.to_string()));
        line(&format!("guest {}: {ways}, screen at {vnc} (VNC)", asked.name));
    }
    stop.await?;
    guest.shutdown().await;
    Ok(())
}

/// `ironhand sim pdu`.
pub async fn pdu(asked: args::SimPdu, output: Output) -> Result<(), Failure> {
    let password = password(asked.password_file.as_deref())?;
    let mut config = StripConfig::new(asked.model, usize::from(asked.outlets));
    config.bind = asked.bind;
    config.port = asked.port;
    config.read_community = asked.read_community.into();
    config.user = asked.user.map(|name| StripUser::new(name, password.clone()));
    config.write_community = password;
    config.delay = asked.delay.duration();
    config.on_change = Some(Arc::new(move |outlet, on| {
        let state = if on { "on" } else { "off" };
        match output.is_structured() {
            true => line(&serde_json::json!({ "outlet": outlet, "state": state }).to_string()),
            false => line(&format!("outlet {outlet}: {state}")),
        }
    }));
    let strip = Strip::start(config).await.map_err(|error| Failure::Failed(chain(&error)))?;
    let stop = stop_asked();
    let (address, model) = (strip.address(), asked.model.name());
    if output.is_structured() {
        line(&serde_json::json!({ "snmp": address, "model": model, "outlets": asked.outlets }).to_string());
    } else {
        line(&format!("strip ({model}) with {} outlets: SNMP at {address}", asked.outlets));
    }
    stop.await?;
    strip.shutdown().await;
    Ok(())
}

/// `ironhand sim kvm`.
pub async fn kvm(asked: args::SimKvm, output: Output) -> Result<(), Failure> {
    let failed = |error: &dyn std::error::Error| Failure::Failed(chain(error));
    let (machine, password) = machine(&asked.machine)?;
    let mut config = KvmUnitConfig::new(asked.unit, password, machine);
    config.bind = asked.machine.bind;
    config.port = asked.port;
    config.user = asked.machine.user;
    if !matches!(asked.unit, UnitKind::Nanokvm | UnitKind::Jetkvm) {
        config.certificate = Some(Certificate::self_signed().map_err(|error| failed(&error))?);
    }
    let unit = KvmUnit::start(config).await.map_err(|error| failed(&error))?;
    let stop = stop_asked();
    let (address, kind) = (unit.address(), asked.unit.name());
    if output.is_structured() {
        line(
            &serde_json::json!({ "unit": kind, "address": address, "machine": asked.machine.name })
                .to_string(),
        );
    } else {
        line(&format!("unit ({kind}) before the machine {}: at {address}", asked.machine.name));
    }
    stop.await?;
    unit.shutdown().await;
    Ok(())
}

/// The machine that is asked for, and the password of who may use it.
fn machine(asked: &args::SimMachine) -> Result<(MachineConfig, SecretString), Failure> {
    let password = password(asked.password_file.as_deref())?;
    let (name, running) = (asked.name.clone(), !asked.off);
    Ok((MachineConfig { name, make: Make::R740Like, seed: 1, pace: asked.pace, running }, password))
}

/// `ironhand sim amt`.
pub async fn amt(asked: args::SimAmt, output: Output) -> Result<(), Failure> {
    let (machine, password) = machine(&asked.machine)?;
    let machine = Arc::new(Mutex::new(Machine::new(machine, Instant::now())));
    let mut config = WsmanConfig::new(WsmanKind::Amt, machine, password);
    config.bind = asked.machine.bind;
    config.port = asked.port;
    config.username = asked.machine.user;
    config.redirects = asked.redirects;
    let service = WsmanService::start(config).await.map_err(|error| Failure::Failed(chain(&error)))?;
    let stop = stop_asked();
    let address = service.address();
    if output.is_structured() {
        line(&serde_json::json!({ "address": address, "machine": asked.machine.name }).to_string());
    } else {
        line(&format!("Intel AMT of the machine {}: at {address}", asked.machine.name));
    }
    stop.await
}

/// `ironhand sim modem`.
pub async fn modem(asked: args::SimModem, output: Output) -> Result<(), Failure> {
    let sockets = asked.sockets.iter().map(|number| {
        let named = number.clone();
        let told: Switched = Arc::new(move |on| {
            let state = if on { "on" } else { "off" };
            if output.is_structured() {
                line(&serde_json::json!({ "socket": named, "power": state }).to_string());
            } else {
                line(&format!("socket {named} is switched {state}"));
            }
        });
        (number.clone(), told)
    });
    let modem = match asked.bind {
        Some(address) => SimModem::at_tcp(address, sockets).await,
        None => SimModem::at_terminal(sockets),
    };
    let modem = modem.map_err(|error| Failure::Failed(format!("the modem cannot be made: {error}")))?;
    let stop = stop_asked();
    if output.is_structured() {
        line(&serde_json::json!({ "modem": modem.place(), "sockets": asked.sockets }).to_string());
    } else {
        line(&format!("modem at {}; sockets: {}", modem.place(), asked.sockets.join(", ")));
    }
    stop.await
}

/// `ironhand sim bmc`.
pub async fn bmc(asked: args::SimBmc, output: Output, each: bool) -> Result<(), Failure> {
    if asked.screens {
        return bmcs_with_screens(asked, output).await;
    }
    let mut config = BmcFleetConfig::new(asked.count);
    config.bind = asked.bind;
    config.port = asked.port;
    config.password = password(asked.password_file.as_deref())?;
    config.suites = asked.suites.clone();
    config.kg = read_secret(asked.kg_file.as_deref(), "IRONHAND_KG")?;
    if asked.ipmi15 {
        config.ipmi15.authentications = vec![Ipmi15Authentication::Md5, Ipmi15Authentication::Password];
    }
    config.seed = asked.seed;
    config.on = !asked.off;
    config.times = PowerTimes::from_act(asked.power_delay.duration());
    config.plan = plan(&asked)?;
    config.user = asked.user.clone();
    config.ipmi = asked.protocol.contains(&SimProtocol::Ipmi);
    config.redfish = redfish(&asked)?;
    let fleet = BmcFleet::start(config).map_err(|error| Failure::Failed(chain(&error)))?;
    let stop = stop_asked();
    show(&fleet, &asked.user, output, each);
    let stopped = stop.await;
    let statistics = fleet.shutdown();
    if output.is_structured() {
        line(&serde_json::json!({ "statistics": statistics }).to_string());
    } else {
        note!("{statistics}");
    }
    stopped
}

/// How they speak Redfish, if they do.
fn redfish(asked: &args::SimBmc) -> Result<Option<RedfishConfig>, Failure> {
    if !asked.protocol.contains(&SimProtocol::Redfish) {
        return Ok(None);
    }
    let certificate = match (&asked.certificate, &asked.key) {
        _ if asked.plain => None,
        (Some(chain), Some(key)) => Some(Certificate::from_files(chain, key)),
        _ => Some(Certificate::self_signed()),
    };
    let certificate = certificate.transpose().map_err(|error| Failure::Failed(chain(&error)))?;
    Ok(Some(RedfishConfig { port: asked.redfish_port, certificate, flavours: asked.flavour.clone() }))
}

/// The faults that a script and options ask for.
fn plan(asked: &args::SimBmc) -> Result<FaultPlan, Failure> {
    let script = match &asked.faults {
        Some(path) => fault_script(path)?,
        None => FaultPlan::none(),
    };
    let mut rules = Vec::new();
    let (delay, jitter) = (asked.delay.duration(), asked.jitter.duration());
    if !(delay + jitter).is_zero() {
        rules.push(FaultRule::always(BmcSelector::all(), BmcFault::Slow { delay, jitter }));
    }
    if asked.loss != Share::NONE {
        rules.push(FaultRule::always(BmcSelector::all(), BmcFault::Lossy(asked.loss)));
    }
    if asked.silent > 0 {
        let some = BmcSelector::spread(asked.silent, asked.count);
        rules.push(FaultRule::always(some, BmcFault::Silent));
    }
    Ok(script.and(rules))
}

fn fault_script(path: &std::path::Path) -> Result<FaultPlan, Failure> {
    let name = path.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|source| Failure::File { path: name.clone(), source })?;
    text.parse().map_err(|ScriptError { line, column, message }| Failure::Usage {
        message: format!("{name}:{line}:{column}: {message}"),
        hint: None,
    })
}

/// Says where the BMCs are: all of them for programs, first and last for people who did not ask for `each`.
fn show(fleet: &BmcFleet, user: &str, output: Output, each: bool) {
    if output.is_structured() {
        let bmcs: Vec<_> = (0..fleet.count())
            .map(|index| {
                let mut bmc = serde_json::json!({ "name": host_name(index) });
                if let Some(ipmi) = fleet.address(index) {
                    bmc["ipmi"] = ipmi.to_string().into();
                }
                if let Some(redfish) = fleet.redfish(index) {
                    bmc["redfish"] = redfish.to_string().into();
                }
                bmc
            })
            .collect();
        line(&serde_json::json!({ "bmcs": bmcs }).to_string());
        return;
    }
    let last = fleet.count().saturating_sub(1);
    let range = |first: SocketAddr, last: Option<SocketAddr>| match last {
        Some(last) if last != first => format!("{first} to {last}"),
        _ => first.to_string(),
    };
    let ipmi = fleet.address(0).map(|first| range(first, fleet.address(last)));
    let redfish = fleet.redfish(0).map(|first| range(first, fleet.redfish(last)));
    line(&format!("{} simulated BMCs: {}, user {user}", fleet.count(), ways(ipmi, redfish)));
    if each {
        for index in 0..fleet.count() {
            let address = |at: Option<SocketAddr>| at.map(|at| at.to_string());
            let ways = ways(address(fleet.address(index)), address(fleet.redfish(index)));
            line(&format!("{}: {ways}", host_name(index)));
        }
    }
}

/// The ways to BMCs, as people read them.
fn ways(ipmi: Option<String>, redfish: Option<String>) -> String {
    let ipmi = ipmi.map(|at| format!("IPMI at {at}"));
    let both: Vec<String> = ipmi.into_iter().chain(redfish.map(|at| format!("Redfish at {at}"))).collect();
    both.join(", ")
}

/// `ironhand sim bmc --screens`.
async fn bmcs_with_screens(asked: args::SimBmc, output: Output) -> Result<(), Failure> {
    let mut config = FleetConfig::new(asked.count);
    config.bind = asked.bind;
    config.ipmi_port = asked.port;
    // Where nobody asked for Redfish its port must not be in the way.
    config.redfish_port = if asked.protocol.contains(&SimProtocol::Redfish) { asked.redfish_port } else { 0 };
    config.user = asked.user;
    config.password = password(asked.password_file.as_deref())?;
    config.seed = asked.seed;
    let fleet = Fleet::start(config).await.map_err(|error| Failure::Failed(chain(&error)))?;
    let stop = stop_asked();
    if output.is_structured() {
        let bmcs: Vec<_> = fleet
            .hosts()
            .iter()
            .map(|host| {
                serde_json::json!({
                    "name": host.name, "make": host.make.name(),
                    "ipmi": host.ipmi, "redfish": host.redfish, "vnc": host.vnc,
                })
            })
            .collect();
        line(&serde_json::json!({ "bmcs": bmcs }).to_string());
    } else {
        for host in fleet.hosts() {
            line(&format!(
                "{} ({}): IPMI at {}, Redfish at https://{}, screen at {} (VNC)",
                host.name, host.make, host.ipmi, host.redfish, host.vnc
            ));
        }
    }
    stop.await?;
    fleet.shutdown().await;
    Ok(())
}
