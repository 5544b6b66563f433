//! The dialect of ATEN.

use std::time::{Duration, Instant};

use ironhand_kvm::ast2100::Subsampling;
use ironhand_kvm::aten::{
    Client, ClientConfig, Event, PictureKind, Server, ServerConfig, ServerEvent, VideoQuality,
};
use ironhand_kvm::{Error, Picture, ServerError};
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
    ClientConfig::new("token".into(), "".into())
}

fn controller() -> ServerConfig {
    ServerConfig::new("token".into(), "".into())
}

fn see(link: &mut Link<Client, Server>, incremental: bool) {
    link.client.request_update(link.now, incremental);
    link.settle();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is shown is seen, first in full and then as changes, and after a change of size.
    #[test]
    fn what_is_shown_is_seen(
        seed in any::<u64>(),
        largest_piece in prop_oneof![Just(1_u32), 2..50_u32, Just(70_000)],
        is_hermon in any::<bool>(),
        (width, height) in (1..90_u16, 1..70_u16),
        colours in 1..5_u32,
        run in 1..200_u32,
    ) {
        let mut dice = Dice::new(seed);
        let first = picture(&mut dice, width, height, colours, run);
        let kind = if is_hermon { PictureKind::Hermon } else { PictureKind::Ast2100 };
        // What rounding to fifteen bits, or to brightness and colours, costs.
        let loss = if is_hermon { 5 } else { 3 };
        let mut link = joined(seed, largest_piece, viewer(), ServerConfig { kind, ..controller() }, Some(first.clone()));
        link.settle();
        see(&mut link, false);
        prop_assert!(difference(link.client.picture(), &first).is_some_and(|off| off <= loss));

        let mut pixels = first.into_pixels();
        let count = pixels.len();
        for _ in 0..dice.below(4) {
            // Of the same few colours, which travel without loss.
            pixels[dice.below(count as u32) as usize] = pixels[dice.below(count as u32) as usize];
        }
        let second = Picture::from_pixels(width, height, pixels).expect("small");
        link.server.set_picture(Some(second.clone()));
        see(&mut link, true);
        prop_assert!(difference(link.client.picture(), &second).is_some_and(|off| off <= loss));

        let third = picture(&mut dice, height, width, colours, run);
        link.server.set_picture(Some(third.clone()));
        see(&mut link, true);
        prop_assert!(difference(link.client.picture(), &third).is_some_and(|off| off <= loss));
        prop_assert!(link.client_events.iter().all(|event| !matches!(event, Event::Failed(_))));
    }

    /// Bits that flipped, bytes that were lost: nothing panics, and nothing is kept.
    #[test]
    fn faults_on_the_way(seed in any::<u64>(), at in any::<usize>(), flip in any::<u8>(), lose in any::<bool>()) {
        let mut dice = Dice::new(seed);
        let kind = [PictureKind::Hermon, PictureKind::Ast2100][dice.below(2) as usize];
        let shown = picture(&mut dice, 64, 48, 20, 5);
        let mut link = joined(seed, 100, viewer(), ServerConfig { kind, ..controller() }, Some(shown));
        link.settle();
        see(&mut link, false);
        link.server.set_picture(Some(picture(&mut dice, 64, 48, 20, 5)));
        link.client.request_update(link.now, true);
        while let Some(output) = link.client.next_output() {
            if let ironhand_kvm::Output::Send(bytes) = output {
                link.server.receive(link.now, &bytes);
            }
        }
        while let Some(output) = link.server.next_output() {
            if let ironhand_kvm::Output::Send(mut bytes) = output {
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
fn coarse_pictures_are_seen_coarsely() {
    let shown = picture(&mut Dice::new(5), 80, 60, 2, 30);
    for subsampling in [Subsampling::Full, Subsampling::Quarter] {
        let quality = Some(VideoQuality { subsampling, ..VideoQuality::BEST });
        let mut link =
            joined(1, 900, ClientConfig { quality, ..viewer() }, controller(), Some(shown.clone()));
        link.settle();
        see(&mut link, false);
        assert!(difference(link.client.picture(), &shown).is_some(), "the same size");
    }
}

#[test]
fn a_wrong_login_keeps_out() {
    for (user, password) in [("wrong", ""), ("token", "x"), ("toke", ""), ("token", "token")] {
        let client = ClientConfig::new(user.into(), password.into());
        let mut link = joined(1, 5, client, controller(), None);
        link.settle();
        assert_eq!(link.client_events, [Event::Failed(Error::AuthFailed { reason: String::new() })]);
        assert_eq!(link.server_events, [ServerEvent::Failed(ServerError::AuthFailed)]);
    }
    // A name and a password that fill their fields.
    let full = ("abcdefghijklmnopqrstuvwx", "ABCDEFGHIJKLMNOPQRSTUVWX");
    let (client, server) =
        (ClientConfig::new(full.0.into(), full.1.into()), ServerConfig::new(full.0.into(), full.1.into()));
    let mut link = joined(1, 5, client, server, None);
    link.settle();
    assert_eq!(link.client_events, [Event::Connected { name: "ATEN iKVM Server".into() }]);
}

#[test]
fn a_screen_that_goes_off_and_on() {
    let shown = picture(&mut Dice::new(5), 40, 30, 4, 30);
    let mut link = joined(1, 50, viewer(), controller(), None);
    link.settle();
    see(&mut link, false);
    assert_eq!(link.client_events.pop(), Some(Event::ScreenOff));
    assert_eq!(link.client.picture(), None);
    link.server.set_picture(Some(shown.clone()));
    see(&mut link, true);
    assert_eq!(link.client.picture(), None, "asked for once a second only");
    link.pass_until(link.now + Duration::from_secs(1));
    link.settle();
    assert_eq!(link.client_events.pop(), Some(Event::Updated));
    assert!(difference(link.client.picture(), &shown).is_some_and(|off| off <= 3));
}

#[test]
fn keys_arrive_in_order() {
    let mut link = joined(1, 3, viewer(), controller(), None);
    link.settle();
    for (usage, down) in [(0xE0, true), (0x4C, true), (0x4C, false), (0xE0, false)] {
        link.client.key(usage, down);
    }
    link.settle();
    let key = |usage, down| ServerEvent::Key { usage, down };
    let expected =
        [ServerEvent::Connected, key(0xE0, true), key(0x4C, true), key(0x4C, false), key(0xE0, false)];
    assert_eq!(link.server_events, expected);
    // Somebody who only looks is there as well.
    link.pass_until(link.now + Duration::from_secs(3));
    link.settle();
    assert_eq!(link.server_events, expected);
}

#[test]
fn a_viewer_of_another_kind_is_turned_away() {
    let now = Instant::now();
    let mut server = Server::new(now, controller(), None);
    server.receive(now, b"RFB 003.008\n");
    let mut events = Vec::new();
    while let Some(output) = server.next_output() {
        if let ironhand_kvm::Output::Event(event) = output {
            events.push(event);
        }
    }
    assert_eq!(
        events,
        [ServerEvent::Failed(ServerError::NotAViewer)],
        "the greeting must come back as it went"
    );
}
