//! Pieces that many resources are made of.

use serde_json::{Value, json};

use super::exchange::ServiceReply;
use super::message::Refusal;
use super::{Call, Outcome};

/// Members that a page of a collection has at most: that of long logs is served in pages.
const PAGE: usize = 50;

/// A link to another resource.
pub(super) fn link(path: impl Into<String>) -> Value {
    json!({ "@odata.id": path.into() })
}

/// A collection with these members: links, or whole resources as logs have them.
pub(super) fn collection(call: &Call<'_>, kind: &str, name: &str, members: &[Value]) -> Outcome {
    let number = |wanted: &str| -> Result<Option<usize>, Refusal> {
        let Some((_, text)) = call.request.query().find(|(name, _)| *name == wanted) else { return Ok(None) };
        let bad = || {
            let text = format!("{wanted} takes a number that is not negative.");
            Refusal::new(400, "QueryParameterValueTypeError", text).with_arg(wanted)
        };
        text.parse().map(Some).map_err(|_| bad())
    };
    let skip = number("$skip")?.unwrap_or(0);
    let top = number("$top")?;
    let page: Vec<&Value> = members.iter().skip(skip).take(top.unwrap_or(PAGE).min(PAGE)).collect();
    let end = skip + page.len();
    let mut shown = json!({
        "@odata.id": call.path,
        "@odata.type": format!("#{kind}.{kind}"),
        "Name": name,
        "Members@odata.count": members.len(),
        "Members": page,
    });
    if end < members.len() && top.is_none_or(|top| top > PAGE) {
        shown["Members@odata.nextLink"] = format!("{}?$skip={end}", call.path).into();
    }
    Ok(ServiceReply::resource(shown))
}

/// A time as resources write it, from seconds since 1970.
pub(super) fn date(unix: u64) -> String {
    let (days, seconds) = (unix / 86_400, unix % 86_400);
    // Days are counted from 0000-03-01, in eras of 400 years, so that leap days come last.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day_of_month:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let check = |unix: u64, expected: &str| assert_eq!(date(unix), expected);
        check(0, "1970-01-01T00:00:00Z");
        check(951_782_399, "2000-02-28T23:59:59Z");
        check(951_782_400, "2000-02-29T00:00:00Z");
        check(1_772_438_400, "2026-03-02T08:00:00Z");
        check(4_107_542_400, "2100-03-01T00:00:00Z");
    }
}
