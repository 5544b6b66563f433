use std::io::Write;
use std::sync::Arc;

use super::{Readiness, Source, read};
use crate::{Body, Part};

fn file(octets: &[u8]) -> Arc<std::fs::File> {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(octets).expect("it takes them");
    Arc::new(file)
}

fn octets(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + at / 256) as u8).collect()
}

/// Serves parts of a file in windows, and compares with the parts put together.
#[track_caller]
fn check_parts(parts: &[(u64, u64)], window: u64) {
    let all = octets(600_000);
    let expected: Vec<u8> = parts
        .iter()
        .flat_map(|(offset, length)| &all[*offset as usize..(offset + length) as usize])
        .copied()
        .collect();
    let parts: Arc<[Part]> =
        parts.iter().map(|(offset, length)| Part { offset: *offset, length: *length }).collect();
    let mut source = Source::new(Body::File { file: file(&all), parts });
    assert_eq!(source.len(), expected.len() as u64);
    let mut got = Vec::new();
    let mut start = 0;
    while start < source.len() {
        let range = start..(start + window).min(source.len());
        if let Readiness::Disk(wanted) = source.prepare(range.clone()).expect("the file is there") {
            let mut run = source.take_buffer();
            let Source::File(buffered) = &source else { panic!("it is a file") };
            read(&buffered.file, &buffered.parts, wanted.clone(), &mut run).expect("the file is there");
            source.fill(wanted.start, run);
        }
        got.extend_from_slice(source.get(range));
        start += window;
    }
    assert!(got == expected);
}

#[test]
fn files_and_parts_of_files() {
    check_parts(&[(0, 600_000)], 1_468);
    check_parts(&[(0, 600_000)], 300_000);
    check_parts(&[(100, 1)], 512);
    check_parts(&[(0, 0)], 512);
    check_parts(&[(0, 100), (200, 0), (2_048, 100_000), (0, 300_000)], 23_488);
    check_parts(&[(599_999, 1), (0, 1)], 512);
}

#[test]
fn a_file_that_became_shorter_is_an_error() {
    let parts = Arc::new([Part { offset: 0, length: 2_000 }]);
    let mut source = Source::new(Body::File { file: file(&octets(1_000)), parts });
    assert!(source.prepare(0..512).is_err());
}

#[test]
fn netascii_is_translated_from_files_and_memory() {
    let text = b"one\ntwo\r";
    let parts = Arc::new([Part { offset: 4, length: 4 }, Part { offset: 0, length: 4 }]);
    let body = Body::File { file: file(text), parts };
    let mut source = Source::netascii(&body).expect("it reads");
    assert_eq!(source.len(), 10);
    assert!(matches!(source.prepare(0..10), Ok(Readiness::Ready)));
    assert_eq!(source.get(0..10), b"two\r\0one\r\n");
}
