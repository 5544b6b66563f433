//! What machines write on serial lines, shown by tmux and by our terminal.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use e2e::{peer, wait_until};
use ironhand_console::Terminal;

const MOST: Duration = Duration::from_secs(60);

/// A server of tmux's own, ended when dropped.
struct Tmux {
    folder: tempfile::TempDir,
}

impl Tmux {
    fn run(&self, arguments: &[&str]) -> Output {
        let socket = self.folder.path().join("tmux");
        let mut command = Command::new(peer("tmux"));
        command.args(["-u", "-f", "/dev/null", "-S"]).arg(socket).args(arguments);
        command.env_remove("TMUX").output().expect("tmux starts")
    }

    /// What tmux shows of a file on a screen of 80 by 24.
    fn shows(&self, file: &Path, wanted: &str) {
        let show = format!("stty raw -echo; cat {}; sleep 60", file.display());
        let begun = self.run(&["new-session", "-d", "-x", "80", "-y", "24", &show]);
        assert!(begun.status.success(), "{}", String::from_utf8_lossy(&begun.stderr));
        wait_until("tmux shows the same as our terminal", MOST, || {
            let output = self.run(&["capture-pane", "-p"]);
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let shown = text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
            if shown.trim_end() == wanted {
                Ok(())
            } else {
                Err(format!("{}: tmux:\n{shown}\nours:\n{wanted}", file.display()))
            }
        });
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

#[test]
fn tmux_shows_what_our_terminal_shows() {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/serial");
    let mut shown = 0;
    for entry in std::fs::read_dir(&recorded).expect("the recorded streams") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some() {
            continue;
        }
        let mut terminal = Terminal::new(80, 24);
        terminal.receive(&std::fs::read(&path).expect("a stream"));
        let tmux = Tmux { folder: tempfile::tempdir().expect("a temporary folder") };
        let text = terminal.reading().text();
        assert!(!text.is_empty(), "{}", path.display());
        tmux.shows(&path, &text);
        shown += 1;
    }
    assert!(shown >= 4, "{shown}");
}
