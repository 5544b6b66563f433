//! The BMC's users: who may log in, with which password, up to which privilege level (IPMI 2.0 sections 22.26 to 22.30).
//!
//! A user is a numbered place with a name, a password and, for each channel, what the user may do there. Each function
//! here makes a [`Procedure`](crate::Procedure) that a caller runs on a BMC:
//!
//! | procedure | what it does |
//! | --- | --- |
//! | [`list`] | reads every place |
//! | [`create`] | fills a free place, in the order that all BMCs take: name, password, access, enable |
//! | [`delete`] | disables a place, takes its access away and clears its name |
//! | [`set_name`], [`set_access`], [`enable`], [`disable`] | change one property and read it back where that is possible |
//! | [`set_password`] | sets a password and finds out how much of it the BMC keeps |
//! | [`test_password`] | asks whether a password is the stored one |
//!
//! A changed password holds for sessions opened later. Try it in a new session before the old one is forgotten.

mod access;
mod change;
mod command;
mod list;
mod name;
mod password;

pub use access::{AccessChange, Limit, UserAccess, set_access};
pub use change::{Created, Deleted, NewUser, create, delete, disable, enable, set_name};
pub use command::{EnabledStatus, UserCounts};
pub(crate) use command::{
    FoundAccess, GetUserAccess, GetUserName, Operation, PASSWORD_MISMATCH, PASSWORD_SIZE_MISMATCH,
    SetUserAccess, SetUserName, SetUserPassword,
};
pub use list::{ListedUser, UserList, list};
pub use name::{NAME_LIMIT, NameError, UserName};
pub use password::{
    PasswordError, PasswordKept, PasswordSize, PasswordTest, UserPassword, set_password, test_password,
};

/// A user's number at a BMC: 1 to 63. User 1 is the one without a name on most BMCs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(u8);

impl UserId {
    /// The highest number that the commands' six bits can carry. Most BMCs have 10 to 16 users.
    pub const LIMIT: u8 = 63;

    /// The user with this number; `None` for 0, which is reserved, and for numbers above [`UserId::LIMIT`].
    pub const fn new(number: u8) -> Option<Self> {
        match number {
            1..=Self::LIMIT => Some(Self(number)),
            _ => None,
        }
    }

    /// The number: 1 to 63.
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl std::fmt::Display for UserId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests;
