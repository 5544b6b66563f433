//! Values that others chose, put into scripts so that they stay values.

/// Why a value cannot be written for a loader.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// A control character: a script goes on in the next line.
    #[error("{what} holds a control character")]
    Control {
        /// What it is.
        what: &'static str,
    },
    /// `${`, which iPXE takes for one of its variables however often it is replaced.
    #[error("{what} holds `${{`, which iPXE would take for a variable")]
    Variable {
        /// What it is.
        what: &'static str,
    },
    /// Quotes and backslashes, which GRUB hands to the kernel with a backslash before each.
    #[error("{what} holds a quote or a backslash, which GRUB cannot hand to a kernel; boot it by iPXE")]
    Grub {
        /// What it is.
        what: &'static str,
    },
    /// Blanks in a path or URL.
    #[error("{what} holds a blank or another character that no loader fetches")]
    Path {
        /// What it is.
        what: &'static str,
    },
    /// A URL that GRUB and PXELINUX cannot fetch.
    #[error("{what} is a URL that this loader cannot fetch; boot it by iPXE, or add it as media")]
    Url {
        /// What it is.
        what: &'static str,
    },
}

/// The longest text that is shown on a screen, in characters.
const LONGEST_SHOWN: usize = 200;

/// A text to be shown: letters, digits and what else means nothing to any loader; everything else becomes `?`.
pub(super) fn shown(text: &str) -> String {
    let plain = |c: char| match c {
        c if c.is_ascii_alphanumeric() || " -_.:,/()@+=[]%".contains(c) => c,
        _ => '?',
    };
    // A word that iPXE takes for the end of a command would be one of `&&`, `||`, `;` and `#`: none is left.
    text.chars().take(LONGEST_SHOWN).map(plain).collect()
}

/// Columns of the screens that loaders write to, but the last, behind which some begin a line of their own.
const COLUMNS: usize = 79;

/// A text as lines of a screen, broken between words, as loaders break what is longer within them: a screen is read by people,
/// and by patterns.
pub(super) fn screen_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut().filter(|line| line.chars().count() + 1 + word.chars().count() <= COLUMNS) {
            Some(line) => line.extend([" ", word]),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The command line of a kernel, as the arguments of a command of iPXE.
///
/// iPXE splits a line at blanks, looks for `;`, `&&`, `||` and `#` among the words, and only then replaces variables, so that
/// what a variable holds is never a command.
pub(super) fn ipxe_arguments(text: &str) -> Result<String, QuoteError> {
    let what = "the command line";
    if text.contains(|c: char| c.is_control()) {
        return Err(QuoteError::Control { what });
    }
    if text.contains("${") {
        return Err(QuoteError::Variable { what });
    }
    let words = text.split_whitespace().map(|word| match word {
        ";" => "${ih-semicolon:string}".to_owned(),
        "&&" => "${ih-and:string}".to_owned(),
        "||" => "${ih-or:string}".to_owned(),
        word if word.starts_with('#') => format!("${{ih-hash:string}}{}", &word[1..]),
        // A backslash at the end of a line would join the next one to it.
        word if word.ends_with('\\') => format!("{}${{ih-backslash:string}}", &word[..word.len() - 1]),
        word => word.to_owned(),
    });
    Ok(words.collect::<Vec<_>>().join(" "))
}

/// Lines that set the variables which [`ipxe_arguments`] uses.
pub(super) const IPXE_VARIABLES: &str = "set ih-semicolon:hex 3b\nset ih-and:hex 26:26\nset ih-or:hex 7c:7c\n\
    set ih-hash:hex 23\nset ih-backslash:hex 5c\n";

/// A path or URL as one word of a script.
pub(super) fn word(text: &str, what: &'static str) -> Result<String, QuoteError> {
    if text.contains("${") {
        return Err(QuoteError::Variable { what });
    }
    let sound = |c: char| c.is_ascii_graphic() && !"\"'`\\<>{}|^;$&#".contains(c);
    // Only `#` at the beginning and `&` as a word mean something to iPXE, and URLs may hold both.
    let fine = !text.is_empty() && text.chars().all(|c| sound(c) || matches!(c, '&' | ';' | '#'));
    let first = text.chars().next();
    if !fine || matches!(first, Some('#' | '&' | ';')) || matches!(first, Some('-')) {
        return Err(QuoteError::Path { what });
    }
    Ok(text.to_owned())
}

/// A path of media in a URL: what a URL cannot hold is written in percent signs and digits (RFC 3986, section 2.1).
pub(super) fn url_path(path: &str) -> String {
    let mut written = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' | b'+' | b'@' => written.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => written.push(char::from(byte)),
            byte => written.push_str(&format!("%{byte:02X}")),
        }
    }
    written
}

/// A text without the percent signs of a URL; what is not UTF-8 then is replaced.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let byte = path_byte(rest);
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn path_byte(bytes: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = bytes else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? * 16 + digit(low)?)
}

/// One word for GRUB, in single quotes, within which nothing has a meaning but the quote itself.
pub(super) fn grub_word(text: &str, what: &'static str) -> Result<String, QuoteError> {
    if text.contains(|c: char| c.is_control()) {
        return Err(QuoteError::Control { what });
    }
    if text.contains(['\'', '"', '\\']) {
        return Err(QuoteError::Grub { what });
    }
    Ok(format!("'{text}'"))
}

/// The command line of a kernel, as the arguments of a command of GRUB.
pub(super) fn grub_arguments(text: &str) -> Result<String, QuoteError> {
    let words: Result<Vec<String>, QuoteError> =
        text.split_whitespace().map(|word| grub_word(word, "the command line")).collect();
    Ok(words?.join(" "))
}

/// The command line of a kernel, as the rest of a line of PXELINUX, where nothing has a meaning but its end.
pub(super) fn pxelinux_line(text: &str, what: &'static str) -> Result<String, QuoteError> {
    if text.contains(|c: char| c.is_control()) {
        return Err(QuoteError::Control { what });
    }
    Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_holds_nothing_that_a_loader_understands() {
        let check = |text: &str, wanted: &str| assert_eq!(shown(text), wanted);
        check("rack7-12", "rack7-12");
        check("a\nshell", "a?shell");
        check("${cmdline} && poweroff ; # x || y", "??cmdline? ?? poweroff ? ? x ?? y");
        check("it's \"so\" \\", "it?s ?so? ?");
        check("Škoda", "?koda");
        assert_eq!(shown(&"x".repeat(999)).len(), LONGEST_SHOWN);
    }

    #[test]
    fn what_is_shown_is_broken_between_words() {
        let check = |text: &str, wanted: &[&str]| assert_eq!(screen_lines(text), wanted, "{text}");
        check("", &[]);
        check("Ironhand: it waits", &["Ironhand: it waits"]);
        check(
            &format!("{} end", "word ".repeat(15).trim()),
            &[&format!("{} end", "word ".repeat(15).trim())],
        );
        let (first, long) = ("word ".repeat(16), "x".repeat(90));
        check(&format!("{first}of"), &[first.trim(), "of"]);
        check(&format!("a {long} b"), &["a", &long, "b"]);
    }

    #[test]
    fn words_that_end_commands_of_ipxe_reach_the_kernel_by_variables() {
        let check = |text: &str, wanted: Result<&str, QuoteError>| {
            assert_eq!(ipxe_arguments(text), wanted.map(str::to_owned), "{text}");
        };
        check("console=ttyS0  ds=nocloud;s=http://a/ ---", Ok("console=ttyS0 ds=nocloud;s=http://a/ ---"));
        check(
            "a ; b && c || d #e f#",
            Ok("a ${ih-semicolon:string} b ${ih-and:string} c ${ih-or:string} d ${ih-hash:string}e f#"),
        );
        check("a\\", Ok("a${ih-backslash:string}"));
        check("x=${y}", Err(QuoteError::Variable { what: "the command line" }));
        check("x\nshell", Err(QuoteError::Control { what: "the command line" }));
    }

    #[test]
    fn words_for_grub_are_quoted_and_what_it_would_change_is_refused() {
        assert_eq!(
            grub_arguments("ds=nocloud;s=http://a/ {b} $c").unwrap(),
            "'ds=nocloud;s=http://a/' '{b}' '$c'"
        );
        assert!(matches!(grub_arguments("a=\"b c\""), Err(QuoteError::Grub { .. })));
        assert!(matches!(grub_word("a\nb", "x"), Err(QuoteError::Control { .. })));
    }

    #[test]
    fn paths_and_urls_are_one_word() {
        assert!(word("http://10.0.7.1:8480/boot/a?b=c&d=e", "x").is_ok());
        for bad in ["", "a b", "a\nb", "-x", "#x", "${a}", "a\"b"] {
            assert!(word(bad, "x").is_err(), "{bad}");
        }
        assert_eq!(url_path("a b/c+d#e?.img"), "a%20b/c+d%23e%3F.img");
    }
}
