//! What is behind a simulated BMC's serial port: a login prompt and a shell that says back what it is told, and crashes
//! when it is told to as Linux is.

/// Characters that a line may have; what is typed beyond is not taken, as by a terminal's own line editor.
const LINE_LIMIT: usize = 256;

/// What crashes the machine, as typed to its shell.
const CRASH: &[u8] = b"echo c > /proc/sysrq-trigger";

/// What a crashed machine writes.
const PANIC: &[u8] = b"[  512.104771] sysrq: Trigger a crash\r\n\
[  512.104790] Kernel panic - not syncing: sysrq triggered crash\r\n\
[  512.104823] CPU: 2 PID: 1742 Comm: bash Not tainted 6.12.0-1-amd64 #1\r\n\
[  512.211904] Kernel Offset: disabled\r\n\
[  512.211931] ---[ end Kernel panic - not syncing: sysrq triggered crash ]---\r\n";

const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7F;
const INTERRUPT: u8 = 0x03;
const END_OF_FILE: u8 = 0x04;

/// Where the machine's console stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Login,
    Password,
    Shell,
    /// The kernel has stopped, or none runs: nothing is read or written until the machine starts anew.
    Crashed,
}

/// The machine's end of a serial port.
#[derive(Debug)]
pub(crate) struct SerialConsole {
    name: String,
    stage: Stage,
    user: String,
    line: Vec<u8>,
    after_return: bool,
    /// Whether the system of the machine runs.
    runs: bool,
}

impl SerialConsole {
    /// The console of a machine with this host name.
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            stage: Stage::Login,
            user: String::new(),
            line: Vec::new(),
            after_return: false,
            runs: true,
        }
    }

    /// The machine starts; returns what it writes.
    pub(super) fn boot(&mut self) -> Vec<u8> {
        self.stage = Stage::Login;
        self.line.clear();
        let mut output = b"\r\nStarting the system ...\r\n".to_vec();
        self.prompt(&mut output);
        output
    }

    /// The system of the machine runs as it should, or does so no longer: then nothing is behind the port, and nothing proves that the
    /// machine is well. Returns what it writes.
    pub(crate) fn follow(&mut self, runs: bool) -> Vec<u8> {
        match (runs, self.runs) {
            (true, false) => {
                self.runs = true;
                self.boot()
            }
            (false, true) => {
                self.runs = false;
                self.stage = Stage::Crashed;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Somebody opens the port; returns what the machine writes.
    pub(crate) fn open(&self) -> Vec<u8> {
        if self.stage == Stage::Crashed {
            return Vec::new();
        }
        let mut output = b"\r\n".to_vec();
        self.prompt(&mut output);
        output.extend_from_slice(&self.line);
        output
    }

    /// A break was sent; returns what the machine writes.
    pub(crate) fn take_break(&mut self) -> Vec<u8> {
        if self.stage == Stage::Crashed {
            return Vec::new();
        }
        self.line.clear();
        let mut output = b"\r\n[break]\r\n".to_vec();
        self.prompt(&mut output);
        output
    }

    /// Somebody types; returns what the machine writes.
    pub(crate) fn input(&mut self, characters: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        for &character in characters {
            if self.stage == Stage::Crashed {
                break;
            }
            let after_return = std::mem::replace(&mut self.after_return, character == b'\r');
            match character {
                // The second half of a line's end.
                b'\n' if after_return => {}
                b'\r' | b'\n' => self.enter(&mut output),
                BACKSPACE | DELETE => {
                    if self.line.pop().is_some() && self.stage != Stage::Password {
                        output.extend_from_slice(b"\x08 \x08");
                    }
                }
                INTERRUPT => {
                    self.line.clear();
                    output.extend_from_slice(b"^C\r\n");
                    self.prompt(&mut output);
                }
                END_OF_FILE if self.line.is_empty() => {
                    self.stage = Stage::Login;
                    output.extend_from_slice(b"\r\n");
                    self.prompt(&mut output);
                }
                0x00..0x20 => {}
                _ if self.line.len() >= LINE_LIMIT => {}
                _ => {
                    self.line.push(character);
                    if self.stage != Stage::Password {
                        output.push(character);
                    }
                }
            }
        }
        output
    }

    fn enter(&mut self, output: &mut Vec<u8>) {
        output.extend_from_slice(b"\r\n");
        let line = std::mem::take(&mut self.line);
        match self.stage {
            Stage::Login if line.is_empty() => {}
            Stage::Login => {
                self.user = String::from_utf8_lossy(&line).into_owned();
                self.stage = Stage::Password;
            }
            Stage::Password => self.stage = Stage::Shell,
            Stage::Shell if line == b"exit" => self.stage = Stage::Login,
            Stage::Shell if line == CRASH => {
                self.stage = Stage::Crashed;
                output.extend_from_slice(PANIC);
                return;
            }
            Stage::Shell if line.is_empty() => {}
            Stage::Crashed => return,
            Stage::Shell => {
                output.extend_from_slice(&line);
                output.extend_from_slice(b"\r\n");
            }
        }
        self.prompt(output);
    }

    fn prompt(&self, output: &mut Vec<u8>) {
        let prompt = match self.stage {
            Stage::Login => format!("{} login: ", self.name),
            Stage::Password => "Password: ".to_owned(),
            Stage::Shell => format!("{}@{}$ ", self.user, self.name),
            Stage::Crashed => String::new(),
        };
        output.extend_from_slice(prompt.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(console: &mut SerialConsole, input: &str, expected: &str) {
        let output = console.input(input.as_bytes());
        assert_eq!(String::from_utf8(output).unwrap(), expected, "{input:?}");
    }

    #[test]
    fn a_shell_says_back_what_it_is_told_after_a_login() {
        let mut console = SerialConsole::new("sim7".to_owned());
        assert_eq!(console.open(), b"\r\nsim7 login: ");
        check(&mut console, "root\r", "root\r\nPassword: ");
        check(&mut console, "secret\r\n", "\r\nroot@sim7$ ");
        check(&mut console, "echo 1\x082\n", "echo 1\x08 \x082\r\necho 2\r\nroot@sim7$ ");
        check(&mut console, "half", "half");
        assert_eq!(console.open(), b"\r\nroot@sim7$ half");
        check(&mut console, "\x03", "^C\r\nroot@sim7$ ");
        assert_eq!(console.take_break(), b"\r\n[break]\r\nroot@sim7$ ");
        check(&mut console, "exit\r", "exit\r\nsim7 login: ");
        assert_eq!(console.boot(), b"\r\nStarting the system ...\r\nsim7 login: ");
    }

    #[test]
    fn a_machine_that_crashed_is_silent_until_it_starts_anew() {
        let mut console = SerialConsole::new("sim7".to_owned());
        console.input(b"root\rsecret\r");
        let output = String::from_utf8(console.input(b"echo c > /proc/sysrq-trigger\rls\r")).unwrap();
        assert!(
            output.ends_with("---[ end Kernel panic - not syncing: sysrq triggered crash ]---\r\n"),
            "{output}"
        );
        assert_eq!((console.input(b"\r"), console.take_break(), console.open()), Default::default());
        assert_eq!(console.boot(), b"\r\nStarting the system ...\r\nsim7 login: ");
    }

    #[test]
    fn nothing_is_behind_the_port_while_the_system_does_not_run() {
        let mut console = SerialConsole::new("sim7".to_owned());
        assert!(console.follow(true).is_empty(), "it ran before");
        assert!(console.follow(false).is_empty());
        assert_eq!((console.input(b"root\r"), console.take_break(), console.open()), Default::default());
        assert!(console.follow(false).is_empty());
        assert_eq!(console.follow(true), b"\r\nStarting the system ...\r\nsim7 login: ");
        assert_eq!(console.open(), b"\r\nsim7 login: ");
    }

    #[test]
    fn a_line_is_bounded() {
        let mut console = SerialConsole::new("sim".to_owned());
        let echoed = console.input(&[b'x'; 10_000]);
        assert_eq!(echoed.len(), LINE_LIMIT);
    }
}
