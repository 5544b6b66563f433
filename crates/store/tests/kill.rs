//! `kill -9` loses nothing that was acknowledged, and leaves nothing half done.
//!
//! The test starts itself again as a process that writes decisions as fast as it can and says on its standard output
//! which of them were acknowledged; kills it after a varying number of acknowledgements, while other writes are under
//! way; and then looks for everything that was acknowledged. In a second part, the process that is killed replaces the
//! key that secrets are sealed under, again and again.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use ironhand_api::{
    Credential, CredentialSpec, EventKind, Incident, IncidentState, Job, JobState, MatchEvidence, Metadata,
    Name, PictureDigest, PowerAction, Run, RunState, Secret, Severity, Timestamp, Work,
};
use ironhand_store::{EventDraft, JobQuery, KeySource, Picture, Record, RunQuery, Store};
use secrecy::ExposeSecret;
use tokio::task::JoinSet;

/// The argument that makes this program the one that is killed; the directory follows.
const WRITE: &str = "write-until-killed";

/// The same, for a process that replaces the key.
const REPLACE: &str = "replace-key-until-killed";

/// Writers in the process that is killed, so that several writes are under way at any time.
const WRITERS: u32 = 6;

/// Acknowledgements after which the process is killed, round by round, always on the same directory. Zero kills it
/// while it opens the store.
const ROUNDS: [usize; 16] = [1, 0, 7, 40, 3, 0, 111, 2, 19, 64, 0, 5, 230, 1, 13, 77];

/// The same for the process that replaces the key.
const KEY_ROUNDS: [usize; 16] = [1, 0, 3, 9, 2, 14, 0, 5, 1, 7, 4, 0, 11, 6, 2, 8];

const NOW: Timestamp = Timestamp::from_millis(1_772_366_400_000);

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match arguments.as_slice() {
        [_, role, directory] if role == WRITE => runtime.block_on(write_until_killed(Path::new(directory))),
        [_, role, directory] if role == REPLACE => {
            runtime.block_on(replace_until_killed(Path::new(directory)))
        }
        _ => {
            runtime.block_on(kill_and_look());
            runtime.block_on(kill_and_open());
        }
    }
}

async fn kill_and_look() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    for (round, after) in ROUNDS.into_iter().enumerate() {
        acknowledged.extend(kill_after(WRITE, after, directory.path()));
        let found = look(directory.path()).await;
        let lost: Vec<_> = acknowledged.difference(&found).collect();
        assert!(lost.is_empty(), "round {round}: acknowledged and lost: {lost:?}");
    }
    assert!(acknowledged.len() >= ROUNDS.iter().sum());
    println!("kill: {} rounds, {} acknowledged decisions, none lost", ROUNDS.len(), acknowledged.len());
}

/// Starts a writer, kills it after some acknowledgements, and returns all that it gave until it died.
fn kill_after(role: &str, count: usize, directory: &Path) -> Vec<u64> {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .arg(role)
        .arg(directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap());
    let mut acknowledged = Vec::new();
    let mut line = String::new();
    loop {
        if acknowledged.len() == count {
            writer.kill().unwrap();
        }
        line.clear();
        if lines.read_line(&mut line).unwrap() == 0 {
            break;
        }
        // A line without an end was cut off by the kill: nobody has been told.
        if let Some(id) = line.strip_suffix('\n') {
            acknowledged.push(id.parse().unwrap());
        }
    }
    writer.wait().unwrap();
    assert!(acknowledged.len() >= count, "the writer ended by itself");
    acknowledged
}

/// Checks that the store is whole, and returns the runs of which everything is there.
async fn look(directory: &Path) -> BTreeSet<u64> {
    let store = Store::open(directory, KeySource::File).await.unwrap();
    let events = store.events_after(0, u32::MAX, None).await.unwrap();
    let ids: Vec<u64> = events.iter().map(|event| event.id).collect();
    assert!(ids.iter().copied().eq(1..=u64::try_from(ids.len()).unwrap()), "the ids of events have gaps");
    assert_eq!(events.len() % 2, 0, "a decision lost one of its two events");

    let jobs = store.jobs(&JobQuery::default()).await.unwrap().items;
    let jobs: BTreeMap<_, _> = jobs.into_iter().map(|job| (job.requested_by, job.state)).collect();
    let mut found = BTreeSet::new();
    for run in store.runs(&RunQuery::default()).await.unwrap().items {
        let incident = store.incident(run.incident).await.unwrap().expect("the incident of a run is there");
        let told = events.iter().filter(|event| event.run == Some(run.id)).count();
        assert_eq!(told, 2, "both events of run {} are there", run.id);
        let picture = run.matched.picture.clone().expect("the run has a picture");
        let png = store.picture(&picture).await.unwrap().expect("the picture of a run is there");
        assert_eq!((incident.first_picture, png), (Some(picture), content(run.id)));
        assert_eq!(jobs.get(&run.id.to_string()), Some(&job_state(run.id)), "the job of run {}", run.id);
        found.insert(run.id);
    }
    let open = found.iter().filter(|run| !job_state(**run).is_final()).count();
    assert_eq!(store.load().await.unwrap().jobs.len(), open, "what has not ended is found at start");
    assert_eq!(found.len() * 2, events.len(), "events without their run");
    store.close().await;
    found
}

async fn write_until_killed(directory: &Path) {
    let store = Store::open(directory, KeySource::File).await.unwrap();
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let store = store.clone();
        writers.spawn(async move {
            loop {
                let run = store.next_run_id().await.unwrap();
                let incident = store.next_incident_id().await.unwrap();
                let job = store.next_job_id().await.unwrap();
                store.record(decision(run, incident, job)).await.unwrap();
                let mut output = std::io::stdout().lock();
                writeln!(output, "{run}").unwrap();
                output.flush().unwrap();
            }
        });
    }
    writers.join_all().await;
}

async fn kill_and_open() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    for (round, after) in KEY_ROUNDS.into_iter().enumerate() {
        acknowledged.extend(kill_after(REPLACE, after, directory.path()));
        let store = Store::open(directory.path(), KeySource::File).await.unwrap();
        for number in &acknowledged {
            let (_, password) = store.credential(&credential_name(*number)).await.unwrap();
            assert_eq!(password.expose_secret(), format!("password {number}"), "round {round}");
        }
        store.close().await;
        let key = std::fs::read_to_string(directory.path().join("key")).unwrap();
        assert_eq!(key.lines().count(), 1, "round {round}: the start has finished what was begun");
    }
    println!("kill: {} rounds, {} acknowledged secrets, all open", KEY_ROUNDS.len(), acknowledged.len());
}

async fn replace_until_killed(directory: &Path) {
    let store = Store::open(directory, KeySource::File).await.unwrap();
    let replacing = store.clone();
    tokio::spawn(async move {
        loop {
            replacing.rotate_key(NOW).await.unwrap();
        }
    });
    // Goes on where the process before was killed.
    let mut number = store.newest_event().await.unwrap();
    loop {
        number += 1;
        let credential = Credential {
            metadata: Metadata::named(credential_name(number)),
            spec: CredentialSpec {
                username: "admin".into(),
                password: Secret::Plain(format!("password {number}").into()),
            },
        };
        store.apply(credential, NOW).await.unwrap();
        let mut output = std::io::stdout().lock();
        writeln!(output, "{number}").unwrap();
        output.flush().unwrap();
    }
}

fn credential_name(number: u64) -> Name {
    format!("credential-{number}").parse().unwrap()
}

const fn job_state(run: u64) -> JobState {
    if run.is_multiple_of(2) { JobState::Done } else { JobState::Running }
}

fn content(run: u64) -> Vec<u8> {
    format!("picture of run {run}; ").repeat(500).into_bytes()
}

fn decision(run: u64, incident: u64, job: u64) -> Record {
    let host: Name = "rack7-12".parse().unwrap();
    let flow: Name = "power-supply-f1".parse().unwrap();
    let digest = PictureDigest(format!("digest of run {run}"));
    let mut record = Record::of(host.clone(), NOW);
    record.pictures = vec![Picture { digest: digest.clone(), png: content(run) }];
    record.jobs = vec![Job {
        id: job,
        host: host.clone(),
        work: Work::Power(PowerAction::Cycle),
        state: job_state(run),
        requested_by: run.to_string(),
        accepted_at: NOW,
        until: None,
        ended_at: job_state(run).is_final().then_some(NOW),
        detail: None,
        code: None,
        power: None,
        fence: None,
        warnings: Vec::new(),
        receipts: Vec::new(),
    }];
    record.incidents = vec![Incident {
        id: incident,
        host: host.clone(),
        cause: "Press F1".into(),
        flow: Some(flow.clone()),
        state: IncidentState::Recovering,
        reason: "a run works on it".into(),
        seen_well_at: None,
        opened_at: NOW,
        closed_at: None,
        attempts: 1,
        unknown_screen: None,
        first_picture: Some(digest.clone()),
        last_picture: None,
    }];
    record.runs = vec![Run {
        id: run,
        host,
        incident,
        flow,
        attempt: 1,
        state: RunState::Running,
        reason: "begun".into(),
        asked: None,
        started_at: NOW,
        ended_at: None,
        matched: MatchEvidence {
            text: "Press F1".into(),
            row: 0,
            column: 0,
            confidence: 1.0,
            screen_text: "Press F1".into(),
            read_at: NOW,
            picture: Some(digest),
            captures: [].into(),
            findings: Vec::new(),
        },
        steps: Vec::new(),
        proof: None,
    }];
    record.events = [EventKind::IncidentOpened, EventKind::RunStarted]
        .map(|kind| EventDraft {
            incident: Some(incident),
            run: Some(run),
            ..EventDraft::new(kind, Severity::Warning, format!("{kind} {run}"))
        })
        .into();
    record
}
