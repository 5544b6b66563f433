//! Steps and actions in words.

use ironhand_api::Step;

/// A step as a person would say it.
pub fn step_words(step: &Step) -> String {
    match step {
        Step::Keys(keys) => format!("press {keys}"),
        Step::Power(action) => format!("power {}", action.as_str()),
        Step::BootDevice(device) => {
            let (device, persistent, uefi) = device.resolve();
            let how_long = if persistent { "from now on" } else { "once" };
            let firmware = if uefi { ", through UEFI" } else { "" };
            format!("boot from {} {how_long}{firmware}", device.as_str())
        }
        Step::WaitFor(wait) => {
            let mut wanted = Vec::new();
            if let Some(screen) = &wait.screen {
                wanted.push(format!("the screen says {screen:?}"));
            }
            if let Some(power) = wait.power {
                wanted.push(format!("power is {power}"));
            }
            format!("wait until {}, {} at most", wanted.join(" and "), wait.timeout)
        }
        Step::Sleep(length) => format!("wait {length}"),
        Step::Snapshot(_) => "keep a picture".to_owned(),
    }
}
