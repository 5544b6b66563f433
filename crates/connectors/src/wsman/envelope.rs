//! What is asked: SOAP 1.2 envelopes with WS-Addressing, WS-Transfer and WS-Enumeration, as DSP0226 binds them together.
//!
//! Whatever comes from outside goes through [`escape`]; nothing else is put between tags.

use std::fmt::Write;
use std::time::Duration;

/// SOAP 1.2.
pub(super) const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
/// WS-Addressing, in the version of August 2004 that DSP0226 builds on.
const ADDRESSING: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
/// The address of what is chosen by the reference's parameters alone.
const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";
const TRANSFER: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer";
const ENUMERATION: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration";
const IDENTITY: &str = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd";
/// WS-Management.
const WSMAN: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd";

/// Instances that are asked for at once: what answers of 8 KiB hold in any case is fewer, and a service sends what it can.
const MOST_ITEMS: u32 = 20;

/// A class of a service, with what chooses one of its instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    /// The URI of the class, which ends in its name.
    pub(crate) uri: &'static str,
    /// Key properties with their values; none where there is but one instance.
    pub(crate) selectors: &'static [(&'static str, &'static str)],
}

impl Resource {
    /// None, for what is asked of the service itself.
    pub(super) const NONE: Self = Self { uri: "", selectors: &[] };

    /// A class with one instance, or all instances of a class.
    pub(crate) const fn all(uri: &'static str) -> Self {
        Self { uri, selectors: &[] }
    }

    /// The name of the class.
    pub(crate) fn class(&self) -> &'static str {
        self.uri.rsplit('/').next().unwrap_or_default()
    }
}

/// What a property or a parameter of a method holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A text or a number.
    Text(String),
    /// A reference to an instance.
    Reference(Resource),
}

/// A property or a parameter: its name, which is one of a class's, and what it holds.
pub(crate) type Property = (String, Value);

/// What is asked of a service.
#[derive(Clone, Debug)]
pub(super) enum Request {
    /// What it is.
    Identify,
    /// An instance.
    Get,
    /// To write an instance.
    Put(Vec<Property>),
    /// To begin a list of all instances.
    Enumerate,
    /// To go on with a list, by the context that it gave.
    Pull(String),
    /// To do what a method does.
    Invoke(&'static str, Vec<Property>),
}

impl Request {
    /// Whether it changes something, so that it must not be sent twice.
    pub(super) const fn changes(&self) -> bool {
        matches!(self, Self::Put(_) | Self::Invoke(..))
    }

    fn action(&self, resource: &Resource) -> String {
        match self {
            Self::Identify => String::new(),
            Self::Get => format!("{TRANSFER}/Get"),
            Self::Put(_) => format!("{TRANSFER}/Put"),
            Self::Enumerate => format!("{ENUMERATION}/Enumerate"),
            Self::Pull(_) => format!("{ENUMERATION}/Pull"),
            Self::Invoke(method, _) => format!("{}/{method}", resource.uri),
        }
    }
}

/// A request with what stands around it.
pub(super) struct Envelope<'a> {
    /// The URL of the service.
    pub(super) to: &'a str,
    /// The identifier of the message, a URI.
    pub(super) id: &'a str,
    pub(super) resource: &'a Resource,
    pub(super) request: &'a Request,
    /// How long the service may work at it.
    pub(super) timeout: Duration,
}

impl Envelope<'_> {
    /// As it is sent.
    pub(super) fn write(&self) -> String {
        let mut xml = Xml(String::with_capacity(2048));
        xml.raw(r#"<?xml version="1.0" encoding="UTF-8"?>"#);
        xml.raw(&format!(r#"<s:Envelope xmlns:s="{SOAP}" xmlns:a="{ADDRESSING}" xmlns:w="{WSMAN}">"#));
        xml.raw("<s:Header>");
        if !matches!(self.request, Request::Identify) {
            self.header(&mut xml);
        }
        xml.raw("</s:Header><s:Body>");
        self.body(&mut xml);
        xml.raw("</s:Body></s:Envelope>");
        xml.0
    }

    fn header(&self, xml: &mut Xml) {
        xml.must("a:Action", &self.request.action(self.resource));
        xml.must("a:To", self.to);
        xml.must("w:ResourceURI", self.resource.uri);
        xml.element("a:MessageID", self.id);
        xml.raw("<a:ReplyTo>");
        xml.element("a:Address", ANONYMOUS);
        xml.raw("</a:ReplyTo>");
        xml.element("w:OperationTimeout", &format!("PT{}S", self.timeout.as_secs()));
        xml.selectors(self.resource);
    }

    fn body(&self, xml: &mut Xml) {
        match self.request {
            Request::Get => {}
            Request::Identify => xml.raw(&format!(r#"<i:Identify xmlns:i="{IDENTITY}"/>"#)),
            Request::Enumerate => xml.raw(&format!(r#"<n:Enumerate xmlns:n="{ENUMERATION}"/>"#)),
            Request::Pull(context) => {
                xml.raw(&format!(r#"<n:Pull xmlns:n="{ENUMERATION}">"#));
                xml.element("n:EnumerationContext", context);
                xml.element("n:MaxElements", &MOST_ITEMS.to_string());
                xml.raw("</n:Pull>");
            }
            Request::Put(properties) => xml.instance(self.resource.class(), self.resource.uri, properties),
            Request::Invoke(method, input) => {
                xml.instance(&format!("{method}_INPUT"), self.resource.uri, input);
            }
        }
    }
}

/// XML as it is written.
struct Xml(String);

impl Xml {
    /// Markup, which holds nothing from outside.
    fn raw(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    fn element(&mut self, name: &str, value: &str) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "<{name}>{}</{name}>", escape(value));
    }

    /// A header that a service may not pass over.
    fn must(&mut self, name: &str, value: &str) {
        let _ = write!(self.0, r#"<{name} s:mustUnderstand="true">{}</{name}>"#, escape(value));
    }

    fn selectors(&mut self, resource: &Resource) {
        if resource.selectors.is_empty() {
            return;
        }
        self.raw("<w:SelectorSet>");
        for (name, value) in resource.selectors {
            let _ = write!(self.0, r#"<w:Selector Name="{}">{}</w:Selector>"#, escape(name), escape(value));
        }
        self.raw("</w:SelectorSet>");
    }

    fn instance(&mut self, name: &str, uri: &str, properties: &[Property]) {
        let _ = write!(self.0, r#"<p:{name} xmlns:p="{}">"#, escape(uri));
        for (property, value) in properties {
            match value {
                Value::Text(value) => self.element(&format!("p:{property}"), value),
                Value::Reference(resource) => {
                    let _ = write!(self.0, "<p:{property}>");
                    self.element("a:Address", ANONYMOUS);
                    self.raw("<a:ReferenceParameters>");
                    self.element("w:ResourceURI", resource.uri);
                    self.selectors(resource);
                    let _ = write!(self.0, "</a:ReferenceParameters></p:{property}>");
                }
            }
        }
        let _ = write!(self.0, "</p:{name}>");
    }
}

/// A text as it may stand between tags and in quotation marks. What XML cannot carry at all is replaced.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            // Readers turn these into spaces or leave them out unless they are written so.
            '\t' | '\n' | '\r' => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push(char::REPLACEMENT_CHARACTER),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use roxmltree::Document;

    use super::*;

    const SERVICE: Resource = Resource {
        uri: "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_PowerManagementService",
        selectors: &[("Name", "Intel(r) AMT <Power> \"Management\"")],
    };

    fn written(request: &Request) -> String {
        let timeout = Duration::from_secs(25);
        let envelope =
            Envelope { to: "http://h:1/wsman", id: "uuid:1", resource: &SERVICE, request, timeout };
        envelope.write()
    }

    /// The text of the element that is called so, wherever it stands.
    fn found(xml: &str, name: &str) -> Option<String> {
        let document = Document::parse(xml).unwrap();
        let node = document.descendants().find(|node| node.tag_name().name() == name)?;
        Some(node.text().unwrap_or_default().to_owned())
    }

    #[test]
    fn each_request_says_what_it_is() {
        let check = |request: Request, action: &str, changes: bool| {
            let xml = written(&request);
            assert_eq!(found(&xml, "Action").as_deref(), Some(action));
            assert_eq!(found(&xml, "ResourceURI").as_deref(), Some(SERVICE.uri));
            assert_eq!(found(&xml, "Selector").as_deref(), Some(SERVICE.selectors[0].1));
            assert_eq!(found(&xml, "OperationTimeout").as_deref(), Some("PT25S"));
            assert_eq!(request.changes(), changes);
        };
        check(Request::Get, "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get", false);
        check(Request::Put(vec![]), "http://schemas.xmlsoap.org/ws/2004/09/transfer/Put", true);
        check(Request::Enumerate, "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Enumerate", false);
        check(Request::Pull("7".to_owned()), "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Pull", false);
        let invoked = format!("{}/RequestPowerStateChange", SERVICE.uri);
        check(Request::Invoke("RequestPowerStateChange", vec![]), &invoked, true);
    }

    #[test]
    fn who_is_asked_what_it_is_gets_no_header() {
        let xml = written(&Request::Identify);
        assert_eq!(found(&xml, "Identify").as_deref(), Some(""));
        assert_eq!(found(&xml, "Action"), None);
    }

    #[test]
    fn parameters_are_texts_and_references() {
        let input = vec![
            ("PowerState".to_owned(), Value::Text("8".to_owned())),
            ("ManagedElement".to_owned(), Value::Reference(SERVICE)),
        ];
        let xml = written(&Request::Invoke("RequestPowerStateChange", input));
        let document = Document::parse(&xml).unwrap();
        let input = document.descendants().find(|node| node.has_tag_name((SERVICE.uri, "PowerState")));
        assert_eq!(input.and_then(|node| node.text()), Some("8"));
        let element = document.descendants().find(|node| node.has_tag_name((SERVICE.uri, "ManagedElement")));
        let selector =
            element.and_then(|node| node.descendants().find(|node| node.has_tag_name((WSMAN, "Selector"))));
        assert_eq!(selector.and_then(|node| node.text()), Some(SERVICE.selectors[0].1));
    }

    proptest! {
        #[test]
        fn nothing_from_outside_becomes_markup(context in "\\PC{0,40}|[<>&\"'\\]!\\-\\[CDATA\r\n\t]{0,20}") {
            let xml = written(&Request::Pull(context.clone()));
            prop_assert_eq!(found(&xml, "EnumerationContext"), Some(context.clone()));
            let elements = |xml: &str| {
                Document::parse(xml).unwrap().descendants().filter(|node| node.is_element()).count()
            };
            prop_assert_eq!(elements(&xml), elements(&written(&Request::Pull("1".to_owned()))));
        }

        #[test]
        fn any_text_can_be_read_again(text in any::<String>()) {
            let xml = written(&Request::Pull(text));
            prop_assert!(Document::parse(&xml).is_ok());
        }
    }
}
