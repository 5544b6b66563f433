//! The listener over TLS, with a certificate of the authority that was made for it.

use std::net::TcpStream;
use std::sync::Arc;

use ironhand_boot_port::http::BootAuthority;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::shelf::{Served, bytes, config, file_of, pattern, serve};
use crate::talk::Talk;

fn served(authority: &BootAuthority) -> Served {
    let mut config = config();
    config.tls =
        Some(authority.server_config(&["127.0.0.1".parse().expect("an address")], &[]).expect("it serves"));
    serve(config, vec![("x", bytes(b"x")), ("kernel", file_of(&[&pattern(700_000), &pattern(300_001)]))])
}

fn client(served: &Served, trusted: &str) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(trusted.as_bytes()).expect("a certificate"))
        .expect("it is one of an authority");
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
    StreamOwned::new(connection, TcpStream::connect(served.address()).expect("it accepts"))
}

#[test]
fn files_come_whole_over_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = BootAuthority::open(folder.path()).expect("an authority");
    let served = served(&authority);
    let mut talk = Talk::over(client(&served, authority.certificate()));
    assert_eq!(talk.get("/x", "").body, b"x");
    let kernel = [pattern(700_000), pattern(300_001)].concat();
    assert!(talk.get("/kernel", "").body == kernel);
    assert!(talk.get("/kernel", "Range: bytes=699990-900000\r\n").body == kernel[699_990..=900_000]);
}

#[test]
fn a_certificate_outlives_a_restart_and_is_trusted_by_nobody_else() {
    let (folder, foreign) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let before = BootAuthority::open(folder.path()).expect("an authority").certificate().to_owned();
    let served = served(&BootAuthority::open(folder.path()).expect("the same authority"));
    assert_eq!(Talk::over(client(&served, &before)).get("/x", "").status, 200);

    let stranger = BootAuthority::open(foreign.path()).expect("an authority");
    let mut distrusting = client(&served, stranger.certificate());
    let failed = std::io::Write::write_all(&mut distrusting, b"GET")
        .expect_err("the certificate is of another authority");
    assert!(failed.to_string().contains("certificate"), "{failed}");
    drop(distrusting);
    while served.listener.counts().handshakes_failed == 0 {
        std::thread::yield_now();
    }
}
