//! Plays the kept inputs of the fuzz targets through the targets' own checks; see `fuzz/README.md`.

mod oracles;
#[path = "../../../../fuzz/replay.rs"]
mod replay;

use proptest::prelude::*;
use replay::replay;

#[test]
fn message() {
    replay("dhcp_message", oracles::message);
}

#[test]
fn server() {
    replay("dhcp_server", oracles::server);
}

#[test]
fn client() {
    replay("dhcp_client", oracles::client);
}

#[test]
fn v6() {
    replay("dhcp_v6", oracles::v6);
}

/// A step of the server's script that is more often to the point than bytes by chance.
fn server_step() -> impl Strategy<Value = Vec<u8>> {
    let message = (prop::sample::select(vec![1_u8, 1, 3, 3, 3, 4, 7, 8]), 0_u8..32, 0_u8..16, any::<u8>());
    let flags = prop::sample::select(vec![0x01_u8, 0x01, 0x01, 0x85, 0x43]);
    prop_oneof![
        8 => (message, flags).prop_map(|((kind, client, address, form), flags)| {
            vec![flags, kind, client, address, form, 0, 0]
        }),
        3 => (0_u8..70).prop_map(|seconds| vec![2, seconds]),
        1 => (0_u8..16, any::<bool>()).prop_map(|(address, used)| vec![if used { 0x81 } else { 3 }, address]),
        1 => any::<u8>().prop_map(|config| vec![4, config]),
        1 => (0_u8..16).prop_map(|address| vec![5, address]),
    ]
}

fn client_step() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (any::<bool>(), any::<u8>(), 0_u8..9, any::<u8>())
            .prop_map(|(boots, address, kind, lease)| vec![if boots { 0x83 } else { 1 }, address, kind, lease]),
        4 => Just(vec![2]),
        1 => prop::sample::select(vec![vec![3], vec![133], vec![4]]),
    ]
}

proptest! {
    #[test]
    fn a_server_keeps_its_word_whatever_comes(
        config in any::<u8>(),
        steps in prop::collection::vec(server_step(), 0..120),
    ) {
        oracles::server(&[vec![config], steps.concat()].concat());
    }

    #[test]
    fn a_client_keeps_its_form_whatever_comes(
        config in any::<u8>(),
        steps in prop::collection::vec(client_step(), 0..60),
    ) {
        oracles::client(&[vec![config], steps.concat()].concat());
    }
}
