//! Pass: the model's input is laid out so that its first convolution fills the rows of the array.
//!
//! A first layer has few channels, and each tap of its kernel would stream words that are mostly empty. So the host puts
//! the channels of neighbouring pixels, those that lie under one row of the kernel or under all of it, into the channels
//! of one pixel on the card. The weights keep their order; the kernel loses its columns, or its rows too. What the card
//! computes stays the same, and so do its multiply-accumulates: only empty rows go.

use super::lower::Part;
use crate::graph::{Graph, Op, TensorId, Window, MAX_CHANNELS};
use crate::tensor::Fold;
use isa::{config::Config, layout};

/// Folds an input of a part of `graph` where that saves cycles and fits, and says how the host has to lay it out.
pub fn fold(graph: &mut Graph, id: TensorId, part: &Part, config: &Config) -> Fold {
    let none = Fold::none(graph.tensors[id].hwc);
    let Some(reader) = only_reader(graph, id).filter(|reader| part.nodes.contains(reader)) else { return none };
    let [input, output] = [graph.nodes[reader].inputs[0], graph.nodes[reader].output].map(|id| graph.tensors[id].hwc);
    let Op::Conv(conv) = &mut graph.nodes[reader].op else { return none };
    let Window { kernel, stride, before } = conv.window;
    // The pixels under a row of the kernel become one, or those under the whole kernel.
    let candidates = [[false, false], [false, true], [true, true]].map(|axes| {
        let gather = |values: [usize; 2], otherwise: usize| [0, 1].map(|a| if axes[a] { values[a] } else { otherwise });
        let gathered = gather(kernel, 1);
        let [height, width] = [0, 1].map(|a| if axes[a] { output[a] } else { input[a] });
        let hwc = [height, width, input[2] * gathered[0] * gathered[1]];
        let (stride, before) = (gather(stride, 1), gather(before, 0));
        (axes, Fold { kernel: gathered, stride, before, pad: conv.input_zero_point, hwc })
    });
    let output_words = output[0] * output[1] * layout::blocks(output[2], config.n);
    let fits = |f: &Fold| f.hwc[2] <= MAX_CHANNELS && f.words(config.n) + output_words <= config.act_words();
    let best = candidates
        .into_iter()
        .filter(|(axes, f)| *axes == [false, false] || fits(f))
        .min_by_key(|(_, f)| cycles(f, kernel, output, config.n));
    let Some((axes, best)) = best else { return none };
    for (axis, _) in axes.iter().enumerate().filter(|(_, &gathered)| gathered) {
        // What the host has gathered the card need not walk over.
        (conv.window.kernel[axis], conv.window.stride[axis], conv.window.before[axis]) = (1, 1, 0);
    }
    graph.tensors[id].hwc = best.hwc;
    best
}

/// The only node that reads a tensor.
fn only_reader(graph: &Graph, input: TensorId) -> Option<usize> {
    let reader = graph.nodes.iter().position(|n| n.inputs.contains(&input))?;
    (graph.reader_counts()[input] == 1).then_some(reader)
}

/// Cycles to load the input and to stream it for every block of outputs.
fn cycles(fold: &Fold, kernel: [usize; 2], output: [usize; 3], n: usize) -> usize {
    let taps = kernel[0] / fold.kernel[0] * (kernel[1] / fold.kernel[1]);
    let words = taps * layout::blocks(fold.hwc[2], n);
    fold.words(n) + output[0] * output[1] * layout::blocks(output[2], n) * words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Conv, Node, Output, Requant, Tensor};
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
        fold(graph, 0, &Part { nodes: vec![0], inputs: vec![0], outputs: vec![1] }, config)
    }

    #[test]
    fn as_much_is_gathered_as_fills_the_rows() {
        for (n, gathered) in [(4, [1, 3]), (8, [3, 3]), (16, [3, 3])] {
            let mut graph = first_layer([8, 8, 1], 3, 16);
            let fold = folded(&mut graph, &config(n, 12));
            assert_eq!((n, fold.kernel), (n, gathered));
            assert_eq!(graph.tensors[0].hwc, [8, 8, gathered[0] * gathered[1]]);
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
