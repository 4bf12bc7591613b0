//! What the card's operators compute, each with its integers.

use super::Requant;
use serde::{Deserialize, Serialize};

/// How a window moves over an input: [rows, columns] each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

    /// Elements of the kernel.
    pub fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }
}

/// From accumulators to activations: `clamp(requant(acc) + zero_point, low, high)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Multipliers: one, or one a channel. For [`PoolKind::Mean`] one for each number of elements.
    pub requant: Vec<Requant>,
    /// Added after the multiplication.
    pub zero_point: i8,
    /// Least output.
    pub low: i8,
    /// Greatest output.
    pub high: i8,
}

impl Output {
    /// Values as they are.
    pub fn plain() -> Self {
        Self { requant: vec![Requant::ONE], zero_point: 0, low: -128, high: 127 }
    }

    /// The multiplier of channel `c`.
    pub fn multiplier(&self, c: usize) -> Requant {
        self.requant.get(c).or(self.requant.first()).copied().unwrap_or(Requant::ZERO)
    }
}

/// A convolution; a fully connected layer is one whose kernel is its whole input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// A depthwise convolution: output channel `o` reads input channel `o / multiplier` alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Depthwise {
    /// Kernel, strides, padding. Padding has the real value 0, which is `input_zero_point`.
    pub window: Window,
    /// Output channels of each input channel.
    pub multiplier: usize,
    /// int8 value of the input's real zero.
    pub input_zero_point: i8,
    /// Weights, shape [rows, columns, out], symmetric.
    pub weights: Vec<i8>,
    /// Bias, shape `[out]`, in steps of the accumulator.
    pub bias: Vec<i32>,
    /// Requantisation.
    pub output: Output,
}

/// What a pool does with its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PoolKind {
    /// Greatest value; padding never wins.
    Max,
    /// Sum; the multiplier holds the division. Padding counts, as `pad`.
    Sum,
    /// Sum of the elements inside the input alone. With `k` of them the accumulator starts at `k · bias`, and the
    /// multiplier is `output.requant[k - 1]`, which holds the division by `k`; there are as many as the kernel has
    /// elements. Windows that all lie inside are a [`PoolKind::Sum`].
    Mean,
}

/// A pool. A requantisation alone is a sum over a single element.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    /// What it takes of the window.
    pub kind: PoolKind,
    /// Kernel, strides, padding.
    pub window: Window,
    /// int8 value of elements outside the input; −128 for a maximum; unused for a mean.
    pub pad: i8,
    /// Added to the accumulator before the multiplication; for a mean, once for each element.
    pub bias: i32,
    /// Requantisation; one multiplier, for a mean one for each number of elements.
    pub output: Output,
}

/// An input of a sum: `x = requant((q − zero_point) · 2^left_shift)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addend {
    /// int8 value of the input's real zero.
    pub zero_point: i8,
    /// Its scale in steps of the sum.
    pub requant: Requant,
}

/// Sum of two tensors of the same shape: each is brought to a common scale with `left_shift` bits more than a byte,
/// rounded but not clamped; their sum is requantised once more. This is TFLite's integer addition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Add {
    /// How each input enters the sum.
    pub addends: [Addend; 2],
    /// Bits by which each input is shifted before its multiplier; at most 20.
    pub left_shift: u32,
    /// Requantisation of the sum; one multiplier.
    pub output: Output,
}

/// An input of a concatenation: `clamp(requant(q − zero_point) + output.zero_point)`; one multiplier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Taken from each value first.
    pub zero_point: i8,
    /// Requantisation.
    pub output: Output,
}

impl Part {
    /// Whether the values stay as they are.
    pub fn is_identity(&self) -> bool {
        let Output { requant, zero_point, low, high } = &self.output;
        *requant == [Requant::ONE] && *zero_point == self.zero_point && [*low, *high] == [-128, 127]
    }
}

/// Concatenation along the channels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Concat {
    /// What happens to each input, in their order.
    pub parts: Vec<Part>,
}

impl Concat {
    /// Whether all inputs end with one zero point and one clamp, so that one job can bring all of them to it.
    pub fn is_uniform(&self) -> bool {
        let ends = |part: &Part| (part.output.zero_point, part.output.low, part.output.high);
        self.parts.iter().all(|part| ends(part) == ends(&self.parts[0]))
    }
}

/// Padding with a constant; what comes after follows from the output's shape. Where the reader is a convolution it goes
/// into its window (see `import`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pad {
    /// Rows above, columns to the left, channels before.
    pub before: [usize; 3],
    /// int8 value of the padding.
    pub value: i8,
}
