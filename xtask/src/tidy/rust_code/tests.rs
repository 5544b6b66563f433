use super::*;

/// The words and marks of `source` in one line.
fn code(source: &str) -> String {
    let is_code = |token: &Token<'_>| matches!(token.kind, Kind::Word | Kind::Mark);
    join(tokens(source).into_iter().filter(is_code))
}

fn join<'a>(tokens: impl Iterator<Item = Token<'a>>) -> String {
    tokens.map(|token| token.text).collect::<Vec<_>>().join(" ")
}

#[test]
fn comments_and_strings_are_no_code() {
    for (source, expected) in [
        ("a // b\nc", "a c"),
        ("a /* b /* c */ d */ e", "a e"),
        (r#"a("b \" c") d"#, "a ( ) d"),
        (r###"a(r#"b " c"#) d"###, "a ( ) d"),
        (r#"a(b"b", br"\", c"d") e"#, "a ( , , ) e"),
        (r"a('b', '\'', '\u{1F600}', 'ä') c", "a ( , , , ) c"),
        ("fn a<'b>(c: &'b str) {}", "fn a < > ( c : & str ) { }"),
        ("r#async 12_u8 0xFF", "r # async"),
        ("a /* never closed", "a"),
        ("a \"never closed", "a"),
    ] {
        assert_eq!(code(source), expected, "{source}");
    }
}

#[test]
fn tokens_know_their_line() {
    let lines: Vec<usize> = tokens("a\n/* b\n b */ c\n\"d\n\" e").iter().map(|token| token.line).collect();
    assert_eq!(lines, [1, 2, 3, 4, 5]);
}

#[test]
fn what_only_tests_see_is_left_out() {
    for (source, expected) in [
        ("#[cfg(test)] mod tests { fn a() { b } } fn c() {}", "fn c ( ) { }"),
        ("#[cfg(test)] mod tests; fn c() {}", "fn c ( ) { }"),
        ("#[cfg(test)]\n#[derive(Debug)]\nstruct A(u8); struct B;", "struct B ;"),
        ("#[cfg(all(test, unix))] fn a<A, B>(b: [u8; 2]) { c; } fn d() {}", "fn d ( ) { }"),
        ("#[cfg(not(test))] fn a() {}", "# [ cfg ( not ( test ) ) ] fn a ( ) { }"),
        ("fn a() {} #![cfg(test)] fn b() {}", "fn a ( ) { }"),
        ("#[cfg(test)] use a::{b, c}; d", "d"),
    ] {
        assert_eq!(join(product(source).tokens.into_iter()), expected, "{source}");
    }
}

#[test]
fn test_modules_in_their_own_files_are_named() {
    let product =
        product("mod a; #[cfg(test)] mod pair; #[cfg(test)] pub(crate) mod peer; #[cfg(test)] mod c {}");
    assert_eq!(product.test_modules, ["pair", "peer"]);
}

#[test]
fn groups_of_paths_are_written_out() {
    let source = "use std::{fs, net::{IpAddr, UdpSocket as Socket}}; fn a(b: std::time::Instant) { c::d(e) }";
    let paths: Vec<String> = paths(&tokens(source)).iter().map(|path| path.words.join("::")).collect();
    for expected in ["std::fs", "std::net::IpAddr", "std::net::UdpSocket", "std::time::Instant", "c::d", "e"]
    {
        assert!(paths.iter().any(|path| path == expected), "{expected} in {paths:?}");
    }
}
