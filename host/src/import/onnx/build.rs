//! The graph in the making, and which function handles which operator.

use super::model::{node_fault, unsupported, Model};
use super::tensor::Constant;
use super::value::{Activation, Quant, Value, Weights};
use super::{attributes, conv, elementwise, host, model, operators, pool, proto, quantise, shape};
use crate::graph::{Graph, Node, Op, Tensor, TensorId};
use crate::import::error::{short, Fault};
use crate::tensor::{Dtype, Order, Rounding, TensorInfo};
use std::collections::HashMap;
use std::rc::Rc;

/// Operators that import knows, for messages.
const SUPPORTED: &str = "Add, ArgMax, AveragePool, Clip, Concat, Constant, Conv, DequantizeLinear, Dropout, Flatten, \
                         Gemm, GlobalAveragePool, GlobalMaxPool, Identity, MatMul, MaxPool, Pad, QGemm, QLinearAdd, \
                         QLinearAveragePool, QLinearConcat, QLinearConv, QLinearGlobalAveragePool, QLinearMatMul, \
                         QuantizeLinear, ReduceMean, Relu, Reshape, Sigmoid, Softmax, Squeeze, Tanh, Transpose, \
                         Unsqueeze";

/// The graph in the making.
#[derive(Debug)]
pub struct Builder {
    values: HashMap<String, Value>,
    readers: HashMap<String, usize>,
    /// Tensors so far.
    pub tensors: Vec<Tensor>,
    /// Nodes so far.
    pub nodes: Vec<Node>,
    /// The model's input, once it is a tensor.
    pub input: Option<(TensorId, TensorInfo)>,
    /// Name of the model's input.
    input_name: String,
}

impl Builder {
    /// Walks through a model.
    ///
    /// # Errors
    /// The first node that is not supported or not sound.
    pub fn run(model: Model, stem: &str) -> Result<Graph, Fault> {
        let input = model::single(&model.inputs, "input")?.clone();
        let output = model::single(&model.outputs, "output")?.clone();
        let mut builder = Self {
            values: HashMap::new(),
            readers: model.readers,
            tensors: Vec::new(),
            nodes: Vec::new(),
            input: None,
            input_name: input.name.clone(),
        };
        for (name, constant) in model.constants {
            builder.values.insert(name, Value::Constant(Rc::new(constant)));
        }
        let value = builder.model_input(&input)?;
        builder.values.insert(input.name.clone(), value);
        for node in &model.nodes {
            let value = builder.node(node)?;
            if let Some(name) = node.output.first() {
                builder.values.insert(name.clone(), value);
            }
        }
        builder.finish(&output.name, stem)
    }

    fn model_input(&mut self, info: &proto::ValueInfo) -> Result<Value, Fault> {
        let (elem_type, shape) = shape::of_input(info)?;
        let unsigned = match elem_type {
            proto::FLOAT => return Ok(Value::FloatInput(shape)),
            proto::INT8 => false,
            proto::UINT8 => true,
            other => {
                return Err(Fault::File(format!(
                    "input `{}` has element type {other}; supported: float (1), uint8 (2), int8 (3)",
                    short(&info.name)
                )))
            }
        };
        let dtype = if unsigned { Dtype::Uint8 } else { Dtype::Int8 };
        Ok(Value::Quantised(self.open_input(shape, dtype, unsigned, None)?))
    }

    /// Makes the model's input a tensor. Its shape on the card stays open while only reshapes have read it.
    pub fn open_input(
        &mut self,
        shape: Vec<usize>,
        dtype: Dtype,
        unsigned: bool,
        quant: Option<Quant>,
    ) -> Result<Activation, Fault> {
        let hwc = shape::channels_first(&shape);
        let info = TensorInfo {
            name: self.input_name.clone(),
            shape: shape.clone(),
            dtype,
            order: Order::ChannelsFirst,
            hwc,
            scale: quant.map_or(1.0, |q| q.scale),
            zero_point: quant.map_or(0, |q| q.zero_point),
            rounding: Rounding::TiesToEven,
        };
        let tensor = self.tensor(&self.input_name.clone(), hwc);
        self.input = Some((tensor, info));
        Ok(Activation { tensor, hwc, shape, order: Order::ChannelsFirst, unsigned, quant, open: true })
    }

    /// Settles how the model's input lies on the card, and in which order the model has it.
    pub fn settle_input(&mut self, hwc: [usize; 3], order: Order) {
        if let Some((tensor, info)) = &mut self.input {
            (info.hwc, info.order) = (hwc, order);
            self.tensors[*tensor].hwc = hwc;
        }
    }

    /// Takes up a tensor.
    pub fn add(&mut self, tensor: Tensor) -> TensorId {
        self.tensors.push(tensor);
        self.tensors.len() - 1
    }

    /// A new tensor of the card.
    pub fn tensor(&mut self, name: &str, hwc: [usize; 3]) -> TensorId {
        self.add(Tensor::card(name, hwc))
    }

    /// A new node of the graph with a new output tensor.
    pub fn push(&mut self, name: &str, label: &str, inputs: Vec<TensorId>, hwc: [usize; 3], op: Op) -> TensorId {
        let output = self.tensor(name, hwc);
        self.nodes.push(Node { name: name.to_string(), label: label.to_string(), inputs, output, op });
        output
    }

    /// The value of input `index` of a node; left-out inputs have none.
    pub fn optional(&self, node: &proto::Node, index: usize) -> Option<Value> {
        let name = node.input.get(index).filter(|n| !n.is_empty())?;
        let mut value = self.values.get(name)?.clone();
        if self.readers.get(name).is_some_and(|&r| r > 1) {
            // Another node sees the same tensor and may take it as it is.
            if let Value::Quantised(a) | Value::Real(a) = &mut value {
                a.open = false;
            }
        }
        Some(value)
    }

    /// The value of input `index` of a node.
    ///
    /// # Errors
    /// There is none.
    pub fn value(&self, node: &proto::Node, index: usize) -> Result<Value, Fault> {
        self.optional(node, index).ok_or_else(|| node_fault(node, format!("input {index} is missing")))
    }

    /// Input `index` as a constant, if it is given.
    ///
    /// # Errors
    /// It is computed.
    pub fn constant(&self, node: &proto::Node, index: usize) -> Result<Option<Rc<Constant>>, Fault> {
        match self.optional(node, index) {
            None => Ok(None),
            Some(Value::Constant(constant)) => Ok(Some(constant)),
            Some(_) => Err(unsupported(node, format!("input {index} is computed"), "a constant")),
        }
    }

    /// Input `index` as quantised weights.
    ///
    /// # Errors
    /// It is something else.
    pub fn weights(&self, node: &proto::Node, index: usize, what: &str) -> Result<Rc<Weights>, Fault> {
        match self.value(node, index)? {
            Value::Weights(weights) => Ok(weights),
            Value::Constant(_) => Err(unsupported(node, format!("its {what} are floats"), quantise::QDQ)),
            _ => Err(unsupported(node, format!("its {what} are computed"), "constants behind DequantizeLinear")),
        }
    }

    fn node(&mut self, node: &proto::Node) -> Result<Value, Fault> {
        let of_host = (0..node.input.len()).any(|i| matches!(self.optional(node, i), Some(Value::Host(_))));
        let quantises = matches!(node.op_type.as_str(), "QuantizeLinear" | "DequantizeLinear");
        if of_host && !quantises {
            return host::run(self, node);
        }
        // A refused operator leaves no node behind: each looks at its inputs first.
        match self.card_node(node) {
            Err(fault @ Fault::Unsupported { .. }) if host::may(node) => host::run(self, node).map_err(|_| fault),
            done => done,
        }
    }

    fn card_node(&mut self, node: &proto::Node) -> Result<Value, Fault> {
        let standard = matches!(node.domain.as_str(), "" | "ai.onnx");
        match node.op_type.as_str() {
            // onnxruntime has its own pair of the same meaning, for types that the standard one lacked.
            "QuantizeLinear" if standard || node.domain == "com.microsoft" => quantise::quantise(self, node),
            "DequantizeLinear" if standard || node.domain == "com.microsoft" => quantise::dequantise(self, node),
            "QLinearAdd" => operators::add(self, node),
            "QLinearConcat" => operators::concat(self, node),
            "QLinearAveragePool" | "QLinearGlobalAveragePool" => operators::average(self, node),
            "QGemm" => operators::gemm(self, node),
            _ if !standard => Err(unsupported(node, format!("operator of domain `{}`", node.domain), SUPPORTED)),
            "QLinearConv" => operators::conv(self, node),
            "QLinearMatMul" => operators::matmul(self, node),
            "Concat" => elementwise::concat(self, node),
            "Pad" => elementwise::pad(self, node),
            "GlobalMaxPool" => pool::global_max_pool(self, node),
            "ReduceMean" => pool::reduce_mean(self, node),
            "Conv" => conv::conv(self, node),
            "Gemm" => conv::gemm(self, node),
            "MatMul" => conv::matmul(self, node),
            "Add" => conv::add(self, node),
            "Relu" => pool::relu(self, node),
            "Clip" => pool::clip(self, node),
            "MaxPool" => pool::max_pool(self, node),
            "AveragePool" => pool::average_pool(self, node),
            "GlobalAveragePool" => pool::global_average_pool(self, node),
            "Reshape" => shape::reshape(self, node),
            "Flatten" => shape::flatten(self, node),
            "Squeeze" => shape::squeeze(self, node),
            "Unsqueeze" => shape::unsqueeze(self, node),
            "Transpose" => shape::transpose(self, node),
            "Identity" | "Dropout" => self.value(node, 0),
            "Constant" => {
                let tensor = attributes::tensor(node, "value");
                let tensor = tensor.ok_or_else(|| unsupported(node, "it holds no tensor", "attribute `value`"))?;
                Ok(Value::Constant(Rc::new(Constant::read(tensor)?)))
            }
            _ if host::may(node) => Err(unsupported(node, "it runs on no card", SUPPORTED)),
            _ => Err(unsupported(node, "unknown operator", SUPPORTED)),
        }
    }

    fn finish(self, output: &str, stem: &str) -> Result<Graph, Fault> {
        let fault = |what: &str| Fault::File(format!("output `{}` {what}", short(output)));
        if let (Some(Value::Host(id)), Some(input)) = (self.values.get(output), &self.input) {
            let mut port = super::evaluate::port(&self.tensors, *id);
            port.1.name = output.to_string();
            if port.1.shape.first() == Some(&1) && port.1.shape.len() > 1 {
                port.1.shape.remove(0);
            }
            let (inputs, outputs) = (vec![input.clone()], vec![port]);
            return Ok(Graph { name: stem.to_string(), tensors: self.tensors, nodes: self.nodes, inputs, outputs });
        }
        let (activation, float) = match self.values.get(output) {
            Some(Value::Quantised(a)) => (a.clone(), false),
            Some(Value::Real(a)) => (a.clone(), true),
            Some(Value::Pending(p)) => {
                return Err(fault(&format!(
                    "is what node `{}` ({}) gives in floats; put a QuantizeLinear after it",
                    short(&p.name),
                    p.label
                )))
            }
            _ => return Err(fault("is not computed from the input; export the model again")),
        };
        let Some(input) = self.input else { return Err(fault("is not computed from the input")) };
        if self.nodes.is_empty() {
            return Err(fault("takes no computation: the model has no operator that a card runs"));
        }
        let dtype = match (float, activation.unsigned) {
            (true, _) => Dtype::Float32,
            (false, true) => Dtype::Uint8,
            (false, false) => Dtype::Int8,
        };
        let quant = activation.quant.unwrap_or(Quant { scale: 1.0, zero_point: 0 });
        let info = TensorInfo {
            name: output.to_string(),
            shape: activation.shape,
            dtype,
            order: activation.order,
            hwc: activation.hwc,
            scale: quant.scale,
            zero_point: quant.zero_point,
            rounding: Rounding::TiesToEven,
        };
        Ok(Graph {
            name: stem.to_string(),
            tensors: self.tensors,
            nodes: self.nodes,
            inputs: vec![input],
            outputs: vec![(activation.tensor, info)],
        })
    }
}
