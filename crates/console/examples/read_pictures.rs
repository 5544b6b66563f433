//! Reads pictures into text files, and tells for each how it was read and how long that took.
//!
//! ```sh
//! cargo run --release -p ironhand-console --example read_pictures -- OUT PICTURE...
//! ```

mod processor;

use std::path::Path;

use ironhand_console::{Image, Reader};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("a folder for the texts, then pictures");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let reader = Reader::new();
    for picture in arguments {
        let path = Path::new(&picture);
        let image = Image::decode(&std::fs::read(path).expect("readable")).expect("a picture");
        let (reading, took) = processor::timed(|| reader.read(&image, None));
        let took = took.as_secs_f64() * 1e3;
        let name = path.file_stem().expect("a file").to_string_lossy();
        std::fs::write(Path::new(&folder).join(format!("{name}.txt")), reading.text()).expect("writable");
        let verdict = if reading.is_reliable() { "reliable" } else { "unreliable" };
        println!(
            "{took:8.1} ms  {verdict:<10} {:.3} {:?} {:<30} {name}",
            reading.score,
            reading.method,
            reading.font.as_deref().unwrap_or("-")
        );
    }
}
