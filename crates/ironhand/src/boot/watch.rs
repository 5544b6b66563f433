//! `ironhand boot watch`: boots as they go.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::time::Duration;

use ironhand_api::{BootRecord, BootState, EventKind, MacAddress, Name, Timestamp};
use ironhand_client::{BootFilter, Client};

use crate::args::{Format, WatchBoots};
use crate::events;
use crate::exit::Failure;
use crate::output::{Field, Output, Tone, age, clock, line, now, write_line};
use crate::select::{hosts, named};

/// How often the table is drawn where nothing happens, for the ages in it.
const REDRAW: Duration = Duration::from_secs(1);

/// The events that tell of boots.
const KINDS: [EventKind; 6] = [
    EventKind::BootStarted,
    EventKind::BootStep,
    EventKind::BootStalled,
    EventKind::BootRefused,
    EventKind::BootEnded,
    EventKind::MachineFound,
];

/// Whose boots are shown.
struct Whose {
    names: BTreeSet<Name>,
    macs: BTreeSet<MacAddress>,
    all: bool,
}

impl Whose {
    async fn asked(client: &Client, asked: &WatchBoots) -> Result<Self, Failure> {
        let is_mac = |word: &&String| word.parse::<MacAddress>().is_ok();
        let macs = asked.hosts.iter().filter_map(|word| word.parse().ok()).collect();
        let words: Vec<String> = asked.hosts.iter().filter(|word| !is_mac(word)).cloned().collect();
        let names = match &asked.selector {
            Some(labels) => hosts(client, &[], Some(labels), false).await?,
            None => named(&words)?,
        };
        let all = asked.hosts.is_empty() && asked.selector.is_none();
        Ok(Self { names: names.into_iter().collect(), macs, all })
    }

    fn has(&self, host: Option<&Name>, mac: Option<MacAddress>) -> bool {
        self.all
            || host.is_some_and(|host| self.names.contains(host))
            || mac.is_some_and(|mac| self.macs.contains(&mac))
    }
}

/// `ironhand boot watch`.
pub async fn watch(client: &Client, asked: &WatchBoots, output: Output) -> Result<(), Failure> {
    let whose = Whose::asked(client, asked).await?;
    if asked.once {
        return once(client, &whose, output).await;
    }
    if output.is_structured() || !std::io::stdout().is_terminal() {
        return lines(client, &whose, output).await;
    }
    live(client, &whose, output).await
}

async fn boots(client: &Client, whose: &Whose, limit: usize) -> Result<Vec<BootRecord>, Failure> {
    let mut boots = client.boots(&BootFilter { limit: Some(limit), ..BootFilter::default() }).await?;
    boots.retain(|boot| whose.has(boot.host.as_ref(), Some(boot.mac)));
    Ok(boots)
}

/// All that is remembered, each boot with its steps, and an end.
async fn once(client: &Client, whose: &Whose, output: Output) -> Result<(), Failure> {
    let mut boots = boots(client, whose, usize::MAX).await?;
    boots.reverse();
    if output.is_structured() {
        return output.value(&boots);
    }
    if output.format == Format::Name {
        boots.iter().for_each(|boot| line(&boot.id.to_string()));
        return Ok(());
    }
    if boots.is_empty() {
        let whose = if whose.all { "" } else { " of these machines" };
        note!("no boot{whose} over the network was seen since the server was started");
    }
    for boot in &boots {
        timeline(boot, output).iter().for_each(|text| line(text));
    }
    Ok(())
}

/// A boot with all of its steps.
pub fn timeline(boot: &BootRecord, output: Output) -> Vec<String> {
    let state = output.inline(&Field::toned(boot.state.to_string(), tone(boot.state)));
    let about: Vec<String> = [
        boot.architecture.clone(),
        boot.network.as_ref().map(|network| format!("on {network}")),
        boot.address.map(|address| address.to_string()),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut lines = vec![format!("{}  boot {}  {}  {state}", who(boot), boot.id, about.join(", "))];
    for step in &boot.steps {
        let text = Field::from(step.to_string()).printable();
        let text = if step.failed.is_some() { Field::toned(text.into_text(), Tone::Warn) } else { text };
        let since = step.at.since(boot.began).as_secs_f64();
        lines.push(format!("  {}  +{since:7.2} s  {}", clock(step.at), output.inline(&text)));
    }
    if let Some(ended) = &boot.ended {
        let text = Field::from(format!("{}: {ended}", boot.state)).printable();
        lines.push(format!("  {}", output.inline(&text)));
    }
    if let Some(stall) = &boot.stall {
        lines.push(format!("  hangs after {} since {}: {}", stall.after, clock(stall.since), stall.expected));
        lines.extend(stall.causes.iter().map(|cause| format!("    - {cause}")));
    }
    lines
}

fn who(boot: &BootRecord) -> String {
    boot.host.as_ref().map_or_else(|| boot.mac.to_string(), ToString::to_string)
}

const fn tone(state: BootState) -> Tone {
    match state {
        BootState::Running => Tone::Plain,
        BootState::Stalled => Tone::Bad,
        BootState::HandedOver => Tone::Good,
        BootState::Dismissed => Tone::Dim,
        BootState::Refused => Tone::Warn,
    }
}

/// A line for each thing that happens.
async fn lines(client: &Client, whose: &Whose, output: Output) -> Result<(), Failure> {
    let mut stream = client.follow(None, None);
    while let Some(event) = stream.next().await {
        let event = event?;
        // Machines that are no hosts stand at the beginning of the message.
        let mac = event.message.get(..17).and_then(|text| text.parse().ok());
        if KINDS.contains(&event.kind) && whose.has(event.host.as_ref(), mac) {
            events::show(&event, output)?;
        }
    }
    Ok(())
}

/// A table that is drawn anew when something happens.
async fn live(client: &Client, whose: &Whose, output: Output) -> Result<(), Failure> {
    let mut stream = client.follow(None, None);
    let mut drawn = 0;
    loop {
        let height =
            rustix::termios::tcgetwinsize(std::io::stdout()).map_or(24, |size| usize::from(size.ws_row));
        let boots = boots(client, whose, 2_000).await?;
        drawn = draw(&table(&boots, now(), height.saturating_sub(3), output), drawn)?;
        let news = tokio::time::timeout(REDRAW, stream.next()).await;
        if let Ok(Some(Err(error))) = news {
            return Err(error.into());
        }
        if let Ok(None) = news {
            return Ok(());
        }
    }
}

/// The rows that fit: boots that go on before those that are over.
fn table(boots: &[BootRecord], now: Timestamp, height: usize, output: Output) -> Vec<String> {
    let mut shown: Vec<&BootRecord> = boots.iter().collect();
    shown.sort_by_key(|boot| (!boot.state.is_open(), std::cmp::Reverse(boot.id)));
    let more = shown.len().saturating_sub(height.max(1));
    shown.truncate(height.max(1));
    let head = ["machine", "network", "address", "state", "for", "last step", "silent"];
    let rows = shown.iter().map(|boot| {
        let step = match (&boot.stall, boot.steps.last()) {
            (Some(stall), _) => Field::toned(
                stall
                    .causes
                    .first()
                    .map_or_else(|| stall.expected.clone(), |cause| format!("{}: {cause}", stall.expected)),
                Tone::Bad,
            ),
            (None, _) if boot.state == BootState::Refused => boot.ended.clone().unwrap_or_default().into(),
            (None, Some(step)) => step.to_string().into(),
            (None, None) => "".into(),
        };
        vec![
            who(boot).into(),
            boot.network.as_ref().map(ToString::to_string).unwrap_or_default().into(),
            boot.address.map(|address| address.to_string()).unwrap_or_default().into(),
            Field::toned(boot.state.to_string(), tone(boot.state)),
            age(boot.last, boot.began).into(),
            step.printable(),
            age(now, boot.last).into(),
        ]
    });
    let mut lines = output.table_lines(&head, rows);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    if boots.is_empty() {
        lines.push("nothing has booted yet; Ctrl-C ends this".to_owned());
    }
    lines
}

/// Draws over what was drawn before; gives how many lines it took.
fn draw(lines: &[String], before: usize) -> Result<usize, Failure> {
    let mut text = String::new();
    if before > 0 {
        text.push_str(&format!("\x1b[{before}A"));
    }
    // Each line is cleared before it is written, and so is what was below.
    text.push_str(&lines.iter().map(|line| format!("\r\x1b[2K{line}")).collect::<Vec<_>>().join("\n"));
    text.push_str("\x1b[J");
    write_line(&text)?;
    Ok(lines.len())
}
