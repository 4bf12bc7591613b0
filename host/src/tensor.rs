//! The input or output of a model as its file has it, and how that maps to what the card has.

use isa::layout;
use serde::{Deserialize, Serialize};

/// Element type of a tensor as the model's file declares it. The card works on `Int8` alone; the host brings the first
/// three to that at the card's edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Dtype {
    /// Signed bytes: what the card works with.
    Int8,
    /// Unsigned bytes; the card sees them less 128.
    Uint8,
    /// 32-bit floats; the host quantises them on the way in and dequantises them on the way out.
    Float32,
    /// 16-bit floats.
    Float16,
    /// Booleans, 0 and 1.
    Bool,
    /// Signed 2-bit integers.
    Int2,
    /// Unsigned 2-bit integers.
    Uint2,
    /// Signed 4-bit integers.
    Int4,
    /// Unsigned 4-bit integers.
    Uint4,
    /// Signed 16-bit integers.
    Int16,
    /// Unsigned 16-bit integers.
    Uint16,
    /// Signed 32-bit integers.
    Int32,
    /// Unsigned 32-bit integers.
    Uint32,
    /// Signed 64-bit integers.
    Int64,
    /// Unsigned 64-bit integers.
    Uint64,
}

impl Dtype {
    /// Its name as numpy has it.
    pub const fn name(self) -> &'static str {
        match self {
            Dtype::Int8 => "int8",
            Dtype::Uint8 => "uint8",
            Dtype::Float32 => "float32",
            Dtype::Float16 => "float16",
            Dtype::Bool => "bool",
            Dtype::Int2 => "int2",
            Dtype::Uint2 => "uint2",
            Dtype::Int4 => "int4",
            Dtype::Uint4 => "uint4",
            Dtype::Int16 => "int16",
            Dtype::Uint16 => "uint16",
            Dtype::Int32 => "int32",
            Dtype::Uint32 => "uint32",
            Dtype::Int64 => "int64",
            Dtype::Uint64 => "uint64",
        }
    }

    /// Whether its values are floats.
    pub const fn is_float(self) -> bool {
        matches!(self, Dtype::Float32 | Dtype::Float16)
    }

    /// Bits of an integer, and whether it is signed; `None` for floats.
    pub const fn integer(self) -> Option<(u32, bool)> {
        Some(match self {
            Dtype::Float32 | Dtype::Float16 => return None,
            Dtype::Bool => (1, false),
            Dtype::Int2 => (2, true),
            Dtype::Uint2 => (2, false),
            Dtype::Int4 => (4, true),
            Dtype::Uint4 => (4, false),
            Dtype::Int8 => (8, true),
            Dtype::Uint8 => (8, false),
            Dtype::Int16 => (16, true),
            Dtype::Uint16 => (16, false),
            Dtype::Int32 => (32, true),
            Dtype::Uint32 => (32, false),
            Dtype::Int64 => (64, true),
            Dtype::Uint64 => (64, false),
        })
    }

    /// Least and greatest value of an integer, of a 64-bit unsigned one as far as 63 bits go; `None` for floats.
    pub const fn range(self) -> Option<(i64, i64)> {
        match self.integer() {
            None => None,
            Some((64, true)) => Some((i64::MIN, i64::MAX)),
            Some((64, false)) => Some((0, i64::MAX)),
            Some((bits, true)) => Some((-(1 << (bits - 1)), (1 << (bits - 1)) - 1)),
            Some((bits, false)) => Some((0, (1 << bits) - 1)),
        }
    }

    /// An integer's lowest bits as a value of this type, as a cast does; floats stay.
    pub const fn wrap(self, value: i64) -> i64 {
        match self.integer() {
            None | Some((64, _)) => value,
            Some((bits, true)) => value << (64 - bits) >> (64 - bits),
            Some((bits, false)) => value & ((1 << bits) - 1),
        }
    }
}

/// Order of a tensor's elements in the model's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// Channel, row, column: as ONNX has images.
    ChannelsFirst,
    /// Row, column, channel: as the card and TFLite have them.
    ChannelsLast,
}

/// How a real value halfway between two steps is rounded when it is quantised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rounding {
    /// To the even one: ONNX.
    TiesToEven,
    /// To the one farther from zero: TFLite.
    TiesAway,
}

/// The input or the output of a model: one element of the batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TensorInfo {
    /// Name in the model.
    pub name: String,
    /// Shape in the model, without the batch dimension, such as [1, 8, 8].
    pub shape: Vec<usize>,
    /// Element type in the model.
    pub dtype: Dtype,
    /// Order of the elements in the model.
    pub order: Order,
    /// Shape on the card: height, width, channels.
    pub hwc: [usize; 3],
    /// Real value of one step: `real = scale · (int8 − zero_point)`.
    pub scale: f32,
    /// int8 value of the real zero, as the card has it (a uint8 model's zero point less 128).
    pub zero_point: i8,
    /// How reals become bytes.
    pub rounding: Rounding,
}

impl TensorInfo {
    /// Elements of one sample.
    pub fn elements(&self) -> usize {
        self.hwc.iter().product()
    }

    /// Whether its shapes hold the same elements, and its scale is one.
    ///
    /// # Errors
    /// What does not hold.
    pub fn check(&self) -> Result<(), String> {
        let product = |sizes: &[usize]| sizes.iter().try_fold(1usize, |p, &s| p.checked_mul(s));
        let elements = product(&self.hwc).filter(|&e| e > 0 && e < 1 << 24);
        if self.shape.len() > crate::graph::MAX_RANK {
            let (name, rank) = (crate::text::short(&self.name), self.shape.len());
            return Err(format!("tensor `{name}`: {rank} dimensions; at most {}", crate::graph::MAX_RANK));
        }
        if elements.is_none() || elements != product(&self.shape) {
            return Err(format!(
                "tensor `{}`: shape {:?} is not {:?}",
                crate::text::short(&self.name),
                self.shape,
                self.hwc
            ));
        }
        if !self.scale.is_finite() || self.scale <= 0.0 {
            return Err(format!("tensor `{}`: scale {} is not above 0", crate::text::short(&self.name), self.scale));
        }
        Ok(())
    }

    /// Activation words (and bus words) of one sample for an n×n array.
    pub fn words(&self, n: usize) -> usize {
        self.hwc[0] * self.hwc[1] * layout::blocks(self.hwc[2], n)
    }

    /// Position in model order of row y, column x, channel c.
    pub fn position(&self, y: usize, x: usize, c: usize) -> usize {
        let [height, width, channels] = self.hwc;
        match self.order {
            Order::ChannelsFirst => (c * height + y) * width + x,
            Order::ChannelsLast => (y * width + x) * channels + c,
        }
    }

    /// Real value to int8: `round(x / scale) + zero_point`, ties as the model's format has them, saturating. NaN gives
    /// the zero point.
    pub fn quantise(&self, real: f32) -> i8 {
        // In f32 throughout, because that is what the runtimes this must agree with do.
        let steps = match self.rounding {
            Rounding::TiesToEven => (real / self.scale).round_ties_even(),
            Rounding::TiesAway => (real / self.scale).round(),
        };
        if steps.is_nan() {
            return self.zero_point;
        }
        (steps.clamp(-65536.0, 65536.0) as i32 + i32::from(self.zero_point)).clamp(-128, 127) as i8
    }

    /// int8 to its real value.
    pub fn dequantise(&self, value: i8) -> f32 {
        self.scale * (i32::from(value) - i32::from(self.zero_point)) as f32
    }
}

/// How the model's input lies on the card: each pixel there holds the channels of a window of the model's pixels, row by
/// row. With a window of one element that is the input itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    /// Rows and columns of the window.
    pub kernel: [usize; 2],
    /// Rows and columns from one window to the next.
    pub stride: [usize; 2],
    /// Rows and columns that the first window lies before the input.
    pub before: [usize; 2],
    /// int8 value outside the input.
    pub pad: i8,
    /// Shape on the card: height, width, channels.
    pub hwc: [usize; 3],
}

impl Fold {
    /// The input as it is.
    pub fn none(hwc: [usize; 3]) -> Self {
        Self { kernel: [1, 1], stride: [1, 1], before: [0, 0], pad: 0, hwc }
    }

    /// Words of n channels that it takes on the card.
    pub fn words(&self, n: usize) -> usize {
        self.hwc[0] * self.hwc[1] * layout::blocks(self.hwc[2], n)
    }

    /// Where channel `c` of pixel (y, x) on the card comes from in a model's input of shape `of`: row, column and
    /// channel, or `None` outside.
    pub fn source(&self, of: [usize; 3], y: usize, x: usize, c: usize) -> Option<[usize; 3]> {
        let tap = c / of[2];
        let row = (y * self.stride[0] + tap / self.kernel[1]).checked_sub(self.before[0])?;
        let column = (x * self.stride[1] + tap % self.kernel[1]).checked_sub(self.before[1])?;
        (row < of[0] && column < of[1]).then_some([row, column, c % of[2]])
    }
}
