//! The commands that need no server, as a user runs them.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn ironhand(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ironhand"))
        .args(arguments)
        .current_dir(repository())
        .env_remove("IRONHAND_SERVER")
        .stdin(Stdio::null())
        .output()
        .expect("ironhand starts")
}

/// Exit code, standard output, standard error.
fn said(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = ironhand(arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_failure_that_nobody_reads_of_keeps_its_exit_code() {
    let asked: [&[&str]; 2] =
        [&["get", "hosts", "--server", "http://127.0.0.1:1"], &["read", "no-such-file.png"]];
    for (arguments, code) in asked.into_iter().zip([6, 2]) {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = Command::new(env!("CARGO_BIN_EXE_ironhand"))
            .args(arguments)
            .current_dir(repository())
            .env("RUST_LOG", "trace")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(writer)
            .status()
            .expect("ironhand starts");
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn read_prints_the_text_of_a_screen() {
    let (code, text, _) = said(&["read", "testdata/screens/panic-vfs-text.png"]);
    assert_eq!(code, Some(0));
    assert!(text.contains("Kernel panic - not syncing: VFS: Unable to mount root fs on unkno\n"), "{text}");
}

#[test]
fn read_prints_json_where_it_is_asked_for() {
    for arguments in [&["--json"][..], &["-o", "json"]] {
        let (code, text, _) = said(&[&["read", "testdata/screens/panic-vfs-text.png"], arguments].concat());
        assert_eq!(code, Some(0));
        assert!(text.starts_with('{') && text.contains("\"confidence\""), "{arguments:?}");
    }
}

#[test]
fn read_goes_on_past_a_file_that_is_no_picture() {
    let (code, text, errors) =
        said(&["read", "README.md", "no-such-file.png", "testdata/screens/seabios-bootmenu.png"]);
    assert_eq!(code, Some(2));
    assert!(text.contains("Select boot device:"), "{text}");
    assert!(errors.contains("README.md: not a PNG, JPEG or BMP picture"), "{errors}");
    assert!(errors.contains("cannot use no-such-file.png"), "{errors}");
}

#[test]
fn read_writes_a_text_for_each_picture() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_string_lossy().into_owned();
    let name = "systemd-boot-text__pal6bit";
    let (code, ..) = said(&["read", "--out", &out, &format!("testdata/screens/{name}.png")]);
    assert_eq!(code, Some(0));
    let written = std::fs::read_to_string(folder.path().join(format!("{name}.txt"))).unwrap();
    let truth = std::fs::read_to_string(repository().join(format!("testdata/screens/{name}.txt"))).unwrap();
    assert_eq!(written.trim_end(), truth.trim_end());
}

#[test]
fn read_says_where_it_is_not_certain() {
    let (code, text, errors) = said(&["read", "testdata/screens/bsod-modern-1024.png"]);
    assert_eq!((code, text.trim()), (Some(0), ""));
    assert!(errors.contains("not everything could be read with certainty"), "{errors}");
}

#[test]
fn match_tells_which_flow_applies_and_why_not_the_others() {
    let (code, text, _) = said(&["match", "testdata/screens/panic-vfs-text.png", "-f", "flows"]);
    assert_eq!(code, Some(0));
    let line = |flow: &str| {
        text.lines().find(|line| line.contains(flow)).unwrap_or_else(|| panic!("{flow}: {text}"))
    };
    assert!(line("kernel-panic-no-root ").starts_with("applies "), "{text}");
    assert!(line("kernel-panic ").starts_with("would apply "), "{text}");
    assert!(line("grub-rescue ").starts_with("does not "), "{text}");
    assert!(text.contains("1. boot from pxe at the next boot"), "{text}");
    let told = |words: &str| assert!(text.lines().any(|line| line.trim() == words), "{words}: {text}");
    told("first: its priority is 10");
    told("after kernel-panic-no-root has made its attempts: its priority is 0, which is lower");
    let folder = tempfile::tempdir().unwrap();
    let screen = folder.path().join("screen.txt");
    std::fs::write(&screen, "Fan 2 failed\nPress Fl to continue\n").unwrap();
    let (_, text, _) = said(&["match", &screen.to_string_lossy(), "-f", "flows"]);
    assert!(text.contains("row 2 comes nearest: `Press Fl to continue`"), "{text}");
}

#[test]
fn match_says_of_each_part_of_a_condition_whether_it_was_so() {
    let folder = tempfile::tempdir().unwrap();
    let flow = folder.path().join("hung.yaml");
    std::fs::write(
        &flow,
        "apiVersion: ironhand/v1\nkind: Flow\nmetadata: { name: hung }\nspec:\n  when:\n    any: [{ screen: 'panic' }, \
         { screen: { pattern: '^(?<host>\\S+) login:', region: { rows: [-1, -1] } }, power: on }]\n    \
         unchangedFor: 10m\n  do: [{ power: reset }]\n  verify: { screen: 'login:', timeout: 8m }\n  examples:\n    \
         - { text: 'n7 login:', power: on, unchangedFor: 10m, matches: true }\n    \
         - { text: 'n7 login:', power: on, unchangedFor: 9m, matches: false }\n    \
         - { text: \"n7 login:\\nroot\", power: on, unchangedFor: 10m, matches: false }\n",
    )
    .unwrap();
    let screen = folder.path().join("screen.txt");
    std::fs::write(&screen, "booting\nn7 login:\n").unwrap();
    let flow = flow.to_string_lossy().into_owned();
    let (code, text, errors) = said(&["flow", "test", "-f", &flow]);
    assert_eq!(code, Some(0), "{text}{errors}");
    assert!(text.ends_with("3 examples right, 0 wrong\n"), "{text}");
    let (code, text, _) = said(&["match", &screen.to_string_lossy(), "-f", &flow]);
    assert_eq!(code, Some(0));
    let rows: Vec<_> = text.lines().map(str::trim).collect();
    assert_eq!(
        rows,
        [
            "does not     hung                     a screen alone does not tell for how long it has stood",
            "unknown  unchangedFor: a screen alone does not tell for how long it has stood",
            "no       any[0].screen: the screen does not show `panic`",
            "yes      any[1].screen: `n7 login:` stands in row 2",
            "unknown  any[1].power: a screen alone does not tell the power state",
        ]
    );
}

#[test]
fn match_never_acts_on_an_uncertain_reading() {
    let (code, text, _) = said(&["match", "testdata/screens/bsod-modern-1024.png", "-f", "flows"]);
    assert_eq!(code, Some(0));
    assert!(text.starts_with("no flow would act: only 0 % of the screen could be read"), "{text}");
}

#[test]
fn the_library_passes_its_own_examples() {
    let (code, text, _) = said(&["flow", "test", "-f", "flows"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(" examples right, 0 wrong"), "{text}");
}

#[test]
fn validate_places_every_fault() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rack7.yaml");
    std::fs::write(
        &file,
        "apiVersion: ironhand/v1\nkind: Host\nmetadata: { name: Rack7 }\nspec:\n  conectors: []\n---\n\
         apiVersion: ironhand/v1\nkind: Flow\nmetadata: { name: f }\nspec:\n  when: { screen: '(' }\n  do: []\n  \
         verify: { screen: 'login:', timeout: 8 }\n",
    )
    .unwrap();
    let path = file.to_string_lossy().into_owned();
    let (code, _, errors) = said(&["validate", "-f", &path]);
    assert_eq!(code, Some(2), "{errors}");
    for fault in ["rack7.yaml:3:", "rack7.yaml:5:3: ", "connectors", "with units", "nothing was changed"] {
        assert!(errors.contains(fault), "{fault} is missing in {errors}");
    }
}

#[test]
fn manifests_are_read_from_standard_input() {
    let check = |text: &str, wanted: i32, part: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ironhand"))
            .args(["validate", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("ironhand starts");
        child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it is read");
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(wanted), "{said}");
        assert!(said.contains(part), "{part} is missing in {said}");
    };
    let network = "apiVersion: ironhand/v1\nkind: Network\nmetadata: { name: lab }\nspec: { subnet: 192.0.2.0/24, mode: off }\n";
    check(network, 0, "1 manifest is valid");
    check(&network.replace("subnet", "subnett"), 2, "-:4:");
    check("", 2, "-: there is no manifest in it");
}

#[test]
fn a_file_without_manifests_is_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str| {
        let file = folder.path().join("empty.yaml");
        std::fs::write(&file, text).unwrap();
        for path in [file.as_path(), folder.path()] {
            let path = path.to_string_lossy().into_owned();
            let (code, _, errors) = said(&["validate", "-f", &path]);
            assert_eq!(code, Some(2), "{text:?}: {errors}");
            assert!(errors.contains("there is no manifest in it"), "{text:?}: {errors}");
        }
    };
    check("");
    check("# later\n---\n# still nothing\n");
}

#[test]
fn a_server_that_is_not_there_has_its_own_exit_code() {
    let (code, _, errors) = said(&["--server", "unix:/nonexistent/api.sock", "get", "hosts"]);
    assert_eq!(code, Some(6), "{errors}");
    assert!(errors.contains("ironhand serve"), "{errors}");

    // Nobody waits for a hundred thousand attempts to fail.
    let (code, rows, errors) =
        said(&["--server", "unix:/nonexistent/api.sock", "power", "on", "n[1-100000]"]);
    assert_eq!((code, rows.as_str()), (Some(6), ""), "{errors}");
    assert!(errors.starts_with("0 of 100000 hosts answered"), "{errors}");
    assert!(errors.lines().count() < 8, "{errors}");
}

#[test]
fn wrong_use_has_its_own_exit_code() {
    let check = |arguments: &[&str], wanted: &str| {
        let (code, _, errors) = said(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains(wanted), "{arguments:?}: {errors}");
    };
    check(&["power", "explode", "node1"], "invalid value 'explode'");
    check(
        &["get", "cupboards"],
        "the kinds are settings, zones, clusters, credentials, notifiers, profiles, flows, networks, hosts, deployments, repositories",
    );
    check(&["power", "on", "a[1-"], "a bracket is not closed");
    check(&["power", "on"], "no host is named");
    check(&["get", "hosts", "-l", "role=="], "`role==` is not a condition");
    check(&["manage", "enable", "rack", "r7"], "invalid value 'rack'");
    check(&["manage", "disable", "zone", "Ams"], "Ams");
    check(&["fence", "n1", "--attested-by", "kim"], "--statement");
    check(&["fence", "n[1-2]", "--attested-by", "kim", "--statement", "unplugged"], "for 2 hosts at once");
    check(&["password", "rotate", "n1", "--generate", "--new-from", "x"], "cannot be used with");
    check(&["password", "rotate", "n1", "--new-from", "no-such-file"], "cannot use no-such-file");
    check(&["password", "rotate", "n1", "--at-once", "0"], "0 is not in");
    check(
        &["describe", "zone", "ams"],
        "only hosts, flows, repositories, networks, profiles and deployments are described",
    );
    check(&["--server", "ftp://x", "get", "hosts"], "http and unix sockets");
}

#[test]
fn schema_and_completions_are_for_programs() {
    let (code, text, _) = said(&["schema", "flow"]);
    assert_eq!(code, Some(0));
    let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(schema.to_string().contains("stable"), "{text}");
    let (code, text, _) = said(&["completions", "bash"]);
    assert_eq!(code, Some(0));
    assert!(text.contains("_ironhand"), "{text}");
}

#[test]
fn a_font_is_taught_from_a_screen_and_its_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let fonts = folder.path().join("fonts").display().to_string();
    let picture = "testdata/screens/shell-text-80x50.png";
    let learn = |text: &str| said(&["console", "learn", picture, text, "--name", "mine", "--fonts", &fonts]);
    let (code, said_first, _) = learn("testdata/screens/shell-text-80x50.txt");
    assert_eq!(code, Some(0), "{said_first}");
    assert!(said_first.contains("characters of 8 x 8 pixels"), "{said_first}");
    let font = std::fs::read_to_string(folder.path().join("fonts/mine.hex")).expect("the font");
    assert!(font.starts_with("# mine 8x8; learned from shell-text-80x50.png (SHA-256 "), "{font:.200}");
    let (code, again, _) = learn("testdata/screens/shell-text-80x50.txt");
    assert!(code == Some(0) && again.contains(" 0 of them new"), "{again}");
    let (code, _, why) = learn("testdata/screens/panic-vfs-text.txt");
    assert!(code == Some(2) && why.contains("no cells of"), "{why}");
    assert_eq!(std::fs::read_to_string(folder.path().join("fonts/mine.hex")).ok(), Some(font));
    let (code, text, _) = said(&["read", picture, "--fonts", &fonts]);
    assert!(code == Some(0) && text.contains("The quick brown fox"), "{text}");
    let (code, _, why) = said(&["read", picture, "--fonts", "no/such/folder"]);
    assert!(code != Some(0) && why.contains("no/such/folder"), "{why}");
}
