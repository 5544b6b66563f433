//! Every decision of Ironhand about a host, as pure functions of what was seen and of time.
//!
//! * [`HostFacts`]: what is believed of a host (power, reach, screen, management, maintenance, fencing), and which
//!   [`Change`]s an [`Observation`] makes to it.
//! * [`judge`], [`judge_when`]: whether a condition of a flow holds, and what was found of each part of it.
//! * [`Blast`]: on how many hosts runs begin without a person.
//! * [`link`]: flows that call others, with the steps of those in place.
//! * [`HostRecovery`]: how far the recovery of a host has come. It is asked after every reading of the screen, every
//!   step and every deadline, and answers with a [`Decision`] and the [`Transition`]s to record before acting.
//! * [`plan_power`], [`resume_power`]: what a power action comes to, and what becomes of one that a crash interrupted.
//! * [`next_way`]: through which of a host's connectors something is done next.
//! * [`HostAlerts`]: what somebody should know of now, opened once for each cause, told again, cleared.
//! * [`judge_fence`]: whether what was found proves that a host is without power.
//! * [`RotationMachine`]: the change of a controller's password, whatever is lost or killed on the way.
//! * [`Cadence`]: how often a host is read.
//! * [`boot`]: what machines boot over the network, and what each request of theirs is answered.
//! * [`Site`]: under which [`Terms`] a host is worked on, from what zones, clusters, settings and commands say.
//!
//! Nothing here reads a clock, a socket or a file; times are arguments, patterns are matched by the caller. What is
//! believed, how far a recovery has come and which alerts are open is serialisable, so that the next start of the server,
//! or another server, goes on where the last one ended; of the change of a password the store keeps the phase.
//!
//! An outage, told once however often it is noticed, and what a person's wish comes to meanwhile:
//!
//! ```
//! use ironhand_api::{Icon, PowerAction, PowerState, Reach, Settings, Timestamp};
//! use ironhand_model::{HostAlerts, HostFacts, Observation, PowerPlan, plan_power};
//!
//! let settings = Settings::default();
//! let begun = Timestamp::from_millis(1_772_331_247_120);
//! let (mut facts, mut alerts) = (HostFacts::new(), HostAlerts::default());
//! facts.observe(begun, "ipmi 10.0.7.12", Observation::Power(PowerState::Off));
//! assert_eq!(plan_power(PowerAction::Off, facts.power()), PowerPlan::Already(PowerState::Off));
//! assert!(matches!(plan_power(PowerAction::Reset, facts.power()), PowerPlan::Refused(_)));
//!
//! let lost = Observation::Reach(Reach::Unreachable, Some("no reply".into()));
//! assert_eq!(facts.observe(begun, "ipmi 10.0.7.12", lost.clone()).len(), 1);
//! assert_eq!(facts.observe(begun, "ipmi 10.0.7.12", lost).len(), 0);
//! assert_eq!((facts.icon(), facts.power()), (Icon::Unknown, PowerState::Off));
//! assert!(alerts.consider(begun, &facts, None, &settings).is_empty());
//! let wake = alerts.next_wake(&settings).expect("contact is lost");
//! assert_eq!(wake, begun.after(settings.alert_after));
//! assert_eq!(alerts.consider(wake, &facts, None, &settings).len(), 1);
//! assert!(alerts.consider(wake, &facts, None, &settings).is_empty());
//! ```
//!
//! A recovery, from the screen to the key:
//!
//! ```
//! use std::sync::Arc;
//!
//! use ironhand_api::{Flow, MatchEvidence, PowerState, Step, StepOutcome, Timestamp, Verdict};
//! use ironhand_model::{Decision, HostFacts, HostRecovery, Observation, Patience, ScreenView, View};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let flow: Arc<Flow> = Arc::new(serde_json::from_str(r#"{
//!     "metadata": { "name": "power-supply-f1" },
//!     "spec": {
//!         "when": { "screen": "Press F1 to continue", "stable": 1 },
//!         "do": [{ "keys": "<F1>" }],
//!         "verify": { "screen": "login:", "timeout": "5m" }
//!     }
//! }"#)?);
//! let host = "rack7-12".parse()?;
//! let now = Timestamp::from_millis(1_772_331_247_120);
//!
//! let mut facts = HostFacts::new();
//! facts.observe(now, "ipmi 10.0.7.12", Observation::Power(PowerState::On));
//! facts.observe(now, "vnc 10.0.7.12", Observation::ScreenReach(ironhand_api::Reach::Ok, None));
//!
//! let evidence = MatchEvidence {
//!     text: "Press F1 to continue".into(), row: 12, column: 4, confidence: 1.0,
//!     screen_text: "Press F1 to continue".into(), read_at: now, picture: None,
//!     captures: Default::default(), findings: Vec::new(),
//! };
//! let verdict = Verdict {
//!     flow: flow.metadata.name.clone(), applies: true, reason: "matches".into(), evidence: Some(evidence),
//!     findings: Vec::new(),
//! };
//! let screen = ScreenView {
//!     seq: 1, read_at: now, reliable: true, picture: None, text: "Press F1 to continue",
//!     verdicts: &[verdict], find: &|_| None,
//! };
//! let mut recovery = HostRecovery::new();
//! let view = View { host: &host, facts: &facts, screen: Some(screen), flows: std::slice::from_ref(&flow), hold: None,
//!     quiet_until: None, observes: false, patience: Patience::from(&ironhand_api::Settings::default()),
//!     permit: &|_, _| Ok(()), fill: &|_, _, _| Ok(None),
//! };
//! let mut decided = recovery.decide(now, &view);
//! recovery.number(&mut decided, 1, 1);
//! // `decided.transitions` and `recovery` are made durable here, in one transaction; only then:
//! let Decision::Act(planned) = &decided.decision else { panic!("{:?}", decided.decision) };
//! assert_eq!(planned.step, Step::Keys("<F1>".into()));
//! let transitions = recovery.record(now, planned, StepOutcome::Done("pressed".into()), Vec::new());
//! assert_eq!(transitions[0].message, "step 1 of 1: pressed");
//! # Ok(())
//! # }
//! ```

mod alerts;
mod blast;
pub mod boot;
mod boot_progress;
mod cadence;
mod condition;
mod console;
mod facts;
mod fence;
mod follow;
mod heartbeat;
mod link;
mod outbreak;
mod power;
mod quiet;
mod recovery;
mod report;
mod request;
mod rotation;
mod site;
mod unknown;
mod way;

pub use alerts::{AlertChange, AlertStep, HostAlerts};
pub use blast::{Blast, BlastBound, BlastHold, BlastLevel, BlastRequest};
pub use boot_progress::{
    BootAbout, BootNews, BootProgress, BootSeen, BootSighting, BootSpeaker, BootTold, MOST_BOOT_NEWS,
    MOST_BOOT_STEPS, MOST_BOOTS, MOST_PAST_BOOTS, boot_patience, boot_stall,
};
pub use cadence::Cadence;
pub use condition::{
    Circumstances, DeployedAt, Find, Judgement, Known, Lately, Sight, judge, judge_when, verdict,
};
pub use console::{ConsoleHold, ConsoleTaken, Taker};
pub use facts::{
    Change, CheckSeen, DeploymentSeen, EventSeen, HostFacts, Observation, SerialLine, power_deadline,
};
pub use fence::judge_fence;
pub use follow::{Described, FollowPlan, Ground, plan_follow};
pub use heartbeat::{HEARTBEAT_WINDOW, HeartbeatRefusal, HeartbeatWindow, Nonce};
pub use link::{LinkFault, link};
pub use outbreak::{Outbreak, OutbreakBound, Outbreaks, Place};
pub use power::{PowerPlan, Resumption, plan_power, resume_power};
pub use quiet::quiet_until;
pub use recovery::{
    Decided, Decision, Fill, HostRecovery, LONGEST_PAUSE, LONGEST_STEP, MOST_RECORDS, MOST_RUNS, Patience,
    Permit, Planned, REDRAW, RunOrder, RunRefusal, ScreenView, StartRefusal, Transition, View,
};
pub use report::{ReportBuilder, Traits, cause_of};
pub use request::{AfterAttempt, AttemptEnd, after_attempt, ask_again, judge_answer};
pub use rotation::{
    LoginReply, MADE_PASSWORD, MOST_SETS, MOST_SILENCES, PasswordFault, RANDOM_FOR_PASSWORD, RotationAnswer,
    RotationMachine, RotationStep, SetReply, Which, check_new_password, password_from, retry_after,
};
pub use site::{Site, Terms};
pub use unknown::unknown_screens;
pub use way::{Candidate, NextWay, NoWay, Tried, Wanted, next_way};
