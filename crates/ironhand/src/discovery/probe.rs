//! `ironhand probe`: what was asked of one address, what answered, and what that means.

use ironhand_discovery::{Depth, Found, Identity, Probe, identify};
use serde_json::json;

use super::{addresses, args};
use crate::args::Format;
use crate::exit::Failure;
use crate::output::{Field, Output, Tone, line};

/// `ironhand probe`.
pub async fn probe(asked: &args::Probe, output: Output) -> Result<(), Failure> {
    let named = addresses(std::slice::from_ref(&asked.address), false).await?;
    let [address] = named.as_slice() else {
        return Err(Failure::Usage {
            message: format!("`{}` names {} addresses", asked.address, named.len()),
            hint: Some("name one, or use `ironhand discover`".to_owned()),
        });
    };
    let ports = asked.ports.ports();
    let gathered = Probe { ports, depth: Depth::Explain }.look(*address).await;
    let identity = identify(&gathered);
    let found = Found::new(&gathered, &identity, &ports);
    match output.format {
        Format::Json | Format::Yaml => {
            output.value(&json!({ "address": address, "identity": identity, "gathered": gathered }))?;
        }
        Format::Name => {
            if found.is_some() {
                line(&address.to_string());
            }
        }
        Format::Table | Format::Wide => {
            let rows = gathered.asked.iter().map(|asked| {
                let time = format!("{} ms", asked.milliseconds);
                vec![asked.question.as_str().into(), asked.answer.as_str().into(), time.into()]
            });
            output.table(&["asked", "answered", "took"], rows);
            line("");
            explain(&identity, found.as_ref(), output);
        }
    }
    match found {
        Some(_) => Ok(()),
        None => Err(Failure::NotFound(format!("nothing of a management controller answers at {address}"))),
    }
}

fn explain(identity: &Identity, found: Option<&Found>, output: Output) {
    let Some(found) = found else { return };
    let told = [("firmware", &found.firmware), ("model", &found.model), ("serial", &found.serial)];
    line(&format!("It is: {} (confidence {})", found.what(), identity.confidence.as_str()));
    for (name, value) in told {
        if let Some(value) = value {
            line(&format!("  {name}: {value}"));
        }
    }
    if !found.macs.is_empty() {
        let macs: Vec<_> = found.macs.iter().map(ToString::to_string).collect();
        line(&format!("  network interfaces: {}", macs.join(", ")));
    }
    let ways: Vec<_> = found
        .speaks
        .iter()
        .map(|spoken| format!("{} on port {}", spoken.protocol.as_str(), spoken.port))
        .collect();
    line(&format!(
        "It speaks: {}",
        if ways.is_empty() { "nothing that manages".to_owned() } else { ways.join(", ") }
    ));
    line("Because:");
    identity.evidence.iter().for_each(|sign| line(&format!("  {}", sign.seen)));
    for conflict in &identity.conflicts {
        line(&output.inline(&Field::toned(format!("Conflict: {conflict}"), Tone::Warn)));
    }
}
