//! A terminal on which one picture is drawn again and again.

use ironhand_console::Image;

use super::terminal::{Answers, Window};
use super::{Protocol, kitty, scale};
use crate::exit::Failure;
use crate::output::write_bytes;

/// The screen beside the shell's, without a cursor (XTerm's private modes 1049 and 25).
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[2J";

const LEAVE: &[u8] = b"\x1b[?25h\x1b[?1049l";

/// What it is drawn on. Dropping it puts the terminal back as it was.
pub struct Canvas {
    protocol: Protocol,
    answers: Answers,
    /// The size of the last picture and of the window that it was drawn in.
    drawn: Option<((u32, u32), Window)>,
}

impl Canvas {
    /// Leaves what the shell shows.
    pub fn enter(protocol: Protocol, answers: Answers) -> Result<Self, Failure> {
        let canvas = Self { protocol, answers, drawn: None };
        write_bytes(ENTER)?;
        Ok(canvas)
    }

    /// Draws a picture, with a line below the window's last row of it.
    pub fn draw(&mut self, image: Image, caption: &str) -> Result<(), Failure> {
        let Some(window) = Window::here(&self.answers) else { return Ok(()) };
        let (width, height) = window.pixels(1);
        let fitted = scale::fitted(image, width, height);
        let place = ((fitted.width, fitted.height), window);
        write_bytes(&frame(self.protocol, &fitted, caption, window, self.drawn != Some(place)))?;
        self.drawn = Some(place);
        Ok(())
    }
}

impl Drop for Canvas {
    fn drop(&mut self) {
        let picture = if self.protocol == Protocol::Kitty { kitty::remove() } else { Vec::new() };
        // A terminal that is gone need not be put back.
        let _ = write_bytes(&[&picture, LEAVE].concat());
    }
}

/// What draws a picture at the top left, and the caption in the last row.
fn frame(protocol: Protocol, image: &Image, caption: &str, window: Window, anew: bool) -> Vec<u8> {
    let clear: &[u8] = if anew { b"\x1b[2J\x1b[H" } else { b"\x1b[H" };
    let caption: String = caption.chars().take(window.columns.into()).collect();
    let caption = format!("\x1b[{};1H\x1b[2K{caption}", window.rows);
    [clear, &protocol.encode(image), caption.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_stay_where_they_are() {
        let window = Window { columns: 9, rows: 24, cell: (10, 20) };
        let image = Image::filled(1, 1, 0);
        let check = |anew: bool, start: &str| {
            let drawn = frame(Protocol::Sixel, &image, "rack7-12 now", window, anew);
            let drawn = String::from_utf8(drawn).unwrap();
            assert!(drawn.starts_with(&format!("{start}\x1bP")), "{drawn:?}");
            assert!(drawn.ends_with("\x1b\\\x1b[24;1H\x1b[2Krack7-12 "), "{drawn:?}");
        };
        check(true, "\x1b[2J\x1b[H");
        check(false, "\x1b[H");
    }
}
