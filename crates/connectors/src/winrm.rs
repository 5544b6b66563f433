//! Windows Remote Management: asks a running Windows to shut down or to restart, by WS-Management.
//!
//! Passwords go by Basic authentication, so only over TLS. What Windows does is in order: services stop, and file systems
//! are closed.

use futures_util::future::BoxFuture;
use ironhand_api::{Connector, PowerAction, PowerState, WinrmOptions};

use crate::wsman::{Resource, Value, Wsman};
use crate::{Authorization, Device, Error, Login, Proof, Route, Surroundings};

/// The operating system; there is one of it.
const SYSTEM: Resource =
    Resource::all("http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_OperatingSystem");

/// Shuts down and powers off. A program that waits for its user may hold it up.
const POWER_OFF: u32 = 8;

/// Restarts. Programs are not asked: what Windows would be reset for is no time to wait for them.
const RESTART_FORCED: u32 = 2 + 4;

/// A Windows that answers while it runs.
pub(crate) struct WinrmDevice {
    service: Wsman,
}

impl WinrmDevice {
    /// The Windows of a manifest.
    ///
    /// # Errors
    ///
    /// [`Error::Misconfigured`] where there is no login, or no TLS to send it through, or what the manifest says of
    /// certificates cannot be used.
    pub(crate) fn open(
        connector: &Connector,
        options: &WinrmOptions,
        login: Option<Login>,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let unusable = |reason: &str| Error::Misconfigured { reason: reason.to_owned() };
        if options.tls.is_off() {
            return Err(unusable("winrm needs TLS: without it the password would go over the line in clear"));
        }
        let login = login.ok_or_else(|| unusable("winrm needs a credential"))?;
        let route = Route::of(connector, surroundings.hop.clone())?;
        let proof = Proof::of(&options.tls, connector.to_string(), &surroundings.pins)?;
        let basic = Authorization::Basic(login.clone());
        let service = Wsman::new(route, proof, login, basic, surroundings.connect);
        Ok(Self { service: service.with_health(surroundings.health.clone()) })
    }

    async fn shut_down(&self, flags: u32) -> Result<(), Error> {
        let number = |value: u32| Value::Text(value.to_string());
        let input = vec![("Flags".to_owned(), number(flags)), ("Reserved".to_owned(), number(0))];
        accepted(self.service.invoke(&SYSTEM, "Win32Shutdown", input).await?)
    }
}

impl Device for WinrmDevice {
    /// [`PowerState::On`] where Windows answers. Where nothing does it may be off, or hang, or have lost its network.
    fn power_state(&mut self) -> BoxFuture<'_, Result<PowerState, Error>> {
        Box::pin(async {
            match self.service.identify().await {
                Ok(()) => Ok(PowerState::On),
                Err(Error::Unreachable { .. } | Error::Silent { .. }) => Ok(PowerState::Unknown),
                Err(error) => Err(error),
            }
        })
    }

    fn power(&mut self, action: PowerAction) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            match action {
                PowerAction::Soft => self.shut_down(POWER_OFF).await,
                PowerAction::Reset => self.shut_down(RESTART_FORCED).await,
                PowerAction::On | PowerAction::Off | PowerAction::Cycle | PowerAction::Nmi => {
                    Err(Error::Unsupported { what: action.as_str().to_owned() })
                }
            }
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { self.service.close().await })
    }
}

/// What `Win32Shutdown` returned: an error number of Windows.
fn accepted(returned: u32) -> Result<(), Error> {
    let refused = |why: &str| Err(Error::Refused { reason: format!("{why} (Windows error {returned})") });
    match returned {
        // It is at it already, which is what was asked for.
        0 | 1115 => Ok(()),
        21 => Err(Error::Busy { reason: "Windows is not ready (Windows error 21)".to_owned() }),
        5 | 1314 => refused("the account may not shut Windows down"),
        1191 => refused("others are logged on"),
        _ => refused("Windows does not shut down"),
    }
}

#[cfg(test)]
mod tests {
    use ironhand_api::{Tls, Way};

    use super::*;

    #[test]
    fn a_password_never_goes_in_clear() {
        let connector = |tls| Connector::new(Way::Winrm(WinrmOptions { tls }), "192.0.2.1");
        let check = |tls: Tls, login: Option<Login>, wanted: Option<&str>| {
            let connector = connector(tls.clone());
            let opened = crate::open(&connector, login, &Surroundings::default()).map(drop);
            assert_eq!(opened.err().map(|error| error.to_string()).as_deref(), wanted);
        };
        let login = || Some(Login { username: "ops".to_owned(), password: "secret".into() });
        check(Tls::Default, login(), None);
        check(Tls::Default, None, Some("winrm needs a credential"));
        let clear = "winrm needs TLS: without it the password would go over the line in clear";
        check(Tls::Off, login(), Some(clear));
    }

    #[test]
    fn return_values_have_meanings() {
        let check = |returned: u32, wanted: Result<(), &str>| {
            assert_eq!(accepted(returned).map_err(|error| error.code()), wanted, "{returned}");
        };
        check(0, Ok(()));
        check(1115, Ok(()));
        check(21, Err("connector.busy"));
        check(1314, Err("connector.refused"));
        check(1191, Err("connector.refused"));
        check(87, Err("connector.refused"));
    }
}
