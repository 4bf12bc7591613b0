//! Random quantised graphs that are sound by construction.

use rand::rngs::StdRng;
use rand::Rng;
use systole::graph::{
    Add, Addend, Concat, Conv, Depthwise, Graph, Node, Op, Output, Pad, Part, Pool, PoolKind, Requant, Tensor, Window,
};
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
        let (op, to) = match rng.random_range(0..14) {
            0..4 => conv(rng, from, wide),
            4 => pad(rng, from),
            10..13 => depthwise(rng, from, limits.channels),
            13 => pool(rng, from, PoolKind::Mean),
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
            let scale = rng.random_range(0.3..1.5);
            let requant = (1..=count).map(|k| Requant::from_real(scale / k as f64).expect("in range")).collect();
            (rng.random(), rng.random_range(-128..128), Output { requant, ..output(rng, 64.0, 1) })
        }
    };
    (Op::Pool(Pool { kind, window, pad, bias, output }), [to[0], to[1], from[2]])
}

/// A random depthwise convolution, half of them with several outputs a channel.
pub fn depthwise(rng: &mut StdRng, from: [usize; 3], channels: usize) -> (Op, [usize; 3]) {
    let (window, to) = window(rng, from);
    let multiplier = if rng.random() { 1 } else { rng.random_range(1..=(channels / from[2]).clamp(1, 5)) };
    let outputs = from[2] * multiplier;
    let op = Op::Depthwise(Depthwise {
        window,
        multiplier,
        input_zero_point: rng.random_range(-128..=127),
        weights: weights(rng, outputs * window.taps()),
        bias: (0..outputs).map(|_| rng.random_range(-20_000..20_000)).collect(),
        output: output(rng, 74.0 * 74.0 * (window.taps() as f64).sqrt(), outputs),
    });
    (op, [to[0], to[1], outputs])
}

/// A random padding.
pub fn pad(rng: &mut StdRng, from: [usize; 3]) -> (Op, [usize; 3]) {
    let most = [2, 2, if rng.random() { 3 } else { 0 }];
    let before = most.map(|m| rng.random_range(0..=m));
    let to = [0, 1, 2].map(|axis| from[axis] + before[axis] + rng.random_range(0..=most[axis]));
    (Op::Pad(Pad { before, value: rng.random() }), to)
}

/// A random sum of two tensors of a shape, as TFLite quantises it.
pub fn add(rng: &mut StdRng) -> Op {
    let scales = [0, 1].map(|_| rng.random_range(0.02..0.2));
    let twice = 2.0 * f64::max(scales[0], scales[1]);
    let addends = scales.map(|scale| Addend {
        zero_point: rng.random_range(-128..=127),
        requant: Requant::from_real(scale / twice).expect("in range"),
    });
    let requant = Requant::from_real(twice / (f64::from(1 << 20) * rng.random_range(0.03..0.3))).expect("in range");
    Op::Add(Add { addends, left_shift: 20, output: Output { requant: vec![requant], ..output(rng, 64.0, 1) } })
}

/// A random join of tensors.
pub fn concat(rng: &mut StdRng, count: usize) -> Op {
    let part = |rng: &mut StdRng| match rng.random_range(0..3) {
        0 => Part { zero_point: rng.random(), output: output(rng, 64.0, 1) },
        _ => Part { zero_point: 0, output: Output::plain() },
    };
    Op::Concat(Concat { parts: (0..count).map(|_| part(rng)).collect() })
}

/// A network whose nodes read any of the tensors before them: branches that are added and joined, and ends that nothing
/// reads.
pub fn network(rng: &mut StdRng, limits: Limits) -> Graph {
    let hwc = [rng.random_range(1..=limits.extent), rng.random_range(1..=limits.extent), channels(rng, limits)];
    let mut tensors = vec![Tensor::card("input", hwc)];
    let mut nodes: Vec<Node> = Vec::new();
    let count = rng.random_range(2..=limits.nodes);
    while nodes.len() < count {
        let pick = |rng: &mut StdRng, tensors: &[Tensor]| {
            // Late tensors more often than early ones.
            tensors.len() - 1 - rng.random_range(0..tensors.len().min(3))
        };
        let input = pick(rng, &tensors);
        let from = tensors[input].hwc;
        let like =
            |same: &dyn Fn(&Tensor) -> bool| (0..tensors.len()).filter(|&i| same(&tensors[i])).collect::<Vec<_>>();
        let wide = channels(rng, limits);
        let (op, inputs, to) = match rng.random_range(0..12) {
            0..3 => {
                let others = like(&|t| t.hwc == from);
                (add(rng), vec![input, others[rng.random_range(0..others.len())]], from)
            }
            3..5 => {
                let others = like(&|t| t.hwc[..2] == from[..2]);
                let mut inputs = vec![input];
                for _ in 0..rng.random_range(1..=2) {
                    inputs.push(others[rng.random_range(0..others.len())]);
                }
                let joined = inputs.iter().map(|&i| tensors[i].hwc[2]).sum();
                (concat(rng, inputs.len()), inputs, [from[0], from[1], joined])
            }
            // Of the same size, so that there is something to add to.
            5..7 => {
                let window = Window { kernel: [3, 3], stride: [1, 1], before: [1, 1] };
                (convolution(rng, from, window, from[2]), vec![input], from)
            }
            7 => {
                let (op, to) = depthwise(rng, from, limits.channels);
                (op, vec![input], to)
            }
            8 => (convolution(rng, from, Window::POINT, wide), vec![input], [from[0], from[1], wide]),
            9 => {
                let (op, to) = pool(rng, from, PoolKind::Max);
                (op, vec![input], to)
            }
            10 => {
                let low = rng.random_range(-128..=0);
                (Op::Clamp { low, high: rng.random_range(low..=127) }, vec![input], from)
            }
            _ => {
                let (op, to) = conv(rng, from, wide);
                (op, vec![input], to)
            }
        };
        if to[2] > 4 * limits.channels {
            continue;
        }
        nodes.push(Node { name: format!("n{}", nodes.len()), label: "Op".into(), inputs, output: tensors.len(), op });
        tensors.push(Tensor::card(&format!("t{}", tensors.len()), to));
    }
    let last = tensors.len() - 1;
    let inputs = vec![(0, info("input", hwc, Order::ChannelsFirst))];
    let outputs = vec![(last, info("output", tensors[last].hwc, Order::ChannelsLast))];
    Graph { name: "random".into(), tensors, nodes, inputs, outputs }
}

/// The nodes of a graph and their shapes, in a line.
pub fn brief(graph: &Graph) -> String {
    let node = |node: &Node| {
        let from: Vec<_> = node.inputs.iter().map(|&i| (i, graph.tensors[i].hwc)).collect();
        let window = match &node.op {
            Op::Conv(c) => format!("{:?}", c.window),
            Op::Depthwise(c) => format!("x{} {:?}", c.multiplier, c.window),
            Op::Pool(p) => format!("{:?} {:?}", p.kind, p.window),
            Op::Pad(p) => format!("{:?}", p.before),
            _ => String::new(),
        };
        let to = (node.output, graph.tensors[node.output].hwc);
        format!("{} {window} {from:?} -> {to:?}", node.op.name())
    };
    graph.nodes.iter().map(node).collect::<Vec<_>>().join("; ")
}

/// Random input values of a graph.
pub fn input(rng: &mut StdRng, graph: &Graph) -> Vec<i8> {
    weights(rng, graph.inputs[0].1.elements())
}
