//! Setting a password, and finding out what the BMC made of it.

use secrecy::SecretString;

use crate::completion::CompletionCode;
use crate::keys::{SECRET_LIMIT, SecretKey};
use crate::procedure::chain::{Boxed, Chain, attempt, done, end};
use crate::procedure::{Procedure, ProcedureError};
use crate::user::{Operation, PASSWORD_MISMATCH, PASSWORD_SIZE_MISMATCH, SetUserPassword, UserId};

/// How a BMC stores a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PasswordSize {
    /// In 16 bytes: the only size of IPMI 1.5, whose sessions need it.
    Sixteen,
    /// In 20 bytes. Users of such a password cannot open IPMI 1.5 sessions.
    Twenty,
}

impl PasswordSize {
    /// 16 or 20.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Sixteen => 16,
            Self::Twenty => SECRET_LIMIT,
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Sixteen => Self::Twenty,
            Self::Twenty => Self::Sixteen,
        }
    }
}

/// A password that IPMI can carry: up to 20 bytes. Never shown, wiped when dropped.
#[derive(Clone)]
pub struct UserPassword {
    key: SecretKey,
    length: usize,
}

/// Why a password cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// Longer than IPMI can carry.
    #[error("a password has at most {SECRET_LIMIT} bytes")]
    TooLong,
    /// A NUL ends a password on the wire.
    #[error("a password has no NUL character")]
    Nul,
}

impl UserPassword {
    /// A password from text.
    ///
    /// # Errors
    ///
    /// [`PasswordError`] where IPMI cannot carry it.
    pub fn new(password: &SecretString) -> Result<Self, PasswordError> {
        let key = SecretKey::from_password(password).ok_or(PasswordError::TooLong)?;
        let text = secrecy::ExposeSecret::expose_secret(password);
        if text.contains('\0') {
            return Err(PasswordError::Nul);
        }
        Ok(Self { key, length: text.len() })
    }

    /// Whether it can be stored in `size`.
    pub fn fits(&self, size: PasswordSize) -> bool {
        self.length <= size.bytes()
    }

    pub(super) fn key(&self) -> &SecretKey {
        &self.key
    }

    /// Its first 16 bytes, where there are more.
    fn prefix(&self) -> Option<SecretKey> {
        let size = PasswordSize::Sixteen;
        (!self.fits(size)).then(|| self.key.clone().truncated(size.bytes()))
    }
}

impl std::fmt::Debug for UserPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserPassword").finish_non_exhaustive()
    }
}

/// What became of a password that a BMC accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PasswordKept {
    /// The size in which the BMC took it.
    pub size: PasswordSize,
    /// The BMC also takes the first 16 bytes alone for the password: the rest adds nothing.
    pub truncated: bool,
    /// The BMC confirmed it by a test of its own. `false` where it cannot test passwords.
    pub tested: bool,
}

/// The verdict on a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PasswordTest {
    /// It is the stored one, in this size.
    Matches(PasswordSize),
    /// It is another one.
    Differs,
}

/// A code with which Dell's C6220 refuses a weak password.
const WEAK: CompletionCode = CompletionCode(0x8F);

/// Sets `user`'s password, then asks the BMC whether it has it.
///
/// It is sent in the form of 20 bytes if `size` is [`PasswordSize::Twenty`], and again in that of 16 where the BMC refuses
/// the form and the password fits. [`ProcedureError::NotKept`] where the BMC accepts the password and then does not
/// know it.
///
/// A BMC may drop an IPMI 1.5 session whose own user's password changes; change it from another user's session.
pub fn set_password(
    user: UserId,
    password: UserPassword,
    size: PasswordSize,
) -> impl Procedure<Output = PasswordKept> + Send {
    let size = if password.fits(size) { size } else { PasswordSize::Twenty };
    write(user, &password, size).then(move |outcome| -> Boxed<PasswordKept> {
        match outcome {
            Ok(()) => Box::new(check(user, password, size)),
            Err(code) if refuses_form(code) && password.fits(size.other()) => {
                let size = size.other();
                Box::new(write(user, &password, size).then(move |outcome| -> Boxed<PasswordKept> {
                    match outcome {
                        Ok(()) => Box::new(check(user, password, size)),
                        Err(code) => Box::new(end(Err(refused(code)))),
                    }
                }))
            }
            Err(code) => Box::new(end(Err(refused(code)))),
        }
    })
}

fn refused(code: CompletionCode) -> ProcedureError {
    let doing = "set the user's password";
    match code {
        WEAK => ProcedureError::Impossible { doing, reason: "it takes it for too weak (8Fh)" },
        code => ProcedureError::Refused { doing, code },
    }
}

/// Whether the code may be about the password field's length rather than about its contents.
fn refuses_form(code: CompletionCode) -> bool {
    matches!(
        code,
        CompletionCode::REQUEST_LENGTH_INVALID
            | CompletionCode::INVALID_FIELD
            | CompletionCode::PARAMETER_OUT_OF_RANGE
            | CompletionCode::UNSPECIFIED
            | CompletionCode(0xC6 | 0xC8)
    )
}

type Tried = Result<(), CompletionCode>;

fn write(
    user: UserId,
    password: &UserPassword,
    size: PasswordSize,
) -> impl Procedure<Output = Tried> + Send + use<> {
    let operation = Operation::Set(password.key.clone());
    attempt("set the user's password", &SetUserPassword { user, size, operation })
}

fn test(user: UserId, key: &SecretKey, size: PasswordSize) -> impl Procedure<Output = Tried> + Send + use<> {
    let operation = Operation::Test(key.clone());
    attempt("test the user's password", &SetUserPassword { user, size, operation })
}

/// Finds out what the BMC has kept of a password that it accepted.
fn check(
    user: UserId,
    password: UserPassword,
    size: PasswordSize,
) -> impl Procedure<Output = PasswordKept> + Send {
    test(user, &password.key, size).then(move |whole| {
        prefix_passes(user, password.prefix()).then(move |truncated| {
            end(match whole {
                Ok(()) => Ok(PasswordKept { size, truncated, tested: true }),
                Err(PASSWORD_MISMATCH | PASSWORD_SIZE_MISMATCH) if truncated => {
                    Ok(PasswordKept { size: PasswordSize::Sixteen, truncated, tested: true })
                }
                Err(PASSWORD_MISMATCH) => Err(ProcedureError::NotKept { doing: "set the user's password" }),
                Err(_) => Ok(PasswordKept { size, truncated: false, tested: false }),
            })
        })
    })
}

/// Whether the BMC takes the first 16 bytes alone for the password, in either form.
fn prefix_passes(user: UserId, prefix: Option<SecretKey>) -> Boxed<bool> {
    let Some(prefix) = prefix else { return Box::new(done(false)) };
    Box::new(test(user, &prefix, PasswordSize::Sixteen).then(move |short| -> Boxed<bool> {
        match short {
            Ok(()) => Box::new(done(true)),
            Err(_) => Box::new(test(user, &prefix, PasswordSize::Twenty).map(|padded| padded.is_ok())),
        }
    }))
}

/// Asks the BMC whether `password` is `user`'s, in either size.
pub fn test_password(user: UserId, password: UserPassword) -> impl Procedure<Output = PasswordTest> + Send {
    let size = PasswordSize::Twenty;
    test(user, &password.key, size).then(move |outcome| -> Boxed<PasswordTest> {
        match outcome {
            Ok(()) => Box::new(done(PasswordTest::Matches(size))),
            Err(_) if password.fits(PasswordSize::Sixteen) => {
                let size = PasswordSize::Sixteen;
                Box::new(test(user, &password.key, size).then(move |outcome| end(verdict(outcome, size))))
            }
            Err(code) => Box::new(end(verdict(Err(code), size))),
        }
    })
}

fn verdict(outcome: Tried, size: PasswordSize) -> Result<PasswordTest, ProcedureError> {
    match outcome {
        Ok(()) => Ok(PasswordTest::Matches(size)),
        Err(PASSWORD_MISMATCH | PASSWORD_SIZE_MISMATCH) => Ok(PasswordTest::Differs),
        Err(code) => Err(ProcedureError::Refused { doing: "test the user's password", code }),
    }
}
