//! Power is given back at the end of a cycle: without it, the machine would stay off.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::sleep;

use crate::Error;

/// How often power is given back where a device does not answer.
const TRIES: u32 = 3;

/// Switches power on, and again where that may help, with a pause between.
///
/// # Errors
///
/// What the last try came to.
pub(crate) async fn give_back<D: Send>(
    device: &mut D,
    pause: Duration,
    switch_on: impl Fn(&mut D) -> BoxFuture<'_, Result<(), Error>> + Send,
) -> Result<(), Error> {
    let mut tries = 1;
    loop {
        match switch_on(device).await {
            Err(error) if tries < TRIES && (error.retry() || error.leaves_doubt()) => tries += 1,
            done => return done,
        }
        sleep(pause).await;
    }
}
