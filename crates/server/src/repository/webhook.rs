//! Requests that say that a repository has changed: whether they come from whom they say, and how many.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use ironhand_api::Name;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// Requests of each kind that are taken in a [`WINDOW`]: a busy repository has some pushes a minute.
const MOST: u32 = 60;

/// After which they are counted anew.
const WINDOW: Duration = Duration::from_secs(60);

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Judged {
    /// It comes from whom it says.
    Taken,
    /// It carries no signature.
    Unsigned,
    /// It carries the signature of somebody else.
    Forged,
    /// There are too many of its kind.
    TooMany,
}

impl Judged {
    /// The word for it in metrics.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Unsigned => "unsigned",
            Self::Forged => "forged",
            Self::TooMany => "too_many",
        }
    }
}

/// The requests that came.
#[derive(Default)]
pub(crate) struct Knocks {
    doors: Mutex<BTreeMap<Name, Door>>,
}

#[derive(Default)]
struct Door {
    window: Option<Instant>,
    /// In this window: those that came from whom they said, and the others.
    good: u32,
    bad: u32,
    counts: BTreeMap<Judged, u64>,
}

impl Knocks {
    /// Judges a request, and counts it.
    pub(crate) fn judge(
        &self,
        repository: &Name,
        secret: &SecretString,
        headers: &HeaderMap,
        body: &[u8],
        now: Instant,
    ) -> Judged {
        let mut judged = judge(secret, headers, body);
        let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        let door = doors.entry(repository.clone()).or_default();
        if door.window.is_none_or(|since| now.duration_since(since) >= WINDOW) {
            (door.window, door.good, door.bad) = (Some(now), 0, 0);
        }
        let count = if judged == Judged::Taken { &mut door.good } else { &mut door.bad };
        *count = count.saturating_add(1);
        if *count > MOST {
            judged = Judged::TooMany;
        }
        *door.counts.entry(judged).or_default() += 1;
        judged
    }

    /// How many there were of each kind since the server was started.
    pub(crate) fn counts(&self) -> Vec<(Name, Judged, u64)> {
        let doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = doors.iter().flat_map(|(name, door)| {
            door.counts.iter().map(|(judged, count)| (name.clone(), *judged, *count))
        });
        counts.collect()
    }
}

/// Whether a request carries the proof that GitHub, Gitea and Forgejo (HMAC-SHA-256 of the body) or GitLab (the secret
/// itself) send.
fn judge(secret: &SecretString, headers: &HeaderMap, body: &[u8]) -> Judged {
    let header = |name: &str| headers.get(name).map(|value| value.as_bytes());
    let signed = |signature: &[u8]| {
        let signature = hex::decode(signature).unwrap_or_default();
        // HMAC takes keys of every length (RFC 2104 section 3), so that there is always one.
        Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).is_ok_and(|mut mac| {
            mac.update(body);
            mac.verify_slice(&signature).is_ok()
        })
    };
    let genuine = if let Some(value) = header("x-hub-signature-256") {
        value.strip_prefix(b"sha256=").is_some_and(signed)
    } else if let Some(value) = header("x-gitea-signature")
        .or_else(|| header("x-forgejo-signature"))
        .or_else(|| header("x-gogs-signature"))
    {
        signed(value)
    } else if let Some(value) = header("x-gitlab-token") {
        same(value, secret.expose_secret().as_bytes())
    } else {
        return Judged::Unsigned;
    };
    if genuine { Judged::Taken } else { Judged::Forged }
}

/// Whether two secrets are the same, in a time that does not tell where they differ: their digests under one key are
/// compared.
fn same(one: &[u8], other: &[u8]) -> bool {
    let mac = |text: &[u8]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(other).ok()?;
        mac.update(text);
        Some(mac)
    };
    let (Some(one), Some(other)) = (mac(one), mac(other)) else { return false };
    one.verify_slice(&other.finalize().into_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_that_forges_send() {
        let body = b"Hello, World!";
        let secret = SecretString::from("It's a Secret to Everybody");
        // The example of GitHub's documentation.
        let digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let check = |name: &'static str, value: &str, wanted: Judged| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(judge(&secret, &headers, body), wanted, "{name}: {value}");
        };
        check("x-hub-signature-256", &format!("sha256={digest}"), Judged::Taken);
        check("x-hub-signature-256", digest, Judged::Forged);
        check("x-hub-signature-256", &format!("sha256={}", digest.replace('7', "8")), Judged::Forged);
        check("x-hub-signature-256", "sha256=", Judged::Forged);
        check("x-gitea-signature", digest, Judged::Taken);
        check("x-forgejo-signature", digest, Judged::Taken);
        check("x-gitea-signature", "no hex", Judged::Forged);
        check("x-gitlab-token", "It's a Secret to Everybody", Judged::Taken);
        check("x-gitlab-token", "It's a Secret", Judged::Forged);
        check("x-hub-signature", "sha1=aa", Judged::Unsigned);
    }

    #[test]
    fn floods_are_turned_away_and_do_not_keep_out_the_others() {
        let (knocks, name): (_, Name) = (Knocks::default(), "site".parse().unwrap());
        let (secret, now) = (SecretString::from("s"), Instant::now());
        let mut good = HeaderMap::new();
        good.insert("x-gitlab-token", "s".parse().unwrap());
        let knock = |headers: &HeaderMap, at: Instant| knocks.judge(&name, &secret, headers, b"{}", at);
        for _ in 0..MOST {
            assert_eq!(knock(&HeaderMap::new(), now), Judged::Unsigned);
        }
        assert_eq!(knock(&HeaderMap::new(), now), Judged::TooMany);
        assert_eq!(knock(&good, now), Judged::Taken);
        assert_eq!(knock(&HeaderMap::new(), now + WINDOW), Judged::Unsigned);
        let counts = knocks.counts();
        assert_eq!(counts.iter().map(|(_, _, count)| count).sum::<u64>(), u64::from(MOST) + 3);
    }
}
