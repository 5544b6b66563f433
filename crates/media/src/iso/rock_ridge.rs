//! Rock Ridge (IEEE P1282) in the system use areas of directory records (SUSP, IEEE P1281).

use super::SECTOR;
use crate::limits::{Metered, TARGET_LIMIT};
use crate::source::Error;
use crate::wire::le32;

/// Areas that a record may go on in. The longest names that Linux has, with all that belongs to a file, take two.
const CONTINUATION_LIMIT: usize = 64;
/// Bytes of a name at most (`NAME_MAX` of Linux).
const NAME_LIMIT: usize = 255;

/// What the system use area of a record says of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// Its name.
    pub(super) name: Option<String>,
    /// Where the symbolic link leads.
    pub(super) link: Option<String>,
    /// The block of the directory that stands here and was moved, because it was too deep.
    pub(super) child: Option<u32>,
    /// Whether this is where a directory was moved to, which is found in its own place.
    pub(super) relocated: bool,
    /// Whether it is a device, a pipe or a socket, or recorded compressed.
    pub(super) special: bool,
}

/// Reads system use areas and what they go on in.
pub(super) struct SystemUse<'a> {
    pub(super) source: &'a Metered<'a>,
    pub(super) block: u64,
}

/// The bytes to skip before the fields of Rock Ridge, if the root directory announces any (SUSP, section 5.3).
pub(super) fn announced(source: &Metered<'_>, block: u64, area: &[u8]) -> Result<Option<usize>, Error> {
    // The area may begin with 15 bytes of CD-ROM XA.
    for at in [0, 14] {
        if let Some([b'S', b'P', 7, 1, 0xbe, 0xef, skip]) = area.get(at..at + 7) {
            let mut rock_ridge = false;
            SystemUse { source, block }.fields(&area[at..], 0, |signature, _| {
                rock_ridge |= matches!(signature, b"RR" | b"PX" | b"NM" | b"ER");
                Ok(())
            })?;
            return Ok(rock_ridge.then_some(usize::from(*skip)));
        }
    }
    Ok(None)
}

impl SystemUse<'_> {
    /// What is said in `area`, which belongs to the record at `offset`.
    pub(super) fn facts(&self, area: &[u8], offset: u64) -> Result<Facts, Error> {
        let mut facts = Facts::default();
        let (mut name, mut link) = (None::<Vec<u8>>, None::<Link>);
        self.fields(area, offset, |signature, data| {
            match (signature, data) {
                // Flags 2 and 4 stand for `.` and `..`, which have no names.
                (b"NM", [flags, text @ ..]) if flags & 0b110 == 0 => {
                    let name = name.get_or_insert_default();
                    name.extend_from_slice(text);
                    limit(name.len(), NAME_LIMIT, offset, "a name is longer than names are")?;
                }
                (b"SL", [_, components @ ..]) => {
                    let link = link.get_or_insert_default();
                    link.read(components);
                    limit(link.target.len(), TARGET_LIMIT, offset, "a link is longer than links are")?;
                }
                (b"CL", data) if data.len() >= 4 => facts.child = Some(le32(data, 0)),
                (b"RE", _) => facts.relocated = true,
                (b"PX", data) if data.len() >= 4 => {
                    // The type of a file as in `st_mode`: regular files, directories and links are 8, 4 and 10.
                    facts.special |= !matches!(le32(data, 0) >> 12 & 0xf, 0 | 4 | 8 | 10);
                }
                (b"ZF", _) => facts.special = true,
                _ => {}
            }
            Ok(())
        })?;
        facts.name = name.map(|name| String::from_utf8_lossy(&name).replace('/', "\u{fffd}"));
        facts.link = link.map(|link| String::from_utf8_lossy(&link.target).into_owned());
        Ok(facts)
    }

    /// Hands every field to `each`: its signature, and what follows its length and version.
    fn fields(
        &self,
        area: &[u8],
        offset: u64,
        mut each: impl FnMut(&[u8], &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut area = area.to_vec();
        for _ in 0..CONTINUATION_LIMIT {
            let mut next = None;
            let mut rest = area.as_slice();
            while let [first, second, length, _version, ..] = rest {
                let length = usize::from(*length);
                // A field that does not fit is what fills the area up.
                if length < 4 || length > rest.len() {
                    break;
                }
                let (signature, data) = ([*first, *second], &rest[4..length]);
                rest = &rest[length..];
                match &signature {
                    b"CE" if data.len() >= 20 => next = Some((le32(data, 0), le32(data, 8), le32(data, 16))),
                    b"ST" => break,
                    signature => each(signature, data)?,
                }
            }
            let Some((block, begin, length)) = next else { return Ok(()) };
            let place = u64::from(block) * self.block + u64::from(begin);
            if u64::from(length) > SECTOR {
                return Err(Error::Damaged {
                    offset,
                    what: "what continues a record is larger than a sector",
                });
            }
            area = self.source.read("what continues a record", place, length as usize)?;
        }
        Err(Error::Damaged { offset, what: "a record goes on without end" })
    }
}

fn limit(length: usize, most: usize, offset: u64, what: &'static str) -> Result<(), Error> {
    if length > most {
        return Err(Error::Damaged { offset, what });
    }
    Ok(())
}

/// The target of a link, which is put together of components.
#[derive(Debug, Default)]
struct Link {
    target: Vec<u8>,
    /// Whether the next component goes on with the one before.
    goes_on: bool,
}

impl Link {
    fn read(&mut self, mut components: &[u8]) {
        while let [flags, length, rest @ ..] = components {
            let Some(text) = rest.get(..usize::from(*length)) else { return };
            components = &rest[text.len()..];
            let begins = !self.goes_on && !matches!(self.target.last(), None | Some(b'/'));
            if begins {
                self.target.push(b'/');
            }
            match flags >> 1 & 0b111 {
                0b001 => self.target.push(b'.'),
                0b010 => self.target.extend_from_slice(b".."),
                0b100 => self.target = vec![b'/'],
                _ => self.target.extend_from_slice(text),
            }
            self.goes_on = flags & 1 != 0;
        }
    }
}
