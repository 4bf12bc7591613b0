//! What both importers leave to be folded away: padding that a convolution can do itself.

use crate::graph::{Graph, Op, Pad, Window};

/// Puts each padding of rows and columns with real zeros into the window of the convolution that alone reads it. Tensors
/// that nothing reads any more stay listed, without nodes.
pub fn fold(mut graph: Graph) -> Graph {
    let counts = graph.reader_counts();
    let mut readers = vec![None; graph.tensors.len()];
    for (i, node) in graph.nodes.iter().enumerate() {
        node.inputs.iter().for_each(|&id| readers[id] = Some(i));
    }
    let mut gone = vec![false; graph.nodes.len()];
    for (i, gone) in gone.iter_mut().enumerate() {
        let output = graph.nodes[i].output;
        let Some(at) = readers[output].filter(|_| counts[output] == 1) else { continue };
        let Some(before) = joined(&graph, i, at) else { continue };
        graph.nodes[at].inputs = graph.nodes[i].inputs.clone();
        if let Some(window) = window(&mut graph.nodes[at].op) {
            window.before = before;
        }
        *gone = true;
    }
    let mut gone = gone.into_iter();
    graph.nodes.retain(|_| !gone.next().unwrap_or(false));
    graph
}

fn window(op: &mut Op) -> Option<&mut Window> {
    match op {
        Op::Conv(conv) => Some(&mut conv.window),
        Op::Depthwise(conv) => Some(&mut conv.window),
        _ => None,
    }
}

/// The padding that the convolution `at` has when it does that of node `i` too, if it can.
fn joined(graph: &Graph, i: usize, at: usize) -> Option<[usize; 2]> {
    let node = &graph.nodes[i];
    let Op::Pad(Pad { before, value }) = node.op else { return None };
    let [from, to] = [node.inputs[0], node.output].map(|id| graph.tensors[id].hwc);
    let (window, zero_point) = match &graph.nodes[at].op {
        Op::Conv(conv) => (conv.window, conv.input_zero_point),
        Op::Depthwise(conv) => (conv.window, conv.input_zero_point),
        _ => return None,
    };
    let sum = [0, 1].map(|axis| before[axis] + window.before[axis]);
    let output = graph.tensors[graph.nodes[at].output].hwc;
    // As `Graph::check` has it: no window lies wholly in the padding.
    let touches = (0..2).all(|axis| {
        sum[axis] < window.kernel[axis] && (output[axis] - 1) * window.stride[axis] < from[axis] + sum[axis]
    });
    (from[2] == to[2] && value == zero_point && touches).then_some(sum)
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
