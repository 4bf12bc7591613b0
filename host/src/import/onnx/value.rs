//! What a name of the model stands for while import walks through it.

use super::tensor::Constant;
pub use crate::graph::Quant;
use crate::graph::{PoolKind, TensorId, Window};
use crate::tensor::Order;
use std::rc::Rc;

/// What a name stands for.
#[derive(Clone, Debug)]
pub enum Value {
    /// A constant as the file has it.
    Constant(Rc<Constant>),
    /// A constant behind a `DequantizeLinear`: weights or bias.
    Weights(Rc<Weights>),
    /// The model's input, still in floats: the `QuantizeLinear` that reads it makes it a tensor.
    FloatInput(Vec<usize>),
    /// A tensor of the graph, in bytes.
    Quantised(Activation),
    /// A tensor of the graph behind a `DequantizeLinear`: real values.
    Real(Activation),
    /// Real values of an operator whose `QuantizeLinear` has not come yet.
    Pending(Rc<Pending>),
    /// A tensor of the host, as the model has it.
    Host(TensorId),
}

/// A quantised constant: `real = scale · values`.
#[derive(Clone, Debug)]
pub struct Weights {
    /// Shape.
    pub dims: Vec<usize>,
    /// Values less their zero point.
    pub values: Vec<i64>,
    /// Scales: one, or one for each index of `axis`.
    pub scale: Vec<f32>,
    /// Dimension that the scales belong to, if there are several.
    pub axis: usize,
}

/// A tensor of the graph as a node of the model sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Activation {
    /// The tensor.
    pub tensor: TensorId,
    /// Its shape on the card: height, width, channels.
    pub hwc: [usize; 3],
    /// Shape in the model, without the batch dimension.
    pub shape: Vec<usize>,
    /// Order of its elements in the model.
    pub order: Order,
    /// Whether the model has it as uint8.
    pub unsigned: bool,
    /// Quantisation, where it is known.
    pub quant: Option<Quant>,
    /// Whether it is the model's input, read by nothing but reshapes so far: its shape on the card is still open.
    pub open: bool,
}

/// An operator that waits for its quantisation.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Name of the node that began it.
    pub name: String,
    /// Its operator.
    pub label: String,
    /// What it reads.
    pub source: Activation,
    /// Quantisation of what it reads.
    pub quant: Quant,
    /// What it computes.
    pub core: Core,
    /// Shape of the result on the card.
    pub hwc: [usize; 3],
    /// Shape of the result in the model, without the batch dimension.
    pub shape: Vec<usize>,
    /// Order of the result in the model.
    pub order: Order,
    /// Least real value.
    pub low: f64,
    /// Greatest real value.
    pub high: f64,
}

/// What a pending operator computes.
#[derive(Clone, Debug)]
pub enum Core {
    /// Convolution or fully connected layer.
    Conv {
        /// Kernel, strides, padding.
        window: Window,
        /// Weights, shape [out, rows, columns, in].
        weights: Vec<i8>,
        /// Scale of the weights, shape [out].
        scale: Vec<f64>,
        /// Bias in steps of the accumulator, shape [out].
        bias: Vec<i64>,
    },
    /// Depthwise convolution.
    Depthwise {
        /// Kernel, strides, padding.
        window: Window,
        /// Output channels of each input channel.
        multiplier: usize,
        /// Weights, shape [rows, columns, out].
        weights: Vec<i8>,
        /// Scale of the weights, shape [out].
        scale: Vec<f64>,
        /// Bias in steps of the accumulator, shape [out].
        bias: Vec<i64>,
    },
    /// Sum with another activation.
    Add(Activation, Quant),
    /// Concatenation with other activations along the channels.
    Concat(Vec<(Activation, Quant)>),
    /// Pool; a sum over a single element stands for the value itself.
    Pool {
        /// Maximum or average.
        kind: PoolKind,
        /// Kernel, strides, padding.
        window: Window,
    },
}
