//! Machines that booted over the network, and events that are recorded together.

use ironhand_api::{EventKind, MacAddress, Machine, Severity, Timestamp};
use ironhand_store::{EventDraft, Store};

use crate::samples::{NOON, host, name};

fn machine(last: u8, seen: i64) -> Machine {
    Machine::new(MacAddress([2, 0, 0, 0, 0, last]), Timestamp::from_millis(seen))
}

pub(super) async fn the_newest_machines_are_kept(store: &Store) {
    let [old, newer, newest] = [machine(1, 10), machine(2, 20), machine(3, 30)];
    store.put_machines(vec![newest.clone(), old], 2).await.unwrap();
    store.put_machines(vec![newer.clone()], 2).await.unwrap();
    assert_eq!(store.machines().await.unwrap(), [newer.clone(), newest.clone()]);
    let told = Machine { serial: Some("A1".into()), ..newer };
    store.put_machines(vec![told.clone()], 2).await.unwrap();
    assert_eq!(store.machines().await.unwrap(), [told.clone(), newest.clone()]);
    assert!(store.drop_machine(newest.mac).await.unwrap());
    assert!(!store.drop_machine(newest.mac).await.unwrap());
    assert_eq!(store.machines().await.unwrap(), [told]);
}

pub(super) async fn events_are_noted_together(store: &Store) {
    store.apply(host("web-1", &[]), NOON).await.unwrap();
    let draft = |text: &str| EventDraft::new(EventKind::BootStep, Severity::Info, text);
    let at = Timestamp::from_millis(NOON.as_millis() + 5);
    let drafts = vec![
        (Some(name("web-1")), NOON, draft("discover")),
        (None, at, draft("a stranger")),
        (Some(name("gone")), at, draft("of a host that is gone")),
    ];
    store.note_all(drafts).await.unwrap();
    let events = store.events_after(1, 10, None).await.unwrap();
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.host.as_ref().map(|host| host.as_str()), event.at, event.message.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (Some("web-1"), NOON, "discover"),
            (None, at, "a stranger"),
            (Some("gone"), at, "of a host that is gone")
        ]
    );
    let of_host = store.events_after(1, 10, Some(&name("web-1"))).await.unwrap();
    assert_eq!(of_host.len(), 1);
}
