//! Repositories over HTTPS: Git's own programs at both ends, and between them a server that asks for a login.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_util::task::AbortOnDropHandle;

use super::{Site, cluster};

/// A password that must show nowhere.
const CANARY: &str = "canary-5d07";

/// What Git's program behind a web server says to requests, to those who log in.
struct Host {
    address: SocketAddr,
    certificate: String,
    refused: Arc<AtomicUsize>,
    _task: AbortOnDropHandle<()>,
}

impl Host {
    /// Serves the repositories in a folder.
    async fn start(folder: PathBuf) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(
            tokio_rustls::rustls::crypto::ring::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a certificate and its key");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let refused = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&refused);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, folder, refused) = (acceptor.clone(), folder.clone(), Arc::clone(&counted));
                tokio::spawn(async move {
                    // Whoever does not trust the certificate goes away.
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, &folder, &refused).await;
                    }
                });
            }
        });
        Self { address, certificate: cert.pem(), refused, _task: AbortOnDropHandle::new(task) }
    }

    fn url(&self, name: &str) -> String {
        format!("https://{}/{name}", self.address)
    }
}

/// Answers the one request of a connection.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, folder: &Path, refused: &AtomicUsize) {
    let mut bytes = Vec::new();
    let head = loop {
        if stream.read_buf(&mut bytes).await.unwrap_or_default() == 0 {
            return;
        }
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break String::from_utf8_lossy(&bytes.drain(..end + 4).collect::<Vec<_>>()).into_owned();
        }
    };
    let header = |name: &str| {
        let named = |line: &&str| line.split(':').next().is_some_and(|said| said.eq_ignore_ascii_case(name));
        let line = head.lines().skip(1).find(named)?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while bytes.len() < length {
        if stream.read_buf(&mut bytes).await.unwrap_or_default() == 0 {
            return;
        }
    }
    let mut words = head.split_ascii_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let wanted = format!("Basic {}", STANDARD.encode(format!("deploy:{CANARY}")));
    let answer = if path.starts_with("/elsewhere") {
        b"HTTP/1.1 302 Found\r\nlocation: https://192.0.2.1/site.git\r\n".to_vec()
    } else if header("authorization").is_none_or(|said| said != wanted) {
        refused.fetch_add(1, Ordering::Relaxed);
        b"HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic realm=\"site\"\r\n".to_vec()
    } else {
        let mut backend = Command::new("git");
        backend.arg("http-backend").env("GIT_PROJECT_ROOT", folder).env("GIT_HTTP_EXPORT_ALL", "1");
        backend.env("REQUEST_METHOD", method).env("PATH_INFO", path).env("QUERY_STRING", query);
        let headers = [
            ("CONTENT_TYPE", "content-type"),
            ("HTTP_CONTENT_ENCODING", "content-encoding"),
            ("GIT_PROTOCOL", "git-protocol"),
        ];
        for (variable, name) in headers {
            backend.envs(header(name).map(|value| (variable, value)));
        }
        backend.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = backend.spawn().expect("git starts");
        let mut input = child.stdin.take().expect("a pipe");
        input.write_all(&bytes).await.expect("it reads");
        drop(input);
        let told = child.wait_with_output().await.expect("it ends").stdout;
        let line = b"HTTP/1.1 200 OK\r\n".to_vec();
        let _ = stream.write_all(&[line, b"connection: close\r\n".to_vec(), told].concat()).await;
        let _ = stream.shutdown().await;
        return;
    };
    let _ = stream
        .write_all(&[answer, b"content-length: 0\r\nconnection: close\r\n\r\n".to_vec()].concat())
        .await;
    let _ = stream.shutdown().await;
}

impl Site {
    /// Has the repository at a URL followed, whose server's certificate is to come from this one.
    async fn follow_over_https(&self, url: &str, certificate: &str, credential: Option<&str>) {
        let indented = certificate.lines().map(|line| format!("    {line}\n")).collect::<String>();
        let credential = credential.map(|name| format!("  credential: {name}\n")).unwrap_or_default();
        let text = format!(
            "apiVersion: ironhand/v1\nkind: Repository\nmetadata: {{ name: site }}\n\
             spec:\n  url: {url}\n  path: site\n  interval: 1h\n{credential}  caCertificate: |\n{indented}"
        );
        self.apply(&text).await;
    }

    async fn login(&self, name: &str, password: &str) {
        self.apply(&format!(
            "apiVersion: ironhand/v1\nkind: Credential\nmetadata: {{ name: {name} }}\n\
             spec: {{ username: deploy, password: {password} }}\n"
        ))
        .await;
    }

    async fn apply(&self, text: &str) {
        std::fs::write(self.path("applied.yaml"), text).expect("a file");
        self.done(&["apply", "-f", "applied.yaml"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_over_https_is_followed_by_its_login_and_its_certificate() {
    let site = Site::new().await;
    site.write("site/a.yaml", &cluster("a", "20s"));
    site.commit("Begin", &[]);
    let host = Host::start(site.folder.path().to_owned()).await;
    let other = Host::start(site.folder.path().to_owned()).await;
    let url = host.url("origin/.git");
    site.login("git", CANARY).await;
    site.login("wrong", "hunter2-3c").await;

    let mut said = String::new();
    let mut fails = async |url: &str, certificate: &str, credential: Option<&str>, wanted: &[&str]| {
        site.follow_over_https(url, certificate, credential).await;
        let errors = site.sync_fails().await;
        assert!(wanted.iter().all(|text| errors.contains(text)), "{wanted:?}: {errors}");
        said += &errors;
        said += &site.describe().await;
    };
    fails(&url, &host.certificate, None, &["wants user name and password"]).await;
    assert!(host.refused.load(Ordering::Relaxed) > 0);
    fails(&url, &host.certificate, Some("wrong"), &["refuses user name and password"]).await;
    let asked = host.refused.load(Ordering::Relaxed);
    fails(&url, &other.certificate, Some("git"), &["certificate"]).await;
    assert_eq!(
        host.refused.load(Ordering::Relaxed),
        asked,
        "nothing is said to a server that is not trusted"
    );
    // A redirection could lead the login to another host.
    fails(&host.url("elsewhere.git"), &host.certificate, Some("git"), &["redirect"]).await;
    assert_eq!(site.clusters().await, "");

    site.follow_over_https(&url, &host.certificate, Some("git")).await;
    assert!(site.sync().await.contains("Begin"));
    assert_eq!(site.clusters().await, "a\n");
    site.write("site/b.yaml", &cluster("b", "20s"));
    site.commit("Push", &[]);
    assert!(site.sync().await.contains("Push"));
    assert_eq!(site.clusters().await, "a\nb\n");
    said += &site.done(&["events", "-o", "json"]).await;
    said += &site.describe().await;
    assert!(!said.contains(CANARY) && !said.contains("hunter2"), "{said}");
    site.end().await;
}
