#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ironhand_fuzz::boot_port::request(data));
