//! The inputs of a run: from a file, or random.

use super::npy::{Array, Values};
use anyhow::bail;
use systole::plan::{Dtype, TensorInfo};

/// Seed of random inputs, so that two runs are one run.
const SEED: u64 = 1;

/// Inputs for a model, checked against its input tensor.
pub struct Samples {
    count: usize,
    from: From,
    info: TensorInfo,
}

/// Where the values are.
enum From {
    /// Nowhere: they are random.
    Random,
    /// In an array of the model's element type, or of reals.
    Array(Array),
    /// As the card has them, one input after the other.
    Card(Vec<i8>),
}

impl Samples {
    /// Inputs from an array of the model's input shape, or a batch of those. `file` names it in errors.
    pub fn of_array(array: Array, info: &TensorInfo, file: &str) -> anyhow::Result<Self> {
        let count = match array.shape.split_first() {
            _ if array.shape == info.shape => 1,
            Some((&count, rest)) if rest == info.shape => count,
            _ => bail!(
                "input {file}: its shape is {:?}, but input `{}` takes {:?}, or a batch [N, ...] of that: reshape it",
                array.shape,
                info.name,
                info.shape
            ),
        };
        if count == 0 {
            bail!("input {file}: its shape {:?} holds no input: give at least one", array.shape);
        }
        let takes = match (info.dtype, &array.values) {
            (Dtype::Float32, _) | (_, Values::Float(_)) => true,
            (Dtype::Int8, values) => matches!(values, Values::Int8(_)),
            (Dtype::Uint8, values) => matches!(values, Values::Uint8(_)),
            _ => false,
        };
        if !takes {
            bail!(
                "input {file}: its elements are {}, but input `{}` takes {} or float32: convert it with numpy.astype",
                array.dtype,
                info.name,
                info.dtype.name()
            );
        }
        Ok(Self { count, from: From::Array(array), info: info.clone() })
    }

    /// Inputs from their bytes, quantised: int8, or uint8 for a model of that type. `file` names them in errors.
    pub fn of_bytes(bytes: &[u8], info: &TensorInfo, file: &str) -> anyhow::Result<Self> {
        let (length, one) = (bytes.len(), info.elements());
        if length == 0 || length % one != 0 {
            bail!(
                "input {file}: it has {length} bytes, but input `{}` takes {one} (shape {:?}): give 1 or more times that",
                info.name,
                info.shape
            );
        }
        let flip = if info.dtype == Dtype::Uint8 { 0x80 } else { 0 };
        let values = bytes.iter().map(|&b| (b ^ flip) as i8).collect();
        Ok(Self { count: length / one, from: From::Card(values), info: info.clone() })
    }

    /// `count` random inputs.
    pub fn random(count: usize, info: &TensorInfo) -> Self {
        Self { count, from: From::Random, info: info.clone() }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// What to say of their origin, without a file's name.
    pub fn seed() -> String {
        format!("random values, seed {SEED}")
    }

    /// Input `index` as the card has it: int8 in model order.
    ///
    /// Integers for a model of that integer type are the values themselves. Everything else is a real value, and is
    /// quantised as the model says.
    pub fn get(&self, index: usize) -> Vec<i8> {
        let elements = self.info.elements();
        let range = index * elements..(index + 1) * elements;
        let real = |v: f32| self.info.quantise(v);
        let integers = self.info.dtype != Dtype::Float32;
        // The shape was checked against the number of elements when the array was read.
        let array = match &self.from {
            From::Random => return random(index as u64, elements),
            From::Card(values) => return values[range].to_vec(),
            From::Array(array) => array,
        };
        match &array.values {
            Values::Float(v) => v[range].iter().map(|&v| real(v)).collect(),
            Values::Int8(v) if integers => v[range].to_vec(),
            Values::Uint8(v) if integers => v[range].iter().map(|&v| (i16::from(v) - 128) as i8).collect(),
            Values::Int8(v) => v[range].iter().map(|&v| real(v.into())).collect(),
            Values::Uint8(v) => v[range].iter().map(|&v| real(v.into())).collect(),
            Values::Wide(v) => v[range].iter().map(|&v| real(v as f32)).collect(),
        }
    }
}

/// Random int8 values by a linear congruential generator; each input has a seed of its own.
fn random(index: u64, elements: usize) -> Vec<i8> {
    let mut state = SEED ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as i8
    };
    (0..elements).map(|_| next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use systole::plan::{Order, Rounding};

    fn info(dtype: Dtype) -> TensorInfo {
        TensorInfo {
            name: "x".into(),
            shape: vec![1, 2],
            dtype,
            order: Order::ChannelsFirst,
            hwc: [1, 2, 1],
            scale: 0.5,
            zero_point: -128,
            rounding: Rounding::TiesToEven,
        }
    }

    fn array(shape: &[usize], dtype: &str, values: Values) -> Array {
        Array { shape: shape.to_vec(), dtype: dtype.into(), values }
    }

    #[test]
    fn a_shape_mismatch_names_both_shapes() {
        let a = array(&[2, 2, 1], "float32", Values::Float(vec![0.0; 4]));
        let error = Samples::of_array(a, &info(Dtype::Float32), "x.npy").err().unwrap().to_string();
        assert!(error.contains("[2, 2, 1]") && error.contains("[1, 2]"), "{error}");
    }

    #[test]
    fn integers_are_pixels_to_a_float_model_and_the_values_themselves_to_an_integer_model() {
        let pixels = || array(&[1, 1, 2], "uint8", Values::Uint8(vec![0, 3]));
        let float = Samples::of_array(pixels(), &info(Dtype::Float32), "x").unwrap();
        assert_eq!(float.get(0), [-128, -122]);
        let byte = Samples::of_array(pixels(), &info(Dtype::Uint8), "x").unwrap();
        assert_eq!(byte.get(0), [-128, -125]);
        let error = Samples::of_array(pixels(), &info(Dtype::Int8), "x").err().unwrap().to_string();
        assert!(error.contains("its elements are uint8") && error.contains("takes int8"), "{error}");
    }

    #[test]
    fn raw_bytes_are_the_quantised_values_and_come_in_whole_inputs() {
        let int8 = Samples::of_bytes(&[1, 255, 3, 4], &info(Dtype::Float32), "x.bin").unwrap();
        assert_eq!((int8.count(), int8.get(0), int8.get(1)), (2, vec![1, -1], vec![3, 4]));
        assert_eq!(Samples::of_bytes(&[0, 255], &info(Dtype::Uint8), "x").unwrap().get(0), [-128, 127]);
        for bytes in [&[0u8; 3][..], &[]] {
            let error = Samples::of_bytes(bytes, &info(Dtype::Int8), "x.bin").err().unwrap().to_string();
            assert!(error.contains("x.bin") && error.contains("takes 2 (shape [1, 2])"), "{error}");
        }
    }

    #[test]
    fn an_empty_batch_is_an_error() {
        let a = array(&[0, 1, 2], "float32", Values::Float(vec![]));
        assert!(Samples::of_array(a, &info(Dtype::Float32), "x").is_err());
    }

    #[test]
    fn random_inputs_are_the_same_each_time_and_differ_from_each_other() {
        let samples = Samples::random(2, &info(Dtype::Int8));
        assert_eq!(samples.get(1), samples.get(1));
        assert_ne!(random(0, 64), random(1, 64));
    }
}
