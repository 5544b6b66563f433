//! Intel AMT, through the connector of a host, against the simulated engine of a simulated machine.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ironhand_api::{AmtOptions, BootDevice, Connector, Name, PowerAction, PowerState, Tls, Way};
use ironhand_connectors::{
    BootOverride, Device, Error, Login, ScreenSource, SerialConsole, Surroundings, open, open_screen,
    open_serial,
};
use ironhand_console::keys::Stroke;
use ironhand_sim::Certificate;
use ironhand_sim::machine::{Activity, Machine, MachineConfig, Make};
use ironhand_sim::wsman::{WsmanConfig, WsmanFault, WsmanKind, WsmanService};

/// How long the simulated machine may take to do something.
const PATIENCE: Duration = Duration::from_secs(20);

struct Bench {
    machine: Arc<Mutex<Machine>>,
    service: WsmanService,
    encrypted: bool,
}

fn login(username: &str, password: &str) -> Login {
    Login { username: username.to_owned(), password: password.into() }
}

impl Bench {
    async fn new(running: bool) -> Self {
        Self::with(running, |_| {}).await
    }

    async fn with(running: bool, change: impl FnOnce(&mut WsmanConfig)) -> Self {
        let config =
            MachineConfig { name: "desk-7".to_owned(), make: Make::R740Like, seed: 7, pace: 200.0, running };
        let machine = Arc::new(Mutex::new(Machine::new(config, Instant::now())));
        let mut config = WsmanConfig::new(WsmanKind::Amt, Arc::clone(&machine), "P@ssw0rd <&>".into());
        change(&mut config);
        let encrypted = config.certificate.is_some();
        let service = WsmanService::start(config).await.expect("a free port");
        Self { machine, service, encrypted }
    }

    fn device(&self) -> Box<dyn Device> {
        self.device_as("admin", "P@ssw0rd <&>", Tls::Off)
    }

    fn device_as(&self, username: &str, password: &str, tls: Tls) -> Box<dyn Device> {
        let mut connector = self.connector(tls);
        connector.credentials = Some(vec!["amt".parse::<Name>().expect("a name")]);
        let login = login(username, password);
        open(&connector, Some(login), &Surroundings::default()).expect("a connector that can be used")
    }

    fn connector(&self, tls: Tls) -> Connector {
        let mut connector = Connector::new(Way::Amt(AmtOptions { tls }), "127.0.0.1");
        connector.port = Some(self.service.address().port());
        connector
    }

    fn activity(&self) -> Activity {
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        machine.wake(Instant::now());
        machine.activity()
    }

    async fn until_activity(&self, wanted: Activity) {
        let deadline = Instant::now() + PATIENCE;
        while self.activity() != wanted {
            assert!(Instant::now() < deadline, "{:?} instead of {wanted:?}", self.activity());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

async fn until_power(device: &mut dyn Device, wanted: PowerState) {
    let deadline = Instant::now() + PATIENCE;
    while device.power_state().await != Ok(wanted) {
        assert!(Instant::now() < deadline, "it does not get {wanted:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn power_goes_and_comes() {
    let bench = Bench::new(true).await;
    let mut device = bench.device();
    assert_eq!(device.power_state().await, Ok(PowerState::On));
    assert_eq!(device.power(PowerAction::On).await, Ok(()));
    assert_eq!(device.power(PowerAction::Off).await, Ok(()));
    until_power(device.as_mut(), PowerState::Off).await;
    assert_eq!(device.power(PowerAction::Off).await, Ok(()));
    assert_eq!(
        device.power(PowerAction::Reset).await.map_err(|error| error.code()),
        Err("connector.refused")
    );
    assert_eq!(device.power(PowerAction::On).await, Ok(()));
    until_power(device.as_mut(), PowerState::On).await;
    assert_eq!(bench.service.history(), [8, 2]);
    // One challenge was enough for all of it.
    assert_eq!(bench.service.refusals(), 1);
    device.close().await;
}

#[tokio::test]
async fn each_action_is_another_number() {
    for (action, number) in
        [(PowerAction::Cycle, 5), (PowerAction::Reset, 10), (PowerAction::Soft, 12), (PowerAction::Nmi, 11)]
    {
        let bench = Bench::new(true).await;
        assert_eq!(bench.device().power(action).await, Ok(()), "{action:?}");
        assert_eq!(bench.service.history(), [number]);
    }
}

#[tokio::test]
async fn a_soft_shutdown_needs_the_agent() {
    let bench = Bench::with(true, |config| config.agent = false).await;
    let refused = bench.device().power(PowerAction::Soft).await.expect_err("nobody is there to do it");
    assert!(refused.is_unsupported(), "{refused}");
    assert!(bench.service.history().is_empty());
    let bench = Bench::new(true).await;
    assert_eq!(bench.device().power(PowerAction::Soft).await, Ok(()));
    bench.until_activity(Activity::Off).await;
}

#[tokio::test]
async fn the_next_boot_starts_from_what_was_chosen_and_the_one_after_does_not() {
    let once = |device| BootOverride { device, persistent: false, uefi: false };
    let check = async |chosen: BootDevice, wanted: Activity| {
        let bench = Bench::new(true).await;
        let mut device = bench.device();
        // What was ordered before does not stay.
        assert_eq!(device.set_boot_override(once(BootDevice::Bios)).await, Ok(once(BootDevice::Bios)));
        assert_eq!(device.set_boot_override(once(BootDevice::Cdrom)).await, Ok(once(BootDevice::Cdrom)));
        assert_eq!(device.set_boot_override(once(chosen)).await, Ok(once(chosen)));
        assert_eq!(device.power(PowerAction::Reset).await, Ok(()));
        bench.until_activity(wanted).await;
        if chosen == BootDevice::Bios {
            assert_eq!(device.power(PowerAction::Reset).await, Ok(()));
            bench.until_activity(Activity::Up).await;
        }
    };
    check(BootDevice::Bios, Activity::Setup).await;
    check(BootDevice::Pxe, Activity::NetworkBoot).await;
    check(BootDevice::Disk, Activity::Up).await;
    check(BootDevice::None, Activity::Up).await;
}

#[tokio::test]
async fn what_amt_cannot_choose_is_refused_before_anything_is_sent() {
    let bench = Bench::new(true).await;
    let mut device = bench.device();
    for (persistent, uefi) in [(true, false), (false, true)] {
        let wanted = BootOverride { device: BootDevice::Pxe, persistent, uefi };
        let refused = device.set_boot_override(wanted).await.expect_err("AMT cannot do that");
        assert!(refused.is_unsupported(), "{refused}");
    }
    assert!(device.event_log(1).await.is_err_and(|error| error.is_unsupported()));
    assert_eq!(bench.service.refusals(), 0);
}

#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    let bench = Bench::new(true).await;
    for (username, password) in [("admin", "hunter2"), ("operator", "P@ssw0rd <&>")] {
        let before = bench.service.refusals();
        let refused =
            bench.device_as(username, password, Tls::Off).power_state().await.expect_err("it is wrong");
        assert!(refused.is_refusal(), "{refused:?}");
        assert!(!format!("{refused} {refused:?}").contains(password), "{refused}");
        // The question for the proof, and the proof.
        assert_eq!(bench.service.refusals() - before, 2);
    }
}

#[tokio::test]
async fn over_tls_the_certificate_is_pinned() {
    let certificate = || Certificate::self_signed().expect("a certificate");
    let shown = certificate();
    let bench = Bench::with(true, |config| config.certificate = Some(shown)).await;
    let mut device = bench.device_as("admin", "P@ssw0rd <&>", Tls::Default);
    assert_eq!(device.power_state().await, Ok(PowerState::On));
    let pin = ironhand_api::CertificatePin::Sha256([7; 32]);
    let other = bench.device_as("admin", "P@ssw0rd <&>", Tls::Pin(pin)).power_state().await;
    assert_eq!(other.map_err(|error| error.code()), Err("connector.certificate"));
}

/// Checks what a broken service comes to: for a reading, and for a change that goes on from a good reading.
async fn check(fault: WsmanFault, wanted: Result<(), &str>) -> Option<Error> {
    let bench = Bench::new(true).await;
    let mut device = bench.device();
    assert_eq!(device.power_state().await, Ok(PowerState::On));
    bench.service.break_service(Some(fault));
    let read = device.power_state().await;
    assert_eq!(read.as_ref().map(|_| ()).map_err(Error::code), wanted, "{fault:?}: {read:?}");
    read.err()
}

#[tokio::test]
async fn broken_answers_are_stated_conditions() {
    let told = async |fault, wanted, words: &str| {
        let error = check(fault, Err(wanted)).await.expect("an error").to_string();
        assert!(error.contains(words), "{error}");
    };
    told(WsmanFault::Page, "connector.malformed", "a web page").await;
    told(WsmanFault::CutOff, "connector.malformed", "cut off").await;
    told(WsmanFault::Entities, "connector.malformed", "document type").await;
    told(WsmanFault::OtherSoap, "connector.malformed", "SOAP 1.1").await;
    told(WsmanFault::NoEntry, "connector.login_refused", "admin").await;
    told(WsmanFault::Refuses("AccessDenied"), "connector.login_refused", "AccessDenied").await;
    told(WsmanFault::Refuses("InvalidSelectors"), "connector.refused", "InvalidSelectors").await;
    told(WsmanFault::Refuses("DestinationUnreachable"), "connector.unsupported", "told to refuse").await;
    told(WsmanFault::Refuses("TimedOut"), "connector.busy", "TimedOut").await;
    check(WsmanFault::OneUse, Ok(())).await;
    check(WsmanFault::Late(Duration::from_millis(300)), Ok(())).await;
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_not_sent_again() {
    let check = async |fault, wanted, done: &[u16]| {
        let bench = Bench::new(true).await;
        bench.service.break_service(Some(fault));
        let refused = bench.device().power(PowerAction::Reset).await.expect_err("it is broken");
        assert_eq!((refused.code(), &bench.service.history()[..]), (wanted, done), "{refused}");
    };
    check(WsmanFault::Lost, "connector.outcome_unknown", &[10]).await;
    check(WsmanFault::MethodPage, "connector.outcome_unknown", &[10]).await;
    check(WsmanFault::Returns(2), "connector.refused", &[]).await;
    check(WsmanFault::Returns(4099), "connector.busy", &[]).await;
    check(WsmanFault::Returns(1), "connector.unsupported", &[]).await;
}

impl Bench {
    async fn screen(&self, password: &str) -> Result<Box<dyn ScreenSource>, Error> {
        let login = login("admin", password);
        open_screen(&self.connector(self.tls()), Some(login), &Surroundings::default()).await
    }

    fn tls(&self) -> Tls {
        if self.encrypted { Tls::Default } else { Tls::Off }
    }
}

/// The screen is seen and typed on, and what was switched on for that is off again afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn the_screen_is_redirected_for_the_time_of_need() {
    for (redirects, encrypted) in [(false, false), (true, false), (false, true)] {
        let certificate = encrypted.then(|| Certificate::self_signed().expect("a certificate"));
        let bench = Bench::with(true, |config| {
            config.redirects = redirects;
            config.certificate = certificate;
        })
        .await;
        bench.until_activity(Activity::Up).await;
        let mut screen = bench.screen("P@ssw0rd <&>").await.expect("it shows its screen");
        assert_eq!(bench.service.redirects(), (true, true));
        let image = screen.image(None).expect("the first picture is there");
        assert!(image.pixels.iter().any(|pixel| *pixel != 0), "something is on the screen");
        let stroke = |down| Stroke { keysym: 0x61, usage: Some(4), down };
        screen.key(stroke(true)).await.expect("it is connected");
        screen.key(stroke(false)).await.expect("it is connected");
        let seeing = async {
            while screen.image(Some(image.mark())).is_none() {
                screen.request_update(true).await.expect("it is connected");
                screen.ready().await;
                screen.pump().await.expect("it is connected");
                while screen.next_event().is_some() {}
            }
        };
        tokio::time::timeout(PATIENCE, seeing).await.expect("the letter is seen in time");
        screen.close().await;
        assert_eq!(bench.service.redirects(), (redirects, redirects));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_that_is_not_shown_leaves_all_as_it_was() {
    let bench = Bench::with(true, |config| config.needs_consent = true).await;
    let refused = bench.screen("P@ssw0rd <&>").await.map(drop).expect_err("nobody consents");
    assert!(refused.to_string().contains("consent"), "{refused}");
    assert_eq!(bench.service.redirects(), (false, false));
    let bench = Bench::new(true).await;
    let refused = bench.screen("wrong").await.map(drop).expect_err("it is another password");
    assert!(matches!(refused, Error::LoginRefused { .. }), "{refused}");
    assert_eq!(bench.service.redirects(), (false, false));
}

impl Bench {
    async fn serial(&self, password: &str) -> Result<Box<dyn SerialConsole>, Error> {
        let login = login("admin", password);
        open_serial(&self.connector(self.tls()), Some(login), &Surroundings::default()).await
    }
}

/// Reads on until `wanted` was said.
async fn until_said(console: &mut dyn SerialConsole, wanted: &str) {
    let mut said = String::new();
    let reading = async {
        while !said.contains(wanted) {
            said.push_str(&String::from_utf8_lossy(&console.receive().await.expect("it is connected")));
        }
    };
    assert!(tokio::time::timeout(PATIENCE, reading).await.is_ok(), "{wanted:?} is not in {said:?}");
}

/// The serial line is read and typed on, by one at a time, and what was switched on for that is off again afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn the_serial_line_is_redirected_for_the_time_of_need() {
    for (redirects, encrypted) in [(false, false), (true, false), (false, true)] {
        let certificate = encrypted.then(|| Certificate::self_signed().expect("a certificate"));
        let bench = Bench::with(true, |config| {
            config.redirects = redirects;
            config.certificate = certificate;
        })
        .await;
        let mut console = bench.serial("P@ssw0rd <&>").await.expect("it shows its serial line");
        assert!(bench.service.redirects_serial());
        until_said(console.as_mut(), "desk-7 login: ").await;
        console.send(b"root\r").await.expect("it is connected");
        until_said(console.as_mut(), "Password: ").await;
        let long = "x".repeat(200);
        console.send(format!("\r{long}\r").as_bytes()).await.expect("it is connected");
        until_said(console.as_mut(), &format!("{long}\r\n{long}")).await;
        let second = bench.serial("P@ssw0rd <&>").await.map(drop).expect_err("one at a time");
        assert_eq!(second.code(), "connector.busy", "{second}");
        assert!(console.send_break().await.is_err_and(|error| error.is_unsupported()));
        console.close().await;
        assert_eq!(bench.service.redirects_serial(), redirects);
        assert_eq!(bench.service.redirects().1, redirects);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_serial_line_that_is_not_shown_leaves_all_as_it_was() {
    let bench = Bench::new(true).await;
    let refused = bench.serial("wrong").await.map(drop).expect_err("it is another password");
    assert!(matches!(refused, Error::LoginRefused { .. }), "{refused}");
    assert!(!bench.service.redirects_serial());
    assert_eq!(bench.service.redirects(), (false, false));
}
