//! `ironhand console`: the serial console of a host, through the server.

use std::cell::Cell;
use std::time::{Duration, Instant};

use ironhand_api::{ConsoleNotice, ConsoleRequest};
use ironhand_client::{Client, Console, ConsoleEvent, ConsoleLogFilter, ConsoleOptions, Error, LiveOptions};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::{self, ConsoleVerb, PictureWord};
use crate::bmc::sol::Notes;
use crate::bmc::sol::escape::{Escape, Typed};
use crate::bmc::sol::terminal::{self, RawTerminal, Screen};
use crate::exit::Failure;
use crate::learn::learn;
use crate::output::{Output, line};
use crate::screen;
use crate::select::host_name;
use crate::serve::left_from_outside;

/// How long the server may take to close the connection.
const CLOSING: Duration = Duration::from_secs(3);

/// `ironhand console`.
pub async fn console(client: &Client, asked: &args::Console, output: Output) -> Result<(), Failure> {
    match (&asked.verb, &asked.host) {
        (Some(ConsoleVerb::Learn(asked)), _) => learn(asked),
        (Some(ConsoleVerb::Release { host }), _) => release(client, host).await,
        (None, Some(host)) if asked.log => log(client, host, asked, output).await,
        (None, Some(host)) => open(client, host, asked).await,
        // The command line asks for one of them.
        (None, None) => Ok(()),
    }
}

async fn release(client: &Client, host: &str) -> Result<(), Failure> {
    let host = host_name(host)?;
    match client.release_console(&host, &myself()).await? {
        Some(holder) => line(&format!("{host}: taken from {}, who had it since {}", holder.by, holder.since)),
        None => line(&format!("{host}: nobody had the console")),
    }
    Ok(())
}

/// Prints what the machine wrote before.
async fn log(client: &Client, host: &str, asked: &args::Console, output: Output) -> Result<(), Failure> {
    let host = host_name(host)?;
    let filter = ConsoleLogFilter { search: asked.search.clone(), since: asked.since, tail: asked.tail };
    let lines = client.console_log(&host, &filter).await?;
    if output.is_structured() {
        return output.value(&lines);
    }
    for written in lines {
        line(&format!("{} {}", written.at, written.text));
    }
    Ok(())
}

async fn open(client: &Client, host: &str, asked: &args::Console) -> Result<(), Failure> {
    let host = host_name(host)?;
    let by = Some(myself());
    let options = ConsoleOptions { by, take_over: asked.take_over, read_only: asked.read_only };
    if asked.screen {
        let (protocol, answers) = screen::pictures(asked.picture.unwrap_or(PictureWord::Auto));
        let options =
            LiveOptions { console: options, record_typed: asked.record_typed, ..LiveOptions::default() };
        let ended = screen::console::open(client, &host, options, asked.escape.0, protocol, answers).await?;
        return ended.closed.map_or(Ok(()), |(code, reason)| closed(host.as_str(), &code, &reason));
    }
    let console = tokio::select! {
        console = client.console(&host, &options) => console.map_err(|error| explained(error, host.as_str()))?,
        () = left_from_outside() => return Err(Failure::Failed("interrupted".to_owned())),
    };
    show(console, host.as_str(), asked).await
}

/// Who sits at this terminal, as others are told.
pub fn myself() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    let user = user.unwrap_or_else(|_| format!("uid {}", rustix::process::getuid().as_raw()));
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{user}@{machine}")
}

/// The error, with what else can be done where the host has no serial console.
fn explained(error: Error, host: &str) -> Failure {
    if error.problem().is_some_and(|problem| problem.code == "host.no_connector") {
        note!(
            "ironhand: its screen and keyboard are had with `ironhand console {host} --screen`, the screen alone with `ironhand screen {host} --watch`, if it has any"
        );
    }
    error.into()
}

/// Why a console is no longer shown.
enum End {
    /// The user left.
    Left,
    /// It was closed under the user.
    Closed { code: String, reason: String },
    /// Nobody reads the output.
    Output(std::io::Error),
}

/// Connects a console with the terminal, or with what stands in its place.
async fn show(mut console: Console, host: &str, asked: &args::Console) -> Result<(), Failure> {
    let terminal = RawTerminal::enter()
        .map_err(|error| Failure::Failed(format!("the terminal cannot be used: {error}")))?;
    let escape = asked.escape.0.filter(|_| terminal.is_some());
    let notes = Notes { raw: terminal.is_some(), escape };
    let mut screen = Screen::start();
    let end = carry(&mut console, &mut screen, &notes, host, asked).await;
    let closing = async {
        console.close().await;
        // What went wrong with it was told when it was written to.
        let _ = screen.finish().await;
    };
    // A server that does not say good-bye is left.
    let _ = tokio::time::timeout(CLOSING, closing).await;
    match &end {
        End::Left => notes.left(host),
        // What follows begins a line of its own, whatever the machine wrote last.
        End::Closed { .. } if notes.raw => note!("\r"),
        _ => {}
    }
    drop(terminal);
    match end {
        End::Left => Ok(()),
        End::Closed { code, reason } => closed(host, &code, &reason),
        End::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        End::Output(error) => Err(Failure::Failed(format!("the console cannot be shown: {error}"))),
    }
}

/// Says why the server ended it.
fn closed(host: &str, code: &str, reason: &str) -> Result<(), Failure> {
    note!("ironhand: {host}: {reason}");
    if code == "console.taken_over" {
        note!("  hint: take it back with --take-over, or watch with --read-only");
    }
    Err(Failure::Some { code: exit_code(code) })
}

/// Refused where somebody else has it now; else failed.
fn exit_code(code: &str) -> u8 {
    match code {
        "console.taken_over" | "console.released" => 4,
        "console.idle" => 5,
        _ => 1,
    }
}

/// Carries characters until one side ends it.
async fn carry(
    console: &mut Console,
    screen: &mut Screen,
    notes: &Notes,
    host: &str,
    asked: &args::Console,
) -> End {
    let mut input = Some(terminal::input()).filter(|_| !asked.read_only || notes.raw);
    let mut escape = Escape::new(notes.escape);
    let heard = Cell::new(Instant::now());
    let linger: Duration = asked.linger.into();
    // Where the system has no such signal, the size at the beginning holds.
    let mut resizes = signal(SignalKind::window_change()).ok();
    loop {
        let is_over = input.is_none() && !asked.read_only;
        let quiet = async {
            match is_over {
                true => tokio::time::sleep_until((heard.get() + linger).into()).await,
                false => std::future::pending().await,
            }
        };
        let typing = async {
            match &mut input {
                Some(input) => input.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = console.next() => match event {
                Some(ConsoleEvent::Output(bytes)) => {
                    heard.set(Instant::now());
                    if let Err(error) = screen.write(bytes).await {
                        return End::Output(error);
                    }
                }
                Some(ConsoleEvent::Notice(notice)) => match notice {
                    ConsoleNotice::Opened { connector, read_only } => {
                        let only = if read_only { ", to look at only" } else { "" };
                        notes.begin(&format!("{host} ({connector}{only})"));
                        if notes.raw && !read_only {
                            tell_size(console).await;
                        }
                    }
                    ConsoleNotice::Notice { message } => notes.say(&message),
                    ConsoleNotice::Closed { code, reason } => return End::Closed { code, reason },
                },
                None => {
                    let (code, reason) = ("console.lost".to_owned(), "the server closed the connection".to_owned());
                    return End::Closed { code, reason };
                }
            },
            typed = typing => match typed {
                Some(bytes) => {
                    if !hand_on(console, escape.take(&bytes), notes).await {
                        return End::Left;
                    }
                }
                None => {
                    input = None;
                    heard.set(Instant::now());
                }
            },
            () = quiet => return End::Left,
            () = resized(&mut resizes), if notes.raw && !asked.read_only => tell_size(console).await,
            () = left_from_outside() => return End::Left,
        }
    }
}

/// Waits until the window has another size.
async fn resized(resizes: &mut Option<Signal>) {
    let Some(resizes) = resizes else { return std::future::pending().await };
    if resizes.recv().await.is_none() {
        std::future::pending::<()>().await;
    }
}

/// Tells how large the window is: a shell over SSH or telnet edits its lines by it.
async fn tell_size(console: &mut Console) {
    if let Ok(size) = rustix::termios::tcgetwinsize(std::io::stdout()) {
        // That the connection has ended is told by what comes from it.
        let _ = console.ask(&ConsoleRequest::Resize { columns: size.ws_col, rows: size.ws_row }).await;
    }
}

/// Does what was typed; false where it was to leave.
async fn hand_on(console: &mut Console, typed: Vec<Typed>, notes: &Notes) -> bool {
    for typed in typed {
        // That the connection has ended is told by what comes from it.
        match typed {
            Typed::Text(text) => {
                let _ = console.write(text).await;
            }
            Typed::Break => {
                let _ = console.ask(&ConsoleRequest::Break).await;
            }
            Typed::Help => notes.help(),
            Typed::Leave => return false,
        }
    }
    true
}
