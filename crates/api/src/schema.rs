//! JSON Schema of manifests, for editors.

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{
    API_VERSION, ClusterSpec, CredentialSpec, DeploymentSpec, FlowSpec, HostSpec, Kind, Metadata,
    NetworkSpec, NotifierSpec, ProfileSpec, RepositorySpec, SettingsSpec, ZoneSpec,
};

/// The JSON Schema (draft 2020-12) of manifests of one kind, or of all.
///
/// It is for completion and for help while typing; [`parse_manifests`](crate::parse_manifests) checks more.
///
/// ```
/// use ironhand_api::{Kind, json_schema};
///
/// let schema = json_schema(Some(Kind::Host));
/// assert_eq!(schema["properties"]["kind"]["const"], "Host");
/// ```
pub fn json_schema(kind: Option<Kind>) -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = match kind {
        Some(kind) => document(kind, &mut generator),
        None => {
            let documents: Vec<Value> =
                Kind::ALL.into_iter().map(|kind| Value::Object(document(kind, &mut generator))).collect();
            Map::from_iter([
                ("title".to_owned(), json!("A manifest of Ironhand")),
                ("oneOf".to_owned(), json!(documents)),
            ])
        }
    };
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("$defs".to_owned(), Value::Object(generator.take_definitions(true)));
    Value::Object(schema)
}

fn document(kind: Kind, generator: &mut SchemaGenerator) -> Map<String, Value> {
    let (title, spec) = match kind {
        Kind::Host => ("A physical server", part::<HostSpec>(generator)),
        Kind::Credential => ("A user name and password", part::<CredentialSpec>(generator)),
        Kind::Flow => ("A recovery procedure", part::<FlowSpec>(generator)),
        Kind::Zone => ("A place that clusters stand in", part::<ZoneSpec>(generator)),
        Kind::Cluster => ("Hosts that belong together", part::<ClusterSpec>(generator)),
        Kind::Settings => ("How often, how long, how many", part::<SettingsSpec>(generator)),
        Kind::Notifier => ("Who is told of what", part::<NotifierSpec>(generator)),
        Kind::Repository => ("A Git repository that is followed", part::<RepositorySpec>(generator)),
        Kind::Network => ("A network that machines boot from", part::<NetworkSpec>(generator)),
        Kind::Profile => ("How machines are booted or installed", part::<ProfileSpec>(generator)),
        Kind::Deployment => ("A profile bound to a host", part::<DeploymentSpec>(generator)),
    };
    let metadata = part::<Metadata>(generator);
    let document = json!({
        "title": title,
        "type": "object",
        "properties": {
            "apiVersion": { "const": API_VERSION },
            "kind": { "const": kind },
            "metadata": metadata,
            "spec": spec,
            "status": { "description": "what the server observed; not read from manifests" },
        },
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": false,
    });
    match document {
        Value::Object(document) => document,
        _ => Map::new(),
    }
}

fn part<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every reference of a schema leads somewhere.
    fn check_references(schema: &Value, root: &Value) {
        match schema {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(root.pointer(pointer).is_some(), "{reference}");
                }
                fields.values().for_each(|value| check_references(value, root));
            }
            Value::Array(items) => items.iter().for_each(|item| check_references(item, root)),
            _ => {}
        }
    }

    #[test]
    fn each_kind_has_a_schema_that_stands_alone() {
        for kind in Kind::ALL.map(Some).into_iter().chain([None]) {
            let schema = json_schema(kind);
            check_references(&schema, &schema);
        }
        assert_eq!(json_schema(None)["oneOf"].as_array().unwrap().len(), Kind::ALL.len());
    }

    #[test]
    fn bounds_and_closed_mappings_reach_the_schema() {
        let schema = json_schema(Some(Kind::Flow));
        let spec = &schema["$defs"]["FlowSpec"];
        assert_eq!(spec["additionalProperties"], false);
        assert_eq!(schema["$defs"]["When"]["properties"]["stable"]["maximum"], 100);
        assert_eq!(schema["$defs"]["Limits"]["properties"]["attempts"]["minimum"], 1);
        let required = spec["required"].as_array().unwrap();
        assert!(
            ["when", "do", "verify"].iter().all(|field| required.contains(&json!(field))),
            "{required:?}"
        );
    }
}
