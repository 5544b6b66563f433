//! Settings: how often, how long, how many. One table says of each its default, its range and where it may be set.
//!
//! What a host is worked by is found by taking, for each setting, the nearest place that sets it: the host, its
//! cluster, the cluster's zone, the `Settings` manifest, and else the default.

use std::borrow::Cow;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{LabelKey, Metadata, QuietHours, Span};

/// The settings that hold wherever nothing nearer sets them. There is one, named [`Settings::GLOBAL`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GlobalSettings {
    /// Its name is always [`Settings::GLOBAL`].
    pub metadata: Metadata,
    /// What is set; what is not has its default.
    pub spec: SettingsSpec,
}

/// Where a setting may be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingScope {
    /// In the `Settings` manifest alone: it is of the server, not of a host.
    Global,
    /// In the `Settings` manifest, and in `spec.settings` of zones, clusters and hosts.
    Host,
}

/// What a value of a setting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SettingValue {
    /// A length of time.
    Time(Span),
    /// A whole number.
    Count(u32),
    /// When a serial console is open.
    Console(ConsoleLog),
    /// Whether flows act.
    Mode(RecoveryMode),
    /// When nothing begins without a person.
    Quiet(QuietHours),
    /// The key of a label.
    Label(LabelKey),
}

/// When the serial console of a host is open, and so what its machine writes is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConsoleLog {
    /// While somebody looks at it, or a flow needs it.
    Held,
    /// Always.
    Always,
}

impl ConsoleLog {
    /// Each, with the word for it.
    pub const WORDS: [(&'static str, Self); 2] = [("held", Self::Held), ("always", Self::Always)];
}

/// What is done where a flow would run without a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RecoveryMode {
    /// It runs.
    Act,
    /// What it would do is told, and nothing is done.
    Observe,
}

impl RecoveryMode {
    /// Each, with the word for it.
    pub const WORDS: [(&'static str, Self); 2] = [("act", Self::Act), ("observe", Self::Observe)];
}

impl std::fmt::Display for SettingValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Time(span) => span.fmt(f),
            Self::Count(count) => count.fmt(f),
            Self::Console(ConsoleLog::Held) => f.write_str("held"),
            Self::Console(ConsoleLog::Always) => f.write_str("always"),
            Self::Mode(RecoveryMode::Act) => f.write_str("act"),
            Self::Mode(RecoveryMode::Observe) => f.write_str("observe"),
            Self::Quiet(hours) => hours.fmt(f),
            Self::Label(key) => key.fmt(f),
        }
    }
}

/// What there is to know about one setting: one of the list at `GET /api/v1/settings/definitions`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettingDefinition {
    /// The name, as manifests write it.
    pub name: Cow<'static, str>,
    /// What it means.
    pub description: Cow<'static, str>,
    /// Where it may be set.
    pub scope: SettingScope,
    /// Its value where nothing sets it.
    pub default: SettingValue,
    /// The least value.
    pub least: SettingValue,
    /// The greatest value.
    pub greatest: SettingValue,
}

/// What a host is worked by: one of the list at `GET /api/v1/hosts/{name}/settings`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettingInForce {
    /// The name of the setting.
    pub name: String,
    /// Its value.
    pub value: SettingValue,
    /// What sets it, like `Cluster web`; absent where nothing does and the default holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

/// A value that is not between its bounds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` must be between {least} and {greatest}, not {value}")]
pub struct SettingOutOfRange {
    /// The setting.
    pub name: &'static str,
    /// What was written.
    pub value: SettingValue,
    /// The least value.
    pub least: SettingValue,
    /// The greatest value.
    pub greatest: SettingValue,
}

impl From<Duration> for SettingValue {
    fn from(length: Duration) -> Self {
        Self::Time(length.into())
    }
}

impl From<u32> for SettingValue {
    fn from(count: u32) -> Self {
        Self::Count(count)
    }
}

impl From<ConsoleLog> for SettingValue {
    fn from(log: ConsoleLog) -> Self {
        Self::Console(log)
    }
}

impl From<RecoveryMode> for SettingValue {
    fn from(mode: RecoveryMode) -> Self {
        Self::Mode(mode)
    }
}

impl From<QuietHours> for SettingValue {
    fn from(hours: QuietHours) -> Self {
        Self::Quiet(hours)
    }
}

impl From<LabelKey> for SettingValue {
    fn from(key: LabelKey) -> Self {
        Self::Label(key)
    }
}

impl SettingValue {
    /// Between which values it may be, in words; none where that says nothing.
    pub fn range(least: Self, greatest: Self) -> Option<String> {
        match least {
            Self::Time(_) | Self::Count(_) => Some(format!("{least} to {greatest}")),
            Self::Console(_) | Self::Mode(_) => Some(format!("{least} or {greatest}")),
            Self::Quiet(_) | Self::Label(_) => None,
        }
    }

    /// The value as a number, for comparing with bounds of the same sort.
    const fn number(self) -> u128 {
        match self {
            Self::Time(span) => span.duration().as_millis(),
            Self::Count(count) => count as u128,
            Self::Console(log) => log as u128,
            Self::Mode(mode) => mode as u128,
            // Checked when it is read.
            Self::Quiet(_) | Self::Label(_) => 0,
        }
    }
}

/// How a Rust type of a setting is written in manifests.
macro_rules! written {
    (Duration) => {
        Span
    };
    (u32) => {
        u32
    };
    (ConsoleLog) => {
        ConsoleLog
    };
    (RecoveryMode) => {
        RecoveryMode
    };
    (QuietHours) => {
        QuietHours
    };
    (LabelKey) => {
        LabelKey
    };
}

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $field:ident $name:literal: $type:tt = $default:expr, $least:expr => $greatest:expr, $scope:ident;)+) => {
        /// How often, how long, how many: every number that an operator may want to change, with a value for each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Settings {
            $($(#[doc = $doc])+ pub $field: $type,)+
        }

        /// Settings as a manifest gives them: those that are absent are taken from farther away.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct SettingsSpec {
            $($(#[doc = $doc])+ #[serde(default, skip_serializing_if = "Option::is_none")] pub $field: Option<written!($type)>,)+
        }

        impl Default for Settings {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl Settings {
            /// The names of all settings, in the order in which documentation lists them.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// What there is to know about each setting, in the order in which documentation lists them.
            pub fn definitions() -> Vec<SettingDefinition> {
                vec![$(SettingDefinition {
                    name: Cow::Borrowed($name),
                    description: Cow::Borrowed(concat!($($doc),+).trim_ascii()),
                    scope: SettingScope::$scope,
                    default: SettingValue::from($default),
                    least: SettingValue::from($least),
                    greatest: SettingValue::from($greatest),
                }),+]
            }

            /// The values under their names, in the order of [`definitions`](Self::definitions).
            pub fn values(&self) -> Vec<(&'static str, SettingValue)> {
                vec![$(($name, SettingValue::from(self.$field))),+]
            }

            /// These settings with what `nearer` sets in place of theirs.
            #[must_use]
            pub fn with(mut self, nearer: &SettingsSpec) -> Self {
                $(if let Some(value) = nearer.$field { self.$field = value.into(); })+
                self
            }
        }

        impl SettingsSpec {
            /// The names of what is set, with the values.
            pub fn given(&self) -> Vec<(&'static str, SettingValue)> {
                let mut given = Vec::new();
                $(given.extend(self.$field.map(|value| ($name, SettingValue::from(<$type>::from(value)))));)+
                given
            }

            /// Sets one setting by its name; false where there is none of that name, or `value` is of another sort.
            pub fn set(&mut self, name: &str, value: SettingValue) -> bool {
                match (name, value) {
                    $(($name, settings!(@pattern $type value)) => { self.$field = Some(value); true })+
                    _ => false,
                }
            }
        }
    };
    (@pattern Duration $value:ident) => { SettingValue::Time($value) };
    (@pattern u32 $value:ident) => { SettingValue::Count($value) };
    (@pattern ConsoleLog $value:ident) => { SettingValue::Console($value) };
    (@pattern RecoveryMode $value:ident) => { SettingValue::Mode($value) };
    (@pattern QuietHours $value:ident) => { SettingValue::Quiet($value) };
    (@pattern LabelKey $value:ident) => { SettingValue::Label($value) };
}

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

const fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

const fn mins(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

const fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3600)
}

settings! {
    /// Between two readings of a host's power state. Each costs a BMC one exchange; the slowest answer in 100 ms.
    power_interval "powerInterval": Duration = secs(10), ms(500) => hours(1), Host;
    /// The same shortly after a change or an action, and while an incident is open.
    power_interval_fast "powerIntervalFast": Duration = secs(3), ms(100) => hours(1), Host;
    /// The same when nothing has changed for `quietAfter`.
    power_interval_quiet "powerIntervalQuiet": Duration = secs(30), ms(500) => hours(6), Host;
    /// How long readings stay fast after a change.
    fast_for "fastFor": Duration = mins(1), secs(0) => hours(1), Host;
    /// How long nothing must have changed for readings to become rare.
    quiet_after "quietAfter": Duration = mins(15), secs(10) => hours(24), Host;
    /// The longest wait between two attempts at a controller that does not answer; waits double up to it.
    dead_longest "deadLongest": Duration = mins(5), secs(1) => hours(6), Host;
    /// Between two readings of a host's screen.
    screen_interval "screenInterval": Duration = secs(5), ms(100) => hours(1), Host;
    /// The same while an incident is open, when a boot menu may pass by in seconds.
    screen_interval_incident "screenIntervalIncident": Duration = secs(1), ms(100) => hours(1), Host;
    /// Between two readings of the power state while an action is waited for.
    read_back_interval "readBackInterval": Duration = ms(500), ms(20) => mins(1), Host;
    /// How long a power action may take to come true: some servers take most of a minute to power on.
    action_timeout "actionTimeout": Duration = secs(60), secs(1) => hours(1), Host;
    /// How long an operating system may take to shut down.
    soft_off_timeout "softOffTimeout": Duration = mins(3), secs(1) => hours(2), Host;
    /// How long a host that was power-cycled may seem to be on all the time before it is taken as done: the time without power is often shorter than a reading takes.
    cycle_settle "cycleSettle": Duration = secs(10), ms(100) => mins(10), Host;
    /// Between the two readings, each in a session of its own, that prove a host to be without power.
    fence_gap "fenceGap": Duration = secs(5), secs(1) => mins(5), Host;
    /// The first wait before a screen that was lost is connected to again; doubles up to `reconnectLongest`.
    reconnect_first "reconnectFirst": Duration = secs(1), ms(100) => hours(1), Host;
    /// The longest such wait.
    reconnect_longest "reconnectLongest": Duration = mins(1), ms(100) => hours(6), Host;
    /// The first wait after every credential was refused; doubles up to `authLongest`. Long, because controllers lock accounts after a few failures.
    auth_first "authFirst": Duration = mins(1), secs(1) => hours(24), Host;
    /// The longest such wait.
    auth_longest "authLongest": Duration = mins(15), secs(1) => hours(24), Host;
    /// How many logins a controller may refuse within `authLongest` before none is tried for the rest of that time.
    auth_attempts "authAttempts": u32 = 4, 1 => 100, Host;
    /// How long a TCP connection to a screen may take to come about.
    connect_timeout "connectTimeout": Duration = secs(10), ms(100) => mins(5), Host;
    /// How long the name of a controller may take to resolve.
    resolve_timeout "resolveTimeout": Duration = secs(5), ms(100) => mins(5), Host;
    /// The longest wait for one answer of an IPMI controller before the request is repeated.
    ipmi_retransmit_longest "ipmiRetransmitLongest": Duration = secs(4), ms(100) => mins(1), Host;
    /// How long an IPMI controller may say nothing in an open session before the session is taken to be lost.
    ipmi_session_timeout "ipmiSessionTimeout": Duration = secs(3), ms(100) => mins(5), Host;
    /// How long an IPMI controller may say nothing while a session is opened, or to a command that must not be sent twice.
    ipmi_timeout "ipmiTimeout": Duration = secs(6), ms(100) => mins(5), Host;
    /// Between two key events: controllers drop keys that come faster than a hand types.
    key_interval "keyInterval": Duration = ms(20), ms(1) => secs(5), Host;
    /// How long a host may take to boot: a check that fails within it after power on, a reset, maintenance or a recovery is no sign of illness yet.
    boot_time "bootTime": Duration = mins(5), secs(0) => hours(2), Host;
    /// How long an open incident may show a screen that no flow recognises and that proves nothing before a person is asked.
    ask_after "askAfter": Duration = mins(10), secs(1) => hours(24), Host;
    /// How long a console may be held without anything being typed before it is given back.
    console_idle "consoleIdle": Duration = mins(30), secs(10) => hours(24), Host;
    /// When the serial console is open, and so what the machine writes is logged: while it is held by somebody or a flow needs it, or always. Controllers give it to one session at a time, which everybody who uses Ironhand shares.
    console_log "consoleLog": ConsoleLog = ConsoleLog::Held, ConsoleLog::Held => ConsoleLog::Always, Host;
    /// How long contact with a controller must be lost before an alert is opened.
    alert_after "alertAfter": Duration = mins(1), secs(0) => hours(24), Host;
    /// How often an alert that stays open is told again.
    alert_repeat "alertRepeat": Duration = hours(6), mins(1) => hours(24 * 30), Host;
    /// On how many hosts of a cluster, and of all together, runs may begin within `blastWindow` before recovery is paused there: what so many hosts have in common is no matter for a flow.
    blast_hosts "blastHosts": u32 = 50, 1 => 1_000_000, Host;
    /// The same as a share of the hosts that there are, in percent; one host may always be acted on.
    blast_share "blastShare": u32 = 100, 1 => 100, Host;
    /// Within which time those hosts are counted.
    blast_window "blastWindow": Duration = mins(10), secs(1) => hours(24), Host;
    /// How many hosts of a cluster, or with the same value of the label `correlateBy`, must become unwell within `correlateWindow` for recovery to be paused there before more is done: what so many have in common is a matter for a person.
    correlate_hosts "correlateHosts": u32 = 10, 2 => 1_000_000, Host;
    /// Which share of those hosts it must be as well, in percent.
    correlate_share "correlateShare": u32 = 30, 1 => 100, Host;
    /// Within which time they must become unwell.
    correlate_window "correlateWindow": Duration = mins(5), secs(1) => hours(24), Host;
    /// The key of the label, like `rack`, whose hosts share more than their cluster: a switch, a power feed.
    correlate_by "correlateBy": LabelKey = LabelKey::NONE, LabelKey::NONE => LabelKey::NONE, Host;
    /// Whether flows act, or what they would do is only told: the event `run.would-begin`, with the exact keys. Runs that people ask for act all the same.
    mode "mode": RecoveryMode = RecoveryMode::Act, RecoveryMode::Act => RecoveryMode::Observe, Host;
    /// When nothing begins without a person, unless a flow says `evenInQuietHours`: a list of windows with `days` (like `mon-fri`), `from`, `to` (like `22:00`) and `timeZone` (like `Europe/Amsterdam` or `+02:00`; UTC where absent).
    quiet_hours "quietHours": QuietHours = QuietHours::NONE, QuietHours::NONE => QuietHours::NONE, Host;
    /// How long the password before the last one is kept, sealed, after a change.
    password_grace "passwordGrace": Duration = hours(24), secs(0) => hours(24 * 90), Host;
    /// On how many hosts passwords are changed at the same time.
    rotations_at_once "rotationsAtOnce": u32 = 4, 1 => 1000, Global;
    /// How long a host belongs to a server that has fallen silent before another one may take it.
    lease_time "leaseTime": Duration = secs(15), secs(2) => mins(10), Global;
    /// How long recordings of consoles are kept.
    recordings_kept "recordingsKept": Duration = hours(24 * 30), hours(1) => hours(24 * 366), Global;
    /// How many mebibytes recordings of consoles may take together; the oldest are dropped first.
    recordings_size "recordingsSize": u32 = 1024, 1 => 1_000_000, Global;
    /// How many events are kept: 200000 are about 50 MB, and months for a few hundred hosts.
    events_kept "eventsKept": u32 = 200_000, 1000 => 100_000_000, Global;
    /// How long a picture is kept that nothing refers to any more.
    picture_grace "pictureGrace": Duration = mins(10), secs(0) => hours(24 * 90), Global;
    /// How long jobs and cleared alerts are kept after their end.
    history_kept "historyKept": Duration = hours(24 * 30), hours(1) => hours(24 * 366), Global;
    /// How long to wait between two prunings of what is not kept.
    prune_interval "pruneInterval": Duration = mins(10), secs(1) => hours(24), Global;
    /// How long stopping may take before what is left is abandoned.
    shutdown_timeout "shutdownTimeout": Duration = secs(8), ms(100) => mins(10), Global;
}

impl Settings {
    /// The name of the one `Settings` manifest.
    pub const GLOBAL: &'static str = "global";

    /// What there is to know about the setting of that name.
    pub fn definition(name: &str) -> Option<SettingDefinition> {
        Self::definitions().into_iter().find(|definition| definition.name == name)
    }

    /// Settings for a machine full of simulators: everything is near, nothing is slow, people watch.
    pub fn brisk() -> Self {
        Self {
            power_interval: secs(2),
            power_interval_fast: ms(500),
            power_interval_quiet: secs(5),
            fast_for: secs(10),
            dead_longest: secs(10),
            screen_interval: ms(500),
            screen_interval_incident: ms(250),
            read_back_interval: ms(100),
            action_timeout: secs(20),
            soft_off_timeout: secs(60),
            cycle_settle: secs(3),
            fence_gap: secs(1),
            reconnect_first: ms(200),
            reconnect_longest: secs(2),
            auth_first: secs(5),
            auth_longest: secs(60),
            connect_timeout: secs(2),
            ipmi_retransmit_longest: secs(1),
            ipmi_session_timeout: ms(1500),
            ipmi_timeout: secs(2),
            key_interval: ms(5),
            alert_after: secs(10),
            blast_hosts: 1_000_000,
            correlate_hosts: 1_000_000,
            shutdown_timeout: secs(5),
            ..Self::default()
        }
    }
}

impl SettingsSpec {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Which values are not between their bounds.
    pub fn out_of_range(&self) -> Vec<SettingOutOfRange> {
        let definitions = Settings::definitions();
        let given = self.given();
        let wrong = given.into_iter().filter_map(|(name, value)| {
            let &SettingDefinition { least, greatest, .. } =
                definitions.iter().find(|definition| definition.name == name)?;
            let fits = (least.number()..=greatest.number()).contains(&value.number());
            (!fits).then_some(SettingOutOfRange { name, value, least, greatest })
        });
        wrong.collect()
    }

    /// Which of those that are set are of the server as a whole, and may stand in the `Settings` manifest alone.
    pub fn global_only(&self) -> Vec<&'static str> {
        let definitions = Settings::definitions();
        let global =
            |name: &str| definitions.iter().any(|one| one.name == name && one.scope == SettingScope::Global);
        self.given().into_iter().map(|(name, _)| name).filter(|name| global(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_in_range_and_names_are_what_json_carries() {
        let mut spec = SettingsSpec::default();
        for SettingDefinition { name, default, description, .. } in Settings::definitions() {
            assert!(spec.set(&name, default), "{name}");
            assert!(!description.is_empty(), "{name}");
        }
        assert_eq!(spec.out_of_range(), []);
        assert_eq!(Settings::default().with(&spec), Settings::default());
        let json = serde_json::to_value(spec).unwrap();
        let names = Settings::NAMES;
        assert!(names.iter().all(|name| json.get(name).is_some()), "{json}");
        assert_eq!(json.as_object().unwrap().len(), names.len());
    }

    #[test]
    fn the_nearest_place_decides() {
        let spec = |text: &str| serde_json::from_str::<SettingsSpec>(text).unwrap();
        let zone = spec(r#"{"actionTimeout":"2m","authAttempts":2}"#);
        let host = spec(r#"{"actionTimeout":"90s"}"#);
        let effective = Settings::default().with(&zone).with(&host);
        assert_eq!(effective.action_timeout, Duration::from_secs(90));
        assert_eq!(effective.auth_attempts, 2);
        assert_eq!(effective.power_interval, Settings::default().power_interval);
    }

    #[test]
    fn wrong_values_are_told_with_their_bounds() {
        let mut spec = SettingsSpec { action_timeout: Some(Span::from_secs(0)), ..SettingsSpec::default() };
        let told: Vec<_> = spec.out_of_range().iter().map(ToString::to_string).collect();
        assert_eq!(told, ["`actionTimeout` must be between 1s and 1h, not 0s"]);
        assert_eq!(spec.global_only(), Vec::<&str>::new());
        assert!(spec.set("leaseTime", SettingValue::Time(Span::from_secs(10))));
        assert!(!spec.set("leaseTime", SettingValue::Count(10)));
        assert_eq!(spec.global_only(), ["leaseTime"]);
    }
}
