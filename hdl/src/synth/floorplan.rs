//! Where the array's multipliers go on the ECP5, as commands for yosys.
//!
//! nextpnr's analytic placer finds a good place for each, then puts them one by one into what is free, and with nine tenths of a
//! part's multipliers taken the two blocks of one element end up as far as 80 columns from each other. So their places are given: a row of
//! multipliers of the part takes a third of the array's column pairs, from left to right as sums go down the columns.

use systole_isa::config::Config;

/// Rows of the LFE5U-85F that have multipliers (the device database of prjtrellis).
const ROWS: [usize; 3] = [10, 34, 58];
/// Multipliers of a row.
const IN_ROW: usize = 52;

/// Column of a row's multiplier `i`, and its number there: nine columns of logic lie between fours, with two of block RAM among them that
/// push later ones on.
fn bel(row: usize, i: usize) -> String {
    let more = [0, 1, 4, 5][i % 4];
    let past = [(28, 2)].iter().filter(|&&(from, _)| i >= from).map(|&(_, by)| by).sum::<usize>();
    format!("X{}/Y{row}/MULT18_{more}", 4 + 9 * (i / 4) + more + past)
}

/// yosys's commands for a configuration whose array fits in this order; none for others.
pub fn multipliers(config: &Config, array: &str) -> String {
    let pairs = config.n / 2;
    let of_row = pairs.div_ceil(ROWS.len());
    let taken = 2 * of_row * config.n;
    if taken > IN_ROW {
        return String::new();
    }
    let mut text = String::new();
    for row in 0..config.n {
        for pair in 0..pairs {
            for block in 0..2 {
                let at = (row * of_row + pair % of_row) * 2 + block + (IN_ROW - taken) / 2;
                let cell = format!("{array}.pe_{}.mul.block{block}", row * pairs + pair);
                text += &format!("setattr -set BEL \"{}\" c:{cell}; ", bel(ROWS[pair / of_row], at));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configs;

    #[test]
    fn every_block_has_a_place_of_its_own_beside_the_other_of_its_element() {
        let text = multipliers(&configs::config("edge12x12").unwrap(), "array");
        let places: Vec<(&str, &str)> = text
            .split("; ")
            .filter_map(|command| command.strip_prefix("setattr -set BEL \"")?.split_once("\" c:array.pe_"))
            .collect();
        let bels: std::collections::BTreeSet<&str> = places.iter().map(|&(bel, _)| bel).collect();
        assert_eq!((places.len(), bels.len()), (144, 144));
        let x = |bel: &str| -> u32 { bel[1..].split('/').next().unwrap().parse().unwrap() };
        for pair in places.chunks(2) {
            assert_eq!(x(pair[0].0) + 1, x(pair[1].0), "{pair:?}");
        }
        assert_eq!(places[0], ("X8/Y10/MULT18_4", "0.mul.block0"));
        assert_eq!(places[143], ("X115/Y58/MULT18_1", "71.mul.block1"));
    }

    #[test]
    fn an_array_that_does_not_fit_so_is_left_to_the_placer() {
        assert_eq!(multipliers(&configs::config("mid16x16").unwrap(), "array"), "");
    }
}
