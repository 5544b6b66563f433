//! SELECTOR: host names, ranges like `rack7-[01-40]`, labels, or all.

use std::collections::HashSet;

use ironhand_api::{Host, LabelSelector, Name};
use ironhand_client::Client;

use crate::args;
use crate::exit::Failure;

/// The most names that one range may stand for: more is a slip of the pen.
const LARGEST_RANGE: usize = 100_000;

/// The names of the hosts that a command works on.
pub async fn selected(client: &Client, selector: &args::Selector) -> Result<Vec<Name>, Failure> {
    hosts(client, &selector.hosts, selector.selector.as_deref(), selector.all).await
}

/// The names of the hosts that a command works on, in the order given, or by name where labels select.
pub async fn hosts(
    client: &Client,
    names: &[String],
    labels: Option<&str>,
    all: bool,
) -> Result<Vec<Name>, Failure> {
    if names.is_empty() && labels.is_none() && !all {
        return Err(Failure::Usage {
            message: "no host is named".to_owned(),
            hint: Some(
                "name hosts or ranges like rack7-[01-40], or select with -l key=value or --all".to_owned(),
            ),
        });
    }
    if !names.is_empty() {
        if labels.is_some() || all {
            return Err(Failure::Usage {
                message: "hosts are named and selected at the same time".to_owned(),
                hint: Some("leave out the names, or -l and --all".to_owned()),
            });
        }
        return named(names);
    }
    let selector = label_selector(labels)?;
    let hosts: Vec<Host> = client.list(&selector).await?;
    if hosts.is_empty() {
        let reason = if all { "there is no host" } else { "no host has these labels" };
        return Err(Failure::NotFound(reason.to_owned()));
    }
    Ok(hosts.into_iter().map(|host| host.metadata.name).collect())
}

/// What names and ranges stand for. One that is named twice is meant once: nobody wants two power cycles.
pub fn named(words: &[String]) -> Result<Vec<Name>, Failure> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for word in words {
        for name in expand(word)? {
            let name = host_name(&name)?;
            if seen.insert(name.clone()) {
                found.push(name);
            }
        }
    }
    Ok(found)
}

/// Labels as written on the command line; everything where nothing is written.
pub fn label_selector(labels: Option<&str>) -> Result<LabelSelector, Failure> {
    labels.unwrap_or_default().parse().map_err(|error: ironhand_api::SelectorError| Failure::Usage {
        message: error.to_string(),
        hint: None,
    })
}

/// A host's name as written on the command line.
pub fn host_name(text: &str) -> Result<Name, Failure> {
    text.parse()
        .map_err(|error: ironhand_api::NameError| Failure::Usage { message: error.to_string(), hint: None })
}

/// Expands the brackets of a range: `a[1-3,7]` gives `a1`, `a2`, `a3`, `a7`; leading zeros keep their width.
pub fn expand(word: &str) -> Result<Vec<String>, Failure> {
    let wrong = |reason: &str| Failure::Usage {
        message: format!("`{word}`: {reason}"),
        hint: Some("write ranges like rack7-[01-40] or rack[1-3,7]-node[1-4]".to_owned()),
    };
    let Some((before, rest)) = word.split_once('[') else {
        return if word.contains(']') {
            Err(wrong("a bracket is closed that was not opened"))
        } else {
            Ok(vec![word.to_owned()])
        };
    };
    let (inside, after) = rest.split_once(']').ok_or_else(|| wrong("a bracket is not closed"))?;
    let tails = expand(after)?;
    let mut names = Vec::new();
    for part in inside.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.parse::<usize>().map_err(|_| wrong("brackets hold numbers"));
        let (from, to) = (number(first)?, number(last)?);
        if from > to {
            return Err(wrong("a range runs upwards"));
        }
        if (to - from).saturating_add(1).saturating_mul(tails.len())
            > LARGEST_RANGE - names.len().min(LARGEST_RANGE)
        {
            return Err(wrong("the range is too large"));
        }
        for number in from..=to {
            for tail in &tails {
                names.push(format!("{before}{number:0width$}{tail}", width = first.len()));
            }
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_expand() {
        let check = |word: &str, names: &[&str]| assert_eq!(expand(word).unwrap(), names, "{word}");
        check("node7", &["node7"]);
        check("rack7-[08-11]", &["rack7-08", "rack7-09", "rack7-10", "rack7-11"]);
        check("r[1-2]n[3,5]", &["r1n3", "r1n5", "r2n3", "r2n5"]);
        check("n[5]", &["n5"]);
    }

    #[test]
    fn a_host_named_twice_is_meant_once() {
        let words = ["n2", "n[1-3]", "n2"].map(str::to_owned);
        let names: Vec<_> = named(&words).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["n2", "n1", "n3"]);
    }

    #[test]
    fn wrong_ranges_say_why() {
        let check = |word: &str, reason: &str| {
            let message = expand(word).unwrap_err().to_string();
            assert!(message.contains(reason), "{word}: {message}");
        };
        check("a[1-", "not closed");
        check("a1]", "not opened");
        check("a[x-y]", "numbers");
        check("a[9-3]", "upwards");
        check("a[1-999999999]", "too large");
        check("a[1-1000]b[1-1000]", "too large");
        check("a[]", "numbers");
    }
}
