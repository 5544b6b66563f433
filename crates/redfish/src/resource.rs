//! Resources, and what is known of a controller's tree of them.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

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

    /// The paths of a collection's members on this page.
    pub fn members(&self) -> Vec<String> {
        self.links(&["Members"])
    }
}

/// The path that a link leads to: on this controller alone.
pub(crate) fn link(value: &Value) -> Option<&str> {
    value["@odata.id"].as_str().filter(|path| path.starts_with('/') && !path.starts_with("//"))
}

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

    /// Forgets a resource.
    pub fn remove(&mut self, path: &str) {
        self.resources.remove(key(path));
    }
}

/// Paths with and without a slash at their end are one (DSP0266 section 6.5).
fn key(path: &str) -> &str {
    path.trim_end_matches('/')
}
