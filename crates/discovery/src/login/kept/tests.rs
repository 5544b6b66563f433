use ironhand_redfish::{Answer, Run, Tree, Turn, locate};
use serde_json::{Value, json};

use super::*;

/// What a controller that has `pages` tells of how it is kept.
fn read(pages: &Value) -> Inside {
    let place = play(|talk: &mut Talk| locate(talk, None), pages).expect("it has a system");
    play(ReadKept { place }, pages).expect("what is not there is left out")
}

fn play<O: Operation>(operation: O, pages: &Value) -> Result<O::Output, ironhand_redfish::Error> {
    let mut run = Run::new(operation, Tree::default());
    loop {
        match run.next_turn() {
            Turn::Ask(questions) => {
                for question in questions {
                    let page = &pages[question.request.path.trim_end_matches('/')];
                    let status = if page.is_null() { 404 } else { 200 };
                    run.answer(question.id, Answer::json(status, page.clone()));
                }
            }
            Turn::Wait(_) => {}
            Turn::Done(result) => return result,
        }
    }
}

fn link(path: &str) -> Value {
    json!({ "@odata.id": path })
}

/// A controller with one account, and `more` beside.
fn controller(manager: Value, more: Value) -> Value {
    let mut pages = json!({
        "/redfish/v1": {
            "RedfishVersion": "1.9.0",
            "Systems": link("/redfish/v1/Systems"),
            "Managers": link("/redfish/v1/Managers"),
            "AccountService": link("/redfish/v1/AccountService"),
        },
        "/redfish/v1/Systems": { "Members": [link("/redfish/v1/Systems/1")] },
        "/redfish/v1/Systems/1": {
            "Id": "1", "PowerState": "On", "Links": { "ManagedBy": [link("/redfish/v1/Managers/1")] },
        },
        "/redfish/v1/Managers": { "Members": [link("/redfish/v1/Managers/1")] },
        "/redfish/v1/Managers/1": manager,
        "/redfish/v1/AccountService": {
            "AccountLockoutThreshold": 5, "Accounts": link("/redfish/v1/AccountService/Accounts"),
        },
        "/redfish/v1/AccountService/Accounts": { "Members": [link("/redfish/v1/AccountService/Accounts/1")] },
        "/redfish/v1/AccountService/Accounts/1": {
            "UserName": "admin", "RoleId": "Administrator", "Enabled": true,
        },
    });
    for (path, page) in more.as_object().into_iter().flatten() {
        pages[path] = page.clone();
    }
    pages
}

#[test]
fn a_controller_that_tells_nothing_more_has_its_accounts() {
    let inside = read(&controller(json!({ "Id": "1" }), json!({})));
    let expected =
        Inside { administrators: vec!["admin".to_owned()], lockout_after: Some(5), ..Inside::default() };
    assert_eq!(inside, expected);
}

#[test]
fn only_enabled_administrators_count() {
    let path = |number: u8| format!("/redfish/v1/AccountService/Accounts/{number}");
    let more = json!({
        "/redfish/v1/AccountService": { "Accounts": link("/redfish/v1/AccountService/Accounts") },
        "/redfish/v1/AccountService/Accounts": { "Members": [link(&path(1)), link(&path(2)), link(&path(3)), link(&path(4))] },
        (path(2)): { "UserName": "old", "RoleId": "Administrator", "Enabled": false },
        (path(3)): { "UserName": "reader", "RoleId": "ReadOnly", "Enabled": true },
        (path(4)): { "UserName": "root", "RoleId": "Administrator", "Enabled": true },
    });
    let inside = read(&controller(json!({ "Id": "1" }), more));
    assert_eq!(inside.administrators, ["admin", "root"]);
    assert_eq!(inside.lockout_after, None);
}

#[test]
fn names_cannot_steer_a_terminal() {
    let more = json!({
        "/redfish/v1/AccountService/Accounts/1": {
            "UserName": " ad\u{1b}[2Jmin\n", "RoleId": "Administrator", "Enabled": true,
        },
    });
    assert_eq!(read(&controller(json!({ "Id": "1" }), more)).administrators, ["ad[2Jmin"]);
}

#[test]
fn each_vendors_network_port_is_read() {
    let check = |manager: Value, more: Value, expected: Option<NetworkPort>| {
        assert_eq!(read(&controller(manager, more)).network_port, expected);
    };
    let attributes = "/redfish/v1/Managers/1/Oem/Dell/DellAttributes/iDRAC.Embedded.1";
    let dell = json!({ "Links": { "Oem": { "Dell": { "DellAttributes": [link(attributes)] } } } });
    let page = |word: &str| json!({ (attributes): { "Attributes": { "NIC.1.Selection": word } } });
    check(dell.clone(), page("Dedicated"), Some(NetworkPort::Dedicated));
    check(dell.clone(), page("LOM1"), Some(NetworkPort::Shared));
    check(dell, json!({}), None);

    let interfaces = "/redfish/v1/Managers/1/EthernetInterfaces";
    let manager = json!({ "EthernetInterfaces": link(interfaces) });
    let (first, second) = (format!("{interfaces}/1"), format!("{interfaces}/2"));
    let hpe = |shared: bool| {
        json!({
            (interfaces): { "Members": [link(&first), link(&second)] },
            (first.as_str()): { "Oem": { "Hpe": { "InterfaceType": "Dedicated", "NICEnabled": !shared } } },
            (second.as_str()): { "Oem": { "Hpe": { "InterfaceType": "Shared", "NICEnabled": shared } } },
        })
    };
    check(manager.clone(), hpe(false), Some(NetworkPort::Dedicated));
    check(manager.clone(), hpe(true), Some(NetworkPort::Shared));
    let plain = json!({ (interfaces): { "Members": [link(&first)] }, (first.as_str()): { "Id": "eth0" } });
    check(manager, plain, None);
}

#[test]
fn services_and_host_interfaces_are_read() {
    let (protocols, host) =
        ("/redfish/v1/Managers/1/NetworkProtocol", "/redfish/v1/Managers/1/HostInterfaces");
    let manager = json!({ "NetworkProtocol": link(protocols), "HostInterfaces": link(host) });
    let usb = format!("{host}/usb0");
    let lan = format!("{host}/lan0");
    let off = format!("{host}/off");
    let more = json!({
        (protocols): {
            "Telnet": { "ProtocolEnabled": true },
            "SNMP": { "ProtocolEnabled": true, "EnableSNMPv1": false, "EnableSNMPv2c": true },
        },
        (host): { "Members": [link(&usb), link(&lan), link(&off)] },
        (usb.as_str()): { "Id": "usb0", "InterfaceEnabled": true, "AuthenticationModes": ["AuthNone"] },
        (lan.as_str()): { "Id": "lan0", "AuthenticationModes": ["BasicAuth"] },
        (off.as_str()): { "Id": "off", "InterfaceEnabled": false, "AuthenticationModes": ["AuthNone"] },
    });
    let inside = read(&controller(manager, more));
    assert_eq!(inside.weak_services, ["Telnet", "SNMP v2c"]);
    assert_eq!(inside.host_interfaces, ["usb0", "lan0"]);
    assert_eq!(inside.open_host_interfaces, ["usb0"]);
}
