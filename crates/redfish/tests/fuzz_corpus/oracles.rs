//! What must hold whatever a controller answers. Each function takes one input of a fuzz target.

use std::fmt::Debug;
use std::time::Duration;

use ironhand_redfish::{
    Answer, BootTarget, ClearLog, EjectMedia, Error, InsertMedia, MediaKind, Operation, Place, Question,
    Quirks, ReadFirmware, ReadInventory, ReadLog, ReadSensors, ResetAction, Resource, Run, SetBios, SetBoot,
    SetIndicator, SetPassword, SetPower, Sse, Subscribe, Talk, Token, Tree, Turn, Unsubscribe, accounts,
    bios, event_stream, identify, indicator, locate, logs, media_slots, password_rules, subscriptions,
};

/// Turns in which every operation ends. It may ask some thousand times, one after the other.
const MOST_TURNS: usize = 20_000;

/// The password that must show nowhere.
const PASSWORD: &str = "Ab3_new-word";

const STATUSES: [u16; 16] = [200, 201, 202, 204, 301, 307, 400, 401, 403, 404, 409, 412, 422, 428, 500, 503];
const LOCATIONS: [&str; 3] = ["/redfish/v1/Systems/1", "https://elsewhere/redfish/v1/x", "//elsewhere"];
const TAGS: [&str; 3] = ["\"1\"", "W/\"1\"", ""];

/// A controller that gives the answers of the input in turn, again from the first after the last. The first byte chooses the
/// operation and the second one the vendor. Behind them stands each answer: a byte for the status, one for the headers, and the
/// body up to a zero.
pub fn run(data: &[u8]) {
    let [operation, vendor, rest @ ..] = data else { return };
    let answers: Vec<Answer> = rest.split(|byte| *byte == 0).map(answer).collect();
    let place = place(*vendor);
    let image = "http://192.0.2.10/rescue.iso".to_owned();
    let (id, on) = ("1".to_owned(), vendor & 0x80 != 0);
    let attributes = [(id.clone(), on.into())].into();
    match operation % 21 {
        0 => play(|talk: &mut Talk| locate(talk, on.then_some("1")), &answers),
        1 => play(ReadSensors { place }, &answers),
        2 => play(ReadInventory { place }, &answers),
        3 => play(|talk: &mut Talk| logs(talk, &place), &answers),
        4 => play(ReadLog { place, log: on.then_some(id), newest: 50 }, &answers),
        5 => play(ClearLog { place, log: None }, &answers),
        6 => play(|talk: &mut Talk| media_slots(talk, &place), &answers),
        7 => {
            let (kind, slot, login) = (MediaKind::Cd, None, Some(("me".to_owned(), PASSWORD.into())));
            play(InsertMedia { place, image, kind, slot, login, replace: on }, &answers);
        }
        8 => play(EjectMedia { place, slot: on.then_some(id) }, &answers),
        9 => play(|talk: &mut Talk| bios(talk, &place), &answers),
        10 => play(SetBios { place, attributes }, &answers),
        11 => play(event_stream, &answers),
        12 => play(subscriptions, &answers),
        13 => play(Subscribe { destination: image, context: id }, &answers),
        14 => play(Unsubscribe { path: "/redfish/v1/EventService/Subscriptions/1".to_owned() }, &answers),
        15 => play(|talk: &mut Talk| indicator(talk, &place), &answers),
        16 => play(SetIndicator { place, on }, &answers),
        17 => play(ReadFirmware { place }, &answers),
        18 => play(SetPower { place, action: ResetAction::PowerCycle }, &answers),
        19 => {
            let (mode, source) = (None, None);
            play(SetBoot { place, target: BootTarget::Cd, persistent: on, mode, source }, &answers);
        }
        _ => {
            play(accounts, &answers);
            play(password_rules, &answers);
            let username = "admin".to_owned();
            play(SetPassword { username, new: PASSWORD.into(), account: None }, &answers);
        }
    }
}

/// An answer of a status, a byte of headers and a body.
fn answer(bytes: &[u8]) -> Answer {
    let byte = |at: usize| usize::from(bytes.get(at).copied().unwrap_or_default());
    let headers = byte(1);
    let choose = |bits: usize, from: &[&str]| from.get((bits & 3).wrapping_sub(1)).map(ToString::to_string);
    Answer {
        etag: choose(headers, &TAGS),
        location: choose(headers >> 2, &LOCATIONS),
        token: (headers & 0x10 != 0).then(|| Token::new("a")),
        retry_after: (headers & 0x20 != 0).then_some(Duration::from_secs(1 << 20)),
        ..Answer::new(STATUSES[byte(0) % STATUSES.len()], bytes.get(2..).unwrap_or_default())
    }
}

/// A machine of a vendor, as if it had been found before.
fn place(vendor: u8) -> Place {
    const NAMES: [&str; 8] = ["Dell", "HPE", "Lenovo", "Supermicro", "AMI", "OpenBMC", "Huawei", ""];
    let path = "/redfish/v1/".to_owned();
    let value = serde_json::json!({ "Vendor": NAMES[usize::from(vendor) % NAMES.len()] });
    let identity = identify(&Resource { path, etag: None, value }, None, None);
    Place {
        system: "/redfish/v1/Systems/1".to_owned(),
        manager: Some("/redfish/v1/Managers/1".to_owned()),
        chassis: Some("/redfish/v1/Chassis/1".to_owned()),
        quirks: Quirks::of(&identity),
        identity,
    }
}

/// Plays an operation to its end, and checks each request and what comes of it.
fn play<O: Operation>(operation: O, answers: &[Answer])
where
    O::Output: Debug,
{
    let mut run = Run::new(operation, Tree::default());
    let mut answers = answers.iter().cycle();
    for _ in 0..MOST_TURNS {
        match run.next_turn() {
            Turn::Done(result) => return ended(result),
            Turn::Wait(time) => assert!(time <= Duration::from_secs(60), "{time:?}"),
            Turn::Ask(questions) => {
                assert!(!questions.is_empty());
                for Question { id, request } in questions {
                    let is_own = request.path.starts_with('/') && !request.path.starts_with("//");
                    let is_sound = request.path.bytes().all(|byte| byte.is_ascii_graphic());
                    assert!(is_own && is_sound, "{request:?}");
                    assert!(!format!("{request:?}").contains(PASSWORD));
                    run.answer(id, answers.next().cloned().unwrap_or_else(|| Answer::new(404, b"")));
                }
            }
        }
    }
    panic!("it does not end");
}

fn ended<T: Debug>(result: Result<T, Error>) {
    assert!(!format!("{result:?}").contains(PASSWORD));
}

/// A stream of events. The first byte says in pieces of which length it comes; that must change nothing.
pub fn sse(data: &[u8]) {
    let Some((length, stream)) = data.split_first() else { return };
    let mut whole = Sse::default();
    let messages = whole.receive(stream);
    let mut cut = Sse::default();
    let pieces = stream.chunks(usize::from(*length).max(1));
    let of_pieces: Vec<_> = pieces.flat_map(|piece| cut.receive(piece)).collect();
    assert_eq!(of_pieces, messages);
    assert_eq!((cut.retry(), cut.dropped()), (whole.retry(), whole.dropped()));
    for message in messages {
        assert!(message.data.len() <= stream.len() * 3);
        for event in message.events() {
            assert!(event.origin.is_none_or(|origin| origin.starts_with('/') && !origin.starts_with("//")));
        }
    }
}
