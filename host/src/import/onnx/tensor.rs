//! Constants of a model, checked before anything is allocated for them.

use super::proto;
use crate::import::error::{short, Fault};

/// Most elements of a constant; far above what any chip here holds.
const MAX_ELEMENTS: usize = 1 << 27;

/// Elements of a constant.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// Integers of 8 to 64 bits.
    Int(Vec<i64>),
}

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
        let raw = &tensor.raw_data;
        let ints = |bytes: usize| raw.chunks_exact(bytes);
        let data = match tensor.data_type {
            proto::FLOAT if raw.is_empty() => Data::F32(tensor.float_data.clone()),
            proto::FLOAT => Data::F32(ints(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()),
            proto::INT64 if raw.is_empty() => Data::Int(tensor.int64_data.clone()),
            proto::INT64 => Data::Int(
                ints(8).map(|b| i64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]])).collect(),
            ),
            proto::INT8 | proto::UINT8 | proto::INT32 if raw.is_empty() => {
                Data::Int(tensor.int32_data.iter().map(|&v| i64::from(v)).collect())
            }
            proto::INT8 => Data::Int(raw.iter().map(|&b| i64::from(b as i8)).collect()),
            proto::UINT8 => Data::Int(raw.iter().map(|&b| i64::from(b)).collect()),
            proto::INT32 => {
                Data::Int(ints(4).map(|b| i64::from(i32::from_le_bytes([b[0], b[1], b[2], b[3]]))).collect())
            }
            other => {
                return Err(fault(format!(
                    "element type {other}; supported: float (1), uint8 (2), int8 (3), int32 (6), int64 (7)"
                )))
            }
        };
        let (found, whole) = match (&data, tensor.data_type) {
            (Data::F32(v), _) => (v.len(), 4),
            (Data::Int(v), proto::INT64) => (v.len(), 8),
            (Data::Int(v), proto::INT32) => (v.len(), 4),
            (Data::Int(v), _) => (v.len(), 1),
        };
        if found != elements || !raw.len().is_multiple_of(whole) {
            return Err(fault(format!(
                "shape {dims:?} takes {elements} elements, but the file has {found}; the file is damaged"
            )));
        }
        let in_range = |v: &i64| match tensor.data_type {
            proto::INT8 => i8::try_from(*v).is_ok(),
            proto::UINT8 => u8::try_from(*v).is_ok(),
            _ => true,
        };
        if let Data::Int(values) = &data {
            if let Some(bad) = values.iter().find(|v| !in_range(v)) {
                return Err(fault(format!("element {bad} is out of its type's range; the file is damaged")));
            }
        }
        Ok(Self { dims, data_type: tensor.data_type, data })
    }

    /// Its elements as integers, if they are.
    pub fn ints(&self) -> Option<&[i64]> {
        match &self.data {
            Data::Int(values) => Some(values),
            Data::F32(_) => None,
        }
    }

    /// Its elements as floats, if they are.
    pub fn floats(&self) -> Option<&[f32]> {
        match &self.data {
            Data::F32(values) => Some(values),
            Data::Int(_) => None,
        }
    }
}
