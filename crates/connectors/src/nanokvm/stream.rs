//! The first frame of a stream of JPEG pictures (`multipart/x-mixed-replace`).

use std::ops::Range;
use std::time::Duration;

use crate::front_panel::LIMITS;
use crate::{Error, HttpStream, Picture};

/// The longest head of a part, in bytes.
const LONGEST_HEAD: usize = 4096;

/// Waits for the first frame.
pub(super) async fn first(stream: &mut HttpStream, patience: Duration) -> Result<Picture, Error> {
    let mut arrived = Vec::new();
    loop {
        if let Some(frame) = frame(&arrived)? {
            arrived.truncate(frame.end);
            let file = arrived.split_off(frame.start).into();
            return Ok(Picture { media_type: "image/jpeg".to_owned(), file });
        }
        match stream.next(patience).await? {
            Some(piece) => arrived.extend_from_slice(&piece),
            None => {
                return Err(Error::NoPicture {
                    reason: "the stream ended before its first frame".to_owned(),
                });
            }
        }
    }
}

/// Where the first frame is; nothing until all of it is there.
fn frame(arrived: &[u8]) -> Result<Option<Range<usize>>, Error> {
    let malformed = |reason: &str| Error::Malformed { reason: format!("{reason}; is this a NanoKVM?") };
    let end = arrived.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let Some(end) = end else {
        return if arrived.len() > LONGEST_HEAD {
            Err(malformed("its frames have no head"))
        } else {
            Ok(None)
        };
    };
    let head = String::from_utf8_lossy(&arrived[..end]).to_ascii_lowercase();
    let length = head.lines().filter_map(|line| line.strip_prefix("content-length:")).next();
    let length: usize = length
        .and_then(|length| length.trim().parse().ok())
        .ok_or_else(|| malformed("its frames do not tell their length"))?;
    if length > LIMITS.body {
        return Err(malformed("its frames are longer than pictures are"));
    }
    let start = end + 4;
    let whole = start..start + length;
    Ok((arrived.len() >= whole.end).then_some(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_found_once_it_is_whole() {
        let check = |arrived: &str, wanted: Result<Option<&str>, &str>| {
            let found = frame(arrived.as_bytes()).map(|frame| frame.map(|frame| &arrived[frame]));
            assert_eq!(found.map_err(|error| error.code()), wanted, "{arrived:?}");
        };
        let head = "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 4\r\n\r\n";
        check("", Ok(None));
        check("--frame\r\nContent-", Ok(None));
        check(head, Ok(None));
        check(&format!("{head}abc"), Ok(None));
        check(&format!("{head}abcd"), Ok(Some("abcd")));
        check(&format!("{head}abcd\r\n--frame\r\n"), Ok(Some("abcd")));
        check("--frame\r\ncontent-length: many\r\n\r\nabcd", Err("connector.malformed"));
        check("--frame\r\ncontent-length: 99999999999\r\n\r\n", Err("connector.malformed"));
        check("--frame\r\nContent-Type: image/jpeg\r\n\r\nabcd", Err("connector.malformed"));
        check(&"x".repeat(5000), Err("connector.malformed"));
    }
}
