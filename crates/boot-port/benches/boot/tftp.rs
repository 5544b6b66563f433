//! Files read in a second over TFTP, from ours and from the servers that people use.

mod readers;

use std::cell::RefCell;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ironhand_boot_port::{
    Body, Content, Part, Question, Refusal, Shelf, TftpConfig, TftpLimits, TftpPort, Transfer,
};
use ironhand_tftp::{Download, Options as Asked};

use crate::contest::{Bar, Contestant, Outcome, contest, median};
use crate::link::{Link, SERVER};
use crate::peer::{self, Peer};
use crate::{Options, Result};
use readers::Readers;

/// The argument that makes this program our server.
pub const SERVE: &str = "serve-tftp";

/// What a part reads.
#[derive(Clone, Copy)]
struct Case {
    clients: usize,
    megabytes: usize,
    blksize: u16,
    /// `windowsize` asked for; 1 asks for none.
    windowsize: u16,
}

#[derive(Clone, Copy, PartialEq)]
enum Server {
    Ours,
    Hpa,
    Dnsmasq,
    Atftpd,
}

impl Server {
    const ALL: [(&'static str, Self); 4] = [
        ("Ironhand", Self::Ours),
        ("tftpd-hpa", Self::Hpa),
        ("dnsmasq", Self::Dnsmasq),
        ("atftpd", Self::Atftpd),
    ];

    fn start(self, link: &Link, folder: &Path, log: &Path) -> Result<Peer> {
        let root = folder.to_str().ok_or("a directory with a name in UTF-8")?;
        let address = format!("{SERVER}:69");
        let (program, arguments): (_, Vec<&str>) = match self {
            Self::Ours => return peer::ours(&link.server, log, &[SERVE, root]),
            Self::Hpa => {
                ("in.tftpd", vec!["--foreground", "--address", &address, "--user", "root", "--secure", root])
            }
            Self::Dnsmasq => {
                let root = format!("--tftp-root={root}");
                let listen = format!("--listen-address={SERVER}");
                let arguments = [
                    "--keep-in-foreground",
                    "--conf-file=/dev/null",
                    "--port=0",
                    "--user=root",
                    "--bind-interfaces",
                    "--enable-tftp",
                    "--tftp-max=1000",
                    "--pid-file=",
                    "--log-facility=-",
                    "--quiet-tftp",
                    &root,
                    &listen,
                ];
                return Peer::start(&link.server, log, "dnsmasq", arguments);
            }
            Self::Atftpd => {
                let address = SERVER.to_string();
                let arguments = [
                    "--daemon",
                    "--no-fork",
                    "--no-multicast",
                    "--maxthread",
                    "1000",
                    "--user",
                    "root.root",
                    "--verbose=0",
                    "--logfile",
                    "/dev/null",
                    "--bind-address",
                    &address,
                    root,
                ];
                return Peer::start(&link.server, log, "atftpd", arguments);
            }
        };
        Peer::start(&link.server, log, program, arguments)
    }
}

/// `cargo xtask bench boot tftp`.
pub fn run(options: &Options) -> Result<bool> {
    let link = Link::new()?;
    let directory = options.directory()?;
    let folder = directory.path().join("files");
    fs::create_dir(&folder)?;
    let octets: Arc<[u8]> =
        (0..100_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for megabytes in [1, 20, 100] {
        fs::write(folder.join(format!("{megabytes}")), &octets[..megabytes * 1_000_000])?;
    }
    fs::write(folder.join("ready"), &octets[..1])?;
    let ground = Ground { options, link: &link, folder, logs: directory.path().to_owned(), octets };
    let mut is_well = true;
    let case = |clients, megabytes, blksize, windowsize| Case { clients, megabytes, blksize, windowsize };
    let best = |must, goal| ["tftpd-hpa", "dnsmasq", "atftpd"].map(|against| Bar { against, must, goal });
    let beside = |must, goal| [Bar { against: "atftpd", must, goal }];
    is_well &= ground.contest(
        "one client, 100 MB, block by block",
        case(1, 100, 1_468, 1),
        &best(0.95, 1.0),
        None,
    )?;
    is_well &= ground.contest(
        "one client, 100 MB, windows of 16",
        case(1, 100, 1_468, 16),
        &beside(1.8, 2.2),
        None,
    )?;
    is_well &= ground.contest(
        "50 clients, 20 MB each, block by block",
        case(50, 20, 1_468, 1),
        &best(1.15, 1.3),
        None,
    )?;
    is_well &= ground.contest(
        "50 clients, 20 MB each, windows of 16",
        case(50, 20, 1_468, 16),
        &beside(1.0, 1.0),
        Some(0.75),
    )?;
    is_well &= ground.contest(
        "200 clients, 1 MB each, block by block",
        case(200, 1, 1_468, 1),
        &best(1.6, 2.0),
        None,
    )?;
    Ok(is_well)
}

struct Ground<'a> {
    options: &'a Options,
    link: &'a Link,
    folder: PathBuf,
    logs: PathBuf,
    /// What each file holds the first part of.
    octets: Arc<[u8]>,
}

impl Ground<'_> {
    /// `share` is how much of atftpd's processor time ours may take.
    fn contest(&self, title: &str, case: Case, bars: &[Bar<'_>], share: Option<f64>) -> Result<bool> {
        let times = RefCell::new(Vec::new());
        let contestants = Server::ALL.map(|(name, server)| Contestant {
            name,
            run: Box::new({
                let times = &times;
                move || {
                    let outcome = self.run(server, case)?;
                    times.borrow_mut().push((server, outcome.processor.unwrap_or_default().as_secs_f64()));
                    Ok(outcome)
                }
            }),
        });
        let mut is_well = contest(self.options, title, "MB/s", contestants.into(), bars)?;
        if let Some(share) = share {
            let of = |wanted: Server| {
                let times = times.borrow();
                median(times.iter().filter(|(server, _)| *server == wanted).map(|(_, time)| *time).collect())
            };
            if let (Some(ours), Some(theirs)) = (of(Server::Ours), of(Server::Atftpd)) {
                let holds = ours <= share * theirs;
                let verdict = if holds { "holds" } else { "MISSED" };
                println!(
                    "  bar: at most {share} of the processor time of atftpd: {:.2}: {verdict}",
                    ours / theirs
                );
                is_well &= holds;
            }
        }
        Ok(is_well)
    }

    fn run(&self, server: Server, case: Case) -> Result<Outcome> {
        let mut peer = server.start(self.link, &self.folder, &self.logs)?;
        let listener = SocketAddr::from((SERVER, 69));
        peer.wait(|| {
            self.link.client.run(|| {
                let download = Download { retries: 0, ..Download::octet("ready") };
                Ok(Readers::new(listener, &download, 1, &self.octets[..1])?.run()?.done == 1)
            })
        })?;
        let before = peer.processor()?;
        let Case { clients, megabytes, blksize, windowsize } = case;
        let windowsize = (windowsize > 1).then_some(windowsize);
        let options = Asked { blksize: Some(blksize), windowsize, ..Asked::default() };
        let download = Download { options, ..Download::octet(megabytes.to_string()) };
        let expected = &self.octets[..megabytes * 1_000_000];
        let tally = self.link.client.run(|| Readers::new(listener, &download, clients, expected)?.run())?;
        let processor = peer.processor()? - before;
        let done = tally.octets as f64 / 1e6;
        Ok(Outcome {
            rate: done / tally.wall.as_secs_f64(),
            processor: Some(Duration::from_secs_f64(processor.as_secs_f64() / done.max(1.0))),
            note: format!("windows of {} granted, {} answers late", tally.windowsize, tally.timeouts),
            fault: (tally.done != clients).then(|| format!("{} of {clients} files arrived", tally.done)),
        })
    }
}

/// Our server, as a program of its own: `boot serve-tftp FOLDER`.
pub fn serve(folder: &Path) -> Result<bool> {
    let limits = TftpLimits { transfers_per_client: 1_000, ..TftpLimits::default() };
    let config = TftpConfig { listen: vec![SocketAddr::from((SERVER, 69))], limits, ..TftpConfig::default() };
    let _port = TftpPort::open(&config, Arc::new(Folder(folder.to_owned())))?;
    loop {
        std::thread::park();
    }
}

/// The files of a folder.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Shelf for Folder {
    fn find(&self, question: &Question<'_>) -> std::result::Result<Content, Refusal> {
        let file = File::open(self.0.join(question.path)).map_err(|_| Refusal::NotFound)?;
        let length = file.metadata().map_err(|_| Refusal::NotFound)?.len();
        let body = Body::File { file: Arc::new(file), parts: Arc::new([Part { offset: 0, length }]) };
        Ok(Content {
            body,
            media_type: "application/octet-stream".into(),
            etag: String::new(),
            modified: None,
        })
    }

    fn note(&self, _transfer: &Transfer) {}
}
