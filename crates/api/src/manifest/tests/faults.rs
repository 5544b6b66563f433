//! What is told of manifests with faults: place, message, hint.

use super::document;
use crate::parse_manifests;

/// Checks the faults of a text, each written as `line:column message (hint)`.
fn check(text: &str, wanted: &[&str]) {
    let faults = parse_manifests("f.yaml", text).err().unwrap_or_default();
    let got: Vec<String> = faults
        .iter()
        .map(|fault| {
            assert_eq!(fault.file, "f.yaml");
            let place = format!("{}:{} {}", fault.line, fault.column, fault.message);
            fault.hint.as_ref().map_or(place.clone(), |hint| format!("{place} ({hint})"))
        })
        .collect();
    assert_eq!(got, wanted, "\n{text}");
}

/// Checks a `Host` whose spec is `spec`, which begins at line 5, column 3.
fn check_host(spec: &str, wanted: &[&str]) {
    check(&document("Host", spec), wanted);
}

/// The same for a `Flow`.
fn check_flow(spec: &str, wanted: &[&str]) {
    check(&document("Flow", spec), wanted);
}

/// The same for a `Credential`.
fn check_credential(spec: &str, wanted: &[&str]) {
    check(&document("Credential", spec), wanted);
}

#[test]
fn what_is_no_manifest_says_so() {
    check(
        "just words",
        &[
            "1:1 a manifest must be a mapping, not a text (its fields: apiVersion, kind, metadata, spec, status)",
        ],
    );
    check(
        "[1, 2]",
        &[
            "1:1 a manifest must be a mapping, not a list (its fields: apiVersion, kind, metadata, spec, status)",
        ],
    );
    check(
        "{}",
        &[
            "1:1 this is not a manifest (a manifest has `apiVersion: ironhand/v1`, `kind`, `metadata` and `spec`)",
        ],
    );
    check(
        "apiVersion: ironhand/v2\nkind: Host\nmetadata: { name: a }\n",
        &[
            "1:1 `spec` is missing in a manifest",
            "1:13 apiVersion `ironhand/v2` is not understood (this version understands ironhand/v1)",
        ],
    );
    check(
        "apiVersion: 1\nkind: Host\nmetadata: { name: a }\nspec: 5",
        &[
            "1:13 `apiVersion` must be a text, not a whole number (write it in quotes)",
            "4:7 the spec of a Host must be a mapping, not a whole number (its fields: cluster, macs, credentials, connectors, boot, health, settings)",
        ],
    );
    check(
        "apiVersion: ironhand/v1\nkind: Hots\nmetadata: { name: a }\nspec: {}\n",
        &["2:7 `Hots` is not a kind of resource (did you mean `Host`?)"],
    );
    check(
        "apiVersion: ironhand/v1\nkind: Pod\nmetadata: { name: a }\nspec: {}\n",
        &[
            "2:7 `Pod` is not a kind of resource (one of: Cluster, Credential, Deployment, Flow, Host, Network, Notifier, Profile, Repository, Settings, Zone)",
        ],
    );
    check(
        "apiVersion: ironhand/v1\nkind: Media\nmetadata: { name: a }\nspec: {}\n",
        &[
            "2:7 kind `Media` is not available in this version (available: Cluster, Credential, Deployment, Flow, Host, Network, Notifier, Profile, Repository, Settings, Zone)",
        ],
    );
    check(
        "apiVersion: ironhand/v1\nkind: Flow\nmetadata: { name: a }\nspek: {}\n",
        &["4:1 unknown field `spek` in a manifest (did you mean `spec`?)"],
    );
}

#[test]
fn faults_of_the_yaml_itself_are_placed() {
    check("apiVersion: [1, 2\nkind: Host\n", &["2:5 not YAML: illegal placement of ':' indicator"]);
    check("a: 1\n\tb: 2\n", &["1:4 not YAML: while scanning a plain scalar, found a tab"]);
    check("a: 'open\n", &["2:1 not YAML: invalid indentation in multiline quoted scalar"]);
    check(
        "a: 1\na: 2\n",
        &[
            "1:1 this is not a manifest (a manifest has `apiVersion: ironhand/v1`, `kind`, `metadata` and `spec`)",
            "2:1 `a` is written twice, first on line 1 (keep one of the two)",
        ],
    );
    check(
        "a: &x 1\nb: *x\n",
        &[
            "1:1 this is not a manifest (a manifest has `apiVersion: ironhand/v1`, `kind`, `metadata` and `spec`)",
            "1:7 anchors are not understood in manifests (write the value out where it is needed)",
            "2:4 aliases are not understood in manifests (write the value out)",
        ],
    );
    check(
        "a: !!str 1\n",
        &[
            "1:1 this is not a manifest (a manifest has `apiVersion: ironhand/v1`, `kind`, `metadata` and `spec`)",
            "1:10 tags are not understood in manifests (write texts in quotes, everything else without)",
        ],
    );
    check("? [a, b]\n: 1\n", &["1:3 a key must be a word"]);
    check(
        "<<: { a: 1 }\n",
        &[
            "1:1 this is not a manifest (a manifest has `apiVersion: ironhand/v1`, `kind`, `metadata` and `spec`)",
        ],
    );
    check(&"[".repeat(100), &["1:33 mappings and lists are more than 32 deep inside one another"]);
    check(
        &format!("a:{}", "\n".repeat(3)),
        &[
            "1:1 this is not a manifest (a manifest has `apiVersion: ironhand/v1`, `kind`, `metadata` and `spec`)",
        ],
    );
}

#[test]
fn faults_of_metadata_are_placed() {
    let check = |metadata: &str, wanted: &[&str]| {
        let spec = "spec: { credentials: [c], connectors: [{ type: vnc, address: a }] }";
        check(&format!("apiVersion: ironhand/v1\nkind: Host\nmetadata: {metadata}\n{spec}\n"), wanted);
    };
    check(
        "{ name: Rack7 }",
        &[
            "3:19 `name`: `Rack7` is not a name: use 1 to 63 lower-case letters, digits, `-` and `.`, beginning and ending with a letter or digit (did you mean `rack7`?)",
        ],
    );
    check(
        "{ name: 'rack 7' }",
        &[
            "3:19 `name`: `rack 7` is not a name: use 1 to 63 lower-case letters, digits, `-` and `.`, beginning and ending with a letter or digit",
        ],
    );
    check("{ name: 7 }", &["3:19 `name` must be a text, not a whole number (write it in quotes)"]);
    check("{ labels: { a: b } }", &["3:11 `name` is missing in metadata"]);
    check(
        "{ name: a, label: { a: b } }",
        &["3:22 unknown field `label` in metadata (did you mean `labels`?)"],
    );
    check("{ name: a, labels: [a] }", &["3:30 `labels` must be a mapping, not a list"]);
    check(
        "{ name: a, labels: { rack: 7, ok: on, b: true, 'c d': x, e: 'f=g' } }",
        &[
            "3:38 `rack` must be a text, not a whole number (write it in quotes)",
            "3:52 `b` must be a text, not true or false (write it in quotes)",
            "3:58 `c d` cannot be the key of a label (without blanks and without any of , = ! ( ))",
            "3:71 `f=g` cannot be the value of a label (without blanks and without any of , = ! ( ))",
        ],
    );
    check(
        "{ name: a, resourceVersion: x, createdAt: yesterday }",
        &[
            "3:39 `resourceVersion` must be a whole number, not a text",
            "3:53 `createdAt`: `yesterday` is not a point in time; write it like 2026-03-01T02:14:07Z",
        ],
    );
}

#[test]
fn faults_of_a_host_are_placed() {
    check_host("{}", &["5:3 `connectors` is missing in the spec of a Host"]);
    check_host("connectors: []", &["5:15 `connectors` is empty"]);
    check_host(
        "conectors: [{ type: ipmi }]",
        &["5:3 unknown field `conectors` in the spec of a Host (did you mean `connectors`?)"],
    );
    check_host(
        "connectors: [{ type: ipmi, address: a }]",
        &["5:16 an ipmi connector needs credentials (name a Credential in the spec's `credentials`)"],
    );
    check_host("connectors: [{ type: ipmi, address: a, credentials: [] }]", &[]);
    check_host("connectors: [{ type: vnc, address: a }]", &[]);
    check_host(
        "cluster: web\nmacs: []\nhealth: { ping: a, tcp: 'a:22' }\nconnectors: [{ type: vnc, address: a }]",
        &[
            "6:9 `macs` is empty",
            "7:11 a check has one of `ping`, `tcp`, `http`, `ssh` and `heartbeat` (several checks are a list, with one such field each)",
        ],
    );
    let checks = |health: &str, expected: &[&str]| {
        check_host(&format!("connectors: [{{ type: vnc, address: a }}]\nhealth: {health}"), expected);
    };
    checks("{ ping: 10.1.7.12, after: 60s }", &[]);
    checks("[{ ping: a }, { tcp: 'a:443', every: 5s }, { heartbeat: { every: 30s } }]", &[]);
    checks("{ http: { url: 'https://{host}.example/', status: 200, contains: ok } }", &[]);
    checks("{ tcp: a }", &["6:11 `tcp` names no port (write it like 10.1.7.12:443)"]);
    checks(
        "{ ping: a, heartbeat: { every: 1s } }",
        &[
            "6:11 a check has one of `ping`, `tcp`, `http`, `ssh` and `heartbeat` (several checks are a list, with one such field each)",
        ],
    );
    checks(
        "[{ ping: a }, { ping: b }]",
        &["6:11 two checks are called `ping` (give each a `name` of its own)"],
    );
    checks(
        "{ heartbeat: { every: 30s }, every: 5s }",
        &["6:11 `every` of a heartbeat stands within `heartbeat` (write it like heartbeat: { every: 30s })"],
    );
    checks("{ http: { url: 'ftp://a' } }", &["6:26 `url` must begin with http:// or https://"]);
    check_host(
        "macs: [aa-bb-cc-00-11-22, 'aa:bb', 5]\nconnectors: [{ type: vnc, address: a }]",
        &[
            "5:29 `aa:bb` is not a hardware address; write it like 52:54:00:12:34:56",
            "5:38 `macs` must be a text, not a whole number (write it in quotes)",
        ],
    );
    check_host(
        "connectors:\n  - { type: impi, address: c }\n  - { type: rlogin, address: d }\n  - { address: f }",
        &[
            "6:15 `impi` is not a type of connector (did you mean `ipmi`?)",
            "7:15 `rlogin` is not a type of connector (one of: ipmi, redfish, vnc, kvm, preview, ssh-console, telnet, serial-tcp, console-log, pdu, wol, gsm, tasmota, shelly, http-switch, pikvm, nanokvm, jetkvm, amt, winrm, ssh, qemu, libvirt)",
            "8:7 `type` is missing in a connector",
        ],
    );
    check_host(
        "connectors: [{ type: vnc, address: '10.0.0.1:5901' }, { type: vnc, address: 10.0.0.256 }, { type: vnc, address: 'a b' }, { type: vnc, address: '' }, { type: vnc }]",
        &[
            "5:38 `10.0.0.1:5901` is neither an IP address nor a host name (write the port apart: `port: 5901`)",
            "5:79 `10.0.0.256` is neither an IP address nor a host name (write it like 10.0.7.12, 2001:db8::7 or bmc-12.example.net)",
            "5:115 `a b` is neither an IP address nor a host name (write it like 10.0.7.12, 2001:db8::7 or bmc-12.example.net)",
            "5:146 `address` is empty",
            "5:152 `address` is missing in a vnc connector",
        ],
    );
    check_host(
        "connectors: [{ type: vnc, address: a, port: 0 }, { type: vnc, address: a, port: 65536 }, { type: vnc, address: a, port: '5900' }, { type: vnc, address: a, port: 5.5 }]",
        &[
            "5:47 `port` must be between 1 and 65535, not 0",
            "5:83 `port` must be between 1 and 65535, not 65536",
            "5:123 `port` must be a whole number, not a text",
            "5:164 `port` must be a whole number, not a number that is not whole",
        ],
    );
    check_host(
        "credentials: [c]\nconnectors: [{ type: ipmi, address: a, cipherSuites: [3, 8] }, { type: ipmi, address: a, cipherSuites: [0] }, { type: ipmi, address: a, cipherSuites: [] }, { type: ipmi, address: a, cipherSuites: [3, 3] }, { type: ipmi, address: a, cipherSuites: 17 }, { type: ipmi, address: a, cipherSuites: [17, 3] }]",
        &[
            "6:60 cipher suite 8 is not available in this version (available: 17, 3)",
            "6:107 cipher suite 0 is not available in this version (available: 17, 3)",
            "6:153 `cipherSuites` is empty",
            "6:199 `cipherSuites` names a suite twice",
            "6:249 `cipherSuites` must be a list, not a whole number",
        ],
    );
    check_host(
        "connectors: [{ type: vnc, address: a, cipherSuites: [3], outlets: [1], Address: b }]",
        &[
            "5:41 unknown field `cipherSuites` in a vnc connector (known fields: type, address, backupAddresses, port, credentials, through, tls, path, enableBy, keyboardLayout, keyInterval)",
            "5:60 unknown field `outlets` in a vnc connector (known fields: type, address, backupAddresses, port, credentials, through, tls, path, enableBy, keyboardLayout, keyInterval)",
            "5:74 unknown field `Address` in a vnc connector (did you mean `address`?)",
        ],
    );
    check_host(
        "credentials: dc\nconnectors: vnc",
        &["5:16 `credentials` must be a list, not a text", "6:15 `connectors` must be a list, not a text"],
    );
    check_host(
        "credentials: [DC, ok, 5]\nconnectors: [vnc]",
        &[
            "5:17 `credentials`: `DC` is not a name: use 1 to 63 lower-case letters, digits, `-` and `.`, beginning and ending with a letter or digit (did you mean `dc`?)",
            "5:25 `credentials` must be a text, not a whole number (write it in quotes)",
            "6:16 a connector must be a mapping, not a text (its fields: type)",
        ],
    );
}

#[test]
fn faults_of_a_flow_are_placed() {
    let rest = "when: { screen: x }\ndo: [{ keys: y }]\nverify: { screen: z, timeout: 1m }";
    check_flow(rest, &[]);
    check_flow(
        "{}",
        &[
            "5:3 `when` is missing in the spec of a Flow",
            "5:3 `do` is missing in the spec of a Flow",
            "5:3 `verify` is missing in the spec of a Flow",
        ],
    );
    check_flow(
        &format!("{rest}\nonFailure: {{ notify: oncall }}\npriorty: 1"),
        &["9:3 unknown field `priorty` in the spec of a Flow (did you mean `priority`?)"],
    );
    check_flow(
        &format!("{rest}\nonFailure: [{{ notify: oncall }}, {{ keys: x }}, {{ notify: {{ to: Oncall }} }}]"),
        &[
            "8:37 unknown field `keys` in `onFailure` (known fields: notify, http)",
            "8:58 `text` is missing in `notify`",
            "8:64 `to`: `Oncall` is not a name: use 1 to 63 lower-case letters, digits, `-` and `.`, beginning and ending with a letter or digit (did you mean `oncall`?)",
        ],
    );
    check_flow(
        &format!("{rest}\nselect: {{ maker: dell, labels: {{ a: 1 }} }}\npriority: 3000000000"),
        &[
            "8:13 unknown field `maker` in `select` (known fields: labels, cluster, zone, vendor, model)",
            "8:39 `a` must be a text, not a whole number (write it in quotes)",
            "9:13 `priority` must be between -2147483648 and 2147483647, not 3000000000",
        ],
    );
    check_flow(
        &format!("{rest}\nlimits: {{ attempts: 0, cooldown: 30 }}"),
        &[
            "8:23 `attempts` must be between 1 and 100, not 0",
            "8:36 `cooldown`: `30` is not a length of time; write it with units, like 500ms, 60s, 8m or 1h30m",
        ],
    );
    check_flow(
        &format!("{rest}\nlimits: {{ attempts: 101, cooldown: 0s, retries: 1 }}"),
        &[
            "8:23 `attempts` must be between 1 and 100, not 101",
            "8:42 unknown field `retries` in `limits` (known fields: attempts, cooldown, hosts)",
        ],
    );
    check_flow(
        &format!(
            "{rest}\nexamples: [{{ matches: true }}, {{ text: a, picture: b, matches: true }}, {{ text: a }}, {{ text: a, matches: yes }}]"
        ),
        &[
            "8:14 an example has `picture` or `text`, or says what else is known of the host",
            "8:33 an example has `picture` or `text`, or says what else is known of the host",
            "8:73 `matches` is missing in an example",
            "8:106 `matches` must be true or false, not a text",
        ],
    );
}

#[test]
fn faults_of_when_are_placed() {
    let check = |when: &str, wanted: &[&str]| {
        check_flow(
            &format!("when: {when}\ndo: [{{ keys: y }}]\nverify: {{ screen: z, timeout: 1m }}"),
            wanted,
        );
    };
    check(
        "{ stable: 0 }",
        &[
            "5:9 `when` names nothing that must be seen (name what must come true, like screen: 'login:')",
            "5:19 `stable` must be between 1 and 100, not 0",
        ],
    );
    check("{ screen: x, stable: 101 }", &["5:30 `stable` must be between 1 and 100, not 101"]);
    check("{ screen: x, stable: two }", &["5:30 `stable` must be a whole number, not a text"]);
    check(
        "{ screen: '', unless: '' }",
        &[
            "5:19 `screen`: an empty pattern matches every screen",
            "5:31 `unless`: an empty pattern matches every screen",
        ],
    );
    check("{ screen: 5 }", &["5:19 `screen` must be a text, not a whole number (write it in quotes)"]);
    check(
        "{ screen: x, event: { source: ipmi, pattern: '', within: soon } }",
        &[
            "5:39 `ipmi` is not where a controller tells of events (one of: sel, redfish)",
            "5:54 `pattern`: an empty pattern matches every screen",
            "5:66 `within`: `soon` is not a length of time; write it with units, like 500ms, 60s, 8m or 1h30m",
        ],
    );
    check("{ screen: x, event: { pattern: ECC } }", &[]);
    check("{ screen: x, serial: 'login:' }", &[]);
    check("{ screen: x, serial: { pattern: 'login:', within: 1m } }", &[]);
    check("{ screen: x, serial: { within: 1m } }", &["5:30 `pattern` is missing in `serial`"]);
    check(
        "{ phoneHome: x, any: [x] }",
        &[
            "5:11 `phoneHome` in `when` is not available in this version (available: screen, screenKind, unchangedFor, power, reach, ping, heartbeat, check, event, serial, deployment, since, all, any, not, unless, stable)",
            "5:31 a condition must be a mapping, not a text (its fields: screen, screenKind, unchangedFor, power, reach, ping, heartbeat, check, event, serial, deployment, since, all, any, not)",
        ],
    );
    check(
        "screen",
        &[
            "5:9 `when` must be a mapping, not a text (its fields: screen, screenKind, unchangedFor, power, reach, ping, heartbeat, check, event, serial, deployment, since, all, any, not, unless, stable)",
        ],
    );
    let nothing_wrong = "`when` names nothing that must be wrong (name, outside of `not`, what the screen shows \
                         (`screen`, `screenKind`, `unchangedFor`) or another sign: `power: off`, a `reach` that is not \
                         ok, a check that fails, an `event`, what stands on `serial`, a `deployment` that stopped or \
                         lasts)";
    for when in [
        "{ power: on }",
        "{ not: { screen: x } }",
        "{ not: { power: on } }",
        "{ any: [{ screen: x }, { reach: ok }] }",
        "{ ping: true, heartbeat: true, check: web, reach: ok }",
        "{ deployment: booting }",
        "{ deployment: { phase: [stopped, booted] } }",
    ] {
        check(when, &[&format!("5:9 {nothing_wrong}")]);
    }
    for when in [
        "{ power: off, since: 5m }",
        "{ any: [{ power: off }, { ping: false }] }",
        "{ any: [{ screen: x }, { check: { name: web, state: failing } }] }",
        "{ all: [{ heartbeat: false, since: 1m }], power: on }",
        "{ event: { pattern: ECC }, not: { screen: x } }",
        "{ serial: panic }",
        "{ reach: unreachable }",
        "{ deployment: stopped }",
        "{ deployment: { phase: booting, since: 1h } }",
        "{ deployment: { overdue: true } }",
    ] {
        check(when, &[]);
    }
    let dark = "5:9 a host that is off shows nothing of what `when` wants to see on its screen (write one flow for the \
                screen and one for `power: off`)";
    check("{ screen: x, power: off }", &[dark]);
    check("{ screen: x, any: [{ power: off }, { all: [{ power: off }] }] }", &[dark]);
    check("{ screen: x, any: [{ power: off }, { reach: ok }] }", &[]);
    check(
        "{ power: off, unless: x }",
        &[
            "5:9 `unless` looks at the screen, and this `when` holds without one (write `not: { screen: … }`, which waits \
           until the screen is read)",
        ],
    );
    check(
        "{ screen: x, power: dark, reach: bad, screenKind: graphics, unchangedFor: 0s, all: [] }",
        &[
            "5:29 `dark` is not a power state that can be waited for (one of: on, off)",
            "5:42 `bad` is not how a controller can be reached (one of: ok, unreachable, auth_failed, protocol_error, throttled, not_trusted)",
            "5:59 screenKind `graphics` is not available in this version (available: blank, text)",
            "5:83 `unchangedFor` must be longer than 0s",
            "5:92 `all` is empty",
        ],
    );
    check(
        "{ screen: { patern: x, region: { rows: [0, 1], columns: [3, 2] }, minConfidence: 2 } }",
        &[
            "5:21 unknown field `patern` in `screen` (did you mean `pattern`?)",
            "5:48 `rows` must be the first and the last, counted from 1 or, from the end, from -1",
            "5:65 `columns` must be the first and the last, counted from 1 or, from the end, from -1",
            "5:90 `minConfidence` must be a number between 0 and 1, not a whole number",
        ],
    );
    let deep = format!("{}{{ screen: x }}{}", "{ all: [".repeat(7), "] }".repeat(7));
    check(&deep, &["5:65 conditions stand 7 deep within conditions, and may 6"]);
    check(
        &format!("{{ screen: '{}' }}", "x".repeat(5000)),
        &["5:19 `screen` has 5000 bytes, and may have 4096"],
    );
}

#[test]
fn faults_of_steps_are_placed() {
    let check = |steps: &str, wanted: &[&str]| {
        check_flow(
            &format!("when: {{ screen: x }}\ndo: {steps}\nverify: {{ screen: z, timeout: 1m }}"),
            wanted,
        );
    };
    check("[]", &["6:7 `do` is empty"]);
    check("{ keys: x }", &["6:7 `do` must be a list, not a mapping"]);
    check(
        "[snapshot]",
        &[
            "6:8 a step must be a mapping, not a text (one of: keys, power, bootDevice, waitFor, sleep, snapshot, choose, repeat, call, approve, http, notify, serial, ipmiRaw, ssh, deploy)",
        ],
    );
    check("[{}]", &["6:8 a step has one field, not 0 (write each step as an item of its own)"]);
    check(
        "[{ keys: x, sleep: 1s }]",
        &["6:8 a step has one field, not 2 (write each step as an item of its own)"],
    );
    check(
        "[{ keys: '' }, { keys: 1 }, { keys: }]",
        &[
            "6:16 `keys` is empty",
            "6:30 `keys` must be a text, not a whole number (write it in quotes)",
            "6:41 `keys` must be a text, not nothing",
        ],
    );
    check(
        "[{ key: x }, { reboot: now }]",
        &[
            "6:10 `key` is not a step (did you mean `keys`?)",
            "6:22 `reboot` is not a step (one of: keys, power, bootDevice, waitFor, sleep, snapshot, choose, repeat, call, approve, http, notify, serial, ipmiRaw, ssh, deploy)",
        ],
    );
    check(
        "[{ http: {} }, { ipmiRaw: a }, { ssh: a }, { deploy: a }, { serial: 1 }]",
        &[
            "6:16 `url` is missing in `http`",
            "6:33 `ipmiRaw` must be a mapping, not a text (its fields: netFn, command, data, expectCompletion, idempotent)",
            "6:45 `ssh` must be a mapping, not a text (its fields: address, port, login, hostKey, run, input, expect, timeout, idempotent)",
            "6:60 `deploy` must be a mapping, not a text (its fields: profile, boot, deadline, timeout)",
            "6:75 `serial` must be a text, not a whole number (write it in quotes)",
        ],
    );
    check(
        "[{ ssh: { login: a, hostKey: b, port: 0, expect: { status: 300 }, timeout: 1h } }, { deploy: { boot: twice } }]",
        &[
            "6:15 `run` is missing in `ssh`",
            "6:36 `b` is not the fingerprint of a host key (write it as `ssh-keygen -lf` prints it: SHA256: and 43 characters)",
            "6:45 `port` must be between 1 and 65535, not 0",
            "6:66 `status` must be between 0 and 255, not 300",
            "6:82 `timeout` must not be more than 10m",
            "6:100 `profile` is missing in `deploy`",
            "6:108 `twice` is not how often a profile is booted (one of: once, always)",
        ],
    );
    check(
        "[{ waitFor: { deployment: { since: 5m }, timeout: 1m } }, { waitFor: { deployment: boot, timeout: 1m } }]",
        &[
            "6:33 `deployment` does not say how far it must have come (name a `phase`, or whether it is `overdue`)",
            "6:90 `boot` is not a phase of a deployment (one of: waiting, booting, booted, stopped)",
        ],
    );
    check(
        "[{ notify: a }, { approve: a }, { call: [] }, { repeat: a }, { choose: {} }, { choose: { branches: [{ do: [] }] } }]",
        &[
            "6:34 `approve` must be a mapping, not a text (its fields: ask, timeout)",
            "6:47 `call` must be a text, not a list",
            "6:63 `repeat` must be a mapping, not a text (its fields: do, until, times, timeout)",
            "6:78 `branches` is missing in `choose`",
            "6:107 `when` is missing in a branch",
            "6:113 `do` is empty",
        ],
    );
    check(
        "[{ power: of }, { power: diag }, { power: true }]",
        &[
            "6:17 `of` is not a power action (did you mean `off`?)",
            "6:32 `diag` is not a power action (one of: on, off, cycle, reset, soft, nmi)",
            "6:49 `true` is not a power action (one of: on, off, cycle, reset, soft, nmi)",
        ],
    );
    check(
        "[{ bootDevice: http }, { bootDevice: hdd }, { bootDevice: { persistent: 1 } }]",
        &[
            "6:22 boot device `http` is not available in this version (available: none, pxe, disk, cdrom, bios)",
            "6:44 `hdd` is not a boot device (one of: none, pxe, disk, cdrom, bios)",
            "6:65 `device` is missing in `bootDevice`",
            "6:79 `persistent` must be true or false, not a whole number",
        ],
    );
    check(
        "[{ sleep: 5 }, { sleep: 0s }, { sleep: -5s }, { sleep: 9000h }, { sleep: [] }]",
        &[
            "6:17 `sleep`: `5` is not a length of time; write it with units, like 500ms, 60s, 8m or 1h30m",
            "6:31 `sleep` must be longer than 0s",
            "6:46 `sleep`: `-5s` is out of range; a length of time is between 0s and 366 days",
            "6:62 `sleep`: `9000h` is out of range; a length of time is between 0s and 366 days",
            "6:80 `sleep` must be a length of time, not a list (write it like 500ms, 60s, 8m or 1h30m)",
        ],
    );
    check(
        "[{ waitFor: { timeout: 1m } }, { waitFor: { screen: x } }, { waitFor: login }]",
        &[
            "6:19 `waitFor` names nothing that must be seen (name what must come true, like screen: 'login:')",
            "6:49 `timeout` is missing in `waitFor`",
            "6:77 `waitFor` must be a mapping, not a text (its fields: screen, screenKind, unchangedFor, power, reach, ping, heartbeat, check, event, serial, deployment, since, all, any, not, timeout)",
        ],
    );
    check(
        "[{ waitFor: { phoneHome: true, timeout: 1m } }, { waitFor: { power: turning_on, timeout: 0s } }]",
        &[
            "6:21 `phoneHome` in `waitFor` is not available in this version (available: screen, screenKind, unchangedFor, power, reach, ping, heartbeat, check, event, serial, deployment, since, all, any, not, timeout)",
            "6:75 `turning_on` is not a power state that can be waited for (one of: on, off)",
            "6:96 `timeout` must be longer than 0s",
        ],
    );
}

#[test]
fn faults_of_verify_are_placed() {
    let check = |verify: &str, wanted: &[&str]| {
        check_flow(&format!("when: {{ screen: x }}\ndo: [{{ keys: y }}]\nverify: {verify}"), wanted);
    };
    check(
        "{ phoneHome: true, timeout: 5m }",
        &[
            "7:13 `phoneHome` in `verify` is not available in this version (available: screen, screenKind, unchangedFor, power, reach, ping, heartbeat, check, event, serial, deployment, since, all, any, not, timeout)",
        ],
    );
    check(
        "{ timeout: 5m }",
        &["7:11 `verify` names nothing that must be seen (name what must come true, like screen: 'login:')"],
    );
    check(
        "{ screen: x, power: maybe }",
        &[
            "7:11 `timeout` is missing in `verify`",
            "7:31 `maybe` is not a power state that can be waited for (one of: on, off)",
        ],
    );
    check(
        "{ screen: x, timeout: soon }",
        &[
            "7:33 `timeout`: `soon` is not a length of time; write it with units, like 500ms, 60s, 8m or 1h30m",
        ],
    );
    check("{ screen: x, timeout: 0s }", &["7:33 `timeout` must be longer than 0s"]);
}

#[test]
fn faults_of_a_credential_are_placed_and_never_repeat_a_password() {
    check_credential(
        "{}",
        &[
            "5:3 `username` is missing in the spec of a Credential",
            "5:3 `password` is missing in the spec of a Credential",
        ],
    );
    check_credential(
        "username: admin\npassword: 12345678",
        &["6:13 `password` must be a text, not a whole number (write it in quotes)"],
    );
    check_credential("username: admin\npassword: [hunter2]", &["6:13 `password` must be a text, not a list"]);
    check_credential(
        "username: \"a\\tb\"\npasswort: hunter2",
        &[
            "5:13 `username` must be at most 255 bytes of printable characters",
            "6:3 unknown field `passwort` in the spec of a Credential (did you mean `password`?)",
        ],
    );
    check_credential(
        "username: 5\npassword: { fromFile: a, fromEnv: b }",
        &[
            "5:13 `username` must be a text, not a whole number (write it in quotes)",
            "6:13 a reference to a secret has one field, not 2 (one of: fromFile, fromEnv, sealed)",
        ],
    );
    check_credential(
        "username: admin\npassword: { fromVault: a }",
        &[
            "6:15 unknown field in a reference to a secret (one of: fromFile, fromEnv, sealed; a secret itself stands in quotes)",
        ],
    );
    check_credential("username: admin\npassword: { fromFile: '' }", &["6:25 `fromFile` is empty"]);
    check_credential(
        "username: admin\npassword: { plain: hunter2 }",
        &[
            "6:15 unknown field in a reference to a secret (one of: fromFile, fromEnv, sealed; a secret itself stands in quotes)",
        ],
    );
}

#[test]
fn all_faults_of_all_documents_are_told_in_file_order() {
    check(
        "
apiVersion: ironhand/v1
kind: Host
metadata: { name: A }
spec: { connectors: [{ type: vnc }] }
---
kind: Flow
metadata: { name: f
---
apiVersion: ironhand/v1
kind: Credential
metadata: { name: c, lables: {} }
spec: { username: 1 }
",
        &[
            "4:19 `name`: `A` is not a name: use 1 to 63 lower-case letters, digits, `-` and `.`, beginning and ending with a letter or digit (did you mean `a`?)",
            "5:22 `address` is missing in a vnc connector",
            "8:11 not YAML: unclosed bracket '{'",
            "12:22 unknown field `lables` in metadata (did you mean `labels`?)",
            "13:7 `password` is missing in the spec of a Credential",
            "13:19 `username` must be a text, not a whole number (write it in quotes)",
        ],
    );
}
