//! Pure crates know no sockets, files, clocks, randomness, threads or `async`.

use serde_json::Value;

use crate::tidy::crate_map::{self, Kind};
use crate::tidy::rust_code::{self, Token};
use crate::tidy::tree::{File, Tree};
use crate::tidy::{Finding, Rule};

const RULE: Rule = Rule {
    name: "pure-crates",
    why: "both ends of a protocol and every decision are tested on a virtual clock, with loss and reordering, and fuzzed",
    remedy: "take the time, the bytes or the source of randomness as an argument, and do the waiting in crates/server",
};

/// Folders below `crates/`.
const PURE: &[&str] = &[
    "api",
    "console",
    "dhcp",
    "gsm",
    "ipmi",
    "kvm",
    "media",
    "model",
    "recogniser",
    "redfish",
    "rfb",
    "tftp",
];

/// Paths that no product code of a pure crate names: the words of each occur in a row.
const FORBIDDEN_PATHS: &[&[&str]] = &[
    &["File", "create"],
    &["File", "open"],
    &["Instant", "now"],
    &["SystemTime", "now"],
    &["TcpListener"],
    &["TcpStream"],
    &["UdpSocket"],
    &["UnixDatagram"],
    &["UnixListener"],
    &["UnixStream"],
    &["async"],
    &["getrandom"],
    &["rand"],
    &["std", "env"],
    &["std", "fs"],
    &["std", "process"],
    &["std", "thread"],
    &["tokio"],
];

/// Dependencies whose purpose is input, output, time, randomness or waiting.
const FORBIDDEN_DEPENDENCIES: &[&str] = &[
    "async-std",
    "async-trait",
    "chrono",
    "futures",
    "futures-util",
    "getrandom",
    "hyper",
    "libc",
    "mio",
    "nix",
    "rand",
    "rand_core",
    "reqwest",
    "rustix",
    "smol",
    "socket2",
    "sqlx",
    "tempfile",
    "tokio",
    "tokio-util",
];

pub fn check(tree: &Tree, metadata: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in PURE {
        findings.extend(check_code(tree, &format!("crates/{name}")));
    }
    for dependency in crate_map::dependencies(metadata) {
        let is_pure = dependency.from.strip_prefix("crates/").is_some_and(|name| PURE.contains(&name));
        if is_pure
            && dependency.kind != Kind::Test
            && FORBIDDEN_DEPENDENCIES.contains(&dependency.name.as_str())
        {
            let path = format!("{}/Cargo.toml", dependency.from);
            findings.push(Finding {
                rule: &RULE,
                line: crate_map::line_of(tree, &path, &dependency.name),
                path,
                what: format!("a pure crate depends on `{}`", dependency.name),
            });
        }
    }
    findings
}

fn check_code(tree: &Tree, folder: &str) -> Vec<Finding> {
    let source = format!("{folder}/src/");
    let files: Vec<&File> =
        tree.files.iter().filter(|file| file.path.starts_with(&source) && file.is_any(&["rs"])).collect();
    let mut test_files = Vec::new();
    let mut product_files = Vec::new();
    for file in &files {
        let product = rust_code::product(file.text().unwrap_or_default());
        for name in &product.test_modules {
            test_files.push(format!("{}/{name}", module_folder(&file.path)));
        }
        product_files.push((file, product));
    }
    let is_test = |path: &str| {
        test_files.iter().any(|test| {
            path.strip_prefix(test.as_str()).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        })
    };
    let mut findings = Vec::new();
    for (file, product) in product_files {
        if !is_test(&file.path) {
            for (line, what) in forbidden(&product.tokens) {
                findings.push(Finding {
                    rule: &RULE,
                    path: file.path.clone(),
                    line: Some(line),
                    what: format!("`{what}` in a pure crate"),
                });
            }
        }
    }
    findings
}

/// Where the modules of the file at `path` are: `src/a.rs` has its own in `src/a/`, `src/lib.rs` in `src/`.
fn module_folder(path: &str) -> &str {
    ["/lib.rs", "/main.rs", "/mod.rs"]
        .iter()
        .find_map(|root| path.strip_suffix(root))
        .or_else(|| path.strip_suffix(".rs"))
        .unwrap_or(path)
}

fn forbidden(tokens: &[Token<'_>]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for path in rust_code::paths(tokens) {
        for forbidden in FORBIDDEN_PATHS {
            if path.words.windows(forbidden.len()).any(|words| words == *forbidden) {
                found.push((path.line, forbidden.join("::")));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::shown;

    fn check(files: &[(&str, &str)], expected: &[&str]) {
        let findings = check_code(&Tree::of(files), "crates/ipmi");
        assert_eq!(shown(&findings), expected, "{files:?}");
    }

    #[test]
    fn input_output_time_and_waiting_are_found() {
        for (code, expected) in [
            ("use std::net::UdpSocket;", "UdpSocket"),
            ("use std::{fmt, fs};", "std::fs"),
            ("fn a() { std::thread::spawn(b); }", "std::thread"),
            ("let now = std::time::Instant::now();", "Instant::now"),
            ("let now = SystemTime::now();", "SystemTime::now"),
            ("async fn a() {}", "async"),
            ("let a = async move { b };", "async"),
            ("use tokio::sync::mpsc;", "tokio"),
            ("rand::random::<u8>()", "rand"),
        ] {
            check(
                &[("crates/ipmi/src/lib.rs", code)],
                &[&format!("crates/ipmi/src/lib.rs:1 `{expected}` in a pure crate")],
            );
        }
    }

    #[test]
    fn values_tests_and_other_crates_are_free() {
        let anything = "use std::fs; fn a() { Instant::now(); }";
        for files in [
            &[("crates/ipmi/src/lib.rs", "use std::net::SocketAddr; use std::time::Instant; env!(\"A\");")][..],
            &[("crates/ipmi/src/lib.rs", "// tokio\nconst A: &str = \"std::fs\";")],
            &[("crates/ipmi/src/lib.rs", "#[cfg(test)] mod tests { use std::fs; }")],
            &[("crates/ipmi/src/a.rs", "#[cfg(test)] mod tests;"), ("crates/ipmi/src/a/tests.rs", anything)],
            &[
                ("crates/ipmi/src/lib.rs", "#[cfg(test)] mod pair;"),
                ("crates/ipmi/src/pair/link.rs", anything),
            ],
            &[("crates/ipmi/tests/peers.rs", anything)],
            &[("crates/ipmi/examples/bench.rs", anything)],
            &[("crates/server/src/lib.rs", anything)],
        ] {
            check(files, &[]);
        }
    }

    #[test]
    fn a_module_named_like_a_test_module_elsewhere_is_no_test() {
        check(
            &[
                ("crates/ipmi/src/a.rs", "#[cfg(test)] mod pair;"),
                ("crates/ipmi/src/pair.rs", "\nuse std::fs;"),
            ],
            &["crates/ipmi/src/pair.rs:2 `std::fs` in a pure crate"],
        );
    }
}
