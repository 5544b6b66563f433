//! The server: `ironhand serve`, as a user starts it.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ironhand_api::{EventKind, GlobalSettings, Host, LabelSelector, Manifest, Metadata, Settings, Timestamp};
use ironhand_client::{Client, Endpoint, EventFilter};

use crate::Result;
use crate::process::Meter;
use crate::staleness::now;

/// How long all hosts may take to be read: many times what it takes.
const PATIENCE: Duration = Duration::from_secs(300);

pub struct Server {
    child: Child,
    client: Client,
    socket: PathBuf,
    database: PathBuf,
    pub started_at: Timestamp,
}

impl Server {
    /// Starts a server with its data in `folder`, and waits until it serves.
    pub async fn start(folder: &Path) -> Result<Self> {
        let started_at = now();
        let (data, socket) = (folder.join("data"), folder.join("api.sock"));
        let mut child = Command::new(env!("CARGO_BIN_EXE_ironhand"))
            .arg("serve")
            .arg("--data")
            .arg(&data)
            .arg("--socket")
            .arg(&socket)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.join("log"))?)
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("the server has an output")?).lines();
        let ready = lines.next().transpose()?;
        std::thread::spawn(move || lines.for_each(drop));
        if ready.is_none() {
            return Err(std::fs::read_to_string(folder.join("log"))?.into());
        }
        let client = Client::new(Endpoint::Unix(socket.clone()))?;
        let database = std::fs::read_dir(&data)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.extension().is_some_and(|extension| extension == "db"))
            .ok_or("a database in the data directory")?;
        Ok(Self { child, client, socket, database, started_at })
    }

    /// What it has used so far.
    pub fn meter(&self) -> Result<Meter> {
        Meter::read(self.child.id(), &self.database)
    }

    /// `ironhand apply`.
    pub fn apply(&self, manifests: &Path) -> Result<()> {
        let applied = Command::new(env!("CARGO_BIN_EXE_ironhand"))
            .arg("--server")
            .arg(format!("unix:{}", self.socket.display()))
            .arg("apply")
            .arg("-f")
            .arg(manifests)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()?;
        if applied.success() { Ok(()) } else { Err("the manifests were not applied".into()) }
    }

    /// Changes a setting of all hosts.
    pub async fn set(&self, name: &str, value: &str) -> Result<()> {
        let spec = serde_json::from_value(serde_json::json!({ name: value }))?;
        let metadata = Metadata::named(Settings::GLOBAL.parse()?);
        self.client.apply(&Manifest::Settings(GlobalSettings { metadata, spec })).await?;
        Ok(())
    }

    /// All hosts with what is known of them.
    pub async fn hosts(&self) -> Result<Vec<Host>> {
        Ok(self.client.list(&LabelSelector::default()).await?)
    }

    /// Waits until the power of so many hosts was seen for the first time: each is one event.
    pub async fn until_first_seen(&self, wanted: usize) -> Result<Duration> {
        let begun = Instant::now();
        let mut seen = BTreeSet::new();
        let mut after = 0;
        while seen.len() < wanted {
            let filter = EventFilter { after: Some(after), limit: Some(1000), ..EventFilter::default() };
            let events = self.client.events(&filter).await?;
            after = events.last().map_or(after, |event| event.id);
            let pause = events.is_empty();
            let power = events.into_iter().filter(|event| event.kind == EventKind::PowerChanged);
            seen.extend(power.filter_map(|event| event.host));
            self.pause(pause, begun, || format!("{} of {wanted} hosts were read", seen.len())).await?;
        }
        Ok(begun.elapsed())
    }

    /// Waits until the power of so many hosts was read after a moment.
    pub async fn until_read_since(&self, wanted: usize, since: Timestamp) -> Result<Duration> {
        let begun = Instant::now();
        loop {
            let hosts = self.hosts().await?;
            let power = hosts.iter().filter_map(|host| host.status.as_ref()?.power.as_ref());
            let read = power.filter(|power| power.observed_at > since).count();
            if read >= wanted {
                return Ok(begun.elapsed());
            }
            self.pause(true, begun, || format!("{read} of {wanted} hosts were read again")).await?;
        }
    }

    async fn pause(&self, wanted: bool, begun: Instant, far: impl FnOnce() -> String) -> Result<()> {
        if begun.elapsed() > PATIENCE {
            return Err(format!("{} within {} s", far(), PATIENCE.as_secs()).into());
        }
        if wanted {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Asked first, so that it stops in order.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        if !asked.is_ok_and(|asked| asked.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
