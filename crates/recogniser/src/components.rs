//! Connected marks on a map.

/// The rectangle around marks that touch, and what the map says there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Component {
    pub(crate) left: usize,
    pub(crate) top: usize,
    /// Exclusive.
    pub(crate) right: usize,
    /// Exclusive.
    pub(crate) bottom: usize,
    /// The mean of the marks.
    pub(crate) mean: f32,
}

/// The components of the places of a map, `width` in a row, that are above `threshold`; corners touch. At most `limit`, from the
/// top left.
pub(crate) fn components(map: &[f32], width: usize, threshold: f32, limit: usize) -> Vec<Component> {
    let mut seen = vec![false; map.len()];
    let mut found = Vec::new();
    let mut open = Vec::new();
    for start in 0..map.len() {
        if seen[start] || map[start] <= threshold {
            continue;
        }
        if found.len() == limit {
            break;
        }
        let (row, column) = (start / width, start % width);
        let mut component = Component { left: column, top: row, right: column, bottom: row, mean: 0.0 };
        let (mut sum, mut count) = (0.0_f64, 0_u32);
        seen[start] = true;
        open.push(start);
        while let Some(place) = open.pop() {
            let (row, column) = (place / width, place % width);
            sum += f64::from(map[place]);
            count += 1;
            component.left = component.left.min(column);
            component.right = component.right.max(column + 1);
            component.top = component.top.min(row);
            component.bottom = component.bottom.max(row + 1);
            for beside_row in row.saturating_sub(1)..=row + 1 {
                for beside in column.saturating_sub(1)..=(column + 1).min(width - 1) {
                    let at = beside_row * width + beside;
                    if at < map.len() && !seen[at] && map[at] > threshold {
                        seen[at] = true;
                        open.push(at);
                    }
                }
            }
        }
        component.mean = (sum / f64::from(count)) as f32;
        found.push(component);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Digits are tenths.
    fn check(map: &[&str], limit: usize, expected: &[(usize, usize, usize, usize, f32)]) {
        let values: Vec<f32> =
            map.iter().flat_map(|row| row.bytes()).map(|digit| f32::from(digit - b'0') / 10.0).collect();
        let found = components(&values, map[0].len(), 0.3, limit);
        let found: Vec<_> = found
            .iter()
            .map(|found| (found.left, found.top, found.right, found.bottom, (found.mean * 10.0).round()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn marks_that_touch_are_one() {
        check(&["0000", "0330"], 9, &[]);
        check(&["9000", "0900", "0009"], 9, &[(0, 0, 2, 2, 9.0), (3, 2, 4, 3, 9.0)]);
        check(&["8009", "8009", "4999"], 9, &[(0, 0, 4, 3, 8.0)]);
        // The last place of a row does not touch the first of the next.
        check(&["0009", "9000"], 9, &[(3, 0, 4, 1, 9.0), (0, 1, 1, 2, 9.0)]);
    }

    #[test]
    fn their_number_is_bounded() {
        check(&["909090"], 2, &[(0, 0, 1, 1, 9.0), (2, 0, 3, 1, 9.0)]);
    }
}
