//! The program `git`, kept on a short leash.
//!
//! What a repository holds is not trusted: nothing of it is ever checked out, no hook, filter or submodule runs, and no
//! configuration of the machine or of the repository's author is read. What a call may cost is bounded in time, in what
//! it prints and in what it stores. Secrets go to it by its environment alone, which other users cannot read.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout_at};

/// How long a fetch may take: a repository of manifests is a few megabytes.
const FETCH_PATIENCE: Duration = Duration::from_secs(120);

/// How long any other call may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a repository may take on the disk, in bytes: thousands of manifests and screens, and no images of disks.
const LARGEST: u64 = 512 << 20;

/// How often it is looked at while it grows.
const MEASURE: Duration = Duration::from_millis(200);

/// What is kept of what a program says of its troubles, in bytes.
const SAID: usize = 4096;

/// Variables of the server's environment that the programs are given: where programs and the system's certificates lie,
/// and through which proxies one gets out.
const INHERITED: [&str; 11] = [
    "PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "https_proxy",
    "HTTPS_PROXY",
    "http_proxy",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "TMPDIR",
];

/// Configuration of every call; nothing else is read.
const CONFIGURATION: [(&str, &str); 19] = [
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.logAllRefUpdates", "false"),
    ("fetch.fsckObjects", "true"),
    ("fetch.recurseSubmodules", "false"),
    ("fetch.writeCommitGraph", "false"),
    ("submodule.recurse", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("protocol.version", "2"),
    // A redirection could lead the credentials to another host.
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "30"),
    // Helpers that were set before are dropped by an empty one.
    ("credential.helper", ""),
    ("log.showSignature", "false"),
    ("i18n.logOutputEncoding", "UTF-8"),
    ("gpg.x509.program", "/bin/false"),
    ("gpg.minTrustLevel", "fully"),
];

/// Answers `git`'s question for user name and password from the environment. `printf` is the shell's own, so that the
/// password stands in no list of arguments.
const HELPER: &str = r#"!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$IRONHAND_GIT_USERNAME" "$IRONHAND_GIT_PASSWORD"; }; f"#;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum GitError {
    /// There is no such program.
    #[error(
        "the program git, by which repositories are fetched, is not installed on the machine of the server"
    )]
    Missing,
    /// It cannot be started, or spoken to.
    #[error("git cannot be run: {0}")]
    Run(#[from] std::io::Error),
    /// It ended with an error.
    #[error("git could not {doing}: {said}")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// What it said, on one line.
        said: String,
    },
    /// It took too long.
    #[error("git could not {doing} within {} s", .patience.as_secs())]
    TimedOut {
        /// What was being done.
        doing: &'static str,
        /// How long it had.
        patience: Duration,
    },
    /// It said or stored more than it may.
    #[error("git was stopped: to {doing} took more than {} MiB", .limit >> 20)]
    TooLarge {
        /// What was being done.
        doing: &'static str,
        /// How much it was allowed.
        limit: u64,
    },
}

/// By what a remote is reached.
#[derive(Default)]
pub(super) struct Access {
    /// User name and password for HTTPS.
    pub(super) login: Option<(String, SecretString)>,
    /// The command that connects over SSH.
    pub(super) ssh: Option<String>,
    /// The file with the certificates that the server's must come from.
    pub(super) ca: Option<PathBuf>,
    /// Whether a repository of this machine may be read.
    pub(super) local: bool,
}

/// One bare repository, and the empty folder that stands for a home.
pub(super) struct Git {
    directory: PathBuf,
    home: PathBuf,
}

/// A call of `git`.
pub(super) struct Call<'c> {
    doing: &'static str,
    arguments: Vec<&'c str>,
    configuration: Vec<(&'c str, String)>,
    environment: Vec<(&'static str, String)>,
    input: Vec<u8>,
    limit: usize,
    patience: Duration,
}

/// What a call came to.
pub(super) struct Reply {
    status: ExitStatus,
    pub(super) output: Vec<u8>,
    said: String,
}

impl<'c> Call<'c> {
    /// A call that does what `doing` says, in words that end "git could not ...".
    pub(super) fn new(doing: &'static str, arguments: &[&'c str]) -> Self {
        Self {
            doing,
            arguments: arguments.to_vec(),
            configuration: Vec::new(),
            environment: Vec::new(),
            input: Vec::new(),
            limit: 1 << 20,
            patience: PATIENCE,
        }
    }

    /// Lets it read `input`.
    pub(super) fn input(mut self, input: Vec<u8>) -> Self {
        self.input = input;
        self
    }

    /// Lets it print as much, in bytes.
    pub(super) const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Sets something of its configuration.
    pub(super) fn set(mut self, name: &'c str, value: impl Into<String>) -> Self {
        self.configuration.push((name, value.into()));
        self
    }

    /// Sets something of its environment.
    pub(super) fn variable(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }
}

impl Reply {
    /// The output of a call that worked.
    pub(super) fn worked(self, doing: &'static str) -> Result<Vec<u8>, GitError> {
        if self.status.success() { Ok(self.output) } else { Err(GitError::Failed { doing, said: self.said }) }
    }
}

impl Git {
    /// The bare repository in `directory`, which is made where it is missing. `home` is an empty folder.
    pub(super) async fn open(directory: PathBuf, home: PathBuf) -> Result<Self, GitError> {
        let git = Self { directory, home };
        if !tokio::fs::try_exists(git.directory.join("HEAD")).await? {
            git.wipe().await?;
            tokio::fs::create_dir_all(&git.directory).await?;
            let doing = "make a folder for what is fetched";
            let init = Call::new(doing, &["init", "--quiet", "--bare", "--template=", "."]);
            git.run(init).await?.worked(doing)?;
        }
        Ok(git)
    }

    /// Forgets everything that was fetched.
    pub(super) async fn wipe(&self) -> Result<(), GitError> {
        match tokio::fs::remove_dir_all(&self.directory).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Fetches `what` of a remote, a branch or a commit, without what came before it, as the local reference `to`.
    pub(super) async fn fetch(
        &self,
        url: &str,
        what: &str,
        to: &str,
        access: &Access,
    ) -> Result<(), GitError> {
        let doing = "fetch the repository";
        let refspec = format!("+{what}:{to}");
        let arguments = [
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-tags",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--end-of-options",
            url,
            &refspec,
        ];
        let mut call = Call::new(doing, &arguments);
        call.patience = FETCH_PATIENCE;
        let allowed = if access.local { "https:ssh:file" } else { "https:ssh" };
        call = call.variable("GIT_ALLOW_PROTOCOL", allowed);
        if let Some((username, password)) = &access.login {
            call = call
                .set("credential.helper", HELPER)
                .variable("IRONHAND_GIT_USERNAME", username)
                .variable("IRONHAND_GIT_PASSWORD", password.expose_secret());
        }
        if let Some(command) = &access.ssh {
            call = call.variable("GIT_SSH_COMMAND", command).variable("GIT_SSH_VARIANT", "ssh");
        }
        if let Some(ca) = &access.ca {
            call = call.set("http.sslCAInfo", ca.display().to_string());
        }
        let fetched = tokio::select! {
            reply = self.run(call) => reply?.worked(doing),
            // The call is dropped, which ends it.
            () = self.outgrown() => Err(GitError::TooLarge { doing, limit: LARGEST }),
        };
        if matches!(fetched, Err(GitError::TooLarge { .. })) {
            self.wipe().await?;
        }
        fetched.map(drop)
    }

    /// Returns when the folder is larger than it may be.
    async fn outgrown(&self) {
        loop {
            sleep(MEASURE).await;
            let directory = self.directory.clone();
            let measured = tokio::task::spawn_blocking(move || size(&directory, 0)).await;
            if measured.is_ok_and(|size| size > LARGEST) {
                return;
            }
        }
    }

    /// Runs `git`, and kills it with all that it started where it takes too long or too much.
    pub(super) async fn run(&self, call: Call<'_>) -> Result<Reply, GitError> {
        let Call { doing, arguments, configuration, environment, input, limit, patience } = call;
        let mut command = Command::new("git");
        command.args(&arguments).current_dir(&self.directory).env_clear();
        for name in INHERITED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs([
            ("LC_ALL", "C.UTF-8"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_NO_LAZY_FETCH", "1"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            ("GIT_ALLOW_PROTOCOL", "none"),
            ("GIT_DIR", "."),
        ]);
        command.env("HOME", &self.home).env("XDG_CONFIG_HOME", &self.home).env("GNUPGHOME", &self.home);
        let own = CONFIGURATION.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let mut count = 0;
        for (name, value) in own.chain(configuration) {
            command
                .env(format!("GIT_CONFIG_KEY_{count}"), name)
                .env(format!("GIT_CONFIG_VALUE_{count}"), value);
            count += 1;
        }
        command.env("GIT_CONFIG_COUNT", count.to_string());
        command.envs(environment);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true).process_group(0);
        let child = command.spawn().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => GitError::Missing,
            _ => GitError::Run(error),
        })?;
        let mut family = Family(child);
        let until = Instant::now() + patience;
        match timeout_at(until, family.converse(doing, input, limit)).await {
            Ok(done) => done,
            Err(_) => Err(GitError::TimedOut { doing, patience }),
        }
    }
}

/// A program with all that it starts, which end with it.
struct Family(Child);

impl Family {
    async fn converse(
        &mut self,
        doing: &'static str,
        input: Vec<u8>,
        limit: usize,
    ) -> Result<Reply, GitError> {
        let child = &mut self.0;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let write = async {
            if let Some(mut stdin) = stdin {
                // A program that reads no further says why by how it ends.
                let _ = stdin.write_all(&input).await;
            }
        };
        let read = async {
            let mut output = Vec::new();
            if let Some(stdout) = stdout {
                stdout.take(limit as u64 + 1).read_to_end(&mut output).await?;
            }
            Ok::<_, std::io::Error>(output)
        };
        let listen = async {
            let mut said = Vec::new();
            if let Some(mut stderr) = stderr {
                (&mut stderr).take(SAID as u64).read_to_end(&mut said).await?;
                // What follows is read, so that nobody waits for it to be, and thrown away.
                tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await?;
            }
            Ok::<_, std::io::Error>(said)
        };
        let reading = async {
            let output = read.await?;
            if output.len() > limit {
                return Err(GitError::TooLarge { doing, limit: limit as u64 });
            }
            Ok(output)
        };
        let listening = async { listen.await.map_err(GitError::Run) };
        let writing = async {
            write.await;
            Ok(())
        };
        let (output, said, ()) = tokio::try_join!(reading, listening, writing)?;
        let status = child.wait().await?;
        Ok(Reply { status, output, said: one_line(&String::from_utf8_lossy(&said)) })
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        // Absent once the program has ended, and with it its group.
        let leader =
            self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(leader) = leader {
            // An error means that they are gone already.
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}

/// What a program said, as one line without anything that a terminal would act on.
pub(super) fn one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let joined = lines.collect::<Vec<_>>().join("; ");
    let plain: String = joined.chars().filter(|c| !c.is_control()).take(SAID / 2).collect();
    if plain.is_empty() { "it gave no reason".to_owned() } else { plain }
}

/// What lies in a folder, in bytes.
fn size(folder: &Path, depth: usize) -> u64 {
    /// Deeper than Git nests its folders.
    const DEEPEST: usize = 16;
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() && depth < DEEPEST => size(&entry.path(), depth + 1),
            Ok(data) => data.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_remote_says_stays_one_plain_line() {
        let check = |said: &str, wanted: &str| assert_eq!(one_line(said), wanted, "{said:?}");
        check("fatal: no\n", "fatal: no");
        check("remote: \x1b[31mred\x1b[0m\r\n\nfatal: no", "remote: [31mred[0m; fatal: no");
        check(" \n", "it gave no reason");
    }
}
