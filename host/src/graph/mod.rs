//! The quantised graph: the one form between the files that models come in and the compiler.
//!
//! Activations are int8, shape [height, width, channels]; a batch has no dimension here. Nodes stand in the order they
//! run. All arithmetic of a node is in integers that are fixed here: what [`crate::reference`] computes from them is
//! what the card must give, bit for bit.

mod requant;

use crate::tensor::TensorInfo;
pub use requant::Requant;

/// Greatest height and width of a tensor: the card counts them in 12 bits, modulo 4096, and a kernel may reach past
/// either end.
pub const MAX_EXTENT: usize = 4096 - 2 * MAX_KERNEL;
/// Greatest number of channels of a tensor.
pub const MAX_CHANNELS: usize = 16384;
/// Greatest number of elements of a tensor.
pub const MAX_ELEMENTS: usize = 1 << 22;
/// Greatest kernel height and width: 6 bits.
pub const MAX_KERNEL: usize = 64;
/// Greatest stride: 3 bits.
pub const MAX_STRIDE: usize = 7;

/// Index of a tensor in [`Graph::tensors`].
pub type TensorId = usize;

/// An activation tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Name in the model.
    pub name: String,
    /// Height, width, channels.
    pub hwc: [usize; 3],
}

impl Tensor {
    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.hwc.iter().product()
    }
}

/// How a window moves over an input: [rows, columns] each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Extent of the kernel.
    pub kernel: [usize; 2],
    /// Steps between outputs.
    pub stride: [usize; 2],
    /// Padding above and to the left; what lies below and to the right follows from the output's shape.
    pub before: [usize; 2],
}

impl Window {
    /// A single element: no neighbours, no padding.
    pub const POINT: Self = Self { kernel: [1, 1], stride: [1, 1], before: [0, 0] };
}

/// From accumulators to activations.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Multipliers: one, or one a channel.
    pub requant: Vec<Requant>,
    /// Added after the multiplication.
    pub zero_point: i8,
    /// Least output.
    pub low: i8,
    /// Greatest output.
    pub high: i8,
}

impl Output {
    /// The multiplier of channel `c`.
    pub fn multiplier(&self, c: usize) -> Requant {
        self.requant.get(c).or(self.requant.first()).copied().unwrap_or(Requant::ZERO)
    }
}

/// A convolution; a fully connected layer is one whose kernel is its whole input.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv {
    /// Kernel, strides, padding. Padding has the real value 0, which is `input_zero_point`.
    pub window: Window,
    /// int8 value of the input's real zero.
    pub input_zero_point: i8,
    /// Weights, shape [out, rows, columns, in], symmetric.
    pub weights: Vec<i8>,
    /// Bias, shape `[out]`, in steps of the accumulator.
    pub bias: Vec<i32>,
    /// Requantisation.
    pub output: Output,
}

/// What a pool does with its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// Greatest value; padding never wins.
    Max,
    /// Sum; the multiplier holds the division. Padding counts, as `pad`.
    Sum,
}

/// A pool. A requantisation alone is a sum over a single element.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// Greatest value or sum.
    pub kind: PoolKind,
    /// Kernel, strides, padding.
    pub window: Window,
    /// int8 value of elements outside the input; −128 for a maximum.
    pub pad: i8,
    /// Added to the accumulator before the multiplication.
    pub bias: i32,
    /// Requantisation; one multiplier.
    pub output: Output,
}

/// What a node computes.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Convolution or fully connected layer.
    Conv(Conv),
    /// Maximum, average or requantisation.
    Pool(Pool),
    /// Clamp to [low, high]; the quantisation stays.
    Clamp {
        /// Least output.
        low: i8,
        /// Greatest output.
        high: i8,
    },
}

/// A node: one operator with one input and one output.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Name in the model.
    pub name: String,
    /// Operator as the model's format calls it.
    pub label: String,
    /// Input tensor.
    pub input: TensorId,
    /// Output tensor.
    pub output: TensorId,
    /// What it computes.
    pub op: Op,
}

/// A quantised network with one input and one output.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// Stem of the model's file name.
    pub name: String,
    /// Activation tensors.
    pub tensors: Vec<Tensor>,
    /// Nodes in the order they run.
    pub nodes: Vec<Node>,
    /// Input tensor, and how the model has it.
    pub input: (TensorId, TensorInfo),
    /// Output tensor, and how the model has it.
    pub output: (TensorId, TensorInfo),
}

impl Graph {
    /// Multiply-accumulates of one inference: convolutions only, padding included.
    pub fn macs(&self) -> u64 {
        self.nodes.iter().map(|node| self.node_macs(node)).sum()
    }

    /// Multiply-accumulates of a node.
    pub fn node_macs(&self, node: &Node) -> u64 {
        let Op::Conv(conv) = &node.op else { return 0 };
        let [height, width, _] = self.tensors[node.output].hwc;
        (height * width) as u64 * conv.weights.len() as u64
    }

    /// Whether every index, shape and limit holds, so that compiler and reference need not ask again. The error names
    /// the node or tensor, the value and what it may be.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn check(&self) -> Result<(), String> {
        for tensor in &self.tensors {
            check_tensor(tensor)?;
        }
        let mut defined = vec![false; self.tensors.len()];
        let mut define = |id: TensorId, who: &str| match defined.get_mut(id) {
            Some(d) if !*d => {
                *d = true;
                Ok(())
            }
            _ => Err(format!("{who}: tensor {id} is unknown or written twice")),
        };
        define(self.input.0, "input")?;
        let mut known = vec![self.input.0];
        for node in &self.nodes {
            if !known.contains(&node.input) {
                return Err(format!("node `{}` ({}): its input is computed after it", node.name, node.label));
            }
            define(node.output, &node.name)?;
            known.push(node.output);
            self.check_node(node).map_err(|what| format!("node `{}` ({}): {what}", node.name, node.label))?;
        }
        if !known.contains(&self.output.0) {
            return Err("the output is computed by no node".into());
        }
        for (id, info) in [&self.input, &self.output] {
            if info.hwc != self.tensors[*id].hwc || info.shape.iter().product::<usize>() != info.elements() {
                return Err(format!("tensor `{}`: shape {:?} is not {:?}", info.name, info.shape, info.hwc));
            }
        }
        Ok(())
    }

    fn check_node(&self, node: &Node) -> Result<(), String> {
        let [input, output] = [node.input, node.output].map(|id| self.tensors[id].hwc);
        let (window, requants) = match &node.op {
            Op::Conv(conv) => {
                let size = output[2] * conv.window.kernel[0] * conv.window.kernel[1] * input[2];
                if conv.weights.len() != size || conv.bias.len() != output[2] {
                    return Err(format!(
                        "{} weights and {} biases; shapes {input:?} to {output:?} take {size} and {}",
                        conv.weights.len(),
                        conv.bias.len(),
                        output[2]
                    ));
                }
                (conv.window, &conv.output.requant)
            }
            Op::Pool(pool) => (pool.window, &pool.output.requant),
            Op::Clamp { .. } if input == output => return Ok(()),
            Op::Clamp { .. } => return Err(format!("it changes shape {input:?} to {output:?}")),
        };
        if requants.len() != 1 && requants.len() != output[2] {
            return Err(format!("{} multipliers for {} channels", requants.len(), output[2]));
        }
        if matches!(node.op, Op::Pool(_)) && input[2] != output[2] {
            return Err(format!("a pool changes {} channels to {}", input[2], output[2]));
        }
        check_window(&window, input, output)
    }
}

fn check_tensor(tensor: &Tensor) -> Result<(), String> {
    let [height, width, channels] = tensor.hwc;
    for (what, value, most) in
        [("height", height, MAX_EXTENT), ("width", width, MAX_EXTENT), ("channels", channels, MAX_CHANNELS)]
    {
        if value == 0 || value > most {
            return Err(format!("tensor `{}`: {what} is {value}; it must be 1 to {most}", tensor.name));
        }
    }
    match height.checked_mul(width).and_then(|p| p.checked_mul(channels)) {
        Some(elements) if elements <= MAX_ELEMENTS => Ok(()),
        _ => Err(format!("tensor `{}`: shape {:?} has more than {MAX_ELEMENTS} elements", tensor.name, tensor.hwc)),
    }
}

fn check_window(window: &Window, input: [usize; 3], output: [usize; 3]) -> Result<(), String> {
    for axis in 0..2 {
        let (kernel, stride, before) = (window.kernel[axis], window.stride[axis], window.before[axis]);
        let name = ["height", "width"][axis];
        if kernel == 0 || kernel > MAX_KERNEL {
            return Err(format!("kernel {name} is {kernel}; supported: 1 to {MAX_KERNEL}"));
        }
        if stride == 0 || stride > MAX_STRIDE {
            return Err(format!("stride over the {name} is {stride}; supported: 1 to {MAX_STRIDE}"));
        }
        // Every window must touch the input: a window of padding alone has no maximum, and the card's coordinates end.
        let last = (output[axis] - 1) * stride;
        if before >= kernel || last >= input[axis] + before {
            return Err(format!(
                "a window lies wholly in the padding: input {name} {}, kernel {kernel}, stride {stride}, padding \
                 {before} before, output {name} {}",
                input[axis], output[axis]
            ));
        }
    }
    Ok(())
}
