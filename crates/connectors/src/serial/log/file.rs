//! A file that others append to, cut and replace.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat};

use crate::Error;

/// What of a log is handed on at the beginning: some screens full.
const FIRST: u64 = 16 * 1024;

/// What is read at once.
const AT_ONCE: u64 = 64 * 1024;

/// Reads what is appended to a file below a folder.
pub(super) struct Follower {
    folder: PathBuf,
    name: PathBuf,
    file: Option<File>,
    position: u64,
}

impl Follower {
    /// Opens the file `name` below `folder`, a little before its end.
    ///
    /// # Errors
    ///
    /// [`Error::Misconfigured`] where the name could lead out of the folder, or to what is no file;
    /// [`Error::Unreachable`] where it cannot be opened.
    pub(super) fn open(folder: PathBuf, name: PathBuf) -> Result<Self, Error> {
        let is_plain = |component: Component<'_>| matches!(component, Component::Normal(_));
        if name.as_os_str().is_empty() || !name.components().all(is_plain) {
            let reason =
                format!("`{}` is no name of a file below the folder of console logs", name.display());
            return Err(Error::Misconfigured { reason });
        }
        let mut follower = Self { folder, name, file: None, position: 0 };
        let opened = follower.open_below().and_then(|mut file| {
            let length = file.seek(SeekFrom::End(0))?;
            Ok((file, length))
        });
        let (file, length) = opened.map_err(|error| follower.fault(&error))?;
        follower.position = length.saturating_sub(FIRST);
        follower.file = Some(file);
        Ok(follower)
    }

    /// What is new; nothing where nothing is.
    pub(super) fn read(&mut self) -> Result<Vec<u8>, Error> {
        let read = self.read_on();
        read.map_err(|error| self.fault(&error))
    }

    fn read_on(&mut self) -> io::Result<Vec<u8>> {
        if let Some(file) = &mut self.file {
            // Cut short and written anew.
            if file.metadata()?.len() < self.position {
                self.position = 0;
            }
            file.seek(SeekFrom::Start(self.position))?;
            let mut bytes = Vec::new();
            file.take(AT_ONCE).read_to_end(&mut bytes)?;
            self.position += bytes.len() as u64;
            if !bytes.is_empty() {
                return Ok(bytes);
            }
        }
        // The old one is read to its end; another may stand in its place.
        let now = match self.open_below() {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let is_other = match &self.file {
            Some(file) => identity(file)? != identity(&now)?,
            None => true,
        };
        if is_other {
            self.file = Some(now);
            self.position = 0;
        }
        Ok(Vec::new())
    }

    /// Opens the file by its name, component by component, and through no symbolic link.
    fn open_below(&self) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let mut at = openat(CWD, &self.folder, flags | OFlags::DIRECTORY, Mode::empty())?;
        for component in self.name.components() {
            at = openat(&at, Path::new(component.as_os_str()), flags | OFlags::NOFOLLOW, Mode::empty())?;
        }
        let file = File::from(at);
        if file.metadata()?.is_file() { Ok(file) } else { Err(ErrorKind::IsADirectory.into()) }
    }

    fn fault(&self, error: &io::Error) -> Error {
        let name = self.name.display();
        let no_file =
            |what: &str| Error::Misconfigured { reason: format!("the console log {name} is {what}") };
        if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
            return no_file("a symbolic link, which may lead anywhere");
        }
        match error.kind() {
            ErrorKind::IsADirectory | ErrorKind::NotADirectory => no_file("no file"),
            _ => Error::Unreachable { address: name.to_string(), reason: error.to_string() },
        }
    }
}

/// What tells a file from one that has taken its name.
fn identity(file: &File) -> io::Result<(u64, u64)> {
    let metadata = file.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write;
    use std::os::unix::fs::symlink;

    use super::*;

    fn append(path: &Path, text: &str) {
        OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Reads until nothing is new twice: what replaces a file is opened by one look and read by the next.
    fn read(follower: &mut Follower) -> String {
        let mut text = Vec::new();
        let mut nothing = 0;
        while nothing < 2 {
            let read = follower.read().unwrap();
            nothing = if read.is_empty() { nothing + 1 } else { 0 };
            text.extend(read);
        }
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_log_is_followed_through_rotation_and_truncation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node7.log");
        append(&path, &format!("{}\nlogin: ", "old ".repeat(10_000)));
        let mut follower = Follower::open(folder.path().to_owned(), "node7.log".into()).unwrap();
        let first = read(&mut follower);
        assert!(first.len() == 16 * 1024 && first.ends_with("login: "), "{}", first.len());
        assert_eq!(read(&mut follower), "");
        append(&path, "root\n");
        assert_eq!(read(&mut follower), "root\n");

        append(&path, "the last of it\n");
        fs::rename(&path, folder.path().join("node7.log.1")).unwrap();
        assert_eq!(read(&mut follower), "the last of it\n");
        append(&folder.path().join("node7.log.1"), "and some more\n");
        assert_eq!(read(&mut follower), "and some more\n");
        append(&path, "anew\n");
        assert_eq!(read(&mut follower), "anew\n");

        fs::write(&path, "cut\n").unwrap();
        assert_eq!(read(&mut follower), "cut\n");
        fs::remove_file(&path).unwrap();
        assert_eq!(read(&mut follower), "");
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("logs"), folder.path().join("secret"));
        fs::create_dir_all(inside.join("rack1")).unwrap();
        append(&outside, "secret");
        append(&inside.join("rack1/node7"), "console");
        symlink(&outside, inside.join("link")).unwrap();
        symlink(folder.path(), inside.join("up")).unwrap();
        let check = |name: &str, wanted: Result<&str, &str>| {
            let opened = Follower::open(inside.clone(), name.into());
            let read = opened.map(|mut follower| read(&mut follower)).map_err(|error| error.code());
            assert_eq!(read.as_deref(), wanted.as_ref().copied(), "{name}");
        };
        check("rack1/node7", Ok("console"));
        check("../secret", Err("connector.misconfigured"));
        check("rack1/../../secret", Err("connector.misconfigured"));
        check(&outside.display().to_string(), Err("connector.misconfigured"));
        check("", Err("connector.misconfigured"));
        check("link", Err("connector.misconfigured"));
        check("up/secret", Err("connector.misconfigured"));
        check("rack1", Err("connector.misconfigured"));
        check("missing", Err("connector.unreachable"));
    }
}
