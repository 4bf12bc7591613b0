//! Which configuration can be built for which board, and what is said where one cannot.

use super::part::{part, Part};
use anyhow::{anyhow, bail, Error, Result};
use systole_hdl::board::Board;
use systole_hdl::configs;
use systole_isa::config::Config;

/// The part on a board.
pub fn part_of(board: &Board) -> Result<&'static Part> {
    part(&board.part).map_err(|e| anyhow!("board `{}`: {e}", board.name))
}

/// The configuration to build: `name`, or the board's first.
pub fn config(board: &Board, name: Option<&str>) -> Result<Config> {
    if let Some(name) = name {
        let config = configs::config(name).map_err(Error::msg)?;
        // What cannot fit is said first: it is why there is no such build.
        if let Some((what, needed, there)) = part_of(board)?.certainly_too_small(&config) {
            bail!(
                "configuration `{name}` does not fit {}: {what}: {needed} of {there}, {} too many; {}",
                board.name,
                needed - there,
                nearest(board, name)?
            );
        }
    }
    board.config(name).map_err(Error::msg)
}

/// The largest of a board's configurations but `name`, for a message.
pub fn nearest(board: &Board, name: &str) -> Result<String> {
    let all = configs::configs().map_err(Error::msg)?;
    let own = all.iter().filter(|c| c.name != name && board.configs.contains(&c.name));
    let nearest = own.max_by_key(|c| c.n);
    Ok(nearest.map_or("no configuration is known to fit".into(), |c| format!("the nearest that does is `{}`", c.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_board_has_a_part_in_its_package_and_its_configurations_can_fit() {
        for board in systole_hdl::board::boards().unwrap() {
            let part = part_of(&board).unwrap();
            for flag in [format!("--{}", board.device), board.package.clone()] {
                assert!(part.flags.contains(&flag.as_str()), "{}: {flag} is not what nextpnr is told", board.name);
            }
            for name in &board.configs {
                assert_eq!(config(&board, Some(name)).unwrap().part, part.name);
            }
        }
    }
}
