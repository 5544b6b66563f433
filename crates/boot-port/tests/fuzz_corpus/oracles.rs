//! What must hold whatever a boot client sends over HTTP.

use ironhand_boot_port::http::{HEAD_LIMIT, Method, Range, Ranged, head_end, parse};

/// A stream of requests, as it arrives.
pub fn request(data: &[u8]) {
    let mut rest = &data[..data.len().min(HEAD_LIMIT)];
    while let Some(end) = head_end(rest, 0) {
        assert!(end <= rest.len());
        // Where the head ends does not depend on how much of it was searched before.
        for cut in [1, end / 2, end.saturating_sub(1)] {
            assert_eq!(head_end(rest, cut.min(end)), Some(end));
        }
        match parse(&rest[..end]) {
            Ok(request) => {
                let parts = || request.path.split('/');
                assert!(
                    request.path.is_empty() || parts().all(|part| !matches!(part, "" | "." | "..")),
                    "{:?}",
                    request.path
                );
                assert!(
                    !request.path.contains('\\') && !request.path.contains(char::is_control),
                    "{:?}",
                    request.path
                );
                assert!(request.method == Method::Get || request.range.is_none());
                for length in [0, 1, 4_096, u64::MAX] {
                    if let Some(Ranged::Part { first, length: bytes }) =
                        request.range.map(|range: Range| range.within(length))
                    {
                        assert!(bytes > 0 && first.checked_add(bytes).is_some_and(|end| end <= length));
                    }
                }
            }
            Err(fault) => assert!((400..=505).contains(&fault.status().0)),
        }
        rest = &rest[end..];
    }
}
