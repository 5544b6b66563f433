//! Images with one of each thing that UDF knows.

use super::writer::{Item, Writer, compressed};

/// Every form in which images are written.
pub const FORMS: [Writer; 5] = [
    Writer { block: 512, metadata: 0, extended: false },
    Writer { block: 512, metadata: 0, extended: true },
    Writer { block: 512, metadata: 2, extended: true },
    Writer { block: 2_048, metadata: 0, extended: false },
    Writer { block: 2_048, metadata: 1, extended: true },
];

/// So many bytes, others for each seed.
fn bytes(seed: u8, length: usize) -> Vec<u8> {
    (0..length).map(|at| (at / 7) as u8 ^ seed.wrapping_mul(37)).collect()
}

/// The files of the image, with what is in each.
pub fn files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("bootmgr", bytes(1, 200)),
        ("empty", Vec::new()),
        ("no-extent", Vec::new()),
        ("sources/boot.wim", bytes(2, 3_000)),
        ("sources/install.wim", bytes(3, 9_001)),
        ("sources/größe.txt", bytes(4, 600)),
        ("sources/日本 😀.txt", bytes(5, 2_048)),
        ("efi/boot/bootx64.efi", bytes(6, 5_000)),
        ("with-room", bytes(7, 1_500)),
    ]
}

/// What the root of the image holds.
pub fn root() -> Vec<(&'static str, Item)> {
    let file =
        |path: &str| files().into_iter().find(|(known, _)| *known == path).expect("it is one of the files").1;
    let link = [&[5, 8, 0, 0][..], &compressed("sources"), &[5, 9, 0, 0], &compressed("boot.wim")].concat();
    vec![
        ("bootmgr", Item::Embedded(file("bootmgr"))),
        ("empty", Item::Embedded(Vec::new())),
        ("no-extent", Item::Short(Vec::new(), 1)),
        (
            "sources",
            Item::Directory(vec![
                ("boot.wim", Item::Short(file("sources/boot.wim"), 2)),
                ("install.wim", Item::Chained(file("sources/install.wim"), 3)),
                ("größe.txt", Item::Long(file("sources/größe.txt"), 1)),
                ("日本 😀.txt", Item::Short(file("sources/日本 😀.txt"), 1)),
            ]),
        ),
        (
            "efi",
            Item::Directory(vec![(
                "boot",
                Item::Directory(vec![("bootx64.efi", Item::Long(file("efi/boot/bootx64.efi"), 4))]),
            )]),
        ),
        ("with-room", Item::Roomy(file("with-room"))),
        ("a link", Item::Link(link)),
    ]
}

/// What lies in the image beside: nothing that is served.
pub fn others() -> Vec<(&'static str, Item)> {
    vec![("hole", Item::Hole(5_000)), ("pipe", Item::Pipe), ("again", Item::Root), ("deleted", Item::Deleted)]
}
