//! Builds small ONNX models in QDQ form.

use prost::Message;
use systole::import::onnx::proto;

/// A model in the making.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    /// The graph so far.
    pub graph: proto::Graph,
    names: usize,
}

impl Builder {
    /// A model whose input has this element type and these dimensions; −1 stands for a dynamic one.
    pub fn new(elem_type: i32, dims: &[i64]) -> Self {
        let mut b = Self::default();
        b.graph.input.push(info("input", elem_type, dims));
        b
    }

    fn name(&mut self, stem: &str) -> String {
        self.names += 1;
        format!("{stem}_{}", self.names)
    }

    /// A float constant.
    pub fn floats(&mut self, dims: &[i64], values: &[f32]) -> String {
        self.constant(proto::FLOAT, dims, values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// An int8 constant.
    pub fn bytes(&mut self, dims: &[i64], values: &[i8]) -> String {
        self.constant(proto::INT8, dims, values.iter().map(|&v| v as u8).collect())
    }

    /// A constant from its raw bytes.
    pub fn constant(&mut self, data_type: i32, dims: &[i64], raw_data: Vec<u8>) -> String {
        let name = self.name("constant");
        let tensor =
            proto::Tensor { dims: dims.to_vec(), data_type, name: name.clone(), raw_data, ..Default::default() };
        self.graph.initializer.push(tensor);
        name
    }

    /// A node called `<op>_<number>`; returns the name of its output.
    pub fn node(&mut self, op: &str, inputs: &[&str], attributes: Vec<proto::Attribute>) -> String {
        let name = self.name(op);
        self.graph.node.push(proto::Node {
            input: inputs.iter().map(|i| i.to_string()).collect(),
            output: vec![format!("{name}_out")],
            name: name.clone(),
            op_type: op.into(),
            attribute: attributes,
            ..Default::default()
        });
        format!("{name}_out")
    }

    /// `QuantizeLinear` to int8.
    pub fn quantise(&mut self, input: &str, scale: f32, zero_point: i8) -> String {
        let (s, z) = (self.floats(&[], &[scale]), self.bytes(&[], &[zero_point]));
        self.node("QuantizeLinear", &[input, &s, &z], vec![])
    }

    /// `DequantizeLinear` from int8.
    pub fn dequantise(&mut self, input: &str, scale: f32, zero_point: i8) -> String {
        let (s, z) = (self.floats(&[], &[scale]), self.bytes(&[], &[zero_point]));
        self.node("DequantizeLinear", &[input, &s, &z], vec![])
    }

    /// `QuantizeLinear` and `DequantizeLinear`.
    pub fn both(&mut self, input: &str, scale: f32, zero_point: i8) -> String {
        let quantised = self.quantise(input, scale, zero_point);
        self.dequantise(&quantised, scale, zero_point)
    }

    /// Weights behind a `DequantizeLinear`, all of one value.
    pub fn weights(&mut self, dims: &[i64], value: i8, scale: f32) -> String {
        let count: i64 = dims.iter().product();
        let w = self.bytes(dims, &vec![value; count as usize]);
        self.dequantise(&w, scale, 0)
    }

    /// The file of the model with this output.
    pub fn finish(mut self, output: &str) -> Vec<u8> {
        self.graph.output.push(info(output, proto::FLOAT, &[-1]));
        let opset_import = vec![proto::OperatorSet { domain: String::new(), version: 13 }];
        proto::Model { ir_version: 8, graph: Some(self.graph), opset_import }.encode_to_vec()
    }
}

/// Name and type of an input or output.
pub fn info(name: &str, elem_type: i32, dims: &[i64]) -> proto::ValueInfo {
    let dim = |&d: &i64| match d {
        -1 => proto::Dimension { dim_value: None, dim_param: Some("N".into()) },
        d => proto::Dimension { dim_value: Some(d), dim_param: None },
    };
    let shape = Some(proto::Shape { dim: dims.iter().map(dim).collect() });
    let tensor_type = Some(proto::TensorType { elem_type, shape });
    proto::ValueInfo { name: name.into(), r#type: Some(proto::Type { tensor_type }) }
}

/// An attribute of integers.
pub fn ints(name: &str, ints: &[i64]) -> proto::Attribute {
    proto::Attribute { name: name.into(), ints: ints.to_vec(), kind: 7, ..Default::default() }
}

/// An attribute of one integer.
pub fn int(name: &str, i: i64) -> proto::Attribute {
    proto::Attribute { name: name.into(), i, kind: 2, ..Default::default() }
}
