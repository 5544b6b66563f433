//! Digest access authentication (RFC 7616), and RFC 2069's form of it without `qop`.

use md5::Md5;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::Login;

/// What a device wants to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    /// Whether it knows `qop="auth"`.
    qop: bool,
    /// Whether user names are hashed.
    userhash: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Algorithm {
    /// Where none is named.
    Unnamed,
    Md5,
    Md5Session,
    Sha256,
    Sha256Session,
}

impl Algorithm {
    fn named(name: &str) -> Option<Self> {
        let all = [Self::Md5, Self::Md5Session, Self::Sha256, Self::Sha256Session];
        all.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Unnamed | Self::Md5 => "MD5",
            Self::Md5Session => "MD5-sess",
            Self::Sha256 => "SHA-256",
            Self::Sha256Session => "SHA-256-sess",
        }
    }

    fn hash(self, text: &str) -> Zeroizing<String> {
        let digest = match self {
            Self::Unnamed | Self::Md5 | Self::Md5Session => Md5::digest(text).to_vec(),
            Self::Sha256 | Self::Sha256Session => Sha256::digest(text).to_vec(),
        };
        Zeroizing::new(hex::encode(digest))
    }
}

impl Challenge {
    /// The strongest one in the `WWW-Authenticate` headers that can be answered.
    pub(super) fn read<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Self> {
        headers.flat_map(challenges).max_by_key(|challenge| challenge.algorithm)
    }

    /// The `Authorization` header with which `login` asks for `path`. `count` is how often the nonce was used, this time
    /// counted; `cnonce` is random.
    pub(super) fn answer(&self, login: &Login, method: &str, path: &str, count: u32, cnonce: &str) -> String {
        let Self { realm, nonce, algorithm, .. } = self;
        let secret = Zeroizing::new(format!("{}:{realm}:{}", login.username, login.password.expose_secret()));
        let mut ours = algorithm.hash(&secret);
        if matches!(algorithm, Algorithm::Md5Session | Algorithm::Sha256Session) {
            ours = algorithm.hash(&Zeroizing::new(format!("{}:{nonce}:{cnonce}", *ours)));
        }
        let asked = algorithm.hash(&format!("{method}:{path}"));
        let response = if self.qop {
            format!("{}:{nonce}:{count:08x}:{cnonce}:auth:{}", *ours, *asked)
        } else {
            format!("{}:{nonce}:{}", *ours, *asked)
        };
        let response = algorithm.hash(&Zeroizing::new(response));
        let username = match self.userhash {
            true => algorithm.hash(&format!("{}:{realm}", login.username)).to_string(),
            false => login.username.clone(),
        };
        let mut answer = format!(
            "Digest username={}, realm={}, nonce={}, uri={}, response=\"{}\"",
            quoted(&username),
            quoted(realm),
            quoted(nonce),
            quoted(path),
            *response
        );
        // Some devices that name no algorithm stumble over one in the answer.
        if *algorithm != Algorithm::Unnamed {
            answer.push_str(&format!(", algorithm={}", algorithm.name()));
        }
        if let Some(opaque) = &self.opaque {
            answer.push_str(&format!(", opaque={}", quoted(opaque)));
        }
        if self.qop {
            answer.push_str(&format!(", qop=auth, nc={count:08x}, cnonce={}", quoted(cnonce)));
        }
        if self.userhash {
            answer.push_str(", userhash=true");
        }
        answer
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The challenges of one header that can be answered.
fn challenges(header: &str) -> Vec<Challenge> {
    let mut found: Vec<Vec<(String, String)>> = Vec::new();
    let mut is_digest = false;
    for part in parts(header) {
        let (name, value) = part.split_once('=').unwrap_or((part.as_str(), ""));
        // A new scheme stands before the first parameter of its challenge, a space between.
        let name = match name.trim().split_once(char::is_whitespace) {
            Some((scheme, name)) => {
                is_digest = scheme.eq_ignore_ascii_case("digest");
                if is_digest {
                    found.push(Vec::new());
                }
                name.trim()
            }
            None if !part.contains('=') => {
                is_digest = false;
                continue;
            }
            None => name.trim(),
        };
        if let (true, Some(last)) = (is_digest, found.last_mut()) {
            last.push((name.to_ascii_lowercase(), unquoted(value.trim())));
        }
    }
    found.iter().filter_map(|parameters| challenge(parameters)).collect()
}

fn challenge(parameters: &[(String, String)]) -> Option<Challenge> {
    let get = |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let qop = get("qop");
    let names_auth = |qop: &String| qop.split(',').any(|one| one.trim().eq_ignore_ascii_case("auth"));
    if qop.as_ref().is_some_and(|qop| !names_auth(qop)) {
        return None;
    }
    Some(Challenge {
        realm: get("realm")?,
        nonce: get("nonce")?,
        opaque: get("opaque"),
        algorithm: get("algorithm").map_or(Some(Algorithm::Unnamed), |name| Algorithm::named(&name))?,
        qop: qop.is_some(),
        userhash: get("userhash").is_some_and(|value| value.eq_ignore_ascii_case("true")),
    })
}

/// A header split at its commas, those in quotation marks left alone.
fn parts(header: &str) -> Vec<String> {
    let (mut parts, mut part, mut quoted, mut escaped) = (Vec::new(), String::new(), false, false);
    for c in header.chars() {
        match c {
            ',' if !quoted => parts.push(std::mem::take(&mut part).trim().to_owned()),
            _ => part.push(c),
        }
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && c == '\\' && !escaped;
    }
    parts.push(part.trim().to_owned());
    parts
}

fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) else {
        return value.to_owned();
    };
    let (mut text, mut escaped) = (String::new(), false);
    for c in inner.chars() {
        if c == '\\' && !escaped {
            escaped = true;
            continue;
        }
        escaped = false;
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(headers: &[&str]) -> Option<Challenge> {
        Challenge::read(headers.iter().copied())
    }

    fn mufasa(password: &str) -> Login {
        Login { username: "Mufasa".to_owned(), password: password.into() }
    }

    /// The examples of RFC 7616 section 3.9.1 and RFC 2617 section 3.5.
    #[test]
    fn the_examples_of_the_rfcs_are_answered() {
        let check = |challenge: &str, password: &str, cnonce: &str, wanted: &str| {
            let challenge = read(&[challenge]).unwrap();
            let answer = challenge.answer(&mufasa(password), "GET", "/dir/index.html", 1, cnonce);
            assert!(answer.contains(&format!("response=\"{wanted}\"")), "{answer}");
            assert!(answer.contains("nc=00000001") && answer.contains("qop=auth,"), "{answer}");
            assert!(!answer.contains(password), "{answer}");
        };
        let new = |algorithm: &str| {
            format!(
                "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                 opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            )
        };
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        check(&new("MD5"), "Circle of Life", cnonce, "8ca523f5e9506fed4657c9700eebdbec");
        check(
            &new("SHA-256"),
            "Circle of Life",
            cnonce,
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        );
        check(
            "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", \
             opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
            "Circle Of Life",
            "0a4f113b",
            "6629fae49393a05397450978507c4ef1",
        );
    }

    #[test]
    fn the_strongest_challenge_is_taken() {
        let check = |headers: &[&str], wanted: Option<Algorithm>| {
            assert_eq!(read(headers).map(|challenge| challenge.algorithm), wanted, "{headers:?}");
        };
        let md5 = "Digest realm=\"a, b\", nonce=\"x\\\"y\", algorithm=md5";
        let sha = "digest realm=\"a\",nonce=\"z\",algorithm=\"SHA-256\",qop=auth";
        check(&[md5, sha], Some(Algorithm::Sha256));
        check(&[&format!("Basic realm=\"x\", {sha}, {md5}")], Some(Algorithm::Sha256));
        check(&[&format!("Negotiate, {md5}, Basic realm=\"x\", nonce=\"never\"")], Some(Algorithm::Md5));
        check(&["Digest realm=\"a\", nonce=\"b\""], Some(Algorithm::Unnamed));
        check(&["Digest realm=\"a\", nonce=\"b\", algorithm=SHA-512-256"], None);
        check(&["Digest realm=\"a\", nonce=\"b\", qop=\"auth-int\""], None);
        check(&["Digest realm=\"a\""], None);
        check(&["Basic realm=\"a\"", "Digest", ""], None);
        let challenge = read(&[md5]).unwrap();
        assert_eq!((challenge.realm.as_str(), challenge.nonce.as_str()), ("a, b", "x\"y"));
        let answer = challenge.answer(&mufasa("pw"), "GET", "/", 1, "c");
        assert!(answer.contains("nonce=\"x\\\"y\"") && !answer.contains("qop"), "{answer}");
    }

    #[test]
    fn sessions_and_hashed_names_are_answered() {
        let header = "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256-sess, qop=\"auth\", userhash=true";
        let answer = read(&[header]).unwrap().answer(&mufasa("pw"), "GET", "/", 2, "c");
        assert!(answer.contains("userhash=true") && !answer.contains("Mufasa"), "{answer}");
        assert!(answer.contains("nc=00000002"), "{answer}");
    }

    proptest! {
        #[test]
        fn no_header_breaks_the_reader(header in "[ -~]{0,80}", tail in "(Digest )?[a-z=\",\\\\ ]{0,40}") {
            read(&[&header, &tail]);
            read(&[&format!("Digest realm=\"r\", nonce=\"n\", {tail}")]);
        }
    }
}
