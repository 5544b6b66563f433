//! The BMC's users (IPMI 2.0 sections 22.26 to 22.30).

use crate::bmc::Bmc;
use crate::bmc::commands::{Answer, Handler, handler};
use crate::bmc::config::User;
use crate::completion::CompletionCode;
use crate::keys::SecretKey;
use crate::privilege::PrivilegeLevel;
use crate::quirk::{Quirk, Quirks};
use crate::setup::RakpStatus;
use crate::user::{
    EnabledStatus, FoundAccess, GetUserAccess, GetUserName, Limit, Operation, PASSWORD_MISMATCH,
    PASSWORD_SIZE_MISMATCH, PasswordSize, SetUserAccess, SetUserName, SetUserPassword, UserAccess,
    UserCounts, UserId, UserName,
};

pub(super) const HANDLERS: &[Handler] = &[
    handler::<SetUserAccess>(|bmc, _, data| set_access(bmc, data)),
    handler::<GetUserAccess>(|bmc, _, data| access(bmc, data)),
    handler::<SetUserName>(|bmc, _, data| set_name(bmc, data)),
    handler::<GetUserName>(|bmc, _, data| name(bmc, data)),
    handler::<SetUserPassword>(|bmc, _, data| set_password(bmc, data)),
];

/// Places for users, as on most BMCs.
const PLACES: u8 = 15;

/// One place of the table.
struct Account {
    /// As text; names of a configuration may be longer than the wire carries, and then never match.
    name: String,
    password: Option<SecretKey>,
    size: PasswordSize,
    enabled: bool,
    access: UserAccess,
}

/// A place that was never filled.
static FREE: Account = Account::free();

impl Account {
    const fn free() -> Self {
        Self {
            name: String::new(),
            password: None,
            size: PasswordSize::Sixteen,
            enabled: false,
            access: UserAccess::NONE,
        }
    }

    fn configured(user: User) -> Self {
        let password = SecretKey::from_password(&user.password);
        let fits =
            secrecy::ExposeSecret::expose_secret(&user.password).len() <= PasswordSize::Sixteen.bytes();
        Self {
            name: user.name,
            // A password that is too long never matches: the account is as good as disabled.
            enabled: user.enabled && password.is_some(),
            password,
            size: if fits { PasswordSize::Sixteen } else { PasswordSize::Twenty },
            access: UserAccess::lan(user.limit),
        }
    }

    /// The key that the password counts as.
    fn key(&self, quirks: Quirks) -> Option<SecretKey> {
        self.password.clone().map(|key| counted(key, quirks))
    }

    /// The highest level over the LAN; `None` for who may not log in.
    fn limit(&self) -> Option<PrivilegeLevel> {
        self.access.limit.level().filter(|_| self.enabled && self.access.ipmi_messaging)
    }
}

/// What counts of a key: all of it, or the first 16 bytes where the BMC truncates passwords.
fn counted(key: SecretKey, quirks: Quirks) -> SecretKey {
    match quirks.contains(Quirk::TruncatedPassword) {
        true => key.truncated(PasswordSize::Sixteen.bytes()),
        false => key,
    }
}

/// A user who may log in.
pub(super) struct Found {
    /// Index into the table: the user id less one.
    pub(super) index: usize,
    pub(super) key: SecretKey,
}

/// The table of users; places behind the last one that was ever filled take no memory.
pub(super) struct Users {
    accounts: Vec<Account>,
}

impl Users {
    pub(super) fn new(configured: Vec<User>) -> Self {
        let mut accounts: Vec<Account> =
            configured.into_iter().take(usize::from(UserId::LIMIT)).map(Account::configured).collect();
        accounts.shrink_to_fit();
        Self { accounts }
    }

    /// Looks up who logs in with `name` at level `asked`, by name alone or by both (section 13.20).
    pub(super) fn find(
        &self,
        name: &[u8],
        asked: PrivilegeLevel,
        by_name_alone: bool,
        quirks: Quirks,
    ) -> Result<Found, RakpStatus> {
        let (index, account, limit) = self
            .accounts
            .iter()
            .enumerate()
            .filter(|(_, account)| account.name.as_bytes() == name)
            .filter_map(|(index, account)| account.limit().map(|limit| (index, account, limit)))
            .find(|(_, _, limit)| by_name_alone || *limit >= asked)
            .ok_or(RakpStatus::UNAUTHORIZED_NAME)?;
        if asked > limit {
            return Err(RakpStatus::UNAUTHORIZED_ROLE);
        }
        let key = account.key(quirks).ok_or(RakpStatus::UNAUTHORIZED_NAME)?;
        Ok(Found { index, key })
    }

    /// The key of the user at `index`, whether enabled or not.
    pub(super) fn key(&self, index: usize, quirks: Quirks) -> Option<SecretKey> {
        self.accounts.get(index)?.key(quirks)
    }

    /// The name of the user at `index`.
    pub(super) fn name(&self, index: usize) -> String {
        self.accounts.get(index).map(|account| account.name.clone()).unwrap_or_default()
    }

    /// Whether anybody may log in who has a name, who has only a password, and who has neither.
    pub(super) fn kinds(&self) -> [bool; 3] {
        let any = |named: bool, empty_password: bool| {
            self.accounts.iter().filter(|account| account.limit().is_some()).any(|account| {
                let password = account.password.as_ref().is_none_or(SecretKey::is_empty);
                account.name.is_empty() != named && (named || password == empty_password)
            })
        };
        [any(true, false), any(false, false), any(false, true)]
    }

    pub(super) fn maximum(&self) -> u8 {
        (self.accounts.len() as u8).max(PLACES)
    }

    /// The place of a user id that exists.
    fn place(&self, user: UserId) -> Result<usize, CompletionCode> {
        match user.number() <= self.maximum() {
            true => Ok(usize::from(user.number()) - 1),
            false => Err(CompletionCode::INVALID_FIELD),
        }
    }

    fn get(&self, user: UserId) -> Result<&Account, CompletionCode> {
        Ok(self.accounts.get(self.place(user)?).unwrap_or(&FREE))
    }

    fn get_mut(&mut self, user: UserId) -> Result<&mut Account, CompletionCode> {
        let place = self.place(user)?;
        if self.accounts.len() <= place {
            self.accounts.resize_with(place + 1, Account::free);
        }
        self.accounts.get_mut(place).ok_or(CompletionCode::INVALID_FIELD)
    }
}

fn set_access(bmc: &mut Bmc, data: &[u8]) -> Answer {
    let request = SetUserAccess::decode_request(data)?;
    Bmc::check_channel(request.channel)?;
    if matches!(request.limit, Limit::Reserved(6..)) {
        return Err(CompletionCode::INVALID_FIELD);
    }
    let account = bmc.users.get_mut(request.user)?;
    let flags = request.access.unwrap_or(account.access.flags());
    account.access = UserAccess::from_bits(flags, request.limit.number());
    Ok(Vec::new())
}

fn access(bmc: &mut Bmc, data: &[u8]) -> Answer {
    let &[channel, user] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    Bmc::check_channel(channel)?;
    let account = bmc.users.get(user_id(user)?)?;
    let enabled = bmc.users.accounts.iter().filter(|account| account.enabled).count();
    let reply = FoundAccess {
        counts: UserCounts { maximum: bmc.users.maximum(), enabled: enabled as u8, fixed_names: 0 },
        status: if account.enabled { EnabledStatus::Enabled } else { EnabledStatus::Disabled },
        access: account.access,
    };
    Ok(reply.encode())
}

fn set_name(bmc: &mut Bmc, data: &[u8]) -> Answer {
    let (&[user], field) = data.split_first_chunk().ok_or(CompletionCode::REQUEST_LENGTH_INVALID)?;
    if field.len() != crate::user::NAME_LIMIT {
        return Err(CompletionCode::REQUEST_LENGTH_INVALID);
    }
    let name = UserName::from_field(field);
    bmc.users.get_mut(user_id(user)?)?.name = name.as_str().to_owned();
    Ok(Vec::new())
}

fn name(bmc: &mut Bmc, data: &[u8]) -> Answer {
    let &[user] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    let name = &bmc.users.get(user_id(user)?)?.name;
    let mut field: Vec<u8> = name.bytes().take(crate::user::NAME_LIMIT).collect();
    field.resize(crate::user::NAME_LIMIT, 0);
    Ok(field)
}

fn set_password(bmc: &mut Bmc, data: &[u8]) -> Answer {
    let quirks = bmc.config.quirks;
    let SetUserPassword { user, size, operation } = SetUserPassword::decode_request(data)?;
    if size == PasswordSize::Twenty && quirks.contains(Quirk::Password20) {
        return Err(CompletionCode::REQUEST_LENGTH_INVALID);
    }
    match operation {
        Operation::Disable(_) => bmc.users.get_mut(user)?.enabled = false,
        Operation::Enable(_) => bmc.users.get_mut(user)?.enabled = true,
        Operation::Set(key) => {
            let account = bmc.users.get_mut(user)?;
            (account.password, account.size) = (Some(key), size);
        }
        Operation::Test(key) => {
            let account = bmc.users.get(user)?;
            if account.size != size && !quirks.contains(Quirk::TruncatedPassword) {
                return Err(PASSWORD_SIZE_MISMATCH);
            }
            if account.key(quirks) != Some(counted(key, quirks)) {
                return Err(PASSWORD_MISMATCH);
            }
        }
    }
    Ok(Vec::new())
}

fn user_id(byte: u8) -> Result<UserId, CompletionCode> {
    UserId::new(byte & 0x3F).ok_or(CompletionCode::INVALID_FIELD)
}
