//! The screen of a host: a session that is kept while the host is watched, and the readings that come out of it.
//!
//! Where no connector has a picture, or none shows it, the serial console is the screen.

mod arrival;
mod connection;
mod keyboard;
mod loan;
mod pace;
mod serial;
mod session;
mod typing;
mod visit;
mod way;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use ironhand_api::{Connector, KeyboardLayout, PictureDigest, ScreenKind, ScreenWay, Timestamp};
use ironhand_console::keys::{KeyStep, Layout};
use ironhand_console::{self as console, Font, Image, KeptImage, Page, PictureMark, Reader, Reading};
use sha2::{Digest, Sha256};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::warn;

use arrival::Arrivals;
pub(crate) use loan::VncLoan;
use pace::Pace;
pub(crate) use pace::Viewing;
pub(crate) use serial::SerialDoor;
use session::Pacing;
pub(crate) use session::Target;

use crate::device::DeviceError;
use crate::fonts;

/// Commands that wait for a session; its lane asks for one thing at a time, people for a few more.
const COMMANDS: usize = 16;

/// What is known of a screen at the moment.
#[derive(Clone)]
pub(crate) enum View {
    /// It has not been seen yet, and nothing went wrong yet.
    Connecting,
    /// It cannot be seen.
    Lost {
        /// The connector that tells the most of why.
        source: Arc<str>,
        error: DeviceError,
        /// Whether no connector is there for the screen, so that the host may have none to show.
        beside: bool,
    },
    /// It was seen.
    Seen(Arc<Seen>),
}

/// One look at a screen.
pub(crate) struct Seen {
    /// Rises with each look, so that two looks at an unchanged screen are two.
    pub(crate) number: u64,
    /// When the picture was known to be current.
    pub(crate) at: Timestamp,
    /// The connector that showed it, as facts name it.
    pub(crate) source: Arc<str>,
    /// The picture and what was read from it; the same as before where no pixel changed.
    pub(crate) shot: Arc<Shot>,
}

/// The font in which pictures of serial consoles are drawn: the one that has the most characters.
const FONT: &str = "unifont";

/// What a shot was read from.
enum Origin {
    /// A picture, and its mark.
    Picture(KeptImage, PictureMark),
    /// A serial console, of which a picture is drawn where one is wanted: so many columns and rows of pixels.
    Serial { width: u32, height: u32 },
}

/// A picture and what was read from it.
pub(crate) struct Shot {
    origin: Origin,
    pub(crate) digest: PictureDigest,
    pub(crate) reading: Reading,
    pub(crate) page: Page,
    /// The picture as a PNG file, once somebody watched it.
    file: OnceCell<Bytes>,
}

impl Shot {
    fn of_picture(image: Image, reading: Reading) -> Self {
        let (digest, page) = (digest(&image), Page::from(&reading));
        let mark = image.mark();
        Self { origin: Origin::Picture(image.into(), mark), digest, reading, page, file: OnceCell::new() }
    }

    /// Its picture is named as if it were kept, and drawn again when it is wanted: a fleet of serial consoles would else
    /// hold a megabyte each.
    fn of_serial(reading: Reading) -> Self {
        let image = drawn(&reading);
        let (digest, page) = (digest(&image), Page::from(&reading));
        let origin = Origin::Serial { width: image.width, height: image.height };
        Self { origin, digest, reading, page, file: OnceCell::new() }
    }

    /// The mark of the picture that was read; none where a serial console was read.
    const fn seen(&self) -> Option<PictureMark> {
        match &self.origin {
            Origin::Picture(_, mark) => Some(*mark),
            Origin::Serial { .. } => None,
        }
    }

    /// Columns and rows of pixels of the picture.
    pub(crate) const fn size(&self) -> (u32, u32) {
        match &self.origin {
            Origin::Picture(image, _) => image.size(),
            Origin::Serial { width, height } => (*width, *height),
        }
    }

    /// The picture as a PNG file; it is drawn where a serial console was read.
    pub(crate) fn png(&self) -> Vec<u8> {
        match &self.origin {
            Origin::Picture(image, _) => image.png().into_owned(),
            Origin::Serial { .. } => drawn(&self.reading).encode_png(),
        }
    }

    /// The picture as a PNG file, made once for all who watch it. None where the server is stopping.
    pub(crate) async fn file(self: &Arc<Self>) -> Option<Bytes> {
        let made = self.file.get_or_try_init(async || {
            let shot = Arc::clone(self);
            tokio::task::spawn_blocking(move || Bytes::from(shot.png())).await
        });
        made.await.ok().cloned()
    }

    pub(crate) const fn kind(&self) -> ScreenKind {
        match self.reading.kind {
            console::ScreenKind::Blank => ScreenKind::Blank,
            console::ScreenKind::Text => ScreenKind::Text,
            console::ScreenKind::Graphics => ScreenKind::Graphics,
        }
    }

    /// The text, a line for each row.
    pub(crate) fn text(&self) -> String {
        self.reading.text()
    }

    /// The rows of the grid.
    pub(crate) fn rows(&self) -> Vec<String> {
        self.reading.rows().collect()
    }

    /// The last line that is not blank, as a person would glance at it.
    pub(crate) fn headline(&self) -> String {
        let text = self.reading.text();
        text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
    }

    /// Equal for screens that say the same.
    pub(crate) const fn text_hash(&self) -> u64 {
        // A screen without text says something else when it is blank than when it shows a picture.
        self.reading.hash ^ self.reading.kind as u64
    }

    /// The least certain character's confidence, 0 to 1.
    pub(crate) fn confidence(&self) -> f32 {
        self.reading.least_confidence()
    }

    /// The name of the font that was recognised.
    pub(crate) fn font(&self) -> Option<String> {
        self.reading.font.clone()
    }
}

/// Reads pictures, a few at a time: all screens of a fleet share the processors with everything else.
#[derive(Clone)]
pub(crate) struct PictureReader {
    reader: Arc<Reader>,
    turns: Arc<Semaphore>,
    /// Who connects to the screens that are read.
    arrivals: Arrivals,
}

/// The turn of one picture to be read.
struct Turn {
    _permit: OwnedSemaphorePermit,
}

impl PictureReader {
    /// A reader with the built-in fonts, those of this system's console and those in a folder, which need not be there.
    pub(crate) async fn start(fonts: PathBuf) -> Self {
        let turns = std::thread::available_parallelism().map_or(1, usize::from);
        let read = tokio::task::spawn_blocking(move || Reader::with_fonts(all_fonts(&fonts)));
        let reader = read.await.unwrap_or_else(|_| Reader::new());
        Self { reader: Arc::new(reader), turns: Arc::new(Semaphore::new(turns)), arrivals: Arrivals::new() }
    }

    /// Waits for a turn, before the pixels are copied: of many screens that change at once those that wait would else each hold a
    /// copy. Where it has to wait, the picture is packed first: those that wait hold no pixels at all. None where the server is
    /// stopping.
    async fn turn(&self, pack: impl FnOnce()) -> Option<Turn> {
        let turns = Arc::clone(&self.turns);
        let permit = match Arc::clone(&turns).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                pack();
                turns.acquire_owned().await.ok()?
            }
        };
        Some(Turn { _permit: permit })
    }

    /// Reads a picture. None where the server is stopping, or the reader panicked.
    async fn read(&self, turn: Turn, image: Image, before: Option<Arc<Shot>>) -> Option<Shot> {
        let reader = Arc::clone(&self.reader);
        let read = tokio::task::spawn_blocking(move || {
            let before = before.as_ref().filter(|shot| shot.seen().is_some());
            let hint = before.and_then(|shot| shot.reading.grid.as_ref());
            let reading = reader.read(&image, hint);
            let shot = Shot::of_picture(image, reading);
            // Not before the pixels are packed: as many pictures are whole in memory as there are turns.
            drop(turn);
            shot
        });
        read.await.ok()
    }

    /// Takes what a serial console shows. None where the server is stopping.
    async fn take(&self, reading: Reading) -> Option<Shot> {
        let turn = self.turn(|| {}).await?;
        let taken = tokio::task::spawn_blocking(move || {
            let shot = Shot::of_serial(reading);
            drop(turn);
            shot
        });
        taken.await.ok()
    }
}

/// The fonts of a folder and of this system's console.
fn all_fonts(folder: &Path) -> Vec<Font> {
    let mut fonts = Vec::new();
    match fonts::read_folder(folder) {
        Ok(files) => {
            files.faults.iter().for_each(|fault| warn!("a font is left out: {fault}"));
            fonts.extend(files.fonts);
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => warn!("no font is read from {}: {error}", folder.display()),
    }
    fonts.extend(fonts::system());
    fonts
}

/// A picture of what a serial console shows.
fn drawn(reading: &Reading) -> Image {
    let font = Font::named(FONT).or_else(|| console::fonts().first());
    font.map_or_else(|| Image::filled(0, 0, 0), |font| reading.drawn(font))
}

/// The name under which a picture is kept: the SHA-256 of its size and pixels.
fn digest(image: &Image) -> PictureDigest {
    let mut hash = Sha256::new();
    hash.update(image.width.to_le_bytes());
    hash.update(image.height.to_le_bytes());
    // Some at a time: the digest takes blocks faster than pixels.
    for pixels in image.pixels.chunks(1024) {
        let bytes: Vec<u8> = pixels.iter().flat_map(|pixel| pixel.to_le_bytes()).collect();
        hash.update(bytes);
    }
    PictureDigest(hex::encode(hash.finalize()))
}

/// What the machine behind a connector takes the positions of keys for.
pub(crate) const fn layout(connector: &Connector) -> Layout {
    match connector.keyboard_layout {
        KeyboardLayout::Us => Layout::Us,
        KeyboardLayout::Uk => Layout::Uk,
        KeyboardLayout::De => Layout::De,
        KeyboardLayout::Fr => Layout::Fr,
    }
}

/// What came of something that was asked of a screen.
pub(crate) struct Attempt<T> {
    /// The connector that it went through, as receipts name it; empty where it went through none.
    pub(crate) through: Arc<str>,
    pub(crate) result: Result<T, DeviceError>,
}

/// Where an answer goes.
type Reply<T> = oneshot::Sender<Attempt<T>>;

/// What a session can be asked.
enum Command {
    Keys { steps: Vec<KeyStep>, reply: Reply<()> },
    Look { reply: Reply<Arc<Seen>> },
}

impl Command {
    /// Tells whoever asked that it cannot be done.
    fn fail(self, through: &Arc<str>, error: &DeviceError) {
        let through = Arc::clone(through);
        // An error means that nobody waits for the answer any more.
        match self {
            Self::Keys { reply, .. } => drop(reply.send(Attempt { through, result: Err(error.clone()) })),
            Self::Look { reply } => drop(reply.send(Attempt { through, result: Err(error.clone()) })),
        }
    }
}

/// A host's screen. Dropping it ends the session.
pub(crate) struct ScreenWatch {
    commands: mpsc::Sender<Command>,
    pace: watch::Sender<Pace>,
    follow: watch::Sender<bool>,
    view: watch::Receiver<View>,
    ways: watch::Receiver<Vec<ScreenWay>>,
    stop: DropGuard,
    task: JoinHandle<()>,
}

impl ScreenWatch {
    /// Starts to watch the screen, looking at it every `pace`.
    pub(crate) fn watch(target: Target, pace: Duration) -> Self {
        let (commands, asked) = mpsc::channel(COMMANDS);
        let (follow, followed) = watch::channel(false);
        let (pace, paced) = watch::channel(Pace::new(pace));
        let (show, view) = watch::channel(View::Connecting);
        let (tell, ways) = watch::channel(Vec::new());
        let stop = CancellationToken::new();
        let outlet = session::Outlet { show, tell };
        let task = tokio::spawn(session::run(
            target,
            asked,
            Pacing { pace: paced, follow: followed },
            outlet,
            stop.clone(),
        ));
        Self { commands, pace, follow, view, ways, stop: stop.drop_guard(), task }
    }

    /// Changes how often the screen is looked at.
    pub(crate) fn set_pace(&self, pace: Duration) {
        pace::set_interval(&self.pace, pace);
    }

    /// Says whether the serial console is kept open where no picture is seen, or only while somebody asks for it:
    /// controllers give it to one session at a time.
    pub(crate) fn follow_serial(&self, follow: bool) {
        self.follow.send_if_modified(|current| std::mem::replace(current, follow) != follow);
    }

    /// What is known of the screen, as it changes.
    pub(crate) fn view(&self) -> watch::Receiver<View> {
        self.view.clone()
    }

    /// How each of several ways to the screen fares.
    pub(crate) fn ways(&self) -> Vec<ScreenWay> {
        self.ways.borrow().clone()
    }

    /// A handle for actions on the screen.
    pub(crate) fn hands(&self) -> ScreenHands {
        ScreenHands { commands: self.commands.clone(), pace: self.pace.clone(), view: self.view.clone() }
    }

    /// Ends the session politely.
    pub(crate) async fn close(self) {
        drop(self.stop);
        // An error means that the session panicked, which its lane has seen.
        let _ = self.task.await;
    }
}

/// A handle for actions on a screen; cheap to clone.
#[derive(Clone)]
pub(crate) struct ScreenHands {
    commands: mpsc::Sender<Command>,
    pace: watch::Sender<Pace>,
    view: watch::Receiver<View>,
}

#[cfg(test)]
impl ScreenHands {
    /// Those of a screen of which this is known, and on which nothing can be done.
    pub(crate) fn showing(view: watch::Receiver<View>) -> Self {
        let (commands, _) = mpsc::channel(COMMANDS);
        let (pace, _) = watch::channel(Pace::new(Duration::from_secs(5)));
        Self { commands, pace, view }
    }
}

impl ScreenHands {
    /// Presses keys; returns when the last event was sent.
    pub(crate) async fn press(&self, steps: Vec<KeyStep>) -> Attempt<()> {
        let (reply, done) = oneshot::channel();
        self.ask(Command::Keys { steps, reply }, done).await
    }

    /// Looks at the screen now.
    pub(crate) async fn look(&self) -> Attempt<Arc<Seen>> {
        let (reply, seen) = oneshot::channel();
        self.ask(Command::Look { reply }, seen).await
    }

    /// What is known of the screen, as it changes, and lively while [`Viewing`] lives. A screen that cannot be seen is
    /// tried again at once.
    pub(crate) fn watch(&self) -> (Viewing, watch::Receiver<View>) {
        let (reply, _) = oneshot::channel();
        // Where there is no room, others have asked for the same.
        let _ = self.commands.try_send(Command::Look { reply });
        (Viewing::begin(self.pace.clone()), self.view.clone())
    }

    async fn ask<T>(&self, command: Command, answer: oneshot::Receiver<Attempt<T>>) -> Attempt<T> {
        let stopping = || Attempt { through: "".into(), result: Err(DeviceError::Stopping) };
        if self.commands.send(command).await.is_err() {
            return stopping();
        }
        answer.await.unwrap_or_else(|_| stopping())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_picture_that_waits_for_its_turn_is_packed_and_one_that_does_not_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let reader = PictureReader::start(folder.path().to_owned()).await;
        let packed = Cell::new(0);
        let pack = || packed.set(packed.get() + 1);
        let mut turns = Vec::new();
        while reader.turns.available_permits() > 0 {
            turns.push(reader.turn(pack).await);
        }
        assert_eq!(packed.get(), 0, "there was a turn for each");
        let mut waiting = Box::pin(reader.turn(pack));
        assert!(waiting.as_mut().now_or_never().is_none());
        assert_eq!(packed.get(), 1);
        // The turn of a picture lasts until nothing is left of its pixels but the packed ones.
        let shot = reader.read(turns.pop().flatten().unwrap(), Image::filled(64, 32, 0), None).await.unwrap();
        assert_eq!(shot.size(), (64, 32));
        assert!(waiting.await.is_some());
    }
}
