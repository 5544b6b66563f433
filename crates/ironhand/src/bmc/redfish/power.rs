//! `ironhand bmc power` over Redfish.

use ironhand_api::{PowerAction, PowerState};
use ironhand_connectors::{Device, Error, RedfishDevice};

use super::{Controllers, Problem};
use crate::bmc::args;
use crate::bmc::power::{Asked, Machine, Power, State, Switch, switch};
use crate::exit::Failure;

/// `ironhand bmc power`.
pub async fn power(controllers: &Controllers, asked: &args::Power) -> Result<(), Failure> {
    match Switch::of(asked) {
        None => controllers.each(Power::read).await,
        Some(wanted) => controllers.change(async |device| switch(device, &wanted).await).await,
    }
}

impl Machine for RedfishDevice {
    async fn power(&mut self) -> Result<State, Problem> {
        match self.power_state().await? {
            PowerState::On => Ok(State::On),
            PowerState::Off => Ok(State::Off),
            PowerState::TurningOn => Ok(State::TurningOn),
            PowerState::TurningOff => Ok(State::TurningOff),
            PowerState::Unknown => Err(Problem::failed(
                "power.unknown",
                "unknown",
                "the controller does not tell the power state",
            )),
        }
    }

    async fn ask(&mut self, action: PowerAction) -> Result<Asked, Problem> {
        match self.switch(action).await {
            Ok(sent) if action == PowerAction::Cycle && sent == ["ForceOff", "On"] => Ok(Asked::Cycled),
            Ok(_) => Ok(Asked::Accepted),
            Err(error @ Error::OutcomeUnknown) => Ok(Asked::Unanswered(error.into())),
            Err(error) => Err(error.into()),
        }
    }
}
