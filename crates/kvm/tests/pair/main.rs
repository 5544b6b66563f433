//! Our viewers and our controllers against each other.

mod aten;
mod ivtp;
mod link;

use ironhand_kvm::Picture;

/// The largest difference of any channel of any pixel; `None` where the sizes differ.
fn difference(seen: Option<&Picture>, shown: &Picture) -> Option<u8> {
    let seen = seen.filter(|seen| (seen.width(), seen.height()) == (shown.width(), shown.height()))?;
    let channels = |picture: &Picture| -> Vec<u8> {
        picture.pixels().iter().flat_map(|pixel| pixel.to_be_bytes()).collect()
    };
    channels(seen).into_iter().zip(channels(shown)).map(|(a, b)| a.abs_diff(b)).max()
}
