//! What must hold whatever an image or an archive holds. Each function takes one input of a fuzz target.

#[path = "../udf/damage.rs"]
mod damage;
#[path = "../udf/samples.rs"]
mod samples;
#[path = "../udf/writer.rs"]
mod writer;

use std::io::Cursor;

use ironhand_media::archive::Loaders;
use ironhand_media::{Image, Node, Program, Source, SourceError, Tree, recognise};

/// Bytes of an image at most: behind the input there are zeros, so that extents may lie far away.
const LENGTH: u64 = 8 << 20;
/// Where the input begins: before it there is only the system area, which nobody reads.
const BEGIN: u64 = 32_768;

struct Padded<'a>(&'a [u8]);

impl Source for Padded<'_> {
    fn length(&self) -> u64 {
        LENGTH
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        let end = offset + buffer.len() as u64;
        assert!(end <= LENGTH, "{offset} and {} bytes lie outside the image", buffer.len());
        buffer.fill(0);
        for (at, byte) in (offset..).zip(buffer) {
            let byte_of = at.checked_sub(BEGIN).and_then(|at| self.0.get(usize::try_from(at).ok()?));
            *byte = byte_of.copied().unwrap_or(0);
        }
        Ok(())
    }
}

/// An image: the input stands where its volume descriptors begin.
pub fn iso(data: &[u8]) {
    image(&Padded(data));
}

/// A UDF image with some bytes changed, all of whose descriptors have right checksums nevertheless. The first byte of the input
/// chooses the image; of each four others three say where, in what is recorded, and one says what stands there.
pub fn udf(data: &[u8]) {
    let Some((form, changes)) = data.split_first() else { return };
    let changes = changes.chunks_exact(4).map(|change| {
        let at = u32::from_le_bytes([change[0], change[1], change[2], 0]);
        (at as usize, change[3])
    });
    image(&damage::changed(*form, changes).as_slice());
}

/// How many forms of UDF images there are.
pub const UDF_FORMS: u8 = samples::FORMS.len() as u8;

/// A whole image of one of the forms.
pub fn udf_image(form: u8) -> Vec<u8> {
    damage::changed(form, std::iter::empty())
}

/// An image, or what should be one.
pub fn image(source: &dyn Source) {
    let Ok(image) = Image::index(source) else { return };
    let mut entries = 0;
    for (path, entry) in image.tree.walk() {
        entries += 1;
        assert!(!entry.name.is_empty() && entry.name != "." && entry.name != "..", "{path}");
        assert!(!entry.name.contains(char::is_control), "{path}");
        if let Node::File { extents, length } = &entry.node {
            assert_eq!(extents.iter().map(|extent| extent.length).sum::<u64>(), *length);
            for extent in *extents {
                let within = extent.offset + extent.length <= source.length();
                assert!(extent.length > 0 && within, "{path}: {extent:?}");
            }
        }
        // Every file is found as it is spelled.
        if path.len() < 2_000 {
            found(&image.tree, &path, &entry.node);
        }
    }
    assert_eq!(entries, image.tree.len());
    for boot in &image.boot {
        assert!(boot.extent.offset + boot.extent.length <= source.length());
    }
    let medium = recognise(&(&image.tree, source));
    assert!(medium.title.is_none_or(|title| !title.contains(char::is_control)));
}

fn found(tree: &Tree, path: &str, node: &Node<'_>) {
    let entry = tree.find(path);
    match node {
        // Where a link leads is not known here, only that looking ends.
        Node::Link { .. } => {}
        _ => assert_eq!(entry.map(|entry| entry.node).as_ref(), Some(node), "{path}"),
    }
}

/// An archive of loaders, and a program.
pub fn archive(data: &[u8]) {
    let _ = Program::read(data);
    let mut loaders = Loaders::default();
    if loaders.take(&mut Cursor::new(data)).is_err() {
        return;
    }
    for loader in loaders.finish().unwrap_or_default() {
        let parts: Vec<&str> = loader.path.split('/').collect();
        assert!(
            matches!(parts[..], [machine, name] if machine == loader.machine && !name.starts_with('.')),
            "{}",
            loader.path
        );
        assert!(loader.bytes.len() <= data.len() * 2_000, "more bytes than any compression gives");
    }
}
