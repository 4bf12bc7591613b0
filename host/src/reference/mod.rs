//! The reference interpreter: what a graph means, in plain integers.
//!
//! Written for being obviously right: textbook loops over [height, width, channels], no tiling, no padding of channels,
//! nothing in common with the compiler. What the card gives is compared with this, value for value.

mod card;
mod host;

use crate::array::Array;
use crate::graph::{Graph, HostOp, Node, Op};
use crate::tensor::TensorInfo;
use crate::text::short;
pub(crate) use host::softmax::Table as SoftmaxTable;

/// Values of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// What the card reads or writes: int8, shape [height, width, channels].
    Card(Vec<i8>),
    /// What only the host sees.
    Host(Array),
}

impl Values {
    /// The bytes of a tensor of the card; empty for one of the host.
    pub fn bytes(&self) -> &[i8] {
        match self {
            Values::Card(bytes) => bytes,
            Values::Host(_) => &[],
        }
    }
}

/// Runs one inference of a graph with one input and one output, both on the card. `input` is int8 in model order (see
/// [`crate::tensor::TensorInfo`]); so is what is returned.
///
/// # Errors
/// `input` has another length than the graph's input, or the graph is not sound or not of this kind.
pub fn run(graph: &Graph, input: &[i8]) -> Result<Vec<i8>, String> {
    let Some(((from, from_info), (to, to_info))) = graph.single() else {
        return Err(format!("{} inputs and {} outputs; run it on arrays", graph.inputs.len(), graph.outputs.len()));
    };
    if graph.tensors[*from].host.is_some() || graph.tensors[*to].host.is_some() {
        return Err("its input or output is none of the card's; run it on arrays".into());
    }
    let values = run_all(graph, vec![Values::Card(to_card(from_info, input)?)])?;
    Ok(from_card(to_info, values[*to].bytes()))
}

/// Runs one inference and keeps every tensor, in the order of [`Graph::tensors`]. `inputs` are those of
/// [`Graph::inputs`], the card's as [height, width, channels].
///
/// # Errors
/// Inputs that do not fit the graph, a graph that is not sound, or what a host operator refuses.
pub fn run_all(graph: &Graph, inputs: Vec<Values>) -> Result<Vec<Values>, String> {
    graph.check()?;
    if inputs.len() != graph.inputs.len() {
        return Err(format!("there are {} inputs; the model takes {}", inputs.len(), graph.inputs.len()));
    }
    let mut tensors: Vec<Values> = graph
        .tensors
        .iter()
        .map(|t| t.value().map_or(Values::Card(Vec::new()), |value| Values::Host(value.clone())))
        .collect();
    for ((id, info), values) in graph.inputs.iter().zip(inputs) {
        let tensor = &graph.tensors[*id];
        let fits = match &values {
            Values::Card(bytes) => tensor.host.is_none() && bytes.len() == tensor.elements(),
            Values::Host(array) => {
                tensor.host.is_some() && array.shape == tensor.shape() && array.dtype == tensor.dtype()
            }
        };
        if !fits {
            return Err(format!(
                "input `{}` takes {} of shape {:?}",
                short(&info.name),
                tensor.dtype().name(),
                tensor.shape()
            ));
        }
        tensors[*id] = values;
    }
    for node in &graph.nodes {
        tensors[node.output] = match &node.op {
            Op::Host(op) => run_host(graph, node, op, &tensors)?,
            op => {
                let inputs: Vec<_> =
                    node.inputs.iter().map(|&id| (tensors[id].bytes(), graph.tensors[id].hwc)).collect();
                Values::Card(card::run(op, &inputs, graph.tensors[node.output].hwc))
            }
        };
    }
    Ok(tensors)
}

/// An input of the card from model order: int8, [height, width, channels].
///
/// # Errors
/// A slice of another length.
pub fn to_card(info: &TensorInfo, input: &[i8]) -> Result<Vec<i8>, String> {
    if input.len() != info.elements() {
        return Err(format!(
            "input `{}` takes {} values (shape {:?}), but there are {}",
            info.name,
            info.elements(),
            info.shape,
            input.len()
        ));
    }
    let [height, width, channels] = info.hwc;
    let mut card = Vec::with_capacity(input.len());
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        card.extend((0..channels).map(|c| input[info.position(y, x, c)]));
    }
    Ok(card)
}

/// An output of the card in model order.
pub fn from_card(info: &TensorInfo, card: &[i8]) -> Vec<i8> {
    let [_, width, channels] = info.hwc;
    let mut output = vec![0; card.len()];
    for (i, value) in card.iter().enumerate() {
        output[info.position(i / (width * channels), i / channels % width, i % channels)] = *value;
    }
    output
}

fn run_host(graph: &Graph, node: &Node, op: &HostOp, tensors: &[Values]) -> Result<Values, String> {
    let inputs: Vec<Array> = node
        .inputs
        .iter()
        .map(|&id| match &tensors[id] {
            Values::Card(bytes) => Array::bytes(&graph.tensors[id].shape(), bytes),
            Values::Host(array) => array.clone(),
        })
        .collect();
    let to = &graph.tensors[node.output];
    let fault = |what: String| format!("node `{}` ({}): {what}", short(&node.name), short(&node.label));
    let array = host::run(op, &inputs, to.dtype(), &to.shape()).map_err(fault)?;
    // What has the card's form lies there as it is in any shape of as many elements.
    let fits = array.dtype == to.dtype() && array.data.len() == to.elements();
    match &to.host {
        None if fits => Ok(Values::Card(array.to_bytes().unwrap_or_default())),
        Some(host) if fits && array.shape == host.shape => Ok(Values::Host(array)),
        _ => {
            let (shape, wanted) = (&array.shape, to.shape());
            Err(fault(format!("it gives {} {shape:?} for {} {wanted:?}", array.dtype.name(), to.dtype().name())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{
        Add, Addend, Concat, Conv, Depthwise, Output, Pad, Part, Pool, PoolKind, Requant, Tensor, Window,
    };
    use crate::tensor::{Dtype, Order, Rounding, TensorInfo};

    fn one_node(from: [usize; 3], to: [usize; 3], op: Op) -> Graph {
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
        let tensor = |hwc| Tensor::card("t", hwc);
        let node = Node { name: "n".into(), label: "Op".into(), inputs: vec![0], output: 1, op };
        Graph {
            name: "g".into(),
            tensors: vec![tensor(from), tensor(to)],
            nodes: vec![node],
            inputs: vec![(0, info(from))],
            outputs: vec![(1, info(to))],
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

    /// Runs one operator of several inputs, each [height, width, channels].
    fn joined(from: &[[usize; 3]], to: [usize; 3], op: Op, inputs: &[&[i8]]) -> Vec<i8> {
        let mut graph = one_node(to, to, op);
        graph.tensors = from.iter().chain([&to]).map(|&hwc| Tensor::card("t", hwc)).collect();
        let info = graph.inputs[0].1.clone();
        let port = |(id, &hwc): (usize, &[usize; 3])| (id, TensorInfo { shape: hwc.to_vec(), hwc, ..info.clone() });
        graph.inputs = from.iter().enumerate().map(port).collect();
        graph.nodes[0].inputs = (0..from.len()).collect();
        (graph.nodes[0].output, graph.outputs[0].0) = (from.len(), from.len());
        let values = inputs.iter().map(|v| Values::Card(v.to_vec())).collect();
        run_all(&graph, values).unwrap().pop().unwrap().bytes().to_vec()
    }

    #[test]
    fn a_depthwise_convolution_by_hand() {
        let conv = Depthwise {
            window: Window { kernel: [1, 2], stride: [1, 1], before: [0, 1] },
            multiplier: 2,
            input_zero_point: 1,
            weights: vec![1, 2, 3, 4, 10, 20, 30, 40],
            bias: vec![0, 0, 0, 5],
            output: plain(),
        };
        // Less its zero point the input is (1, 2) and (-1, 0); before it lies 0.
        let want = [10, 20, 60, 85, 1 - 10, 2 - 20, 6, 8 + 5];
        assert_eq!(run(&one_node([1, 2, 2], [1, 2, 4], Op::Depthwise(conv)), &[2, 3, 0, 1]).unwrap(), want);
    }

    #[test]
    fn a_mean_leaves_the_padding_out() {
        let window = Window { kernel: [1, 3], stride: [1, 1], before: [0, 1] };
        let requant = (1..=3).map(|k| Requant::mean(k).unwrap()).collect();
        let mut mean = Pool { kind: PoolKind::Mean, window, pad: 99, bias: 0, output: Output { requant, ..plain() } };
        let mut graph = one_node([1, 3, 1], [1, 3, 1], Op::Pool(mean.clone()));
        assert_eq!(run(&graph, &[-5, 2, 9]).unwrap(), [-2, 2, 6]);
        // Less its zero point of 3, twice as fine: (-8, -1), (-8, -1, 6), (-1, 6), and 4 added.
        mean.bias = -3;
        mean.output.requant = (1..=3).map(|k| Requant::from_real(2.0 / f64::from(k)).unwrap()).collect();
        mean.output.zero_point = 4;
        graph.nodes[0].op = Op::Pool(mean);
        assert_eq!(run(&graph, &[-5, 2, 9]).unwrap(), [-5, 2, 9]);
    }

    #[test]
    fn a_sum_of_two_scales_by_hand() {
        // Scales 0.5 and 0.25, output 0.5: 2^20 steps of a unit of 1.
        let addend = |zero_point, real| Addend { zero_point, requant: Requant::from_real(real).unwrap() };
        let output =
            Output { requant: vec![Requant::from_real(2.0 * 2f64.powi(-20)).unwrap()], zero_point: 7, ..plain() };
        let add = Add { addends: [addend(1, 0.5), addend(-2, 0.25)], left_shift: 20, output };
        let op = Op::Add(add);
        // 4.5 + 0.25, 0 + 0.25 (a tie, up), -0.5 - 0.25, 63 + 63 (saturates).
        let sums = joined(&[[1, 4, 1]; 2], [1, 4, 1], op, &[&[10, 1, 0, 127], &[-1, -1, -3, 127]]);
        assert_eq!(sums, [9 + 1 + 7, 1 + 7, -1 + 7, 127]);
    }

    #[test]
    fn channels_are_joined_and_padded_by_hand() {
        let part = |zero_point, real, to| Part {
            zero_point,
            output: Output { requant: vec![Requant::from_real(real).unwrap()], zero_point: to, ..plain() },
        };
        let concat = Op::Concat(Concat { parts: vec![part(0, 1.0, 0), part(10, 2.0, -1)] });
        assert_eq!(
            joined(&[[1, 2, 1], [1, 2, 2]], [1, 2, 3], concat, &[&[1, 2], &[10, 11, 100, 9]]),
            [1, -1, 1, 2, 127, -3]
        );
        let pad = Op::Pad(Pad { before: [1, 0, 1], value: -7 });
        let want = [-7, -7, -7, -7, -7, -7, -7, 1, -7, -7, 2, -7];
        assert_eq!(run(&one_node([1, 2, 1], [2, 2, 3], pad), &[1, 2]).unwrap(), want);
    }

    #[test]
    fn an_input_of_another_length_is_refused() {
        let graph = one_node([1, 2, 1], [1, 2, 1], Op::Clamp { low: 0, high: 5 });
        assert_eq!(run(&graph, &[-3, 9]).unwrap(), [0, 5]);
        assert_eq!(run(&graph, &[1]).unwrap_err(), "input `t` takes 2 values (shape [1, 2, 1]), but there are 1");
    }
}
