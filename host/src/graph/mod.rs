//! The quantised graph: the one form between the files that models come in and the compiler.
//!
//! What the card works on is int8, shape [height, width, channels]; a batch has no dimension there. Nodes stand in the
//! order they run; those that are an [`Op::Host`] run on the host, all others on the card. All arithmetic of a card node
//! is in integers that are fixed here: what [`crate::reference`] computes from them is what the card must give, bit for
//! bit.

mod check;
mod host;
mod ops;
mod requant;

use crate::array::Array;
use crate::tensor::{Dtype, TensorInfo};
pub use host::{Binary, Dynamic, HostOp, HostPool, HostWindow, Unary};
pub use ops::{Add, Addend, Concat, Conv, Depthwise, Output, Pad, Part, Pool, PoolKind, Window};
pub(crate) use requant::exponent;
pub use requant::Requant;
use serde::{Deserialize, Serialize};

/// Greatest height and width of a tensor: the card counts them in 12 bits, modulo 4096, and a kernel may reach past
/// either end.
pub const MAX_EXTENT: usize = 4096 - 2 * MAX_KERNEL;
/// Greatest number of channels of a tensor.
pub const MAX_CHANNELS: usize = 16384;
/// Greatest number of elements of a tensor.
pub const MAX_ELEMENTS: usize = 1 << 22;
/// Most dimensions of a tensor.
pub const MAX_RANK: usize = 32;
/// Greatest kernel height and width: 6 bits.
pub const MAX_KERNEL: usize = 64;
/// Greatest stride: 3 bits.
pub const MAX_STRIDE: usize = 7;
/// Greatest shift of an addend: a byte less its zero point has 9 bits, and the sum of two must fit 31.
pub const MAX_LEFT_SHIFT: u32 = 20;

/// Index of a tensor in [`Graph::tensors`].
pub type TensorId = usize;
/// An input or output of a graph: the tensor, and how the model has it.
pub type Port = (TensorId, TensorInfo);

/// Scale and zero point of a tensor of int8: `real = scale · (q − zero_point)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quant {
    /// Real value of a step.
    pub scale: f32,
    /// int8 value of the real zero.
    pub zero_point: i8,
}

/// A tensor between nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tensor {
    /// Name in the model.
    pub name: String,
    /// Height, width, channels on the card. Of a tensor that only the host sees: [1, 1, elements].
    pub hwc: [usize; 3],
    /// What a tensor is that only the host sees; `None` for one that the card reads or writes.
    pub host: Option<HostTensor>,
}

/// A tensor that only host operators read and write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostTensor {
    /// Element type.
    pub dtype: Dtype,
    /// Shape, batch included.
    pub shape: Vec<usize>,
    /// Its elements, if they are constant; then no node writes it.
    pub value: Option<Array>,
}

impl Tensor {
    /// A tensor of the card.
    pub fn card(name: &str, hwc: [usize; 3]) -> Self {
        Self { name: name.into(), hwc, host: None }
    }

    /// A tensor of the host.
    pub fn host(name: &str, dtype: Dtype, shape: &[usize]) -> Self {
        let hwc = [1, 1, shape.iter().product()];
        Self { name: name.into(), hwc, host: Some(HostTensor { dtype, shape: shape.to_vec(), value: None }) }
    }

    /// A constant of the host.
    pub fn constant(name: &str, value: Array) -> Self {
        let mut tensor = Self::host(name, value.dtype, &value.shape);
        if let Some(host) = &mut tensor.host {
            host.value = Some(value);
        }
        tensor
    }

    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.hwc.iter().product()
    }

    /// Element type, as host operators see it.
    pub fn dtype(&self) -> Dtype {
        self.host.as_ref().map_or(Dtype::Int8, |h| h.dtype)
    }

    /// Shape, as host operators see it.
    pub fn shape(&self) -> Vec<usize> {
        let [height, width, channels] = self.hwc;
        self.host.as_ref().map_or(vec![1, height, width, channels], |h| h.shape.clone())
    }

    /// Its elements, if they are constant.
    pub fn value(&self) -> Option<&Array> {
        self.host.as_ref()?.value.as_ref()
    }
}

/// What a node computes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Op {
    /// Convolution or fully connected layer.
    Conv(Conv),
    /// Depthwise convolution.
    Depthwise(Depthwise),
    /// Maximum, average or requantisation.
    Pool(Pool),
    /// Sum of two tensors.
    Add(Add),
    /// Concatenation along the channels.
    Concat(Concat),
    /// Padding with a constant.
    Pad(Pad),
    /// Clamp to [low, high]; the quantisation stays.
    Clamp {
        /// Least output.
        low: i8,
        /// Greatest output.
        high: i8,
    },
    /// What the host computes.
    Host(HostOp),
}

impl Op {
    /// Its name in messages.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Conv(_) => "Conv",
            Op::Depthwise(_) => "DepthwiseConv",
            Op::Pool(_) => "Pool",
            Op::Add(_) => "Add",
            Op::Concat(_) => "Concat",
            Op::Pad(_) => "Pad",
            Op::Clamp { .. } => "Clamp",
            Op::Host(host) => host.name(),
        }
    }

    /// Whether the host computes it.
    pub fn is_host(&self) -> bool {
        matches!(self, Op::Host(_))
    }
}

/// A node: one operator with one output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Name in the model.
    pub name: String,
    /// Operator as the model's format calls it.
    pub label: String,
    /// Input tensors.
    pub inputs: Vec<TensorId>,
    /// Output tensor.
    pub output: TensorId,
    /// What it computes.
    pub op: Op,
}

/// A quantised network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    /// Stem of the model's file name.
    pub name: String,
    /// Tensors.
    pub tensors: Vec<Tensor>,
    /// Nodes in the order they run.
    pub nodes: Vec<Node>,
    /// Input tensors, at least one, and how the model has them.
    pub inputs: Vec<Port>,
    /// Output tensors, at least one, and how the model has them.
    pub outputs: Vec<Port>,
}

impl Graph {
    /// Multiply-accumulates of one inference: convolutions only, padding included.
    pub fn macs(&self) -> u64 {
        self.nodes.iter().map(|node| self.node_macs(node)).sum()
    }

    /// Multiply-accumulates of a node.
    pub fn node_macs(&self, node: &Node) -> u64 {
        let weights = match &node.op {
            Op::Conv(conv) => conv.weights.len(),
            Op::Depthwise(conv) => conv.weights.len(),
            _ => return 0,
        };
        let [height, width, _] = self.tensors[node.output].hwc;
        (height * width) as u64 * weights as u64
    }

    /// How often each tensor is read: by nodes, and as an output of the model.
    pub fn reader_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.tensors.len()];
        for &id in self.nodes.iter().flat_map(|n| &n.inputs).chain(self.outputs.iter().map(|(id, _)| id)) {
            counts[id] += 1;
        }
        counts
    }

    /// The only input and the only output, of a graph that has no more.
    pub fn single(&self) -> Option<(&Port, &Port)> {
        match (&self.inputs[..], &self.outputs[..]) {
            ([input], [output]) => Some((input, output)),
            _ => None,
        }
    }
}
