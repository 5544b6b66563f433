//! Templates in profiles and in the options of networks.

use ironhand_api::{Network, Profile};
use ironhand_model::boot::{Context, Templates};
use minijinja::Value;
use minijinja::syntax::SyntaxConfig;
use serde_json::{Value as Json, json};

use super::{AnyName, TemplateError, environment, render};

/// What makes a text a template.
const MARKS: [&str; 3] = ["{{", "{%", "{#"];

/// The engine that fills in what machines boot.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BootTemplates;

impl Templates for BootTemplates {
    fn fill(&self, template: &str, context: &Context) -> Result<String, String> {
        if !MARKS.iter().any(|mark| template.contains(mark)) {
            return Ok(template.to_owned());
        }
        filled("template", template, value(&json!(context))).map_err(|error| error.to_string())
    }
}

fn filled(field: &str, template: &str, context: Value) -> Result<String, TemplateError> {
    let mut environment = environment();
    // A file ends as it was written: shells read no line that has no end.
    let syntax = SyntaxConfig::builder().keep_trailing_newline(true).build();
    environment.set_syntax(syntax.unwrap_or_default());
    let added = environment.add_template_owned(field.to_owned(), template.to_owned());
    added.map_err(|error| TemplateError::new(field, &error))?;
    render(&environment, field, context)
}

/// A machine that has everything, to try a template on: which labels hosts have is not known when one is applied.
fn sample(profile: Option<&Profile>) -> Value {
    let mut context = Context::default();
    let files = profile.into_iter().flat_map(|profile| &profile.spec.files);
    context.files = files.map(|file| (file.name.clone(), "http://10.0.7.1/f".to_owned())).collect();
    context.host.macs = vec!["52:54:00:12:34:56".to_owned(); 4];
    context.network.dns = vec!["10.0.7.1".to_owned(); 4];
    context.network.ntp = vec!["10.0.7.1".to_owned(); 4];
    let Json::Object(mut parts) = json!(context) else { return Value::UNDEFINED };
    let host = parts.remove("host").unwrap_or_default();
    let labels = ("labels".to_owned(), Value::from_object(AnyName("1")));
    let host = host.as_object().into_iter().flatten().filter(|(key, _)| *key != "labels");
    let host = Value::from_pairs(host.map(|(key, part)| (key.clone(), value(part))).chain([labels]));
    Value::from_pairs(
        parts.iter().map(|(key, part)| (key.clone(), value(part))).chain([("host".to_owned(), host)]),
    )
}

/// What a context says, for the engine, which is built without serde.
fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(yes) => Value::from(*yes),
        Json::Number(number) => number.as_i64().map_or_else(|| Value::from(number.as_f64()), Value::from),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::from_iter(items.iter().map(value)),
        Json::Object(entries) => {
            Value::from_pairs(entries.iter().map(|(key, part)| (key.clone(), value(part))))
        }
    }
}

/// What in the templates of a profile cannot be, each fault with its field.
pub(crate) fn profile_faults(profile: &Profile) -> Vec<String> {
    let spec = &profile.spec;
    let line = spec.command_line.iter().map(|text| ("spec.commandLine".to_owned(), text));
    let script = spec.script.iter().map(|text| ("spec.script".to_owned(), text));
    let files = spec.files.iter().enumerate();
    let files = files.map(|(at, file)| (format!("spec.files[{at}].content"), &file.content));
    line.chain(script).chain(files).filter_map(|(field, text)| fault(&field, text, Some(profile))).collect()
}

/// What in the templates of a network's options cannot be, each fault with its field.
pub(crate) fn network_faults(network: &Network) -> Vec<String> {
    let options = network.spec.options.iter().enumerate();
    let texts =
        options.filter_map(|(at, option)| Some((format!("spec.options[{at}].text"), option.text.as_ref()?)));
    texts.filter_map(|(field, text)| fault(&field, text, None)).collect()
}

fn fault(field: &str, text: &str, profile: Option<&Profile>) -> Option<String> {
    if !MARKS.iter().any(|mark| text.contains(mark)) {
        return None;
    }
    filled(field, text, sample(profile)).err().map(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use ironhand_api::{Manifest, parse_manifests};

    use super::*;

    fn profile(line: &str) -> Profile {
        let text = format!(
            "{{ apiVersion: ironhand/v1, kind: Profile, metadata: {{ name: a }}, spec: {{ kernel: 'http://a/b', \
             commandLine: \"{line}\", files: [{{ name: preseed.cfg, content: '%pre' }}] }} }}"
        );
        match parse_manifests("test", &text).unwrap().remove(0) {
            Manifest::Profile(profile) => profile,
            other => panic!("{}", other.kind()),
        }
    }

    #[test]
    fn templates_of_profiles_are_tried_when_they_are_applied() {
        let check = |line: &str, wanted: Option<&str>| {
            let found = profile_faults(&profile(line));
            match wanted {
                None => assert!(found.is_empty(), "{found:?}"),
                Some(wanted) => assert!(found[0].contains(wanted), "{found:?}"),
            }
        };
        check("quiet ---", None);
        check(
            "url={{ files['preseed.cfg'] }} {{ host.labels.rack }} {{ network.dns[0] }} {{ bootif }}",
            None,
        );
        check("{% if host.cluster %}a{% endif %}", None);
        check("url={{ files['other'] }}", Some("spec.commandLine"));
        check("{{ hostname }}", Some("spec.commandLine"));
        check("{{ host.name", Some("spec.commandLine"));
    }

    #[test]
    fn texts_without_templates_are_left_as_they_are() {
        let filled = BootTemplates.fill("%pre ${x} }}", &Context::default());
        assert_eq!(filled.as_deref(), Ok("%pre ${x} }}"));
        let context = Context { mac: "52:54:00:12:34:56".to_owned(), ..Context::default() };
        assert_eq!(
            BootTemplates.fill("BOOTIF={{ mac }}", &context).as_deref(),
            Ok("BOOTIF=52:54:00:12:34:56")
        );
        assert!(BootTemplates.fill("{{ other }}", &context).is_err());
        let file = BootTemplates.fill("d-i netcfg/mac {{ mac }}\n", &context);
        assert_eq!(file.as_deref(), Ok("d-i netcfg/mac 52:54:00:12:34:56\n"));
    }
}
