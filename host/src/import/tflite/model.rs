//! A verified TFLite file as import reads it: tensors with their quantisation and data, operators in order.

use crate::graph::MAX_ELEMENTS;
use crate::import::error::{short, Fault};
use crate::tensor::Dtype;
use tract_tflite::tflite;

/// Version of the schema that all files have.
const SCHEMA: u32 = 3;
/// Most tensors and operators of a model.
const MAX_PARTS: usize = 1 << 16;

/// A tensor of the file.
#[derive(Clone, Debug)]
pub struct Tensor<'a> {
    /// Its name.
    pub name: String,
    /// Shape, batch included. A dimension that is open in the file counts as 1.
    pub shape: Vec<usize>,
    /// Element type as the file has it.
    pub kind: tflite::TensorType,
    /// Scales: none, one, or one for each index of `axis`.
    pub scale: Vec<f32>,
    /// Zero points, as many as scales.
    pub zero_point: Vec<i64>,
    /// Dimension that several scales belong to.
    pub axis: usize,
    /// Its bytes, if it is constant.
    pub data: Option<&'a [u8]>,
}

impl Tensor<'_> {
    /// Element type, if the project has it.
    pub fn dtype(&self) -> Option<Dtype> {
        Some(match self.kind {
            tflite::TensorType::INT8 => Dtype::Int8,
            tflite::TensorType::UINT8 => Dtype::Uint8,
            tflite::TensorType::FLOAT32 => Dtype::Float32,
            tflite::TensorType::INT32 => Dtype::Int32,
            tflite::TensorType::INT64 => Dtype::Int64,
            tflite::TensorType::BOOL => Dtype::Bool,
            tflite::TensorType::INT16 => Dtype::Int16,
            _ => return None,
        })
    }
}

/// An operator of the file.
#[derive(Clone, Debug)]
pub struct Operator<'a> {
    /// Its kind, such as `CONV_2D`.
    pub kind: tflite::BuiltinOperator,
    /// Its kind in words.
    pub op: String,
    /// Name of its first output: operators have none of their own.
    pub name: String,
    /// Input tensors; `None` for one left out.
    pub inputs: Vec<Option<usize>>,
    /// Output tensors.
    pub outputs: Vec<usize>,
    /// Its options.
    pub options: tflite::Operator<'a>,
}

impl Operator<'_> {
    /// What is wrong with it.
    pub fn fault(&self, why: impl Into<String>) -> Fault {
        Fault::Node { node: self.name.clone(), op: self.op.clone(), why: why.into() }
    }

    /// What of it is not supported, and what is.
    pub fn unsupported(&self, why: impl Into<String>, supported: impl Into<String>) -> Fault {
        Fault::Unsupported {
            node: self.name.clone(),
            op: self.op.clone(),
            why: why.into(),
            supported: supported.into(),
        }
    }

    /// Input `index`.
    ///
    /// # Errors
    /// It is left out.
    pub fn input(&self, index: usize) -> Result<usize, Fault> {
        self.optional(index).ok_or_else(|| self.fault(format!("input {index} is missing")))
    }

    /// Input `index`, if it is there.
    pub fn optional(&self, index: usize) -> Option<usize> {
        self.inputs.get(index).copied().flatten()
    }
}

/// A model with one graph.
#[derive(Clone, Debug)]
pub struct Model<'a> {
    /// Tensors.
    pub tensors: Vec<Tensor<'a>>,
    /// Operators in the order they run.
    pub operators: Vec<Operator<'a>>,
    /// Inputs of the model.
    pub inputs: Vec<usize>,
    /// Outputs of the model.
    pub outputs: Vec<usize>,
}

impl<'a> Model<'a> {
    /// Verifies and reads the bytes of a TFLite file.
    ///
    /// # Errors
    /// It is no TFLite file, is damaged, or its parts do not fit each other.
    pub fn parse(file: &'a [u8]) -> Result<Self, Fault> {
        let fault = |what: String| Fault::File(what);
        let model = tflite::root_as_model(file).map_err(|e| {
            // The verifier's own message goes over several lines.
            let said = e.to_string().split_whitespace().take(12).collect::<Vec<_>>().join(" ");
            fault(format!("damaged TFLite model ({} bytes): {}; give a whole .tflite file", file.len(), short(&said)))
        })?;
        if model.version() != SCHEMA {
            return Err(fault(format!(
                "TFLite schema {}; supported: {SCHEMA}; convert the model again",
                model.version()
            )));
        }
        let graph = match model.subgraphs().map(|s| (s.len(), s)) {
            Some((1, graphs)) => graphs.get(0),
            found => {
                let count = found.map_or(0, |(count, _)| count);
                return Err(fault(format!("the model has {count} graphs; supported: models with one")));
            }
        };
        let mut tensors = Vec::new();
        for tensor in graph.tensors().into_iter().flatten() {
            if tensors.len() == MAX_PARTS {
                return Err(fault(format!("the model has more than {MAX_PARTS} tensors")));
            }
            tensors.push(read_tensor(&model, &tensor)?);
        }
        // −1 stands for one left out.
        let index = |i: i32, what: String| match usize::try_from(i) {
            Ok(i) if i < tensors.len() => Ok(Some(i)),
            Err(_) if i == -1 => Ok(None),
            _ => Err(fault(format!("{what} is tensor {i}; there are {}; the file is damaged", tensors.len()))),
        };
        let ports = |list: Vec<i32>, what: &str| -> Result<Vec<usize>, Fault> {
            let found: Result<Vec<_>, _> =
                list.into_iter().map(|i| index(i, format!("an {what} of the model"))).collect();
            Ok(found?.into_iter().flatten().collect())
        };
        let inputs = ports(graph.inputs().into_iter().flatten().collect(), "input")?;
        let outputs = ports(graph.outputs().into_iter().flatten().collect(), "output")?;
        let mut operators = Vec::new();
        for options in graph.operators().into_iter().flatten() {
            if operators.len() == MAX_PARTS {
                return Err(fault(format!("the model has more than {MAX_PARTS} operators")));
            }
            let number = operators.len();
            let outputs: Result<Vec<_>, _> = (options.outputs().into_iter().flatten())
                .map(|i| index(i, format!("an output of operator {number}")))
                .collect();
            let outputs: Vec<usize> = outputs?.into_iter().flatten().collect();
            let Some(&first) = outputs.first() else {
                return Err(fault(format!("operator {number} has no output; the file is damaged")));
            };
            let inputs: Result<Vec<_>, _> = (options.inputs().into_iter().flatten())
                .map(|i| index(i, format!("an input of operator {number}")))
                .collect();
            let kind = kind(&model, options.opcode_index())
                .ok_or_else(|| fault(format!("operator {number} is of unknown kind {}", options.opcode_index())))?;
            let (op, name) = (kind.variant_name().unwrap_or("unknown").to_string(), tensors[first].name.clone());
            operators.push(Operator { kind, op, name, inputs: inputs?, outputs, options });
        }
        Ok(Self { tensors, operators, inputs, outputs })
    }
}

/// The kind of an operator. Files from before there were more than 127 kinds have it in another field.
fn kind(model: &tflite::Model, index: u32) -> Option<tflite::BuiltinOperator> {
    let codes = model.operator_codes()?;
    let code = (index as usize).lt(&codes.len()).then(|| codes.get(index as usize))?;
    let old = tflite::BuiltinOperator(i32::from(code.deprecated_builtin_code()));
    Some(code.builtin_code().max(old))
}

fn read_tensor<'a>(model: &tflite::Model<'a>, tensor: &tflite::Tensor<'a>) -> Result<Tensor<'a>, Fault> {
    let name = tensor.name().unwrap_or("").to_string();
    let fault = |what: String| Fault::File(format!("tensor `{}`: {what}", short(&name)));
    let mut shape = Vec::new();
    let mut elements = 1usize;
    for dim in tensor.shape().into_iter().flatten() {
        // Converters write an open batch as 1; −1 stands in `shape_signature` alone.
        let size = usize::try_from(dim).map_err(|_| fault(format!("dimension {dim} in its shape")))?;
        elements = elements
            .checked_mul(size)
            .filter(|&e| e <= MAX_ELEMENTS)
            .ok_or_else(|| fault(format!("its shape has more than {MAX_ELEMENTS} elements")))?;
        shape.push(size);
    }
    if tensor.sparsity().is_some() {
        return Err(fault("it is sparse; convert the model with dense weights".into()));
    }
    let quantization = tensor.quantization();
    let scale: Vec<f32> = quantization.and_then(|q| q.scale()).into_iter().flatten().collect();
    let mut zero_point: Vec<i64> = quantization.and_then(|q| q.zero_point()).into_iter().flatten().collect();
    zero_point.resize(scale.len().max(zero_point.len()), 0);
    if let Some(bad) = scale.iter().find(|s| !s.is_finite() || **s <= 0.0) {
        return Err(fault(format!("its scale is {bad}; it must be finite and above 0")));
    }
    let axis = quantization.map_or(0, |q| q.quantized_dimension());
    let axis = usize::try_from(axis).map_err(|_| fault(format!("its scales belong to dimension {axis}")))?;
    if scale.len() > 1 && shape.get(axis) != Some(&scale.len()) || zero_point.len() != scale.len() {
        let (scales, points) = (scale.len(), zero_point.len());
        return Err(fault(format!("{scales} scales and {points} zero points along dimension {axis} of {shape:?}")));
    }
    let buffers = model.buffers();
    let count = buffers.map_or(0, |b| b.len());
    let data = match tensor.buffer() as usize {
        0 => None,
        at => match buffers.filter(|_| at < count) {
            Some(buffers) => buffers.get(at).data().map(|d| d.bytes()).filter(|d| !d.is_empty()),
            None => return Err(fault(format!("its buffer is {at}; there are {count}; the file is damaged"))),
        },
    };
    let tensor = Tensor { name: name.clone(), shape, kind: tensor.type_(), scale, zero_point, axis, data };
    if let (Some(data), Some(bytes)) = (tensor.data, bytes(&tensor)) {
        if elements.checked_mul(bytes) != Some(data.len()) {
            let shape = &tensor.shape;
            return Err(fault(format!(
                "shape {shape:?} takes {} bytes, but there are {}",
                elements * bytes,
                data.len()
            )));
        }
    }
    Ok(tensor)
}

/// Bytes of an element, of a type that import reads.
fn bytes(tensor: &Tensor) -> Option<usize> {
    Some(match tensor.dtype()? {
        Dtype::Int8 | Dtype::Uint8 | Dtype::Bool => 1,
        Dtype::Int16 => 2,
        Dtype::Float32 | Dtype::Int32 => 4,
        _ => 8,
    })
}

impl Tensor<'_> {
    /// Its elements as integers, if it is a constant of integers.
    pub fn ints(&self) -> Option<Vec<i64>> {
        let data = self.data?;
        Some(match self.dtype()? {
            Dtype::Int8 => data.iter().map(|&b| i64::from(b as i8)).collect(),
            Dtype::Uint8 | Dtype::Bool => data.iter().map(|&b| i64::from(b)).collect(),
            Dtype::Int16 => data.chunks_exact(2).map(|b| i64::from(i16::from_le_bytes([b[0], b[1]]))).collect(),
            Dtype::Int32 => {
                data.chunks_exact(4).map(|b| i64::from(i32::from_le_bytes([b[0], b[1], b[2], b[3]]))).collect()
            }
            Dtype::Int64 => data
                .chunks_exact(8)
                .map(|b| i64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]))
                .collect(),
            _ => return None,
        })
    }
}
