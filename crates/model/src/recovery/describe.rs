//! Steps in words.

use ironhand_api::Step;

/// What a step does, as an operator would say it.
pub(super) fn describe(step: &Step) -> String {
    match step {
        Step::Keys(keys) => format!("press `{keys}`"),
        Step::Power(action) => format!("power {}", action.as_str()),
        Step::BootDevice(choice) => {
            let (device, persistent, uefi) = choice.resolve();
            let how_long = if persistent { "every boot" } else { "the next boot" };
            let how = if uefi { " by UEFI" } else { "" };
            format!("boot from {} at {how_long}{how}", device.as_str())
        }
        Step::WaitFor(wait) => {
            let mut wanted = Vec::new();
            wanted.extend(wait.screen.as_ref().map(|pattern| format!("`{pattern}` on the screen")));
            wanted.extend(wait.power.map(|state| format!("power {state}")));
            format!("wait for {}, at most {}", wanted.join(" and "), wait.timeout)
        }
        Step::Sleep(length) => format!("sleep {length}"),
        Step::Snapshot(Some(note)) => format!("keep a picture of the screen ({note})"),
        Step::Snapshot(None) => "keep a picture of the screen".to_owned(),
    }
}
