//! Parameter records: what the drain takes for each channel of a block.

use crate::compile::Refusal;
use crate::graph::Requant;
use isa::config::{Config, Multiplier};
use isa::layout;

/// Parameter records of an output block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Records {
    /// Digits of the multipliers; 1 with parallel multipliers.
    pub steps: u32,
    /// n records, and the constants of an addition, in words of n bytes.
    pub bytes: Vec<u8>,
}

/// The records of all blocks from bias and multiplier of each channel; each block ends with the constants of an
/// addition, if there is one.
pub fn records(
    node: usize,
    channels: &[(i32, Requant)],
    add: Option<[u8; layout::ADD_BYTES]>,
    config: &Config,
) -> Result<Vec<Records>, Refusal> {
    let n = config.n;
    let record_bytes = layout::param_words(n) * n;
    let mut blocks = Vec::new();
    for (block, of_block) in channels.chunks(n).enumerate() {
        let refuse = |i: usize, r: Requant| {
            let channel = block * n + i;
            Refusal::new(node, format!("channel {channel}: multiplier {} / 2^{} is out of the card's range", r.m, r.t))
        };
        let serial = config.multiplier == Multiplier::Serial;
        let mut steps = 1;
        for (i, &(_, requant)) in of_block.iter().enumerate().filter(|_| serial) {
            steps = steps.max(requant.steps().ok_or_else(|| refuse(i, requant))?);
        }
        // Columns past the last channel get bias and multiplier 0.
        let add_bytes = if add.is_some() { layout::add_words(n) * n } else { 0 };
        let mut bytes = vec![0; n * record_bytes + add_bytes];
        for (i, &(bias, requant)) in of_block.iter().enumerate() {
            let mult = match config.multiplier {
                Multiplier::Serial => requant.serial(steps),
                Multiplier::Parallel => requant.parallel(),
            };
            let at = i * record_bytes;
            let record = layout::param_record(bias, mult.ok_or_else(|| refuse(i, requant))?);
            bytes[at..at + layout::PARAM_BYTES].copy_from_slice(&record);
        }
        if let Some(add) = add {
            bytes[n * record_bytes..][..layout::ADD_BYTES].copy_from_slice(&add);
        }
        blocks.push(Records { steps, bytes });
    }
    Ok(blocks)
}
