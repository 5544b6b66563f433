//! People recover simulated hosts by hand with the program, and wait for the end: what the machines received, which evidence is kept, and the
//! exit code; and a flow that begins without a screen, by hand and by itself.

use std::process::Output;
use std::time::Duration;

use e2e::{Ironhand, PASSWORD, wait_until};
use ironhand_ipmi::ChassisControl;
use ironhand_sim::{Asked, Fleet, FleetConfig, MachineFault};
use serde_json::Value;
use tokio::runtime::Runtime;

/// Files of the flow library that are used here.
const FLOWS: [&str; 2] =
    [include_str!("../../../flows/firmware.yaml"), include_str!("../../../flows/power.yaml")];

/// A flow that begins on the same screen as `press-f1-to-continue` and does not help.
const IN_VAIN: &str = "apiVersion: ironhand/v1\nkind: Flow\nmetadata: { name: press-escape }\nspec:\n  priority: -10\n  \
     when: { screen: Press F1 to continue }\n  do: [{ keys: <Esc> }]\n  \
     verify: { screen: '^\\S+ login:', timeout: 2s }\n  limits: { attempts: 1, cooldown: 1s }\n";

const PATIENCE: Duration = Duration::from_secs(120);

/// Keysyms of X (keysymdef.h).
const ESCAPE: u32 = 0xFF1B;
const F1: u32 = 0xFFBE;

struct World {
    _runtime: Runtime,
    fleet: Fleet,
    ironhand: Ironhand,
}

/// What [`wait_until`] asks for.
fn accepted(is_so: bool, told: &Value) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(told.to_string()) }
}

impl World {
    /// Hosts at their login prompts, seen by a server that has the flows; some have the label by which they are switched on again.
    fn new(hosts: usize, switched_on: &[&str]) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let config =
            FleetConfig { pace: 10.0, serial: false, password: PASSWORD.into(), ..FleetConfig::new(hosts) };
        let fleet = runtime.block_on(Fleet::start(config)).expect("simulated hosts");
        let world = Self { _runtime: runtime, fleet, ironhand: Ironhand::serve() };
        world.ironhand.apply(
            "apiVersion: ironhand/v1\nkind: Settings\nmetadata: { name: global }\nspec: { screenInterval: 1s, powerInterval: 1s }\n---\n\
             apiVersion: ironhand/v1\nkind: Credential\nmetadata: { name: fleet }\n\
             spec: { username: admin, password: { fromEnv: IRONHAND_PASSWORD } }\n",
        );
        // Flows that wait for minutes, on machines that are ten times as fast.
        let flows = FLOWS.map(|flows| flows.replace("since: 2m", "since: 2s"));
        world.ironhand.apply(&[flows.join("---\n").as_str(), IN_VAIN].join("---\n"));
        let hosts = world.fleet.hosts().iter().map(|host| {
            let label =
                if switched_on.contains(&host.name.as_str()) { "{ when-off: switch-on }" } else { "{}" };
            format!(
                "apiVersion: ironhand/v1\nkind: Host\nmetadata: {{ name: {}, labels: {label} }}\nspec:\n  \
                 credentials: [fleet]\n  connectors:\n    - {{ type: ipmi, address: {}, port: {} }}\n    \
                 - {{ type: vnc, address: {}, port: {}, credentials: [] }}\n",
                host.name,
                host.ipmi.ip(),
                host.ipmi.port(),
                host.vnc.ip(),
                host.vnc.port()
            )
        });
        world.ironhand.apply(&hosts.collect::<Vec<_>>().join("---\n"));
        for host in world.names() {
            world.until_shows(&host, "login:");
        }
        world
    }

    fn names(&self) -> Vec<String> {
        self.fleet.hosts().iter().map(|host| host.name.clone()).collect()
    }

    fn host(&self, name: &str) -> Value {
        self.ironhand.json(&["get", "host", name])
    }

    /// Waits until words stand in the last line of a screen.
    fn until_shows(&self, name: &str, words: &str) {
        wait_until(&format!("{name} shows `{words}`"), PATIENCE, || {
            let headline = self.host(name)["status"]["screen"]["headline"].clone();
            accepted(headline.as_str().is_some_and(|line| line.contains(words)), &headline)
        });
    }

    /// Switches a machine off as another administrator would, behind the server's back, and waits until it is seen.
    fn switch_off(&self, name: &str) {
        let host = self.fleet.hosts().iter().find(|host| host.name == name).expect("a host of the fleet");
        let address = host.ipmi.to_string();
        let off = ["bmc", "-H", &address, "-U", "admin", "power", "off"];
        let done =
            self.ironhand.command(&off).env("XDG_CACHE_HOME", "/dev/null").output().expect("ironhand starts");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        wait_until(&format!("{name} is seen off"), PATIENCE, || {
            let power = self.host(name)["status"]["power"]["value"].clone();
            accepted(power == "off", &power)
        });
    }

    /// Runs `recover`; gives its exit code and what it says of the one host.
    fn recover(&self, arguments: &[&str]) -> (i32, Value) {
        let all = [&["recover"], arguments, &["--by", "alice", "-o", "json"]].concat();
        let Output { status, stdout, stderr } = self.ironhand.run(&all);
        let told = String::from_utf8_lossy(&stdout);
        let said = String::from_utf8_lossy(&stderr);
        let value: Value =
            serde_json::from_str(&told).unwrap_or_else(|error| panic!("{all:?}: {error}: {told}{said}"));
        (status.code().expect("it ends by itself"), value)
    }

    fn received(&self, name: &str) -> Vec<Asked> {
        self.fleet
            .received(name)
            .expect("a host of the fleet")
            .into_iter()
            .map(|received| received.what)
            .collect()
    }

    /// The runs on a host, the last first, with all that is kept of them.
    fn runs(&self, name: &str) -> Vec<Value> {
        let listed = self.ironhand.json(&["runs"]);
        let listed = listed.as_array().cloned().unwrap_or_default();
        let of_host = listed.iter().filter(|run| run["host"] == *name);
        of_host.map(|run| self.ironhand.json(&["runs", &run["id"].to_string()])).collect()
    }
}

#[test]
fn a_person_has_f1_pressed_and_waits_until_the_host_is_proven_well() {
    let world = World::new(1, &[]);
    let host = world.names().remove(0);
    world.ironhand.ok(&["recovery", "pause", "--reason", "by hand"]);
    let (code, told) = world.recover(&[&host, "--flow", "press-f1-to-continue", "--wait"]);
    assert_eq!(code, 4, "it does not apply to a host that is well: {told}");
    world.fleet.stage(&host, MachineFault::PowerSupplyF1).expect("a host of the fleet");
    world.until_shows(&host, "Press F1");

    let (code, told) = world.recover(&[&host, "--flow", "press-escape", "--wait"]);
    assert_eq!(code, 1, "Escape does not help, and is not proven to: {told}");
    assert_eq!(world.received(&host), [Asked::Key(ESCAPE)]);
    let (code, told) = world.recover(&[&host, "--flow", "press-f1", "--wait"]);
    assert_eq!(code, 3, "there is no such flow: {told}");

    let (code, told) = world.recover(&[&host, "--flow", "press-f1-to-continue", "--wait"]);
    assert_eq!(code, 0, "{told}");
    assert_eq!(world.received(&host), [Asked::Key(ESCAPE), Asked::Key(F1)], "exactly F1, once");
    assert!(world.fleet.state(&host).expect("a host of the fleet").well, "{told}");
    world.until_shows(&host, "login:");

    let runs = world.runs(&host);
    let states: Vec<_> = runs.iter().map(|run| (run["flow"].as_str(), run["state"].as_str())).collect();
    assert_eq!(
        states,
        [(Some("press-f1-to-continue"), Some("succeeded")), (Some("press-escape"), Some("failed"))]
    );
    let run = &runs[0];
    assert_eq!(run["asked"]["by"], "alice", "{run:#}");
    assert_eq!(run["steps"].as_array().map(Vec::len), Some(1), "{run:#}");
    let folder = world.ironhand.folder().join("evidence");
    world.ironhand.ok(&["runs", &run["id"].to_string(), "--save", &folder.to_string_lossy()]);
    for (file, words) in [("matched.png", "Press F1 to continue"), ("proof.png", "login:")] {
        let text = world.ironhand.ok(&["read", &folder.join(file).to_string_lossy()]);
        assert!(text.contains(words), "{file} does not show `{words}`:\n{text}");
    }
}

#[test]
fn a_run_that_takes_too_long_goes_on_without_who_waited() {
    let world = World::new(1, &[]);
    let host = world.names().remove(0);
    world.ironhand.ok(&["recovery", "pause"]);
    world.ironhand.apply(&IN_VAIN.replace("2s", "10m"));
    world.fleet.stage(&host, MachineFault::PowerSupplyF1).expect("a host of the fleet");
    world.until_shows(&host, "Press F1");
    let (code, told) = world.recover(&[&host, "--flow", "press-escape", "--wait", "--timeout", "1s"]);
    assert_eq!(code, 5, "{told}");
    let (code, told) = world.recover(&[&host, "--flow", "press-f1-to-continue", "--wait"]);
    assert_eq!(code, 4, "one run at a time: {told}");
    let run = world.runs(&host).remove(0);
    assert_eq!(run["state"], "running");
    world.ironhand.ok(&["cancel", &run["id"].to_string()]);
    let (code, told) = world.recover(&[&host, "--wait"]);
    assert_eq!(code, 0, "the flow that comes first where none is named: {told}");
    assert_eq!(world.received(&host), [Asked::Key(ESCAPE), Asked::Key(F1)]);
}

#[test]
fn hosts_that_went_off_are_switched_on_by_hand_and_without_a_hand_where_their_label_says_so() {
    let [by_hand, by_itself, meant_to_be_off] = ["rack1-01", "rack1-02", "rack1-03"];
    let world = World::new(3, &[by_hand, by_itself]);
    let power_on = Asked::Power(ChassisControl::PowerUp);
    let power_off = Asked::Power(ChassisControl::PowerDown);
    world.ironhand.ok(&["recovery", "pause"]);
    world.switch_off(by_hand);
    world.switch_off(meant_to_be_off);
    let refused = world.recover(&[meant_to_be_off, "--flow", "stay-on", "--wait"]);
    assert_eq!(refused.0, 4, "its label does not select it: {refused:?}");
    let applies = || {
        let (_, plan) = world.recover(&[by_hand, "--flow", "stay-on", "--dry-run"]);
        accepted(plan[0]["applies"] == true, &plan)
    };
    wait_until("it is off for long enough", PATIENCE, applies);
    assert_eq!(world.received(by_hand), [power_off], "a dry run does nothing");
    let (code, told) = world.recover(&[by_hand, "--flow", "stay-on", "--wait"]);
    assert_eq!(code, 0, "{told}");
    assert_eq!(world.received(by_hand), [power_off, power_on]);
    let run = world.runs(by_hand).remove(0);
    assert_eq!((&run["state"], run["steps"].as_array().map(Vec::len)), (&"succeeded".into(), Some(1)));

    world.ironhand.ok(&["recovery", "resume"]);
    world.switch_off(by_itself);
    wait_until("it was switched on, and proven so", PATIENCE, || {
        let runs = world.runs(by_itself);
        accepted(runs.first().is_some_and(|run| run["state"] == "succeeded"), &runs.into())
    });
    for name in [by_hand, by_itself] {
        world.until_shows(name, "login:");
        assert_eq!(world.received(name), [power_off, power_on], "{name}");
    }
    assert_eq!(world.received(meant_to_be_off), [power_off], "nobody said that it should be on");
    assert_eq!(world.runs(meant_to_be_off), Vec::<Value>::new());
}
