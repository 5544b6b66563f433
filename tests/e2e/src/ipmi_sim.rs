//! OpenIPMI's simulator of a BMC.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use crate::{Controller, PASSWORD, Peer, free_udp_port, peer};

/// OpenIPMI's `ipmi_sim` with one BMC whose administrator is `admin`; ended when dropped.
pub struct IpmiSim {
    port: u16,
    _peer: Peer,
}

impl IpmiSim {
    /// Starts it with its files in `folder`, which must be empty of those. `lan` are lines of its configuration behind the
    /// LAN channel, `commands` lines that make up the BMC before it is enabled; see `ipmi_lan(5)` and `ipmi_sim_cmd(5)`.
    pub fn start(folder: &Path, lan: &str, commands: &str) -> Self {
        let port = free_udp_port();
        let levels = ["callback", "user", "operator", "admin"];
        let allowed: String =
            levels.iter().map(|level| format!("    allowed_auths_{level} none md5 straight\n")).collect();
        let lan = format!(
            "name \"peer\"\nset_working_mc 0x20\n  startlan 1\n    addr 127.0.0.1 {port}\n    priv_limit admin\n\
             {allowed}    guid a123456789abcdefa123456789abcdef\n  endlan\n{lan}  \
             user 1 true \"\" \"\" user 10 none md5 straight\n  \
             user 2 true \"admin\" \"{PASSWORD}\" admin 10 none md5 straight\n"
        );
        let commands = format!(
            "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\n\
             {commands}mc_enable 0x20\n"
        );
        let [lan_file, commands_file, state] = ["lan.conf", "sim.emu", "state"].map(|name| folder.join(name));
        std::fs::write(&lan_file, lan).expect("written");
        std::fs::write(&commands_file, commands).expect("written");
        std::fs::create_dir_all(&state).expect("a folder");
        let [lan, commands, state] =
            [lan_file, commands_file, state].map(|path| path.to_string_lossy().into_owned());
        let arguments = ["-c", &lan, "-f", &commands, "-s", &state, "-n"];
        Self { port, _peer: Peer::start(&peer("ipmi_sim"), &arguments, &folder.join("ipmi_sim.log")) }
    }

    /// Starts it with a machine behind its serial console that shows what is typed, and a prompt `peer> ` behind each line.
    pub fn with_console(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let console = listener.local_addr().expect("a bound socket has an address");
        serve_console(listener);
        let (ip, port) = (console.ip(), console.port());
        Self::start(folder, &format!("  sol \"tcp:{ip}:{port}\" 115200\n"), "")
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The programs that speak to it.
    pub fn controller(&self) -> Controller {
        Controller::at(self.port.to_string())
    }
}

/// The machine behind OpenIPMI's simulator: it shows what is typed, and a prompt behind each line.
fn serve_console(listener: TcpListener) {
    fn serve(mut stream: TcpStream) -> std::io::Result<()> {
        let mut buffer = [0; 1024];
        loop {
            let length = stream.read(&mut buffer)?;
            if length == 0 {
                return Ok(());
            }
            let echo: Vec<u8> = buffer[..length]
                .iter()
                .flat_map(|byte| if *byte == b'\r' { b"\r\npeer> ".to_vec() } else { vec![*byte] })
                .collect();
            stream.write_all(&echo)?;
        }
    }
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // The simulator connects again when the test begins anew.
            let _ = serve(stream);
        }
    });
}
