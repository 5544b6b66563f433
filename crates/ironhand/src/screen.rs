//! `ironhand screen` and `ironhand type`.

mod canvas;
pub mod console;
mod iterm2;
mod kitty;
mod live;
mod scale;
mod sixel;
mod terminal;
mod typed;

use std::io::IsTerminal;
use std::path::Path;

use ironhand_api::{KeysRequest, Screen, ScreenKind};
use ironhand_client::Client;
use ironhand_console::Image;

use crate::args::{self, PictureWord};
use crate::exit::{Failure, at};
use crate::files::{read_password, read_password_from};
use crate::many::{Outcome, Pace, each};
use crate::output::{Output, line, write_bytes};
use crate::select::host_name;
use terminal::{Answers, Window};

/// What terminals show pictures by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Kitty,
    Iterm2,
    Sixel,
}

impl Protocol {
    /// What shows a picture at the cursor.
    fn encode(self, image: &Image) -> Vec<u8> {
        match self {
            Self::Kitty => kitty::encode(image),
            Self::Iterm2 => iterm2::encode(image),
            Self::Sixel => sixel::encode(image),
        }
    }
}

/// `ironhand screen`.
pub async fn screen(client: &Client, asked: &args::Screen, output: Output) -> Result<(), Failure> {
    let host = host_name(&asked.host)?;
    let screen = client.read_screen(&host).await?;
    if let Some(path) = &asked.save {
        at(path, std::fs::write(path, client.picture(&screen.picture).await?))?;
    }
    let (protocol, answers) = protocol(asked, output);
    if output.is_structured() {
        output.value(&screen)?;
    } else if let Some(protocol) = protocol {
        if asked.watch && std::io::stdout().is_terminal() {
            return live::watch_picture(client, &host, protocol, answers).await;
        }
        show_picture(&picture(client, &screen).await?, protocol, &answers)?;
        if asked.text {
            show_screen(&screen);
        }
    } else if asked.text || asked.save.is_none() {
        show_screen(&screen);
    }
    if asked.watch { live::watch(client, &host, &screen, output).await } else { Ok(()) }
}

/// What the picture is shown by, and what the terminal said where it was asked for that.
fn protocol(asked: &args::Screen, output: Output) -> (Option<Protocol>, Answers) {
    let asks = asked.watch || (!asked.text && asked.save.is_none());
    match asked.picture {
        _ if output.is_structured() => (None, Answers::default()),
        PictureWord::Auto if !asks => (None, Answers::default()),
        word => pictures(word),
    }
}

/// What pictures are shown by, and what the terminal said where it was asked for that.
pub fn pictures(word: PictureWord) -> (Option<Protocol>, Answers) {
    match word {
        PictureWord::Auto if std::io::stdout().is_terminal() => terminal::ask(),
        PictureWord::Auto | PictureWord::None => (None, Answers::default()),
        PictureWord::Kitty => (Some(Protocol::Kitty), Answers::default()),
        PictureWord::Iterm2 => (Some(Protocol::Iterm2), Answers::default()),
        PictureWord::Sixel => (Some(Protocol::Sixel), Answers::default()),
    }
}

async fn picture(client: &Client, screen: &Screen) -> Result<Image, Failure> {
    Image::decode(&client.picture(&screen.picture).await?)
        .map_err(|error| Failure::Failed(format!("the server's picture cannot be shown: {error}")))
}

/// Shows a picture at the cursor, as large as it is where there is no window to fit in.
fn show_picture(image: &Image, protocol: Protocol, answers: &Answers) -> Result<(), Failure> {
    let shown = match Window::here(answers).map(|window| window.pixels(1)) {
        Some((width, height)) => protocol.encode(&scale::fitted(image.clone(), width, height)),
        None => protocol.encode(image),
    };
    write_bytes(&[&shown, b"\n".as_slice()].concat())
}

fn show_screen(screen: &Screen) {
    if screen.kind == ScreenKind::Blank {
        // Nothing at all would look like a fault of this program.
        let (width, height) = (screen.width, screen.height);
        note!("{}: the screen is blank ({width}x{height}, {})", screen.host, screen.connector);
        return;
    }
    line(screen.text.trim_end());
    if !screen.reliable {
        note!("warning: the screen shows {}; not everything on it could be read with certainty", screen.kind);
    }
}

/// `ironhand type`.
pub async fn type_keys(client: &Client, asked: &args::Type, output: Output) -> Result<(), Failure> {
    let host = host_name(&asked.host)?;
    let secret = match asked.secret_file.as_deref() {
        Some(file) if file == Path::new("-") => Some(read_password_from(std::io::stdin(), file)?),
        Some(file) => Some(read_password(file)?),
        None => None,
    };
    let request = KeysRequest { secret, ..KeysRequest::new(asked.keys.as_deref().unwrap_or_default()) };
    each(client, &[host], Pace::default(), output, async |host| {
        client.type_keys(&host, &request).await.map(Outcome::from)
    })
    .await
}
