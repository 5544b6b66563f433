//! Our client, on one thread.

use std::sync::Arc;
use std::time::Instant;

use ironhand_api::Tls;
use ironhand_connectors::{
    Authorization, Error, HttpClient, HttpLimits, HttpRequest, Login, MemoryPins, Pins, Proof, Route,
};
use nix::sys::resource::UsageWho;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::controllers::{Controllers, PORT};
use crate::run::{Outcome, processor};
use crate::{AT_ONCE, COUNT, Result};

/// Readings of each controller in one measurement of kept connections.
pub const SWEEPS: usize = 10;

fn runtime() -> Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

fn client(index: usize, pins: &Arc<dyn Pins>) -> Result<HttpClient> {
    let address = Controllers::address(index).to_string();
    let proof = Proof::of(&Tls::Default, address.clone(), pins)?;
    Ok(HttpClient::new(Route::direct(address, PORT), proof, HttpLimits::default()))
}

fn request() -> HttpRequest {
    let login = Login { username: "admin".to_owned(), password: "simulated".into() };
    HttpRequest::get("/redfish/v1/Systems/1").authorization(Authorization::Basic(login))
}

/// Whether an answer tells the power state.
async fn reads(client: &HttpClient) -> std::result::Result<bool, Error> {
    let answer = client.send(&request()).await?;
    let system: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    Ok(answer.status == 200 && system["PowerState"] == "On")
}

/// A first reading of each controller, clients made anew.
pub fn cold(_: &Controllers) -> Result<Outcome> {
    let runtime = runtime()?;
    let (begun, before) = (Instant::now(), processor(UsageWho::RUSAGE_SELF)?);
    let answered = runtime.block_on(async {
        let pins: Arc<dyn Pins> = Arc::new(MemoryPins::default());
        let gate = Arc::new(Semaphore::new(AT_ONCE));
        let mut asked = JoinSet::new();
        for index in 0..COUNT {
            let (client, gate) = (client(index, &pins)?, Arc::clone(&gate));
            asked.spawn(async move {
                let _turn = gate.acquire().await;
                reads(&client).await.unwrap_or_default()
            });
        }
        Ok::<usize, Box<dyn std::error::Error>>(
            asked.join_all().await.into_iter().filter(|read| *read).count(),
        )
    })?;
    Ok(Outcome {
        wall: begun.elapsed(),
        processor: Some(processor(UsageWho::RUSAGE_SELF)? - before),
        answered,
    })
}

/// Clients with a connection each.
pub struct Kept {
    runtime: Runtime,
    clients: Vec<Arc<HttpClient>>,
}

impl Kept {
    pub fn open(_: &Controllers) -> Result<Self> {
        let pins: Arc<dyn Pins> = Arc::new(MemoryPins::default());
        let clients: Result<Vec<_>> = (0..COUNT).map(|index| Ok(Arc::new(client(index, &pins)?))).collect();
        let mut kept = Self { runtime: runtime()?, clients: clients? };
        kept.sweep()?;
        Ok(kept)
    }

    /// Reads each controller some times.
    pub fn sweep(&mut self) -> Result<Outcome> {
        let (begun, before) = (Instant::now(), processor(UsageWho::RUSAGE_SELF)?);
        let mut answered = 0;
        for _ in 0..SWEEPS {
            answered += self.runtime.block_on(async {
                let mut asked = JoinSet::new();
                for client in &self.clients {
                    let client = Arc::clone(client);
                    asked.spawn(async move { reads(&client).await.unwrap_or_default() });
                }
                asked.join_all().await.into_iter().filter(|read| *read).count()
            });
        }
        Ok(Outcome {
            wall: begun.elapsed(),
            processor: Some(processor(UsageWho::RUSAGE_SELF)? - before),
            answered,
        })
    }
}
