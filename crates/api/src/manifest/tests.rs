mod connectors;
mod faults;

use std::path::Path;

use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::*;
use crate::{
    BootDevice, BootDeviceStep, Condition, ConnectorType, PowerAction, PowerState, Secret, Span, Step,
};

fn document(kind: &str, spec: &str) -> String {
    let spec = spec.trim_matches('\n').replace("\n", "\n  ");
    format!("apiVersion: ironhand/v1\nkind: {kind}\nmetadata: {{ name: n }}\nspec:\n  {spec}\n")
}

fn one(text: &str) -> Manifest {
    let mut manifests = parse_manifests("f.yaml", text).unwrap();
    assert_eq!(manifests.len(), 1);
    manifests.remove(0)
}

#[test]
fn a_host_is_read_with_all_its_fields() {
    let Manifest::Host(host) = one("
apiVersion: ironhand/v1
kind: Host
metadata: { name: rack7-12, labels: { rack: '7', role: web }, resourceVersion: 4 }
spec:
  credentials: [dc-standard, factory]
  connectors:
    - { type: ipmi, address: 10.0.7.12, port: 6230, cipherSuites: [17, 3] }
    - { type: vnc, address: '2001:db8::7', credentials: [] }
status: { power: ignored }
")
    else {
        panic!("not a Host")
    };
    assert_eq!(host.metadata.name.as_str(), "rack7-12");
    assert_eq!(host.metadata.labels["rack"], "7");
    assert_eq!(host.metadata.resource_version, Some(4));
    assert!(host.status.is_none());
    let [ipmi, vnc] = &host.spec.connectors[..] else { panic!("{:?}", host.spec) };
    assert_eq!((ipmi.kind(), ipmi.effective_port()), (ConnectorType::Ipmi, 6230));
    let suites = Some(vec![17, 3]);
    assert_eq!(ipmi.way, crate::Way::Ipmi(crate::IpmiOptions { cipher_suites: suites }));
    assert_eq!((vnc.address.as_str(), vnc.effective_port()), ("2001:db8::7", 5900));
    assert_eq!(vnc.credentials.as_deref(), Some(&[][..]));
}

#[test]
fn a_flow_is_read_with_all_its_fields() {
    let Manifest::Flow(flow) = one(r"
apiVersion: ironhand/v1
kind: Flow
metadata: { name: power-supply-f1 }
spec:
  select: { labels: { role: web } }
  when: { screen: 'Press\s+F1', unless: 'login:', stable: 3 }
  priority: -5
  do:
    - keys: '<F1>'
    - power: cycle
    - bootDevice: pxe
    - bootDevice: { device: disk, persistent: true, uefi: true }
    - waitFor: { screen: 'login:', power: on, timeout: 8m }
    - sleep: 500ms
    - snapshot:
    - snapshot: before
  verify: { power: off, timeout: 5m }
  limits: { attempts: 3, cooldown: 30m }
  examples:
    - { picture: f1.png, matches: true }
    - { text: 'login:', matches: false }
")
    else {
        panic!("not a Flow")
    };
    let spec = flow.spec;
    assert_eq!(spec.select.to_string(), "hosts with labels role=web");
    assert_eq!((spec.when.condition, spec.when.stable), (Condition::on_screen(r"Press\s+F1"), 3));
    assert_eq!((spec.priority, spec.limits.attempts), (-5, 3));
    assert_eq!(spec.verify.condition.power, Some(PowerState::Off));
    assert_eq!(
        spec.steps,
        [
            Step::Keys("<F1>".into()),
            Step::Power(PowerAction::Cycle),
            Step::BootDevice(BootDeviceStep::Once(BootDevice::Pxe)),
            Step::BootDevice(BootDeviceStep::Full { device: BootDevice::Disk, persistent: true, uefi: true }),
            Step::WaitFor(crate::WaitFor {
                condition: Condition { power: Some(PowerState::On), ..Condition::on_screen("login:") },
                timeout: Span::from_secs(480),
            }),
            Step::Sleep("500ms".parse().unwrap()),
            Step::Snapshot(None),
            Step::Snapshot(Some("before".into())),
        ]
    );
    assert_eq!(spec.examples.len(), 2);
}

#[test]
fn conditions_are_read_as_trees() {
    let read = |when: &str| {
        let text = format!("when: {when}\ndo: [{{ keys: y }}]\nverify: {{ screen: z, timeout: 1m }}");
        let Manifest::Flow(flow) = one(&document("Flow", &text)) else { panic!("not a Flow") };
        // What is stored reads back as it was.
        let json = serde_json::to_string(&flow).unwrap();
        assert_eq!(serde_json::from_str::<Flow>(&json).unwrap(), flow);
        flow.spec.when.condition
    };
    let within = crate::PatternWithin {
        pattern: "grub>".into(),
        region: crate::Region { rows: Some([-1, -1]), columns: None },
        min_confidence: Some(0.9),
    };
    let wanted = Condition {
        any: vec![
            Condition { screen: Some(crate::ScreenPattern::Within(within)), ..Condition::default() },
            Condition {
                screen_kind: Some(crate::ScreenKind::Blank),
                unchanged_for: Some("10m".parse().unwrap()),
                ..Condition::default()
            },
        ],
        not: Some(Box::new(Condition { reach: Some(crate::Reach::AuthFailed), ..Condition::default() })),
        power: Some(PowerState::On),
        ..Condition::default()
    };
    let tree = "{ any: [{ screen: { pattern: 'grub>', region: { rows: [-1, -1] }, minConfidence: 0.9 } }, \
                { screenKind: blank, unchangedFor: 10m }], not: { reach: auth_failed }, power: on }";
    assert_eq!(read(tree), wanted);
}

#[test]
fn steps_are_read_within_steps() {
    let text = document(
        "Flow",
        r"
select: { labels: 'rack!=7,!retired', cluster: web, zone: [ams, fra] }
when: { screen: x }
do:
  - choose:
      branches:
        - when: { screen: a }
          do:
            - repeat: { do: [{ keys: '<Down>' }, { call: log-in }], until: { screen: b }, times: 5, timeout: 1m }
      otherwise: [{ snapshot: none }]
  - call: { flow: log-in }
verify: { screen: z, timeout: 1m }",
    );
    let Manifest::Flow(flow) = one(&text) else { panic!("not a Flow") };
    assert_eq!(
        flow.spec.select.to_string(),
        "hosts with labels rack!=7,!retired and in cluster web and in zone ams or fra"
    );
    let mut places = Vec::new();
    Step::walk(&flow.spec.steps, "do", &mut |place, step| places.push(format!("{place}: {step}")));
    assert_eq!(
        places,
        [
            "do[0]: choose by `a` on the screen, within 30s",
            "do[0].choose.branches[0].do[0]: repeat until `b` on the screen, at most 5 times within 1m",
            "do[0].choose.branches[0].do[0].repeat.do[0]: press `<Down>`",
            "do[0].choose.branches[0].do[0].repeat.do[1]: do the steps of flow log-in",
            "do[0].choose.otherwise[0]: keep a picture of the screen (none)",
            "do[1]: do the steps of flow log-in",
        ]
    );
    let json = serde_json::to_string(&flow).unwrap();
    assert_eq!(serde_json::from_str::<Flow>(&json).unwrap(), flow);
}

#[test]
fn a_short_flow_has_defaults() {
    let text = document("Flow", "when: { screen: x }\ndo: [{ keys: y }]\nverify: { screen: z, timeout: 1m }");
    let Manifest::Flow(flow) = one(&text) else { panic!("not a Flow") };
    assert_eq!(
        (flow.spec.when.stable, flow.spec.priority, flow.spec.limits),
        (2, 0, crate::Limits::default())
    );
    assert!(flow.spec.select.is_all() && flow.spec.examples.is_empty());
}

#[test]
fn secrets_are_read_in_each_form_and_a_plain_one_is_never_written() {
    let read = |password: &str| {
        let text = document("Credential", &format!("username: admin\npassword: {password}"));
        match one(&text) {
            Manifest::Credential(credential) => credential,
            _ => panic!("not a Credential"),
        }
    };
    assert!(matches!(read("{ fromFile: /run/p }").spec.password, Secret::FromFile(path) if path == "/run/p"));
    assert!(matches!(read("{ fromEnv: P }").spec.password, Secret::FromEnv(name) if name == "P"));
    assert!(matches!(read("{ sealed: abc }").spec.password, Secret::Sealed(text) if text == "abc"));
    let plain = read("'hunter2'");
    assert!(matches!(&plain.spec.password, Secret::Plain(value) if value.expose_secret() == "hunter2"));
    let refused = serde_json::to_string(&Manifest::Credential(plain.clone())).unwrap_err().to_string();
    assert_eq!(refused, "a plain secret is never written out");
    // The one way to send it is read again by the server.
    let sent = one(&plain.to_transport().to_string());
    assert!(matches!(sent, Manifest::Credential(sent)
        if matches!(&sent.spec.password, Secret::Plain(value) if value.expose_secret() == "hunter2")));
}

#[test]
fn a_secret_without_quotes_that_reads_as_a_mapping_is_not_repeated() {
    for password in
        ["{hunter2}", "{hunter2: 1}", "{fromFile: hunter2, hunter2}", "{fromfile: hunter2}", "[hunter2]"]
    {
        let text = document("Credential", &format!("username: admin\npassword: {password}"));
        let faults = parse_manifests("f", &text).map(drop).unwrap_err();
        assert!(!format!("{faults:?}").contains("hunter2"), "{faults:?}");
    }
}

#[test]
fn files_hold_any_number_of_documents_in_yaml_or_json() {
    let host = r#"{"apiVersion":"ironhand/v1","kind":"Host","metadata":{"name":"a"},
        "spec":{"credentials":["c"],"connectors":[{"type":"ipmi","address":"bmc-1.example.net","port":null}]}}"#;
    let count = |text: &str| parse_manifests("f", text).map(|manifests| manifests.len());
    assert_eq!(count(""), Ok(0));
    assert_eq!(count("# nothing here\n---\n---\n...\n"), Ok(0));
    assert_eq!(count(host), Ok(1));
    assert_eq!(count(&format!("\u{feff}{host}")), Ok(1));
    assert_eq!(count(&host.replace('\n', "\r\n")), Ok(1));
    assert_eq!(count(&format!("---\n{host}\n---\n{host}\n---\n# end\n")), Ok(2));
}

#[test]
fn a_file_full_of_faults_does_not_fill_the_memory() {
    let faults = parse_manifests("f", &"---\n- x\n".repeat(5000)).err().unwrap();
    assert_eq!(faults.len(), 1000);
}

#[test]
fn a_resource_reads_back_from_its_own_json() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../flows");
    let mut texts = vec![document(
        "Host",
        "credentials: [c]\nconnectors: [{ type: ipmi, address: a, cipherSuites: [3] }, { type: vnc, address: b }]",
    )];
    for file in ["firmware.yaml", "linux.yaml"] {
        texts.push(std::fs::read_to_string(folder.join(file)).unwrap());
    }
    let mut count = 0;
    for manifest in texts.iter().flat_map(|text| parse_manifests("f.yaml", text).unwrap()) {
        let json = serde_json::to_value(&manifest).unwrap();
        assert_eq!(json["apiVersion"], API_VERSION);
        assert_eq!(json["kind"], manifest.kind().to_string());
        let parsed = serde_json::to_value(one(&json.to_string())).unwrap();
        assert_eq!(parsed, json);
        let read: Manifest = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), json);
        count += 1;
    }
    assert!(count >= 7);
}

#[test]
fn another_version_is_not_read_as_this_one() {
    let json = r#"{ "apiVersion": "ironhand/v9", "kind": "Host", "metadata": { "name": "a" }, "spec": {} }"#;
    let error = serde_json::from_str::<Manifest>(json).err().unwrap().to_string();
    assert!(error.contains("unknown variant `ironhand/v9`, expected `ironhand/v1`"), "{error}");
}

#[test]
fn the_json_schema_knows_the_same_fields() {
    let schema = crate::json_schema(None);
    let check = |definition: &str, shape: &Shape| {
        let properties = schema["$defs"][definition]["properties"].as_object();
        let mut known: Vec<&str> = properties.expect(definition).keys().map(String::as_str).collect();
        let mut read = shape.fields.to_vec();
        known.sort_unstable();
        read.sort_unstable();
        assert_eq!(known, read, "{definition}");
    };
    check("HostSpec", &host::HOST);
    check("CredentialSpec", &credential::CREDENTIAL);
    check("FlowSpec", &flow::FLOW);
    check("Select", &select::SELECT);
    check("HostSelect", &select::HOST_SELECT);
    check("When", &flow::WHEN);
    check("WaitFor", &step::WAIT_FOR);
    check("Verify", &flow::VERIFY);
    check("Condition", &condition::CONDITION);
    check("PatternWithin", &condition::PATTERN);
    check("Region", &condition::REGION);
    check("Choose", &step::CHOOSE);
    check("Branch", &step::BRANCH);
    check("Repeat", &step::REPEAT);
    check("HttpStep", &step::http::HTTP);
    check("HttpExpect", &step::http::EXPECT);
    check("IpmiRaw", &step::tell::IPMI_RAW);
    check("SshStep", &step::machine::SSH);
    check("SshExpect", &step::machine::EXPECT);
    check("Deploy", &step::machine::DEPLOY);
    check("DeploymentIn", &condition::DEPLOYMENT_IN);
    check("Approve", &step::APPROVE);
    check("Limits", &flow::LIMITS);
    check("Example", &flow::EXAMPLE);
    check("Metadata", &metadata::METADATA);
    check("HostBoot", &host_boot::BOOT);
    check("NetworkSpec", &network::NETWORK);
    check("Ipv4Route", &network::ROUTE);
    check("NetworkIpv6", &network::IPV6);
    check("DhcpOption", &network::OPTION);
    check("DhcpNumber", &network::NUMBER);
    check("ProfileSpec", &profile::PROFILE);
    check("AnswerFile", &profile::FILE);
    check("DeploymentSpec", &deployment::DEPLOYMENT);
}

#[test]
fn the_json_schema_knows_the_fields_of_each_connector() {
    let schema = crate::json_schema(None);
    let definitions = &schema["$defs"];
    let names = |of: &serde_json::Value| -> Vec<String> {
        of["properties"].as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default()
    };
    let connector = &definitions["Connector"];
    let common = names(connector);
    for variant in connector["oneOf"].as_array().expect("a variant for each type") {
        let kind = variant["properties"]["type"]["const"].as_str().expect("a type");
        let kind = *ConnectorType::ALL.iter().find(|known| known.as_str() == kind).expect("a known type");
        let own = match variant["$ref"].as_str() {
            Some(reference) => names(&definitions[reference.rsplit('/').next().unwrap()]),
            None => Vec::new(),
        };
        let read = connector::shape(kind).fields;
        for field in &own {
            assert!(read.contains(&field.as_str()), "{kind:?}: {field}");
        }
        for field in read.iter().filter(|field| **field != "type") {
            let known = own.iter().chain(&common).any(|known| known == field);
            assert!(known, "{kind:?}: {field}");
        }
    }
}

/// Texts that are nearly manifests.
fn nearly() -> impl Strategy<Value = String> {
    let words = [
        "apiVersion",
        "kind",
        "metadata",
        "spec",
        "name",
        "ironhand/v1",
        "Host",
        "Flow",
        "Credential",
        "connectors",
        "type",
        "ipmi",
        "when",
        "screen",
        "do",
        "keys",
        "verify",
        "timeout",
        "5m",
        ": ",
        ":\n  ",
        ", ",
        "{ ",
        " }",
        "[",
        "]",
        "\n",
        "\n- ",
        "\n---\n",
        "&a ",
        "*a",
        "!!str ",
        "'",
        "\"",
        "|\n",
        ">-\n",
        "# ",
        "? ",
        "\\x",
        "\u{0}",
        "\t",
        "\u{feff}",
        "%YAML 1.2\n",
        "...\n",
        "-",
        "0x1F",
        "1e999",
        "é",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..60).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in prop_oneof![any::<String>(), nearly()]) {
        if let Err(faults) = parse_manifests("f", &text) {
            prop_assert!(!faults.is_empty());
            prop_assert!(faults.iter().all(|fault| fault.line >= 1 && fault.column >= 1));
            prop_assert!(faults.is_sorted_by_key(|fault| (fault.line, fault.column)));
        }
    }
}
