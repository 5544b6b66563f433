//! Reading all network settings, and switching alerts off.

use crate::channel::{AccessSetting, ChannelAccess, GetChannelAccess, SetChannelAccess};
use crate::completion::CompletionCode;
use crate::lan::{GetLanParameter, LanConfiguration, Parameter, SetLanParameter};
use crate::procedure::Procedure;
use crate::procedure::chain::{Boxed, Chain, attempt, done, each};

/// IPv6 addresses of each kind that are read: BMCs have a few, and some claim 255.
const IPV6_LIMIT: u8 = 16;

type Read = (Parameter, u8, Option<Vec<u8>>);

fn parameter(channel: u8, parameter: Parameter, set: u8) -> impl Procedure<Output = Read> + Send {
    attempt("read the LAN configuration", &GetLanParameter { channel, parameter, set })
        .map(move |data| (parameter, set, data.ok()))
}

/// Reads the settings of the LAN at `channel`: 1 to 11, see [`channel::current`](crate::channel::current). What the BMC
/// refuses to tell is left out.
pub fn read(channel: u8) -> impl Procedure<Output = LanConfiguration> + Send {
    each(Parameter::SHOWN, move |shown| parameter(channel, shown, 0)).then(move |once| {
        let mut configuration = LanConfiguration::default();
        keep(&mut configuration, once);
        each(sets(&configuration), move |(shown, set)| parameter(channel, shown, set)).map(move |more| {
            keep(&mut configuration, more);
            configuration
        })
    })
}

fn keep(configuration: &mut LanConfiguration, read: Vec<Read>) {
    for (parameter, set, data) in read {
        if let Some(data) = data {
            configuration.insert(parameter, set, data);
        }
    }
}

/// The parameters that exist several times, with the set selectors that the BMC has.
fn sets(configuration: &LanConfiguration) -> Vec<(Parameter, u8)> {
    let destinations = (1..=configuration.destination_count().unwrap_or(0))
        .flat_map(|set| [(Parameter::DESTINATION_TYPE, set), (Parameter::DESTINATION_ADDRESS, set)]);
    let (statics, learned) = match configuration.ipv6_support() {
        Some(_) => configuration.ipv6_places().unwrap_or((1, 1)),
        None => (0, 0),
    };
    let statics = (0..statics.min(IPV6_LIMIT)).map(|set| (Parameter::IPV6_STATIC_ADDRESS, set));
    let learned = (0..learned.min(IPV6_LIMIT)).map(|set| (Parameter::IPV6_DYNAMIC_ADDRESS, set));
    destinations.chain(statics).chain(learned).collect()
}

/// What was done to switch alerts off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertsOff {
    /// The channel takes no part in alerting any more, now and after a restart; or why that could not be set.
    pub channel_disabled: Result<(), CompletionCode>,
    /// Destinations whose address was cleared.
    pub cleared: u8,
    /// Destinations that the BMC would not change, with its verdict.
    pub refused: Vec<(u8, CompletionCode)>,
}

/// Switches alerts over the LAN at `channel` off, without touching event filters: the channel's access no longer has PEF
/// alerting, and every destination's address is cleared.
pub fn alerts_off(channel: u8) -> impl Procedure<Output = AlertsOff> + Send {
    let disable = move |setting: AccessSetting| {
        attempt("read the channel's access", &GetChannelAccess { channel, setting }).then(
            move |found| -> Boxed<Result<(), CompletionCode>> {
                match found {
                    Ok(found) => {
                        let access = ChannelAccess { alerting_disabled: true, ..found };
                        let command = SetChannelAccess { channel, setting, access };
                        Box::new(attempt("switch alerts off", &command))
                    }
                    Err(code) => Box::new(done(Err(code))),
                }
            },
        )
    };
    each([AccessSetting::NonVolatile, AccessSetting::Present], disable).then(move |disabled| {
        let count = Parameter::DESTINATION_COUNT;
        parameter(channel, count, 0).then(move |(_, _, count)| {
            let count = count.and_then(|data| data.first().copied()).unwrap_or(0) & 0xF;
            each(1..=count, move |set| clear(channel, set).map(move |outcome| (set, outcome))).map(
                move |outcomes| AlertsOff {
                    channel_disabled: disabled.into_iter().collect(),
                    cleared: outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).count() as u8,
                    refused: outcomes
                        .into_iter()
                        .filter_map(|(set, outcome)| outcome.err().map(|code| (set, code)))
                        .collect(),
                },
            )
        })
    })
}

fn clear(channel: u8, set: u8) -> impl Procedure<Output = Result<(), CompletionCode>> + Send {
    let mut data = vec![0; 13];
    data[0] = set;
    let parameter = Parameter::DESTINATION_ADDRESS;
    attempt("clear an alert destination", &SetLanParameter { channel, parameter, data })
}
