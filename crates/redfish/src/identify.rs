//! The light by which a machine is found in its rack (DSP0268: LocationIndicatorActive, and before it IndicatorLED).

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::etag::patch;
use crate::listing::read_each;
use crate::system::Place;
use crate::task::settle;
use crate::{Error, Method, Operation, Request, Resource, Stop, Talk};

/// How often is looked whether a change shows, and how long is waited between.
const LOOKS: u32 = 3;
const LOOK_PAUSE: Duration = Duration::from_secs(2);

/// The properties that stand for the light, the newer one first.
const PROPERTIES: [&str; 2] = ["LocationIndicatorActive", "IndicatorLED"];

/// Whether the light is on; none where the controller shows no light.
///
/// # Errors
///
/// What [`Operation::perform`] says.
pub fn indicator(talk: &mut Talk, place: &Place) -> Result<Option<bool>, Stop> {
    let holders = holders(talk, place)?;
    let by = |property| {
        let shown: Vec<bool> = holders.iter().filter_map(|holder| is_on(holder, property)).collect();
        (!shown.is_empty()).then(|| shown.contains(&true))
    };
    // The older property stands for other lights too on controllers that have both.
    Ok(PROPERTIES.into_iter().find_map(by))
}

/// Switches the light on or off.
#[derive(Clone, Debug)]
pub struct SetIndicator {
    /// The machine.
    pub place: Place,
    /// On, or off.
    pub on: bool,
}

impl Operation for SetIndicator {
    type Output = ();

    fn perform(&self, talk: &mut Talk) -> Result<(), Stop> {
        let holders = holders(talk, &self.place)?;
        let mut last = Error::Unsupported { what: "switch a light of the machine".to_owned() };
        for (holder, property) in lights(&holders) {
            for word in self.words(property) {
                let answer = patch(talk, holder, &json!({ property: word }))?;
                if answer.is_success() {
                    settle(talk, &answer)?;
                    match self.read_back(talk, &holder.path, property)? {
                        None => return Ok(()),
                        Some(error) => last = error,
                    }
                    continue;
                }
                let request = Request::with(Method::Patch, holder.path.clone(), Value::Null);
                last = answer.error(&request);
                // A property that is shown may be one that cannot be written, or not with this word.
                if !matches!(answer.status, 400 | 404 | 405 | 422 | 501) {
                    return Err(last.into());
                }
            }
        }
        Err(last.into())
    }
}

impl SetIndicator {
    /// What to write.
    fn words(&self, property: &str) -> Vec<Value> {
        match (property, self.on) {
            ("IndicatorLED", true) => vec![json!("Blinking"), json!("Lit")],
            ("IndicatorLED", false) => vec![json!("Off")],
            (_, on) => vec![json!(on)],
        }
    }

    /// Looks whether the change shows, and gives what is wrong where it does not.
    fn read_back(&self, talk: &mut Talk, path: &str, property: &str) -> Result<Option<Error>, Stop> {
        let mut look = 1;
        loop {
            let shown = talk.read(path)?;
            if is_on(&shown, property) == Some(self.on) {
                return Ok(None);
            }
            if look == LOOKS {
                let (what, seen) = ("the light".to_owned(), shown.at(&[property]).to_string());
                return Ok(Some(Error::NotKept { what, seen }));
            }
            look += 1;
            talk.pause(LOOK_PAUSE)?;
        }
    }
}

/// The resources that may have a light, as they are now.
fn holders(talk: &mut Talk, place: &Place) -> Result<Vec<Arc<Resource>>, Stop> {
    // A case that cannot be read may still leave the machine's own light.
    let mut missing = Vec::new();
    let mut holders = vec![talk.read(&place.system)?];
    let chassis: Vec<String> = place.chassis.iter().cloned().collect();
    holders.extend(read_each(talk, &chassis, &mut missing)?);
    Ok(holders)
}

/// Where lights are shown, the newer property first.
fn lights(holders: &[Arc<Resource>]) -> impl Iterator<Item = (&Resource, &'static str)> {
    let each = |property| holders.iter().map(move |holder| (holder.as_ref(), property));
    PROPERTIES.into_iter().flat_map(each).filter(|(holder, property)| is_on(holder, property).is_some())
}

/// Whether the light is on by a property, where that shows it.
fn is_on(resource: &Resource, property: &str) -> Option<bool> {
    match resource.at(&[property]) {
        Value::Bool(on) => Some(*on),
        Value::String(word) => match word.as_str() {
            "Lit" | "Blinking" => Some(true),
            "Off" => Some(false),
            _ => None,
        },
        _ => None,
    }
}
