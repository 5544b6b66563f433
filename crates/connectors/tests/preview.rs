//! Still pictures of the screens of simulated machines, as controllers of each make give them.

use std::time::Duration;

use ironhand_api::{Connector, Name, PreviewOptions, PreviewVendor, RedfishOptions, Tls, Way};
use ironhand_connectors::{Device, Login, ScreenEvent, Surroundings, open, open_screen};
use ironhand_console::{Image, Reader};
use ironhand_redfish::bmc::{Flavour, ScreenFault};
use ironhand_sim::bmc_fleet::{BmcFault, BmcSelector, FaultPlan, FaultRule, RedfishConfig as Spoken};
use ironhand_sim::{BmcFleet, BmcFleetConfig};

const PASSWORD: &str = "simul&ted=+7%";

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The controllers that show the screen by web pages of their own.
const PAGES: [(&Flavour, PreviewVendor); 7] = [
    (Flavour::IDRAC8, PreviewVendor::Idrac),
    (Flavour::ILO5, PreviewVendor::Ilo),
    (Flavour::XCC, PreviewVendor::Xcc),
    (Flavour::XCC3, PreviewVendor::Xcc),
    (Flavour::SUPERMICRO, PreviewVendor::Supermicro),
    (Flavour::SUPERMICRO_X10, PreviewVendor::Supermicro),
    (Flavour::HDM, PreviewVendor::H3c),
];

/// The controllers that a connector of type `redfish` has a picture of.
const BY_REDFISH: [&Flavour; 8] = [
    Flavour::IDRAC9,
    Flavour::IDRAC8,
    Flavour::ILO5,
    Flavour::XCC,
    Flavour::XCC3,
    Flavour::SUPERMICRO,
    Flavour::SUPERMICRO_X10,
    Flavour::HDM,
];

fn fleet(flavour: &'static Flavour, fault: Option<ScreenFault>, on: bool) -> BmcFleet {
    let rules = fault.map(|fault| FaultRule::always(BmcSelector::all(), BmcFault::Screen(fault)));
    let config = BmcFleetConfig {
        redfish: Some(Spoken { port: 0, certificate: None, flavours: vec![flavour] }),
        password: PASSWORD.into(),
        plan: rules.into_iter().collect::<FaultPlan>(),
        on,
        ..BmcFleetConfig::new(1)
    };
    BmcFleet::start(config).expect("free ports")
}

fn preview(vendor: PreviewVendor) -> Way {
    Way::Preview(PreviewOptions { vendor, tls: Tls::Off })
}

fn redfish() -> Way {
    Way::Redfish(RedfishOptions { tls: Tls::Off, ..RedfishOptions::default() })
}

fn connector(fleet: &BmcFleet, way: Way) -> Connector {
    let mut connector = Connector::new(way, "127.0.0.1");
    connector.port = fleet.redfish(0).map(|address| address.port());
    connector.credentials = Some(vec!["bmc".parse::<Name>().expect("a name")]);
    connector
}

fn login(password: &str) -> Option<Login> {
    Some(Login { username: "admin".to_owned(), password: password.into() })
}

fn device(fleet: &BmcFleet, way: Way, password: &str) -> Box<dyn Device> {
    open(&connector(fleet, way), login(password), &Surroundings::default()).expect("it can be used")
}

/// Takes a picture twice and reads it; then nobody is logged in any more.
async fn check_shows(flavour: &'static Flavour, way: Way) {
    let name = flavour.name;
    let fleet = fleet(flavour, None, true);
    let mut device = device(&fleet, way, PASSWORD);
    let mut sessions = None;
    for _ in 0..2 {
        let picture = device.picture().await.expect(name);
        let image = Image::decode(&picture.file).expect(name);
        let reading = Reader::new().read(&image, None);
        assert!(reading.is_reliable(), "{name}: {}", picture.media_type);
        assert!(reading.text().contains("login:"), "{name}: {}", reading.text());
        let open = fleet.web_sessions(0);
        assert!(open > Some(0) && sessions.is_none_or(|before| before == open), "{name}: a session is kept");
        sessions = Some(open);
    }
    device.close().await;
    assert_eq!(fleet.web_sessions(0), Some(0), "{name}: no session is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_make_shows_the_screen_on_its_pages() {
    let checks = PAGES.map(|(flavour, vendor)| check_shows(flavour, preview(vendor)));
    futures_util::future::join_all(checks).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redfish_alone_shows_the_screen() {
    futures_util::future::join_all(BY_REDFISH.map(|flavour| check_shows(flavour, redfish()))).await;
    check_shows(Flavour::IDRAC9, preview(PreviewVendor::Idrac9)).await;
    for flavour in [Flavour::GENERIC, Flavour::OPENBMC, Flavour::MEGARAC] {
        let fleet = fleet(flavour, None, true);
        let error = device(&fleet, redfish(), PASSWORD).picture().await.expect_err("no way is known");
        assert!(error.is_unsupported(), "{}: {error}", flavour.name);
    }
}

/// A screen is asked for through the session of Redfish only; pages are for a connector of their own.
#[tokio::test(flavor = "multi_thread")]
async fn a_redfish_connector_is_a_screen_where_redfish_shows_it() {
    let check = async |flavour: &'static Flavour, wanted: Result<(), &str>| {
        let fleet = fleet(flavour, None, true);
        let (connector, surroundings) = (connector(&fleet, redfish()), Surroundings::default());
        match (open_screen(&connector, login(PASSWORD), &surroundings).await, wanted) {
            (Ok(mut screen), Ok(())) => {
                assert!(screen.image(None).is_some(), "{}", flavour.name);
                screen.close().await;
            }
            (Err(error), Err(words)) => {
                assert!(error.is_unsupported(), "{}: {error}", flavour.name);
                assert!(error.to_string().contains(words), "{}: {error}", flavour.name);
            }
            (opened, _) => panic!("{}: {:?}", flavour.name, opened.map(drop)),
        }
    };
    for flavour in [Flavour::IDRAC9, Flavour::ILO5, Flavour::XCC3] {
        check(flavour, Ok(())).await;
    }
    for flavour in [Flavour::GENERIC, Flavour::OPENBMC, Flavour::MEGARAC] {
        check(flavour, Err("no still pictures by Redfish")).await;
    }
    for flavour in [Flavour::IDRAC8, Flavour::XCC, Flavour::SUPERMICRO, Flavour::HDM] {
        check(flavour, Err("`preview`")).await;
    }
}

/// What a picture comes to.
async fn picture(fleet: &BmcFleet, way: Way, password: &str) -> Result<(), &'static str> {
    let mut device = device(fleet, way, password);
    let taken = device.picture().await;
    device.close().await;
    if let Err(error) = &taken {
        let told = format!("{error} {error:?}");
        assert!(!told.contains(PASSWORD) && !told.contains("Wrong-Secret"), "{told}");
    }
    assert_eq!(fleet.web_sessions(0), Some(0), "{taken:?}: no session is left");
    taken.map(drop).map_err(|error| error.code())
}

/// Checks what a fault comes to, on each make by both ways.
async fn check_fault(fault: Option<ScreenFault>, on: bool, wanted: &str, except: &[&Flavour]) {
    let pages = PAGES.map(|(flavour, vendor)| (flavour, preview(vendor)));
    let cases: Vec<_> = pages.into_iter().chain(BY_REDFISH.map(|flavour| (flavour, redfish()))).collect();
    let checks =
        cases.into_iter().filter(|(flavour, _)| !except.iter().any(|other| other.name == flavour.name));
    let checks = checks.map(async |(flavour, way)| {
        let kind = way.kind().as_str();
        let got = picture(&fleet(flavour, fault, on), way, PASSWORD).await;
        assert_eq!(got, Err(wanted), "{} by {kind}, {fault:?}", flavour.name);
    });
    futures_util::future::join_all(checks).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_is_off_has_no_picture() {
    check_fault(None, false, "connector.no_picture", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_told_apart() {
    check_fault(Some(ScreenFault::Unlicensed), true, "connector.unlicensed", &[]).await;
    check_fault(Some(ScreenFault::Endless), true, "connector.malformed", &[Flavour::IDRAC9]).await;
    // An iDRAC 9 refuses it in its own words.
    check_fault(Some(ScreenFault::Dark), true, "connector.no_picture", &[Flavour::IDRAC9]).await;
    let endless = fleet(Flavour::IDRAC9, Some(ScreenFault::Endless), true);
    assert_eq!(picture(&endless, redfish(), PASSWORD).await, Err("connector.no_picture"));
    let without = [Flavour::IDRAC9, Flavour::IDRAC8, Flavour::ILO5, Flavour::XCC3, Flavour::SUPERMICRO_X10];
    check_fault(Some(ScreenFault::Forgery), true, "connector.refused", &without).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_are_over_are_opened_anew() {
    let checks = PAGES.map(async |(flavour, vendor)| {
        let fleet = fleet(flavour, Some(ScreenFault::Forgetful), true);
        let mut device = device(&fleet, preview(vendor), PASSWORD);
        device.picture().await.expect(flavour.name);
        assert_eq!(fleet.web_sessions(0), Some(0), "{}", flavour.name);
        device.picture().await.expect(flavour.name);
        // A controller that ends each at once is not filled with them.
        device.picture().await.expect_err(flavour.name);
    });
    futures_util::future::join_all(checks).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_let_in_with_a_wrong_password() {
    for (flavour, vendor) in PAGES {
        let fleet = fleet(flavour, None, true);
        let refused = picture(&fleet, preview(vendor), "Wrong-Secret-1").await;
        assert_eq!(refused, Err("connector.login_refused"), "{}", flavour.name);
        let missing = open(&connector(&fleet, preview(vendor)), None, &Surroundings::default()).err();
        assert_eq!(missing.map(|error| error.code()), Some("connector.misconfigured"));
    }
}

/// What is dropped half-way leaves no session behind.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_where_nobody_waits_for_them() {
    for (flavour, vendor) in PAGES {
        let fleet = fleet(flavour, None, true);
        let mut device = device(&fleet, preview(vendor), PASSWORD);
        let begun = tokio::time::timeout(Duration::from_millis(1), device.picture()).await;
        drop((begun, device));
        let ended = async {
            // The login and what ends it.
            while fleet.statistics().requests < 2 || fleet.web_sessions(0) != Some(0) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, ended).await.expect(flavour.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_picture_is_told_of_the_screen() {
    let garbage = fleet(Flavour::ILO5, Some(ScreenFault::Garbage), true);
    let opened = open_screen(
        &connector(&garbage, preview(PreviewVendor::Ilo)),
        login(PASSWORD),
        &Surroundings::default(),
    )
    .await;
    assert_eq!(opened.err().map(|error| error.code()), Some("connector.malformed"));

    let dark = fleet(Flavour::ILO5, None, false);
    let opened = open_screen(
        &connector(&dark, preview(PreviewVendor::Ilo)),
        login(PASSWORD),
        &Surroundings::default(),
    )
    .await;
    let mut screen = opened.expect("the login is right");
    let event = screen.next_event();
    assert!(matches!(event, Some(ScreenEvent::NoPicture(_))), "{event:?}");
    screen.close().await;
    assert_eq!(dark.web_sessions(0), Some(0));
}
