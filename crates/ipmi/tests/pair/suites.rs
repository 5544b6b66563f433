//! Every cipher suite with every kind of credential.

use ironhand_ipmi::command::GetChassisStatus;
use ironhand_ipmi::{
    BmcConfig, ChassisControl, CipherSuite, ClientConfig, Error, PrivilegeLevel, Quirk, Reply, User,
};

use crate::network::{USER, World, bmc_config, client_config, secret};
use crate::{opened_suites, power_is_on};

struct Credentials<'a> {
    password: &'a str,
    kg: Option<&'a str>,
}

fn world(suite: CipherSuite, client: &Credentials<'_>, bmc: &Credentials<'_>) -> World {
    let client = ClientConfig {
        suites: vec![suite],
        password: secret(client.password),
        kg: client.kg.map(secret),
        ..client_config()
    };
    let users = vec![User::new(USER, secret(bmc.password), PrivilegeLevel::Operator)];
    let bmc = BmcConfig { suites: vec![suite], users, kg: bmc.kg.map(secret), ..bmc_config() };
    World::new(21, client, bmc)
}

#[test]
fn every_suite_takes_every_length_of_password_and_kg() {
    let check = |password: &str, kg: Option<&str>| {
        for suite in CipherSuite::ALL {
            let both = Credentials { password, kg };
            let mut world = world(suite, &both, &both);
            assert!(power_is_on(&world.ask(GetChassisStatus)), "{suite:?} {password} {kg:?}");
            assert_eq!(world.ask(ChassisControl::PowerDown), Ok(Reply::Done));
            assert_eq!(opened_suites(&world), [suite; 2]);
        }
    };
    check("", None);
    check("short", None);
    check("sixteen letters!", None);
    check("exactly 20 letters!!", None);
    check("short", Some(""));
    check("short", Some("0x0000"));
    check("short", Some("kg"));
    check("exactly 20 letters!!", Some("0x000102030405060708090a0b0c0d0e0f10111213"));
}

#[test]
fn every_suite_tells_a_wrong_password_from_a_wrong_kg() {
    let check = |client: Credentials<'_>, bmc: Credentials<'_>, expected: Error| {
        for suite in CipherSuite::ALL {
            let mut world = world(suite, &client, &bmc);
            assert_eq!(world.ask(GetChassisStatus), Err(expected), "{suite:?}");
            assert!(opened_suites(&world).is_empty());
        }
    };
    let of = |password, kg| Credentials { password, kg };
    check(of("guess", None), of("secret", None), Error::WrongPassword);
    check(of("exactly 20 letters!!", None), of("exactly 20 letters!?", None), Error::WrongPassword);
    check(of("secret", Some("a")), of("secret", Some("b")), Error::WrongKg);
    check(of("secret", None), of("secret", Some("b")), Error::WrongKg);
    check(of("secret", Some("0xzz")), of("secret", None), Error::CredentialMalformed { which: "Kg" });
}

#[test]
fn a_kg_of_zeroes_is_none() {
    let check = |client: Option<&str>, bmc: Option<&str>| {
        let of = |kg| Credentials { password: "secret", kg };
        let mut world = world(CipherSuite::Suite17, &of(client), &of(bmc));
        assert!(power_is_on(&world.ask(GetChassisStatus)), "{client:?} {bmc:?}");
    };
    check(Some(""), None);
    check(Some("0x00"), None);
    check(None, Some(""));
    check(None, Some("0x0000000000000000000000000000000000000000"));
}

#[test]
fn a_user_is_found_by_name_and_level_as_well() {
    for suite in CipherSuite::ALL {
        let both = Credentials { password: "secret", kg: None };
        let mut world = world(suite, &both, &both);
        let client = ClientConfig {
            suites: vec![suite],
            password: secret("secret"),
            quirks: Quirk::Intel82571.into(),
            ..client_config()
        };
        world.use_client(client);
        assert!(power_is_on(&world.ask(GetChassisStatus)), "{suite:?}");
    }
}

#[test]
fn suites_with_md5_are_not_used_unasked() {
    let bmc = BmcConfig { suites: vec![CipherSuite::Suite8, CipherSuite::Suite12], ..bmc_config() };
    let mut world = World::new(22, client_config(), bmc.clone());
    assert_eq!(world.ask(GetChassisStatus), Err(Error::NoCommonSuite));
    let client = ClientConfig { suites: CipherSuite::ALL.to_vec(), ..client_config() };
    let mut world = World::new(22, client, bmc);
    assert!(power_is_on(&world.ask(GetChassisStatus)));
    assert_eq!(opened_suites(&world), [CipherSuite::Suite8]);
}
