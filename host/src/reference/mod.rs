//! The reference interpreter: what a graph means, in plain integers.
//!
//! Written for being obviously right: textbook loops over [height, width, channels], no tiling, no padding of channels,
//! nothing in common with the compiler. What the card gives is compared with this, value for value.

use crate::graph::{Conv, Graph, Node, Op, Output, Pool, PoolKind, Window};

/// Values of an activation tensor, int8, shape [height, width, channels].
pub type Values = Vec<i8>;

/// Runs one inference. `input` is int8 in model order (see [`crate::tensor::TensorInfo`]); so is what is returned.
///
/// # Errors
/// `input` has another length than the graph's input, or the graph is not sound.
pub fn run(graph: &Graph, input: &[i8]) -> Result<Vec<i8>, String> {
    let values = run_all(graph, input)?;
    let (id, info) = &graph.output;
    let mut output = vec![0; info.elements()];
    let [height, width, channels] = info.hwc;
    for (i, value) in values[*id].iter().enumerate() {
        let (y, x, c) = (i / (width * channels), i / channels % width, i % channels);
        debug_assert!(y < height);
        output[info.position(y, x, c)] = *value;
    }
    Ok(output)
}

/// Runs one inference and keeps every tensor, in the order of [`Graph::tensors`], as [height, width, channels].
///
/// # Errors
/// As [`run`].
pub fn run_all(graph: &Graph, input: &[i8]) -> Result<Vec<Values>, String> {
    graph.check()?;
    let (id, info) = &graph.input;
    if input.len() != info.elements() {
        return Err(format!(
            "input `{}` takes {} values (shape {:?}), but there are {}",
            info.name,
            info.elements(),
            info.shape,
            input.len()
        ));
    }
    let mut tensors = vec![Values::new(); graph.tensors.len()];
    let [height, width, channels] = info.hwc;
    for y in 0..height {
        for x in 0..width {
            for c in 0..channels {
                tensors[*id].push(input[info.position(y, x, c)]);
            }
        }
    }
    for node in &graph.nodes {
        tensors[node.output] = run_node(graph, node, &tensors[node.input]);
    }
    Ok(tensors)
}

fn run_node(graph: &Graph, node: &Node, input: &[i8]) -> Values {
    let [from, to] = [node.input, node.output].map(|id| graph.tensors[id].hwc);
    match &node.op {
        Op::Conv(c) => conv(c, input, from, to),
        Op::Pool(p) => pool(p, input, from, to),
        Op::Clamp { low, high } => input.iter().map(|v| (*v).max(*low).min(*high)).collect(),
    }
}

fn conv(conv: &Conv, input: &[i8], from: [usize; 3], to: [usize; 3]) -> Values {
    let mut values = Vec::with_capacity(to.iter().product());
    let zero_point = i32::from(conv.input_zero_point);
    let filter = conv.window.kernel[0] * conv.window.kernel[1] * from[2];
    for oy in 0..to[0] {
        for ox in 0..to[1] {
            for o in 0..to[2] {
                // The card's accumulators wrap at 32 bits, and so does this.
                let mut acc = conv.bias[o];
                for (tap, at) in taps(&conv.window, from, oy, ox) {
                    let Some(at) = at else { continue };
                    for i in 0..from[2] {
                        let weight = i32::from(conv.weights[o * filter + tap * from[2] + i]);
                        acc = acc.wrapping_add((i32::from(input[at + i]) - zero_point).wrapping_mul(weight));
                    }
                }
                values.push(finish(&conv.output, o, acc));
            }
        }
    }
    values
}

fn pool(pool: &Pool, input: &[i8], from: [usize; 3], to: [usize; 3]) -> Values {
    let mut values = Vec::with_capacity(to.iter().product());
    for oy in 0..to[0] {
        for ox in 0..to[1] {
            for c in 0..to[2] {
                let window =
                    taps(&pool.window, from, oy, ox).map(|(_, at)| i32::from(at.map_or(pool.pad, |a| input[a + c])));
                let acc = match pool.kind {
                    PoolKind::Max => window.max().unwrap_or(i32::from(pool.pad)),
                    PoolKind::Sum => window.sum(),
                };
                values.push(finish(&pool.output, c, acc.wrapping_add(pool.bias)));
            }
        }
    }
    values
}

/// The taps of the window of one output: number of the tap, and where its channel 0 lies, or `None` in the padding.
fn taps(window: &Window, from: [usize; 3], oy: usize, ox: usize) -> impl Iterator<Item = (usize, Option<usize>)> {
    let Window { kernel, stride, before } = *window;
    (0..kernel[0] * kernel[1]).map(move |tap| {
        let y = (oy * stride[0] + tap / kernel[1]).checked_sub(before[0]).filter(|&y| y < from[0]);
        let x = (ox * stride[1] + tap % kernel[1]).checked_sub(before[1]).filter(|&x| x < from[1]);
        (tap, y.zip(x).map(|(y, x)| (y * from[1] + x) * from[2]))
    })
}

fn finish(output: &Output, channel: usize, acc: i32) -> i8 {
    let value = output.multiplier(channel).apply(acc) + i64::from(output.zero_point);
    value.clamp(i64::from(output.low), i64::from(output.high).max(i64::from(output.low))) as i8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Requant, Tensor};
    use crate::tensor::{Dtype, Order, TensorInfo};

    fn one_node(from: [usize; 3], to: [usize; 3], op: Op) -> Graph {
        let info = |hwc: [usize; 3]| TensorInfo {
            name: "t".into(),
            shape: hwc.to_vec(),
            dtype: Dtype::Int8,
            order: Order::ChannelsLast,
            hwc,
            scale: 1.0,
            zero_point: 0,
        };
        let tensor = |hwc| Tensor { name: "t".into(), hwc };
        let node = Node { name: "n".into(), label: "Op".into(), input: 0, output: 1, op };
        Graph {
            name: "g".into(),
            tensors: vec![tensor(from), tensor(to)],
            nodes: vec![node],
            input: (0, info(from)),
            output: (1, info(to)),
        }
    }

    fn plain() -> Output {
        Output { requant: vec![Requant::ONE], zero_point: 0, low: -128, high: 127 }
    }

    #[test]
    fn a_convolution_by_hand() {
        let conv = Conv {
            window: Window { kernel: [2, 2], stride: [1, 1], before: [1, 1] },
            input_zero_point: 1,
            weights: vec![1, 2, 3, 4],
            bias: vec![10],
            output: plain(),
        };
        let graph = one_node([2, 2, 1], [2, 2, 1], Op::Conv(conv));
        // Less its zero point the input is [1 2; 3 4]; outside it is 0.
        let want = vec![10 + 4, 10 + 3 + 8, 10 + 2 + 12, 10 + 1 + 4 + 9 + 16];
        assert_eq!(run(&graph, &[2, 3, 4, 5]).unwrap(), want);
    }

    #[test]
    fn pools_by_hand() {
        let window = Window { kernel: [2, 2], stride: [2, 2], before: [0, 0] };
        let max = Pool { kind: PoolKind::Max, window, pad: -128, bias: 0, output: plain() };
        let input = [-5, -7, 1, 2, -9, -6, 4, 3];
        assert_eq!(run(&one_node([2, 4, 1], [1, 2, 1], Op::Pool(max.clone())), &input).unwrap(), [-5, 4]);
        let output = Output { requant: vec![Requant::mean(4).unwrap()], ..plain() };
        let mean = Pool { kind: PoolKind::Sum, output, ..max };
        // −27 / 4 = −6.75 and 10 / 4 = 2.5, away from zero.
        assert_eq!(run(&one_node([2, 4, 1], [1, 2, 1], Op::Pool(mean)), &input).unwrap(), [-7, 3]);
    }

    #[test]
    fn an_input_of_another_length_is_refused() {
        let graph = one_node([1, 2, 1], [1, 2, 1], Op::Clamp { low: 0, high: 5 });
        assert_eq!(run(&graph, &[-3, 9]).unwrap(), [0, 5]);
        assert_eq!(run(&graph, &[1]).unwrap_err(), "input `t` takes 2 values (shape [1, 2, 1]), but there are 1");
    }
}
