//! `ironhand servers`, `ironhand key` and `ironhand notifier`: the servers themselves, and whom they tell.

use ironhand_client::Client;

use crate::args::{KeyCommand, NotifierCommand};
use crate::exit::Failure;
use crate::output::{Field, Output, Tone, line, now};
use crate::select::host_name;

/// `ironhand servers`.
pub async fn servers(client: &Client, output: Output) -> Result<(), Failure> {
    let servers = client.servers().await?;
    let now = now();
    output.list(
        &servers,
        &["name", "hosts", "hold for", "answers here"],
        |server| server.name.clone(),
        |server| {
            let left = server.expires_at.since(now).as_secs();
            let hold = if left == 0 { Field::toned("expired", Tone::Bad) } else { format!("{left}s").into() };
            vec![
                server.name.as_str().into(),
                server.hosts.to_string().into(),
                hold,
                if server.answers { "yes" } else { "" }.into(),
            ]
        },
    )
}

/// `ironhand key`.
pub async fn key(client: &Client, asked: &KeyCommand, output: Output) -> Result<(), Failure> {
    let KeyCommand::Rotate = asked;
    let rotation = client.rotate_key().await?;
    if output.is_structured() {
        return output.value(&rotation);
    }
    line(&format!("everything is sealed under the new key {}", rotation.key));
    Ok(())
}

/// `ironhand notifier`.
pub async fn notifier(client: &Client, asked: &NotifierCommand, output: Output) -> Result<(), Failure> {
    let NotifierCommand::Test { name } = asked;
    let report = client.test_notifier(&host_name(name)?).await?;
    if output.is_structured() {
        return output.value(&report);
    }
    line(&format!("notifier/{name} was told in {} ms: {}", report.took.as_millis(), report.detail));
    Ok(())
}
