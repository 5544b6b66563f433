use http::HeaderMap;
use http::header::SET_COOKIE;
use ironhand_console::Image;

use super::*;
use crate::HttpResponse;

#[test]
fn the_power_light_is_read() {
    let check = |told: Value, wanted: Result<Option<bool>, &str>| {
        assert_eq!(light(&told).map_err(|error| error.code()), wanted, "{told}");
    };
    check(json!({ "power": true, "hdd": false }), Ok(Some(true)));
    check(json!({ "power": false, "hdd": true }), Ok(Some(false)));
    check(json!({ "power": 1 }), Err("connector.malformed"));
    check(Value::Null, Err("connector.malformed"));
}

#[test]
fn pictures_come_out_as_they_went_in() {
    let pixels: Vec<u32> = (0..6).map(|number| (number * 0x0010_2030) & 0x00ff_ffff).collect();
    let picture = ironhand_kvm::Picture::from_pixels(3, 2, pixels.clone()).expect("a size");
    let image = Image::decode(&bitmap(&picture)).expect("a picture");
    assert_eq!((image.width, image.height, image.pixels), (3, 2, pixels));
}

#[test]
fn refusals_are_told_apart() {
    let check = |status: u16, body: &'static str, wanted: &str| {
        let answer = HttpResponse { status, headers: HeaderMap::new(), body: body.into() };
        assert_eq!(login::refusal(&answer, true).code(), wanted, "{status} {body}");
    };
    check(401, r#"{"error":"Invalid password"}"#, "connector.login_refused");
    check(429, r#"{"error":"Too many attempts"}"#, "connector.busy");
    check(503, "<html>", "connector.busy");
    check(307, "", "connector.misconfigured");
    check(404, "404 page not found", "connector.malformed");
    check(500, r#"{"error":{}}"#, "connector.refused");
}

#[test]
fn lines_are_shared_by_those_who_log_in_alike() {
    let connector = |address: &str| Connector::new(ironhand_api::Way::Jetkvm(Default::default()), address);
    let login = |password: &str| Some(Login { username: String::new(), password: password.into() });
    let jetkvms = Jetkvms::default();
    let line = |address: &str, password: &str| {
        let route = crate::Route::direct(address, 80);
        let client = HttpClient::new(route, crate::Proof::Off, crate::front_panel::LIMITS);
        jetkvms.line(&connector(address), client, login(password))
    };
    let first = line("192.0.2.1", "a");
    assert!(Arc::ptr_eq(&first, &line("192.0.2.1", "a")));
    assert!(!Arc::ptr_eq(&first, &line("192.0.2.1", "b")));
    assert!(!Arc::ptr_eq(&first, &line("192.0.2.2", "a")));
    drop(first);
    line("192.0.2.3", "a");
    assert_eq!(jetkvms.0.lock().expect("nobody panicked").len(), 1, "lines that nobody uses are forgotten");
}

#[test]
fn cookies_are_found() {
    let headers: HeaderMap =
        HeaderMap::from_iter([(SET_COOKIE, "authToken=5f-1; Path=/; HttpOnly".parse().expect("a header"))]);
    let answer = HttpResponse { status: 200, headers, body: "".into() };
    assert_eq!(login::cookie(&answer).expect("a cookie").expose_secret(), "authToken=5f-1");
}
