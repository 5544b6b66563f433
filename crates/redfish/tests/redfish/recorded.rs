//! Controllers that answer as it is written down in `testdata/redfish`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ironhand_redfish::{
    Answer, Body, Error, Method, Operation, Place, Question, Request, Run, Talk, Token, Tree, Turn, locate,
};
use serde_json::{Map, Value, json};

/// Turns after which an operation of a test is taken for endless.
const MOST_TURNS: usize = 20_000;

/// A controller, and what it was asked.
#[derive(Debug)]
pub struct Recorded {
    pages: BTreeMap<String, Value>,
    tree: Tree,
    /// The requests, as `GET /redfish/v1/`.
    pub asked: Vec<String>,
    /// The requests that had a body, with it.
    pub sent: Vec<(String, Value)>,
    /// How long the operations waited.
    pub waited: Duration,
}

impl Recorded {
    /// The controller of a file below `testdata/redfish`: `dell/idrac9`.
    pub fn load(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/redfish");
        let text = std::fs::read(folder.join(format!("{name}.json"))).expect("the recording is there");
        Self::of(serde_json::from_slice(&text).expect("the recording is JSON"))
    }

    /// All of them, by their names.
    pub fn names() -> Vec<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/redfish");
        let list = |folder: &Path| -> Vec<PathBuf> {
            let entries = std::fs::read_dir(folder).expect("the folder can be listed");
            entries.map(|entry| entry.expect("the folder can be listed").path()).collect()
        };
        let vendors = list(&folder).into_iter().filter(|path| path.is_dir());
        let files = vendors.flat_map(|vendor| list(&vendor));
        let name = |file: PathBuf| {
            let name = file.strip_prefix(&folder).expect("it is below").with_extension("");
            name.to_str().expect("a name").to_owned()
        };
        files.map(name).collect()
    }

    /// A controller with these pages.
    pub fn of(pages: Value) -> Self {
        let Value::Object(pages) = pages else { panic!("the pages of a controller are an object") };
        let pages = pages.into_iter().map(|(path, page)| (key(&path), page)).collect();
        let (asked, sent, waited) = (Vec::new(), Vec::new(), Duration::ZERO);
        Self { pages, tree: Tree::default(), asked, sent, waited }
    }

    /// The paths that can be read.
    pub fn paths(&self) -> Vec<String> {
        self.pages.keys().filter(|path| path.starts_with('/')).cloned().collect()
    }

    /// What is read at a path.
    pub fn body(&self, path: &str) -> &Value {
        &self.pages[&key(path)]["body"]
    }

    /// What is written down of a path, or of a method and a path.
    pub fn page_of(&self, path: &str) -> &Value {
        &self.pages[&key(path)]
    }

    /// Gives properties of what is read at a path other values.
    pub fn merge(&mut self, path: &str, change: Value) -> &mut Self {
        let page = self.pages.entry(key(path)).or_insert_with(|| json!({ "body": {} }));
        merge(&mut page["body"], &change);
        self
    }

    /// Answers a path, or a method and a path, in this way from now on.
    pub fn page(&mut self, path: &str, page: Value) -> &mut Self {
        self.pages.insert(key(path), page);
        self
    }

    /// Has nothing at a path any more.
    pub fn without(&mut self, path: &str) -> &mut Self {
        self.pages.remove(&key(path));
        self
    }

    /// Plays an operation to its end; what it learnt is known to the next one.
    pub fn play<O: Operation>(&mut self, operation: O) -> Result<O::Output, Error> {
        self.play_with(operation, |_, _| None)
    }

    /// Plays an operation to its end on a controller that answers as `habit` does, and as it is written down where that says
    /// nothing.
    pub fn play_with<O: Operation>(
        &mut self,
        operation: O,
        mut habit: impl FnMut(&mut Self, &Request) -> Option<Answer>,
    ) -> Result<O::Output, Error> {
        let mut run = Run::new(operation, std::mem::take(&mut self.tree));
        for _ in 0..MOST_TURNS {
            match run.next_turn() {
                Turn::Done(result) => {
                    self.tree = run.into_tree();
                    return result;
                }
                Turn::Wait(time) => self.waited += time,
                Turn::Ask(questions) => {
                    for Question { id, request } in questions {
                        let answer = match habit(self, &request) {
                            Some(answer) => {
                                self.note(&request);
                                answer
                            }
                            None => self.answer(&request),
                        };
                        run.answer(id, answer);
                    }
                }
            }
        }
        panic!("the operation does not end; its last requests: {:?}", self.asked.iter().rev().take(5));
    }

    /// The machine of the controller, and what the controller is. What it took to find it is not among what was asked.
    pub fn place(&mut self) -> Place {
        let place = self.play(|talk: &mut Talk| locate(talk, None)).expect("the machine is found");
        self.asked.clear();
        place
    }

    /// Forgets what the operations before have learnt and asked.
    pub fn afresh(&mut self) -> &mut Self {
        self.tree = Tree::default();
        self.asked.clear();
        self.sent.clear();
        self
    }

    fn note(&mut self, request: &Request) -> String {
        let name = format!("{} {}", request.method.as_str(), key(&request.path));
        self.asked.push(request.named());
        self.sent.extend(request.body.clone().map(|body| (name.clone(), body)));
        name
    }

    /// What it answers to a request. A change of a resource that is there is taken where nothing else is written down.
    pub fn answer(&mut self, request: &Request) -> Answer {
        let path = key(&request.path);
        let name = self.note(request);
        let page = match request.method {
            Method::Get => self.pages.get(&path),
            _ => self.pages.get(&name),
        };
        if let Some(page) = page.cloned() {
            if !is_as_demanded(&page["demands"], request.body.as_ref()) {
                return answer(&page["demands"]["else"]);
            }
            for (path, change) in page["then"].as_object().into_iter().flatten() {
                self.merge(path, change.clone());
            }
            return answer(&page);
        }
        match (request.method, &request.body) {
            (Method::Patch, Some(change)) if self.pages.contains_key(&path) => {
                let change = change.clone();
                self.merge(&path, change);
                Answer::new(204, b"")
            }
            _ => Answer::new(404, b""),
        }
    }
}

/// Whether the body of a request has the properties that a page wants with it, and none that it wants it without.
fn is_as_demanded(demands: &Value, body: Option<&Value>) -> bool {
    let has =
        |name: &Value| name.as_str().is_some_and(|name| body.is_some_and(|body| body.get(name).is_some()));
    let names = |list: &str| demands[list].as_array().cloned().unwrap_or_default();
    let is_body = demands["body"].as_bool().is_none_or(|wanted| wanted == body.is_some());
    is_body && names("with").iter().all(has) && !names("without").iter().any(has)
}

/// Paths with and without a slash at their end are one.
fn key(path: &str) -> String {
    path.trim_end_matches('/').to_owned()
}

fn answer(page: &Value) -> Answer {
    let headers = page["headers"].as_object().cloned().unwrap_or_default();
    let header = |name: &str| {
        let value = headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        value.and_then(|(_, value)| value.as_str()).map(str::to_owned)
    };
    let status = page["status"].as_u64().unwrap_or(200);
    let plain = match &page["body"] {
        Value::String(text) => Answer::new(0, text.as_bytes()),
        Value::Null => Answer::new(0, b""),
        body => Answer { body: Body::Json(body.clone()), ..Answer::new(0, b"") },
    };
    Answer {
        status: u16::try_from(status).expect("a status"),
        etag: header("ETag"),
        location: header("Location"),
        token: header("X-Auth-Token").map(Token::new),
        retry_after: header("Retry-After").and_then(|time| time.parse().ok()).map(Duration::from_secs),
        ..plain
    }
}

/// As RFC 7396 merges, but a null stays: controllers answer with it.
fn merge(value: &mut Value, change: &Value) {
    let (Value::Object(value), Value::Object(change)) = (&mut *value, change) else {
        *value = change.clone();
        return;
    };
    for (name, change) in change {
        match value.get_mut(name) {
            Some(old) if old.is_object() => merge(old, change),
            _ => drop(value.insert(name.clone(), change.clone())),
        }
    }
}

#[test]
fn every_recording_is_a_tree_of_one_controller() {
    let names = Recorded::names();
    assert!(names.len() >= 26, "there are {} recordings", names.len());
    for name in names {
        let recorded = Recorded::load(&name);
        assert!(recorded.pages.contains_key("/redfish/v1"), "{name} has no root");
        for (path, page) in recorded.pages.iter().filter(|(path, _)| path.starts_with('/')) {
            let known: Map<String, Value> = page.as_object().cloned().expect("a page is an object");
            for property in known.keys() {
                let known = ["status", "headers", "body", "then", "demands"].contains(&property.as_str());
                assert!(known, "{name}: {path} has a {property}");
            }
        }
    }
}

#[test]
fn a_recording_answers_and_takes_changes() {
    let system = "/redfish/v1/Systems/1";
    let mut recorded = Recorded::load("supermicro/x13");
    assert_eq!(recorded.body(system)["PowerState"], "On");
    assert!(recorded.paths().iter().any(|path| path == system));
    recorded.merge(system, json!({ "PowerState": "Off" }));
    recorded.page("/busy", json!({ "status": 503, "headers": { "retry-after": "7" }, "body": "<html>" }));

    let seen = recorded.play(|talk: &mut Talk| {
        talk.done(Request::with(Method::Post, format!("{system}/Actions/ComputerSystem.Reset"), json!({})))?;
        talk.done(Request::with(Method::Patch, system, json!({ "AssetTag": "a1" })))?;
        talk.pause(Duration::from_secs(2))?;
        let seen = talk.read(&format!("{system}/"))?;
        Ok((seen.text(&["PowerState"]).map(str::to_owned), seen.text(&["AssetTag"]).map(str::to_owned)))
    });
    assert_eq!(seen, Ok((Some("On".to_owned()), Some("a1".to_owned()))));
    assert_eq!((recorded.asked.len(), recorded.sent.len(), recorded.waited.as_secs()), (3, 2, 2));

    let busy = recorded.play(|talk: &mut Talk| talk.get("/busy"));
    assert!(matches!(busy, Err(Error::Busy { .. })), "{busy:?}");
    assert!(recorded.waited >= Duration::from_secs(2 + 7));
    recorded.afresh().without(system);
    let gone = recorded.play(|talk: &mut Talk| talk.get("/redfish/v1/Systems/1"));
    assert_eq!(gone, Err(Error::Missing { path: system.to_owned() }));
}
