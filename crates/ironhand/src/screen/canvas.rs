//! A terminal on which one picture is drawn again and again.

use ironhand_console::Image;

use super::terminal::{Answers, Window};
use super::{Protocol, kitty, scale};
use crate::exit::Failure;
use crate::output::write_bytes;

/// The screen beside the shell's, without a cursor (XTerm's private modes 1049 and 25).
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[2J";

const LEAVE: &[u8] = b"\x1b[?25h\x1b[?1049l";

/// What is drawn.
#[derive(Clone, Debug)]
pub enum Face {
    /// As pixels.
    Picture(Image),
    /// As characters, with the chosen line of a menu turned over.
    Text {
        /// The rows of the grid.
        rows: Vec<String>,
        /// Row and column of the cursor, from 0.
        cursor: Option<(usize, usize)>,
        /// From 0.
        highlighted_row: Option<usize>,
    },
}

/// What it is drawn on. Dropping it puts the terminal back as it was.
pub struct Canvas {
    protocol: Option<Protocol>,
    answers: Answers,
    /// The size of the last picture and of the window that it was drawn in.
    drawn: Option<((u32, u32), Window)>,
}

impl Canvas {
    /// Leaves what the shell shows. Pictures need a protocol.
    pub fn enter(protocol: Option<Protocol>, answers: Answers) -> Result<Self, Failure> {
        let canvas = Self { protocol, answers, drawn: None };
        write_bytes(ENTER)?;
        Ok(canvas)
    }

    /// Draws a picture or text, with a line in the window's last row below it.
    pub fn draw(&mut self, face: Face, caption: &str) -> Result<(), Failure> {
        let Some(window) = Window::here(&self.answers) else { return Ok(()) };
        let (place, content) = match (face, self.protocol) {
            (Face::Picture(image), Some(protocol)) => {
                let (width, height) = window.pixels(1);
                let fitted = scale::fitted(image, width, height);
                ((fitted.width, fitted.height), [b"\x1b[H".as_slice(), &protocol.encode(&fitted)].concat())
            }
            (Face::Picture(_), None) => ((0, 0), Vec::new()),
            (Face::Text { rows, cursor, highlighted_row }, _) => {
                ((0, 0), lines(&rows, cursor, highlighted_row, window))
            }
        };
        let place = (place, window);
        write_bytes(&frame(&content, caption, window, self.drawn != Some(place)))?;
        self.drawn = Some(place);
        Ok(())
    }
}

impl Drop for Canvas {
    fn drop(&mut self) {
        let picture = if self.protocol == Some(Protocol::Kitty) { kitty::remove() } else { Vec::new() };
        // A terminal that is gone need not be put back.
        let _ = write_bytes(&[&picture, LEAVE].concat());
    }
}

/// What draws something, and the caption in the last row. The cursor stays where the content leaves it.
fn frame(content: &[u8], caption: &str, window: Window, anew: bool) -> Vec<u8> {
    let clear: &[u8] = if anew { b"\x1b[2J" } else { b"" };
    let caption: String = caption.chars().take(window.columns.into()).collect();
    let caption = format!("\x1b[?25l\x1b[{};1H\x1b[2K{caption}", window.rows);
    [clear, caption.as_bytes(), content].concat()
}

/// What draws rows of characters at the top left: of more than the window holds, those around the cursor or the chosen
/// line.
fn lines(
    rows: &[String],
    cursor: Option<(usize, usize)>,
    highlighted_row: Option<usize>,
    window: Window,
) -> Vec<u8> {
    let room = usize::from(window.rows.saturating_sub(1)).max(1);
    let last = rows.iter().rposition(|row| !row.trim().is_empty()).unwrap_or(0);
    let focus = highlighted_row.or(cursor.map(|(row, _)| row)).unwrap_or(last);
    let first = if rows.len() > room { (focus + 1).saturating_sub(room) } else { 0 };
    let mut drawn = String::new();
    for place in 0..room {
        let at = first + place;
        let row = rows.get(at).map_or("", String::as_str);
        // What a machine shows cannot steer this terminal.
        let plain = row.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
        let plain: String = plain.take(window.columns.into()).collect();
        let turned = if highlighted_row == Some(at) { "\x1b[7m" } else { "" };
        drawn.push_str(&format!("\x1b[{};1H{turned}{plain}\x1b[0m\x1b[K", place + 1));
    }
    if let Some((row, column)) = cursor
        && (first..first + room).contains(&row)
    {
        drawn.push_str(&format!("\x1b[{};{}H\x1b[?25h", row - first + 1, column + 1));
    }
    drawn.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { columns: 9, rows: 4, cell: (10, 20) };

    #[test]
    fn pictures_stay_where_they_are() {
        let check = |anew: bool, start: &str| {
            let drawn = frame(b"picture", "rack7-12 now", WINDOW, anew);
            let drawn = String::from_utf8(drawn).unwrap();
            assert_eq!(drawn, format!("{start}\x1b[?25l\x1b[4;1H\x1b[2Krack7-12 picture"));
        };
        check(true, "\x1b[2J");
        check(false, "");
    }

    #[test]
    fn rows_fit_the_window_and_what_matters_is_among_them() {
        let check =
            |count: usize, cursor: Option<(usize, usize)>, highlighted: Option<usize>, wanted: &[&str]| {
                let rows: Vec<String> = (0..count).map(|row| format!("row {row}\x1b7890")).collect();
                let drawn = String::from_utf8(lines(&rows, cursor, highlighted, WINDOW)).unwrap();
                for text in wanted {
                    assert!(drawn.contains(text), "{text:?} in {drawn:?}");
                }
                assert_eq!(drawn.matches("\x1b[7m").count(), usize::from(highlighted.is_some()));
            };
        check(2, None, None, &["\x1b[1;1Hrow 0 789\x1b[0m", "\x1b[2;1Hrow 1", "\x1b[3;1H\x1b[0m\x1b[K"]);
        check(9, None, None, &["\x1b[3;1Hrow 8"]);
        check(9, Some((1, 2)), None, &["\x1b[1;1Hrow 0", "\x1b[2;3H\x1b[?25h"]);
        check(9, Some((0, 0)), Some(5), &["\x1b[3;1H\x1b[7mrow 5"]);
    }
}
