#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ironhand_fuzz::kvm::jetkvm_words(data));
