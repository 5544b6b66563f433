//! Power-on self test, choice of the boot device, and the boot from the network.

use std::time::Instant;

use super::fault::Disk;
use super::keyboard::Key;
use super::script::Script;
use super::system::System;
use super::{BootSource, Machine, Output, Phase, Step};

/// What an installer of Debian says that nobody sits at.
const INSTALLER_STOPPED: [&str; 6] = [
    "  [!!] Select and install software",
    "",
    "  Installation step failed",
    "  An installation step failed. You can try to run the failing item again from the",
    "  menu, or skip it and choose something else. The failing step is: Select and",
    "  install software",
];

impl Machine {
    pub(super) fn post(&mut self, now: Instant) {
        self.phase = Phase::Firmware;
        let traits = self.make.traits();
        let script =
            traits.post.iter().fold(Script::new().show(0, traits.firmware_mode), |script, (after, line)| {
                script.print(*after, self.filled_in(line))
            });
        self.run(now, script.begin(900, Step::PostDone));
    }

    fn filled_in(&self, line: &str) -> String {
        line.replace("{host}", &self.name).replace("{serial}", &self.serial).replace("{mac}", &self.mac)
    }

    pub(super) fn post_done(&mut self, now: Instant) {
        if self.condition.power_supply {
            let lines = self.make.traits().power_supply;
            let script = Script::new().print(300, "\n").lines(40, lines);
            return self.run(now, script.begin(0, Step::AskPowerSupply));
        }
        self.begin(now, Step::ChooseDevice);
    }

    /// What was pressed during the self test comes first, then the order of the management controller, then
    /// the disk.
    pub(super) fn choose_device(&mut self, now: Instant) {
        self.phase = Phase::Firmware;
        let order = self.next_boot.inspect(|_| self.outputs.push_back(Output::NextBootFollowed));
        self.next_boot = order.filter(|order| order.persistent);
        let ordered = order.map(|order| order.source);
        match self.hot_key.take().or(ordered).unwrap_or(BootSource::Disk) {
            BootSource::Setup => self.setup(now),
            BootSource::Network => self.boot_network(now),
            BootSource::Disk => self.boot_disk(now, Script::new()),
            BootSource::Optical => {
                self.boot_disk(now, Script::new().print(300, "\nCD/DVD drive: no medium.\n"));
            }
        }
    }

    fn boot_disk(&mut self, now: Instant, script: Script) {
        let script = script.print(400, "\nBooting from disk 0 ...\n");
        let script = match self.condition.disk {
            Disk::Good => script.begin(600, Step::Loader),
            Disk::HalfInstalled => {
                script.print(1500, "\n").lines(30, INSTALLER_STOPPED).begin(0, Step::InstallerStopped)
            }
            Disk::Hung | Disk::Erased => script
                .print(1500, "\n")
                .lines(30, self.make.traits().no_device)
                .begin(0, Step::NoBootableDevice),
        };
        self.run(now, script);
    }

    fn boot_network(&mut self, now: Instant) {
        self.phase = Phase::NetworkBoot;
        let address = 10 + self.seed.below(200);
        let script = Script::new()
            .print(400, format!("\nBooting from the network: NIC 1, {}\n", self.mac))
            .print(1200, format!("  Address 10.7.0.{address}, netmask 255.255.255.0, gateway 10.7.0.1\n"))
            .print(300, "  Boot file boot/rescue from 10.7.0.1, 38912 KiB\n")
            .print(200, "  ")
            .print(0, "");
        let script = (0..12).fold(script, |script, _| script.print(120, "."));
        self.run(now, script.print(200, " done.\n").begin(600, Step::Kernel(System::Rescue)));
    }

    fn setup(&mut self, now: Instant) {
        self.phase = Phase::Setup;
        let traits = self.make.traits();
        let page = format!(
            "\u{1B}[1;37;44m System Setup \u{1B}[0m\n\n  \
             Product         {}\n  Serial number   {}\n  NIC 1           {}\n\n  \
             Boot order      1. Disk 0\n                  2. NIC 1\n\n  Esc  leave setup\n",
            traits.product, self.serial, self.mac
        );
        self.run(now, Script::new().show(300, traits.firmware_mode).print(50, page));
    }

    pub(super) fn firmware_key(&mut self, now: Instant, key: Key) {
        let source = match key {
            Key::Function(12) => Some(BootSource::Network),
            key if key == self.make.traits().setup => Some(BootSource::Setup),
            _ => None,
        };
        match (&self.phase, key) {
            (Phase::Setup, Key::Escape) => {
                self.phase = Phase::SetupQuestion;
                self.run(now, Script::new().print(100, "\n  Leave without saving?  Enter = yes, Esc = no\n"));
            }
            (Phase::SetupQuestion, Key::Enter) => self.restart(now),
            (Phase::SetupQuestion, Key::Escape) => self.setup(now),
            (Phase::Setup | Phase::SetupQuestion, _) => {}
            (Phase::PowerSupplyQuestion, Key::Function(1)) => {
                self.condition.power_supply = false;
                self.phase = Phase::Firmware;
                self.run(now, Script::new().print(200, "\nContinuing ...\n").begin(700, Step::ChooseDevice));
            }
            (Phase::NoBootableDevice, Key::Function(1)) => {
                self.phase = Phase::Firmware;
                self.run(
                    now,
                    Script::new().print(100, "\nTrying again ...\n").begin(1200, Step::ChooseDevice),
                );
            }
            (Phase::PowerSupplyQuestion | Phase::NoBootableDevice, _) => {
                if source.is_some() {
                    self.hot_key = source;
                    // Going elsewhere by hand acknowledges the message as well.
                    self.condition.power_supply = false;
                    self.begin(now, Step::ChooseDevice);
                }
            }
            _ => self.hot_key = source.or(self.hot_key),
        }
    }
}
