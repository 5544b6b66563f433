//! Settings of the firmware: as they are, and as they will be after the next start (DSP0268, Bios; DSP0266 section 9.10).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::etag::patch;
use crate::listing::number;
use crate::system::Place;
use crate::{Answer, Error, Method, Operation, Quirk, Request, Resource, Stop, Talk};

/// Names of attributes that an error tells of.
const MOST_NAMED: usize = 8;

/// The attributes of a machine's firmware, by their names. A value is a text, a number, a boolean, or null.
pub type Attributes = BTreeMap<String, Value>;

/// The settings of a machine's firmware.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bios {
    /// As the machine was started with them.
    pub attributes: Attributes,
    /// Those that will be other after the next start.
    pub pending: Attributes,
    /// The registry that tells which values each may have, by its name.
    pub registry: Option<String>,
}

impl Bios {
    /// What a person wrote as a value of an attribute, in the type that the attribute has now.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] where there is no such attribute, or it is a number or boolean and the text is none.
    pub fn value(&self, name: &str, text: &str) -> Result<Value, Error> {
        let Some(now) = self.attributes.get(name) else { return Err(unknown(&[name.to_owned()])) };
        let value = match now {
            Value::Bool(_) => match text {
                "true" => Some(json!(true)),
                "false" => Some(json!(false)),
                _ => None,
            },
            Value::Number(_) => text.parse::<i64>().ok().map(|number| json!(number)).or_else(|| {
                let value = json!(text);
                number(&value).map(|number| json!(number))
            }),
            _ => Some(json!(text)),
        };
        let kind = if now.is_boolean() { "true or false" } else { "a number" };
        let what = || format!("set the BIOS attribute {name} to {text:?}: it is {kind}");
        value.ok_or_else(|| Error::Unsupported { what: what() })
    }
}

/// Reads the settings of a machine's firmware.
///
/// # Errors
///
/// What [`Operation::perform`] says.
pub fn bios(talk: &mut Talk, place: &Place) -> Result<Bios, Stop> {
    let resource = read(talk, place)?;
    let attributes = attributes(&resource);
    let mut pending = match resource.link(SETTINGS) {
        None => Attributes::new(),
        Some(settings) => match talk.read(settings) {
            Ok(settings) => self::attributes(&settings),
            // A controller may show the place only while something is pending.
            Err(Stop::Failed(Error::Missing { .. })) => Attributes::new(),
            Err(stop) => return Err(stop),
        },
    };
    pending.retain(|name, value| attributes.get(name) != Some(value));
    let registry = resource.text(&["AttributeRegistry"]).map(str::to_owned);
    Ok(Bios { attributes, pending, registry })
}

/// Where the settings stand that will be.
const SETTINGS: &[&str] = &["@Redfish.Settings", "SettingsObject"];

/// The settings as the machine was started with them.
fn read(talk: &mut Talk, place: &Place) -> Result<Arc<Resource>, Stop> {
    let system = talk.get(&place.system)?;
    match system.link(&["Bios"]) {
        Some(bios) => talk.read(bios),
        None => Err(Error::Unsupported { what: "show the settings of the firmware".into() }.into()),
    }
}

fn attributes(resource: &Resource) -> Attributes {
    let shown = resource.at(&["Attributes"]).as_object().into_iter().flatten();
    let plain = shown.filter(|(_, value)| !value.is_array() && !value.is_object());
    plain.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn unknown(names: &[String]) -> Error {
    let named = names.iter().take(MOST_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(MOST_NAMED);
    let rest = if more > 0 { format!(" and {more} others") } else { String::new() };
    Error::Unsupported { what: format!("set BIOS attributes that it does not have: {named}{rest}") }
}

/// Settings that wait for the next start of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    /// The job that takes them over, where the controller needs one.
    pub job: Option<String>,
    /// Attributes that the controller took and does not show as pending: whether they hold shows after the start.
    pub unseen: Vec<String>,
}

/// Stages settings of the firmware for the next start of the machine.
#[derive(Clone, Debug)]
pub struct SetBios {
    /// The machine.
    pub place: Place,
    /// What to set. All of it is staged, or nothing.
    pub attributes: Attributes,
}

impl Operation for SetBios {
    type Output = Staged;

    fn perform(&self, talk: &mut Talk) -> Result<Staged, Stop> {
        let bios = read(talk, &self.place)?;
        let now = attributes(&bios);
        let strange: Vec<String> =
            self.attributes.keys().filter(|name| !now.contains_key(*name)).cloned().collect();
        if !strange.is_empty() {
            return Err(unknown(&strange).into());
        }
        let Some(settings) = bios.link(SETTINGS) else {
            let what = "stage settings of the firmware: it shows no place for them".to_owned();
            return Err(Error::Unsupported { what }.into());
        };
        let settings = match talk.read(settings) {
            Err(Stop::Failed(Error::Missing { path })) => {
                Arc::new(Resource { path, etag: None, value: Value::Null })
            }
            settings => settings?,
        };
        let answer = self.write(talk, &bios, &settings)?;
        if !answer.is_success() {
            let request = Request::with(Method::Patch, settings.path.clone(), Value::Null);
            return Err(answer.error(&request).into());
        }
        // The job ends when the machine has started: nothing waits for it here.
        let mut job = answer.location_path().map(str::to_owned);
        if job.is_none() && self.place.quirks.contains(Quirk::BiosJob) {
            job = self.make_job(talk, &settings.path)?;
        }
        let unseen = self.unseen(talk, &settings.path)?;
        Ok(Staged { job, unseen })
    }
}

impl SetBios {
    /// Writes the settings, with the time at which they are to hold where the controller knows of such times.
    fn write(&self, talk: &mut Talk, bios: &Resource, settings: &Resource) -> Result<Arc<Answer>, Stop> {
        let mut body = Map::new();
        body.insert("Attributes".to_owned(), json!(self.attributes));
        let times = bios.at(&["@Redfish.Settings", "SupportedApplyTimes"]).as_array();
        let knows_times = times.is_some_and(|times| times.iter().any(|time| time == "OnReset"));
        if knows_times {
            body.insert("@Redfish.SettingsApplyTime".to_owned(), json!({ "ApplyTime": "OnReset" }));
            let answer = patch(talk, settings, &Value::Object(body.clone()))?;
            if !matches!(answer.status, 400 | 422 | 501) {
                return Ok(answer);
            }
            body.remove("@Redfish.SettingsApplyTime");
        }
        patch(talk, settings, &Value::Object(body))
    }

    /// Makes the job that takes the settings over when the machine starts.
    fn make_job(&self, talk: &mut Talk, settings: &str) -> Result<Option<String>, Stop> {
        let manager = match &self.place.manager {
            Some(manager) => Some(talk.get(manager)?),
            None => None,
        };
        let jobs = manager.as_ref().and_then(|manager| {
            manager.link(&["Links", "Oem", "Dell", "Jobs"]).or_else(|| manager.link(&["Oem", "Dell", "Jobs"]))
        });
        let Some(jobs) = jobs else {
            let what = "make the job that takes staged settings over: they stay staged".to_owned();
            return Err(Error::Unsupported { what }.into());
        };
        let body = json!({ "TargetSettingsURI": settings });
        let answer = talk.done(Request::with(Method::Post, jobs, body))?;
        Ok(answer.location_path().map(str::to_owned))
    }

    /// Looks whether the settings show, and gives those that do not.
    fn unseen(&self, talk: &mut Talk, settings: &str) -> Result<Vec<String>, Stop> {
        let shown = match talk.read(settings) {
            Ok(shown) => attributes(&shown),
            Err(Stop::Failed(Error::Missing { .. })) => Attributes::new(),
            Err(stop) => return Err(stop),
        };
        let mut unseen = Vec::new();
        for (name, value) in &self.attributes {
            match shown.get(name) {
                Some(shown) if is_same(shown, value) => {}
                Some(Value::Null) | None => unseen.push(name.clone()),
                Some(shown) => {
                    let (what, seen) = (format!("the BIOS attribute {name}"), shown.to_string());
                    return Err(Error::NotKept { what, seen }.into());
                }
            }
        }
        Ok(unseen)
    }
}

/// Whether two values are one: numbers are also shown as texts.
fn is_same(shown: &Value, wanted: &Value) -> bool {
    shown == wanted || number(shown).is_some_and(|shown| Some(shown) == number(wanted))
}
