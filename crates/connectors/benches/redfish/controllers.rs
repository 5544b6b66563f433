//! The simulated controllers: one nginx.

use std::io::Read;
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;

/// Where nginx answers with TLS, on every address.
pub const PORT: u16 = 8443;

/// Where it tells how many requests it answered.
const STATUS: &str = "127.0.0.1:8480";

/// How long nginx may take to start.
const STARTS: Duration = Duration::from_secs(10);

/// Addresses of a /24 that are used: not 0 and 255.
const PER_NET: usize = 254;

/// A computer system as small controllers describe it.
const SYSTEM: &str = r##"{"@odata.id":"/redfish/v1/Systems/1","@odata.type":"#ComputerSystem.v1_13_0.ComputerSystem","@odata.etag":"W/a1b2c3d4","Id":"1","Name":"System","Manufacturer":"Bench","Model":"Mock 1U","SerialNumber":"B0001","UUID":"00000000-0000-0000-0000-000000000001","PowerState":"On","BiosVersion":"1.2.3","HostName":"host","IndicatorLED":"Off","Status":{"State":"Enabled","Health":"OK","HealthRollup":"OK"},"Boot":{"BootSourceOverrideEnabled":"Disabled","BootSourceOverrideTarget":"None","BootSourceOverrideMode":"UEFI","BootSourceOverrideTarget@Redfish.AllowableValues":["None","Pxe","Cd","Usb","Hdd","BiosSetup","UefiHttp"]},"ProcessorSummary":{"Count":2,"Model":"Mock CPU","Status":{"State":"Enabled","Health":"OK"}},"MemorySummary":{"TotalSystemMemoryGiB":256,"Status":{"State":"Enabled","Health":"OK"}},"Processors":{"@odata.id":"/redfish/v1/Systems/1/Processors"},"Memory":{"@odata.id":"/redfish/v1/Systems/1/Memory"},"LogServices":{"@odata.id":"/redfish/v1/Systems/1/LogServices"},"Links":{"Chassis":[{"@odata.id":"/redfish/v1/Chassis/1"}],"ManagedBy":[{"@odata.id":"/redfish/v1/Managers/1"}]},"Actions":{"#ComputerSystem.Reset":{"target":"/redfish/v1/Systems/1/Actions/ComputerSystem.Reset","ResetType@Redfish.AllowableValues":["On","ForceOff","GracefulShutdown","ForceRestart","Nmi"]}}}"##;

/// What sushy reads on its way there.
const ROOT: &str = r##"{"@odata.id":"/redfish/v1/","@odata.type":"#ServiceRoot.v1_5_0.ServiceRoot","Id":"RootService","Name":"Root","RedfishVersion":"1.6.0","UUID":"00000000-0000-0000-0000-000000000001","Systems":{"@odata.id":"/redfish/v1/Systems"},"SessionService":{"@odata.id":"/redfish/v1/SessionService"},"Links":{"Sessions":{"@odata.id":"/redfish/v1/SessionService/Sessions"}}}"##;
const SESSIONS: &str = r##"{"@odata.id":"/redfish/v1/SessionService","@odata.type":"#SessionService.v1_1_0.SessionService","Id":"SessionService","Name":"Sessions","ServiceEnabled":true,"SessionTimeout":1800,"Sessions":{"@odata.id":"/redfish/v1/SessionService/Sessions"}}"##;

/// The kind of the certificate's key.
#[derive(Clone, Copy)]
pub enum Key {
    Rsa,
    P256,
}

impl Key {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rsa => "RSA-2048",
            Self::P256 => "P-256",
        }
    }

    const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Rsa => &["-newkey", "rsa:2048"],
            Self::P256 => &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
        }
    }
}

pub struct Controllers {
    child: Child,
    folder: tempfile::TempDir,
}

impl Controllers {
    pub fn start(key: Key) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        let made = Command::new("openssl")
            .args(["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=bmc"])
            .args(key.arguments())
            .arg("-keyout")
            .arg(at("key.pem"))
            .arg("-out")
            .arg(at("certificate.pem"))
            .stderr(Stdio::null())
            .status()?;
        if !made.success() {
            return Err("openssl makes no certificate".into());
        }
        std::fs::write(at("nginx.conf"), configuration(&folder.path().display().to_string()))?;
        let program =
            ["/usr/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|path| PathBuf::from(path).is_file());
        let child = Command::new(program.ok_or("nginx is not installed")?)
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(at("nginx.conf"))
            .args(["-e", "stderr"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let controllers = Self { child, folder };
        let deadline = Instant::now() + STARTS;
        while controllers.requests().is_err() {
            if Instant::now() > deadline {
                return Err(format!("nginx did not start: are port {PORT} and {STATUS} free?").into());
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        Ok(controllers)
    }

    /// A place for files of the runs.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The address of a controller.
    pub fn address(index: usize) -> Ipv4Addr {
        let (net, host) = (index / PER_NET, index % PER_NET + 1);
        Ipv4Addr::new(127, 32, net as u8, host as u8)
    }

    /// What is read of a controller.
    pub fn url(index: usize) -> String {
        format!("https://{}:{PORT}/redfish/v1/Systems/1", Self::address(index))
    }

    /// How many requests were answered so far; those that ask for it are not counted.
    pub fn requests(&self) -> Result<u64> {
        use std::io::Write;
        let mut stream = TcpStream::connect(STATUS)?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        // Connections accepted, connections handled, requests; each question for them is one of each.
        let counted = text.lines().find_map(|line| {
            let numbers: Vec<u64> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
            <[u64; 3]>::try_from(numbers).ok()
        });
        Ok(counted.ok_or("nginx tells no numbers")?[2])
    }
}

impl Drop for Controllers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One process, so that it ends with us.
fn configuration(folder: &str) -> String {
    let json = |path: &str, body: &str| format!("location = {path} {{ return 200 '{body}'; }}\n");
    let locations = [
        json("/redfish/v1/Systems/1", SYSTEM),
        json("/redfish/v1/", ROOT),
        json("/redfish/v1/SessionService", SESSIONS),
        "location = /redfish/v1/SessionService/Sessions {\n\
           add_header X-Auth-Token benchtoken always;\n\
           add_header Location /redfish/v1/SessionService/Sessions/1 always;\n\
           return 201 '{}';\n\
         }\n\
         location = /redfish/v1/SessionService/Sessions/1 { return 204; }\n"
            .to_owned(),
    ]
    .concat();
    format!(
        "daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\n\
         events {{ worker_connections 20000; multi_accept on; }}\n\
         http {{\n\
           access_log off;\n\
           default_type application/json;\n\
           keepalive_timeout 600s;\n\
           keepalive_requests 1000000000;\n\
           client_body_temp_path {folder}/body;\n\
           proxy_temp_path {folder}/proxy;\n\
           fastcgi_temp_path {folder}/fastcgi;\n\
           uwsgi_temp_path {folder}/uwsgi;\n\
           scgi_temp_path {folder}/scgi;\n\
           ssl_certificate {folder}/certificate.pem;\n\
           ssl_certificate_key {folder}/key.pem;\n\
           server {{ listen 0.0.0.0:{PORT} ssl backlog=4096;\n{locations} }}\n\
           server {{ listen {STATUS}; location / {{ stub_status; }} }}\n\
         }}\n"
    )
}
