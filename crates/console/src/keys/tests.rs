use proptest::prelude::*;
use secrecy::SecretString;

use super::*;

/// What a key sequence sends: `+key` down, `-key` up, `~ms` a wait. Keysyms by their names; positions by `code`.
fn sent(text: &str, keyboard: Keyboard, layout: Layout) -> Result<String, NoSuchKey> {
    let secret = |_: &str| Some(SecretString::from("Q;<"));
    let mut out = Vec::new();
    for step in parse_with(text, secret).unwrap() {
        if let KeyStep::Wait(time) = step {
            out.push(format!("~{}", time.as_millis()));
        }
        for Stroke { keysym, usage, down } in strokes(&step, keyboard, layout)? {
            let name = match (keyboard, keysym) {
                (Keyboard::Positions, _) => code_of(usage.unwrap()).unwrap().to_owned(),
                (_, 0xffe3) => "Ctrl".to_owned(),
                (_, 0xffe9) => "Alt".to_owned(),
                (_, 0xffe1) => "Shift".to_owned(),
                (_, 0xfe03) => "AltGr".to_owned(),
                (_, 0xff61) => "Print".to_owned(),
                _ => Key { keysym }.to_string(),
            };
            out.push(format!("{}{name}", if down { '+' } else { '-' }));
        }
    }
    Ok(out.join(" "))
}

#[test]
fn sequences_become_key_events() {
    let check = |text: &str, expected: &str| {
        assert_eq!(sent(text, Keyboard::Keysyms, Layout::Us).unwrap(), expected, "{text:?}");
    };
    check("", "");
    check("ab", "+a -a +b -b");
    check("A!", "+Shift +A -A -Shift +Shift +! -! -Shift");
    check("<<b>", "+Shift +LT -LT -Shift +b -b +Shift +GT -GT -Shift");
    check("<Enter>", "+Enter -Enter");
    check("<esc><F1><f12>", "+Esc -Esc +F1 -F1 +F12 -F12");
    check("<Ctrl-Alt-Del>", "+Ctrl +Alt +Del -Del -Alt -Ctrl");
    check("<ctrl-C>", "+Ctrl +c -c -Ctrl");
    check("<Ctrl-->", "+Ctrl +- -- -Ctrl");
    check("<Ctrl->>", "+Ctrl +Shift +GT -GT -Shift -Ctrl");
    check("<Shift-Tab><Shift-!>", "+Shift +Tab -Tab -Shift +Shift +! -! -Shift");
    check("<SysRq-b>", "+Alt +Print +b -b -Print -Alt");
    check("<Alt-SysRq-b>", "+Alt +Print +b -b -Print -Alt");
    check("<SysRq>", "+Alt +Print -Print -Alt");
    check("<Down*3>", "+Down -Down +Down -Down +Down -Down");
    check("<**2>", "+Shift +* -* -Shift +Shift +* -* -Shift");
    check("<wait 500ms><wait 2s>< WAIT 1m >", "~500 ~2000 ~60000");
    check("a\n\t", "+a -a +Enter -Enter +Tab -Tab");
    check("<secret>", "+Shift +Q -Q -Shift +; -; +Shift +LT -LT -Shift");
    // What the layout does not have is left to the other side.
    check("ü<Ctrl-ü>", "+ü -ü +Ctrl +ü -ü -Ctrl");
}

#[test]
fn keysyms_come_with_what_their_layout_holds() {
    let check = |layout: Layout, text: &str, expected: &str| {
        assert_eq!(sent(text, Keyboard::Keysyms, layout).unwrap(), expected, "{layout} {text:?}");
    };
    check(Layout::Uk, "@\"#", "+Shift +@ -@ -Shift +Shift +\" -\" -Shift +# -#");
    check(Layout::De, "/Ü@", "+Shift +/ -/ -Shift +Shift +Ü -Ü -Shift +AltGr +@ -@ -AltGr");
    check(Layout::De, "^`", "+^ -^ +Space -Space +Shift +` -` -Shift +Space -Space");
    check(Layout::Fr, "1é~", "+Shift +1 -1 -Shift +é -é +AltGr +~ -~ -AltGr");
    check(Layout::Fr, "<SysRq-q>", "+Alt +Print +a -a -Print -Alt");
}

#[test]
fn characters_are_where_their_layout_has_them() {
    let check = |layout: Layout, text: &str, expected: &str| {
        assert_eq!(sent(text, Keyboard::Positions, layout).unwrap(), expected, "{layout} {text:?}");
    };
    let shift = |code: &str| format!("+ShiftLeft +{code} -{code} -ShiftLeft");
    let alt_gr = |code: &str| format!("+AltRight +{code} -{code} -AltRight");
    check(Layout::Us, "z|", &format!("+KeyZ -KeyZ {}", shift("Backslash")));
    check(Layout::Uk, "|~", &format!("{} {}", shift("IntlBackslash"), shift("Backslash")));
    check(Layout::Uk, "€", &alt_gr("Digit4"));
    check(Layout::De, "z|", &format!("+KeyY -KeyY {}", alt_gr("IntlBackslash")));
    check(Layout::De, "<Ctrl-z>", "+ControlLeft +KeyY -KeyY -ControlLeft");
    check(Layout::De, "<Ctrl-^>", "+ControlLeft +Backquote -Backquote -ControlLeft");
    check(Layout::De, "^", "+Backquote -Backquote +Space -Space");
    check(Layout::De, "`", &format!("{} +Space -Space", shift("Equal")));
    check(Layout::De, "é", "+Equal -Equal +KeyE -KeyE");
    check(Layout::De, "~\\", &format!("{} {}", alt_gr("BracketRight"), alt_gr("Minus")));
    check(Layout::Fr, "aqm", "+KeyQ -KeyQ +KeyA -KeyA +Semicolon -Semicolon");
    check(Layout::Fr, "^~`", &["Digit9", "Digit2", "Digit7"].map(alt_gr).join(" "));
    check(Layout::Fr, "ê", "+BracketLeft -BracketLeft +KeyE -KeyE");
    check(Layout::Fr, "Ï", &format!("{} {}", shift("BracketLeft"), shift("KeyI")));
    check(Layout::Fr, "<Shift-5>", &shift("Digit5"));
    check(Layout::Fr, "<Break><Pause>", "+Pause -Pause +Pause -Pause");
    for layout in Layout::ALL {
        // Linux looks at the position, as if all keyboards were of the US.
        let sysrq = "+AltLeft +PrintScreen +KeyW -KeyW -PrintScreen -AltLeft";
        check(*layout, "<SysRq-w>", sysrq);
        check(*layout, "<Ctrl-Alt-Del>", "+ControlLeft +AltLeft +Delete -Delete -AltLeft -ControlLeft");
        check(*layout, " \n\t", "+Space -Space +Enter -Enter +Tab -Tab");
    }
}

#[test]
fn keys_that_a_layout_lacks_are_named_before_anything_is_pressed() {
    let check = |layout: Layout, text: &str, wanted: &str| {
        let refused = sent(text, Keyboard::Positions, layout).unwrap_err().to_string();
        assert!(refused.contains(wanted), "{layout} {text:?}: {refused}");
    };
    check(Layout::Us, "aü", "the keyboard layout `us` has no key for 'ü'");
    check(Layout::Fr, "<Ctrl-ß>", "`fr` has no key for 'ß'");
    check(Layout::De, "漢", "'漢'");
    let secret = KeyStep::Secret(Secret::new("root", "tr漢op".into()).unwrap());
    let refused = strokes(&secret, Keyboard::Positions, Layout::Us).unwrap_err();
    assert_eq!(refused.to_string(), "the keyboard layout `us` has no key for a character of <secret root>");
}

#[test]
fn layouts_have_every_character_of_ascii_and_each_key_once() {
    for layout in Layout::ALL {
        for character in ' '..='~' {
            let step = KeyStep::Type(character);
            let pressed = strokes(&step, Keyboard::Positions, *layout);
            assert!(pressed.is_ok_and(|strokes| strokes.len() >= 2), "{layout} {character:?}");
        }
    }
    for (layout, only) in [(Layout::Uk, "¬£€"), (Layout::De, "äöüßÄÖÜ§°²³€µ´"), (Layout::Fr, "éèçàù²°£µ§¤€¨")]
    {
        for character in only.chars() {
            let pressed = |layout| strokes(&KeyStep::Type(character), Keyboard::Positions, layout);
            assert!(pressed(layout).is_ok(), "{layout} {character:?}");
            assert!(pressed(Layout::Us).is_err(), "{character:?}");
        }
    }
}

/// What a key sequence sends over a serial line, `%` for a break.
fn serially(text: &str) -> String {
    let mut out = Vec::new();
    for step in parse_with(text, |_| Some("p<w".into())).unwrap() {
        for part in serial(&step).unwrap_or_else(|error| panic!("{text:?}: {error}")) {
            match part {
                SerialStep::Bytes(bytes) => out.extend(bytes),
                SerialStep::Break => out.push(b'%'),
                SerialStep::Wait(time) => out.extend(format!("~{}", time.as_millis()).bytes()),
            }
        }
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn serial_lines_get_what_a_terminal_sends() {
    let check = |text: &str, expected: &str| assert_eq!(serially(text), expected, "{text:?}");
    check("root<Enter>\n<Tab>é", "root\r\r\té");
    check("<Esc><Backspace><Ctrl-Backspace><Space>", "\x1b\x7f\x08 ");
    check("<Ctrl-c><Ctrl-D><Ctrl-[><Ctrl-\\><Ctrl-_><Ctrl-@>", "\x03\x04\x1b\x1c\x1f\0");
    check("<Alt-x><Alt-Enter><Ctrl-Alt-a>", "\x1bx\x1b\r\x1b\x01");
    check("<Up><Down><Right><Left>", "\x1b[A\x1b[B\x1b[C\x1b[D");
    check("<Home><End><PageUp><PageDown>", "\x1b[H\x1b[F\x1b[5~\x1b[6~");
    check("<Insert><Del>", "\x1b[2~\x1b[3~");
    check("<F1><F2><F3><F4>", "\x1bOP\x1bOQ\x1bOR\x1bOS");
    check("<F5><F6><F7><F8>", "\x1b[15~\x1b[17~\x1b[18~\x1b[19~");
    check("<F9><F10><F11><F12>", "\x1b[20~\x1b[21~\x1b[23~\x1b[24~");
    check("<Ctrl-Up><Shift-F3><Alt-F12><Shift-Tab>", "\x1b[1;5A\x1b[1;2R\x1b[24;3~\x1b[Z");
    check("<Shift-a><Break><SysRq-b><wait 5ms>", "A%%b~5");
    check("<secret><Enter>", "p<w\r");
}

#[test]
fn serial_lines_refuse_keys_that_terminals_lack() {
    let check = |text: &str, wanted: &str| {
        let refused = serial(&parse(text).unwrap()[0]).unwrap_err().to_string();
        assert!(refused.starts_with(&format!("`{text}` cannot")) && refused.contains(wanted), "{refused}");
    };
    check("<Ctrl-Alt-Del>", "<SysRq-b>");
    check("<Super-l>", "logo key");
    check("<CapsLock>", "no such key");
    check("<PrintScreen>", "no such key");
    check("<Ctrl-1>", "control character");
    check("<Shift-1>", "the character itself");
    check("<SysRq-Enter>", "one character");
}

#[test]
fn secrets_show_nowhere() {
    let named = |name: &str| ["", "root"].contains(&name).then(|| SecretString::from("hunter2\tü"));
    let steps = parse_with("a<secret><Secret root ><Enter>", named).unwrap();
    let written: String = steps.iter().map(KeyStep::to_string).collect();
    assert_eq!(written, "a<secret><secret root><Enter>");
    assert_eq!(parse_with(&written, named).unwrap(), steps);
    let mut told = format!("{steps:?}");
    for step in &steps {
        let pressed = strokes(step, Keyboard::Keysyms, Layout::Us).unwrap();
        told += &format!("{:?}{:?}", pressed.first(), serial(step).unwrap());
    }
    // Of `hunter2` in text, in keysyms and in bytes.
    for trace in ["hunter", "ü", "104", "0x68", "Char"] {
        assert!(!told.contains(trace), "{trace} in {told}");
    }
    let check = |text: &str, secret: Option<&str>, wanted: &str| {
        let error = parse_with(text, |_| secret.map(SecretString::from)).unwrap_err();
        assert_eq!(error.offset(), 1, "{error}");
        assert!(error.to_string().contains(wanted), "{error}");
    };
    check("a<secret>", None, "a secret is to be typed at offset 1, and it was not given");
    check("a<secret root>", None, "the secret `root`");
    check("a<secret>", Some(""), "empty");
    check("a<secret>", Some("x\u{7}y"), "no key types");
    check("a<secret>", Some(&"x".repeat(MAX_STEPS)), "more than 4096");
}

#[test]
fn faults_are_named_with_their_place() {
    let check = |text: &str, offset: usize, message: &str| {
        let error = parse(text).unwrap_err();
        assert_eq!(error.offset(), offset, "{text:?}: {error}");
        assert!(error.to_string().contains(message), "{text:?}: {error}");
    };
    check("ab<Enter", 2, "not closed");
    check("é<>", 3, "missing");
    check("<Entr>", 1, "did you mean `Enter`?");
    check("x<F13>", 2, "did you mean `F1");
    check("<Crtl-c>", 1, "did you mean `Ctrl`?");
    check("<Ctrl-Dele>", 6, "did you mean `Del");
    check("<qqqqqq>", 1, "no key is called `qqqqqq`");
    check("<Ctrl->", 6, "missing");
    check("<Down*0>", 6, "no count");
    check("<Down*101>", 6, "1 to 100");
    check("<wait>", 5, "no time");
    check("<wait 5>", 6, "no time");
    check("<wait 99999999999999999999s>", 6, "no time");
    check("<wait 9m><wait 2m>", 9, "more than 600 s");
    check("a\u{7}", 1, "no key types");
    check(&"<Up*100>".repeat(41), 8 * 40, "more than 4096");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,40}|[<>*a-zA-Z0-9 -]{0,24}") {
        if let Ok(steps) = parse(&text) {
            prop_assert!(steps.len() <= MAX_STEPS);
        }
    }

    #[test]
    fn whatever_goes_down_comes_up(text in "\\PC{0,12}", key in "(Ctrl-|Alt-|SysRq-|Shift-|AltGr-){0,2}(Enter|F1|é|x|%)") {
        let secret = || Some(SecretString::from(text.clone()));
        let Ok(steps) = parse_with(&format!("<secret><{key}>"), |_| secret()) else { return Ok(()) };
        for (step, layout) in steps.iter().flat_map(|step| Layout::ALL.iter().map(move |layout| (step, *layout))) {
            for keyboard in [Keyboard::Keysyms, Keyboard::Positions] {
                let Ok(strokes) = strokes(step, keyboard, layout) else { continue };
                let mut held = Vec::new();
                for Stroke { keysym, usage, down } in strokes {
                    prop_assert!(keyboard == Keyboard::Keysyms || usage.and_then(code_of).is_some());
                    if down {
                        held.push((keysym, usage));
                    } else {
                        prop_assert_eq!(held.pop(), Some((keysym, usage)));
                    }
                }
                prop_assert!(held.is_empty(), "{} leaves keys down", step);
            }
        }
    }

    #[test]
    fn what_is_written_is_read_back(text in "[ -~]{0,16}", key in "(Ctrl-|Alt-|SysRq-)?(Enter|F1|Up|x|-)", ms in 0u64..60_000) {
        let steps = parse(&format!("{}<{key}><wait {ms}ms>", text.replace('<', "<<"))).unwrap();
        let written: String = steps.iter().map(KeyStep::to_string).collect();
        prop_assert_eq!(parse(&written).unwrap(), steps);
    }
}
