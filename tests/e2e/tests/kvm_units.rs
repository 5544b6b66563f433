//! Simulated units at buttons, screens and keyboards, judged by client libraries that were written for real ones.

use std::process::Command;
use std::time::Duration;

use e2e::{PASSWORD, lines_of, peer_file};
use ironhand_sim::kvm_unit::{Button, KvmUnit, KvmUnitConfig, UnitKind};
use ironhand_sim::{Certificate, MachineConfig, Make};

async fn unit(kind: UnitKind) -> KvmUnit {
    let name = "rack7-12".to_owned();
    let machine = MachineConfig { name, make: Make::R740Like, seed: 1, pace: 50.0, running: true };
    let certificate =
        (kind == UnitKind::Pikvm).then(|| Certificate::self_signed().expect("a certificate can be made"));
    let config = KvmUnitConfig { certificate, ..KvmUnitConfig::new(kind, PASSWORD.into(), machine) };
    KvmUnit::start(config).await.expect("loopback has free ports")
}

/// What a script says, line by line, or its complaint.
async fn judge(unit: &KvmUnit, script: &str, password: &str, words: &[&str]) -> Result<Vec<String>, String> {
    let package = if script == "pikvm" { "pikvm-lib==0.5.0" } else { "nanokvm==1.4.1" };
    // One of them writes a log where it is.
    let place = tempfile::tempdir().expect("a place for it");
    let mut command = Command::new(peer_file(&format!("python/{package}/bin/python")));
    command
        .arg(format!("{}/tests/kvm_units/{script}_judge.py", env!("CARGO_MANIFEST_DIR")))
        .arg(unit.address().to_string())
        .args(words)
        .current_dir(place.path())
        .env("UNIT_PASSWORD", password);
    tokio::task::spawn_blocking(move || lines_of(&mut command)).await.expect("it does not panic")
}

/// Waits until the machine has power, or has none.
async fn wait_for(unit: &KvmUnit, on: bool) {
    let waiting = async {
        while unit.is_on() != on {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("the machine follows its buttons");
}

fn buttons(unit: &KvmUnit) -> Vec<(Button, bool)> {
    unit.presses().iter().map(|press| (press.button, press.held > Duration::from_secs(4))).collect()
}

/// The characters of the keys that went down.
fn typed(unit: &KvmUnit) -> String {
    let down = unit.keys().into_iter().filter(|(keysym, down)| *down && *keysym < 0x80);
    down.filter_map(|(keysym, _)| char::from_u32(keysym)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pikvm_lib_drives_our_pikvm() {
    let unit = unit(UnitKind::Pikvm).await;
    let words = ["check", "light", "picture", "type:Root 7!", "light", "power:off_hard"];
    let said = judge(&unit, "pikvm", PASSWORD, &words).await.expect("the library is content");
    assert_eq!(said[..2], ["True", "True False True"], "{said:?}");
    assert!(said[2].starts_with("JPEG "), "{said:?}");
    assert_eq!(typed(&unit), "Root 7!");
    wait_for(&unit, false).await;
    // The second presses nothing, as the machine is off.
    let words = ["light", "power:off", "power:on"];
    let said = judge(&unit, "pikvm", PASSWORD, &words).await.expect("the library is content");
    assert_eq!(said[0], "True False False", "{said:?}");
    wait_for(&unit, true).await;
    let said = judge(&unit, "pikvm", PASSWORD, &["click:reset", "light"]).await;
    assert!(said.is_ok(), "{said:?}");
    let all = [(Button::Power, true), (Button::Power, false), (Button::Reset, false)];
    assert_eq!(buttons(&unit), all);
    judge(&unit, "pikvm", "wrong", &["light"]).await.expect_err("the password is wrong");
}

#[tokio::test(flavor = "multi_thread")]
async fn nanokvm_drives_our_nanokvm() {
    let unit = unit(UnitKind::Nanokvm).await;
    let words = ["light", "picture", "type:Root 7!", "press:power,8000"];
    let said = judge(&unit, "nanokvm", PASSWORD, &words).await.expect("the library is content");
    assert_eq!((said[0].as_str(), said[1].starts_with("JPEG ")), ("True", true), "{said:?}");
    assert_eq!(typed(&unit), "Root 7!");
    wait_for(&unit, false).await;
    let words = ["light", "press:power,800"];
    let said = judge(&unit, "nanokvm", PASSWORD, &words).await.expect("the library is content");
    assert_eq!(said[0], "False", "{said:?}");
    wait_for(&unit, true).await;
    judge(&unit, "nanokvm", PASSWORD, &["press:reset,800"]).await.expect("the library is content");
    let all = [(Button::Power, true), (Button::Power, false), (Button::Reset, false)];
    assert_eq!(buttons(&unit), all);
    let refused = judge(&unit, "nanokvm", "wrong", &["light"]).await.expect_err("the password is wrong");
    assert!(refused.contains("NanoKVMAuthenticationFailure"), "{refused}");
}
