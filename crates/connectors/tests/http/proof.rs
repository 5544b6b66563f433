//! Devices that prove who they are, and others.

use std::sync::Arc;

use ironhand_api::{CertificatePin, Tls};
use ironhand_connectors::{
    CertificateProblem, Error, HttpClient, HttpRequest, MemoryPins, Pins, Proof, Route,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use sha2::{Digest, Sha256};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto::ring};

use crate::device::{Act, Device, limits, ok};

struct Shown {
    acceptor: TlsAcceptor,
    digest: [u8; 32],
}

fn shown(der: CertificateDer<'static>, key: &KeyPair) -> Shown {
    let digest = Sha256::digest(&der).into();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("what is asked of it can be made")
        .with_no_client_auth()
        .with_single_cert(vec![der], key)
        .expect("what is asked of it can be made");
    Shown { acceptor: TlsAcceptor::from(Arc::new(config)), digest }
}

/// A certificate as controllers make them for themselves, for names of their own.
fn self_signed() -> Shown {
    let key = KeyPair::generate().expect("what is asked of it can be made");
    let certificate = CertificateParams::new(vec!["idrac.local".to_owned()])
        .expect("what is asked of it can be made")
        .self_signed(&key)
        .expect("what is asked of it can be made");
    shown(certificate.der().clone(), &key)
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("what is asked of it can be made"))
        .expect("what is asked of it can be made")
}

/// A certificate that `authority` vouches for, until the end of a year.
fn vouched(authority: &CertifiedIssuer<'static, KeyPair>, name: &str, until: i32) -> Shown {
    let key = KeyPair::generate().expect("what is asked of it can be made");
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("what is asked of it can be made");
    params.not_after = date_time_ymd(until, 12, 31);
    shown(params.signed_by(&key, authority).expect("what is asked of it can be made").der().clone(), &key)
}

fn script() -> Vec<Vec<Act>> {
    vec![vec![Act::Take, ok("{}"), Act::Hang]]
}

async fn device(shown: &Shown, at: &str) -> Device {
    Device::start_at(at, Some(shown.acceptor.clone()), script()).await
}

fn get() -> HttpRequest {
    HttpRequest::get("/")
}

async fn ask(device: &Device, proof: Proof) -> Result<u16, Error> {
    let client = HttpClient::new(device.route(), proof, limits());
    Ok(client.send(&get()).await?.status)
}

#[tokio::test]
async fn the_first_certificate_is_pinned_and_another_one_refused() {
    let (first, second) = (self_signed(), self_signed());
    let memory = Arc::new(MemoryPins::default());
    let pins: Arc<dyn Pins> = Arc::clone(&memory) as Arc<dyn Pins>;
    let proof = || Proof::of(&Tls::Default, "alpha/redfish", &pins).unwrap();
    let device_one = device(&first, "127.0.0.1:0").await;
    for _ in 0..2 {
        assert_eq!(ask(&device_one, proof()).await, Ok(200));
    }
    assert_eq!(pins.pinned("alpha/redfish").await, Ok(Some(first.digest)));
    // The certificate changed: nothing is sent.
    let device_two = device(&second, "127.0.0.1:0").await;
    let error = ask(&device_two, proof()).await.unwrap_err();
    assert!(
        matches!(&error, Error::Certificate { problem: CertificateProblem::Changed { .. }, .. }),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("forget the old pin"), "{error}");
    assert!(device_two.requests().is_empty());
    // Another device has a pin of its own, and a pin that was forgotten is made anew.
    assert_eq!(ask(&device_two, Proof::of(&Tls::Default, "beta", &pins).unwrap()).await, Ok(200));
    memory.forget("alpha/redfish");
    assert_eq!(ask(&device_two, proof()).await, Ok(200));
    let given = |digest| Proof::of(&Tls::Pin(CertificatePin::Sha256(digest)), "alpha", &pins).unwrap();
    assert_eq!(ask(&device_one, given(first.digest)).await, Ok(200));
    assert_eq!(ask(&device_one, given(second.digest)).await.unwrap_err().code(), "connector.certificate");
}

#[tokio::test]
async fn sessions_are_resumed_and_still_compared() {
    let first = self_signed();
    let closing = vec![Act::Take, ok("{}")];
    let device = Device::start_at("127.0.0.1:0", Some(first.acceptor.clone()), vec![closing]).await;
    let memory = Arc::new(MemoryPins::default());
    let pins: Arc<dyn Pins> = Arc::clone(&memory) as Arc<dyn Pins>;
    let proof = Proof::of(&Tls::Default, "alpha", &pins).unwrap();
    let client = HttpClient::new(device.route(), proof, limits());
    for _ in 0..4 {
        client.send(&get()).await.unwrap();
    }
    assert_eq!((device.connections(), device.resumed()), (4, 3));
    // Somebody pins another certificate meanwhile.
    memory.forget("alpha");
    pins.pin("alpha", [7; 32]).await.unwrap();
    assert_eq!(client.send(&get()).await.unwrap_err().code(), "connector.certificate");
    assert_eq!(device.requests().len(), 4);
}

#[tokio::test]
async fn authorities_vouch_for_names_addresses_and_dates() {
    let (trusted, other) = (authority("ours"), authority("theirs"));
    let pins: Arc<dyn Pins> = Arc::new(MemoryPins::default());
    let proof = || Proof::of(&Tls::Ca(trusted.pem()), "alpha", &pins).unwrap();
    let check = async |shown: Shown, address: &str, wanted: Option<&str>| {
        let device = device(&shown, "127.0.0.1:0").await;
        let route = Route::direct(address, device.address.port());
        let client = HttpClient::new(route, proof(), limits());
        let answer = client.send(&get()).await.map(|answer| answer.status);
        match wanted {
            None => assert_eq!(answer, Ok(200), "{address}"),
            Some(said) => {
                let error = answer.unwrap_err();
                assert_eq!(error.code(), "connector.certificate", "{error}");
                assert!(error.to_string().contains(said), "{error}");
                assert!(device.requests().is_empty());
            }
        }
    };
    check(vouched(&trusted, "127.0.0.1", 2100), "127.0.0.1", None).await;
    check(vouched(&trusted, "localhost", 2100), "localhost", None).await;
    check(vouched(&trusted, "localhost", 2100), "127.0.0.1", Some("another name")).await;
    check(vouched(&trusted, "127.0.0.2", 2100), "127.0.0.1", Some("another name")).await;
    check(vouched(&trusted, "127.0.0.1", 2020), "127.0.0.1", Some("has expired")).await;
    check(vouched(&authority("ours"), "127.0.0.1", 2100), "127.0.0.1", Some("no authority")).await;
    check(vouched(&other, "127.0.0.1", 2100), "127.0.0.1", Some("no authority")).await;
    check(self_signed(), "127.0.0.1", Some("no authority")).await;
}

#[tokio::test]
async fn what_is_no_certificate_is_refused_before() {
    let pins: Arc<dyn Pins> = Arc::new(MemoryPins::default());
    for text in ["", "sytem", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"] {
        let error = Proof::of(&Tls::Ca(text.to_owned()), "alpha", &pins).unwrap_err();
        assert_eq!(error.code(), "connector.misconfigured", "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_tls_is_named() {
    let check = async |script: Vec<Act>, code: &str| {
        let device = Device::start(vec![script]).await;
        let error = ask(&device, Proof::Certificate([0; 32])).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(device.requests().is_empty());
    };
    check(vec![Act::Say(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()), Act::Hang], "connector.tls").await;
    // An alert: protocol_version (RFC 8446 section 6.2), as servers send that know only TLS 1.0.
    check(vec![Act::Say(vec![21, 3, 1, 0, 2, 2, 70]), Act::Hang], "connector.tls").await;
    check(vec![], "connector.unreachable").await;
    check(vec![Act::Hang], "connector.silent").await;
}
