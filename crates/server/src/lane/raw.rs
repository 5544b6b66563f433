//! Steps of flows that use a line of the host as it is: bytes to the serial console, commands to the controller.

use std::time::{Duration, Instant};

use ironhand_api::{ActionReceipt, Capability, IpmiRaw};
use ironhand_console::keys::{KeyStep, SerialStep, serial};
use ironhand_ipmi::{CompletionCode, Error, PrivilegeLevel, RawCommand, Reply, Request};
use ironhand_model::Taker;
use tokio::time::timeout;

use super::Done;
use super::hands::{Hands, done};
use crate::console::{Input, fill_in};
use crate::device::DeviceError;

/// How long the console may take to take one key: a machine in reset takes none.
const KEY: Duration = Duration::from_secs(30);

impl Hands {
    /// Writes to the serial console, which is opened where it is not.
    pub(super) async fn write_serial(
        &mut self,
        steps: &[KeyStep],
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Done, DeviceError> {
        let missing = DeviceError::NoConnector { capability: Capability::Serial };
        let Some(mut door) = self.serial.take() else { return Err(missing) };
        // Nobody types into what somebody else is typing.
        let idle = self.settings.console_idle;
        let (_hold, _) = self.tools.consoles.desks().take(&self.host, &self.who, Taker::Run, idle)?;
        let filled = fill_in(steps, &self.tools.store).await?;
        let mut written = Vec::with_capacity(filled.len());
        for step in &filled {
            let refused = |error: ironhand_console::keys::NoSuchKey| DeviceError::Credential {
                reason: error.to_string(),
            };
            written.extend(serial(step).map_err(refused)?);
        }
        let begun = Instant::now();
        let attached = match door.open_console().await {
            Ok(attached) => attached,
            Err((error, _)) => {
                let (connector, error) = ("serial console".to_owned(), error);
                receipts.push(ActionReceipt {
                    connector,
                    took: begun.elapsed(),
                    error: Some(error.to_string()),
                });
                return Err(error);
            }
        };
        let mut put = async || {
            if attached.read_only {
                let what = "write to a console that is only read".to_owned();
                return Err(ironhand_connectors::Error::Unsupported { what }.into());
            }
            for step in written.drain(..) {
                let input = match step {
                    SerialStep::Bytes(bytes) => Input::Bytes(bytes.into()),
                    SerialStep::Break => Input::Break,
                    SerialStep::Wait(time) => {
                        tokio::time::sleep(time).await;
                        continue;
                    }
                };
                let late = || ironhand_connectors::Error::OutcomeUnknown;
                timeout(KEY, attached.put_and_wait(input)).await.unwrap_or_else(|_| Err(late().into()))?;
            }
            Ok(())
        };
        let result: Result<(), DeviceError> = put().await;
        let error = result.as_ref().err().map(ToString::to_string);
        receipts.push(ActionReceipt { connector: attached.connector.clone(), took: begun.elapsed(), error });
        result?;
        let keys = steps.iter().filter(|step| !matches!(step, KeyStep::Wait(_))).count();
        Ok(done(format!("{keys} keys written to the serial console"), None))
    }

    /// Sends the controller a command of its own, through the first connector that speaks IPMI.
    pub(super) async fn ipmi_raw(
        &mut self,
        raw: &IpmiRaw,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Done, DeviceError> {
        let command = RawCommand {
            netfn: raw.net_fn,
            lun: 0,
            cmd: raw.command,
            data: raw.data.clone(),
            privilege: PrivilegeLevel::Administrator,
            repeatable: raw.idempotent,
        };
        let reply = self.lines()?.ipmi_raw(&Request::Raw(command), receipts).await;
        let (code, data) = match reply {
            Ok(Reply::Raw(data)) => (CompletionCode::OK, data),
            Ok(_) => return Err(Error::OutcomeUnknown.into()),
            Err(DeviceError::Ipmi(Error::Completion(code))) => (code, Vec::new()),
            Err(error) => return Err(error),
        };
        if code.0 != raw.expect_completion {
            let wanted = raw.expect_completion;
            let reason =
                format!("the controller answers with completion code {:#04x}, not {wanted:#04x}", code.0);
            return Err(ironhand_connectors::Error::Refused { reason }.into());
        }
        let data: Vec<String> = data.iter().map(|byte| format!("{byte:02x}")).collect();
        let data = if data.is_empty() { "no data".to_owned() } else { data.join(" ") };
        Ok(done(format!("completion code {:#04x}, {data}", code.0), None))
    }
}
