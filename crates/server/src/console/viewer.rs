//! The screen of a host as somebody sees it who watches: through whatever connectors the host has at the time.

use std::sync::Arc;

use ironhand_api::{LiveScreen, ScreenPlace};
use tokio::sync::watch;

use crate::screen::{ScreenHands, Seen, View, Viewing};

/// Somebody who watches a screen. While it lives the screen is read at a lively pace.
pub(crate) struct Viewer {
    hands: watch::Receiver<Option<ScreenHands>>,
    watched: Option<(Viewing, watch::Receiver<View>)>,
    /// The current view was not told yet.
    is_news: bool,
}

impl Viewer {
    /// Begins to watch; `hands` are those of the host's lane.
    pub(crate) fn new(hands: watch::Receiver<Option<ScreenHands>>) -> Self {
        let mut viewer = Self { hands, watched: None, is_news: false };
        viewer.turn();
        viewer
    }

    /// Watches through the connectors that the host has now.
    fn turn(&mut self) {
        self.watched = self.hands.borrow_and_update().as_ref().map(ScreenHands::watch);
        self.is_news = true;
    }

    /// What is known of the screen next; what came and went since the last call is left out. None where the host has no
    /// screen any more. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Option<View> {
        loop {
            let Self { hands, watched, is_news } = self;
            let (_, view) = watched.as_mut()?;
            if std::mem::take(is_news) {
                return Some(view.borrow_and_update().clone());
            }
            let turned = tokio::select! {
                changed = hands.changed() => match changed {
                    Ok(()) => true,
                    // The lane has ended.
                    Err(_) => return None,
                },
                changed = view.changed() => match changed {
                    Ok(()) => false,
                    // The connectors changed: what is there instead is told next.
                    Err(_) => hands.changed().await.is_ok(),
                },
            };
            if turned {
                self.turn();
            } else {
                self.is_news = true;
            }
        }
    }
}

/// A look at a screen, as those are told who watch it.
pub(crate) fn told(seen: &Seen, picture_follows: bool) -> LiveScreen {
    let shot = &seen.shot;
    let (width, height) = shot.size();
    let cursor = shot.reading.cursor.map(|place| ScreenPlace { row: place.row, column: place.column });
    LiveScreen {
        number: seen.number,
        at: seen.at,
        connector: seen.source.to_string(),
        kind: shot.kind(),
        rows: shot.rows(),
        cursor,
        highlighted_row: shot.reading.highlighted_row,
        confidence: shot.confidence(),
        reliable: shot.reading.is_reliable(),
        width,
        height,
        picture: shot.digest.clone(),
        picture_follows,
    }
}

/// Whether two looks show the same: the same pixels, or for who sees the text alone the same text, through the same
/// connector.
pub(crate) fn shows_the_same(before: &Seen, seen: &Seen, text_only: bool) -> bool {
    let (old, new) = (&before.shot, &seen.shot);
    let same_text = || {
        let marks = |seen: &Seen| {
            let reading = &seen.shot.reading;
            (reading.cursor, reading.highlighted_row, reading.is_reliable())
        };
        old.text_hash() == new.text_hash() && marks(before) == marks(seen)
    };
    before.source == seen.source
        && (Arc::ptr_eq(old, new) || old.digest == new.digest || text_only && same_text())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::DeviceError;

    fn lost(reason: &'static str) -> View {
        View::Lost { source: "vnc".into(), error: DeviceError::NotNow { reason }, beside: false }
    }

    fn told(view: Option<View>) -> String {
        match view {
            Some(View::Connecting) => "connecting".to_owned(),
            Some(View::Lost { error, .. }) => error.to_string(),
            Some(View::Seen(seen)) => seen.number.to_string(),
            None => "none".to_owned(),
        }
    }

    #[tokio::test]
    async fn who_is_slow_is_told_the_newest_and_the_screen_may_change_its_way() {
        let (show, view) = watch::channel(View::Connecting);
        let (lend, hands) = watch::channel(Some(ScreenHands::showing(view)));
        let mut viewer = Viewer::new(hands);
        assert_eq!(told(viewer.next().await), "connecting");
        for reason in ["first", "second", "third"] {
            show.send_replace(lost(reason));
        }
        assert_eq!(told(viewer.next().await), "third");
        let again = tokio::time::timeout(std::time::Duration::ZERO, viewer.next()).await;
        assert!(again.is_err(), "nothing is told twice");

        let (other, view) = watch::channel(lost("other"));
        drop(show);
        lend.send_replace(Some(ScreenHands::showing(view)));
        assert_eq!(told(viewer.next().await), "other");
        other.send_replace(View::Connecting);
        assert_eq!(told(viewer.next().await), "connecting");
        lend.send_replace(None);
        assert_eq!(told(viewer.next().await), "none");
        assert_eq!(told(viewer.next().await), "none");
    }
}
