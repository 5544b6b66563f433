//! The view of all records that machines which boot are answered from, made anew when one of them changes.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use ironhand_api::{Deployment, Host, Name, Network, Profile};
use ironhand_model::boot::{BootServer, HostRecord, Records, View};
use ironhand_store::{ListQuery, Store, StoreError};
use sha2::Sha256;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::changes::{Changes, Mark};
use crate::http::chain;
use crate::once;

/// The file in the data directory that holds the key of the tokens in paths.
const KEY_FILE: &str = "boot-token.key";

/// Bytes of the key.
const KEY: usize = 32;

/// Bytes of a token: more than anybody tries.
const TOKEN: usize = 16;

/// How long after a failure the store is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// How often it is looked whether another server on the same store took a deployment further.
const LOOK: Duration = Duration::from_secs(10);

/// How long somebody who changed a record waits until machines are answered by it.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a view has that stands in no record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ground {
    /// Where machines reach this server, by the network that they are in.
    pub(crate) servers: BTreeMap<Name, BootServer>,
    /// The same over IPv6.
    pub(crate) servers6: BTreeMap<Name, BootServer>,
    /// The names of all media.
    pub(crate) media: BTreeSet<Name>,
    /// The paths of the loaders that there are.
    pub(crate) loaders: BTreeSet<String>,
}

/// The view of this moment; cheap to clone. Reading it waits for nobody.
#[derive(Clone)]
pub(crate) struct Views {
    store: Store,
    key: Arc<[u8; KEY]>,
    view: watch::Sender<Arc<View>>,
    /// Told after a view whose deployments are others than those of the view before it.
    deployed: watch::Sender<()>,
    ground: watch::Sender<Ground>,
    /// The changes that the view has.
    seen: watch::Sender<Mark>,
}

/// The records that a view was made of, but for deployments.
struct Kept {
    networks: Vec<Network>,
    profiles: Vec<Profile>,
    hosts: Vec<Arc<HostRecord>>,
}

impl Views {
    /// Makes the first view.
    ///
    /// # Errors
    ///
    /// Where the store fails.
    pub(crate) async fn new(store: Store, data_dir: &Path) -> Result<Self, StoreError> {
        let key = key(&data_dir.join(KEY_FILE)).unwrap_or_else(|error| {
            tracing::error!(%error, "the files of deployments have other paths after the next start: no key is kept");
            let mut key = [0; KEY];
            // Without randomness there is nothing to keep a secret with: whoever knows the names knows the paths.
            let _ = getrandom::fill(&mut key);
            key
        });
        let views = Self {
            store,
            key: Arc::new(key),
            view: watch::Sender::new(Arc::default()),
            deployed: watch::Sender::default(),
            ground: watch::Sender::new(Ground::default()),
            seen: watch::Sender::default(),
        };
        views.renew().await?;
        Ok(views)
    }

    /// The view of this moment.
    pub(crate) fn now(&self) -> Arc<View> {
        Arc::clone(&self.view.borrow())
    }

    /// Follows the views from now on. Several between two looks count as one.
    pub(crate) fn follow(&self) -> watch::Receiver<Arc<View>> {
        self.view.subscribe()
    }

    /// Follows the deployments from now on: told of no view that has the same ones. There is one follower for each host, and
    /// all of them would wake whenever a host is applied.
    pub(crate) fn follow_deployments(&self) -> watch::Receiver<()> {
        self.deployed.subscribe()
    }

    /// Says what stands in no record; the next view has it.
    pub(crate) fn stand_on(&self, ground: Ground) {
        self.ground.send_if_modified(|kept| {
            let differs = *kept != ground;
            *kept = ground;
            differs
        });
    }

    /// Waits until the view has some changes, so that whoever made them finds machines answered by them. Where the store
    /// fails or is slow that is left to a later view.
    pub(crate) async fn reach(&self, mark: Mark) {
        let mut seen = self.seen.subscribe();
        let reached = tokio::time::timeout(PATIENCE, seen.wait_for(|seen| seen.reaches(mark))).await;
        if reached.is_err() {
            tracing::warn!("machines that boot are not answered yet by what was changed: the store is slow");
        }
    }

    /// Makes the view as the records are at this moment.
    ///
    /// # Errors
    ///
    /// Where the store fails.
    pub(crate) async fn renew(&self) -> Result<(), StoreError> {
        let kept = self.read().await?;
        let deployments = self.deployments().await?;
        self.show(&kept, deployments);
        Ok(())
    }

    /// Keeps the view as the records are, until `stop` is cancelled.
    pub(crate) async fn keep(self, changes: Changes, stop: CancellationToken) {
        let (mut changed, mut moved) = (changes.follow(), self.ground.subscribe());
        // What was applied before this task began is seen by its first look.
        changed.mark_changed();
        let mut kept: Option<(u64, Kept)> = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                told = changed.changed() => if told.is_err() { return },
                told = moved.changed() => if told.is_err() { return },
                () = tokio::time::sleep(LOOK) => {
                    if self.deployments().await.is_ok_and(|all| self.now().shows(&all)) {
                        continue;
                    }
                }
            }
            let mark = *changed.borrow_and_update();
            moved.mark_unchanged();
            match self.follow_up(kept.take(), mark).await {
                Ok(read) => {
                    kept = Some((mark.all, read));
                    self.seen.send_replace(mark);
                }
                Err(error) => {
                    tracing::error!(error = %chain(&error), "machines that boot are answered from what was known before: the store failed");
                    stop.run_until_cancelled(tokio::time::sleep(AGAIN)).await;
                    changed.mark_changed();
                }
            }
        }
    }

    /// Makes the next view, of records that were read before where only deployments changed since.
    async fn follow_up(&self, kept: Option<(u64, Kept)>, mark: Mark) -> Result<Kept, StoreError> {
        let kept = match kept {
            Some((all, kept)) if all == mark.all => kept,
            _ => self.read().await?,
        };
        let deployments = self.deployments().await?;
        self.show(&kept, deployments);
        Ok(kept)
    }

    async fn read(&self) -> Result<Kept, StoreError> {
        let everything = ListQuery::default();
        let networks = self.store.list::<Network>(&everything).await?.items;
        let profiles = self.store.list::<Profile>(&everything).await?.items;
        let hosts = self.store.list::<Host>(&everything).await?.items;
        let hosts = hosts.iter().map(|host| Arc::new(HostRecord::of(host))).collect();
        Ok(Kept { networks, profiles, hosts })
    }

    async fn deployments(&self) -> Result<Vec<Deployment>, StoreError> {
        Ok(self.store.list(&ListQuery::default()).await?.items)
    }

    fn show(&self, kept: &Kept, deployments: Vec<Deployment>) {
        let same = self.now().shows(&deployments);
        let tokens = deployments.iter().map(|one| (one.metadata.name.clone(), self.token(one))).collect();
        let Ground { servers, servers6, media, loaders } = self.ground.borrow().clone();
        let (networks, profiles, hosts) = (kept.networks.clone(), kept.profiles.clone(), kept.hosts.clone());
        let records =
            Records { networks, hosts, profiles, deployments, media, loaders, servers, servers6, tokens };
        self.view.send_replace(Arc::new(View::new(records)));
        if !same {
            self.deployed.send_replace(());
        }
    }

    /// The secret in the paths of a deployment's files: the same for every try and after a start, and another one when
    /// something else is deployed.
    fn token(&self, deployment: &Deployment) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&*self.key) else { return String::new() };
        mac.update(deployment.metadata.name.as_str().as_bytes());
        mac.update(&deployment.metadata.resource_version.unwrap_or_default().to_be_bytes());
        let all = mac.finalize().into_bytes();
        all.iter().take(TOKEN).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The key in a file, which is made where there is none.
fn key(path: &Path) -> io::Result<[u8; KEY]> {
    let key = once::kept(path, || {
        let mut key = vec![0; KEY];
        getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(key)
    })?;
    key.try_into().map_err(|_| io::Error::other("the file of the key has another length"))
}

#[cfg(test)]
mod tests {
    use ironhand_api::{Manifest, parse_manifests};

    use super::*;
    use crate::clock;

    #[tokio::test]
    async fn lanes_are_told_of_deployments_and_not_of_every_host() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), ironhand_store::KeySource::File).await.unwrap();
        let views = Views::new(store.clone(), folder.path()).await.unwrap();
        let (mut all, mut deployed) = (views.follow(), views.follow_deployments());
        let mut check = async |kind: &str, spec: &str, is_deployment: bool| {
            let text = format!(
                "apiVersion: ironhand/v1\nkind: {kind}\nmetadata: {{ name: web }}\nspec: {{ {spec} }}"
            );
            for manifest in parse_manifests("test.yaml", &text).unwrap() {
                match manifest {
                    Manifest::Host(one) => drop(store.apply(one, clock::now()).await.unwrap()),
                    Manifest::Profile(one) => drop(store.apply(one, clock::now()).await.unwrap()),
                    Manifest::Deployment(one) => drop(store.apply(one, clock::now()).await.unwrap()),
                    _ => panic!("{text}"),
                }
            }
            views.renew().await.unwrap();
            let told = (all.has_changed().unwrap(), deployed.has_changed().unwrap());
            assert_eq!(told, (true, is_deployment), "{text}");
            all.mark_unchanged();
            deployed.mark_unchanged();
        };
        check("Host", "connectors: [{ type: vnc, address: 192.0.2.1 }]", false).await;
        check("Profile", "kernel: 'http://192.0.2.1/vmlinuz'", false).await;
        check("Deployment", "host: web, profile: web", true).await;
        check("Host", "connectors: [{ type: vnc, address: 192.0.2.2 }]", false).await;
    }

    #[test]
    fn the_key_is_made_once_and_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(KEY_FILE);
        let made = key(&path).unwrap();
        assert_eq!(key(&path).unwrap(), made);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, "short").unwrap();
        assert!(key(&path).is_err(), "a damaged key is not replaced in silence");
    }
}
