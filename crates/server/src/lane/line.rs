//! The line to one device that a connector of the host leads to, under the credential that works.

mod device;
mod ipmi;
mod kept;
mod users;

use std::time::{Duration, Instant};

use ironhand_api::{
    ActionReceipt, Capability, Connector, ConnectorType, MacAddress, Name, PowerAction, PowerState, Reach,
    Way,
};
use ironhand_connectors::{BootOverride, Error, Hints, Outlets, PathHealth};

use device::DeviceLine;
pub(crate) use device::surroundings;
pub(super) use ipmi::IpmiLine;
pub(crate) use ipmi::{canonical, resolve, suites};
pub(super) use kept::pins_of;
pub(super) use users::Users;

use super::Tools;
use super::hardware::{Hardware, Told};
use crate::Settings;
use crate::credentials::Credentials;
use crate::device::DeviceError;

/// The line to one device.
pub(super) struct Line {
    /// The connector, as facts and receipts name it.
    source: String,
    kind: ConnectorType,
    /// The power actions that the manifest leaves it.
    actions: Vec<PowerAction>,
    may_cut: bool,
    protocol: Protocol,
}

/// By what protocol a device is spoken to.
enum Protocol {
    /// IPMI, with a session at the shared port.
    Ipmi(Box<IpmiLine>),
    /// Any other.
    Device(Box<DeviceLine>),
}

impl Line {
    pub(super) fn new(
        host: &Name,
        macs: &[MacAddress],
        connector: &Connector,
        credentials: Vec<Name>,
        health: PathHealth,
        tools: &Tools,
        settings: Settings,
    ) -> Self {
        let protocol = match &connector.way {
            Way::Ipmi(options) => {
                let line = IpmiLine::new(host, connector, options, credentials, health, tools, settings);
                Protocol::Ipmi(Box::new(line))
            }
            _ => {
                let line = DeviceLine::new(host, macs, connector, credentials, health, tools, &settings);
                Protocol::Device(Box::new(line))
            }
        };
        Self {
            source: connector.to_string(),
            kind: connector.kind(),
            actions: power_actions(&connector.way),
            may_cut: connector.allow_hard_cut,
            protocol,
        }
    }

    /// The line as facts and receipts name it.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// That the device did not answer in time, in the words of its protocol.
    pub(super) fn late(&self, after: Duration) -> DeviceError {
        match &self.protocol {
            Protocol::Ipmi(_) => DeviceError::Ipmi(ironhand_ipmi::Error::Timeout { after }),
            Protocol::Device(_) => DeviceError::from(Error::Silent { address: self.source.clone(), after }),
        }
    }

    /// Whether the device can do what needs `capability`.
    pub(super) fn can(&self, capability: Capability) -> bool {
        self.kind.capabilities().contains(&capability)
    }

    /// Whether the device can do this to the power.
    pub(super) fn can_power(&self, action: PowerAction) -> bool {
        self.actions.contains(&action)
    }

    /// Whether it switches the mains of the machine.
    pub(super) fn switches_mains(&self) -> bool {
        self.kind.is_hard_cut()
    }

    /// Whether the manifest allows it to cut the power of a running machine.
    pub(super) fn may_cut(&self) -> bool {
        self.may_cut
    }

    /// The power state, as the device reports it.
    pub(super) async fn power_state(
        &mut self,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<PowerState, DeviceError> {
        match &mut self.protocol {
            Protocol::Ipmi(line) => line.power_state(receipts).await,
            Protocol::Device(line) => line.power_state(receipts).await,
        }
    }

    /// Asks for a change of power.
    pub(super) async fn power(
        &mut self,
        action: PowerAction,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<(), DeviceError> {
        match &mut self.protocol {
            Protocol::Ipmi(line) => line.power(action, receipts).await,
            Protocol::Device(line) => line.power(action, receipts).await,
        }
    }

    /// The outlets that feed the machine, as the device reads them back.
    pub(super) async fn outlets(
        &mut self,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Outlets, DeviceError> {
        match &mut self.protocol {
            Protocol::Ipmi(_) => Err(DeviceError::NoConnector { capability: Capability::Power }),
            Protocol::Device(line) => line.outlets(receipts).await,
        }
    }

    /// Chooses what the next boots start from, and reads it back. Tells what is doubtful of it, if anything is.
    pub(super) async fn boot_device(
        &mut self,
        wanted: BootOverride,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Option<&'static str>, DeviceError> {
        let kept = match &mut self.protocol {
            Protocol::Ipmi(line) => return line.boot_device(wanted, receipts).await,
            Protocol::Device(line) => line.boot_override(wanted, receipts).await?,
        };
        if kept.device == wanted.device { Ok(None) } else { Err(DeviceError::BootDeviceNotKept) }
    }

    /// Reads the hardware, or does something to it.
    pub(super) async fn hardware(
        &mut self,
        asked: &Hardware,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Told, DeviceError> {
        match &mut self.protocol {
            Protocol::Ipmi(line) => line.hardware(asked, receipts).await,
            Protocol::Device(line) => line.hardware(asked, receipts).await,
        }
    }

    /// Opens the stream of what the device tells of itself; none where it has none.
    pub(super) async fn hints(&mut self) -> Result<Option<Hints>, DeviceError> {
        match &mut self.protocol {
            Protocol::Ipmi(_) => Ok(None),
            Protocol::Device(line) => line.hints().await,
        }
    }

    /// Ends the session: the next request opens a new one, and nothing of this one is used.
    pub(super) async fn hang_up(&mut self) {
        match &mut self.protocol {
            Protocol::Ipmi(line) => line.hang_up(),
            Protocol::Device(line) => line.hang_up().await,
        }
    }

    /// A password of the host may be another one now.
    pub(super) async fn password_changed(&mut self) {
        match &mut self.protocol {
            Protocol::Ipmi(line) => line.password_changed(),
            Protocol::Device(line) => line.password_changed().await,
        }
    }

    /// The line as one to a BMC that speaks IPMI.
    pub(super) fn ipmi(&mut self) -> Option<&mut IpmiLine> {
        match &mut self.protocol {
            Protocol::Ipmi(line) => Some(line),
            Protocol::Device(_) => None,
        }
    }

    /// The line as one over which passwords of a controller's accounts are changed.
    pub(super) fn users(&mut self) -> Option<Users<'_>> {
        match &mut self.protocol {
            Protocol::Ipmi(line) => Some(Users::Ipmi(line)),
            Protocol::Device(line) if self.kind == ConnectorType::Redfish => Some(Users::Redfish(line)),
            Protocol::Device(_) => None,
        }
    }

    /// Begins with the credential that worked last for `other`, which this line replaces.
    pub(super) fn follow(&mut self, other: &mut Self) {
        self.credentials().follow(other.credentials());
    }

    fn credentials(&mut self) -> &mut Credentials {
        match &mut self.protocol {
            Protocol::Ipmi(line) => line.credentials(),
            Protocol::Device(line) => line.credentials(),
        }
    }
}

/// What a manifest leaves of the power actions of a connector's type.
pub(super) fn power_actions(way: &Way) -> Vec<PowerAction> {
    let all = way.kind().power_actions();
    match way {
        Way::Ssh(options) => {
            let given = |action: &PowerAction| match action {
                PowerAction::On => options.commands.on.is_some(),
                PowerAction::Off => options.commands.off.is_some(),
                PowerAction::Cycle => options.commands.cycle.is_some(),
                PowerAction::Reset => options.commands.reset.is_some(),
                PowerAction::Soft => options.commands.soft.is_some(),
                PowerAction::Nmi => false,
            };
            all.iter().copied().filter(given).collect()
        }
        _ => all.to_vec(),
    }
}

/// The device that a connector leads to, as its refusals are counted. The ways into one controller count together.
pub(crate) fn controller(connector: &Connector) -> String {
    match (connector.kind(), connector.port) {
        (ConnectorType::Ipmi | ConnectorType::Redfish, None) => connector.address.clone(),
        _ => format!("{}:{}", connector.address, connector.effective_port()),
    }
}

/// What asks a device under one of several credentials.
trait LogsIn: Send {
    /// What is asked.
    type Ask: Sync;
    /// What comes back.
    type Answer: Send;

    fn host(&self) -> &Name;

    /// The line as receipts name it.
    fn source(&self) -> &str;

    fn credentials(&mut self) -> &mut Credentials;

    /// Asks under the credential at a place.
    fn attempt(
        &mut self,
        place: usize,
        ask: &Self::Ask,
    ) -> impl Future<Output = Result<Self::Answer, DeviceError>> + Send;

    /// The credential was refused: what was opened with it is of no use.
    fn refused(&mut self);

    /// The last attempt failed for another reason than the credential.
    fn failed(&mut self, error: &DeviceError);
}

/// Asks under the first credential that the device accepts. Each attempt leaves a receipt.
async fn ask<L: LogsIn>(
    line: &mut L,
    ask: &L::Ask,
    receipts: &mut Vec<ActionReceipt>,
) -> Result<L::Answer, DeviceError> {
    ask_as(line, None, ask, receipts).await
}

/// The same, only under credentials of one account where one is given.
async fn ask_as<L: LogsIn>(
    line: &mut L,
    account: Option<&str>,
    ask: &L::Ask,
    receipts: &mut Vec<ActionReceipt>,
) -> Result<L::Answer, DeviceError> {
    if let Some(waiting) = line.credentials().waiting(Instant::now()) {
        return Err(waiting);
    }
    line.credentials().look_up().await?;
    let (mut refusal, mut held) = (None, None);
    for place in line.credentials().order(Instant::now()) {
        if let Some(account) = account
            && !line.credentials().is_of(place, account).await
        {
            continue;
        }
        if let Some(why) = line.credentials().place_held(place, Instant::now()) {
            held.get_or_insert(why);
            continue;
        }
        let begun = Instant::now();
        let result = line.attempt(place, ask).await;
        let label = line.credentials().label(place);
        let error = result.as_ref().err().map(|error| match label {
            Some(label) if error.reach() == Reach::AuthFailed => format!("{label}: {error}"),
            _ => error.to_string(),
        });
        receipts.push(ActionReceipt { connector: line.source().to_owned(), took: begun.elapsed(), error });
        match result {
            Ok(answer) => {
                line.credentials().worked(place);
                return Ok(answer);
            }
            Err(error) if error.is_refusal() || matches!(error, DeviceError::Credential { .. }) => {
                tracing::debug!(host = %line.host(), connector = line.source(), %error, "credential refused");
                line.refused();
                if error.is_refusal() {
                    line.credentials().login_refused(Some(place), Instant::now(), &error);
                }
                refusal = Some(error);
            }
            Err(error) => {
                line.failed(&error);
                return Err(error);
            }
        }
    }
    match (refusal.or(held), account) {
        (Some(held @ DeviceError::Waiting { .. }), _) => Err(held),
        (Some(refusal), None) => {
            line.credentials().all_refused(Instant::now(), refusal.clone());
            Err(refusal)
        }
        (Some(refusal), Some(_)) => Err(refusal),
        (None, account) => Err(DeviceError::NoAccount { account: account.unwrap_or_default().to_owned() }),
    }
}
