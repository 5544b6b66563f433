//! `apply`, `diff`, `export` and `edit`, as a user runs them, against a server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use ironhand_server::{Config, Running, Server};

/// A server with nothing on it, and a folder for manifests.
struct Site {
    server: Running,
    folder: tempfile::TempDir,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config::new(folder.path().join("data"));
        config.socket = Some(folder.path().join("api.sock"));
        let server = Server::start(config).await.expect("the server starts");
        Self { server, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a manifest file into the folder `site`; empty text removes it.
    fn write(&self, name: &str, text: &str) {
        let file = self.path("site").join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("it can be made");
        if text.is_empty() { fs::remove_file(file) } else { fs::write(file, text) }
            .expect("it can be written");
    }

    /// Exit code, standard output, standard error.
    async fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        self.run_with("true", arguments).await
    }

    /// The same with an editor.
    async fn run_with(&self, editor: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_ironhand"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("IRONHAND_SERVER", format!("unix:{}", self.server.socket().display()))
            .env("TMPDIR", self.folder.path())
            .env_remove("VISUAL")
            .env("EDITOR", editor)
            .stdin(Stdio::null())
            .output()
            .await
            .expect("ironhand starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }

    /// Runs what must come true; the output.
    async fn done(&self, arguments: &[&str]) -> String {
        let (code, out, errors) = self.run(arguments).await;
        assert_eq!(code, Some(0), "{arguments:?}: {errors}");
        out
    }
}

fn cluster(name: &str, marked: bool, interval: &str) -> String {
    let labels = if marked { "{ from: git }" } else { "{}" };
    format!(
        "apiVersion: ironhand/v1\nkind: Cluster\nmetadata: {{ name: {name}, labels: {labels} }}\n\
         spec: {{ settings: {{ powerInterval: {interval} }} }}\n"
    )
}

const PASSWORD: &str = "canary-6d1f";

fn credential() -> String {
    format!(
        "apiVersion: ironhand/v1\nkind: Credential\nmetadata: {{ name: bmc, labels: {{ from: git }} }}\n\
         spec: {{ username: admin, password: {PASSWORD} }}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_change_is_told_and_what_nothing_describes_is_pruned() {
    let site = Site::new().await;
    site.write("a.yaml", &cluster("a", true, "20s"));
    site.write("b.yaml", &cluster("b", true, "20s"));
    site.write("credential.yaml", &credential());
    site.write("../mine.yaml", &cluster("mine", false, "20s"));
    site.done(&["apply", "-f", "mine.yaml"]).await;

    let (code, out, errors) = site.run(&["diff", "-f", "site"]).await;
    assert_eq!(code, Some(1), "{errors}");
    assert!(out.contains("--- nothing\n+++ cluster/a (site/a.yaml)\n"), "{out}");
    assert!(out.contains("+    powerInterval: 20s\n"), "{out}");
    assert!(!out.contains(PASSWORD) && !errors.contains(PASSWORD), "{out}{errors}");
    site.done(&["apply", "-f", "site"]).await;
    assert_eq!(site.done(&["diff", "-f", "site"]).await, "", "a password is not compared");

    site.write("a.yaml", &cluster("a", true, "30s"));
    site.write("b.yaml", "");
    let prune = ["-f", "site", "--prune", "-l", "from=git"];
    let (code, out, _) = site.run(&[&["diff"], &prune[..]].concat()).await;
    assert_eq!(code, Some(1));
    assert!(out.contains("-    powerInterval: 20s\n+    powerInterval: 30s\n"), "{out}");
    assert!(out.contains("--- cluster/b\n+++ cluster/b (pruned)\n"), "{out}");
    assert!(!out.contains("mine"), "{out}");

    let out = site.done(&[&["apply", "--dry-run"], &prune[..]].concat()).await;
    assert!(
        out.contains("cluster/a configured (dry run)\n") && out.contains("cluster/b pruned (dry run)\n"),
        "{out}"
    );
    site.done(&["get", "cluster", "b"]).await;
    let out = site.done(&[&["apply"], &prune[..]].concat()).await;
    assert!(out.ends_with("cluster/b pruned\n"), "{out}");
    assert_eq!(site.done(&["get", "clusters", "-o", "name"]).await, "a\nmine\n");
    site.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_pruned_by_mistake() {
    let site = Site::new().await;
    site.write("a.yaml", &cluster("a", true, "20s"));
    site.write("b.yaml", &cluster("b", false, "20s"));
    site.done(&["apply", "-f", "site"]).await;
    let check = async |arguments: &[&str], says: &str| {
        let (code, _, errors) = site.run(&[&["apply", "--prune"], arguments].concat()).await;
        assert_eq!(code, Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains(says), "{arguments:?}: {errors}");
    };
    check(&["-f", "site"], "--prune needs to know what belongs to these files").await;
    check(&["-f", "site", "-l", "from=git"], "cluster/b does not carry the labels from=git").await;
    fs::create_dir(site.path("empty")).expect("a folder");
    check(&["-f", "empty", "--all"], "no .yaml, .yml or .json file in this folder").await;
    assert_eq!(site.done(&["get", "clusters", "-o", "name"]).await, "a\nb\n");
    site.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_can_be_applied_again() {
    let site = Site::new().await;
    site.write("a.yaml", &cluster("a", true, "20s"));
    site.write("credential.yaml", &credential());
    site.done(&["apply", "-f", "site"]).await;
    let text = site.done(&["export"]).await;
    assert!(!text.contains(PASSWORD) && !text.contains("resourceVersion"), "{text}");
    fs::write(site.path("all.yaml"), &text).expect("it can be written");
    assert_eq!(site.done(&["diff", "-f", "all.yaml"]).await, "");
    site.done(&["apply", "-f", "all.yaml"]).await;
    let told = site.done(&["export", "clusters", "-l", "from=git", "--out", "kept"]).await;
    assert_eq!(told, "cluster/a -> kept/clusters/a.yaml\n");
    assert_eq!(site.done(&["diff", "-f", "kept"]).await, "");
    site.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_is_changed_in_an_editor_and_what_was_written_is_never_lost() {
    let site = Site::new().await;
    site.write("a.yaml", &cluster("a", true, "20s"));
    site.done(&["apply", "-f", "site"]).await;
    let (code, out, errors) = site.run_with("sed -i s/20s/25s/", &["edit", "cluster", "a"]).await;
    assert_eq!((code, out.as_str()), (Some(0), "cluster/a configured\n"), "{errors}");
    let (code, out, _) = site.run_with("true", &["edit", "cluster", "a"]).await;
    assert_eq!((code, out.as_str()), (Some(0), "cluster/a unchanged\n"));
    let (code, _, errors) = site.run_with("false", &["edit", "cluster", "a"]).await;
    assert_eq!(code, Some(1), "{errors}");

    let (code, _, errors) =
        site.run_with("sed -i s/powerInterval/powerIntervall/", &["edit", "cluster", "a"]).await;
    assert_eq!(code, Some(2), "{errors}");
    let (_, kept) = errors.trim_end().split_once("what you wrote is kept in ").expect("it is kept");
    let kept = Path::new(kept.lines().next().expect("a path"));
    assert!(fs::read_to_string(kept).expect("it is there").contains("powerIntervall"), "{errors}");

    // Somebody else was faster: their change is not undone.
    let socket = site.server.socket().display().to_string();
    let rival = site.path("rival.sh");
    let script = format!(
        "sed -i s/25s/40s/ \"$1\"\nIRONHAND_SERVER=unix:{socket} '{}' apply -f '{}'\n",
        env!("CARGO_BIN_EXE_ironhand"),
        site.path("site").display()
    );
    fs::write(&rival, script).expect("it can be written");
    let (code, _, errors) =
        site.run_with(&format!("sh {}", rival.display()), &["edit", "cluster", "a"]).await;
    assert_eq!(code, Some(4), "{errors}");
    assert!(site.done(&["get", "cluster", "a"]).await.contains("powerInterval=20s"));
    site.server.shutdown().await;
}
