use super::*;
use proptest::prelude::*;

/// What a key sequence sends: `+key` down, `-key` up, `~ms` a wait.
fn sent(text: &str) -> String {
    let mut out = Vec::new();
    for step in parse(text).unwrap() {
        if let KeyStep::Wait(time) = step {
            out.push(format!("~{}", time.as_millis()));
        }
        for (keysym, down) in events(&step) {
            let name = match keysym {
                0xffe3 => "Ctrl".to_owned(),
                0xffe9 => "Alt".to_owned(),
                0xffe1 => "Shift".to_owned(),
                0xff61 => "Print".to_owned(),
                _ => Key { keysym }.to_string(),
            };
            out.push(format!("{}{name}", if down { '+' } else { '-' }));
        }
    }
    out.join(" ")
}

#[test]
fn sequences_become_key_events() {
    let check = |text: &str, expected: &str| assert_eq!(sent(text), expected, "{text:?}");
    check("", "");
    check("ab", "+a -a +b -b");
    check("A!", "+Shift +A -A -Shift +Shift +! -! -Shift");
    check("<<b>", "+Shift +LT -LT -Shift +b -b +Shift +GT -GT -Shift");
    check("<Enter>", "+Enter -Enter");
    check("<esc><F1><f12>", "+Esc -Esc +F1 -F1 +F12 -F12");
    check("<Ctrl-Alt-Del>", "+Ctrl +Alt +Del -Del -Alt -Ctrl");
    check("<ctrl-C>", "+Ctrl +c -c -Ctrl");
    check("<Ctrl-->", "+Ctrl +- -- -Ctrl");
    check("<Ctrl->>", "+Ctrl +GT -GT -Ctrl");
    check("<SysRq-b>", "+Alt +Print +b -b -Print -Alt");
    check("<Alt-SysRq-b>", "+Alt +Print +b -b -Print -Alt");
    check("<SysRq>", "+Alt +PrintScreen -PrintScreen -Alt".replace("PrintScreen", "Print").as_str());
    check("<Down*3>", "+Down -Down +Down -Down +Down -Down");
    check("<**2>", "+* -* +* -*");
    check("<wait 500ms><wait 2s>< WAIT 1m >", "~500 ~2000 ~60000");
    check("a\n\t", "+a -a +Enter -Enter +Tab -Tab");
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
    fn what_is_written_is_read_back(text in "[ -~]{0,16}", key in "(Ctrl-|Alt-|SysRq-)?(Enter|F1|Up|x|-)", ms in 0u64..60_000) {
        let steps = parse(&format!("{}<{key}><wait {ms}ms>", text.replace('<', "<<"))).unwrap();
        let written: String = steps.iter().map(KeyStep::to_string).collect();
        prop_assert_eq!(parse(&written).unwrap(), steps);
    }
}
