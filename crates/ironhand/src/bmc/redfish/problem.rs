//! Why a command did not come true on one controller.

use ironhand_connectors::{CertificateProblem, Error};
use ironhand_redfish::Error as Redfish;

use crate::bmc::problem::Problem;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let (outcome, exit) = outcome_of(&error);
        Self { code: error.code(), outcome, message: error.to_string(), hint: hint_of(&error), exit }
    }
}

fn outcome_of(error: &Error) -> (&'static str, u8) {
    match error {
        Error::Unreachable { .. } | Error::Silent { .. } => ("no answer", 5),
        Error::Certificate { .. } => ("certificate", 4),
        Error::LoginRefused { .. } | Error::Redfish(Redfish::Unauthorized) => ("login refused", 4),
        Error::Redfish(Redfish::PasswordChangeRequired { .. }) => ("new password asked for", 4),
        Error::Redfish(Redfish::Forbidden { .. }) => ("refused", 4),
        Error::Redfish(Redfish::Unlicensed { .. }) => ("no licence", 1),
        Error::Refused { .. } | Error::Redfish(Redfish::Refused { .. }) => ("refused", 1),
        Error::Busy { .. } | Error::Redfish(Redfish::Busy { .. }) => ("busy", 1),
        Error::Unsupported { .. } | Error::Redfish(Redfish::Unsupported { .. }) => ("unsupported", 1),
        Error::Misconfigured { .. } => ("invalid", 2),
        Error::OutcomeUnknown => ("unknown", 1),
        Error::Redfish(Redfish::NotKept { .. }) => ("not kept", 1),
        Error::Redfish(Redfish::Missing { .. } | Redfish::NoSystem { wanted: Some(_), .. }) => {
            ("not there", 3)
        }
        Error::Malformed { .. }
        | Error::Redfish(Redfish::Malformed { .. } | Redfish::Redirected { .. } | Redfish::Endless { .. }) => {
            ("protocol error", 1)
        }
        _ => ("failed", 1),
    }
}

fn hint_of(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::Unreachable { .. } | Error::Silent { .. } => {
            "is the address right, is Redfish enabled on the BMC, does a firewall let its port through?"
        }
        Error::Certificate { problem: CertificateProblem::Changed { .. }, .. } => {
            "if it was replaced on purpose, name it with --tls sha256:DIGEST, or take the BMC's line out of ironhand/certificates in the cache folder"
        }
        Error::Certificate { problem: CertificateProblem::NotTrusted(_), .. } => {
            "a certificate that no authority vouches for can be pinned: --tls first-use, or --tls sha256:DIGEST"
        }
        Error::LoginRefused { .. } => {
            "check -U and the password file before trying again: BMCs count failed logins"
        }
        Error::Redfish(Redfish::PasswordChangeRequired { .. }) => {
            "give the account another password: user set-password"
        }
        Error::OutcomeUnknown => "read the state back before doing it again",
        _ => return error.hint(),
    })
}
