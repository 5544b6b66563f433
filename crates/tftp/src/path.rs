//! Names of files, as clients write them.

/// The longest path, in octets.
pub const MAX_PATH: usize = 1_024;

/// Why a name is no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// Nothing is left of it.
    #[error("the name of the file is empty")]
    Empty,
    /// A part is `..`, which would lead out of what is served.
    #[error("the path climbs out of the folder")]
    Climbs,
    /// Not UTF-8, or with control characters.
    #[error("the name of the file is no text")]
    NoText,
    /// More than [`MAX_PATH`] octets.
    #[error("the name of the file is longer than {MAX_PATH} octets")]
    TooLong,
}

/// Makes a path of the name that a client sent: `/` between the parts, where Windows and some firmware write `\`; none at
/// the beginning; no empty parts and no `.`. Case is kept.
pub fn normalise(name: &[u8]) -> Result<String, PathFault> {
    if name.len() > MAX_PATH {
        return Err(PathFault::TooLong);
    }
    let name = std::str::from_utf8(name).map_err(|_| PathFault::NoText)?;
    if name.chars().any(char::is_control) {
        return Err(PathFault::NoText);
    }
    let mut path = String::with_capacity(name.len());
    for part in name.split(['/', '\\']) {
        match part {
            "" | "." => continue,
            ".." => return Err(PathFault::Climbs),
            _ => {}
        }
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(part);
    }
    match path.is_empty() {
        true => Err(PathFault::Empty),
        false => Ok(path),
    }
}
