//! Where on a picture text stands.

use ironhand_console::Image;

use crate::components::{Component, components};
use crate::error::RecogniserError;
use crate::network::Network;
use crate::resize::{Area, planes};

/// The longest side that the network sees, in pixels: memory and time grow with the square.
const LONGEST_SIDE: usize = 1600;

/// Pictures are made larger until their shorter side is this long: the network was trained on letters of more pixels than a screen's.
const SHORTER_SIDE: usize = 736;

/// The network wants sides that are multiples of this.
const STEP: usize = 32;

/// From here on a place of the map is text.
const TEXT: f32 = 0.3;

/// Text whose places have a smaller mean is a stain.
const LEAST_MEAN: f32 = 0.5;

/// More pieces than any screen has; the rest is noise.
const MOST_PIECES: usize = 1000;

/// The network marks the inner part of each line: so many times the area by the girth is what it leaves out on each side.
const MARGIN: f32 = 1.6;

/// The areas with a piece of a line each.
pub(crate) fn find(network: &Network, image: &Image) -> Result<Vec<Area>, RecogniserError> {
    let (width, height) = seen_size(image.width as usize, image.height as usize);
    let (shape, map) = network.run(planes(image, Area::whole(image), width, height, width))?;
    if shape != [1, 1, height, width] {
        return Err(network.foreign(format!("a map of {shape:?} for a picture of {width} by {height}")));
    }
    let scale = (image.width as f32 / width as f32, image.height as f32 / height as f32);
    Ok(components(&map, width, TEXT, MOST_PIECES)
        .into_iter()
        .filter(|component| component.mean >= LEAST_MEAN)
        .filter_map(|component| area(&component, scale, image))
        .collect())
}

/// The size at which the network sees a picture.
fn seen_size(width: usize, height: usize) -> (usize, usize) {
    let longest = width.max(height).max(1);
    let shorter = width.min(height).max(1);
    let larger = (SHORTER_SIDE as f32 / shorter as f32).max(1.0);
    let factor = larger.min(LONGEST_SIDE as f32 / longest as f32);
    let side = |side: usize| ((side as f32 * factor / STEP as f32).round() as usize).max(1) * STEP;
    (side(width), side(height))
}

/// A component grown to the whole line, in pixels of the picture; nothing where it is too small for a character.
fn area(component: &Component, scale: (f32, f32), image: &Image) -> Option<Area> {
    let (width, height) =
        ((component.right - component.left) as f32, (component.bottom - component.top) as f32);
    if width.min(height) < 3.0 {
        return None;
    }
    let margin = width * height * MARGIN / (2.0 * (width + height));
    let place = |at: f32, scale: f32, most: u32| ((at * scale).round().max(0.0) as usize).min(most as usize);
    let x = place(component.left as f32 - margin, scale.0, image.width);
    let y = place(component.top as f32 - margin, scale.1, image.height);
    let right = place(component.right as f32 + margin, scale.0, image.width);
    let bottom = place(component.bottom as f32 + margin, scale.1, image.height);
    (right > x + 3 && bottom > y + 3).then(|| Area { x, y, width: right - x, height: bottom - y })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_sees_bounded_sizes() {
        let check = |size: (usize, usize), seen| assert_eq!(seen_size(size.0, size.1), seen, "{size:?}");
        check((1024, 768), (1024, 768));
        check((1920, 1080), (1600, 896));
        check((640, 480), (992, 736));
        check((8192, 8192), (1600, 1600));
        check((1, 8192), (32, 1600));
        check((0, 0), (32, 32));
    }

    #[test]
    fn areas_grow_to_the_whole_line_and_stay_inside() {
        let image = Image::filled(200, 100, 0);
        let check = |(left, top, right, bottom), expected: Option<(usize, usize, usize, usize)>| {
            let found = area(&Component { left, top, right, bottom, mean: 1.0 }, (2.0, 2.0), &image);
            assert_eq!(found.map(|area| (area.x, area.y, area.x + area.width, area.bottom())), expected);
        };
        check((20, 20, 60, 30), Some((27, 27, 133, 73)));
        check((0, 0, 100, 50), Some((0, 0, 200, 100)));
        check((20, 20, 60, 22), None);
    }
}
