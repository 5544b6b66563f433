//! How SOL is configured, and who has it.

use crate::command::RawCommand;
use crate::completion::CompletionCode;
use crate::procedure::{Answer, Procedure, ProcedureError, Turn};
use crate::sol::parameter::{GetSolParameter, selector};
use crate::sol::{
    BitRate, GetSolActivationStatus, GetSolInstanceInfo, SolAccumulate, SolActivationStatus,
    SolAuthentication, SolParameter, SolRetry,
};

const DOING: &str = "read the SOL configuration";

/// How a BMC's SOL is configured, and who has it; `None` where the BMC does not say, or says nothing that makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SolInfo {
    /// Whether it can be activated.
    pub enabled: Option<bool>,
    /// What it asks of sessions.
    pub authentication: Option<SolAuthentication>,
    /// How the system's characters are gathered.
    pub accumulate: Option<SolAccumulate>,
    /// How often the BMC sends a packet again.
    pub retry: Option<SolRetry>,
    /// Speed of the serial port, kept over power cycles.
    pub non_volatile_bit_rate: Option<BitRate>,
    /// Speed of the serial port now.
    pub volatile_bit_rate: Option<BitRate>,
    /// The channel that carries it.
    pub channel: Option<u8>,
    /// Its UDP port.
    pub port: Option<u16>,
    /// Which instances are active.
    pub status: Option<SolActivationStatus>,
    /// The session that has the first instance; 0 for none.
    pub session: Option<u32>,
}

impl SolInfo {
    /// Whether a session has the first instance.
    pub fn is_active(&self) -> Option<bool> {
        let by_status = self.status.map(|status| status.active & 1 != 0);
        by_status.or(self.session.map(|session| session != 0))
    }

    fn take(&mut self, parameter: SolParameter) {
        match parameter {
            SolParameter::SetInProgress(_) => {}
            SolParameter::Enable(enabled) => self.enabled = Some(enabled),
            SolParameter::Authentication(authentication) => self.authentication = Some(authentication),
            SolParameter::Accumulate(accumulate) => self.accumulate = Some(accumulate),
            SolParameter::Retry(retry) => self.retry = Some(retry),
            SolParameter::NonVolatileBitRate(rate) => self.non_volatile_bit_rate = Some(rate),
            SolParameter::VolatileBitRate(rate) => self.volatile_bit_rate = Some(rate),
            SolParameter::Channel(channel) => self.channel = Some(channel),
            SolParameter::Port(port) => self.port = Some(port),
        }
    }
}

/// What is asked, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Parameter(u8),
    Status,
    Instance,
}

const QUESTIONS: [Question; 10] = [
    Question::Parameter(selector::ENABLE),
    Question::Parameter(selector::AUTHENTICATION),
    Question::Parameter(selector::ACCUMULATE),
    Question::Parameter(selector::RETRY),
    Question::Parameter(selector::NON_VOLATILE_BIT_RATE),
    Question::Parameter(selector::VOLATILE_BIT_RATE),
    Question::Parameter(selector::CHANNEL),
    Question::Parameter(selector::PORT),
    Question::Status,
    Question::Instance,
];

/// Reads [`SolInfo`]. What a BMC does not know is left out; one that knows nothing of SOL is an error.
#[derive(Debug, Default)]
pub struct ReadSolInfo {
    asked: usize,
    info: SolInfo,
    failure: Option<ProcedureError>,
}

impl Procedure for ReadSolInfo {
    type Output = SolInfo;

    fn next(&mut self) -> Turn<SolInfo> {
        if let Some(failure) = self.failure.take() {
            return Turn::Done(Err(failure));
        }
        Turn::Ask(match QUESTIONS.get(self.asked) {
            None => return Turn::Done(Ok(self.info)),
            Some(Question::Parameter(selector)) => RawCommand::of(&GetSolParameter { selector: *selector }),
            Some(Question::Status) => RawCommand::of(&GetSolActivationStatus),
            Some(Question::Instance) => RawCommand::of(&GetSolInstanceInfo { instance: 1 }),
        })
    }

    fn answer(&mut self, answer: Answer<'_>) {
        let question = QUESTIONS.get(self.asked).copied();
        self.asked += 1;
        match question {
            Some(Question::Parameter(selector)) => {
                let value = answer.read::<GetSolParameter>(DOING);
                let unsupported = answer.code == CompletionCode::PARAMETER_UNSUPPORTED;
                match value {
                    Ok(value) => {
                        if let Ok(parameter) = SolParameter::decode_value(selector, &value) {
                            self.info.take(parameter);
                        }
                    }
                    // The first one is mandatory: a BMC that refuses it has no SOL, or not for this user.
                    Err(error) if selector == selector::ENABLE && !unsupported => self.failure = Some(error),
                    Err(_) => {}
                }
            }
            // Some BMCs answer these with an error.
            Some(Question::Status) => self.info.status = answer.read::<GetSolActivationStatus>(DOING).ok(),
            Some(Question::Instance) => {
                self.info.session =
                    answer.read::<GetSolInstanceInfo>(DOING).ok().map(|instance| instance.session);
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::bmc::{Bmc, BmcConfig, desk};
    use crate::privilege::PrivilegeLevel;
    use crate::quirk::{Quirk, Quirks};

    fn read(quirks: Quirks) -> SolInfo {
        let config = BmcConfig { quirks, ..BmcConfig::new(Vec::new()) };
        let mut bmc = Bmc::new(config, Box::new(|bytes: &mut [u8]| bytes.fill(1)));
        desk::run(&mut bmc, Instant::now(), ReadSolInfo::default()).unwrap()
    }

    #[test]
    fn all_of_it_is_read() {
        let info = read(Quirks::NONE);
        let expected = SolInfo {
            enabled: Some(true),
            authentication: Some(SolAuthentication {
                force_encryption: true,
                force_authentication: true,
                privilege: PrivilegeLevel::User,
            }),
            accumulate: Some(SolAccumulate { interval: Duration::from_millis(20), threshold: 96 }),
            retry: Some(SolRetry { count: 7, interval: Duration::from_millis(500) }),
            non_volatile_bit_rate: Some(BitRate::B115200),
            volatile_bit_rate: Some(BitRate::B115200),
            channel: Some(1),
            port: Some(623),
            status: Some(SolActivationStatus { capacity: 1, active: 0 }),
            session: Some(0),
        };
        assert_eq!(info, expected);
        assert_eq!(info.is_active(), Some(false));
    }

    #[test]
    fn what_a_bmc_does_not_say_is_left_out() {
        let info = read(Quirk::SolStatus.into());
        assert_eq!((info.status, info.session, info.is_active()), (None, Some(0), Some(false)));
    }

    #[test]
    fn a_bmc_without_sol_is_an_error() {
        let check = |code, expected: Result<SolInfo, CompletionCode>| {
            let mut procedure = ReadSolInfo::default();
            let result = loop {
                match procedure.next() {
                    Turn::Ask(_) => procedure.answer(Answer { code: CompletionCode(code), data: &[] }),
                    Turn::Wait(_) => panic!("nothing to wait for"),
                    Turn::Done(result) => break result,
                }
            };
            let expected = expected.map_err(|code| ProcedureError::Refused { doing: DOING, code });
            assert_eq!(result, expected);
        };
        check(0xC1, Err(CompletionCode::INVALID_COMMAND));
        check(0xD4, Err(CompletionCode::INSUFFICIENT_PRIVILEGE));
        check(0x80, Ok(SolInfo::default()));
    }
}
