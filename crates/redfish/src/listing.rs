//! Collections as they are now, and what of them could not be had.
//!
//! A large machine has hundreds of resources, and seldom a controller that can show them all: one that fails is named and costs
//! the others nothing.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use serde_json::Value;

use crate::exchange::own_path;
use crate::resource::link;
use crate::root::root;
use crate::system::Place;
use crate::{Error, Quirk, Resource, Stop, Talk};

/// Pages that are read of the collections of one reading, all together.
const MOST_PAGES: usize = 200;

/// Members that are read of one collection, each by a request of its own: machines with 400 drives exist.
const MOST_MEMBERS: usize = 1024;

/// Entries that are read of one collection whose pages carry them whole, as logs do.
const MOST_ENTRIES: usize = 8192;

/// What was asked for, and what of it could not be had.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing<T> {
    /// What was found.
    pub items: Vec<T>,
    /// What could not be had.
    pub missing: Vec<Missing>,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self { items: Vec::new(), missing: Vec::new() }
    }
}

/// Something that could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Where it belongs.
    pub path: String,
    /// Why.
    pub reason: Error,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.reason)
    }
}

/// Whether a controller refuses everything, and not this alone.
fn is_of_all(error: &Error) -> bool {
    matches!(error, Error::Unauthorized | Error::PasswordChangeRequired { .. })
}

/// Reads resources as they are now. One that cannot be had goes among what is missing.
pub(crate) fn read_each(
    talk: &mut Talk,
    paths: &[String],
    missing: &mut Vec<Missing>,
) -> Result<Vec<Arc<Resource>>, Stop> {
    let read = talk.read_all(paths)?;
    let mut found = Vec::new();
    for (path, resource) in paths.iter().zip(read) {
        match resource {
            Ok(resource) => found.push(resource),
            Err(reason) => missing.push(Missing { path: path.clone(), reason }),
        }
    }
    Ok(found)
}

/// A resource that does not change, where it can be had.
pub(crate) fn get_one(
    talk: &mut Talk,
    path: Option<&str>,
    missing: &mut Vec<Missing>,
) -> Result<Option<Arc<Resource>>, Stop> {
    let Some(path) = path else { return Ok(None) };
    match talk.get(path) {
        Ok(resource) => Ok(Some(resource)),
        Err(Stop::Failed(reason)) if !is_of_all(&reason) => {
            missing.push(Missing { path: path.to_owned(), reason });
            Ok(None)
        }
        Err(stop) => Err(stop),
    }
}

/// Whether collections of a controller can be had with what is in their members, by one request.
pub(crate) fn expands(talk: &mut Talk, place: &Place) -> Result<bool, Stop> {
    if place.quirks.contains(Quirk::Expand) {
        return Ok(false);
    }
    let root = root(talk)?;
    let features = ["ProtocolFeaturesSupported", "ExpandQuery", "NoLinks"];
    Ok(root.resource.at(&features).as_bool() == Some(true))
}

/// Members of several collections, in the order of these, with the number of their collection.
pub(crate) type Members = Vec<(usize, Arc<Resource>)>;

/// Reads the members of collections as they are now, over all pages; those that a page carries whole need no request.
pub(crate) fn read_collections(
    talk: &mut Talk,
    collections: &[String],
    expand: bool,
    missing: &mut Vec<Missing>,
) -> Result<Members, Stop> {
    let mut reader =
        Reader { found: Vec::new(), seen: HashSet::new(), counts: vec![[0; 2]; collections.len()] };
    let mut open: Vec<(usize, String)> = collections.iter().cloned().enumerate().collect();
    if expand {
        let paths: Vec<String> = collections.iter().map(|path| expanded(path)).collect();
        // What a controller does not expand after all is asked for in the plain way.
        for (at, page) in talk.read_all(&paths)?.into_iter().enumerate() {
            if let Ok(page) = page {
                open.retain(|(open, _)| *open != at);
                open.extend(reader.take(at, &page).map(|next| (at, next)));
            }
        }
    }
    let mut pages = 0;
    while !open.is_empty() && pages < MOST_PAGES {
        pages += open.len();
        let paths: Vec<String> = open.iter().map(|(_, path)| path.clone()).collect();
        reader.seen.extend(paths.iter().cloned());
        let read = talk.read_all(&paths)?;
        let mut next = Vec::new();
        for ((at, path), page) in open.into_iter().zip(read) {
            match page {
                Ok(page) => next.extend(reader.take(at, &page).map(|path| (at, path))),
                Err(reason) => missing.push(Missing { path, reason }),
            }
        }
        open = next;
    }
    reader.finish(talk, missing)
}

/// A collection with what is in its members, but without what these lead to (DSP0266 section 7.3.1).
fn expanded(collection: &str) -> String {
    let sign = if collection.contains('?') { '&' } else { '?' };
    format!("{collection}{sign}$expand=.($levels=1)")
}

/// What the pages of collections have shown.
struct Reader {
    found: Vec<(usize, Found)>,
    /// Pages that were asked for, and members that have to be.
    seen: HashSet<String>,
    /// Of each collection, how many members must be asked for, and how many came whole.
    counts: Vec<[usize; 2]>,
}

/// A member of a collection.
enum Found {
    Whole(Arc<Resource>),
    At(String),
}

impl Reader {
    /// Takes the members of a page, and gives the next page.
    fn take(&mut self, collection: usize, page: &Resource) -> Option<String> {
        for member in page.value["Members"].as_array().into_iter().flatten() {
            let path = link(member);
            let is_whole =
                member.as_object().is_some_and(|member| member.keys().any(|name| !name.starts_with('@')));
            let found = match path {
                // An entry of a log is worth something also where it says not where it stands.
                _ if is_whole => Found::Whole(Arc::new(Resource {
                    path: path.unwrap_or(&page.path).to_owned(),
                    etag: member["@odata.etag"].as_str().map(str::to_owned),
                    value: member.clone(),
                })),
                Some(path) => Found::At(path.to_owned()),
                None => continue,
            };
            let (count, most) = match &found {
                Found::At(path) if !self.seen.insert(path.clone()) => continue,
                Found::At(_) => (&mut self.counts[collection][0], MOST_MEMBERS),
                Found::Whole(_) => (&mut self.counts[collection][1], MOST_ENTRIES),
            };
            *count += 1;
            if *count <= most {
                self.found.push((collection, found));
            }
        }
        let next = next_page(&page.value)?;
        (!self.seen.contains(next)).then(|| next.to_owned())
    }

    /// Reads the members that no page carried.
    fn finish(self, talk: &mut Talk, missing: &mut Vec<Missing>) -> Result<Members, Stop> {
        let mut paths: Vec<String> = Vec::new();
        let mut places = Vec::new();
        for (collection, found) in &self.found {
            if let Found::At(path) = found {
                paths.push(path.clone());
                places.push(*collection);
            }
        }
        let read = talk.read_all(&paths)?;
        let mut read = paths.into_iter().zip(read);
        let mut members = Vec::new();
        for (collection, found) in self.found {
            match found {
                Found::Whole(resource) => members.push((collection, resource)),
                Found::At(_) => match read.next() {
                    Some((_, Ok(resource))) => members.push((collection, resource)),
                    Some((path, Err(reason))) => missing.push(Missing { path, reason }),
                    None => {}
                },
            }
        }
        members.sort_by_key(|(collection, _)| *collection);
        Ok(members)
    }
}

/// The path of a collection's next page.
fn next_page(page: &Value) -> Option<&str> {
    own_path(page["Members@odata.nextLink"].as_str()?)
}

/// A text that says something: firmware fills what nobody set with words that look like values.
pub(crate) fn told(value: &Value) -> Option<&str> {
    const FILLERS: [&str; 12] = [
        "n/a",
        "na",
        "none",
        "null",
        "unknown",
        "not specified",
        "not available",
        "to be filled by o.e.m.",
        "default string",
        "empty",
        "not present",
        "system serial number",
    ];
    let text = value.as_str()?.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let is_filler = text.is_empty() || FILLERS.iter().any(|filler| text.eq_ignore_ascii_case(filler));
    let is_blank = text.bytes().all(|byte| matches!(byte, b'0' | b'.' | b'-' | b' ' | b'_' | b'x'));
    (!is_filler && !is_blank).then_some(text)
}

/// A number, also where a controller writes it as a text.
pub(crate) fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    number.is_finite().then_some(number)
}

/// A list of objects; what is not one is empty.
pub(crate) fn list_of<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten().filter(|entry| entry.is_object())
}

/// Numbers the names that several things of one kind have: both power supplies of a machine may be called "Power Supply".
pub(crate) fn tell_apart<'a, K: Eq + Hash>(names: impl Iterator<Item = (K, &'a mut String)>) {
    let mut seen: HashMap<(K, String), usize> = HashMap::new();
    for (kind, name) in names {
        let times = seen.entry((kind, name.clone())).or_default();
        *times += 1;
        if *times > 1 {
            *name = format!("{name} {times}");
        }
    }
}
