//! The networks of a RapidOCR package, run by our recogniser on a page that no glyph table reads.

use std::fs;
use std::path::PathBuf;

use e2e::peer_file;
use ironhand_console::{Image, Reader, ReadingMethod, ScreenKind};
use ironhand_recogniser::{Models, Recogniser};

/// The folder with the models, whichever Python they were installed for.
fn models() -> PathBuf {
    let pythons = fs::read_dir(peer_file("python/rapidocr-onnxruntime==1.4.4/lib")).expect("an environment");
    pythons
        .map(|python| python.expect("a folder").path().join("site-packages/rapidocr_onnxruntime/models"))
        .find(|models| models.is_dir())
        .expect("the package has its models")
}

#[test]
fn a_graphical_stop_screen_is_read() {
    let model = |name: &str| fs::read(models().join(name)).expect("a model");
    let recogniser = Recogniser::new(Models {
        detection: model("ch_PP-OCRv4_det_infer.onnx"),
        recognition: model("ch_PP-OCRv4_rec_infer.onnx"),
        characters: None,
    })
    .expect("models of PP-OCR");
    let picture = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/screens/bsod-modern-1024.png");
    let image = Image::decode(&fs::read(picture).expect("a picture")).expect("a PNG file");
    assert!(!Reader::new().read(&image, None).is_reliable(), "its font is antialiased");

    let reading = recogniser.read(&image).expect("the models read pictures");
    assert_eq!(reading.method, ReadingMethod::Recognised);
    assert_eq!(reading.kind, ScreenKind::Text);
    let rows: Vec<String> = reading.rows().map(|row| row.trim().to_owned()).collect();
    for expected in [
        "Your PC ran into a problem and needs to restart. We're just",
        "20% complete",
        "https://www.example.com/stopcode",
        "Stop code: INACCESSIBLE_BOOT_DEVICE",
    ] {
        assert!(rows.iter().any(|row| row == expected), "{expected:?} in {rows:#?}");
    }
}
