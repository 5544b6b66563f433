//! `ironhand bmc user`: who may log in to the BMCs.

use std::borrow::Cow;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use ironhand_ipmi::user::{
    self, AccessChange, Deleted, EnabledStatus, Limit, ListedUser, NewUser, PasswordKept, PasswordSize,
    PasswordTest, UserAccess, UserId, UserList, UserName, UserPassword,
};
use ironhand_ipmi::{CompletionCode, PrivilegeLevel, Procedure, channel};
use ironhand_ipmi_port::Bmc;
use serde::Serialize;

use super::access::Privilege;
use super::{Finding, Fleet, Problem, Shown};
use crate::exit::Failure;
use crate::files::read_password;
use crate::output::{Field, Output, Tone};

/// `ironhand bmc user`.
#[derive(Args)]
pub struct User {
    /// The channel whose access is meant: 1 to 11 [default: the one that is used]
    #[arg(long, global = true, default_value_t = channel::THIS, hide_default_value = true, value_name = "NUMBER")]
    channel: u8,
    #[command(subcommand)]
    pub(super) action: Action,
}

#[derive(Subcommand)]
pub(super) enum Action {
    /// List the users
    List {
        /// Also places that nobody has
        #[arg(long)]
        all: bool,
    },
    /// Create a user in the first free place
    Create {
        /// Its name: up to 16 bytes
        name: String,
        #[command(flatten)]
        password: NewPassword,
        /// The highest privilege level
        #[arg(long, value_enum, default_value_t = Privilege::User)]
        limit: Privilege,
    },
    /// Disable a user, take its access away and clear its name
    Delete {
        /// Number or name
        #[arg(value_name = "USER")]
        which: String,
        /// Also if it is the user who asks: nobody can log in as it any more
        #[arg(long)]
        yes: bool,
    },
    /// Rename a user
    SetName {
        /// Number or name
        #[arg(value_name = "USER")]
        which: String,
        /// The new name: up to 16 bytes
        name: String,
    },
    /// Set a user's password, and find out how much of it the BMC keeps
    SetPassword {
        /// Number or name
        #[arg(value_name = "USER")]
        which: String,
        #[command(flatten)]
        password: NewPassword,
    },
    /// Ask the BMC whether a password is the user's
    Test {
        /// Number or name
        #[arg(value_name = "USER")]
        which: String,
        /// The password is in this file
        #[arg(long, value_name = "FILE")]
        tested_password_file: PathBuf,
    },
    /// Show or change what a user may do
    Access {
        /// Number or name
        #[arg(value_name = "USER")]
        which: String,
        /// The highest privilege level
        #[arg(long, value_enum)]
        limit: Option<LimitWord>,
        /// Whether sessions over the LAN are possible
        #[arg(long, value_enum)]
        messaging: Option<Switch>,
        /// Whether name and password serve for link authentication
        #[arg(long, value_enum)]
        link: Option<Switch>,
        /// Whether the user may only be called back
        #[arg(long, value_enum)]
        callback: Option<Switch>,
    },
    /// Let a user log in
    Enable {
        /// Number or name
        #[arg(value_name = "USER")]
        which: String,
    },
    /// Keep a user from logging in
    Disable {
        /// Number or name
        #[arg(value_name = "USER")]
        which: String,
        /// Also if it is the user who asks: nobody can log in as it any more
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Args)]
pub(super) struct NewPassword {
    /// The new password is in this file: up to 20 bytes, over Redfish as many as the BMC takes
    #[arg(long, value_name = "FILE")]
    pub(super) new_password_file: PathBuf,
    /// How many bytes the BMC is to store it in: IPMI 1.5 sessions need 16
    #[arg(long, default_value_t = 20, value_parser = size_of)]
    size: usize,
}

fn size_of(text: &str) -> Result<usize, String> {
    match text {
        "16" => Ok(16),
        "20" => Ok(20),
        _ => Err("16 or 20".to_owned()),
    }
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Switch {
    On,
    Off,
}

impl From<Switch> for bool {
    fn from(switch: Switch) -> Self {
        switch == Switch::On
    }
}

/// The privilege levels that a user can be limited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LimitWord {
    Callback,
    User,
    Operator,
    Administrator,
    Oem,
    /// No access at all
    None,
}

impl From<LimitWord> for Limit {
    fn from(word: LimitWord) -> Self {
        match word {
            LimitWord::Callback => Self::Level(PrivilegeLevel::Callback),
            LimitWord::User => Self::Level(PrivilegeLevel::User),
            LimitWord::Operator => Self::Level(PrivilegeLevel::Operator),
            LimitWord::Administrator => Self::Level(PrivilegeLevel::Administrator),
            LimitWord::Oem => Self::Oem,
            LimitWord::None => Self::NoAccess,
        }
    }
}

/// The word of a limit.
pub(super) fn limit_word(limit: Limit) -> Cow<'static, str> {
    match limit {
        Limit::Level(PrivilegeLevel::Callback) => "callback".into(),
        Limit::Level(PrivilegeLevel::User) => "user".into(),
        Limit::Level(PrivilegeLevel::Operator) => "operator".into(),
        Limit::Level(PrivilegeLevel::Administrator) => "administrator".into(),
        Limit::Oem => "oem".into(),
        Limit::NoAccess => "none".into(),
        Limit::Reserved(number) => format!("reserved-{number:x}").into(),
    }
}

/// `ironhand bmc user`.
pub async fn user(fleet: &Fleet, asked: &User) -> Result<(), Failure> {
    let channel = asked.channel;
    match &asked.action {
        Action::List { all } => {
            fleet.each(async |bmc| Ok(Users::of(&bmc.run(user::list(channel)).await?, *all))).await
        }
        Action::Create { name, password, limit } => {
            let (size, password) = new_password(password)?;
            let limit = match limit {
                Privilege::User => PrivilegeLevel::User,
                Privilege::Operator => PrivilegeLevel::Operator,
                Privilege::Administrator => PrivilegeLevel::Administrator,
            };
            let new = NewUser { name: user_name(name)?, password, size, limit };
            fleet
                .change(async |bmc| {
                    let created = bmc.run(user::create(channel, new.clone())).await?;
                    Ok(Password::of("created", created.id, created.password))
                })
                .await
        }
        Action::SetPassword { which, password } => {
            let (size, password) = new_password(password)?;
            fleet
                .change(async |bmc| {
                    let id = find(bmc, channel, which).await?;
                    let kept = bmc.run(user::set_password(id, password.clone(), size)).await?;
                    Ok(Password::of("set", id, kept))
                })
                .await
        }
        Action::Test { which, tested_password_file } => {
            let password = password_of(tested_password_file)?;
            fleet
                .each(async |bmc| {
                    let id = find(bmc, channel, which).await?;
                    Ok(Tested::of(bmc.run(user::test_password(id, password.clone())).await?))
                })
                .await
        }
        Action::Access { which, limit, messaging, link, callback } => {
            let change = AccessChange {
                callback_only: callback.map(bool::from),
                link_authentication: link.map(bool::from),
                ipmi_messaging: messaging.map(bool::from),
                limit: limit.map(Limit::from),
            };
            fleet.change(async |bmc| access(bmc, channel, which, change).await).await
        }
        Action::SetName { which, name } => {
            let name = user_name(name)?;
            changed(fleet, channel, which, "renamed", |id| user::set_name(id, name.clone())).await
        }
        Action::Enable { which } => {
            changed(fleet, channel, which, "enabled", |id| user::enable(id, None)).await
        }
        Action::Disable { which, yes } => {
            fleet
                .change(async |bmc| {
                    let id = find_other(fleet, bmc, channel, which, *yes).await?;
                    bmc.run(user::disable(id, None)).await?;
                    Ok(Changed { user: id.number(), change: "disabled" })
                })
                .await
        }
        Action::Delete { which, yes } => {
            fleet
                .change(async |bmc| {
                    let id = find_other(fleet, bmc, channel, which, *yes).await?;
                    Ok(Gone::of(id, bmc.run(user::delete(channel, id)).await?))
                })
                .await
        }
    }
}

/// Runs what `make` makes for the user on every BMC.
async fn changed<P: Procedure<Output = ()>>(
    fleet: &Fleet,
    channel: u8,
    user: &str,
    change: &'static str,
    make: impl Fn(UserId) -> P,
) -> Result<(), Failure> {
    fleet
        .change(async |bmc| {
            let id = find(bmc, channel, user).await?;
            bmc.run(make(id)).await?;
            Ok(Changed { user: id.number(), change })
        })
        .await
}

fn user_name(name: &str) -> Result<UserName, Failure> {
    UserName::new(name).map_err(|error| Failure::Usage { message: error.to_string(), hint: None })
}

fn password_of(file: &std::path::Path) -> Result<UserPassword, Failure> {
    UserPassword::new(&read_password(file)?)
        .map_err(|error| Failure::Usage { message: format!("{}: {error}", file.display()), hint: None })
}

fn new_password(asked: &NewPassword) -> Result<(PasswordSize, UserPassword), Failure> {
    let password = password_of(&asked.new_password_file)?;
    let size = if asked.size == 16 { PasswordSize::Sixteen } else { PasswordSize::Twenty };
    if !password.fits(size) {
        return Err(Failure::Usage {
            message: "the new password is longer than 16 bytes".to_owned(),
            hint: Some("leave out --size 16, or shorten it".to_owned()),
        });
    }
    Ok((size, password))
}

/// The user with a number, or the name.
async fn find(bmc: &Bmc, channel: u8, user: &str) -> Result<UserId, Problem> {
    if let Some(id) = user.parse().ok().and_then(UserId::new) {
        return Ok(id);
    }
    let users = bmc.run(user::list(channel)).await?;
    let name = UserName::new(user).ok();
    name.as_ref().and_then(|name| users.named(name)).map(|user| user.id).ok_or_else(|| {
        Problem::failed("user.unknown", "unknown user", format!("the BMC has no user {user}"))
            .with_hint("`ironhand bmc user list` shows all")
    })
}

/// The user with a number, or the name, if it is another than the one who asks or `yes` was said.
async fn find_other(fleet: &Fleet, bmc: &Bmc, channel: u8, user: &str, yes: bool) -> Result<UserId, Problem> {
    let id = find(bmc, channel, user).await?;
    let users = bmc.run(user::list(channel)).await?;
    let own = UserName::new(&fleet.config.username).ok();
    let name = users.users.into_iter().find(|listed| listed.id == id).map(|listed| listed.name);
    if !yes && own.is_some() && name == own {
        let message = "this is the user who asks: nobody could log in as it any more";
        let refused = Problem::failed("user.own", "refused", message);
        return Err(Problem { exit: 4, ..refused.with_hint("log in as another user, or add --yes") });
    }
    Ok(id)
}

async fn access(bmc: &Bmc, channel: u8, user: &str, change: AccessChange) -> Result<Access, Problem> {
    let id = find(bmc, channel, user).await?;
    let access = match change == AccessChange::default() {
        false => bmc.run(user::set_access(channel, id, change)).await?,
        true => {
            let users = bmc.run(user::list(channel)).await?;
            let listed = users.users.iter().find(|listed| listed.id == id);
            listed.map(|listed| listed.access).ok_or_else(|| {
                Problem::failed("user.unknown", "unknown user", format!("the BMC has no user {id}"))
            })?
        }
    };
    Ok(Access::of(id, access))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Users {
    maximum: u8,
    enabled_count: u8,
    fixed_names: u8,
    users: Vec<Row>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: u8,
    name: String,
    /// Nothing where the BMC does not say.
    enabled: Option<bool>,
    #[serde(flatten)]
    access: Access,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Access {
    #[serde(skip)]
    user: u8,
    limit: Cow<'static, str>,
    ipmi_messaging: bool,
    link_authentication: bool,
    callback_only: bool,
}

impl Access {
    fn of(id: UserId, access: UserAccess) -> Self {
        Self {
            user: id.number(),
            limit: limit_word(access.limit),
            ipmi_messaging: access.ipmi_messaging,
            link_authentication: access.link_authentication,
            callback_only: access.callback_only,
        }
    }
}

impl Users {
    fn of(list: &UserList, all: bool) -> Self {
        let taken =
            |user: &&ListedUser| all || !user.name.is_empty() || user.enabled == EnabledStatus::Enabled;
        let row = |user: &ListedUser| Row {
            id: user.id.number(),
            name: user.name.as_str().to_owned(),
            enabled: match user.enabled {
                EnabledStatus::Enabled => Some(true),
                EnabledStatus::Disabled => Some(false),
                EnabledStatus::Unspecified | EnabledStatus::Reserved => None,
            },
            access: Access::of(user.id, user.access),
        };
        Self {
            maximum: list.counts.maximum,
            enabled_count: list.counts.enabled,
            fixed_names: list.counts.fixed_names,
            users: list.users.iter().filter(taken).map(row).collect(),
        }
    }
}

fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

impl Finding for Users {
    fn outcome(&self) -> Cow<'static, str> {
        "listed".into()
    }

    fn shown(&self, _: Output) -> Shown {
        Shown::Table {
            head: &["id", "name", "enabled", "limit", "messaging", "link", "callback only"],
            rows: self
                .users
                .iter()
                .map(|user| {
                    let (enabled, tone) = match user.enabled {
                        Some(true) => ("yes", Tone::Good),
                        Some(false) => ("no", Tone::Dim),
                        None => ("not told", Tone::Dim),
                    };
                    vec![
                        user.id.to_string().into(),
                        user.name.as_str().into(),
                        Field::toned(enabled, tone),
                        user.access.limit.as_ref().into(),
                        yes_no(user.access.ipmi_messaging).into(),
                        yes_no(user.access.link_authentication).into(),
                        yes_no(user.access.callback_only).into(),
                    ]
                })
                .collect(),
        }
    }
}

impl Finding for Access {
    fn shown(&self, _: Output) -> Shown {
        Shown::Pairs(vec![
            ("user", self.user.to_string().into()),
            ("limit", self.limit.as_ref().into()),
            ("messaging", yes_no(self.ipmi_messaging).into()),
            ("link", yes_no(self.link_authentication).into()),
            ("callback only", yes_no(self.callback_only).into()),
        ])
    }
}

#[derive(Serialize)]
struct Changed {
    user: u8,
    change: &'static str,
}

impl Finding for Changed {
    fn outcome(&self) -> Cow<'static, str> {
        self.change.into()
    }

    fn shown(&self, _: Output) -> Shown {
        Shown::Line(format!("user {} {}", self.user, self.change).into())
    }
}

/// What became of a password.
#[derive(Serialize)]
struct Password {
    user: u8,
    change: &'static str,
    /// Bytes in which it is stored.
    size: usize,
    /// The BMC takes the first 16 bytes alone for the password.
    truncated: bool,
    /// The BMC confirmed it by its own test.
    tested: bool,
}

impl Password {
    fn of(change: &'static str, id: UserId, kept: PasswordKept) -> Self {
        let PasswordKept { size, truncated, tested } = kept;
        Self { user: id.number(), change, size: size.bytes(), truncated, tested }
    }
}

impl Finding for Password {
    fn outcome(&self) -> Cow<'static, str> {
        if self.truncated { "password truncated".into() } else { self.change.into() }
    }

    fn shown(&self, _: Output) -> Shown {
        let Self { user, change, size, .. } = self;
        let text = format!("user {user}: password {change}, stored in {size} bytes");
        Shown::Line(match (self.truncated, self.tested) {
            (true, _) => Field::toned(format!("{text}, but the first 16 suffice to log in"), Tone::Warn),
            (false, true) => Field::toned(text, Tone::Good),
            (false, false) => {
                Field::toned(format!("{text}; the BMC cannot test it: try it in a new session"), Tone::Warn)
            }
        })
    }
}

#[derive(Serialize)]
struct Tested {
    matches: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<usize>,
}

impl Tested {
    fn of(test: PasswordTest) -> Self {
        match test {
            PasswordTest::Matches(size) => Self { matches: true, size: Some(size.bytes()) },
            PasswordTest::Differs => Self { matches: false, size: None },
        }
    }
}

impl Finding for Tested {
    fn outcome(&self) -> Cow<'static, str> {
        if self.matches { "matches".into() } else { "differs".into() }
    }

    fn shown(&self, _: Output) -> Shown {
        Shown::Line(match self.size {
            Some(size) => Field::toned(format!("matches, stored in {size} bytes"), Tone::Good),
            None => Field::toned("differs", Tone::Bad),
        })
    }
}

/// What could be done to delete a user.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Gone {
    user: u8,
    disabled: bool,
    access_removed: bool,
    name_cleared: bool,
    /// What the BMC refused, with its verdict.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<String>,
}

impl Gone {
    fn of(id: UserId, deleted: Deleted) -> Self {
        let steps = [
            ("to disable it", deleted.disabled),
            ("to take its access away", deleted.access_removed),
            ("to clear its name", deleted.name_cleared),
        ];
        let refusal = |(what, outcome): (&str, Result<(), CompletionCode>)| {
            outcome.err().map(|code| format!("{what}: {code}"))
        };
        Self {
            user: id.number(),
            disabled: deleted.disabled.is_ok(),
            access_removed: deleted.access_removed.is_ok(),
            name_cleared: deleted.name_cleared.is_ok(),
            refused: steps.into_iter().filter_map(refusal).collect(),
        }
    }
}

impl Finding for Gone {
    fn outcome(&self) -> Cow<'static, str> {
        if self.refused.is_empty() { "deleted".into() } else { "deleted in part".into() }
    }

    fn shown(&self, _: Output) -> Shown {
        Shown::Line(match self.refused.is_empty() {
            true => format!("user {} deleted", self.user).into(),
            false => Field::toned(
                format!("user {} deleted in part; the BMC refused {}", self.user, self.refused.join(", ")),
                Tone::Warn,
            ),
        })
    }
}
