//! The line over which passwords of a controller's accounts are changed.

use std::time::{Duration, Instant};

use ironhand_api::ActionReceipt;
use ironhand_ipmi_port::Bmc;
use ironhand_model::RotationMachine;
use ironhand_store::{Rotation, StoreError};
use secrecy::{ExposeSecret, SecretString};

use super::device::DeviceLine;
use super::ipmi::IpmiLine;
use crate::credentials::Opened;
use crate::device::DeviceError;
use crate::rotation::{Account, Console, LONGEST, Ledger, NoPlace, Outcome, RedfishSession, Session, drive};

/// The line over which passwords of a controller's accounts are changed.
pub(in crate::lane) enum Users<'l> {
    /// Over IPMI.
    Ipmi(&'l mut IpmiLine),
    /// Over Redfish.
    Redfish(&'l mut DeviceLine),
}

/// What a controller takes as a password of an account.
pub(in crate::lane) struct Lengths {
    /// The fewest octets.
    pub(in crate::lane) shortest: usize,
    /// The most octets.
    pub(in crate::lane) longest: usize,
}

impl Users<'_> {
    /// Logs in: under the first credential that the controller accepts, or the first of this account.
    pub(in crate::lane) async fn log_in(
        &mut self,
        account: Option<&str>,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Opened, DeviceError> {
        match self {
            Self::Ipmi(line) => line.log_in(account, receipts).await,
            Self::Redfish(line) => line.log_in(account, receipts).await,
        }
    }

    /// Makes sure that the account can be told from others, and tells what its password may be. Nothing is changed.
    pub(in crate::lane) async fn check(
        &mut self,
        username: &str,
        password: &SecretString,
    ) -> Result<Lengths, DeviceError> {
        let uncertain = |error: NoPlace| DeviceError::PasswordRefused { reason: error.to_string() };
        match self {
            Self::Ipmi(line) => {
                let session = line.session().ok_or(DeviceError::Stopping)?;
                session.find(username).await.map_err(uncertain)?;
                Ok(Lengths { shortest: 0, longest: LONGEST })
            }
            Self::Redfish(line) => {
                let mut session = line.fresh(username, password).await?;
                let found = session.find(username).await;
                let lengths = session.lengths().await;
                session.end().await;
                found.map_err(uncertain)?;
                let (shortest, longest) = lengths?;
                Ok(Lengths { shortest, longest })
            }
        }
    }

    /// Takes a change from where `machine` stands to its end, or to where it is in doubt.
    pub(in crate::lane) async fn change(
        self,
        machine: RotationMachine,
        rotation: &mut Rotation,
        ledger: &impl Ledger,
    ) -> Result<Outcome, StoreError> {
        match self {
            Self::Ipmi(line) => {
                line.hang_up();
                let account = Account::new(line, rotation);
                drive(machine, rotation, account, ledger).await
            }
            Self::Redfish(line) => {
                line.hang_up().await;
                let account = Account::new(line, rotation);
                drive(machine, rotation, account, ledger).await
            }
        }
    }

    /// Why no login may be tried now.
    pub(in crate::lane) fn held_back(&self, now: Instant) -> Option<DeviceError> {
        match self {
            Self::Ipmi(line) => line.held_back(now),
            Self::Redfish(line) => line.held_back(now),
        }
    }
}

impl Lengths {
    /// Why a password is not one of these.
    pub(in crate::lane) fn fault(&self, password: &SecretString) -> Option<String> {
        let length = password.expose_secret().len();
        if length < self.shortest {
            return Some(format!("the controller takes passwords of {} characters or more", self.shortest));
        }
        let longest = self.longest;
        (length > longest).then(|| format!("the controller takes passwords of {longest} characters or fewer"))
    }
}

impl Console for &mut IpmiLine {
    type Session = Bmc;

    async fn open(&mut self, username: &str, password: &SecretString) -> Result<Bmc, DeviceError> {
        self.hang_up();
        self.connect(username, password, false).await
    }

    async fn try_beside(&mut self, username: &str, password: &SecretString) -> Result<Bmc, DeviceError> {
        self.connect(username, password, true).await
    }

    fn refused(&mut self, why: &DeviceError) {
        self.login_refused(why);
    }

    async fn rest(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

impl Console for &mut DeviceLine {
    type Session = RedfishSession;

    async fn open(&mut self, username: &str, password: &SecretString) -> Result<RedfishSession, DeviceError> {
        self.hang_up().await;
        self.fresh(username, password).await
    }

    async fn try_beside(
        &mut self,
        username: &str,
        password: &SecretString,
    ) -> Result<RedfishSession, DeviceError> {
        self.fresh(username, password).await
    }

    fn refused(&mut self, why: &DeviceError) {
        self.login_refused(why);
    }

    async fn rest(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}
