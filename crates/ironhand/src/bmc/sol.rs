//! `ironhand bmc sol`: the serial console of one machine, and what BMCs say about theirs.

pub mod args;
pub mod escape;
pub mod terminal;

use std::borrow::Cow;
use std::cell::Cell;
use std::pin::pin;
use std::time::{Duration, Instant};

use ironhand_ipmi::procedure::Ask;
use ironhand_ipmi::sol::{
    BitRate, DeactivateSol, ReadSolInfo, SerialProbe, SolClosed, SolConfig, SolEvent, SolInfo,
};
use ironhand_ipmi::{CompletionCode, PrivilegeLevel, ProcedureError};
use ironhand_ipmi_port::{Bmc, IpmiPort, PortConfig, RunError, SolEnded, SolReader, SolStream, SolWriter};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use self::args::{Console, Probe, Sol, SolVerb};
use self::escape::{Escape, Typed};
use self::terminal::{RawTerminal, Screen};
use super::{Finding, Fleet, Problem, Purpose, Shown};
use crate::exit::Failure;
use crate::output::{Field, Output};
use crate::serve::left_from_outside;

/// How long a BMC may take to close the console.
const CLOSING: Duration = Duration::from_secs(3);

/// Deactivate Payload's own code for a console that nobody has.
const NOT_ACTIVE: CompletionCode = CompletionCode(0x80);

/// `ironhand bmc sol`.
pub(super) async fn sol(fleet: &Fleet, asked: &Sol) -> Result<(), Failure> {
    match &asked.verb {
        None => console(fleet, &asked.console).await,
        Some(SolVerb::Info) => {
            fleet.each(async |bmc| Ok(Info::of(bmc.run(ReadSolInfo::default()).await?))).await
        }
        Some(SolVerb::Deactivate) => {
            let instance = asked.console.instance;
            fleet.change(async |bmc| deactivate(bmc, instance).await).await
        }
    }
}

/// What a BMC says about its console.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_use: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    privilege: Option<&'static str>,
    /// Bits per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    bit_rate: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accumulate_milliseconds: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accumulate_characters: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retries: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_milliseconds: Option<u128>,
}

impl Info {
    fn of(info: SolInfo) -> Self {
        Self {
            enabled: info.enabled,
            in_use: info.is_active(),
            privilege: info.authentication.map(|authentication| word(authentication.privilege)),
            bit_rate: info.volatile_bit_rate.and_then(BitRate::bits_per_second),
            channel: info.channel,
            port: info.port,
            accumulate_milliseconds: info.accumulate.map(|accumulate| accumulate.interval.as_millis()),
            accumulate_characters: info.accumulate.map(|accumulate| accumulate.threshold),
            retries: info.retry.map(|retry| retry.count),
            retry_milliseconds: info.retry.map(|retry| retry.interval.as_millis()),
        }
    }
}

const fn word(privilege: PrivilegeLevel) -> &'static str {
    match privilege {
        PrivilegeLevel::Callback => "callback",
        PrivilegeLevel::User => "user",
        PrivilegeLevel::Operator => "operator",
        PrivilegeLevel::Administrator => "administrator",
    }
}

impl Finding for Info {
    fn outcome(&self) -> Cow<'static, str> {
        match (self.enabled, self.in_use) {
            (Some(false), _) => "disabled".into(),
            (_, Some(true)) => "in use".into(),
            (_, Some(false)) => "free".into(),
            (_, None) => "done".into(),
        }
    }

    fn shown(&self, _: Output) -> Shown {
        let yes = |value: Option<bool>| value.map(|value| if value { "yes" } else { "no" }.to_owned());
        let rows: [(&'static str, Option<String>); 8] = [
            ("enabled", yes(self.enabled)),
            ("in use", yes(self.in_use)),
            ("privilege level", self.privilege.map(str::to_owned)),
            ("bit rate", self.bit_rate.map(|rate| format!("{rate} bit/s"))),
            ("channel", self.channel.map(|channel| channel.to_string())),
            ("UDP port", self.port.map(|port| port.to_string())),
            (
                "sends after",
                self.accumulate_milliseconds
                    .zip(self.accumulate_characters)
                    .map(|(time, count)| format!("{time} ms or {count} characters")),
            ),
            (
                "sends again",
                self.retries.zip(self.retry_milliseconds).map(|(count, time)| {
                    format!("{count} {} {time} ms apart", if count == 1 { "time" } else { "times" })
                }),
            ),
        ];
        let pairs = rows.into_iter().filter_map(|(name, value)| Some((name, Field::from(value?))));
        Shown::Pairs(pairs.collect())
    }
}

/// What came of ending a console.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Deactivated {
    was_in_use: bool,
}

impl Finding for Deactivated {
    fn outcome(&self) -> Cow<'static, str> {
        if self.was_in_use { "ended".into() } else { "not in use".into() }
    }

    fn shown(&self, _: Output) -> Shown {
        Shown::Line(if self.was_in_use { "console ended" } else { "console was not in use" }.into())
    }
}

async fn deactivate(bmc: &Bmc, instance: u8) -> Result<Deactivated, Problem> {
    match bmc.run(Ask::new("deactivate the console", &DeactivateSol { instance })).await {
        Ok(()) => Ok(Deactivated { was_in_use: true }),
        Err(RunError::Procedure(ProcedureError::Refused { code: NOT_ACTIVE, .. })) => {
            Ok(Deactivated { was_in_use: false })
        }
        Err(error) => Err(error.into()),
    }
}

/// Opens the console of the only BMC that is named, and shows it until somebody leaves or it is closed.
async fn console(fleet: &Fleet, asked: &Console) -> Result<(), Failure> {
    let [target] = fleet.sweep.targets.as_slice() else {
        return Err(Failure::Usage {
            message: format!("a console is one machine's, and {} BMCs are named", fleet.sweep.targets.len()),
            hint: Some("name one with -H".to_owned()),
        });
    };
    let stop = CancellationToken::new();
    let (port, driver) = IpmiPort::start(PortConfig::default(), stop.clone())
        .map_err(|error| Failure::Failed(format!("cannot open UDP sockets: {error}")))?;
    let result = async {
        let address = target.address().await.map_err(|error| Problem::unknown_name(&error))?;
        let bmc = port.open(address, fleet.config.clone()).await?;
        let stream = tokio::select! {
            stream = bmc.sol(config(fleet, asked)) => stream.map_err(problem)?,
            _ = left_from_outside() => return Err(Problem::interrupted(Purpose::Read)),
        };
        let ended = show(stream, &target.name, asked).await;
        bmc.close().await;
        ended
    }
    .await;
    drop(port);
    stop.cancel();
    // The driver closes what is open on the BMC, in bounded time.
    let _ = driver.await;
    result.map_err(|problem| {
        note!("ironhand: {}: {}", target.name, problem.message);
        if let Some(hint) = problem.hint {
            note!("  hint: {hint}");
        }
        Failure::Some { code: problem.exit }
    })
}

fn config(fleet: &Fleet, asked: &Console) -> SolConfig {
    SolConfig {
        instance: asked.instance,
        steal: asked.steal,
        privilege: fleet.config.privilege,
        probe: match asked.probe {
            Probe::None => SerialProbe::None,
            Probe::Empty => SerialProbe::Empty,
            Probe::Nul => SerialProbe::Nul,
        },
        ..SolConfig::default()
    }
}

fn problem(closed: SolClosed) -> Problem {
    let (outcome, hint) = match closed {
        SolClosed::Failed(error) => return error.into(),
        SolClosed::Refused(code) => return ironhand_ipmi::Error::Completion(code).into(),
        SolClosed::InUse => ("in use", Some("take it with --steal, or end it with `sol deactivate`")),
        SolClosed::Disabled => ("disabled", Some("enable Serial over LAN in the BMC's settings")),
        SolClosed::Stolen | SolClosed::Deactivated => {
            ("taken", Some("somebody else opened it; take it back with --steal"))
        }
        SolClosed::Unacknowledged => (
            "no answer",
            Some(
                "the BMC answers and takes no characters: try `--quirks serialalertsdeferred`, then `solpacketseq`",
            ),
        ),
        SolClosed::Lost => (
            "lost",
            Some("the BMC may have restarted; many need a minute until their console can be opened again"),
        ),
        _ => ("failed", None),
    };
    Problem { hint, ..Problem::failed(closed.code(), outcome, closed.to_string()) }
}

/// Why a console is no longer shown.
enum End {
    /// The user left.
    Left,
    /// It was closed under the user.
    Closed(SolClosed),
    /// Nobody reads the output.
    Output(std::io::Error),
}

/// Connects a console with the terminal, or with what stands in its place.
async fn show(stream: SolStream, name: &str, asked: &Console) -> Result<(), Problem> {
    let SolStream { mut reader, mut writer } = stream;
    let terminal = RawTerminal::enter().map_err(|error| {
        Problem::failed("terminal", "failed", format!("the terminal cannot be used: {error}"))
    })?;
    let escape = asked.escape.0.filter(|_| terminal.is_some());
    let notes = Notes { raw: terminal.is_some(), escape };
    notes.begin(name);
    let heard = Cell::new(Instant::now());
    let mut screen = Screen::start();
    let end = {
        let mut output = pin!(write_output(&mut reader, &mut screen, &heard, &notes));
        let input = type_input(&mut writer, escape, &notes);
        tokio::select! {
            end = &mut output => end,
            left = input => match left {
                Typist::Left => End::Left,
                Typist::Ended => linger(&mut output, &heard, asked.linger.into()).await,
            },
            () = left_from_outside() => End::Left,
        }
    };
    drop(writer);
    let closing = async {
        let end = write_output(&mut reader, &mut screen, &heard, &notes).await;
        // What went wrong with it was told when it was written to.
        let _ = screen.finish().await;
        end
    };
    let closed = tokio::time::timeout(CLOSING, closing).await;
    drop(terminal);
    match end {
        End::Left => {
            if closed.is_err() {
                note!("ironhand: {name}: the BMC did not say that the console is closed");
            }
            Ok(())
        }
        End::Closed(reason) => Err(problem(reason)),
        End::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        End::Output(error) => {
            Err(Problem::failed("output", "failed", format!("the console cannot be shown: {error}")))
        }
    }
}

/// Shows output until there was none for so long.
async fn linger(
    output: &mut std::pin::Pin<&mut impl Future<Output = End>>,
    heard: &Cell<Instant>,
    quiet: Duration,
) -> End {
    heard.set(Instant::now());
    loop {
        let until = heard.get() + quiet;
        if until <= Instant::now() {
            return End::Left;
        }
        tokio::select! {
            end = &mut *output => return end,
            () = tokio::time::sleep_until(until.into()) => {}
            () = left_from_outside() => return End::Left,
        }
    }
}

/// Writes what the machine writes until the console is closed.
async fn write_output(
    reader: &mut SolReader,
    screen: &mut Screen,
    heard: &Cell<Instant>,
    notes: &Notes,
) -> End {
    loop {
        match reader.next().await {
            Some(SolEvent::Data(characters)) => {
                heard.set(Instant::now());
                if let Err(error) = screen.write(characters).await {
                    return End::Output(error);
                }
            }
            Some(SolEvent::Break) => notes.say("the machine sent a break"),
            Some(SolEvent::Overrun) => notes.say("the BMC lost characters of the machine"),
            Some(SolEvent::Unavailable) => notes.say("the machine is off or in reset; what is typed waits"),
            Some(SolEvent::Available) => notes.say("the machine takes characters"),
            Some(SolEvent::Opened { .. }) => {}
            Some(SolEvent::Closed(reason)) => return End::Closed(reason),
            None => return End::Closed(SolClosed::Requested),
        }
    }
}

/// How the input ended.
enum Typist {
    /// With the command to leave.
    Left,
    /// There is no more, and the BMC has taken all of it.
    Ended,
}

/// Writes what is typed.
async fn type_input(writer: &mut SolWriter, escape: Option<u8>, notes: &Notes) -> Typist {
    let mut input = terminal::input();
    let mut escape = Escape::new(escape);
    let typed = async {
        while let Some(bytes) = input.recv().await {
            for typed in escape.take(&bytes) {
                match typed {
                    Typed::Text(text) => writer.write(&text).await?,
                    Typed::Break => writer.send_break(),
                    Typed::Help => notes.help(),
                    Typed::Leave => return Ok(Typist::Left),
                }
            }
        }
        writer.settle().await?;
        Ok::<_, SolEnded>(Typist::Ended)
    };
    match typed.await {
        Ok(end) => end,
        // The reader knows why the console is closed, and ends the command.
        Err(SolEnded) => std::future::pending().await,
    }
}

/// What this program itself says, on standard error.
pub struct Notes {
    /// Whether the terminal is raw.
    pub raw: bool,
    /// What begins a command to this program.
    pub escape: Option<u8>,
}

impl Notes {
    /// Says something.
    pub fn say(&self, text: &str) {
        if self.raw {
            note!("\r\n[{text}]\r");
        } else {
            note!("ironhand: {text}");
        }
    }

    /// Says whose console it is.
    pub fn begin(&self, name: &str) {
        if !self.raw {
            return;
        }
        match self.escape.map(char::from) {
            Some(escape) => {
                self.say(&format!("console of {name}; {escape}? at the start of a line shows help"))
            }
            None => self.say(&format!("console of {name}")),
        }
    }

    /// Says that the user left: what the machine wrote last may have no end of line.
    pub fn left(&self, name: &str) {
        if self.raw {
            self.say(&format!("left the console of {name}"));
        }
    }

    /// Says what can be typed.
    pub fn help(&self) {
        if let Some(escape) = self.escape.map(char::from) {
            let text = format!(
                "at the start of a line: {escape}. leaves, {escape}B sends a break, {escape}{escape} types {escape}"
            );
            self.say(&text);
        }
    }
}
