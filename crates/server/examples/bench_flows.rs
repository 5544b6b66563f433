//! `cargo xtask bench flows`: what a decision costs with many flows on one screen.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ironhand_api::{Flow, PowerState, Reach, ScreenKind, Timestamp};
use ironhand_console::Page;
use ironhand_model::{HostFacts, HostRecovery, Observation, ScreenView, View};
use ironhand_server::{Circumstances, FlowSet, Looked};

const FLOWS: usize = 200;

/// How often each is measured; the median is told.
const TIMES: usize = 1001;

/// What flows look for; each of them is made different by its number.
const PATTERNS: [&str; 8] = [
    r"(press|strike|hit)\s+(the\s+)?<?F{}>?(\s+key)?\s+to\s+(continue|resume)",
    r"Kernel panic - not syncing: .* {}",
    r"^\[\s*\d+\.\d+\] .*rcu_sched.*stall on CPU {}",
    r"no boot(able)? device( available| found)? {}|operating system {} not found",
    r"/dev/(?<disk>sd[a-z]\d): UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY {}",
    r"^grub rescue {}>\s*\z",
    r"\w+ controller: \d+ virtual drives? (missing|offline|degraded) {}",
    r"Out of memory: Killed process \d+ \(\w+{}\)",
];

fn flows() -> Result<Vec<Flow>, serde_json::Error> {
    let flow = |index: usize| {
        let pattern = PATTERNS[index % PATTERNS.len()].replace("{}", &index.to_string());
        serde_json::from_value(serde_json::json!({
            "metadata": { "name": format!("flow-{index}") },
            "spec": {
                "when": { "screen": pattern, "unless": "login:" },
                "do": [{ "keys": "<Enter>" }],
                "verify": { "screen": "login:", "timeout": "1m" },
            },
        }))
    };
    (0..FLOWS).map(flow).collect()
}

/// A screen of 80 x 25 that no flow recognises, which is the usual case and the dearest one.
fn kernel_messages() -> String {
    let line = |row: usize| {
        format!(
            "[{:5}.{:06}] pci 0000:{row:02x}:1f.0: BAR {row}: assigned [mem 0xfe{row:04x}000-0xfe{row:04x}fff]\n",
            row * 3,
            row * 7919
        )
    };
    (0..25).map(line).collect()
}

fn median(mut measure: impl FnMut() -> Duration) -> Duration {
    let mut times: Vec<Duration> = (0..TIMES).map(|_| measure()).collect();
    times.sort_unstable();
    times[TIMES / 2]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let flows = flows()?;
    let set = FlowSet::compile(flows.clone());
    let text = kernel_messages();
    let page = Page::from_text(&text);
    let at = Timestamp::from_millis(1_772_331_247_120);
    let looked = Looked { page: &page, text: &text, at, picture: None };
    let around = Circumstances::default();
    let judged = median(|| {
        let begun = Instant::now();
        std::hint::black_box(set.verdicts_on_any_host(ScreenKind::Text, &around, &looked));
        begun.elapsed()
    });

    let verdicts = set.verdicts_on_any_host(ScreenKind::Text, &around, &looked);
    assert!(verdicts.iter().all(|verdict| !verdict.applies), "the screen is unknown to every flow");
    let flows: Vec<Arc<Flow>> = flows.into_iter().map(Arc::new).collect();
    let host = "rack7-12".parse()?;
    let mut facts = HostFacts::new();
    facts.observe(at, "ipmi", Observation::Power(PowerState::On));
    facts.observe(at, "vnc", Observation::ScreenReach(Reach::Ok, None));
    let mut recovery = HostRecovery::new();
    let mut seq = 0;
    let decided = median(|| {
        seq += 1;
        let screen = ScreenView {
            seq,
            read_at: at,
            reliable: true,
            picture: None,
            text: "",
            verdicts: &verdicts,
            find: &|_| None,
        };
        let view = View {
            host: &host,
            facts: &facts,
            screen: Some(screen),
            flows: &flows,
            hold: None,
            quiet_until: None,
            observes: false,
            patience: ironhand_model::Patience::from(&ironhand_api::Settings::default()),
            permit: &|_, _| Ok(()),
            fill: &|_, _, _| Ok(None),
        };
        let begun = Instant::now();
        let decided = recovery.decide(at, &view);
        let took = begun.elapsed();
        assert!(decided.transitions.is_empty(), "nothing is begun");
        took
    });
    println!("{FLOWS} flows on a screen that none recognises, medians of {TIMES}:");
    println!("  verdicts of the flows  {:7.1} us", judged.as_secs_f64() * 1e6);
    println!("  decision               {:7.1} us", decided.as_secs_f64() * 1e6);
    Ok(())
}
