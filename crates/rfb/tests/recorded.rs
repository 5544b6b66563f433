//! Sessions of real servers, played back; see `testdata/rfb/ORIGIN.md`.

use std::time::Instant;

use ironhand_rfb::{Client, ClientConfig, Event, Framebuffer, Output};

macro_rules! recorded {
    ($name:literal) => {
        include_bytes!(concat!("../../../testdata/rfb/tigervnc-1.12/", $name, ".bin"))
    };
}

/// Plays a server's bytes in pieces of `piece` to a client: the picture at the end, and all that the client sent.
fn play(session: &[u8], piece: usize) -> (Framebuffer, Vec<u8>) {
    let now = Instant::now();
    let mut client =
        Client::new(now, ClientConfig { password: Some("calvin12".into()), ..ClientConfig::default() });
    let (mut updates, mut sent) = (0, Vec::new());
    for bytes in session.chunks(piece) {
        client.receive(now, bytes);
        while let Some(output) = client.next_output() {
            match output {
                Output::Send(bytes) => sent.extend(bytes),
                Output::Event(Event::Connected { name, width, height }) => {
                    assert_eq!((&*name, width, height), ("recorded", 128, 96));
                    client.request_update(now, false);
                }
                Output::Event(Event::Updated) => {
                    updates += 1;
                    client.request_update(now, true);
                }
                Output::Event(event) => panic!("unexpected {event:?}"),
            }
        }
    }
    assert!(updates > 0);
    (client.framebuffer().expect("connected").clone(), sent)
}

#[test]
fn every_encoding_gives_the_same_picture() {
    let (raw, _) = play(recorded!("raw"), usize::MAX);
    // The desktop's blue, the terminal's black, its grey letters, the logo's white.
    for colour in [0x0000_00AA, 0, 0x00BE_BEBE, 0x00FF_FFFF] {
        assert!(raw.pixels().contains(&colour), "no {colour:06x}");
    }
    let sessions: [(&str, &[u8]); 3] =
        [("zrle", recorded!("zrle")), ("hextile", recorded!("hextile")), ("rre", recorded!("rre"))];
    for (name, session) in sessions {
        for piece in [1, 100, usize::MAX] {
            assert!(play(session, piece).0 == raw, "{name} in pieces of {piece}");
        }
    }
}

#[test]
fn moved_parts_of_the_screen_land_where_they_belong() {
    let (after, _) = play(recorded!("copy-rect-after"), usize::MAX);
    for piece in [1, 100, usize::MAX] {
        assert!(play(recorded!("copy-rect"), piece).0 == after, "in pieces of {piece}");
    }
}

#[test]
fn the_response_is_the_one_that_the_server_accepted() {
    let (_, sent) = play(recorded!("zrle"), usize::MAX);
    let response = 0x3641_AE6B_81FC_DBE6_FCAB_E8C7_126A_D899_u128.to_be_bytes();
    assert_eq!(sent.get(13..29), Some(&response[..]));
}
