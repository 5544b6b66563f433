//! Accounts of a controller, for who proves a change of a password by logins of his own.

use ironhand_redfish::{PasswordRules, SetPassword, Talk, accounts, password_rules};
use secrecy::SecretString;

use super::RedfishDevice;
use crate::Error;

impl RedfishDevice {
    /// What the controller asks of passwords. It tells that only who is logged in.
    ///
    /// # Errors
    ///
    /// As [`RedfishDevice::run`].
    pub async fn password_rules(&mut self) -> Result<PasswordRules, Error> {
        self.run(|talk: &mut Talk| password_rules(talk)).await
    }

    /// The paths of the accounts with exactly this user name.
    ///
    /// # Errors
    ///
    /// As [`RedfishDevice::run`].
    pub async fn accounts_named(&mut self, username: &str) -> Result<Vec<String>, Error> {
        let found = self.run(|talk: &mut Talk| accounts(talk)).await?;
        let named = found.into_iter().filter(|account| account.username == username);
        Ok(named.map(|account| account.path).collect())
    }

    /// Gives the account at a path a new password. That it was accepted says nothing of whether it holds.
    ///
    /// # Errors
    ///
    /// As [`RedfishDevice::run`].
    pub async fn tell_password(&mut self, account: &str, new: &SecretString) -> Result<(), Error> {
        let username = String::new();
        let set = SetPassword { username, new: new.clone(), account: Some(account.to_owned()) };
        self.run(|talk: &mut Talk| set.tell(talk)).await
    }
}
