//! OpenSSH's server as a jump host, and as a machine that runs commands.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use e2e::{Peer, Served, peer, run, wait_until};
use ironhand_api::{Connector, PowerAction, Run, RunState, SshCommands, SshOptions, StepOutcome, Way};
use ironhand_client::{Client, Endpoint, RecordFilter};
use ironhand_connectors::{Command as SshCommand, CommandEnd, HostKey, MemoryPins, Pins, run_command};
use ironhand_connectors::{
    Hop, HttpClient, HttpLimits, HttpRequest, Login, PathHealth, Proof, Route, Surroundings, connect, open,
};
use ironhand_sim::{Fleet, FleetConfig, MachineFault};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::time::Instant;

const STARTS_WITHIN: Duration = Duration::from_secs(20);

struct Sshd {
    folder: tempfile::TempDir,
    port: u16,
    host_key: String,
    login: Login,
    _peer: Peer,
}

/// Makes a key pair; gives the path of its private half.
fn key(folder: &Path, name: &str, kind: &str) -> PathBuf {
    let path = folder.join(name);
    let text = path.to_string_lossy().into_owned();
    let made = run("ssh-keygen", &["-q", "-t", kind, "-N", "", "-C", "test", "-f", &text]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    path
}

impl Sshd {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (host, user) = (key(folder.path(), "host", "ed25519"), key(folder.path(), "user", "ed25519"));
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let config = folder.path().join("sshd_config");
        let text = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}.pub\nPidFile none\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n",
            host.display(),
            user.display(),
        );
        std::fs::write(&config, text).expect("written");
        // Where the package's service has not run since the machine started, sshd misses its empty folder.
        let empty = Path::new("/run/sshd");
        if !empty.exists() {
            let _ = std::fs::create_dir(empty);
        }
        let log = folder.path().join("sshd.log");
        let config = config.to_string_lossy().into_owned();
        let peer = Peer::start(&peer("sshd"), &["-D", "-e", "-f", &config], &log);
        wait_until("sshd listens", STARTS_WITHIN, || {
            std::net::TcpStream::connect(("127.0.0.1", port))
                .map_err(|error| format!("{error}: {}", std::fs::read_to_string(&log).unwrap_or_default()))
        });
        let shown = run("ssh-keygen", &["-l", "-f", &format!("{}.pub", host.display())]);
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        let host_key = shown.split_whitespace().nth(1).expect("a fingerprint").to_owned();
        let name = Command::new("id").arg("-un").output().expect("id runs").stdout;
        let username = String::from_utf8_lossy(&name).trim().to_owned();
        let password = SecretString::from(std::fs::read_to_string(&user).expect("the key"));
        Self { folder, port, host_key, login: Login { username, password }, _peer: peer }
    }

    fn device(
        &self,
        host_key: &str,
        login: Login,
        commands: SshCommands,
    ) -> Box<dyn ironhand_connectors::Device> {
        let options = SshOptions { host_key: host_key.to_owned(), commands };
        let connector = Connector { port: Some(self.port), ..Connector::new(Way::Ssh(options), "127.0.0.1") };
        open(&connector, Some(login), &Surroundings::default()).expect("a device")
    }
}

/// A host key that nobody has.
const WRONG_KEY: &str = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[tokio::test]
async fn commands_run_on_the_machine_whose_key_was_given() {
    let sshd = Sshd::start();
    let mark = sshd.folder.path().join("mark");
    let commands = SshCommands {
        soft: Some(format!("touch {}", mark.display())),
        // Its complaint comes after its status.
        off: Some("(sleep 0.2; echo not today >&2) & exit 3".to_owned()),
        ..SshCommands::default()
    };
    let mut machine = sshd.device(&sshd.host_key, sshd.login.clone(), commands.clone());
    assert_eq!(machine.power(PowerAction::Soft).await, Ok(()));
    assert!(mark.exists());
    let refused = machine.power(PowerAction::Off).await.unwrap_err();
    assert_eq!(refused.code(), "connector.refused");
    assert!(refused.to_string().contains("status 3: not today"), "{refused}");
    let refused = machine.power(PowerAction::Reset).await.unwrap_err();
    assert_eq!(refused.code(), "connector.unsupported");
    std::fs::remove_file(&mark).unwrap();
    let mut other = sshd.device(WRONG_KEY, sshd.login.clone(), commands.clone());
    let error = other.power(PowerAction::Soft).await.unwrap_err();
    assert_eq!(error.code(), "connector.certificate", "{error}");
    let stranger = key(sshd.folder.path(), "stranger", "ed25519");
    let password = SecretString::from(std::fs::read_to_string(stranger).unwrap());
    let login = Login { password, ..sshd.login.clone() };
    let error = sshd.device(&sshd.host_key, login, commands).power(PowerAction::Soft).await.unwrap_err();
    assert_eq!(error.code(), "connector.login_refused", "{error}");
    assert!(!mark.exists());
}

#[tokio::test]
async fn devices_are_reached_through_a_jump_host() {
    let sshd = Sshd::start();
    let device = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = device.local_addr().unwrap().port();
    let visited = tokio::spawn(async move {
        let (mut stream, _) = device.accept().await.unwrap();
        let mut asked = [0; 4];
        stream.read_exact(&mut asked).await.unwrap();
        stream.write_all(&asked).await.unwrap();
        let (stream, _) = device.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        for number in 1..=2 {
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                stream.read_line(&mut line).await.unwrap();
            }
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{number}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let route = |port, host_key: &str| Route {
        addresses: vec!["127.0.0.1".to_owned()],
        port,
        through: Some(Hop::Ssh {
            address: "127.0.0.1".to_owned(),
            port: sshd.port,
            login: sshd.login.clone(),
            host_key: host_key.to_owned(),
        }),
    };
    let soon = || Instant::now() + STARTS_WITHIN;
    let reached = connect(&route(port, &sshd.host_key), &PathHealth::new(), soon()).await;
    let (mut stream, _) = reached.unwrap_or_else(|error| panic!("{error}"));
    stream.write_all(b"ping").await.unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"ping");
    // Both questions over one connection.
    let client = HttpClient::new(route(port, &sshd.host_key), Proof::Off, HttpLimits::default());
    for number in ["1", "2"] {
        let answer = client.send(&HttpRequest::get("/")).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(answer.body, number.as_bytes());
    }
    client.close().await;
    visited.await.unwrap();
    // A socket in the file system of the jump host.
    let path = sshd.folder.path().join("socket");
    let device = tokio::net::UnixListener::bind(&path).unwrap();
    let visited = tokio::spawn(async move { device.accept().await.unwrap().0.write_all(b"hello").await });
    let mut to_socket = route(0, &sshd.host_key);
    to_socket.addresses = vec![path.to_string_lossy().into_owned()];
    let reached = connect(&to_socket, &PathHealth::new(), soon()).await;
    let (mut stream, _) = reached.unwrap_or_else(|error| panic!("{error}"));
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    assert_eq!(said, "hello");
    visited.await.unwrap().unwrap();
    let code = async |port, host_key: &str| {
        let reached = connect(&route(port, host_key), &PathHealth::new(), soon()).await;
        reached.map(|_| ()).unwrap_err().code()
    };
    assert_eq!(code(port, WRONG_KEY).await, "connector.certificate");
    // Nobody listens there any more.
    assert_eq!(code(port, &sshd.host_key).await, "connector.hop");
}

#[tokio::test]
async fn a_command_is_told_with_its_status_and_what_it_writes() {
    let sshd = Sshd::start();
    let route = Route::direct("127.0.0.1", sshd.port);
    let given = || HostKey::Given(sshd.host_key.clone());
    let run = async |key: HostKey, run: &str, input: Option<&[u8]>| {
        run_command(&route, &sshd.login, key, &SshCommand { run, input, within: STARTS_WITHIN * 3 }).await
    };
    let end = run(given(), "cat; echo no >&2; exit 4", Some(b"read it")).await.unwrap();
    assert_eq!(end, CommandEnd { status: Some(4), output: b"read it".to_vec(), complaint: b"no\n".to_vec() });
    // Nothing to read is the end of what there is to read.
    let end = run(given(), "wc -c", None).await.unwrap();
    assert_eq!((end.status, end.output.trim_ascii()), (Some(0), &b"0"[..]));
    // More than is kept is read all the same.
    let end = run(given(), "head -c 300000 /dev/zero; exit 1", None).await.unwrap();
    assert_eq!((end.status, end.output.len()), (Some(1), 64 * 1024));
    // A machine that goes down says nothing.
    let end = run(given(), "kill -9 $PPID", None).await.unwrap();
    assert_eq!(end.status, None);
    let pins: Arc<dyn Pins> = Arc::new(MemoryPins::default());
    let first = || HostKey::First { device: "ssh".to_owned(), pins: Arc::clone(&pins) };
    for _ in 0..2 {
        assert_eq!(run(first(), "true", None).await.unwrap().status, Some(0));
    }
    let other = Sshd::start();
    let command = SshCommand { run: "true", input: None, within: STARTS_WITHIN };
    let changed = run_command(&Route::direct("127.0.0.1", other.port), &other.login, first(), &command).await;
    assert_eq!(changed.unwrap_err().code(), "connector.certificate");
    let wrong = run(HostKey::Given(WRONG_KEY.to_owned()), "true", None).await;
    assert_eq!(wrong.unwrap_err().code(), "connector.certificate");
}

/// A label that a shell would make something of.
const LABEL: &str = "7';touch${IFS}x;`id`\"z\"";

const TOKEN: &str = "Kanarie-token";

#[test]
fn flows_run_commands_and_show_no_secret() {
    let sshd = Sshd::start();
    let mark = sshd.folder.path().join("mark");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let config = FleetConfig { pace: 20.0, serial: false, ..FleetConfig::new(1) };
    let password = config.password.expose_secret().to_owned();
    let fleet = runtime.block_on(Fleet::start(config)).expect("a simulated host");
    let sim = &fleet.hosts()[0];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Served::start(folder.path());
    let login = |name: &str, username: &str, password: serde_json::Value| {
        serde_json::json!({ "apiVersion": "ironhand/v1", "kind": "Credential", "metadata": { "name": name },
                            "spec": { "username": username, "password": password } })
    };
    let key = serde_json::json!({ "fromFile": sshd.folder.path().join("user") });
    let ssh = |run: &str| serde_json::json!({ "address": "127.0.0.1", "port": sshd.port, "login": "machine", "run": run });
    let mut echoes = ssh("printf '%s\n' {{ host.labels.rack }}; cat");
    echoes["input"] = serde_json::json!({ "secret": "token" });
    echoes["expect"] = serde_json::json!({ "output": "^(?<rack>.*)$" });
    let mut writes = ssh(&format!("printf %s {{{{ captures.rack }}}} > {}; exit 7", mark.display()));
    writes["expect"] = serde_json::json!({ "status": [0, 7] });
    writes["hostKey"] = serde_json::json!(sshd.host_key);
    let manifests = [
        login("fleet", "admin", serde_json::json!(password)),
        login("machine", &sshd.login.username, key),
        login("token", "", serde_json::json!(TOKEN)),
        serde_json::json!({ "apiVersion": "ironhand/v1", "kind": "Settings", "metadata": { "name": "global" },
                            "spec": { "screenInterval": "200ms", "screenIntervalIncident": "100ms" } }),
        serde_json::json!({ "apiVersion": "ironhand/v1", "kind": "Flow", "metadata": { "name": "panic" },
                            "spec": { "when": { "screen": "Kernel panic" },
                                      "do": [{ "ssh": echoes }, { "ssh": writes }, { "power": "cycle" }],
                                      "verify": { "screen": "login:", "timeout": "2m" } } }),
        serde_json::json!({ "apiVersion": "ironhand/v1", "kind": "Host",
                            "metadata": { "name": sim.name, "labels": { "rack": LABEL } },
                            "spec": { "credentials": ["fleet"], "connectors": [
                                { "type": "ipmi", "address": sim.ipmi.ip(), "port": sim.ipmi.port() },
                                { "type": "vnc", "address": sim.vnc.ip(), "port": sim.vnc.port(), "credentials": [] },
                            ] } }),
    ];
    server.apply(&manifests.map(|manifest| manifest.to_string()).join("\n---\n"));
    fleet.stage(&sim.name, MachineFault::KernelPanic).expect("a host of the fleet");
    let client = Client::new(Endpoint::Unix(folder.path().join("api.sock"))).expect("a client");
    let run: Run = wait_until("the run is over", STARTS_WITHIN * 6, || {
        let runs =
            runtime.block_on(client.runs(&RecordFilter::default())).map_err(|error| error.to_string())?;
        let over = runs.into_iter().find(|run| run.state != RunState::Running);
        over.ok_or_else(|| "none has ended".to_owned())
    });
    assert_eq!(run.state, RunState::Succeeded, "{run:#?}");
    assert_eq!(run.steps[0].captured["rack"], LABEL, "{run:#?}");
    assert_eq!(std::fs::read_to_string(&mark).expect("the command ran"), LABEL);
    assert!(!sshd.folder.path().join("x").exists());
    let detail = |index: usize| match &run.steps[index].outcome {
        Some(StepOutcome::Done(detail)) => detail.clone(),
        other => panic!("{other:?}"),
    };
    assert!(detail(0).contains("ends with status 0") && detail(0).contains("***"), "{}", detail(0));
    assert!(detail(1).contains("ends with status 7"), "{}", detail(1));
    let told = serde_json::to_string(&run).expect("a run is JSON");
    assert!(!told.contains(TOKEN) && !told.contains("PRIVATE KEY"), "{told}");
}
