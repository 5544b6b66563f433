//! Commands that flows run over SSH, on the host itself or elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use ironhand_api::{ActionReceipt, SshStep};
use ironhand_connectors::{Command, CommandEnd, Error, HostKey, Pins, Route, run_command};
use ironhand_console::{Page, Pattern};
use secrecy::ExposeSecret;
use tokio::time::{Instant as Moment, timeout_at};

use super::request::{Vault, without};
use super::{Answered, LONGEST_TRIED, Outreach, OutreachError};
use crate::endpoint::shown;

/// The longest value that is captured, in characters: it stands in the record of the run.
const LONGEST_CAPTURE: usize = 1000;

/// What in a step cannot be, each fault with its field.
pub(crate) fn faults(step: &SshStep) -> Vec<String> {
    let pattern = step.expect.output.as_deref().map(Pattern::new);
    let fault = pattern.and_then(Result::err).map(|error| format!("`expect.output`: {error}"));
    fault.into_iter().collect()
}

impl Outreach {
    /// Runs a command at an address, and judges its end. It leaves a receipt.
    pub(crate) async fn ssh(
        &self,
        step: &SshStep,
        address: &str,
        pins: Arc<dyn Pins>,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Answered, OutreachError> {
        let mut vault = Vault::new(&self.store);
        let login = vault.login(&step.login).await?;
        let input = match &step.input {
            Some(input) => Some(vault.text(input).await?),
            None => None,
        };
        let machine = format!("{address}:{}", step.port);
        let source = format!("ssh {machine}");
        let host_key = match &step.host_key {
            Some(given) => HostKey::Given(given.clone()),
            None => HostKey::First { device: source.clone(), pins },
        };
        let begun = Instant::now();
        let within = step.timeout.duration();
        let ended = match timeout_at(Moment::now() + within, self.permits(&source)).await {
            Ok(_permits) => {
                let input = input.as_ref().map(|input| input.expose_secret().as_bytes());
                let within = within.saturating_sub(begun.elapsed());
                let command = Command { run: &step.run, input, within };
                run_command(&Route::direct(address, step.port), &login, host_key, &command).await
            }
            Err(_) => Err(Error::Busy {
                reason: "other commands on this machine, or requests to all, took all the time".to_owned(),
            }),
        };
        let took = begun.elapsed();
        let error = ended.as_ref().err().map(ToString::to_string);
        receipts.push(ActionReceipt { connector: source, took, error });
        let said = format!("after {:.2} s", took.as_secs_f32());
        match ended {
            Ok(end) => judged(step, machine, end, &vault, &said),
            Err(error) if error.leaves_doubt() => Err(OutreachError::NotEnded { machine }),
            Err(error) => Err(OutreachError::NoAnswer { server: machine, error: Box::new(error) }),
        }
    }
}

fn judged(
    step: &SshStep,
    machine: String,
    end: CommandEnd,
    vault: &Vault<'_>,
    said: &str,
) -> Result<Answered, OutreachError> {
    let CommandEnd { status, output, complaint } = end;
    let (output, complaint) = (without(vault.opened(), &output), without(vault.opened(), &complaint));
    let quoted = |text: &str| {
        let start = shown(text.trim().as_bytes());
        if start.is_empty() { start } else { format!(": {start}") }
    };
    let wrong = |reason: String| {
        let told = if complaint.trim().is_empty() { quoted(&output) } else { quoted(&complaint) };
        OutreachError::EndedOtherwise { machine: machine.clone(), reason: format!("{reason}, {said}{told}") }
    };
    match status {
        None if !step.expect.closed => return Err(OutreachError::NotEnded { machine }),
        None => {}
        Some(status) if step.expect.status.iter().any(|wanted| u32::from(*wanted) == status) => {}
        Some(status) => {
            let wanted: Vec<String> = step.expect.status.iter().map(ToString::to_string).collect();
            return Err(wrong(format!("the status is {status}, not {}", wanted.join(" or "))));
        }
    }
    let mut captured = BTreeMap::new();
    if let Some(wanted) = &step.expect.output {
        let tried: String = output.chars().take(LONGEST_TRIED).collect();
        let pattern =
            Pattern::new(wanted).map_err(|error| OutreachError::Unsuited { reason: error.to_string() })?;
        let found = pattern.find(&Page::from_text(&tried));
        let found = found.ok_or_else(|| wrong(format!("the output does not match `{wanted}`")))?;
        // Groups without a name are known by their numbers, which nobody asked to keep.
        let named = found.groups.into_iter().filter(|(name, _)| name.parse::<usize>().is_err());
        captured = named.collect();
        if let Some(name) = longest(&captured) {
            return Err(wrong(format!("what `{name}` captures has more than {LONGEST_CAPTURE} characters")));
        }
    }
    let how = match status {
        Some(status) => format!("ends with status {status}"),
        None => "ends with its connection".to_owned(),
    };
    Ok(Answered { detail: format!("the command on {machine} {how} {said}{}", quoted(&output)), captured })
}

/// The first capture that is too long.
fn longest(captured: &BTreeMap<String, String>) -> Option<&str> {
    let mut all = captured.iter();
    all.find(|(_, text)| text.chars().count() > LONGEST_CAPTURE).map(|(name, _)| name.as_str())
}
