//! Pass: a stage's output is cut into rectangles whose pixels fit an accumulator bank.

/// Output pixels of one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// First output row.
    pub y: usize,
    /// First output column.
    pub x: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// Whole rows as long as a row fits, else parts of one row: the pixels of a tile must lie at one distance from each
/// other, because a drain has one step. Tiles are made equal rather than full, since a small last one would leave the
/// array waiting for its weights.
pub fn cut(height: usize, width: usize, acc_words: usize) -> Vec<Tile> {
    let (rows, columns) = if width <= acc_words { (acc_words / width, width) } else { (1, acc_words) };
    let mut tiles = Vec::new();
    for (y, height) in equal(height, rows) {
        for (x, width) in equal(width, columns) {
            tiles.push(Tile { y, x, height, width });
        }
    }
    tiles
}

/// Cuts `total` into the fewest parts of at most `most`, as equal as can be: start and length of each.
fn equal(total: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let parts = total.div_ceil(most);
    (0..parts).map(move |i| (i * total / parts, (i + 1) * total / parts - i * total / parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_is_in_one_tile_and_no_tile_is_too_large() {
        for (height, width, acc) in [(8, 8, 64), (8, 8, 63), (5, 7, 16), (3, 100, 16), (1, 1, 16), (49, 10, 256)] {
            let mut seen = vec![0; height * width];
            for t in cut(height, width, acc) {
                assert!(t.height * t.width <= acc && (t.width == width || t.height == 1), "{t:?}");
                for p in 0..t.height * t.width {
                    seen[(t.y + p / t.width) * width + t.x + p % t.width] += 1;
                }
            }
            assert!(seen.iter().all(|&s| s == 1), "{height} x {width} in {acc}");
        }
    }

    #[test]
    fn rows_are_shared_out_equally() {
        let heights: Vec<usize> = cut(9, 8, 64).iter().map(|t| t.height).collect();
        assert_eq!(heights, [4, 5]);
    }
}
