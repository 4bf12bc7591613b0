//! Parameter records: what the drain takes for each channel of a block.

use super::fit::{fit, Channel};
use crate::compile::Refusal;
use isa::config::{Config, Multiplier};
use isa::layout;
use isa::requant::{Pass, MAX_STEPS};

/// Parameter records of an output block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Records {
    /// Cycles of a value in its lane: passes of a fitted multiplier; with parallel ones 1, or 2 with an addition.
    pub steps: u32,
    /// Whether all channels have one multiplier, and it is there once.
    pub uniform: bool,
    /// n records, or a multiplier and n biases, and the constants of an addition, in words of n bytes.
    pub bytes: Vec<u8>,
}

/// The records of all blocks; each ends with the constants of an addition, if there is one. `quant` is zero point, least
/// and greatest output.
pub fn records(
    node: usize,
    channels: &[Channel],
    quant: [i8; 3],
    add: Option<[u8; layout::ADD_BYTES]>,
    config: &Config,
) -> Result<Vec<Records>, Refusal> {
    let n = config.n;
    let mut blocks = Vec::new();
    for (block, of_block) in channels.chunks(n).enumerate() {
        let mut records = match config.multiplier {
            Multiplier::Fitted => fitted(of_block, quant, 1 + u32::from(add.is_some()), config),
            Multiplier::Parallel => parallel(of_block, 1 + u32::from(add.is_some()), config),
        }
        .map_err(|i| Refusal::new(node, refused(block * n + i, &of_block[i], config.multiplier)))?;
        if let Some(add) = add {
            records.bytes.extend(add);
            records.bytes.resize(records.bytes.len().next_multiple_of(n), 0);
        }
        blocks.push(records);
    }
    Ok(blocks)
}

fn refused(number: usize, channel: &Channel, multiplier: Multiplier) -> String {
    let Channel { bias, requant, reach: [least, most] } = channel;
    match multiplier {
        Multiplier::Parallel => {
            format!("channel {number}: multiplier {} / 2^{} is out of the card's range", requant.m, requant.t)
        }
        Multiplier::Fitted => format!(
            "channel {number}: sums of {least} to {most} with bias {bias} and multiplier {} / 2^{} are out of the card's range",
            requant.m, requant.t
        ),
    }
}

/// A block with fitted multipliers; the error is the channel that there is no line for.
fn fitted(channels: &[Channel], quant: [i8; 3], least: u32, config: &Config) -> Result<Records, usize> {
    let all =
        |steps| channels.iter().enumerate().map(|(i, c)| fit(c, quant, steps).ok_or(i)).collect::<Result<Vec<_>, _>>();
    let mut steps = least;
    let passes = loop {
        match all(steps) {
            Err(_) if steps < MAX_STEPS => steps += 1,
            found => break found?,
        }
    };
    // By group of channels, by pass, by lane; columns past the last channel give zero.
    let mut bytes = Vec::new();
    for group in 0..config.n / config.lanes {
        for step in 0..steps as usize {
            for lane in 0..config.lanes {
                let pass = passes.get(group * config.lanes + lane).map_or(Pass::default(), |p| p[step]);
                bytes.extend(layout::pass_record(&pass, config.n));
            }
        }
    }
    Ok(Records { steps, uniform: false, bytes })
}

/// A block with parallel multipliers; the error is the channel whose multiplier is out of range.
fn parallel(channels: &[Channel], steps: u32, config: &Config) -> Result<Records, usize> {
    let n = config.n;
    let packed =
        channels.iter().enumerate().map(|(i, c)| c.requant.parallel().ok_or(i)).collect::<Result<Vec<_>, _>>()?;
    let uniform = config.uniform() && packed.windows(2).all(|pair| pair[0] == pair[1]);
    // Columns past the last channel get bias and multiplier 0, or the multiplier of all.
    let mut bytes = Vec::new();
    if uniform {
        bytes.extend(packed[0].to_le_bytes());
        bytes.resize(n, 0);
        channels.iter().for_each(|c| bytes.extend(c.bias.to_le_bytes()));
        bytes.resize(layout::UNIFORM_WORDS * n, 0);
    } else {
        for (c, &multiplier) in channels.iter().zip(&packed) {
            bytes.extend(layout::param_record(c.bias, multiplier));
            bytes.resize(bytes.len().next_multiple_of(n), 0);
        }
        bytes.resize(n * layout::param_words(n) * n, 0);
    }
    Ok(Records { steps, uniform, bytes })
}
