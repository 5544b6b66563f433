//! Accounts of a controller and their passwords (DSP0266 section 13.3.7).

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::etag::patch;
use crate::root::root;
use crate::session::{log_in, session_path};
use crate::task::settle;
use crate::{Answer, Error, Method, Operation, Request, Resource, Stop, Talk};

/// Between two logins that are to prove a new password.
const PROOF_PAUSE: Duration = Duration::from_secs(5);

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its path.
    pub path: String,
    /// The user name.
    pub username: String,
    /// Its role, as the controller names it: `Administrator`, `Operator`, `ReadOnly`.
    pub role: Option<String>,
    /// Whether it may log in.
    pub enabled: bool,
    /// Whether too many wrong passwords locked it.
    pub locked: bool,
    /// Whether its password must be changed before anything else.
    pub must_change: bool,
    /// What it may log in to, where the controller says: `Redfish`, `IPMI`, `KVMIP`.
    pub account_types: Vec<String>,
}

/// What a controller asks of passwords, and what it does about wrong ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PasswordRules {
    /// The fewest characters.
    pub shortest: Option<u64>,
    /// The most characters.
    pub longest: Option<u64>,
    /// After how many wrong passwords an account is locked; 0 is never.
    pub lockout_after: Option<u64>,
    /// For how many seconds.
    pub lockout_seconds: Option<u64>,
}

/// Reads the accounts of a controller. Slots without a name are none.
///
/// # Errors
///
/// What [`Operation::perform`] says.
pub fn accounts(talk: &mut Talk) -> Result<Vec<Account>, Stop> {
    let (found, _) = resources(talk)?;
    Ok(found.iter().filter_map(|resource| account(resource)).collect())
}

/// Reads what a controller asks of passwords.
///
/// # Errors
///
/// What [`Operation::perform`] says.
pub fn password_rules(talk: &mut Talk) -> Result<PasswordRules, Stop> {
    let service = account_service(talk)?;
    let number = |name: &str| service.at(&[name]).as_u64();
    Ok(PasswordRules {
        shortest: number("MinPasswordLength"),
        longest: number("MaxPasswordLength"),
        lockout_after: number("AccountLockoutThreshold"),
        lockout_seconds: number("AccountLockoutDuration"),
    })
}

fn account_service(talk: &mut Talk) -> Result<Arc<Resource>, Stop> {
    let Some(path) = root(talk)?.accounts else {
        return Err(
            Error::Unsupported { what: "tell of accounts: its service root leads to none".into() }.into()
        );
    };
    talk.get(&path)
}

/// The accounts that can be read, and why another one cannot.
fn resources(talk: &mut Talk) -> Result<(Vec<Arc<Resource>>, Option<Error>), Stop> {
    let service = account_service(talk)?;
    let Some(collection) = service.link(&["Accounts"]) else {
        return Err(
            Error::Unsupported { what: "tell of accounts: its account service has none".into() }.into()
        );
    };
    let members = talk.members(collection)?;
    let read = talk.read_all(&members)?;
    let (found, failed): (Vec<_>, Vec<_>) = read.into_iter().partition(Result::is_ok);
    match failed.into_iter().find_map(Result::err) {
        Some(error) if found.is_empty() => Err(error.into()),
        error => Ok((found.into_iter().filter_map(Result::ok).collect(), error)),
    }
}

fn account(resource: &Resource) -> Option<Account> {
    let is = |name: &str| resource.at(&[name]).as_bool();
    let types = resource.at(&["AccountTypes"]).as_array();
    Some(Account {
        path: resource.path.clone(),
        username: resource.text(&["UserName"])?.to_owned(),
        role: resource.text(&["RoleId"]).map(str::to_owned),
        enabled: is("Enabled").unwrap_or(true),
        locked: is("Locked").unwrap_or(false),
        must_change: is("PasswordChangeRequired").unwrap_or(false),
        account_types: types
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str())
            .map(str::to_owned)
            .collect(),
    })
}

/// How sure it is that a new password holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordProof {
    /// A login with it succeeded.
    Proven,
    /// The controller accepted it; no session was free to prove it.
    Accepted,
}

/// Gives an account a new password, and logs in with it to see that it holds.
///
/// The session or credentials that this is sent with should be those of another account: some controllers end the
/// sessions of an account whose password changes.
#[derive(Clone, Debug)]
pub struct SetPassword {
    /// The user name of the account.
    pub username: String,
    /// The new password.
    pub new: SecretString,
    /// The path of the account where it is known, as where the controller asks for a new password before it shows anything
    /// else ([`Error::PasswordChangeRequired`]).
    pub account: Option<String>,
}

impl Operation for SetPassword {
    type Output = PasswordProof;

    fn perform(&self, talk: &mut Talk) -> Result<PasswordProof, Stop> {
        self.tell(talk)?;
        self.prove(talk)
    }
}

impl SetPassword {
    /// Gives the account the new password, and leaves it to the caller to prove that it holds.
    ///
    /// # Errors
    ///
    /// What [`Operation::perform`] says, but for what a login shows.
    pub fn tell(&self, talk: &mut Talk) -> Result<(), Stop> {
        let resource = match &self.account {
            // It may not be shown before it has a new password.
            Some(path) => Arc::new(Resource { path: path.clone(), etag: None, value: json!({}) }),
            None => self.find(talk)?,
        };
        let body = json!({ "Password": self.new.expose_secret() });
        let answer = patch(talk, &resource, &body)?;
        if !answer.is_success() {
            return Err(self.refusal(&resource.path, &answer).into());
        }
        settle(talk, &answer)?;
        Ok(())
    }

    fn find(&self, talk: &mut Talk) -> Result<Arc<Resource>, Stop> {
        let (found, failed) = resources(talk)?;
        let named = found.into_iter().find(|resource| resource.text(&["UserName"]) == Some(&self.username));
        // It may be the one that could not be read.
        let missing = || failed.unwrap_or_else(|| Error::NoAccount { username: self.username.clone() });
        named.ok_or_else(|| missing().into())
    }

    /// Logs in with the new password, and out again.
    fn prove(&self, talk: &mut Talk) -> Result<PasswordProof, Stop> {
        let Some(sessions) = session_collection(talk)? else { return Ok(PasswordProof::Accepted) };
        let mut answer = talk.send(log_in(&sessions, &self.username, &self.new))?;
        if is_refusal(&answer) {
            // Some controllers take a moment, and some refuse right credentials now and then.
            talk.pause(PROOF_PAUSE)?;
            answer = talk.send(log_in(&sessions, &self.username, &self.new))?;
        }
        if answer.is_success() {
            if let Some(path) = session_path(&answer) {
                // Where it cannot be ended, it ends by itself.
                talk.send(Request::delete(path))?;
            }
            return Ok(PasswordProof::Proven);
        }
        if is_refusal(&answer) {
            let what = format!("the password of {}", self.username);
            return Err(Error::NotKept { what, seen: "that the new one is wrong".to_owned() }.into());
        }
        Ok(PasswordProof::Accepted)
    }

    /// Controllers repeat what was wrong with a password, the password or a part of it among it. Then the names of their
    /// messages must do.
    fn refusal(&self, path: &str, answer: &Answer) -> Error {
        let request = Request::with(Method::Patch, path, json!({}));
        if answer.value().is_none_or(|value| !repeats(value, self.new.expose_secret())) {
            return answer.error(&request);
        }
        let mut ids = answer.message_ids();
        ids.retain(|id| !shares(id, self.new.expose_secret()));
        let message = format!("status {}, {}", answer.status, ids.join(", "));
        let infos = json!({ "error": { "message": message } });
        Answer::json(answer.status, infos).error(&request)
    }
}

/// Characters in a row that a text may share with a password by chance.
const SHARED: usize = 3;

/// Whether a text repeats more of a password than chance explains.
fn shares(text: &str, password: &str) -> bool {
    let letters: Vec<char> = password.chars().collect();
    letters.windows(SHARED + 1).any(|part| text.contains(part.iter().collect::<String>().as_str()))
        || letters.len() <= SHARED && text.contains(password)
}

fn repeats(value: &Value, password: &str) -> bool {
    match value {
        Value::String(text) => shares(text, password),
        Value::Array(values) => values.iter().any(|value| repeats(value, password)),
        Value::Object(values) => values.values().any(|value| repeats(value, password)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn session_collection(talk: &mut Talk) -> Result<Option<String>, Stop> {
    Ok(root(talk)?.sessions)
}

fn is_refusal(answer: &Answer) -> bool {
    matches!(answer.status, 401 | 403)
        && !answer.message_ids().iter().any(|id| id == "PasswordChangeRequired")
}
