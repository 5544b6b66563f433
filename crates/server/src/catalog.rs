//! The flows with their patterns compiled: one immutable set, swapped as a whole when a flow changes.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use ironhand_api::{
    Condition, Flow, MatchEvidence, Name, PictureDigest, Region, ScreenKind, ScreenPattern, Span, Step,
    Timestamp, Verdict, Whereabouts,
};
use ironhand_console::{Candidates, Match, Page, Pattern, PatternSet, Searchable};
use ironhand_model::{Circumstances, HostFacts, LinkFault, Sight, link, verdict};
use tokio::sync::watch;

use crate::console::keys_of_flow;
use crate::{outreach, template};

/// Where the set of flows is published; cheap to clone.
#[derive(Clone)]
pub(crate) struct Catalog {
    current: Arc<watch::Sender<Arc<FlowSet>>>,
}

/// Flows with their patterns compiled: what judges screens, in the server and without one.
#[derive(Default)]
pub struct FlowSet {
    /// The first to be taken first.
    flows: Vec<Arc<Flow>>,
    /// Every pattern of every flow.
    patterns: PatternSet,
    /// Whether a flow asks for more than what stands on the screen.
    beyond_picture: bool,
    /// The flows as they were applied, in which nothing is at fault.
    sound: BTreeMap<Name, Flow>,
}

/// A screen prepared for the patterns of a set.
struct Screen {
    text: Searchable,
    candidates: Candidates,
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
        let before = Arc::clone(&self.current.borrow());
        self.current.send_replace(Arc::new(FlowSet::compile_after(flows, &before)));
    }

    /// The set of flows, as it changes.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<FlowSet>> {
        self.current.subscribe()
    }
}

impl FlowSet {
    /// Compiles what was checked when it was applied. A flow that an earlier release took and this one does not, or that
    /// calls one which is gone, is left out, with a word in the log: it must not keep the others from working.
    pub fn compile(flows: Vec<Flow>) -> Self {
        Self::compile_after(flows, &Self::default())
    }

    /// As [`Self::compile`], without checking and compiling again what is the same in `before`: where many flows are applied one
    /// after the other, each makes a set.
    fn compile_after(flows: Vec<Flow>, before: &Self) -> Self {
        let mut set = Self::default();
        let named = by_name(&flows);
        for flow in &flows {
            let is_sound = before.sound.get(&flow.metadata.name) == Some(flow);
            let mut faults = if is_sound { Vec::new() } else { flow_faults(flow) };
            if faults.is_empty() {
                set.sound.insert(flow.metadata.name.clone(), flow.clone());
            }
            let linked = link(flow, &named).map_err(|fault| faults.push(fault.to_string()));
            let Some(flow) = linked.ok().filter(|_| faults.is_empty()) else {
                tracing::error!(flow = %flow.metadata.name, error = faults.join("; "), "flow left out");
                continue;
            };
            each_pattern(&flow, &mut |_, source| {
                // What does not compile is a fault of the flow.
                let _ = set.patterns.add_again(source, &before.patterns);
            });
            set.beyond_picture |= flow.spec.when.condition.asks_beyond_picture();
            set.flows.push(Arc::new(flow));
        }
        set.patterns = std::mem::take(&mut set.patterns).prepared();
        set.flows.sort_by_key(|flow| (-i64::from(flow.spec.priority), flow.metadata.name.clone()));
        set
    }

    /// Whether what the flows say of a picture may change while it stands.
    pub(crate) fn asks_beyond_picture(&self) -> bool {
        self.beyond_picture
    }

    /// Whether a flow may work on a host.
    pub(crate) fn select_any(&self, host: &Whereabouts<'_>) -> bool {
        self.select(host).next().is_some()
    }

    /// Whether one of them asks for what the event log of its controller says.
    pub(crate) fn ask_event_log(&self, host: &Whereabouts<'_>) -> bool {
        self.select(host).any(|flow| asks(flow, Condition::asks_event_log))
    }

    /// Whether one of them asks for what the host writes on its serial console.
    pub(crate) fn ask_serial(&self, host: &Whereabouts<'_>) -> bool {
        self.select(host).any(|flow| asks(flow, Condition::asks_serial))
    }

    /// How often those that say so want a calm host to be looked at.
    pub(crate) fn look_every(&self, host: &Whereabouts<'_>) -> Option<Duration> {
        self.select(host).filter_map(|flow| flow.spec.look_every).map(Span::duration).min()
    }

    /// The flows that may work on a host, the first to be taken first.
    pub(crate) fn selecting(&self, host: &Whereabouts<'_>) -> Vec<Arc<Flow>> {
        self.select(host).cloned().collect()
    }

    /// What each of those flows says of a screen of a host of which `facts` are believed.
    pub(crate) fn verdicts(
        &self,
        host: &Whereabouts<'_>,
        facts: &HostFacts,
        looked: &Looked<'_>,
    ) -> Vec<Verdict> {
        let screen = self.screen(looked);
        let find = |pattern: &ScreenPattern| self.find_on(pattern, looked, &screen);
        let sight = Sight::of(facts, &find);
        self.select(host).map(|flow| verdict(flow, &sight)).collect()
    }

    /// What every flow says of a screen alone, whichever hosts it selects.
    pub fn verdicts_on_any_host(
        &self,
        kind: ScreenKind,
        around: &Circumstances,
        looked: &Looked<'_>,
    ) -> Vec<Verdict> {
        let screen = self.screen(looked);
        let find = |pattern: &ScreenPattern| self.find_on(pattern, looked, &screen);
        self.verdicts_by(&Sight::of_example(Some((kind, &find)), around))
    }

    /// What every flow says where no screen is seen, whichever hosts it selects.
    pub fn verdicts_without_screen(&self, around: &Circumstances) -> Vec<Verdict> {
        self.verdicts_by(&Sight::of_example(None, around))
    }

    fn verdicts_by(&self, sight: &Sight<'_>) -> Vec<Verdict> {
        self.flows.iter().map(|flow| verdict(flow, sight)).collect()
    }

    /// Looks for the pattern of a `waitFor` or `verify`. A run keeps its flow as it was, so that a pattern may be asked
    /// for that no flow has any more.
    pub(crate) fn find(&self, pattern: &ScreenPattern, looked: &Looked<'_>) -> Option<MatchEvidence> {
        self.find_on(pattern, looked, &self.screen(looked))
    }

    fn screen(&self, looked: &Looked<'_>) -> Screen {
        let text = looked.page.searchable();
        Screen { candidates: self.patterns.candidates(&text), text }
    }

    fn find_on(&self, wanted: &ScreenPattern, looked: &Looked<'_>, screen: &Screen) -> Option<MatchEvidence> {
        let compiled;
        let pattern = match self.patterns.get(wanted.source()) {
            Some(pattern) if self.patterns.may_match(wanted.source(), &screen.candidates) => pattern,
            Some(_) => return None,
            None => {
                compiled = Pattern::new(wanted.source()).ok()?;
                &compiled
            }
        };
        let region = wanted.region();
        let found = if region.is_whole() {
            pattern.find_on(&screen.text)?
        } else {
            find_within(pattern, region, looked.page)?
        };
        Some(evidence(found, looked))
    }

    fn select(&self, host: &Whereabouts<'_>) -> impl Iterator<Item = &Arc<Flow>> {
        self.flows.iter().filter(|flow| flow.spec.select.matches(host))
    }
}

/// Finds a pattern in a part of a page, and tells its place on the whole.
fn find_within(pattern: &Pattern, region: Region, page: &Page) -> Option<Match> {
    let (height, width) = page.extent();
    let rows = region.rows.map_or(0..height, |range| cells(range, height));
    let columns = region.columns.map_or(0..width, |range| cells(range, width));
    let (above, left) = (rows.start, columns.start);
    let found = pattern.find(&page.part(rows, columns))?;
    Some(Match { row: found.row + above, column: found.column + left, ..found })
}

/// The cells, from 0, of a range that counts from 1 or, negative, from the end.
fn cells([first, last]: [i16; 2], length: usize) -> Range<usize> {
    let place = |number: i16| {
        let from_start = usize::from(number.unsigned_abs());
        if number > 0 { from_start } else { (length + 1).saturating_sub(from_start) }
    };
    place(first).saturating_sub(1)..place(last)
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
        // Groups without a name are known by their numbers, which nobody asked to keep.
        captures: found.groups.into_iter().filter(|(name, _)| name.parse::<usize>().is_err()).collect(),
        findings: Vec::new(),
    }
}

/// Whether one of the conditions of a flow asks for something.
fn asks(flow: &Flow, what: impl Fn(&Condition) -> bool) -> bool {
    let spec = &flow.spec;
    let mut asks = what(&spec.when.condition) || what(&spec.verify.condition);
    Step::walk(&spec.steps, "spec.do", &mut |_, step| {
        asks |= step.conditions().into_iter().any(|(_, condition)| what(condition));
    });
    asks
}

/// Calls `visit` with every pattern of a flow and its field.
fn each_pattern<'f>(flow: &'f Flow, visit: &mut impl FnMut(String, &'f str)) {
    let spec = &flow.spec;
    let mut patterns = |condition: &'f Condition, field: &str| {
        condition.each_pattern(field, &mut |field, pattern| visit(field, pattern.source()));
        condition.each_told(field, visit);
    };
    patterns(&spec.when.condition, "spec.when");
    patterns(&spec.verify.condition, "spec.verify");
    Step::walk(&spec.steps, "spec.do", &mut |place, step| {
        for (field, condition) in step.conditions() {
            patterns(condition, &format!("{place}.{field}"));
        }
    });
    if let Some(unless) = &spec.when.unless {
        visit("spec.when.unless".to_owned(), unless);
    }
}

/// Flows by their names.
fn by_name(flows: &[Flow]) -> BTreeMap<Name, &Flow> {
    flows.iter().map(|flow| (flow.metadata.name.clone(), flow)).collect()
}

/// Why `flow` cannot be put together with the flows that it calls, which are among `others`.
pub fn link_fault(flow: &Flow, others: &[Flow]) -> Option<LinkFault> {
    let mut named = by_name(others);
    named.insert(flow.metadata.name.clone(), flow);
    link(flow, &named).err()
}

/// What in a flow cannot be, each fault with its field.
pub fn flow_faults(flow: &Flow) -> Vec<String> {
    let mut faults = Vec::new();
    each_pattern(flow, &mut |field, source| {
        if let Err(error) = Pattern::new(source) {
            faults.push(format!("{field}: {error}"));
        }
    });
    // What is a template is looked at as such.
    let mut keys = |place: String, written: &str| {
        if !written.contains("{{") {
            faults.extend(keys_of_flow(written).err().map(|error| format!("{place}: {error}")));
        }
    };
    Step::walk(&flow.spec.steps, "spec.do", &mut |place, step| match step {
        Step::Keys(written) => keys(format!("{place}.keys"), written),
        Step::Serial(serial) => keys(format!("{place}.serial"), serial.send()),
        _ => {}
    });
    let mut requests = |place: &str, step: &Step| {
        let (word, found) = match step {
            Step::Http(request) => ("http", outreach::faults(request)),
            Step::Ssh(command) => ("ssh", outreach::command_faults(command)),
            _ => return,
        };
        faults.extend(found.into_iter().map(|fault| format!("{place}.{word}: {fault}")));
    };
    Step::walk(&flow.spec.steps, "spec.do", &mut requests);
    Step::walk(&flow.spec.on_failure, "spec.onFailure", &mut requests);
    faults.extend(template::faults(flow));
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
                "do":[{"keys":"<NoSuchKey>"},{"waitFor":{"screen":"*","timeout":"1s"}},
                      {"repeat":{"do":[{"keys":"<No>"}],"until":{"screen":"+"},"times":2,"timeout":"1m"}}],
                "verify":{"screen":"login:","timeout":"1s"}}}"#,
        );
        let found = flow_faults(&broken);
        let fields: Vec<_> = found.iter().filter_map(|fault| fault.split(':').next()).collect();
        assert_eq!(
            fields,
            [
                "spec.when.screen",
                "spec.do[1].waitFor.screen",
                "spec.do[2].repeat.until.screen",
                "spec.when.unless",
                "spec.do[0].keys",
                "spec.do[2].repeat.do[0].keys",
            ]
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
        let page = Page::from_text("Press F1 for setup");
        let picture = PictureDigest("aa".to_owned());
        let looked = Looked {
            page: &page,
            text: "Press F1 for setup",
            at: Timestamp::from_millis(7),
            picture: Some(&picture),
        };
        let labels = BTreeMap::new();
        let host = Whereabouts { labels: &labels, cluster: None, zone: None, hardware: None };
        let verdicts = set.verdicts(&host, &HostFacts::new(), &looked);
        let brief: Vec<_> = verdicts.iter().map(|verdict| (verdict.flow.as_str(), verdict.applies)).collect();
        assert_eq!(brief, [("early", false), ("late", true)]);
        assert!(verdicts[0].reason.contains("`setup` stands in row 1"), "{}", verdicts[0].reason);
        assert_eq!(verdicts[1].evidence.as_ref().unwrap().picture, Some(picture));
    }

    #[test]
    fn a_set_made_after_another_says_the_same() {
        let named = |name: &str, pattern: &str| {
            let json = format!(
                r#"{{"metadata":{{"name":"{name}"}},"spec":{{"when":{{"screen":"{pattern}"}},"do":[],
                    "verify":{{"power":"on","timeout":"1s"}}}}}}"#
            );
            flow(&json)
        };
        let before = FlowSet::compile(vec![named("a", "one"), named("b", "two"), named("c", "three")]);
        // One stays, one changes, one goes, one is new, one is at fault.
        let flows = vec![named("a", "one"), named("b", "(?-i)Two"), named("d", "four"), named("e", "(")];
        let (after, anew) = (FlowSet::compile_after(flows.clone(), &before), FlowSet::compile(flows));
        let page = Page::from_text("One Two three four");
        let looked =
            Looked { page: &page, text: "One Two three four", at: Timestamp::from_millis(7), picture: None };
        let verdicts =
            |set: &FlowSet| set.verdicts_on_any_host(ScreenKind::Text, &Circumstances::default(), &looked);
        assert_eq!(verdicts(&after), verdicts(&anew));
        assert_eq!(verdicts(&after).iter().filter(|verdict| verdict.applies).count(), 3);
    }

    #[test]
    fn regions_count_from_both_ends() {
        let text = "one two\nthree login:\n\nlogin: root\n\n";
        let page = Page::from_text(text);
        let looked = Looked { page: &page, text, at: Timestamp::from_millis(7), picture: None };
        let check = |pattern: &str, region: &str, wanted: Option<(u32, u32)>| {
            let json = format!(r#"{{ "pattern": "{pattern}", "region": {region} }}"#);
            let pattern: ScreenPattern = serde_json::from_str(&json).unwrap();
            let found = FlowSet::default().find(&pattern, &looked);
            assert_eq!(found.map(|found| (found.row, found.column)), wanted, "{json}");
        };
        check("login:", "{}", Some((1, 6)));
        check("^login:", r#"{ "rows": [-1, -1] }"#, Some((3, 0)));
        check("login:", r#"{ "rows": [1, 1] }"#, None);
        check("login:", r#"{ "rows": [3, -1] }"#, Some((3, 0)));
        check("login:", r#"{ "rows": [3, 99], "columns": [2, 20] }"#, None);
        check("^two", r#"{ "columns": [5, -1] }"#, Some((0, 4)));
        check("one", r#"{ "rows": [-99, -1] }"#, Some((0, 0)));
        check("one", r#"{ "rows": [4, 2] }"#, None);
    }

    #[test]
    fn named_groups_are_kept_as_evidence() {
        let text = "/dev/sda1: UNEXPECTED INCONSISTENCY";
        let page = Page::from_text(text);
        let looked = Looked { page: &page, text, at: Timestamp::from_millis(7), picture: None };
        let pattern = ScreenPattern::Anywhere(r"/dev/(?<disk>sd[a-z])(\d)".to_owned());
        let found = FlowSet::default().find(&pattern, &looked).unwrap();
        assert_eq!(found.captures, BTreeMap::from([("disk".to_owned(), "sda".to_owned())]));
    }
}
