//! Telnet (RFC 854), as terminal servers speak it: a line of eight bits, and its break.

/// What a subnegotiation may be long; those that are answered have a few bytes.
const LONGEST_SUBNEGOTIATION: usize = 64;

const SE: u8 = 240;
const BREAK: u8 = 243;
const SB: u8 = 250;
const WILL: u8 = 251;
const WONT: u8 = 252;
const DO: u8 = 253;
const DONT: u8 = 254;
const IAC: u8 = 255;

const CR: u8 = b'\r';

/// Options: RFC 856, 857, 858, 1091, 1073.
const BINARY: u8 = 0;
const ECHO: u8 = 1;
const SUPPRESS_GO_AHEAD: u8 = 3;
const TERMINAL_TYPE: u8 = 24;
const WINDOW_SIZE: u8 = 31;

/// Subcommands of TERMINAL-TYPE.
const IS: u8 = 0;
const SEND: u8 = 1;

/// The name that RFC 1091 takes from the Assigned Numbers.
const TERMINAL: &[u8] = b"VT100";

/// Columns and rows.
const WINDOW: (u16, u16) = (80, 24);

/// Where an option stands on one side (RFC 1143, without the states for changing one's mind).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    #[default]
    No,
    /// Asked for by us, and not answered yet.
    Asked,
    Yes,
}

/// Where in the stream the next byte stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Data,
    /// Behind a carriage return, which a NUL may follow.
    Return,
    /// Behind IAC.
    Command,
    /// Behind WILL, WONT, DO or DONT.
    Option(u8),
    Subnegotiation,
    /// Behind IAC in a subnegotiation.
    SubnegotiationCommand,
}

/// Our side of a connection.
#[derive(Debug)]
pub(super) struct Telnet {
    state: State,
    /// What the other side does, and what we do, by option.
    theirs: [Standing; 256],
    ours: [Standing; 256],
    subnegotiation: Vec<u8>,
    /// Columns and rows of the window, as the other side is told.
    window: (u16, u16),
}

impl Telnet {
    /// A connection, and what opens it: we ask for eight bits without line ends being changed, and for no go-aheads.
    pub(super) fn new() -> (Self, Vec<u8>) {
        let mut telnet = Self {
            state: State::default(),
            theirs: [Standing::No; 256],
            ours: [Standing::No; 256],
            subnegotiation: Vec::new(),
            window: WINDOW,
        };
        let mut opening = Vec::new();
        for option in [SUPPRESS_GO_AHEAD, BINARY] {
            telnet.theirs[usize::from(option)] = Standing::Asked;
            telnet.ours[usize::from(option)] = Standing::Asked;
            opening.extend([IAC, DO, option, IAC, WILL, option]);
        }
        (telnet, opening)
    }

    /// Takes bytes of the connection; returns what the machine wrote, and adds to `replies` what is to be answered.
    pub(super) fn receive(&mut self, bytes: &[u8], replies: &mut Vec<u8>) -> Vec<u8> {
        let mut data = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            self.take(byte, &mut data, replies);
        }
        data
    }

    /// What is written to send these bytes to the machine.
    pub(super) fn escape(&self, bytes: &[u8]) -> Vec<u8> {
        let binary = self.ours[usize::from(BINARY)] == Standing::Yes;
        let mut escaped = Vec::with_capacity(bytes.len());
        let mut bytes = bytes.iter().peekable();
        while let Some(&byte) = bytes.next() {
            escaped.push(byte);
            match byte {
                IAC => escaped.push(IAC),
                // A carriage return by itself is written with a NUL (RFC 854, page 12).
                CR if !binary && bytes.peek() != Some(&&b'\n') => escaped.push(0),
                _ => {}
            }
        }
        escaped
    }

    /// What is written to send a break.
    pub(super) const fn send_break() -> [u8; 2] {
        [IAC, BREAK]
    }

    fn take(&mut self, byte: u8, data: &mut Vec<u8>, replies: &mut Vec<u8>) {
        self.state = match (self.state, byte) {
            (State::Data | State::Return, IAC) => State::Command,
            (State::Return, 0) => State::Data,
            (State::Data | State::Return, _) => {
                data.push(byte);
                let binary = self.theirs[usize::from(BINARY)] == Standing::Yes;
                if byte == CR && !binary { State::Return } else { State::Data }
            }
            (State::Command, IAC) => {
                data.push(IAC);
                State::Data
            }
            (State::Command, WILL..=DONT) => State::Option(byte),
            (State::Command, SB) => {
                self.subnegotiation.clear();
                State::Subnegotiation
            }
            // Nothing that matters to a line: no operation, data mark, go ahead, are you there...
            (State::Command, _) => State::Data,
            (State::Option(verb), option) => {
                self.negotiate(verb, option, replies);
                State::Data
            }
            (State::Subnegotiation, IAC) => State::SubnegotiationCommand,
            (State::SubnegotiationCommand, SE) => {
                self.answer_subnegotiation(replies);
                State::Data
            }
            (State::Subnegotiation | State::SubnegotiationCommand, _) => {
                if self.subnegotiation.len() < LONGEST_SUBNEGOTIATION {
                    self.subnegotiation.push(byte);
                }
                State::Subnegotiation
            }
        };
    }

    fn negotiate(&mut self, verb: u8, option: u8, replies: &mut Vec<u8>) {
        let they = matches!(verb, WILL | WONT);
        let (side, agree, refuse) =
            if they { (&mut self.theirs, DO, DONT) } else { (&mut self.ours, WILL, WONT) };
        let standing = &mut side[usize::from(option)];
        let wanted = if they {
            matches!(option, BINARY | ECHO | SUPPRESS_GO_AHEAD)
        } else {
            matches!(option, BINARY | SUPPRESS_GO_AHEAD | TERMINAL_TYPE | WINDOW_SIZE)
        };
        let before = *standing;
        if matches!(verb, WONT | DONT) {
            *standing = Standing::No;
            // Only what was on is answered, or both would answer for ever.
            if before == Standing::Yes {
                replies.extend([IAC, refuse, option]);
            }
            return;
        }
        if !wanted {
            replies.extend([IAC, refuse, option]);
            return;
        }
        *standing = Standing::Yes;
        if before == Standing::No {
            replies.extend([IAC, agree, option]);
        }
        if !they && option == WINDOW_SIZE && before != Standing::Yes {
            self.tell_window(replies);
        }
    }

    /// The window has another size; adds to `replies` what tells so. False where the other side does not want to know.
    pub(super) fn resize(&mut self, columns: u16, rows: u16, replies: &mut Vec<u8>) -> bool {
        self.window = (columns, rows);
        let wanted = self.ours[usize::from(WINDOW_SIZE)] == Standing::Yes;
        if wanted {
            self.tell_window(replies);
        }
        wanted
    }

    fn tell_window(&self, replies: &mut Vec<u8>) {
        replies.extend([IAC, SB, WINDOW_SIZE]);
        for byte in [self.window.0.to_be_bytes(), self.window.1.to_be_bytes()].concat() {
            replies.push(byte);
            // A byte that reads as a command is doubled (RFC 1073).
            if byte == IAC {
                replies.push(IAC);
            }
        }
        replies.extend([IAC, SE]);
    }

    fn answer_subnegotiation(&mut self, replies: &mut Vec<u8>) {
        let asks = self.subnegotiation == [TERMINAL_TYPE, SEND];
        if asks && self.ours[usize::from(TERMINAL_TYPE)] == Standing::Yes {
            replies.extend([IAC, SB, TERMINAL_TYPE, IS]);
            replies.extend(TERMINAL);
            replies.extend([IAC, SE]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Checks what comes of pieces of a connection: data and replies.
    fn check(pieces: &[&[u8]], data: &[u8], replies: &[u8]) -> Telnet {
        let (mut telnet, _) = Telnet::new();
        let (mut received, mut replied) = (Vec::new(), Vec::new());
        for piece in pieces {
            received.extend(telnet.receive(piece, &mut replied));
        }
        assert_eq!((&received[..], &replied[..]), (data, replies), "{pieces:?}");
        telnet
    }

    #[test]
    fn data_and_commands_are_told_apart() {
        check(&[b"login: "], b"login: ", b"");
        check(&[b"a\r\0b\r\nc\0"], b"a\rb\r\nc\0", b"");
        check(&[b"\r", b"\0x"], b"\rx", b"");
        check(&[&[b'a', IAC], &[IAC, b'b']], &[b'a', IAC, b'b'], b"");
        check(&[&[b'a', IAC, 241, b'b', IAC, 249]], b"ab", b"");
        // With eight bits nothing is changed.
        check(&[&[IAC, WILL, BINARY], b"\r\0"], b"\r\0", b"");
    }

    #[test]
    fn options_are_agreed_on_once() {
        // What we asked for is not agreed to again.
        check(&[&[IAC, DO, SUPPRESS_GO_AHEAD, IAC, WILL, SUPPRESS_GO_AHEAD]], b"", b"");
        check(&[&[IAC, WILL, ECHO], &[IAC, WILL, ECHO]], b"", &[IAC, DO, ECHO]);
        check(&[&[IAC, WILL, 99, IAC, DO, 99]], b"", &[IAC, DONT, 99, IAC, WONT, 99]);
        check(&[&[IAC, WONT, ECHO, IAC, DONT, 99]], b"", b"");
        check(&[&[IAC, WILL, ECHO, IAC, WONT, ECHO]], b"", &[IAC, DO, ECHO, IAC, DONT, ECHO]);
        // They do not echo what the machine reads: we are no terminal.
        check(&[&[IAC, DO, ECHO]], b"", &[IAC, WONT, ECHO]);
    }

    #[test]
    fn terminal_and_window_are_told() {
        let size = [&[IAC, WILL, WINDOW_SIZE, IAC, SB, WINDOW_SIZE, 0, 80, 0, 24, IAC, SE][..]].concat();
        check(&[&[IAC, DO, WINDOW_SIZE]], b"", &size);
        let named =
            [&[IAC, WILL, TERMINAL_TYPE, IAC, SB, TERMINAL_TYPE, IS][..], b"VT100", &[IAC, SE]].concat();
        check(&[&[IAC, DO, TERMINAL_TYPE, IAC, SB, TERMINAL_TYPE, SEND, IAC, SE]], b"", &named);
        check(&[&[IAC, SB, TERMINAL_TYPE, SEND, IAC, SE]], b"", b"");
        let endless = [&[IAC, SB, 5][..], &[7; 10_000]].concat();
        let telnet = check(&[&endless], b"", b"");
        assert_eq!(telnet.subnegotiation.len(), LONGEST_SUBNEGOTIATION);
    }

    #[test]
    fn another_window_is_told_where_that_is_wanted() {
        let (mut telnet, _) = Telnet::new();
        let mut replies = Vec::new();
        assert!(!telnet.resize(100, 30, &mut replies));
        assert!(replies.is_empty());
        telnet.receive(&[IAC, DO, WINDOW_SIZE], &mut replies);
        let told = [IAC, WILL, WINDOW_SIZE, IAC, SB, WINDOW_SIZE, 0, 100, 0, 30, IAC, SE];
        assert_eq!(replies, told);
        replies.clear();
        assert!(telnet.resize(255, 1, &mut replies));
        assert_eq!(replies, [IAC, SB, WINDOW_SIZE, 0, IAC, IAC, 0, 1, IAC, SE]);
    }

    #[test]
    fn what_is_typed_is_escaped() {
        let (mut telnet, opening) = Telnet::new();
        assert_eq!(opening.len(), 12);
        assert_eq!(telnet.escape(b"ls\r"), b"ls\r\0");
        assert_eq!(telnet.escape(b"\r\n\xff"), b"\r\n\xff\xff");
        telnet.receive(&[IAC, DO, BINARY], &mut Vec::new());
        assert_eq!(telnet.escape(b"ls\r\xff"), b"ls\r\xff\xff");
    }

    proptest! {
        /// Two of us never negotiate without end, whatever one was told before, and bytes get through.
        #[test]
        fn negotiation_ends(
            noise in prop::collection::vec(prop::sample::select(&[0, 1, 3, 24, 31, 240, 250, 251, 252, 253, 254, 255, 13][..]), 0..60),
            text in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let ((mut near, opening), (mut far, far_opening)) = (Telnet::new(), Telnet::new());
            near.receive(&noise, &mut Vec::new());
            near.state = State::Data;
            let (mut to_far, mut to_near) = (opening, far_opening);
            for _ in 0..8 {
                let (mut from_far, mut from_near) = (Vec::new(), Vec::new());
                far.receive(&to_far, &mut from_far);
                near.receive(&to_near, &mut from_near);
                (to_far, to_near) = (from_near, from_far);
            }
            prop_assert!(to_far.is_empty() && to_near.is_empty());
            prop_assert_eq!(far.receive(&near.escape(&text), &mut Vec::new()), text);
        }
    }
}
