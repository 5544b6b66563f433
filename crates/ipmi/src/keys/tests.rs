use super::*;
use crate::recording;

#[test]
fn recorded_sessions_have_the_same_proofs_and_keys() {
    for recording in recording::all() {
        let suite = recording.suite;
        let handshake = recording.handshake();
        assert_eq!(*handshake.rakp2_code(&recording.user), recording.rakp2_code(), "{suite:?}");
        assert_eq!(*handshake.rakp3_code(&recording.user), recording.rakp3_code(), "{suite:?}");
        let sik = handshake.session_integrity_key(&recording.kg);
        assert_eq!(*handshake.session_integrity_bytes(&recording.kg), recording.sik, "{suite:?}");
        assert_eq!(handshake.rakp4_check_value(&sik), recording.rakp4_value(), "{suite:?}");
        assert_eq!(*additional_key(&sik, 1), recording.k1, "{suite:?}");
        let keys = handshake.session_keys(&sik, &recording.user);
        assert_eq!(keys.aes.as_slice(), &recording.k2[..16], "{suite:?}");
    }
}

#[test]
fn proofs_are_checked_in_full() {
    for recording in recording::all() {
        let handshake = recording.handshake();
        let code = recording.rakp2_code();
        let check = |code: &[u8], expected| {
            assert_eq!(handshake.rakp2_matches(&recording.user, code), expected, "{code:02x?}");
        };
        check(&code, Ok(true));
        check(&code[..code.len() - 1], Err(Fault::Truncated("authentication code")));
        check(&[&code[..], &[0]].concat(), Ok(true));
        for at in 0..code.len() {
            let mut wrong = code.clone();
            wrong[at] ^= 1;
            check(&wrong, Ok(false));
        }
        let other = SecretKey::from_password(&SecretString::from("Secret")).unwrap();
        assert_eq!(handshake.rakp2_matches(&other, &code), Ok(false));
        assert_eq!(handshake.rakp3_matches(&recording.user, &recording.rakp3_code()), Ok(true));
        assert_eq!(handshake.rakp3_matches(&other, &recording.rakp3_code()), Ok(false));
    }
}

#[test]
fn secrets_have_at_most_twenty_bytes() {
    let password =
        |text: &str| SecretKey::from_password(&SecretString::from(text)).map(|key| key.bytes().to_vec());
    assert_eq!(password(""), Some(vec![0; 20]));
    assert_eq!(password("12345678901234567890"), Some(b"12345678901234567890".to_vec()));
    assert_eq!(password("123456789012345678901"), None);
}

#[test]
fn a_kg_is_text_or_hexadecimal() {
    let check = |text: &str, expected: Result<Option<&[u8; 4]>, KgFault>| {
        let key = SecretKey::from_kg(&SecretString::from(text));
        let begin = key.map(|key| key.map(|key| key.bytes()[..4].to_vec()));
        assert_eq!(begin, expected.map(|bytes| bytes.map(|bytes| bytes.to_vec())), "{text}");
    };
    check("abc", Ok(Some(b"abc\0")));
    check("0x00ff10", Ok(Some(&[0x00, 0xFF, 0x10, 0x00])));
    check("0xAbCd", Ok(Some(&[0xAB, 0xCD, 0x00, 0x00])));
    check("0Xab", Ok(Some(b"0Xab")));
    // All zeroes is what a BMC has where none is set.
    check("", Ok(None));
    check("\0", Ok(None));
    check("0x00", Ok(None));
    check("0x0000000000000000000000000000000000000000", Ok(None));
    check("0x", Err(KgFault::Malformed));
    check("0xabc", Err(KgFault::Malformed));
    check("0xzz", Err(KgFault::Malformed));
    check("0x+1", Err(KgFault::Malformed));
    check("0x000102030405060708090a0b0c0d0e0f1011121314", Err(KgFault::TooLong));
    check("twenty-one characters", Err(KgFault::TooLong));
}

#[test]
fn keys_do_not_show_in_debug_output() {
    let recording = recording::all().remove(0);
    let handshake = recording.handshake();
    let sik = handshake.session_integrity_key(&recording.kg);
    let shown = format!("{:?} {:?}", sik, handshake.session_keys(&sik, &recording.user));
    assert_eq!(
        shown,
        "HmacKey { .. } SessionKeys { algorithms: Algorithms { authentication: RakpHmacSha1, \
        integrity: HmacSha1_96, confidentiality: AesCbc128 }, .. }"
    );
}
