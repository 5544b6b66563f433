//! Files over HTTP beside nginx: small ones over connections that stay and that do not, a large one, and kernel and initrd
//! straight out of an ISO image beside nginx on the same files unpacked.
//!
//! wrk and curl (strangers' programs) are the clients. Both servers have two threads or workers, and send files by sendfile.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::SystemTime;

use ironhand_boot_port::http::{HttpConfig, HttpListener, media_type};
use ironhand_boot_port::{Body, Content, Part, Question, Refusal, Shelf, Transfer};
use ironhand_media::{Image, Node, Source, SourceError};

use crate::contest::{Bar, Contestant, Outcome, contest, median};
use crate::link::{Link, Namespace, SERVER};
use crate::peer::{self, Peer};
use crate::{Options, Result};

/// The argument by which this program serves a folder.
pub const SERVE: &str = "serve-http";
/// Threads of ours, workers of nginx.
const THREADS: NonZeroUsize = NonZeroUsize::new(2).expect("it is not zero");
/// Where ours listens, and where nginx does.
const PORTS: [u16; 2] = [8_480, 8_481];
/// Lengths of the files: small, large, and those in the image.
const SMALL: usize = 4 * 1024;
const LARGE: u64 = 1 << 30;
const KERNEL: u64 = 14 << 20;
const INITRD: u64 = 70 << 20;
/// How soon the first byte out of an image has to come, in milliseconds.
const FIRST_BYTE: f64 = 5.0;

/// Serves the files of a folder, and those in `image.iso` of it below `iso/`.
struct Folder {
    root: PathBuf,
    image: Image,
    file: Arc<File>,
    /// When the image last changed.
    modified: Option<SystemTime>,
}

struct Opened<'a>(&'a File);

impl Source for Opened<'_> {
    fn length(&self) -> u64 {
        self.0.metadata().map_or(0, |facts| facts.len())
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> std::result::Result<(), SourceError> {
        self.0.read_exact_at(buffer, offset).map_err(|error| SourceError(error.to_string()))
    }
}

impl Shelf for Folder {
    fn find(&self, question: &Question<'_>) -> std::result::Result<Content, Refusal> {
        let media_type = media_type(question.path).into();
        if let Some(path) = question.path.strip_prefix("iso/") {
            let Some(Node::File { extents, length }) = self.image.tree.find(path).map(|entry| entry.node)
            else {
                return Err(Refusal::NotFound);
            };
            let parts: Vec<Part> =
                extents.iter().map(|extent| Part { offset: extent.offset, length: extent.length }).collect();
            let etag = format!("{:x}-{length:x}", parts.first().map_or(0, |part| part.offset));
            let body = Body::File { file: Arc::clone(&self.file), parts: parts.into() };
            // With the time of the image, as the server has it.
            return Ok(Content { body, media_type, etag, modified: self.modified });
        }
        // Opened for each request, as nginx does.
        let file = File::open(self.root.join(question.path)).map_err(|_| Refusal::NotFound)?;
        let facts = file.metadata().map_err(|_| Refusal::NotFound)?;
        let parts = Arc::from([Part { offset: 0, length: facts.len() }]);
        let etag = format!("{:x}-{:x}", facts.mtime(), facts.len());
        Ok(Content {
            body: Body::File { file: Arc::new(file), parts },
            media_type,
            etag,
            modified: facts.modified().ok(),
        })
    }

    fn note(&self, _: &Transfer) {}
}

/// Serves `folder` until it is killed.
pub fn serve(folder: &Path) -> Result<bool> {
    let file = File::open(folder.join("image.iso"))?;
    let image = Image::index(&Opened(&file))?;
    let modified = file.metadata()?.modified().ok();
    let shelf = Arc::new(Folder { root: folder.to_owned(), image, file: Arc::new(file), modified });
    let config = HttpConfig { threads: THREADS, ..HttpConfig::default() };
    let _listener = HttpListener::open(SocketAddr::from((SERVER, PORTS[0])), config, shelf)?;
    loop {
        std::thread::park();
    }
}

/// A server and where it is reached.
struct Site<'a> {
    peer: Peer,
    base: String,
    client: &'a Namespace,
}

/// Measures all cases.
pub fn run(options: &Options) -> Result<bool> {
    let link = Link::new()?;
    let ground = options.directory()?;
    let root = ground.path().join("files");
    prepare(&root)?;
    let (here, there) = (ground.path().join("ours"), ground.path().join("nginx"));
    fs::create_dir_all(&here)?;
    fs::create_dir_all(&there)?;
    let text = root.to_str().ok_or("a folder with a name in UTF-8")?;
    let ours = Site::new(peer::ours(&link.server, &here, &[SERVE, text])?, PORTS[0], &link.client)?;
    let nginx = Site::new(nginx(&link.server, &there, text)?, PORTS[1], &link.client)?;

    let mut is_well = true;
    for (title, header, bar) in [
        ("4 KiB, 32 connections that stay", None, Bar { against: "nginx", must: 1.0, goal: 1.0 }),
        (
            "4 KiB, a connection for each",
            Some("Connection: close"),
            Bar { against: "nginx", must: 1.0, goal: 1.0 },
        ),
    ] {
        let run = |site| move || wrk(site, options.seconds, header);
        let contestants = vec![
            Contestant { name: "ours", run: Box::new(run(&ours)) },
            Contestant { name: "nginx", run: Box::new(run(&nginx)) },
        ];
        is_well &= contest(options, title, "requests/s", contestants, &[bar])?;
    }
    // Short transfers are many in a run and runs are many: what one takes depends on what else the machine does in those
    // milliseconds, and the same program beside itself differs by a tenth in a few rounds.
    let more = Options { rounds: options.rounds.max(31), ..options.clone() };
    for (title, path, plain, length, times) in [
        ("1 GiB, one curl", "large", "large", LARGE, 1),
        (
            "initrd of 70 MiB out of an ISO image, 10 times; nginx: unpacked",
            "iso/casper/initrd",
            "tree/casper/initrd",
            INITRD,
            10,
        ),
        (
            "kernel of 14 MiB out of an ISO image, 50 times; nginx: unpacked",
            "iso/casper/vmlinuz",
            "tree/casper/vmlinuz",
            KERNEL,
            50,
        ),
    ] {
        let contestants = vec![
            Contestant { name: "ours", run: Box::new(|| curl(&ours, path, length, times)) },
            Contestant { name: "nginx", run: Box::new(|| curl(&nginx, plain, length, times)) },
            Contestant { name: "ours, unpacked", run: Box::new(|| curl(&ours, plain, length, times)) },
        ];
        let bar = Bar { against: "nginx", must: 0.95, goal: 1.0 };
        is_well &= contest(&more, title, "MB/s", contestants, &[bar])?;
    }
    Ok(is_well)
}

impl<'a> Site<'a> {
    fn new(mut peer: Peer, port: u16, client: &'a Namespace) -> Result<Self> {
        let base = format!("http://{SERVER}:{port}");
        let url = format!("{base}/small");
        peer.wait(|| Ok(client.command("curl").args(["-sf", "-o", "/dev/null", &url]).status()?.success()))?;
        Ok(Self { peer, base, client })
    }
}

/// Makes the files, and an image of some of them among thousands of others.
fn prepare(root: &Path) -> Result<()> {
    let tree = root.join("tree");
    fs::create_dir_all(tree.join("casper"))?;
    fill(&root.join("small"), SMALL as u64)?;
    fill(&root.join("large"), LARGE)?;
    fill(&tree.join("casper/vmlinuz"), KERNEL)?;
    fill(&tree.join("casper/initrd"), INITRD)?;
    for number in 0..3_000 {
        let folder = tree.join(format!("pool/{:02}", number % 60));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("package-{number}_1.0-1_amd64.deb")), [7; 1_000])?;
    }
    let image = root.join("image.iso");
    xorriso(
        Command::new("xorriso").args(["-as", "mkisofs", "-quiet", "-R", "-J", "-o"]).arg(&image).arg(&tree),
    )?;
    // Unpacked from it, as people do. Of two files the one that was written first lies better in memory, and is sent a tenth
    // faster by whichever server.
    fs::remove_dir_all(&tree)?;
    xorriso(
        Command::new("xorriso")
            .args(["-osirrox", "on", "-indev"])
            .arg(format!("stdio:{}", image.display()))
            .args(["-extract", "/"])
            .arg(&tree),
    )
}

fn xorriso(command: &mut Command) -> Result<()> {
    let done = command.output().map_err(|error| format!("xorriso does not start: {error}"))?;
    match done.status.success() {
        true => Ok(()),
        false => Err(format!("xorriso: {}", String::from_utf8_lossy(&done.stderr)).into()),
    }
}

/// A file of bytes that are not all alike.
fn fill(path: &Path, length: u64) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let piece: Vec<u8> = (0..1 << 16).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
    let mut left = length as usize;
    while left > 0 {
        let part = left.min(piece.len());
        file.write_all(&piece[..part])?;
        left -= part;
    }
    file.flush()?;
    Ok(())
}

fn nginx(namespace: &Namespace, directory: &Path, root: &str) -> Result<Peer> {
    let config = directory.join("nginx.conf");
    let place = directory.display();
    let text = format!(
        "daemon off; user root; worker_processes {THREADS}; pid {place}/pid; error_log {place}/error.log;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ sendfile on; tcp_nopush on; access_log off; keepalive_requests 100000000; default_type application/octet-stream;\n\
         client_body_temp_path {place}/t1; proxy_temp_path {place}/t2; fastcgi_temp_path {place}/t3; uwsgi_temp_path {place}/t4; scgi_temp_path {place}/t5;\n\
         server {{ listen {SERVER}:{port}; root {root}; }} }}\n",
        port = PORTS[1]
    );
    fs::write(&config, text)?;
    let config = config.to_str().ok_or("a folder with a name in UTF-8")?.to_owned();
    Peer::start(namespace, directory, "nginx", ["-c", &config])
}

/// One run of wrk on the small file.
fn wrk(site: &Site<'_>, seconds: u64, header: Option<&str>) -> Result<Outcome> {
    let before = site.peer.processor()?;
    let mut command = site.client.command("wrk");
    command.args(["-t1", "-c32", "--latency"]).arg(format!("-d{seconds}s"));
    if let Some(header) = header {
        command.args(["-H", header]);
    }
    let output = command.arg(format!("{}/small", site.base)).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let value = |name: &str| {
        text.lines().find_map(|line| line.trim().strip_prefix(name)).map(|rest| rest.trim().to_owned())
    };
    let rate: f64 = value("Requests/sec:")
        .and_then(|rate| rate.parse().ok())
        .ok_or_else(|| format!("wrk printed: {text}"))?;
    let requests =
        text.lines().find_map(|line| line.trim().split_once(" requests in ")?.0.parse::<u32>().ok());
    let fault = text
        .lines()
        .find(|line| line.contains("Non-2xx") || line.contains("Socket errors"))
        .map(str::to_owned);
    let used = site.peer.processor()?.saturating_sub(before);
    Ok(Outcome {
        rate,
        processor: requests.filter(|count| *count > 0).map(|count| used / count),
        note: format!("99 % within {}", value("99%").unwrap_or_default()),
        fault,
    })
}

/// One file fetched by curl so many times, each over a connection of its own, as machines that boot do.
fn curl(site: &Site<'_>, path: &str, length: u64, times: u32) -> Result<Outcome> {
    let before = site.peer.processor()?;
    let mut command = site.client.command("curl");
    command.args(["-s", "-H", "Connection: close", "-w"]);
    command.arg("%{http_code} %{size_download} %{time_total} %{time_starttransfer}\n");
    let url = format!("{}/{path}", site.base);
    for _ in 0..times {
        command.args(["-o", "/dev/null", &url]);
    }
    let text = String::from_utf8_lossy(&command.output()?.stdout).into_owned();
    let (mut took, mut firsts, mut fault) = (0.0, Vec::new(), None);
    for line in text.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let [status, size, total, first] = fields[..] else {
            return Err(format!("curl printed: {line}").into());
        };
        took += total.parse::<f64>()?;
        firsts.push(first.parse::<f64>()? * 1e3);
        if status != "200" || size != length.to_string() {
            fault = Some(format!("{status}, {size} bytes"));
        }
    }
    if firsts.len() != times as usize {
        return Err(format!("curl printed: {text}").into());
    }
    let worst = firsts.iter().fold(0.0_f64, |worst, &first| worst.max(first));
    let middle = median(firsts).unwrap_or_default();
    if path.starts_with("iso/") && worst > FIRST_BYTE {
        fault.get_or_insert(format!("a first byte came after {worst:.1} ms"));
    }
    Ok(Outcome {
        rate: length as f64 * f64::from(times) / 1e6 / took,
        processor: Some(site.peer.processor()?.saturating_sub(before) / times),
        note: format!("first byte after {middle:.2} ms, at most {worst:.2}"),
        fault,
    })
}
