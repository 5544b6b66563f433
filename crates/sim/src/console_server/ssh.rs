//! A controller's SSH server.

use std::sync::Arc;
use std::time::Duration;

use russh::keys::PrivateKey;
use russh::server::{self, Auth, ChannelOpenHandle, Msg, Session};
use russh::{Channel, ChannelId, MethodKind, MethodSet, Pty};
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::menu::{Answer, Menu};
use super::{ConsoleServerConfig, Port};

/// Lets people in until it is dropped.
pub(super) async fn serve(
    listener: TcpListener,
    key: PrivateKey,
    config: ConsoleServerConfig,
    port: Arc<Port>,
) {
    let methods = MethodSet::from(&[MethodKind::Password][..]);
    let ssh = Arc::new(server::Config {
        keys: vec![key],
        methods,
        auth_rejection_time: Duration::ZERO,
        ..server::Config::default()
    });
    let mut sessions = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let door = Door { config: config.clone(), port: Arc::clone(&port), menu: None };
        let ssh = Arc::clone(&ssh);
        sessions.spawn(async move {
            if let Ok(session) = server::run_stream(ssh, stream, door).await {
                // However it ended, it ended.
                let _ = session.await;
            }
        });
    }
}

/// One connection.
struct Door {
    config: ConsoleServerConfig,
    port: Arc<Port>,
    menu: Option<Menu>,
}

impl Door {
    fn answer(channel: ChannelId, answer: Answer, session: &mut Session) -> Result<(), russh::Error> {
        if !answer.bytes.is_empty() {
            session.data(channel, answer.bytes)?;
        }
        if answer.ends {
            session.eof(channel)?;
            session.close(channel)?;
        }
        Ok(())
    }
}

impl server::Handler for Door {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, russh::Error> {
        let fits = user == self.config.user && password == self.config.password.expose_secret();
        Ok(if fits { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        _channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        session.channel_success(channel)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), russh::Error> {
        session.channel_success(channel)?;
        let (menu, shown) = Menu::new(self.config.maker, self.config.fault, Arc::clone(&self.port));
        self.menu = Some(menu);
        Self::answer(channel, shown, session)
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let Some(menu) = &mut self.menu else { return Ok(()) };
        let answer = menu.input(data);
        if answer.ends {
            self.menu = None;
        }
        Self::answer(channel, answer, session)
    }
}
