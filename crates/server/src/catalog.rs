//! The flows with their patterns compiled: one immutable set, swapped as a whole when a flow changes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ironhand_api::{Flow, MatchEvidence, PictureDigest, Step, Timestamp, Verdict};
use ironhand_console::{Match, Page, Pattern, keys};
use tokio::sync::watch;

/// Where the set of flows is published; cheap to clone.
#[derive(Clone)]
pub(crate) struct Catalog {
    current: Arc<watch::Sender<Arc<FlowSet>>>,
}

/// Flows with their patterns compiled: what judges screens, in the server and without one.
#[derive(Default)]
pub struct FlowSet {
    flows: Vec<Compiled>,
    /// Every pattern of a `waitFor` or `verify`, by its text.
    patterns: HashMap<String, Pattern>,
}

struct Compiled {
    flow: Arc<Flow>,
    screen: Pattern,
    unless: Option<Pattern>,
}

/// A screen that patterns are tried on.
#[derive(Clone, Copy)]
pub struct Looked<'l> {
    /// The characters with their places.
    pub page: &'l Page,
    /// The whole text, for the evidence.
    pub text: &'l str,
    /// When the screen was seen.
    pub at: Timestamp,
    /// The picture that was read.
    pub picture: Option<&'l PictureDigest>,
}

impl Catalog {
    pub(crate) fn new(flows: Vec<Flow>) -> Self {
        Self { current: Arc::new(watch::Sender::new(Arc::new(FlowSet::compile(flows)))) }
    }

    /// Publishes another set of flows.
    pub(crate) fn replace(&self, flows: Vec<Flow>) {
        self.current.send_replace(Arc::new(FlowSet::compile(flows)));
    }

    /// The set of flows, as it changes.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<FlowSet>> {
        self.current.subscribe()
    }
}

impl FlowSet {
    /// Compiles what was checked when it was applied. A flow that an earlier release took and this one does not is left
    /// out, with a word in the log: it must not keep the others from working.
    pub fn compile(flows: Vec<Flow>) -> Self {
        let mut set = Self::default();
        for flow in flows {
            let faults = flow_faults(&flow);
            if !faults.is_empty() {
                tracing::error!(flow = %flow.metadata.name, error = faults.join("; "), "flow left out");
                continue;
            }
            for source in waited(&flow) {
                if let Ok(pattern) = Pattern::new(source) {
                    set.patterns.insert(source.to_owned(), pattern);
                }
            }
            let unless = flow.spec.when.unless.as_deref().map(Pattern::new).transpose();
            if let (Ok(screen), Ok(unless)) = (Pattern::new(&flow.spec.when.screen), unless) {
                set.flows.push(Compiled { flow: Arc::new(flow), screen, unless });
            }
        }
        let order = |compiled: &Compiled| {
            (-i64::from(compiled.flow.spec.priority), compiled.flow.metadata.name.clone())
        };
        set.flows.sort_by_key(order);
        set
    }

    /// The flows that may work on a host with these labels, the first to be taken first.
    pub(crate) fn selecting(&self, labels: &BTreeMap<String, String>) -> Vec<Arc<Flow>> {
        self.select(labels).map(|compiled| Arc::clone(&compiled.flow)).collect()
    }

    /// What each of those flows says of a screen.
    pub(crate) fn verdicts(&self, labels: &BTreeMap<String, String>, looked: &Looked<'_>) -> Vec<Verdict> {
        self.select(labels).map(|compiled| compiled.verdict(looked)).collect()
    }

    /// What every flow says of a screen, whichever hosts it selects.
    pub fn verdicts_on_any_host(&self, looked: &Looked<'_>) -> Vec<Verdict> {
        self.flows.iter().map(|compiled| compiled.verdict(looked)).collect()
    }

    /// Looks for the pattern of a `waitFor` or `verify`. A run keeps its flow as it was, so that a pattern may be asked
    /// for that no flow has any more.
    pub(crate) fn find(&self, source: &str, looked: &Looked<'_>) -> Option<MatchEvidence> {
        let found = match self.patterns.get(source) {
            Some(pattern) => pattern.find(looked.page),
            None => Pattern::new(source).ok()?.find(looked.page),
        };
        found.map(|found| evidence(found, looked))
    }

    fn select(&self, labels: &BTreeMap<String, String>) -> impl Iterator<Item = &Compiled> {
        self.flows.iter().filter(|compiled| compiled.flow.spec.select.matches(labels))
    }
}

impl Compiled {
    fn verdict(&self, looked: &Looked<'_>) -> Verdict {
        let flow = self.flow.metadata.name.clone();
        let Some(found) = self.screen.find(looked.page) else {
            let reason = format!("`{}` does not stand on the screen", self.screen.as_str());
            return Verdict { flow, applies: false, reason, evidence: None };
        };
        if let Some(unless) = &self.unless
            && let Some(barred) = unless.find(looked.page)
        {
            let reason =
                format!("`{}` stands in row {}, which rules it out", brief(&barred.text), barred.row + 1);
            return Verdict { flow, applies: false, reason, evidence: Some(evidence(barred, looked)) };
        }
        let reason = format!("`{}` stands in row {}", brief(&found.text), found.row + 1);
        Verdict { flow, applies: true, reason, evidence: Some(evidence(found, looked)) }
    }
}

/// The longest piece of a screen that a sentence quotes, in characters: most of a row.
const QUOTED: usize = 60;

/// The beginning of a matched text, for a sentence; the whole of it stands in the evidence.
fn brief(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let quoted: String = line.chars().take(QUOTED).collect();
    if quoted.len() < text.len() { format!("{} ...", quoted.trim_end()) } else { quoted }
}

fn evidence(found: Match, looked: &Looked<'_>) -> MatchEvidence {
    MatchEvidence {
        text: found.text,
        row: u32::try_from(found.row).unwrap_or(u32::MAX),
        column: u32::try_from(found.column).unwrap_or(u32::MAX),
        confidence: found.confidence,
        screen_text: looked.text.to_owned(),
        read_at: looked.at,
        picture: looked.picture.cloned(),
    }
}

/// The patterns that a run of the flow waits for.
fn waited(flow: &Flow) -> impl Iterator<Item = &str> {
    let steps = flow.spec.steps.iter().filter_map(|step| match step {
        Step::WaitFor(wait) => wait.screen.as_deref(),
        _ => None,
    });
    steps.chain(flow.spec.verify.screen.as_deref())
}

/// What in a flow cannot be, each fault with its field.
pub fn flow_faults(flow: &Flow) -> Vec<String> {
    let mut faults = Vec::new();
    let mut pattern = |field: String, source: Option<&String>| {
        if let Some(Err(error)) = source.map(|source| Pattern::new(source)) {
            faults.push(format!("{field}: {error}"));
        }
    };
    let spec = &flow.spec;
    pattern("spec.when.screen".to_owned(), Some(&spec.when.screen));
    pattern("spec.when.unless".to_owned(), spec.when.unless.as_ref());
    pattern("spec.verify.screen".to_owned(), spec.verify.screen.as_ref());
    for (index, step) in spec.steps.iter().enumerate() {
        if let Step::WaitFor(wait) = step {
            pattern(format!("spec.do[{index}].waitFor.screen"), wait.screen.as_ref());
        }
    }
    for (index, step) in spec.steps.iter().enumerate() {
        if let Step::Keys(written) = step
            && let Err(error) = keys::parse(written)
        {
            faults.push(format!("spec.do[{index}].keys: {error}"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(json: &str) -> Flow {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn faults_name_their_fields() {
        let broken = flow(
            r#"{"metadata":{"name":"broken"},"spec":{"when":{"screen":"(","unless":"["},
                "do":[{"keys":"<NoSuchKey>"},{"waitFor":{"screen":"*","timeout":"1s"}}],
                "verify":{"screen":"login:","timeout":"1s"}}}"#,
        );
        let found = flow_faults(&broken);
        let fields: Vec<_> = found.iter().filter_map(|fault| fault.split(':').next()).collect();
        assert_eq!(
            fields,
            ["spec.when.screen", "spec.when.unless", "spec.do[1].waitFor.screen", "spec.do[0].keys"]
        );
        assert!(Catalog::new(vec![broken]).watch().borrow().flows.is_empty());
    }

    #[test]
    fn verdicts_come_by_priority_with_their_reasons() {
        let set = FlowSet::compile(vec![
            flow(
                r#"{"metadata":{"name":"late"},"spec":{"when":{"screen":"press f1"},"do":[],
                    "verify":{"power":"on","timeout":"1s"}}}"#,
            ),
            flow(
                r#"{"metadata":{"name":"early"},"spec":{"priority":5,"when":{"screen":"press f1","unless":"setup"},
                    "do":[],"verify":{"power":"on","timeout":"1s"}}}"#,
            ),
            flow(
                r#"{"metadata":{"name":"others"},"spec":{"select":{"labels":{"rack":"8"}},"when":{"screen":"press"},
                    "do":[],"verify":{"power":"on","timeout":"1s"}}}"#,
            ),
        ]);
        assert_eq!(brief("RUN fsck MANUALLY.\n(initramfs)"), "RUN fsck MANUALLY. ...");
        let page = Page::from_text("Press F1 for setup");
        let picture = PictureDigest("aa".to_owned());
        let looked = Looked {
            page: &page,
            text: "Press F1 for setup",
            at: Timestamp::from_millis(7),
            picture: Some(&picture),
        };
        let verdicts = set.verdicts(&BTreeMap::new(), &looked);
        let brief: Vec<_> = verdicts.iter().map(|verdict| (verdict.flow.as_str(), verdict.applies)).collect();
        assert_eq!(brief, [("early", false), ("late", true)]);
        assert!(verdicts[0].reason.contains("`setup` stands in row 1"), "{}", verdicts[0].reason);
        assert_eq!(verdicts[1].evidence.as_ref().unwrap().picture, Some(picture));
    }
}
