//! Virtual media, by the habit of each vendor.

use ironhand_redfish::{EjectMedia, Error, InsertMedia, MediaKind, MediaSlot, Talk, media_slots};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::recorded::Recorded;

const IMAGE: &str = "http://192.0.2.10/rescue.iso";

fn insert(recorded: &mut Recorded) -> InsertMedia {
    let place = recorded.place();
    recorded.sent.clear();
    let image = IMAGE.to_owned();
    InsertMedia { place, image, kind: MediaKind::Cd, slot: None, login: None, replace: false }
}

/// Inserts the image and takes it out again, and checks what was sent behind the path of the drives.
fn check(recorded: &mut Recorded, inserted: &[(&str, Value)], ejected: &[(&str, Value)]) {
    let operation = insert(recorded);
    let place = operation.place.clone();
    let slot = recorded.play(operation).expect("the image is inserted");
    assert!(slot.inserted);
    assert_eq!(brief(&recorded.sent), owned(inserted));

    recorded.sent.clear();
    let emptied = recorded.play(EjectMedia { place, slot: None }).expect("the image is taken out");
    assert!(emptied.iter().all(|slot| !slot.inserted));
    assert_eq!(brief(&recorded.sent), owned(ejected));
}

fn owned(requests: &[(&str, Value)]) -> Vec<(String, Value)> {
    requests.iter().map(|(name, body)| ((*name).to_owned(), body.clone())).collect()
}

/// Requests as `PATCH CD1` and `POST CD1/VirtualMedia.InsertMedia`.
fn brief(sent: &[(String, Value)]) -> Vec<(String, Value)> {
    let brief = |name: &str| {
        let (method, path) = name.split_once(' ').unwrap_or_default();
        let path = path.rsplit_once("/VirtualMedia/").map_or(path, |(_, path)| path);
        format!("{method} {}", path.replace("Actions/", "").replace("Oem/Huawei/", ""))
    };
    sent.iter().map(|(name, body)| (brief(name), body.clone())).collect()
}

#[test]
fn an_image_is_inserted_by_the_action() {
    let eject = ("POST 1/VirtualMedia.EjectMedia", json!({}));
    let dell = &mut Recorded::load("dell/idrac9");
    check(dell, &[("POST 1/VirtualMedia.InsertMedia", json!({ "Image": IMAGE }))], &[eject]);
    assert!(!dell.asked.iter().any(|asked| asked.contains("Managers") && asked.contains("VirtualMedia/")));

    // The first of its drives is for floppy disks.
    let hpe = &mut Recorded::load("hpe/ilo5");
    let insert = ("POST 2/VirtualMedia.InsertMedia", json!({ "Image": IMAGE }));
    check(hpe, &[insert], &[("POST 2/VirtualMedia.EjectMedia", json!({}))]);
}

/// A drive without actions is changed by its properties, and one for images from elsewhere is taken.
pub fn media_patch() {
    let patch = json!({ "Image": IMAGE, "Inserted": true, "WriteProtected": true });
    let out = json!({ "Inserted": false, "Image": null });
    check(&mut Recorded::load("lenovo/xcc"), &[("PATCH EXT1", patch)], &[("PATCH EXT1", out)]);
}

/// What an older firmware does not know is not sent.
pub fn media_plain() {
    let insert = ("POST CD1/VirtualMedia.InsertMedia", json!({ "Image": IMAGE }));
    let eject = ("POST CD1/VirtualMedia.EjectMedia", json!({}));
    check(&mut Recorded::load("supermicro/x12"), &[insert], &[eject]);
}

/// The protocol is sent where the address alone is refused, or where the controller says that it insists.
pub fn media_protocol() {
    let base = "/redfish/v1/Managers/1/VirtualMedia/VirtualMedia1";
    let insert = "POST VirtualMedia1/VirtualMedia.InsertMedia";
    let mut recorded = Recorded::load("supermicro/x13");
    let full = json!({ "Image": IMAGE, "TransferProtocolType": "HTTP" });
    let eject = ("POST VirtualMedia1/VirtualMedia.EjectMedia", json!({}));
    let action = recorded.page_of(&format!("POST {base}/Actions/VirtualMedia.InsertMedia")).clone();
    let mut picky = action.clone();
    picky["demands"] = json!({ "with": ["TransferProtocolType"], "else": { "status": 400 } });
    recorded.page(&format!("POST {base}/Actions/VirtualMedia.InsertMedia"), picky);
    let plain = json!({ "Image": IMAGE });
    check(&mut recorded, &[(insert, plain), (insert, full.clone())], std::slice::from_ref(&eject));

    let mut recorded = Recorded::load("supermicro/x13");
    let info = json!({ "Parameters": [
        { "Name": "Image", "Required": true }, { "Name": "TransferProtocolType", "Required": true },
    ] });
    recorded.merge(&format!("{base}/InsertMediaActionInfo"), info);
    check(&mut recorded, &[(insert, full)], &[eject]);
}

/// A controller that insists on a login for an image that needs none is given one.
pub fn media_login() {
    let mut recorded = Recorded::load("ami/dgx-h100");
    let operation = insert(&mut recorded);
    let slot = recorded.play(operation).expect("the image is inserted");
    assert_eq!(slot.image.as_deref(), Some(IMAGE));
    let (_, last) = recorded.sent.last().expect("something was sent");
    assert_eq!((&last["UserName"], &last["Password"]), (&json!("none"), &json!("none")));
    assert_eq!(recorded.sent.len(), 6);
}

/// The older configuration of a share.
pub fn media_config() {
    let mut recorded = Recorded::load("supermicro/x11");
    let config = "/redfish/v1/Managers/1/VM1/CfgCD";
    let mut operation = insert(&mut recorded);
    operation.image = "smb://192.0.2.10/images/rescue.iso".to_owned();
    operation.login = Some(("me".to_owned(), SecretString::from("secret")));
    let place = operation.place.clone();
    let shown = format!("{operation:?}");
    assert!(!shown.contains("secret"), "{shown}");
    let slot = recorded.play(operation.clone()).expect("the image is inserted");
    assert_eq!((slot.id.as_str(), slot.inserted), ("CfgCD", true));
    let written = json!({
        "Host": "192.0.2.10", "Path": "\\images\\rescue.iso", "Username": "me", "Password": "secret",
    });
    let mount = format!("POST {config}/Actions/IsoConfig.Mount");
    assert_eq!(recorded.sent, [(format!("PATCH {config}"), written), (mount, json!({}))]);
    recorded.sent.clear();
    recorded.play(EjectMedia { place, slot: None }).expect("the image is taken out");
    assert_eq!(recorded.sent[0].0, format!("POST {config}/Actions/IsoConfig.UnMount"));

    operation.image = IMAGE.to_owned();
    let error = Recorded::load("supermicro/x11").play(operation).expect_err("no SMB share");
    let expected =
        "the controller cannot insert an image that is not on an SMB share: smb://host/share/image.iso";
    assert_eq!(error.to_string(), expected);
}

/// The vendor's own action, which both inserts and ejects.
pub fn media_vmm() {
    let mut recorded = Recorded::load("huawei/ibmc");
    let operation = insert(&mut recorded);
    recorded.play(operation).expect("the image is inserted");
    let body = json!({ "Image": IMAGE, "VmmControlType": "Connect" });
    assert_eq!(brief(&recorded.sent), [("POST CD/VirtualMedia.VmmControl".to_owned(), body)]);
}

/// Drives that are off are turned on, once.
pub fn media_off() {
    let turn_on = json!({ "RMediaState": "Enable" });
    let enable = ("POST /redfish/v1/Managers/Self/Oem/AMIVirtualMedia.EnableRMedia", turn_on);
    let insert = || ("POST CD1/VirtualMedia.InsertMedia", json!({ "Image": IMAGE }));
    let eject = || ("POST CD1/VirtualMedia.EjectMedia", json!({}));
    let mut recorded = Recorded::load("asrockrack/megarac");
    check(&mut recorded, &[enable, insert()], &[eject()]);
    recorded.sent.clear();
    check(&mut recorded, &[insert()], &[eject()]);
}

/// An eject goes with an empty object, and without one where that is refused.
pub fn eject_body() {
    let insert = ("POST 2/VirtualMedia.InsertMedia", json!({ "Image": IMAGE }));
    let eject = ("POST 2/VirtualMedia.EjectMedia", json!({}));
    check(&mut Recorded::load("hpe/ilo5"), std::slice::from_ref(&insert), std::slice::from_ref(&eject));

    let mut recorded = Recorded::load("hpe/ilo5");
    let path = "POST /redfish/v1/Managers/1/VirtualMedia/2/Actions/VirtualMedia.EjectMedia";
    let mut page = recorded.page_of(path).clone();
    page["demands"] = json!({ "body": false, "else": { "status": 415 } });
    recorded.page(path, page);
    check(&mut recorded, &[insert], &[eject]);
}

#[test]
fn an_image_that_is_there_is_left_and_another_one_is_in_the_way() {
    let mut recorded = Recorded::load("openbmc/gb200");
    let mut operation = insert(&mut recorded);
    recorded.play(operation.clone()).expect("the image is inserted");
    recorded.sent.clear();
    let slot = recorded.play(operation.clone()).expect("the image is there");
    assert_eq!((slot.id.as_str(), recorded.sent.len()), ("USB1", 0));

    operation.image = "http://192.0.2.10/other.iso".to_owned();
    operation.slot = Some("usb1".to_owned());
    let error = recorded.play(operation.clone()).expect_err("the drive is in use");
    assert_eq!(error, Error::Occupied { slot: "USB1".to_owned(), holds: IMAGE.to_owned() });
    operation.replace = true;
    recorded.play(operation.clone()).expect("the image is replaced");
    let names: Vec<_> = brief(&recorded.sent).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["POST USB1/VirtualMedia.EjectMedia", "POST USB1/VirtualMedia.InsertMedia"]);

    operation.slot = Some("DVD".to_owned());
    let error = recorded.play(operation).expect_err("there is no such drive");
    assert_eq!(error.to_string(), "the controller cannot use a drive \"DVD\": its drives are USB1, USB2");
}

#[test]
fn an_image_that_does_not_show_or_is_refused_is_an_error() {
    let check = |page: Value, expected: &str| {
        let mut recorded = Recorded::load("openbmc/gb200");
        let path = "POST /redfish/v1/Managers/BMC_0/VirtualMedia/USB1/Actions/VirtualMedia.InsertMedia";
        recorded.page(path, page);
        let operation = insert(&mut recorded);
        let error = recorded.play(operation).expect_err("it is not inserted");
        assert_eq!(error.to_string(), expected);
    };
    check(json!({}), "the controller took the change of the drive USB1, and shows no image in it when asked");
    let refuses = |status: u16, id: &str, message: &str| {
        let info = json!([{ "MessageId": id, "Message": message }]);
        json!({ "status": status, "body": { "error": { "@Message.ExtendedInfo": info } } })
    };
    check(
        refuses(400, "Base.1.8.ResourceAtUriUnauthorized", "The image cannot be read."),
        "the controller refused POST /redfish/v1/Managers/BMC_0/VirtualMedia/USB1: The image cannot be read. \
         (status 400)",
    );
    check(
        refuses(403, "iLO.2.14.LicenseKeyRequired", "A license key is needed."),
        "the controller wants a licence for this: A license key is needed.",
    );
    check(
        refuses(400, "Base.1.8.ActionParameterUnknown", "No."),
        "the controller refused POST /redfish/v1/Managers/BMC_0/VirtualMedia/USB1: No. (status 400)",
    );
}

#[test]
fn addresses_that_are_none_are_refused_before_anything_is_sent() {
    let check = |image: &str, expected: &str| {
        let mut recorded = Recorded::load("openbmc/gb200");
        let mut operation = insert(&mut recorded);
        operation.image = image.to_owned();
        let error = recorded.play(operation).expect_err("it is no image");
        assert_eq!(error.to_string(), format!("the controller cannot insert {expected}"));
        assert!(recorded.asked.is_empty(), "{:?}", recorded.asked);
    };
    check("rescue.iso", "what has no address, as http://host/image.iso");
    check("ftp://h/a", "\"ftp://h/a\": it can fetch by http, https, nfs, cifs and smb");
    check("http:///a", "\"http:///a\": the address names no host, or has a space in it");
    check("http://h/a b", "\"http://h/a b\": the address names no host, or has a space in it");
    check("http://u:secret@h/a", "an image whose address holds a login: give the login beside it");
}

#[test]
fn drives_are_shown_also_where_one_is_broken() {
    let mut recorded = Recorded::load("lenovo/xcc");
    recorded.page("/redfish/v1/Managers/1/VirtualMedia/EXT1", json!({ "status": 500 }));
    let image = "nfs://u:secret@192.0.2.10/a.iso";
    recorded.merge(
        "/redfish/v1/Managers/1/VirtualMedia/EXT2",
        json!({ "Image": image, "Inserted": null, "ConnectedVia": "URI", "MediaTypes": "CD", "WriteProtected": 1 }),
    );
    let place = recorded.place();
    let slots = recorded.play(|talk: &mut Talk| media_slots(talk, &place)).expect("the drives are found");
    let ids: Vec<_> = slots.items.iter().map(|slot| (slot.id.as_str(), slot.inserted)).collect();
    assert_eq!(ids, [("Remote1", false), ("RDOC1", false), ("EXT2", true)]);
    let last: &MediaSlot = &slots.items[2];
    assert_eq!(last.image.as_deref(), Some("nfs://192.0.2.10/a.iso"));
    assert_eq!((last.kinds.len(), last.write_protected), (0, None));
    assert_eq!(slots.missing.len(), 1);

    let mut recorded = Recorded::load("lenovo/xcc");
    recorded.page("/redfish/v1/Managers/1/VirtualMedia", json!({ "body": { "Members": null } }));
    let operation = insert(&mut recorded);
    let error = recorded.play(operation).expect_err("there are no drives");
    let expected = "the controller cannot insert media: it has no drive for them, or they are turned off";
    assert_eq!(error.to_string(), expected);
}
