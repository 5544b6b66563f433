//! A folder of pictures with their texts, read by us and by peers.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ironhand_console::{Grid, Image, Reader, Reading};

use crate::Asked;
use crate::score::{Rules, Tally};

/// Readings of each picture; the fastest counts.
const ROUNDS: usize = 7;

/// A picture that took longer is read once.
const SLOW: Duration = Duration::from_millis(200);

/// What one reader made of a group of pictures.
#[derive(Default)]
struct Group {
    tally: Tally,
    unknown: Vec<Duration>,
    known: Vec<Duration>,
}

impl Group {
    fn add(&mut self, tally: &Tally, unknown: Duration, known: Option<Duration>) {
        self.tally.add(tally);
        self.unknown.push(unknown);
        self.known.extend(known);
    }
}

/// Reads every picture and prints the tables.
pub fn measure(reader: &Reader, asked: &Asked) -> io::Result<()> {
    let rules = std::fs::read_to_string(asked.folder.join("rules.tsv")).unwrap_or_default();
    let rules = Rules::parse(&rules);
    let mut own: BTreeMap<String, Group> = BTreeMap::new();
    let mut peers: Vec<Group> = asked.peers.iter().map(|_| Group::default()).collect();
    let (mut decoding, mut refused, mut unreadable) = (Vec::new(), 0, 0);
    if let Some(out) = &asked.out {
        std::fs::create_dir_all(out)?;
    }
    for path in pictures(&asked.folder)? {
        let bytes = std::fs::read(&path)?;
        let begun = Instant::now();
        let image = Image::decode(&bytes).map_err(io::Error::other)?;
        decoding.push(begun.elapsed());
        let (reading, unknown) = timed(reader, &image, None);
        if let Some(out) = &asked.out {
            let name = path.with_extension("txt");
            std::fs::write(out.join(name.file_name().unwrap_or_default()), reading.text())?;
        }
        let Ok(truth) = std::fs::read_to_string(path.with_extension("txt")) else {
            unreadable += 1;
            refused += usize::from(!reading.is_reliable());
            continue;
        };
        let known = reading.grid.as_ref().map(|grid| timed(reader, &image, Some(grid)).1);
        let tally = Tally::of(&truth, &reading.text(), reading.is_reliable(), &rules);
        if asked.pictures && (tally.equal == 0 || tally.found < tally.patterns || tally.false_alarms > 0) {
            tell(&path, &tally, &reading, unknown);
        }
        own.entry(group(&path)).or_default().add(&tally, unknown, known);
        for (peer, group) in asked.peers.iter().zip(&mut peers) {
            let (text, took) = peer.read(&path, &image).unwrap_or_default();
            group.add(&Tally::of(&truth, &text, true, &rules), took, None);
        }
    }
    print_own(&own);
    println!("\ndecoding a picture: median {:.2} ms", milliseconds(&decoding));
    if unreadable > 0 {
        println!("of {unreadable} pictures that cannot be read with certainty, {refused} were refused");
    }
    print_peers(&own, asked, &peers);
    Ok(())
}

fn pictures(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut pictures = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "png" || extension == "jpg") {
            pictures.push(path);
        }
    }
    pictures.sort();
    Ok(pictures)
}

fn timed(reader: &Reader, image: &Image, hint: Option<&Grid>) -> (Reading, Duration) {
    let once = || {
        let begun = Instant::now();
        let reading = reader.read(std::hint::black_box(image), hint);
        (reading, begun.elapsed())
    };
    let (reading, mut best) = once();
    for _ in 1..ROUNDS {
        if best > SLOW {
            break;
        }
        best = best.min(once().1);
    }
    (reading, best)
}

/// `~VARIANT` of `NAME__VARIANT`, else the word before the first dash.
fn group(path: &Path) -> String {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    match name.split_once("__") {
        Some((_, variant)) => format!("~{variant}"),
        None => name.split('-').next().unwrap_or_default().to_owned(),
    }
}

fn tell(path: &Path, tally: &Tally, reading: &Reading, took: Duration) {
    println!(
        "{:<44} CER {:6.2} %  patterns {}/{}{}  {}  {:.1} ms",
        path.file_name().unwrap_or_default().to_string_lossy(),
        tally.error_rate(),
        tally.found,
        tally.patterns,
        if tally.false_alarms > 0 { format!(", {} false", tally.false_alarms) } else { String::new() },
        if reading.is_reliable() { "passes the gate" } else { "flagged" },
        took.as_secs_f64() * 1e3,
    );
}

fn milliseconds(times: &[Duration]) -> f64 {
    let mut times = times.to_vec();
    times.sort();
    times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

fn print_own(groups: &BTreeMap<String, Group>) {
    println!(
        "{:<18} {:>8} {:>8} {:>7} {:>9} {:>6} {:>8} {:>11} {:>10} {:>10}",
        "group",
        "pictures",
        "CER %",
        "equal",
        "patterns",
        "false",
        "flagged",
        "wrong above",
        "unknown",
        "known"
    );
    let mut all = Group::default();
    for (name, group) in groups {
        print_group(name, group);
        all.tally.add(&group.tally);
        all.unknown.extend(&group.unknown);
        all.known.extend(&group.known);
    }
    print_group("all", &all);
}

fn print_group(name: &str, Group { tally, unknown, known }: &Group) {
    println!(
        "{name:<18} {:>8} {:>8.3} {:>7} {:>9} {:>6} {:>8} {:>11} {:>7.2} ms {:>7.2} ms",
        tally.pictures,
        tally.error_rate(),
        tally.equal,
        format!("{}/{}", tally.found, tally.patterns),
        tally.false_alarms,
        tally.flagged,
        tally.wrong_above_gate,
        milliseconds(unknown),
        milliseconds(known),
    );
}

/// The peers beside ours, over all pictures. They have no gate: what they say is taken for read.
fn print_peers(own: &BTreeMap<String, Group>, asked: &Asked, peers: &[Group]) {
    if peers.is_empty() {
        println!("\nno peer read the same pictures");
        return;
    }
    let mut all = Group::default();
    for group in own.values() {
        all.tally.add(&group.tally);
        all.unknown.extend(&group.unknown);
    }
    println!(
        "\n{:<20} {:>8} {:>7} {:>9} {:>6} {:>12}",
        "reader", "CER %", "equal", "patterns", "false", "a picture"
    );
    let names = asked.peers.iter().map(|peer| peer.name.as_str());
    for (name, Group { tally, unknown, .. }) in std::iter::once(("ironhand", &all)).chain(names.zip(peers)) {
        println!(
            "{name:<20} {:>8.3} {:>7} {:>9} {:>6} {:>9.2} ms",
            tally.error_rate(),
            tally.equal,
            format!("{}/{}", tally.found, tally.patterns),
            tally.false_alarms,
            milliseconds(unknown),
        );
    }
}
