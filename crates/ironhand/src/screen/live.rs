//! `ironhand screen --watch`: the screen whenever it changes.

use std::io::IsTerminal;

use ironhand_api::{LiveNotice, LiveScreen, Name, Screen};
use ironhand_client::{Client, ConsoleOptions, LiveEvent, LiveOptions};
use ironhand_console::Image;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Protocol;
use super::canvas::{Canvas, Face};
use super::show_screen;
use super::terminal::Answers;
use crate::exit::Failure;
use crate::output::{Output, line};
use crate::serve::left_from_outside;

/// Prints the screen whenever something else stands on it than on `last`.
pub async fn watch(client: &Client, host: &Name, last: &Screen, output: Output) -> Result<(), Failure> {
    let mut screens = client.watch_screen(host, &looking(true)).await?;
    let mut last = last.text.clone();
    loop {
        let screen = match screens.next().await {
            Some(LiveEvent::Screen { screen, .. }) => of(host, *screen),
            Some(LiveEvent::Notice(notice)) => {
                noticed(host, &notice)?;
                continue;
            }
            None => return Err(ended()),
        };
        if screen.text == last {
            continue;
        }
        if output.is_structured() {
            output.value(&screen)?;
        } else {
            line(&format!("--- {} {}", host, screen.read_at));
            show_screen(&screen);
        }
        last = screen.text;
    }
}

/// Draws the screen whenever it changes, or the window does, until somebody leaves.
pub async fn watch_picture(
    client: &Client,
    host: &Name,
    protocol: Protocol,
    answers: Answers,
) -> Result<(), Failure> {
    let mut screens = client.watch_screen(host, &looking(false)).await?;
    let mut resized = resized()?;
    // From here on nobody leaves without the terminal being put back.
    let left = left_from_outside();
    tokio::pin!(left);
    let mut canvas = Canvas::enter(Some(protocol), answers)?;
    let mut shown: Option<(Face, String)> = None;
    loop {
        if let Some((face, caption)) = &shown {
            canvas.draw(face.clone(), caption)?;
        }
        tokio::select! {
            () = &mut left => return Ok(()),
            _ = resized.recv() => {}
            event = screens.next() => match event {
                Some(LiveEvent::Screen { screen, picture }) => {
                    let doubt = if screen.reliable { "" } else { "  not everything is readable with certainty" };
                    let caption = format!("{host}  {}{doubt}", screen.at);
                    shown = Some((face(&screen, picture.as_deref())?, caption));
                }
                Some(LiveEvent::Notice(LiveNotice::Unseen { reason, .. })) => {
                    if let Some((_, caption)) = &mut shown {
                        *caption = format!("{host}  not seen: {reason}");
                    }
                }
                Some(LiveEvent::Notice(notice)) => noticed(host, &notice)?,
                None => return Err(ended()),
            },
        }
    }
}

/// Who only looks, as others are told nothing of.
fn looking(text_only: bool) -> LiveOptions {
    let console = ConsoleOptions { read_only: true, ..ConsoleOptions::default() };
    LiveOptions { console, text_only, record_typed: false }
}

/// Tells when the window has another size.
pub fn resized() -> Result<Signal, Failure> {
    signal(SignalKind::window_change())
        .map_err(|error| Failure::Failed(format!("cannot listen for signals: {error}")))
}

/// What is to be drawn of a screen: its picture, where there is one, else its text.
pub fn face(screen: &LiveScreen, picture: Option<&[u8]>) -> Result<Face, Failure> {
    match picture {
        Some(picture) => Image::decode(picture)
            .map(Face::Picture)
            .map_err(|error| Failure::Failed(format!("the server's picture cannot be shown: {error}"))),
        None => Ok(Face::Text {
            rows: screen.rows.clone(),
            cursor: screen.cursor.map(|place| (place.row, place.column)),
            highlighted_row: screen.highlighted_row,
        }),
    }
}

/// Says what the server says beside the screen; fails where nothing follows.
fn noticed(host: &Name, notice: &LiveNotice) -> Result<(), Failure> {
    match notice {
        LiveNotice::Closed { reason, .. } => Err(Failure::Failed(format!("{host}: {reason}"))),
        LiveNotice::Unseen { reason, .. } => {
            note!("ironhand: {host}: not seen: {reason}");
            Ok(())
        }
        _ => Ok(()),
    }
}

fn ended() -> Failure {
    Failure::Failed("the server closed the connection".to_owned())
}

/// The same as one reading.
fn of(host: &Name, screen: LiveScreen) -> Screen {
    Screen {
        host: host.clone(),
        connector: screen.connector,
        read_at: screen.at,
        kind: screen.kind,
        reliable: screen.reliable,
        confidence: screen.confidence,
        text: text(&screen.rows),
        rows: screen.rows,
        font: None,
        width: screen.width,
        height: screen.height,
        picture: screen.picture,
    }
}

/// The rows without trailing blanks, as the server joins them.
fn text(rows: &[String]) -> String {
    let rows: Vec<&str> = rows.iter().map(|row| row.trim_end()).collect();
    rows.join("\n").trim_end().to_owned()
}

/// Whether standard input and output are terminals.
pub fn on_a_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}
