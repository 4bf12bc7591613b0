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
/// array waiting for its weights. No tile is wider than `widest`.
///
/// With `last` the last rows, so many, become a tile of their own: its drain is short, and what reads the rows before it
/// need not wait for it.
pub fn cut(region: Tile, acc_words: usize, widest: usize, last: usize) -> Vec<Tile> {
    let widest = widest.min(acc_words);
    let (rows, columns) = if region.width <= widest { (acc_words / region.width, region.width) } else { (1, widest) };
    let last = if last < region.height && last <= rows { last } else { 0 };
    let mut tiles = Vec::new();
    for (y, height) in equal(region.height - last, rows).chain((last > 0).then_some((region.height - last, last))) {
        for (x, width) in equal(region.width, columns) {
            tiles.push(Tile { y: region.y + y, x: region.x + x, height, width });
        }
    }
    tiles
}

/// Cuts `total` into the fewest parts of at most `most`, as equal as can be: start and length of each.
pub fn equal(total: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let parts = total.div_ceil(most);
    (0..parts).map(move |i| (i * total / parts, (i + 1) * total / parts - i * total / parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_is_in_one_tile_and_no_tile_is_too_large() {
        for (height, width, acc) in [(8, 8, 64), (8, 8, 63), (5, 7, 16), (3, 100, 16), (1, 1, 16), (49, 10, 256)] {
            for (widest, last) in [(4096, 0), (9, 0), (4096, 1), (5, 2)] {
                let mut seen = vec![0; height * width];
                for t in cut(Tile { y: 0, x: 0, height, width }, acc, widest, last) {
                    assert!(t.height * t.width <= acc && (t.width == width || t.height == 1), "{t:?}");
                    assert!(t.width <= widest);
                    for p in 0..t.height * t.width {
                        seen[(t.y + p / t.width) * width + t.x + p % t.width] += 1;
                    }
                }
                assert!(seen.iter().all(|&s| s == 1), "{height} x {width} in {acc}");
            }
        }
    }

    #[test]
    fn rows_are_shared_out_equally() {
        let region = Tile { y: 3, x: 0, height: 9, width: 8 };
        let heights: Vec<usize> = cut(region, 64, 4096, 0).iter().map(|t| t.height).collect();
        assert_eq!(heights, [4, 5]);
        let tiles: Vec<_> = cut(region, 80, 4096, 2).iter().map(|t| (t.y, t.height)).collect();
        assert_eq!(tiles, [(3, 7), (10, 2)]);
    }
}
