//! What no two resources may have: hardware addresses, addresses, subnets, hosts to boot.
//!
//! A claim stands among the references of its resource, with a word for a kind that no kind of resource has. So it is
//! compared and kept in the transaction that keeps the resource, whoever else applies something at the same moment.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ironhand_api::{Deployment, Host, Ipv4Subnet, Kind, Name, Network};
use sqlx::AnyConnection;

use crate::StoreError;
use crate::resource::parse_name;
use crate::sqlite::meaning;

const HOLDER: &str = "SELECT kind, name FROM resource_references WHERE target_kind = $1 AND target_name = $2 \
    AND NOT (kind = $3 AND name = $4) ORDER BY kind, name LIMIT 1";

const OTHERS: &str =
    "SELECT kind, name, target_name FROM resource_references WHERE target_kind = $1 ORDER BY kind, name";

const PUT: &str =
    "INSERT INTO resource_references (kind, name, target_kind, target_name) VALUES ($1, $2, $3, $4)";

/// Something that a resource has, and no other may have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    pub(crate) what: Claimed,
    pub(crate) value: String,
    /// The field that says so.
    pub(crate) field: String,
}

/// What can be had once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Claimed {
    Mac,
    Address,
    Uuid,
    Serial,
    Subnet,
    Relay,
    Boot,
}

impl Claimed {
    /// The word in the database: small, as kinds of resources begin with a capital.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Mac => "mac",
            Self::Address => "address",
            Self::Uuid => "uuid",
            Self::Serial => "serial",
            Self::Subnet => "subnet",
            Self::Relay => "relay",
            Self::Boot => "boot",
        }
    }

    const fn named(self) -> &'static str {
        match self {
            Self::Mac => "the hardware address",
            Self::Address => "the address",
            Self::Uuid => "the UUID",
            Self::Serial => "the serial number",
            Self::Subnet => "the subnet",
            Self::Relay => "the relay",
            Self::Boot => "the boot of Host",
        }
    }
}

/// What a host has: its hardware addresses, and by what else it is known.
pub(crate) fn of_host(host: &Host) -> Vec<Claim> {
    let claim = |what, value: String, field: String| Claim { what, value, field };
    let macs = host.spec.macs.iter().enumerate();
    let mut seen = BTreeSet::new();
    // The same one written twice in one host is a slip that does no harm.
    let macs = macs.filter(|(_, mac)| seen.insert(**mac));
    let mut claims: Vec<Claim> =
        macs.map(|(at, mac)| claim(Claimed::Mac, mac.to_string(), format!("spec.macs[{at}]"))).collect();
    if let Some(boot) = &host.spec.boot {
        let address = boot.address.map(|address| (Claimed::Address, address.to_string(), "address"));
        let address6 = boot.address6.map(|address| (Claimed::Address, address.to_string(), "address6"));
        let uuid = boot.uuid.map(|uuid| (Claimed::Uuid, uuid.canonical().to_string(), "uuid"));
        let serial = boot.serial.clone().map(|serial| (Claimed::Serial, serial, "serial"));
        let all = [address, address6, uuid, serial].into_iter().flatten();
        claims.extend(all.map(|(what, value, field)| claim(what, value, format!("spec.boot.{field}"))));
    }
    claims
}

/// What a network has: its subnet, its gateway, and the relays outside of it.
pub(crate) fn of_network(network: &Network) -> Vec<Claim> {
    let spec = &network.spec;
    let claim = |what, value: String, field: String| Claim { what, value, field };
    let mut claims = vec![claim(Claimed::Subnet, spec.subnet.to_string(), "spec.subnet".to_owned())];
    let gateway = spec.gateway.map(|gateway| gateway.to_string());
    claims.extend(gateway.map(|gateway| claim(Claimed::Address, gateway, "spec.gateway".to_owned())));
    let relays: BTreeSet<Ipv4Addr> = spec.relays.iter().copied().collect();
    claims.extend(
        relays.into_iter().map(|relay| claim(Claimed::Relay, relay.to_string(), "spec.relays".to_owned())),
    );
    claims
}

/// What a deployment has: the boot of its host.
pub(crate) fn of_deployment(deployment: &Deployment) -> Vec<Claim> {
    let host = deployment.spec.host.to_string();
    vec![Claim { what: Claimed::Boot, value: host, field: "spec.host".to_owned() }]
}

/// Refuses what another resource has.
pub(crate) async fn check(
    connection: &mut AnyConnection,
    kind: Kind,
    name: &Name,
    claims: &[Claim],
) -> Result<(), StoreError> {
    let failed = |error| meaning("compare what resources have", error);
    for Claim { what, value, field } in claims {
        let taken = |holder: (String, String), text: String| -> Result<StoreError, StoreError> {
            let what = format!("{} {text}", what.named());
            let holder = Box::new((holder.0, parse_name(&holder.1)?));
            Ok(StoreError::Taken { kind, name: name.clone(), field: field.clone(), what, holder })
        };
        let found: Option<(String, String)> = sqlx::query_as(HOLDER)
            .bind(what.as_str())
            .bind(value.clone())
            .bind(kind.to_string())
            .bind(name.as_str())
            .fetch_optional(&mut *connection)
            .await
            .map_err(failed)?;
        if let Some(holder) = found {
            return Err(taken(holder, value.clone())?);
        }
        let clash = match what {
            Claimed::Subnet => overlapping(connection, kind, name, value).await?,
            Claimed::Address if kind == Kind::Host => special(connection, value).await?,
            _ => None,
        };
        if let Some((holder, text)) = clash {
            return Err(taken(holder, text)?);
        }
    }
    Ok(())
}

type Clash = Option<((String, String), String)>;

async fn subnets(connection: &mut AnyConnection) -> Result<Vec<(String, String, Ipv4Subnet)>, StoreError> {
    let rows: Vec<(String, String, String)> = sqlx::query_as(OTHERS)
        .bind(Claimed::Subnet.as_str())
        .fetch_all(connection)
        .await
        .map_err(|error| meaning("read the subnets of networks", error))?;
    // What cannot be read was not written by this release, and is no reason to refuse anything.
    let read = rows.into_iter().filter_map(|(kind, name, subnet)| Some((kind, name, subnet.parse().ok()?)));
    Ok(read.collect())
}

/// The network whose subnet has addresses in common with one.
async fn overlapping(
    connection: &mut AnyConnection,
    kind: Kind,
    name: &Name,
    subnet: &str,
) -> Result<Clash, StoreError> {
    let Ok(subnet) = subnet.parse::<Ipv4Subnet>() else { return Ok(None) };
    let mut others = subnets(connection).await?.into_iter();
    let clash = others.find(|(of, holder, other)| {
        (of.as_str(), holder.as_str()) != (kind.to_string().as_str(), name.as_str()) && other.overlaps(subnet)
    });
    Ok(clash.map(|(kind, name, other)| ((kind, name), format!("{subnet} overlaps {other}, which"))))
}

/// The network that an address names as a whole, so that no host may have it.
async fn special(connection: &mut AnyConnection, address: &str) -> Result<Clash, StoreError> {
    let Ok(address) = address.parse::<Ipv4Addr>() else { return Ok(None) };
    let mut networks = subnets(connection).await?.into_iter();
    let clash =
        networks.find(|(_, _, subnet)| subnet.contains(address) && !subnet.may_be_of_machine(address));
    Ok(clash.map(|(kind, name, _)| ((kind, name), format!("{address} names the whole network, and so"))))
}

/// Keeps what a resource has, in place of what it had.
pub(crate) async fn put(
    connection: &mut AnyConnection,
    kind: Kind,
    name: &Name,
    claims: &[Claim],
) -> Result<(), StoreError> {
    for Claim { what, value, .. } in claims {
        sqlx::query(PUT)
            .bind(kind.to_string())
            .bind(name.as_str())
            .bind(what.as_str())
            .bind(value.clone())
            .execute(&mut *connection)
            .await
            .map_err(|error| meaning("store what a resource has", error))?;
    }
    Ok(())
}
