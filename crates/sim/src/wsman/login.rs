//! Authentication, as a service asks for it: by digest (RFC 7616 with MD5) or Basic (RFC 7617).

use std::collections::VecDeque;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ironhand_redfish::bmc::ServiceRequest;
use md5::{Digest, Md5};
use secrecy::{ExposeSecret, SecretString};

use super::{WsmanConfig, WsmanFault, WsmanKind};

/// Challenges that may be answered at a time.
const MOST_CHALLENGES: usize = 16;

/// The realm, in the form of Intel AMT's.
const REALM: &str = "Digest:0123456789ABCDEF0123456789ABCDEF";

/// Who lets people in.
pub(super) struct Gate {
    kind: WsmanKind,
    tls: bool,
    username: String,
    password: SecretString,
    /// What was asked, with the highest count that it was answered with.
    challenges: VecDeque<(String, u32)>,
    given: u64,
    /// How often somebody was not let in.
    pub(super) refusals: u64,
}

impl Gate {
    pub(super) fn new(config: &WsmanConfig) -> Self {
        Self {
            kind: config.kind,
            tls: config.certificate.is_some(),
            username: config.username.clone(),
            password: config.password.clone(),
            challenges: VecDeque::new(),
            given: 0,
            refusals: 0,
        }
    }

    /// Lets a request in, or says what it must be proved with.
    pub(super) fn admit(
        &mut self,
        request: &ServiceRequest,
        fault: Option<WsmanFault>,
    ) -> Result<(), String> {
        let shown = request.header("authorization").unwrap_or_default();
        let (mut admitted, mut stale) = (false, false);
        if fault != Some(WsmanFault::NoEntry) {
            (admitted, stale) = match self.kind {
                WsmanKind::Amt => self.digest(request.method(), shown, fault == Some(WsmanFault::OneUse)),
                WsmanKind::Windows => (self.tls && self.basic(shown), false),
            };
        }
        if admitted {
            return Ok(());
        }
        self.refusals += 1;
        Err(match self.kind {
            WsmanKind::Amt => self.challenge(stale),
            WsmanKind::Windows if self.tls => "Basic realm=\"WSMAN\"".to_owned(),
            WsmanKind::Windows => "Negotiate".to_owned(),
        })
    }

    fn challenge(&mut self, stale: bool) -> String {
        self.given += 1;
        let nonce = hex::encode(Md5::digest(format!("{}:{}", self.given, self.password.expose_secret())));
        self.challenges.push_back((nonce.clone(), 0));
        if self.challenges.len() > MOST_CHALLENGES {
            self.challenges.pop_front();
        }
        format!("Digest realm=\"{REALM}\", nonce=\"{nonce}\",stale=\"{stale}\",qop=\"auth\"")
    }

    /// Whether a proof is right, and whether it would have been but for the age of its challenge.
    fn digest(&mut self, method: &str, shown: &str, once: bool) -> (bool, bool) {
        let Some(proof) = shown.strip_prefix("Digest ") else { return (false, false) };
        let get = |name: &str| {
            let found = proof.split(',').filter_map(|part| part.trim().split_once('='));
            found.filter(|(known, _)| *known == name).map(|(_, value)| value.trim_matches('"')).next()
        };
        let hash = |text: String| hex::encode(Md5::digest(text));
        let (nonce, count) = (get("nonce").unwrap_or_default(), get("nc").unwrap_or_default());
        let user = hash(format!("{}:{REALM}:{}", self.username, self.password.expose_secret()));
        let what = hash(format!("{method}:/wsman"));
        let own = get("cnonce").unwrap_or_default();
        let wanted = hash(format!("{user}:{nonce}:{count}:{own}:auth:{what}"));
        let right = get("username") == Some(&self.username)
            && get("uri") == Some("/wsman")
            && get("qop") == Some("auth")
            && get("response") == Some(&wanted);
        if !right {
            return (false, false);
        }
        let number = u32::from_str_radix(count, 16).unwrap_or_default();
        let known = self.challenges.iter_mut().find(|(known, _)| known == nonce);
        let fresh = known.is_some_and(|(_, last)| {
            let fresh = number > *last;
            *last = if once { u32::MAX } else { number.max(*last) };
            fresh
        });
        (fresh, !fresh)
    }

    fn basic(&self, shown: &str) -> bool {
        let wanted = format!("{}:{}", self.username, self.password.expose_secret());
        shown.strip_prefix("Basic ").is_some_and(|shown| shown == STANDARD.encode(wanted))
    }
}
