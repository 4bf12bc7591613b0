//! The boards of `constraints/boards.yaml`, and which configuration can be built for which.

use super::part::{part, Part};
use anyhow::{anyhow, bail, Result};
use serde::Deserialize;
use systole_hdl::configs;
use systole_isa::config::Config;

/// The file, as it was when this was built.
const FILE: &str = include_str!("../../../constraints/boards.yaml");

/// What synthesis must know about a board.
#[derive(Clone, Debug, Deserialize)]
pub struct Board {
    /// Name, such as `icebreaker`; its constraints are `constraints/<name>.<pcf or lpf>`.
    pub name: String,
    /// Part on it, as in `hdl/configs.yaml`.
    pub part: String,
    /// Configurations that are built for it; the first one if none is asked for.
    pub configs: Vec<String>,
    /// Clock of the kernel in Hz.
    pub clock_hz: u64,
    /// Bits a second on its line.
    pub baud: u64,
}

/// Every board.
pub fn boards() -> Result<Vec<Board>> {
    serde_yaml::from_str(FILE).map_err(|e| anyhow!("constraints/boards.yaml: {e}"))
}

/// The board of this name.
pub fn board(name: &str) -> Result<Board> {
    let all = boards()?;
    let names: Vec<String> = all.iter().map(|b| b.name.clone()).collect();
    all.into_iter()
        .find(|b| b.name == name)
        .ok_or_else(|| anyhow!("no board `{name}` in constraints/boards.yaml; there are {}", names.join(", ")))
}

impl Board {
    /// Its part.
    pub fn part(&self) -> Result<&'static Part> {
        part(&self.part).map_err(|e| anyhow!("board `{}`: {e}", self.name))
    }

    /// The configuration to build: `name`, or the board's first.
    pub fn config(&self, name: Option<&str>) -> Result<Config> {
        let Some(name) = name.or(self.configs.first().map(String::as_str)) else {
            bail!("board `{}` has no configuration; give it one in constraints/boards.yaml", self.name)
        };
        let config = configs::config(name).map_err(anyhow::Error::msg)?;
        // What cannot fit is said first: it is why there is no such build.
        if let Some((what, needed, there)) = self.part()?.certainly_too_small(&config) {
            bail!(
                "configuration `{name}` does not fit {}: {what}: {needed} of {there}, {} too many; {}",
                self.name,
                needed - there,
                self.nearest(name)?
            );
        }
        if !self.configs.iter().any(|c| c == name) || config.part != self.part {
            let known = self.configs.join(", ");
            bail!("configuration `{name}` is for {}; for {} ({}) there are {known}", config.part, self.name, self.part);
        }
        Ok(config)
    }

    /// The largest of its configurations but `name`, for a message.
    pub fn nearest(&self, name: &str) -> Result<String> {
        let all = configs::configs().map_err(anyhow::Error::msg)?;
        let own = all.iter().filter(|c| c.name != name && self.configs.contains(&c.name) && c.part == self.part);
        let nearest = own.max_by_key(|c| c.n);
        Ok(nearest
            .map_or("no configuration is known to fit".into(), |c| format!("the nearest that does is `{}`", c.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_board_has_a_known_part_and_configurations_for_it() {
        let all = boards().unwrap();
        assert!(all.len() >= 3);
        for board in all {
            board.part().unwrap();
            assert!(!board.configs.is_empty() && board.clock_hz > 0 && board.baud > 0, "{}", board.name);
            for name in &board.configs {
                assert_eq!(board.config(Some(name)).unwrap().part, board.part);
            }
        }
    }
}
