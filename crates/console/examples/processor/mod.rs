//! Time by the processor's own account: other work on the machine does not count.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};

/// What this process has used of the processor until now, in all its threads; the system's work for it counts too.
pub fn time() -> Duration {
    let used = getrusage(UsageWho::RUSAGE_SELF).expect("every system tells");
    let part = |time: nix::sys::time::TimeVal| {
        Duration::from_secs(time.tv_sec().unsigned_abs())
            + Duration::from_micros(time.tv_usec().unsigned_abs())
    };
    part(used.user_time()) + part(used.system_time())
}

/// What some work used of the processor, and what came of it.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = time();
    let result = work();
    (result, time().saturating_sub(begun))
}
