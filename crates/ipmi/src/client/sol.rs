//! A client's serial console: opened by commands, carried by packets beside them, checked, and closed by a command.

use std::time::Instant;

use crate::client::requests::Pending;
use crate::client::{Client, CloseReason, Error, Event, State, Ticket};
use crate::command::{Command, RawCommand, Reply, Request, Step};
use crate::completion::CompletionCode;
use crate::fault::IgnoreReason;
use crate::packet::PayloadType;
use crate::quirk::Quirk;
use crate::sol::console::Console;
use crate::sol::{
    ActivateSol, DeactivateSol, GetSolInstanceInfo, SerialAlerts, SolActivation, SolClosed, SolConfig,
    SolEvent,
};

/// A client's serial console.
pub(super) struct Sol {
    config: SolConfig,
    stage: Stage,
    /// The command that the stage waits for, and its answer.
    awaited: Option<Ticket>,
    answer: Option<Result<Reply, Error>>,
    /// The caller wants it closed as soon as that is possible.
    leaving: bool,
}

enum Stage {
    /// Activate Payload is asked for the first time, or for the last.
    Activating { again: bool },
    /// Another session seems to have the console, or this one without knowing it.
    AskingWhose,
    /// Deactivate Payload is asked so that it can be activated.
    Freeing,
    /// The console is open.
    Active(Box<Active>),
    /// Deactivate Payload is asked because of this.
    Closing { reason: SolClosed, and_session: bool },
}

struct Active {
    console: Console,
    /// Whose the BMC said that the console is when it was opened. Some do not name the session as they should.
    owner: Option<u32>,
    /// When to ask again.
    check: Instant,
    /// A packet of the console's came since that was asked last.
    heard: bool,
}

impl Client {
    /// Opens the machine's serial console. [`SolEvent`]s follow in [`Event::Sol`]: first [`SolEvent::Opened`] or
    /// [`SolEvent::Closed`]; after the latter nothing more.
    ///
    /// The session stays open and requests can be made as before. It is lost with the session, and not opened again by
    /// itself: a BMC may need a minute, and consoles that do not wait for that keep machines from starting.
    ///
    /// Without effect while a console is open or being opened.
    pub fn activate_sol(&mut self, now: Instant, config: SolConfig) {
        if self.sol.is_some() {
            return;
        }
        let sol = Sol {
            config,
            stage: Stage::Activating { again: false },
            awaited: None,
            answer: None,
            leaving: false,
        };
        self.sol = Some(Box::new(sol));
        self.ask_to_activate();
        self.advance(now);
    }

    /// Closes the serial console. [`SolEvent::Closed`] follows. What was written and is still waiting is not sent: see
    /// [`Client::sol_waiting`].
    pub fn deactivate_sol(&mut self, now: Instant) {
        let Some(sol) = &mut self.sol else { return };
        match sol.stage {
            Stage::Active(_) => self.close_sol(SolClosed::Requested, false),
            Stage::Closing { .. } => {}
            Stage::Activating { .. } | Stage::AskingWhose | Stage::Freeing => sol.leaving = true,
        }
        self.advance(now);
    }

    /// Writes to the serial console. Returns how many bytes were taken: not all if too many are waiting, none while no
    /// console is open.
    pub fn write_sol(&mut self, now: Instant, characters: &[u8]) -> usize {
        let Some(console) = self.console_mut() else { return 0 };
        let taken = console.write(now, characters);
        self.pump_sol(now);
        taken
    }

    /// How many bytes [`Client::write_sol`] would take.
    pub fn sol_room(&self) -> usize {
        self.console().map_or(0, Console::room)
    }

    /// How many written bytes the BMC has not yet accepted.
    pub fn sol_waiting(&self) -> usize {
        self.console().map_or(0, Console::waiting)
    }

    /// Sends a break behind what was written.
    pub fn send_sol_break(&mut self, now: Instant) {
        if let Some(console) = self.console_mut() {
            console.send_break();
            self.pump_sol(now);
        }
    }

    /// Asks the BMC to hold the machine's output, or to go on. What comes meanwhile is refused, so that nothing is lost
    /// that the BMC can keep.
    pub fn pause_sol(&mut self, now: Instant, paused: bool) {
        if let Some(console) = self.console_mut() {
            console.pause(paused);
            self.pump_sol(now);
        }
    }

    /// Drops what waits to be sent, here and at the BMC, in both directions.
    pub fn flush_sol(&mut self, now: Instant) {
        if let Some(console) = self.console_mut() {
            console.flush();
            self.pump_sol(now);
        }
    }

    fn console(&self) -> Option<&Console> {
        match &self.sol.as_ref()?.stage {
            Stage::Active(active) => Some(&active.console),
            _ => None,
        }
    }

    fn console_mut(&mut self) -> Option<&mut Console> {
        match &mut self.sol.as_mut()?.stage {
            Stage::Active(active) => Some(&mut active.console),
            _ => None,
        }
    }

    /// Keeps the answer to a command of the console's; returns any other.
    pub(super) fn keep_sol_answer(
        &mut self,
        ticket: Ticket,
        result: Result<Reply, Error>,
    ) -> Option<Result<Reply, Error>> {
        match &mut self.sol {
            Some(sol) if sol.awaited == Some(ticket) => {
                sol.awaited = None;
                sol.answer = Some(result);
                None
            }
            _ => Some(result),
        }
    }

    /// Asks a command before all other requests.
    fn ask_for_sol<C: Command>(&mut self, command: &C) {
        let ticket = self.take_ticket();
        self.queue.push_front(Pending { ticket, request: Request::Raw(RawCommand::of(command)) });
        if let Some(sol) = &mut self.sol {
            sol.awaited = Some(ticket);
        }
    }

    fn ask_to_activate(&mut self) {
        let Some(sol) = &self.sol else { return };
        let deferred = self.link.config.quirks.contains(Quirk::SerialAlertsDeferred);
        let serial_alerts = if deferred { SerialAlerts::Deferred } else { sol.config.serial_alerts };
        let mut command = RawCommand::of(&ActivateSol { instance: sol.config.instance, serial_alerts });
        command.privilege = sol.config.privilege;
        let ticket = self.take_ticket();
        self.queue.push_front(Pending { ticket, request: Request::Raw(command) });
        if let Some(sol) = &mut self.sol {
            sol.awaited = Some(ticket);
        }
    }

    /// Acts on the answer that a stage waited for.
    pub(super) fn advance_sol(&mut self, now: Instant) {
        let Some(sol) = &mut self.sol else { return };
        let Some(answer) = sol.answer.take() else { return };
        let instance = sol.config.instance;
        match &sol.stage {
            Stage::Activating { again } => {
                let again = *again;
                self.answered_activate(now, answer, again);
            }
            Stage::AskingWhose => {
                let owner = match &answer {
                    Ok(Reply::Raw(data)) => GetSolInstanceInfo::decode(data).ok().map(|info| info.session),
                    _ => None,
                };
                let own = owner.is_some() && owner == self.bmc_session();
                match answer {
                    Err(error) if !matches!(error, Error::Completion(_)) => {
                        self.end_sol(SolClosed::Failed(error));
                    }
                    _ if own || sol_steals(self) => {
                        self.enter_sol(Stage::Freeing);
                        self.ask_for_sol(&DeactivateSol { instance });
                    }
                    _ => self.end_sol(SolClosed::InUse),
                }
            }
            Stage::Freeing => match answer {
                Err(error) if !matches!(error, Error::Completion(_)) => {
                    self.end_sol(SolClosed::Failed(error));
                }
                _ => {
                    self.enter_sol(Stage::Activating { again: true });
                    self.ask_to_activate();
                }
            },
            Stage::Active(_) => {}
            Stage::Closing { reason, and_session } => {
                let (reason, and_session) = (*reason, *and_session);
                self.end_sol(reason);
                if and_session {
                    self.start_close(now, CloseReason::Requested);
                }
            }
        }
    }

    fn answered_activate(&mut self, now: Instant, answer: Result<Reply, Error>, again: bool) {
        let Some(sol) = &self.sol else { return };
        let activation = match answer {
            Ok(Reply::Raw(data)) => ActivateSol::decode(&data).map_err(Error::Protocol),
            Ok(_) => return,
            Err(error) => Err(error),
        };
        match activation {
            Ok(activation) => self.open_console(now, &activation),
            Err(Error::Completion(CompletionCode(ActivateSol::ALREADY_ACTIVE))) if !again => {
                let instance = sol.config.instance;
                self.enter_sol(Stage::AskingWhose);
                self.ask_for_sol(&GetSolInstanceInfo { instance });
            }
            Err(error) => self.end_sol(match error {
                Error::Completion(CompletionCode(ActivateSol::ALREADY_ACTIVE)) => SolClosed::InUse,
                Error::Completion(CompletionCode(ActivateSol::DISABLED)) => SolClosed::Disabled,
                Error::Completion(code) => SolClosed::Refused(code),
                error => SolClosed::Failed(error),
            }),
        }
    }

    fn open_console(&mut self, now: Instant, activation: &SolActivation) {
        let renumbers = self.link.config.quirks.contains(Quirk::SolPacketSequence);
        let Some(sol) = &mut self.sol else { return };
        // The port is not looked at: many boards tell a wrong one, and a translating router knows only the session's.
        let console = Console::new(now, &sol.config, activation.inbound_size, renumbers);
        sol.stage = Stage::Active(Box::new(Active { console, owner: None, check: now, heard: false }));
        if sol.leaving {
            self.close_sol(SolClosed::Requested, false);
        } else {
            self.pump_sol(now);
        }
    }

    fn enter_sol(&mut self, stage: Stage) {
        if let Some(sol) = &mut self.sol {
            sol.stage = stage;
        }
    }

    /// Deactivates the payload and then tells that the console is closed.
    fn close_sol(&mut self, reason: SolClosed, and_session: bool) {
        let Some(sol) = &self.sol else { return };
        let instance = sol.config.instance;
        self.enter_sol(Stage::Closing { reason, and_session });
        self.ask_for_sol(&DeactivateSol { instance });
    }

    /// Tells that the console is closed.
    fn end_sol(&mut self, reason: SolClosed) {
        if self.sol.take().is_some() {
            self.link.event(Event::Sol(SolEvent::Closed(reason)));
        }
    }

    /// Before the session is closed as the caller asked: whether the console must be closed first, which is under way
    /// then.
    pub(super) fn closes_sol_first(&mut self, now: Instant) -> bool {
        let Some(sol) = &self.sol else { return false };
        if !matches!((&self.state, &sol.stage), (State::Open(_), Stage::Active(_))) {
            self.end_sol(SolClosed::Requested);
            return false;
        }
        if let State::Open(open) = &mut self.state {
            open.exchange = None;
        }
        self.close_sol(SolClosed::Requested, true);
        self.advance(now);
        true
    }

    /// The session is no more.
    pub(super) fn lose_sol(&mut self) {
        let Some(sol) = &self.sol else { return };
        match sol.stage {
            Stage::Active(_) => self.end_sol(SolClosed::Lost),
            Stage::Closing { reason, .. } => {
                // It went with the session: no other is opened to say so.
                let awaited = sol.awaited;
                self.current.take_if(|current| Some(current.ticket) == awaited);
                self.queue.retain(|pending| Some(pending.ticket) != awaited);
                self.end_sol(reason);
            }
            // A command is waited for, which is asked again in a new session, or fails.
            Stage::Activating { .. } | Stage::AskingWhose | Stage::Freeing => {}
        }
    }

    /// The id that the BMC gave the session.
    fn bmc_session(&self) -> Option<u32> {
        match &self.state {
            State::Open(open) => Some(open.session.bmc_session),
            State::NoSession | State::Opening(_) => None,
        }
    }

    /// Takes an SOL payload that came under session sequence number `order`.
    pub(super) fn take_sol(&mut self, now: Instant, order: u32, payload: &[u8]) -> Result<(), IgnoreReason> {
        let console = self.console_mut().ok_or(IgnoreReason::Unexpected)?;
        console.receive(now, order, payload)?;
        if let State::Open(open) = &mut self.state {
            open.last_answer = now;
        }
        if let Some(Sol { stage: Stage::Active(active), config, .. }) = self.sol.as_deref_mut() {
            active.heard = true;
            if active.owner.is_some() {
                // As long as it is served it is this session's.
                active.check = now + config.bounded_check();
            }
        }
        self.pump_sol(now);
        Ok(())
    }

    /// Sends and tells what the console has to.
    fn pump_sol(&mut self, now: Instant) {
        let Some(Sol { stage: Stage::Active(active), .. }) = self.sol.as_deref_mut() else { return };
        let State::Open(open) = &mut self.state else { return };
        while let Some(payload) = active.console.next_payload(now) {
            let bytes = open.session.seal(&mut *self.link.entropy, PayloadType::Sol, &payload);
            self.link.send(bytes);
        }
        while let Some(event) = active.console.next_event() {
            self.link.event(Event::Sol(event));
        }
        match active.console.closed() {
            None => {}
            Some(SolClosed::Unacknowledged) => self.close_sol(SolClosed::Unacknowledged, false),
            Some(reason) => self.end_sol(reason),
        }
    }

    pub(super) fn wake_sol(&mut self, now: Instant) {
        if let Some(console) = self.console_mut() {
            console.wake(now);
            self.pump_sol(now);
        }
    }

    /// When [`Client::wake_sol`] is due.
    pub(super) fn next_sol_wake(&self) -> Option<Instant> {
        self.console()?.next_wake()
    }

    /// When the BMC is to be asked whose the console is, which also keeps the session.
    pub(super) fn sol_check_due(&self) -> Option<Instant> {
        match &self.sol.as_ref()?.stage {
            Stage::Active(active) => Some(active.check),
            _ => None,
        }
    }

    /// The question whose the console is, which is asked now.
    pub(super) fn begin_sol_check(&mut self) -> Option<Step> {
        let sol = self.sol.as_mut()?;
        if let Stage::Active(active) = &mut sol.stage {
            active.heard = false;
        }
        Some(Step::of(&GetSolInstanceInfo { instance: sol.config.instance }))
    }

    /// Whether packets of the console's show that the BMC has the session although it did not answer that question.
    pub(super) fn heard_sol(&self) -> bool {
        matches!(&self.sol, Some(sol) if matches!(&sol.stage, Stage::Active(active) if active.heard))
    }

    /// The BMC said whose the console is, or that it does not know the question.
    pub(super) fn answered_sol_check(&mut self, now: Instant, code: CompletionCode, data: &[u8]) {
        let session = self.bmc_session();
        let Some(Sol { stage: Stage::Active(active), config, .. }) = self.sol.as_deref_mut() else { return };
        active.check = now + config.bounded_check();
        let info = match code.is_ok() {
            true => GetSolInstanceInfo::decode(data),
            false => return,
        };
        let Ok(info) = info else { return };
        let owner = *active.owner.get_or_insert(info.session);
        if info.session != owner && Some(info.session) != session {
            let reason = if info.session == 0 { SolClosed::Deactivated } else { SolClosed::Stolen };
            self.end_sol(reason);
        }
    }

    /// Whether a serial console is open or about to be, so that the session has work.
    pub(super) fn has_sol(&self) -> bool {
        self.sol.is_some()
    }

    pub(super) fn has_open_sol(&self) -> bool {
        self.console().is_some()
    }
}

fn sol_steals(client: &Client) -> bool {
    client.sol.as_ref().is_some_and(|sol| sol.config.steal)
}
