//! What the client machine costs in CPU time, without sockets: a cold reading (session opened and closed) and a warm one.
//!
//! `cargo xtask bench ipmi_machine`, or `cargo run --release -p ironhand-ipmi --example bench_ipmi_machine`. Only calls
//! into the client are timed; the BMC that answers is ours and runs in between.

use std::time::{Duration, Instant};

use ironhand_ipmi::client::IdlePolicy;
use ironhand_ipmi::{
    Bmc, BmcConfig, BmcOutput, CipherSuite, Client, ClientConfig, Entropy, Output, Peer, PrivilegeLevel,
    Request, User,
};

const READINGS: u32 = 20_000;

/// Stands for the operating system's generator, and takes no time.
fn counter() -> Box<dyn Entropy> {
    let mut count = 0u64;
    Box::new(move |bytes: &mut [u8]| {
        for chunk in bytes.chunks_mut(8) {
            count = count.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            chunk.copy_from_slice(&count.to_be_bytes()[..chunk.len()]);
        }
    })
}

struct Desk {
    client: Client,
    bmc: Bmc,
    now: Instant,
    /// Time spent in the client.
    spent: Duration,
}

impl Desk {
    fn new(suite: CipherSuite, idle: IdlePolicy) -> Self {
        let users = vec![User::new("admin", "secret".into(), PrivilegeLevel::Operator)];
        let bmc = BmcConfig { suites: vec![suite], ..BmcConfig::new(users) };
        let client =
            ClientConfig { suites: vec![suite], idle, ..ClientConfig::new("admin", "secret".into()) };
        Self {
            client: Client::new(client, counter()),
            bmc: Bmc::new(bmc, counter()),
            now: Instant::now(),
            spent: Duration::ZERO,
        }
    }

    fn timed<T>(&mut self, call: impl FnOnce(&mut Client, Instant) -> T) -> T {
        let begun = Instant::now();
        let result = call(&mut self.client, self.now);
        self.spent += begun.elapsed();
        result
    }

    fn read(&mut self) {
        let (console, port): (Peer, Peer) = (([192, 0, 2, 9], 40_000).into(), ([192, 0, 2, 1], 623).into());
        self.timed(|client, now| client.submit(now, Request::GetChassisStatus));
        while let Some(output) = self.timed(|client, _| client.next_output()) {
            let Output::Send(bytes) = output else { continue };
            self.bmc.receive(self.now, console, &bytes);
            while let Some(output) = self.bmc.next_output() {
                if let BmcOutput::Send { bytes, .. } = output {
                    self.timed(|client, now| client.receive(now, port, &bytes));
                }
            }
        }
        self.now += Duration::from_millis(1);
    }
}

fn measure(suite: CipherSuite, idle: IdlePolicy) -> f64 {
    let mut desk = Desk::new(suite, idle);
    for _ in 0..READINGS / 10 {
        desk.read();
    }
    desk.spent = Duration::ZERO;
    for _ in 0..READINGS {
        desk.read();
    }
    desk.spent.as_secs_f64() * 1e6 / f64::from(READINGS)
}

fn main() {
    println!("client CPU per reading, in microseconds; the clock's own cost is included");
    for suite in CipherSuite::ALL {
        let cold = measure(suite, IdlePolicy::Close(Duration::ZERO));
        let warm = measure(suite, IdlePolicy::default());
        println!("suite {:>2}: cold {cold:6.2}, warm {warm:5.2}", suite.id());
    }
}
