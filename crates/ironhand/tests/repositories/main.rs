//! Repositories that the server follows, as a user sees them, with Git's own program on both sides.

mod https;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ironhand_server::{Config, RepositoryAccess, Running, Server};

/// How long anything may take that comes true.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that follows repositories of this machine, and a repository to be followed.
struct Site {
    server: Option<Running>,
    folder: tempfile::TempDir,
}

impl Site {
    async fn new() -> Self {
        let mut site = Self::without_server();
        site.restart().await;
        site
    }

    fn without_server() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("secrets")).expect("a folder");
        fs::write(folder.path().join("secrets/bmc"), "canary-81af\n").expect("a file");
        let site = Self { server: None, folder };
        site.git(&["init", "--quiet", "--initial-branch=main", "."]);
        site
    }

    async fn restart(&mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown().await;
        }
        self.server = Some(start(self.folder.path()).await);
    }

    async fn end(mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown().await;
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs Git in the repository as somebody who writes manifests.
    fn git(&self, arguments: &[&str]) -> String {
        let home = self.path("home");
        fs::create_dir_all(self.path("origin")).expect("a folder");
        fs::create_dir_all(&home).expect("a folder");
        let output = Command::new("git")
            .args(["-c", "user.name=Op", "-c", "user.email=op@example.com", "-c", "commit.gpgSign=false"])
            .args(["-c", "gpg.program=gpg", "-c", "tag.gpgSign=false"])
            .args(arguments)
            .current_dir(self.path("origin"))
            .env("HOME", &home)
            .env("GNUPGHOME", self.path("gnupg"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .stdin(Stdio::null())
            .output()
            .expect("git starts");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Writes a file of the repository; empty text removes it.
    fn write(&self, name: &str, text: &str) {
        let file = self.path("origin").join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("it can be made");
        if text.is_empty() { fs::remove_file(file) } else { fs::write(file, text) }
            .expect("it can be written");
    }

    fn commit(&self, title: &str, more: &[&str]) {
        self.git(&["add", "--all"]);
        self.git(&[&["commit", "--quiet", "--allow-empty", "-m", title], more].concat());
    }

    /// Has the repository followed, by what `spec` adds.
    async fn follow(&self, spec: &str) {
        let url = format!("file://{}", self.path("origin").display());
        let text = format!(
            "apiVersion: ironhand/v1\nkind: Repository\nmetadata: {{ name: site }}\n\
             spec:\n  url: {url}\n  path: site\n  interval: 1h\n{spec}"
        );
        fs::write(self.path("repository.yaml"), text).expect("a file");
        self.done(&["apply", "-f", "repository.yaml"]).await;
    }

    /// Exit code, standard output, standard error.
    async fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_ironhand"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("IRONHAND_SERVER", format!("unix:{}", self.path("api.sock").display()))
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
        assert_eq!(code, Some(0), "{arguments:?}: {out}{errors}");
        out
    }

    /// Has the repository looked at, which must work.
    async fn sync(&self) -> String {
        self.done(&["repository", "sync", "site", "--wait"]).await
    }

    /// Has it looked at, which must fail; what is said.
    async fn sync_fails(&self) -> String {
        let (code, out, errors) = self.run(&["repository", "sync", "site", "--wait"]).await;
        assert_eq!(code, Some(1), "{out}{errors}");
        errors
    }

    async fn clusters(&self) -> String {
        self.done(&["get", "clusters", "-o", "name"]).await
    }

    async fn describe(&self) -> String {
        self.done(&["describe", "repository", "site"]).await
    }

    /// How many events there are of a kind.
    async fn events(&self, code: &str) -> usize {
        let kind = format!("\"{code}\"");
        self.done(&["events", "-o", "json"]).await.matches(&kind).count()
    }
}

async fn start(folder: &Path) -> Running {
    let mut config = Config::new(folder.join("data"));
    config.socket = Some(folder.join("api.sock"));
    config.repositories = RepositoryAccess { secrets: Some(folder.join("secrets")), local: true };
    Server::start(config).await.expect("the server starts")
}

fn cluster(name: &str, interval: &str) -> String {
    format!(
        "apiVersion: ironhand/v1\nkind: Cluster\nmetadata: {{ name: {name} }}\n\
         spec: {{ settings: {{ powerInterval: {interval} }} }}\n"
    )
}

fn credential(password: &str) -> String {
    format!(
        "apiVersion: ironhand/v1\nkind: Credential\nmetadata: {{ name: bmc }}\n\
         spec: {{ username: admin, password: {password} }}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_are_applied_whole_or_not_at_all() {
    let mut site = Site::new().await;
    site.write("site/a.yaml", &cluster("a", "20s"));
    site.write("site/deeper/b.yaml", &cluster("b", "20s"));
    site.write("site/credential.yaml", &credential("{ fromFile: bmc }"));
    site.write("other/c.yaml", &cluster("c", "20s"));
    site.write("site/.github/workflows/ci.yaml", "on: push\n");
    site.write("site/README.md", "no manifest\n");
    site.commit("Begin", &[]);
    site.follow("  prune: true\n").await;
    let out = site.sync().await;
    assert!(out.contains("\"Begin\" by Op <op@example.com> in force"), "{out}");
    assert_eq!(site.clusters().await, "a\nb\n");
    site.done(&["get", "credential", "bmc"]).await;
    let applied = site.events("repository.applied").await;
    assert_eq!(applied, 1);

    // The same again changes nothing, and neither does a restart.
    site.sync().await;
    site.restart().await;
    site.sync().await;
    assert_eq!(site.events("repository.applied").await, applied);
    assert_eq!(site.events("resource.applied").await, 4, "the repository, two clusters, a credential");

    // A broken commit is refused whole, with all its faults, and the one before stays.
    site.write("site/a.yaml", &cluster("a", "soon"));
    site.write("site/deeper/b.yaml", &cluster("b", "30s"));
    site.write("site/c.yaml", &cluster("c", "20s"));
    site.write("site/d.yaml", "kind: Cluster\n");
    site.write("site/credential.yaml", &credential("hunter2"));
    site.commit("Break it", &[]);
    let errors = site.sync_fails().await;
    for fault in ["site/a.yaml:4:", "site/d.yaml:1:", "site/credential.yaml: the password", "\"Break it\""] {
        assert!(errors.contains(fault), "{fault}: {errors}");
    }
    assert!(!errors.contains("hunter2"), "{errors}");
    assert_eq!(site.clusters().await, "a\nb\n");
    let told = site.describe().await;
    assert!(
        told.contains("refused       ") && told.contains("\"Begin\"") && told.contains("site/a.yaml:4:"),
        "{told}"
    );
    let row = site.done(&["get", "repositories"]).await;
    assert!(row.contains("refused"), "{row}");
    site.sync_fails().await;
    assert_eq!(site.events("repository.refused").await, 1, "a refusal is told once");

    // Mended by history written anew; what is gone is pruned, what was never in it is left alone.
    fs::write(site.path("mine.yaml"), cluster("mine", "20s")).expect("a file");
    site.done(&["apply", "-f", "mine.yaml"]).await;
    site.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    site.write("site/deeper/b.yaml", "");
    site.write("site/a.yaml", &cluster("a", "30s"));
    site.commit("Mend", &["--amend"]);
    site.sync().await;
    assert_eq!(site.clusters().await, "a\nmine\n");
    assert!(site.done(&["get", "cluster", "a", "-o", "yaml"]).await.contains("30s"));
    let told = site.done(&["events"]).await;
    assert!(told.contains("0 created, 1 configured, 1 deleted"), "{told}");

    // A branch that is gone, or holds nothing, takes nothing away.
    site.git(&["checkout", "--quiet", "-b", "elsewhere"]);
    site.git(&["branch", "-D", "main"]);
    let errors = site.sync_fails().await;
    assert!(errors.contains("no branch `main`"), "{errors}");
    site.git(&["checkout", "--quiet", "--orphan", "main"]);
    site.git(&["rm", "-r", "--quiet", "--cached", "."]);
    site.git(&["commit", "--quiet", "--allow-empty", "-m", "Nothing"]);
    let errors = site.sync_fails().await;
    assert!(errors.contains("there is no .yaml, .yml or .json file in `site`"), "{errors}");
    assert_eq!(site.clusters().await, "a\nmine\n");
    assert!(site.events("repository.failed").await >= 2, "gone, and there again");

    // Deleted, it leaves what it has applied.
    site.done(&["delete", "repository", "site"]).await;
    assert_eq!(site.clusters().await, "a\nmine\n");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_by_hand_is_shown_or_restored() {
    let mut site = Site::new().await;
    site.write("site/a.yaml", &cluster("a", "20s"));
    site.write("site/b.yaml", &cluster("b", "20s"));
    site.commit("Begin", &[]);
    site.follow("").await;
    site.sync().await;
    fs::write(site.path("hand.yaml"), cluster("a", "45s")).expect("a file");
    site.done(&["apply", "-f", "hand.yaml"]).await;
    site.done(&["delete", "cluster", "b"]).await;
    site.restart().await;
    site.sync().await;
    let told = site.describe().await;
    assert!(
        told.contains("cluster/a changed by hand") && told.contains("cluster/b deleted by hand"),
        "{told}"
    );
    assert_eq!(site.events("repository.drift").await, 1);
    fs::write(site.path("hand.yaml"), cluster("a", "20s")).expect("a file");
    site.done(&["apply", "-f", "hand.yaml"]).await;
    site.sync().await;
    let told = site.describe().await;
    assert!(!told.contains("cluster/a changed"), "changed back by hand: {told}");

    site.follow("  onDrift: restore\n").await;
    site.sync().await;
    assert_eq!(site.clusters().await, "a\nb\n");
    site.done(&["delete", "cluster", "a"]).await;
    site.sync().await;
    assert_eq!(site.clusters().await, "a\nb\n");
    let told = site.describe().await;
    assert!(!told.contains("by hand"), "{told}");

    // Two repositories cannot describe the same, and none describes another or, unless it may, the settings.
    let second =
        fs::read_to_string(site.path("repository.yaml")).expect("a file").replace("name: site", "name: two");
    fs::write(site.path("two.yaml"), second).expect("a file");
    site.done(&["apply", "-f", "two.yaml"]).await;
    let (code, _, errors) = site.run(&["repository", "sync", "two", "--wait"]).await;
    assert_eq!(code, Some(1));
    assert!(errors.contains("described by the repository `site` as well"), "{errors}");
    let settings = "apiVersion: ironhand/v1\nkind: Settings\nmetadata: { name: global }\nspec: {}\n";
    site.write("site/settings.yaml", settings);
    site.commit("Settings", &[]);
    let errors = site.sync_fails().await;
    assert!(errors.contains("allowSettings"), "{errors}");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_commits_that_are_signed_by_the_right_key_are_applied() {
    let site = Site::new().await;
    let run = |program: &str, arguments: &[&str]| {
        fs::create_dir_all(site.path("gnupg")).expect("a folder");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(site.path("gnupg"), mode).expect("a mode");
        let mut command = Command::new(program);
        command.args(arguments).current_dir(site.folder.path()).env("GNUPGHOME", site.path("gnupg"));
        let output = command.stdin(Stdio::null()).output().expect("it starts");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    for key in ["right", "wrong"] {
        run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", key, "-f", key]);
    }
    let key = [
        "--batch",
        "--quiet",
        "--passphrase",
        "",
        "--quick-gen-key",
        "Op <op@example.com>",
        "ed25519",
        "sign",
    ];
    run("gpg", &key);
    let armored = run("gpg", &["--armor", "--export", "op@example.com"]);
    let public = fs::read_to_string(site.path("right.pub")).expect("a file");
    let signer = format!("op@example.com {}", public.trim());
    let indented = armored.lines().map(|line| format!("        {line}\n")).collect::<String>();
    site.write("site/a.yaml", &cluster("a", "20s"));
    site.commit("Unsigned", &[]);
    site.follow(&format!("  signedBy:\n    ssh: ['{signer}']\n    openpgp:\n      - |\n{indented}")).await;
    let errors = site.sync_fails().await;
    assert!(errors.contains("the commit carries no signature"), "{errors}");
    assert_eq!(site.clusters().await, "");

    let sign = |title: &str, key: &str| {
        let key = site.path(key);
        site.git(&[
            "-c",
            "gpg.format=ssh",
            "-c",
            &format!("user.signingKey={}", key.display()),
            "commit",
            "--quiet",
            "--allow-empty",
            "-S",
            "-m",
            title,
        ]);
    };
    sign("By another", "wrong");
    let errors = site.sync_fails().await;
    assert!(errors.contains("not one of those that `signedBy` names"), "{errors}");
    assert_eq!(site.clusters().await, "");
    sign("By the right one", "right");
    assert!(site.sync().await.contains("By the right one"));
    assert_eq!(site.clusters().await, "a\n");

    site.write("site/b.yaml", &cluster("b", "20s"));
    site.git(&["add", "--all"]);
    site.git(&["commit", "--quiet", "-Sop@example.com", "-m", "By OpenPGP"]);
    assert!(site.sync().await.contains("By OpenPGP"));
    assert_eq!(site.clusters().await, "a\nb\n");

    // Whoever signs for others is no signer: the key must be named.
    site.follow(&format!("  signedBy:\n    ssh: ['{signer}']\n")).await;
    let errors = site.sync_fails().await;
    assert!(errors.contains("signed by an OpenPGP key, and `signedBy` names none"), "{errors}");
    assert_eq!(site.clusters().await, "a\nb\n");
    // GnuPG leaves its agent behind, which would keep the folder.
    Command::new("gpgconf")
        .args(["--kill", "all"])
        .env("GNUPGHOME", site.path("gnupg"))
        .status()
        .expect("it runs");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_checked_out_and_no_link_is_followed() {
    let site = Site::new().await;
    site.write("site/a.yaml", &cluster("a", "20s"));
    fs::write(site.path("outside.yaml"), cluster("outside", "20s")).expect("a file");
    std::os::unix::fs::symlink("../../outside.yaml", site.path("origin/site/link.yaml")).expect("a link");
    site.write(".gitattributes", "* filter=evil\n");
    site.write(".gitmodules", "[submodule \"x\"]\n\tpath = x\n\turl = https://git.invalid/x\n");
    site.commit("Mean", &[]);
    site.follow("").await;
    let errors = site.sync_fails().await;
    assert!(errors.contains("site/link.yaml: is a symbolic link, which is not followed"), "{errors}");
    site.write("site/link.yaml", "");
    site.write("site/big.yaml", &"#".repeat((1 << 20) + 1));
    site.commit("Big", &[]);
    let errors = site.sync_fails().await;
    assert!(errors.contains("site/big.yaml: is larger than 1 MiB"), "{errors}");
    site.write("site/big.yaml", "");
    site.commit("Kind", &[]);
    site.sync().await;
    assert_eq!(site.clusters().await, "a\n");
    let fetched = site.path("data/repositories/site.git");
    assert!(fetched.join("HEAD").exists() && !fetched.join("site").exists(), "nothing is checked out");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_with_the_right_signature_has_the_repository_looked_at() {
    let site = Site::new().await;
    site.write("site/a.yaml", &cluster("a", "20s"));
    site.commit("Begin", &[]);
    site.follow("  webhook: { secret: knock-knock }\n").await;
    site.sync().await;
    site.write("site/b.yaml", &cluster("b", "20s"));
    site.commit("Push", &[]);
    let knock = |header: Option<&str>| {
        let mut command = Command::new("curl");
        command.args(["--silent", "--unix-socket"]).arg(site.path("api.sock"));
        command.args(["-H", "content-type: application/json", "-d", "{}", "-w", "%{http_code}"]);
        if let Some(header) = header {
            command.args(["-H", header]);
        }
        command.arg("http://localhost/api/v1/repositories/site/webhook");
        let output = command.output().expect("curl starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let unsigned = knock(None);
    assert!(unsigned.ends_with("403") && unsigned.contains("webhook.unsigned"), "{unsigned}");
    let forged = knock(Some("x-hub-signature-256: sha256=00"));
    assert!(forged.ends_with("403") && forged.contains("webhook.forged"), "{forged}");
    assert_eq!(site.clusters().await, "a\n");
    let taken = knock(Some("x-gitlab-token: knock-knock"));
    assert!(taken.ends_with("202"), "{taken}");
    let until = Instant::now() + PATIENCE;
    while site.clusters().await != "a\nb\n" {
        assert!(Instant::now() < until, "{}", site.describe().await);
    }
    let metrics = Command::new("curl")
        .args(["--silent", "--unix-socket"])
        .arg(site.path("api.sock"))
        .arg("http://localhost/metrics")
        .output()
        .expect("curl starts");
    let metrics = String::from_utf8_lossy(&metrics.stdout).into_owned();
    for line in ["repository=\"site\",result=\"unsigned\"} 1", "ironhand_repositories{state=\"in_force\"} 1"]
    {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    let shown = site.done(&["get", "repository", "site", "-o", "yaml"]).await;
    assert!(!shown.contains("knock-knock") && shown.contains("sealed:"), "{shown}");
    site.end().await;
}

/// A server in a process of its own, which is killed without warning.
struct Killed(Child);

impl Killed {
    /// Starts one on what the last one left, and waits until it is ready.
    fn start(site: &Site, name: &str, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ironhand"))
            .args(["serve", "--data", "data", "--local-repositories", "--socket", name])
            .args(more)
            .current_dir(site.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("ironhand starts");
        let output = child.stdout.take().expect("its output is a pipe");
        let ready = BufReader::new(output).lines().next();
        assert!(matches!(ready, Some(Ok(_))), "ironhand serve ended at once; its own words stand above");
        Self(child)
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().expect("it is ours to kill");
        self.0.wait().expect("it is ours to wait for");
    }
}

/// A file with many clusters.
fn clusters(interval: &str) -> String {
    (0..300).map(|number| format!("---\n{}", cluster(&format!("c{number}"), interval))).collect()
}

/// The intervals that clusters have.
async fn intervals(site: &Site) -> BTreeSet<String> {
    let shown = site.done(&["get", "clusters", "-o", "json"]).await;
    shown.lines().filter(|line| line.contains("powerInterval")).map(|line| line.trim().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_leaves_a_whole_commit_in_force() {
    let site = Site::without_server();
    site.write("site/all.yaml", &clusters("20s"));
    site.commit("Begin", &[]);
    let server = Killed::start(&site, "api.sock", &[]);
    site.follow("").await;
    site.sync().await;
    drop(server);
    for (round, life) in [0, 5, 20, 40, 60, 80, 120, 200].into_iter().enumerate() {
        let server = Killed::start(&site, "api.sock", &[]);
        site.write("site/all.yaml", &clusters(&format!("{}s", 30 + round)));
        site.commit("Next", &[]);
        site.done(&["repository", "sync", "site"]).await;
        // Not to wait for anything: the moment of the kill is what is chosen.
        std::thread::sleep(Duration::from_millis(life));
        drop(server);
        let server = Killed::start(&site, "api.sock", &[]);
        assert_eq!(intervals(&site).await.len(), 1, "a part of a commit is in force after {life} ms");
        site.sync().await;
        let found = intervals(&site).await;
        assert!(
            found.len() == 1 && found.iter().all(|one| one.contains(&(30 + round).to_string())),
            "{found:?}"
        );
        drop(server);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_servers_one_follows_and_the_other_takes_over() {
    let site = Site::without_server();
    site.write("site/a.yaml", &cluster("a", "20s"));
    site.commit("Begin", &[]);
    let first = Killed::start(&site, "first.sock", &["--shared"]);
    let _second = Killed::start(&site, "api.sock", &["--shared"]);
    let settings =
        "apiVersion: ironhand/v1\nkind: Settings\nmetadata: { name: global }\nspec: { leaseTime: 3s }\n";
    fs::write(site.path("settings.yaml"), settings).expect("a file");
    site.done(&["apply", "-f", "settings.yaml"]).await;
    site.follow("").await;
    site.sync().await;
    site.write("site/b.yaml", &cluster("b", "20s"));
    site.commit("More", &[]);
    drop(first);
    site.sync().await;
    assert_eq!(site.clusters().await, "a\nb\n");
    assert_eq!(site.events("repository.applied").await, 2);
}

/// OpenSSH's server on loopback, for the user of the test alone.
struct Sshd {
    child: Child,
    port: u16,
}

impl Sshd {
    fn start(folder: &Path) -> Self {
        for key in ["host", "user"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(folder.join(key))
                .status()
                .expect("ssh-keygen starts");
            assert!(made.success());
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|socket| socket.local_addr())
            .expect("a port")
            .port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {0}/host\nAuthorizedKeysFile {0}/user.pub\nStrictModes no\n\
             PidFile none\nUsePAM no\n",
            folder.display()
        );
        fs::write(folder.join("sshd_config"), config).expect("a file");
        // Where the package's service has not run since the machine started, sshd misses its empty folder.
        let _ = fs::create_dir("/run/sshd");
        let child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(folder.join("sshd_config"))
            .stderr(fs::File::create(folder.join("sshd.log")).expect("a file"))
            .spawn()
            .expect("sshd starts");
        let until = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                Instant::now() < until,
                "{}",
                fs::read_to_string(folder.join("sshd.log")).unwrap_or_default()
            );
        }
        Self { child, port }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.child.kill().expect("it is ours to kill");
        self.child.wait().expect("it is ours to wait for");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_ssh_both_sides_are_proven_by_keys() {
    let site = Site::new().await;
    site.write("site/a.yaml", &cluster("a", "20s"));
    site.commit("Begin", &[]);
    let sshd = Sshd::start(site.folder.path());
    let credential = "apiVersion: ironhand/v1\nkind: Credential\nmetadata: { name: key }\n\
        spec: { username: git, password: { fromFile: user } }\n";
    fs::write(site.path("credential.yaml"), credential).expect("a file");
    site.done(&["apply", "-f", "credential.yaml"]).await;
    let user = Command::new("id").arg("-un").output().expect("id starts").stdout;
    let user = String::from_utf8_lossy(&user).trim().to_owned();
    let follow = async |host_key: &str, more: &str| {
        let key = fs::read_to_string(site.path(host_key)).expect("a file");
        let text = format!(
            "apiVersion: ironhand/v1\nkind: Repository\nmetadata: {{ name: site }}\nspec:\n  \
             url: ssh://{user}@127.0.0.1:{port}{path}\n  path: site\n  knownHosts: ['[127.0.0.1]:{port} {key}']\n{more}",
            port = sshd.port,
            path = site.path("origin").display(),
            key = key.split_whitespace().take(2).collect::<Vec<_>>().join(" "),
        );
        fs::write(site.path("repository.yaml"), text).expect("a file");
        site.done(&["apply", "-f", "repository.yaml"]).await;
    };
    follow("user.pub", "  credential: key\n").await;
    let errors = site.sync_fails().await;
    assert!(errors.contains("does not have a key that `knownHosts` names"), "{errors}");
    follow("host.pub", "").await;
    let errors = site.sync_fails().await;
    assert!(errors.contains("refuses the key of the Credential"), "{errors}");
    follow("host.pub", "  credential: key\n").await;
    site.sync().await;
    assert_eq!(site.clusters().await, "a\n");
    let left = site.path("data/repositories/passing/site");
    assert_eq!(fs::read_dir(left).expect("a folder").count(), 0, "a key was left behind");
    site.end().await;
}
