//! JetKVM both ways against WebRTC, decoder and encoder of others: aiortc with libav plays the client of our simulated unit, and with
//! x264 the unit that our client looks at.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use e2e::{PASSWORD, lines_of, peer_file};
use ironhand_api::{Connector, Name, PowerAction, PowerState, Way};
use ironhand_connectors::{Device, Login, Surroundings, open};
use ironhand_console::keys::{self, Keyboard, Layout};
use ironhand_console::{Drawing, DrawnCell, Font, Image, Reader, VGA_PALETTE};
use ironhand_sim::kvm_unit::{Button, KvmUnit, KvmUnitConfig, UnitKind};
use ironhand_sim::{MachineConfig, Make};

const PACKAGE: &str = "python/aiortc==1.14.0/bin/python";

/// From here on pictures have the colours of high definition, where their stream says nothing of them.
const HIGH_DEFINITION: u32 = 720;

async fn unit() -> KvmUnit {
    let name = "rack7-12".to_owned();
    let machine = MachineConfig { name, make: Make::R740Like, seed: 1, pace: 20.0, running: true };
    KvmUnit::start(KvmUnitConfig::new(UnitKind::Jetkvm, PASSWORD.into(), machine)).await.expect("a free port")
}

fn python(script: &str) -> Command {
    let mut command = Command::new(peer_file(PACKAGE));
    command
        .arg(format!("{}/tests/jetkvm/{script}.py", env!("CARGO_MANIFEST_DIR")))
        .env("UNIT_PASSWORD", PASSWORD)
        .stdin(Stdio::null());
    command
}

/// What the stranger says, line by line.
async fn client(unit: &KvmUnit, password: &str, words: &[String]) -> Result<Vec<String>, String> {
    let mut command = python("client");
    command.arg(unit.address().to_string()).args(words).env("UNIT_PASSWORD", password);
    tokio::task::spawn_blocking(move || lines_of(&mut command)).await.expect("it does not panic")
}

/// Luma, blue and red of a picture as video has them (ITU-R BT.601 and BT.709, of limited range, 4:2:0), for even sides.
fn planes(image: &Image) -> [Vec<u8>; 3] {
    let (width, height) = (image.width as usize, image.height as usize);
    let (red_share, blue_share) =
        if image.height >= HIGH_DEFINITION { (0.2126, 0.0722) } else { (0.299, 0.114) };
    let colours = |x: usize, y: usize| {
        let [_, red, green, blue] = image.pixels[y * width + x].to_be_bytes().map(f64::from);
        [red_share * red + (1.0 - red_share - blue_share) * green + blue_share * blue, blue, red]
    };
    let mut planes = [Vec::new(), Vec::new(), Vec::new()];
    for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
        planes[0].push((16.0 + colours(x, y)[0] * 219.0 / 255.0).round() as u8);
        if x % 2 == 0 && y % 2 == 0 {
            let four = [colours(x, y), colours(x + 1, y), colours(x, y + 1), colours(x + 1, y + 1)];
            let [luma, blue, red] = [0, 1, 2].map(|part| four.iter().map(|one| one[part]).sum::<f64>() / 4.0);
            let scaled = |colour: f64, share: f64| {
                (128.0 + (colour - luma) / (2.0 * (1.0 - share)) * 224.0 / 255.0).round() as u8
            };
            planes[1].push(scaled(blue, blue_share));
            planes[2].push(scaled(red, red_share));
        }
    }
    planes
}

/// Checks that a frame, as the stranger wrote it, is the picture.
fn check_frame(file: &Path, picture: &Image) {
    let frame = std::fs::read(file).expect("the frame was written");
    let (head, mut samples) =
        frame.split_at(frame.iter().position(|byte| *byte == b'\n').expect("a first line") + 1);
    assert_eq!(head, format!("{} {}\n", picture.width, picture.height).as_bytes());
    for (name, wanted) in ["luma", "blue", "red"].into_iter().zip(planes(picture)) {
        let (plane, rest) = samples.split_at(wanted.len());
        samples = rest;
        // The mean of four is rounded by each end as it likes.
        let farthest = plane.iter().zip(&wanted).map(|(one, other)| one.abs_diff(*other)).max();
        assert!(farthest <= Some(1), "{name} is off by {farthest:?}");
    }
    assert!(samples.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_sees_the_screen_of_our_unit_and_works_on_it() {
    let unit = unit().await;
    let place = tempfile::tempdir().expect("a place for pictures");
    let file = |name: &str| place.path().join(name);
    let frame = |name: &str, after: u32| format!("picture:{},{after}", file(name).display());
    let words = ["told:videoInputState".to_owned(), "call:getATXState".to_owned(), frame("login", 3)];
    let said = client(&unit, PASSWORD, &words).await.expect("the stranger is content");
    assert_eq!(said[..2], ["set up True", "firmware 0.4.7"], "{said:?}");
    assert!(said[2].contains(r#""height": 768, "ready": true, "width": 1024"#), "{said:?}");
    assert_eq!(said[3..], [r#"getATXState {"hdd": false, "power": true}"#, "picture 1024 768"]);
    assert!(unit.screen().contains("rack7-12 login:"), "{}", unit.screen());
    check_frame(&file("login"), &unit.picture().expect("it is on"));

    // What follows a picture that stands for itself is right, too, and so are colours: the firmware's pages have some.
    let words = ["type:root".to_owned(), frame("typed", 15)];
    client(&unit, PASSWORD, &words).await.expect("the stranger is content");
    assert!(unit.screen().contains("login: root"), "{}", unit.screen());
    check_frame(&file("typed"), &unit.picture().expect("it is on"));
    let words = ["press:reset".to_owned(), "each:f2,60".to_owned(), frame("setup", 10)];
    client(&unit, PASSWORD, &words).await.expect("the stranger is content");
    let picture = unit.picture().expect("it is on");
    assert!(unit.screen().contains("System Setup"), "{}", unit.screen());
    assert!(picture.pixels.contains(&VGA_PALETTE[1]), "its title is on blue");
    check_frame(&file("setup"), &picture);

    // The first is what there was before.
    let told = "told:videoInputState".to_owned();
    let words = [told.clone(), "press:power-long".to_owned(), told];
    let said = client(&unit, PASSWORD, &words).await.expect("the stranger is content");
    assert!(!unit.is_on() && said.last().is_some_and(|line| line.contains("no_signal")), "{said:?}");
    let buttons: Vec<_> = unit.presses().iter().map(|press| press.button).collect();
    assert_eq!(buttons, [Button::Reset, Button::Power]);
    let refused = client(&unit, "wrong", &[]).await.expect_err("the password is wrong");
    assert!(refused.contains("Invalid password"), "{refused}");
}

/// A unit made of aiortc; it ends when it is dropped.
struct Stranger {
    child: Child,
    said: mpsc::Receiver<String>,
    port: u16,
}

impl Stranger {
    fn start(picture: &Path) -> Self {
        let mut child = python("unit").arg(picture).stdout(Stdio::piped()).spawn().expect("Python starts");
        let output = child.stdout.take().expect("its output");
        let (says, said) = mpsc::channel();
        std::thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| says.send(line))
        });
        let mut stranger = Self { child, said, port: 0 };
        let port = stranger.wait("port ");
        stranger.port = port.parse().expect("a port");
        stranger
    }

    /// Waits until it says something that begins so; the rest of that.
    fn wait(&self, beginning: &str) -> String {
        loop {
            let line = self.said.recv_timeout(Duration::from_secs(60)).expect(beginning);
            if let Some(rest) = line.strip_prefix(beginning) {
                return rest.to_owned();
            }
        }
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A page with every printable character in many colours.
fn page() -> (String, Image) {
    const COLUMNS: usize = 100;
    let text: String = (0..36).fold(String::new(), |mut text, row| {
        let _ = writeln!(
            text,
            "{row:02} {}",
            (0..90).map(|n| char::from(b'!' + (n + row) % 94)).collect::<String>()
        );
        text
    });
    let cells: Vec<DrawnCell> = text
        .lines()
        .enumerate()
        .flat_map(|(row, line)| {
            let (foreground, background) = match row % 12 {
                3 => (VGA_PALETTE[15], VGA_PALETTE[1]),
                7 => (VGA_PALETTE[0], VGA_PALETTE[7]),
                9 => (VGA_PALETTE[14], VGA_PALETTE[4]),
                10 => (VGA_PALETTE[10], VGA_PALETTE[0]),
                _ => (VGA_PALETTE[7], VGA_PALETTE[0]),
            };
            let padded = line.chars().chain(std::iter::repeat(' ')).take(COLUMNS);
            padded.map(move |character| DrawnCell { character, foreground, background })
        })
        .collect();
    let font = Font::named("linux-8x16").expect("it is built in");
    (text, Drawing { cells: &cells, columns: COLUMNS, font, ninth_column: false, cursor: None }.image())
}

fn device(port: u16) -> Box<dyn Device> {
    let mut connector = Connector::new(Way::Jetkvm(Default::default()), "127.0.0.1");
    connector.port = Some(port);
    connector.credentials = Some(vec!["kvm".parse::<Name>().expect("a name")]);
    let login = Login { username: String::new(), password: PASSWORD.into() };
    open(&connector, Some(login), &Surroundings::default()).expect("a connector that can be used")
}

/// How far colours are apart on the average, of 255.
fn distance(one: &Image, other: &Image) -> f64 {
    assert_eq!((one.width, one.height), (other.width, other.height));
    let bytes = |image: &Image| image.pixels.iter().flat_map(|pixel| pixel.to_be_bytes()).collect::<Vec<_>>();
    let apart = bytes(one).into_iter().zip(bytes(other)).map(|(one, other)| f64::from(one.abs_diff(other)));
    apart.sum::<f64>() / (one.pixels.len() * 3) as f64
}

#[tokio::test(flavor = "multi_thread")]
async fn our_client_sees_the_screen_of_a_strangers_unit_and_works_on_it() {
    let (text, picture) = page();
    let place = tempfile::tempdir().expect("a place for the picture");
    let file = place.path().join("picture");
    let head = format!("{} {}\n", picture.width, picture.height);
    std::fs::write(&file, [head.as_bytes(), &planes(&picture).concat()].concat()).expect("it takes files");
    let stranger = Stranger::start(&file);
    let mut device = device(stranger.port);
    assert_eq!(device.power_state().await, Ok(PowerState::On));
    stranger.wait("channel rpc");
    let reader = Reader::new();
    // An encoder makes a picture better from frame to frame while nothing moves; it ought to be read within some.
    let looking = async {
        loop {
            let seen = device.picture().await.expect("a picture");
            assert_eq!(seen.media_type, "video/h264");
            let seen = Image::decode(&seen.file).expect("a frame");
            let reading = reader.read(&seen, None);
            if reading.is_reliable() && reading.text().trim_end() == text.trim_end() {
                return distance(&seen, &picture);
            }
        }
    };
    let apart = tokio::time::timeout(Duration::from_secs(60), looking).await.expect("it can be read");
    assert!(apart < 6.0, "colours are {apart} of 255 off");

    for stroke in keys::parse("aB")
        .expect("keys")
        .iter()
        .flat_map(|step| keys::strokes(step, Keyboard::Positions, Layout::Us).expect("positions"))
    {
        assert_eq!(device.key(stroke).await, Ok(()));
    }
    for wanted in ["0 4 0 0 0 0 0", "0 0 0 0 0 0 0", "2 0 0 0 0 0 0", "2 5 0 0 0 0 0"] {
        assert_eq!(stranger.wait("call "), wanted);
    }
    assert_eq!(device.power(PowerAction::Off).await, Ok(()));
    stranger.wait("call power-long");
    assert_eq!(device.power_state().await, Ok(PowerState::Off));
    device.close().await;
    stranger.wait("session closed");
}
