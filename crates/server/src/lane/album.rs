//! The pictures that evidence may refer to, until they are stored.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use ironhand_api::PictureDigest;
use ironhand_model::Transition;
use ironhand_store::Picture;

use crate::screen::Shot;

/// Pictures held beside the last one. Evidence is of the reading in which a pattern was first seen, a few readings ago;
/// each takes the memory of a screen.
const HELD: usize = 4;

/// Names of stored pictures that are remembered, so that they are not compressed again for each event.
const STORED: usize = 64;

/// The last pictures of a screen.
#[derive(Default)]
pub(super) struct Album {
    held: VecDeque<Arc<Shot>>,
    stored: VecDeque<PictureDigest>,
}

impl Album {
    /// Adds a picture. Where nothing is wrong with the host (`calm`), no other is held beside it.
    pub(super) fn add(&mut self, shot: &Arc<Shot>, calm: bool) {
        self.held.retain(|held| held.digest != shot.digest);
        self.held.push_back(Arc::clone(shot));
        let limit = if calm { 1 } else { HELD };
        while self.held.len() > limit {
            self.held.pop_front();
        }
    }

    /// Whether the picture is in the store.
    pub(super) fn is_stored(&self, digest: &PictureDigest) -> bool {
        self.stored.contains(digest)
    }

    /// The pictures that transitions refer to and the store does not have yet, compressed.
    pub(super) async fn evidence(&self, transitions: &[Transition], extra: &[Arc<Shot>]) -> Vec<Picture> {
        let mut wanted: BTreeSet<&PictureDigest> = transitions.iter().flat_map(digests).collect();
        wanted.extend(extra.iter().map(|shot| &shot.digest));
        let shots: Vec<Arc<Shot>> = self
            .held
            .iter()
            .chain(extra)
            .filter(|shot| wanted.remove(&shot.digest) && !self.is_stored(&shot.digest))
            .cloned()
            .collect();
        if shots.is_empty() {
            return Vec::new();
        }
        let compressed = tokio::task::spawn_blocking(move || {
            shots.iter().map(|shot| Picture { digest: shot.digest.clone(), png: shot.png() }).collect()
        });
        // Evidence in words is worth keeping without the picture.
        compressed.await.unwrap_or_default()
    }

    /// Notes that pictures are in the store.
    pub(super) fn stored(&mut self, pictures: impl IntoIterator<Item = PictureDigest>) {
        self.stored.extend(pictures);
        while self.stored.len() > STORED {
            self.stored.pop_front();
        }
    }
}

/// The pictures that a transition refers to.
fn digests(transition: &Transition) -> impl Iterator<Item = &PictureDigest> {
    let incident = transition.incident.first_picture.iter().chain(&transition.incident.last_picture);
    let run = transition.run.iter().flat_map(|run| {
        let proof = run.proof.as_ref().and_then(|proof| proof.picture.as_ref());
        run.matched.picture.iter().chain(proof)
    });
    incident.chain(run)
}
