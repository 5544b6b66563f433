//! GRUB: its menu, and its prompts.

use std::collections::BTreeMap;
use std::time::Instant;

use super::keyboard::Key;
use super::line::{Edit, Line};
use super::script::Script;
use super::system::System;
use super::{BootSource, Machine, Phase, Step};

/// Where the modules are, as GRUB names places.
const BOOT_PARTITION: &str = "hd0,msdos1";
/// Folder of the modules on that partition.
const MODULE_FOLDER: &str = "/boot/grub";
/// Where the damaged core image looks for them.
const LOST_PARTITION: &str = "hd0,msdos5";

const ENTRIES: [(&str, Entry); 3] = [
    ("Debian GNU/Linux", Entry::System(System::Installed)),
    ("Debian GNU/Linux (recovery mode)", Entry::System(System::Recovery)),
    ("Firmware setup", Entry::Setup),
];

#[derive(Clone, Copy)]
enum Entry {
    System(System),
    Setup,
}

/// Seconds until the first entry is booted.
const MENU_SECONDS: u8 = 5;

/// The menu: which entry is selected, and how many seconds are left unless a key has stopped the countdown.
#[derive(Clone, Debug)]
pub(super) struct Menu {
    selected: usize,
    seconds: Option<u8>,
}

/// A prompt of GRUB's.
#[derive(Clone, Debug)]
pub(super) struct Grub {
    line: Line,
    /// `grub rescue>`, which knows four commands, rather than `grub>`.
    is_rescue: bool,
    normal_loaded: bool,
    variables: BTreeMap<String, String>,
}

/// Variables kept; a person at this prompt sets two.
const MAX_VARIABLES: usize = 32;

impl Grub {
    fn new(is_rescue: bool, partition: &str) -> Self {
        let variables = BTreeMap::from([
            ("prefix".to_owned(), format!("({partition}){MODULE_FOLDER}")),
            ("root".to_owned(), partition.to_owned()),
        ]);
        Self { line: Line::default(), is_rescue, normal_loaded: !is_rescue, variables }
    }

    fn prompt(&self) -> &'static str {
        if self.is_rescue { "grub rescue> " } else { "grub> " }
    }

    fn variable(&self, name: &str) -> &str {
        self.variables.get(name).map_or("", String::as_str)
    }

    fn set(&mut self, assignment: &str) -> String {
        let Some((name, value)) = assignment.split_once('=') else {
            return self.variables.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        };
        if self.variables.len() < MAX_VARIABLES || self.variables.contains_key(name) {
            self.variables.insert(name.to_owned(), value.to_owned());
        }
        String::new()
    }

    /// Splits a place like `(hd0,msdos1)/boot/grub` into partition and path; without parentheses it lies on
    /// `root`.
    fn place<'a>(&'a self, place: &'a str) -> (&'a str, &'a str) {
        match place.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            Some(place) => place,
            None => (self.variable("root").trim_matches(['(', ')']), place),
        }
    }

    fn insmod(&mut self, module: &str) -> String {
        let (partition, folder) = self.place(self.variable("prefix"));
        if partition != BOOT_PARTITION {
            return "error: no such partition.\n".to_owned();
        }
        let folder = folder.trim_end_matches('/');
        if folder != MODULE_FOLDER || !matches!(module, "normal" | "linux" | "ext2" | "part_msdos") {
            return format!("error: file `{folder}/i386-pc/{module}.mod' not found.\n");
        }
        self.normal_loaded |= module == "normal";
        String::new()
    }

    fn list(&self, place: &str) -> String {
        if place.is_empty() {
            return format!("(hd0) (hd0,msdos5) ({BOOT_PARTITION})\n");
        }
        match self.place(place) {
            (BOOT_PARTITION, "") => format!("({BOOT_PARTITION}): Filesystem is ext2.\n"),
            (BOOT_PARTITION, "/") => "lost+found/ boot/ etc/ home/ root/ usr/ var/\n".to_owned(),
            (BOOT_PARTITION, "/boot" | "/boot/") => {
                "grub/ vmlinuz-6.1.0-18-amd64 initrd.img-6.1.0-18-amd64\n".to_owned()
            }
            (BOOT_PARTITION, "/boot/grub" | "/boot/grub/") => {
                "grub.cfg grubenv i386-pc/ fonts/ unicode.pf2\n".to_owned()
            }
            (BOOT_PARTITION, _) => "error: file not found.\n".to_owned(),
            (LOST_PARTITION, _) => "error: unknown filesystem.\n".to_owned(),
            _ => "error: no such partition.\n".to_owned(),
        }
    }
}

impl Machine {
    pub(super) fn loader(&mut self, now: Instant) {
        self.phase = Phase::Firmware;
        let script = Script::new().show(0, self.make.traits().firmware_mode);
        self.run(
            now,
            script
                .print(200, "GRUB loading.\n")
                .print(400, "Welcome to GRUB!\n\n")
                .begin(500, Step::LoaderReady),
        );
    }

    pub(super) fn loader_ready(&mut self, now: Instant) {
        if self.condition.loader_modules_lost {
            let script = Script::new()
                .print(300, "error: no such partition.\n")
                .print(50, "Entering rescue mode...\n");
            self.grub_prompt(now, Grub::new(true, LOST_PARTITION), script);
        } else {
            self.menu(now, Some(MENU_SECONDS));
        }
    }

    fn menu(&mut self, now: Instant, seconds: Option<u8>) {
        self.screen.set_mode(self.make.traits().firmware_mode);
        self.screen.show_cursor(false);
        self.phase = Phase::Menu(Menu { selected: 0, seconds });
        self.draw_menu();
        self.run(now, countdown(seconds));
    }

    pub(super) fn menu_second(&mut self, now: Instant) {
        let Phase::Menu(menu) = &mut self.phase else { return };
        menu.seconds = menu.seconds.and_then(|seconds| seconds.checked_sub(1));
        match menu.seconds {
            Some(0) | None => self.boot_entry(now, 0),
            seconds => {
                self.draw_menu();
                self.run(now, countdown(seconds));
            }
        }
    }

    pub(super) fn menu_key(&mut self, now: Instant, key: Key) {
        let Phase::Menu(menu) = &mut self.phase else { return };
        menu.seconds = None;
        match key {
            Key::Up => menu.selected = menu.selected.saturating_sub(1),
            Key::Down => menu.selected = (menu.selected + 1).min(ENTRIES.len() - 1),
            Key::Enter => {
                let selected = menu.selected;
                return self.boot_entry(now, selected);
            }
            Key::Char('c') => {
                self.screen.set_mode(self.make.traits().firmware_mode);
                return self.grub_prompt(now, Grub::new(false, BOOT_PARTITION), Script::new());
            }
            _ => {}
        }
        self.run(now, Script::new());
        self.draw_menu();
    }

    fn boot_entry(&mut self, now: Instant, selected: usize) {
        self.phase = Phase::Booting;
        self.screen.set_mode(self.make.traits().firmware_mode);
        let (name, entry) = ENTRIES[selected.min(ENTRIES.len() - 1)];
        let script = Script::new().print(0, format!("Booting `{name}'\n\n"));
        let script = match entry {
            Entry::System(system) => script
                .print(300, "Loading Linux 6.1.0-18-amd64 ...\n")
                .print(700, "Loading initial ramdisk ...\n")
                .begin(1100, Step::Kernel(system)),
            Entry::Setup => {
                self.hot_key = Some(BootSource::Setup);
                script.begin(800, Step::ChooseDevice)
            }
        };
        self.run(now, script);
    }

    fn draw_menu(&mut self) {
        let Phase::Menu(menu) = &self.phase else { return };
        let mode = self.screen.mode();
        let width = mode.columns() - 4;
        let title = "GNU GRUB  version 2.06";
        let bar = "─".repeat(width - 2);
        let mut page = format!("\u{1B}[2;1H{title:^columns$}\u{1B}[4;1H", columns = mode.columns() - 1);
        page.push_str(&format!("  ┌{bar}┐\n"));
        for row in 0..mode.rows() - 12 {
            let inner = width - 2;
            let (mark, name) = match ENTRIES.get(row) {
                Some((name, _)) if row == menu.selected => ("\u{1B}[30;47m*", *name),
                Some((name, _)) => (" ", *name),
                None => (" ", ""),
            };
            page.push_str(&format!("  │{mark}{name:<rest$}\u{1B}[0m│\n", rest = inner - 1));
        }
        page.push_str(&format!("  └{bar}┘\n\n"));
        page.push_str("      Up and Down select an entry, Enter boots it, `c' gives a command line.\n");
        page.push_str("\u{1B}[K");
        if let Some(seconds) = menu.seconds {
            page.push_str(&format!("      The selected entry will be booted in {seconds}s."));
        }
        self.screen.write(&page);
    }

    fn grub_prompt(&mut self, now: Instant, grub: Grub, script: Script) {
        let script = script.print(0, grub.prompt());
        self.phase = Phase::Grub(grub);
        self.run(now, script);
    }

    pub(super) fn grub_key(&mut self, now: Instant, key: Key) {
        let Phase::Grub(grub) = &mut self.phase else { return };
        match grub.line.key(key) {
            Edit::Echo(text) => self.screen.write(&text),
            Edit::Entered(line) => {
                self.screen.write("\n");
                self.grub_command(now, line.trim());
            }
            Edit::Interrupted if !grub.is_rescue => {
                let prompt = grub.prompt();
                self.screen.write(&format!("\n{prompt}"));
            }
            Edit::Nothing if key == Key::Escape && !grub.is_rescue => self.menu(now, None),
            Edit::Interrupted | Edit::EndOfInput | Edit::Nothing => {}
        }
    }

    fn grub_command(&mut self, now: Instant, line: &str) {
        let Phase::Grub(grub) = &self.phase else { return };
        let mut grub = grub.clone();
        let (command, argument) =
            line.split_once(' ').map_or((line, ""), |(command, rest)| (command, rest.trim()));
        let (after, output) = match command {
            "" => (0, String::new()),
            "set" => (0, grub.set(argument)),
            "unset" => {
                grub.variables.remove(argument);
                (0, String::new())
            }
            "ls" => (200, grub.list(argument)),
            "insmod" => (500, grub.insmod(argument)),
            "normal" if grub.normal_loaded => return self.menu(now, Some(MENU_SECONDS)),
            "reboot" if !grub.is_rescue => return self.restart(now),
            "exit" if !grub.is_rescue => return self.begin(now, Step::ChooseDevice),
            unknown if grub.is_rescue => (0, format!("Unknown command `{unknown}'.\n")),
            unknown => (0, format!("error: can't find command `{unknown}'.\n")),
        };
        self.grub_prompt(now, grub, Script::new().print(after, output));
    }
}

fn countdown(seconds: Option<u8>) -> Script {
    seconds.map_or_else(Script::new, |_| Script::new().begin(1000, Step::MenuSecond))
}
