//! Random quantised graphs that are sound by construction.

use rand::rngs::StdRng;
use rand::Rng;
use systole::graph::{Conv, Graph, Node, Op, Output, Pool, PoolKind, Requant, Tensor, Window};
use systole::tensor::{Dtype, Order, Rounding, TensorInfo};

/// Limits of a random graph.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most rows and columns of the input.
    pub extent: usize,
    /// Most channels of any tensor.
    pub channels: usize,
    /// Most nodes.
    pub nodes: usize,
}

/// A tensor's description for a model that has it channels first or last.
pub fn info(name: &str, hwc: [usize; 3], order: Order) -> TensorInfo {
    let shape = match order {
        Order::ChannelsFirst => vec![hwc[2], hwc[0], hwc[1]],
        Order::ChannelsLast => hwc.to_vec(),
    };
    TensorInfo {
        name: name.into(),
        shape,
        dtype: Dtype::Int8,
        order,
        hwc,
        scale: 0.5,
        zero_point: -3,
        rounding: Rounding::TiesToEven,
    }
}

/// A chain of random nodes.
pub fn chain(rng: &mut StdRng, limits: Limits) -> Graph {
    let hwc = [rng.random_range(1..=limits.extent), rng.random_range(1..=limits.extent), channels(rng, limits)];
    let mut tensors = vec![Tensor::card("input", hwc)];
    let mut nodes: Vec<Node> = Vec::new();
    for i in 0..rng.random_range(1..=limits.nodes) {
        let from = tensors[i].hwc;
        let wide = channels(rng, limits);
        let (op, to) = match rng.random_range(0..10) {
            0..5 => conv(rng, from, wide),
            5 => fully_connected(rng, from, wide),
            6..8 => pool(rng, from, PoolKind::Max),
            8 => pool(rng, from, PoolKind::Sum),
            _ => {
                let low = rng.random_range(-128..=0);
                (Op::Clamp { low, high: rng.random_range(low..=127) }, from)
            }
        };
        tensors.push(Tensor::card(&format!("t{i}"), to));
        nodes.push(Node { name: format!("n{i}"), label: "Op".into(), inputs: vec![i], output: i + 1, op });
    }
    let order = |rng: &mut StdRng| if rng.random() { Order::ChannelsFirst } else { Order::ChannelsLast };
    let last = tensors.len() - 1;
    let inputs = vec![(0, info("input", hwc, order(rng)))];
    let outputs = vec![(last, info("output", tensors[last].hwc, order(rng)))];
    Graph { name: "random".into(), tensors, nodes, inputs, outputs }
}

fn channels(rng: &mut StdRng, limits: Limits) -> usize {
    // Few channels are as interesting as many: half of the draws are small.
    let most = if rng.random() { limits.channels } else { limits.channels.min(6) };
    rng.random_range(1..=most)
}

/// A random window over `from` and the extents of its output.
fn window(rng: &mut StdRng, from: [usize; 3]) -> (Window, [usize; 2]) {
    let mut window = Window::POINT;
    let mut to = [1, 1];
    for axis in 0..2 {
        let kernel = rng.random_range(1..=5usize.min(from[axis] + 2));
        let stride = rng.random_range(1..=3);
        let [before, after] = [0, 0].map(|_| rng.random_range(0..kernel));
        let kernel = kernel.min(from[axis] + before + after);
        let before = before.min(kernel - 1);
        let steps = (from[axis] + before + after - kernel) / stride;
        // No window wholly in the padding.
        to[axis] = 1 + steps.min((from[axis] + before - 1) / stride);
        (window.kernel[axis], window.stride[axis], window.before[axis]) = (kernel, stride, before);
    }
    (window, to)
}

/// A requantisation that brings sums of about `size` into the range of an activation.
fn output(rng: &mut StdRng, size: f64, channels: usize) -> Output {
    let count = if rng.random() { 1 } else { channels };
    let requant =
        (0..count).map(|_| Requant::from_real(rng.random_range(0.2..3.0) * 64.0 / size).expect("in range")).collect();
    let low = if rng.random() { -128 } else { rng.random_range(-128..=20) };
    let high = if rng.random() { 127 } else { rng.random_range(low..=127) };
    Output { requant, zero_point: rng.random_range(-128..=127), low, high }
}

fn weights(rng: &mut StdRng, count: usize) -> Vec<i8> {
    (0..count).map(|_| rng.random()).collect()
}

fn conv(rng: &mut StdRng, from: [usize; 3], channels: usize) -> (Op, [usize; 3]) {
    let (window, to) = window(rng, from);
    (convolution(rng, from, window, channels), [to[0], to[1], channels])
}

fn fully_connected(rng: &mut StdRng, from: [usize; 3], channels: usize) -> (Op, [usize; 3]) {
    let window = Window { kernel: [from[0], from[1]], ..Window::POINT };
    (convolution(rng, from, window, channels), [1, 1, channels])
}

/// A convolution with random weights.
pub fn convolution(rng: &mut StdRng, from: [usize; 3], window: Window, channels: usize) -> Op {
    let filter = window.kernel[0] * window.kernel[1] * from[2];
    Op::Conv(Conv {
        window,
        input_zero_point: rng.random_range(-128..=127),
        weights: weights(rng, channels * filter),
        bias: (0..channels).map(|_| rng.random_range(-20_000..20_000)).collect(),
        output: output(rng, 74.0 * 74.0 * (filter as f64).sqrt(), channels),
    })
}

/// A random pool.
pub fn pool(rng: &mut StdRng, from: [usize; 3], kind: PoolKind) -> (Op, [usize; 3]) {
    let (window, to) = window(rng, from);
    let count = window.kernel[0] * window.kernel[1];
    let (pad, bias, output) = match kind {
        PoolKind::Max => (-128, 0, Output { requant: vec![Requant::ONE], zero_point: 0, low: -100, high: 127 }),
        PoolKind::Sum if rng.random() => {
            let requant = vec![Requant::mean(count).expect("in range")];
            (rng.random(), 0, Output { requant, zero_point: 0, low: -128, high: 127 })
        }
        PoolKind::Sum => (rng.random(), rng.random_range(-500..500), output(rng, 64.0 * count as f64, from[2])),
        PoolKind::Mean => {
            let requant = (1..=count).map(|k| Requant::mean(k).expect("in range")).collect();
            (0, rng.random_range(-20..20), Output { requant, zero_point: 0, low: -128, high: 127 })
        }
    };
    (Op::Pool(Pool { kind, window, pad, bias, output }), [to[0], to[1], from[2]])
}

/// Random input values of a graph.
pub fn input(rng: &mut StdRng, graph: &Graph) -> Vec<i8> {
    weights(rng, graph.inputs[0].1.elements())
}
