//! Shelly switches, of the first generation and later ones.

use futures_util::future::BoxFuture;
use http::StatusCode;
use ironhand_api::ShellyOptions;
use serde_json::Value;

use crate::relay::{Relay, accepted, json};
use crate::{Authorization, Error, HttpClient, HttpRequest, Login};

/// The only user that devices of the second generation know.
const USER: &str = "admin";

/// A relay of such a switch.
pub(crate) struct Shelly {
    client: HttpClient,
    output: u8,
    login: Option<Login>,
    generation: Option<Generation>,
}

/// How a device is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Generation {
    /// `/relay/0`, with Basic authentication.
    First,
    /// `/rpc/Switch...`, with Digest authentication.
    Later,
}

impl Shelly {
    pub(crate) fn new(client: HttpClient, options: &ShellyOptions, login: Option<Login>) -> Self {
        let generation = options.generation.map(|generation| match generation {
            0 | 1 => Generation::First,
            _ => Generation::Later,
        });
        Self { client, output: options.output.unwrap_or_default(), login, generation }
    }

    /// What the device is; it tells that to everybody.
    async fn generation(&mut self) -> Result<Generation, Error> {
        if let Some(generation) = self.generation {
            return Ok(generation);
        }
        let answer = accepted(self.client.send(&HttpRequest::get("/shelly")).await?, "")?;
        let generation = generation(&json(&answer)?)?;
        self.generation = Some(generation);
        Ok(generation)
    }

    async fn ask(&mut self, set: Option<bool>) -> Result<Value, Error> {
        let output = self.output;
        let generation = self.generation().await?;
        let path = match (generation, set) {
            (Generation::First, None) => format!("/relay/{output}"),
            (Generation::First, Some(on)) => {
                format!("/relay/{output}?turn={}", if on { "on" } else { "off" })
            }
            (Generation::Later, None) => format!("/rpc/Switch.GetStatus?id={output}"),
            (Generation::Later, Some(on)) => format!("/rpc/Switch.Set?id={output}&on={on}"),
        };
        let username = match &self.login {
            Some(login) if !login.username.is_empty() => login.username.clone(),
            _ => USER.to_owned(),
        };
        let login = self.login.clone().map(|login| Login { username: username.clone(), ..login });
        let authorization = match (login, generation) {
            (None, _) => Authorization::None,
            (Some(login), Generation::First) => Authorization::Basic(login),
            (Some(login), Generation::Later) => Authorization::Digest(login),
        };
        let mut request = HttpRequest::get(path).authorization(authorization);
        request.changes = set.is_some();
        let answer = self.client.send(&request).await?;
        if answer.status == StatusCode::NOT_FOUND.as_u16() {
            return Err(Error::Misconfigured { reason: format!("the switch has no relay {output}") });
        }
        json(&accepted(answer, &username)?)
    }
}

/// The generation that `/shelly` tells: only later ones count.
fn generation(told: &Value) -> Result<Generation, Error> {
    match (told["gen"].as_u64(), told["type"].is_string()) {
        (Some(2..), _) => Ok(Generation::Later),
        (Some(1), _) | (None, true) => Ok(Generation::First),
        _ => Err(Error::Malformed { reason: "the device does not say which Shelly it is".to_owned() }),
    }
}

/// The state of a relay in an answer.
fn state(answer: &Value) -> Result<bool, Error> {
    let told = answer.get("output").or_else(|| answer.get("ison"));
    told.and_then(Value::as_bool)
        .ok_or_else(|| Error::Malformed { reason: "it does not say whether the relay is on".to_owned() })
}

impl Relay for Shelly {
    fn set(&mut self, on: bool) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move { self.ask(Some(on)).await.map(|_| ()) })
    }

    fn read(&mut self) -> BoxFuture<'_, Result<Option<bool>, Error>> {
        Box::pin(async { state(&self.ask(None).await?).map(Some) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn devices_tell_their_generation_and_their_state() {
        let first = json!({ "type": "SHSW-1", "mac": "5254001234", "auth": true });
        assert_eq!(generation(&first), Ok(Generation::First));
        assert_eq!(generation(&json!({ "id": "shellyplus1", "gen": 2 })), Ok(Generation::Later));
        assert_eq!(generation(&json!({ "gen": 4 })), Ok(Generation::Later));
        assert_eq!(generation(&json!({})).map_err(|error| error.code()), Err("connector.malformed"));
        assert_eq!(state(&json!({ "id": 0, "output": true })), Ok(true));
        assert_eq!(state(&json!({ "ison": false, "has_timer": false })), Ok(false));
        assert_eq!(state(&json!({ "output": 1 })).map_err(|error| error.code()), Err("connector.malformed"));
    }
}
