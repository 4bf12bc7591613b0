//! Pass: the model's input is laid out so that its first convolution fills the rows of the array.
//!
//! A first layer has few channels, and each tap of its kernel would stream words that are mostly empty. So the host puts
//! the channels of neighbouring pixels into the channels of one pixel on the card: those under all of the kernel, under a
//! row of it, or under so many of its rows and columns as fill a word. What the card computes stays the same, and so do
//! its multiply-accumulates: only empty rows go.
//!
//! Along an axis the host may gather any number g of the kernel's K rows. If all, the card has one tap, and a pixel for
//! each output. If fewer, the card has T = ⌈K / g⌉ taps, g rows of the input apart; those of the last that lie past the
//! kernel meet zero weights. Pixels on the card then begin q = gcd(g, stride) rows apart, so that each tap of each
//! output begins at one of them: outputs are stride / q of them apart, taps g / q, and outputs share what they have in
//! common. The card tells padding by coordinates that count taps one by one, so where taps lie further apart the
//! padding is gathered too, and none is left to the card.

use super::lower::Part;
use crate::graph::{Conv, Graph, Op, TensorId, MAX_CHANNELS, MAX_EXTENT};
use crate::tensor::Fold;
use isa::{config::Config, layout};

/// What a convolution has become whose input was folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The convolution, by its position in the graph.
    pub node: usize,
    /// Rows and columns of its input from tap to tap.
    pub dilation: [usize; 2],
    /// Products of an output, without those of weights past the kernel.
    pub products: usize,
}

/// One way to gather along an axis: rows, or columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Axis {
    /// Rows gathered into a pixel.
    gathered: usize,
    /// Rows from pixel to pixel, and those that the first one lies before the input.
    pitch: usize,
    lead: usize,
    /// Pixels.
    extent: usize,
    /// What is left to the card: taps, pixels from output to output, from tap to tap, and of padding before the input.
    taps: usize,
    stride: usize,
    dilation: usize,
    before: usize,
}

/// All ways along an axis with a kernel and a stride, padding `before` an input of so many rows, and so many outputs.
fn axes(kernel: usize, stride: usize, before: usize, [input, output]: [usize; 2]) -> Vec<Axis> {
    let none = Axis { gathered: 1, pitch: 1, lead: 0, extent: input, taps: kernel, stride, dilation: 1, before };
    let whole = Axis {
        gathered: kernel,
        pitch: stride,
        lead: before,
        extent: output,
        taps: 1,
        stride: 1,
        dilation: 1,
        before: 0,
    };
    let part = |gathered: usize| {
        let (pitch, taps) = (gcd(gathered, stride), kernel.div_ceil(gathered));
        let (stride, dilation) = (stride / pitch, gathered / pitch);
        let extent = (output - 1) * stride + (taps - 1) * dilation + 1;
        Axis { gathered, pitch, lead: before, extent, taps, stride, dilation, before: 0 }
    };
    [none, whole].into_iter().chain((2..kernel).map(part)).collect()
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 {
        a
    } else {
        gcd(b, a % b)
    }
}

/// Folds an input of a part of `graph` where that saves cycles and fits; says how the host has to lay it out, and what its
/// reader is then.
pub fn fold(graph: &mut Graph, id: TensorId, part: &Part, config: &Config) -> (Fold, Option<Folded>) {
    let none = Fold::none(graph.tensors[id].hwc);
    let Some(reader) = only_reader(graph, id).filter(|reader| part.nodes.contains(reader)) else { return (none, None) };
    let [input, output] = [graph.nodes[reader].inputs[0], graph.nodes[reader].output].map(|id| graph.tensors[id].hwc);
    let Op::Conv(conv) = &mut graph.nodes[reader].op else { return (none, None) };
    let window = conv.window;
    let [rows, columns] =
        [0, 1].map(|a| axes(window.kernel[a], window.stride[a], window.before[a], [input[a], output[a]]));
    let pad = conv.input_zero_point;
    let candidates = rows.iter().flat_map(|&y| columns.iter().map(move |&x| [y, x]));
    let output_words = output[0] * output[1] * layout::blocks(output[2], config.n);
    let fits = |f: &Fold| {
        let small = f.hwc[2] <= MAX_CHANNELS && f.hwc[0].max(f.hwc[1]) <= MAX_EXTENT;
        small && f.words(config.n) + output_words <= config.act_words()
    };
    let best = candidates
        .map(|axes| (axes, layout_of(axes, input[2], pad)))
        .enumerate()
        // The first is the input as it is.
        .filter(|(i, (_, f))| *i == 0 || fits(f))
        .map(|(_, candidate)| candidate)
        .min_by_key(|(axes, f)| cycles(axes, f, output, config.n));
    let Some((axes, best)) = best else { return (none, None) };
    let products = conv.weights.len() / output[2];
    conv.weights = gathered(conv, axes, input[2], output[2]);
    conv.window.kernel = axes.map(|a| a.taps);
    conv.window.stride = axes.map(|a| a.stride);
    conv.window.before = axes.map(|a| a.before);
    graph.tensors[id].hwc = best.hwc;
    (best, Some(Folded { node: reader, dilation: axes.map(|a| a.dilation), products }))
}

/// How an input with so many channels is laid out.
fn layout_of(axes: [Axis; 2], channels: usize, pad: i8) -> Fold {
    let [y, x] = axes;
    Fold {
        kernel: axes.map(|a| a.gathered),
        stride: axes.map(|a| a.pitch),
        before: axes.map(|a| a.lead),
        pad,
        hwc: [y.extent, x.extent, y.gathered * x.gathered * channels],
    }
}

/// The only node that reads a tensor.
fn only_reader(graph: &Graph, input: TensorId) -> Option<usize> {
    let reader = graph.nodes.iter().position(|n| n.inputs.contains(&input))?;
    (graph.reader_counts()[input] == 1).then_some(reader)
}

/// Cycles to load the input and to stream it for every block of outputs.
fn cycles([y, x]: &[Axis; 2], fold: &Fold, output: [usize; 3], n: usize) -> usize {
    let words = y.taps * x.taps * layout::blocks(fold.hwc[2], n);
    fold.words(n) + output[0] * output[1] * layout::blocks(output[2], n) * words
}

/// The weights in the order of the gathered channels, with zeros past the kernel.
fn gathered(conv: &Conv, [y, x]: [Axis; 2], inputs: usize, outputs: usize) -> Vec<i8> {
    let [height, width] = conv.window.kernel;
    let mut weights = Vec::with_capacity(outputs * y.taps * x.taps * y.gathered * x.gathered * inputs);
    for o in 0..outputs {
        for (ty, tx) in (0..y.taps).flat_map(|ty| (0..x.taps).map(move |tx| (ty, tx))) {
            for (gy, gx) in (0..y.gathered).flat_map(|gy| (0..x.gathered).map(move |gx| (gy, gx))) {
                let [ky, kx] = [ty * y.gathered + gy, tx * x.gathered + gx];
                if ky < height && kx < width {
                    let from = ((o * height + ky) * width + kx) * inputs;
                    weights.extend(&conv.weights[from..from + inputs]);
                } else {
                    weights.resize(weights.len() + inputs, 0);
                }
            }
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Node, Output, Requant, Tensor, Window};
    use crate::tensor::{Dtype, Order, Rounding, TensorInfo};

    fn first_layer(hwc: [usize; 3], kernel: usize, outputs: usize) -> Graph {
        let info = |hwc: [usize; 3]| TensorInfo {
            name: "t".into(),
            shape: hwc.to_vec(),
            dtype: Dtype::Int8,
            order: Order::ChannelsLast,
            hwc,
            scale: 1.0,
            zero_point: 0,
            rounding: Rounding::TiesToEven,
        };
        let to = [hwc[0], hwc[1], outputs];
        let conv = Conv {
            window: Window { kernel: [kernel; 2], stride: [1, 1], before: [kernel / 2; 2] },
            input_zero_point: 7,
            weights: vec![1; outputs * kernel * kernel * hwc[2]],
            bias: vec![0; outputs],
            output: Output { requant: vec![Requant::ONE], zero_point: 0, low: -128, high: 127 },
        };
        Graph {
            name: "g".into(),
            tensors: [hwc, to].map(|hwc| Tensor::card("t", hwc)).to_vec(),
            nodes: vec![Node {
                name: "n".into(),
                label: "Conv".into(),
                inputs: vec![0],
                output: 1,
                op: Op::Conv(conv),
            }],
            inputs: vec![(0, info(hwc))],
            outputs: vec![(1, info(to))],
        }
    }

    fn config(n: usize, act_words_log2: u32) -> Config {
        Config { act_words_log2, weight_words_log2: 12, acc_words_log2: 8, ..Config::least(n) }
    }

    fn folded(graph: &mut Graph, config: &Config) -> Fold {
        fold(graph, 0, &Part { nodes: vec![0], inputs: vec![0], outputs: vec![1] }, config).0
    }

    #[test]
    fn as_much_is_gathered_as_fills_the_rows() {
        for (n, gathered) in [(4, [1, 3]), (8, [3, 2]), (16, [3, 3])] {
            let mut graph = first_layer([8, 8, 1], 3, 16);
            let fold = folded(&mut graph, &config(n, 12));
            assert_eq!((n, fold.kernel), (n, gathered));
            // With two columns a pixel, the one before the first and the one past the last are there too.
            assert_eq!(graph.tensors[0].hwc, [8, if n == 8 { 10 } else { 8 }, gathered[0] * gathered[1]]);
            assert_eq!(fold.pad, 7);
        }
    }

    #[test]
    fn full_rows_and_a_full_memory_stay_as_they_are() {
        assert_eq!(folded(&mut first_layer([8, 8, 8], 3, 16), &config(8, 12)).kernel, [1, 1]);
        // 64 words in, 128 out: folded whole on 8 rows the input would take 128.
        assert_eq!(folded(&mut first_layer([8, 8, 1], 3, 16), &config(8, 7)).kernel, [1, 1]);
    }
}
