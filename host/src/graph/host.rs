//! Operators that the host computes: before, behind or between the parts of a network that the card runs.
//!
//! They work on tensors of any element type and number of dimensions ([`crate::array::Array`]), batch included. What
//! the card writes they see as int8 of shape [1, height, width, channels].

use super::Quant;
use crate::tensor::Dtype;
use serde::{Deserialize, Serialize};

/// How a window moves over the last two of four dimensions: [rows, columns] each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostWindow {
    /// Elements of the kernel.
    pub kernel: [usize; 2],
    /// Steps between outputs.
    pub stride: [usize; 2],
    /// Steps between elements of the kernel.
    pub dilation: [usize; 2],
    /// Padding above and to the left.
    pub before: [usize; 2],
    /// Padding below and to the right.
    pub after: [usize; 2],
}

/// Operators of two operands, which are broadcast to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Binary {
    /// Sum; integers wrap.
    Add,
    /// Difference; integers wrap.
    Sub,
    /// Product; integers wrap.
    Mul,
    /// Quotient; of integers towards zero.
    Div,
    /// The lesser.
    Min,
    /// The greater.
    Max,
}

/// Operators of one operand, element by element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unary {
    /// Not less than 0.
    Relu,
    /// To the nearest integer, ties to even.
    Round,
    /// 1 / (1 + e^−x).
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
}

/// What a pool of floats or integers gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostPool {
    /// The greatest element inside the input.
    Max,
    /// The average of the elements inside the input, or, if padding counts, of those inside the padded input.
    Average {
        /// Whether padding counts, as zeros.
        padding: bool,
    },
}

/// An output of `DynamicQuantizeLinear`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Dynamic {
    /// The bytes.
    Values,
    /// Their scale.
    Scale,
    /// Their zero point.
    ZeroPoint,
}

/// An operator of the host. Where nothing else is said it has one input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum HostOp {
    /// TFLite's softmax of int8 over the last dimension, in integers. The output has scale 1/256 and zero point −128.
    SoftmaxInt8 {
        /// Factor on the real input, times the input's scale.
        beta_scale: f64,
    },
    /// Softmax of floats along an axis.
    Softmax {
        /// The axis.
        axis: usize,
    },
    /// Index of the greatest value along an axis, int64 or int32.
    ArgMax {
        /// The axis.
        axis: usize,
        /// Whether the axis stays, with extent 1.
        keep: bool,
        /// Whether the last of several equal values counts instead of the first.
        last: bool,
    },
    /// Reals to int8 with one scale: `clamp(round(x / scale) + zero_point)`, ties to even.
    Quantise(Quant),
    /// int8 to reals with one scale: `(q − zero_point) · scale`.
    Dequantise(Quant),
    /// int8 to uint8 or back: 128 more or less.
    Sign,
    /// Values, scale, zero point to integers, as ONNX has it. One scale, one for each index of an axis, or one for each
    /// block of `block` elements along it (0: no blocks).
    QuantizeLinear {
        /// The axis.
        axis: usize,
        /// Elements of a block.
        block: usize,
    },
    /// Integers, scale, zero point to values; as [`HostOp::QuantizeLinear`].
    DequantizeLinear {
        /// The axis.
        axis: usize,
        /// Elements of a block.
        block: usize,
    },
    /// uint8 with a scale and zero point that follow from the least and the greatest value.
    DynamicQuantize(Dynamic),
    /// The same elements in another shape, last dimension fastest.
    Reshape,
    /// Dimension `i` of the output is dimension `perm[i]` of the input.
    Transpose {
        /// The permutation.
        perm: Vec<usize>,
    },
    /// Any number of inputs, joined along an axis.
    Concat {
        /// The axis.
        axis: usize,
    },
    /// Values and a scalar to pad them with.
    Pad {
        /// Elements before, for each dimension; those after follow from the output's shape.
        before: Vec<usize>,
    },
    /// A byte for each byte, the least first: 256 of them.
    Lookup(Vec<i8>),
    /// The element type changes; the values stay where they fit, and wrap where they do not.
    Cast(Dtype),
    /// Two operands.
    Binary(Binary),
    /// One operand.
    Unary(Unary),
    /// Values, least, greatest.
    Clip,
    /// The least or the greatest along axes, which stay with extent 1 or go.
    Reduce {
        /// Whether the greatest.
        max: bool,
        /// The axes.
        axes: Vec<usize>,
    },
    /// Values, weights and, if there are any, biases of floats.
    Conv {
        /// The window.
        window: HostWindow,
        /// Groups of channels.
        groups: usize,
    },
    /// Values, weights and the zero point of each, to 32-bit integers.
    ConvInteger {
        /// The window.
        window: HostWindow,
        /// Groups of channels.
        groups: usize,
    },
    /// Bytes to bytes: values, weights and output, each with scale and zero point behind it, then biases if there are any.
    QLinearConv {
        /// The window.
        window: HostWindow,
        /// Groups of channels.
        groups: usize,
    },
    /// Two operands; leading dimensions are broadcast.
    MatMul,
    /// Two operands and the zero point of each, to 32-bit integers.
    MatMulInteger,
    /// Bytes to bytes: both operands and the output, each with scale and zero point behind it.
    QLinearMatMul,
    /// `alpha · A · B + beta · C`, C if there is one.
    Gemm {
        /// Factor of the product.
        alpha: f32,
        /// Factor of the third input.
        beta: f32,
        /// Whether A and B are transposed.
        transposed: [bool; 2],
    },
    /// A pool over the last two of four dimensions.
    Pool {
        /// What it gives.
        kind: HostPool,
        /// The window.
        window: HostWindow,
    },
}

impl HostOp {
    /// Its name in tables and messages.
    pub fn name(&self) -> &'static str {
        match self {
            HostOp::SoftmaxInt8 { .. } | HostOp::Softmax { .. } => "Softmax",
            HostOp::ArgMax { .. } => "ArgMax",
            HostOp::Quantise(_) | HostOp::QuantizeLinear { .. } | HostOp::DynamicQuantize(_) => "Quantise",
            HostOp::Dequantise(_) | HostOp::DequantizeLinear { .. } => "Dequantise",
            HostOp::Sign => "Sign",
            HostOp::Reshape => "Reshape",
            HostOp::Transpose { .. } => "Transpose",
            HostOp::Concat { .. } => "Concat",
            HostOp::Pad { .. } => "Pad",
            HostOp::Lookup(_) => "Lookup",
            HostOp::Cast(_) => "Cast",
            HostOp::Binary(_) | HostOp::Unary(_) => "Elementwise",
            HostOp::Clip => "Clip",
            HostOp::Reduce { .. } => "Reduce",
            HostOp::Conv { .. } | HostOp::ConvInteger { .. } | HostOp::QLinearConv { .. } => "Conv",
            HostOp::MatMul | HostOp::MatMulInteger | HostOp::QLinearMatMul => "MatMul",
            HostOp::Gemm { .. } => "Gemm",
            HostOp::Pool { .. } => "Pool",
        }
    }
}
