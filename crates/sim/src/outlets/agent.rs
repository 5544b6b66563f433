//! The SNMP agent of a strip.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Instant;

use async_snmp::agent::{Agent, SecurityModel};
use async_snmp::handler::{
    BoxFuture, GetNextResult, GetResult, HandlerResult, MibHandler, PreparedSet, RequestContext,
    SetCommitResult, SetTestError, SetTestResult, SetUndoResult,
};
use async_snmp::message::SecurityLevel;
use async_snmp::v3::{AuthoritativeEngine, DesSaltState};
use async_snmp::{Oid, PrivProtocol, Value, VarBind, oid};
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use super::objects::Object;
use super::{OutletFault, Shared, StripConfig, StripModel};
use crate::controller::fill_random;

/// An agent that answers for a strip, or why there is none.
pub(super) async fn build(
    config: &StripConfig,
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
) -> Result<Agent, String> {
    let (read, write) = (config.read_community.expose_secret(), config.write_community.expose_secret());
    let user = config.user.as_ref();
    let outlets = Arc::new(Outlets {
        objects: config.model.objects(config.outlets.len()),
        model: config.model,
        shared,
        since: Instant::now(),
    });
    let everything = oid!(1, 3, 6, 1);
    let mut builder = Agent::builder()
        .bind(address.to_string())
        .communities([read, write])
        .without_builtin_handlers()
        .handler(everything.clone(), outlets)
        .cancellation_token(stop)
        .vacm(|mut access| {
            for model in [SecurityModel::V1, SecurityModel::V2c] {
                access = access.group(read.to_owned(), model, "readers").group(
                    write.to_owned(),
                    model,
                    "switchers",
                );
                for (group, may_write) in [("readers", false), ("switchers", true)] {
                    access = access.access(group, model, SecurityLevel::NoAuthNoPriv, |entry| {
                        let entry = entry.read_view("all");
                        if may_write { entry.write_view("all") } else { entry }
                    });
                }
            }
            if let Some(user) = user {
                access = access.group(user.name.clone(), SecurityModel::Usm, "users").access(
                    "users",
                    SecurityModel::Usm,
                    SecurityLevel::AuthPriv,
                    |entry| entry.read_view("all").write_view("all"),
                );
            }
            access.view("all", |view| view.include(everything))
        });
    if let Some(user) = user {
        let password = user.password.expose_secret();
        builder = builder
            .usm_user(user.name.clone(), |known| {
                known.auth_priv(user.authentication, password, user.privacy, password)
            })
            .map_err(|error| error.to_string())?;
        builder = builder.authoritative_engine(engine()?);
        if user.privacy == PrivProtocol::Des {
            let salts = DesSaltState::install(|_| Ok::<(), std::convert::Infallible>(()));
            builder = builder.des_salt_state(salts.map_err(|error| error.to_string())?);
        }
    }
    builder.build().await.map_err(|error| error.to_string())
}

/// An engine of its own for each strip and run, so that its clock may begin anew each time.
fn engine() -> Result<AuthoritativeEngine, String> {
    // RFC 3411 section 5: an enterprise, with octets of its own choice.
    let mut id = vec![0x80, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0];
    fill_random(&mut id[5..]);
    AuthoritativeEngine::install(id, |_| Ok::<(), std::convert::Infallible>(()))
        .map_err(|error| error.to_string())
}

/// The objects of a strip and what they read.
struct Outlets {
    objects: BTreeMap<Oid, Object>,
    model: StripModel,
    shared: Arc<Shared>,
    since: Instant,
}

impl Outlets {
    fn value(&self, object: Object) -> Value {
        match object {
            Object::Description => Value::from(self.model.description()),
            Object::Identity => Value::from(self.model.identity()),
            Object::UpTime => {
                let hundredths = self.since.elapsed().as_millis() / 10;
                // It begins anew after 497 days, as RFC 3418 has it.
                Value::TimeTicks((hundredths % (1 << 32)) as u32)
            }
            Object::Name(outlet) => {
                Value::from(self.shared.with(outlet, |outlet| outlet.name.clone()).unwrap_or_default())
            }
            Object::State { outlet, on, off, to_on, to_off } => {
                let (is_on, heading) =
                    self.shared.with(outlet, |outlet| (outlet.on, outlet.heading)).unwrap_or_default();
                Value::Integer(match (is_on, heading) {
                    (false, Some(true)) => to_on,
                    (true, Some(false)) => to_off,
                    (true, _) => on,
                    (false, _) => off,
                })
            }
            Object::Command { outlet, on, off } => {
                let is_on = self.shared.with(outlet, |outlet| outlet.on).unwrap_or_default();
                Value::Integer(if is_on { on } else { off }.or(on).or(off).unwrap_or_default())
            }
        }
    }
}

impl MibHandler for Outlets {
    fn get<'a>(&'a self, _: &'a RequestContext, oid: &'a Oid) -> BoxFuture<'a, HandlerResult<GetResult>> {
        let found = self.objects.get(oid).map(|object| GetResult::Value(self.value(*object)));
        Box::pin(async move { Ok(found.unwrap_or(GetResult::NoSuchObject)) })
    }

    fn get_next<'a>(
        &'a self,
        _: &'a RequestContext,
        oid: &'a Oid,
    ) -> BoxFuture<'a, HandlerResult<GetNextResult>> {
        let next = self.objects.range((Bound::Excluded(oid), Bound::Unbounded)).next();
        let next =
            next.map(|(oid, object)| GetNextResult::Value(VarBind::new(oid.clone(), self.value(*object))));
        Box::pin(async move { Ok(next.unwrap_or(GetNextResult::EndOfMibView)) })
    }

    fn test_set<'a>(
        &'a self,
        _: &'a RequestContext,
        oid: &'a Oid,
        value: &'a Value,
    ) -> BoxFuture<'a, SetTestResult> {
        let tested = match self.objects.get(oid) {
            Some(Object::Command { outlet, on, off }) => match value.as_i32() {
                Some(value) if Some(value) == *on => Ok((*outlet, true)),
                Some(value) if Some(value) == *off => Ok((*outlet, false)),
                Some(_) => Err(SetTestError::WrongValue),
                None => Err(SetTestError::WrongType),
            },
            Some(_) => Err(SetTestError::NotWritable),
            None => Err(SetTestError::NoCreation),
        };
        let locked =
            |outlet| self.shared.with(outlet, |outlet| outlet.fault) == Some(Some(OutletFault::Locked));
        let tested = tested.and_then(|(outlet, on)| match locked(outlet) {
            true => Err(SetTestError::ResourceUnavailable),
            false => {
                Ok(Box::new(Command { outlet, on, shared: Arc::clone(&self.shared) }) as Box<dyn PreparedSet>)
            }
        });
        Box::pin(async move { tested })
    }
}

/// A command that was accepted.
struct Command {
    outlet: usize,
    on: bool,
    shared: Arc<Shared>,
}

impl PreparedSet for Command {
    fn commit<'a>(
        &'a mut self,
        _: &'a RequestContext,
        _: &'a Oid,
        _: &'a Value,
    ) -> BoxFuture<'a, SetCommitResult> {
        self.shared.command(self.outlet, self.on);
        Box::pin(async { Ok(()) })
    }

    fn undo<'a>(
        &'a mut self,
        _: &'a RequestContext,
        _: &'a Oid,
        _: &'a Value,
    ) -> BoxFuture<'a, SetUndoResult> {
        self.shared.command(self.outlet, !self.on);
        Box::pin(async { Ok(()) })
    }
}
