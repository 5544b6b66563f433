//! Each fault of the table is shown by a recorded controller, and dealt with.

use ironhand_redfish::{Quirk, Talk, Vendor, locate};

use crate::recorded::Recorded;
use crate::{account, bios, boot, event, identity, log, media, power, sensor, session, task};

/// Shows that a fault is dealt with.
fn check(quirk: Quirk) {
    match quirk {
        Quirk::ResetActionInfo => power::action_info(),
        Quirk::NoPowerCycle => power::no_power_cycle(),
        Quirk::ButtonOnly => power::button_only(),
        Quirk::RestartHangs => power::restart_hangs(),
        Quirk::OnAfterOff => power::on_after_off(),
        Quirk::BootReverts => boot::boot_reverts(),
        Quirk::UsbCd => boot::usb_cd(),
        Quirk::CdAttribute => boot::cd_attribute(),
        Quirk::BootInSettings => boot::boot_in_settings(),
        Quirk::NoContinuous => boot::no_continuous(),
        Quirk::BootDuringPost => boot::boot_during_post(),
        Quirk::BootMode => boot::boot_mode(),
        Quirk::BootSupported => boot::boot_supported(),
        Quirk::TagRequired => account::tag_required(),
        Quirk::TagOfAccounts => account::tag_of_accounts(),
        Quirk::WeakTag => account::weak_tag(),
        Quirk::TagUnknown => account::tag_unknown(),
        Quirk::AccountSlots => account::account_slots(),
        Quirk::ForcedPassword => account::forced_password(),
        Quirk::SessionsFull => session::sessions_full(),
        Quirk::SessionLocation => session::session_location(),
        Quirk::SpuriousRefusal => session::spurious_refusal(),
        Quirk::SideSystems => identity::side_systems(),
        Quirk::NullMembers => session::null_members(),
        Quirk::MissingLinks => identity::missing_links(),
        Quirk::Expand => sensor::expand(),
        Quirk::OneAtATime => identity::known("supermicro/x11", Quirk::OneAtATime),
        Quirk::Gathering => power::gathering(),
        Quirk::Licence => identity::licence(),
        Quirk::TaskLocation => task::task_location(),
        Quirk::TaskLate => task::task_late(),
        Quirk::MediaPatch => media::media_patch(),
        Quirk::MediaPlain => media::media_plain(),
        Quirk::MediaProtocol => media::media_protocol(),
        Quirk::MediaLogin => media::media_login(),
        Quirk::MediaConfig => media::media_config(),
        Quirk::MediaVmm => media::media_vmm(),
        Quirk::MediaOff => media::media_off(),
        Quirk::EjectBody => media::eject_body(),
        Quirk::TimeZone => log::time_zone(),
        Quirk::BiosJob => bios::bios_job(),
        Quirk::EventGaps => event::event_gaps(),
    }
}

#[test]
fn every_fault_of_the_table_is_dealt_with() {
    for quirk in Quirk::all() {
        check(quirk);
    }
}

/// Faults that are of no vendor in particular.
const OF_NO_VENDOR: [Quirk; 4] =
    [Quirk::ButtonOnly, Quirk::TagUnknown, Quirk::SessionLocation, Quirk::TaskLocation];

#[test]
fn each_fault_of_a_vendor_is_known_of_a_recorded_controller_and_of_no_stranger() {
    let mut known = Vec::new();
    for name in Recorded::names() {
        let node = (name == "generic/two-nodes").then_some("node1");
        let place = Recorded::load(&name).play(|talk: &mut Talk| locate(talk, node)).expect(&name);
        let is_stranger = place.identity.vendor == Vendor::Generic;
        assert!(!is_stranger || place.quirks.is_empty(), "{name}: {:?}", place.quirks);
        known.extend(place.quirks.iter());
    }
    for quirk in Quirk::all() {
        assert_eq!(known.contains(&quirk), !OF_NO_VENDOR.contains(&quirk), "{quirk}");
    }
}

#[test]
fn each_vendor_has_a_recorded_controller() {
    let vendor = |name: String| {
        let node = (name == "generic/two-nodes").then_some("node1");
        let place = Recorded::load(&name).play(|talk: &mut Talk| locate(talk, node)).expect(&name);
        place.identity.vendor
    };
    let recorded: Vec<Vendor> = Recorded::names().into_iter().map(vendor).collect();
    for vendor in Vendor::ALL {
        assert!(recorded.contains(&vendor), "{vendor}");
    }
}
