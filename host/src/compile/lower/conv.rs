//! Convolutions and fully connected layers: a tile for every tap and input block.

use super::{Array, Channel, Lowering, Stage, Unit};
use crate::compile::fold::Folded;
use crate::compile::Refusal;
use crate::graph::{Conv, Output};
use isa::layout;

impl Lowering<'_> {
    /// The stage of a convolution, whose input may be folded.
    pub(super) fn conv(&self, conv: &Conv, folded: Option<&Folded>) -> Result<Stage, Refusal> {
        let n = self.config.n;
        let (inputs, outputs) = (self.input.hwc[2], self.output.hwc[2]);
        let filter = conv.weights.len() / outputs;
        let zero_point = i32::from(conv.input_zero_point);
        let channels: Vec<_> = (0..outputs)
            .map(|o| {
                // Padding reads the zero point too, so one correction serves every pixel.
                let weights = conv.weights[o * filter..(o + 1) * filter].iter().copied();
                let sum: i32 = weights.clone().map(i32::from).sum();
                let bias = conv.bias[o].wrapping_sub(zero_point.wrapping_mul(sum));
                Channel { bias, requant: conv.output.multiplier(o), reach: reach(weights) }
            })
            .collect();
        // All taps count the same, so what a fold leaves empty in the last one is shared out; a product a tap may be lost.
        let products = folded.map_or(filter, |f| f.products);
        let unit = |block: usize| {
            let columns = n.min(outputs - block * n);
            let (tap, others) = (products * columns / conv.window.taps(), self.input.blocks - 1);
            let full = (n * columns).min(tap.checked_div(others).unwrap_or(usize::MAX));
            let macs = [full, tap - full * others];
            Unit { from: 0, blocks: self.input.blocks, to: block, tiles: block, records: block, macs }
        };
        let blocks = layout::blocks(outputs, n);
        Ok(Stage {
            kernel: conv.window.kernel,
            stride: conv.window.stride,
            dilation: folded.map_or([1, 1], |f| f.dilation),
            before: conv.window.before,
            pad: conv.input_zero_point,
            quant: quant(&conv.output),
            units: (0..blocks).map(unit).collect(),
            tiles: (0..blocks).map(|block| tiles(conv, inputs, outputs, block, n)).collect(),
            records: self.records(&channels, quant(&conv.output))?,
            ..self.stage(Array::Dense)
        })
    }
}

/// The least and the greatest sum of products of these weights.
pub fn reach(weights: impl Iterator<Item = i8>) -> [i64; 2] {
    weights.fold([0, 0], |[least, most], w| {
        let ends = [i64::from(w) * i64::from(i8::MIN), i64::from(w) * i64::from(i8::MAX)];
        [least + ends[0].min(ends[1]), most + ends[0].max(ends[1])]
    })
}

/// Zero point, least and greatest output.
pub fn quant(output: &Output) -> [i8; 3] {
    [output.zero_point, output.low, output.high.max(output.low)]
}

/// The tiles of an output block in the order the feeder takes them: row, column, input block.
fn tiles(conv: &Conv, inputs: usize, outputs: usize, block: usize, n: usize) -> Vec<u8> {
    let taps = conv.window.taps();
    let input_words = layout::blocks(inputs, n) * n;
    let mut bytes = vec![0; taps * input_words * n];
    for o in block * n..outputs.min((block + 1) * n) {
        for tap in 0..taps {
            let from = &conv.weights[(o * taps + tap) * inputs..][..inputs];
            for (i, &weight) in from.iter().enumerate() {
                bytes[(tap * input_words + i) * n + o - block * n] = weight as u8;
            }
        }
    }
    bytes
}
