//! Reading every user.

use crate::procedure::Procedure;
use crate::procedure::chain::{Chain, ask, attempt, each};
use crate::user::{EnabledStatus, GetUserAccess, GetUserName, UserAccess, UserCounts, UserId, UserName};

/// The users of a BMC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserList {
    /// How many there are.
    pub counts: UserCounts,
    /// Each place that the BMC tells about, in order.
    pub users: Vec<ListedUser>,
}

/// One place for a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedUser {
    /// Its number.
    pub id: UserId,
    /// Its name; empty for the null user and for a free place.
    pub name: UserName,
    /// Whether it is enabled, as far as the BMC says.
    pub enabled: EnabledStatus,
    /// What it may do on the channel that was asked about.
    pub access: UserAccess,
}

impl UserList {
    /// The first place that a new user may have: without a name, not enabled, and its name is not fixed. User 1 is left
    /// alone, as it is the null user on most BMCs.
    pub fn free(&self) -> Option<UserId> {
        let reserved = self.counts.fixed_names.max(1);
        self.users
            .iter()
            .find(|user| {
                user.id.number() > reserved && user.name.is_empty() && user.enabled != EnabledStatus::Enabled
            })
            .map(|user| user.id)
    }

    /// The user with this name.
    pub fn named(&self, name: &UserName) -> Option<&ListedUser> {
        self.users.iter().find(|user| user.name == *name)
    }
}

/// Reads the users and what they may do on `channel`: 0 to 11, or 14 for the channel that is asked over.
///
/// Places that the BMC refuses to tell about are left out; a refused name counts as none.
pub fn list(channel: u8) -> impl Procedure<Output = UserList> + Send {
    // User 1 exists on every BMC, and its answer has the counts.
    ask("read user 1's access", &GetUserAccess { channel, user: UserId(1) }).then(move |first| {
        let ids = (1..=first.counts.maximum).filter_map(UserId::new);
        each(ids, move |id| read(channel, id))
            .map(move |users| UserList { counts: first.counts, users: users.into_iter().flatten().collect() })
    })
}

fn read(channel: u8, id: UserId) -> impl Procedure<Output = Option<ListedUser>> + Send {
    attempt("read a user's access", &GetUserAccess { channel, user: id }).then(move |found| {
        attempt("read a user's name", &GetUserName(id)).map(move |name| {
            found.ok().map(|found| ListedUser {
                id,
                name: name.unwrap_or_default(),
                enabled: found.status,
                access: found.access,
            })
        })
    })
}
