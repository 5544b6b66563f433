//! What a reading tells beside the text, on real menus (`testdata/screens`): the chosen row, the cursor, the kind, and a hash
//! that text alone decides.

use std::path::Path;

use ironhand_console::{Image, Place, Reader, Reading, ScreenKind};

fn image(name: &str) -> Image {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/screens");
    Image::decode(&std::fs::read(folder.join(name).with_extension("png")).expect("readable"))
        .expect("a picture")
}

/// With the words that the chosen row is to hold.
fn check(
    reader: &Reader,
    name: &str,
    chosen: Option<(usize, &str)>,
    cursor: Option<(usize, usize)>,
) -> Reading {
    let reading = reader.read(&image(name), None);
    assert_eq!(reading.kind, ScreenKind::Text, "{name}");
    assert!(reading.is_reliable(), "{name}");
    assert_eq!(reading.highlighted_row, chosen.map(|(row, _)| row), "{name}");
    if let Some((row, words)) = chosen {
        let text = reading.rows().nth(row).unwrap_or_default();
        assert!(text.contains(words), "{name}: {text}");
    }
    assert_eq!(reading.cursor, cursor.map(|(row, column)| Place { row, column }), "{name}");
    reading
}

#[test]
fn the_chosen_row_and_the_cursor_are_told() {
    let reader = Reader::new();
    let check = |name, chosen, cursor| drop(check(&reader, name, chosen, cursor));
    check("installer-menu-1280", Some((22, "Configure the keyboard")), None);
    check("installer-keymap-list-1280", Some((5, "American English")), None);
    check("grub-menu-800", Some((6, "Windows Boot Manager")), None);
    check("grub-menu-1280x1024", Some((6, "Windows Boot Manager")), None);
    check("ipxe-config", Some((3, "pci/")), None);
    check("ipxe-config-lower", Some((6, "netX/")), None);
    check("ipxe-login", None, Some((10, 30)));
    check("ovmf-front-page-640", Some((9, "Device Manager")), None);
    check("ovmf-devices-640", Some((5, "Secure Boot Configuration")), None);
    check("seabios-bootmenu-network", None, None);
    check("panic-vfs-text", None, Some((24, 0)));
}

#[test]
fn the_hash_is_that_of_the_text() {
    let reader = Reader::new();
    let hash = |image: &Image| reader.read(image, None).hash;
    // The chosen row is another, the text is the same.
    assert_eq!(hash(&image("ipxe-config")), hash(&image("ipxe-config-lower")));
    assert_ne!(hash(&image("ipxe-config")), hash(&image("ipxe-login")));
    for name in ["installer-menu-1280", "grub-menu-800", "ovmf-devices-640", "ipxe-config"] {
        let here = image(name);
        let other_colors = here.pixels.iter().map(|pixel| (pixel ^ 0x35_7a14).rotate_left(8) & 0xff_ffff);
        let other = Image { pixels: other_colors.collect(), ..here };
        assert_eq!(hash(&here), hash(&other), "{name} in other colours");
    }
}

#[test]
fn a_cursor_that_blinks_or_moves_changes_nothing_but_its_place() {
    let reader = Reader::new();
    let page = image("seabios-bootmenu-network");
    let plain = reader.read(&page, None);
    for (row, column) in [(24, 0), (24, 79), (13, 40), (0, 79)] {
        let mut with_cursor = page.clone();
        let grid = plain.grid.expect("a grid");
        for y in 13..15 {
            for x in 0..grid.cell_width as usize {
                let line = grid.y as usize + row * grid.cell_height as usize + y;
                let left = grid.x as usize + column * grid.pitch as usize;
                with_cursor.pixels[line * page.width as usize + left + x] = 0xaa_aaaa;
            }
        }
        let reading = reader.read(&with_cursor, None);
        assert_eq!(reading.cursor, Some(Place { row, column }));
        assert_eq!(reading.hash, plain.hash, "row {row}, column {column}: {}", reading.text());
    }
}
