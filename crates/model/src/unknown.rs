//! Screens that no flow recognises, put together by how alike they are.
//!
//! Of one fault, each host's screen differs in dates, addresses, serial numbers and the name of the host. What is left
//! without them is cut into words, and pairs of words that follow one another; two screens are alike where they share
//! most of these.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use ironhand_api::{Incident, Name, PictureDigest, Timestamp, UnknownScreen};

/// The share of words and pairs that two screens must have in common (their number in both, by that in either).
const ALIKE: f64 = 0.6;

/// Screens that are compared at most: each is compared with one of every group. The newest count.
const MOST_SCREENS: usize = 10_000;

/// Groups at most; screens beyond stand alone in none. Nobody reads more.
const MOST_GROUPS: usize = 500;

/// Words of one screen that are looked at: more than a screen of 200 by 80 characters usually holds.
const MOST_WORDS: usize = 2000;

/// What is looked at of a screen: hashes of its words and of pairs of them.
type Traits = BTreeSet<u64>;

/// A group of screens that are alike.
struct Group {
    traits: Traits,
    text: String,
    picture: Option<PictureDigest>,
    members: BTreeMap<Name, (u64, Timestamp)>,
}

/// Puts the open incidents with a screen that no flow recognises into groups of screens that are alike; the group with
/// the most hosts first. The order of `incidents` makes no difference.
pub fn unknown_screens(incidents: &[Incident]) -> Vec<UnknownScreen> {
    let mut shown: Vec<(&Incident, &str)> = incidents
        .iter()
        .filter(|incident| incident.closed_at.is_none())
        .filter_map(|incident| Some((incident, incident.unknown_screen.as_deref()?)))
        .collect();
    shown.sort_by_key(|(incident, _)| Reverse((incident.opened_at, incident.id)));
    shown.truncate(MOST_SCREENS);
    // The oldest first: what a group is about does not change as hosts join it.
    shown.reverse();
    let mut groups: Vec<Group> = Vec::new();
    for (incident, text) in shown {
        let traits = traits(text, &incident.host);
        let nearest = groups
            .iter_mut()
            .map(|group| (likeness(&group.traits, &traits), group))
            .filter(|(likeness, _)| *likeness >= ALIKE)
            .max_by(|(a, _), (b, _)| a.total_cmp(b));
        let member = (incident.id, incident.opened_at);
        if let Some((_, group)) = nearest {
            group.members.insert(incident.host.clone(), member);
        } else if groups.len() < MOST_GROUPS {
            let (text, picture) = (text.to_owned(), incident.last_picture.clone());
            let members = BTreeMap::from([(incident.host.clone(), member)]);
            groups.push(Group { traits, text, picture, members });
        }
    }
    groups.sort_by_key(|group| Reverse(group.members.len()));
    groups.into_iter().map(told).collect()
}

fn told(group: Group) -> UnknownScreen {
    let Group { text, picture, members, .. } = group;
    let since = members.values().map(|(_, since)| *since).min().unwrap_or_default();
    let (hosts, incidents) = members.into_iter().map(|(host, (incident, _))| (host, incident)).unzip();
    UnknownScreen { text, hosts, incidents, since, picture }
}

/// The share of traits that both have, of those that either has; two empty screens are alike.
fn likeness(one: &Traits, other: &Traits) -> f64 {
    let shared = one.intersection(other).count();
    let either = one.len() + other.len() - shared;
    if either == 0 { 1.0 } else { shared as f64 / either as f64 }
}

fn traits(text: &str, host: &Name) -> Traits {
    let words: Vec<String> = words(text, host).take(MOST_WORDS).collect();
    let pairs = words.windows(2).map(|pair| (&pair[0], Some(&pair[1])));
    words.iter().map(|word| (word, None)).chain(pairs).map(|trait_| hash(&trait_)).collect()
}

fn hash(value: &impl Hash) -> u64 {
    // The same in every process, as it has no random key.
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The words of a screen without what differs from host to host: each word with a digit counts as a number, the name of
/// the host as such, and frames and rules as nothing.
fn words(text: &str, host: &Name) -> impl Iterator<Item = String> {
    let host = host.as_str().to_lowercase();
    let cut = |c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_'));
    let words = text.to_lowercase();
    let words: Vec<String> = words
        .split(cut)
        .filter_map(|word| {
            let word = word.trim_matches(['-', '_']);
            if word.is_empty() {
                None
            } else if word == host {
                Some("{host}".to_owned())
            } else if is_number(word) {
                Some("{number}".to_owned())
            } else {
                Some(word.to_owned())
            }
        })
        .collect();
    // How many numbers stand in a row is chance.
    let mut before_was_number = false;
    words.into_iter().filter(move |word| {
        let number = word == "{number}";
        let keep = !(number && before_was_number);
        before_was_number = number;
        keep
    })
}

/// Whether a word is a number, an address, a serial number or a month: has a digit, is hexadecimal of eight digits or
/// more, or names a part of a date.
fn is_number(word: &str) -> bool {
    const DATES: &[&str] = &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mon", "tue",
        "wed", "thu", "fri", "sat", "sun", "utc", "cet", "am", "pm",
    ];
    let is_hex = word.len() >= 8 && word.chars().all(|c| c.is_ascii_hexdigit());
    word.chars().any(|c| c.is_ascii_digit()) || is_hex || DATES.contains(&word)
}

#[cfg(test)]
mod tests {
    use ironhand_api::IncidentState;

    use super::*;

    const PANIC: &str = "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\nCPU: 3 PID: 1 \
                         Comm: swapper/0 Not tainted 6.1.0-18-amd64 #1\nHardware name: ACME R740";
    const SETUP: &str = "Warning: the battery of the clock is low\nPress any key to enter setup, or wait";

    fn incident(id: u64, host: &str, text: &str) -> Incident {
        Incident {
            id,
            host: host.parse().unwrap(),
            cause: "ping has failed".into(),
            flow: None,
            state: IncidentState::NeedsHuman,
            reason: "no flow recognises the screen".into(),
            seen_well_at: None,
            opened_at: Timestamp::from_millis(1000 * i64::try_from(id).unwrap()),
            closed_at: None,
            attempts: 0,
            unknown_screen: Some(text.to_owned()),
            first_picture: None,
            last_picture: None,
        }
    }

    #[test]
    fn screens_that_differ_in_numbers_and_names_are_one() {
        let check = |one: &str, other: &str, alike: bool| {
            let incidents = [incident(1, "n1", one), incident(2, "n2", other)];
            assert_eq!(unknown_screens(&incidents).len() == 1, alike, "{one}\n{other}");
        };
        check(PANIC, PANIC, true);
        check(PANIC, &PANIC.replace("CPU: 3", "CPU: 17").replace("18-amd64", "22-amd64"), true);
        check("n1 login: error 17 at Mar 3", "n2 login: error 4 at Oct 12", true);
        check("link deadbeefcafe is down on n1", "link 0c42a1f07777 is down on n2", true);
        check(PANIC, SETUP, false);
        check(SETUP, "Press any key to boot from CD", false);
        check("", SETUP, false);
    }

    #[test]
    fn the_largest_group_comes_first_whatever_the_order() {
        let mut incidents: Vec<_> = (1..=17)
            .map(|id| incident(id, &format!("n{id}"), &PANIC.replace("PID: 1", &format!("PID: {id}"))))
            .collect();
        incidents.insert(0, incident(18, "m1", SETUP));
        let mut closed = incident(19, "m2", SETUP);
        closed.closed_at = Some(Timestamp::from_millis(1));
        incidents.push(closed);
        let groups = unknown_screens(&incidents);
        let sizes: Vec<_> = groups.iter().map(|group| group.hosts.len()).collect();
        assert_eq!(sizes, [17, 1]);
        assert_eq!((groups[0].since, groups[0].incidents.len()), (Timestamp::from_millis(1000), 17));
        incidents.reverse();
        assert_eq!(unknown_screens(&incidents), groups);
    }
}
