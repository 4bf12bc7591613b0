//! Operators that the host computes: before, behind or between the parts of a network that the card runs.
//!
//! They work on tensors of any element type and number of dimensions ([`crate::tensor::Array`]), batch included. What
//! the card writes they see as int8 of shape [1, height, width, channels].

use super::Quant;
use crate::tensor::Dtype;

/// An operator of the host.
#[derive(Clone, Debug, PartialEq)]
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
    /// Reals to bytes with one scale: `clamp(round(x / scale) + zero_point)`, ties to even.
    Quantise(Quant),
    /// Bytes to reals with one scale: `(q − zero_point) · scale`.
    Dequantise(Quant),
    /// The same elements in another shape, last dimension fastest.
    Reshape,
    /// Dimension `i` of the output is dimension `perm[i]` of the input.
    Transpose {
        /// The permutation.
        perm: Vec<usize>,
    },
    /// A byte for each byte, the least first: 256 of them.
    Lookup(Vec<i8>),
    /// The element type changes; the values stay where they fit, and wrap where they do not.
    Cast(Dtype),
}

impl HostOp {
    /// Its name in tables and messages.
    pub fn name(&self) -> &'static str {
        match self {
            HostOp::SoftmaxInt8 { .. } | HostOp::Softmax { .. } => "Softmax",
            HostOp::ArgMax { .. } => "ArgMax",
            HostOp::Quantise(_) => "Quantise",
            HostOp::Dequantise(_) => "Dequantise",
            HostOp::Reshape => "Reshape",
            HostOp::Transpose { .. } => "Transpose",
            HostOp::Lookup(_) => "Lookup",
            HostOp::Cast(_) => "Cast",
        }
    }
}
