//! Where a server is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use reqwest::Url;

/// Where a server is: a local socket, or an HTTP address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A Unix socket.
    Unix(PathBuf),
    /// An address like `http://127.0.0.1:7080`, without a path of its own.
    Http(Url),
}

/// Why a text is not an [`Endpoint`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Neither form.
    #[error(
        "`{text}` is not the address of a server; write it like http://127.0.0.1:7080 or unix:/run/ironhand/api.sock"
    )]
    NotAnEndpoint {
        /// What was written.
        text: String,
    },
    /// A scheme that this client does not speak.
    #[error("`{text}`: this client speaks http and unix sockets, not {scheme}")]
    Scheme {
        /// What was written.
        text: String,
        /// The scheme in it.
        scheme: String,
    },
}

impl Endpoint {
    /// The local socket at which this user's server listens unless told otherwise.
    pub fn local() -> Self {
        let runtime_dir = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let uid = rustix::process::getuid().as_raw();
        Self::Unix(ironhand_api::local_socket(runtime_dir.as_deref(), &std::env::temp_dir(), uid))
    }

    /// The socket's path; none for an HTTP address.
    pub(crate) fn socket(&self) -> Option<&Path> {
        match self {
            Self::Unix(path) => Some(path),
            Self::Http(_) => None,
        }
    }

    /// The URL below which the API is. Over a local socket the host in it only fills the `Host` header.
    pub(crate) fn base(&self) -> Url {
        match self {
            Self::Unix(_) => Url::parse("http://localhost/").expect("a constant that is a URL"),
            Self::Http(url) => url.clone(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Http(url) => f.write_str(url.as_str().trim_end_matches('/')),
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    /// Reads `unix:PATH`, a path that begins with `/`, `http://ADDRESS[:PORT]` or `ADDRESS:PORT`.
    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let wrong = || EndpointError::NotAnEndpoint { text: text.to_owned() };
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() { Err(wrong()) } else { Ok(Self::Unix(path.into())) };
        }
        if text.starts_with('/') {
            return Ok(Self::Unix(text.into()));
        }
        let url = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&url).map_err(|_| wrong())?;
        if url.scheme() != "http" {
            return Err(EndpointError::Scheme { text: text.to_owned(), scheme: url.scheme().to_owned() });
        }
        if url.host().is_none() || url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong());
        }
        Ok(Self::Http(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_read_and_write() {
        let check = |text: &str, written: &str| {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), written, "{text}");
        };
        check("unix:/run/user/7/ironhand/api.sock", "unix:/run/user/7/ironhand/api.sock");
        check("unix:///run/api.sock", "unix:/run/api.sock");
        check("/run/api.sock", "unix:/run/api.sock");
        check("http://127.0.0.1:7080", "http://127.0.0.1:7080");
        check("http://127.0.0.1:7080/", "http://127.0.0.1:7080");
        check("localhost:7080", "http://localhost:7080");
        check("[::1]:7080", "http://[::1]:7080");
    }

    #[test]
    fn wrong_endpoints_say_why() {
        let check = |text: &str, wanted: &str| {
            let message = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(message.contains(wanted), "{text}: {message}");
        };
        check("unix:", "like http://");
        check("", "like http://");
        check("http://host/api", "like http://");
        check("https://host", "not https");
    }
}
