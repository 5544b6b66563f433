//! `ironhand report`: how the recoveries of a span of time went.

mod page;

use std::time::Duration;

use ironhand_api::{FlowRecord, Group, Offender, Outcomes, Report, Spread, Timestamp};
use ironhand_client::Client;

use crate::args;
use crate::exit::{Failure, at};
use crate::output::{Field, Output, Tone, age, line, now};

/// `ironhand report`.
pub async fn report(client: &Client, asked: &args::Report, output: Output) -> Result<(), Failure> {
    let now = now();
    let since = asked.since.before(now);
    let until = asked.until.map_or(now, |until| until.before(now));
    if until < since {
        return Err(Failure::Usage { message: "--until lies before --since".to_owned(), hint: None });
    }
    let report = client.report(since, until).await?;
    if let Some(file) = &asked.html {
        at(file, std::fs::write(file, page::page(&report)))?;
        line(&file.display().to_string());
        return Ok(());
    }
    if output.is_structured() {
        return output.value(&report);
    }
    show(&report, now, output);
    Ok(())
}

fn show(report: &Report, now: Timestamp, output: Output) {
    line(&format!("incidents from {} to {}", date(report.since), date(report.until)));
    line("");
    output.table(
        &[
            "opened",
            "healed",
            "ended otherwise",
            "needs human",
            "under way",
            "to notice",
            "to act",
            "to recover",
        ],
        std::iter::once({
            let mut row = outcomes(&report.outcomes);
            row.extend(
                [&report.to_notice, &report.to_act, &report.to_recover].map(|times| spread(times.as_ref())),
            );
            row
        }),
    );
    let tables = [
        ("cause", &report.causes),
        ("cluster", &report.clusters),
        ("vendor", &report.vendors),
        ("model", &report.models),
        ("firmware", &report.firmware),
    ];
    for (title, groups) in tables {
        if !groups.is_empty() {
            line("");
            show_groups(title, groups, output);
        }
    }
    if !report.flows.is_empty() {
        line("");
        show_flows(&report.flows, output);
    }
    if !report.repeat_offenders.is_empty() {
        line("");
        show_offenders(&report.repeat_offenders, now, output);
    }
}

fn show_groups(title: &str, groups: &[Group], output: Output) {
    output.table(
        &[title, "hosts", "opened", "healed", "ended otherwise", "needs human", "under way", "to recover"],
        groups.iter().map(|group| {
            let mut row = vec![group.name.as_str().into(), group.hosts.to_string().into()];
            row.extend(outcomes(&group.outcomes));
            row.push(spread(group.to_recover.as_ref()));
            row
        }),
    );
}

fn show_flows(flows: &[FlowRecord], output: Output) {
    output.table(
        &["flow", "runs", "succeeded", "failed", "cancelled", "took"],
        flows.iter().map(|flow| {
            vec![
                flow.flow.as_str().into(),
                flow.runs.to_string().into(),
                format!("{} ({})", flow.succeeded, share(flow.succeeded, flow.runs)).into(),
                number(flow.failed, Tone::Bad),
                flow.cancelled.to_string().into(),
                spread(flow.took.as_ref()),
            ]
        }),
    );
}

fn show_offenders(offenders: &[Offender], now: Timestamp, output: Output) {
    output.table(
        &["again and again", "incidents", "last", "causes"],
        offenders.iter().map(|offender| {
            vec![
                offender.host.as_str().into(),
                offender.incidents.to_string().into(),
                format!("{} ago", age(now, offender.last)).into(),
                offender.causes.join(", ").into(),
            ]
        }),
    );
}

fn outcomes(outcomes: &Outcomes) -> Vec<Field> {
    vec![
        outcomes.opened.to_string().into(),
        format!("{} ({})", outcomes.healed, share(outcomes.healed, outcomes.opened)).into(),
        outcomes.ended_otherwise.to_string().into(),
        number(outcomes.needs_human, Tone::Bad),
        number(outcomes.under_way, Tone::Warn),
    ]
}

/// A number that stands out where it is not zero.
fn number(number: u64, tone: Tone) -> Field {
    Field::toned(number.to_string(), if number == 0 { Tone::Dim } else { tone })
}

fn spread(spread: Option<&Spread>) -> Field {
    spread
        .map(|spread| format!("{} (p90 {})", length(spread.median), length(spread.p90)))
        .unwrap_or_default()
        .into()
}

/// A length of time to two units.
fn length(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0..10 => format!("{:.1}s", length.as_secs_f64()),
        10..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// How much of the whole, in whole percents; a dash of nothing. Only all of it is 100 %.
fn share(part: u64, whole: u64) -> String {
    let rounded = (part * 100 + whole / 2).checked_div(whole);
    let share = rounded.map(|share| if part < whole { share.min(99) } else { share });
    share.map_or_else(|| "-".to_owned(), |share| format!("{share} %"))
}

/// The day and the minute, in UTC.
fn date(time: Timestamp) -> String {
    let text = time.to_string();
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(minute)) => format!("{day} {minute}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_shares_are_told_as_people_read_them() {
        let told: Vec<String> = [900, 12_000, 75_000, 3_720_000, 200_000_000]
            .map(|millis| length(Duration::from_millis(millis)))
            .to_vec();
        assert_eq!(told, ["0.9s", "12s", "1m15s", "1h02m", "2d07h"]);
        assert_eq!([share(0, 0), share(6, 7), share(299, 300), share(2, 2)], ["-", "86 %", "99 %", "100 %"]);
        assert_eq!(date(Timestamp::from_millis(0)), "1970-01-01 00:00");
    }
}
