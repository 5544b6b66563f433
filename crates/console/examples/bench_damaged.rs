//! How well damaged screens are read: of each font and each kind of damage, how many characters are wrong, how many pages are
//! refused, and how long that takes.
//!
//! ```sh
//! cargo run --release -p ironhand-console --example bench_damaged -- ROUNDS [SEED] [wide|faint]
//! ```
//!
//! `wide` draws qualities, factors and sizes of pictures from wider ranges, `faint` text in colours that compression hardly leaves
//! a trace of. `ONLY=N` in the environment reads the page with that number alone, `SAVE=FILE.png` keeps its picture.

#[path = "../tests/damage/mod.rs"]
mod damage;
mod processor;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use damage::{Damage, Dice, Misread, Screen, faint_screen, score, screen};
use ironhand_console::{Image, Reader, fonts};
use processor::timed;

#[derive(Default)]
struct Tally {
    pages: usize,
    equal: usize,
    refused: usize,
    wrong_pages: usize,
    /// Of these, the pages that look the same without the letters that were not read: the damage left nothing of them.
    traceless: usize,
    characters: usize,
    errors: usize,
    times: Vec<Duration>,
    /// With the grid known.
    times_again: Vec<Duration>,
}

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_wide = arguments.pop_if(|last| last == "wide").is_some();
    let is_faint = arguments.pop_if(|last| last == "faint").is_some();
    let mut numbers = arguments.iter().map(|number| number.parse::<u64>().expect("a number"));
    let rounds = numbers.next().unwrap_or(1);
    let first = numbers.next().unwrap_or_default();
    let reader = Reader::new();
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    let only: Option<u64> = std::env::var("ONLY").ok().and_then(|o| o.parse().ok());
    for round in 0..rounds * fonts().len() as u64 * 10 {
        if only.is_some_and(|only| only != round) {
            continue;
        }
        let mut dice = Dice((first + round) << 16);
        let draw = if is_faint { faint_screen } else { screen };
        let screen = draw(&mut dice, round as usize / 10);
        let kind = match (is_faint, is_wide) {
            (true, _) => Damage::compression,
            (false, true) => Damage::wide,
            (false, false) => Damage::any,
        };
        let damage = kind(&mut dice, round as usize);
        let image = damage.of(&screen);
        if let Some(file) = std::env::var_os("SAVE").filter(|_| only.is_some()) {
            std::fs::write(file, image.encode_png()).expect("writable");
        }
        let (reading, took) = timed(|| reader.read(&image, None));
        let (again, took_again) = timed(|| reader.read(&image, reading.grid.as_ref()));
        assert_eq!(again, reading, "the grid changes what is read");
        let reliable = reading.is_reliable();
        let score = score(&screen.text, &if reliable { reading.text() } else { String::new() });
        if only.is_some() {
            show(&screen.text, &reading.text());
        }
        let is_wrong = reliable && !score.wrong.is_empty();
        let is_traceless = is_wrong && {
            let without = damage.of_image(&screen.without(&score.wrong), screen.text_mode);
            println!("WRONG {}\n{}", listed(&screen, &score.wrong), difference(&image, &without));
            without == image
        };
        let tally = tallies.entry(damage.name()).or_default();
        tally.pages += 1;
        tally.equal += usize::from(score.errors == 0);
        tally.refused += usize::from(!reliable);
        tally.wrong_pages += usize::from(is_wrong);
        tally.traceless += usize::from(is_traceless);
        tally.characters += score.characters;
        tally.errors += score.errors;
        tally.times.push(took);
        tally.times_again.push(took_again);
        if score.errors > 0 {
            println!(
                "{round:3} {} {:?} {:4} errors, {:4} wrong of {:5}, {:6.1} ms, score {:.3}, {}: {} {damage:?}",
                if reliable { "READ   " } else { "refused" },
                reading.method,
                score.errors,
                score.wrong.len(),
                score.characters,
                took.as_secs_f64() * 1e3,
                reading.score,
                reading.font.as_deref().unwrap_or("-"),
                screen.name,
            );
        }
    }
    println!("{:<16} pages equal refused wrong traceless  errors %  median ms  worst ms  known ms", "damage");
    for (name, mut tally) in tallies {
        tally.times.sort();
        tally.times_again.sort();
        println!(
            "{name:<16} {:5} {:5} {:7} {:5} {:9}  {:8.4}  {:9.1}  {:8.1}  {:8.1}",
            tally.pages,
            tally.equal,
            tally.refused,
            tally.wrong_pages,
            tally.traceless,
            100.0 * tally.errors as f64 / tally.characters.max(1) as f64,
            tally.times[tally.times.len() / 2].as_secs_f64() * 1e3,
            tally.times[tally.times.len() - 1].as_secs_f64() * 1e3,
            tally.times_again[tally.times_again.len() / 2].as_secs_f64() * 1e3,
        );
    }
}

/// Prints what stands on a screen, and what was read.
fn show(truth: &str, read: &str) {
    for (who, text) in [("T", truth), ("R", read)] {
        for (row, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            println!("{who}{row:3} {line}");
        }
    }
}

/// What was read wrongly, by colours of ink and ground: how often which character was read as which.
fn listed(screen: &Screen, wrong: &[Misread]) -> String {
    let mut kinds: BTreeMap<_, BTreeMap<_, usize>> = BTreeMap::new();
    for misread in wrong {
        let pair = (misread.stands, misread.read);
        *kinds.entry(screen.colors(misread)).or_default().entry(pair).or_default() += 1;
    }
    let mut list = String::new();
    for (colors, pairs) in kinds {
        let (ink, ground) = colors.unwrap_or_default();
        let _ = write!(list, "{ink:06x} on {ground:06x}:");
        for ((stands, read), count) in pairs {
            let _ = write!(list, " {count} x {stands:?} as {read:?},");
        }
    }
    list
}

/// How many pixels the letters that were read wrongly made a difference to.
fn difference(one: &Image, other: &Image) -> String {
    let count = one.pixels.iter().zip(&other.pixels).filter(|(one, other)| one != other).count();
    format!("  without them {count} pixels are others")
}
