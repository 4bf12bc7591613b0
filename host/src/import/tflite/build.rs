//! The graph in the making, and which function handles which operator.

use super::model::{Model, Operator, Tensor};
use super::{conv, elementwise, host, pool, shape};
use crate::graph::{self, Graph, HostOp, Node, Op, Port, Quant, TensorId};
use crate::import::error::{short, Fault};
use crate::tensor::{Dtype, Order, Rounding, TensorInfo};
use tract_tflite::tflite::BuiltinOperator as Kind;

/// Operators that import knows, for messages.
const SUPPORTED: &str = "ADD, ARG_MAX, AVERAGE_POOL_2D, CONCATENATION, CONV_2D, DEPTHWISE_CONV_2D, DEQUANTIZE, \
                         EXPAND_DIMS, FULLY_CONNECTED, LOGISTIC, MAX_POOL_2D, MEAN, PAD, PADV2, QUANTIZE, RELU, RELU6, \
                         RELU_N1_TO_1, RESHAPE, SOFTMAX, SQUEEZE, TANH, TRANSPOSE";

/// What a tensor of the file is in the graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// The tensor.
    pub tensor: TensorId,
    /// Shape in the file, batch included.
    pub shape: Vec<usize>,
    /// Whether the file has it as uint8; here it is int8, 128 less.
    pub unsigned: bool,
    /// Quantisation, of a tensor of bytes.
    pub quant: Option<Quant>,
    /// Whether it stands for reals, without a node that made them: what a `DEQUANTIZE` gives.
    pub real: bool,
}

/// The graph in the making.
#[derive(Debug)]
pub struct Builder<'m, 'a> {
    /// The file.
    pub model: &'m Model<'a>,
    values: Vec<Option<Value>>,
    /// How many operators and outputs read each tensor of the file.
    pub readers: Vec<usize>,
    /// Tensors so far.
    pub tensors: Vec<graph::Tensor>,
    nodes: Vec<Node>,
    inputs: Vec<Port>,
}

impl<'m, 'a> Builder<'m, 'a> {
    /// Walks through a model.
    ///
    /// # Errors
    /// The first operator that is not supported or not sound.
    pub fn run(model: &'m Model<'a>, stem: &str) -> Result<Graph, Fault> {
        let mut readers = vec![0; model.tensors.len()];
        let read = model.operators.iter().flat_map(|op| op.inputs.iter().flatten()).chain(&model.outputs);
        read.for_each(|&i| readers[i] += 1);
        let values = vec![None; model.tensors.len()];
        let mut b = Self { model, values, readers, tensors: Vec::new(), nodes: Vec::new(), inputs: Vec::new() };
        for &index in &model.inputs {
            b.model_input(index)?;
        }
        for op in &model.operators {
            if op.outputs.iter().any(|&o| b.values[o].is_some() || model.tensors[o].data.is_some()) {
                return Err(op.fault("its output is written twice; the file is damaged"));
            }
            let value = b.operator(op)?;
            b.values[op.outputs[0]] = Some(value);
        }
        b.finish(stem)
    }

    fn model_input(&mut self, index: usize) -> Result<(), Fault> {
        let model = self.model;
        let tensor = &model.tensors[index];
        let fault = |what: String| Fault::File(format!("input `{}` {what}", short(&tensor.name)));
        if self.values[index].is_some() || tensor.data.is_some() {
            return Err(fault("is given twice".into()));
        }
        let (dtype, quant) = match tensor.dtype() {
            Some(dtype @ (Dtype::Int8 | Dtype::Uint8)) => (dtype, self.quant(index)),
            // The QUANTIZE that reads it says how.
            Some(Dtype::Float32) => (Dtype::Float32, None),
            _ => {
                let kind = tensor.kind.variant_name().unwrap_or("unknown");
                return Err(fault(format!("has element type {kind}; supported: INT8, UINT8, FLOAT32")));
            }
        };
        let hwc = shape::hwc(&tensor.shape).ok_or_else(|| {
            fault(format!("has shape {:?}; supported: 2 to 4 dimensions, the first being a batch of 1", tensor.shape))
        })?;
        let id = self.tensor(&tensor.name, hwc);
        let info = TensorInfo {
            name: tensor.name.clone(),
            shape: shape::without_batch(&tensor.shape),
            dtype,
            order: Order::ChannelsLast,
            hwc,
            scale: quant.map_or(1.0, |q| q.scale),
            zero_point: quant.map_or(0, |q| q.zero_point),
            rounding: Rounding::TiesAway,
        };
        self.inputs.push((id, info));
        let unsigned = dtype == Dtype::Uint8;
        let real = dtype == Dtype::Float32;
        self.values[index] = Some(Value { tensor: id, shape: tensor.shape.clone(), unsigned, quant, real });
        Ok(())
    }

    /// The port of the model's input that this tensor is.
    pub fn input_port(&mut self, id: TensorId) -> Option<&mut Port> {
        self.inputs.iter_mut().find(|(tensor, _)| *tensor == id)
    }

    /// Scale and zero point of a tensor of bytes on the card, if it has one of each.
    pub fn quant(&self, index: usize) -> Option<Quant> {
        let tensor = &self.model.tensors[index];
        let offset = match tensor.dtype() {
            Some(Dtype::Int8) => 0,
            Some(Dtype::Uint8) => 128,
            _ => return None,
        };
        match (&tensor.scale[..], &tensor.zero_point[..]) {
            (&[scale], &[zero_point]) => {
                let zero_point = i8::try_from(zero_point.checked_sub(offset)?).ok()?;
                Some(Quant { scale, zero_point })
            }
            _ => None,
        }
    }

    /// What the output of an operator will be: its tensor in the file, and its quantisation.
    ///
    /// # Errors
    /// It is not of bytes with one scale.
    pub fn output(&self, op: &Operator) -> Result<(&'m Tensor<'a>, Quant), Fault> {
        let index = op.outputs[0];
        let tensor = &self.model.tensors[index];
        match self.quant(index) {
            Some(quant) => Ok((tensor, quant)),
            None => Err(op.unsupported(
                format!("its output is {}", described(tensor)),
                "int8 or uint8 with one scale and one zero point",
            )),
        }
    }

    /// Input `index` of an operator, of any kind.
    ///
    /// # Errors
    /// It is missing, constant, or computed by nothing before.
    pub fn any_input(&self, op: &Operator, index: usize) -> Result<Value, Fault> {
        let i = op.input(index)?;
        match &self.values[i] {
            Some(value) => Ok(value.clone()),
            None if self.model.tensors[i].data.is_some() => {
                Err(op.unsupported(format!("input {index} is a constant"), "activations there"))
            }
            None => Err(op.fault(format!(
                "its input `{}` is computed by nothing before it; the file is damaged",
                short(&self.model.tensors[i].name)
            ))),
        }
    }

    /// Input `index` of an operator as bytes with their quantisation.
    ///
    /// # Errors
    /// It is something else.
    pub fn bytes_input(&self, op: &Operator, index: usize) -> Result<(Value, Quant), Fault> {
        let value = self.any_input(op, index)?;
        match value.quant.filter(|_| !value.real) {
            Some(quant) => Ok((value, quant)),
            None => {
                let tensor = &self.model.tensors[op.input(index)?];
                Err(op.unsupported(
                    format!("its input is {}", described(tensor)),
                    "int8 or uint8 with one scale and one zero point: quantise the model in full",
                ))
            }
        }
    }

    /// A constant input of an operator, of integers.
    ///
    /// # Errors
    /// It is computed, or of another type.
    pub fn ints(&self, op: &Operator, index: usize) -> Result<Vec<i64>, Fault> {
        let tensor = &self.model.tensors[op.input(index)?];
        tensor
            .ints()
            .ok_or_else(|| op.unsupported(format!("input {index} is {}", described(tensor)), "constant integers"))
    }

    /// A new tensor of the card.
    pub fn tensor(&mut self, name: &str, hwc: [usize; 3]) -> TensorId {
        self.tensors.push(graph::Tensor::card(name, hwc));
        self.tensors.len() - 1
    }

    /// A new node with a new output of the card, as what the operator's output is.
    pub fn push(&mut self, op: &Operator, inputs: Vec<TensorId>, hwc: [usize; 3], what: Op) -> Value {
        let index = op.outputs[0];
        let tensor = self.tensor(&op.name, hwc);
        self.nodes.push(Node { name: op.name.clone(), label: label(op), inputs, output: tensor, op: what });
        let file = &self.model.tensors[index];
        let unsigned = file.dtype() == Some(Dtype::Uint8);
        Value { tensor, shape: file.shape.clone(), unsigned, quant: self.quant(index), real: false }
    }

    /// A new node whose output is a tensor of the host.
    pub fn push_host(
        &mut self,
        op: &Operator,
        name: &str,
        inputs: Vec<TensorId>,
        to: graph::Tensor,
        what: HostOp,
    ) -> TensorId {
        self.tensors.push(to);
        let output = self.tensors.len() - 1;
        self.nodes.push(Node { name: name.into(), label: label(op), inputs, output, op: Op::Host(what) });
        output
    }

    fn operator(&mut self, op: &Operator) -> Result<Value, Fault> {
        match op.kind {
            Kind::CONV_2D => conv::conv(self, op),
            Kind::DEPTHWISE_CONV_2D => conv::depthwise(self, op),
            Kind::FULLY_CONNECTED => conv::fully_connected(self, op),
            Kind::AVERAGE_POOL_2D | Kind::MAX_POOL_2D => pool::pool(self, op),
            Kind::MEAN => pool::mean(self, op),
            Kind::ADD => elementwise::add(self, op),
            Kind::CONCATENATION => elementwise::concatenation(self, op),
            Kind::RELU | Kind::RELU6 | Kind::RELU_N1_TO_1 => elementwise::relu(self, op),
            Kind::QUANTIZE => elementwise::quantize(self, op),
            Kind::DEQUANTIZE => elementwise::dequantize(self, op),
            Kind::PAD | Kind::PADV2 => shape::pad(self, op),
            Kind::RESHAPE | Kind::SQUEEZE | Kind::EXPAND_DIMS => shape::reshape(self, op),
            Kind::TRANSPOSE => host::transpose(self, op),
            Kind::SOFTMAX => host::softmax(self, op),
            Kind::ARG_MAX => host::arg_max(self, op),
            Kind::LOGISTIC | Kind::TANH => host::lookup(self, op),
            _ => Err(op.unsupported("unknown operator", SUPPORTED)),
        }
    }

    fn finish(self, stem: &str) -> Result<Graph, Fault> {
        let mut outputs = Vec::new();
        for &index in &self.model.outputs {
            let file = &self.model.tensors[index];
            let fault = |what: &str| Fault::File(format!("output `{}` {what}", short(&file.name)));
            let value = self.values[index].as_ref().ok_or_else(|| fault("is computed by no operator"))?;
            let tensor = &self.tensors[value.tensor];
            let quant = value.quant.unwrap_or(Quant { scale: 1.0, zero_point: 0 });
            let dtype = match (value.real, value.unsigned) {
                (true, _) => Dtype::Float32,
                (false, true) => Dtype::Uint8,
                (false, false) => tensor.dtype(),
            };
            let info = TensorInfo {
                name: file.name.clone(),
                shape: shape::without_batch(&value.shape),
                dtype,
                order: Order::ChannelsLast,
                hwc: tensor.hwc,
                scale: quant.scale,
                zero_point: quant.zero_point,
                rounding: Rounding::TiesAway,
            };
            outputs.push((value.tensor, info));
        }
        if self.nodes.is_empty() {
            return Err(Fault::File("the model has no operator that computes anything; convert it again".into()));
        }
        if self.inputs.is_empty() || outputs.is_empty() {
            let what = format!(
                "the model has {} inputs and {} outputs; at least one of each must be",
                self.inputs.len(),
                outputs.len()
            );
            return Err(Fault::File(what));
        }
        let Self { tensors, nodes, inputs, .. } = self;
        Ok(Graph { name: stem.to_string(), tensors, nodes, inputs, outputs })
    }
}

/// What a tensor of the file is, for messages.
pub fn described(tensor: &Tensor) -> String {
    let kind = tensor.kind.variant_name().unwrap_or("of an unknown type");
    match tensor.scale.len() {
        0 => format!("{kind} without a scale"),
        1 => kind.to_string(),
        scales => format!("{kind} with {scales} scales"),
    }
}

/// The operator in the table of layers, such as `Conv2D`.
fn label(op: &Operator) -> String {
    let part = |p: &str| match p {
        "2D" => p.to_string(),
        _ => p[..1].to_string() + &p[1..].to_lowercase(),
    };
    op.op.split('_').filter(|p| !p.is_empty()).map(part).collect()
}
