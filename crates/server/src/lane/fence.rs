//! Fencing: taking the power away, and proving it to those who are about to start the host's work elsewhere.

use ironhand_api::{ActionReceipt, Capability, FenceEvidence, PowerAction, PowerState};
use ironhand_model::judge_fence;

use super::hands::{Hands, cut_warning, done};
use super::lines::{Lines, Mains};
use super::{Attestation, Done};
use crate::clock;
use crate::device::DeviceError;

impl Hands {
    /// Takes the power away unless it is off, and reads back twice, each time in a session of its own, that it is. Where
    /// that proves nothing and the host's outlets can be switched, they are switched off and read back. A person's word stands in for the readings, unless the BMC answers and says otherwise.
    pub(super) async fn fence(
        &mut self,
        attested: Option<&Attestation>,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Done, DeviceError> {
        let evidence = match attested {
            Some(person) => self.attested(person).await,
            None => {
                self.lines()?;
                self.take_power(receipts).await
            }
        };
        let report = judge_fence(&self.host, evidence, self.settings.fence_gap);
        let power = report.evidence.iter().rev().find_map(|one| match one {
            FenceEvidence::Reading { off: true, .. } => Some(PowerState::Off),
            FenceEvidence::Outlets { off, all, .. } if off == all => Some(PowerState::Off),
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
            // What is not seen off within its time may be off by now; any other failure stands, unless the mains tell.
            if !matches!(error, DeviceError::NotSeen { .. }) {
                self.mains_evidence(&mut evidence, receipts).await;
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
                self.mains_evidence(&mut evidence, receipts).await;
                break;
            }
        }
        evidence
    }

    /// Where the host's outlets can be switched off or read, what they tell.
    async fn mains_evidence(&mut self, evidence: &mut Vec<FenceEvidence>, receipts: &mut Vec<ActionReceipt>) {
        let Some(lines) = &mut self.lines else { return };
        match lines.cut_mains(receipts).await {
            Some(Ok(Mains { source, cut, outlets })) => {
                self.warnings.extend(cut.iter().map(|source| cut_warning(source)));
                let (at, off, all) = (clock::now(), outlets.off, outlets.all);
                evidence.push(FenceEvidence::Outlets { at, source, off, all });
                // A machine that is fed through an outlet that nobody named still shows power.
                if off == all && self.lines.as_ref().is_some_and(|lines| lines.can(Capability::PowerState)) {
                    evidence.push(self.fresh_reading(3).await);
                }
            }
            Some(Err((source, error))) => {
                let (at, reason) = (clock::now(), error.to_string());
                evidence.push(FenceEvidence::NoAnswer { at, source, reason });
            }
            None => {}
        }
    }

    /// The word of a person, and what the BMC says to it where it answers.
    async fn attested(&mut self, person: &Attestation) -> Vec<FenceEvidence> {
        let word = FenceEvidence::Attested {
            at: clock::now(),
            by: person.by.clone(),
            statement: person.statement.clone(),
        };
        let mut evidence = vec![word];
        if self.lines.is_some() {
            evidence.push(self.fresh_reading(1).await);
        }
        evidence
    }

    async fn fresh_reading(&mut self, session: u32) -> FenceEvidence {
        if let Some(lines) = &mut self.lines {
            lines.hang_up().await;
        }
        match self.read_power(None).await {
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
        self.lines.as_ref().map(Lines::first).unwrap_or_default()
    }
}
