use super::*;

fn rectangle(x: u16, y: u16, width: u16, height: u16) -> Rectangle {
    Rectangle { x, y, width, height }
}

/// A screen of 40x40 pixels (3x3 squares, the last ones of 8 pixels) that was seen but for `marks`.
fn check(marks: &[Rectangle], asked: Rectangle, expected: &[Rectangle]) {
    let mut damage = Damage::everything(40, 40);
    assert_eq!(damage.take(rectangle(0, 0, 40, 40)), [rectangle(0, 0, 40, 40)]);
    for &mark in marks {
        damage.mark(mark);
    }
    assert_eq!(damage.take(asked), expected, "{marks:?}");
    assert_eq!(damage.take(asked), [], "seen twice");
}

#[test]
fn squares_are_joined() {
    let all = rectangle(0, 0, 40, 40);
    check(&[], all, &[]);
    check(&[rectangle(15, 0, 2, 1)], all, &[rectangle(0, 0, 32, 16)]);
    check(&[rectangle(39, 39, 1, 1)], all, &[rectangle(32, 32, 8, 8)]);
    check(&[rectangle(0, 0, 1, 40)], all, &[rectangle(0, 0, 16, 40)]);
    check(
        &[rectangle(0, 0, 40, 1), rectangle(0, 39, 40, 1)],
        all,
        &[rectangle(0, 0, 40, 16), rectangle(0, 32, 40, 8)],
    );
    check(
        &[rectangle(0, 0, 1, 1), rectangle(32, 0, 1, 20), rectangle(0, 16, 17, 1)],
        all,
        &[rectangle(0, 0, 16, 16), rectangle(32, 0, 8, 16), rectangle(0, 16, 40, 16)],
    );
    // Out of bounds, and as far out as numbers go.
    check(&[rectangle(50, 50, 10, 10)], all, &[]);
    check(&[rectangle(65535, 65535, 65535, 65535)], rectangle(65535, 0, 65535, 65535), &[]);
}

#[test]
fn only_what_is_asked_for_is_taken() {
    let mut damage = Damage::everything(40, 40);
    assert_eq!(damage.take(rectangle(17, 17, 1, 1)), [rectangle(16, 16, 16, 16)]);
    assert_eq!(damage.take(rectangle(0, 16, 40, 1)), [rectangle(0, 16, 16, 16), rectangle(32, 16, 8, 16)]);
    assert_eq!(damage.take(rectangle(0, 0, 0, 0)), []);
}

#[test]
fn a_changed_pixel_marks_its_square() {
    let mut damage = Damage::everything(40, 40);
    damage.take(rectangle(0, 0, 40, 40));
    let mut old = Framebuffer::black(40, 40).expect("small");
    let mut new = old.clone();
    new.row_mut(20, 33, 1).fill(7);
    damage.update(&mut old, &new);
    assert_eq!(old, new);
    assert_eq!(damage.take(rectangle(0, 0, 40, 40)), [rectangle(16, 32, 16, 8)]);
}

#[test]
fn a_screen_without_pixels_has_no_squares() {
    let mut damage = Damage::everything(0, 0);
    damage.mark(rectangle(0, 0, 10, 10));
    assert_eq!(damage.take(rectangle(0, 0, 10, 10)), []);
}
