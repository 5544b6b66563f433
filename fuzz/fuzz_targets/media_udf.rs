#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ironhand_fuzz::media::udf(data));
