//! The remote console of OpenBMC and its relatives: a remote framebuffer on a WebSocket.

use http::HeaderValue;
use http::header::SEC_WEBSOCKET_PROTOCOL;
use ironhand_redfish::{Answer, Request};

use super::RedfishDevice;
use super::broker::Credentials;
use crate::http::Opening;
use crate::path::{Stream, Taken};
use crate::{Error, HttpRequest};

/// The path of the console.
const CONSOLE: &str = "/kvm/0";

impl RedfishDevice {
    /// Opens the remote console.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] where the controller has none, [`Error::LoginRefused`], [`Error::Refused`] and what
    /// [`HttpClient::send`](crate::HttpClient::send) says.
    pub(crate) async fn open_console(&self) -> Result<(Stream, Taken), Error> {
        let mut tried = false;
        loop {
            let credentials = self.broker.credentials(&self.transport).await?;
            let authorization = self.broker.authorization(&credentials);
            let request = match (&credentials, authorization) {
                // Browsers cannot set other headers on a WebSocket, so that the token travels as one of its protocols.
                (Credentials::Session(token), _) => {
                    let unsuited = |_| Error::Malformed { reason: "its token is none".to_owned() };
                    let mut token = HeaderValue::try_from(token.expose()).map_err(unsuited)?;
                    token.set_sensitive(true);
                    HttpRequest::get(CONSOLE).header(SEC_WEBSOCKET_PROTOCOL, token)
                }
                (Credentials::Password, authorization) => {
                    HttpRequest::get(CONSOLE).authorization(authorization)
                }
            };
            let answer = match self.transport.websocket(request).await? {
                Opening::Open(stream, taken) => return Ok((stream, taken)),
                Opening::Answer(answer) => answer,
            };
            let answer = Answer::new(answer.status, &answer.body);
            if self.broker.is_over(&credentials, &answer).await && !tried {
                tried = true;
                continue;
            }
            return Err(match answer.status {
                404 => {
                    Error::Unsupported { what: "show its screen: the controller has no /kvm/0".to_owned() }
                }
                _ => self.broker.named(answer.error(&Request::get(CONSOLE))),
            });
        }
    }
}
