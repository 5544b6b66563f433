//! `ironhand pin`: the certificates that devices of hosts showed first.

use ironhand_api::{Name, PinnedCertificate};
use ironhand_client::Client;
use serde::Serialize;

use crate::args::{ForgetPins, ListPins, PinCommand};
use crate::exit::Failure;
use crate::many::{Outcome, Pace, each};
use crate::output::{Output, age, now};
use crate::select::selected;

/// A pin and the host whose device it is of.
#[derive(Serialize)]
struct Row {
    host: Name,
    #[serde(flatten)]
    pin: PinnedCertificate,
}

/// `ironhand pin`.
pub async fn pin(client: &Client, command: &PinCommand, output: Output) -> Result<(), Failure> {
    match command {
        PinCommand::List(asked) => list(client, asked, output).await,
        PinCommand::Forget(asked) => forget(client, asked, output).await,
    }
}

async fn list(client: &Client, asked: &ListPins, output: Output) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for host in selected(client, &asked.selector).await? {
        let pins = client.pins(&host).await?;
        rows.extend(pins.into_iter().map(|pin| Row { host: host.clone(), pin }));
    }
    let now = now();
    output.list(
        &rows,
        &["host", "connector", "pinned", "sha256"],
        |row| row.host.to_string(),
        |row| {
            vec![
                row.host.as_str().into(),
                row.pin.connector.as_str().into(),
                format!("{} ago", age(now, row.pin.pinned_at)).into(),
                row.pin.sha256.as_str().into(),
            ]
        },
    )
}

async fn forget(client: &Client, asked: &ForgetPins, output: Output) -> Result<(), Failure> {
    let hosts = selected(client, &asked.selector).await?;
    each(client, &hosts, Pace::default(), output, async |host| {
        let forgotten = client.forget_pins(&host, asked.connector.as_deref()).await?;
        let detail = match forgotten.as_slice() {
            [] => "nothing was pinned".to_owned(),
            some => {
                let names: Vec<_> = some.iter().map(|pin| pin.connector.as_str()).collect();
                format!("forgotten: {}; what it shows next is pinned", names.join(", "))
            }
        };
        Ok(Outcome::done(detail))
    })
    .await
}
