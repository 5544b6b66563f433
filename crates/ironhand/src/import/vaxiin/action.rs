//! What actions of Vaxiin do, as steps of a flow.

use std::collections::BTreeMap;

use ironhand_api::Name;
use serde_json::{Value, json};

use super::Action;

/// How long Vaxiin waits behind a key that has a name.
const PAUSE: &str = "<wait 5s>";

/// A credential of before.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) name: Name,
    pub(super) username: String,
}

/// What placeholders stand for.
pub(super) struct Around<'a> {
    /// By the names of before.
    pub(super) logins: &'a BTreeMap<String, Login>,
    /// That of every device, where all have the same.
    pub(super) own: Option<&'a Login>,
}

/// Where a text goes to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Keys,
    Url,
}

/// The steps that do what an action did; none for one that only looked.
pub(super) fn steps_of(action: &Action, around: &Around<'_>) -> Result<Vec<Value>, String> {
    let data = action.action_data.as_str().map_or_else(|| action.action_data.to_string(), str::to_owned);
    let data = data.trim();
    match action.action_type.as_str() {
        "keystroke" => Ok(vec![json!({ "keys": keys(data, around)? })]),
        "power" => power(data),
        "ipmitool" => ipmitool(data),
        "sleep" => {
            let seconds: u64 = data.parse().map_err(|_| format!("`{data}` is no number of seconds"))?;
            Ok(if seconds == 0 { Vec::new() } else { vec![json!({ "sleep": format!("{seconds}s") })] })
        }
        "request" => {
            let url = filled(data, Place::Url, around)?;
            Ok(vec![
                json!({ "http": { "method": "GET", "url": url, "expect": { "status": ["2xx", "3xx"] } } }),
            ])
        }
        "screenshot" => Ok(vec![json!({ "snapshot": action.name })]),
        other => Err(format!("`{other}` is no type of action that is known")),
    }
}

fn power(word: &str) -> Result<Vec<Value>, String> {
    let step = |power: &str| Ok(vec![json!({ "power": power })]);
    match word {
        "on" | "off" | "reset" | "cycle" | "soft" => step(word),
        // What Vaxiin calls so was meant to, and never could.
        "graceful" | "acpi" => step("soft"),
        "diag" => step("nmi"),
        "status" => Ok(Vec::new()),
        other => Err(format!("`{other}` is no power action")),
    }
}

/// The commands of ipmitool that have a step.
fn ipmitool(command: &str) -> Result<Vec<Value>, String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    match words[..] {
        ["chassis", "power", word] | ["power", word] => power(word),
        ["chassis", "bootdev", device, ref options @ ..] => {
            let options = options.join(" ");
            let (persistent, uefi) = (options.contains("persistent"), options.contains("efiboot"));
            if !matches!(device, "none" | "pxe" | "disk" | "cdrom" | "bios") {
                return Err(format!("`{device}` is no boot device that is known"));
            }
            Ok(vec![json!({ "bootDevice": { "device": device, "persistent": persistent, "uefi": uefi } })])
        }
        ["raw", net_fn, number, ref data @ ..] => {
            let bytes: Option<Vec<u8>> = data.iter().map(|text| byte(text)).collect();
            let numbers = (byte(net_fn), byte(number), bytes);
            let (Some(net_fn), Some(number), Some(data)) = numbers else {
                return Err(format!("`{command}` has bytes that cannot be read"));
            };
            Ok(vec![json!({ "ipmiRaw": { "netFn": net_fn, "command": number, "data": data } })])
        }
        _ => Err(format!("no step does `ipmitool {command}`")),
    }
}

fn byte(text: &str) -> Option<u8> {
    text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |digits| u8::from_str_radix(digits, 16).ok())
}

/// Keys: tokens between semicolons, each a text, a key with a name, or keys that are held together.
fn keys(data: &str, around: &Around<'_>) -> Result<String, String> {
    let mut written = String::new();
    let tokens: Vec<&str> = data.split(';').filter(|token| !token.is_empty()).collect();
    for (index, token) in tokens.iter().enumerate() {
        if !is_named(token) {
            written.push_str(&filled(&token.replace('<', "<<"), Place::Keys, around)?);
            continue;
        }
        let parts: Vec<&str> = token.trim().split('+').map(str::trim).collect();
        let (last, held) = parts.split_last().ok_or("a key is missing")?;
        let mut name = String::new();
        for held in held {
            name.push_str(modifier(held).ok_or_else(|| format!("`{held}` is no key to be held"))?);
            name.push('-');
        }
        let tapped = match key(last) {
            Some(tapped) => tapped,
            None if last.chars().count() == 1 => (*last).to_owned(),
            None => return Err(format!("no key is `{last}` here")),
        };
        // A character that a number pad has types itself.
        let types_itself = held.is_empty() && tapped.chars().count() == 1;
        written.push_str(&if types_itself { tapped } else { format!("<{name}{tapped}>") });
        if index + 1 < tokens.len() {
            written.push_str(PAUSE);
        }
    }
    Ok(written)
}

fn is_named(token: &str) -> bool {
    token.trim().get(..5).is_some_and(|start| start.eq_ignore_ascii_case("keys."))
}

fn bare(token: &str) -> Option<String> {
    is_named(token).then(|| token.trim()[5..].to_ascii_uppercase())
}

fn modifier(token: &str) -> Option<&'static str> {
    Some(match bare(token)?.trim_start_matches("LEFT_") {
        "CONTROL" => "Ctrl",
        "ALT" => "Alt",
        "SHIFT" => "Shift",
        "META" | "COMMAND" => "Win",
        _ => return None,
    })
}

/// The name of a key, or the character that it types.
fn key(token: &str) -> Option<String> {
    let name = bare(token)?;
    let name = name.strip_prefix("ARROW_").unwrap_or(&name);
    let known = match name {
        "ENTER" | "RETURN" => "Enter",
        "ESCAPE" => "Esc",
        "TAB" => "Tab",
        "SPACE" => "Space",
        "BACKSPACE" | "BACK_SPACE" => "Backspace",
        "DELETE" => "Del",
        "INSERT" => "Insert",
        "HOME" => "Home",
        "END" => "End",
        "PAGE_UP" => "PageUp",
        "PAGE_DOWN" => "PageDown",
        "PAUSE" => "Pause",
        "UP" => "Up",
        "DOWN" => "Down",
        "LEFT" => "Left",
        "RIGHT" => "Right",
        "ADD" => "+",
        "SUBTRACT" => "-",
        "MULTIPLY" => "*",
        "DIVIDE" => "/",
        "DECIMAL" => ".",
        "SEPARATOR" => ",",
        "EQUALS" => "=",
        "SEMICOLON" => ";",
        _ => {
            let is_function = name.strip_prefix('F').and_then(|number| number.parse().ok());
            if is_function.is_some_and(|number: u8| (1..=12).contains(&number)) {
                return Some(name.to_owned());
            }
            let digit = name.strip_prefix("NUMPAD").filter(|digit| digit.len() == 1)?;
            return digit.parse::<u8>().ok().map(|digit| digit.to_string());
        }
    };
    Some(known.to_owned())
}

/// A text with its placeholders as templates. Braces that are no placeholder stay as they are.
fn filled(text: &str, place: Place, around: &Around<'_>) -> Result<String, String> {
    if text.contains("{{") {
        return Err("it has `{{`, which begins a template here".to_owned());
    }
    let mut written = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        written.push_str(before);
        let Some((inner, behind)) = after.split_once('}').filter(|(inner, _)| inner.contains("::")) else {
            written.push('{');
            rest = after;
            continue;
        };
        written.push_str(&placeholder(inner, place, around)?);
        rest = behind;
    }
    written.push_str(rest);
    Ok(written)
}

fn placeholder(inner: &str, place: Place, around: &Around<'_>) -> Result<String, String> {
    let parts: Vec<&str> = inner.split("::").collect();
    let of_login = |login: Option<&Login>, field: &str| {
        let login =
            login.ok_or_else(|| format!("`{{{inner}}}` is of no credential that all devices share"))?;
        match (field, place) {
            ("username", _) => Ok(login.username.clone()),
            ("password", Place::Keys) => Ok(format!("<secret {}>", login.name)),
            _ => Err(format!(
                "`{{{inner}}}`: a secret cannot stand within a URL; use `headers` or `auth` of a step `http`"
            )),
        }
    };
    match parts[..] {
        ["device", "uid"] => Ok("{{ host.name }}".to_owned()),
        ["device", "ipmi_ip"] => Ok("{{ host.addresses[0] }}".to_owned()),
        ["device", "model"] => Ok("{{ host.labels.model }}".to_owned()),
        ["metadata", key] => Ok(format!("{{{{ host.labels['{}'] }}}}", super::label(key))),
        ["cred", field] => of_login(around.own, field),
        ["cred_store", name, field] => {
            let login = around.logins.get(name);
            login.ok_or_else(|| format!("there is no credential `{name}`"))?;
            of_login(login, field)
        }
        _ => Err(format!("`{{{inner}}}` is no placeholder that is known")),
    }
}
