//! What both importers leave to be folded away: padding that a convolution can do itself.

use crate::graph::{Graph, Op, Pad, Window};

/// Puts each padding of rows and columns with real zeros into the window of the convolution that alone reads it. Tensors
/// that nothing reads any more stay listed, without nodes.
pub fn fold(mut graph: Graph) -> Graph {
    let mut i = 0;
    while i < graph.nodes.len() {
        match reader(&graph, i) {
            Some((at, before)) => {
                let pad = graph.nodes.remove(i);
                // Nodes stand in the order they run, so the reader was behind it.
                let node = &mut graph.nodes[at - 1];
                node.inputs = pad.inputs;
                if let Some((window, _)) = window(&mut node.op) {
                    window.before = before;
                }
            }
            None => i += 1,
        }
    }
    graph
}

fn window(op: &mut Op) -> Option<(&mut Window, i8)> {
    match op {
        Op::Conv(conv) => Some((&mut conv.window, conv.input_zero_point)),
        Op::Depthwise(conv) => Some((&mut conv.window, conv.input_zero_point)),
        _ => None,
    }
}

/// The convolution that can do the padding of node `i`, and its padding then.
fn reader(graph: &Graph, i: usize) -> Option<(usize, [usize; 2])> {
    let node = &graph.nodes[i];
    let Op::Pad(Pad { before, value }) = node.op else { return None };
    let [from, to] = [node.inputs[0], node.output].map(|id| graph.tensors[id].hwc);
    if from[2] != to[2] || graph.reader_counts()[node.output] != 1 {
        return None;
    }
    let at = graph.nodes.iter().position(|n| n.inputs.contains(&node.output))?;
    let mut op = graph.nodes[at].op.clone();
    let (window, zero_point) = window(&mut op)?;
    let sum = [0, 1].map(|axis| before[axis] + window.before[axis]);
    let output = graph.tensors[graph.nodes[at].output].hwc;
    // As `Graph::check` has it: no window lies wholly in the padding.
    let touches = (0..2).all(|axis| {
        sum[axis] < window.kernel[axis] && (output[axis] - 1) * window.stride[axis] < from[axis] + sum[axis]
    });
    (value == zero_point && touches).then_some((at, sum))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Conv, Node, Output, Tensor};
    use crate::tensor::{Dtype, Order, Rounding, TensorInfo};

    /// Padding by one above and two to the right, then a convolution.
    fn padded(value: i8, kernel: [usize; 2]) -> Graph {
        let shapes = [[4, 4, 1], [5, 6, 1], [6 - kernel[0], 7 - kernel[1], 1]];
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
        let conv = Conv {
            window: Window { kernel, ..Window::POINT },
            input_zero_point: 3,
            weights: (1..=(kernel[0] * kernel[1]) as i8).collect(),
            bias: vec![0],
            output: Output::plain(),
        };
        let node =
            |input, op| Node { name: "n".into(), label: "Op".into(), inputs: vec![input], output: input + 1, op };
        Graph {
            name: "g".into(),
            tensors: shapes.map(|hwc| Tensor::card("t", hwc)).to_vec(),
            nodes: vec![node(0, Op::Pad(Pad { before: [1, 0, 0], value })), node(1, Op::Conv(conv))],
            inputs: vec![(0, info(shapes[0]))],
            outputs: vec![(2, info(shapes[2]))],
        }
    }

    #[test]
    fn padding_goes_into_the_window_and_the_result_stays() {
        let graph = padded(3, [2, 3]);
        let folded = fold(graph.clone());
        assert_eq!(folded.nodes.len(), 1);
        let input: Vec<i8> = (0..16).collect();
        assert_eq!(crate::reference::run(&folded, &input), crate::reference::run(&graph, &input));
        assert!(crate::reference::run(&graph, &input).is_ok());
    }

    #[test]
    fn padding_stays_where_it_is_no_zero_or_wider_than_the_kernel() {
        assert_eq!(fold(padded(4, [2, 3])).nodes.len(), 2);
        assert_eq!(fold(padded(3, [1, 3])).nodes.len(), 2);
    }
}
