//! Bad weather: each file arrives whole, or the failure is said at both ends.

use ironhand_tftp::{ClientEvent, Download, End, Limits, Options};
use proptest::prelude::*;

use crate::network::{Network, Weather};

fn weather() -> impl Strategy<Value = Weather> {
    (any::<u64>(), 0..300_u32, 0..300_u32, 1..400_u64, any::<bool>()).prop_map(
        |(seed, lost, repeated, delay_ms, single_port)| Weather {
            seed,
            lost,
            repeated,
            delay_ms,
            single_port,
        },
    )
}

fn options() -> impl Strategy<Value = Options> {
    let blksize = proptest::option::of(100..1_468_u16);
    let windowsize = proptest::option::of(1..40_u16);
    let tsize = proptest::option::of(Just(0_u64));
    (blksize, windowsize, tsize).prop_map(|(blksize, windowsize, tsize)| Options {
        blksize,
        windowsize,
        tsize,
        timeout: None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn a_file_arrives_whole_or_the_failure_is_said(
        weather in weather(),
        options in options(),
        length in 0..60_000_usize,
        seed: u8,
    ) {
        let bytes: Vec<u8> = (0..length).map(|at| (at * 7 + at / 253) as u8 ^ seed).collect();
        let mut network = Network::new(Limits::default(), weather, &[("a", &bytes)]);
        for number in 0..3 {
            network.read(number, Download { options: options.clone(), ..Download::octet("a") });
        }
        network.run();
        for reader in network.readers.values() {
            match reader.last() {
                Some(ClientEvent::Done { length: said }) => {
                    prop_assert_eq!(*said, length as u64);
                    prop_assert!(reader.got == bytes);
                }
                Some(ClientEvent::Failed(_)) => prop_assert!(bytes.starts_with(&reader.got)),
                other => prop_assert!(false, "{:?}", other),
            }
        }
        // Nothing is left, and what the server calls done is done.
        prop_assert_eq!(network.server.transfers(), 0);
        let done = network.readers.values().filter(|reader| matches!(reader.last(), Some(ClientEvent::Done { .. })));
        let said = network.ended.iter().filter(|ended| ended.end == End::Done).count();
        prop_assert!(said <= done.count());
    }

    #[test]
    fn little_loss_costs_little(
        seed: u64,
        windowsize in 1..33_u16,
        single_port: bool,
    ) {
        let bytes = vec![0x5A; 400_000];
        let weather = Weather { seed, lost: 10, repeated: 10, delay_ms: 1, single_port };
        let mut network = Network::new(Limits::default(), weather, &[("a", &bytes)]);
        let options = Options { blksize: Some(1_000), windowsize: Some(windowsize), ..Options::default() };
        network.read(1, Download { options, ..Download::octet("a") });
        network.run();
        prop_assert!(network.reader(1).got == bytes);
        // A loss costs at most the window that it happens in, and never a stream that is sent twice from there on.
        prop_assert!(network.blocks < 400 + 401 * 2, "{} blocks", network.blocks);
    }
}
