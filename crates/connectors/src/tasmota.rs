//! Switches with Tasmota firmware.

use std::fmt::Write as _;

use futures_util::future::BoxFuture;
use ironhand_api::TasmotaOptions;
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::relay::{Relay, accepted, json};
use crate::{Error, HttpClient, HttpRequest, Login};

/// A relay of such a switch.
pub(crate) struct Tasmota {
    client: HttpClient,
    output: Option<u8>,
    login: Option<Login>,
}

impl Tasmota {
    pub(crate) fn new(client: HttpClient, options: &TasmotaOptions, login: Option<Login>) -> Self {
        Self { client, output: options.output, login }
    }

    /// Sends a command about the relay, and reads the state that each is answered with.
    async fn command(&self, argument: &str) -> Result<bool, Error> {
        let name = self.output.map_or_else(|| "Power".to_owned(), |output| format!("Power{output}"));
        let mut path = String::from("/cm?");
        if let Some(login) = &self.login {
            let (user, password) = (escaped(&login.username), escaped(login.password.expose_secret()));
            path += &format!("user={user}&password={password}&");
        }
        path += &format!("cmnd={}", escaped(format!("{name} {argument}").trim_end()));
        let mut request = HttpRequest::get(path);
        request.changes = !argument.is_empty();
        request.sensitive = self.login.is_some();
        let username = self.login.as_ref().map_or("", |login| &login.username);
        let answer = json(&accepted(self.client.send(&request).await?, username)?)?;
        state(&answer, self.output, username)
    }
}

/// The state of a relay in an answer: `{"POWER1":"ON"}`, and `POWER` where there is one relay only.
fn state(answer: &Value, output: Option<u8>, username: &str) -> Result<bool, Error> {
    if let Some(warning) = answer["WARNING"].as_str() {
        // `Need user=<username>&password=<password>`, with status 200 from older firmware.
        let reason = warning.contains("user=").then(|| "it wants its web user and password".to_owned());
        return Err(Error::LoginRefused { username: username.to_owned(), reason });
    }
    let named = |output: u8| answer.get(format!("POWER{output}"));
    let told = match output {
        None | Some(1) => answer.get("POWER").or_else(|| named(1)),
        Some(output) => named(output),
    };
    match told.and_then(Value::as_str) {
        Some(text) if text.eq_ignore_ascii_case("on") => Ok(true),
        Some(text) if text.eq_ignore_ascii_case("off") => Ok(false),
        Some(text) => {
            Err(Error::Malformed { reason: format!("the relay is `{text:.20}`, neither on nor off") })
        }
        None => Err(Error::Misconfigured {
            reason: match output {
                Some(output) => format!("the switch has no relay {output}"),
                None => "the switch has no relay".to_owned(),
            },
        }),
    }
}

impl Relay for Tasmota {
    fn set(&mut self, on: bool) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move { self.command(if on { "On" } else { "Off" }).await.map(|_| ()) })
    }

    fn read(&mut self) -> BoxFuture<'_, Result<Option<bool>, Error>> {
        Box::pin(async { self.command("").await.map(Some) })
    }
}

/// A text as a part of a query (RFC 3986 section 2).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte))
            }
            // Writing into a text never fails.
            _ => drop(write!(escaped, "%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn states_are_read_from_what_the_firmware_answers() {
        let check = |answer: Value, output: Option<u8>, wanted: Result<bool, &str>| {
            let got = state(&answer, output, "admin").map_err(|error| error.code());
            assert_eq!(got, wanted, "{answer}");
        };
        check(json!({ "POWER": "ON" }), None, Ok(true));
        check(json!({ "POWER": "OFF" }), Some(1), Ok(false));
        check(json!({ "POWER1": "OFF" }), None, Ok(false));
        check(json!({ "POWER3": "ON" }), Some(3), Ok(true));
        check(json!({ "POWER3": "ON" }), Some(2), Err("connector.misconfigured"));
        check(json!({ "POWER": "Toggle" }), None, Err("connector.malformed"));
        check(json!({ "Command": "Unknown" }), None, Err("connector.misconfigured"));
        let warning = json!({ "WARNING": "Need user=<username>&password=<password>" });
        check(warning, None, Err("connector.login_refused"));
        check(json!([]), None, Err("connector.misconfigured"));
    }

    #[test]
    fn what_goes_into_a_query_is_escaped() {
        assert_eq!(escaped("Power1 On"), "Power1%20On");
        assert_eq!(escaped("a&b=c#ü"), "a%26b%3Dc%23%C3%BC");
    }
}
