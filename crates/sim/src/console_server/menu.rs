//! The command line of a controller, and the way from it to the console and back.

use std::sync::Arc;

use super::{ConsoleFault, Maker, Port};

/// Characters that a command may have.
const LINE_LIMIT: usize = 128;

/// What a session is answered.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) bytes: Vec<u8>,
    /// The session ends.
    pub(super) ends: bool,
}

/// One session at a controller.
#[derive(Debug)]
pub(super) struct Menu {
    maker: Maker,
    fault: Option<ConsoleFault>,
    port: Arc<Port>,
    line: Vec<u8>,
    /// It has the console.
    connected: bool,
    /// How much of the keys that lead back was typed.
    escape: usize,
    /// How much was typed at the machine.
    typed: usize,
    /// It had the console, and left it by its keys.
    came_back: bool,
}

impl Maker {
    const fn prompt(self) -> &'static str {
        match self {
            Self::Dell => "racadm>>",
            Self::Lenovo => "system> ",
            Self::Hpe => "</>hpiLO-> ",
            Self::Openbmc => "",
        }
    }

    const fn command(self) -> &'static str {
        match self {
            Self::Dell => "connect com2",
            Self::Lenovo => "console 1",
            Self::Hpe => "vsp",
            Self::Openbmc => "",
        }
    }

    const fn welcome(self) -> &'static str {
        match self {
            Self::Dell => "\r\nConnected to Serial Device 2. To end type: ^\\\r\n",
            Self::Hpe => {
                "\r\nVirtual Serial Port Active: COM2\r\n\r\nStarting virtual serial port.\r\nPress 'ESC (' to return to the CLI Session.\r\n"
            }
            Self::Lenovo | Self::Openbmc => "",
        }
    }

    const fn escape(self) -> &'static [u8] {
        match self {
            Self::Dell => b"\x1c",
            Self::Lenovo | Self::Hpe => b"\x1b(",
            Self::Openbmc => b"",
        }
    }
}

impl Menu {
    /// A session that begins, and what it is shown.
    pub(super) fn new(maker: Maker, fault: Option<ConsoleFault>, port: Arc<Port>) -> (Self, Answer) {
        let mut menu = Self {
            maker,
            fault,
            port,
            line: Vec::new(),
            connected: false,
            escape: 0,
            typed: 0,
            came_back: false,
        };
        let mut answer = Answer::default();
        if maker == Maker::Openbmc {
            menu.connect(&mut answer);
        } else {
            menu.prompt(&mut answer);
        }
        (menu, answer)
    }

    /// Somebody types.
    pub(super) fn input(&mut self, bytes: &[u8]) -> Answer {
        let mut answer = Answer::default();
        for &byte in bytes {
            if self.connected {
                self.type_at_machine(byte, &mut answer);
            } else {
                self.type_at_menu(byte, &mut answer);
            }
            if answer.ends {
                break;
            }
        }
        answer
    }

    fn prompt(&self, answer: &mut Answer) {
        let prompt = if self.fault == Some(ConsoleFault::WrongPrompt) { "-> " } else { self.maker.prompt() };
        answer.bytes.extend_from_slice(b"\r\n");
        answer.bytes.extend_from_slice(prompt.as_bytes());
    }

    fn type_at_menu(&mut self, byte: u8, answer: &mut Answer) {
        match byte {
            b'\r' | b'\n' => {
                answer.bytes.extend_from_slice(b"\r\n");
                let line = std::mem::take(&mut self.line);
                self.command(&String::from_utf8_lossy(&line), answer);
            }
            _ if self.line.len() >= LINE_LIMIT => {}
            _ => {
                self.line.push(byte);
                answer.bytes.push(byte);
            }
        }
    }

    fn command(&mut self, command: &str, answer: &mut Answer) {
        match command {
            "exit" => {
                answer.ends = true;
                if self.came_back {
                    self.port.give_back(true);
                }
                self.came_back = false;
                return;
            }
            "" | "console kill 1" => {}
            _ if command != self.maker.command() => answer.bytes.extend_from_slice(b"Invalid command"),
            _ => match self.fault {
                Some(ConsoleFault::InUse) => {
                    answer.bytes.extend_from_slice(b"The serial port is in use by another session.");
                }
                Some(ConsoleFault::Unlicensed) => {
                    answer.bytes.extend_from_slice(b"This needs an advanced license.");
                }
                _ => return self.connect(answer),
            },
        }
        self.prompt(answer);
    }

    fn connect(&mut self, answer: &mut Answer) {
        if !self.port.take() {
            answer.bytes.extend_from_slice(b"The serial port is in use by another session.");
            answer.ends = self.maker == Maker::Openbmc;
            return self.prompt(answer);
        }
        self.connected = true;
        self.came_back = false;
        answer.bytes.extend_from_slice(self.maker.welcome().as_bytes());
        answer.bytes.extend(self.port.machine(|machine| machine.open()));
    }

    fn type_at_machine(&mut self, byte: u8, answer: &mut Answer) {
        let escape = self.maker.escape();
        self.escape = match escape.get(self.escape) {
            Some(next) if *next == byte => self.escape + 1,
            _ => usize::from(escape.first() == Some(&byte)),
        };
        if self.escape > 0 && self.escape == escape.len() {
            self.escape = 0;
            self.connected = false;
            self.came_back = true;
            return self.prompt(answer);
        }
        answer.bytes.extend(self.port.machine(|machine| machine.input(&[byte])));
        self.typed += 1;
        match self.fault {
            Some(ConsoleFault::Drops { after }) if self.typed >= after => answer.ends = true,
            Some(ConsoleFault::Taken { after }) if self.typed >= after => {
                self.connected = false;
                self.prompt(answer);
            }
            _ => {}
        }
    }
}

impl Drop for Menu {
    /// The connection ended.
    fn drop(&mut self) {
        if self.connected || self.came_back {
            self.port.give_back(false);
        }
    }
}
