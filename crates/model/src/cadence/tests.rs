use super::*;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_772_331_247_120).after(Duration::from_secs(seconds))
}

/// Fast 3 s, normal 10 s, quiet 30 s, fast for 60 s, quiet after 900 s, dead at most 300 s.
const SETTINGS: fn() -> Settings = Settings::default;

fn secs(cadence: &Cadence, now: u64, at_work: bool) -> u64 {
    cadence.interval(at(now), at_work, &SETTINGS()).as_secs()
}

#[test]
fn readings_are_fast_after_a_change_and_rare_when_nothing_happens() {
    let mut cadence = Cadence::default();
    assert_eq!(secs(&cadence, 0, false), 10, "nothing is known yet");
    cadence.observed(at(0), true, false);
    let check = |cadence: &Cadence, now, wanted| {
        assert_eq!(secs(cadence, now, false), wanted, "at {now} s");
        assert_eq!(secs(cadence, now, true), 3, "at {now} s, at work");
    };
    check(&cadence, 0, 10);
    check(&cadence, 899, 10);
    check(&cadence, 900, 30);
    cadence.observed(at(1000), true, true);
    check(&cadence, 1000, 3);
    check(&cadence, 1059, 3);
    check(&cadence, 1060, 10);
    cadence.observed(at(1100), true, false);
    check(&cadence, 1899, 10);
    check(&cadence, 1900, 30);
    cadence.hurry(at(2000));
    check(&cadence, 2000, 3);
    check(&cadence, 2059, 3);
    check(&cadence, 2060, 30);
}

#[test]
fn waits_for_a_dead_controller_double_and_end_with_its_first_answer() {
    let mut cadence = Cadence::default();
    cadence.observed(at(0), true, false);
    let mut waits = Vec::new();
    for failure in 0..10 {
        cadence.observed(at(failure), false, failure == 0);
        waits.push(secs(&cadence, failure, false));
    }
    assert_eq!(waits, [3, 6, 12, 24, 48, 96, 192, 300, 300, 300]);
    assert_eq!(secs(&cadence, 10, true), 10, "a run waits for the controller to restart");
    cadence.hurry(at(20));
    assert_eq!(secs(&cadence, 20, false), 3);
    cadence.observed(at(20), false, false);
    assert_eq!(secs(&cadence, 20, false), 3, "the waits begin anew");
    cadence.observed(at(30), true, true);
    assert_eq!(secs(&cadence, 30, false), 3);
    assert_eq!(secs(&cadence, 100, false), 10);

    cadence.failures = u32::MAX - 1;
    for _ in 0..3 {
        cadence.observed(at(200), false, false);
        assert_eq!(secs(&cadence, 200, false), 300);
    }
}

#[test]
fn settings_that_contradict_each_other_do_no_harm() {
    let mut settings = SETTINGS();
    settings.power_interval = Duration::from_secs(60);
    settings.power_interval_fast = Duration::from_secs(90);
    settings.dead_longest = Duration::from_secs(20);
    let mut cadence = Cadence::default();
    cadence.observed(at(0), true, true);
    let interval = |cadence: &Cadence, now| cadence.interval(at(now), false, &settings).as_secs();
    assert_eq!(interval(&cadence, 0), 60, "fast is not slower than normal");
    assert_eq!(interval(&cadence, 5000), 60, "quiet is not faster than normal");
    cadence.observed(at(5000), false, true);
    assert_eq!(interval(&cadence, 5000), 20);
    assert_eq!(cadence.interval(at(5000), true, &settings).as_secs(), 20);
}

#[test]
fn a_clock_that_is_set_back_neither_hurries_nor_delays_for_long() {
    let mut cadence = Cadence::default();
    cadence.observed(at(100_000), true, true);
    cadence.observed(at(1000), true, false);
    assert_eq!(secs(&cadence, 1000, false), 10);
    assert_eq!(secs(&cadence, 1900, false), 30);
}
