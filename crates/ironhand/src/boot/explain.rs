//! `ironhand boot explain`: the boot that would follow if a machine asked now.

use ironhand_api::{BootExplanation, MacAddress};
use ironhand_client::{Client, ExplainBoot};

use crate::args;
use crate::exit::Failure;
use crate::output::{Field, Output, Tone, line};
use crate::select::host_name;

/// `ironhand boot explain`.
pub async fn explain(client: &Client, asked: &args::ExplainBoot, output: Output) -> Result<(), Failure> {
    let mac = asked.machine.parse::<MacAddress>().ok();
    let host = if mac.is_none() { Some(host_name(&asked.machine)?) } else { None };
    let usage = |message: String| Failure::Usage { message, hint: None };
    let network = asked.network.as_deref().map(host_name).transpose()?;
    let architecture = asked.arch.as_deref().map(str::parse).transpose();
    let architecture =
        architecture.map_err(|error: ironhand_api::UnknownArchitecture| usage(error.to_string()))?;
    let uuid = asked.uuid.as_deref().map(str::parse).transpose();
    let uuid = uuid.map_err(|error: ironhand_api::MachineUuidError| usage(error.to_string()))?;
    let wanted = ExplainBoot { host, mac, network, architecture, uuid, http: asked.http, ipv6: asked.ipv6 };
    let told = client.explain_boot(&wanted).await?;
    if output.is_structured() {
        return output.value(&told);
    }
    show(&told, asked.script, output);
    Ok(())
}

fn show(told: &BootExplanation, script: bool, output: Output) {
    let BootExplanation { mac, host, network, architecture, intent, reason, .. } = told;
    let who = host.as_ref().map_or_else(|| "an unknown machine".to_owned(), |host| format!("Host {host}"));
    line(&format!("{who}, {mac}, {architecture}, in Network {network}"));
    let tone = match intent.as_str() {
        "boot" => Tone::Good,
        "hold" | "refuse" | "ignore" => Tone::Bad,
        _ => Tone::Plain,
    };
    let intent = output.inline(&Field::toned(intent.clone(), tone).printable());
    line(&format!("{intent}: {reason}"));
    for evidence in &told.evidence {
        line(&output.inline(&Field::toned(format!("  {evidence}"), Tone::Dim).printable()));
    }
    line("");
    let rows = told.steps.iter().enumerate().map(|(at, step)| {
        let said = match (step.detail.is_empty(), step.reason.is_empty()) {
            (false, false) => format!("{}; {}", step.detail, step.reason),
            _ => format!("{}{}", step.detail, step.reason),
        };
        vec![
            Field::toned((at + 1).to_string(), Tone::Dim),
            step.from.as_str().into(),
            step.protocol.as_str().into(),
            Field::from(step.message.as_str()).printable(),
            Field::toned(said, Tone::Dim).printable(),
        ]
    });
    output.table(&["", "from", "by", "message", "what and why"], rows);
    if let Some(text) = told.script.as_ref().filter(|_| script) {
        line("");
        text.lines().for_each(|text| line(&Field::from(text).printable().into_text()));
    }
}
