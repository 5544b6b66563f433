//! The report as one HTML page that needs nothing else: to be mailed, or kept with a ticket.

use std::time::Duration;

use ironhand_api::{Day, FlowRecord, Group, Outcomes, Report, Spread};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{date, length, share};

const STYLE: &str = "
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; color: #1c2733; background: #fff }
h1 { font-size: 1.4rem; margin-bottom: .2rem } h2 { font-size: 1.05rem; margin: 2rem 0 .4rem }
p.span { color: #5b6773; margin-top: 0 }
dl { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.2rem 0 }
dl div { border: 1px solid #dde3e9; border-radius: .4rem; padding: .5rem .9rem; min-width: 7rem }
dt { color: #5b6773; font-size: .85rem } dd { margin: 0; font-size: 1.3rem }
table { border-collapse: collapse; width: 100% } th { text-align: left; color: #5b6773; font-weight: 500; font-size: .85rem }
th, td { padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #eef1f4 } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
svg { width: 100%; height: auto; display: block } svg text { font: 11px system-ui, sans-serif; fill: #5b6773 }
.healed { fill: #2f9e63 } .otherwise { fill: #9fb0c0 } .human { fill: #d64545 } .way { fill: #e0a030 }
.notice { fill: #7d8fd6 } .act { fill: #e0a030 } .recover { fill: #2f9e63 } svg text.end { text-anchor: end } svg text.middle { text-anchor: middle }
p.legend span { margin-right: 1.2rem } p.legend svg { display: inline; width: .8rem; height: .8rem; margin-right: .3rem }
@media (prefers-color-scheme: dark) { body { color: #dfe6ec; background: #12181e } dl div, th, td { border-color: #2a343d }
  p.span, dt, th { color: #93a1ae } svg text { fill: #93a1ae } }
";

/// Counts what one part of a bar stands for.
type Count = fn(&Outcomes) -> u64;

/// What became of incidents, as the colours of the plot tell it: class, words, number.
const COLORS: [(&str, &str, Count); 4] = [
    ("healed", "healed", |outcomes| outcomes.healed),
    ("otherwise", "ended otherwise", |outcomes| outcomes.ended_otherwise),
    ("way", "under way", |outcomes| outcomes.under_way),
    ("human", "needs human", |outcomes| outcomes.needs_human),
];

/// What takes its time, as the colours of the plot tell it: class, words.
const TIMES: [(&str, &str); 3] = [
    ("notice", "until it is noticed"),
    ("act", "until the first step"),
    ("recover", "until the host is well"),
];

/// Width, height and margins of the plot of days, in its own units.
const PLOT: (f64, f64) = (960.0, 200.0);
const LEFT: f64 = 40.0;
const BELOW: f64 = 24.0;

/// The widest bar of a day: of a few days not each is a wall.
const WIDEST: f64 = 56.0;

/// The plot of times: the height of a row, where bars begin, and what is left for words behind them.
const ROW: f64 = 22.0;
const NAMES: f64 = 230.0;
const BEHIND: f64 = 70.0;

/// Causes in the plot of times at most: the table below has them all.
const MOST_CAUSES: usize = 15;

/// The page.
pub(super) fn page(report: &Report) -> String {
    let outcomes = &report.outcomes;
    let figures = [
        ("incidents", outcomes.opened.to_string()),
        ("healed", format!("{} ({})", outcomes.healed, share(outcomes.healed, outcomes.opened))),
        ("needs human", outcomes.needs_human.to_string()),
        ("to notice, median", median(report.to_notice.as_ref())),
        ("to act, median", median(report.to_act.as_ref())),
        ("to recover, median", median(report.to_recover.as_ref())),
        ("to recover, nine of ten", report.to_recover.map_or_else(dash, |spread| length(spread.p90))),
    ];
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Recoveries " (date(report.since)) " to " (date(report.until)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Recoveries" }
                p.span { (date(report.since)) " to " (date(report.until)) " UTC" }
                dl { @for (term, figure) in &figures { div { dt { (term) } dd { (figure) } } } }
                h2 { "Incidents by day" }
                (plot(&report.days))
                (legend(COLORS.map(|(class, words, _)| (class, words))))
                (times(&report.causes))
                (groups("Causes", "cause", &report.causes))
                (groups("Clusters", "cluster", &report.clusters))
                (groups("Vendors", "vendor", &report.vendors))
                (groups("Models", "model", &report.models))
                (groups("Firmware", "firmware", &report.firmware))
                (flows(&report.flows))
                @if !report.repeat_offenders.is_empty() {
                    h2 { "Hosts that fell ill again" }
                    table {
                        tr { th { "host" } th.n { "incidents" } th { "last" } th { "causes" } }
                        @for offender in &report.repeat_offenders {
                            tr {
                                td { (offender.host) } td.n { (offender.incidents) }
                                td { (date(offender.last)) } td { (offender.causes.join(", ")) }
                            }
                        }
                    }
                }
            }
        }
    };
    page.into_string()
}

/// A bar for each day, of as many parts as there are outcomes.
fn plot(days: &[Day]) -> Markup {
    let most = days.iter().map(|day| day.outcomes.opened).max().unwrap_or_default().max(1);
    let (width, height) = PLOT;
    let (floor, step) = (height - BELOW, (width - LEFT) / days.len().max(1) as f64);
    let (scale, wide) = ((floor - 10.0) / most as f64, (step * 0.8).min(WIDEST));
    // As many dates as have room beside each other.
    let every = days.len().div_ceil(10).max(1);
    html! {
        svg viewBox=(format!("0 0 {width} {height}")) role="img" aria-label="incidents by day" {
            @for part in [most, most / 2] {
                @let y = floor - part as f64 * scale;
                @if part > 0 { text x="0" y=(format!("{:.1}", y + 4.0)) { (part) } }
                line x1=(LEFT) x2=(width) y1=(format!("{y:.1}")) y2=(format!("{y:.1}")) stroke="#8886" stroke-width="0.5" {}
            }
            @for (index, day) in days.iter().enumerate() {
                @let middle = LEFT + (index as f64 + 0.5) * step;
                g {
                    title { (date(day.begins).split(' ').next().unwrap_or_default()) ": " (day.outcomes.opened) }
                    @for (class, from, count) in parts(&day.outcomes) {
                        rect class=(class) x=(format!("{:.1}", middle - wide / 2.0)) width=(format!("{wide:.1}"))
                            y=(format!("{:.1}", floor - (from + count) as f64 * scale))
                            height=(format!("{:.1}", count as f64 * scale)) {}
                    }
                }
                @if index % every == 0 {
                    text.middle x=(format!("{middle:.1}")) y=(height - 6.0) { (date(day.begins).get(5..10).unwrap_or_default()) }
                }
            }
            line x1=(LEFT) x2=(width) y1=(floor) y2=(floor) stroke="#888" stroke-width="1" {}
        }
    }
}

fn legend<const N: usize>(colors: [(&str, &str); N]) -> Markup {
    html! {
        p.legend { @for (class, words) in colors {
            span { svg viewBox="0 0 10 10" { rect class=(class) width="10" height="10" {} } (words) }
        } }
    }
}

/// A bar for each cause that was healed, of the medians of what took its time.
fn times(causes: &[Group]) -> Markup {
    let rows: Vec<(&str, [f64; 3], u64)> = causes.iter().filter_map(stages).take(MOST_CAUSES).collect();
    let longest = rows.iter().map(|(_, stages, _)| stages.iter().sum::<f64>()).fold(0.0, f64::max);
    let (width, height) = (PLOT.0, rows.len() as f64 * ROW);
    let scale = if longest > 0.0 { (width - NAMES - BEHIND) / longest } else { 0.0 };
    html! {
        @if !rows.is_empty() {
            h2 { "Times by cause, medians" }
            svg viewBox=(format!("0 0 {width} {height}")) role="img" aria-label="times by cause" {
                @for (index, (name, stages, healed)) in rows.iter().enumerate() {
                    @let (top, whole) = (index as f64 * ROW, stages.iter().sum::<f64>());
                    g {
                        title { (name) ": " (healed) " healed" }
                        text.end x=(NAMES - 8.0) y=(format!("{:.1}", top + 15.0)) { (name) }
                        @for (stage, (class, _)) in TIMES.iter().enumerate() {
                            @let before: f64 = stages[..stage].iter().sum();
                            rect class=(class) x=(format!("{:.1}", NAMES + before * scale)) y=(format!("{:.1}", top + 4.0))
                                width=(format!("{:.1}", stages[stage] * scale)) height=(ROW - 8.0) {}
                        }
                        text x=(format!("{:.1}", NAMES + whole * scale + 6.0)) y=(format!("{:.1}", top + 15.0)) {
                            (length(Duration::from_secs_f64(whole)))
                        }
                    }
                }
            }
            (legend(TIMES))
        }
    }
}

/// What a cause took in seconds: until it was noticed, from then until the first step, and from there until the host was well. None where no run healed one.
fn stages(cause: &Group) -> Option<(&str, [f64; 3], u64)> {
    let seconds = |spread: Option<Spread>| spread.map_or(0.0, |spread| spread.median.as_secs_f64());
    let recovered = cause.to_recover?;
    let (whole, act) = (recovered.median.as_secs_f64(), seconds(cause.to_act));
    let act = act.min(whole);
    Some((&cause.name, [seconds(cause.to_notice), act, whole - act], recovered.count))
}

/// The parts of a bar from below: class, where it begins, how many.
fn parts(outcomes: &Outcomes) -> Vec<(&'static str, u64, u64)> {
    let mut from = 0;
    let part = |(class, _, count): (&'static str, &str, Count)| {
        let count = count(outcomes);
        from += count;
        (class, from - count, count)
    };
    COLORS.into_iter().map(part).filter(|(_, _, count)| *count > 0).collect()
}

fn groups(title: &str, what: &str, groups: &[Group]) -> Markup {
    html! {
        @if !groups.is_empty() {
            h2 { (title) }
            table {
                tr {
                    th { (what) } th.n { "hosts" } th.n { "incidents" } th.n { "healed" } th.n { "needs human" }
                    th.n { "to notice" } th.n { "to act" } th.n { "to recover" } th.n { "nine of ten" }
                }
                @for group in groups {
                    tr {
                        td { (group.name) } td.n { (group.hosts) } td.n { (group.outcomes.opened) }
                        td.n { (share(group.outcomes.healed, group.outcomes.opened)) }
                        td.n { (group.outcomes.needs_human) }
                        @for times in [group.to_notice, group.to_act, group.to_recover] { td.n { (median(times.as_ref())) } }
                        td.n { (group.to_recover.map_or_else(dash, |spread| length(spread.p90))) }
                    }
                }
            }
        }
    }
}

fn flows(flows: &[FlowRecord]) -> Markup {
    html! {
        @if !flows.is_empty() {
            h2 { "Flows" }
            table {
                tr {
                    th { "flow" } th.n { "runs" } th.n { "succeeded" } th.n { "failed" } th.n { "cancelled" }
                    th.n { "took, median" }
                }
                @for flow in flows {
                    tr {
                        td { (flow.flow) } td.n { (flow.runs) } td.n { (share(flow.succeeded, flow.runs)) }
                        td.n { (flow.failed) } td.n { (flow.cancelled) } td.n { (median(flow.took.as_ref())) }
                    }
                }
            }
        }
    }
}

fn median(spread: Option<&Spread>) -> String {
    spread.map_or_else(dash, |spread| length(spread.median))
}

fn dash() -> String {
    "-".to_owned()
}

#[cfg(test)]
mod tests {
    use ironhand_api::{Offender, Timestamp};

    use super::*;

    #[test]
    fn the_page_is_whole_and_takes_no_name_for_markup() {
        let outcomes = Outcomes { opened: 3, healed: 2, needs_human: 1, ..Outcomes::default() };
        let took = Some(Spread {
            count: 2,
            median: Duration::from_secs(40),
            p90: Duration::from_secs(90),
            longest: Duration::from_secs(90),
        });
        let group = |name: &str, took: Option<Spread>| Group {
            name: name.to_owned(),
            hosts: 1,
            outcomes,
            to_notice: took,
            to_act: None,
            to_recover: took,
        };
        let report = Report {
            since: Timestamp::from_millis(0),
            until: Timestamp::from_millis(86_400_000),
            outcomes,
            to_notice: took,
            to_act: took,
            to_recover: took,
            days: vec![Day { begins: Timestamp::from_millis(0), outcomes }],
            causes: vec![group("<script>", None), group("panic", took)],
            clusters: Vec::new(),
            vendors: Vec::new(),
            models: vec![group("Dell Inc. R640", took)],
            firmware: Vec::new(),
            flows: Vec::new(),
            repeat_offenders: vec![Offender {
                host: "n1".parse().unwrap(),
                incidents: 2,
                last: Timestamp::from_millis(0),
                causes: vec!["a & b".to_owned()],
            }],
        };
        let page = page(&report);
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
        assert!(page.contains("a &amp; b") && page.contains("2 (67 %)") && page.contains("1m30s"), "{page}");
        assert_eq!(page.matches("<rect class=\"healed\"").count(), 2, "one bar and the legend");
        assert_eq!(
            page.matches("<rect").count(),
            page.matches("</rect>").count(),
            "shapes end, or hide what follows"
        );
        assert_eq!(
            page.matches("<rect class=\"recover\"").count(),
            2,
            "one cause that was healed, and the legend"
        );
        assert!(page.contains("<title>panic: 2 healed</title>") && page.contains(">1m20s</text>"), "{page}");
        assert!(page.contains("<h2>Models</h2>") && page.contains("<td>Dell Inc. R640</td>"), "{page}");
        assert!(!page.contains("Vendors"), "what nothing is known of is left out");
        assert!(!page.contains("http"), "nothing is fetched");
    }

    #[test]
    fn the_parts_of_a_bar_stand_on_each_other() {
        let outcomes = Outcomes { opened: 6, healed: 3, ended_otherwise: 0, needs_human: 1, under_way: 2 };
        assert_eq!(parts(&outcomes), [("healed", 0, 3), ("way", 3, 2), ("human", 5, 1)]);
    }
}
