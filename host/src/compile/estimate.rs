//! A simple model of how long a layer takes, to stand beside what is measured. It knows the array and the
//! requantisers, and counts what lies between them as constants; card memory is taken to answer at once.

use isa::{config::Config, counter, layout};

/// Cycles from the start of a feed until its last sum is in the accumulators, over and above its words: address,
/// memory, the skew of rows and columns (2n), accumulator.
const FEED_LATENCY: u64 = 8;
/// Cycles from the start of a drain until its last word is in memory, over and above its values and parameters.
const DRAIN_LATENCY: u64 = 8;
/// Cycles until card memory answers the first word of a transfer.
const BUS_LATENCY: u64 = 32;
/// Cycles of a command.
const COMMAND: u64 = 1;

/// One feed and its drain.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// Output pixels.
    pub pixels: usize,
    /// Words the feeder streams for each of them.
    pub taps: usize,
    /// Whether the tile address was written, so that the first tile could not be read ahead.
    pub fresh_tiles: bool,
    /// Whether one tile serves all taps.
    pub hold: bool,
    /// Multiplier digits.
    pub steps: u32,
    /// Commands it took.
    pub commands: usize,
}

/// Cycles of a transfer of this many words between card memory and the chip.
pub fn transfer(words: usize) -> u64 {
    BUS_LATENCY + words as u64
}

/// Cycles of a counter snapshot.
pub fn mark() -> u64 {
    BUS_LATENCY + counter::COUNT as u64
}

/// Cycles of the jobs of a layer: each feed runs beside the drain of the job before it.
pub fn jobs(jobs: &[Job], config: &Config) -> u64 {
    let mut total = 0;
    let mut draining = 0;
    for job in jobs {
        total += draining.max(feed(job, config)) + job.commands as u64 * COMMAND;
        draining = drain(job, config);
    }
    total + draining
}

/// Cycles in which the jobs of a layer read weight memory. It has one port: a load beside them takes what they leave.
pub fn weight_reads(jobs: &[Job], config: &Config) -> u64 {
    let records = config.n * layout::param_words(config.n);
    let tiles = |job: &Job| config.n * if job.hold { 1 } else { job.taps };
    jobs.iter().map(|job| (tiles(job) + records) as u64).sum()
}

/// A tile of n words loads while the one before it streams, so a tile takes the longer of the two.
fn feed(job: &Job, config: &Config) -> u64 {
    let n = config.n as u64;
    let tile = if job.hold { job.pixels as u64 } else { n.max(job.pixels as u64) };
    let first = if job.fresh_tiles { n } else { 0 };
    first + job.taps as u64 * tile + 2 * n + FEED_LATENCY
}

/// Each pixel has n values, `lanes` of which go through the requantisers at once, a digit a cycle.
fn drain(job: &Job, config: &Config) -> u64 {
    let values = job.pixels as u64 * (config.n / config.lanes) as u64;
    (config.n * layout::param_words(config.n)) as u64 + values * u64::from(job.steps) + DRAIN_LATENCY
}
