use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{
    Activity, BootSource, Machine, MachineConfig, MachineFault, Make, NextBoot, Output, ROOT_PASSWORD,
};

const ENTER: u32 = 0xFF0D;
const BACKSPACE: u32 = 0xFF08;
const ESCAPE: u32 = 0xFF1B;
const DOWN: u32 = 0xFF54;
const F1: u32 = 0xFFBE;
const F12: u32 = 0xFFC9;

/// A machine and a clock that jumps from one of its doings to the next.
struct Bench {
    machine: Machine,
    now: Instant,
}

impl Bench {
    fn new(make: Make, running: bool) -> Self {
        let now = Instant::now();
        let config = MachineConfig { name: "node17".to_owned(), make, seed: 7, pace: 1.0, running };
        Self { machine: Machine::new(config, now), now }
    }

    /// Lets time pass.
    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.machine.wake(self.now);
    }

    /// Lets the machine go on until it does `activity` and has nothing more to do by itself, a minute or two
    /// at most.
    #[track_caller]
    fn until(&mut self, activity: Activity) -> String {
        let deadline = self.now + Duration::from_secs(120);
        loop {
            let idle = self.machine.next_wake().is_none();
            if self.machine.activity() == activity && (idle || activity == Activity::Menu) {
                return self.machine.screen().text();
            }
            match self.machine.next_wake() {
                Some(at) if at <= deadline => {
                    self.now = at;
                    self.machine.wake(at);
                }
                _ => panic!(
                    "{} instead of {activity:?}:\n{}",
                    format_args!("{:?}", self.machine.activity()),
                    self.machine.screen().text()
                ),
            }
        }
    }

    fn press(&mut self, keysym: u32) {
        self.machine.key(self.now, keysym, true);
        self.machine.key(self.now, keysym, false);
    }

    fn enter(&mut self, line: &str) {
        line.chars().for_each(|ch| self.press(ch as u32));
        self.press(ENTER);
    }

    fn ctrl_alt_del(&mut self) {
        for (keysym, down) in [
            (0xFFE3, true),
            (0xFFE9, true),
            (0xFFFF, true),
            (0xFFFF, false),
            (0xFFE9, false),
            (0xFFE3, false),
        ] {
            self.machine.key(self.now, keysym, down);
        }
    }
}

/// A running machine of each make with `fault`.
fn each_make(fault: MachineFault, test: impl Fn(&mut Bench)) {
    for make in Make::ALL {
        let mut bench = Bench::new(make, true);
        assert!(bench.machine.is_well());
        bench.machine.stage(bench.now, fault);
        test(&mut bench);
    }
}

#[track_caller]
fn check_last_line(screen: &str, line: &str) {
    assert_eq!(screen.lines().last(), Some(line), "{screen}");
}

#[test]
fn it_boots_from_the_power_button_to_the_login_prompt() {
    for make in Make::ALL {
        let mut bench = Bench::new(make, false);
        assert_eq!((bench.machine.activity(), bench.machine.is_on()), (Activity::Off, false));
        assert!(!bench.machine.screen().is_lit());
        bench.machine.power_up(bench.now);
        assert!(!bench.machine.is_on(), "the management controller takes a moment");
        let menu = bench.until(Activity::Menu);
        assert!(menu.contains("GNU GRUB") && menu.contains("*Debian GNU/Linux"), "{menu}");
        assert!(menu.contains("booted in 5s"), "{menu}");
        assert_eq!(bench.machine.next_output(), Some(Output::PowerChanged(true)));
        let login = bench.until(Activity::Up);
        check_last_line(&login, "node17 login:");
        assert!(bench.machine.is_well());
    }
}

#[test]
fn the_same_seed_gives_the_same_boot() {
    let boot = |seed| {
        let now = Instant::now();
        let config =
            MachineConfig { name: "a".to_owned(), make: Make::R740Like, seed, pace: 1.0, running: false };
        let mut machine = Machine::new(config, now);
        machine.power_up(now);
        let mut screens = Vec::new();
        while let Some(at) = machine.next_wake() {
            machine.wake(at);
            screens.push((at - now, machine.screen().text()));
        }
        screens
    };
    assert_eq!(boot(1), boot(1));
    assert_ne!(boot(1), boot(2));
}

#[test]
fn power_supply_fault_waits_for_f1() {
    each_make(MachineFault::PowerSupplyF1, |bench| {
        let screen = bench.until(Activity::PowerSupplyQuestion);
        let last = screen.lines().last().unwrap_or_default();
        assert!(last.contains("F1") && last.contains("to continue"), "{screen}");
        bench.pass(600);
        bench.enter("hello");
        assert_eq!(bench.until(Activity::PowerSupplyQuestion), screen, "it waits, and takes no other key");
        bench.press(F1);
        bench.until(Activity::Up);
        assert!(bench.machine.is_well());
    });
}

#[test]
fn kernel_panic_stays_until_power_or_reset() {
    each_make(MachineFault::KernelPanic, |bench| {
        let screen = bench.until(Activity::Panicked);
        assert!(screen.contains("Kernel panic - not syncing: Fatal exception"), "{screen}");
        bench.pass(3600);
        bench.ctrl_alt_del();
        bench.enter("reboot");
        bench.machine.soft_shutdown(bench.now);
        assert_eq!(bench.until(Activity::Panicked), screen);
        bench.machine.hard_reset(bench.now);
        bench.until(Activity::Up);
        assert!(bench.machine.is_well());
    });
}

#[test]
fn a_power_cycle_keeps_it_off_for_seconds() {
    each_make(MachineFault::KernelPanic, |bench| {
        bench.until(Activity::Panicked);
        bench.machine.power_cycle(bench.now);
        assert!(bench.machine.is_on());
        bench.pass(1);
        assert!(!bench.machine.is_on() && !bench.machine.screen().is_lit());
        bench.pass(1);
        assert!(!bench.machine.is_on());
        bench.until(Activity::Up);
        assert_eq!(bench.machine.next_output(), Some(Output::PowerChanged(false)));
        assert_eq!(bench.machine.next_output(), Some(Output::PowerChanged(true)));
    });
}

#[test]
fn a_missing_root_panics_until_the_network_image_repairs_the_disk() {
    each_make(MachineFault::RootMissing, |bench| {
        assert!(bench.until(Activity::Panicked).contains("VFS: Unable to mount root fs"));
        bench.machine.power_cycle(bench.now);
        bench.pass(2);
        bench.until(Activity::Panicked);
        bench.machine.set_next_boot(Some(NextBoot { source: BootSource::Network, persistent: false }));
        bench.machine.power_cycle(bench.now);
        bench.pass(2);
        bench.until(Activity::Up);
        assert!(bench.machine.is_well());
    });
}

#[test]
fn what_panics_at_each_boot_is_not_healed_by_anything() {
    each_make(MachineFault::PanicEveryBoot, |bench| {
        bench.until(Activity::Panicked);
        bench.machine.power_cycle(bench.now);
        bench.pass(2);
        bench.until(Activity::Panicked);
        bench.machine.set_next_boot(Some(NextBoot { source: BootSource::Network, persistent: true }));
        bench.machine.hard_reset(bench.now);
        bench.pass(1);
        bench.until(Activity::Panicked);
    });
}

#[test]
fn a_damaged_file_system_is_repaired_by_typing() {
    each_make(MachineFault::FsckManually, |bench| {
        let screen = bench.until(Activity::Maintenance);
        assert!(screen.contains("UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY."), "{screen}");
        check_last_line(&screen, "(initramfs)");
        bench.enter("fdisk -l");
        let screen = bench.until(Activity::Maintenance);
        assert!(screen.ends_with("(initramfs) fdisk -l\nsh: fdisk: not found\n(initramfs)"), "{screen}");
        bench.enter("fsck -y /dev/sdb1");
        assert!(
            bench
                .until(Activity::Maintenance)
                .contains("No such file or directory while trying to open /dev/sdb1")
        );
        bench.enter("exit");
        assert!(bench.until(Activity::Maintenance).contains("RUN fsck MANUALLY"), "not repaired yet");
        for ch in "fsckk".chars() {
            bench.press(ch as u32);
        }
        bench.press(BACKSPACE);
        bench.enter(" -y /dev/sda1");
        bench.enter("exit");
        let screen = bench.machine.screen().text();
        assert!(screen.ends_with("fsck -y /dev/sda1"), "what is typed ahead waits: {screen}");
        bench.until(Activity::Up);
        assert!(bench.machine.is_well());
    });
}

#[test]
fn a_repair_that_is_cut_off_repairs_nothing() {
    each_make(MachineFault::FsckManually, |bench| {
        bench.until(Activity::Maintenance);
        bench.enter("fsck -y $ROOT");
        bench.pass(1);
        bench.machine.hard_reset(bench.now);
        bench.pass(1);
        assert!(bench.until(Activity::Maintenance).contains("RUN fsck MANUALLY"));
        bench.enter("fsck /dev/sda1");
        check_last_line(
            &bench.until(Activity::Maintenance),
            "Inode 131075 was part of the orphaned inode list.  Fix<y>?",
        );
        bench.press('y' as u32);
        assert!(bench.until(Activity::Maintenance).contains("FILE SYSTEM WAS MODIFIED"));
        bench.enter("reboot");
        bench.until(Activity::Up);
        assert!(bench.machine.is_well());
    });
}

#[test]
fn maintenance_asks_for_the_password_of_root() {
    each_make(MachineFault::FsckWithPassword, |bench| {
        let screen = bench.until(Activity::Maintenance);
        assert!(screen.contains("Give root password for maintenance"), "{screen}");
        bench.enter("wrong");
        let screen = bench.until(Activity::Maintenance);
        assert!(screen.contains("Login incorrect") && !screen.contains("wrong"), "{screen}");
        bench.enter(ROOT_PASSWORD);
        check_last_line(&bench.until(Activity::Maintenance), "root@node17:~#");
        bench.enter("repair");
        assert!(bench.until(Activity::Maintenance).contains("repair: command not found"));
        bench.enter("fsck -fy /dev/sda1");
        bench.until(Activity::Maintenance);
        bench.ctrl_alt_del();
        bench.until(Activity::Up);
        assert!(bench.machine.is_well());
    });
}

#[test]
fn a_hung_disk_controller_wants_a_cold_start() {
    each_make(MachineFault::NoBootableDevice, |bench| {
        let screen = bench.until(Activity::NoBootableDevice).to_lowercase();
        assert!(screen.contains("no boot device") || screen.contains("no bootable device"), "{screen}");
        bench.press(F1);
        bench.pass(1);
        bench.until(Activity::NoBootableDevice);
        bench.machine.hard_reset(bench.now);
        bench.pass(1);
        bench.until(Activity::NoBootableDevice);
        bench.machine.power_cycle(bench.now);
        bench.pass(2);
        bench.until(Activity::Up);
        assert!(bench.machine.is_well());
    });
}

#[test]
fn an_erased_disk_wants_the_network() {
    each_make(MachineFault::DiskErased, |bench| {
        bench.until(Activity::NoBootableDevice);
        bench.machine.power_cycle(bench.now);
        bench.pass(2);
        bench.until(Activity::NoBootableDevice);
        bench.press(F12);
        bench.until(Activity::Up);
        assert!(bench.machine.is_well());
    });
}

#[test]
fn grub_rescue_is_left_by_its_commands() {
    each_make(MachineFault::GrubRescue, |bench| {
        let screen = bench.until(Activity::LoaderPrompt);
        check_last_line(&screen, "grub rescue>");
        for (line, answer) in [
            ("help", "Unknown command `help'."),
            ("normal", "Unknown command `normal'."),
            ("insmod normal", "error: no such partition."),
            ("ls", "(hd0) (hd0,msdos5) (hd0,msdos1)"),
            ("ls (hd0,msdos5)/", "error: unknown filesystem."),
            ("ls (hd0,msdos1)/boot/grub", "grub.cfg grubenv i386-pc/ fonts/ unicode.pf2"),
            ("set", "prefix=(hd0,msdos5)/boot/grub\nroot=hd0,msdos5"),
        ] {
            bench.enter(line);
            let screen = bench.until(Activity::LoaderPrompt);
            assert!(screen.ends_with(&format!("grub rescue> {line}\n{answer}\ngrub rescue>")), "{screen}");
        }
        bench.enter("set root=(hd0,msdos1)");
        bench.enter("set prefix=/boot/grubb");
        bench.press(BACKSPACE);
        bench.enter("insmod normal");
        assert!(
            bench.until(Activity::LoaderPrompt).contains("file `/boot/grubb/i386-pc/normal.mod' not found")
        );
        bench.enter("set prefix=(hd0,msdos1)/boot/grub");
        bench.enter("insmod normal");
        bench.enter("normal");
        bench.until(Activity::Menu);
        bench.until(Activity::Up);
        assert!(bench.machine.is_well(), "the system has repaired its loader");
    });
}

#[test]
fn the_menu_obeys_keys_and_stops_counting() {
    let mut bench = Bench::new(Make::R740Like, false);
    bench.machine.power_up(bench.now);
    bench.until(Activity::Menu);
    bench.press(DOWN);
    bench.pass(300);
    let menu = bench.until(Activity::Menu);
    assert!(menu.contains("*Debian GNU/Linux (recovery mode)") && !menu.contains("booted in"), "{menu}");
    bench.press('c' as u32);
    check_last_line(&bench.until(Activity::LoaderPrompt), "grub>");
    bench.press(ESCAPE);
    bench.until(Activity::Menu);
    bench.press(DOWN);
    bench.press(ENTER);
    bench.until(Activity::Maintenance);
    bench.machine.key(bench.now, 0xFFE3, true);
    bench.press('d' as u32);
    bench.until(Activity::Up);
}

#[test]
fn a_boot_order_is_followed_and_used_up() {
    let order = |source, persistent| Some(NextBoot { source, persistent });
    let mut bench = Bench::new(Make::X11Like, true);
    bench.machine.set_next_boot(order(BootSource::Network, true));
    for _ in 0..2 {
        bench.machine.hard_reset(bench.now);
        bench.pass(1);
        check_last_line(&bench.until(Activity::RescueUp), "rescue login:");
        assert!(!bench.machine.is_well(), "it does not run its own system");
        assert_eq!(bench.machine.next_output(), Some(Output::NextBootFollowed));
    }
    for (once, then) in [
        (BootSource::Setup, Activity::Setup),
        (BootSource::Optical, Activity::Up),
        (BootSource::Disk, Activity::Up),
    ] {
        bench.machine.set_next_boot(order(once, false));
        bench.machine.hard_reset(bench.now);
        bench.pass(1);
        bench.until(then);
    }
    bench.machine.hard_reset(bench.now);
    bench.pass(1);
    bench.until(Activity::Up);
}

#[test]
fn setup_is_left_when_its_question_is_answered() {
    const ESCAPE: u32 = 0xFF1B;
    for make in Make::ALL {
        let mut bench = Bench::new(make, true);
        bench.machine.set_next_boot(Some(NextBoot { source: BootSource::Setup, persistent: false }));
        bench.machine.hard_reset(bench.now);
        bench.pass(1);
        bench.until(Activity::Setup);
        for asks in [true, false, true] {
            bench.press(ESCAPE);
            let screen = bench.until(Activity::Setup);
            assert_eq!(screen.contains("Leave without saving?"), asks, "{screen}");
        }
        bench.press(ENTER);
        bench.until(Activity::Up);
    }
}

#[test]
fn soft_shutdown_needs_a_system_that_runs() {
    let mut bench = Bench::new(Make::Dl380Like, true);
    bench.machine.soft_shutdown(bench.now);
    assert_eq!(bench.machine.activity(), Activity::Stopping);
    assert!(bench.machine.is_on(), "services stop first");
    bench.until(Activity::Off);
    assert!(!bench.machine.is_on() && !bench.machine.screen().is_lit());
    bench.machine.power_cycle(bench.now);
    bench.machine.hard_reset(bench.now);
    bench.machine.diagnostic_interrupt(bench.now);
    assert_eq!(bench.machine.next_wake(), None, "off, all these do nothing");
    bench.machine.power_up(bench.now);
    bench.pass(5);
    bench.machine.soft_shutdown(bench.now);
    bench.until(Activity::Up);
    bench.machine.diagnostic_interrupt(bench.now);
    assert!(bench.until(Activity::Panicked).contains("NMI: Not continuing"));
    bench.machine.power_cycle(bench.now);
    bench.pass(2);
    bench.machine.power_down(bench.now);
    bench.pass(600);
    assert_eq!(bench.machine.activity(), Activity::Off, "switched off while a cycle kept it off");
}

#[test]
fn the_login_prompt_echoes_names_and_hides_passwords() {
    let mut bench = Bench::new(Make::OpenBmcLike, true);
    bench.enter("guest");
    bench.enter("letmein");
    let screen = bench.until(Activity::Up);
    assert!(screen.contains("node17 login: guest\nPassword:\n\nLogin incorrect\nnode17 login:"), "{screen}");
    bench.enter("root");
    bench.enter(ROOT_PASSWORD);
    bench.enter("uname");
    let screen = bench.until(Activity::Up);
    assert!(screen.ends_with("root@node17:~# uname\nLinux\nroot@node17:~#"), "{screen}");
    bench.enter("reboot");
    assert_eq!(bench.machine.activity(), Activity::Stopping, "services stop first");
    bench.until(Activity::Up);
}

#[test]
fn faults_wait_for_a_machine_that_is_off() {
    let mut bench = Bench::new(Make::R740Like, false);
    for fault in MachineFault::ALL {
        bench.machine.stage(bench.now, fault);
    }
    bench.pass(600);
    assert_eq!(bench.machine.activity(), Activity::Off);
    bench.machine.power_up(bench.now);
    bench.until(Activity::PowerSupplyQuestion);
}

/// Something that happens to a machine.
#[derive(Clone, Debug)]
enum Happening {
    Key(u32, bool),
    Line(String),
    Power(u8),
    Fault(usize),
    Order(Option<NextBoot>),
    Pass(u64),
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let sources = [BootSource::Network, BootSource::Disk, BootSource::Optical, BootSource::Setup];
    let order = (0..sources.len(), any::<bool>())
        .prop_map(move |(source, persistent)| NextBoot { source: sources[source], persistent });
    let happening = prop_oneof![
        (0xFF00u32..=0xFFFF, any::<bool>()).prop_map(|(keysym, down)| Happening::Key(keysym, down)),
        "(fsck -y /dev/sda1|set prefix=.{0,9}|insmod normal|normal|exit|reboot|root|\\PC{0,20})"
            .prop_map(Happening::Line),
        (0u8..6).prop_map(Happening::Power),
        (0..MachineFault::ALL.len()).prop_map(Happening::Fault),
        proptest::option::of(order).prop_map(Happening::Order),
        (0u64..90_000).prop_map(Happening::Pass),
    ];
    proptest::collection::vec(happening, 0..60)
}

proptest! {
    #[test]
    fn nothing_that_happens_breaks_the_simulation(make in 0..Make::ALL.len(), happenings in happenings()) {
        let mut bench = Bench::new(Make::ALL[make], true);
        for happening in happenings {
            match happening {
                Happening::Key(keysym, down) => bench.machine.key(bench.now, keysym, down),
                Happening::Line(line) => bench.enter(&line),
                Happening::Power(0) => bench.machine.power_up(bench.now),
                Happening::Power(1) => bench.machine.power_down(bench.now),
                Happening::Power(2) => bench.machine.power_cycle(bench.now),
                Happening::Power(3) => bench.machine.hard_reset(bench.now),
                Happening::Power(4) => bench.machine.soft_shutdown(bench.now),
                Happening::Power(_) => bench.machine.diagnostic_interrupt(bench.now),
                Happening::Fault(fault) => bench.machine.stage(bench.now, MachineFault::ALL[fault]),
                Happening::Order(order) => bench.machine.set_next_boot(order),
                Happening::Pass(milliseconds) => {
                    bench.now += Duration::from_millis(milliseconds);
                    bench.machine.wake(bench.now);
                }
            }
            prop_assert_eq!(bench.machine.is_on(), bench.machine.activity() != Activity::Off);
            prop_assert!(bench.machine.is_on() || !bench.machine.screen().is_lit());
        }
        // However it was left, an hour on it has come to rest.
        bench.pass(3600);
        let waits = bench.machine.next_wake().is_none();
        prop_assert!(waits, "still busy: {:?}", bench.machine.activity());
    }
}
