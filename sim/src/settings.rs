//! What the environment says about cards.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `SYSTOLE_CARD` | `rtl`: the Verilated kernel; `model`: the functional and the timing model of `systole_infer`, with the same outputs and cycles, much faster | `rtl` |
//! | `SYSTOLE_CARD_DIR` | folder that `scripts/card` wrote | the folder of the driver |
//! | `SYSTOLE_CYCLE_LIMIT` | most cycles of a run | 2,000,000,000 |
//! | `SYSTOLE_QUIET_LIMIT` | most cycles of a run without a word on the memory bus | 20,000,000 |
//! | `SYSTOLE_STALL_SEED` | not 0: card memory makes the kernel wait at random, by this seed | 0 |
//! | `SYSTOLE_TRACE` | file for waves, `.vcd` or `.fst`; those of the allocator go to a file with `.allocate` before that | none |
//! | `SYSTOLE_TRACE_WINDOW` | `first:last` cycle of the waves, counted from the start of the card | all |
//! | `SYSTOLE_BOARDS` | boards on serial lines, `LINE:BAUD[:CONFIG]`, separated by commas ([`crate::serial::place`]) | none |
//! | `SYSTOLE_VERBOSE` | not empty: errors in words, and what each run on a board took, on the standard error | none |
//!
//! For a board, the two limits are times: so many cycles of its clock, not counting the time of bytes on the line; and a board whose
//! replies take longer than its baud says is given as much more time. The others are for simulated cards alone.

/// Whether the driver is to say in words what it does.
pub fn verbose() -> bool {
    std::env::var_os("SYSTOLE_VERBOSE").is_some_and(|v| !v.is_empty())
}

/// How to simulate, and when to give up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Most cycles of a run.
    pub cycle_limit: u64,
    /// Most cycles of a run without a word on the memory bus: longer than the longest job takes.
    pub quiet_limit: u64,
    /// Seed of random back-pressure; 0 for none.
    pub stall_seed: u32,
    /// Models instead of the Verilated inference kernel.
    pub model: bool,
    /// Waves, if wanted.
    pub trace: Option<Trace>,
}

/// Waves to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The file.
    pub file: String,
    /// What its name ends with: which of the tracing libraries writes it.
    pub kind: &'static str,
    /// First cycle.
    pub first: u64,
    /// Last cycle.
    pub last: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { cycle_limit: 2_000_000_000, quiet_limit: 20_000_000, stall_seed: 0, model: false, trace: None }
    }
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// The variable, its value and what it may be.
    pub fn from_env() -> Result<Self, String> {
        Self::from(|name| std::env::var(name).ok().filter(|v| !v.is_empty()))
    }

    /// Reads variables from `get`.
    ///
    /// # Errors
    /// The variable, its value and what it may be.
    pub fn from(get: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let number = |name: &str, default: u64, most: u64| match get(name) {
            None => Ok(default),
            Some(text) => text
                .replace('_', "")
                .parse()
                .ok()
                .filter(|&v| v <= most)
                .ok_or_else(|| format!("{name} is `{text}`; it must be a number up to {most}")),
        };
        let normal = Self::default();
        let trace = match get("SYSTOLE_TRACE") {
            None => None,
            Some(file) => {
                let kind = ["vcd", "fst"].into_iter().find(|kind| file.ends_with(&format!(".{kind}")));
                let kind = kind.ok_or_else(|| format!("SYSTOLE_TRACE is `{file}`; it must end with .vcd or .fst"))?;
                let (first, last) = match get("SYSTOLE_TRACE_WINDOW") {
                    None => (0, u64::MAX),
                    Some(text) => window(&text)
                        .ok_or_else(|| format!("SYSTOLE_TRACE_WINDOW is `{text}`; it must be first:last in cycles"))?,
                };
                Some(Trace { file, kind, first, last })
            }
        };
        let model = match get("SYSTOLE_CARD").as_deref() {
            None | Some("rtl") => false,
            Some("model") => true,
            Some(other) => return Err(format!("SYSTOLE_CARD is `{other}`; it must be rtl or model")),
        };
        if model && trace.is_some() {
            return Err("SYSTOLE_TRACE with SYSTOLE_CARD=model: the model has no waves; unset one of them".into());
        }
        Ok(Self {
            model,
            cycle_limit: number("SYSTOLE_CYCLE_LIMIT", normal.cycle_limit, u64::MAX)?,
            quiet_limit: number("SYSTOLE_QUIET_LIMIT", normal.quiet_limit, u64::MAX)?,
            stall_seed: number("SYSTOLE_STALL_SEED", 0, u64::from(u32::MAX))? as u32,
            trace,
        })
    }
}

fn window(text: &str) -> Option<(u64, u64)> {
    let (first, last) = text.split_once(':')?;
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::from(|name| pairs.iter().find(|p| p.0 == name).map(|p| p.1.to_string()))
    }

    #[test]
    fn each_wrong_value_is_named_and_right_ones_are_taken() {
        assert_eq!(with(&[]), Ok(Settings::default()));
        assert_eq!(with(&[("SYSTOLE_CYCLE_LIMIT", "5_000")]).unwrap().cycle_limit, 5000);
        let trace = with(&[("SYSTOLE_TRACE", "a.fst"), ("SYSTOLE_TRACE_WINDOW", "3:9")]).unwrap().trace;
        assert_eq!(trace, Some(Trace { file: "a.fst".into(), kind: "fst", first: 3, last: 9 }));
        for (name, value) in [
            ("SYSTOLE_CYCLE_LIMIT", "-1"),
            ("SYSTOLE_STALL_SEED", "4294967296"),
            ("SYSTOLE_TRACE", "a.txt"),
            ("SYSTOLE_CARD", "fpga"),
        ] {
            let error = with(&[(name, value)]).unwrap_err();
            assert!(error.contains(name) && error.contains(value), "{error}");
        }
        let error = with(&[("SYSTOLE_TRACE", "a.vcd"), ("SYSTOLE_TRACE_WINDOW", "9:3")]).unwrap_err();
        assert_eq!(error, "SYSTOLE_TRACE_WINDOW is `9:3`; it must be first:last in cycles");
    }
}
