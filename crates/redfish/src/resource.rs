//! Resources, and what is known of a controller's tree of them.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::exchange::own_path;

/// A resource as the controller showed it. What is missing or of another type than the schema says is read as absent:
/// controllers leave out required properties and answer null where a list belongs.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// The path that it was read from.
    pub path: String,
    /// Its entity tag, where the controller gave one.
    pub etag: Option<String>,
    /// Its properties.
    pub value: Value,
}

impl Resource {
    /// A property, by its names from the outside in.
    pub fn at(&self, names: &[&str]) -> &Value {
        names.iter().fold(&self.value, |value, name| &value[*name])
    }

    /// A text that is not empty.
    pub fn text(&self, names: &[&str]) -> Option<&str> {
        self.at(names).as_str().map(str::trim).filter(|text| !text.is_empty())
    }

    /// The path that a link leads to.
    pub fn link(&self, names: &[&str]) -> Option<&str> {
        link(self.at(names))
    }

    /// The paths that a list of links leads to.
    pub fn links(&self, names: &[&str]) -> Vec<String> {
        self.at(names).as_array().into_iter().flatten().filter_map(link).map(str::to_owned).collect()
    }

    /// Its identifier: its `Id`, or the last segment of its path where it shows none.
    pub fn id(&self) -> &str {
        let last = self.path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        self.text(&["Id"]).unwrap_or(last)
    }

    /// Where an action is asked for (DSP0266 section 7.12), by its name without `#`: `ComputerSystem.Reset`.
    pub fn action(&self, name: &str) -> Option<&str> {
        own_path(self.action_value(name)["target"].as_str()?)
    }

    /// What it says of an action.
    pub fn action_value(&self, name: &str) -> &Value {
        &self.value["Actions"][format!("#{name}").as_str()]
    }

    /// The paths of a collection's members on this page.
    pub fn members(&self) -> Vec<String> {
        self.links(&["Members"])
    }
}

/// The path that a link leads to: on this controller alone.
pub(crate) fn link(value: &Value) -> Option<&str> {
    own_path(value["@odata.id"].as_str()?)
}

/// Resources that are kept from one operation to the next. The largest machines have two thousand; a controller that
/// makes up names must not fill memory.
const MOST_KEPT: usize = 4096;

/// What is known of a controller's resources: those whose content does not change while it runs.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    resources: HashMap<String, Arc<Resource>>,
}

impl Tree {
    /// The resource at a path, where it is known.
    pub fn get(&self, path: &str) -> Option<&Arc<Resource>> {
        self.resources.get(key(path))
    }

    /// Keeps a resource.
    pub fn insert(&mut self, resource: Arc<Resource>) {
        self.resources.insert(key(&resource.path).to_owned(), resource);
    }

    /// Begins afresh where more is known than any controller is worth.
    pub(crate) fn bound(&mut self) {
        if self.resources.len() > MOST_KEPT {
            self.resources.clear();
        }
    }

    /// Forgets a resource.
    pub fn remove(&mut self, path: &str) {
        self.resources.remove(key(path));
    }
}

/// Paths with and without a slash at their end are one (DSP0266 section 6.5).
fn key(path: &str) -> &str {
    path.trim_end_matches('/')
}
