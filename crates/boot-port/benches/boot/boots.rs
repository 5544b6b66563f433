//! Machines that boot at the same moment, each from its first DISCOVER to the last byte of its initrd: DHCP through a relay, a
//! loader by TFTP, script, kernel and initrd by HTTP, all from one process. There is no peer: what people run for this is two or
//! three programs, which the other parts measure one by one.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ironhand_boot_port::http::{HttpConfig, HttpListener};
use ironhand_boot_port::journal::Durability;
use ironhand_boot_port::{TftpConfig, TftpPort};
use socket2::{Domain, Protocol, Socket, Type};

use crate::dhcp::{self, SMALL};
use crate::link::{Link, SERVER};
use crate::load::{self, Load, Road};
use crate::peer;
use crate::tftp::Folder;
use crate::{Options, Result};

/// The argument by which this program serves a folder, and addresses.
pub const SERVE: &str = "serve-boots";

/// Where HTTP is served.
const HTTP: u16 = 8_480;

/// What a machine reads, in its order: the path and the length.
const LOADER: (&str, usize) = ("snponly.efi", 280 << 10);
const BY_HTTP: [(&str, usize); 3] = [("boot.ipxe", 1 << 10), ("linux", 8 << 20), ("initrd.gz", 40 << 20)];

/// Octets of a block: what fits into an Ethernet frame, as firmware asks.
const BLOCK: usize = 1_428;

/// After how long a machine asks for a block again.
const AGAIN: Duration = Duration::from_secs(1);

/// How long a machine waits for anything at all: a machine that gets nothing for so long is lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// Room of the stack of a machine's thread.
const STACK: usize = 256 << 10;

/// What became of a machine.
struct Booted {
    /// From the first DISCOVER of all to its last byte.
    after: Duration,
    /// Blocks of the loader that it had to ask for again.
    again: u32,
}

/// `cargo xtask bench boot boots`.
pub fn run(options: &Options) -> Result<bool> {
    let link = Link::new()?;
    link.route_through_clients(&SMALL.networks())?;
    let ground = options.directory()?;
    let root = ground.path().join("files");
    fs::create_dir(&root)?;
    for (name, length) in [&[LOADER][..], &BY_HTTP].concat() {
        fs::write(root.join(name), content(length))?;
    }
    let machines = options.machines;
    let mut is_well = true;
    println!(
        "\n{machines} machines at the same moment, each DHCP, loader by TFTP, script, kernel of 8 MiB and initrd of 40 MiB by HTTP"
    );
    for round in 1..=options.rounds {
        let directory = tempfile::tempdir_in(&ground)?;
        let text = root.to_str().ok_or("a folder with a name in UTF-8")?;
        let mut server = peer::ours(&link.server, directory.path(), &[SERVE, text])?;
        server.wait(|| load::is_answered(&link.client, Road::Relay))?;
        let before = server.processor()?;
        let (booted, lost, took) = link.client.run(|| boot_all(machines))?;
        let processor = server.processor()? - before;
        is_well &= lost.is_empty() && booted.len() == machines as usize;
        tell(round, &booted, took, processor);
        for reason in lost.iter().take(3) {
            println!("  round {round}: lost: {reason}");
        }
    }
    Ok(is_well)
}

fn tell(round: usize, booted: &[Booted], took: Duration, processor: Duration) {
    let mut after: Vec<Duration> = booted.iter().map(|one| one.after).collect();
    after.sort_unstable();
    let percentile = |percent: usize| {
        let at = (after.len() * percent / 100).min(after.len().saturating_sub(1));
        after.get(at).map_or(f64::NAN, Duration::as_secs_f64)
    };
    let bytes = booted.len() * (LOADER.1 + BY_HTTP.iter().map(|(_, length)| length).sum::<usize>());
    println!(
        "  round {round}: {} booted in {:.2} s; half after {:.2} s, 99 of 100 after {:.2} s; {:.2} GiB/s; {:.2} s of processor, \
         {:.2} ms each; {} blocks asked for again",
        booted.len(),
        took.as_secs_f64(),
        percentile(50),
        percentile(99),
        bytes as f64 / took.as_secs_f64() / f64::from(1 << 30),
        processor.as_secs_f64(),
        processor.as_secs_f64() * 1e3 / booted.len().max(1) as f64,
        booted.iter().map(|one| one.again).sum::<u32>(),
    );
}

/// Bytes of which each place has its own, as far as one byte tells.
fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at / 251 + at) as u8).collect()
}

/// Lets all boot; gives those that did, why others did not, and the time from the first packet to the last byte.
fn boot_all(machines: u32) -> Result<(Vec<Booted>, Vec<String>, Duration)> {
    let (bound, addresses) = mpsc::channel();
    let (ended, ends) = mpsc::channel();
    let load = Load { machines, window: machines as usize, road: Road::Relay, pxe: true, lasts: None };
    let begun = Instant::now();
    let tally = thread::scope(|scope| {
        let asking = scope.spawn(move || load::tell(load, bound));
        for address in addresses {
            let ended = ended.clone();
            let machine = move || {
                let result = boot(address).map(|again| Booted { after: begun.elapsed(), again });
                let _ = ended.send(result.map_err(|error| format!("{address}: {error}")));
            };
            thread::Builder::new().stack_size(STACK).spawn_scoped(scope, machine)?;
        }
        asking.join().map_err(|_| "the machines fell over")?
    })?;
    let took = begun.elapsed();
    drop(ended);
    let (booted, mut lost): (Vec<_>, Vec<_>) = ends.into_iter().partition(std::result::Result::is_ok);
    lost.extend((0..tally.lost).map(|_| Err("it was given no address".to_owned())));
    let booted = booted.into_iter().filter_map(std::result::Result::ok).collect();
    Ok((booted, lost.into_iter().filter_map(std::result::Result::err).collect(), took))
}

/// One machine, from its address on; gives how often it asked for a block again.
fn boot(own: Ipv4Addr) -> Result<u32> {
    let again = load_by_tftp(own)?;
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&SocketAddrV4::new(own, 0).into())?;
    socket.connect_timeout(&SocketAddrV4::new(SERVER, HTTP).into(), PATIENCE)?;
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut buffer = vec![0; 64 << 10];
    for (path, length) in BY_HTTP {
        get(&mut stream, path, length, &mut buffer)?;
    }
    Ok(again)
}

/// Reads a file over a connection that stays, and checks its length and its last byte.
fn get(stream: &mut TcpStream, path: &str, length: usize, buffer: &mut [u8]) -> Result<()> {
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {SERVER}:{HTTP}\r\n\r\n")?;
    let (mut filled, head) = (0, b"\r\n\r\n");
    let end = loop {
        let read = stream.read(&mut buffer[filled..])?;
        filled += read;
        if let Some(at) = buffer[..filled].windows(4).position(|window| window == head) {
            break at + head.len();
        }
        if read == 0 || filled == buffer.len() {
            return Err(format!("{path}: no answer of HTTP").into());
        }
    };
    let text = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
    if !text.starts_with("http/1.1 200") || !text.contains(&format!("content-length: {length}\r\n")) {
        return Err(format!("{path}: {}", text.lines().next().unwrap_or_default()).into());
    }
    let (mut left, mut last) = (length - (filled - end), buffer[filled - 1]);
    while left > 0 {
        let most = left.min(buffer.len());
        match stream.read(&mut buffer[..most])? {
            0 => return Err(format!("{path} ends {left} bytes before its end").into()),
            read => (left, last) = (left - read, buffer[read - 1]),
        }
    }
    let at = length - 1;
    if last != (at / 251 + at) as u8 { Err(format!("{path} has other bytes").into()) } else { Ok(()) }
}

/// Reads the loader as firmware does, block by block (RFC 1350, 2348); gives how often a block was asked for again.
fn load_by_tftp(own: Ipv4Addr) -> Result<u32> {
    let socket = UdpSocket::bind((own, 0))?;
    socket.set_read_timeout(Some(AGAIN))?;
    let request = format!("\0\x01{}\0octet\0blksize\0{BLOCK}\0", LOADER.0);
    let (mut said, mut to) = (request.into_bytes(), SocketAddr::from((SERVER, 69)));
    let (mut next, mut got, mut again) = (0_u16, 0, 0);
    let mut buffer = [0; BLOCK + 4];
    socket.send_to(&said, to)?;
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else {
            again += 1;
            if AGAIN * again > PATIENCE {
                return Err(format!("{} bytes of the loader arrived, and no more", got).into());
            }
            socket.send_to(&said, to)?;
            continue;
        };
        match &buffer[..length] {
            // Options are acknowledged as block 0.
            [0, 6, ..] if next == 0 => {}
            [0, 3, high, low, data @ ..] if [*high, *low] == next.to_be_bytes() => got += data.len(),
            [0, 5, ..] => return Err("the loader is refused".into()),
            _ => continue,
        }
        said = [&[0, 4][..], &next.to_be_bytes()].concat();
        to = from;
        socket.send_to(&said, to)?;
        if next > 0 && length < BLOCK + 4 {
            break;
        }
        next += 1;
    }
    if got == LOADER.1 { Ok(again) } else { Err(format!("the loader has {got} bytes").into()) }
}

/// Serves a folder over TFTP and HTTP, and addresses, until it is killed.
pub fn serve(folder: &Path) -> Result<bool> {
    let shelf = || std::sync::Arc::new(Folder(folder.to_owned()));
    let tftp = TftpConfig { listen: vec![SocketAddr::from((SERVER, 69))], ..TftpConfig::default() };
    let _tftp = TftpPort::open(&tftp, shelf())?;
    let _http = HttpListener::open(SocketAddr::from((SERVER, HTTP)), HttpConfig::default(), shelf())?;
    let _dhcp = dhcp::open(Durability::Sync, SMALL)?;
    loop {
        thread::park();
    }
}
