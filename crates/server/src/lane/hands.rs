//! Doing things to a host, and reading back what became of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ironhand_api::{
    ActionReceipt, BootDevice, Capability, DeploymentSpec, HttpStep, Name, PowerAction, PowerState, SshStep,
    Timestamp,
};
use ironhand_connectors::{BootOverride, CertificateProblem, Error};
use ironhand_console::keys::KeyStep;
use ironhand_model::{NextWay, NoWay, Observation, PowerPlan, Taker, Wanted, plan_power};
use tokio::sync::mpsc;
use tokio::time::{Instant as Moment, sleep_until, timeout_at};

use super::line::pins_of;
use super::lines::{Attempts, Lines};
use super::{Action, ActionFailure, Done, Tools, time_for};
use crate::console::fill_in;
use crate::device::DeviceError;
use crate::outreach::OutreachError;
use crate::ownership::Held;
use crate::screen::{Attempt, ScreenHands, SerialDoor};
use crate::{Settings, clock};

/// Something noticed while an action is under way: when, through what, what.
pub(super) type Notice = (Timestamp, String, Observation);

/// What an action is done with.
pub(super) struct Hands {
    /// The lines to the host's devices, where it has any beside a screen.
    pub(super) lines: Option<Lines>,
    /// The screen, where the host has one.
    pub(super) screen: Option<ScreenHands>,
    /// What leads to the serial console, where the action writes to it and the host has one.
    pub(super) serial: Option<SerialDoor>,
    /// Where observations go; one that finds no room is seen again by the next reading.
    pub(super) notices: mpsc::Sender<Notice>,
    pub(super) settings: Settings,
    /// Who asked, as facts name it.
    pub(super) who: String,
    /// Whether that is a run of a flow.
    pub(super) is_run: bool,
    /// The host.
    pub(super) host: Name,
    pub(super) tools: Tools,
    /// This server's hold on the host.
    pub(super) held: Held,
    /// The job that this is done for, where there is one.
    pub(super) job: Option<u64>,
    /// What whoever asked should know, whatever comes of it.
    pub(super) warnings: Vec<String>,
}

impl Hands {
    /// Does it, and waits until the world shows it.
    pub(super) async fn perform(&mut self, action: &Action) -> Result<Done, ActionFailure> {
        let mut receipts = Vec::new();
        let result = match action {
            Action::Power { action, timeout } => self.power(*action, *timeout, &mut receipts).await,
            Action::BootDevice { device, persistent, uefi } => {
                self.boot_device(*device, *persistent, *uefi, &mut receipts).await
            }
            Action::Keys { steps } => self.keys(steps, &mut receipts).await,
            Action::Snapshot { name } => self.snapshot(name.as_deref(), &mut receipts).await,
            Action::Serial { steps } => Box::pin(self.write_serial(steps, &mut receipts)).await,
            Action::IpmiRaw(raw) => self.ipmi_raw(raw, &mut receipts).await,
            Action::Ssh(step, address) => self.ssh(step, address.as_deref(), &mut receipts).await,
            Action::Deploy(spec) => self.deploy(spec).await,
            Action::Http(step) => self.http(step, &mut receipts).await,
            Action::Hardware(asked) => Box::pin(self.hardware(asked, &mut receipts)).await,
            Action::Fence { attested } => self.fence(attested.as_ref(), &mut receipts).await,
            Action::LiftFence => Ok(done("the host is fenced no longer", None)),
            Action::Rotate(order) => Box::pin(self.rotate(order, &mut receipts)).await,
            Action::ResolveRotation => Box::pin(self.resolve_rotation(&mut receipts)).await,
        };
        match result {
            Ok(mut done) => {
                done.receipts = receipts;
                Ok(done)
            }
            Err(error) => Err(ActionFailure { error, receipts }),
        }
    }

    pub(super) async fn power(
        &mut self,
        action: PowerAction,
        timeout: Option<Duration>,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Done, DeviceError> {
        let limit = timeout.unwrap_or_else(|| time_for(action, &self.settings));
        let deadline = Moment::now() + limit;
        let mut attempts = self.lines()?.attempts();
        // Nothing is sent yet: a device that does not answer in time is left alone.
        let before = match self.read_through(Some(deadline), &mut attempts, receipts).await {
            Ok(seen) => seen,
            // What cannot be read may still be done, through a line that reads nothing.
            Err(_) if self.is_left(action, &attempts) => PowerState::Unknown,
            Err(error) => return Err(error),
        };
        let sent = match plan_power(action, before) {
            PowerPlan::Already(state) => {
                return Ok(done(format!("power is {state} already"), Some(before)));
            }
            PowerPlan::Refused(reason) => return Err(DeviceError::NotNow { reason }),
            PowerPlan::Send(action) => action,
        };
        let until = clock::now().after(limit);
        let written = self.tools.consoles.mark(&self.host);
        let through = match self.lines()?.power(sent, &mut attempts, receipts).await {
            Ok(place) => Some(place),
            // These show in the power state whether they were done.
            Err(error) if error.may_be_done() => match sent {
                _ if !self.lines()?.can(Capability::PowerState) => return Err(error),
                PowerAction::On | PowerAction::Off | PowerAction::Soft => None,
                PowerAction::Cycle | PowerAction::Reset | PowerAction::Nmi => {
                    let seen = self.read_back(deadline).await;
                    return Err(DeviceError::OutcomeUnknown { action: sent, seen });
                }
            },
            Err(error) => return Err(error),
        };
        // Where the outcome is unknown, too: what comes of it was asked for.
        self.notice(Observation::PowerAsked { action: sent, until });
        // A machine that shuts down says so on its console until its power is off, and an interrupt is written about there.
        if let Some(written) = written.filter(|_| !matches!(sent, PowerAction::Soft | PowerAction::Nmi)) {
            self.tools.consoles.forget(&written);
        }
        if let Some(place) = through
            && let Some(done) = self.mains(sent, place)?
        {
            return Ok(done);
        }
        if !self.lines()?.can(Capability::PowerState) {
            return Ok(self.unseen(sent));
        }
        match sent {
            PowerAction::Reset => Ok(done("the BMC accepted the reset", Some(before))),
            PowerAction::Nmi => Ok(done("the BMC accepted the interrupt", Some(before))),
            PowerAction::Cycle => self.watch_cycle(limit, deadline).await,
            PowerAction::On => self.watch_for(PowerState::On, limit, deadline).await,
            PowerAction::Off | PowerAction::Soft => self.watch_for(PowerState::Off, limit, deadline).await,
        }
    }

    /// The lines to the host's devices.
    pub(super) fn lines(&mut self) -> Result<&mut Lines, DeviceError> {
        self.lines.as_mut().ok_or(DeviceError::NoConnector { capability: Capability::Power })
    }

    /// Whether a line is left through which the power can be changed, or could be if the manifest allowed it.
    fn is_left(&self, action: PowerAction, attempts: &Attempts) -> bool {
        let next = |lines: &Lines| lines.next(Wanted::Power(action), Capability::Power, attempts);
        let left = |next| matches!(next, NextWay::Try(_) | NextWay::Stop(NoWay::CutNotAllowed));
        self.lines.as_ref().is_some_and(|lines| left(next(lines)))
    }

    /// What is known where the mains were switched at a place: the switch has read back what it did, and a controller
    /// that lost its power with the machine cannot tell.
    fn mains(&mut self, sent: PowerAction, place: usize) -> Result<Option<Done>, DeviceError> {
        let line = self.lines()?.at(place)?;
        if !line.switches_mains() || !Wanted::Power(sent).cuts() {
            return Ok(None);
        }
        let source = line.source().to_owned();
        self.warnings.push(cut_warning(&source));
        if sent == PowerAction::Cycle {
            let detail = format!("the mains were switched off and on again through {source}");
            return Ok(Some(done(detail, None)));
        }
        let off = Observation::Power(PowerState::Off);
        // As of every notice: one that finds no room is seen again.
        let _ = self.notices.try_send((clock::now(), source.clone(), off));
        let detail = format!("the mains are switched off through {source}");
        Ok(Some(done(detail, Some(PowerState::Off))))
    }

    /// What is known where no connector reads the power state.
    fn unseen(&mut self, sent: PowerAction) -> Done {
        self.warnings.push("no connector of the host reads the power state".to_owned());
        done(format!("power {} was accepted; what came of it is not seen", sent.as_str()), None)
    }

    /// Reads the power state once more before the deadline, or at it: the last reading has the time between two. One
    /// that fails says nothing; the deadline decides.
    async fn read_back(&mut self, deadline: Moment) -> PowerState {
        let pause = self.settings.read_back_interval;
        sleep_until(deadline.min(Moment::now() + pause)).await;
        let until = deadline.max(Moment::now() + pause);
        match timeout_at(until, self.read_power(Some(until))).await {
            Ok(Ok(seen)) => seen,
            Ok(Err(_)) | Err(_) => PowerState::Unknown,
        }
    }

    /// Waits until the power state is what is wanted.
    async fn watch_for(
        &mut self,
        wanted: PowerState,
        limit: Duration,
        deadline: Moment,
    ) -> Result<Done, DeviceError> {
        let begun = Instant::now();
        loop {
            let seen = self.read_back(deadline).await;
            if seen == wanted {
                let detail = format!("power is seen {wanted} after {:.1} s", begun.elapsed().as_secs_f32());
                return Ok(done(detail, Some(seen)));
            }
            if Moment::now() >= deadline {
                return Err(DeviceError::NotSeen { wanted, seen, within: limit });
            }
        }
    }

    /// Waits until the host was seen off and then on, or was on for so long that it must have been off in between.
    async fn watch_cycle(&mut self, limit: Duration, deadline: Moment) -> Result<Done, DeviceError> {
        let begun = Instant::now();
        let mut was_off = false;
        loop {
            let seen = self.read_back(deadline).await;
            was_off |= seen == PowerState::Off;
            let elapsed = begun.elapsed();
            match seen {
                PowerState::On if was_off => {
                    let detail = format!("power is seen off, then on after {:.1} s", elapsed.as_secs_f32());
                    return Ok(done(detail, Some(seen)));
                }
                PowerState::On if elapsed >= self.settings.cycle_settle.min(limit) => {
                    let detail = "the BMC accepted it and power is on; the time without power was too short to be seen";
                    return Ok(done(detail, Some(seen)));
                }
                _ if Moment::now() >= deadline => {
                    return Err(DeviceError::NotSeen { wanted: PowerState::On, seen, within: limit });
                }
                _ => {}
            }
        }
    }

    async fn boot_device(
        &mut self,
        device: BootDevice,
        persistent: bool,
        uefi: bool,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Done, DeviceError> {
        let missing = DeviceError::NoConnector { capability: Capability::BootDevice };
        let lines = self.lines.as_mut().ok_or(missing)?;
        let doubt = lines.boot_device(BootOverride { device, persistent, uefi }, receipts).await?;
        if device == BootDevice::None {
            return Ok(done("the firmware's own boot order is read back", None));
        }
        let how = if persistent { "for good" } else { "for the next boot" };
        let doubt = doubt.map(|doubt| format!(", {doubt}")).unwrap_or_default();
        Ok(done(format!("boot device {} is read back, {how}{doubt}", device.as_str()), None))
    }

    async fn keys(
        &mut self,
        steps: &[KeyStep],
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Done, DeviceError> {
        let missing = DeviceError::NoConnector { capability: Capability::Keyboard };
        let screen = self.screen.as_ref().ok_or(missing)?;
        // Nobody types into what somebody else is typing.
        let taker = if self.is_run { Taker::Run } else { Taker::Person { take_over: false } };
        let idle = self.settings.console_idle;
        let (_hold, _) = self.tools.consoles.desks().take(&self.host, &self.who, taker, idle)?;
        let begun = Instant::now();
        // A person's are with the request; a run's are looked up when they are typed, and kept nowhere.
        let filled = if self.is_run { fill_in(steps, &self.tools.store).await? } else { steps.to_vec() };
        let pressed = screen.press(filled).await;
        receipts.push(receipt(begun, &pressed));
        pressed.result?;
        let keys = steps.iter().filter(|step| matches!(step, KeyStep::Press(_) | KeyStep::Type(_))).count();
        let typed = if keys == 1 { "1 key pressed".to_owned() } else { format!("{keys} keys pressed") };
        Ok(match steps.iter().any(|step| matches!(step, KeyStep::Secret(_))) {
            true => done(format!("{typed}, and a secret typed"), None),
            false => done(typed, None),
        })
    }

    async fn snapshot(
        &mut self,
        name: Option<&str>,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Done, DeviceError> {
        let missing = DeviceError::NoConnector { capability: Capability::Screen };
        let screen = self.screen.as_ref().ok_or(missing)?;
        let begun = Instant::now();
        let looked = screen.look().await;
        receipts.push(receipt(begun, &looked));
        let seen = looked.result?;
        let detail = match name {
            Some(name) => format!("picture kept as {name}"),
            None => "picture kept".to_owned(),
        };
        Ok(Done { picture: Some(std::sync::Arc::clone(&seen.shot)), ..done(detail, None) })
    }

    async fn http(
        &mut self,
        step: &HttpStep,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Done, DeviceError> {
        let answered = Box::pin(self.tools.outreach.http(step, receipts)).await?;
        Ok(Done { captured: answered.captured, ..done(answered.detail, None) })
    }

    async fn ssh(
        &mut self,
        step: &SshStep,
        address: Option<&str>,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Done, DeviceError> {
        let unknown = || {
            OutreachError::Unsuited {
            reason: "the address of the host is not known: no check asks it, and it has none to boot with; say `address`"
                .to_owned(),
        }
        };
        let address = address.ok_or_else(unknown)?;
        let pins = pins_of(&self.tools.store, &self.host);
        let ran = Box::pin(self.tools.outreach.ssh(step, address, pins, receipts)).await;
        let ran = ran.map_err(|error| match error {
            OutreachError::NoAnswer { error, .. } if is_other_key(&error) => {
                DeviceError::CertificateChanged { host: self.host.clone(), error }
            }
            error => error.into(),
        })?;
        Ok(Done { captured: ran.captured, ..done(ran.detail, None) })
    }

    async fn deploy(&mut self, spec: &DeploymentSpec) -> Result<Done, DeviceError> {
        let seen = self.tools.deployments.deploy(spec.clone()).await?;
        let detail = format!("Deployment {} of Profile {} is {}", seen.name, seen.profile, seen.phase);
        Ok(Done { deployed: Some(Box::new(seen)), ..done(detail, None) })
    }

    /// Reads the power state, and lets everybody know. Where there is a deadline, no line takes the time of those behind
    /// it.
    pub(super) async fn read_power(&mut self, deadline: Option<Moment>) -> Result<PowerState, DeviceError> {
        let mut attempts = self.lines()?.attempts();
        self.read_through(deadline, &mut attempts, &mut Vec::new()).await
    }

    /// The same; `attempts` and `receipts` tell which lines failed.
    async fn read_through(
        &mut self,
        deadline: Option<Moment>,
        attempts: &mut Attempts,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<PowerState, DeviceError> {
        let reading = self.lines()?.read(deadline, attempts, receipts).await;
        if let Ok(seen) = reading.result {
            // An error means that the channel is full: the next reading tells the same.
            let _ = self.notices.try_send((clock::now(), reading.source, Observation::Power(seen)));
        }
        reading.result
    }

    fn notice(&self, observation: Observation) {
        // As above.
        let _ = self.notices.try_send((clock::now(), self.who.clone(), observation));
    }
}

/// What whoever asked is told of a cut of the mains.
pub(super) fn cut_warning(source: &str) -> String {
    format!("the mains were cut through {source}: file systems may have suffered")
}

pub(super) fn done(detail: impl Into<String>, power: Option<PowerState>) -> Done {
    Done {
        detail: detail.into(),
        power,
        receipts: Vec::new(),
        picture: None,
        captured: BTreeMap::new(),
        warnings: Vec::new(),
        job: None,
        fence: None,
        found: None,
        deployed: None,
    }
}

/// Whether a machine shows another key than the one that it showed first.
fn is_other_key(error: &Error) -> bool {
    matches!(error, Error::Certificate { problem: CertificateProblem::HostKeyChanged { .. }, .. })
}

fn receipt<T>(begun: Instant, attempt: &Attempt<T>) -> ActionReceipt {
    let error = attempt.result.as_ref().err().map(ToString::to_string);
    ActionReceipt { connector: attempt.through.to_string(), took: begun.elapsed(), error }
}
