//! `ironhand match` and `ironhand flow test`: what flows would do, without a server. The judging itself is the server's own.

mod nearest;
pub mod record;

use std::path::Path;

use ironhand_api::{Finding, Flow, Manifest, Name, ScreenKind, Span, Step, Verdict};
use ironhand_console::{self as console, Page};
use ironhand_server::{Circumstances, FlowSet, Looked, link_fault, manifest_faults};

use nearest::nearest;

use crate::args;
use crate::exit::Failure;
use crate::files::{Located, read_manifests, read_screen};
use crate::output::{Output, line, now};
use crate::read::{Pictures, image};

/// Reads manifests and checks everything that can be checked without a server.
pub fn checked_manifests(files: &args::Files) -> Result<Vec<Located>, Failure> {
    let manifests = read_manifests(&files.files)?;
    let located = manifests.iter().map(|one| (one.file.display().to_string(), &one.manifest));
    // A flow that is not among the files may be kept by the server.
    let faults = manifest_faults(located, None);
    if faults.is_empty() { Ok(manifests) } else { Err(Failure::Manifests(faults)) }
}

/// The flows among the manifests, each with the file it stands in.
fn flows(files: &args::Files) -> Result<Vec<(std::path::PathBuf, Flow)>, Failure> {
    let manifests = checked_manifests(files)?;
    let flows: Vec<_> = manifests
        .into_iter()
        .filter_map(|located| match located.manifest {
            Manifest::Flow(flow) => Some((located.file, flow)),
            _ => None,
        })
        .collect();
    if flows.is_empty() {
        return Err(Failure::Usage { message: "there is no flow in these manifests".to_owned(), hint: None });
    }
    Ok(flows)
}

/// A screen from a file, and what was read of it.
struct Seen {
    page: Page,
    text: String,
    kind: ScreenKind,
    /// Why the text may not be acted on.
    unreliable: Option<String>,
}

impl Seen {
    fn picture(path: &Path, pictures: &Pictures) -> Result<Self, Failure> {
        let reading = pictures.read(&image(path)?);
        let unreliable = (!reading.is_reliable()).then(|| {
            format!("only {:.0} % of the screen could be read with certainty", reading.score * 100.0)
        });
        let kind = match reading.kind {
            console::ScreenKind::Blank => ScreenKind::Blank,
            console::ScreenKind::Text => ScreenKind::Text,
            console::ScreenKind::Graphics => ScreenKind::Graphics,
        };
        Ok(Self { page: Page::from(&reading), text: reading.text(), kind, unreliable })
    }

    fn text(text: &str) -> Self {
        let kind = if text.trim().is_empty() { ScreenKind::Blank } else { ScreenKind::Text };
        Self { page: Page::from_text(text), text: text.to_owned(), kind, unreliable: None }
    }

    fn verdicts(&self, flows: &FlowSet, around: &Circumstances) -> Vec<Verdict> {
        let looked = Looked { page: &self.page, text: &self.text, at: now(), picture: None };
        flows.verdicts_on_any_host(self.kind, around, &looked)
    }
}

/// A picture by its first bytes, else a text.
fn see(path: &Path, pictures: &Pictures) -> Result<Seen, Failure> {
    let bytes = read_screen(path)?;
    if bytes.starts_with(b"\x89PNG") || bytes.starts_with(b"\xff\xd8") {
        return Seen::picture(path, pictures);
    }
    let text = String::from_utf8(bytes).map_err(|_| Failure::Usage {
        message: format!("{}: neither a PNG or JPEG picture nor a text in UTF-8", path.display()),
        hint: None,
    })?;
    Ok(Seen::text(&text))
}

/// `ironhand match`.
pub fn match_screen(asked: &args::Match, output: Output) -> Result<(), Failure> {
    let flows: Vec<Flow> = flows(&asked.flows)?.into_iter().map(|(_, flow)| flow).collect();
    warn_of_missing(&flows);
    let seen = see(&asked.screen, &Pictures::new(&asked.fonts)?)?;
    let verdicts = seen.verdicts(&FlowSet::compile(flows.clone()), &Circumstances::default());
    let ranked = rank(&flows, verdicts, &seen.text);
    if output.is_structured() {
        return output.value(&serde_json::json!({
            "reliable": seen.unreliable.is_none(),
            "text": seen.text,
            "verdicts": ranked,
        }));
    }
    if let Some(reason) = &seen.unreliable {
        line(&format!("no flow would act: {reason}"));
    }
    for Ranked { verdict, order, precedence, nearest, .. } in &ranked {
        let word = match order {
            Some(1) if seen.unreliable.is_none() => "applies    ",
            Some(_) => "would apply",
            None => "does not   ",
        };
        line(&format!("{word}  {:<24} {}", verdict.flow.as_str(), verdict.reason));
        let told = precedence.iter().chain(nearest);
        told.for_each(|text| line(&format!("{:13}{text}", "")));
        tell_findings(&verdict.findings);
        if *order == Some(1)
            && seen.unreliable.is_none()
            && let Some(flow) = flows.iter().find(|flow| flow.metadata.name == verdict.flow)
        {
            tell_what_it_does(flow, verdict);
        }
    }
    Ok(())
}

/// A verdict with its place among the others.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Ranked {
    #[serde(flatten)]
    verdict: Verdict,
    priority: i32,
    /// Which hosts the flow may work on.
    select: String,
    /// Which one is taken first, from 1; absent where it does not apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<usize>,
    /// Why it is taken there, where several apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    precedence: Option<String>,
    /// What on the screen comes nearest to its pattern.
    #[serde(skip_serializing_if = "Option::is_none")]
    nearest: Option<String>,
}

/// The verdicts with the first to be taken first, then those that do not apply, in the order in which they would be.
fn rank(flows: &[Flow], verdicts: Vec<Verdict>, text: &str) -> Vec<Ranked> {
    let flow_of = |name: &Name| flows.iter().find(|flow| flow.metadata.name == *name);
    // They come by priority and name.
    let (applying, others): (Vec<Verdict>, Vec<Verdict>) =
        verdicts.into_iter().partition(|verdict| verdict.applies);
    let several = applying.len() > 1;
    let mut before: Option<&Flow> = None;
    let mut ranked = Vec::new();
    for (index, verdict) in applying.into_iter().chain(others).enumerate() {
        let Some(flow) = flow_of(&verdict.flow) else { continue };
        let priority = flow.spec.priority;
        let order = verdict.applies.then_some(index + 1);
        let precedence = order.filter(|_| several).map(|_| match before {
            None => format!("first: its priority is {priority}"),
            Some(first) => {
                let name = &first.metadata.name;
                let why = if first.spec.priority == priority {
                    "and its name comes later"
                } else {
                    "which is lower"
                };
                format!("after {name} has made its attempts: its priority is {priority}, {why}")
            }
        });
        if verdict.applies {
            before = Some(flow);
        }
        let mut patterns = Vec::new();
        flow.spec.when.condition.each_pattern("", &mut |_, pattern| patterns.push(pattern.source()));
        let nearest = match (verdict.applies, &patterns[..]) {
            // Of several patterns the findings tell more.
            (false, [pattern]) if verdict.evidence.is_none() => nearest(pattern, text),
            _ => None,
        };
        let select = flow.spec.select.to_string();
        ranked.push(Ranked { verdict, priority, select, order, precedence, nearest });
    }
    ranked
}

/// Says which flows are left out since they call one that is not among the files.
fn warn_of_missing(flows: &[Flow]) {
    for flow in flows {
        if let Some(fault) = link_fault(flow, flows) {
            note!("flow {} is left out: {fault}", flow.metadata.name);
        }
    }
}

/// What was found of each part of a condition, where it has several.
fn tell_findings(findings: &[Finding]) {
    // The short form needs no list: its reason says all.
    let several = findings.iter().filter(|finding| finding.place != "unless").count() > 1;
    for finding in findings.iter().filter(|_| several) {
        line(&format!("{:13}{:<7}  {}: {}", "", finding.truth, finding.place, finding.why));
    }
}

fn tell_what_it_does(flow: &Flow, verdict: &Verdict) {
    let indent = " ".repeat(13);
    if let Some(evidence) = &verdict.evidence {
        line(&format!(
            "{indent}row {}, column {}, confidence {:.2}",
            evidence.row + 1,
            evidence.column + 1,
            evidence.confidence
        ));
    }
    line(&format!("{indent}on {} such readings in a row it would:", flow.spec.when.stable));
    tell_steps(&flow.spec.steps, &format!("{indent}  "));
    if !flow.spec.select.is_all() {
        line(&format!("{indent}only on {}", flow.spec.select));
    }
}

/// Steps, each with those within it below.
pub fn tell_steps(steps: &[Step], indent: &str) {
    for (index, step) in steps.iter().enumerate() {
        line(&format!("{indent}{}. {step}", index + 1));
        let inner = format!("{indent}   ");
        match step {
            Step::Choose(choose) => {
                for branch in &choose.branches {
                    line(&format!("{inner}where {}:", branch.when));
                    tell_steps(&branch.steps, &format!("{inner}  "));
                }
                if let Some(otherwise) = &choose.otherwise {
                    line(&format!("{inner}otherwise:"));
                    tell_steps(otherwise, &format!("{inner}  "));
                }
            }
            _ => step.lists().into_iter().for_each(|(_, steps)| tell_steps(steps, &inner)),
        }
    }
}

/// `ironhand flow test`.
pub fn test(files: &args::Files, output: Output) -> Result<(), Failure> {
    let pictures = Pictures::new(&args::Fonts::default())?;
    let mut results = Vec::new();
    let located = flows(files)?;
    let all: Vec<Flow> = located.iter().map(|(_, flow)| flow.clone()).collect();
    warn_of_missing(&all);
    let all = FlowSet::compile(all);
    for (file, flow) in located {
        for (index, example) in flow.spec.examples.iter().enumerate() {
            let seen = match (&example.text, &example.picture) {
                (Some(text), _) => Some(Seen::text(text)),
                (None, Some(picture)) => {
                    Some(Seen::picture(&file.parent().unwrap_or(Path::new(".")).join(picture), &pictures)?)
                }
                (None, None) => None,
            };
            let around = Circumstances {
                unchanged_for: example.unchanged_for.map(Span::duration),
                ping: example.ping,
                heartbeat: example.heartbeat,
                event: example.event.clone(),
                serial: example.serial.clone(),
                power: example.power,
                reach: example.reach,
                deployment: example.deployment,
            };
            let verdicts = match &seen {
                Some(seen) => seen.verdicts(&all, &around),
                None => all.verdicts_without_screen(&around),
            };
            let unreliable = seen.and_then(|seen| seen.unreliable);
            let verdict = verdicts.iter().find(|verdict| verdict.flow == flow.metadata.name);
            let first = verdicts.iter().find(|verdict| verdict.applies).map(|verdict| &verdict.flow);
            let first = first.filter(|first| **first != flow.metadata.name).cloned();
            let (matches, reason) = verdict.map_or((false, String::new()), |verdict| {
                (verdict.applies && unreliable.is_none(), verdict.reason.clone())
            });
            results.push(TestResult {
                flow: flow.metadata.name.to_string(),
                example: index + 1,
                passed: matches == example.matches,
                expected: example.matches,
                first: first.filter(|_| matches),
                reason: unreliable.unwrap_or(reason),
            });
        }
    }
    let failed = results.iter().filter(|result| !result.passed).count();
    if output.is_structured() {
        output.value(&results)?;
    } else {
        for result in &results {
            let word = if result.passed { "ok    " } else { "FAILED" };
            let wanted = if result.expected { "must match" } else { "must not match" };
            let first = result.first.as_ref().map(|first| format!("; {first} would be taken first"));
            let (flow, example, reason) = (&result.flow, result.example, &result.reason);
            line(&format!(
                "{word}  {flow} example {example}: {wanted}: {reason}{}",
                first.unwrap_or_default()
            ));
        }
        line(&format!("{} examples right, {failed} wrong", results.len() - failed));
    }
    if failed == 0 { Ok(()) } else { Err(Failure::Reported) }
}

/// What became of one example.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct TestResult {
    flow: String,
    example: usize,
    passed: bool,
    expected: bool,
    reason: String,
    /// Another flow of the files that would be taken before this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<Name>,
}
