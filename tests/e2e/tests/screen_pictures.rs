//! Pictures of screens in terminals: libsixel reads what we draw, and a terminal of few words is asked and put back.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use e2e::{Ironhand, PASSWORD, Terminal, program, run};
use ironhand_console::Image;
use ironhand_sim::kvm_unit::{KvmUnit, KvmUnitConfig, UnitKind};
use ironhand_sim::{MachineConfig, Make};

const HOST: &str = "rack7-12";

async fn world() -> (KvmUnit, Ironhand) {
    let machine =
        MachineConfig { name: HOST.to_owned(), make: Make::R740Like, seed: 1, pace: 50.0, running: true };
    let config = KvmUnitConfig::new(UnitKind::Nanokvm, PASSWORD.into(), machine);
    let unit = KvmUnit::start(config).await.expect("loopback has free ports");
    let address = unit.address();
    let (ip, port) = (address.ip(), address.port());
    let connector = format!("{{ type: nanokvm, address: {ip}, port: {port}, credentials: [peers] }}");
    let served = tokio::task::spawn_blocking(move || {
        let ironhand = Ironhand::serve();
        ironhand.apply_host(HOST, &[connector]);
        e2e::wait_until("the screen is seen", Duration::from_secs(30), || {
            let seen = ironhand.run(&["screen", HOST]);
            if seen.status.success() {
                Ok(())
            } else {
                Err(String::from_utf8_lossy(&seen.stderr).into_owned())
            }
        });
        ironhand
    });
    (unit, served.await.expect("it is served"))
}

fn picture(file: &Path) -> Image {
    Image::decode(&std::fs::read(file).expect("a picture")).expect("a PNG file")
}

#[tokio::test(flavor = "multi_thread")]
async fn libsixel_reads_our_pictures() {
    let (_unit, ironhand) = world().await;
    let file = |name: &str| ironhand.folder().join(name);
    let [kept, drawn, read] = ["kept.png", "drawn.six", "read.png"].map(file);
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let sent = ironhand.run(&["screen", HOST, "--picture", "sixel", "--save", &path(&kept)]);
    assert!(sent.status.success(), "{sent:?}");
    std::fs::write(&drawn, &sent.stdout).expect("a file");
    let judged = run("sixel2png", &["-i", &path(&drawn), "-o", &path(&read)]);
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr));
    let (was, is) = (picture(&kept), picture(&read));
    assert_eq!(is.width, was.width);
    // A band has six rows, whatever the picture has.
    assert!((was.height..was.height + 6).contains(&is.height), "{} of {}", is.height, was.height);
    for (was, is) in was.pixels.iter().zip(&is.pixels) {
        for (was, is) in was.to_be_bytes().into_iter().zip(is.to_be_bytes()) {
            // Half a step of what is left of many colours.
            assert!(was.abs_diff(is) <= 27, "{was} became {is}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn terminals_are_asked_and_put_back() {
    let (_unit, ironhand) = world().await;
    let socket = format!("unix:{}", ironhand.folder().join("api.sock").display());
    // The answers wait for the questions: a terminal that takes its time is taken for one of few words.
    let start = |words: &[&str], answers: &str| {
        let mut command = Command::new(program());
        command.args(["--server", &socket, "screen", HOST]).args(words);
        for variable in ["TERM_PROGRAM", "LC_TERMINAL", "KITTY_WINDOW_ID", "TMUX", "STY"] {
            command.env_remove(variable);
        }
        command.env("TERM", "xterm-256color");
        let mut terminal = Terminal::start(command);
        terminal.types(answers);
        terminal
    };
    // One that shows sixels, and says how large its cells are.
    let mut terminal = start(&["--watch"], "\x1b[6;16;8t\x1b[?62;4c");
    terminal.shows("\x1b[16t\x1b[c");
    terminal.shows("\x1b[?1049h\x1b[?25l");
    terminal.shows(&format!("\x1b[2K{HOST}  "));
    terminal.shows("\x1b[H\x1bP0;1;0q\"1;1;");
    assert!(terminal.is_cooked());
    terminal.terminate();
    terminal.shows("\x1b[?25h\x1b[?1049l");
    assert!(terminal.ends().success());
    // One that knows kitty's pictures.
    let mut terminal = start(&[], "\x1b_Gi=1;OK\x1b\\\x1b[?62c");
    terminal.shows("\x1b[c");
    terminal.shows("\x1b_Ga=T,f=100,");
    assert!(terminal.ends().success() && terminal.is_cooked());
    // One that shows text alone.
    let mut terminal = start(&[], "\x1b[?1;2c");
    terminal.shows("\x1b[c");
    terminal.shows("\r\n");
    assert!(terminal.ends().success() && terminal.is_cooked());
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_no_terminal_sends_are_pressed_by_name_on_the_screen() {
    let (unit, ironhand) = world().await;
    let mut terminal = Terminal::start(ironhand.command(&["console", HOST, "--screen", "--picture", "none"]));
    terminal.shows("login:");
    terminal.types("~?");
    terminal.shows("~K keys by name");
    terminal.types("~K<Ctrl-Alt-F2>");
    terminal.shows("then Enter: <Ctrl-Alt-F2>");
    assert_eq!(unit.keys(), [], "nothing is pressed before Enter");
    terminal.types("\r");
    const PRESSED: [(u32, bool); 3] = [(0xffe3, true), (0xffe9, true), (0xffbf, true)];
    e2e::wait_until("the keys are pressed", Duration::from_secs(30), || {
        let keys = unit.keys();
        if keys.starts_with(&PRESSED) && keys.len() == 6 { Ok(()) } else { Err(format!("{keys:x?}")) }
    });
    terminal.types("\r~K<Nonsense>\r");
    terminal.shows("not pressed: no key is called `Nonsense`");
    terminal.types("~.");
    assert!(terminal.ends().success());
}
