use std::net::Ipv4Addr;

use super::*;

const MAC: MacAddress = MacAddress([0x52, 0x54, 0, 0x12, 0x34, 0x56]);
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 20));

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn see(progress: &mut BootProgress, seconds: i64, seen: BootSeen) {
    progress.see(BootSighting {
        at: at(seconds),
        mac: Some(MAC),
        about: BootAbout::default(),
        address: None,
        seen,
    });
}

fn dhcp(stage: BootStage, speaker: BootSpeaker) -> BootSeen {
    BootSeen::Dhcp { stage, speaker, what: String::new() }
}

fn read(stage: BootStage, path: &str) -> BootSeen {
    let took = Duration::from_millis(500);
    BootSeen::Read { stage, path: path.into(), by: "http", bytes: 1000, took, failed: None, absent: false }
}

fn absent(path: &str) -> BootSeen {
    BootSeen::Read {
        stage: BootStage::File,
        path: path.into(),
        by: "tftp",
        bytes: 0,
        took: Duration::ZERO,
        failed: Some("there is no such file".into()),
        absent: true,
    }
}

fn news(progress: &mut BootProgress) -> Vec<BootTold> {
    std::iter::from_fn(|| progress.next_output()).map(|news| news.what).collect()
}

fn stages(progress: &BootProgress) -> Vec<BootStage> {
    progress
        .records()
        .next()
        .map_or_else(Vec::new, |record| record.steps.iter().map(|step| step.stage).collect())
}

fn state(progress: &BootProgress) -> BootState {
    progress.records().next().expect("a boot").state
}

/// Firmware, iPXE, script, kernel, initrd.
fn boot(progress: &mut BootProgress, begin: i64) {
    use BootStage::{Acknowledge, Discover, Initrd, Kernel, Loader, Offer, Request, Script};
    for (after, stage) in [(0, Discover), (0, Offer), (4, Request), (4, Acknowledge)] {
        see(progress, begin + after, dhcp(stage, BootSpeaker::Firmware));
    }
    see(progress, begin + 5, read(Loader, "ipxe/x64/ipxe.efi"));
    for stage in [Discover, Offer, Request, Acknowledge] {
        see(progress, begin + 8, dhcp(stage, BootSpeaker::Ipxe));
    }
    see(progress, begin + 9, read(Script, "boot.ipxe"));
    see(progress, begin + 11, read(Kernel, "media/debian/linux"));
    see(progress, begin + 14, read(Initrd, "media/debian/initrd.gz"));
}

#[test]
fn a_boot_is_one_timeline_from_firmware_to_system() {
    use BootStage::{Acknowledge, Discover, Initrd, Kernel, Loader, Offer, Request, Script};
    let mut progress = BootProgress::new();
    boot(&mut progress, 100);
    let dhcp_part = [Discover, Offer, Request, Acknowledge];
    let wanted = [&dhcp_part[..], &[Loader], &dhcp_part[..], &[Script, Kernel, Initrd]].concat();
    assert_eq!(stages(&progress), wanted);
    let told = news(&mut progress);
    assert!(matches!(told[0], BootTold::Began { .. }), "{told:?}");
    assert_eq!(told.len(), 1 + wanted.len());
    progress.wake(at(100 + 14 + 14));
    assert_eq!((state(&progress), news(&mut progress)), (BootState::Running, vec![]));
    progress.wake(at(100 + 14 + 15));
    assert_eq!(state(&progress), BootState::HandedOver);
    assert!(matches!(news(&mut progress)[..], [BootTold::Ended(BootState::HandedOver, _)]));
    // The installer asks for its answers later.
    see(&mut progress, 160, read(BootStage::Answer, "hosts/a/t/preseed.cfg"));
    assert_eq!(state(&progress), BootState::Running);
}

#[test]
fn a_reset_begins_another_boot_and_a_renewal_none() {
    let mut progress = BootProgress::new();
    see(&mut progress, 0, dhcp(BootStage::Discover, BootSpeaker::System));
    assert_eq!(progress.records().count(), 0);
    boot(&mut progress, 10);
    see(&mut progress, 60, dhcp(BootStage::Request, BootSpeaker::System));
    assert_eq!((state(&progress), progress.records().count()), (BootState::HandedOver, 1));
    boot(&mut progress, 90);
    assert_eq!(progress.records().map(|record| record.id).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn firmware_that_repeats_itself_is_one_step() {
    let mut progress = BootProgress::new();
    for seconds in [0, 4, 12, 28] {
        see(&mut progress, seconds, dhcp(BootStage::Discover, BootSpeaker::Firmware));
    }
    let record = progress.records().next().expect("a boot");
    assert_eq!((record.steps.len(), record.steps[0].again), (1, 3));
    assert_eq!(news(&mut progress).len(), 2, "the beginning and one step");
}

#[test]
fn files_that_need_not_be_there_are_told_to_nobody() {
    let mut progress = BootProgress::new();
    see(&mut progress, 0, read(BootStage::Loader, "shimx64.efi"));
    news(&mut progress);
    for path in ["revocations_sku.efi", "revocations_sbat.efi", "shim_certificate_0.efi"] {
        see(&mut progress, 1, absent(path));
    }
    assert_eq!(news(&mut progress), []);
    let record = progress.records().next().expect("a boot");
    assert_eq!((record.steps.len(), record.steps[1].again), (2, 2));
}

#[test]
fn silence_is_told_once_with_the_step_and_its_causes() {
    use BootStage::{Acknowledge, Discover, Loader, Offer, Request, Script};
    let order = [Discover, Offer, Request, Acknowledge, Loader, Script];
    for (passed, wanted) in [
        (1, "an offer should have been sent"),
        (2, "asked for what it was offered"),
        (3, "the address should have been given"),
        (4, "read the loader"),
        (5, "asked for its script"),
        (6, "read the kernel"),
    ] {
        let mut progress = BootProgress::new();
        for stage in &order[..passed] {
            let seen = if stage.is_dhcp() { dhcp(*stage, BootSpeaker::Firmware) } else { read(*stage, "a") };
            see(&mut progress, 0, seen);
        }
        news(&mut progress);
        let due = progress.next_wake().expect("silence has an end");
        progress.wake(Timestamp::from_millis(due.as_millis() - 1));
        assert_eq!(news(&mut progress), [], "not before");
        progress.wake(due);
        let told = news(&mut progress);
        let [BootTold::Stalled(stall)] = &told[..] else { panic!("{told:?}") };
        assert!(stall.expected.contains(wanted) && !stall.causes.is_empty(), "{stall:?}");
        assert_eq!(stall.after, order[passed - 1]);
        progress.wake(due.after(Duration::from_secs(30)));
        assert_eq!(news(&mut progress), [], "once");
        // It goes on after all.
        see(&mut progress, 400, read(BootStage::Kernel, "linux"));
        assert_eq!(progress.records().next().map(|record| &record.stall), Some(&None));
    }
}

#[test]
fn a_machine_that_waits_is_dismissed_once() {
    let mut progress = BootProgress::new();
    see(&mut progress, 0, dhcp(BootStage::Discover, BootSpeaker::Ipxe));
    for seconds in [1, 31, 61, 91] {
        see(&mut progress, seconds, read(BootStage::Script, "boot.ipxe"));
        let told = BootSeen::Told { state: BootState::Dismissed, what: "wait".into() };
        see(&mut progress, seconds, told);
    }
    let told = news(&mut progress);
    let ended = told.iter().filter(|told| matches!(told, BootTold::Ended(..))).count();
    assert_eq!((ended, told.len(), state(&progress)), (1, 4, BootState::Dismissed));
}

#[test]
fn one_that_is_not_served_is_told_once_with_the_reason() {
    let mut progress = BootProgress::new();
    for seconds in [0, 4, 12] {
        let reason = "no address is left".to_owned();
        let (stage, speaker) = (BootStage::Discover, BootSpeaker::Firmware);
        see(&mut progress, seconds, BootSeen::Unserved { stage, speaker, reason });
    }
    let told = news(&mut progress);
    assert!(matches!(&told[..], [BootTold::Began { .. }, BootTold::Refused(_)]), "{told:?}");
    let reason = |progress: &BootProgress| progress.records().next().and_then(|record| record.ended.clone());
    assert_eq!(reason(&progress).as_deref(), Some("no address is left"));
    see(&mut progress, 20, dhcp(BootStage::Offer, BootSpeaker::Firmware));
    assert_eq!((state(&progress), reason(&progress)), (BootState::Running, None));
}

#[test]
fn one_that_is_offered_nothing_to_boot_hangs_nowhere() {
    for over in [BootState::Refused, BootState::Dismissed] {
        let mut progress = BootProgress::new();
        for seconds in [0, 4, 12] {
            for stage in [BootStage::Discover, BootStage::Offer, BootStage::Request, BootStage::Acknowledge] {
                see(&mut progress, seconds, dhcp(stage, BootSpeaker::Firmware));
                if matches!(stage, BootStage::Offer | BootStage::Acknowledge) {
                    see(&mut progress, seconds, BootSeen::Told { state: over, what: "its disk".into() });
                }
            }
        }
        progress.wake(at(300));
        let told = news(&mut progress);
        assert!(!told.iter().any(|told| matches!(told, BootTold::Stalled(_))), "{told:?}");
        let ends = told.iter().filter(|told| matches!(told, BootTold::Ended(..))).count();
        assert_eq!((ends, state(&progress)), (1, over));
        let record = progress.records().next().expect("one boot");
        assert_eq!(record.ended.as_deref(), Some("its disk"), "it is told to who looks later, too");
    }
}

#[test]
fn transfers_are_known_by_the_address() {
    let mut progress = BootProgress::new();
    see(&mut progress, 0, dhcp(BootStage::Discover, BootSpeaker::Firmware));
    let given = dhcp(BootStage::Acknowledge, BootSpeaker::Firmware);
    progress.see(BootSighting {
        at: at(1),
        mac: Some(MAC),
        about: BootAbout::default(),
        address: Some(ADDRESS),
        seen: given,
    });
    let read = read(BootStage::Loader, "ipxe.efi");
    progress.see(BootSighting {
        at: at(2),
        mac: None,
        about: BootAbout::default(),
        address: Some(ADDRESS),
        seen: read.clone(),
    });
    assert_eq!(stages(&progress).last(), Some(&BootStage::Loader));
    let stranger = Some(IpAddr::from([10, 0, 0, 99]));
    progress.see(BootSighting {
        at: at(2),
        mac: None,
        about: BootAbout::default(),
        address: stranger,
        seen: read,
    });
    assert_eq!(progress.records().count(), 1);
    // The address passes to another machine.
    let other = MacAddress([2; 6]);
    let seen = dhcp(BootStage::Discover, BootSpeaker::Firmware);
    progress.see(BootSighting {
        at: at(3),
        mac: Some(other),
        about: BootAbout::default(),
        address: Some(ADDRESS),
        seen,
    });
    assert_eq!(progress.machine_at(ADDRESS), Some(other));
}

#[test]
fn without_our_own_dhcp_a_boot_begins_with_what_is_read() {
    let mut progress = BootProgress::new();
    let host: Option<Name> = "web-1".parse().ok();
    let (mac, address) = (Some(MAC), Some(ADDRESS));
    let seen = read(BootStage::Script, "menu.ipxe");
    let about = BootAbout { host: host.clone(), ..BootAbout::default() };
    progress.see(BootSighting { at: at(0), mac, about, address, seen });
    let kernel = read(BootStage::Kernel, "linux");
    progress.see(BootSighting { at: at(1), mac: None, about: BootAbout::default(), address, seen: kernel });
    let hosts: Vec<_> = std::iter::from_fn(|| progress.next_output()).map(|news| news.host).collect();
    assert_eq!(hosts, [host.clone(), host.clone(), host]);
}

#[test]
fn memory_is_bounded() {
    let mut progress = BootProgress::new();
    for number in 0..u32::try_from(MOST_BOOTS + MOST_PAST_BOOTS + 500).expect("a small number") {
        let [a, b, c, d] = number.to_be_bytes();
        let mac = Some(MacAddress([2, 0, a, b, c, d]));
        let seen = dhcp(BootStage::Discover, BootSpeaker::Firmware);
        let address = Some(Ipv4Addr::from(number).into());
        progress.see(BootSighting {
            at: at(i64::from(number)),
            mac,
            about: BootAbout::default(),
            address,
            seen,
        });
        progress.next_output();
        progress.next_output();
    }
    assert_eq!(progress.machines.len(), MOST_BOOTS);
    assert_eq!((progress.addresses.len(), progress.due.len()), (MOST_BOOTS, MOST_BOOTS));
    assert_eq!(progress.past.len(), MOST_PAST_BOOTS);
    for number in 0..500 {
        see(&mut progress, 90_000 + number, read(BootStage::Script, &number.to_string()));
    }
    let record = progress.records().next().expect("a boot");
    assert_eq!((record.steps.len(), record.dropped), (MOST_BOOT_STEPS, 500 - 64));
    assert!(news(&mut progress).len() <= 1 + MOST_BOOT_NEWS as usize);
}
