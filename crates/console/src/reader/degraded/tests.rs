use damage::{Damage, Dice, Screen, score, screen};

use super::*;
use crate::font::fonts;
use crate::reading::ReadingMethod;

#[path = "../../../tests/damage/mod.rs"]
mod damage;

/// What is read of a damaged screen with all fonts but those of some names.
fn read_without(names: &[&str], screen: &Screen, damage: Damage) -> Option<Reading> {
    let known = fonts().iter().filter(|font| !names.contains(&font.name()));
    read(&damage.of(screen), &Bank::of(known), 1)
}

fn index(name: &str) -> usize {
    fonts().iter().position(|font| font.name() == name).expect("a built-in font")
}

#[test]
fn screens_in_a_font_that_is_not_there_are_refused_or_marked() {
    let check = |name: &str, seed: u64, kind: usize| {
        let mut dice = Dice(seed);
        let screen = screen(&mut dice, index(name));
        let damage = Damage::any(&mut dice, kind);
        let Some(reading) = read_without(&[name], &screen, damage) else { return };
        if reading.is_reliable() {
            let score = score(&screen.text, &reading.text());
            let damage = damage.name();
            assert_eq!(score.wrong, 0, "{name} {damage} {}\n{}", screen.name, reading.text());
        }
    };
    for (round, name) in
        ["edk2", "qemu-vga16", "linux-8x16", "unifont", "console-setup-fixed14"].iter().enumerate()
    {
        for kind in [1, 3] {
            check(name, 77 + round as u64, kind);
        }
    }
}

#[test]
fn damaged_screens_are_read() {
    let bank = Bank::of(fonts());
    let check = |name: &str, seed: u64, damage: Damage| {
        let screen = screen(&mut Dice(seed), index(name));
        let reading = read(&damage.of(&screen), &bank, 1).expect("cells");
        assert!(reading.is_reliable(), "{name} {damage:?} {}\n{}", screen.name, reading.text());
        assert_eq!(reading.method, ReadingMethod::Nearest);
        let score = score(&screen.text, &reading.text());
        assert_eq!(score.wrong, 0, "{name} {damage:?} {}\n{}", screen.name, reading.text());
        assert!(score.errors * 100 <= score.characters, "{score:?} {name} {damage:?}\n{}", reading.text());
    };
    let bilinear = image::imageops::FilterType::Triangle;
    check("qemu-vga16", 1, Damage::Jpeg(75));
    check("qemu-vga16", 2, Damage::Scaled(1.27, 1.27, bilinear));
    check("linux-8x16", 3, Damage::Stretched(1280, 720, bilinear));
    check("edk2", 4, Damage::Fitted(1920, 1080, bilinear));
    check("console-setup-fixed16", 5, Damage::ScaledJpeg(1.27, 1.27, bilinear, 75));
    check("console-setup-terminus32x16", 6, Damage::Scaled(0.8, 0.8, image::imageops::FilterType::Lanczos3));
}

#[test]
fn pictures_without_text_are_refused() {
    let bank = Bank::of(fonts());
    let check = |what: &str, pixel: &dyn Fn(u32, u32) -> u32| {
        let (width, height) = (320, 200);
        let pixels =
            (0..width * height).map(|index| pixel(index % width, index / width) & 0xff_ffff).collect();
        let reading = read(&Image { width, height, pixels }, &bank, 1);
        assert!(reading.is_none_or(|reading| !reading.is_reliable()), "{what}");
    };
    check("a gradient", &|x, y| x << 16 | y);
    check("stripes", &|x, _| if x % 8 < 4 { 0xff_ffff } else { 0 });
    check("a chequered board", &|x, y| if (x / 8 + y / 16) % 2 == 0 { 0xc0_c0c0 } else { 0x10_1010 });
    check("noise", &|x, y| (x * 7919 + y * 104_729).wrapping_mul(2_654_435_761) >> 8);
    check("rings", &|x, y| x * x + y * y);
}
