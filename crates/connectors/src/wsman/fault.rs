//! Faults, and what they mean for who asked.

use roxmltree::Node;

use super::answer::{child, children, text};
use crate::Error;

/// What of a device's own words is kept, in characters.
const LONGEST_REASON: usize = 200;

/// A refusal, in SOAP's form (SOAP 1.2 part 1 section 5.4, DSP0226 section 14).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The local name of the innermost code: `AccessDenied`, `InvalidSelectors`.
    code: String,
    /// What the device says to people.
    reason: String,
    /// The error number of Windows, where it names one.
    windows: Option<u32>,
}

impl Fault {
    /// Reads the element `Fault`. What is missing in it is empty: it is a refusal in any case.
    pub(super) fn read(fault: Node<'_, '_>) -> Self {
        let mut code = child(fault, "Code").ok();
        // Codes lie within each other, the more precise one inside.
        while let Some(inner) = code.and_then(|code| child(code, "Subcode").ok()) {
            code = Some(inner);
        }
        let value = code.and_then(|code| child(code, "Value").ok()).map(text).unwrap_or_default();
        let code = value.rsplit(':').next().unwrap_or_default();
        let reason = child(fault, "Reason").ok().and_then(|reason| child(reason, "Text").ok());
        let detail = child(fault, "Detail").ok();
        let windows = detail.and_then(|detail| children(detail).find_map(|node| node.attribute("Code")));
        Self {
            code: clean(code),
            reason: clean(reason.map(text).unwrap_or_default()),
            windows: windows.and_then(|number| number.parse().ok()),
        }
    }

    /// What it means. `changes`: whether what was asked changes something.
    pub(super) fn error(self, username: &str, changes: bool) -> Error {
        let reason = self.words();
        match self.code.as_str() {
            "AccessDenied" => Error::LoginRefused { username: username.to_owned(), reason: Some(reason) },
            // It may still be at it.
            "TimedOut" if changes => Error::OutcomeUnknown,
            "TimedOut" | "EndpointUnavailable" | "QuotaLimit" | "Concurrency" => Error::Busy { reason },
            "ActionNotSupported" | "DestinationUnreachable" | "UnsupportedFeature" => {
                Error::Unsupported { what: format!("do this: {reason}") }
            }
            _ => Error::Refused { reason },
        }
    }

    fn words(&self) -> String {
        let number = self.windows.map(|number| format!(" (Windows error {number})")).unwrap_or_default();
        let code = if self.code.is_empty() { "a fault without a code" } else { &self.code };
        match self.reason.as_str() {
            "" => format!("{code}{number}"),
            reason => format!("{code}: {reason}{number}"),
        }
    }
}

/// A device's words, as they may be shown: without control characters, and not too many.
fn clean(words: &str) -> String {
    let shown = words.chars().map(|c| if c.is_control() { ' ' } else { c });
    shown.take(LONGEST_REASON).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use roxmltree::Document;

    use super::*;

    fn fault(code: &str, reason: &str, detail: &str) -> Fault {
        let soap = crate::wsman::envelope::SOAP;
        let xml = format!(
            "<s:Fault xmlns:s=\"{soap}\"><s:Code><s:Value>s:Sender</s:Value>\
             <s:Subcode><s:Value>{code}</s:Value></s:Subcode></s:Code>\
             <s:Reason><s:Text xml:lang=\"en-US\">{reason}</s:Text></s:Reason>\
             <s:Detail>{detail}</s:Detail></s:Fault>"
        );
        let document = Document::parse(&xml).unwrap();
        Fault::read(document.root_element())
    }

    #[test]
    fn codes_have_meanings() {
        let check = |code: &str, changes: bool, wanted: &str, retry: bool| {
            let error = fault(code, "No.", "").error("admin", changes);
            assert_eq!((error.code(), error.retry()), (wanted, retry), "{code}");
        };
        check("w:AccessDenied", true, "connector.login_refused", false);
        check("w:InvalidSelectors", true, "connector.refused", false);
        check("a:DestinationUnreachable", false, "connector.unsupported", false);
        check("a:ActionNotSupported", true, "connector.unsupported", false);
        check("w:TimedOut", false, "connector.busy", true);
        check("w:TimedOut", true, "connector.outcome_unknown", false);
        check("a:EndpointUnavailable", true, "connector.busy", true);
        check("w:QuotaLimit", true, "connector.busy", true);
        check("w:Concurrency", true, "connector.busy", true);
        check("w:SchemaValidationError", true, "connector.refused", false);
        check("", false, "connector.refused", false);
    }

    #[test]
    fn what_the_device_says_is_shown_in_part() {
        let check = |fault: Fault, wanted: &str| {
            assert_eq!(fault.error("admin", false).to_string(), format!("it refused: {wanted}"));
        };
        check(fault("w:InternalError", "It broke.", ""), "InternalError: It broke.");
        check(fault("w:InternalError", "", ""), "InternalError");
        check(fault("", "a\nb\u{85}c", ""), "a fault without a code: a b c");
        check(fault("x:InvalidValue", &"y".repeat(500), ""), &format!("InvalidValue: {}", "y".repeat(200)));
        let windows =
            r#"<f:WSManFault xmlns:f="urn:f" Code="2150858752"><f:Message>m</f:Message></f:WSManFault>"#;
        check(fault("w:InternalError", "No.", windows), "InternalError: No. (Windows error 2150858752)");
    }
}
