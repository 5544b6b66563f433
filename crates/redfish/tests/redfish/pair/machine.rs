//! A machine behind the service, which takes its time.

use std::time::{Duration, Instant};

use ironhand_redfish::bmc::{
    Account, AccountChange, AccountFault, BootOverride, Facts, LogRecord, Machine, Quantity, Reading,
    ResetType, Role, Unsupported,
};
use secrecy::{ExposeSecret, SecretString};

/// How long the machine takes to come on, or to go off.
pub const TAKES: Duration = Duration::from_secs(4);

/// Who the tests log in as.
pub const ADMIN: &str = "admin";
pub const PASSWORD: &str = "Right_horse-13";

/// A machine that follows its buttons after a while.
pub struct Bench {
    now: Instant,
    /// Whether it has power, and from when on that is so.
    power: (bool, Option<Instant>),
    pub boot: BootOverride,
    pub resets: Vec<ResetType>,
    pub is_lit: bool,
    accounts: Vec<(Account, String)>,
    pub records: usize,
}

impl Bench {
    pub fn new(now: Instant) -> Self {
        let account = |id: u8, name: &str| Account {
            id,
            name: name.to_owned(),
            role: Role::Administrator,
            enabled: true,
        };
        let accounts = vec![
            (account(2, ADMIN), PASSWORD.to_owned()),
            (account(3, "operator"), "Other_horse-13".to_owned()),
        ];
        let (power, boot, resets) = ((false, None), BootOverride::default(), Vec::new());
        Self { now, power, boot, resets, is_lit: false, accounts, records: 3 }
    }

    /// Lets the time come.
    pub fn at(&mut self, now: Instant) {
        self.now = now;
        if self.power.1.is_some_and(|from| from <= now) {
            self.power = (!self.power.0, None);
        }
    }

    fn find(&mut self, account: u8) -> Result<&mut (Account, String), AccountFault> {
        self.accounts.iter_mut().find(|(known, _)| known.id == account).ok_or(AccountFault::Refused)
    }
}

impl Machine for Bench {
    fn facts(&mut self) -> Facts {
        Facts {
            host_name: "node1".to_owned(),
            serial: "S1".to_owned(),
            uuid: "1b4e28ba-2fa1-11d2-883f-0016d3cca427".to_owned(),
            asset_tag: "A1".to_owned(),
        }
    }

    fn is_on(&mut self) -> bool {
        self.power.0
    }

    fn reset(&mut self, how: ResetType) {
        self.resets.push(how);
        let wanted = match how {
            ResetType::On | ResetType::ForceOn => true,
            ResetType::ForceOff | ResetType::GracefulShutdown => false,
            ResetType::PushPowerButton => !self.power.0,
            _ => self.power.0,
        };
        self.power.1 = (wanted != self.power.0).then(|| self.now + TAKES);
    }

    fn boot(&mut self) -> BootOverride {
        self.boot
    }

    fn set_boot(&mut self, wish: BootOverride) -> Result<(), Unsupported> {
        self.boot = wish;
        Ok(())
    }

    fn is_identified(&mut self) -> bool {
        self.is_lit
    }

    fn identify(&mut self, lit: bool) {
        self.is_lit = lit;
    }

    fn accounts(&mut self) -> Vec<Account> {
        self.accounts.iter().map(|(account, _)| account.clone()).collect()
    }

    fn knows_password(&mut self, account: u8, password: &SecretString) -> bool {
        self.find(account).is_ok_and(|(_, known)| known == password.expose_secret())
    }

    fn change_account(&mut self, account: u8, change: AccountChange) -> Result<(), AccountFault> {
        let (account, password) = self.find(account)?;
        if let Some(new) = change.password {
            *password = new.expose_secret().to_owned();
        }
        account.name = change.name.unwrap_or_else(|| account.name.clone());
        account.role = change.role.unwrap_or(account.role);
        account.enabled = change.enabled.unwrap_or(account.enabled);
        Ok(())
    }

    fn create_account(
        &mut self,
        name: &str,
        password: &SecretString,
        role: Role,
    ) -> Result<u8, AccountFault> {
        let id = 1 + self.accounts.iter().map(|(account, _)| account.id).max().unwrap_or(1);
        let account = Account { id, name: name.to_owned(), role, enabled: true };
        self.accounts.push((account, password.expose_secret().to_owned()));
        Ok(id)
    }

    fn delete_account(&mut self, account: u8) -> Result<(), AccountFault> {
        self.find(account)?;
        self.accounts.retain(|(known, _)| known.id != account);
        Ok(())
    }

    fn sensors(&mut self) -> Vec<Reading> {
        let reading = |name: &str, quantity, value| Reading {
            name: name.to_owned(),
            quantity,
            value: Some(value),
            lower_critical: None,
            upper_caution: None,
            upper_critical: Some(value + 20.0),
        };
        vec![
            reading("CPU1 Temp", Quantity::Temperature, 41.5),
            reading("FAN1", Quantity::Fan, 4200.0),
            reading("P12V", Quantity::Voltage, 12.1),
            reading("Pwr", Quantity::Power, 180.0),
        ]
    }

    fn log(&mut self) -> Vec<LogRecord> {
        let record = |id: u16| LogRecord {
            id,
            time: Some(1_772_285_462 + u64::from(id)),
            message: format!("Fan redundancy, entry {id}"),
            raw: format!("{id:032X}"),
            is_alarm: id == 2,
        };
        (1..).take(self.records).map(record).collect()
    }

    fn clear_log(&mut self) {
        self.records = 0;
    }
}
