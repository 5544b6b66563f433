//! Where a person types to the operating system: login, passwords, shells.

use std::time::Instant;

use super::fault::FileSystem;
use super::keyboard::Key;
use super::line::{Edit, Line};
use super::script::Script;
use super::system::System;
use super::{Machine, Phase, Step};

/// The password of `root` on every simulated machine. It guards nothing.
pub const ROOT_PASSWORD: &str = "simulated";

/// The device of the root file system.
const ROOT_DEVICE: &str = "/dev/sda1";

/// A terminal that waits for a line.
#[derive(Clone, Debug)]
pub(super) struct Tty {
    prompt: Prompt,
    line: Line,
}

/// What a terminal waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Prompt {
    UserName,
    Password {
        is_root: bool,
    },
    /// The maintenance shell wants to know who asks.
    RootPassword,
    Shell(Shell),
    /// `fsck` found something and asks, to be answered by one key.
    FsckQuestion(Shell),
}

/// A command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shell {
    /// Of the initial RAM disk: no root file system is mounted, nothing else runs.
    InitialRamDisk,
    /// Of the maintenance mode; its end continues the boot.
    Maintenance,
    /// Of a person who logged in; its end is a new login prompt.
    Login,
}

impl Prompt {
    pub(super) fn text(&self, host: &str) -> String {
        match self {
            Self::UserName => format!("{host} login: "),
            Self::Password { .. } => "Password: ".to_owned(),
            Self::RootPassword => {
                "Give root password for maintenance\n(or press Control-D to continue): ".to_owned()
            }
            Self::Shell(Shell::InitialRamDisk) => "(initramfs) ".to_owned(),
            Self::Shell(_) => format!("root@{host}:~# "),
            Self::FsckQuestion(_) => "Inode 131075 was part of the orphaned inode list.  Fix<y>? ".to_owned(),
        }
    }
}

impl Tty {
    pub(super) fn new(prompt: Prompt) -> Self {
        Self { prompt, line: Line::default() }
    }

    /// Whether the boot has stopped here.
    pub(super) fn is_maintenance(&self) -> bool {
        match self.prompt {
            Prompt::RootPassword => true,
            Prompt::Shell(shell) | Prompt::FsckQuestion(shell) => shell != Shell::Login,
            Prompt::UserName | Prompt::Password { .. } => false,
        }
    }

    /// Whether nothing but the kernel and this shell runs.
    pub(super) fn is_initial_ram_disk(&self) -> bool {
        matches!(
            self.prompt,
            Prompt::Shell(Shell::InitialRamDisk) | Prompt::FsckQuestion(Shell::InitialRamDisk)
        )
    }
}

impl Machine {
    pub(super) fn tty_key(&mut self, now: Instant, key: Key) {
        let Phase::Tty(tty) = &mut self.phase else { return };
        let prompt = tty.prompt.clone();
        if let Prompt::FsckQuestion(shell) = prompt {
            return self.answer_fsck(now, shell, key);
        }
        let is_secret = matches!(prompt, Prompt::Password { .. } | Prompt::RootPassword);
        match tty.line.key(key) {
            Edit::Echo(_) if is_secret => {}
            Edit::Echo(text) => self.screen.write(&text),
            Edit::Entered(line) => {
                self.screen.write("\n");
                self.entered(now, prompt, &line);
            }
            Edit::Interrupted => self.prompt(now, Script::new().print(0, "^C\n"), prompt),
            Edit::EndOfInput => self.end_of_input(now, prompt),
            Edit::Nothing => {}
        }
    }

    fn entered(&mut self, now: Instant, prompt: Prompt, line: &str) {
        match prompt {
            Prompt::UserName if line.trim().is_empty() => self.prompt(now, Script::new(), prompt),
            Prompt::UserName => {
                self.prompt(now, Script::new(), Prompt::Password { is_root: line.trim() == "root" });
            }
            Prompt::Password { is_root: true } if line == ROOT_PASSWORD => {
                self.prompt(now, Script::new().pass(300), Prompt::Shell(Shell::Login));
            }
            Prompt::Password { .. } => {
                self.prompt(now, Script::new().print(2200, "\nLogin incorrect\n"), Prompt::UserName);
            }
            Prompt::RootPassword if line == ROOT_PASSWORD => {
                self.prompt(now, Script::new().pass(300), Prompt::Shell(Shell::Maintenance));
            }
            Prompt::RootPassword => {
                self.prompt(now, Script::new().print(1800, "Login incorrect\n\n"), Prompt::RootPassword);
            }
            Prompt::Shell(shell) => self.command(now, shell, line.trim()),
            // It takes single keys, so no line is ever entered there.
            Prompt::FsckQuestion(_) => {}
        }
    }

    fn end_of_input(&mut self, now: Instant, prompt: Prompt) {
        match prompt {
            Prompt::RootPassword => {
                self.screen.write("\n");
                self.leave_maintenance(now);
            }
            Prompt::Shell(shell) => self.leave(now, shell),
            _ => {}
        }
    }

    fn leave(&mut self, now: Instant, shell: Shell) {
        match shell {
            Shell::Login => self.begin(now, Step::Login),
            Shell::InitialRamDisk | Shell::Maintenance => self.leave_maintenance(now),
        }
    }

    /// The boot goes on, and stops again where the file system is still damaged.
    fn leave_maintenance(&mut self, now: Instant) {
        self.system = System::Installed;
        match self.condition.file_system {
            FileSystem::Clean => self.begin(now, Step::Services),
            FileSystem::Damaged | FileSystem::DamagedBehindPassword => self.check_file_system(now),
        }
    }

    fn command(&mut self, now: Instant, shell: Shell, line: &str) {
        let mut words = line.split_whitespace();
        let command = words.next().unwrap_or_default();
        let arguments: Vec<&str> = words.collect();
        let output = match command {
            "exit" | "logout" => return self.leave(now, shell),
            "reboot" | "poweroff" | "halt" => {
                let then = if command == "reboot" { Step::Restart } else { Step::PowerOff };
                return self.stop_by_command(now, shell, then, arguments.contains(&"-f"));
            }
            "fsck" | "fsck.ext4" | "e2fsck" => return self.fsck(now, shell, &arguments),
            "" | "true" | "sync" | "clear" => String::new(),
            "hostname" => format!("{}\n", self.system.host(&self.name)),
            "uname" => "Linux\n".to_owned(),
            "whoami" | "id" => "root\n".to_owned(),
            "echo" => format!("{}\n", arguments.join(" ")),
            unknown if shell == Shell::InitialRamDisk => format!("sh: {unknown}: not found\n"),
            unknown => format!("-bash: {unknown}: command not found\n"),
        };
        self.prompt(now, Script::new().print(20, output), Prompt::Shell(shell));
    }

    fn stop_by_command(&mut self, now: Instant, shell: Shell, then: Step, forced: bool) {
        if forced || shell == Shell::InitialRamDisk {
            self.phase = Phase::Stopping;
            self.run(now, Script::new().begin(500, then));
        } else {
            self.stop(now, then);
        }
    }

    fn fsck(&mut self, now: Instant, shell: Shell, arguments: &[&str]) {
        let has_flag = |flag: char| {
            arguments
                .iter()
                .any(|argument| argument.strip_prefix('-').is_some_and(|flags| flags.contains(flag)))
        };
        let device = arguments.iter().find(|argument| !argument.starts_with('-')).copied();
        // The shell of an initial RAM disk knows the root's device by a variable.
        let device = device.map(|device| match device {
            "$ROOT" if shell == Shell::InitialRamDisk => ROOT_DEVICE,
            device => device,
        });
        let script = Script::new().print(100, "fsck from util-linux 2.38.1\n");
        let back = Prompt::Shell(shell);
        match device {
            None => self.prompt(now, script.print(0, "usage: fsck [-a|-n|-p|-y] DEVICE\n"), back),
            Some(device) if device != ROOT_DEVICE => {
                let message = format!("fsck.ext4: No such file or directory while trying to open {device}\n");
                self.prompt(now, script.print(0, message), back);
            }
            Some(_) if self.condition.file_system == FileSystem::Clean && !has_flag('f') => {
                let message =
                    format!("{ROOT_DEVICE}: clean, 81234/29302784 files, 1203331/117212886 blocks\n");
                self.prompt(now, script.print(400, message), back);
            }
            Some(_) if has_flag('y') => self.repair(now, shell, script),
            Some(_) if has_flag('a') || has_flag('p') || has_flag('n') => {
                let message = format!("\n{ROOT_DEVICE}: UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY.\n");
                self.prompt(now, script.print(900, message), back);
            }
            Some(_) => {
                let script = script.print(1200, "Pass 1: Checking inodes, blocks, and sizes\n");
                self.prompt(now, script, Prompt::FsckQuestion(shell));
            }
        }
    }

    fn answer_fsck(&mut self, now: Instant, shell: Shell, key: Key) {
        match key {
            Key::Char('y' | 'Y' | 'a') | Key::Enter => {
                self.repair(now, shell, Script::new().print(0, "yes\n\n"));
            }
            Key::Char('n' | 'N') | Key::Control('c') => {
                let message = format!(
                    "no\n\n{ROOT_DEVICE}: ********** WARNING: Filesystem still has errors **********\n"
                );
                self.prompt(now, Script::new().print(600, message), Prompt::Shell(shell));
            }
            _ => {}
        }
    }

    /// The file system is clean only when the last pass is through.
    fn repair(&mut self, now: Instant, shell: Shell, script: Script) {
        let script = script
            .print(200, format!("{ROOT_DEVICE} contains a file system with errors, check forced.\n"))
            .print(500, "Pass 1: Checking inodes, blocks, and sizes\n")
            .print(900, "Inode 131075 was part of the orphaned inode list.  FIXED.\n")
            .print(700, "Pass 2: Checking directory structure\n")
            .print(600, "Pass 3: Checking directory connectivity\n")
            .print(300, "Pass 4: Checking reference counts\n")
            .print(300, "Pass 5: Checking group summary information\n\n")
            .begin(500, Step::FileSystemRepaired)
            .print(0, format!("{ROOT_DEVICE}: ***** FILE SYSTEM WAS MODIFIED *****\n"))
            .print(
                0,
                format!(
                    "{ROOT_DEVICE}: 81234/29302784 files (0.2% non-contiguous), 1203331/117212886 blocks\n"
                ),
            );
        self.prompt(now, script, Prompt::Shell(shell));
    }
}
