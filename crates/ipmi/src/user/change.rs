//! Creating, renaming, enabling and deleting users.

use crate::completion::CompletionCode;
use crate::keys::SecretKey;
use crate::privilege::PrivilegeLevel;
use crate::procedure::chain::{Boxed, Chain, ask, attempt, end};
use crate::procedure::{Procedure, ProcedureError};
use crate::user::access::write_access;
use crate::user::{
    GetUserName, Limit, Operation, PasswordKept, PasswordSize, SetUserAccess, SetUserName, SetUserPassword,
    UserAccess, UserId, UserName, UserPassword, list, set_password,
};

/// A user to create.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The name, which no other user may have.
    pub name: UserName,
    /// The password.
    pub password: UserPassword,
    /// In which size to store it.
    pub size: PasswordSize,
    /// The highest privilege level.
    pub limit: PrivilegeLevel,
}

/// A user that was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Created {
    /// Its number.
    pub id: UserId,
    /// What became of the password.
    pub password: PasswordKept,
}

/// Creates a user in the first free place: name, password, access on `channel`, enable.
///
/// The order matters: some BMCs give no access to a user without a name, others enable none without a password. Whoever
/// wants the user to have serial over LAN gives it payload access afterwards.
///
/// [`ProcedureError::Impossible`] where the name is taken or no place is free.
pub fn create(channel: u8, user: NewUser) -> impl Procedure<Output = Created> + Send {
    const DOING: &str = "create the user";
    list(channel).then(move |users| -> Boxed<Created> {
        let impossible = |reason| ProcedureError::Impossible { doing: DOING, reason };
        if users.named(&user.name).is_some() {
            return Box::new(end(Err(impossible("another user has the name"))));
        }
        let Some(id) = users.free() else {
            return Box::new(end(Err(impossible("no place for a user is free"))));
        };
        let NewUser { name, password, size, limit } = user;
        let known = password.clone();
        Box::new(
            set_name(id, name)
                .then(move |()| set_password(id, password, size))
                .then(move |kept| write_access(channel, id, UserAccess::lan(limit)).map(move |()| kept))
                .then(move |kept| enable(id, Some(known)).map(move |()| Created { id, password: kept })),
        )
    })
}

/// Gives `user` a name and reads it back. [`ProcedureError::NotKept`] where the BMC shows another one.
pub fn set_name(user: UserId, name: UserName) -> impl Procedure<Output = ()> + Send {
    let doing = "set the user's name";
    ask(doing, &SetUserName { user, name: name.clone() }).then(move |()| {
        attempt("read the user's name", &GetUserName(user)).then(move |read| {
            // A BMC that refuses to tell the name has accepted it all the same.
            end(match read {
                Ok(read) if read != name => Err(ProcedureError::NotKept { doing }),
                Ok(_) | Err(_) => Ok(()),
            })
        })
    })
}

/// Lets `user` log in. Some BMCs (Sun X4140, Wiwynn Windmill) want the password with it: give it where it is known.
pub fn enable(user: UserId, password: Option<UserPassword>) -> impl Procedure<Output = ()> + Send {
    switch(user, password, "enable the user", Operation::Enable)
}

/// Keeps `user` from logging in. Some BMCs refuse to disable user 1. See [`enable`] for the password.
pub fn disable(user: UserId, password: Option<UserPassword>) -> impl Procedure<Output = ()> + Send {
    switch(user, password, "disable the user", Operation::Disable)
}

fn switch(
    user: UserId,
    password: Option<UserPassword>,
    doing: &'static str,
    operation: fn(Option<SecretKey>) -> Operation,
) -> impl Procedure<Output = ()> + Send {
    let size = PasswordSize::Sixteen;
    attempt(doing, &SetUserPassword { user, size, operation: operation(None) }).then(
        move |outcome| -> Boxed<()> {
            match outcome {
                Ok(()) => Box::new(end(Ok(()))),
                Err(CompletionCode::REQUEST_LENGTH_INVALID | CompletionCode(0xC6)) => {
                    let size = match &password {
                        Some(password) if !password.fits(size) => PasswordSize::Twenty,
                        _ => size,
                    };
                    // The operation does not look at the field, so zeroes do where the password is not known.
                    let key =
                        password.map(|password| password.key().clone()).or_else(|| SecretKey::padded(&[]));
                    Box::new(ask(doing, &SetUserPassword { user, size, operation: operation(key) }))
                }
                Err(code) => Box::new(end(Err(ProcedureError::Refused { doing, code }))),
            }
        },
    )
}

/// What was done to delete a user: IPMI has no command for it, and BMCs differ in what they allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deleted {
    /// The user was disabled, or why not.
    pub disabled: Result<(), CompletionCode>,
    /// Its access to the channel was taken away, or why not.
    pub access_removed: Result<(), CompletionCode>,
    /// Its name was cleared, or why not; some BMCs take no empty name.
    pub name_cleared: Result<(), CompletionCode>,
}

/// Disables `user`, takes away its access on `channel` and clears its name.
///
/// [`ProcedureError::Refused`] where the BMC neither disables the user nor takes its access away.
pub fn delete(channel: u8, user: UserId) -> impl Procedure<Output = Deleted> + Send {
    let size = PasswordSize::Sixteen;
    let off = SetUserPassword { user, size, operation: Operation::Disable(None) };
    let nothing =
        SetUserAccess { channel, user, access: Some(UserAccess::NONE.flags()), limit: Limit::NoAccess };
    attempt("disable the user", &off).then(move |disabled| {
        attempt("take away the user's access", &nothing).then(move |access_removed| {
            let name = SetUserName { user, name: UserName::default() };
            attempt("clear the user's name", &name).then(move |name_cleared| {
                end(match (disabled, access_removed) {
                    (Err(code), Err(_)) => Err(ProcedureError::Refused { doing: "delete the user", code }),
                    _ => Ok(Deleted { disabled, access_removed, name_cleared }),
                })
            })
        })
    })
}
