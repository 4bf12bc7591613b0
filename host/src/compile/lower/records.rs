//! Parameter records: what the drain takes for each channel of a block.

use crate::compile::Refusal;
use crate::graph::Requant;
use isa::config::{Config, Multiplier};
use isa::layout;

/// Parameter records of an output block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Records {
    /// Digits of the multipliers; with parallel multipliers the cycles of a pixel: 1, or 2 with an addition.
    pub steps: u32,
    /// Whether all channels have one multiplier, and it is there once.
    pub uniform: bool,
    /// n records, or a multiplier and n biases, and the constants of an addition, in words of n bytes.
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
        if add.is_some() {
            steps = layout::add_steps(steps);
        }
        let packed: Vec<u64> = of_block
            .iter()
            .enumerate()
            .map(|(i, &(_, requant))| {
                let packed = if serial { requant.serial(steps) } else { requant.parallel() };
                packed.ok_or_else(|| refuse(i, requant))
            })
            .collect::<Result<_, _>>()?;
        let uniform = config.uniform() && packed.windows(2).all(|pair| pair[0] == pair[1]);
        // Columns past the last channel get bias and multiplier 0, or the multiplier of all.
        let mut bytes = Vec::new();
        if uniform {
            bytes.extend(packed[0].to_le_bytes());
            bytes.resize(n, 0);
            of_block.iter().for_each(|(bias, _)| bytes.extend(bias.to_le_bytes()));
            bytes.resize(layout::UNIFORM_WORDS * n, 0);
        } else {
            for (&(bias, _), &multiplier) in of_block.iter().zip(&packed) {
                bytes.extend(layout::param_record(bias, multiplier));
                bytes.resize(bytes.len().next_multiple_of(n), 0);
            }
            bytes.resize(n * layout::param_words(n) * n, 0);
        }
        if let Some(add) = add {
            bytes.extend(add);
            bytes.resize(bytes.len().next_multiple_of(n), 0);
        }
        blocks.push(Records { steps, uniform, bytes });
    }
    Ok(blocks)
}
