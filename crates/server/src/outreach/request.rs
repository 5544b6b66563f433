//! From a step to a request, with its secrets in place.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ironhand_api::{HttpAuth, HttpBody, HttpStep, JsonExpect, Name, SecretText, TextOrSecret};
use ironhand_connectors::{Authorization, HttpRequest, Login, MemoryPins, Pins, Proof};
use ironhand_console::Pattern;
use ironhand_store::Store;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::OutreachError;
use crate::clock;
use crate::credentials::login_of;
use crate::endpoint::Target;

const SENDER: HeaderValue = HeaderValue::from_static(concat!("ironhand/", env!("CARGO_PKG_VERSION")));

/// Stands where a secret was.
const HIDDEN: &str = "***";

/// A request that is ready to be sent.
pub(super) struct Prepared {
    pub(super) target: Target,
    pub(super) request: HttpRequest,
    pub(super) proof: Proof,
    /// What must be shown nowhere.
    secrets: Vec<SecretString>,
}

/// What in a step cannot be, each fault with its field. A URL that holds a template is looked at when it is filled in.
pub(crate) fn faults(step: &HttpStep) -> Vec<String> {
    let mut faults = Vec::new();
    if let TextOrSecret::Plain(url) = &step.url
        && !url.contains("{{")
    {
        match Target::parse(url) {
            Ok(target) if !target.https && step.tls.is_some() => {
                faults.push("`tls` is of use for a URL that begins with https:// alone".to_owned());
            }
            Ok(_) => {}
            Err(reason) => faults.push(reason),
        }
    }
    faults.extend(proof(step, true).err());
    for (place, wanted) in &step.expect.json {
        if let JsonExpect::Matches { matches } = wanted
            && let Err(error) = Pattern::new(matches)
        {
            faults.push(format!("`expect.json.{place}.matches`: {error}"));
        }
    }
    for (name, value) in &step.headers {
        if let TextOrSecret::Plain(text) = value
            && HeaderValue::from_str(text).is_err()
        {
            faults.push(format!("`headers.{name}`: it has characters that HTTP cannot carry"));
        }
    }
    if step.auth.is_some() && step.headers.keys().any(|name| name.eq_ignore_ascii_case("authorization")) {
        faults.push("`auth` and a header `Authorization` are one too many".to_owned());
    }
    faults
}

/// How the server proves who it is. Nothing is learnt at first use: a pin is given, or an authority vouches for it.
fn proof(step: &HttpStep, https: bool) -> Result<Proof, String> {
    if !https {
        return Ok(Proof::Off);
    }
    let pins: Arc<dyn Pins> = Arc::new(MemoryPins::default());
    match &step.tls {
        None => Ok(Proof::System),
        Some(tls) => match Proof::of(tls, "", &pins).map_err(|error| format!("`tls`: {error}"))? {
            Proof::FirstUse { .. } => {
                Err("`tls`: nothing is learnt from a server at first use: give the pin, or an authority"
                    .to_owned())
            }
            Proof::Off => Err("`tls`: write a URL that begins with http:// where there is no TLS".to_owned()),
            proof => Ok(proof),
        },
    }
}

impl Prepared {
    /// Puts the secrets in place.
    pub(super) async fn new(step: &HttpStep, store: &Store) -> Result<Self, OutreachError> {
        let unsuited = |reason: String| OutreachError::Unsuited { reason };
        let mut vault = Vault::new(store);
        let url = vault.text(&step.url).await?;
        let target = Target::parse(url.expose_secret()).map_err(unsuited)?;
        let method =
            Method::from_bytes(step.method().as_bytes()).map_err(|error| unsuited(error.to_string()))?;
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, SENDER);
        let body = match &step.body {
            None => Vec::new(),
            Some(HttpBody::Text(text)) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type(text)));
                text.clone().into_bytes()
            }
            Some(HttpBody::Json(json)) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                vault.json(json).await?.to_string().into_bytes()
            }
        };
        for (name, value) in &step.headers {
            let text = vault.text(value).await?;
            let refused = |_| unsuited(format!("header `{name}` has characters that HTTP cannot carry"));
            let name: HeaderName = name.parse().map_err(|_| unsuited(format!("`{name}` is no header")))?;
            let refused = HeaderValue::from_str(text.expose_secret()).map_err(refused);
            let mut value = refused?;
            value.set_sensitive(matches!(step.headers.get(name.as_str()), Some(TextOrSecret::Secret(_))));
            headers.insert(name, value);
        }
        let authorization = match &step.auth {
            None => Authorization::None,
            Some(auth) => vault.authorization(auth).await?,
        };
        let proof = proof(step, target.https).map_err(unsuited)?;
        let mut request =
            HttpRequest::new(method, target.path.to_string()).body(body).authorization(authorization);
        request.headers = headers;
        request.changes = !step.is_idempotent();
        // Whatever the URL holds is the business of the other system alone.
        request.sensitive = true;
        Ok(Self { target, request, proof, secrets: vault.opened })
    }

    /// What a stranger wrote, with stars where a secret of the request stands in it.
    pub(super) fn without_secrets(&self, written: &[u8]) -> String {
        without(&self.secrets, written)
    }
}

/// What a stranger wrote, with stars where one of the secrets stands in it.
pub(super) fn without(secrets: &[SecretString], written: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(written).into_owned();
    for secret in secrets {
        let secret = secret.expose_secret();
        let as_json = Value::from(secret).to_string();
        let forms = [secret, as_json.trim_matches('"'), &BASE64.encode(secret)];
        for form in forms.into_iter().filter(|form| !form.is_empty()) {
            if text.contains(form) {
                text = text.replace(form, HIDDEN);
            }
        }
    }
    text
}

/// Opens Credentials, and remembers what must be shown nowhere.
pub(super) struct Vault<'s> {
    store: &'s Store,
    opened: Vec<SecretString>,
}

impl<'s> Vault<'s> {
    /// Nothing is opened yet.
    pub(super) const fn new(store: &'s Store) -> Self {
        Self { store, opened: Vec::new() }
    }

    /// What was opened.
    pub(super) fn opened(&self) -> &[SecretString] {
        &self.opened
    }
}

impl Vault<'_> {
    pub(super) async fn login(&mut self, name: &Name) -> Result<Login, OutreachError> {
        let login = login_of(self.store, name).await;
        let login = login.map_err(|error| OutreachError::Unsuited { reason: error.to_string() })?;
        if login.password.expose_secret().is_empty() {
            let reason = format!("the password of Credential {name} is empty");
            return Err(OutreachError::Unsuited { reason });
        }
        self.opened.push(login.password.clone());
        Ok(login)
    }

    pub(super) async fn text(&mut self, text: &TextOrSecret) -> Result<SecretString, OutreachError> {
        match text {
            TextOrSecret::Plain(text) => Ok(text.as_str().into()),
            TextOrSecret::Secret(SecretText { secret, prefix }) => {
                let login = self.login(secret).await?;
                Ok(format!("{prefix}{}", login.password.expose_secret()).into())
            }
        }
    }

    /// JSON with each `{ secret: NAME }` replaced.
    async fn json(&mut self, value: &Value) -> Result<Value, OutreachError> {
        let mut value = value.clone();
        let mut names = Vec::new();
        each_secret(&mut value, &mut |name, _| names.push(name));
        let mut opened = BTreeMap::new();
        for name in names {
            opened.insert(name.clone(), self.login(&name).await?.password);
        }
        each_secret(&mut value, &mut |name, place| {
            if let Some(secret) = opened.get(&name) {
                *place = Value::from(secret.expose_secret());
            }
        });
        Ok(value)
    }

    async fn authorization(&mut self, auth: &HttpAuth) -> Result<Authorization, OutreachError> {
        let login = self.login(auth.credential()).await?;
        Ok(match auth {
            HttpAuth::Basic(_) => {
                let both = format!("{}:{}", login.username, login.password.expose_secret());
                self.opened.push(BASE64.encode(both).into());
                Authorization::Basic(login)
            }
            HttpAuth::Bearer(_) => {
                let token = format!("Bearer {}", login.password.expose_secret());
                Authorization::Header(AUTHORIZATION, token.into())
            }
            HttpAuth::Oauth(name) => {
                let key: Vec<&str> = login.password.expose_secret().split(':').collect();
                let [consumer, token, secret] = key[..] else {
                    let reason = format!(
                        "the password of Credential {name} is not a key of the form CONSUMER:TOKEN:SECRET"
                    );
                    return Err(OutreachError::Unsuited { reason });
                };
                self.opened.extend([SecretString::from(token), secret.into()]);
                Authorization::Header(AUTHORIZATION, oauth(consumer, token, secret)?)
            }
        })
    }
}

/// The header of OAuth 1.0 signed by PLAINTEXT, for a consumer without a secret (RFC 5849 sections 3.4.4 and 3.5.1).
fn oauth(consumer: &str, token: &str, secret: &str) -> Result<SecretString, OutreachError> {
    let mut nonce = [0; 16];
    let failed =
        |_| OutreachError::Unsuited { reason: "the operating system gives no random numbers".to_owned() };
    getrandom::fill(&mut nonce).map_err(failed)?;
    let parts = [
        ("oauth_version", "1.0"),
        ("oauth_signature_method", "PLAINTEXT"),
        ("oauth_consumer_key", consumer),
        ("oauth_token", token),
        ("oauth_signature", &format!("&{secret}")),
        ("oauth_nonce", &hex::encode(nonce)),
        ("oauth_timestamp", &(clock::now().as_millis() / 1000).to_string()),
    ];
    let parts: Vec<String> =
        parts.iter().map(|(name, value)| format!("{name}=\"{}\"", percent_encoded(value))).collect();
    Ok(format!("OAuth {}", parts.join(", ")).into())
}

/// All but unreserved characters as `%XX` (RFC 3986 section 2.1).
pub(crate) fn percent_encoded(text: &str) -> String {
    let one = |octet: u8| match octet {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(octet).to_string(),
        octet => format!("%{octet:02X}"),
    };
    text.bytes().map(one).collect()
}

/// Calls `visit` with the name and the place of each `{ secret: NAME }`.
fn each_secret(value: &mut Value, visit: &mut dyn FnMut(Name, &mut Value)) {
    if let Some(name) = secret_of(value) {
        return visit(name, value);
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| each_secret(item, visit)),
        Value::Object(fields) => fields.values_mut().for_each(|field| each_secret(field, visit)),
        _ => {}
    }
}

fn secret_of(value: &Value) -> Option<Name> {
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    fields.get("secret")?.as_str()?.parse().ok()
}

/// What a text is, as far as can be told.
fn media_type(text: &str) -> &'static str {
    let json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    if json { "application/json" } else { "text/plain; charset=utf-8" }
}
