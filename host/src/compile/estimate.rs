//! How long a stream takes: the timing of the kernel, cycle for cycle, to choose by and to stand beside what is measured.
//!
//! What is not known when a model is compiled is the card's memory; it is taken to answer as the simulated card's does.

use isa::config::Config;
use isa::counter;
use isa::timing;

/// Cycles until card memory answers the first word of a transfer.
const BUS_LATENCY: u32 = 24;

/// When each counter snapshot of a run is taken, in cycles, and when the run ends; `None` for one that would not end.
pub fn marks(commands: &[u32], config: &Config) -> Option<(Vec<u64>, u64)> {
    let times = timing::run(config, commands, BUS_LATENCY).ok()?;
    Some((times.marks.iter().map(|m| u64::from(m.0[counter::CYCLES])).collect(), times.cycles))
}
