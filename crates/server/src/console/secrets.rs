//! Secrets that flows type: `<secret NAME>` in their keys stands for the password of the Credential of that name.

use ironhand_api::Name;
use ironhand_console::keys::{self, KeyStep, Secret};
use ironhand_store::Store;

use crate::credentials::login_of;
use crate::device::DeviceError;

/// Stands for a secret until it is typed; it is typed nowhere.
const UNKNOWN: &str = "?";

/// What the keys of a flow press, with its secrets to be [filled in](fill_in).
///
/// # Errors
///
/// Why they are no keys that a flow can press.
pub(crate) fn keys_of_flow(written: &str) -> Result<Vec<KeyStep>, String> {
    let steps = keys::parse_with(written, |_| Some(UNKNOWN.into())).map_err(|error| error.to_string())?;
    for step in &steps {
        if let KeyStep::Secret(secret) = step {
            credential(secret)?;
        }
    }
    Ok(steps)
}

/// Puts the passwords in place that the secrets of a flow stand for.
///
/// # Errors
///
/// Where a Credential is missing, or its password cannot be typed; nothing of it is told.
pub(crate) async fn fill_in(steps: &[KeyStep], store: &Store) -> Result<Vec<KeyStep>, DeviceError> {
    let mut filled = Vec::with_capacity(steps.len());
    for step in steps {
        filled.push(match step {
            KeyStep::Secret(secret) => {
                let name = credential(secret).map_err(|reason| DeviceError::Credential { reason })?;
                let login = login_of(store, &name).await?;
                let untypable = || {
                    format!(
                        "the password of Credential {name} is empty, or has a character that no key types"
                    )
                };
                let secret = Secret::new(name.as_str(), login.password);
                KeyStep::Secret(secret.ok_or_else(|| DeviceError::Credential { reason: untypable() })?)
            }
            step => step.clone(),
        });
    }
    Ok(filled)
}

/// The name of the Credential that a secret stands for.
fn credential(secret: &Secret) -> Result<Name, String> {
    if secret.name().is_empty() {
        return Err(
            "`<secret>` does not say which: write `<secret NAME>` with the name of a Credential".to_owned()
        );
    }
    secret.name().parse().map_err(|error| format!("`{secret}` does not name a Credential: {error}"))
}

#[cfg(test)]
mod tests {
    use ironhand_api::{Credential, CredentialSpec, Metadata};
    use ironhand_console::keys::{SerialStep, serial};
    use ironhand_store::KeySource;

    use super::*;
    use crate::clock;

    #[test]
    fn what_a_flow_may_type_is_told() {
        let check = |written: &str, wanted: &str| {
            let told =
                keys_of_flow(written).map_or_else(|fault| fault, |steps| format!("{} steps", steps.len()));
            assert!(told.contains(wanted), "{written}: {told}");
        };
        check("root<Enter>", "5 steps");
        check("<secret root-password><Enter>", "2 steps");
        check("<secret>", "write `<secret NAME>`");
        check("<secret Root Password>", "does not name a Credential");
        check("<NoSuchKey>", "no key is called");
    }

    #[tokio::test]
    async fn a_secret_is_the_password_of_its_credential() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), KeySource::File).await.unwrap();
        let steps = keys_of_flow("<secret root-password>").unwrap();
        let missing = fill_in(&steps, &store).await.unwrap_err();
        assert!(missing.to_string().contains("root-password"), "{missing}");
        let apply = async |password: &str| {
            let metadata = Metadata::named("root-password".parse().unwrap());
            let password = ironhand_api::Secret::Plain(password.into());
            let spec = CredentialSpec { username: "root".to_owned(), password };
            store.apply(Credential { metadata, spec }, clock::now()).await.unwrap();
        };
        apply("hunter2").await;
        let filled = fill_in(&steps, &store).await.unwrap();
        assert_eq!(serial(&filled[0]).unwrap(), [SerialStep::Bytes(b"hunter2".to_vec())]);
        assert!(!format!("{filled:?}").contains("hunter2"));
        apply("hunter\u{7}2").await;
        let refused = fill_in(&steps, &store).await.unwrap_err().to_string();
        assert!(refused.contains("no key types") && !refused.contains("hunter"), "{refused}");
    }
}
