//! AMI's IVTP.

use std::time::{Duration, Instant};

use ironhand_kvm::ast2100::{Quality, Settings, Subsampling};
use ironhand_kvm::ivtp::{
    Admission, Client, ClientConfig, Event, Server, ServerConfig, ServerEvent, ValidateBody,
};
use ironhand_kvm::{Error, Output, Picture, ServerError};
use proptest::prelude::*;

use crate::difference;
use crate::link::{Dice, Link, picture};

fn joined(
    seed: u64,
    largest_piece: u32,
    client: ClientConfig,
    server: ServerConfig,
    shown: Option<Picture>,
) -> Link<Client, Server> {
    let now = Instant::now();
    Link::new(now, seed, largest_piece, Client::new(now, client), Server::new(now, server, shown))
}

fn viewer() -> ClientConfig {
    ClientConfig::new("token".into(), "192.0.2.7".into(), "192.0.2.1".into())
}

fn controller() -> ServerConfig {
    ServerConfig::new("token".into())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is shown is seen, without asking, and after a change of size.
    #[test]
    fn what_is_shown_is_seen(
        seed in any::<u64>(),
        largest_piece in prop_oneof![Just(1_u32), 2..50_u32, Just(70_000)],
        part_length in prop_oneof![100..400_usize, Just(30_000)],
        (width, height) in (1..90_u16, 1..70_u16),
        colours in 1..5_u32,
        run in 1..200_u32,
    ) {
        let mut dice = Dice::new(seed);
        let first = picture(&mut dice, width, height, colours, run);
        let server = ServerConfig { part_length, ..controller() };
        let mut link = joined(seed, largest_piece, viewer(), server, Some(first.clone()));
        link.settle();
        prop_assert!(difference(link.client.picture(), &first).is_some_and(|off| off <= 3));

        let mut pixels = first.into_pixels();
        let count = pixels.len();
        for _ in 0..dice.below(4) {
            // Of the same few colours, which travel without loss.
            pixels[dice.below(count as u32) as usize] = pixels[dice.below(count as u32) as usize];
        }
        let second = Picture::from_pixels(width, height, pixels).expect("small");
        link.server.set_picture(Some(second.clone()));
        link.settle();
        prop_assert!(difference(link.client.picture(), &second).is_some_and(|off| off <= 3));

        let third = picture(&mut dice, height, width, colours, run);
        link.server.set_picture(Some(third.clone()));
        link.settle();
        prop_assert!(difference(link.client.picture(), &third).is_some_and(|off| off <= 3));
        link.client.request_full_screen(link.now);
        link.settle();
        prop_assert!(difference(link.client.picture(), &third).is_some_and(|off| off <= 3));
        prop_assert!(link.client_events.iter().all(|event| !matches!(event, Event::Failed(_))));
    }

    /// Bits that flipped, bytes that were lost: nothing panics, and nothing is kept.
    #[test]
    fn faults_on_the_way(seed in any::<u64>(), at in any::<usize>(), flip in any::<u8>(), lose in any::<bool>()) {
        let mut dice = Dice::new(seed);
        let mut link = joined(seed, 100, viewer(), controller(), Some(picture(&mut dice, 64, 48, 20, 5)));
        link.settle();
        link.server.set_picture(Some(picture(&mut dice, 64, 48, 20, 5)));
        while let Some(output) = link.server.next_output() {
            if let Output::Send(mut bytes) = output {
                let at = at % bytes.len();
                if lose {
                    bytes.remove(at);
                } else {
                    bytes[at] ^= flip;
                }
                link.client.receive(link.now, &bytes);
            }
        }
        link.client.wake(link.now + Duration::from_secs(3600));
        while link.client.next_output().is_some() {}
    }
}

#[test]
fn every_body_and_quality() {
    let shown = picture(&mut Dice::new(5), 80, 60, 300, 30);
    for body in ValidateBody::ALL {
        for subsampling in [Subsampling::Full, Subsampling::Quarter] {
            let coarse = Settings { luma: Quality::WORST, subsampling, ..Settings::BEST };
            let server = ServerConfig { settings: coarse, ..controller() };
            let mut link = joined(1, 900, ClientConfig { body, ..viewer() }, server, Some(shown.clone()));
            link.settle();
            assert!(difference(link.client.picture(), &shown).is_some(), "{body:?} {subsampling:?}");
        }
    }
}

#[test]
fn who_is_not_let_in() {
    let check = |server: ServerConfig, token: &str, expected: Error| {
        let client = ClientConfig { token: token.into(), ..viewer() };
        let mut link = joined(1, 5, client, server, None);
        link.settle();
        assert_eq!(link.client_events, [Event::Failed(expected)]);
        assert_eq!(link.server_events, [ServerEvent::Failed(ServerError::AuthFailed)]);
    };
    let invalid = || Error::AuthFailed { reason: "the session is not valid".into() };
    check(controller(), "wrong", invalid());
    check(ServerConfig { body_length: Some(438), ..controller() }, "token", invalid());
    let full = Error::Refused { reason: "all its console sessions are taken".into() };
    check(ServerConfig { admission: Admission::Refused, ..controller() }, "token", full);
}

#[test]
fn encrypted_pictures_are_refused_by_name() {
    let shown = picture(&mut Dice::new(5), 16, 16, 2, 30);
    let server = ServerConfig { says_encrypted: true, ..controller() };
    let mut link = joined(1, 50, viewer(), server, Some(shown));
    link.settle();
    assert_eq!(link.client_events.last(), Some(&Event::Failed(Error::EncryptedVideo)));
}

#[test]
fn a_screen_that_goes_off_and_on() {
    let shown = picture(&mut Dice::new(5), 40, 30, 4, 30);
    let mut link = joined(1, 50, viewer(), controller(), None);
    link.settle();
    assert_eq!(link.client_events, [Event::Connected { is_master: true }, Event::ScreenOff]);
    link.server.set_picture(Some(shown.clone()));
    link.settle();
    assert!(difference(link.client.picture(), &shown).is_some_and(|off| off <= 3));
}

#[test]
fn a_second_viewer_becomes_master() {
    let server = ServerConfig { admission: Admission::Slave, ..controller() };
    let mut link = joined(1, 7, viewer(), server, Some(picture(&mut Dice::new(5), 16, 16, 2, 30)));
    link.settle();
    assert_eq!(link.client_events.first(), Some(&Event::Connected { is_master: false }));
    assert!(link.client.picture().is_some(), "it sees all the same");
    link.client.key(4, true);
    link.client.request_master();
    link.settle();
    assert_eq!(link.server_events, [ServerEvent::Connected, ServerEvent::MasterWanted]);
    for is_master in [false, true] {
        link.server.answer_master(is_master);
        link.settle();
        assert_eq!(link.client_events.last(), Some(&Event::Master { is_master }));
    }
    for (usage, down) in [(0xE1, true), (4, true), (4, false)] {
        link.client.key(usage, down);
    }
    // The key that is held is let go by leaving.
    link.client.stop();
    link.settle();
    let key = |usage, down| ServerEvent::Key { usage, down };
    let expected = [
        key(0xE1, true),
        key(4, true),
        key(4, false),
        key(0xE1, false),
        ServerEvent::Failed(ServerError::Stopped),
    ];
    assert_eq!(link.server_events[2..], expected);
}
