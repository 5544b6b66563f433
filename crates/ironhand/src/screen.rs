//! `ironhand screen` and `ironhand type`.

use ironhand_api::{EventKind, Name, Screen};
use ironhand_client::Client;

use crate::args;
use crate::exit::{Failure, at};
use crate::many::{Outcome, Pace, each};
use crate::output::{Output, line};
use crate::select::host_name;

/// `ironhand screen`.
pub async fn screen(client: &Client, asked: &args::Screen, output: Output) -> Result<(), Failure> {
    let host = host_name(&asked.host)?;
    let screen = client.read_screen(&host).await?;
    if let Some(path) = &asked.save {
        at(path, std::fs::write(path, client.picture(&screen.picture).await?))?;
    }
    if output.is_structured() {
        output.value(&screen)?;
    } else if asked.text || asked.save.is_none() {
        show_screen(&screen);
    }
    if asked.watch { watch(client, &host, screen, output).await } else { Ok(()) }
}

fn show_screen(screen: &Screen) {
    line(screen.text.trim_end());
    if !screen.reliable {
        note!(
            "warning: the screen shows {:?}; not everything on it could be read with certainty",
            screen.kind
        );
    }
}

/// Prints the screen whenever the server has read something else on it.
async fn watch(client: &Client, host: &Name, mut last: Screen, output: Output) -> Result<(), Failure> {
    let mut events = client.follow(None, Some(host.clone()));
    while let Some(event) = events.next().await {
        if event?.kind != EventKind::ScreenChanged {
            continue;
        }
        let screen = client.screen(host).await?;
        if screen.picture == last.picture {
            continue;
        }
        if output.is_structured() {
            output.value(&screen)?;
        } else {
            line(&format!("--- {} {}", host, screen.read_at));
            show_screen(&screen);
        }
        last = screen;
    }
    Ok(())
}

/// `ironhand type`.
pub async fn type_keys(client: &Client, asked: &args::Type, output: Output) -> Result<(), Failure> {
    let host = host_name(&asked.host)?;
    each(client, &[host], Pace::default(), output, async |host| {
        client.keys(&host, &asked.keys).await.map(Outcome::from)
    })
    .await
}
