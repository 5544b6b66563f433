//! Refusals, named as in the message registries (DSP0268), in words of our own.

use serde_json::{Value, json};

use super::exchange::ServiceReply;

/// The registry and version that our messages are named after.
const REGISTRY: &str = "Base.1.18";

/// One message of extended information (DSP0266 section 8.6).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Message {
    /// Its key in the registry, or its whole name where it belongs to a vendor's.
    pub(super) id: &'static str,
    pub(super) text: String,
    pub(super) args: Vec<String>,
    /// The property that it is about, as a JSON pointer's last part.
    pub(super) property: Option<String>,
    pub(super) severity: &'static str,
}

impl Message {
    pub(super) fn new(id: &'static str, text: impl Into<String>) -> Self {
        Self { id, text: text.into(), args: Vec::new(), property: None, severity: "Critical" }
    }

    /// About one property of the body.
    pub(super) fn about(property: &str, id: &'static str, text: String, args: &[&str]) -> Self {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        Self { args, property: Some(property.to_owned()), severity: "Warning", ..Self::new(id, text) }
    }

    /// The account at this path must be given another password first.
    pub(super) fn password_change(account: &str) -> Self {
        let text = "The account must be given a new password first.";
        Self { args: vec![account.to_owned()], ..Self::new("PasswordChangeRequired", text) }
    }

    fn name(&self) -> String {
        if self.id.contains('.') { self.id.to_owned() } else { format!("{REGISTRY}.{}", self.id) }
    }

    pub(super) fn show(&self) -> Value {
        let mut shown = json!({
            "@odata.type": "#Message.v1_2_1.Message",
            "MessageId": self.name(),
            "Message": self.text,
            "MessageArgs": self.args,
            "MessageSeverity": self.severity,
            "Resolution": "None.",
        });
        if let Some(property) = &self.property {
            shown["RelatedProperties"] = json!([format!("#/{property}")]);
        }
        shown
    }
}

/// Why a request is not carried out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) messages: Vec<Message>,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Refusal {
    pub(super) fn new(status: u16, id: &'static str, text: impl Into<String>) -> Self {
        Self { status, messages: vec![Message::new(id, text)], headers: Vec::new() }
    }

    pub(super) fn of(status: u16, messages: Vec<Message>) -> Self {
        Self { status, messages, headers: Vec::new() }
    }

    /// The same with an argument of its message.
    #[must_use]
    pub(super) fn with_arg(mut self, arg: impl Into<String>) -> Self {
        if let Some(message) = self.messages.first_mut() {
            message.args.push(arg.into());
        }
        self
    }

    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn missing(path: &str) -> Self {
        Self::new(404, "ResourceMissingAtURI", format!("There is no resource at {path}.")).with_arg(path)
    }

    pub(super) fn no_operation() -> Self {
        Self::new(400, "NoOperation", "The body has no property that could be changed.")
    }

    pub(super) fn malformed() -> Self {
        Self::new(400, "MalformedJSON", "The body is not well-formed JSON.")
    }

    pub(super) fn media_type(kind: &str) -> Self {
        Self::new(415, "UnsupportedMediaType", format!("The service does not read bodies of type {kind}."))
    }

    /// Nobody is logged in, or not with these credentials. A client asks people for others when it sees the header.
    pub(super) fn unauthorized() -> Self {
        Self::new(401, "NoValidSession", "Log in first: there is no valid session.")
            .with("WWW-Authenticate", "Basic realm=\"Redfish\"")
    }

    pub(super) fn privilege() -> Self {
        Self::new(403, "InsufficientPrivilege", "The account does not have the privilege for this.")
    }

    pub(super) fn parameter_missing(action: &str, name: &str) -> Self {
        Self::new(400, "ActionParameterMissing", format!("{action} needs the parameter {name}."))
            .with_arg(action)
            .with_arg(name)
    }

    pub(super) fn parameter_value(action: &str, name: &str, value: &str) -> Self {
        let text = format!("{action} does not take {value} for the parameter {name}.");
        Self::new(400, "ActionParameterNotSupported", text).with_arg(name).with_arg(action)
    }

    pub(super) fn reply(self) -> ServiceReply {
        let first = self.messages.first().map(Message::name).unwrap_or_default();
        let infos: Vec<Value> = self.messages.iter().map(Message::show).collect();
        let body = json!({
            "error": {
                "code": first,
                "message": "The request was refused. See @Message.ExtendedInfo.",
                "@Message.ExtendedInfo": infos,
            }
        });
        let mut reply = ServiceReply::json(self.status, &body);
        reply.headers.extend(self.headers);
        reply
    }
}
