//! Pass: a clamp goes into the node that writes its input, if nothing else reads that input.

use crate::graph::{Graph, Op};

/// Fuses what can be fused; the outputs stay the same. Tensors that nothing reads any more stay listed, without nodes.
pub fn fuse(mut graph: Graph) -> Graph {
    let mut i = 0;
    while i < graph.nodes.len() {
        if let Some(producer) = clamps_into(&graph, i) {
            let clamp = graph.nodes.remove(i);
            if let Op::Clamp { low, high } = clamp.op {
                narrow(&mut graph.nodes[producer].op, low, high);
            }
            graph.nodes[producer].output = clamp.output;
        } else {
            i += 1;
        }
    }
    graph
}

/// The node that can take over the clamp at `i`.
fn clamps_into(graph: &Graph, i: usize) -> Option<usize> {
    let clamp = &graph.nodes[i];
    if !matches!(clamp.op, Op::Clamp { .. }) {
        return None;
    }
    let input = clamp.inputs[0];
    if graph.reader_counts()[input] != 1 {
        return None;
    }
    graph.nodes.iter().position(|n| n.output == input && !matches!(n.op, Op::Concat(_) | Op::Pad(_) | Op::Host(_)))
}

/// Applies a later clamp to an operator's own. Clamping twice is clamping once to both ends clamped.
fn narrow(op: &mut Op, low: i8, high: i8) {
    if let Some((own_low, own_high)) = output_range(op) {
        let range = [*own_low, *own_high].map(|own| own.max(low).min(high));
        (*own_low, *own_high) = (range[0], range[1]);
    }
}

/// Least and greatest output of an operator that has them.
fn output_range(op: &mut Op) -> Option<(&mut i8, &mut i8)> {
    let output = match op {
        Op::Conv(conv) => &mut conv.output,
        Op::Depthwise(conv) => &mut conv.output,
        Op::Pool(pool) => &mut pool.output,
        Op::Add(add) => &mut add.output,
        Op::Clamp { low, high } => return Some((low, high)),
        Op::Concat(_) | Op::Pad(_) | Op::Host(_) => return None,
    };
    Some((&mut output.low, &mut output.high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Node, Output, Pool, PoolKind, Requant, Tensor, Window};
    use crate::tensor::{Dtype, Order, Rounding, TensorInfo};

    fn chain(ops: Vec<Op>) -> Graph {
        let info = TensorInfo {
            name: "t".into(),
            shape: vec![1, 1, 3],
            dtype: Dtype::Int8,
            order: Order::ChannelsLast,
            hwc: [1, 1, 3],
            scale: 1.0,
            zero_point: 0,
            rounding: Rounding::TiesToEven,
        };
        let tensors = vec![Tensor::card("t", [1, 1, 3]); ops.len() + 1];
        let node = |(i, op)| Node { name: format!("n{i}"), label: "Op".into(), inputs: vec![i], output: i + 1, op };
        let last = ops.len();
        let nodes = ops.into_iter().enumerate().map(node).collect();
        Graph { name: "g".into(), tensors, nodes, inputs: vec![(0, info.clone())], outputs: vec![(last, info)] }
    }

    fn identity() -> Op {
        let output = Output { requant: vec![Requant::ONE], zero_point: 0, low: -128, high: 127 };
        Op::Pool(Pool { kind: PoolKind::Sum, window: Window::POINT, pad: 0, bias: 0, output })
    }

    #[test]
    fn clamps_fuse_into_their_producer_and_the_result_stays() {
        let graph = chain(vec![identity(), Op::Clamp { low: -5, high: 100 }, Op::Clamp { low: -20, high: 7 }]);
        let fused = fuse(graph.clone());
        assert_eq!(fused.nodes.len(), 1);
        let input = [-100, 3, 90];
        let want = crate::reference::run(&graph, &input).unwrap();
        assert_eq!(want, [-5, 3, 7]);
        assert_eq!(crate::reference::run(&fused, &input).unwrap(), want);
    }

    #[test]
    fn a_clamp_stays_when_its_input_is_read_elsewhere_or_is_the_models() {
        assert_eq!(fuse(chain(vec![Op::Clamp { low: 0, high: 9 }])).nodes.len(), 1);
        let mut graph = chain(vec![identity(), Op::Clamp { low: 0, high: 9 }]);
        graph.outputs[0].0 = 1;
        assert_eq!(fuse(graph).nodes.len(), 2);
    }
}
