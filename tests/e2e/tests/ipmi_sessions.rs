//! Every kind of session against strangers: FreeIPMI and `ipmitool` open them on our BMC side, our client on OpenIPMI's
//! `ipmi_sim`. Both sides of ours run here on a socket each; what is done with sessions is judged elsewhere.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use e2e::{IpmiSim, PASSWORD, private_file, run, wait_until};
use ironhand_ipmi::bmc::Ipmi15Config;
use ironhand_ipmi::client::SessionProtocol;
use ironhand_ipmi::{
    Bmc, BmcConfig, BmcOutput, ChassisStatus, CipherSuite, Client, ClientConfig, Entropy, Error, Event,
    Ipmi15Authentication, Output, PrivilegeLevel, Reply, Request, User,
};

/// Numbers that are only different, which is all that sessions on loopback need.
fn numbers() -> Box<dyn Entropy> {
    let mut count = u64::from(std::process::id()) << 32 | 0x9E37_79B9;
    Box::new(move |bytes: &mut [u8]| {
        bytes.fill_with(|| {
            count = count.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (count >> 56) as u8
        });
    })
}

/// A BMC of ours that offers every kind of session, on a port of its own.
struct ServedBmc {
    port: u16,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    password_file: tempfile::NamedTempFile,
    config_file: tempfile::NamedTempFile,
}

impl ServedBmc {
    fn start(per_message: bool) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
        let port = socket.local_addr().expect("bound").port();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || serve(&socket, per_message, &stopped));
        let password_file = private_file(PASSWORD);
        let config_file = private_file(&format!("username admin\npassword {PASSWORD}\n"));
        Self { port, stop, thread: Some(thread), password_file, config_file }
    }

    /// `bmc-info` of FreeIPMI over `driver`, with the options that choose the session.
    fn freeipmi(&self, driver: &str, options: &[&str]) {
        let host = format!("127.0.0.1:{}", self.port);
        let config = self.config_file.path().to_string_lossy().into_owned();
        let mut arguments =
            vec!["--config-file", &config, "-D", driver, "-l", "ADMIN", "-h", &host, "--get-device-id"];
        arguments.extend(options);
        let output = run("bmc-info", &arguments);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("Device ID             : 32"), "{driver} {options:?}: {output:?}");
    }

    fn ipmitool(&self, interface: &str, options: &[&str]) {
        let (port, password) =
            (self.port.to_string(), self.password_file.path().to_string_lossy().into_owned());
        let mut arguments =
            vec!["-I", interface, "-H", "127.0.0.1", "-p", &port, "-U", "admin", "-f", &password];
        arguments.extend(options);
        arguments.extend(["chassis", "power", "status"]);
        let output = run("ipmitool", &arguments);
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(text.trim(), "Chassis Power is on", "{interface} {options:?}: {output:?}");
    }
}

impl Drop for ServedBmc {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed, and the test failed by it.
            let _ = thread.join();
        }
    }
}

fn serve(socket: &UdpSocket, per_message: bool, stop: &AtomicBool) {
    let users = vec![User::new("admin", PASSWORD.into(), PrivilegeLevel::Administrator)];
    let authentications = vec![Ipmi15Authentication::Md5, Ipmi15Authentication::Password];
    let config = BmcConfig {
        suites: CipherSuite::ALL.to_vec(),
        ipmi15: Ipmi15Config { authentications, per_message },
        chassis: ChassisStatus { power_on: true, ..ChassisStatus::default() },
        ..BmcConfig::new(users)
    };
    let mut bmc = Bmc::new(config, numbers());
    let mut datagram = [0; 2048];
    while !stop.load(Ordering::Relaxed) {
        if let Ok((length, from)) = socket.recv_from(&mut datagram) {
            bmc.receive(Instant::now(), from, &datagram[..length]);
        }
        bmc.wake(Instant::now());
        while let Some(output) = bmc.next_output() {
            if let BmcOutput::Send { to, bytes } = output {
                socket.send_to(&bytes, to).expect("sent on loopback");
            }
        }
    }
}

#[test]
fn freeipmi_opens_sessions_of_every_suite_on_our_bmc() {
    let bmc = ServedBmc::start(true);
    for suite in CipherSuite::ALL {
        bmc.freeipmi("LAN_2_0", &["-I", &suite.id().to_string()]);
    }
}

#[test]
fn ipmitool_opens_sessions_of_the_suites_that_it_knows_on_our_bmc() {
    let bmc = ServedBmc::start(true);
    // It lists suite 12 and has no MD5-128.
    for suite in ["3", "8", "17"] {
        bmc.ipmitool("lanplus", &["-C", suite]);
    }
}

#[test]
fn strangers_open_ipmi_15_sessions_on_our_bmc() {
    for per_message in [true, false] {
        let bmc = ServedBmc::start(per_message);
        bmc.ipmitool("lan", &["-A", "MD5"]);
        bmc.ipmitool("lan", &["-A", "PASSWORD"]);
        bmc.freeipmi("LAN", &["-a", "MD5"]);
        bmc.freeipmi("LAN", &["-a", "STRAIGHT_PASSWORD_KEY"]);
    }
}

/// Asks the BMC at `port` for its device id.
fn ask(port: u16, config: ClientConfig) -> Result<Reply, Error> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let bmc = (Ipv4Addr::LOCALHOST, port).into();
    let mut client = Client::new(config, numbers());
    let asked = client.submit(Instant::now(), Request::GetDeviceId);
    let mut datagram = [0; 2048];
    let mut answer = None;
    loop {
        while let Some(output) = client.next_output() {
            match output {
                Output::Send(bytes) => drop(socket.send_to(&bytes, bmc).expect("sent on loopback")),
                Output::Event(Event::Done { ticket, result }) if ticket == asked => {
                    answer = Some(result);
                    client.close(Instant::now());
                }
                Output::Event(_) => {}
            }
        }
        let Some(wake) = client.next_wake() else {
            return answer.expect("a client without deadlines has answered");
        };
        let wait = wake.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        socket.set_read_timeout(Some(wait)).expect("a timeout");
        if let Ok(length) = socket.recv(&mut datagram) {
            client.receive(Instant::now(), bmc, &datagram[..length]);
        }
        client.wake(Instant::now());
    }
}

#[test]
fn our_client_opens_sessions_on_openipmi() {
    let folder = tempfile::tempdir().expect("a folder");
    let sim = IpmiSim::start(folder.path(), "", "");
    let port = sim.port();
    let config = |password: &str| ClientConfig::new("admin", password.into());
    wait_until("ipmi_sim answers", Duration::from_secs(30), || {
        ask(port, config(PASSWORD)).map_err(|error| error.to_string())
    });
    for authentication in [Ipmi15Authentication::Md5, Ipmi15Authentication::Password] {
        let protocol = SessionProtocol::Ipmi15(authentication);
        let answer = ask(port, ClientConfig { protocol, ..config(PASSWORD) });
        assert!(matches!(answer, Ok(Reply::DeviceId(_))), "{authentication:?}: {answer:?}");
        let answer = ask(port, ClientConfig { protocol, ..config("guess") });
        assert_eq!(answer, Err(Error::ActivationUnanswered), "{authentication:?}");
    }
    let suites = vec![CipherSuite::Suite3];
    assert!(ask(port, ClientConfig { suites: suites.clone(), ..config(PASSWORD) }).is_ok());
    assert_eq!(ask(port, ClientConfig { suites, ..config("guess") }), Err(Error::WrongPassword));
    let suites = vec![CipherSuite::Suite17];
    assert_eq!(ask(port, ClientConfig { suites, ..config(PASSWORD) }), Err(Error::NoCommonSuite));
}
