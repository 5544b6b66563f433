//! Tables for people, JSON and YAML for programs: the same values in both.

use std::io::{IsTerminal, Write};

use comfy_table::{Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Table, Width, presets};
use serde::Serialize;

use crate::args::{Format, Global};
use crate::exit::Failure;

/// Blanks behind each column of a table.
const PADDING: usize = 2;

/// What is left for a column whose words may be broken.
const NARROWEST: usize = 6;

/// Where and how results are printed.
#[derive(Clone, Copy)]
pub struct Output {
    /// Table, JSON ...
    pub format: Format,
    /// Whether standard output shows colours.
    pub color: bool,
}

/// How a cell is coloured on a terminal: colour supports the words, it never replaces them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As the terminal has it.
    Plain,
    /// Fine.
    Good,
    /// In between, or needs a look.
    Warn,
    /// Wrong.
    Bad,
    /// Of little weight.
    Dim,
}

/// One cell of a table.
#[derive(Clone, Debug)]
pub struct Field {
    text: String,
    tone: Tone,
}

impl Field {
    /// A cell with a tone.
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }

    /// Without what the text of a device might have the terminal do.
    #[must_use]
    pub fn printable(mut self) -> Self {
        if self.text.contains(char::is_control) {
            self.text = self.text.replace(char::is_control, " ");
        }
        self
    }

    /// What it says, without its tone.
    pub fn into_text(self) -> String {
        self.text
    }
}

impl<T: Into<String>> From<T> for Field {
    fn from(text: T) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

impl Output {
    /// From the options of the command line. Colours need a terminal and honour `NO_COLOR` (no-color.org).
    pub fn new(global: &Global) -> Self {
        let color =
            !global.no_color && std::env::var_os("NO_COLOR").is_none() && std::io::stdout().is_terminal();
        Self { format: global.output, color }
    }

    /// Whether programs read the result.
    pub const fn is_structured(self) -> bool {
        matches!(self.format, Format::Json | Format::Yaml)
    }

    /// Whether people have wide screens.
    pub const fn is_wide(self) -> bool {
        matches!(self.format, Format::Wide)
    }

    /// Prints `items`: as a table with `head` and one row each, as names, or as JSON or YAML.
    pub fn list<T: Serialize>(
        self,
        items: &[T],
        head: &[&str],
        name: impl Fn(&T) -> String,
        row: impl Fn(&T) -> Vec<Field>,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Json | Format::Yaml => self.value(&items),
            Format::Name => {
                items.iter().for_each(|item| line(&name(item)));
                Ok(())
            }
            Format::Table | Format::Wide => {
                self.table(head, items.iter().map(row));
                Ok(())
            }
        }
    }

    /// Prints a table; nothing but the head where there are no rows.
    pub fn table(self, head: &[&str], rows: impl Iterator<Item = Vec<Field>>) {
        self.table_lines(head, rows).iter().for_each(|text| line(text));
    }

    /// The lines of a table.
    pub fn table_lines(self, head: &[&str], rows: impl Iterator<Item = Vec<Field>>) -> Vec<String> {
        self.table_lines_beside(head, rows, 0)
    }

    /// The lines of a table beside which something else takes so many columns of the terminal.
    pub fn table_lines_beside(
        self,
        head: &[&str],
        rows: impl Iterator<Item = Vec<Field>>,
        taken: usize,
    ) -> Vec<String> {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        if std::io::stdout().is_terminal() {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            if let Some(width) = terminal_width().filter(|_| taken > 0) {
                table.set_width(width.saturating_sub(u16::try_from(taken).unwrap_or(u16::MAX)));
            }
        }
        if !self.color {
            table.force_no_tty();
        } else {
            table.enforce_styling();
        }
        table.set_header(head.iter().map(|title| {
            let cell = Cell::new(title.to_uppercase());
            if self.color { cell.add_attribute(Attribute::Bold) } else { cell }
        }));
        let rows: Vec<Vec<Field>> = rows.collect();
        let whole = table.width().map(|width| whole_words(&longest_words(head, &rows), width.into()));
        for row in rows {
            table.add_row(row.into_iter().map(|field| self.cell(field)));
        }
        for (at, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, PADDING as u16));
            if let Some(Some(width)) = whole.as_ref().and_then(|whole| whole.get(at)) {
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(*width)));
            }
        }
        table.lines().map(|text| text.trim_end().to_owned()).collect()
    }

    /// The text of a field outside a table.
    pub fn inline(self, field: &Field) -> String {
        let style = match field.tone {
            Tone::Plain => return field.text.clone(),
            _ if !self.color => return field.text.clone(),
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "31",
            Tone::Dim => "2",
        };
        format!("\x1b[{style}m{}\x1b[0m", field.text)
    }

    fn cell(self, field: Field) -> Cell {
        let cell = Cell::new(field.text);
        if !self.color {
            return cell;
        }
        match field.tone {
            Tone::Plain => cell,
            Tone::Good => cell.fg(Color::Green),
            Tone::Warn => cell.fg(Color::Yellow),
            Tone::Bad => cell.fg(Color::Red),
            Tone::Dim => cell.add_attribute(Attribute::Dim),
        }
    }

    /// Prints one value as JSON or, for people and where asked, as YAML.
    pub fn value<T: Serialize>(self, value: &T) -> Result<(), Failure> {
        let text = if self.format == Format::Json {
            serde_json::to_string_pretty(value).map_err(|error| Failure::Failed(error.to_string()))?
        } else {
            serde_saphyr::to_string(value).map_err(|error| Failure::Failed(error.to_string()))?
        };
        line(text.trim_end());
        Ok(())
    }
}

/// How many characters the longest word of each column has.
fn longest_words(head: &[&str], rows: &[Vec<Field>]) -> Vec<usize> {
    let longest =
        |text: &str| text.split_whitespace().map(|word| word.chars().count()).max().unwrap_or_default();
    let of = |(at, title): (usize, &&str)| {
        let cells = rows.iter().filter_map(|row| row.get(at)).map(|field| longest(&field.text));
        cells.chain([longest(title)]).max().unwrap_or_default()
    };
    head.iter().enumerate().map(of).collect()
}

/// How wide columns have to be for none of their words to be broken, as far as a screen has room for that: a name or an address
/// in two pieces can be neither read nor copied. The columns on the left, which say what a row is about, come first.
fn whole_words(longest: &[usize], screen: usize) -> Vec<Option<u16>> {
    let mut left = screen;
    let behind = (0..longest.len()).rev();
    let width = |(word, behind): (&usize, usize)| {
        let width = word + PADDING;
        let fits = width + behind * NARROWEST <= left;
        left = left.saturating_sub(if fits { width } else { NARROWEST });
        u16::try_from(width).ok().filter(|_| fits)
    };
    longest.iter().zip(behind).map(width).collect()
}

/// How many characters fit on a line of the terminal; none where the output goes elsewhere.
pub fn terminal_width() -> Option<u16> {
    rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| size.ws_col).filter(|width| *width > 0)
}

/// Prints a line. A reader that went away (`| head`) ends the program quietly, as it does with other tools.
pub fn line(text: &str) {
    if let Err(failure) = write_line(text) {
        std::process::exit(failure.end().into());
    }
}

/// Prints a line, or says why not: for those who have something to tidy up before the program ends.
pub fn write_line(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(unwritten)
}

/// Writes bytes as they are.
pub fn write_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(unwritten)
}

fn unwritten(source: std::io::Error) -> Failure {
    match source.kind() {
        std::io::ErrorKind::BrokenPipe => Failure::ReaderGone,
        _ => Failure::Output(source),
    }
}

/// Tells people something on standard error, as `eprintln!` does; where nobody reads it, the work goes on.
macro_rules! note {
    ($($words:tt)*) => {
        $crate::output::tell(&format!($($words)*))
    };
}

/// What [`note!`] is made of.
pub fn tell(text: &str) {
    let _ = std::io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}

/// A time as people glance at it: how long ago, in one or two units.
pub fn age(now: ironhand_api::Timestamp, then: ironhand_api::Timestamp) -> String {
    let seconds = now.since(then).as_secs();
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// The clock time of the day of a timestamp, in UTC, to the second.
pub fn clock(time: ironhand_api::Timestamp) -> String {
    let seconds = time.as_millis().div_euclid(1000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Now, for ages.
pub fn now() -> ironhand_api::Timestamp {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    ironhand_api::Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_whole_from_the_left_as_far_as_there_is_room() {
        let check = |longest: &[usize], screen, wanted: &[Option<u16>]| {
            assert_eq!(whole_words(longest, screen), wanted, "{longest:?} {screen}");
        };
        check(&[], 80, &[]);
        check(&[17, 7, 5], 80, &[Some(19), Some(9), Some(7)]);
        check(&[17, 7, 60], 80, &[Some(19), Some(9), None]);
        check(&[17, 90, 7], 80, &[Some(19), None, Some(9)]);
        check(&[17, 7], 20, &[None, Some(9)]);
        let rows = [vec![Field::from("52:54:00:12:34:56"), Field::from("two words")], vec![Field::from("a")]];
        assert_eq!(longest_words(&["machine", "what and why"], &rows), [17, 5]);
    }
}
