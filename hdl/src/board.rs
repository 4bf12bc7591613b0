//! The boards of `constraints/boards.yaml`, checked.

use crate::configs;
use serde::Deserialize;
use systole_isa::config::Config;

/// The file, as it was when this was built.
const FILE: &str = include_str!("../../constraints/boards.yaml");
/// Most that a serial line may be off its baud, in thousandths: a byte's last bit is then still read in its middle third.
const LINE_ERROR_PER_MILLE: u64 = 20;

/// A board, fully specified. Unknown keys are errors.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// Name, such as `icebreaker`.
    pub name: String,
    /// Part, as configurations have it.
    pub part: String,
    /// Device, as nextpnr is told.
    pub device: String,
    /// Package, as nextpnr is told.
    pub package: String,
    /// Pin file in `constraints/`.
    pub pins: String,
    /// Oscillator on pin `clock`, in Hz.
    pub oscillator_hz: u64,
    /// Clock of kernel and bridge, in Hz.
    pub clock_hz: u64,
    /// Clock of a pipelined kernel, in Hz; `clock_hz`, its bridge's, is the oscillator's then.
    pub pipelined_hz: u64,
    /// Clock that place-and-route is asked for, in Hz.
    pub aim_hz: u64,
    /// The same for a pipelined kernel, in Hz: one that it reaches.
    pub pipelined_aim_hz: u64,
    /// Bits a second on the serial line.
    pub baud: u64,
    /// The level that lights an LED.
    pub leds: Level,
    /// Configurations that can be built for it; the first is the default.
    pub configs: Vec<String>,
}

/// A logic level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Zero.
    Low,
    /// One.
    High,
}

/// Every board in the order of the file.
pub fn boards() -> Result<Vec<Board>, String> {
    parse(FILE)
}

/// The board called `name`; the error lists the names there are.
pub fn board(name: &str) -> Result<Board, String> {
    let all = boards()?;
    let names: Vec<String> = all.iter().map(|b| b.name.clone()).collect();
    all.into_iter()
        .find(|b| b.name == name)
        .ok_or_else(|| format!("no board `{name}` in constraints/boards.yaml; there are {}", names.join(", ")))
}

/// The boards in a text of the form of `boards.yaml`. Every key is required, no other is allowed.
pub fn parse(text: &str) -> Result<Vec<Board>, String> {
    let all: Vec<Board> = serde_yaml::from_str(text).map_err(|e| format!("constraints/boards.yaml: {e}"))?;
    for (i, board) in all.iter().enumerate() {
        board.check()?;
        if all[..i].iter().any(|b| b.name == board.name) {
            return Err(format!("constraints/boards.yaml: board `{}` stands there twice", board.name));
        }
    }
    Ok(all)
}

impl Board {
    /// The configuration called `name`, or the board's first one. The error lists what can be built for the board.
    pub fn config(&self, name: Option<&str>) -> Result<Config, String> {
        let name = name.unwrap_or(&self.configs[0]);
        if !self.configs.iter().any(|c| c == name) {
            return Err(format!(
                "no configuration `{name}` for board `{}`; there are {}",
                self.name,
                self.configs.join(", ")
            ));
        }
        let config = configs::config(name)?;
        if config.part != self.part {
            return Err(format!(
                "configuration `{name}` is for {}; board `{}` has {}",
                config.part, self.name, self.part
            ));
        }
        Ok(config)
    }

    /// Clock of this kernel, in Hz.
    pub fn kernel_hz(&self, config: &Config) -> u64 {
        if config.pipelined {
            self.pipelined_hz
        } else {
            self.clock_hz
        }
    }

    /// Clock that place-and-route is asked for with this kernel, in Hz.
    pub fn aim_hz(&self, config: &Config) -> u64 {
        if config.pipelined {
            self.pipelined_aim_hz
        } else {
            self.aim_hz
        }
    }

    /// Clock cycles a bit of the serial line.
    pub fn divider(&self) -> u32 {
        ((self.clock_hz + self.baud / 2) / self.baud) as u32
    }

    /// Whether the values can be built; the error names the key, its value and what it may be.
    pub fn check(&self) -> Result<(), String> {
        let bad = |key: &str, value: &dyn std::fmt::Display, may: &str| {
            Err(format!("constraints/boards.yaml: board `{}`: {key} is {value}; it must be {may}", self.name))
        };
        if self.configs.is_empty() {
            return bad("configs", &"empty", "a list of configurations");
        }
        if !(1_000_000..=400_000_000).contains(&self.oscillator_hz) {
            return bad("oscillator_hz", &self.oscillator_hz, "1000000 to 400000000");
        }
        if !(1_000_000..=400_000_000).contains(&self.clock_hz) {
            return bad("clock_hz", &self.clock_hz, "1000000 to 400000000");
        }
        for (key, aim, of, clock) in [
            ("aim_hz", self.aim_hz, "clock_hz", self.clock_hz),
            ("pipelined_aim_hz", self.pipelined_aim_hz, "pipelined_hz", self.pipelined_hz),
        ] {
            if !(clock..=400_000_000).contains(&aim) {
                return bad(key, &aim, &format!("{of}, {clock}, to 400000000"));
            }
        }
        let pipelined = self.configs.iter().filter_map(|c| configs::config(c).ok()).any(|c| c.pipelined);
        if pipelined && self.clock_hz != self.oscillator_hz {
            let may = format!("oscillator_hz, {}, for the bridge of a pipelined kernel has that", self.oscillator_hz);
            return bad("clock_hz", &self.clock_hz, &may);
        }
        if self.baud < self.clock_hz / 1024 || self.baud > self.clock_hz / 4 {
            return bad("baud", &self.baud, &format!("{} to {}", self.clock_hz / 1024 + 1, self.clock_hz / 4));
        }
        let real = u64::from(self.divider()) * self.baud;
        if real.abs_diff(self.clock_hz) * 1000 > LINE_ERROR_PER_MILLE * self.clock_hz {
            return bad("baud", &self.baud, &format!("within 2 % of a divisor of {} Hz", self.clock_hz));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_holds_the_three_boards_and_their_pin_files_name_every_port() {
        let all = boards().unwrap();
        let names: Vec<&str> = all.iter().map(|b| b.name.as_str()).collect();
        assert_eq!(names, ["icebreaker", "up5k-b-evn", "ulx3s-85f"]);
        for board in all {
            let file = format!("{}/../constraints/{}", env!("CARGO_MANIFEST_DIR"), board.pins);
            let text = std::fs::read_to_string(&file).unwrap();
            // It would overrule `aim_hz`.
            assert!(!text.contains("FREQUENCY"), "{file}");
            for port in crate::shell::PORTS {
                let line = |l: &&str| {
                    l.contains(&format!("set_io {port} ")) || l.contains(&format!("LOCATE COMP \"{port}\" SITE"))
                };
                assert_eq!(text.lines().filter(line).count(), 1, "{port} in {file}");
            }
        }
    }

    #[test]
    fn unknown_missing_and_impossible_values_are_errors() {
        let one = FILE.split("- name: up5k-b-evn").next().unwrap();
        assert!(parse(&one.replace("  leds: low", "  leds: low\n  buttons: 1"))
            .unwrap_err()
            .contains("unknown field `buttons`"));
        assert!(parse(&one.replace("  baud: 1000000\n", "")).unwrap_err().contains("missing field `baud`"));
        let e = parse(&one.replace("  baud: 1000000", "  baud: 2500000")).unwrap_err();
        assert_eq!(
            e,
            "constraints/boards.yaml: board `icebreaker`: baud is 2500000; it must be within 2 % of a divisor of 12000000 Hz"
        );
        let e = parse(&one.replace("  aim_hz: 36000000", "  aim_hz: 6000000")).unwrap_err();
        assert!(e.ends_with("aim_hz is 6000000; it must be clock_hz, 12000000, to 400000000"), "{e}");
        assert!(parse(&format!("{one}\n{one}")).unwrap_err().contains("stands there twice"));
    }

    #[test]
    fn unknown_names_list_the_known_ones() {
        assert_eq!(
            board("arty").unwrap_err(),
            "no board `arty` in constraints/boards.yaml; there are icebreaker, up5k-b-evn, ulx3s-85f"
        );
        let e = board("icebreaker").unwrap().config(Some("edge8x8")).unwrap_err();
        assert_eq!(e, "no configuration `edge8x8` for board `icebreaker`; there are small4x4");
    }
}
