//! The public types of Ironhand: what manifests say, what the HTTP API carries, what events tell.
//!
//! Everything here is plain data. The crate reads no clock, file, socket or environment variable, so that the
//! server, the command line, tests and integrations share one definition of each word:
//!
//! * [`Manifest`]: what people write ([`Host`], [`Credential`], [`Flow`] and the rest), parsed with every fault placed;
//! * [`HostStatus`]: the separate facts about a host (power, reach, screen, health), each with time and source;
//! * [`Incident`] and [`Run`]: what went wrong with a host, and what was done about it with its evidence;
//! * [`Job`] and [`Alert`]: work that was asked for and survives a crash; what somebody should know of now;
//! * [`Settings`]: how often, how long, how many, with the range of each and where it may be set;
//! * [`Event`]: the one ordered record of everything that happened;
//! * [`Problem`]: an error as the HTTP API returns it (RFC 9457), with a stable code.
//!
//! ```
//! use ironhand_api::{Manifest, parse_manifests};
//!
//! let text = "
//! apiVersion: ironhand/v1
//! kind: Host
//! metadata: { name: rack7-12, labels: { rack: '7' } }
//! spec:
//!   credentials: [dc-standard]
//!   connectors:
//!     - { type: ipmi, address: 10.0.7.12, cipherSuites: [17, 3] }
//!     - { type: vnc, address: 10.0.7.12 }
//! ";
//! let manifests = parse_manifests("rack7.yaml", text).expect("the manifest is valid");
//! assert!(matches!(&manifests[0], Manifest::Host(host) if host.metadata.name.as_str() == "rack7-12"));
//! ```

mod action;
mod alert;
mod boot_record;
mod check;
mod cloud_event;
mod condition;
mod connector;
mod console;
mod credential;
mod deployment;
mod event;
mod explanation;
mod fence;
mod flow;
mod hardware;
mod heartbeat;
mod host;
mod host_boot;
mod incident;
mod job;
mod label_key;
mod live;
mod mac;
mod machine;
mod management;
mod manifest;
mod media;
mod metadata;
mod name;
mod network;
mod network_service;
mod notifier;
mod password;
mod pin;
mod problem;
mod profile;
mod quiet;
mod recording;
mod recover;
mod report;
mod repository;
mod run;
mod schema;
mod select;
mod selector;
mod server;
mod settings;
mod socket;
mod status;
mod subnet;
mod subnet6;
mod time;
mod zone;

pub use action::{ActionReport, ApplyOutcome, BootDeviceRequest, KeysRequest, PowerRequest, Screen};
pub use alert::{Alert, AlertCause};
pub use boot_record::{BootRecord, BootStage, BootStall, BootState, BootStep, DhcpLease, LeaseState};
pub use check::{Check, CheckKind, CheckState, CheckStatus, HeartbeatCheck, HttpCheck, Probe};
pub use cloud_event::CloudEvent;
pub use condition::{
    CheckIn, CheckIs, Condition, DeploymentIn, DeploymentIs, EventPattern, EventSource, PatternWithin,
    Region, ScreenPattern, SerialPattern, SerialWithin,
};
pub use connector::{
    AmtOptions, Capability, CertificatePin, Connector, ConnectorType, ConsoleLogFormat, ConsoleLogOptions,
    ConsoleMenu, EnableBy, Feed, GsmDevice, GsmOptions, GsmTexts, HttpSwitchOptions, IpKvmOptions,
    IpmiOptions, KeyboardLayout, KvmOptions, KvmProtocol, LibvirtOptions, Outlet, PduModel, PduOptions,
    PowerOids, PreviewOptions, PreviewVendor, RedfishOptions, ShellyOptions, SnmpAuthentication, SnmpPrivacy,
    SnmpVersion, SshCommands, SshConsoleOptions, SshOptions, SwitchRequest, SwitchStatus, TasmotaOptions,
    Through, Tls, VncOptions, Way, WinrmOptions, WolOptions,
};
pub use console::{ConsoleHolder, ConsoleLine, ConsoleNotice, ConsoleRequest};
pub use credential::{Credential, CredentialSpec, Secret};
pub use deployment::{BootRepeat, Deployment, DeploymentPhase, DeploymentSpec, DeploymentStatus};
pub use event::{Event, EventKind, Severity};
pub use explanation::{BootExplanation, ExplainedStep};
pub use fence::{FenceEvidence, FenceReport, FenceRequest};
pub use flow::{
    Approve, BootDevice, BootDeviceStep, Branch, Call, Choose, Deploy, Example, Flow, FlowSpec, HttpAuth,
    HttpBody, HttpExpect, HttpStatus, HttpStep, IpmiRaw, JsonExpect, Limits, Notify, PowerAction, Repeat,
    SecretText, Serial, SshExpect, SshStep, Step, TextOrSecret, Verify, WaitFor, When,
};
pub use hardware::{
    EventLog, HardwareReport, HostHardware, IdentifyRequest, InsertMediaRequest, Inventory, LogEntry,
    MediaDrive, MediaKind, Part, PartKind, Sensor, SensorState, Sensors, VirtualMedia,
};
pub use heartbeat::{Heartbeat, HeartbeatKey, HeartbeatKeyRequest, HeartbeatStatus};
pub use host::{Host, HostSpec};
pub use host_boot::{
    BootArchitecture, HostBoot, LocalBoot, MachineUuid, MachineUuidError, NicDriver, UnknownArchitecture,
};
pub use incident::{Incident, IncidentState, UnknownScreen};
pub use job::{Job, JobState, Work};
pub use label_key::{LabelKey, LabelKeyError};
pub use live::{LiveNotice, LiveScreen, ScreenPlace};
pub use mac::{MacAddress, MacAddressError};
pub use machine::{Machine, WakeReport};
pub use management::{
    Administration, MaintenanceRequest, Management, ManagementRequest, RecoveryRequest, Said,
};
pub use manifest::{Manifest, ManifestError, parse_manifests};
pub use media::{
    Media, MediaEntry, MediaForm, MediaLoader, MediaMetadata, MediaRequest, MediaSpec, MediaState,
    MediaStatus,
};
pub use metadata::{Kind, List, Metadata};
pub use name::{Name, NameError};
pub use network::{
    BootMethod, DhcpMode, DhcpNumber, DhcpOption, DhcpOptionValue, Ipv4Route, Ipv6Mode, Network, NetworkIpv6,
    NetworkSpec, ProxyStyle, UnknownMachine,
};
pub use network_service::{Ipv6Service, NetworkService, OtherRouter, OtherServer, PoolUse, ServiceState};
pub use notifier::{Email, LocalSocketTarget, Notifier, NotifierReport, NotifierSpec, SmtpSecurity, Webhook};
pub use password::{PasswordRequest, RotationPhase};
pub use pin::PinnedCertificate;
pub use problem::{Fault, Problem};
pub use profile::{AnswerFile, LoaderPreference, Profile, ProfileBoot, ProfileSpec};
pub use quiet::{QuietError, QuietHours, QuietWindow, TimeZoneName};
pub use recording::{Recorded, RecordedEvent, Recording, RecordingKind};
pub use recover::{PlannedStep, RecoverPlan, RecoverRequest};
pub use report::{Day, FlowRecord, Group, Offender, Outcomes, Report, Spread};
pub use repository::{
    Commit, CommitInForce, CommitSigners, Drift, DriftChange, OnDrift, RefusedCommit, Repository,
    RepositorySpec, RepositoryStatus, RepositoryWebhook, SyncTicket,
};
pub use run::{
    ActionReceipt, Asked, Finding, MatchEvidence, PictureDigest, Run, RunRequest, RunState, StepOutcome,
    StepRecord, Truth, Verdict,
};
pub use schema::json_schema;
pub use select::{HostSelect, Labels, Select, Whereabouts};
pub use selector::{LabelSelector, SelectorError};
pub use server::{KeyRotation, ServerStatus};
pub use settings::{
    ConsoleLog, GlobalSettings, RecoveryMode, SettingDefinition, SettingInForce, SettingOutOfRange,
    SettingScope, SettingValue, Settings, SettingsSpec,
};
pub use socket::local_socket;
pub use status::{
    Fact, Health, HostStatus, Icon, PathStatus, PowerState, Reach, ScreenKind, ScreenStatus, ScreenWay,
    WayStatus,
};
pub use subnet::{Ipv4Range, Ipv4RangeError, Ipv4Subnet, Ipv4SubnetError};
pub use subnet6::{Ipv6Subnet, Ipv6SubnetError};
pub use time::{Span, SpanError, Timestamp};
pub use zone::{Cluster, ClusterSpec, Zone, ZoneSpec};

/// The value of `apiVersion` in every manifest that this version understands.
pub const API_VERSION: &str = "ironhand/v1";
