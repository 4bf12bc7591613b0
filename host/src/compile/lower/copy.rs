//! What moves values without weights of the model: pools, clamps, additions on their own, padding, concatenation.

use super::conv::quant;
use super::{Array, Channel, Lowering, Stage, Unit, View};
use crate::compile::tile::Tile;
use crate::compile::Refusal;
use crate::graph::{Concat, Output, Pad, Pool, PoolKind, Requant, Window};
use isa::layout;

/// Why an addition stays with the host.
const NO_ADDITION: &str = "the configuration does not add, or the card's single rounding cannot give the model's sums";
/// Most copies of an identity tile.
const MOST_COPIES: usize = 8;

impl Lowering<'_> {
    /// The stages of a pool: one, or for a mean one for each part of the output whose windows have as many elements
    /// inside the input.
    pub(super) fn pool(&self, pool: &Pool) -> Result<Vec<Stage>, Refusal> {
        let mut output = pool.output.clone();
        if pool.kind == PoolKind::Mean {
            output.requant.truncate(1);
        }
        let max = pool.kind == PoolKind::Max;
        let mut stage = self.identity(max, &output, pool.bias, if max { 1 } else { pool.window.taps() })?;
        (stage.kernel, stage.stride) = (pool.window.kernel, pool.window.stride);
        (stage.before, stage.pad) = (pool.window.before, pool.pad);
        if pool.kind != PoolKind::Mean {
            return Ok(vec![stage]);
        }
        stage.pad = 0;
        let mut stages = Vec::new();
        let [rows, columns] = [0, 1].map(|axis| spans(&pool.window, self.input.hwc, self.output.hwc, axis));
        for &(y, height, down) in &rows {
            for &(x, width, across) in &columns {
                let count = down * across;
                output.requant = vec![pool.output.multiplier(count - 1)];
                let bias = pool.bias.wrapping_mul(count as i32);
                let part = self.identity(false, &output, bias, count)?;
                let region = Tile { y, x, height, width };
                stages.push(Stage { region, records: part.records, ..stage.clone() });
            }
        }
        Ok(stages)
    }

    /// The stage of a clamp.
    pub(super) fn clamp(&self, low: i8, high: i8) -> Result<Stage, Refusal> {
        self.identity(false, &Output { low, high, ..Output::plain() }, 0, 1)
    }

    /// The stage of an addition that no other node could take over: one tensor goes through the array as it is.
    pub(super) fn add(&self) -> Result<Stage, Refusal> {
        if self.sum.is_none() {
            return Err(Refusal::new(self.index, NO_ADDITION.into()));
        }
        self.identity(false, &Output::plain(), 0, 1)
    }

    /// The stage of a padding: taps outside the input read the value.
    pub(super) fn pad(&self, pad: &Pad) -> Result<Stage, Refusal> {
        let mut stage = match pad.before[2] == 0 && self.input.hwc[2] == self.output.hwc[2] {
            true => self.identity(false, &Output::plain(), 0, 1)?,
            false => self.shifted(pad)?,
        };
        (stage.before, stage.pad) = ([pad.before[0], pad.before[1]], pad.value);
        Ok(stage)
    }

    /// Padding that adds channels: a convolution of one tap that moves channels; what it adds is the bias.
    fn shifted(&self, pad: &Pad) -> Result<Stage, Refusal> {
        let (n, inputs, outputs) = (self.config.n, self.input.hwc[2], self.output.hwc[2]);
        let source = |o: usize| o.checked_sub(pad.before[2]).filter(|&i| i < inputs);
        let bias = |o: usize| if source(o).is_some() { 0 } else { i32::from(pad.value) };
        let channels: Vec<_> = (0..outputs).map(|o| moved(bias(o), Requant::ONE, 1)).collect();
        let stage = self.stage(Array::Dense);
        let mut stage = Stage { records: self.records(&channels, stage.quant)?, ..stage };
        for block in 0..layout::blocks(outputs, n) {
            let mut tile = vec![0; self.input.blocks * n * n];
            for o in block * n..outputs.min((block + 1) * n) {
                if let Some(i) = source(o) {
                    tile[i * n + o - block * n] = 1;
                }
            }
            stage.tiles.push(tile);
            let blocks = self.input.blocks;
            stage.units.push(Unit { from: 0, blocks, to: block, tiles: block, records: block, macs: [0, 0] });
        }
        Ok(stage)
    }

    /// The stages of a concatenation: those of its inputs that their writers did not put into place, and, where not all of
    /// them begin at a block of channels, one that moves the channels from `staging` closer together.
    pub(super) fn concat(
        &self,
        concat: &Concat,
        inputs: &[View],
        staging: Option<View>,
    ) -> Result<Vec<Stage>, Refusal> {
        let n = self.config.n;
        let wide = staging.unwrap_or(self.output);
        let later = staging.is_some() && concat.is_uniform();
        let mut stages = Vec::new();
        let mut first = wide.first;
        for (part, &input) in concat.parts.iter().zip(inputs) {
            let blocks = layout::blocks(input.hwc[2], n);
            let output = View { hwc: input.hwc, first, blocks, ..wide };
            if input != output {
                let copy = Lowering { input, output, ..*self };
                let (kept, bias) = match later {
                    true => (Output::plain(), 0),
                    false => (part.output.clone(), -i32::from(part.zero_point)),
                };
                stages.push(copy.identity(false, &kept, bias, 1)?);
            }
            first += blocks;
        }
        if let Some(staging) = staging {
            stages.push(self.closer(concat, inputs, staging, later)?);
        }
        Ok(stages)
    }

    /// The stage that moves channels from where each input begins at a block to where they follow each other: a
    /// convolution of one tap. `later`: it requantises them too.
    fn closer(&self, concat: &Concat, inputs: &[View], staging: View, later: bool) -> Result<Stage, Refusal> {
        let n = self.config.n;
        // For each channel, where it comes from and which input that is.
        let mut sources = Vec::new();
        let mut first = 0;
        for (number, input) in inputs.iter().enumerate() {
            sources.extend((0..input.hwc[2]).map(|c| (first * n + c, number)));
            first += layout::blocks(input.hwc[2], n);
        }
        let multiplier = |&(_, number): &(usize, usize)| {
            let part = &concat.parts[number];
            moved(-i32::from(part.zero_point), part.output.multiplier(0), 1)
        };
        let channels: Vec<_> = match later {
            true => sources.iter().map(multiplier).collect(),
            false => vec![moved(0, Requant::ONE, 1); sources.len()],
        };
        let here = Lowering { input: staging, ..*self };
        let mut stage = here.stage(Array::Dense);
        if let Some(part) = concat.parts.first().filter(|_| later) {
            stage.quant = quant(&part.output);
        }
        stage.records = self.records(&channels, stage.quant)?;
        for (block, of_block) in sources.chunks(n).enumerate() {
            let from = of_block[0].0 / n;
            let blocks = of_block[of_block.len() - 1].0 / n - from + 1;
            let mut tile = vec![0; blocks * n * n];
            for (column, (source, _)) in of_block.iter().enumerate() {
                tile[(source - from * n) * n + column] = 1;
            }
            stage.tiles.push(tile);
            stage.units.push(Unit { from, blocks, to: block, tiles: block, records: block, macs: [0, 0] });
        }
        Ok(stage)
    }

    /// A stage through the identity: one tile for all taps, a unit for each block. A sum has up to `terms` values.
    fn identity(&self, max: bool, output: &Output, bias: i32, terms: usize) -> Result<Stage, Refusal> {
        let n = self.config.n;
        let mut tile = vec![0; n * n];
        for i in 0..n {
            tile[i * n + i] = 1;
        }
        // One record block serves all output blocks unless the multiplier differs by channel.
        let one = output.requant.len() != self.output.hwc[2] || self.output.hwc[2] <= n;
        let channels: Vec<Channel> = match output.requant.len() {
            len if len == self.output.hwc[2] => output.requant.iter().map(|&r| moved(bias, r, terms)).collect(),
            _ => vec![moved(bias, output.multiplier(0), terms); n],
        };
        // A tile for each of a few blocks: the next job's can then be read ahead.
        let copies = self.output.blocks.min(MOST_COPIES);
        let unit = |block: usize| {
            let records = if one { 0 } else { block };
            let tiles = if self.output.blocks == copies { block } else { 0 };
            Unit { from: block, blocks: 1, to: block, tiles, records, macs: [0, 0] }
        };
        Ok(Stage {
            quant: quant(output),
            units: (0..self.output.blocks).map(unit).collect(),
            tiles: if self.output.blocks == copies { vec![tile; copies] } else { vec![tile] },
            records: self.records(&channels, quant(output))?,
            ..self.stage(Array::Identity { max })
        })
    }
}

/// A channel whose sums are of so many values as they are.
fn moved(bias: i32, requant: Requant, terms: usize) -> Channel {
    Channel { bias, requant, reach: [i8::MIN, i8::MAX].map(|end| i64::from(end) * terms as i64) }
}

/// Runs of outputs along an axis whose windows have as many elements inside: first output, outputs, elements.
fn spans(window: &Window, from: [usize; 3], to: [usize; 3], axis: usize) -> Vec<(usize, usize, usize)> {
    let mut spans: Vec<(usize, usize, usize)> = Vec::new();
    for o in 0..to[axis] {
        let at = o * window.stride[axis];
        let inside = (0..window.kernel[axis])
            .filter(|k| (at + k).checked_sub(window.before[axis]).is_some_and(|i| i < from[axis]))
            .count();
        match spans.last_mut() {
            Some((_, count, elements)) if *elements == inside => *count += 1,
            _ => spans.push((o, 1, inside)),
        }
    }
    spans
}
