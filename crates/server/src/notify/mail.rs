//! Telling people by e-mail, through an SMTP server.

use std::net::IpAddr;
use std::time::Duration;

use ironhand_api::{Email, Name, SmtpSecurity};
use lettre::address::Envelope;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use super::error::NotifyError;
use super::letter::{Letter, Pen};
use crate::endpoint::shown;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// How long it may take until the server has taken a mail. RFC 5321 section 4.5.3.2 allows servers minutes for each
/// step; one that needs them is asked again later.
const SEND: Duration = Duration::from_secs(60);

/// Writes and sends the mails of one notifier.
pub(super) struct Mailer {
    email: Email,
    /// What this machine calls itself.
    node: String,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Mailer {
    pub(super) fn new(email: &Email, node: &str) -> Result<Self, NotifyError> {
        let mailbox = |field: &str, text: &String| {
            let unsuited = |error| NotifyError::Unsuited { reason: format!("`{field}`: `{text}`: {error}") };
            let address = text.parse().map_err(|error: lettre::address::AddressError| unsuited(error))?;
            Ok::<_, NotifyError>(Mailbox::new(None, address))
        };
        Ok(Self {
            node: node.to_owned(),
            from: mailbox("from", &email.from)?,
            to: email.to.iter().map(|text| mailbox("to", text)).collect::<Result<_, _>>()?,
            email: email.clone(),
        })
    }

    /// What cannot be in the manifest of a notifier that sends mail.
    pub(super) fn faults(email: &Email) -> Vec<String> {
        let mut faults: Vec<String> =
            Self::new(email, "").err().map(|error| error.to_string()).into_iter().collect();
        if email.security == SmtpSecurity::None && email.password.is_some() && !is_here(&email.server) {
            let fault =
                "`security: none` would send the password over the network in plain; use starttls or tls";
            faults.push(fault.to_owned());
        }
        faults
    }

    /// Sends a letter as one mail. Returns what the server said.
    pub(super) async fn tell(
        &self,
        name: &Name,
        password: Option<&SecretString>,
        pen: &Pen,
        letter: &Letter<'_>,
    ) -> Result<String, NotifyError> {
        let message = self.message(name, pen, letter)?;
        let host = &self.email.server;
        let sending = timeout(SEND, self.send(password, &message)).await;
        sending.map_err(|_| NotifyError::TimedOut {
            who: host.clone(),
            what: "take the mail",
            waited: SEND,
        })?
    }

    fn message(&self, name: &Name, pen: &Pen, letter: &Letter<'_>) -> Result<Message, NotifyError> {
        let failed = |reason: String| NotifyError::Message { reason };
        let mut builder = Message::builder().from(self.from.clone()).subject(pen.subject(letter));
        for to in &self.to {
            builder = builder.to(to.clone());
        }
        builder
            .message_id(Some(format!("<{}@{}>", letter.id, self.node)))
            .header(AutoSubmitted)
            .header(ToldBy(name.to_string()))
            .header(ContentType::TEXT_PLAIN)
            .body(pen.text(letter))
            .map_err(|error| failed(error.to_string()))
    }

    async fn send(&self, password: Option<&SecretString>, message: &Message) -> Result<String, NotifyError> {
        let Email { server, port, security, username, .. } = &self.email;
        let port = port.unwrap_or(match security {
            SmtpSecurity::Starttls => 587,
            SmtpSecurity::Tls => 465,
            SmtpSecurity::None => 25,
        });
        let tls = match security {
            SmtpSecurity::None => None,
            SmtpSecurity::Starttls | SmtpSecurity::Tls => Some(self.tls().await?),
        };
        let hello = ClientId::Domain(self.node.clone());
        let (at_once, later) = if *security == SmtpSecurity::Tls { (tls, None) } else { (None, tls) };
        let connected = AsyncSmtpConnection::connect_tokio1(
            (server.as_str(), port),
            Some(CONNECT),
            &hello,
            at_once,
            None,
        );
        let mut connection = connected.await.map_err(|error| self.failed(&error))?;
        let spoken = self.speak(&mut connection, later, &hello, username.as_deref(), password, message).await;
        match &spoken {
            // Said to be polite (RFC 5321 section 4.1.1.10): the mail is taken already.
            Ok(_) => drop(connection.quit().await),
            Err(_) => connection.abort().await,
        }
        spoken
    }

    async fn speak(
        &self,
        connection: &mut AsyncSmtpConnection,
        starttls: Option<TlsParameters>,
        hello: &ClientId,
        username: Option<&str>,
        password: Option<&SecretString>,
        message: &Message,
    ) -> Result<String, NotifyError> {
        if let Some(tls) = starttls {
            if !connection.can_starttls() {
                let reason = format!("the mail server {} offers no STARTTLS", self.email.server);
                return Err(NotifyError::Unsuited { reason });
            }
            connection.starttls(tls, hello).await.map_err(|error| self.failed(&error))?;
        }
        if let (Some(username), Some(password)) = (username, password) {
            let credentials = Credentials::new(username.to_owned(), password.expose_secret().to_owned());
            let accepted = connection.auth(DEFAULT_MECHANISMS, &credentials).await;
            accepted.map_err(|error| self.login_failed(&error))?;
        }
        let envelope: &Envelope = message.envelope();
        let reply = connection.send(envelope, &message.formatted()).await;
        let reply = reply.map_err(|error| self.failed(&error))?;
        let (code, said) = (reply.code(), shown(reply.message().collect::<Vec<_>>().join(" ").as_bytes()));
        Ok(format!("the mail server {} says {code} {said}", self.email.server))
    }

    /// The certificates that this machine trusts are files: read on a thread that may wait.
    async fn tls(&self) -> Result<TlsParameters, NotifyError> {
        let server = self.email.server.clone();
        let built = tokio::task::spawn_blocking(move || TlsParameters::new(server)).await;
        let no_roots = |reason: String| NotifyError::NoRoots { reason };
        built.map_err(|error| no_roots(error.to_string()))?.map_err(|error| no_roots(error.to_string()))
    }

    fn failed(&self, error: &SmtpError) -> NotifyError {
        let host = self.email.server.clone();
        let said = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        let said = shown(said.as_bytes());
        match error.status() {
            Some(code) => NotifyError::Smtp { host, code: code.into(), text: said },
            None if error.is_timeout() => {
                NotifyError::TimedOut { who: host, what: "answer", waited: CONNECT }
            }
            None if error.is_tls() => NotifyError::Tls { host, reason: said },
            None => NotifyError::Mail { host, reason: shown(error.to_string().as_bytes()) },
        }
    }

    /// A login that failed. What the server said is left out: there are servers that repeat what they do not understand,
    /// and that is the password.
    fn login_failed(&self, error: &SmtpError) -> NotifyError {
        let host = self.email.server.clone();
        match error.status() {
            Some(code) => {
                let text = "the user name or the password was not accepted".to_owned();
                NotifyError::Smtp { host, code: code.into(), text }
            }
            None if error.is_client() => {
                let reason = format!("the mail server {host} offers no way to log in with a password");
                NotifyError::Unsuited { reason }
            }
            None if error.is_timeout() => {
                NotifyError::TimedOut { who: host, what: "answer to the login", waited: CONNECT }
            }
            None => NotifyError::Mail { host, reason: "the connection broke during the login".to_owned() },
        }
    }
}

/// Whether a server is on this machine, as far as its name tells.
fn is_here(server: &str) -> bool {
    server == "localhost" || server.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// `Auto-Submitted: auto-generated` (RFC 3834 section 5): nobody's absence is answered.
#[derive(Clone, Copy)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// The notifier, for filters of mail programs.
#[derive(Clone)]
struct ToldBy(String);

impl Header for ToldBy {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("X-Ironhand-Notifier")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_sent_is_found_when_it_is_applied() {
        let check = |server: &str, security: &str, password: Option<&str>, from: &str, wanted: &str| {
            let email = serde_json::json!({
                "server": server, "security": security, "username": "ops", "password": password,
                "from": from, "to": ["oncall@example.net"],
            });
            let faults = Mailer::faults(&serde_json::from_value(email).unwrap()).join("; ");
            assert!(!faults.contains("s3cret"), "{faults}");
            match wanted {
                "" => assert_eq!(faults, ""),
                wanted => assert!(faults.contains(wanted), "{faults}"),
            }
        };
        check("mail.example.net", "starttls", Some("s3cret"), "a@example.net", "");
        check("mail.example.net", "tls", Some("s3cret"), "a@example.net", "");
        check("mail.example.net", "none", None, "a@example.net", "");
        check("mail.example.net", "none", Some("s3cret"), "a@example.net", "in plain");
        check("127.0.0.1", "none", Some("s3cret"), "a@example.net", "");
        check("::1", "none", Some("s3cret"), "a@example.net", "");
        check("localhost", "none", Some("s3cret"), "a@example.net", "");
        check("localhost", "none", None, "a@@example.net", "`from`");
    }
}
