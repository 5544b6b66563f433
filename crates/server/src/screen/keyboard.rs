//! The keyboard of a screen that has none: another connector of the host, opened for the time of need.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ironhand_connectors::ScreenEvent;
use ironhand_console::keys::KeyStep;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::connection::Connection;
use super::typing::Typing;
use super::way::{Keyboard, open as open_way};
use super::{Attempt, Reply};
use crate::device::DeviceError;
use crate::entrance::late;

/// How long a keyboard stays open behind the last key: a person types on, and a flow presses the next keys soon.
const IDLE: Duration = Duration::from_secs(20);

/// How long a device may take to deal with what it has sent itself.
const PUMP: Duration = Duration::from_secs(30);

/// Keys that wait for the keyboard; the session before it lets no more wait.
const WAITING: usize = 16;

/// Keys to be pressed, and whom to tell.
pub(super) type Order = (Vec<KeyStep>, Reply<()>);

/// A keyboard beside the screen. Dropping it lets it close what is open.
pub(super) struct SpareKeyboard {
    orders: mpsc::Sender<Order>,
    task: JoinHandle<()>,
}

impl SpareKeyboard {
    /// Makes ready; nothing is opened before the first key.
    pub(super) fn new(keyboards: Vec<Keyboard>, interval: Duration) -> Self {
        let (orders, asked) = mpsc::channel(WAITING);
        // Most hosts of a fleet have none: they must not hold the room for one.
        let task = match keyboards.is_empty() {
            true => tokio::spawn(refuse(asked)),
            false => tokio::spawn(run(keyboards, asked, interval)),
        };
        Self { orders, task }
    }

    /// Has keys pressed; the reply tells when they are, or why not.
    pub(super) fn press(&self, order: Order) {
        let Err(refused) = self.orders.try_send(order) else { return };
        let error = match refused {
            mpsc::error::TrySendError::Full(_) => DeviceError::Busy { waiting: WAITING },
            mpsc::error::TrySendError::Closed(_) => DeviceError::Stopping,
        };
        let (_, reply) = refused.into_inner();
        // An error means that nobody waits for the answer any more.
        let _ = reply.send(Attempt { through: "".into(), result: Err(error) });
    }

    /// Ends what is open.
    pub(super) async fn close(self) {
        drop(self.orders);
        // An error means that it panicked.
        let _ = self.task.await;
    }
}

/// Tells whoever wants keys to be pressed that there is no keyboard.
async fn refuse(mut orders: mpsc::Receiver<Order>) {
    while let Some((_, reply)) = orders.recv().await {
        let error = DeviceError::NoConnector { capability: ironhand_api::Capability::Keyboard };
        // An error means that nobody waits for the answer any more.
        let _ = reply.send(Attempt { through: "".into(), result: Err(error) });
    }
}

async fn run(keyboards: Vec<Keyboard>, mut orders: mpsc::Receiver<Order>, interval: Duration) {
    while let Some((steps, reply)) = orders.recv().await {
        match open(&keyboards).await {
            Ok((keyboard, mut connection)) => {
                let Keyboard { source, layout, interval: own, .. } = keyboard;
                let mut typing = Typing::new(Arc::clone(source), *layout, own.unwrap_or(interval));
                typing.add(&connection, &steps, reply);
                let stayed = stay(&mut connection, source, &mut typing, &mut orders);
                if let Err(error) = stayed.await {
                    typing.fail(&error);
                }
                connection.close().await;
            }
            // An error means that nobody waits for the answer any more.
            Err(failed) => drop(reply.send(failed)),
        }
    }
}

/// Opens the first keyboard that lets us in.
async fn open(keyboards: &[Keyboard]) -> Result<(&Keyboard, Connection), Attempt<()>> {
    let mut failures: Vec<(Arc<str>, DeviceError)> = Vec::new();
    for keyboard in keyboards {
        match open_way(&mut *keyboard.entrance.lock().await).await.map(Connection::Picture) {
            Ok(connection) if connection.has_keyboard() => {
                return Ok((keyboard, connection));
            }
            Ok(connection) => connection.close().await,
            Err((error, _)) => failures.push((Arc::clone(&keyboard.source), error)),
        }
    }
    let missing = DeviceError::NoConnector { capability: ironhand_api::Capability::Keyboard };
    let (through, error) = failures.into_iter().next().unwrap_or(("".into(), missing));
    Err(Attempt { through, result: Err(error) })
}

/// Types until nothing was to be typed for a while, or nobody can ask any more.
async fn stay(
    connection: &mut Connection,
    source: &str,
    typing: &mut Typing,
    orders: &mut mpsc::Receiver<Order>,
) -> Result<(), DeviceError> {
    let mut idle_at = Instant::now() + IDLE;
    loop {
        let due = typing.due().unwrap_or(idle_at);
        tokio::select! {
            () = connection.ready() => {
                match timeout(PUMP, connection.pump()).await {
                    Ok(pumped) => pumped?,
                    Err(_) => return Err(late(source, PUMP)),
                }
                while let Some(event) = connection.next_event() {
                    if let ScreenEvent::Failed(error) = event {
                        return Err(error.into());
                    }
                }
            }
            () = tokio::time::sleep_until(due.into()) => {
                if typing.is_idle() {
                    return Ok(());
                }
                typing.press_next(connection).await?;
                idle_at = Instant::now() + IDLE;
            }
            order = orders.recv() => match order {
                Some((steps, reply)) => {
                    typing.add(connection, &steps, reply);
                    idle_at = Instant::now() + IDLE;
                }
                None => return Ok(()),
            },
        }
    }
}
