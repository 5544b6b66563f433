//! What a server costs while nothing happens: processor time and memory, with the default intervals, watching healthy
//! simulated hosts. `cargo xtask bench idle`.
//!
//! The server has a runtime of its own, whose threads are told apart from the simulators' by their name.

use std::fs;
use std::time::Duration;

use ironhand_api::{Credential, CredentialSpec, Host, LabelSelector, Manifest, Metadata, PowerState, Secret};
use ironhand_client::{Client, Endpoint};
use ironhand_server::{Config, Server, Settings};
use ironhand_sim::{Fleet, FleetConfig, SimHost};
use tokio::runtime::{Builder, Runtime};

const HOSTS: usize = 12;
const MEASURED: Duration = Duration::from_secs(20);
const THREADS: &str = "bench-server";

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let others = Runtime::new()?;
    // Threads that ended would no longer be counted.
    let servers = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name(THREADS)
        .thread_keep_alive(Duration::from_secs(3600))
        .enable_all()
        .build()?;
    let directory = tempfile::tempdir()?;
    let mut config = Config::new(directory.path().join("data"));
    config.socket = Some(directory.path().join("api.sock"));
    config.settings = Settings::default();
    let server = servers.block_on(Server::start(config))?;
    let fleet = others.block_on(Fleet::start(FleetConfig::new(HOSTS)))?;
    let client = Client::new(Endpoint::Unix(server.socket().to_owned()))?;
    others.block_on(adopt(&client, fleet.hosts()))?;

    let before = processor_ticks()?;
    std::thread::sleep(MEASURED);
    let used = processor_ticks()? - before;
    // The kernel counts in hundredths of a second for every program (USER_HZ).
    let share = used as f64 / MEASURED.as_secs_f64();
    println!("{HOSTS} healthy hosts, default intervals, {} s", MEASURED.as_secs());
    println!("processor: {share:.2} % of one core, {:.3} % for each host", share / HOSTS as f64);
    others.block_on(fleet.shutdown());
    servers.block_on(server.shutdown());
    Ok(())
}

/// Makes the server know the hosts, and waits until all were seen.
async fn adopt(client: &Client, hosts: &[SimHost]) -> Result<()> {
    let metadata = Metadata::named("fleet".parse()?);
    let spec = CredentialSpec { username: "admin".to_owned(), password: Secret::Plain("simulated".into()) };
    client.apply(&Manifest::Credential(Credential { metadata, spec })).await?;
    for sim in hosts {
        let host = serde_json::from_value(serde_json::json!({
            "metadata": { "name": sim.name },
            "spec": {
                "credentials": ["fleet"],
                "connectors": [
                    { "type": "ipmi", "address": sim.ipmi.ip(), "port": sim.ipmi.port() },
                    { "type": "vnc", "address": sim.vnc.ip(), "port": sim.vnc.port(), "credentials": [] },
                ],
            },
        }))?;
        client.apply(&Manifest::Host(host)).await?;
    }
    loop {
        let hosts: Vec<Host> = client.list(&LabelSelector::default()).await?;
        let seen = |host: &Host| {
            host.status.as_ref().is_some_and(|status| {
                status.screen.is_some()
                    && status.power.as_ref().is_some_and(|power| power.value == PowerState::On)
            })
        };
        if hosts.iter().all(seen) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Processor time of the server's threads so far, in ticks of user and system time (proc(5), `stat` fields 14 and 15).
fn processor_ticks() -> Result<u64> {
    let mut ticks = 0;
    for task in fs::read_dir("/proc/self/task")? {
        let stat = fs::read_to_string(task?.path().join("stat"))?;
        let Some((name, rest)) = stat.rsplit_once(')') else { continue };
        // The kernel cuts names at 15 characters.
        if name.ends_with(THREADS) {
            let fields: Vec<&str> = rest.split_whitespace().collect();
            ticks += fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        }
    }
    Ok(ticks)
}
