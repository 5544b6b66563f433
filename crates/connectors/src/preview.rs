//! Still pictures of the screen from the web pages of controllers, without a browser.
//!
//! A session is opened when a picture is first asked for, kept while the screen is looked at, opened anew where the
//! controller has ended it, and ended when nobody looks any more: controllers have few.
//!
//! | file | holds |
//! | --- | --- |
//! | `web` | what the pages of all makers have in common |
//! | `session` | a session that is ended whatever becomes of who opened it |
//! | others | the pages of one maker |

mod h3c;
mod idrac;
mod ilo;
mod session;
mod supermicro;
pub(crate) mod web;
mod xcc;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::body::Bytes;
use ironhand_api::{Connector, PreviewOptions, PreviewVendor, RedfishOptions};
use tokio::time::Instant;

use self::session::Open;
use self::web::{Failed, Ticket};
use crate::{
    Device, Error, HttpClient, HttpLimits, HttpResponse, Login, Picture, Proof, RedfishDevice, Route,
    Surroundings,
};

pub(crate) use self::ilo::THUMBNAIL;
pub(crate) use self::xcc::MINIATURE;

/// These controllers are slow, and some fail where they are asked two things at once.
pub(crate) const LIMITS: HttpLimits = HttpLimits {
    in_flight: 1,
    connect: crate::CONNECT,
    answer: Duration::from_secs(30),
    total: Duration::from_secs(60),
    // A bitmap of 1920x1200 at four bytes a pixel takes 9 MiB.
    body: 10 * 1024 * 1024,
};

/// Between two sessions that are opened because the one before was over. A controller that ends each at once would else be
/// filled with them.
const BETWEEN_RENEWALS: Duration = Duration::from_secs(60);

/// Whose web pages are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pages {
    /// Dell iDRAC 7 and 8.
    Idrac,
    /// HPE iLO 5 and later.
    Ilo,
    /// Lenovo XCC and XCC2, and XCC3 where these pages are not there.
    Xcc,
    /// Lenovo XCC3.
    Xcc3,
    /// Supermicro.
    Supermicro,
    /// H3C HDM.
    H3c,
}

impl Pages {
    async fn log_in(self, http: &HttpClient, login: &Login) -> Result<Ticket, Error> {
        match self {
            Self::Idrac => idrac::log_in(http, login).await,
            Self::Ilo => ilo::log_in(http, login, self).await,
            Self::Xcc => xcc::log_in(http, login).await,
            Self::Xcc3 => ilo::log_in(http, login, self).await,
            Self::Supermicro => supermicro::log_in(http, login).await,
            Self::H3c => h3c::log_in(http, login).await,
        }
    }

    async fn picture(self, http: &HttpClient, ticket: &Ticket) -> Result<Picture, Failed> {
        match self {
            Self::Idrac => idrac::picture(http, ticket).await,
            Self::Ilo => web::still(http, ticket, THUMBNAIL).await,
            Self::Xcc => xcc::picture(http, ticket).await,
            Self::Xcc3 => web::still(http, ticket, MINIATURE).await,
            Self::Supermicro => supermicro::picture(http, ticket).await,
            Self::H3c => h3c::picture(http, ticket).await,
        }
    }
}

/// The web pages of one controller, and the session that is open there.
pub(crate) struct Preview {
    http: Arc<HttpClient>,
    pages: Pages,
    login: Login,
    session: Option<Open>,
    /// When a session was last opened because the one before was over.
    renewed: Option<Instant>,
}

impl Preview {
    pub(crate) const fn new(http: Arc<HttpClient>, pages: Pages, login: Login) -> Self {
        Self { http, pages, login, session: None, renewed: None }
    }

    /// Takes a picture, in the session that is open or in a new one.
    pub(crate) async fn picture(&mut self) -> Result<Picture, Error> {
        let error = match &self.session {
            None => None,
            Some(open) => match open.ticket.pages.picture(&self.http, &open.ticket).await {
                Ok(picture) => return Ok(picture),
                Err(Failed::Other(error)) => return Err(error),
                Err(Failed::Over(error)) => Some(error),
            },
        };
        if let Some(error) = error {
            if self.renewed.is_some_and(|renewed| renewed.elapsed() < BETWEEN_RENEWALS) {
                return Err(error);
            }
            self.renewed = Some(Instant::now());
            self.close().await;
        }
        let open = Open::log_in(&self.http, self.pages, &self.login).await?;
        let open = self.session.insert(open);
        open.ticket.pages.picture(&self.http, &open.ticket).await.map_err(Failed::error)
    }

    /// Ends the session.
    pub(crate) async fn close(&mut self) {
        if let Some(open) = self.session.take() {
            open.end().await;
        }
    }
}

/// The picture that an answer holds to who asked for a file at `path`.
pub(crate) fn taken(answer: HttpResponse, path: &str) -> Result<Picture, Error> {
    web::still_of(answer, path).map_err(Failed::error)
}

/// The picture that a file is.
pub(crate) fn told(file: Bytes) -> Result<Picture, Error> {
    web::picture(&file).map_err(Failed::error)
}

/// A controller whose web pages show the screen, and that is asked for nothing else.
pub(crate) struct PreviewDevice {
    http: Arc<HttpClient>,
    preview: Preview,
}

impl PreviewDevice {
    /// The controller of a manifest.
    ///
    /// # Errors
    ///
    /// [`Error::Misconfigured`] where there is no login, or what the manifest says of certificates cannot be used.
    pub(crate) fn open(
        connector: &Connector,
        options: &PreviewOptions,
        login: Option<Login>,
        surroundings: &Surroundings,
    ) -> Result<Box<dyn Device>, Error> {
        let pages = match options.vendor {
            PreviewVendor::Idrac => Pages::Idrac,
            PreviewVendor::Idrac9 => {
                let options = RedfishOptions { tls: options.tls.clone(), ..RedfishOptions::default() };
                return Ok(Box::new(RedfishDevice::open(connector, &options, login, surroundings)?));
            }
            PreviewVendor::Ilo => Pages::Ilo,
            PreviewVendor::Xcc => Pages::Xcc,
            PreviewVendor::Supermicro => Pages::Supermicro,
            PreviewVendor::H3c => Pages::H3c,
        };
        let missing = || Error::Misconfigured { reason: "a preview needs a credential".to_owned() };
        let mut route = Route::of(connector, surroundings.hop.clone())?;
        if options.tls.is_off() && connector.port.is_none() {
            route.port = 80;
        }
        let proof = Proof::of(&options.tls, connector.to_string(), &surroundings.pins)?;
        let limits = HttpLimits { connect: surroundings.connect, ..LIMITS };
        let http = Arc::new(HttpClient::new(route, proof, limits).with_health(surroundings.health.clone()));
        let preview = Preview::new(Arc::clone(&http), pages, login.ok_or_else(missing)?);
        Ok(Box::new(Self { http, preview }))
    }
}

impl Device for PreviewDevice {
    fn picture(&mut self) -> BoxFuture<'_, Result<Picture, Error>> {
        Box::pin(self.preview.picture())
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            self.preview.close().await;
            self.http.close().await;
        })
    }
}
