//! The serial line of the machine, as Intel AMT redirects it.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::bmc_fleet::console::SerialConsole;
use crate::machine::Machine;
use crate::viewer::Wire;

/// The machine's serial port, which one session has at a time.
pub(super) struct Port {
    machine: Arc<Mutex<Machine>>,
    line: Arc<Mutex<SerialConsole>>,
    place: Arc<tokio::sync::Semaphore>,
}

/// The serial port, as long as one session has it.
pub(super) struct Place {
    machine: Arc<Mutex<Machine>>,
    line: Arc<Mutex<SerialConsole>>,
    _place: tokio::sync::OwnedSemaphorePermit,
}

impl Port {
    pub(super) fn new(machine: &Arc<Mutex<Machine>>) -> Self {
        let name = machine.lock().unwrap_or_else(PoisonError::into_inner).name().to_owned();
        let line = Arc::new(Mutex::new(SerialConsole::new(name)));
        Self { machine: Arc::clone(machine), line, place: Arc::new(tokio::sync::Semaphore::new(1)) }
    }

    /// Takes the port, where it is free.
    pub(super) fn take(&self) -> Option<Place> {
        let place = Arc::clone(&self.place).try_acquire_owned().ok()?;
        Some(Place { machine: Arc::clone(&self.machine), line: Arc::clone(&self.line), _place: place })
    }
}

impl Place {
    /// Speaks to who was let in, until they leave.
    pub(super) async fn serve(self, stream: &mut Box<dyn Wire>) -> io::Result<()> {
        let mut settings = [0; 24];
        stream.read_exact(&mut settings).await?;
        if settings[0] != 0x20 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut reply = [0; 23];
        reply[0] = 0x21;
        // The settings are taken as they are asked for.
        reply[8..20].copy_from_slice(&settings[8..20]);
        stream.write_all(&reply).await?;
        let shown = self.with(|line| line.open());
        self.say(stream, &shown).await?;
        loop {
            let mut head = [0; 8];
            stream.read_exact(&mut head).await?;
            let said = match head[0] {
                0x22 => return stream.write_all(&[0x23, 0, 0, 0, 0, 0, 0, 0]).await,
                0x28 => {
                    let mut typed = vec![0; usize::from(stream.read_u16_le().await?)];
                    stream.read_exact(&mut typed).await?;
                    self.with(|line| line.input(&typed))
                }
                // Signals of the line.
                0x27 => {
                    stream.read_exact(&mut [0; 6]).await?;
                    Vec::new()
                }
                0x25 | 0x2B => Vec::new(),
                _ => return Err(io::ErrorKind::InvalidData.into()),
            };
            self.say(stream, &said).await?;
        }
    }

    /// What the machine writes; nothing while it has no power.
    fn with(&self, act: impl FnOnce(&mut SerialConsole) -> Vec<u8>) -> Vec<u8> {
        let on = self.machine.lock().unwrap_or_else(PoisonError::into_inner).is_on();
        if on { act(&mut self.line.lock().unwrap_or_else(PoisonError::into_inner)) } else { Vec::new() }
    }

    async fn say(&self, stream: &mut Box<dyn Wire>, said: &[u8]) -> io::Result<()> {
        for part in said.chunks(1000) {
            // As long as a part is, at most.
            let length = (part.len() as u16).to_le_bytes();
            stream.write_all(&[&[0x2A, 0, 0, 0, 0, 0, 0, 0][..], &length, part].concat()).await?;
        }
        stream.flush().await
    }
}
