//! Consoles at ports of terminal servers: by telnet, or as the bytes are.

use futures_util::future::BoxFuture;
use hyper::body::Bytes;
use ironhand_api::Connector;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::telnet::Telnet;
use super::{SerialConsole, TAKEN};
use crate::path::joined;
use crate::{CONNECT, Error, Route, Stream, Surroundings, connect};

/// What is read at once: a screen full.
const AT_ONCE: usize = 4096;

/// A console at a port of its own.
pub(super) struct TcpConsole {
    stream: Stream,
    address: String,
    /// None where the bytes are the machine's.
    telnet: Option<Telnet>,
    /// What is to be written before anything else.
    replies: Vec<u8>,
}

impl TcpConsole {
    pub(super) async fn open_raw(connector: &Connector, surroundings: &Surroundings) -> Result<Self, Error> {
        Self::open(connector, surroundings, None, Vec::new()).await
    }

    pub(super) async fn open_telnet(
        connector: &Connector,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let (telnet, opening) = Telnet::new();
        Self::open(connector, surroundings, Some(telnet), opening).await
    }

    async fn open(
        connector: &Connector,
        surroundings: &Surroundings,
        telnet: Option<Telnet>,
        replies: Vec<u8>,
    ) -> Result<Self, Error> {
        let route = Route::of(connector, surroundings.hop.clone())?;
        let (stream, taken) = connect(&route, &surroundings.health, Instant::now() + CONNECT).await?;
        let mut console = Self { stream, address: joined(&taken.address, taken.port), telnet, replies };
        console.write(&[]).await?;
        Ok(console)
    }

    async fn receive_next(&mut self) -> Result<Bytes, Error> {
        loop {
            self.reply().await?;
            let mut buffer = [0; AT_ONCE];
            let length =
                self.stream.read(&mut buffer).await.map_err(|error| self.gone(&error.to_string()))?;
            if length == 0 {
                return Err(self.gone("the other side closed the console"));
            }
            let read = &buffer[..length];
            let data = match &mut self.telnet {
                Some(telnet) => telnet.receive(read, &mut self.replies),
                None => read.to_vec(),
            };
            if !data.is_empty() {
                return Ok(data.into());
            }
        }
    }

    /// Answers what was asked for. Dropping the future loses nothing.
    async fn reply(&mut self) -> Result<(), Error> {
        while !self.replies.is_empty() {
            let written = self.stream.write(&self.replies).await;
            let length = written.map_err(|error| self.gone(&error.to_string()))?;
            self.replies.drain(..length);
        }
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let writing = async {
            self.reply().await?;
            let written = async {
                self.stream.write_all(bytes).await?;
                self.stream.flush().await
            };
            written.await.map_err(|error| self.gone(&error.to_string()))
        };
        match timeout(TAKEN, writing).await {
            Ok(written) => written,
            Err(_) => Err(Error::Silent { address: self.address.clone(), after: TAKEN }),
        }
    }

    fn gone(&self, reason: &str) -> Error {
        Error::Unreachable { address: self.address.clone(), reason: reason.to_owned() }
    }
}

impl SerialConsole for TcpConsole {
    fn receive(&mut self) -> BoxFuture<'_, Result<Bytes, Error>> {
        Box::pin(self.receive_next())
    }

    fn send<'a>(&'a mut self, bytes: &'a [u8]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            match &self.telnet {
                Some(telnet) => {
                    let escaped = telnet.escape(bytes);
                    self.write(&escaped).await
                }
                None => self.write(bytes).await,
            }
        })
    }

    fn send_break(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async {
            if self.telnet.is_some() {
                return self.write(&Telnet::send_break()).await;
            }
            let what =
                "send a break over plain TCP: it has no words for one; use telnet where the server speaks it";
            Err(Error::Unsupported { what: what.to_owned() })
        })
    }

    fn resize(&mut self, columns: u16, rows: u16) -> BoxFuture<'_, Result<bool, Error>> {
        Box::pin(async move {
            let Self { telnet, replies, .. } = self;
            let told = telnet.as_mut().is_some_and(|telnet| telnet.resize(columns, rows, replies));
            if told {
                self.write(&[]).await?;
            }
            Ok(told)
        })
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            // An error means that it is closed already; one that does not answer is left.
            let _ = timeout(TAKEN, self.stream.shutdown()).await;
        })
    }
}
