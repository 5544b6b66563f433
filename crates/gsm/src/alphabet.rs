//! The GSM 7 bit default alphabet (3GPP TS 23.038 section 6.2.1), and text in it packed into octets (section 6.1.2.1).

/// The characters of the codes 0 to 127. 27 leads to the extension table and stands for none itself.
const DEFAULT: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å', //
    'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', '\u{1b}', 'Æ', 'æ', 'ß', 'É', //
    ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/', //
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?', //
    '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', //
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§', //
    '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', //
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
];

/// The code that says that the next one is of the extension table.
const ESCAPE: u8 = 0x1b;

/// The extension table (section 6.2.1.1).
const EXTENSION: [(u8, char); 10] = [
    (0x0a, '\u{c}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2f, '\\'),
    (0x3c, '['),
    (0x3d, '~'),
    (0x3e, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

/// The codes of a text. None where a character is in neither table.
pub(crate) fn encode(text: &str) -> Option<Vec<u8>> {
    let mut septets = Vec::with_capacity(text.len());
    for character in text.chars() {
        let place = DEFAULT.iter().position(|known| *known == character && character != '\u{1b}');
        if let Some(code) = place.and_then(|place| u8::try_from(place).ok()) {
            septets.push(code);
        } else {
            let (code, _) = EXTENSION.iter().find(|(_, known)| *known == character)?;
            septets.extend([ESCAPE, *code]);
        }
    }
    Some(septets)
}

/// The text of some codes. A code of neither table reads as a space, as section 6.2.1.1 has it.
pub(crate) fn decode(septets: &[u8]) -> String {
    let mut text = String::with_capacity(septets.len());
    let mut codes = septets.iter().map(|code| code & 0x7f);
    while let Some(code) = codes.next() {
        if code != ESCAPE {
            text.push(DEFAULT[usize::from(code)]);
        } else if let Some(code) = codes.next() {
            let extended = EXTENSION.iter().find(|(known, _)| *known == code);
            text.push(extended.map_or(' ', |(_, character)| *character));
        }
    }
    text
}

/// Codes packed into octets, the first into the lowest bits.
pub(crate) fn pack(septets: &[u8]) -> Vec<u8> {
    let mut octets = vec![0; (septets.len() * 7).div_ceil(8)];
    for (at, code) in septets.iter().enumerate() {
        for bit in (0..7).filter(|bit| code >> bit & 1 == 1) {
            let place = at * 7 + bit;
            octets[place / 8] |= 1 << (place % 8);
        }
    }
    octets
}

/// The first `count` codes of packed octets; fewer where the octets end before.
pub(crate) fn unpack(octets: &[u8], count: usize) -> Vec<u8> {
    let count = count.min(octets.len() * 8 / 7);
    (0..count)
        .map(|at| {
            (0..7).fold(0, |code, bit| {
                let place = at * 7 + bit;
                code | (octets[place / 8] >> (place % 8) & 1) << bit
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_packing() {
        for text in
            ["", "#01#", "hellohello", "1234CC", "Hôtel", "[{€}] ~|^\\", "Øø Δ ß à", "aaaaaaa", "aaaaaaaa"]
        {
            let Some(septets) = encode(text) else {
                assert_eq!(text, "Hôtel");
                continue;
            };
            assert_eq!(decode(&unpack(&pack(&septets), septets.len())), text);
        }
        // The example that every description of the packing gives.
        assert_eq!(
            pack(&encode("hellohello").unwrap()),
            [0xe8, 0x32, 0x9b, 0xfd, 0x46, 0x97, 0xd9, 0xec, 0x37]
        );
    }

    #[test]
    fn any_octets_are_some_text() {
        for first in 0..=255u8 {
            let octets = [first, first.wrapping_mul(7), 0xff, first ^ 0x5a, 0x1b];
            for count in 0..9 {
                decode(&unpack(&octets, count));
            }
        }
    }
}
