//! Envelopes, as a service reads and writes them.

use roxmltree::{Document, Node};

/// SOAP 1.2.
pub(super) const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
/// SOAP 1.1, which WS-Management does not speak.
pub(super) const SOAP_1_1: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const ADDRESSING: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
const TRANSFER: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer";
const ENUMERATION: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration";
const IDENTITY: &str = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd";
const WSMAN: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd";

/// Instances in one part of a list, whatever was asked for.
const MOST_ITEMS: usize = 2;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action<'a> {
    Identify,
    Get,
    Put,
    Enumerate,
    Pull,
    Invoke(&'a str),
}

/// A request to a class.
pub(super) struct Asked<'a> {
    action: Action<'a>,
    uri: &'a str,
    id: &'a str,
    selectors: Vec<(&'a str, &'a str)>,
    body: Node<'a, 'a>,
}

/// What is sent back.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) xml: String,
    /// Whether a method was invoked.
    pub(super) of_method: bool,
}

/// A refusal.
pub(super) struct SoapFault {
    code: &'static str,
    reason: &'static str,
}

impl SoapFault {
    pub(super) fn new(code: &'static str, reason: &'static str) -> Self {
        Self { code, reason }
    }

    pub(super) fn schema(reason: &'static str) -> Self {
        Self::new("SchemaValidationError", reason)
    }

    /// The class is not there, as Intel AMT says it.
    pub(super) fn no_such_class() -> Self {
        Self::new("DestinationUnreachable", "No route can be determined to reach the destination role.")
    }

    fn reply(&self, id: &str) -> Reply {
        let Self { code, reason } = self;
        let of_addressing = matches!(
            *code,
            "DestinationUnreachable"
                | "ActionNotSupported"
                | "EndpointUnavailable"
                | "MessageInformationHeaderRequired"
        );
        let (prefix, space) = if of_addressing { ("a", ADDRESSING) } else { ("w", WSMAN) };
        let body = format!(
            "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>{prefix}:{code}</s:Value></s:Subcode>\
             </s:Code><s:Reason><s:Text xml:lang=\"en-US\">{reason}</s:Text></s:Reason><s:Detail/></s:Fault>"
        );
        Reply { status: 400, xml: envelope(&format!("{space}/fault"), "", id, &body), of_method: false }
    }
}

impl<'a> Asked<'a> {
    fn read(document: &'a Document<'_>) -> Result<Self, SoapFault> {
        let part = |name| document.root_element().children().find(|node| node.has_tag_name((SOAP, name)));
        let (Some(header), Some(body)) = (part("Header"), part("Body")) else {
            return Err(SoapFault::schema("The envelope has no header or no body."));
        };
        if body.children().any(|node| node.has_tag_name((IDENTITY, "Identify"))) {
            return Ok(Self { action: Action::Identify, uri: "", id: "", selectors: Vec::new(), body });
        }
        let told = |space, name| {
            let found = header.children().find(|node| node.has_tag_name((space, name)));
            let missing = "A header is missing.";
            found.map(text).ok_or(SoapFault::new("MessageInformationHeaderRequired", missing))
        };
        let uri = told(WSMAN, "ResourceURI")?;
        let action = told(ADDRESSING, "Action")?;
        told(ADDRESSING, "To")?;
        let action = match action.rsplit_once('/') {
            Some((TRANSFER, "Get")) => Action::Get,
            Some((TRANSFER, "Put")) => Action::Put,
            Some((ENUMERATION, "Enumerate")) => Action::Enumerate,
            Some((ENUMERATION, "Pull")) => Action::Pull,
            Some((class, method)) if class == uri => Action::Invoke(method),
            _ => {
                return Err(SoapFault::new(
                    "ActionNotSupported",
                    "The action is not supported by the service.",
                ));
            }
        };
        Ok(Self { action, uri, id: told(ADDRESSING, "MessageID")?, selectors: selectors(header), body })
    }

    /// The URI of the class.
    pub(super) fn uri(&self) -> &'a str {
        self.uri
    }

    /// The method that is invoked, where one is.
    pub(super) fn method(&self) -> Option<&'a str> {
        match self.action {
            Action::Invoke(method) => Some(method),
            _ => None,
        }
    }

    pub(super) fn is_get(&self) -> bool {
        self.action == Action::Get
    }

    /// The instance that is to be written.
    pub(super) fn put(&self) -> Option<Node<'a, 'a>> {
        let class = self.class();
        let found = self.body.children().find(|node| node.has_tag_name((self.uri, class)));
        found.filter(|_| self.action == Action::Put)
    }

    /// Refuses selectors that do not choose the instance with these keys. Fewer are enough.
    pub(super) fn check_selectors(&self, keys: &[(&str, &str)]) -> Result<(), SoapFault> {
        if self.selectors.iter().all(|selector| keys.contains(selector)) {
            return Ok(());
        }
        Err(SoapFault::new("InvalidSelectors", "The selectors for the resource are not valid."))
    }

    /// A parameter of the method.
    pub(super) fn parameter(&self, name: &str) -> Option<Node<'a, 'a>> {
        let input = self.body.children().find(Node::is_element)?;
        input.children().find(|node| node.has_tag_name((self.uri, name)))
    }

    /// The parameter that is a reference: its class with the keys.
    pub(super) fn reference(&self, name: &str) -> Option<(&'a str, Vec<(&'a str, &'a str)>)> {
        let parameter = self.parameter(name)?;
        let parameters =
            parameter.children().find(|node| node.has_tag_name((ADDRESSING, "ReferenceParameters")))?;
        let uri = parameters.children().find(|node| node.has_tag_name((WSMAN, "ResourceURI")))?;
        Some((text(uri), selectors(parameters)))
    }

    /// What a method returned.
    pub(super) fn returned(&self, value: u32) -> String {
        let (method, uri) = (self.method().unwrap_or_default(), self.uri);
        format!(
            "<p:{method}_OUTPUT xmlns:p=\"{uri}\"><p:ReturnValue>{value}</p:ReturnValue></p:{method}_OUTPUT>"
        )
    }

    /// One instance of the class: its properties, which are markup.
    pub(super) fn instance(&self, properties: &str) -> String {
        let (class, uri) = (self.class(), self.uri);
        format!("<p:{class} xmlns:p=\"{uri}\">{properties}</p:{class}>")
    }

    /// A list of instances, part by part. The context that goes to and fro is how many were sent.
    pub(super) fn list(&self, instances: &[String]) -> Option<Result<String, SoapFault>> {
        match self.action {
            Action::Enumerate => Some(Ok(format!(
                "<n:EnumerateResponse xmlns:n=\"{ENUMERATION}\"><n:EnumerationContext>0</n:EnumerationContext>\
                 </n:EnumerateResponse>"
            ))),
            Action::Pull => {
                let context = self
                    .body
                    .descendants()
                    .find(|node| node.has_tag_name((ENUMERATION, "EnumerationContext")));
                let Some(sent) = context.and_then(|context| text(context).parse::<usize>().ok()) else {
                    return Some(Err(SoapFault::new(
                        "InvalidEnumerationContext",
                        "The context is not valid.",
                    )));
                };
                let end = instances.len().min(sent.saturating_add(MOST_ITEMS));
                let items = instances.get(sent..end).unwrap_or_default().concat();
                let rest = if end < instances.len() {
                    format!("<n:EnumerationContext>{end}</n:EnumerationContext>")
                } else {
                    "<n:EndOfSequence/>".to_owned()
                };
                let (before, after) =
                    if rest.contains("Context") { (rest.as_str(), "") } else { ("", rest.as_str()) };
                Some(Ok(format!(
                    "<n:PullResponse xmlns:n=\"{ENUMERATION}\">{before}<n:Items>{items}</n:Items>{after}</n:PullResponse>"
                )))
            }
            _ => None,
        }
    }

    fn class(&self) -> &'a str {
        self.uri.rsplit('/').next().unwrap_or_default()
    }

    fn response(&self) -> String {
        match self.action {
            Action::Identify => String::new(),
            Action::Get => format!("{TRANSFER}/GetResponse"),
            Action::Put => format!("{TRANSFER}/PutResponse"),
            Action::Enumerate => format!("{ENUMERATION}/EnumerateResponse"),
            Action::Pull => format!("{ENUMERATION}/PullResponse"),
            Action::Invoke(method) => format!("{}/{method}Response", self.uri),
        }
    }
}

/// Answers a request: `work` gives what stands in the body.
pub(super) fn answer(
    text: Result<&str, SoapFault>,
    work: impl FnOnce(&Asked<'_>) -> Result<String, SoapFault>,
) -> Reply {
    let document = match text.map(Document::parse) {
        Ok(Ok(document)) => document,
        Ok(Err(_)) => return SoapFault::schema("It is not XML.").reply(""),
        Err(fault) => return fault.reply(""),
    };
    let asked = match Asked::read(&document) {
        Ok(asked) => asked,
        Err(fault) => return fault.reply(""),
    };
    if asked.action == Action::Identify {
        let body = format!(
            "<i:IdentifyResponse xmlns:i=\"{IDENTITY}\"><i:ProtocolVersion>{WSMAN}</i:ProtocolVersion>\
             <i:ProductVendor>Ironhand</i:ProductVendor><i:ProductVersion>simulated</i:ProductVersion></i:IdentifyResponse>"
        );
        return Reply { status: 200, xml: envelope("", "", "", &body), of_method: false };
    }
    match work(&asked) {
        Ok(body) => Reply {
            status: 200,
            xml: envelope(&asked.response(), asked.uri, asked.id, &body),
            of_method: asked.method().is_some(),
        },
        Err(fault) => fault.reply(asked.id),
    }
}

fn envelope(action: &str, uri: &str, relates_to: &str, body: &str) -> String {
    let (relates_to, uri) = (escape(relates_to), escape(uri));
    let header = if action.is_empty() {
        String::new()
    } else {
        format!(
            "<a:To>{ADDRESSING}/role/anonymous</a:To><a:RelatesTo>{relates_to}</a:RelatesTo>\
             <a:Action s:mustUnderstand=\"true\">{}</a:Action><a:MessageID>uuid:00000000-8086-8086-8086-000000000001\
             </a:MessageID><w:ResourceURI>{uri}</w:ResourceURI>",
            escape(action)
        )
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><s:Envelope xmlns:s=\"{SOAP}\" xmlns:a=\"{ADDRESSING}\" \
         xmlns:w=\"{WSMAN}\"><s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
}

/// An envelope with entities that grow tenfold eight times.
pub(super) fn laughing(xml: &str) -> String {
    let entities: String =
        (1..9).map(|at| format!("<!ENTITY e{at} \"{}\">", format!("&e{};", at - 1).repeat(10))).collect();
    let after = xml.split_once("?>").map_or(xml, |(_, after)| after);
    let body = after.replace("</s:Body>", "<x>&e8;</x></s:Body>");
    format!("<?xml version=\"1.0\"?><!DOCTYPE s:Envelope [<!ENTITY e0 \"ha\">{entities}]>{body}")
}

/// A reference to an instance.
pub(super) fn reference(property: &str, uri: &str, id: &str) -> String {
    format!(
        "<p:{property}><a:Address>{ADDRESSING}/role/anonymous</a:Address><a:ReferenceParameters><w:ResourceURI>{uri}\
         </w:ResourceURI><w:SelectorSet><w:Selector Name=\"InstanceID\">{id}</w:Selector></w:SelectorSet>\
         </a:ReferenceParameters></p:{property}>"
    )
}

fn selectors<'a>(node: Node<'a, 'a>) -> Vec<(&'a str, &'a str)> {
    let set = node.children().filter(|node| node.has_tag_name((WSMAN, "SelectorSet")));
    let selectors = set.flat_map(|set| set.children()).filter(|node| node.has_tag_name((WSMAN, "Selector")));
    // Some clients put the attribute into the namespace, and services do not mind.
    selectors
        .filter_map(|node| {
            let name = node.attributes().find(|attribute| attribute.name() == "Name")?;
            Some((name.value(), text(node)))
        })
        .collect()
}

/// The text in an element, without the space around it.
pub(super) fn text<'a>(node: Node<'a, 'a>) -> &'a str {
    node.text().unwrap_or_default().trim()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
