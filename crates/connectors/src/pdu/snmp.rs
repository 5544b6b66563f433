//! Speaking SNMP to a strip.

use std::time::Duration;

use async_snmp::v3::{DesSaltState, PersistedDesSaltState};
use async_snmp::{
    Auth, AuthProtocol, Client, Error as SnmpError, ErrorStatus, Oid, PrivProtocol, Retry, UsmConfig, Value,
    VarBind,
};
use ironhand_api::{PduOptions, SnmpAuthentication, SnmpPrivacy, SnmpVersion};
use secrecy::ExposeSecret;

use crate::{Error, Login};

/// How often a request is sent again: datagrams get lost, and what is asked and told here may be repeated.
const RETRIES: u32 = 2;

/// Objects that are asked for at once: the agents of old strips have room for little more in an answer.
const MOST_OBJECTS: usize = 8;

/// Rows of a table that are read: more than linked strips have outlets, and a bound to what a strip can make us keep.
const MOST_ROWS: usize = 1024;

/// `sysObjectID` of the system group (RFC 3418): what a device is.
pub(super) const SYS_OBJECT_ID: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 2, 0];

/// How strips are spoken to: version, identity and patience.
#[derive(Clone)]
pub(super) struct Dialect {
    auth: Auth,
    des: Option<DesSaltState>,
    /// Who logs in by version 3; empty with communities.
    username: String,
    /// How long a strip may take for an answer.
    answer: Duration,
}

impl Dialect {
    /// What a manifest says, with a login: its password is the community, or the user's for all purposes.
    pub(super) fn new(options: &PduOptions, login: Option<&Login>, answer: Duration) -> Result<Self, Error> {
        let misconfigured = |reason: &str| Error::Misconfigured { reason: reason.to_owned() };
        let login = login
            .ok_or_else(|| misconfigured("a strip needs a credential: its password is the community"))?;
        let password = login.password.expose_secret();
        let version = options.snmp.unwrap_or(SnmpVersion::V2c);
        if version != SnmpVersion::V3 {
            if password.is_empty() {
                return Err(misconfigured("the community is empty"));
            }
            let auth = match version {
                SnmpVersion::V1 => Auth::v1(password),
                SnmpVersion::V2c | SnmpVersion::V3 => Auth::v2c(password),
            };
            return Ok(Self { auth, des: None, username: String::new(), answer });
        }
        if login.username.is_empty() {
            return Err(misconfigured("SNMP version 3 needs a credential with a user name"));
        }
        let authentication = match options.authentication.unwrap_or(SnmpAuthentication::Sha256) {
            SnmpAuthentication::Md5 => AuthProtocol::Md5,
            SnmpAuthentication::Sha1 => AuthProtocol::Sha1,
            SnmpAuthentication::Sha256 => AuthProtocol::Sha256,
            SnmpAuthentication::Sha512 => AuthProtocol::Sha512,
        };
        let privacy = options.privacy.unwrap_or(SnmpPrivacy::Aes128);
        let user = UsmConfig::new(login.username.clone());
        let user = match privacy {
            SnmpPrivacy::None => user.auth(authentication, password),
            SnmpPrivacy::Des => user.auth_priv(authentication, password, PrivProtocol::Des, password),
            SnmpPrivacy::Aes128 => user.auth_priv(authentication, password, PrivProtocol::Aes128, password),
            SnmpPrivacy::Aes256 => {
                user.auth_priv(authentication, password, PrivProtocol::Aes256Reeder, password)
            }
        };
        let user =
            user.map_err(|error| Error::Misconfigured { reason: format!("SNMP version 3: {error}") })?;
        let des = (privacy == SnmpPrivacy::Des).then(des_salts).transpose()?;
        Ok(Self { auth: user.into(), des, username: login.username.clone(), answer })
    }

    /// Why a strip that was asked by version 3 said nothing, if it is there at all.
    ///
    /// What it says of a wrong password is not signed, so that anybody could say it; the library takes it for silence.
    /// A strip that answers to a question without a password is there.
    pub(super) async fn refusal(&self, address: &str, port: u16) -> Option<Error> {
        let Auth::Usm(_) = &self.auth else { return None };
        let without = Self { auth: Auth::usm(&self.username), des: None, ..self.clone() };
        let agent = without.connect(address, port).await.ok()?;
        let reason = match agent.get(&[Oid::from_slice(&SYS_OBJECT_ID)]).await {
            Err(Error::LoginRefused { reason: Some(reason), .. }) if reason.starts_with("unknown user") => {
                "there is no such user"
            }
            Err(Error::Unreachable { .. } | Error::Silent { .. }) => return None,
            // Whatever it says to that.
            _ => "the password is wrong, or the ways of authentication and encryption are others",
        };
        Some(Error::LoginRefused { username: self.username.clone(), reason: Some(reason.to_owned()) })
    }

    /// A strip at an address. Nothing is sent yet.
    pub(super) async fn connect(&self, address: &str, port: u16) -> Result<Agent, Error> {
        let unreachable = |reason: String| Error::Unreachable { address: address.to_owned(), reason };
        let retry = Retry::fixed(RETRIES, Duration::ZERO).map_err(|error| unreachable(error.to_string()))?;
        let mut builder = Client::builder((address, port), self.auth.clone())
            .construction_timeout(self.answer)
            .request_timeout(self.answer)
            .retry(retry)
            .max_oids_per_request(MOST_OBJECTS)
            // What another address answers may be anybody's.
            .strict_source(true);
        if let Some(des) = &self.des {
            builder = builder.des_salt_state(des.clone());
        }
        let client = builder.connect().await.map_err(|error| match error.kind() {
            async_snmp::ErrorKind::ConstructionTimeout => {
                unreachable("its name was not resolved in time".to_owned())
            }
            _ => unreachable(root(&error)),
        })?;
        Ok(Agent {
            client,
            address: address.to_owned(),
            username: self.username.clone(),
            answer: self.answer,
        })
    }
}

/// The numbers that keep DES from repeating itself. They must differ from those of earlier runs under the same key, of
/// which nothing is kept: so they begin anywhere.
fn des_salts() -> Result<DesSaltState, Error> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|error| Error::Misconfigured { reason: error.to_string() })?;
    let epoch = (u32::from_le_bytes(bytes) >> 2) + 1;
    PersistedDesSaltState::new(epoch)
        .and_then(|last| DesSaltState::restart(last, |_| Ok::<(), std::convert::Infallible>(())))
        .map_err(|error| Error::Misconfigured { reason: error.to_string() })
}

/// The agent of one strip.
pub(super) struct Agent {
    client: Client,
    pub(super) address: String,
    username: String,
    answer: Duration,
}

impl Agent {
    /// The values of objects, in order; nothing for those that the strip has not.
    pub(super) async fn get(&self, objects: &[Oid]) -> Result<Vec<Option<Value>>, Error> {
        let mut values = Vec::with_capacity(objects.len());
        for some in objects.chunks(MOST_OBJECTS) {
            match self.client.get_many(some).await {
                Ok(answer) => {
                    for object in some {
                        values.push(value_of(&answer.varbinds, object));
                    }
                }
                // Version 1 refuses them all where one is missing.
                Err(error) if no_such_name(&error) && some.len() > 1 => {
                    for object in some {
                        values.push(self.get_one(object).await?);
                    }
                }
                Err(error) if no_such_name(&error) => values.push(None),
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(values)
    }

    async fn get_one(&self, object: &Oid) -> Result<Option<Value>, Error> {
        match self.client.get(object).await {
            Ok(answer) => Ok(value_of(&answer.varbinds, object)),
            Err(error) if no_such_name(&error) => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Whether the strip has a column.
    pub(super) async fn has(&self, column: &Oid) -> Result<bool, Error> {
        match self.client.get_next(column).await {
            Ok(answer) => Ok(answer
                .varbinds
                .first()
                .is_some_and(|next| next.oid.starts_with(column) && !next.value.is_exception())),
            Err(error) if no_such_name(&error) => Ok(false),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// All of a column.
    pub(super) async fn column(&self, column: &Oid) -> Result<Vec<VarBind>, Error> {
        let mut rows = Vec::new();
        let mut walk = self.client.walk(column.clone()).map_err(|error| self.failed(&error))?;
        while let Some(row) = walk.next().await {
            match row {
                Ok(row) => rows.push(row),
                Err(error) if no_such_name(&error) => break,
                Err(error) => return Err(self.failed(&error)),
            }
            if rows.len() > MOST_ROWS {
                let reason = format!("its table {column} has more than {MOST_ROWS} rows");
                return Err(Error::Malformed { reason });
            }
        }
        Ok(rows)
    }

    /// Writes a number.
    pub(super) async fn set(&self, object: &Oid, value: i32) -> Result<(), Error> {
        match self.client.set(object, Value::Integer(value)).await {
            Ok(_) => Ok(()),
            Err(error) => match error.kind() {
                async_snmp::ErrorKind::Timeout => Err(Error::OutcomeUnknown),
                _ => Err(self.failed(&error)),
            },
        }
    }

    /// What a failure of the library is for us.
    fn failed(&self, error: &SnmpError) -> Error {
        let address = self.address.clone();
        match innermost(error) {
            SnmpError::Network { source, .. } => Error::Unreachable { address, reason: source.to_string() },
            SnmpError::Timeout { .. } if self.username.is_empty() => {
                Error::SilentToCommunity { address, after: self.patience() }
            }
            SnmpError::Timeout { .. } => Error::Silent { address, after: self.patience() },
            SnmpError::Auth { .. } => self.login_refused("its answer was not signed with the password"),
            SnmpError::Report { status, .. } => self.login_refused(&status.to_string()),
            SnmpError::Snmp { status, .. } => Error::Refused { reason: refusal(*status) },
            other => Error::Malformed { reason: other.to_string() },
        }
    }

    fn login_refused(&self, reason: &str) -> Error {
        Error::LoginRefused { username: self.username.clone(), reason: Some(reason.to_owned()) }
    }

    /// How long it was waited when nothing came.
    fn patience(&self) -> Duration {
        self.answer * (RETRIES + 1)
    }
}

/// What a strip means by an error status.
fn refusal(status: ErrorStatus) -> String {
    let meaning = match status {
        ErrorStatus::NoAccess
        | ErrorStatus::AuthorizationError
        | ErrorStatus::NotWritable
        | ErrorStatus::ReadOnly => "the community or user may not switch outlets",
        // Version 1 has no other word for what may only be read.
        ErrorStatus::NoSuchName => "it has no such outlet, or the community may not switch it",
        ErrorStatus::ResourceUnavailable | ErrorStatus::InconsistentValue => {
            "the outlet cannot be switched now"
        }
        _ => return status.to_string(),
    };
    format!("{meaning} ({status})")
}

/// The value of an object in an answer, if it has one.
fn value_of(answer: &[VarBind], object: &Oid) -> Option<Value> {
    let found = answer.iter().find(|bound| bound.oid == *object)?;
    (!found.value.is_exception()).then(|| found.value.clone())
}

fn innermost(error: &SnmpError) -> &SnmpError {
    match error {
        SnmpError::SharedOperation { source } => innermost(source),
        SnmpError::Exchange { source, .. } => innermost(source),
        other => other,
    }
}

/// The cause at the bottom, without the library's words around it.
fn root(error: &SnmpError) -> String {
    match innermost(error) {
        SnmpError::Network { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}

fn no_such_name(error: &SnmpError) -> bool {
    matches!(innermost(error), SnmpError::Snmp { status: ErrorStatus::NoSuchName, .. })
}
