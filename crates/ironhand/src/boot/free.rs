//! `ironhand hosts` and `ironhand wake`: machines that are no hosts yet, and machines that are to run.

use ironhand_api::{Kind, MacAddress, Machine, Timestamp};
use ironhand_client::Client;

use crate::args::{self, Get};
use crate::exit::Failure;
use crate::get;
use crate::many::{Outcome, Pace, each};
use crate::output::{Field, Output, Tone, age, line, now};
use crate::select::selected;

/// `ironhand hosts`.
pub async fn hosts(client: &Client, asked: &args::Hosts, output: Output) -> Result<(), Failure> {
    if let Some(text) = &asked.forget {
        let mac = mac(text)?;
        client.forget_machine(mac).await?;
        line(&format!("machine/{mac} forgotten"));
        return Ok(());
    }
    if !asked.free {
        let all = Get { kind: Kind::Host.plural().to_owned(), name: None, selector: None };
        return get::get(client, &all, output).await;
    }
    let machines = client.machines().await?;
    if machines.is_empty() && !output.is_structured() {
        note!("no machine has booted over the network that is not a host");
    }
    let now = now();
    output.list(
        &machines,
        &["mac", "maker", "model", "serial", "architecture", "network", "address", "boots", "seen", "told"],
        |machine| machine.mac.to_string(),
        |machine| row(machine, now),
    )
}

fn row(machine: &Machine, now: Timestamp) -> Vec<Field> {
    let Machine { mac, serial, manufacturer, product, architecture, network, address, told, .. } = machine;
    let word = |text: &Option<String>| Field::from(text.clone().unwrap_or_default()).printable();
    vec![
        mac.to_string().into(),
        word(manufacturer),
        word(product),
        word(serial),
        word(architecture),
        network.as_ref().map(ToString::to_string).unwrap_or_default().into(),
        address.map(|address| address.to_string()).unwrap_or_default().into(),
        machine.boots.to_string().into(),
        age(now, machine.last_seen).into(),
        word(told),
    ]
}

/// What `get hosts` shows of machines that are no hosts: a line each.
pub fn free_rows(machines: &[Machine]) -> Vec<String> {
    machines
        .iter()
        .map(|machine| {
            let what: Vec<&str> = [&machine.manufacturer, &machine.product, &machine.architecture]
                .into_iter()
                .flatten()
                .map(String::as_str)
                .collect();
            let what = if what.is_empty() { String::new() } else { format!("  {}", what.join(", ")) };
            Field::toned(format!("{}  free{what}", machine.mac), Tone::Dim).printable().into_text()
        })
        .collect()
}

/// `ironhand wake`.
pub async fn wake(client: &Client, asked: &args::Wake, output: Output) -> Result<(), Failure> {
    let (macs, names): (Vec<String>, Vec<String>) =
        asked.selector.hosts.iter().cloned().partition(|word| word.parse::<MacAddress>().is_ok());
    for text in &macs {
        let report = client.wake_machine(mac(text)?).await?;
        line(&format!("{}: {}", mac(text)?, report.detail));
    }
    if names.is_empty() && !macs.is_empty() {
        return Ok(());
    }
    let selector =
        args::Selector { hosts: names, selector: asked.selector.selector.clone(), all: asked.selector.all };
    let hosts = selected(client, &selector).await?;
    each(client, &hosts, Pace::default(), output, async |host| {
        client.wake(&host).await.map(|report| Outcome::done(report.detail))
    })
    .await
}

fn mac(text: &str) -> Result<MacAddress, Failure> {
    text.parse().map_err(|error: ironhand_api::MacAddressError| Failure::Usage {
        message: error.to_string(),
        hint: None,
    })
}
