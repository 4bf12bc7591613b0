//! Constants of a model, checked before anything is allocated for them.

use super::proto;
use crate::array::Array;
pub use crate::array::Data;
use crate::import::error::{short, Fault};
use crate::tensor::Dtype;

/// Most elements of a constant; far above what any chip here holds.
const MAX_ELEMENTS: usize = 1 << 27;

/// A constant tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    /// Shape.
    pub dims: Vec<usize>,
    /// Element type as ONNX numbers it.
    pub data_type: i32,
    /// Elements, last dimension fastest.
    pub data: Data,
}

impl Constant {
    /// Reads a tensor message.
    ///
    /// # Errors
    /// Dimensions that are negative or huge, data of another length, an element type that import has no use for.
    pub fn read(tensor: &proto::Tensor) -> Result<Self, Fault> {
        let name = short(&tensor.name);
        let fault = |what: String| Fault::File(format!("constant `{name}`: {what}"));
        if tensor.data_location != 0 {
            return Err(fault("its data is in another file; save the model as one file".into()));
        }
        let mut elements = 1usize;
        let mut dims = Vec::with_capacity(tensor.dims.len());
        for &dim in &tensor.dims {
            let size =
                usize::try_from(dim).map_err(|_| fault(format!("dimension {dim} in shape {:?}", tensor.dims)))?;
            elements = elements
                .checked_mul(size)
                .filter(|&e| e <= MAX_ELEMENTS)
                .ok_or_else(|| fault(format!("shape {:?} has more than {MAX_ELEMENTS} elements", tensor.dims)))?;
            dims.push(size);
        }
        let dtype = proto::dtype(tensor.data_type).ok_or_else(|| {
            let found = proto::type_name(tensor.data_type);
            fault(format!("element type {found}; supported: float32, float16, bool, integers of 2 to 64 bits"))
        })?;
        let (data, whole) = elements_of(tensor, dtype, elements);
        if data.len() != elements || !whole {
            let found = data.len();
            return Err(fault(format!(
                "shape {dims:?} takes {elements} elements, but the file has {found}; the file is damaged"
            )));
        }
        if let (Data::Int(values), Some((low, high))) = (&data, dtype.range()) {
            let bits = dtype.integer().map_or(64, |(bits, _)| bits);
            if let Some(bad) = values.iter().find(|v| bits < 64 && !(low..=high).contains(*v)) {
                return Err(fault(format!("element {bad} is out of its type's range; the file is damaged")));
            }
        }
        Ok(Self { dims, data_type: tensor.data_type, data })
    }

    /// Its elements as integers, if they are.
    pub fn ints(&self) -> Option<&[i64]> {
        match &self.data {
            Data::Int(values) => Some(values),
            Data::Float(_) => None,
        }
    }

    /// Its elements as floats, if they are.
    pub fn floats(&self) -> Option<&[f32]> {
        match &self.data {
            Data::Float(values) => Some(values),
            Data::Int(_) => None,
        }
    }

    /// As an array of the host. Constants have but types that are read.
    pub fn array(&self) -> Array {
        let dtype = proto::dtype(self.data_type).unwrap_or(Dtype::Float32);
        Array { dtype, shape: self.dims.clone(), data: self.data.clone() }
    }
}

/// The elements of a tensor message, and whether its bytes are a whole number of them.
fn elements_of(tensor: &proto::Tensor, dtype: Dtype, elements: usize) -> (Data, bool) {
    let raw = &tensor.raw_data;
    let bits = match (dtype, dtype.integer()) {
        (_, Some((1, _))) => 8,
        (_, Some((bits, _))) => bits as usize,
        (Dtype::Float16, _) => 16,
        _ => 32,
    };
    if bits < 8 {
        // Several to a byte, the first in its lowest bits; fields hold such bytes, too.
        let bytes: Vec<u8> = match raw.is_empty() {
            true => tensor.int32_data.iter().map(|&v| v as u8).collect(),
            false => raw.clone(),
        };
        let each = 8 / bits;
        let whole = bytes.len() == elements.div_ceil(each);
        let part = |i: usize| dtype.wrap(i64::from(bytes[i / each] >> (i % each * bits)));
        return (Data::Int((0..elements.min(bytes.len() * each)).map(part).collect()), whole);
    }
    // Little endian, in 64 bits.
    let words = || raw.chunks_exact(bits / 8).map(|c| c.iter().rev().fold(0u64, |sum, &b| sum << 8 | u64::from(b)));
    let half = |bits: u64| half::f16::from_bits(bits as u16).to_f32();
    let data = match dtype {
        Dtype::Float32 if raw.is_empty() => Data::Float(tensor.float_data.clone()),
        Dtype::Float32 => Data::Float(words().map(|w| f32::from_bits(w as u32)).collect()),
        Dtype::Float16 if raw.is_empty() => Data::Float(tensor.int32_data.iter().map(|&v| half(v as u64)).collect()),
        Dtype::Float16 => Data::Float(words().map(half).collect()),
        Dtype::Int64 if raw.is_empty() => Data::Int(tensor.int64_data.clone()),
        Dtype::Uint32 | Dtype::Uint64 if raw.is_empty() => {
            Data::Int(tensor.uint64_data.iter().map(|&v| v as i64).collect())
        }
        _ if raw.is_empty() => Data::Int(tensor.int32_data.iter().map(|&v| i64::from(v)).collect()),
        _ => Data::Int(words().map(|w| dtype.wrap(w as i64)).collect()),
    };
    (data, raw.len().is_multiple_of(bits / 8))
}
