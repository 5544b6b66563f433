use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::sleep;

use super::*;

/// Addresses that are asked at once.
const AT_ONCE: usize = 128;

fn addresses(count: u32) -> Vec<IpAddr> {
    (0..count).map(|number| IpAddr::from(number.to_be_bytes())).collect()
}

/// How long a scan of `count` addresses takes where every second one is dead and takes four seconds to be given up.
async fn time(count: u32, rate: u32) -> Duration {
    let begun = Instant::now();
    let running = AtomicUsize::new(0);
    let pace = Pace { rate: NonZeroU32::new(rate).unwrap() };
    let ask = |address: IpAddr| {
        let running = &running;
        async move {
            assert!(running.fetch_add(1, Ordering::Relaxed) < AT_ONCE);
            let IpAddr::V4(v4) = address else { unreachable!() };
            sleep(Duration::from_millis(if v4.to_bits() % 2 == 0 { 4000 } else { 50 })).await;
            running.fetch_sub(1, Ordering::Relaxed);
            Gathered::new(address)
        }
    };
    let mut seen: Vec<_> =
        paced(addresses(count), pace, AT_ONCE, ask).map(|gathered| gathered.address).collect().await;
    seen.sort();
    assert_eq!(seen, addresses(count));
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_thousand_addresses_half_of_them_dead_end_in_time() {
    let took = time(1000, 100).await;
    // A hundred begin in each second; dead ones are waited for beside the others.
    assert!((9..20).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn no_more_addresses_begin_than_asked_for() {
    let took = time(50, 5).await;
    assert!((9..15).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_to_ask_ends_at_once() {
    assert_eq!(time(0, 1).await, Duration::ZERO);
}
