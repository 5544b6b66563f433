//! Passwords that nobody but the server knows.

use ironhand_model::{RANDOM_FOR_PASSWORD, password_from};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::device::DeviceError;

/// How often random octets are drawn: once is practically always enough.
const DRAWS: usize = 8;

/// Makes a password from the operating system's randomness.
pub(crate) fn make() -> Result<SecretString, DeviceError> {
    let mut random = Zeroizing::new([0; RANDOM_FOR_PASSWORD]);
    for _ in 0..DRAWS {
        getrandom::fill(random.as_mut()).map_err(|_| DeviceError::NoRandomness)?;
        if let Some(made) = password_from(random.as_ref()) {
            return Ok(SecretString::from(made.as_str()));
        }
    }
    Err(DeviceError::NoRandomness)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use ironhand_model::{MADE_PASSWORD, check_new_password};
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn each_is_new_and_every_controller_takes_it() {
        let mut seen = HashSet::new();
        for _ in 0..1000 {
            let made = make().unwrap();
            assert_eq!(check_new_password(made.expose_secret(), MADE_PASSWORD), Ok(()));
            assert!(seen.insert(made.expose_secret().to_owned()));
        }
    }
}
