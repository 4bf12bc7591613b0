//! Arrays of any element type and number of dimensions: what host operators work on.
//!
//! Kept simple on purpose: integers of all widths are held in 64 bits and brought into their type's range after each
//! operator, floats in 32 bits. What the host computes lies at the edges of a network and is small.

use crate::tensor::Dtype;
use serde::{Deserialize, Serialize};

/// Elements of an array.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Data {
    /// Floats.
    Float(Vec<f32>),
    /// Integers and booleans. Unsigned 64-bit integers have the same bits as the signed ones here.
    Int(Vec<i64>),
}

impl Data {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Data::Float(v) => v.len(),
            Data::Int(v) => v.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An array; the last dimension runs fastest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Array {
    /// Element type.
    pub dtype: Dtype,
    /// Shape, batch included; empty for a scalar.
    pub shape: Vec<usize>,
    /// Elements.
    pub data: Data,
}

impl Array {
    /// An array of floats.
    pub fn float(shape: &[usize], values: Vec<f32>) -> Self {
        Self { dtype: Dtype::Float32, shape: shape.to_vec(), data: Data::Float(values) }
    }

    /// An array of integers of this type; each is brought into its range as a cast does.
    pub fn int(dtype: Dtype, shape: &[usize], values: Vec<i64>) -> Self {
        let data = Data::Int(values.into_iter().map(|v| dtype.wrap(v)).collect());
        Self { dtype, shape: shape.to_vec(), data }
    }

    /// An array of int8.
    pub fn bytes(shape: &[usize], values: &[i8]) -> Self {
        let data = Data::Int(values.iter().map(|&v| i64::from(v)).collect());
        Self { dtype: Dtype::Int8, shape: shape.to_vec(), data }
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

    /// Its elements as bytes, if it is an array of int8.
    pub fn to_bytes(&self) -> Option<Vec<i8>> {
        let values = self.ints().filter(|_| self.dtype == Dtype::Int8)?;
        Some(values.iter().map(|&v| v as i8).collect())
    }

    /// Elements from one index to the next along each dimension.
    pub fn strides(shape: &[usize]) -> Vec<usize> {
        let mut strides = vec![1; shape.len()];
        for i in (1..shape.len()).rev() {
            strides[i - 1] = strides[i] * shape[i];
        }
        strides
    }
}
