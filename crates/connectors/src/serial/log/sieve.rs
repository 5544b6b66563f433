//! What the programs that keep logs of consoles write into them themselves.

use ironhand_api::ConsoleLogFormat;

/// How conserver's own words begin: `[-- MARK -- Sat Nov 21 20:00:00 2026]`. They may come in the middle of a line.
const CONSERVER: &[u8] = b"[-- ";

/// How ConMan's own lines begin: `<ConMan> Console [node7] log opened at ...`.
const CONMAN: &[u8] = b"<ConMan> ";

/// How conserver writes the time before lines where it is told to, for [`stamp`].
const CONSERVER_TIME: &[u8] = b"[aaa aaa 00 00:00:00 0000]";

/// How ConMan writes it.
const CONMAN_TIME: &[u8] = b"0000-00-00 00:00:00 ";

/// Words of the program's own are shorter; a longer line is the machine's.
const LONGEST: usize = 256;

/// Takes such words out of what is read, however it is cut into pieces.
#[derive(Debug)]
pub(super) struct Sieve {
    format: ConsoleLogFormat,
    /// What may be the beginning of such words.
    held: Vec<u8>,
    place: Place,
}

/// Where in a line the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Start,
    /// Behind a time. Another is the machine's own.
    BehindTime,
    Within,
}

/// What bytes come to.
enum Found {
    /// So many are the program's.
    Own(usize),
    /// They may be, once there are more.
    Perhaps,
    /// The first is the machine's.
    Machine,
}

impl Sieve {
    pub(super) const fn new(format: ConsoleLogFormat) -> Self {
        Self { format, held: Vec::new(), place: Place::Start }
    }

    /// What the machine wrote of these bytes. The beginning of what may be the program's waits for more.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(bytes);
        let mut machine = Vec::with_capacity(held.len());
        let mut rest = &held[..];
        while let Some((&first, behind)) = rest.split_first() {
            match self.find(rest) {
                Found::Own(length) => {
                    self.place = if rest[length - 1] == b'\n' { Place::Start } else { Place::BehindTime };
                    rest = &rest[length..];
                }
                Found::Perhaps => {
                    self.held = rest.to_vec();
                    break;
                }
                Found::Machine => {
                    machine.push(first);
                    self.place = if matches!(first, b'\n' | b'\r') { Place::Start } else { Place::Within };
                    rest = behind;
                }
            }
        }
        machine
    }

    fn find(&self, rest: &[u8]) -> Found {
        match self.format {
            ConsoleLogFormat::Plain => Found::Machine,
            ConsoleLogFormat::Conserver => match stamp(rest, CONSERVER_TIME) {
                // `dmesg -T` writes the same with a blank behind it.
                Found::Own(length) if self.place == Place::Start => match rest.get(length) {
                    None => Found::Perhaps,
                    Some(b' ') => Found::Machine,
                    Some(_) => Found::Own(length),
                },
                Found::Perhaps if self.place == Place::Start => Found::Perhaps,
                _ => words(rest, CONSERVER, |line| {
                    line.trim_ascii_end().ends_with(b"]")
                        && line.windows(4).skip(1).any(|part| part == b" -- ")
                }),
            },
            ConsoleLogFormat::Conman => match self.place {
                Place::Within => Found::Machine,
                Place::BehindTime => words(rest, CONMAN, |_| true),
                Place::Start => match stamp(rest, CONMAN_TIME) {
                    Found::Machine => words(rest, CONMAN, |_| true),
                    found => found,
                },
            },
        }
    }
}

/// Whether a line of the program's own stands here.
fn words(rest: &[u8], beginning: &[u8], is_own: impl Fn(&[u8]) -> bool) -> Found {
    let common = rest.len().min(beginning.len());
    if rest[..common] != beginning[..common] {
        return Found::Machine;
    }
    match rest.iter().position(|byte| *byte == b'\n') {
        Some(end) if end < LONGEST && is_own(&rest[..end]) => Found::Own(end + 1),
        None if rest.len() < LONGEST => Found::Perhaps,
        _ => Found::Machine,
    }
}

/// Whether a time stands here that is written like this one: `0` stands for any digit, or the blank before one, `a` for any
/// letter.
fn stamp(rest: &[u8], like: &[u8]) -> Found {
    let fits = |(byte, wanted): (&u8, &u8)| match wanted {
        b'0' => byte.is_ascii_digit() || *byte == b' ',
        b'a' => byte.is_ascii_alphabetic(),
        _ => byte == wanted,
    };
    if !rest.iter().zip(like).all(fits) {
        return Found::Machine;
    }
    if rest.len() >= like.len() { Found::Own(like.len()) } else { Found::Perhaps }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn own_words_are_not_the_machines() {
        let check = |format: ConsoleLogFormat, pieces: &[&str], wanted: &str| {
            let mut sieve = Sieve::new(format);
            let machine: Vec<u8> = pieces.iter().flat_map(|piece| sieve.take(piece.as_bytes())).collect();
            assert_eq!(String::from_utf8(machine).unwrap(), wanted, "{pieces:?}");
        };
        let (conserver, conman) = (ConsoleLogFormat::Conserver, ConsoleLogFormat::Conman);
        check(conserver, &["boot\r\n[-- MARK -- Sat Nov 21 20:00:00 2026]\r\nlogin: "], "boot\r\nlogin: ");
        check(
            conserver,
            &["logi[-- MA", "RK -- Sat Nov 21 20:00:00 2026]\r", "\nn: [", "root@node7 ~]# "],
            "login: [root@node7 ~]# ",
        );
        let stamped = "[Sat Nov 21 20:53:29 2026]up\r\n[Sat Nov  1 20:53:29 2026] usb 1-1\r\n";
        check(conserver, &[stamped], "up\r\n[Sat Nov  1 20:53:29 2026] usb 1-1\r\n");
        check(conserver, &["[Sat Nov 21 ", "20:53:29 2026]", "[Sat]\r\n[S"], "[Sat]\r\n");
        check(conserver, &["[-- ops@desk attached -- Sat Nov 21 20:00:00 2026]\n"], "");
        check(conserver, &["[-- no mark]\r\n[-- x -- y\r\n"], "[-- no mark]\r\n[-- x -- y\r\n");
        check(
            conman,
            &["\r\n<ConMan> Console [node7] log opened at 11-21 20:00.\r\nboot\r\n<b>\r\n"],
            "\r\nboot\r\n<b>\r\n",
        );
        check(
            conman,
            &["2026-11-21 20:00:00 boot 2026-11-21 20:00:01 \r\n2026-", "11-21 20:00:02 up\r\n"],
            "boot 2026-11-21 20:00:01 \r\nup\r\n",
        );
        check(conman, &["2026-11-21 20:00:00 <ConMan> Console [node7] joined\r\nx"], "x");
        check(conman, &["2026-11-21 20:00:00 2026-11-21 19:59:59 INFO\r\n"], "2026-11-21 19:59:59 INFO\r\n");
        check(
            ConsoleLogFormat::Plain,
            &["[-- MARK -- x]\r\n<ConMan> y\r\n"],
            "[-- MARK -- x]\r\n<ConMan> y\r\n",
        );
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference_and_little_is_held(
            text in prop::collection::vec(
                prop::sample::select(&["[-- ", " -- ", "]", "\r\n", "<ConMan> ", "2026-11-21 20:00:00 ", "[Sat Nov 21 20:53:29 2026]", "x", "<", "["][..]),
                0..60,
            ),
            cut in any::<prop::sample::Index>(),
        ) {
            let text = text.concat();
            let (left, right) = text.as_bytes().split_at(cut.index(text.len() + 1));
            for format in [ConsoleLogFormat::Conserver, ConsoleLogFormat::Conman] {
                let (mut whole, mut pieces) = (Sieve::new(format), Sieve::new(format));
                let both = [pieces.take(left), pieces.take(right)].concat();
                prop_assert_eq!(whole.take(text.as_bytes()), both);
                prop_assert!(pieces.held.len() < LONGEST);
            }
        }
    }
}
