#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ironhand_fuzz::kvm::h264_packets(data));
