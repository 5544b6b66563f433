//! Logins to the web pages of controllers, which come before their consoles.

use hyper::header::{HeaderValue, SET_COOKIE};
use secrecy::ExposeSecret;

use super::State;
use super::front::{Answer, Asked};

/// Sessions that a controller has room for.
const MOST_SESSIONS: usize = 4;

/// What comes of a login.
pub(super) enum Login {
    /// The session that was opened.
    Open(String),
    /// The name or the password is wrong.
    Wrong,
    /// All sessions are taken.
    Full,
}

/// Text that nobody can foresee, of `length` characters.
pub(super) fn unforeseen(length: usize) -> String {
    let mut random = vec![0; length.div_ceil(2)];
    // Without random numbers all sessions look alike, which nobody minds in a simulation.
    let _ = getrandom::fill(&mut random);
    let mut text = hex::encode(random);
    text.truncate(length);
    text
}

/// Opens a session for a form with a name and a password.
pub(super) fn log_in(state: &State, asked: &Asked, user: &str, password: &str) -> Login {
    let given = [user, password].map(|field| form_field(&asked.body, field));
    let known = given[0].as_deref() == Some(&state.config.user)
        && given[1].as_deref() == Some(state.config.password.expose_secret());
    let mut inner = state.inner();
    match known {
        false => Login::Wrong,
        true if inner.web_sessions.len() >= MOST_SESSIONS => Login::Full,
        true => {
            let session = unforeseen(16);
            inner.web_sessions.push(session.clone());
            Login::Open(session)
        }
    }
}

/// The session of a request, by the cookie of that name.
pub(super) fn session(state: &State, asked: &Asked, cookie: &str) -> Option<String> {
    let cookies = asked.header("cookie")?.split("; ");
    let mut values = cookies.filter_map(|pair| pair.strip_prefix(cookie)?.strip_prefix('='));
    let session = values.next()?;
    state.inner().web_sessions.iter().find(|known| *known == session).cloned()
}

/// Ends a session.
pub(super) fn log_out(state: &State, session: &str) {
    state.inner().web_sessions.retain(|known| known != session);
}

/// Sets the cookie of a session.
pub(super) fn with_cookie(mut answer: Answer, cookie: &str, session: &str) -> Answer {
    if let Ok(cookie) = HeaderValue::try_from(format!("{cookie}={session}; path=/; secure; HttpOnly")) {
        answer.headers_mut().insert(SET_COOKIE, cookie);
    }
    answer
}

/// A field of a form (WHATWG URL, application/x-www-form-urlencoded).
fn form_field(body: &[u8], name: &str) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let mut pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(known, _)| *known == name)?;
    let mut bytes = value.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_forms() {
        let check = |body: &str, wanted: Option<&str>| {
            assert_eq!(form_field(body.as_bytes(), "pwd").as_deref(), wanted, "{body}");
        };
        check("name=a&pwd=b", Some("b"));
        check("pwd=c0rrect%3a+h%26rse", Some("c0rrect: h&rse"));
        check("name=a", None);
        check("pwd=%4", None);
        check("pwd=%zz", None);
    }
}
