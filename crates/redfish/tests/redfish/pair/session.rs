//! Sessions, and who may ask.

use std::time::Duration;

use ironhand_redfish::bmc::Flavour;
use ironhand_redfish::{EndSessions, Error, SessionPolicy, Talk, Token, Told, locate, log_in, log_out};
use secrecy::SecretString;

use super::machine::{ADMIN, PASSWORD};
use super::{Pair, each_flavour};

#[test]
fn who_may_not_ask_is_told_so() {
    each_flavour(|pair, _| {
        pair.token = Some(Token::new("made-up"));
        assert_eq!(pair.play(|talk: &mut Talk| locate(talk, None)), Err(Error::Unauthorized));
        let told = pair.log_in(&mut SessionPolicy::new(None, false), "wrong");
        assert_eq!(told, Told::Refused);
    });
}

#[test]
fn sessions_are_ended_and_lost_ones_opened_anew() {
    for flavour in Flavour::ALL {
        let mut pair = Pair::new(flavour);
        let mut policy = SessionPolicy::new(None, false);
        pair.log_in(&mut policy, PASSWORD);
        pair.service.forget_sessions();
        assert_eq!(pair.play(|talk: &mut Talk| locate(talk, None)), Err(Error::Unauthorized));
        policy.told(pair.now, Told::Accepted);
        policy.told(pair.now, Told::Over);
        pair.now += Duration::from_secs(15);
        assert!(matches!(pair.log_in(&mut policy, PASSWORD), Told::Opened(_)));
        assert_eq!(pair.service.session_count(pair.now), 1);
        let session = policy.take().expect("it is open");
        let answer = pair.ask(&log_out(&session).expect("its path is known"));
        assert!(answer.is_success(), "{answer:?}");
        assert_eq!(pair.service.session_count(pair.now), 0);
    }
}

/// Sessions that others left behind fill a controller; those of our account and address are ended, and a login works again.
#[test]
fn sessions_that_were_left_behind_are_ended() {
    each_flavour(|pair, _| {
        let name = pair.flavour();
        let request = log_in("/redfish/v1/SessionService/Sessions", ADMIN, &SecretString::from(PASSWORD));
        let full = (0..64).map(|_| Told::by(&pair.ask(&request))).find(|told| *told == Told::Full);
        assert_eq!(full, Some(Told::Full), "{name}: it has as many sessions as anybody wants");
        let slots = pair.service.session_count(pair.now);
        let ours = EndSessions {
            username: ADMIN.to_owned(),
            origin: "127.0.0.1".to_owned(),
            keep: Some("/redfish/v1/SessionService/Sessions/1".to_owned()),
        };
        assert_eq!(pair.play(ours), Ok(slots - 1), "{name}");
        assert_eq!(pair.service.session_count(pair.now), 1, "{name}");
        assert!(matches!(Told::by(&pair.ask(&request)), Told::Opened(_)), "{name}");
    });
}
