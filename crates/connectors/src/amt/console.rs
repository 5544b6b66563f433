//! The screen and the serial line of a machine with Intel AMT: what must be switched on for it is, and is switched off again
//! afterwards.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use ironhand_api::{AmtOptions, Connector};
use roxmltree::Node;
use tokio::time::Instant;

use super::{AmtDevice, PLAIN_PORT, number, power, redirection};
use crate::path::{Stream, Taken};
use crate::wsman::{self, Property, Resource, Value, Wsman, child, children, text};
use crate::{Error, Login, Proof, Route, Surroundings, TlsClient, path};

/// Whether somebody at the machine must agree before its screen is seen.
const CONSENT: Resource = Resource::all("http://intel.com/wbem/wscim/1/ips-schema/1/IPS_OptInService");

/// The redirection of the screen.
const SCREEN: Resource =
    Resource::all("http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_KVMRedirectionSAP");

/// The port of redirection.
const LISTENER: Resource = Resource::all("http://intel.com/wbem/wscim/1/amt-schema/1/AMT_RedirectionService");

/// States that `SCREEN` may be asked for.
const ENABLED: u32 = 2;
const DISABLED: u32 = 3;

/// States of consent in which it was given: received, and in use.
const GIVEN: [u32; 2] = [3, 4];

/// Consent that is wanted for all that is redirected; lesser values want it for the screen only.
const FOR_ALL: u32 = u32::MAX;

/// The flag of the serial line among the services that `LISTENER` redirects, and the number that stands for none.
const SERIAL_LINE: u32 = 2;
const NO_SERVICE: u32 = 32768;

/// What is redirected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Redirected {
    Screen,
    Serial,
}

/// What was switched on for one session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct SwitchedOn {
    screen: bool,
    /// The services that were redirected before, where the serial line was none of them.
    services: Option<u32>,
    listener: bool,
}

/// An open session: the stream, the way it took, and what is to be done when it is over.
pub(crate) type Console = (Stream, Taken, BoxFuture<'static, ()>);

/// Opens the screen or the serial line of a machine.
///
/// # Errors
///
/// [`Error::Refused`] where somebody at the machine must consent; what [`redirection::begin_screen`] says, and what goes
/// wrong on the way.
pub(crate) async fn open(
    what: Redirected,
    connector: &Connector,
    options: &AmtOptions,
    login: Option<Login>,
    surroundings: &Surroundings,
) -> Result<Console, Error> {
    let device = AmtDevice::open(connector, options, login.clone(), surroundings)?;
    let missing = || Error::Misconfigured { reason: "Intel AMT needs a credential".to_owned() };
    let login = login.ok_or_else(missing)?;
    let mut switched = SwitchedOn::default();
    let opened = async {
        ask_for_consent(&device.service, what).await?;
        switch_on(&device.service, what, &mut switched).await?;
        connect(what, connector, options, &login, surroundings).await
    };
    match opened.await {
        Ok((stream, taken)) => Ok((stream, taken, leave(device, switched).boxed())),
        Err(error) => {
            leave(device, switched).await;
            Err(error)
        }
    }
}

/// Connects to the port of redirection, and gets let in.
async fn connect(
    what: Redirected,
    connector: &Connector,
    options: &AmtOptions,
    login: &Login,
    surroundings: &Surroundings,
) -> Result<(Stream, Taken), Error> {
    let mut route = Route::of(connector, surroundings.hop.clone())?;
    if options.tls.is_off() && connector.port.is_none() {
        route.port = PLAIN_PORT;
    }
    route.port = route.port.saturating_add(redirection::PORT_OFFSET);
    let tls = TlsClient::new(Proof::of(&options.tls, connector.to_string(), &surroundings.pins)?);
    let deadline = Instant::now() + surroundings.connect;
    let (mut stream, taken) = path::connect_over(&route, &surroundings.health, Some(&tls), deadline).await?;
    match what {
        Redirected::Screen => redirection::begin_screen(&mut stream, login, &taken.to_string()).await?,
        Redirected::Serial => redirection::begin_serial(&mut stream, login, &taken.to_string()).await?,
    }
    Ok((stream, taken))
}

/// Refuses where nobody at the machine has agreed and somebody must.
async fn ask_for_consent(service: &Wsman, what: Redirected) -> Result<(), Error> {
    let read = |node: Node<'_, '_>| {
        let number = |name| wsman::number(child(node, name)?);
        Ok((number("OptInRequired")?, number("OptInState")?))
    };
    match service.get(&CONSENT, read).await {
        Ok((0, _)) => Ok(()),
        Ok((wanted, _)) if what == Redirected::Serial && wanted != FOR_ALL => Ok(()),
        Ok((_, state)) if GIVEN.contains(&state) => Ok(()),
        Ok(_) => Err(Error::Refused {
            reason:
                "somebody at the machine must consent to that its screen or serial line is seen; switch user consent off in \
                     Intel AMT's settings, or have the consent given first"
                    .to_owned(),
        }),
        // Engines from before consent was thought of.
        Err(error) if error.is_unsupported() => Ok(()),
        Err(error) => Err(error),
    }
}

async fn switch_on(service: &Wsman, what: Redirected, switched: &mut SwitchedOn) -> Result<(), Error> {
    match what {
        Redirected::Screen => switch_screen_on(service, switched).await?,
        Redirected::Serial => {
            let services = service.get(&LISTENER, services).await?;
            if services & SERIAL_LINE == 0 {
                change_services(service, services.max(NO_SERVICE) | SERIAL_LINE).await?;
                switched.services = Some(services);
            }
        }
    }
    if !service.get(&LISTENER, listens).await? {
        change_listener(service, true).await?;
        switched.listener = true;
    }
    Ok(())
}

async fn switch_screen_on(service: &Wsman, switched: &mut SwitchedOn) -> Result<(), Error> {
    let state = |node: Node<'_, '_>| wsman::number(child(node, "EnabledState")?);
    let state = match service.get(&SCREEN, state).await {
        Err(error) if error.is_unsupported() => {
            return Err(Error::Unsupported { what: "show its screen: this Intel AMT has no KVM".to_owned() });
        }
        state => state?,
    };
    if state == DISABLED {
        change_screen(service, ENABLED).await?;
        switched.screen = true;
    }
    Ok(())
}

/// Switches off what was switched on. What fails stays on, and is told to those who watch this program.
async fn leave(device: AmtDevice, switched: SwitchedOn) {
    let service = &device.service;
    if switched.listener
        && let Err(error) = change_listener(service, false).await
    {
        tracing::warn!(%error, "the port of redirection stays open on Intel AMT");
    }
    if switched.screen
        && let Err(error) = change_screen(service, DISABLED).await
    {
        tracing::warn!(%error, "the redirection of the screen stays on at Intel AMT");
    }
    if let Some(services) = switched.services
        && let Err(error) = change_services(service, services).await
    {
        tracing::warn!(%error, "the redirection of the serial line stays on at Intel AMT");
    }
    service.close().await;
}

async fn change_screen(service: &Wsman, state: u32) -> Result<(), Error> {
    let input = vec![number("RequestedState", state)];
    let returned = service.invoke(&SCREEN, "RequestStateChange", input).await?;
    power::accepted(returned, "switch the redirection of its screen")
}

async fn change_services(service: &Wsman, services: u32) -> Result<(), Error> {
    let input = vec![number("RequestedState", services)];
    let returned = service.invoke(&LISTENER, "RequestStateChange", input).await?;
    power::accepted(returned, "switch the redirection of its serial line")
}

fn services(node: Node<'_, '_>) -> Result<u32, Error> {
    wsman::number(child(node, "EnabledState")?)
}

async fn change_listener(service: &Wsman, on: bool) -> Result<(), Error> {
    let properties = service.get(&LISTENER, |node| Ok(with_listener(node, on))).await?;
    service.put(&LISTENER, properties).await
}

fn listens(node: Node<'_, '_>) -> Result<bool, Error> {
    Ok(text(child(node, "ListenerEnabled")?) == "true")
}

/// The instance as it is, but for the listener.
fn with_listener(node: Node<'_, '_>, on: bool) -> Vec<Property> {
    let property = |node: Node<'_, '_>| {
        let name = node.tag_name().name();
        let value = if name == "ListenerEnabled" { on.to_string() } else { text(node).to_owned() };
        (name.to_owned(), Value::Text(value))
    };
    children(node).map(property).collect()
}
