//! The graphics protocol of kitty, as Ghostty, Konsole, WezTerm and others know it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ironhand_console::Image;

/// Our picture among those of a terminal: a new one takes the place of the one before.
const ID: u32 = 0x4948;

/// The most that one command may carry, in characters of base64.
const CHUNK: usize = 4096;

/// A command that shows a picture at the cursor, in place of the one before. The terminal answers nothing.
pub fn encode(image: &Image) -> Vec<u8> {
    let data = STANDARD.encode(image.encode_png());
    let mut out = Vec::with_capacity(data.len() + 64);
    let mut chunks = data.as_bytes().chunks(CHUNK).peekable();
    let mut first = true;
    while let Some(chunk) = chunks.next() {
        let keys = if first { format!("a=T,f=100,t=d,i={ID},p=1,q=2,") } else { String::new() };
        let more = u8::from(chunks.peek().is_some());
        out.extend(format!("\x1b_G{keys}m={more};").bytes());
        out.extend(chunk);
        out.extend(b"\x1b\\");
        first = false;
    }
    out
}

/// A command that takes the picture away.
pub fn remove() -> Vec<u8> {
    format!("\x1b_Ga=d,d=I,i={ID},q=2\x1b\\").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The picture that commands carry, and the keys of each command.
    fn decoded(sent: &[u8]) -> (Image, Vec<String>) {
        let text = std::str::from_utf8(sent).unwrap();
        let mut keys = Vec::new();
        let mut data = String::new();
        for command in text.split_terminator("\x1b\\") {
            let (head, chunk) = command.strip_prefix("\x1b_G").unwrap().split_once(';').unwrap();
            assert!(chunk.len() <= CHUNK, "{}", chunk.len());
            keys.push(head.to_owned());
            data += chunk;
        }
        (Image::decode(&STANDARD.decode(data).unwrap()).unwrap(), keys)
    }

    #[test]
    fn pictures_go_in_pieces() {
        let small = Image::filled(3, 2, 0x12_34_56);
        let (shown, keys) = decoded(&encode(&small));
        assert_eq!((shown, keys), (small, vec![format!("a=T,f=100,t=d,i={ID},p=1,q=2,m=0")]));
        // Noise does not shrink.
        let pixels = (0..128 * 128).map(|index: u32| index.wrapping_mul(0x9E37_79B9) >> 8).collect();
        let large = Image { width: 128, height: 128, pixels };
        let (shown, keys) = decoded(&encode(&large));
        assert_eq!(shown, large);
        assert!(keys[0].ends_with("q=2,m=1") && keys.len() > 2, "{keys:?}");
        assert!(keys[1..keys.len() - 1].iter().all(|keys| keys == "m=1"), "{keys:?}");
        assert_eq!(keys.last().map(String::as_str), Some("m=0"));
    }
}
