//! Depthwise convolutions: columns of the array as filters along lines; with a channel multiplier, as convolutions of
//! which each output block looks at its own input blocks alone.

use super::conv::{quant, reach};
use super::{Array, Channel, Lowering, Stage, Unit};
use crate::compile::Refusal;
use crate::graph::Depthwise;
use isa::layout;

impl Lowering<'_> {
    /// The stage of a depthwise convolution.
    pub(super) fn depthwise(&self, conv: &Depthwise) -> Result<Stage, Refusal> {
        let (n, outputs) = (self.config.n, self.output.hwc[2]);
        let taps = conv.window.taps();
        let zero_point = i32::from(conv.input_zero_point);
        let channels: Vec<_> = (0..outputs)
            .map(|o| {
                let weights = (0..taps).map(|tap| conv.weights[tap * outputs + o]);
                let sum: i32 = weights.clone().map(i32::from).sum();
                let bias = conv.bias[o].wrapping_sub(zero_point.wrapping_mul(sum));
                Channel { bias, requant: conv.output.multiplier(o), reach: reach(weights) }
            })
            .collect();
        let lines = Array::Line {
            lines: conv.window.kernel[0].min(self.config.line_groups),
            taps: conv.window.kernel[1].min(self.config.line_taps()),
            apart: [self.config.line_groups, self.config.line_taps()],
        };
        // Lines fill up whole tiles with rows below the kernel's. Where not even a strip of one row of outputs has room
        // for those, the layer goes as one with a multiplier does.
        let down = conv.window.kernel[0].div_ceil(self.config.line_groups);
        let span = (down - 1) * self.config.line_groups + conv.window.kernel[0].min(self.config.line_groups);
        let strip = span.min(self.input.hwc[0]) * self.input.row() + self.output.row();
        let wide = strip > self.config.act_words();
        let array = if conv.multiplier == 1 && !wide { lines } else { Array::Dense };
        let mut stage = Stage {
            kernel: conv.window.kernel,
            stride: conv.window.stride,
            before: conv.window.before,
            pad: conv.input_zero_point,
            quant: quant(&conv.output),
            records: self.records(&channels, quant(&conv.output))?,
            ..self.stage(array)
        };
        for block in 0..layout::blocks(outputs, n) {
            let columns = n.min(outputs - block * n);
            let (unit, tiles) = match array {
                Array::Line { lines, taps, .. } => {
                    let tiles = self.line_tiles(conv, block, lines, taps);
                    let (count, total) = (tiles.len() / (n * n), columns * conv.window.taps());
                    let full = total / count;
                    let macs = [full, total - full * (count - 1)];
                    (Unit { from: block, blocks: 1, to: block, tiles: block, records: block, macs }, tiles)
                }
                _ => self.block_diagonal(conv, block, columns),
            };
            stage.units.push(unit);
            stage.tiles.push(tiles);
        }
        Ok(stage)
    }

    /// The tiles of a block of channels: chunks of the kernel, row by row; each holds `taps` columns of `lines` rows,
    /// the last tap of a line first and the last line first, because the words come down past the sums.
    fn line_tiles(&self, conv: &Depthwise, block: usize, lines: usize, taps: usize) -> Vec<u8> {
        let (n, outputs) = (self.config.n, self.output.hwc[2]);
        let (groups, rows) = (self.config.line_groups, self.config.line_taps());
        let [height, width] = conv.window.kernel;
        let (down, across) = (height.div_ceil(groups), width.div_ceil(rows));
        let mut bytes = vec![0; down * across * n * n];
        for (ky, kx) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            let tile = (ky / groups) * across + kx / rows;
            let row = (lines - 1 - ky % groups) * rows + (taps - 1 - kx % rows);
            for o in block * n..outputs.min((block + 1) * n) {
                let weight = conv.weights[(ky * width + kx) * outputs + o];
                bytes[(tile * n + row) * n + o - block * n] = weight as u8;
            }
        }
        bytes
    }

    /// An output block as a convolution over the input blocks that hold its channels.
    fn block_diagonal(&self, conv: &Depthwise, block: usize, columns: usize) -> (Unit, Vec<u8>) {
        let (n, outputs) = (self.config.n, self.output.hwc[2]);
        let input = |o: usize| o / conv.multiplier;
        let from = input(block * n) / n;
        let blocks = input(block * n + columns - 1) / n - from + 1;
        let taps = conv.window.taps();
        let mut bytes = vec![0; taps * blocks * n * n];
        for (tap, o) in (0..taps).flat_map(|tap| (block * n..block * n + columns).map(move |o| (tap, o))) {
            let row = tap * blocks * n + input(o) - from * n;
            bytes[row * n + o - block * n] = conv.weights[tap * outputs + o] as u8;
        }
        // Each output has one product a tap; they are counted where the last of its blocks goes by.
        let macs = [0, columns];
        (Unit { from, blocks, to: block, tiles: block, records: block, macs }, bytes)
    }
}
