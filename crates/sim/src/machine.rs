//! A simulated server: what it does by itself, to its power button and to its keys, and what its screen shows
//! meanwhile.
//!
//! A [`Machine`] has no clock and no sockets. It is told what time it is with each call, and does everything
//! that was due until then; [`Machine::next_wake`] says when it next has something to do. The same seed,
//! calls and times give the same screens.

mod fault;
mod firmware;
mod keyboard;
mod line;
mod loader;
mod make;
mod script;
mod seed;
mod system;
mod tty;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use self::fault::Condition;
pub use self::fault::MachineFault;
use self::keyboard::{Key, Keyboard};
use self::loader::{Grub, Menu};
pub use self::make::{Make, UnknownMake};
use self::script::{Act, Script};
pub(crate) use self::seed::Seed;
use self::system::System;
pub use self::tty::ROOT_PASSWORD;
use self::tty::{Prompt, Tty};
use crate::screen::Screen;

/// What a [`Machine`] is.
#[derive(Clone, Debug)]
pub struct MachineConfig {
    /// Its host name, as its login prompt shows it.
    pub name: String,
    /// Its make.
    pub make: Make,
    /// What its serial number, addresses and times are drawn from.
    pub seed: u64,
    /// How many times faster than a real machine it is: 1 boots in about half a minute. Kept within 0.01 to
    /// 1000.
    pub pace: f64,
    /// Whether it stands at its login prompt already, or is off.
    pub running: bool,
}

/// What the machine boots from, other than its first disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BootSource {
    /// The network, which offers an image that repairs disks.
    Network,
    /// The disk.
    Disk,
    /// A drive that never has a medium: firmware goes on to the disk.
    Optical,
    /// The setup screens of the firmware.
    Setup,
}

/// An order for the boots to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NextBoot {
    /// Where to boot from.
    pub source: BootSource,
    /// Whether it holds for all boots rather than for the next one.
    pub persistent: bool,
}

/// What a machine is doing: the truth, to compare with what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activity {
    /// Without power.
    Off,
    /// Power-on self test, or the way from it to the loader.
    Firmware,
    /// Firmware waits for F1 because of a power supply.
    PowerSupplyQuestion,
    /// Firmware found nothing to boot.
    NoBootableDevice,
    /// In the setup screens.
    Setup,
    /// An installer has stopped at an error.
    InstallerStopped,
    /// Loading from the network.
    NetworkBoot,
    /// In the loader's menu.
    Menu,
    /// At the loader's prompt.
    LoaderPrompt,
    /// The kernel or the services come up.
    Booting,
    /// At a maintenance shell or its question for a password: the boot has stopped.
    Maintenance,
    /// At the login prompt, or logged in.
    Up,
    /// As [`Activity::Up`], but the system is the one from the network.
    RescueUp,
    /// Services stop.
    Stopping,
    /// The kernel panicked.
    Panicked,
}

/// What the outside must hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Power came (`true`) or went.
    PowerChanged(bool),
    /// Firmware followed the order of [`Machine::set_next_boot`]; one that is not persistent is used up now.
    NextBootFollowed,
}

/// A simulated server.
pub struct Machine {
    name: String,
    make: Make,
    serial: String,
    mac: String,
    seed: Seed,
    pace: f64,
    powered: bool,
    /// What the management controller will do to the power, and when.
    button: Option<(Instant, Button)>,
    phase: Phase,
    system: System,
    condition: Condition,
    screen: Screen,
    keyboard: Keyboard,
    type_ahead: VecDeque<Key>,
    hot_key: Option<BootSource>,
    next_boot: Option<NextBoot>,
    script: Script,
    /// When the first act of the script is due.
    due: Option<Instant>,
    kernel_started: Instant,
    /// Uptime of the kernel at `kernel_started`.
    earlier_uptime: Duration,
    outputs: VecDeque<Output>,
}

/// Keys kept while the machine is busy: a Linux terminal keeps 4096 and a PC's firmware 16; typed repairs lie
/// between.
const MAX_TYPE_AHEAD: usize = 256;

/// How long the management controller takes to act on power, at pace 1.
const POWER_LATENCY: Duration = Duration::from_millis(600);
/// As [`POWER_LATENCY`], for the reset line.
const RESET_LATENCY: Duration = Duration::from_millis(250);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Button {
    On,
    Off,
    Cycle,
    Reset,
}

/// The stage that a machine is in, with what it must remember there.
#[derive(Clone, Debug)]
enum Phase {
    Off,
    Firmware,
    PowerSupplyQuestion,
    NoBootableDevice,
    Setup,
    /// Whether setup is to be left.
    SetupQuestion,
    InstallerStopped,
    NetworkBoot,
    Menu(Menu),
    Grub(Grub),
    Booting,
    Tty(Tty),
    Stopping,
    Panicked,
}

/// A stage that begins by itself when a script comes to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Post,
    PostDone,
    AskPowerSupply,
    ChooseDevice,
    NoBootableDevice,
    InstallerStopped,
    Loader,
    LoaderReady,
    MenuSecond,
    Kernel(System),
    KernelReady,
    FileSystemRepaired,
    Services,
    Login,
    DiskRestored,
    Restart,
    PowerOff,
}

impl Machine {
    /// A machine as `config` describes it, without faults.
    #[must_use]
    pub fn new(config: MachineConfig, now: Instant) -> Self {
        let mut seed = Seed::new(config.seed);
        let [.., a, b, c] = seed.next().to_be_bytes();
        let serial = format!("{:07}", seed.below(10_000_000));
        let earlier_uptime = Duration::from_millis(86_400_000 + seed.below(2_000_000_000));
        let mut machine = Self {
            screen: Screen::new(config.make.traits().firmware_mode),
            name: config.name,
            make: config.make,
            serial,
            mac: format!("52:54:00:{a:02x}:{b:02x}:{c:02x}"),
            seed,
            pace: config.pace.clamp(0.01, 1000.0),
            powered: false,
            button: None,
            phase: Phase::Off,
            system: System::Installed,
            condition: Condition::default(),
            keyboard: Keyboard::default(),
            type_ahead: VecDeque::new(),
            hot_key: None,
            next_boot: None,
            script: Script::new(),
            due: None,
            kernel_started: now,
            earlier_uptime,
            outputs: VecDeque::new(),
        };
        if config.running {
            machine.powered = true;
            machine.screen.set_mode(machine.make.traits().console_mode);
            machine.begin(now, Step::Login);
            machine.wake(now);
        }
        machine
    }

    /// Its host name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its make.
    #[must_use]
    pub fn make(&self) -> Make {
        self.make
    }

    /// Its serial number, as its firmware writes it.
    #[must_use]
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// Whether it has power.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.powered
    }

    /// What its screen shows.
    #[must_use]
    pub fn screen(&self) -> &Screen {
        &self.screen
    }

    /// What it is doing.
    #[must_use]
    pub fn activity(&self) -> Activity {
        match &self.phase {
            Phase::Off => Activity::Off,
            Phase::Firmware => Activity::Firmware,
            Phase::PowerSupplyQuestion => Activity::PowerSupplyQuestion,
            Phase::NoBootableDevice => Activity::NoBootableDevice,
            Phase::Setup | Phase::SetupQuestion => Activity::Setup,
            Phase::InstallerStopped => Activity::InstallerStopped,
            Phase::NetworkBoot => Activity::NetworkBoot,
            Phase::Menu(_) => Activity::Menu,
            Phase::Grub(_) => Activity::LoaderPrompt,
            Phase::Booting => Activity::Booting,
            Phase::Tty(tty) if tty.is_maintenance() => Activity::Maintenance,
            Phase::Tty(_) if self.system == System::Rescue => Activity::RescueUp,
            Phase::Tty(_) => Activity::Up,
            Phase::Stopping => Activity::Stopping,
            Phase::Panicked => Activity::Panicked,
        }
    }

    /// Whether it runs the system of its own disk and nothing of it is damaged.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.activity() == Activity::Up && self.condition == Condition::default()
    }

    /// Switches it on; nothing happens where it is on.
    pub fn power_up(&mut self, now: Instant) {
        self.wake(now);
        if !self.powered && self.button.is_none() {
            self.push(now, POWER_LATENCY, Button::On);
        }
    }

    /// Takes its power away at once; a machine that a power cycle keeps off stays off.
    pub fn power_down(&mut self, now: Instant) {
        self.wake(now);
        self.button = None;
        if self.powered {
            self.push(now, POWER_LATENCY, Button::Off);
        }
    }

    /// Takes its power away, and gives it back some seconds later; nothing happens where it is off.
    pub fn power_cycle(&mut self, now: Instant) {
        self.wake(now);
        if self.powered {
            self.push(now, POWER_LATENCY, Button::Cycle);
        }
    }

    /// Pulses the reset line; nothing happens where it is off.
    pub fn hard_reset(&mut self, now: Instant) {
        self.wake(now);
        if self.powered {
            self.push(now, RESET_LATENCY, Button::Reset);
        }
    }

    /// Presses the power button shortly: an operating system that runs shuts down, anything else does not
    /// care.
    pub fn soft_shutdown(&mut self, now: Instant) {
        self.wake(now);
        if matches!(self.activity(), Activity::Up | Activity::RescueUp) {
            self.stop(now, Step::PowerOff);
        }
    }

    /// Raises a non-maskable interrupt: an operating system panics, anything else does not care.
    pub fn diagnostic_interrupt(&mut self, now: Instant) {
        self.wake(now);
        if matches!(self.phase, Phase::Booting | Phase::Tty(_) | Phase::Stopping) {
            self.panic(now, "NMI: Not continuing");
        }
    }

    /// Orders where the next boot, or all boots, start from; `None` takes the order back.
    pub fn set_next_boot(&mut self, order: Option<NextBoot>) {
        self.next_boot = order;
    }

    /// A key of its keyboard goes down or up, named by its X11 key symbol.
    pub fn key(&mut self, now: Instant, keysym: u32, down: bool) {
        self.wake(now);
        if let Some(key) = self.keyboard.key(keysym, down) {
            self.press(now, key);
            self.wake(now);
        }
    }

    /// Damages it. A running machine shows it soon; one that is off, when it is switched on.
    pub fn stage(&mut self, now: Instant, fault: MachineFault) {
        self.wake(now);
        self.condition.damage(fault);
        let kernel_runs = matches!(self.phase, Phase::Booting | Phase::Tty(_));
        match fault {
            MachineFault::KernelPanic if kernel_runs => {
                self.condition.panic_once = false;
                self.panic(now, "Fatal exception in interrupt");
            }
            MachineFault::PanicEveryBoot if kernel_runs => self.panic(now, "Fatal machine check"),
            MachineFault::KernelPanic | MachineFault::PanicEveryBoot => {}
            _ if self.powered => self.restart(now),
            _ => {}
        }
    }

    /// Does what was due until `now`. Extra calls are harmless.
    pub fn wake(&mut self, now: Instant) {
        while let Some(at) = self.next_wake().filter(|at| *at <= now) {
            match self.button {
                Some((pressed, button)) if pressed == at => self.act_on_power(at, button),
                _ => self.act(at),
            }
            self.replay(at);
        }
    }

    /// When it next does something by itself.
    #[must_use]
    pub fn next_wake(&self) -> Option<Instant> {
        let button = self.button.map(|(at, _)| at);
        button.into_iter().chain(self.due).min()
    }

    /// What the outside must hear of, oldest first.
    pub fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn push(&mut self, now: Instant, latency: Duration, button: Button) {
        self.button = Some((now + latency.div_f64(self.pace), button));
    }

    fn act_on_power(&mut self, now: Instant, button: Button) {
        self.button = None;
        match button {
            Button::On => self.power_on(now),
            Button::Off => self.lose_power(),
            Button::Cycle => {
                self.lose_power();
                self.push(now, Duration::from_millis(self.make.traits().off), Button::On);
            }
            Button::Reset => self.restart(now),
        }
    }

    fn power_on(&mut self, now: Instant) {
        self.powered = true;
        self.outputs.push_back(Output::PowerChanged(true));
        self.phase = Phase::Firmware;
        self.run(now, Script::new().begin(self.make.traits().dark, Step::Post));
    }

    fn lose_power(&mut self) {
        self.powered = false;
        self.outputs.push_back(Output::PowerChanged(false));
        self.phase = Phase::Off;
        self.condition.lose_power();
        self.forget();
    }

    /// Back to firmware, with the power kept.
    fn restart(&mut self, now: Instant) {
        self.phase = Phase::Firmware;
        self.forget();
        self.run(now, Script::new().begin(self.make.traits().dark, Step::Post));
    }

    fn forget(&mut self) {
        self.script = Script::new();
        self.due = None;
        self.type_ahead.clear();
        self.hot_key = None;
        self.screen.go_dark();
    }

    /// Goes on with `script` in place of what was going on.
    fn run(&mut self, now: Instant, script: Script) {
        self.script = script;
        self.schedule(now);
    }

    fn schedule(&mut self, now: Instant) {
        let after = self.script.peek().map(|beat| beat.after);
        self.due = after.map(|after| now + self.seed.around(after).div_f64(self.pace));
    }

    fn act(&mut self, now: Instant) {
        let act = self.script.pop();
        self.schedule(now);
        match act {
            Some(Act::Show(mode)) => self.screen.set_mode(mode),
            Some(Act::Print(text)) => self.screen.write(&text),
            Some(Act::Begin(step)) => self.begin(now, step),
            Some(Act::Pass) | None => {}
        }
    }

    fn begin(&mut self, now: Instant, step: Step) {
        match step {
            Step::Post => self.post(now),
            Step::PostDone => self.post_done(now),
            Step::AskPowerSupply => self.phase = Phase::PowerSupplyQuestion,
            Step::ChooseDevice => self.choose_device(now),
            Step::NoBootableDevice => self.phase = Phase::NoBootableDevice,
            Step::InstallerStopped => self.phase = Phase::InstallerStopped,
            Step::Loader => self.loader(now),
            Step::LoaderReady => self.loader_ready(now),
            Step::MenuSecond => self.menu_second(now),
            Step::Kernel(system) => self.kernel(now, system),
            Step::KernelReady => self.kernel_ready(now),
            Step::FileSystemRepaired => self.file_system_repaired(),
            Step::Services => self.services(now),
            Step::Login => self.login(now),
            Step::DiskRestored => {
                self.condition.restore_disk();
                self.restart(now);
            }
            Step::Restart => self.restart(now),
            Step::PowerOff => self.lose_power(),
        }
    }

    fn press(&mut self, now: Instant, key: Key) {
        if key == Key::CtrlAltDel {
            return self.press_ctrl_alt_del(now);
        }
        let is_busy = !self.script.is_empty();
        match &self.phase {
            Phase::Grub(_) | Phase::Tty(_) if is_busy => {
                if self.type_ahead.len() < MAX_TYPE_AHEAD {
                    self.type_ahead.push_back(key);
                }
            }
            Phase::Grub(_) => self.grub_key(now, key),
            Phase::Tty(_) => self.tty_key(now, key),
            Phase::Menu(_) => self.menu_key(now, key),
            Phase::Firmware
            | Phase::PowerSupplyQuestion
            | Phase::NoBootableDevice
            | Phase::Setup
            | Phase::SetupQuestion => self.firmware_key(now, key),
            Phase::Off
            | Phase::InstallerStopped
            | Phase::NetworkBoot
            | Phase::Booting
            | Phase::Stopping
            | Phase::Panicked => {}
        }
    }

    fn press_ctrl_alt_del(&mut self, now: Instant) {
        match &self.phase {
            Phase::Off | Phase::Stopping | Phase::Panicked => {}
            Phase::Tty(tty) if !tty.is_initial_ram_disk() => self.stop(now, Step::Restart),
            _ => self.restart(now),
        }
    }

    /// Hands over what was typed while the machine was busy.
    fn replay(&mut self, now: Instant) {
        while self.script.is_empty() && matches!(self.phase, Phase::Grub(_) | Phase::Tty(_)) {
            let Some(key) = self.type_ahead.pop_front() else { return };
            self.press(now, key);
        }
    }

    /// Shows `script`, then `prompt`, and waits for a line there.
    fn prompt(&mut self, now: Instant, script: Script, prompt: Prompt) {
        let text = prompt.text(self.system.host(&self.name));
        self.phase = Phase::Tty(Tty::new(prompt));
        self.run(now, script.print(0, text));
    }
}

#[cfg(test)]
mod tests;
