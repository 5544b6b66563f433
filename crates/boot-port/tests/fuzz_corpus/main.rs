//! Plays the kept inputs of the fuzz target, and some random ones, through the target's own checks; see `fuzz/README.md`.

mod oracles;
#[path = "../../../../fuzz/replay.rs"]
mod replay;

use proptest::prelude::*;
use replay::replay;

#[test]
fn request() {
    replay("http_request", oracles::request);
}

proptest! {
    #[test]
    fn any_text_is_a_request(target in "/[a-z./%\\\\?#2eE5cC]{0,30}", headers in "([A-Za-z-]{1,12}: ?[ -~]{0,20}\r\n){0,4}") {
        oracles::request(format!("GET {target} HTTP/1.1\r\nHost: a\r\n{headers}\r\n").as_bytes());
    }
}
