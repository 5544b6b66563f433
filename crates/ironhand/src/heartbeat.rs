//! `ironhand heartbeat`: keys for heartbeats, and the sender of them.

use ironhand_api::{Heartbeat, HeartbeatKeyRequest};
use ironhand_client::Client;
use secrecy::SecretString;

use crate::args::{HeartbeatCommand, HeartbeatKeyOf, SendHeartbeat};
use crate::exit::{Failure, at};
use crate::output::{Output, line};
use crate::select::host_name;

/// `ironhand heartbeat`.
pub async fn heartbeat(client: &Client, command: &HeartbeatCommand, output: Output) -> Result<(), Failure> {
    match command {
        HeartbeatCommand::Key(asked) => key(client, asked, output).await,
        HeartbeatCommand::Send(asked) => send(client, asked, output).await,
    }
}

async fn key(client: &Client, asked: &HeartbeatKeyOf, output: Output) -> Result<(), Failure> {
    let host = host_name(&asked.host)?;
    let key = client.heartbeat_key(&host, HeartbeatKeyRequest { rotate: asked.rotate }).await?;
    if output.is_structured() {
        return output.value(&key);
    }
    line(&key.key);
    Ok(())
}

/// Signs the time that the server says it is, so that the clock of the host does not matter.
async fn send(client: &Client, asked: &SendHeartbeat, output: Output) -> Result<(), Failure> {
    let host = host_name(&asked.host)?;
    let key = at(&asked.key_file, std::fs::read_to_string(&asked.key_file))?;
    let key = SecretString::from(key.trim());
    let before = client.heartbeat_status(&host).await?;
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce)
        .map_err(|error| Failure::Failed(format!("the operating system has no random numbers: {error}")))?;
    let beat = Heartbeat { at: before.at, nonce: hex::encode(nonce) };
    let body = serde_json::to_vec(&beat)
        .map_err(|error| Failure::Failed(format!("the heartbeat cannot be written: {error}")))?;
    let signature = ironhand_server::heartbeat_signature(&key, &body);
    let status = client.send_heartbeat(&host, body, &signature).await?;
    if output.is_structured() {
        return output.value(&status);
    }
    match &status.expected {
        Some(expected) => line(&format!("{host}: taken, {expected} is expected")),
        None => {
            line(&format!("{host}: taken, though none is expected: `health` of the host names no heartbeat"))
        }
    }
    Ok(())
}
