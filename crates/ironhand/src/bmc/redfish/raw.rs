//! `ironhand bmc raw` over Redfish: any request by its method and path.

use std::path::Path;

use ironhand_redfish::{Answer, Body, Method, Request, Stop, Talk};
use serde::Serialize;
use serde_json::{Value, json};

use super::Controllers;
use crate::bmc::args::Raw;
use crate::bmc::report::{Finding, Shown};
use crate::exit::{Failure, at};
use crate::output::Output;

/// `ironhand bmc raw`.
pub async fn raw(controllers: &Controllers, asked: &Raw) -> Result<(), Failure> {
    let request = request(&asked.bytes)?;
    let send = |talk: &mut Talk| send(talk, &request);
    match request.method {
        Method::Get => controllers.each(async |device| Ok(device.run(send).await?)).await,
        _ => controllers.change(async |device| Ok(device.run(send).await?)).await,
    }
}

fn send(talk: &mut Talk, request: &Request) -> Result<Reply, Stop> {
    let answer = talk.send(request.clone())?;
    if answer.is_success() {
        return Ok(Reply::of(&answer));
    }
    if request.body.as_ref().is_some_and(holds_password) {
        // Controllers repeat what was wrong with a password: the names of their messages must do.
        let message = format!("status {}, {}", answer.status, answer.message_ids().join(", "));
        let infos = json!({ "error": { "message": message } });
        let answer = Answer::json(answer.status, infos);
        return Err(answer.error(request).into());
    }
    Err(answer.error(request).into())
}

fn holds_password(body: &Value) -> bool {
    match body {
        Value::Object(values) => {
            values.iter().any(|(name, value)| name.contains("assword") || holds_password(value))
        }
        Value::Array(values) => values.iter().any(holds_password),
        _ => false,
    }
}

/// What a controller answered.
#[derive(Serialize)]
struct Reply {
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
}

impl Reply {
    fn of(answer: &Answer) -> Self {
        let body = match &answer.body {
            Body::Json(value) => Some(value.clone()),
            Body::Empty => None,
            Body::Other(reason) => Some(Value::from(reason.as_str())),
        };
        Self { status: answer.status, location: answer.location.clone(), body }
    }
}

impl Finding for Reply {
    fn shown(&self, _: Output) -> Shown {
        match &self.body {
            Some(body) => Shown::Text(format!("{body:#}")),
            None => Shown::Line(format!("done, status {}", self.status).into()),
        }
    }
}

fn request(words: &[String]) -> Result<Request, Failure> {
    let [method, path, body @ ..] = words else { return Err(wrong("a method and a path")) };
    let method = match method.to_ascii_uppercase().as_str() {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "PATCH" => Method::Patch,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        _ => return Err(wrong(&format!("`{method}` is no method"))),
    };
    if !path.starts_with('/') || path.starts_with("//") || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong(&format!("`{path}` is no path of a controller")));
    }
    match (method, body) {
        (Method::Get | Method::Delete, []) => Ok(Request { method, ..Request::get(path.clone()) }),
        (Method::Post | Method::Patch | Method::Put, [body]) => {
            Ok(Request::with(method, path.clone(), document(body)?))
        }
        (Method::Post | Method::Patch | Method::Put, []) => Err(wrong("this method needs a body")),
        _ => Err(wrong("there are words too many")),
    }
}

/// A body: JSON, or the file that it is in.
fn document(word: &str) -> Result<Value, Failure> {
    let text = match word.strip_prefix('@') {
        Some(file) => at(Path::new(file), std::fs::read_to_string(file))?,
        None => word.to_owned(),
    };
    // The text may hold a password, so it is not shown.
    serde_json::from_str(&text).map_err(|error| {
        wrong(&format!("the body is not JSON: line {}, column {}", error.line(), error.column()))
    })
}

fn wrong(message: &str) -> Failure {
    Failure::Usage {
        message: message.to_owned(),
        hint: Some(
            "write METHOD PATH [JSON], like GET /redfish/v1/; @FILE stands for a file with the JSON"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_written_as_method_path_and_body() {
        let check = |words: &[&str], named: Option<&str>| {
            let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(request(&words).ok().map(|request| request.named()).as_deref(), named, "{words:?}");
        };
        check(&["get", "/redfish/v1/"], Some("GET /redfish/v1/"));
        check(
            &["PATCH", "/redfish/v1/Systems/1", "{\"AssetTag\":\"7\"}"],
            Some("PATCH /redfish/v1/Systems/1"),
        );
        check(&["DELETE", "/x"], Some("DELETE /x"));
        check(&["GET", "/x", "{}"], None);
        check(&["POST", "/x"], None);
        check(&["POST", "/x", "{"], None);
        check(&["GET", "//elsewhere/x"], None);
        check(&["GET", "https://elsewhere/"], None);
        check(&["TRACE", "/x"], None);
    }
}
