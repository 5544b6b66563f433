//! Hosts that are reached through a unit at their buttons, screen and keyboard.

use ironhand_api::{Host, Manifest, PowerAction, PowerRequest, PowerState, Reach, Screen};
use ironhand_sim::kvm_unit::{KvmUnit, KvmUnitConfig, UnitFault, UnitKind};
use ironhand_sim::{Certificate, MachineConfig, Make};

use crate::harness::{World, credential, eventually, name, soon};

const PASSWORD: &str = "let me see";

/// A unit with a machine at its login prompt.
async fn unit(kind: UnitKind, tls: bool) -> KvmUnit {
    let name = "rack9-1".to_owned();
    let machine = MachineConfig { name, make: Make::R740Like, seed: 3, pace: 50.0, running: true };
    let certificate = tls.then(|| Certificate::self_signed().unwrap());
    let config = KvmUnitConfig { certificate, ..KvmUnitConfig::new(kind, PASSWORD.into(), machine) };
    KvmUnit::start(config).await.unwrap()
}

fn host(unit: &KvmUnit, kind: &str) -> Manifest {
    let (address, port) = (unit.address().ip(), unit.address().port());
    let host: Host = serde_json::from_value(serde_json::json!({
        "metadata": { "name": "rack9-1" },
        "spec": { "connectors": [{ "type": kind, "address": address, "port": port, "credentials": ["kvm"] }] },
    }))
    .unwrap();
    Manifest::Host(host)
}

/// Powers the machine off and on, reads its screen and types.
async fn check(kind: UnitKind, word: &str) {
    let world = World::new(0).await;
    let unit = unit(kind, kind == UnitKind::Pikvm).await;
    world.client.apply(&credential("kvm", "admin", PASSWORD)).await.unwrap();
    world.client.apply(&host(&unit, word)).await.unwrap();
    let host = name("rack9-1");
    world
        .until_status(&host, |status| {
            status.power.as_ref().is_some_and(|power| power.value == PowerState::On)
        })
        .await;

    let shows = async |text: &str| {
        let reads = |screen: &Screen| screen.rows.iter().any(|row| row.contains(text));
        eventually(
            text,
            async || world.client.read_screen(&host).await.ok(),
            |screen| screen.as_ref().is_some_and(reads),
        )
        .await;
    };
    shows("login:").await;
    let screen = world.client.screen(&host).await.unwrap();
    assert_eq!(&world.client.picture(&screen.picture).await.unwrap()[1..4], b"PNG");
    soon(world.client.keys(&host, "Root<Enter>")).await.unwrap();
    let keysyms: Vec<u32> = unit.keys().iter().filter(|(_, down)| *down).map(|(keysym, _)| *keysym).collect();
    assert_eq!(keysyms, [0xffe1, 0x52, 0x6f, 0x6f, 0x74, 0xff0d]);
    shows("Password:").await;
    let typed = unit.keys().len();
    let refused = world.client.keys(&host, "aü").await.unwrap_err();
    let code = refused.problem().map(|problem| problem.code.clone());
    assert_eq!((code.as_deref(), unit.keys().len()), (Some("connector.unsupported"), typed), "{refused}");

    let act = async |action| soon(world.client.power(&host, &PowerRequest::new(action))).await;
    let report = act(PowerAction::Off).await.unwrap();
    assert_eq!((report.power, unit.is_on()), (Some(PowerState::Off), false), "{report:#?}");
    let report = act(PowerAction::On).await.unwrap();
    assert_eq!((report.power, unit.is_on()), (Some(PowerState::On), true), "{report:#?}");
    shows("login:").await;

    unit.break_unit(Some(UnitFault::Down));
    world
        .until_status(&host, |status| status.reach.as_ref().is_some_and(|reach| reach.value != Reach::Ok))
        .await;
    unit.break_unit(None);
    world
        .until_status(&host, |status| status.reach.as_ref().is_some_and(|reach| reach.value == Reach::Ok))
        .await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_driven_through_a_pikvm() {
    check(UnitKind::Pikvm, "pikvm").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_driven_through_a_nanokvm() {
    check(UnitKind::Nanokvm, "nanokvm").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_driven_through_a_jetkvm() {
    check(UnitKind::Jetkvm, "jetkvm").await;
}
