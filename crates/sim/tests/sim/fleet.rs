//! Simulated hosts seen from outside: over UDP and TCP, through our own clients.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use ironhand_ipmi::{BootDevice, BootFlags, ChassisControl, Condition, Reply, Request};
use ironhand_rfb as rfb;
use ironhand_sim::machine::ROOT_PASSWORD;
use ironhand_sim::{
    Activity, Fault, FaultScript, Fleet, FleetConfig, FleetError, MachineFault, SimHost, StagedFault,
};
use tokio::task::JoinSet;

use crate::operator::{Desk, Viewer};

async fn fleet(hosts: usize) -> Fleet {
    Fleet::start(FleetConfig { pace: 20.0, ..FleetConfig::new(hosts) }).await.unwrap()
}

async fn desk(host: &SimHost) -> Desk {
    Desk::new(host.ipmi, "admin", "simulated").await
}

async fn viewer(host: &SimHost) -> Viewer {
    Viewer::open(host.vnc, None).await.unwrap()
}

/// Breaks a host in one way and heals it as a person would, by what the screen says.
async fn heal(fleet: &Fleet, host: &SimHost, fault: MachineFault) {
    let (mut desk, mut screen) = (desk(host).await, viewer(host).await);
    screen.until(&format!("{} login:", host.name)).await;
    fleet.stage(&host.name, fault).unwrap();
    match fault {
        MachineFault::PowerSupplyF1 => {
            screen.until("F1").await;
            screen.try_until(|text| text.contains("to continue")).await.unwrap();
            screen.keys("<F1>").await;
        }
        MachineFault::KernelPanic => {
            screen.until("Kernel panic - not syncing").await;
            desk.ask(ChassisControl::HardReset).await.unwrap();
            screen.try_until(|text| !text.contains("Kernel panic")).await.unwrap();
        }
        MachineFault::RootMissing | MachineFault::DiskErased | MachineFault::InstallerStopped => {
            let stopped = ["VFS: Unable", "no boot", "Installation step failed"];
            screen
                .try_until(|text| {
                    let text = text.to_lowercase();
                    stopped.iter().any(|words| text.contains(&words.to_lowercase()))
                })
                .await
                .unwrap();
            let flags = BootFlags::once(BootDevice::Pxe);
            assert_eq!(desk.ask(Request::SetBootOptions(flags)).await, Ok(Reply::Done));
            cycle(&mut desk).await;
        }
        MachineFault::NoBootableDevice => {
            screen.try_until(|text| text.to_lowercase().contains("no boot")).await.unwrap();
            cycle(&mut desk).await;
        }
        MachineFault::FsckManually | MachineFault::FsckWithPassword => {
            let text = screen
                .try_until(|text| text.ends_with("(initramfs)") || text.contains("password"))
                .await
                .unwrap();
            if text.contains("password") {
                screen.keys(&format!("{ROOT_PASSWORD}<Enter>")).await;
                screen.try_until(|text| text.ends_with('#')).await.unwrap();
            }
            screen.keys("fsck -y /dev/sda1<Enter>").await;
            screen.until("FILE SYSTEM WAS MODIFIED").await;
            screen.keys("exit<Enter>").await;
        }
        MachineFault::GrubRescue => {
            screen.until("grub rescue>").await;
            screen.keys("set prefix=(hd0,msdos1)/boot/grub<Enter>insmod normal<Enter>normal<Enter>").await;
        }
        MachineFault::PanicEveryBoot => unreachable!("nothing heals it"),
    }
    let prompt = format!("{} login:", host.name);
    screen.try_until(|text| text.ends_with(&prompt)).await.unwrap();
    let state = fleet.state(&host.name).unwrap();
    assert!(state.well && state.power_on, "{state:?}");
}

async fn cycle(desk: &mut Desk) {
    desk.ask(ChassisControl::PowerCycle).await.unwrap();
    desk.until_power(false).await;
    desk.until_power(true).await;
}

#[tokio::test]
async fn every_fault_that_can_be_healed_is_healed_by_keys_and_power() {
    let faults: Vec<MachineFault> =
        MachineFault::ALL.into_iter().filter(|fault| *fault != MachineFault::PanicEveryBoot).collect();
    let fleet = Arc::new(fleet(faults.len()).await);
    let mut healing = JoinSet::new();
    for (host, fault) in fleet.hosts().to_vec().into_iter().zip(faults) {
        let fleet = fleet.clone();
        healing.spawn(async move { heal(&fleet, &host, fault).await });
    }
    healing.join_all().await;
    let fleet = Arc::into_inner(fleet).unwrap();
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_boot_device_override_is_used_up_by_the_boot_that_follows_it() {
    let fleet = fleet(1).await;
    let host = &fleet.hosts()[0];
    let (mut desk, mut screen) = (desk(host).await, viewer(host).await);
    desk.ask(Request::SetBootOptions(BootFlags::once(BootDevice::Pxe))).await.unwrap();
    desk.ask(ChassisControl::HardReset).await.unwrap();
    screen.try_until(|text| text.ends_with("rescue login:")).await.unwrap();
    let Ok(Reply::BootFlags(flags)) = desk.ask(Request::GetBootFlags).await else { panic!("no boot flags") };
    assert!(!flags.valid);
    desk.ask(ChassisControl::SoftShutdown).await.unwrap();
    desk.until_power(false).await;
    assert_eq!(fleet.state(&host.name).unwrap().activity, Activity::Off);
    desk.ask(ChassisControl::PowerUp).await.unwrap();
    screen.try_until(|text| text.ends_with("rack1-01 login:")).await.unwrap();
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_broken_controller_or_screen_is_told_from_a_broken_machine() {
    let fleet = fleet(6).await;
    let faults = [
        Fault::BmcSilent,
        Fault::BmcGarbage,
        Fault::BmcPasswordChanged,
        Fault::ScreenRefused,
        Fault::ScreenGarbage,
        Fault::ScreenPasswordChanged,
    ];
    for (host, fault) in fleet.hosts().iter().zip(faults) {
        fleet.stage(&host.name, fault).unwrap();
    }
    let hosts = fleet.hosts();
    for (host, condition) in
        hosts.iter().zip([Condition::Unreachable, Condition::ProtocolError, Condition::AuthFailed])
    {
        let error = desk(host).await.ask(Request::GetChassisStatus).await.unwrap_err();
        assert_eq!(error.condition(), condition, "{error}");
        viewer(host).await.until("login:").await;
    }
    eventually(|| TcpStream::connect(hosts[3].vnc).is_err()).await;
    assert!(matches!(Viewer::open(hosts[4].vnc, None).await, Err(rfb::Error::NotRfb { .. })));
    let refused = Viewer::open(hosts[5].vnc, None).await.err().map(|error| error.condition());
    assert_eq!(refused, Some(rfb::Condition::AuthFailed));
    for host in &hosts[3..] {
        assert!(desk(host).await.is_on().await);
    }
    hosts.iter().for_each(|host| fleet.mend_connections(&host.name).unwrap());
    eventually(|| TcpStream::connect(hosts[3].vnc).is_ok()).await;
    for host in hosts {
        assert!(desk(host).await.is_on().await);
        viewer(host).await.until("login:").await;
    }
    fleet.shutdown().await;
}

/// Asks again and again, for ten seconds at most.
async fn eventually(condition: impl Fn() -> bool) {
    for _ in 0..1000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came true");
}

#[tokio::test]
async fn a_screen_can_have_a_password() {
    let config = FleetConfig { screen_password: Some("peek".into()), ..FleetConfig::new(1) };
    let fleet = Fleet::start(config).await.unwrap();
    let vnc = fleet.hosts()[0].vnc;
    assert!(matches!(Viewer::open(vnc, Some("poke")).await, Err(rfb::Error::AuthFailed { .. })));
    Viewer::open(vnc, Some("peek")).await.unwrap().until("login:").await;
    fleet.shutdown().await;
}

#[tokio::test]
async fn the_script_breaks_hosts_when_it_says_so() {
    let staged = |seconds, host, fault: Fault| StagedFault { at: Duration::from_secs(seconds), host, fault };
    let script = FaultScript::new(vec![
        staged(4, 1, MachineFault::PanicEveryBoot.into()),
        staged(2, 0, MachineFault::GrubRescue.into()),
    ]);
    let fleet = Fleet::start(FleetConfig { script, pace: 20.0, ..FleetConfig::new(3) }).await.unwrap();
    assert_eq!(fleet.script().faults()[0].host, 0, "the earliest comes first");
    viewer(&fleet.hosts()[0]).await.until("grub rescue>").await;
    viewer(&fleet.hosts()[1]).await.until("Fatal machine check").await;
    assert!(fleet.state("rack1-03").unwrap().well);
    assert!(matches!(fleet.state("rack9-01"), Err(FleetError::UnknownHost { .. })));
    fleet.shutdown().await;
    let script = FaultScript::new(vec![staged(1, 3, Fault::BmcSilent)]);
    let refused = Fleet::start(FleetConfig { script, ..FleetConfig::new(3) }).await;
    assert!(matches!(refused, Err(FleetError::ScriptHost { host: 3, hosts: 3 })));
}

#[tokio::test]
async fn hundreds_of_hosts_live_in_one_process_and_leave_nothing_behind() {
    let fleet = fleet(300).await;
    let hosts = fleet.hosts().to_vec();
    assert_eq!((hosts.len(), hosts[299].name.as_str()), (300, "rack8-20"));
    for host in hosts.iter().step_by(50) {
        assert!(desk(host).await.is_on().await);
    }
    let watched = viewer(&hosts[7]).await;
    fleet.shutdown().await;
    drop(watched);
    for host in hosts {
        UdpSocket::bind(host.ipmi).unwrap_or_else(|error| panic!("{} is still taken: {error}", host.ipmi));
        TcpListener::bind(host.vnc).unwrap_or_else(|error| panic!("{} is still taken: {error}", host.vnc));
    }
}

/// Three hosts on one port of consecutive addresses, one that was free a moment ago. Where somebody else was faster,
/// another one is taken.
async fn fleet_of_addresses(bind: &str) -> (Fleet, u16) {
    loop {
        let port = UdpSocket::bind((bind, 0)).unwrap().local_addr().unwrap().port();
        let config = FleetConfig { bind: bind.parse().unwrap(), ipmi_port: port, ..FleetConfig::new(3) };
        match Fleet::start(config).await {
            Err(FleetError::Bind { .. }) => {}
            started => return (started.unwrap(), port),
        }
    }
}

#[tokio::test]
async fn hosts_can_have_an_address_each() {
    let (fleet, port) = fleet_of_addresses("127.77.0.254").await;
    let addresses: Vec<String> = fleet.hosts().iter().map(|host| host.ipmi.to_string()).collect();
    let expected = ["127.77.0.254", "127.77.0.255", "127.77.1.0"].map(|address| format!("{address}:{port}"));
    assert_eq!(addresses, expected);
    let again = FleetConfig { bind: "127.77.0.255".parse().unwrap(), ipmi_port: port, ..FleetConfig::new(1) };
    assert!(matches!(Fleet::start(again).await, Err(FleetError::Bind { what: "management controller", .. })));
    fleet.shutdown().await;
}
