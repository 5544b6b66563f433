//! The free addresses of a subnet, of which one is found in the same time whether there are ten or a million.

use std::collections::HashSet;
use std::net::Ipv4Addr;

use crate::Subnet;
use crate::subnet::MAX_POOL;

/// No neighbour.
const NONE: u32 = u32::MAX;

/// What has become of an address of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Never given, and found by [`Pool::fresh`].
    Fresh,
    /// Given back: in the list.
    Listed,
    /// In use, or set aside.
    Taken,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    state: State,
    before: u32,
    after: u32,
}

/// The pools of one subnet.
///
/// Addresses that were never given go first, in their order. Behind them those that were given back stand in a list, the one
/// that has been free for longest at its head, so that a client that comes again is likely to find its own.
#[derive(Debug, Default)]
pub(super) struct Pool {
    /// First address and the place of its node, in order of the address; each range ends where the next one's nodes begin.
    ranges: Vec<Range>,
    nodes: Vec<Node>,
    /// Below it no node is fresh.
    fresh: usize,
    head: u32,
    tail: u32,
    free: usize,
}

#[derive(Clone, Copy, Debug)]
struct Range {
    first: u32,
    node: u32,
    length: u32,
}

impl Pool {
    /// The pool of `subnet`, without what it excludes and without `own` addresses.
    pub fn of(subnet: &Subnet, own: impl Iterator<Item = Ipv4Addr>) -> Self {
        let mut pool = Self { head: NONE, tail: NONE, ..Self::default() };
        let mut spans: Vec<(u32, u32)> =
            subnet.pools.iter().filter_map(|range| within(subnet, range.start(), range.end())).collect();
        spans.sort_unstable();
        let mut excluded: HashSet<Ipv4Addr> = subnet.excluded.iter().copied().collect();
        excluded.extend(own);
        let mut next = 0;
        for (first, last) in spans {
            // Ranges that overlap count once.
            let first = first.max(next);
            for address in first..=last {
                if pool.nodes.len() < MAX_POOL && !excluded.contains(&Ipv4Addr::from_bits(address)) {
                    pool.add(address);
                }
            }
            next = next.max(last.saturating_add(1));
        }
        pool.free = pool.nodes.len();
        pool
    }

    fn add(&mut self, address: u32) {
        let node = self.nodes.len() as u32;
        match self.ranges.last_mut() {
            Some(range) if range.first + range.length == address => range.length += 1,
            _ => self.ranges.push(Range { first: address, node, length: 1 }),
        }
        self.nodes.push(Node { state: State::Fresh, before: NONE, after: NONE });
    }

    /// How many addresses it has.
    pub fn size(&self) -> usize {
        self.nodes.len()
    }

    /// How many of them are free.
    pub fn free(&self) -> usize {
        self.free
    }

    /// Whether it gives `address` out.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        self.node(address).is_some()
    }

    /// Takes the address that is to be given next.
    pub fn take_next(&mut self) -> Option<Ipv4Addr> {
        while let Some(node) = self.nodes.get(self.fresh) {
            if node.state == State::Fresh {
                let address = self.address(self.fresh as u32);
                self.take(address);
                return Some(address);
            }
            self.fresh += 1;
        }
        let head = self.head;
        (head != NONE).then(|| {
            let address = self.address(head);
            self.take(address);
            address
        })
    }

    /// Takes `address`, and tells whether it was free.
    pub fn take(&mut self, address: Ipv4Addr) -> bool {
        let Some(at) = self.node(address) else { return false };
        let node = self.nodes[at as usize];
        match node.state {
            State::Taken => return false,
            State::Fresh => {}
            State::Listed => {
                match node.before {
                    NONE => self.head = node.after,
                    before => self.nodes[before as usize].after = node.after,
                }
                match node.after {
                    NONE => self.tail = node.before,
                    after => self.nodes[after as usize].before = node.before,
                }
            }
        }
        self.nodes[at as usize] = Node { state: State::Taken, before: NONE, after: NONE };
        self.free -= 1;
        true
    }

    /// Gives `address` back, to be given again after all others that are free now.
    pub fn give_back(&mut self, address: Ipv4Addr) {
        let Some(at) = self.node(address) else { return };
        if self.nodes[at as usize].state == State::Listed {
            return;
        }
        if self.nodes[at as usize].state == State::Taken {
            self.free += 1;
        }
        let before = self.tail;
        self.nodes[at as usize] = Node { state: State::Listed, before, after: NONE };
        match before {
            NONE => self.head = at,
            before => self.nodes[before as usize].after = at,
        }
        self.tail = at;
    }

    fn node(&self, address: Ipv4Addr) -> Option<u32> {
        let address = address.to_bits();
        let at = self.ranges.partition_point(|range| range.first <= address).checked_sub(1)?;
        let range = self.ranges[at];
        let offset = address - range.first;
        (offset < range.length).then_some(range.node + offset)
    }

    fn address(&self, node: u32) -> Ipv4Addr {
        let at = self.ranges.partition_point(|range| range.node <= node) - 1;
        let range = self.ranges[at];
        Ipv4Addr::from_bits(range.first + (node - range.node))
    }
}

/// The part of a range that machines of the subnet can have: not its first address, which names it, nor its last, which is
/// everybody's; but for the subnets too small to have such (RFC 3021).
fn within(subnet: &Subnet, first: &Ipv4Addr, last: &Ipv4Addr) -> Option<(u32, u32)> {
    let mask = subnet.mask().to_bits();
    let lowest = subnet.network.to_bits() & mask;
    let highest = lowest | !mask;
    let (lowest, highest) = if subnet.prefix >= 31 { (lowest, highest) } else { (lowest + 1, highest - 1) };
    let (first, last) = (first.to_bits().max(lowest), last.to_bits().min(highest));
    (first <= last).then_some((first, last))
}
