//! A program in a terminal, and somebody who types and looks.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::wait_until;

/// How long a program may take to show something, or to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program in a pseudo-terminal, ended by its own id when dropped.
pub struct Terminal {
    child: Child,
    /// The person's end.
    keyboard: File,
    /// The program's end, kept open so that what the program leaves it like can be seen.
    line: File,
    screen: Arc<Mutex<Vec<u8>>>,
    /// How much of the screen was looked at.
    seen: usize,
}

impl Terminal {
    /// Starts a program.
    pub fn start(mut command: Command) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&keyboard).and_then(|()| unlockpt(&keyboard)).expect("a pseudo-terminal of one's own");
        let name = ptsname(&keyboard, Vec::new()).expect("the name of its other end");
        let path = std::ffi::OsStr::from_bytes(name.as_bytes());
        let line = OpenOptions::new().read(true).write(true).open(path).expect("its other end");
        let end = || line.try_clone().expect("its other end, once more");
        let child = command
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let keyboard = File::from(keyboard);
        let mut looking = keyboard.try_clone().expect("the person's end, once more");
        let screen = Arc::new(Mutex::new(Vec::new()));
        let shown = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = looking.read(&mut buffer) {
                lock(&shown).extend_from_slice(&buffer[..length]);
            }
        });
        Self { child, keyboard, line, screen, seen: 0 }
    }

    /// Types.
    pub fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Waits until the program shows this behind what was looked at before.
    pub fn shows(&mut self, text: &str) {
        self.shows_within(text, PATIENCE);
    }

    /// The same with another patience.
    pub fn shows_within(&mut self, text: &str, patience: Duration) {
        let (screen, seen) = (&self.screen, self.seen);
        self.seen = wait_until(&format!("the terminal shows {text:?}"), patience, || {
            let screen = lock(screen);
            let fresh = String::from_utf8_lossy(&screen[seen..]).into_owned();
            match fresh.find(text) {
                Some(at) => Ok(seen + at + text.len()),
                None => Err(format!("{fresh:?}")),
            }
        });
    }

    /// Types this again and again until the program shows that.
    pub fn types_until(&mut self, keys: &str, text: &str) {
        wait_until(&format!("the terminal shows {text:?}"), PATIENCE, || {
            self.keyboard.write_all(keys.as_bytes()).expect("the terminal takes keys");
            let screen = lock(&self.screen);
            let fresh = String::from_utf8_lossy(&screen[self.seen..]).into_owned();
            if fresh.contains(text) { Ok(()) } else { Err(format!("{fresh:?}")) }
        });
    }

    /// Asks the program to end, as the system does when it shuts down.
    pub fn terminate(&self) {
        let status = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(status.is_ok_and(|status| status.success()), "the program can be told to end");
    }

    /// Waits until the program ends.
    pub fn ends(&mut self) -> ExitStatus {
        let (child, screen) = (&mut self.child, &self.screen);
        wait_until("the program ends", PATIENCE, || match child.try_wait() {
            Ok(Some(status)) => Ok(status),
            other => Err(format!("{other:?} {:?}", String::from_utf8_lossy(&lock(screen)))),
        })
    }

    /// Whether the terminal edits lines and echoes by itself, as shells expect it.
    pub fn is_cooked(&self) -> bool {
        let modes = tcgetattr(&self.line).expect("a terminal").local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lock(screen: &Mutex<Vec<u8>>) -> MutexGuard<'_, Vec<u8>> {
    screen.lock().unwrap_or_else(PoisonError::into_inner)
}
