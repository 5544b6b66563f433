//! Logging in to a NanoKVM.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeEncrypt, KeyIvInit};
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderValue, Method};
use md5::{Digest, Md5};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::Failure;
use crate::{Error, HttpRequest, HttpResponse, Login};

/// The cookie of a session.
const SESSION: &str = "nano-kvm-token";

/// What passwords are encrypted with on their way. It stands in the unit's web page, so it hides nothing from anybody.
const KEY: &[u8] = b"nanokvm-sipeed-2024";

/// A block of AES, in bytes.
const BLOCK: usize = 16;

/// The unit's codes for a wrong password, and for too many of them.
const WRONG: i64 = -2;
const LOCKED: i64 = -5;

/// Asks for a session.
pub(super) fn request(login: &Login) -> Result<HttpRequest, Error> {
    let mut salt = [0; 8];
    getrandom::fill(&mut salt)
        .map_err(|error| Error::Misconfigured { reason: format!("no random numbers: {error}") })?;
    let password = wrapped(login.password.expose_secret(), salt);
    let body = json!({ "username": login.username, "password": *password }).to_string();
    Ok(HttpRequest::new(Method::POST, "/api/auth/login")
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .body(body.into_bytes()))
}

/// A password as the unit takes it: AES-256-CBC under a key that OpenSSL's `EVP_BytesToKey` makes of [`KEY`], in the form
/// of `openssl enc -md md5`, in Base64, escaped as a part of an address.
fn wrapped(password: &str, salt: [u8; 8]) -> Zeroizing<String> {
    let mut derived: Vec<u8> = Vec::with_capacity(48);
    let mut block = Vec::new();
    while derived.len() < 48 {
        block = Md5::digest([&block, KEY, &salt[..]].concat()).to_vec();
        derived.extend(&block);
    }
    let (mut key, mut iv) = ([0; 32], [0; 16]);
    key.copy_from_slice(&derived[..32]);
    iv.copy_from_slice(&derived[32..]);
    let length = password.len();
    let mut text = Zeroizing::new(vec![0; (length / BLOCK + 1) * BLOCK]);
    text[..length].copy_from_slice(password.as_bytes());
    let encryptor = cbc::Encryptor::<aes::Aes256>::new(&key.into(), &iv.into());
    // There is room for the padding, so it does not fail.
    let encrypted = encryptor.encrypt_padded::<Pkcs7>(&mut text, length).unwrap_or_default();
    let whole = [&b"Salted__"[..], &salt, encrypted].concat();
    let escaped = STANDARD.encode(whole).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    Zeroizing::new(escaped)
}

/// The cookie of the session that was opened: newer firmware sets it, older tells its value.
pub(super) fn session(answer: &HttpResponse, told: &Value) -> Option<SecretString> {
    let set = answer.headers.get_all(SET_COOKIE).iter().filter_map(|header| header.to_str().ok());
    let mut set =
        set.filter_map(|cookie| cookie.split(';').next()?.trim().strip_prefix(SESSION)?.strip_prefix('='));
    let token = set.rfind(|token| !token.is_empty()).or_else(|| told["token"].as_str())?;
    Some(SecretString::from(format!("{SESSION}={token}")))
}

/// Why nobody was let in.
pub(super) fn refusal(failure: Failure, username: &str) -> Error {
    match failure.code {
        WRONG => Error::LoginRefused { username: username.to_owned(), reason: None },
        LOCKED => Error::Busy { reason: failure.message },
        _ => failure.refusal(),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn passwords_are_wrapped_as_openssl_does() {
        // openssl enc -aes-256-cbc -md md5 -S 0102030405060708 -k nanokvm-sipeed-2024, behind its header.
        let wrapped = wrapped("correct horse", [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(*wrapped, "U2FsdGVkX18BAgMEBQYHCF4Hzd0WgUqA9pIYkJawFto%3D");
    }

    #[test]
    fn sessions_are_found_in_new_and_old_answers() {
        let check = |cookies: &[&'static str], told: Value, wanted: Option<&str>| {
            let headers = cookies.iter().map(|cookie| (SET_COOKIE, HeaderValue::from_static(cookie)));
            let headers: HeaderMap = HeaderMap::from_iter(headers);
            let answer = HttpResponse { status: 200, headers, body: Vec::new().into() };
            let found = session(&answer, &told);
            assert_eq!(found.as_ref().map(|found| found.expose_secret()), wanted);
        };
        let set = "nano-kvm-token=ey.J; Path=/; Max-Age=2678400; HttpOnly; SameSite=Strict";
        check(&["other=1", set], Value::Null, Some("nano-kvm-token=ey.J"));
        check(&[], json!({ "token": "abc" }), Some("nano-kvm-token=abc"));
        check(&["nano-kvm-token-2=x"], json!({}), None);
        check(&[], Value::Null, None);
    }
}
