//! What is printed on keys, judged by the layouts of X and Wayland (xkeyboard-config).

use std::collections::HashMap;

use e2e::run;
use ironhand_console::keys::{KeyStep, Keyboard, Layout, Stroke, strokes};
use xkeysym::Keysym;

/// The keysyms of each key of a layout: plain, with Shift, with AltGr, with both.
fn judged(layout: Layout) -> HashMap<String, Vec<String>> {
    let name = if layout == Layout::Uk { "gb" } else { layout.as_str() };
    let compiled = run("xkbcli", &["compile-keymap", "--layout", name]);
    let keymap = String::from_utf8(compiled.stdout).expect("a keymap");
    let mut keys = HashMap::new();
    for key in keymap.split("key <").skip(1) {
        let (Some((name, _)), Some((body, _))) = (key.split_once('>'), key.split_once("};")) else {
            continue;
        };
        let Some((_, levels)) = body.rsplit_once('[') else { continue };
        let levels = levels.split(']').next().unwrap_or_default();
        keys.insert(name.to_owned(), levels.split(',').map(|level| level.trim().to_owned()).collect());
    }
    keys
}

/// The name of a key in layouts, by its usage: of a row the place in it, counted from the left.
fn name(usage: u8) -> String {
    const ROWS: [(&str, &[u8]); 4] = [
        ("AE", &[0x1e, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x2d, 0x2e]),
        ("AD", &[0x14, 0x1a, 0x08, 0x15, 0x17, 0x1c, 0x18, 0x0c, 0x12, 0x13, 0x2f, 0x30]),
        ("AC", &[0x04, 0x16, 0x07, 0x09, 0x0a, 0x0b, 0x0d, 0x0e, 0x0f, 0x33, 0x34]),
        ("AB", &[0x1d, 0x1b, 0x06, 0x19, 0x05, 0x11, 0x10, 0x36, 0x37, 0x38]),
    ];
    let in_row = ROWS.iter().find_map(|(row, usages)| {
        let place = usages.iter().position(|known| *known == usage)?;
        Some(format!("{row}{:02}", place + 1))
    });
    in_row.unwrap_or_else(|| match usage {
        0x2c => "SPCE".to_owned(),
        0x31 => "BKSL".to_owned(),
        0x35 => "TLDE".to_owned(),
        0x64 => "LSGT".to_owned(),
        _ => panic!("{usage:#x} is no key with a character"),
    })
}

/// Whether a key of this name is one that characters are printed on. There are others that make some, as those of number
/// pads, which no keyboard need have.
fn has_characters(name: &str) -> bool {
    let rows = ["AE", "AD", "AC", "AB"];
    rows.iter().any(|row| name.starts_with(row)) || ["SPCE", "BKSL", "TLDE", "LSGT"].contains(&name)
}

/// The keysyms that strokes make on the layout of the judge.
fn made(judge: &HashMap<String, Vec<String>>, pressed: &[Stroke]) -> Vec<String> {
    let (mut shift, mut alt_gr) = (false, false);
    let mut keysyms = Vec::new();
    for Stroke { usage, down, .. } in pressed {
        match usage.expect("a position") {
            0xe1 => shift = *down,
            0xe6 => alt_gr = *down,
            usage if *down => {
                let levels = &judge[&name(usage)];
                keysyms.push(levels[usize::from(shift) + 2 * usize::from(alt_gr)].clone());
            }
            _ => {}
        }
    }
    keysyms
}

#[test]
fn characters_are_where_xkeyboard_config_has_them() {
    for layout in Layout::ALL {
        let judge = judged(*layout);
        let mut typed = 0;
        for character in (' '..='~').chain('\u{a0}'..='\u{ff}').chain(['€']) {
            let step = KeyStep::Type(character);
            let Ok(pressed) = strokes(&step, Keyboard::Positions, *layout) else { continue };
            let got = made(&judge, &pressed);
            let keysym = Keysym::from_char(character).name().expect("a name");
            let keysym = keysym.trim_start_matches("XK_");
            match got.as_slice() {
                [only] => assert_eq!(only, keysym, "{layout} {character:?}"),
                [dead, second] => {
                    assert!(dead.starts_with("dead_"), "{layout} {character:?}: {got:?}");
                    assert!(second == "space" || second.len() == 1, "{layout} {character:?}: {got:?}");
                }
                _ => panic!("{layout} {character:?}: {got:?}"),
            }
            typed += 1;
        }
        assert!(typed >= 95, "{layout}: {typed}");
        // What a plain or a shifted key has, we type too.
        let printed = judge.iter().filter(|(name, _)| has_characters(name));
        for level in printed.flat_map(|(_, levels)| levels.iter().take(2)) {
            let known = (' '..='ÿ').find(|character| {
                Keysym::from_char(*character)
                    .name()
                    .is_some_and(|name| name.trim_start_matches("XK_") == level)
            });
            if let Some(character) = known {
                let step = KeyStep::Type(character);
                assert!(strokes(&step, Keyboard::Positions, *layout).is_ok(), "{layout} {character:?}");
            }
        }
    }
}
