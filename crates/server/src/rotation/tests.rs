//! Changes of passwords against a BMC whose replies are lost, and a server that is killed at every step.

mod bench;
mod redfish;

use std::collections::BTreeSet;

use ironhand_api::{RotationPhase, Settings};
use ironhand_ipmi::{Quirk, Quirks};
use ironhand_model::{MADE_PASSWORD, RotationMachine, retry_after};
use secrecy::ExposeSecret;

use self::bench::{Bench, Loss, OLD, Seed};
use super::LONGEST;

/// How often a change in doubt is looked at before the test takes it for endless.
const RESUMPTIONS: usize = 20;

/// Changes a password, killed at a point where `kill` says one; then goes on as a new start would, until it is over.
/// Returns which points were passed.
async fn change_and_resume(bench: &Bench, kill: Option<usize>) -> Vec<&'static str> {
    let mut rotation = bench.rotation();
    let (points, outcome) = bench.attempt(RotationMachine::begin(), &mut rotation, kill).await;
    bench.heal();
    let mut phase = outcome.map(|outcome| outcome.phase);
    for _ in 0..RESUMPTIONS {
        let store = bench.reopen(phase.is_none()).await;
        let Some(mut kept) = store.rotation(&bench.host).await.unwrap() else {
            return points;
        };
        if kept.phase == RotationPhase::Indeterminate {
            bench.pass(retry_after(kept.attempts, &Settings::default()));
        }
        let machine = RotationMachine::resume(kept.phase, kept.attempts);
        phase = bench.attempt(machine, &mut kept, None).await.1.map(|outcome| outcome.phase);
    }
    panic!("seed {}: the change does not come to an end", bench.seed);
}

/// The password that the store would log in with is the one that the BMC takes, and nobody else gets in.
async fn check_working_secret(bench: &Bench) {
    let kept = bench.store().await.host_secrets(&bench.host).await.unwrap();
    let secret = kept.first().map_or_else(|| OLD.to_owned(), |kept| kept.password.expose_secret().to_owned());
    assert!(bench.can_log_in(&secret).await, "seed {}: nobody can log in", bench.seed);
}

#[tokio::test]
async fn a_change_is_proven_by_logins() {
    let bench = Bench::new(1, Quirks::NONE).await;
    let points = change_and_resume(&bench, None).await;
    assert!(points.len() > 20, "{points:?}");
    check_working_secret(&bench).await;
    assert!(!bench.can_log_in(OLD).await);
    let kept = bench.store().await.host_secrets(&bench.host).await.unwrap();
    assert_eq!(kept[0].previous.as_ref().unwrap().expose_secret(), OLD);
}

#[tokio::test]
async fn every_kill_and_every_lost_reply_leaves_a_secret_that_works() {
    let whole = {
        let bench = Bench::new(0, Quirks::NONE).await;
        change_and_resume(&bench, None).await
    };
    let mut killed_at = BTreeSet::new();
    let store = bench::shared_store().await;
    for number in 0..1000 {
        let mut seed = Seed::new(number);
        let quirks = match seed.below(4) {
            0 => Quirks::from(Quirk::TruncatedPassword),
            1 => Quirks::from(Quirk::Password20),
            _ => Quirks::NONE,
        };
        let longest = if seed.below(2) == 0 { MADE_PASSWORD } else { LONGEST };
        let bench = Bench::within(&store, number, quirks, longest, Loss::drawn(&mut seed)).await;
        let kill = (seed.below(4) != 0).then(|| seed.below(whole.len() as u64 + 4) as usize);
        let points = change_and_resume(&bench, kill).await;
        if let Some(kill) = kill.filter(|kill| *kill < points.len()) {
            killed_at.insert(points[kill]);
        }
        check_working_secret(&bench).await;
    }
    assert!(killed_at.len() >= 8, "{killed_at:?}");
    store.holds_no_plain_text();
}
