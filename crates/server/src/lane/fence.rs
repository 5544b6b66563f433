//! Fencing: taking the power away, and proving it to those who are about to start the host's work elsewhere.

use ironhand_api::{ActionReceipt, Capability, FenceEvidence, PowerAction, PowerState};
use ironhand_model::judge_fence;

use super::hands::{Hands, done};
use super::{Attestation, Done};
use crate::clock;
use crate::device::DeviceError;

impl Hands {
    /// Takes the power away unless it is off, and reads back twice, each time in a session of its own, that it is.
    /// A person's word stands in for the readings, unless the BMC answers and says otherwise.
    pub(super) async fn fence(
        &mut self,
        attested: Option<&Attestation>,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Done, DeviceError> {
        let evidence = match attested {
            Some(person) => self.attested(person).await,
            None => {
                if self.line.is_none() {
                    return Err(DeviceError::NoConnector { capability: Capability::Power });
                }
                self.take_power(receipts).await
            }
        };
        let report = judge_fence(&self.host, evidence, self.settings.fence_gap);
        let power = report.evidence.iter().rev().find_map(|one| match one {
            FenceEvidence::Reading { off: true, .. } => Some(PowerState::Off),
            _ => None,
        });
        if !report.fenced {
            return Err(DeviceError::FenceNotProven(Box::new(report)));
        }
        let detail = format!("the host is proven to be without power: {}", report.reason);
        Ok(Done { fence: Some(report), ..done(detail, power) })
    }

    async fn take_power(&mut self, receipts: &mut Vec<ActionReceipt>) -> Vec<FenceEvidence> {
        let mut evidence = Vec::new();
        if let Err(error) = self.power(PowerAction::Off, None, receipts).await {
            evidence.push(self.no_answer(&error));
            // What is not seen off within its time may be off by now; any other failure stands.
            if !matches!(error, DeviceError::NotSeen { .. }) {
                return evidence;
            }
        }
        for session in 1..=2 {
            if session > 1 {
                tokio::time::sleep(self.settings.fence_gap).await;
            }
            let reading = self.fresh_reading(session).await;
            let off = matches!(reading, FenceEvidence::Reading { off: true, .. });
            evidence.push(reading);
            if !off {
                break;
            }
        }
        evidence
    }

    /// The word of a person, and what the BMC says to it where it answers.
    async fn attested(&mut self, person: &Attestation) -> Vec<FenceEvidence> {
        let word = FenceEvidence::Attested {
            at: clock::now(),
            by: person.by.clone(),
            statement: person.statement.clone(),
        };
        let mut evidence = vec![word];
        if self.line.is_some() {
            evidence.push(self.fresh_reading(1).await);
        }
        evidence
    }

    async fn fresh_reading(&mut self, session: u32) -> FenceEvidence {
        if let Some(line) = &mut self.line {
            line.hang_up();
        }
        match self.read_power().await {
            Ok(seen) => FenceEvidence::Reading {
                at: clock::now(),
                source: self.source(),
                session,
                off: seen == PowerState::Off,
            },
            Err(error) => self.no_answer(&error),
        }
    }

    fn no_answer(&self, error: &DeviceError) -> FenceEvidence {
        FenceEvidence::NoAnswer { at: clock::now(), source: self.source(), reason: error.to_string() }
    }

    fn source(&self) -> String {
        self.line.as_ref().map_or_else(|| "ipmi".to_owned(), |line| line.source())
    }
}
