use super::super::*;

#[test]
fn what_every_controller_keeps() {
    let check = |password: &str, longest, wanted: Result<(), PasswordFault>| {
        assert_eq!(check_new_password(password, longest), wanted, "{password}");
        if let Err(fault) = wanted {
            assert!(password.is_empty() || !fault.to_string().contains(password));
        }
    };
    check("Password12345", 16, Ok(()));
    check("exactly-16-chars", 16, Ok(()));
    check("17-characters-xyz", 16, Err(PasswordFault::TooLong { longest: 16 }));
    check("17-characters-xyz", 20, Ok(()));
    check("exactly-20-chars-xyz", 20, Ok(()));
    check("21-characters-wxyz123", 20, Err(PasswordFault::TooLong { longest: 20 }));
    check("8-chars-", 16, Ok(()));
    check("7-chars", 16, Err(PasswordFault::TooShort { shortest: 8 }));
    check("1", 16, Err(PasswordFault::TooShort { shortest: 8 }));
    check("", 16, Err(PasswordFault::Empty));
    check("two words", 16, Err(PasswordFault::Character));
    check("tab\there", 16, Err(PasswordFault::Character));
    check("nul\0", 16, Err(PasswordFault::Character));
    check("größe", 16, Err(PasswordFault::Character));
    check("all!\"#$%&'()*+,-", 16, Ok(()));
}

#[test]
fn generated_passwords_suit_every_controller() {
    let mut made = std::collections::BTreeSet::new();
    for seed in 0..1000 {
        let mut random = super::worlds::Random(seed);
        let octets: Vec<u8> = (0..RANDOM_FOR_PASSWORD).map(|_| random.octet()).collect();
        let password = password_from(&octets).expect("16 draws in vain are next to impossible");
        assert_eq!(password.len(), MADE_PASSWORD);
        assert_eq!(check_new_password(&password, 16), Ok(()));
        assert!(password.starts_with(|first: char| first.is_ascii_alphabetic()));
        for wanted in [char::is_ascii_lowercase, char::is_ascii_uppercase, char::is_ascii_digit] {
            assert!(password.chars().any(|one| wanted(&one)));
        }
        assert!(made.insert(password.to_string()), "each is another");
    }
    assert_eq!(password_from(&[]), None);
    assert_eq!(password_from(&[0; 15]), None);
    assert_eq!(password_from(&[0; RANDOM_FOR_PASSWORD]), None, "`AAAA` is no password");
}
