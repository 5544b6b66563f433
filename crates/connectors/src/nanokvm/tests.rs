use http::HeaderMap;

use super::*;

fn answered(status: u16, body: &str) -> HttpResponse {
    HttpResponse { status, headers: HeaderMap::new(), body: body.to_owned().into() }
}

/// Checks what the power light reads by a status and a body.
fn check(status: u16, body: &str, wanted: Result<Option<bool>, &str>) {
    let read = checked(&answered(status, body), "admin").and_then(|answer| told(&answer)).and_then(light);
    assert_eq!(read.map_err(|error| error.code()), wanted, "{status} {body}");
}

#[test]
fn the_power_light_is_read() {
    check(200, r#"{"code":0,"msg":"success","data":{"pwr":true,"hdd":false}}"#, Ok(Some(true)));
    check(200, r#"{"code":0,"msg":"success","data":{"pwr":false,"hdd":false}}"#, Ok(Some(false)));
    check(200, r#"{"code":0,"msg":"success","data":null}"#, Ok(None));
    check(200, r#"{"code":-2,"msg":"failed to read power led","data":null}"#, Ok(None));
    check(200, r#"{"code":0,"data":{"pwr":1}}"#, Err("connector.malformed"));
    check(200, r#"{"data":{"pwr":true}}"#, Err("connector.malformed"));
    check(200, "<html><body>NanoKVM</body></html>", Err("connector.malformed"));
    check(200, r#"{"code":0,"da"#, Err("connector.malformed"));
    check(401, r#""unauthorized""#, Err("connector.login_refused"));
    check(403, r#""forbidden""#, Err("connector.refused"));
    check(404, "404 page not found", Err("connector.malformed"));
    check(307, "", Err("connector.misconfigured"));
    check(503, "", Err("connector.busy"));
}

#[test]
fn logins_are_refused_for_different_reasons() {
    let check = |body: &str, wanted: &str| {
        let Ok(Err(failure)) = told(&answered(200, body)) else { panic!("{body} is no failure") };
        assert_eq!(login::refusal(failure, "admin").code(), wanted);
    };
    check(r#"{"code":-2,"msg":"invalid username or password"}"#, "connector.login_refused");
    check(r#"{"code":-5,"msg":"Account locked due to too many failed attempts"}"#, "connector.busy");
    check(r#"{"code":-3,"msg":"authentication unavailable"}"#, "connector.refused");
}
