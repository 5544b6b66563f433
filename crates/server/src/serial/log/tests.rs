use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::SystemTime;

use super::*;

fn at(seconds: i64) -> Timestamp {
    // Files carry the time of the clock, so the lines have times near it.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    Timestamp::from_millis((i64::try_from(now).unwrap() + seconds) * 1000)
}

fn host() -> Name {
    "node7".parse().unwrap()
}

fn texts(lines: &[LogLine]) -> Vec<&str> {
    lines.iter().map(|line| line.text.as_str()).collect()
}

/// The files of the host, in their order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(folder.join("consoles/node7")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn lines_are_cut_where_people_would() {
    let check = |pieces: &[&[u8]], wanted: &[&str]| {
        let mut cutter = Cutter::default();
        let mut lines: Vec<LogLine> = Vec::new();
        for (second, piece) in pieces.iter().enumerate() {
            lines.extend(cutter.cut(Timestamp::from_millis(second as i64), piece));
        }
        lines.extend(cutter.end());
        assert_eq!(texts(&lines), wanted);
        lines
    };
    check(&[b"one\r\ntwo\n\r\n three \r\n"], &["one", "two", "three"]);
    check(&[b"\x1b[32m[ OK ]\x1b[0m Started \x1b]0;title\x07D-Bus\r\n"], &["[ OK ] Started D-Bus"]);
    check(&[b"10%\r20%\r", b"30%\r\n"], &["10%", "20%", "30%"]);
    check(&[b"\x1b[2;1HMain\x1b[2;9HBoot\x1b[3;1HExit"], &["Main", "Boot", "Exit"]);
    check(&[b"a\x1b[4Cb\tc"], &["a b c"]);
    check(&[b"log\x08\x08\x08\x08in: \xc3", b"\xa9\x1b", b"(0q\x1b(Bx"], &["in: éqx"]);
    check(&[b"\x1bPnot shown\x1b\\\x9d shown"], &["¥ shown"]);
    check(&["\u{9d}no end\nnext".as_bytes()], &["next"]);
    check(&[&[b'x'; 1201]], &[&"x".repeat(1200), "x"]);
    let lines = check(&[b"\r\nfirst", b" second\r\nthird\r\n"], &["first second", "third"]);
    assert_eq!(lines.iter().map(|line| line.at.as_millis()).collect::<Vec<_>>(), [0, 1]);
}

#[tokio::test]
async fn what_was_written_is_found_over_all_files() {
    let folder = tempfile::tempdir().unwrap();
    let limits = LogLimits { file: 200, ..LogLimits::default() };
    let log = ConsoleLogs::new(folder.path(), limits).of(&host());
    assert_eq!(log.tail(5).await.unwrap(), []);
    for second in 0..40 {
        log.append(at(second), format!("line {second}\r\n").as_bytes()).await.unwrap();
    }
    log.append(at(40), b"node7 login: ").await.unwrap();
    assert!(files(folder.path()).len() > 5);
    assert_eq!(texts(&log.tail(3).await.unwrap()), ["line 38", "line 39", "node7 login:"]);
    assert_eq!(texts(&log.search("line .?7$", None, 3).await.unwrap()), ["line 17", "line 27", "line 37"]);
    let since = log.search("(?i)LINE", Some(at(37)), 100).await.unwrap();
    assert!(texts(&since).ends_with(&["line 38", "line 39"]) && since.len() <= 4, "{since:?}");
    assert_eq!(log.search("nothing like it", None, 3).await.unwrap(), []);
    let LogError::Pattern { reason, .. } = log.search("(", None, 1).await.unwrap_err() else { panic!() };
    assert!(reason.contains("unclosed"), "{reason}");

    log.end_line().await.unwrap();
    // Another server, or this one after a restart.
    let log = ConsoleLogs::new(folder.path(), limits).of(&host());
    assert_eq!(texts(&log.tail(2).await.unwrap()), ["line 39", "node7 login:"]);
    for file in files(folder.path()) {
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn a_torn_line_is_closed_and_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let logs = |folder: &Path| ConsoleLogs::new(folder, LogLimits::default()).of(&host());
    logs(folder.path()).append(at(0), b"whole\r\n").await.unwrap();
    let [file] = &files(folder.path())[..] else { panic!("one file") };
    let mut text = fs::read(file).unwrap();
    text.extend(b"2026-11-");
    fs::write(file, text).unwrap();
    let log = logs(folder.path());
    log.append(at(1), b"after\r\n").await.unwrap();
    assert_eq!(texts(&log.tail(9).await.unwrap()), ["whole", "after"]);
    assert_eq!(files(folder.path()).len(), 1);
}

#[tokio::test]
async fn old_and_surplus_files_go() {
    let folder = tempfile::tempdir().unwrap();
    let limits = LogLimits { file: 100, total: 500, ..LogLimits::default() };
    let logs = ConsoleLogs::new(folder.path(), limits);
    let log = logs.of(&host());
    for second in 0..100 {
        log.append(at(second), b"some line\n").await.unwrap();
    }
    let kept: u64 = files(folder.path()).iter().map(|file| fs::metadata(file).unwrap().len()).sum();
    assert!(kept <= 600, "{kept}");
    // A day later another file is begun, though the last one has room.
    let before = files(folder.path()).len();
    log.append(at(0).after(limits.span * 2), b"tomorrow\n").await.unwrap();
    assert!(files(folder.path()).len() > before - 2);
    assert_eq!(fs::read_to_string(files(folder.path()).last().unwrap()).unwrap().lines().count(), 1);

    logs.prune(at(0).after(limits.age / 2)).await.unwrap();
    assert!(!files(folder.path()).is_empty());
    logs.prune(at(0).after(limits.age * 2)).await.unwrap();
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
    // The log goes on.
    log.append(at(0), b"anew\n").await.unwrap();
    assert_eq!(texts(&log.tail(9).await.unwrap()), ["anew"]);
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("consoles"), "a file").unwrap();
    let log = ConsoleLogs::new(folder.path(), LogLimits::default()).of(&host());
    let error = log.append(at(0), b"line\n").await.unwrap_err();
    assert!(error.to_string().contains("consoles"), "{error}");
    fs::remove_file(folder.path().join("consoles")).unwrap();
    log.append(at(1), b"next\n").await.unwrap();
    assert_eq!(texts(&log.tail(9).await.unwrap()), ["next"]);
}
