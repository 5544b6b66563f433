//! Reading the spec of a `Repository`.

use std::time::Duration;

use super::credential::secret;
use super::fault::Faults;
use super::fields::{Fields, Shape};
use super::tree::Node;
use crate::{CommitSigners, OnDrift, RepositorySpec, RepositoryWebhook, Span};

pub(super) const REPOSITORY: Shape = Shape {
    what: "the spec of a Repository",
    fields: &[
        "url",
        "branch",
        "path",
        "interval",
        "credential",
        "knownHosts",
        "caCertificate",
        "signedBy",
        "prune",
        "onDrift",
        "allowSettings",
        "webhook",
    ],
    planned: &[],
};

pub(super) const SIGNERS: Shape = Shape { what: "`signedBy`", fields: &["ssh", "openpgp"], planned: &[] };

pub(super) const WEBHOOK: Shape = Shape { what: "`webhook`", fields: &["secret"], planned: &[] };

const ON_DRIFT: &[(&str, OnDrift)] = &[("show", OnDrift::Show), ("restore", OnDrift::Restore)];

/// The longest URL, path, or name of a branch, in bytes.
const LONGEST_TEXT: usize = 1024;

/// The longest key or certificate, in bytes: an OpenPGP key with many signatures has tens of thousands.
const LONGEST_KEY: usize = 128 * 1024;

/// Keys of one kind.
const MOST_KEYS: usize = 64;

/// How often a repository may be looked at.
const INTERVAL: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(24 * 3600)];

pub(super) fn read(node: &Node, faults: &mut Faults) -> Option<RepositorySpec> {
    let fields = Fields::of(node, &REPOSITORY, faults)?;
    let url = fields.require("url", faults).and_then(|node| url(node, faults));
    let branch = fields.optional("branch", faults, branch);
    let path = fields.optional("path", faults, path);
    let interval = fields.optional("interval", faults, interval);
    let credential = fields.optional("credential", faults, |node, faults| node.name("credential", faults));
    let known_hosts = fields.optional("knownHosts", faults, |node, faults| lines(node, "knownHosts", faults));
    let ca_certificate = fields.optional("caCertificate", faults, |node, faults| {
        armored(node, "caCertificate", "-----BEGIN CERTIFICATE-----", faults)
    });
    let signed_by = fields.optional("signedBy", faults, signers);
    let prune = fields.optional("prune", faults, |node, faults| node.boolean("prune", faults));
    let on_drift = fields.optional("onDrift", faults, |node, faults| {
        node.word("onDrift", "what can be done about drift", ON_DRIFT, &[], faults)
    });
    let allow_settings =
        fields.optional("allowSettings", faults, |node, faults| node.boolean("allowSettings", faults));
    let webhook = fields.optional("webhook", faults, |node, faults| {
        let fields = Fields::of(node, &WEBHOOK, faults)?;
        let secret = fields.require("secret", faults).and_then(|node| secret(node, "secret", faults));
        Some(RepositoryWebhook { secret: secret? })
    });
    let (url, known_hosts) = (url?, known_hosts?.unwrap_or_default());
    if is_ssh(&url) && known_hosts.is_empty() && !fields.has_strangers() {
        let hint = "the lines that `ssh-keyscan HOST` prints, once you have compared them with what the operator of \
                    the host says";
        let message =
            "`knownHosts` is missing: a repository over SSH is only fetched from a host whose key is known";
        fields.fault(message.to_owned(), Some(hint.to_owned()), faults);
        return None;
    }
    Some(RepositorySpec {
        url,
        branch: branch?.unwrap_or_else(RepositorySpec::main),
        path: path?.flatten(),
        interval: interval?.unwrap_or_else(RepositorySpec::often),
        credential: credential?,
        known_hosts,
        ca_certificate: ca_certificate?,
        signed_by: signed_by?,
        prune: prune?.unwrap_or_default(),
        on_drift: on_drift?.unwrap_or_default(),
        allow_settings: allow_settings?.unwrap_or_default(),
        webhook: webhook?,
    })
}

/// Whether Git fetches from the URL over SSH.
fn is_ssh(url: &str) -> bool {
    url.starts_with("ssh://") || !url.contains("://")
}

/// A URL, which is shown to people: nothing secret may stand in it, and it is not repeated in faults.
fn url<'n>(node: &'n Node, faults: &mut Faults) -> Option<String> {
    let text: &'n str = short(node, "url", faults)?;
    let (scheme, rest) = text.split_once("://").unwrap_or(("ssh", text));
    let authority = match text.contains("://") {
        true => rest.split('/').next().unwrap_or_default(),
        false => rest.split_once(':').map_or("", |(authority, _)| authority),
    };
    let (user, host) =
        authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let hint = "https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH or file:///PATH".to_owned();
    let mut refuse = |message: &str, hint: String| {
        faults.add(node.place, message, Some(hint));
        None
    };
    if !matches!(scheme, "https" | "ssh" | "file") || text.contains(char::is_whitespace) {
        return refuse("`url` is not one that a repository can be fetched from", hint);
    }
    if scheme != "file" && (host.is_empty() || host.starts_with('-')) {
        return refuse("`url` names no host", hint);
    }
    if user.is_some_and(|user| user.contains(':') || scheme == "https" || user.starts_with('-')) {
        let hint = "name a Credential by `credential`: the URL is shown to everybody".to_owned();
        return refuse("no user name or password may stand in `url`", hint);
    }
    Some(text.to_owned())
}

/// The name of a branch, as Git takes them (git-check-ref-format).
fn branch(node: &Node, faults: &mut Faults) -> Option<String> {
    let text = short(node, "branch", faults)?;
    let sound =
        text.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock"))
            && !text.starts_with('-')
            && !text.ends_with('.')
            && !text.contains("..")
            && !text.contains("@{")
            && !text.contains(|c: char| c.is_whitespace() || c.is_control() || "~^:?*[\\".contains(c));
    if !sound {
        faults.add(node.place, "`branch` is not the name of a branch", None);
        return None;
    }
    Some(text.to_owned())
}

/// A folder in the repository; none where it is the whole.
fn path(node: &Node, faults: &mut Faults) -> Option<Option<String>> {
    let text = short(node, "path", faults)?;
    let text = text.strip_prefix("./").unwrap_or(text).trim_end_matches('/');
    if matches!(text, "" | ".") {
        return Some(None);
    }
    if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
        let hint = "a folder below the root of the repository, like `site/production`".to_owned();
        faults.add(node.place, "`path` leads out of the repository", Some(hint));
        return None;
    }
    Some(Some(text.to_owned()))
}

fn interval(node: &Node, faults: &mut Faults) -> Option<Span> {
    let span = node.span("interval", faults)?;
    let [least, most] = INTERVAL;
    if span.duration() < least || span.duration() > most {
        faults.add(node.place, "`interval` must be between 5s and 24h", None);
        return None;
    }
    Some(span)
}

fn signers(node: &Node, faults: &mut Faults) -> Option<CommitSigners> {
    let fields = Fields::of(node, &SIGNERS, faults)?;
    let ssh = fields.optional("ssh", faults, |node, faults| lines(node, "ssh", faults));
    let openpgp = fields.optional("openpgp", faults, |node, faults| {
        node.some_list("openpgp", MOST_KEYS, faults, |item, faults| {
            armored(item, "openpgp", "-----BEGIN PGP PUBLIC KEY BLOCK-----", faults)
        })
    });
    let (ssh, openpgp) = (ssh?.unwrap_or_default(), openpgp?.unwrap_or_default());
    if ssh.is_empty() && openpgp.is_empty() {
        if !fields.has_strangers() {
            let hint = "give the keys by `ssh` or `openpgp`, or leave `signedBy` out".to_owned();
            fields.fault(
                "`signedBy` names nobody, so that no commit could be applied".to_owned(),
                Some(hint),
                faults,
            );
        }
        return None;
    }
    Some(CommitSigners { ssh, openpgp })
}

/// Lines of one of OpenSSH's files: a host or signer, then a key.
fn lines(node: &Node, field: &'static str, faults: &mut Faults) -> Option<Vec<String>> {
    node.some_list(field, MOST_KEYS, faults, |item, faults| {
        let text = item.some_text(field, faults)?.trim();
        let words = text.split_whitespace().count();
        if text.contains(char::is_control) || words < 3 || text.len() > LONGEST_KEY {
            let hint =
                "one line: who it is, the type of the key, the key, like `git.example ssh-ed25519 AAAA...`";
            faults.add(item.place, format!("this is no line of `{field}`"), Some(hint.to_owned()));
            return None;
        }
        Some(text.to_owned())
    })
}

/// A text that begins as `begin` says.
fn armored(node: &Node, field: &'static str, begin: &str, faults: &mut Faults) -> Option<String> {
    let text = node.some_text(field, faults)?;
    if !text.trim_start().starts_with(begin) || text.len() > LONGEST_KEY {
        faults.add(node.place, format!("`{field}` must begin with {begin}"), None);
        return None;
    }
    Some(text.to_owned())
}

fn short<'n>(node: &'n Node, field: &'static str, faults: &mut Faults) -> Option<&'n str> {
    let text = node.some_text(field, faults)?;
    if text.len() > LONGEST_TEXT || text.contains(char::is_control) {
        let message = format!("`{field}` must be at most {LONGEST_TEXT} bytes of printable characters");
        faults.add(node.place, message, None);
        return None;
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use crate::{Manifest, parse_manifests};

    /// Parses a repository with a spec; the faults, joined, where it has any.
    fn check(spec: &str, wanted: Result<(), &str>) {
        let text = format!(
            "apiVersion: ironhand/v1\nkind: Repository\nmetadata: {{ name: site }}\nspec: {{ {spec} }}\n"
        );
        match (parse_manifests("test", &text), wanted) {
            (Ok(manifests), Ok(())) => assert!(matches!(manifests[..], [Manifest::Repository(_)])),
            (Err(faults), Err(wanted)) => {
                let told: Vec<String> =
                    faults.iter().map(|fault| format!("{fault} {:?}", fault.hint)).collect();
                let told = told.join("\n");
                assert!(told.contains(wanted), "{spec}: {told}");
                assert!(!told.contains("hunter2"), "{told}");
            }
            (found, _) => panic!("{spec}: {:?}", found.err()),
        }
    }

    #[test]
    fn urls_are_those_that_can_be_fetched_and_hold_no_secret() {
        let hosts = "knownHosts: ['git.example ssh-ed25519 AAAA']";
        check("url: 'https://git.example/ops/site.git'", Ok(()));
        check("url: 'https://git.example:8443/ops/site.git', interval: 5s", Ok(()));
        check("url: 'file:///srv/site'", Ok(()));
        check(&format!("url: 'ssh://git@git.example/ops/site.git', {hosts}"), Ok(()));
        check(&format!("url: 'git@git.example:ops/site.git', {hosts}"), Ok(()));
        check("url: 'git@git.example:ops/site.git'", Err("`knownHosts` is missing"));
        check(
            "url: 'https://op:hunter2@git.example/site'",
            Err("no user name or password may stand in `url`"),
        );
        check("url: 'https://hunter2@git.example/site'", Err("no user name or password"));
        check(&format!("url: 'ssh://op:hunter2@git.example/site', {hosts}"), Err("no user name or password"));
        check("url: 'http://git.example/site'", Err("not one that a repository can be fetched from"));
        check("url: 'ext::sh -c hunter2'", Err("not one that a repository can be fetched from"));
        check(&format!("url: 'ssh://-oProxyCommand=x/site', {hosts}"), Err("names no host"));
        check(&format!("url: '--upload-pack=x', {hosts}"), Err("names no host"));
        check("branch: main", Err("`url` is missing"));
    }

    #[test]
    fn branches_paths_and_intervals_have_bounds() {
        let check = |more: &str, wanted: Result<(), &str>| {
            check(&format!("url: 'https://git.example/site', {more}"), wanted);
        };
        check("branch: release/7.1, path: site/production/", Ok(()));
        check("path: '.'", Ok(()));
        for branch in ["-x", "a..b", "a b", "a:b", ".a", "a.lock", "a//b", "a~1", "@{u}", "*"] {
            check(&format!("branch: '{branch}'"), Err("`branch` is not the name of a branch"));
        }
        for path in ["../x", "/etc", "a/../../b", "a//b"] {
            check(&format!("path: '{path}'"), Err("`path` leads out of the repository"));
        }
        check("interval: 1s", Err("between 5s and 24h"));
        check("signedBy: {}", Err("names nobody"));
        check("signedBy: { ssh: [AAAA] }", Err("this is no line of `ssh`"));
        check(
            "signedBy: { openpgp: [hunter2] }",
            Err("must begin with -----BEGIN PGP PUBLIC KEY BLOCK-----"),
        );
        check("signedBy: { gpg: [a] }", Err("unknown field `gpg`"));
        check("caCertificate: hunter2", Err("must begin with -----BEGIN CERTIFICATE-----"));
        check("onDrift: mend", Err("`mend` is not what can be done about drift"));
        check("webhook: { secret: { hunter2: hunter2 } }", Err("unknown field in a reference to a secret"));
    }
}
