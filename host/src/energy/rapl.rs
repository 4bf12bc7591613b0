//! Measured energy of the host's processor: the RAPL counters that Linux shows under `/sys/class/powercap`.
//!
//! A counter is of a whole package: all cores, and whatever else runs on them. It counts in steps of about a
//! millisecond, so a window must be much longer than that; [`Rapl::window`] says how uncertain one is. It wraps at
//! `max_energy_range_uj`; a wrap with an unknown range, and a counter that stands still, are no measurement, never 0 J.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where Linux shows the counters.
pub const POWERCAP: &str = "/sys/class/powercap";
/// Time between two steps of a counter.
const STEP: Duration = Duration::from_millis(1);

/// The packages of this machine whose counters can be read.
pub struct Rapl {
    zones: Vec<Zone>,
}

struct Zone {
    /// Folder name and the zone's own name: `intel-rapl:0 package-0`.
    name: String,
    counter: PathBuf,
    /// µJ after which the counter starts again, where it can be read.
    range: Option<u64>,
}

/// The counters at one moment, in µJ.
pub struct Reading(Vec<u64>);

impl Rapl {
    /// Finds the package counters below `root` ([`POWERCAP`]).
    ///
    /// # Errors
    /// There are none, or they cannot be read (often only root may); in words.
    pub fn open(root: &Path) -> Result<Self, String> {
        let entries =
            std::fs::read_dir(root).map_err(|_| format!("no RAPL counters: there is no {}", root.display()))?;
        let mut folders: Vec<_> = entries.flatten().map(|e| e.path()).collect();
        folders.sort();
        let mut zones = Vec::new();
        for folder in folders {
            let text = |file: &str| std::fs::read_to_string(folder.join(file)).map(|t| t.trim().to_string());
            // Packages alone: their children (core, dram) are parts of them, or other rails.
            let Some(name) = text("name").ok().filter(|n| n.starts_with("package")) else { continue };
            let counter = folder.join("energy_uj");
            if let Err(e) = read(&counter) {
                return Err(format!("RAPL counter {e}"));
            }
            let folder_name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let range = text("max_energy_range_uj").ok().and_then(|r| r.parse().ok());
            zones.push(Zone { name: format!("{folder_name} {name}"), counter, range });
        }
        if zones.is_empty() {
            return Err(format!("no RAPL counters: {} has no package", root.display()));
        }
        Ok(Self { zones })
    }

    /// The counters now.
    ///
    /// # Errors
    /// One cannot be read any more; in words.
    pub fn read(&self) -> Result<Reading, String> {
        let values = self.zones.iter().map(|z| read(&z.counter));
        Ok(Reading(values.collect::<Result<_, _>>().map_err(|e| format!("RAPL counter {e}"))?))
    }

    /// Joules since an earlier reading, all packages together.
    ///
    /// # Errors
    /// As [`Rapl::read`]; a wrap whose range is unknown; a counter that stood still.
    pub fn since(&self, earlier: &Reading) -> Result<f64, String> {
        let now = self.read()?;
        let mut total = 0u64;
        for ((zone, &from), &to) in self.zones.iter().zip(&earlier.0).zip(&now.0) {
            let passed = match (to.checked_sub(from), zone.range) {
                (Some(0), _) => return Err(format!("RAPL counter {} stands still", zone.name)),
                (Some(passed), _) => passed,
                (None, Some(range)) if range >= from => range - from + to,
                (None, _) => return Err(format!("RAPL counter {} went back, and its range is unknown", zone.name)),
            };
            total = total.saturating_add(passed);
        }
        Ok(total as f64 * 1e-6)
    }

    /// Relative uncertainty of a window of this length from the counter's steps at both of its ends.
    pub fn window(length: Duration) -> f64 {
        2.0 * STEP.as_secs_f64() / length.as_secs_f64().max(STEP.as_secs_f64())
    }

    /// Names of the counters.
    pub fn names(&self) -> String {
        self.zones.iter().map(|z| z.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

fn read(counter: &Path) -> Result<u64, String> {
    let text = std::fs::read_to_string(counter).map_err(|e| format!("{}: {e}", counter.display()))?;
    text.trim().parse().map_err(|_| format!("{} holds `{}`, no number of µJ", counter.display(), text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree as Linux shows it: two packages, and a child that must not be counted again.
    fn tree(range: Option<&str>) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (zone, name, energy) in [
            ("intel-rapl:0", "package-0", "1000"),
            ("intel-rapl:0:0", "core", "7"),
            ("intel-rapl:1", "package-1", "50"),
        ] {
            let folder = root.path().join(zone);
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join("name"), format!("{name}\n")).unwrap();
            std::fs::write(folder.join("energy_uj"), format!("{energy}\n")).unwrap();
            if let Some(range) = range {
                std::fs::write(folder.join("max_energy_range_uj"), range).unwrap();
            }
        }
        root
    }

    fn set(root: &tempfile::TempDir, values: [u64; 2]) {
        for (zone, value) in values.iter().enumerate() {
            std::fs::write(root.path().join(format!("intel-rapl:{zone}/energy_uj")), format!("{value}\n")).unwrap();
        }
    }

    #[test]
    fn packages_are_summed_and_their_parts_are_not() {
        let root = tree(Some("262143328850\n"));
        let rapl = Rapl::open(root.path()).unwrap();
        assert_eq!(rapl.names(), "intel-rapl:0 package-0, intel-rapl:1 package-1");
        let earlier = rapl.read().unwrap();
        set(&root, [3_001_000, 1_000_050]);
        assert!((rapl.since(&earlier).unwrap() - 4.0).abs() < 1e-9);
    }

    #[test]
    fn a_wrap_counts_on_and_one_of_unknown_range_is_no_negative_energy() {
        let wraps = tree(Some("2000\n"));
        let rapl = Rapl::open(wraps.path()).unwrap();
        let earlier = rapl.read().unwrap();
        set(&wraps, [500, 51]);
        assert!((rapl.since(&earlier).unwrap() - 1501e-6).abs() < 1e-12);
        let unknown = tree(None);
        let rapl = Rapl::open(unknown.path()).unwrap();
        let earlier = rapl.read().unwrap();
        set(&unknown, [500, 51]);
        assert!(rapl.since(&earlier).unwrap_err().contains("went back"));
    }

    #[test]
    fn a_counter_that_stands_still_is_no_zero() {
        let root = tree(None);
        let rapl = Rapl::open(root.path()).unwrap();
        assert!(rapl.since(&rapl.read().unwrap()).unwrap_err().contains("stands still"));
    }

    #[test]
    fn no_counters_are_no_rapl() {
        let root = tempfile::tempdir().unwrap();
        assert!(Rapl::open(root.path()).err().unwrap().contains("has no package"));
        assert!(Rapl::open(&root.path().join("none")).err().unwrap().contains("there is no"));
    }
}
