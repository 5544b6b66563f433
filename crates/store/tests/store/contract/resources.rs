//! Hosts, credentials and flows.

use ironhand_api::{Connector, Credential, EventKind, Flow, Host, Kind, Metadata, Secret};
use ironhand_store::{ListQuery, Outcome, Store, StoreError};
use secrecy::ExposeSecret;

use crate::samples::{NOON, credential, draft, flow, host, name, status};

pub(super) async fn applying_twice_changes_nothing(store: &Store) {
    let first = store.apply(host("rack7-12", &[("rack", "7")]), NOON).await.unwrap();
    assert_eq!(first.outcome, Outcome::Created);
    assert_eq!(first.resource.metadata.created_at, Some(NOON));
    let event = first.event.unwrap();
    assert_eq!((event.id, event.kind, event.host), (1, EventKind::ResourceApplied, Some(name("rack7-12"))));
    assert_eq!(event.message, "Host rack7-12 created");

    let later = NOON.after(std::time::Duration::from_secs(60));
    let again = store.apply(host("rack7-12", &[("rack", "7")]), later).await.unwrap();
    assert_eq!(again.outcome, Outcome::Unchanged);
    assert_eq!(again.resource.metadata, first.resource.metadata);
    assert!(again.event.is_none());

    let moved = store.apply(host("rack7-12", &[("rack", "8")]), later).await.unwrap();
    assert_eq!(moved.outcome, Outcome::Configured);
    assert!(moved.resource.metadata.resource_version > first.resource.metadata.resource_version);
    assert_eq!(moved.resource.metadata.created_at, Some(NOON));

    let mut other = host("rack7-12", &[("rack", "8")]);
    other.spec.connectors.pop();
    assert_eq!(store.apply(other.clone(), later).await.unwrap().outcome, Outcome::Configured);
    let kept: Host = store.get(&name("rack7-12")).await.unwrap().unwrap();
    assert_eq!(kept.spec, other.spec);
    assert!(store.get::<Flow>(&name("rack7-12")).await.unwrap().is_none());
}

pub(super) async fn versions_guard_against_lost_updates(store: &Store) {
    let at = |version: Option<u64>, rack: &str| {
        let mut host = host("rack7-12", &[("rack", rack)]);
        host.metadata.resource_version = version;
        host
    };
    let refused = store.apply(at(Some(1), "7"), NOON).await.err().unwrap();
    assert!(matches!(refused, StoreError::Conflict { given: 1, current: None, .. }), "{refused}");

    let version = store.apply(at(None, "7"), NOON).await.unwrap().resource.metadata.resource_version;
    let next = store.apply(at(version, "8"), NOON).await.unwrap().resource.metadata.resource_version;
    let refused = store.apply(at(version, "9"), NOON).await.err().unwrap();
    assert!(matches!(refused, StoreError::Conflict { current, .. } if current == next), "{refused}");
    assert_eq!(refused.code(), "resource.conflict");

    store.delete(Kind::Host, &name("rack7-12"), NOON).await.unwrap();
    let refused = store.apply(at(next, "9"), NOON).await.err().unwrap();
    assert!(matches!(refused, StoreError::Conflict { current: None, .. }), "{refused}");
    let anew = store.apply(at(None, "9"), NOON).await.unwrap().resource.metadata.resource_version;
    assert!(anew > next, "a version is never used twice, or an old reader could overwrite the new resource");
}

fn plain(password: &str) -> Credential {
    credential("dc-standard", Secret::Plain(password.into()))
}

fn sealed(credential: &Credential) -> String {
    match &credential.spec.password {
        Secret::Sealed(text) => text.clone(),
        _ => panic!("the store gave out a password that is not sealed"),
    }
}

pub(super) async fn passwords_are_sealed(store: &Store) {
    let first = store.apply(plain("correct horse"), NOON).await.unwrap();
    assert!(sealed(&first.resource).starts_with("v1:"));
    let (username, password) = store.credential(&name("dc-standard")).await.unwrap();
    assert_eq!((username.as_str(), password.expose_secret()), ("admin", "correct horse"));

    let again = store.apply(plain("correct horse"), NOON).await.unwrap();
    assert_eq!(again.outcome, Outcome::Unchanged);
    assert_eq!(sealed(&again.resource), sealed(&first.resource));

    let changed = store.apply(plain("battery staple"), NOON).await.unwrap();
    assert_eq!(changed.outcome, Outcome::Configured);
    let (_, password) = store.credential(&name("dc-standard")).await.unwrap();
    assert_eq!(password.expose_secret(), "battery staple");

    let mut renamed = plain("battery staple");
    renamed.spec.username = "root".into();
    let renamed = store.apply(renamed, NOON).await.unwrap();
    assert_eq!(renamed.outcome, Outcome::Configured);
    assert_eq!(sealed(&renamed.resource), sealed(&changed.resource));

    let missing = store.credential(&name("factory")).await.err().unwrap();
    assert!(matches!(missing, StoreError::NotFound { kind: Kind::Credential, .. }), "{missing}");
}

pub(super) async fn sealed_passwords_are_accepted_under_their_own_name(store: &Store) {
    let text = sealed(&store.apply(plain("correct horse"), NOON).await.unwrap().resource);
    let given = |name: &str| credential(name, Secret::Sealed(text.clone()));
    assert_eq!(store.apply(given("dc-standard"), NOON).await.unwrap().outcome, Outcome::Unchanged);

    store.delete(Kind::Credential, &name("dc-standard"), NOON).await.unwrap();
    assert_eq!(store.apply(given("dc-standard"), NOON).await.unwrap().outcome, Outcome::Created);
    let (_, password) = store.credential(&name("dc-standard")).await.unwrap();
    assert_eq!(password.expose_secret(), "correct horse");

    let refused = store.apply(given("factory"), NOON).await.err().unwrap();
    assert!(matches!(refused, StoreError::SealBroken { .. }), "{refused}");
    assert!(refused.to_string().contains("`factory`"), "{refused}");
    assert!(store.get::<Credential>(&name("factory")).await.unwrap().is_none());
}

pub(super) async fn references_to_secrets_are_refused(store: &Store) {
    for (secret, form) in
        [(Secret::FromFile("/etc/shadow".into()), "fromFile"), (Secret::FromEnv("PATH".into()), "fromEnv")]
    {
        let refused = store.apply(credential("dc-standard", secret), NOON).await.err().unwrap();
        assert!(matches!(refused, StoreError::SecretReference { .. }), "{refused}");
        assert!(refused.to_string().contains(form), "{refused}");
    }
}

pub(super) async fn credentials_in_use_are_not_deleted(store: &Store) {
    store.apply(plain("correct horse"), NOON).await.unwrap();
    let mut by_host = host("rack7-2", &[]);
    by_host.spec.credentials = vec![name("dc-standard"), name("dc-standard"), name("factory")];
    let mut by_connector = host("rack7-1", &[]);
    by_connector.spec.connectors[0].credentials = Some(vec![name("dc-standard")]);
    store.apply(by_host.clone(), NOON).await.unwrap();
    store.apply(by_connector.clone(), NOON).await.unwrap();

    let delete = async || store.delete(Kind::Credential, &name("dc-standard"), NOON).await;
    let refused = delete().await.err().unwrap();
    let StoreError::InUse { users, .. } = &refused else { panic!("{refused}") };
    assert_eq!(users, &[name("rack7-1"), name("rack7-2")]);
    assert!(refused.to_string().contains("rack7-1, rack7-2"), "{refused}");

    by_connector.spec.connectors = by_connector
        .spec
        .connectors
        .into_iter()
        .map(|connector| Connector { credentials: None, ..connector })
        .collect();
    store.apply(by_connector, NOON).await.unwrap();
    let refused = delete().await.err().unwrap();
    assert!(matches!(&refused, StoreError::InUse { users, .. } if users == &[name("rack7-2")]), "{refused}");

    store.delete(Kind::Host, &name("rack7-2"), NOON).await.unwrap();
    assert_eq!(delete().await.unwrap().kind, EventKind::ResourceDeleted);
    let missing = delete().await.err().unwrap();
    assert!(matches!(missing, StoreError::NotFound { .. }), "{missing}");
}

pub(super) async fn deleted_hosts_leave_their_history(store: &Store) {
    use crate::samples::{incident, run};
    use ironhand_api::{IncidentState, RunState};

    let rack = name("rack7-12");
    store.apply(host("rack7-12", &[]), NOON).await.unwrap();
    let (incident_id, run_id) = (store.next_incident_id().await.unwrap(), store.next_run_id().await.unwrap());
    let mut record = ironhand_store::Record::of(rack.clone(), NOON);
    record.status = Some(status(None));
    record.facts = Some(ironhand_model::HostFacts::new());
    record.incidents = vec![incident(incident_id, "rack7-12", IncidentState::Recovering)];
    record.runs = vec![run(run_id, incident_id, "rack7-12", RunState::Running)];
    record.events = vec![draft("the screen changed")];
    store.record(record).await.unwrap();
    assert_eq!(store.get::<Host>(&rack).await.unwrap().unwrap().status, Some(status(None)));

    store.delete(Kind::Host, &rack, NOON).await.unwrap();
    assert!(store.incident(incident_id).await.unwrap().is_some());
    assert!(store.run(run_id).await.unwrap().is_some());
    assert_eq!(store.events_after(0, 10, Some(&rack)).await.unwrap().len(), 3);

    store.apply(host("rack7-12", &[]), NOON).await.unwrap();
    assert_eq!(store.get::<Host>(&rack).await.unwrap().unwrap().status, None);
    assert!(store.load().await.unwrap().states.is_empty());
}

pub(super) async fn lists_select_and_continue(store: &Store) {
    for number in [3, 1, 10, 2] {
        let role = if number % 2 == 0 { "web" } else { "db" };
        store.apply(host(&format!("rack-{number}"), &[("role", role)]), NOON).await.unwrap();
    }
    store.apply(flow("power-supply-f1"), NOON).await.unwrap();

    let check = async |selector: &str, limit: Option<u32>, pages: &[&[&str]]| {
        let mut query = ListQuery { selector: selector.parse().unwrap(), limit, next: None };
        for (index, page) in pages.iter().enumerate() {
            let list = store.list::<Host>(&query).await.unwrap();
            let found: Vec<_> = list.items.iter().map(|host| host.metadata.name.as_str()).collect();
            assert_eq!(&found, page, "{selector:?} {limit:?} page {index}");
            assert_eq!(list.next.is_some(), index + 1 < pages.len(), "{selector:?} {limit:?} page {index}");
            query.next = list.next;
        }
    };
    check("", None, &[&["rack-1", "rack-10", "rack-2", "rack-3"]]).await;
    check("", Some(4), &[&["rack-1", "rack-10", "rack-2", "rack-3"]]).await;
    check("", Some(3), &[&["rack-1", "rack-10", "rack-2"], &["rack-3"]]).await;
    check("", Some(0), &[&["rack-1"], &["rack-10"], &["rack-2"], &["rack-3"]]).await;
    check("role=web", None, &[&["rack-10", "rack-2"]]).await;
    check("role=web", Some(1), &[&["rack-10"], &["rack-2"]]).await;
    check("role!=web", Some(2), &[&["rack-1", "rack-3"]]).await;
    check("role,!rack", None, &[&["rack-1", "rack-10", "rack-2", "rack-3"]]).await;
    check("rack", None, &[&[]]).await;

    let mut query = ListQuery { limit: Some(2), ..ListQuery::default() };
    query.next = store.list::<Host>(&query).await.unwrap().next;
    store.delete(Kind::Host, &name("rack-10"), NOON).await.unwrap();
    let rest = store.list::<Host>(&query).await.unwrap().items;
    assert_eq!(
        rest[0].metadata.name.as_str(),
        "rack-2",
        "a deleted resource does not shift the page after it"
    );

    query.next = Some("not a name".into());
    let refused = store.list::<Host>(&query).await.err().unwrap();
    assert!(matches!(refused, StoreError::ContinueInvalid { .. }), "{refused}");
}

pub(super) async fn documents_come_back_as_they_were(store: &Store) {
    let metadata =
        |metadata: &Metadata| Metadata { resource_version: None, created_at: None, ..metadata.clone() };
    let given = host("rack7-12", &[("owner", "J\u{fc}rgen \u{1f6e0} 'quoted' \"twice\"; --")]);
    store.apply(given.clone(), NOON).await.unwrap();
    let kept: Host = store.get(&name("rack7-12")).await.unwrap().unwrap();
    assert_eq!(metadata(&kept.metadata), given.metadata);
    assert_eq!(kept.spec, given.spec);

    let given = flow("power-supply-f1");
    store.apply(given.clone(), NOON).await.unwrap();
    let kept: Flow = store.get(&name("power-supply-f1")).await.unwrap().unwrap();
    assert_eq!((metadata(&kept.metadata), kept.spec), (given.metadata, given.spec));
}
