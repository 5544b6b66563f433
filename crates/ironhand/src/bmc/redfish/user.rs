//! `ironhand bmc user` over Redfish: the accounts of the controllers.

use std::borrow::Cow;

use ironhand_connectors::RedfishDevice;
use ironhand_redfish::{Account, Error as Redfish, PasswordProof, SetPassword, accounts};
use secrecy::SecretString;
use serde::Serialize;

use super::{Controllers, Problem};
use crate::bmc::report::{Finding, Shown};
use crate::bmc::user::{Action, User};
use crate::exit::Failure;
use crate::files::read_password;
use crate::output::{Field, Output, Tone};

/// `ironhand bmc user`.
pub async fn user(controllers: &Controllers, asked: &User) -> Result<(), Failure> {
    match &asked.action {
        Action::List { .. } => {
            controllers.each(async |device| Ok(Accounts::of(device.run(accounts).await?))).await
        }
        Action::SetPassword { which, password } => {
            let new = read_password(&password.new_password_file)?;
            controllers.change(async |device| set(device, which, &new).await).await
        }
        _ => Err(super::over_ipmi_only("user")),
    }
}

async fn set(device: &mut RedfishDevice, username: &str, new: &SecretString) -> Result<Changed, Problem> {
    let set = |account| SetPassword { username: username.to_owned(), new: new.clone(), account };
    let result = match device.run(set(None)).await {
        // Before that the controller shows nothing else, not even its accounts.
        Err(ironhand_connectors::Error::Redfish(Redfish::PasswordChangeRequired {
            account: Some(account),
        })) => device.run(set(Some(account))).await,
        result => result,
    };
    Ok(Changed { user: username.to_owned(), change: "set", tested: result? == PasswordProof::Proven })
}

/// The accounts of one controller.
#[derive(Serialize)]
struct Accounts {
    users: Vec<Row>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: String,
    enabled: bool,
    /// The role, which says what it may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<String>,
    locked: bool,
    /// It can do nothing before it has another password.
    must_change_password: bool,
}

impl Accounts {
    fn of(found: Vec<Account>) -> Self {
        let row = |account: Account| Row {
            name: account.username,
            enabled: account.enabled,
            limit: account.role.map(limit),
            locked: account.locked,
            must_change_password: account.must_change,
        };
        Self { users: found.into_iter().map(row).collect() }
    }
}

/// A role; those that are levels of IPMI too have the same word.
fn limit(role: String) -> String {
    match role.as_str() {
        "Administrator" | "Operator" => role.to_lowercase(),
        _ => role,
    }
}

impl Finding for Accounts {
    fn outcome(&self) -> Cow<'static, str> {
        "listed".into()
    }

    fn shown(&self, _: Output) -> Shown {
        let row = |user: &Row| {
            let enabled = if user.enabled { ("yes", Tone::Good) } else { ("no", Tone::Dim) };
            let mut notes = Vec::new();
            notes.extend(user.locked.then_some("locked"));
            notes.extend(user.must_change_password.then_some("must change its password"));
            vec![
                user.name.as_str().into(),
                Field::toned(enabled.0, enabled.1),
                user.limit.clone().unwrap_or_default().into(),
                Field::toned(notes.join(", "), Tone::Warn),
            ]
        };
        Shown::Table {
            head: &["name", "enabled", "limit", "notes"],
            rows: self.users.iter().map(row).collect(),
        }
    }
}

/// A password that was changed.
#[derive(Serialize)]
struct Changed {
    user: String,
    change: &'static str,
    /// A login with it succeeded.
    tested: bool,
}

impl Finding for Changed {
    fn outcome(&self) -> Cow<'static, str> {
        self.change.into()
    }

    fn shown(&self, _: Output) -> Shown {
        let user = &self.user;
        Shown::Line(match self.tested {
            true => Field::toned(format!("user {user}: password set, a login with it succeeded"), Tone::Good),
            false => Field::toned(
                format!("user {user}: password set; no session was free to prove it: try it"),
                Tone::Warn,
            ),
        })
    }
}
