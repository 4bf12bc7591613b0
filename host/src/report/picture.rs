//! A picture in the terminal. A character is about twice as high as wide, so half a block is a square pixel.

use std::fmt::Write;

/// How pixels become characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shades {
    /// Half blocks in the 24 greys of a 256-colour terminal.
    Colours,
    /// Plain characters, for files and pipes.
    Characters,
}

/// Characters from dark to bright.
const RAMP: &[u8; 10] = b" .:-=+*#%@";
/// First of the 24 greys in the 256-colour table.
const GREY: usize = 232;
/// How many greys there are.
const GREYS: usize = 24;
/// Greatest height of a small picture.
const SMALL: usize = 16;

/// Draws one channel of `height` · `width` values, row after row, from the least (dark) to the greatest (bright).
/// Values that are missing are drawn dark.
pub fn picture(values: &[i8], height: usize, width: usize, shades: Shades) -> String {
    let low = values.iter().copied().min().unwrap_or(0);
    let high = values.iter().copied().max().unwrap_or(0);
    let range = (i32::from(high) - i32::from(low)).max(1) as usize;
    // Level of a pixel among `levels`, by its place in the range of this picture.
    let level = |y: usize, x: usize, levels: usize| {
        let value = if y < height { values.get(y * width + x).copied().unwrap_or(low) } else { low };
        (i32::from(value) - i32::from(low)) as usize * (levels - 1) / range
    };
    let mut out = String::new();
    match shades {
        Shades::Colours => {
            // Small pictures are drawn at twice their size.
            let zoom = if height <= SMALL { 2 } else { 1 };
            for y in (0..height * zoom).step_by(2) {
                out += "  ";
                for x in 0..width * zoom {
                    let grey = |y: usize| GREY + level(y / zoom, x / zoom, GREYS);
                    // Writing to a string cannot fail.
                    let _ = write!(out, "\x1b[38;5;{};48;5;{}m▀", grey(y), grey(y + 1));
                }
                out += "\x1b[0m\n";
            }
        }
        Shades::Characters => {
            for y in 0..height {
                out += "  ";
                for x in 0..width {
                    let character = char::from(RAMP[level(y, x, RAMP.len())]);
                    out.extend([character, character]);
                }
                out.truncate(out.trim_end_matches(' ').len());
                out += "\n";
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_value_is_dark_and_the_greatest_bright() {
        assert_eq!(picture(&[-128, 127, 127, -128], 2, 2, Shades::Characters), "    @@\n  @@\n");
    }

    #[test]
    fn an_even_picture_and_a_short_one_are_drawn() {
        assert_eq!(picture(&[5; 4], 2, 2, Shades::Characters), "\n\n");
        assert_eq!(picture(&[], 1, 1, Shades::Colours).matches("48;5;232").count(), 2);
    }

    #[test]
    fn a_small_picture_is_drawn_at_twice_its_size_and_an_odd_last_row_has_dark_below_it() {
        let small = picture(&[0, 1, 1], 3, 1, Shades::Colours);
        assert_eq!((small.lines().count(), small.matches('▀').count()), (3, 6));
        let values: Vec<i8> = (0..17).collect();
        let large = picture(&values, 17, 1, Shades::Colours);
        assert_eq!(large.lines().count(), 9);
        assert_eq!(large.lines().last(), Some("  \x1b[38;5;255;48;5;232m▀\x1b[0m"));
    }
}
