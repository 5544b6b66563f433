//! Our viewer and our server against each other, for every encoding, pixel format, version and security type.

mod hostile;
mod link;

use ironhand_rfb::{
    ClientConfig, Encoding, Error, Event, Framebuffer, PixelFormat, Protection, ProtocolVersion,
    ServerConfig, ServerError, ServerEvent,
};
use link::{Dice, Link};
use proptest::prelude::*;

/// Those with colours of their own.
const FORMATS: [PixelFormat; 5] = [
    PixelFormat::TRUE_COLOUR_32,
    PixelFormat::TRUE_COLOUR_32_BIG_ENDIAN,
    PixelFormat::TRUE_COLOUR_16,
    PixelFormat::TRUE_COLOUR_16_BIG_ENDIAN,
    PixelFormat::TRUE_COLOUR_8,
];
const ENCODINGS: [Encoding; 6] =
    [Encoding::Raw, Encoding::Hextile, Encoding::Zlib, Encoding::Tight, Encoding::Trle, Encoding::Zrle];

/// Pixels of up to `colours` colours, in runs of about `run` pixels.
fn picture(dice: &mut Dice, width: u16, height: u16, colours: u32, run: u32) -> Framebuffer {
    let mut colour = 0;
    let pixels = (0..u32::from(width) * u32::from(height))
        .map(|_| {
            if dice.below(run) == 0 {
                // Spread over all colours, so that few have equal neighbours in coarse formats.
                colour = dice.below(colours).wrapping_mul(0x9E_3779) & 0x00FF_FFFF;
            }
            colour
        })
        .collect();
    Framebuffer::from_pixels(width, height, pixels).expect("small")
}

/// What is left of a picture in a format of `(red, green, blue)` bits.
fn reduced(picture: &Framebuffer, format: PixelFormat) -> Vec<u32> {
    let bits = match format.bytes_per_pixel() {
        1 => [3, 3, 2],
        2 => [5, 6, 5],
        _ => [8, 8, 8],
    };
    let reduce = |intensity: u32, bits: u32| {
        let max = (1 << bits) - 1;
        let coarse = (f64::from(intensity) * f64::from(max) / 255.0).round();
        (coarse * 255.0 / f64::from(max)).round() as u32
    };
    let reduce_pixel = |&pixel: &u32| {
        [16, 8, 0]
            .iter()
            .zip(bits)
            .fold(0, |sum, (&shift, bits)| sum | reduce(pixel >> shift & 0xFF, bits) << shift)
    };
    picture.pixels().iter().map(reduce_pixel).collect()
}

fn viewer(encoding: Encoding, pixel_format: PixelFormat) -> ClientConfig {
    ClientConfig { encodings: vec![encoding, Encoding::DesktopSize], pixel_format, ..ClientConfig::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Whatever is shown is seen, first in full and then as changes.
    #[test]
    fn what_is_shown_is_seen(
        seed in any::<u64>(),
        largest_piece in prop_oneof![Just(1_u32), 2..50_u32, Just(70_000)],
        encoding in prop::sample::select(&ENCODINGS[..]),
        format in prop_oneof![5 => prop::sample::select(&FORMATS[..]), 1 => Just(PixelFormat::COLOUR_MAP)],
        (width, height) in (1..150_u16, 1..90_u16),
        colours in prop_oneof![1..4_u32, 4..20_u32, 100..300_u32, Just(1 << 24)],
        run in prop_oneof![Just(1_u32), 2..300_u32],
    ) {
        let mut dice = Dice::new(seed);
        let first = picture(&mut dice, width, height, colours, run);
        let mut link = Link::new(seed, largest_piece, viewer(encoding, format), ServerConfig::default(), first.clone());
        link.settle();
        link.see(false);
        let seen = |link: &Link| link.client.framebuffer().map(|screen| screen.pixels().to_vec());
        prop_assert!(seen(&link) == Some(reduced(&first, format)), "the first picture");
        // A picture that rests is the same, and is painted on as if it had not rested.
        link.client.rest();
        prop_assert!(seen(&link) == Some(reduced(&first, format)), "the first picture, at rest");
        link.client.rest();

        // A few spots change.
        let mut pixels = first.into_pixels();
        for _ in 0..dice.below(4) {
            let length = pixels.len() as u32;
            let (start, count) = (dice.below(length), dice.below(100));
            pixels[start as usize..length.min(start + count) as usize].fill(dice.below(1 << 24));
        }
        let second = Framebuffer::from_pixels(width, height, pixels).expect("small");
        link.server.set_framebuffer(&second);
        link.see(true);
        prop_assert!(seen(&link) == Some(reduced(&second, format)), "the changed picture");

        // And the size.
        let third = picture(&mut dice, height, width, colours, run);
        link.server.set_framebuffer(&third);
        link.see(true);
        prop_assert!(seen(&link) == Some(reduced(&third, format)), "the resized picture");
        prop_assert!(link.client_events.iter().all(|event| !matches!(event, Event::Failed(_))));
    }
}

/// Colours that change slowly, as in photographs.
fn slopes(width: u16, height: u16) -> Framebuffer {
    let pixel = |index: u32| {
        let (x, y) = (index % u32::from(width), index / u32::from(width));
        (x * 255 / u32::from(width)) << 16 | (y * 255 / u32::from(height)) << 8 | (x + y) & 0xFF
    };
    let pixels = (0..u32::from(width) * u32::from(height)).map(pixel).collect();
    Framebuffer::from_pixels(width, height, pixels).expect("small")
}

/// Tight's filter for gradients is exact in every format, and its squares join.
#[test]
fn slopes_are_seen_as_they_are() {
    for format in FORMATS {
        for (width, height) in [(64, 48), (300, 260), (1, 40)] {
            let screen = slopes(width, height);
            let mut link = Link::new(
                1,
                70_000,
                viewer(Encoding::Tight, format),
                ServerConfig::default(),
                screen.clone(),
            );
            link.settle();
            link.see(false);
            let seen = link.client.framebuffer().map(|screen| screen.pixels().to_vec());
            assert!(seen == Some(reduced(&screen, format)), "{width}x{height} {format:?}");
            assert!(!link.client.is_lossy());
        }
    }
}

/// A viewer that asks for JPEG sees nearly what is shown, and knows it.
#[test]
fn jpeg_is_near_and_said_to_be() {
    let screen = slopes(300, 260);
    let mut sizes = Vec::new();
    for (level, tolerance) in [(9, 1), (5, 4), (0, 12)] {
        let viewer = ClientConfig {
            jpeg_quality: Some(level),
            ..viewer(Encoding::Tight, PixelFormat::TRUE_COLOUR_32)
        };
        let mut link = Link::new(1, 70_000, viewer, ServerConfig::default(), screen.clone());
        link.settle();
        link.see(false);
        let seen = link.client.framebuffer().expect("connected");
        let channels = |picture: &Framebuffer| {
            picture.pixels().iter().flat_map(|pixel| pixel.to_be_bytes()).collect::<Vec<u8>>()
        };
        let away =
            channels(seen).iter().zip(channels(&screen)).map(|(a, b)| u64::from(a.abs_diff(b))).sum::<u64>();
        let mean = away / screen.pixels().len() as u64 / 3;
        assert!(mean <= tolerance, "level {level}: {mean} away");
        assert!(link.client.is_lossy());
        sizes.push(link.sent);
        // Without many colours nothing is lost.
        link.server.set_framebuffer(&picture(&mut Dice::new(3), 40, 30, 16, 10));
        link.see(true);
        assert!(!link.client.is_lossy());
    }
    assert!(sizes.is_sorted_by(|a, b| a > b), "{sizes:?}");
}

fn server(password: Option<&str>, highest_version: ProtocolVersion) -> ServerConfig {
    ServerConfig {
        password: password.map(Into::into),
        name: "sim".into(),
        highest_version,
        ..ServerConfig::default()
    }
}

fn client(password: Option<&str>, highest_version: ProtocolVersion) -> ClientConfig {
    ClientConfig { password: password.map(Into::into), highest_version, ..ClientConfig::default() }
}

fn small_screen() -> Framebuffer {
    picture(&mut Dice::new(3), 40, 30, 16, 10)
}

#[test]
fn every_version_and_security_type_lets_in() {
    let versions = [ProtocolVersion::V3_3, ProtocolVersion::V3_7, ProtocolVersion::V3_8];
    for ours in versions {
        for theirs in versions {
            for password in [None, Some("calvin12345")] {
                let mut link =
                    Link::new(1, 5, client(password, ours), server(password, theirs), small_screen());
                link.settle();
                let connected = Event::Connected { name: "sim".into(), width: 40, height: 30 };
                assert_eq!(link.client_events, [connected], "{ours:?} {theirs:?}");
                assert_eq!(link.server_events, [ServerEvent::Connected { shared: true }]);
                link.see(false);
                assert_eq!(link.client.framebuffer(), Some(&small_screen()));
            }
        }
    }
}

#[test]
fn vencrypt_lets_in_those_who_know_the_login() {
    let (long, wrong) = ("a password of more than eight letters", "a password of other letters");
    for version in [ProtocolVersion::V3_7, ProtocolVersion::V3_8] {
        for (tls, user, password) in [
            (true, None, None),
            (true, None, Some(long)),
            (true, Some("ADMIN"), Some(long)),
            (false, Some("ADMIN"), Some(long)),
        ] {
            let server =
                ServerConfig { tls, user: user.map(Into::into), ..server(password, ProtocolVersion::V3_8) };
            let protection = if tls { Protection::Vencrypt } else { Protection::Around };
            let viewer = ClientConfig { protection, user: user.map(Into::into), ..client(password, version) };
            let play = |config| {
                let mut link = Link::new(1, 5, config, server.clone(), small_screen());
                link.settle();
                assert_eq!(link.tunnels, usize::from(tls));
                link
            };
            let mut link = play(viewer.clone());
            let connected = Event::Connected { name: "sim".into(), width: 40, height: 30 };
            assert_eq!(link.client_events, [connected], "{tls} {user:?} {password:?}");
            link.see(false);
            assert_eq!(link.client.framebuffer(), Some(&small_screen()));
            if password.is_none() {
                continue;
            }
            let failed = ServerEvent::Failed(ServerError::AuthFailed);
            let mut strangers = vec![ClientConfig { password: Some("bcd".into()), ..viewer.clone() }];
            if user.is_some() {
                strangers.push(ClientConfig { password: Some(wrong.into()), ..viewer.clone() });
                strangers.push(ClientConfig { user: Some("ADMI".into()), ..viewer });
            }
            for stranger in strangers {
                let link = play(stranger);
                assert_eq!(link.server_events, core::slice::from_ref(&failed));
                let [Event::Failed(Error::AuthFailed { .. })] = *link.client_events else {
                    panic!("{:?}", link.client_events);
                };
            }
        }
    }
}

#[test]
fn a_wrong_password_keeps_out() {
    for version in [ProtocolVersion::V3_3, ProtocolVersion::V3_7, ProtocolVersion::V3_8] {
        let mut link =
            Link::new(1, 5, client(Some("calvin"), version), server(Some("root"), version), small_screen());
        link.settle();
        let reason = if version == ProtocolVersion::V3_8 { "Authentication failed" } else { "" };
        assert_eq!(link.client_events, [Event::Failed(Error::AuthFailed { reason: reason.into() })]);
        assert_eq!(link.server_events, [ServerEvent::Failed(ServerError::AuthFailed)]);
        assert_eq!(link.client.framebuffer(), None);
    }
}

#[test]
fn keys_and_pointer_arrive_in_order() {
    let mut link = Link::new(1, 3, ClientConfig::default(), ServerConfig::default(), small_screen());
    link.settle();
    link.client.key(0xFFE3, true);
    link.client.key(0xFFFF, true);
    link.client.key(0xFFFF, false);
    link.client.pointer(1, 39, 29);
    link.client.key(0xFFE3, false);
    link.settle();
    let expected = [
        ServerEvent::Connected { shared: true },
        ServerEvent::Key { keysym: 0xFFE3, down: true },
        ServerEvent::Key { keysym: 0xFFFF, down: true },
        ServerEvent::Key { keysym: 0xFFFF, down: false },
        ServerEvent::Pointer { buttons: 1, x: 39, y: 29 },
        ServerEvent::Key { keysym: 0xFFE3, down: false },
    ];
    assert_eq!(link.server_events, expected);
}

/// A screen of text is small on the wire, and a changed letter is tiny.
#[test]
fn only_changes_travel() {
    let screen = picture(&mut Dice::new(9), 720, 400, 2, 40);
    let mut link = Link::new(1, 70_000, ClientConfig::default(), ServerConfig::default(), screen.clone());
    link.settle();
    link.see(false);
    let mut pixels = screen.into_pixels();
    pixels[720 * 100 + 300] ^= 0x00FF_FFFF;
    let changed = Framebuffer::from_pixels(720, 400, pixels).expect("small");
    let before = link.sent;
    link.server.set_framebuffer(&changed);
    link.see(true);
    assert_eq!(link.client.framebuffer(), Some(&changed));
    assert!(link.sent - before < 150, "{} bytes for a changed pixel", link.sent - before);
}
