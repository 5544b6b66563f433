//! Intel AMT: the management engine of desktops, notebooks and small servers, by WS-Management.
//!
//! It listens with the machine off, on ports of the machine's own address: 16993 with TLS, 16992 without. Logins go by
//! digest.

mod boot;
pub(crate) mod console;
mod power;
mod redirection;
pub(crate) mod serial;

use futures_util::future::BoxFuture;
use ironhand_api::{AmtOptions, Connector, PowerAction, PowerState};

use crate::wsman::{Property, Resource, Value, Wsman};
use crate::{Authorization, BootOverride, Device, Error, Login, Proof, Route, Surroundings};

/// The port without TLS.
const PLAIN_PORT: u16 = 16992;

/// The machine that the engine sits in, as it calls it.
const MACHINE: Resource = Resource {
    uri: "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ComputerSystem",
    selectors: &[("CreationClassName", "CIM_ComputerSystem"), ("Name", "ManagedSystem")],
};

/// A machine with Intel AMT.
pub(crate) struct AmtDevice {
    service: Wsman,
}

impl AmtDevice {
    /// The engine of a manifest.
    ///
    /// # Errors
    ///
    /// [`Error::Misconfigured`] where there is no login, or what the manifest says of certificates cannot be used.
    pub(crate) fn open(
        connector: &Connector,
        options: &AmtOptions,
        login: Option<Login>,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let missing = || Error::Misconfigured { reason: "Intel AMT needs a credential".to_owned() };
        let mut route = Route::of(connector, surroundings.hop.clone())?;
        if options.tls.is_off() && connector.port.is_none() {
            route.port = PLAIN_PORT;
        }
        let proof = Proof::of(&options.tls, connector.to_string(), &surroundings.pins)?;
        let login = login.ok_or_else(missing)?;
        let by_digest = Authorization::Digest(login.clone());
        let service = Wsman::new(route, proof, login, by_digest, surroundings.connect);
        Ok(Self { service: service.with_health(surroundings.health.clone()) })
    }

    async fn change_power(&self, action: PowerAction) -> Result<(), Error> {
        let seen = self.service.get(&power::STATE, power::Reading::read).await?;
        let Some(wanted) = power::request(action, &seen)? else { return Ok(()) };
        let input = vec![
            number("PowerState", wanted.into()),
            ("ManagedElement".to_owned(), Value::Reference(MACHINE)),
        ];
        let returned = self.service.invoke(&power::SERVICE, "RequestPowerStateChange", input).await?;
        power::accepted(returned, action.as_str())
    }
}

impl Device for AmtDevice {
    fn power_state(&mut self) -> BoxFuture<'_, Result<PowerState, Error>> {
        Box::pin(async {
            let seen = self.service.get(&power::STATE, power::Reading::read).await?;
            Ok(power::told(seen.state))
        })
    }

    fn power(&mut self, action: PowerAction) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.change_power(action))
    }

    fn set_boot_override(&mut self, wanted: BootOverride) -> BoxFuture<'_, Result<BootOverride, Error>> {
        Box::pin(boot::set(&self.service, wanted))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { self.service.close().await })
    }
}

/// A parameter that is a number.
fn number(name: &str, value: u32) -> Property {
    (name.to_owned(), Value::Text(value.to_string()))
}
