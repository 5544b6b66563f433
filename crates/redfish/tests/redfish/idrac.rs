//! Pictures of the screen, and the VNC server of an iDRAC.

use ironhand_redfish::{Error, SetVncServer, TakeScreenshot, Talk, VncServer, vnc_server};
use serde_json::{Value, json};

use crate::recorded::Recorded;

const NEW: &str = "/redfish/v1/Managers/iDRAC.Embedded.1/Oem/Dell/DellLCService/Actions/DellLCService.ExportServerScreenShot";
const OLD: &str =
    "/redfish/v1/Dell/Managers/iDRAC.Embedded.1/DellLCService/Actions/DellLCService.ExportServerScreenShot";

/// Takes a picture of an iDRAC 9 that answers so at these targets, and checks what comes of it.
fn check(pages: &[(&str, Value)], wanted: Result<&[u8], &str>) {
    let mut recorded = Recorded::load("dell/idrac9");
    let place = recorded.place();
    for (target, page) in pages {
        recorded.page(&format!("POST {target}"), page.clone());
    }
    let taken = recorded.play(TakeScreenshot { place });
    let taken = taken.as_deref().map_err(ToString::to_string);
    assert_eq!(taken, wanted.map_err(str::to_owned), "{pages:?}");
}

#[test]
fn pictures_are_taken_where_firmware_has_the_action() {
    let file = |name: &str, text: &str| json!({ "status": 200, "body": { name: text } });
    let gone = json!({ "status": 404 });
    check(&[(NEW, file("ServerScreenshotFile", "iVBORw=="))], Ok(b"\x89PNG"));
    check(&[(NEW, file("ServerScreenShotFile", "iVBO\nRw==\n"))], Ok(b"\x89PNG"));
    check(&[(NEW, gone.clone()), (OLD, file("serverscreenshotfile", "iVBORw=="))], Ok(b"\x89PNG"));
    let unsupported = "the controller cannot take a picture of the screen by an action of its own";
    check(&[(NEW, gone.clone()), (OLD, gone)], Err(unsupported));
    let nonsense = |reason: &str| format!("the answer to POST {NEW} makes no sense: {reason}");
    check(&[(NEW, json!({ "status": 202 }))], Err(&nonsense("it holds no picture")));
    check(&[(NEW, file("ServerScreenShotFile", "%%"))], Err(&nonsense("its picture is not in Base64")));
    let body = json!({ "error": { "@Message.ExtendedInfo": [{
        "MessageId": "IDRAC.2.8.LIC501", "Message": "A required license is missing.",
    }] } });
    let unlicensed = "the controller wants a licence for this: A required license is missing.";
    check(&[(NEW, json!({ "status": 403, "body": body }))], Err(unlicensed));
}

#[test]
fn pictures_are_taken_where_the_controller_says() {
    let mut recorded = Recorded::load("dell/idrac9");
    let (service, target) = ("/redfish/v1/Somewhere/DellLCService", "/redfish/v1/Somewhere/Export");
    recorded.merge(
        "/redfish/v1/Managers/iDRAC.Embedded.1",
        json!({ "Links": { "Oem": { "Dell": { "DellLCService": { "@odata.id": service } } } } }),
    );
    let actions = json!({ "#DellLCService.ExportServerScreenShot": { "target": target } });
    recorded.page(service, json!({ "body": { "@odata.id": service, "Actions": actions } }));
    let body = json!({ "ServerScreenShotFile": "iVBORw==" });
    recorded.page(&format!("POST {target}"), json!({ "status": 200, "body": body }));
    let place = recorded.place();
    recorded.sent.clear();
    assert_eq!(recorded.play(TakeScreenshot { place }), Ok(b"\x89PNG".to_vec()));
    assert_eq!(recorded.sent, [(format!("POST {target}"), json!({ "FileType": "ServerScreenShot" }))]);
}

#[test]
fn others_have_neither() {
    let mut recorded = Recorded::load("hpe/ilo5");
    let place = recorded.place();
    let taken = recorded.play(TakeScreenshot { place: place.clone() });
    assert!(matches!(taken, Err(Error::Unsupported { .. })), "{taken:?}");
    let read = recorded.play(|talk: &mut Talk| vnc_server(talk, &place));
    assert!(matches!(read, Err(Error::Unsupported { .. })), "{read:?}");
}

#[test]
fn the_vnc_server_is_switched_by_attributes() {
    let path = "/redfish/v1/Managers/iDRAC.Embedded.1/Oem/Dell/DellAttributes/iDRAC.Embedded.1";
    let mut recorded = Recorded::load("dell/idrac10");
    let attributes = json!({
        "VNCServer.1.Enable": "Disabled",
        "VNCServer.1.Port": 5901,
        "VNCServer.1.SSLEncryptionBitLength": "128-Bit or higher",
        "VNCServer.1.Password": null,
    });
    recorded.merge(path, json!({ "Attributes": attributes }));
    let place = recorded.place();
    let before = recorded.play(|talk: &mut Talk| vnc_server(talk, &place));
    let tls = Some("128-Bit or higher".to_owned());
    assert_eq!(before, Ok(VncServer { enabled: false, port: 5901, encryption: tls }));

    recorded.sent.clear();
    let set = SetVncServer {
        place,
        enabled: true,
        encryption: Some("Disabled".to_owned()),
        password: Some("s3cr3t-8".into()),
    };
    assert!(!format!("{set:?}").contains("s3cr3t"));
    let kept = recorded.play(set);
    assert_eq!(kept, Ok(VncServer { enabled: true, port: 5901, encryption: Some("Disabled".to_owned()) }));
    let written = json!({ "Attributes": {
        "VNCServer.1.Enable": "Enabled",
        "VNCServer.1.SSLEncryptionBitLength": "Disabled",
        "VNCServer.1.Password": "s3cr3t-8",
    } });
    assert_eq!(recorded.sent, [(format!("PATCH {path}"), written)]);
}
