//! Objects of Vaxiin, and what becomes of them.

use super::*;

fn imported(objects: Value) -> Imported {
    let objects = objects.as_array().cloned().unwrap();
    import(objects.into_iter().map(|object| (PathBuf::from("a.yaml"), object)).collect())
}

#[test]
fn keys_become_keys() {
    let logins = BTreeMap::from([(
        "bios".to_owned(),
        Login { name: "bios".parse().unwrap(), username: "root".to_owned() },
    )]);
    let around = Around { logins: &logins, own: logins.get("bios") };
    let check = |data: &str, wanted: &str| {
        let action =
            Action { name: "a".to_owned(), action_type: "keystroke".to_owned(), action_data: json!(data) };
        let made = steps_of(&action, &around).map(|steps| steps[0]["keys"].as_str().unwrap().to_owned());
        assert_eq!(made.as_deref().unwrap_or_else(|error| error), wanted, "{data}");
        if made.is_ok() && !wanted.contains("{{") {
            assert!(ironhand_console::keys::parse_with(wanted, |_| Some("x".into())).is_ok(), "{wanted}");
        }
    };
    check("Keys.F1", "<F1>");
    check("keys.enter;root;Keys.RETURN", "<Enter><wait 5s>root<Enter>");
    check("Keys.CONTROL+Keys.ALT+Keys.DELETE", "<Ctrl-Alt-Del>");
    check("Keys.LEFT_ALT+x", "<Alt-x>");
    check("Keys.NUMPAD7", "7");
    check("a<b", "a<<b");
    check("echo {a} {};", "echo {a} {}");
    check("{cred_store::bios::password}", "<secret bios>");
    check("{cred::username}", "root");
    check("{device::uid}", "{{ host.name }}");
    check("{metadata::rack no}", "{{ host.labels['rack-no'] }}");
    check("{cred_store::none::password}", "there is no credential `none`");
    check("Keys.CANCEL", "no key is `Keys.CANCEL` here");
    check("Keys.F13", "no key is `Keys.F13` here");
    check("Keys.F1+Keys.F2", "`Keys.F1` is no key to be held");
}

#[test]
fn actions_become_steps() {
    let check = |kind: &str, data: Value, wanted: Result<Value, &str>| {
        let action = Action { name: "a".to_owned(), action_type: kind.to_owned(), action_data: data.clone() };
        let around = Around { logins: &BTreeMap::new(), own: None };
        let made = steps_of(&action, &around);
        assert_eq!(made.map(Value::from), wanted.map_err(str::to_owned), "{kind} {data}");
    };
    check("power", json!("graceful"), Ok(json!([{ "power": "soft" }])));
    check("power", json!("status"), Ok(json!([])));
    check("power", json!("explode"), Err("`explode` is no power action"));
    check("sleep", json!(30), Ok(json!([{ "sleep": "30s" }])));
    check("sleep", json!("a while"), Err("`a while` is no number of seconds"));
    let boot = json!([{ "bootDevice": { "device": "pxe", "persistent": false, "uefi": true } }]);
    check("ipmitool", json!("chassis bootdev pxe options=efiboot"), Ok(boot));
    let raw = json!([{ "ipmiRaw": { "netFn": 6, "command": 2, "data": [1, 255] } }]);
    check("ipmitool", json!("raw 0x06 2 0x01 0xff"), Ok(raw));
    check("ipmitool", json!("sel clear"), Err("no step does `ipmitool sel clear`"));
    let http = json!([{ "http": { "method": "GET", "url": "http://p/reset?h={{ host.name }}", "expect": { "status": ["2xx", "3xx"] } } }]);
    check("request", json!("http://p/reset?h={device::uid}"), Ok(http));
    check(
        "request",
        json!("http://p/?k={cred::password}"),
        Err("`{cred::password}` is of no credential that all devices share"),
    );
    check("dance", json!(""), Err("`dance` is no type of action that is known"));
}

#[test]
fn rules_keep_their_order_and_what_cannot_be_is_told() {
    let made = imported(json!([
        { "name": "Default", "username": "admin", "password": "hunter2" },
        { "uid": "Rack7 12", "ipmi_ip": "10.0.7.12", "model": "idrac9", "metadata": { "rack": "7" } },
        { "uid": "old", "ipmi_ip": "10.0.7.13", "model": "imm2", "creds_name": "gone" },
        { "name": "f1", "action_type": "keystroke", "action_data": "Keys.F1" },
        { "name": "last", "regex": "three$", "actions": ["f1"] },
        { "name": "first", "regex": "one", "actions": ["f1"], "before_rule": "second", "enabled": false },
        { "name": "second", "regex": "two", "actions": ["f1"], "ignore_case": false, "before_rule": "last" },
        { "name": "look", "regex": "a(?=b)", "actions": ["f1"] },
        { "name": "empty", "regex": "x", "actions": ["none"] },
        { "device_uid": "old", "screenshot": "" },
        { "strange": 1 },
    ]));
    let flows: Vec<_> = made
        .flows
        .iter()
        .map(|flow| {
            (flow["metadata"]["name"].as_str().unwrap(), flow["spec"]["when"]["screen"].as_str().unwrap())
        })
        .collect();
    assert_eq!(flows, [("first", "one"), ("second", "(?-i)two"), ("last", "(?-m)three$")]);
    let priorities: Vec<_> =
        made.flows.iter().map(|flow| flow["spec"]["priority"].as_u64().unwrap()).collect();
    assert!(priorities.is_sorted_by(|one, other| one > other), "{priorities:?}");
    assert_eq!(made.flows[0]["spec"]["dryRun"], true);
    let host = &made.hosts[0];
    assert_eq!(host["metadata"], json!({ "name": "rack7-12", "labels": { "model": "idrac9", "rack": "7" } }));
    assert_eq!(host["spec"]["credentials"], json!(["default"]));
    let left = made.left.join("\n");
    for wanted in ["no credential `gone`", "rule `look`", "no action `none`", "no credential, device"] {
        assert!(left.contains(wanted), "{wanted}: {left}");
    }
    assert!(!format!("{:?}", made.credentials).contains("hunter2"));
}
