//! Which hosts something is about, as manifests say it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{HostHardware, LabelSelector, Name};

/// Which hosts a notifier is told of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Select {
    /// Labels that a host must carry, all of them.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

impl Select {
    /// Whether every host is selected.
    pub fn is_all(&self) -> bool {
        self.labels.is_empty()
    }

    /// Whether a host with these labels is selected.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
    }
}

/// Which hosts a flow may work on: everything that is given must be so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HostSelect {
    /// Labels that a host must carry; or a selector, like `role=web,rack!=7,!retired`.
    #[serde(skip_serializing_if = "Labels::is_all")]
    pub labels: Labels,
    /// Clusters of which it must be in one; all, and hosts without one, where empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "OneOrMany")]
    pub cluster: Vec<Name>,
    /// The same for zones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "OneOrMany")]
    pub zone: Vec<Name>,
    /// Vendors of which it must be of one, whatever the case; `*` stands for any characters. Hosts whose inventory was
    /// not read are of none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "OneOrManyTexts")]
    pub vendor: Vec<String>,
    /// The same for models.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "OneOrManyTexts")]
    pub model: Vec<String>,
}

/// Conditions on labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Labels {
    /// All of these.
    Exactly(BTreeMap<String, String>),
    /// As command lines write it.
    Selector(LabelSelector),
}

impl Labels {
    /// Whether every host is selected.
    pub fn is_all(&self) -> bool {
        match self {
            Self::Exactly(labels) => labels.is_empty(),
            Self::Selector(selector) => selector.is_all(),
        }
    }

    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        match self {
            Self::Exactly(wanted) => wanted.iter().all(|(key, value)| labels.get(key) == Some(value)),
            Self::Selector(selector) => selector.matches(labels),
        }
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self::Exactly(BTreeMap::new())
    }
}

impl std::fmt::Display for Labels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exactly(labels) => {
                let labels: Vec<String> =
                    labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
                f.write_str(&labels.join(","))
            }
            Self::Selector(selector) => selector.fmt(f),
        }
    }
}

/// One name or several, as manifests write them.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the shape of a schema")]
enum OneOrMany {
    One(Name),
    Many(Vec<Name>),
}

/// One text or several, as manifests write them.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the shape of a schema")]
enum OneOrManyTexts {
    One(String),
    Many(Vec<String>),
}

/// What a host is selected by.
#[derive(Clone, Copy, Debug)]
pub struct Whereabouts<'h> {
    /// Its labels.
    pub labels: &'h BTreeMap<String, String>,
    /// Its cluster.
    pub cluster: Option<&'h Name>,
    /// The zone of that.
    pub zone: Option<&'h Name>,
    /// What it is, where its inventory was read.
    pub hardware: Option<&'h HostHardware>,
}

impl HostSelect {
    /// Whether every host is selected.
    pub fn is_all(&self) -> bool {
        self.labels.is_all()
            && self.cluster.is_empty()
            && self.zone.is_empty()
            && self.vendor.is_empty()
            && self.model.is_empty()
    }

    /// Whether a host is selected.
    pub fn matches(&self, host: &Whereabouts<'_>) -> bool {
        let one_of = |wanted: &[Name], name: Option<&Name>| {
            wanted.is_empty() || name.is_some_and(|name| wanted.contains(name))
        };
        self.labels.matches(host.labels)
            && one_of(&self.cluster, host.cluster)
            && one_of(&self.zone, host.zone)
            && is_like(&self.vendor, host.hardware.and_then(|hardware| hardware.vendor.as_deref()))
            && is_like(&self.model, host.hardware.and_then(|hardware| hardware.model.as_deref()))
    }
}

/// Whether a text is like one of these, or nothing is asked for.
fn is_like(wanted: &[String], text: Option<&str>) -> bool {
    let like =
        |text: &str| wanted.iter().any(|glob| matches_glob(&glob.to_lowercase(), &text.to_lowercase()));
    wanted.is_empty() || text.is_some_and(like)
}

/// Whether a text is like `glob`, in which `*` stands for any characters: its pieces stand in this order, the first one
/// at the beginning and the last one at the end.
fn matches_glob(glob: &str, text: &str) -> bool {
    let Some((first, rest)) = glob.split_once('*') else { return glob == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for piece in middle.split('*') {
        let Some(at) = text.find(piece) else { return false };
        text = &text[at + piece.len()..];
    }
    text.ends_with(last)
}

impl std::fmt::Display for HostSelect {
    /// Which hosts, in words.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = Vec::new();
        if !self.labels.is_all() {
            parts.push(format!("with labels {}", self.labels));
        }
        for (what, names) in [("cluster", &self.cluster), ("zone", &self.zone)] {
            if !names.is_empty() {
                let names: Vec<&str> = names.iter().map(Name::as_str).collect();
                parts.push(format!("in {what} {}", names.join(" or ")));
            }
        }
        for (what, globs) in [("vendor", &self.vendor), ("model", &self.model)] {
            if !globs.is_empty() {
                parts.push(format!("of {what} {}", globs.join(" or ")));
            }
        }
        if parts.is_empty() { f.write_str("all hosts") } else { write!(f, "hosts {}", parts.join(" and ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_selected_by_labels_clusters_and_zones() {
        let labels = BTreeMap::from([("rack".to_owned(), "7".to_owned())]);
        let (cluster, zone): (Name, Name) = ("web".parse().unwrap(), "ams".parse().unwrap());
        let housed =
            Whereabouts { labels: &labels, cluster: Some(&cluster), zone: Some(&zone), hardware: None };
        let alone = Whereabouts { cluster: None, zone: None, ..housed };
        let check = |json: &str, words: &str, wanted: [bool; 2]| {
            let select: HostSelect = serde_json::from_str(json).expect("a selection");
            assert_eq!(select.to_string(), words);
            assert_eq!([select.matches(&housed), select.matches(&alone)], wanted, "{json}");
            let again = serde_json::to_string(&select).unwrap();
            assert_eq!(serde_json::from_str::<HostSelect>(&again).unwrap(), select, "{again}");
        };
        check("{}", "all hosts", [true, true]);
        check(r#"{ "labels": { "rack": "7" } }"#, "hosts with labels rack=7", [true, true]);
        check(r#"{ "labels": "rack!=7" }"#, "hosts with labels rack!=7", [false, false]);
        check(
            r#"{ "labels": "!retired", "zone": ["ams"] }"#,
            "hosts with labels !retired and in zone ams",
            [true, false],
        );
        check(r#"{ "cluster": ["db", "web"] }"#, "hosts in cluster db or web", [true, false]);
    }

    #[test]
    fn hosts_are_selected_by_what_they_are() {
        let labels = BTreeMap::new();
        let hardware = HostHardware {
            vendor: Some("Dell Inc.".to_owned()),
            model: Some("PowerEdge R740".to_owned()),
            ..HostHardware::default()
        };
        let read = Whereabouts { labels: &labels, cluster: None, zone: None, hardware: Some(&hardware) };
        let unread = Whereabouts { hardware: None, ..read };
        let check = |json: &str, words: &str, wanted: [bool; 2]| {
            let select: HostSelect = serde_json::from_str(json).expect("a selection");
            assert_eq!((select.to_string().as_str(), select.is_all()), (words, false));
            assert_eq!([select.matches(&read), select.matches(&unread)], wanted, "{json}");
        };
        check(r#"{ "vendor": ["dell*"] }"#, "hosts of vendor dell*", [true, false]);
        check(r#"{ "vendor": ["HPE", "Dell Inc."] }"#, "hosts of vendor HPE or Dell Inc.", [true, false]);
        check(r#"{ "vendor": ["Dell"] }"#, "hosts of vendor Dell", [false, false]);
        check(r#"{ "model": ["*edge*7*0"] }"#, "hosts of model *edge*7*0", [true, false]);
        check(r#"{ "model": ["*edge*8*"] }"#, "hosts of model *edge*8*", [false, false]);
        check(r#"{ "model": ["R740*R740"] }"#, "hosts of model R740*R740", [false, false]);
    }
}
