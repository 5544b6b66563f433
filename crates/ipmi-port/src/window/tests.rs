use std::net::{Ipv4Addr, SocketAddr};

use ironhand_ipmi::ClientConfig;

use super::*;

const MS: Duration = Duration::from_millis(1);

/// A window with room for `limit` BMCs at first, and a fleet that is asked through it.
struct Fleet {
    window: Window,
    slots: Vec<Slot>,
    now: Instant,
}

impl Fleet {
    fn new(limit: usize, count: usize) -> Self {
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 623));
        let slot = |serial| Slot::new(serial, peer, ClientConfig::new("admin", "secret".into()));
        Self {
            window: Window::new(limit * ANSWER),
            slots: (0..count as u64).map(slot).collect(),
            now: Instant::now(),
        }
    }

    fn ask(&mut self, number: usize) {
        self.window.asked(number, &mut self.slots[number], self.now);
    }

    fn hear(&mut self, number: usize) {
        self.window.heard(&mut self.slots[number], self.now, true);
        self.slots[number].place = Place::Outside;
        self.window.leave();
    }

    /// BMCs that have to leave now.
    fn overdue(&mut self) -> Vec<usize> {
        let mut found = Vec::new();
        loop {
            let slots = &self.slots;
            let counts = |number: usize, sent: Sent| {
                slots[number].place == Place::Inside && slots[number].sent.is_some_and(|last| last.is(sent))
            };
            let Some(number) = self.window.overdue(self.now, counts) else { return found };
            self.slots[number].place = Place::Outside;
            self.window.leave();
            found.push(number);
        }
    }
}

#[test]
fn the_window_has_room_for_what_the_buffer_holds() {
    let mut fleet = Fleet::new(40, 41);
    for number in 0..40 {
        assert!(fleet.window.has_room(), "number {number}");
        fleet.ask(number);
    }
    assert!(!fleet.window.has_room());
    fleet.hear(7);
    assert!(fleet.window.has_room());
}

#[test]
fn who_is_overtaken_or_silent_for_long_leaves() {
    let mut fleet = Fleet::new(1000, 300);
    (0..300).for_each(|number| fleet.ask(number));
    fleet.now += MS;
    // The even ones answer, in the order in which they were asked.
    (0..300).step_by(2).for_each(|number| fleet.hear(number));
    let overtaken = fleet.overdue();
    assert!(overtaken.iter().all(|number| number % 2 == 1));
    assert_eq!(overtaken.len(), (298 - OVERTAKEN as usize) / 2);
    fleet.now += 100 * MS;
    assert_eq!(overtaken.len() + fleet.overdue().len(), 150);
}

#[test]
fn a_dead_bmc_that_is_asked_again_takes_no_room() {
    let mut fleet = Fleet::new(32, 33);
    (0..32).for_each(|number| fleet.ask(number));
    fleet.now += 100 * MS;
    assert_eq!(fleet.overdue().len(), 32);
    (0..32).for_each(|number| fleet.ask(number));
    assert!(fleet.window.has_room());
    assert!(fleet.overdue().is_empty());
}

#[test]
fn a_loss_shrinks_the_window_once_for_each_round_trip() {
    let mut fleet = Fleet::new(100, 60);
    (0..60).for_each(|number| fleet.ask(number));
    fleet.now += 10 * MS;
    (0..60).for_each(|number| fleet.hear(number));
    let before = fleet.window.limit;
    // Each is asked, and asked again for want of an answer.
    (0..60).for_each(|number| fleet.ask(number));
    fleet.now += 250 * MS;
    (0..60).for_each(|number| fleet.ask(number));
    assert_eq!(fleet.window.limit, before / 4 * 3);
}
