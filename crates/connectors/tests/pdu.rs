//! Outlets of simulated strips, switched as a host's connector does it.

use std::time::Duration;

use async_snmp::{AuthProtocol, PrivProtocol};
use ironhand_api::{
    Connector, Feed, Outlet, PduModel, PduOptions, PowerAction, PowerOids, PowerState, SnmpAuthentication,
    SnmpPrivacy, SnmpVersion, Way,
};
use ironhand_connectors::{Device, Error, Login, Outlets, PduDevice, PduTimes};
use ironhand_sim::outlets::{OutletFault, Strip, StripConfig, StripModel, StripUser};

/// Quick, where strips are quick.
fn times() -> PduTimes {
    PduTimes {
        off: Duration::from_millis(60),
        read_back: Duration::from_secs(5),
        poll: Duration::from_millis(5),
        repeat: Duration::from_secs(1),
        answer: Duration::from_secs(1),
    }
}

/// With little patience, for strips that do not answer or follow.
fn short() -> PduTimes {
    PduTimes {
        read_back: Duration::from_millis(200),
        answer: Duration::from_millis(100),
        repeat: Duration::from_millis(50),
        ..times()
    }
}

fn login(username: &str, password: &str) -> Login {
    Login { username: username.to_owned(), password: password.into() }
}

fn private() -> Login {
    login("", "private")
}

fn numbers(outlets: &[u32]) -> PduOptions {
    PduOptions { outlets: outlets.iter().copied().map(Outlet::Number).collect(), ..PduOptions::default() }
}

fn named(name: &str) -> PduOptions {
    PduOptions { outlets: vec![Outlet::Name(name.to_owned())], ..PduOptions::default() }
}

fn device(strip: &Strip, options: PduOptions, login: &Login, times: PduTimes) -> PduDevice {
    let address = strip.address();
    let mut connector = Connector::new(Way::Pdu(options.clone()), address.ip().to_string());
    connector.port = Some(address.port());
    PduDevice::new(&connector, &options, Some(login), times).expect("a connector that can be used")
}

async fn strip(model: StripModel) -> Strip {
    Strip::start(StripConfig::new(model, 8)).await.expect("a free port")
}

/// A second strip, for a second cord: at another address of this machine, and the same port.
async fn second(first: &Strip, model: StripModel) -> Strip {
    let mut config = StripConfig::new(model, 8);
    config.bind = [127, 0, 0, 2].into();
    config.port = first.address().port();
    Strip::start(config).await.expect("a free port")
}

/// Outlet 1 of one strip, and one of another.
fn two_cords(second: &Strip, outlet: &str) -> PduOptions {
    let address = second.address().ip().to_string();
    let feed = Feed { address, outlets: vec![Outlet::Name(outlet.to_owned())] };
    PduOptions { feeds: vec![feed], ..numbers(&[1]) }
}

/// The numbers of the outlets that are off.
fn off(strip: &Strip) -> Vec<usize> {
    (1..=8).filter(|number| strip.is_on(*number) == Some(false)).collect()
}

#[tokio::test]
async fn a_strip_of_each_maker_is_recognised_and_its_outlets_follow() {
    for model in StripModel::ALL {
        let mut config = StripConfig::new(model, 8);
        config.delay = Duration::from_millis(30);
        let strip = Strip::start(config).await.expect("a free port");
        let mut device = device(&strip, numbers(&[2, 8]), &private(), times());
        assert_eq!(device.power_state().await, Ok(PowerState::Unknown), "{model:?}");
        assert_eq!(device.power(PowerAction::Off).await, Ok(()), "{model:?}");
        assert_eq!(off(&strip), [2, 8], "{model:?}");
        assert_eq!(device.power_state().await, Ok(PowerState::Off), "{model:?}");
        assert_eq!(device.outlets().await, Ok(Outlets { off: 2, all: 2 }));
        assert_eq!(device.power(PowerAction::On).await, Ok(()), "{model:?}");
        assert_eq!(off(&strip), [0; 0], "{model:?}");
        let reset = device.power(PowerAction::Reset).await;
        assert_eq!(reset, Err(Error::Unsupported { what: "reset".to_owned() }));
    }
}

#[tokio::test]
async fn every_version_of_snmp_switches() {
    for version in [SnmpVersion::V1, SnmpVersion::V2c] {
        let strip = strip(StripModel::Apc).await;
        let options = PduOptions { snmp: Some(version), ..named("Outlet 3") };
        let mut device = device(&strip, options, &private(), times());
        assert_eq!(device.power(PowerAction::Off).await, Ok(()), "{version:?}");
        assert_eq!(off(&strip), [3], "{version:?}");
    }
    let aes256 = PrivProtocol::Aes256Blumenthal;
    check_user(SnmpAuthentication::Md5, AuthProtocol::Md5, SnmpPrivacy::Des, PrivProtocol::Des).await;
    check_user(SnmpAuthentication::Sha1, AuthProtocol::Sha1, SnmpPrivacy::Aes128, PrivProtocol::Aes128).await;
    check_user(SnmpAuthentication::Sha256, AuthProtocol::Sha256, SnmpPrivacy::Aes256, aes256).await;
    check_user(SnmpAuthentication::Sha512, AuthProtocol::Sha512, SnmpPrivacy::Aes256, aes256).await;
}

/// Switches as a user of version 3, and is refused as a wrong one.
async fn check_user(
    authentication: SnmpAuthentication,
    known_authentication: AuthProtocol,
    privacy: SnmpPrivacy,
    known_privacy: PrivProtocol,
) {
    let mut config = StripConfig::new(StripModel::Raritan, 8);
    config.user = Some(StripUser {
        name: "ironhand".to_owned(),
        password: "a long password".into(),
        authentication: known_authentication,
        privacy: known_privacy,
    });
    let strip = Strip::start(config).await.expect("a free port");
    let options = PduOptions {
        snmp: Some(SnmpVersion::V3),
        authentication: Some(authentication),
        privacy: Some(privacy),
        ..numbers(&[1])
    };
    let mut right = device(&strip, options.clone(), &login("ironhand", "a long password"), times());
    assert_eq!(right.power(PowerAction::Off).await, Ok(()), "{privacy:?}");
    assert_eq!(off(&strip), [1]);
    for (username, password) in [("ironhand", "another password"), ("nobody", "a long password")] {
        let mut wrong = device(&strip, options.clone(), &login(username, password), short());
        let refused = wrong.power_state().await.expect_err("it cannot be done");
        assert!(refused.is_refusal(), "{username}: {refused:?}");
        assert!(!format!("{refused} {refused:?}").contains(password), "{refused}");
    }
}

#[tokio::test]
async fn a_cycle_cuts_all_cords_before_any_gets_power_again() {
    let a = strip(StripModel::Sentry3).await;
    let b = second(&a, StripModel::Sentry3).await;
    let mut device = device(&a, two_cords(&b, "Outlet 5"), &private(), times());
    assert_eq!(device.power(PowerAction::Cycle).await, Ok(()));
    let (a, b) = (a.history(), b.history());
    let [a_off, a_on] = a[..] else { panic!("{a:?}") };
    let [b_off, b_on] = b[..] else { panic!("{b:?}") };
    assert!(!a_off.on && !b_off.on && a_on.on && b_on.on);
    let (last_off, first_on) = (a_off.at.max(b_off.at), a_on.at.min(b_on.at));
    assert!(first_on.duration_since(last_off) >= times().off);
}

#[tokio::test]
async fn a_machine_is_off_only_when_all_its_cords_are() {
    let a = strip(StripModel::Apc).await;
    let b = second(&a, StripModel::Apc).await;
    let mut device = device(&a, two_cords(&b, "Outlet 7"), &private(), times());
    a.switch(1, false);
    assert_eq!(device.power_state().await, Ok(PowerState::Unknown));
    assert_eq!(device.outlets().await, Ok(Outlets { off: 1, all: 2 }));
    b.switch(7, false);
    assert_eq!(device.power_state().await, Ok(PowerState::Off));
    assert_eq!(device.outlets().await, Ok(Outlets { off: 2, all: 2 }));
}

#[tokio::test]
async fn an_outlet_that_does_not_follow_is_told_and_a_cycle_leaves_the_machine_its_cords() {
    let a = strip(StripModel::Apc).await;
    let b = second(&a, StripModel::Apc).await;
    let mut device = device(&a, two_cords(&b, "Outlet 7"), &private(), short());
    b.break_outlet(7, Some(OutletFault::Stuck));
    let stuck = device.power(PowerAction::Off).await.expect_err("it cannot be done");
    assert_eq!(stuck.code(), "connector.not_kept");
    let told = stuck.to_string();
    assert!(told.contains("outlet Outlet 7 of 127.0.0.2 still reads on"), "{told}");
    assert!(told.ends_with("; 127.0.0.1 is off"), "{told}");
    assert_eq!(device.outlets().await, Ok(Outlets { off: 1, all: 2 }));
    assert!(device.power(PowerAction::Cycle).await.is_err());
    assert_eq!((off(&a), off(&b)), (vec![], vec![]));
    b.break_outlet(7, Some(OutletFault::Locked));
    let locked = device.power(PowerAction::Off).await.expect_err("it cannot be done");
    assert_eq!(locked.code(), "connector.refused");
}

#[tokio::test]
async fn a_strip_that_does_not_answer_is_told_before_another_is_touched() {
    let a = strip(StripModel::Apc).await;
    let b = second(&a, StripModel::Apc).await;
    let mut device = device(&a, two_cords(&b, "Outlet 7"), &private(), short());
    assert_eq!(device.power_state().await, Ok(PowerState::Unknown));
    b.shutdown().await;
    let lost = device.power(PowerAction::Off).await.expect_err("it cannot be done");
    assert!(lost.retry() && !lost.leaves_doubt(), "{lost:?}");
    assert_eq!(a.history(), []);
    // One cord that has power is enough to know that the machine may be on.
    assert_eq!(device.power_state().await, Ok(PowerState::Unknown));
    a.switch(1, false);
    assert!(device.power_state().await.is_err());
    assert_eq!(device.outlets().await, Ok(Outlets { off: 1, all: 2 }));
}

#[tokio::test]
async fn an_outlet_is_followed_by_its_name_wherever_it_moves() {
    let strip = strip(StripModel::Eaton).await;
    strip.rename(4, "rack7-12");
    let mut device = device(&strip, named("rack7-12"), &private(), times());
    assert_eq!(device.power(PowerAction::Off).await, Ok(()));
    assert_eq!(off(&strip), [4]);
    strip.rename(4, "router");
    strip.rename(6, "rack7-12");
    assert_eq!(device.power(PowerAction::Off).await, Ok(()));
    assert_eq!(off(&strip), [4, 6]);
    strip.rename(6, "rack7-13");
    strip.rename(2, "rack7-12");
    strip.rename(8, "rack7-12");
    let several = device.power(PowerAction::On).await.expect_err("it cannot be done").to_string();
    assert_eq!(several, "several outlets are called `rack7-12`; give the number instead");
    assert_eq!(off(&strip), [4, 6]);
}

/// What is told of a connector that cannot be used.
async fn check(options: PduOptions, login: &Login, wanted: &str) {
    let strip = strip(StripModel::Sentry3).await;
    let mut device = device(&strip, options, login, short());
    let refused = device.power(PowerAction::Off).await.expect_err("it cannot be done");
    assert!(refused.to_string().contains(wanted), "{refused}");
    assert!(!refused.leaves_doubt() && strip.history().is_empty());
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_clearly_and_switches_nothing() {
    check(named("rack9-1"), &private(), "no outlet is called `rack9-1`; there are Outlet 1, Outlet 2").await;
    check(numbers(&[9]), &private(), "there is no outlet 9 of 127.0.0.1").await;
    check(named("2.1.1"), &private(), "there is no outlet 2.1.1 of 127.0.0.1").await;
    check(numbers(&[1]), &login("", "public"), "may not switch").await;
    check(numbers(&[1]), &login("", "wrong"), "no answer from 127.0.0.1").await;
    let apc = PduOptions { model: Some(PduModel::Apc), ..numbers(&[1]) };
    check(apc, &private(), "(1.3.6.1.4.1.1718.3) has no table of outlets").await;
}

#[tokio::test]
async fn a_strip_of_any_make_is_switched_by_the_tables_of_the_manifest() {
    let strip = strip(StripModel::Raritan).await;
    let oids = PowerOids {
        status: "1.3.6.1.4.1.13742.6.4.1.2.1.3".to_owned(),
        control: "1.3.6.1.4.1.13742.6.4.1.2.1.2".to_owned(),
        on: 7,
        off: 8,
        set_on: Some(1),
        set_off: Some(0),
    };
    let options = PduOptions { model: Some(PduModel::Generic), oids: Some(oids), ..named("1.6") };
    let mut device = device(&strip, options, &private(), times());
    assert_eq!(device.power(PowerAction::Cycle).await, Ok(()));
    let history: Vec<(usize, bool)> =
        strip.history().iter().map(|switched| (switched.outlet, switched.on)).collect();
    assert_eq!(history, [(6, false), (6, true)]);
}

#[tokio::test]
async fn the_second_address_of_a_strip_is_used_where_the_first_is_silent() {
    let strip = strip(StripModel::Apc).await;
    let options = numbers(&[1]);
    let mut connector = Connector::new(Way::Pdu(options.clone()), "127.0.0.3");
    connector.backup_addresses = vec![strip.address().ip().to_string()];
    connector.port = Some(strip.address().port());
    let mut device = PduDevice::new(&connector, &options, Some(&private()), short()).unwrap();
    assert_eq!(device.power(PowerAction::Off).await, Ok(()));
    assert_eq!(off(&strip), [1]);
}

#[test]
fn a_login_that_cannot_be_one_is_told_at_once() {
    let check = |options: PduOptions, login: Option<Login>, wanted: &str| {
        let connector = Connector::new(Way::Pdu(options.clone()), "192.0.2.1");
        let refused = PduDevice::new(&connector, &options, login.as_ref(), times()).map(|_| ());
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(wanted), "{refused}");
    };
    let v3 = PduOptions { snmp: Some(SnmpVersion::V3), ..numbers(&[1]) };
    check(numbers(&[1]), None, "needs a credential");
    check(numbers(&[1]), Some(login("", "")), "community is empty");
    check(v3.clone(), Some(login("", "a long password")), "user name");
    check(v3, Some(login("ironhand", "short")), "SNMP version 3");
}
