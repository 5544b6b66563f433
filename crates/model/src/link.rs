//! Flows that call others, with the steps of those in place.

use std::collections::BTreeMap;

use ironhand_api::{Call, Flow, Name, Step};

/// Calls within calls: deeper ones nobody can follow.
const DEEPEST: usize = 4;

/// Steps of a flow together with those of the flows that it calls.
const MOST_STEPS: usize = 1000;

/// Why a flow cannot be put together with the flows that it calls.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// There is no such flow.
    #[error("there is no flow {called}, which {caller} calls")]
    Missing {
        /// The flow that calls.
        caller: Name,
        /// The flow that is called.
        called: Name,
    },
    /// A flow would call itself.
    #[error("{} would call itself: {}", chain[0], arrows(chain))]
    Recursive {
        /// From the flow to itself.
        chain: Vec<Name>,
    },
    /// Flows call flows that call flows.
    #[error("calls stand more than {DEEPEST} deep within calls: {}", arrows(chain))]
    TooDeep {
        /// From the flow to the one that is too deep.
        chain: Vec<Name>,
    },
    /// All steps together are too many.
    #[error("with the flows that it calls, {flow} has more than {MOST_STEPS} steps")]
    TooLong {
        /// The flow.
        flow: Name,
    },
}

fn arrows(chain: &[Name]) -> String {
    chain.iter().map(Name::as_str).collect::<Vec<_>>().join(" -> ")
}

/// The flow with the steps of the flows that it calls in the place of their names.
///
/// # Errors
///
/// [`LinkFault`] where a flow is missing, calls itself, or all together are too much.
pub fn link(flow: &Flow, flows: &BTreeMap<Name, &Flow>) -> Result<Flow, LinkFault> {
    let mut chain = vec![flow.metadata.name.clone()];
    let mut room = MOST_STEPS;
    let steps = linked(&flow.spec.steps, flows, &mut chain, &mut room)?;
    let mut flow = flow.clone();
    flow.spec.steps = steps;
    Ok(flow)
}

fn linked(
    steps: &[Step],
    flows: &BTreeMap<Name, &Flow>,
    chain: &mut Vec<Name>,
    room: &mut usize,
) -> Result<Vec<Step>, LinkFault> {
    let too_long = |chain: &[Name]| LinkFault::TooLong { flow: chain[0].clone() };
    *room = room.checked_sub(steps.len()).ok_or_else(|| too_long(chain))?;
    let mut done = steps.to_vec();
    for step in &mut done {
        match step {
            Step::Choose(choose) => {
                for branch in &mut choose.branches {
                    branch.steps = linked(&branch.steps, flows, chain, room)?;
                }
                if let Some(otherwise) = &mut choose.otherwise {
                    *otherwise = linked(otherwise, flows, chain, room)?;
                }
            }
            Step::Repeat(repeat) => repeat.steps = linked(&repeat.steps, flows, chain, room)?,
            Step::Call(call) => *call = called(call.flow(), flows, chain, room)?,
            _ => {}
        }
    }
    Ok(done)
}

fn called(
    name: &Name,
    flows: &BTreeMap<Name, &Flow>,
    chain: &mut Vec<Name>,
    room: &mut usize,
) -> Result<Call, LinkFault> {
    let caller = chain.last().unwrap_or(name).clone();
    let is_recursive = chain.contains(name);
    chain.push(name.clone());
    if is_recursive {
        // From its first call to itself.
        let begin = chain.iter().position(|called| called == name).unwrap_or_default();
        return Err(LinkFault::Recursive { chain: chain.split_off(begin) });
    }
    if chain.len() > DEEPEST + 1 {
        return Err(LinkFault::TooDeep { chain: chain.clone() });
    }
    let flow = flows.get(name).ok_or(LinkFault::Missing { caller, called: name.clone() })?;
    let steps = linked(&flow.spec.steps, flows, chain, room)?;
    chain.pop();
    Ok(Call::Linked { flow: name.clone(), steps })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(name: &str, steps: &str) -> Flow {
        let json = format!(
            r#"{{ "metadata": {{ "name": "{name}" }}, "spec": {{ "when": {{ "screen": "x" }}, "do": [{steps}],
                  "verify": {{ "screen": "y", "timeout": "1m" }} }} }}"#
        );
        serde_json::from_str(&json).expect("the flow of the test is valid")
    }

    fn check(flows: &[(&str, &str)], wanted: Result<&str, &str>) {
        let flows: Vec<Flow> = flows.iter().map(|(name, steps)| flow(name, steps)).collect();
        let named = flows.iter().map(|flow| (flow.metadata.name.clone(), flow)).collect();
        let told = link(&flows[0], &named).map(|flow| {
            let mut told = Vec::new();
            Step::walk(&flow.spec.steps, "do", &mut |place, step| {
                if let Step::Keys(keys) = step {
                    told.push(format!("{place} {keys}"));
                }
            });
            told.join("; ")
        });
        assert_eq!(told.as_deref().map_err(ToString::to_string), wanted.map_err(ToOwned::to_owned));
    }

    #[test]
    fn called_flows_stand_where_they_are_called() {
        let a = r#"{ "choose": { "branches": [{ "when": { "screen": "p" }, "do": [{ "call": "b" }] }] } },
                   { "call": "b" }"#;
        check(
            &[("a", a), ("b", r#"{ "keys": "1" }, { "call": "c" }"#), ("c", r#"{ "keys": "2" }"#)],
            Ok("do[0].choose.branches[0].do[0].call.steps[0] 1; \
                do[0].choose.branches[0].do[0].call.steps[1].call.steps[0] 2; \
                do[1].call.steps[0] 1; do[1].call.steps[1].call.steps[0] 2"),
        );
    }

    #[test]
    fn flows_that_cannot_be_put_together_are_refused() {
        let call = |name: &str| format!(r#"{{ "call": "{name}" }}"#);
        check(&[("a", &call("b"))], Err("there is no flow b, which a calls"));
        check(&[("a", &call("a"))], Err("a would call itself: a -> a"));
        check(
            &[("a", &call("b")), ("b", &call("c")), ("c", &call("b"))],
            Err("b would call itself: b -> c -> b"),
        );
        let names = ["a", "b", "c", "d", "e", "f"];
        let calls: Vec<String> = names[1..].iter().map(|name| call(name)).collect();
        let mut flows: Vec<(&str, &str)> =
            names.iter().zip(&calls).map(|(name, call)| (*name, call.as_str())).collect();
        flows.push(("f", r#"{ "keys": "1" }"#));
        check(&flows, Err("calls stand more than 4 deep within calls: a -> b -> c -> d -> e -> f"));
        // Ten calls of ten calls of ten steps are more than anybody wants done.
        let ten = |step: &str| [step; 10].join(",");
        let (b, c) = (ten(&call("b")), ten(&call("c")));
        check(
            &[("a", &b), ("b", &c), ("c", &ten(r#"{ "keys": "1" }"#))],
            Err("with the flows that it calls, a has more than 1000 steps"),
        );
    }
}
