//! Windows Remote Management, through the connector of a host, against the simulated Windows of a simulated machine.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ironhand_api::{Connector, Name, PowerAction, PowerState, Tls, Way, WinrmOptions};
use ironhand_connectors::{Device, Login, Surroundings, open};
use ironhand_sim::Certificate;
use ironhand_sim::machine::{Activity, Machine, MachineConfig, Make};
use ironhand_sim::wsman::{WsmanConfig, WsmanFault, WsmanKind, WsmanService};

/// How long the simulated machine may take to do something.
const PATIENCE: Duration = Duration::from_secs(20);

struct Bench {
    machine: Arc<Mutex<Machine>>,
    service: WsmanService,
}

impl Bench {
    async fn new() -> Self {
        let (name, make) = ("win-7".to_owned(), Make::R740Like);
        let config = MachineConfig { name, make, seed: 7, pace: 200.0, running: true };
        let machine = Arc::new(Mutex::new(Machine::new(config, Instant::now())));
        let mut config = WsmanConfig::new(WsmanKind::Windows, Arc::clone(&machine), "s3cret".into());
        config.certificate = Some(Certificate::self_signed().expect("a certificate"));
        Self { machine, service: WsmanService::start(config).await.expect("a free port") }
    }

    fn device(&self, password: &str) -> Box<dyn Device> {
        device(self.service.address().port(), password)
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

fn device(port: u16, password: &str) -> Box<dyn Device> {
    let mut connector = Connector::new(Way::Winrm(WinrmOptions { tls: Tls::Default }), "127.0.0.1");
    connector.port = Some(port);
    connector.credentials = Some(vec!["windows".parse::<Name>().expect("a name")]);
    let login = Login { username: "admin".to_owned(), password: password.into() };
    open(&connector, Some(login), &Surroundings::default()).expect("a connector that can be used")
}

#[tokio::test]
async fn windows_shuts_down_in_order() {
    let bench = Bench::new().await;
    let mut device = bench.device("s3cret");
    assert_eq!(device.power_state().await, Ok(PowerState::On));
    assert_eq!(device.power(PowerAction::Soft).await, Ok(()));
    bench.until_activity(Activity::Off).await;
    assert_eq!(bench.service.history(), [8]);
}

#[tokio::test]
async fn windows_restarts() {
    let bench = Bench::new().await;
    assert_eq!(bench.device("s3cret").power(PowerAction::Reset).await, Ok(()));
    bench.until_activity(Activity::Firmware).await;
    bench.until_activity(Activity::Up).await;
    assert_eq!(bench.service.history(), [6]);
    assert_eq!(bench.service.refusals(), 0);
}

#[tokio::test]
async fn what_windows_cannot_do_is_refused() {
    let bench = Bench::new().await;
    let mut device = bench.device("s3cret");
    for action in [PowerAction::On, PowerAction::Off, PowerAction::Cycle, PowerAction::Nmi] {
        assert!(device.power(action).await.is_err_and(|error| error.is_unsupported()), "{action:?}");
    }
    assert!(bench.service.history().is_empty());
}

#[tokio::test]
async fn where_nothing_answers_nothing_is_proved() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("an address").port()
    };
    let mut device = device(port, "s3cret");
    assert_eq!(device.power_state().await, Ok(PowerState::Unknown));
    let refused = device.power(PowerAction::Soft).await.map_err(|error| error.code());
    assert_eq!(refused, Err("connector.unreachable"));
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_and_not_told() {
    let bench = Bench::new().await;
    let refused = bench.device("hunter2").power_state().await.expect_err("it is wrong");
    assert!(refused.is_refusal(), "{refused:?}");
    assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused}");
    assert_eq!(bench.service.refusals(), 1);
}

#[tokio::test]
async fn refusals_of_windows_are_told() {
    let bench = Bench::new().await;
    let mut device = bench.device("s3cret");
    let mut check = async |fault, wanted: &str, words: &str| {
        bench.service.break_service(Some(fault));
        let refused = device.power(PowerAction::Soft).await.expect_err("it is broken");
        assert!(refused.code() == wanted && refused.to_string().contains(words), "{refused:?}");
    };
    check(WsmanFault::Returns(1314), "connector.refused", "may not shut Windows down").await;
    check(WsmanFault::Refuses("AccessDenied"), "connector.login_refused", "AccessDenied").await;
    check(WsmanFault::Refuses("QuotaLimit"), "connector.busy", "QuotaLimit").await;
    check(WsmanFault::Lost, "connector.outcome_unknown", "may or may not").await;
    bench.until_activity(Activity::Off).await;
}
