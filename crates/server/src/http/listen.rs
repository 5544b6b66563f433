//! Where the API listens: a local socket that only its owner can open, and loopback.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use axum::Router;
use axum::serve::Listener;
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;

use super::stream::ImpatientListener;

/// Permission bits that let group and others write.
const OTHERS_WRITE: u32 = 0o022;

/// A directory beside the socket in which it is made, so that nobody can open it before its rights are set.
const CRADLE: &str = ".new";

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// There is no access control yet, so nothing beyond this machine may connect.
    #[error(
        "{address} is not a loopback address; until the API has access control it listens on loopback only"
    )]
    NotLoopback {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// Another server listens on the socket.
    #[error("another server listens on {}", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// The directory of the socket belongs to somebody else, or lets others put a socket of theirs in its place.
    #[error(
        "others may write to the directory {}, or own it; choose a --socket in a directory that is yours alone, like one made with mkdir -m 700",
        path.display()
    )]
    Exposed {
        /// The directory.
        path: PathBuf,
    },
    /// Something else than a socket stands at its path.
    #[error("{} is not a socket", path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// The path of the socket has no directory.
    #[error("{} has no directory to make a socket in", path.display())]
    NoDirectory {
        /// The path.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {doing} {place}")]
    System {
        /// What was being done, like `listen on`.
        doing: &'static str,
        /// To what.
        place: String,
        /// What the operating system said.
        source: io::Error,
    },
}

/// The local socket. Its file is removed when this is dropped.
pub(crate) struct LocalSocket {
    path: PathBuf,
    listener: Option<UnixListener>,
    /// Held as long as the socket is this server's: who holds it may remove a socket that nobody answers.
    _lock: File,
}

impl LocalSocket {
    /// Listens at `path`, where only this user may connect. The directory is made where it is missing; one that is there
    /// must be this user's, and nobody else's to write to.
    pub(crate) fn bind(path: &Path) -> Result<Self, ListenError> {
        let path = &std::path::absolute(path)
            .map_err(|source| system("find the directory of the socket", path, source))?;
        let directory = path.parent().ok_or_else(|| ListenError::NoDirectory { path: path.clone() })?;
        let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(|source| system("make the directory", directory, source))?;
        // Not followed: a link in a directory that everybody may write to would lead into somebody else's.
        let found = directory.symlink_metadata().map_err(|source| system("look at", directory, source))?;
        let ours = found.uid() == rustix::process::getuid().as_raw();
        if !found.is_dir() || !ours || found.mode() & OTHERS_WRITE != 0 {
            return Err(ListenError::Exposed { path: directory.to_owned() });
        }
        let lock = lock(&path.with_extension("lock"), false)?
            .ok_or_else(|| ListenError::InUse { path: path.to_owned() })?;
        remove_stale(path)?;
        let listener = bind_privately(directory, path)?;
        Ok(Self { path: path.to_owned(), listener: Some(listener), _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The listener, once.
    pub(crate) fn listener(&mut self) -> Option<UnixListener> {
        self.listener.take()
    }
}

impl Drop for LocalSocket {
    fn drop(&mut self) {
        // A socket that stays behind is removed by the next server.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Makes a socket that only its owner may connect to, and only then puts it in its place.
fn bind_privately(directory: &Path, path: &Path) -> Result<UnixListener, ListenError> {
    let cradle = directory.join(CRADLE);
    match DirBuilder::new().mode(0o700).create(&cradle) {
        // Left behind by a server that was killed here; the lock says that it is gone.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made.map_err(|source| system("make the directory", &cradle, source))?,
    }
    let born = cradle.join("sock");
    remove_stale(&born)?;
    let listener = UnixListener::bind(&born).map_err(|source| system("listen on", path, source))?;
    std::fs::set_permissions(&born, Permissions::from_mode(0o600))
        .and_then(|()| std::fs::rename(&born, path))
        .and_then(|()| std::fs::remove_dir(&cradle))
        .map_err(|source| system("make the socket", path, source))?;
    Ok(listener)
}

/// Takes the lock of a file, beside others where all of them say `shared`; none where another process has it.
pub(crate) fn lock(path: &Path, shared: bool) -> Result<Option<File>, ListenError> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
    let file = file.map_err(|source| system("open", path, source))?;
    match if shared { file.try_lock_shared() } else { file.try_lock() } {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(system("lock", path, source)),
    }
}

/// Removes what a server that was killed left behind. A server of another release may not know the lock, so a socket
/// at which somebody answers stays.
fn remove_stale(path: &Path) -> Result<(), ListenError> {
    let found = match path.symlink_metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(system("look at", path, source)),
    };
    if !found.file_type().is_socket() {
        return Err(ListenError::NotASocket { path: path.to_owned() });
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(ListenError::InUse { path: path.to_owned() }),
        Err(_) => std::fs::remove_file(path).map_err(|source| system("remove", path, source)),
    }
}

/// Listens on loopback.
pub(crate) async fn bind_loopback(address: SocketAddr) -> Result<TcpListener, ListenError> {
    if !address.ip().is_loopback() {
        return Err(ListenError::NotLoopback { address });
    }
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| ListenError::System { doing: "listen on", place: address.to_string(), source })
}

/// Serves until `stop` is cancelled and the requests that were begun are answered.
pub(crate) async fn serve<L>(listener: L, router: Router, stop: CancellationToken)
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    let served =
        axum::serve(ImpatientListener(listener), router).with_graceful_shutdown(stop.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::error!(%error, "the API stopped listening");
    }
}

fn system(doing: &'static str, path: &Path, source: io::Error) -> ListenError {
    ListenError::System { doing, place: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_has_one_server_and_a_stale_one_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run").join("api.sock");
        let first = LocalSocket::bind(&path).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert!(matches!(LocalSocket::bind(&path), Err(ListenError::InUse { .. })));
        drop(first);
        assert!(!path.exists());

        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "a server that was killed leaves its socket");
        LocalSocket::bind(&path).unwrap();

        let _foreign = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert!(matches!(LocalSocket::bind(&path), Err(ListenError::InUse { .. })), "somebody answers");
    }

    #[tokio::test]
    async fn what_is_not_safe_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let open = directory.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(LocalSocket::bind(&open.join("api.sock")), Err(ListenError::Exposed { .. })));

        let closed = directory.path().join("closed");
        std::fs::create_dir(&closed).unwrap();
        std::fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&closed, &link).unwrap();
        assert!(matches!(LocalSocket::bind(&link.join("api.sock")), Err(ListenError::Exposed { .. })));

        let file = closed.join("api.sock");
        std::fs::write(&file, "precious").unwrap();
        assert!(matches!(LocalSocket::bind(&file), Err(ListenError::NotASocket { .. })));
        assert_eq!(std::fs::read(&file).unwrap(), b"precious");

        for address in ["0.0.0.0:0", "192.0.2.1:80", "[::]:0"] {
            let error = bind_loopback(address.parse().unwrap()).await.unwrap_err();
            assert!(error.to_string().contains("loopback"), "{error}");
        }
        bind_loopback("127.0.0.1:0".parse().unwrap()).await.unwrap();
    }
}
