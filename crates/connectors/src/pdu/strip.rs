//! One strip.

use async_snmp::Oid;
use futures_util::future::join_all;
use ironhand_api::{Outlet, PduModel, PowerOids};
use tokio::time::{Instant, sleep};

use super::PduTimes;
use super::snmp::{Agent, Dialect, SYS_OBJECT_ID};
use super::table::{Row, Table};
use crate::Error;

/// Names of outlets that an error lists.
const MOST_NAMES_TOLD: usize = 8;

/// One strip, and those of its outlets that feed the machine.
pub(super) struct Strip {
    /// Where it may answer, the address that did last first.
    addresses: Vec<String>,
    port: u16,
    outlets: Vec<Outlet>,
    kind: Kind,
    dialect: Dialect,
    /// What is known of it since it answered.
    open: Option<Open>,
}

/// Which tables a strip has.
#[derive(Clone)]
pub(super) enum Kind {
    /// It is asked.
    Asked,
    /// Those of a model.
    Model(PduModel),
    /// Those of the manifest.
    Given(Box<Table>),
}

/// A strip that answered.
struct Open {
    agent: Agent,
    table: Table,
    outlets: Vec<Found>,
}

/// An outlet in the tables.
struct Found {
    /// As people know it: `outlet 3 of 10.0.0.5`.
    title: String,
    row: Row,
    /// Where its name stands, if it was found by it, and the name.
    name: Option<(Oid, String)>,
}

/// The state of an outlet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// On.
    On,
    /// Off.
    Off,
    /// On its way, at fault, or anything else that is no proof: what its object reads.
    Other(i64),
}

impl Kind {
    /// What a manifest says of the model.
    pub(super) fn new(model: Option<PduModel>, oids: Option<&PowerOids>) -> Result<Self, Error> {
        match (model, oids) {
            (_, Some(oids)) => {
                Table::generic(oids).map(|table| Self::Given(Box::new(table))).ok_or_else(|| {
                    Error::Misconfigured { reason: "`oids` holds no object identifiers".to_owned() }
                })
            }
            (Some(model), None) => Ok(Self::Model(model)),
            (None, None) => Ok(Self::Asked),
        }
    }
}

impl Strip {
    pub(super) fn new(
        addresses: Vec<String>,
        port: u16,
        outlets: Vec<Outlet>,
        kind: Kind,
        dialect: Dialect,
    ) -> Self {
        Self { addresses, port, outlets, kind, dialect, open: None }
    }

    /// How many of its outlets feed the machine.
    pub(super) fn count(&self) -> u32 {
        self.outlets.iter().map(|_| 1).sum()
    }

    /// Reads the outlets, in the order of the manifest.
    pub(super) async fn read(&mut self) -> Result<Vec<State>, Error> {
        // What is known may be out of date: the strip may answer elsewhere by now, or call its outlets otherwise.
        if self.open.is_some() {
            match self.read_known().await {
                Ok(Some(states)) => return Ok(states),
                Ok(None) => {}
                Err(error) if !is_silence(&error) => return Err(error),
                Err(_) => self.open = None,
            }
        }
        self.find().await?;
        let states = self.read_known().await?;
        states.ok_or_else(|| Error::Malformed {
            reason: "the names of its outlets change while they are read".to_owned(),
        })
    }

    /// The same with the rows that are known; nothing where names stand elsewhere now.
    async fn read_known(&self) -> Result<Option<Vec<State>>, Error> {
        let Some(open) = &self.open else { return Ok(None) };
        let states = open.outlets.iter().map(|outlet| open.table.state_of(&outlet.row));
        let names = open.outlets.iter().filter_map(|outlet| outlet.name.clone());
        let (objects, wanted): (Vec<Oid>, Vec<String>) = names.unzip();
        let objects: Vec<Oid> = states.chain(objects).collect();
        let values = open.agent.get(&objects).await?;
        let (states, names) = values.split_at(open.outlets.len());
        let moved = names.iter().zip(&wanted).any(|(name, wanted)| {
            name.as_ref().and_then(|name| name.as_bytes()).map(text).as_ref() != Some(wanted)
        });
        if moved {
            return Ok(None);
        }
        let mut read = Vec::with_capacity(states.len());
        for (state, outlet) in states.iter().zip(&open.outlets) {
            let value = state
                .as_ref()
                .and_then(|value| value.as_i32().map(i64::from).or_else(|| value.as_u32().map(i64::from)));
            let value = value
                .ok_or_else(|| Error::Misconfigured { reason: format!("there is no {}", outlet.title) })?;
            read.push(match value {
                value if value == i64::from(open.table.is_on) => State::On,
                value if value == i64::from(open.table.is_off) => State::Off,
                value => State::Other(value),
            });
        }
        Ok(Some(read))
    }

    /// Switches the outlets, and waits until they are read back as wanted.
    pub(super) async fn switch(&mut self, on: bool, times: &PduTimes) -> Result<(), Error> {
        let deadline = Instant::now() + times.read_back;
        let mut told: Option<Instant> = None;
        loop {
            let states = match self.read().await {
                Ok(states) => states,
                Err(error) if told.is_some() && is_silence(&error) => return Err(Error::OutcomeUnknown),
                Err(error) => return Err(error),
            };
            let wanted = if on { State::On } else { State::Off };
            let others: Vec<usize> = (0..states.len()).filter(|at| states[*at] != wanted).collect();
            let Some(first) = others.first() else { return Ok(()) };
            if told.is_some() && Instant::now() >= deadline {
                let title = self.title(*first);
                let reason =
                    format!("{title} still reads {} after {} s", states[*first], times.read_back.as_secs());
                return Err(Error::NotKept { reason });
            }
            // A strip that is busy may forget; to say the same once more does no harm.
            if told.is_none_or(|at| at.elapsed() >= times.repeat) {
                told = Some(Instant::now());
                self.tell(on, &others).await?;
            } else {
                sleep(times.poll).await;
            }
        }
    }

    /// Tells some outlets to switch.
    async fn tell(&self, on: bool, which: &[usize]) -> Result<(), Error> {
        let Some(open) = &self.open else { return Ok(()) };
        let command = if on { &open.table.on } else { &open.table.off };
        for outlet in which.iter().filter_map(|at| open.outlets.get(*at)) {
            let object = open.table.switch(command, &outlet.row);
            match open.agent.set(&object, command.value).await {
                // Whether it was done is read back.
                Ok(()) | Err(Error::OutcomeUnknown) => {}
                Err(Error::Refused { reason }) => {
                    return Err(Error::Refused { reason: format!("{}: {reason}", outlet.title) });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn title(&self, at: usize) -> String {
        let known = self.open.as_ref().and_then(|open| open.outlets.get(at));
        known.map_or_else(|| "an outlet".to_owned(), |outlet| outlet.title.clone())
    }

    /// What it is called in messages.
    pub(super) fn address(&self) -> &str {
        self.open
            .as_ref()
            .map(|open| open.agent.address.as_str())
            .or(self.addresses.first().map(String::as_str))
            .unwrap_or_default()
    }

    /// Finds the strip, its tables and the outlets in them.
    async fn find(&mut self) -> Result<(), Error> {
        let (agent, table) = match self.open.take() {
            Some(open) => (open.agent, open.table),
            None => self.reach().await?,
        };
        let mut found = Vec::with_capacity(self.outlets.len());
        let mut names = None;
        for outlet in &self.outlets {
            let title = format!("outlet {outlet} of {}", agent.address);
            let (row, name) = match outlet {
                Outlet::Number(number) => (table.row_of_number(*number), None),
                Outlet::Name(name) => match Row::of_indices(name) {
                    Some(row) => (row, None),
                    None => {
                        if names.is_none() {
                            names = Some(read_names(&agent, &table).await?);
                        }
                        let (row, object) = row_by_name(name, names.as_deref().unwrap_or_default())?;
                        (row, Some((object, name.clone())))
                    }
                },
            };
            found.push(Found { title, row, name });
        }
        self.open = Some(Open { agent, table, outlets: found });
        Ok(())
    }

    /// The first address that answers, with the tables that are there.
    async fn reach(&mut self) -> Result<(Agent, Table), Error> {
        let mut failure = Error::Misconfigured { reason: "the strip has no address".to_owned() };
        for at in 0..self.addresses.len() {
            let reached = async {
                let agent = self.dialect.connect(&self.addresses[at], self.port).await?;
                let table = table_of(&agent, &self.kind).await?;
                Ok((agent, table))
            };
            match reached.await {
                Ok(reached) => {
                    self.addresses[..=at].rotate_right(1);
                    return Ok(reached);
                }
                Err(error) if is_silence(&error) => {
                    let refusal = self.dialect.refusal(&self.addresses[at], self.port).await;
                    if let Some(refusal) = refusal {
                        return Err(refusal);
                    }
                    failure = error;
                }
                Err(error) => return Err(error),
            }
        }
        Err(failure)
    }
}

/// The tables that a strip has.
async fn table_of(agent: &Agent, kind: &Kind) -> Result<Table, Error> {
    let object = || async {
        let values = agent.get(&[Oid::from_slice(&SYS_OBJECT_ID)]).await?;
        let object = values.into_iter().flatten().next().and_then(|value| value.as_oid().cloned());
        object
            .ok_or_else(|| Error::Malformed { reason: "it does not say what it is (sysObjectID)".to_owned() })
    };
    let tables = match kind {
        Kind::Given(table) => return Ok(Table::clone(table)),
        Kind::Model(model) => Table::of_model(*model),
        Kind::Asked => Table::of_object(&object().await?),
    };
    for table in &tables {
        if agent.has(&table.status).await? {
            return Ok(table.clone());
        }
    }
    let object = object().await?;
    let reason = match kind {
        Kind::Asked if tables.is_empty() => format!(
            "the device says that it is {object}, which is no strip that is known here; write `model: generic` and `oids`"
        ),
        _ => format!(
            "the device ({object}) has no table of outlets that may be switched, or shows it to others only"
        ),
    };
    Err(Error::Misconfigured { reason })
}

/// A name of an outlet, where it stands, and the outlet's row.
type Named = (String, Oid, Row);

/// The names of all outlets.
async fn read_names(agent: &Agent, table: &Table) -> Result<Vec<Named>, Error> {
    let columns = join_all(table.names.iter().map(|column| agent.column(column))).await;
    let mut names = Vec::new();
    for (column, rows) in table.names.iter().zip(columns) {
        for bound in rows? {
            let name = bound.value.as_bytes().map(text).filter(|name| !name.is_empty());
            if let Some((name, row)) = name.zip(table.row_of_name(column, &bound.oid)) {
                names.push((name, bound.oid, row));
            }
        }
    }
    Ok(names)
}

/// The row of the outlet with a name.
fn row_by_name(name: &str, names: &[Named]) -> Result<(Row, Oid), Error> {
    let mut found = names.iter().filter(|(known, ..)| known == name);
    let Some((_, object, row)) = found.next() else {
        let mut known: Vec<&str> = names.iter().map(|(name, ..)| name.as_str()).collect();
        let more = if known.len() > MOST_NAMES_TOLD { ", ..." } else { "" };
        known.truncate(MOST_NAMES_TOLD);
        let reason = match known.is_empty() {
            true => format!("no outlet is called `{name}`: the strip tells no names"),
            false => format!("no outlet is called `{name}`; there are {}{more}", known.join(", ")),
        };
        return Err(Error::Misconfigured { reason });
    };
    if found.any(|(.., other)| other != row) {
        let reason = format!("several outlets are called `{name}`; give the number instead");
        return Err(Error::Misconfigured { reason });
    }
    Ok((row.clone(), object.clone()))
}

/// A name without the blanks and zeros that strips fill their fields with.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_matches(|c: char| c.is_whitespace() || c == '\0').to_owned()
}

/// Whether nothing came from there at all, so that another address may do better.
fn is_silence(error: &Error) -> bool {
    matches!(error, Error::Unreachable { .. } | Error::Silent { .. } | Error::SilentToCommunity { .. })
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::On => f.write_str("on"),
            Self::Off => f.write_str("off"),
            Self::Other(value) => write!(f, "{value}, neither on nor off,"),
        }
    }
}

#[cfg(test)]
mod tests {
    use async_snmp::oid;

    use super::*;

    #[test]
    fn an_outlet_is_found_by_its_name_if_only_one_has_it() {
        let column = oid!(1, 3, 6);
        let named = |name: &str, row: &str| {
            let row = Row::of_indices(row).unwrap();
            (name.to_owned(), column.clone(), row)
        };
        let names =
            [named("rack7-12 A", "1.3"), named("spare", "1.4"), named("spare", "1.5"), named("A3", "1.3")];
        let check = |name: &str, wanted: Result<&str, &str>| {
            let got = row_by_name(name, &names).map(|(row, _)| row);
            let wanted = wanted
                .map(|row| Row::of_indices(row).unwrap())
                .map_err(|reason| Error::Misconfigured { reason: reason.to_owned() });
            assert_eq!(got, wanted, "{name}");
        };
        check("rack7-12 A", Ok("1.3"));
        check("A3", Ok("1.3"));
        check("spare", Err("several outlets are called `spare`; give the number instead"));
        check("Spare", Err("no outlet is called `Spare`; there are rack7-12 A, spare, spare, A3"));
        assert_eq!(text(b" web 1\0\0"), "web 1");
    }
}
