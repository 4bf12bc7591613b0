//! The part of ONNX's protobuf messages that import needs, as prost structs.
//!
//! Written out with prost's derives instead of generated, because a generator needs `protoc`, which a fresh machine does
//! not have. The field numbers are those of `onnx.proto`; fields that stand there and not here are skipped on reading.

use crate::tensor::Dtype;
use prost::Message;

/// A model.
#[derive(Clone, PartialEq, Message)]
pub struct Model {
    /// Version of the format itself.
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    /// The graph.
    #[prost(message, optional, tag = "7")]
    pub graph: Option<Graph>,
    /// Versions of the operators, by domain.
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSet>,
}

/// Version of a domain's operators.
#[derive(Clone, PartialEq, Message)]
pub struct OperatorSet {
    /// Empty for the standard operators.
    #[prost(string, tag = "1")]
    pub domain: String,
    /// Version.
    #[prost(int64, tag = "2")]
    pub version: i64,
}

/// A graph.
#[derive(Clone, PartialEq, Message)]
pub struct Graph {
    /// Nodes.
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<Node>,
    /// Name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Constants.
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<Tensor>,
    /// Inputs; old files list constants here too.
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfo>,
    /// Outputs.
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfo>,
}

/// A node.
#[derive(Clone, PartialEq, Message)]
pub struct Node {
    /// Names of its inputs; empty for one left out.
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    /// Names of its outputs.
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    /// Name; may be empty.
    #[prost(string, tag = "3")]
    pub name: String,
    /// Operator.
    #[prost(string, tag = "4")]
    pub op_type: String,
    /// Attributes.
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<Attribute>,
    /// Domain of the operator; empty for the standard ones.
    #[prost(string, tag = "7")]
    pub domain: String,
}

/// An attribute of a node.
#[derive(Clone, PartialEq, Message)]
pub struct Attribute {
    /// Name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Float value.
    #[prost(float, tag = "2")]
    pub f: f32,
    /// Integer value.
    #[prost(int64, tag = "3")]
    pub i: i64,
    /// String value.
    #[prost(bytes = "vec", tag = "4")]
    pub s: Vec<u8>,
    /// Tensor value.
    #[prost(message, optional, tag = "5")]
    pub t: Option<Tensor>,
    /// Integer values.
    #[prost(int64, repeated, tag = "8")]
    pub ints: Vec<i64>,
    /// Which of the values it has: 1 float, 2 integer, 3 string, 4 tensor, 7 integers. Import takes what is there.
    #[prost(int32, tag = "20")]
    pub kind: i32,
}

/// A constant tensor.
#[derive(Clone, PartialEq, Message)]
pub struct Tensor {
    /// Shape.
    #[prost(int64, repeated, tag = "1")]
    pub dims: Vec<i64>,
    /// Element type, see [`FLOAT`] and those after it.
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    /// Elements of a float tensor.
    #[prost(float, repeated, tag = "4")]
    pub float_data: Vec<f32>,
    /// Elements of a tensor of integers of 8 to 32 bits.
    #[prost(int32, repeated, tag = "5")]
    pub int32_data: Vec<i32>,
    /// Elements of a tensor of 64-bit integers.
    #[prost(int64, repeated, tag = "7")]
    pub int64_data: Vec<i64>,
    /// Name.
    #[prost(string, tag = "8")]
    pub name: String,
    /// Elements of any type, little endian, in place of the fields above.
    #[prost(bytes = "vec", tag = "9")]
    pub raw_data: Vec<u8>,
    /// Elements of a tensor of unsigned 32- and 64-bit integers.
    #[prost(uint64, repeated, tag = "11")]
    pub uint64_data: Vec<u64>,
    /// Where the elements are: 0 here, 1 in another file.
    #[prost(int32, tag = "14")]
    pub data_location: i32,
}

/// Name and type of a graph's input or output.
#[derive(Clone, PartialEq, Message)]
pub struct ValueInfo {
    /// Name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Type.
    #[prost(message, optional, tag = "2")]
    pub r#type: Option<Type>,
}

/// A type.
#[derive(Clone, PartialEq, Message)]
pub struct Type {
    /// Tensor type, if it is one.
    #[prost(message, optional, tag = "1")]
    pub tensor_type: Option<TensorType>,
}

/// Element type and shape of a tensor.
#[derive(Clone, PartialEq, Message)]
pub struct TensorType {
    /// Element type.
    #[prost(int32, tag = "1")]
    pub elem_type: i32,
    /// Shape, if it is known.
    #[prost(message, optional, tag = "2")]
    pub shape: Option<Shape>,
}

/// A shape.
#[derive(Clone, PartialEq, Message)]
pub struct Shape {
    /// Dimensions.
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<Dimension>,
}

/// A dimension: a number, a name, or neither.
#[derive(Clone, PartialEq, Message)]
pub struct Dimension {
    /// Its size, if it is fixed.
    #[prost(int64, optional, tag = "1")]
    pub dim_value: Option<i64>,
    /// Its name, if it is not.
    #[prost(string, optional, tag = "2")]
    pub dim_param: Option<String>,
}

/// Element type: 32-bit float.
pub const FLOAT: i32 = 1;
/// Element type: unsigned byte.
pub const UINT8: i32 = 2;
/// Element type: signed byte.
pub const INT8: i32 = 3;
/// Element type: 32-bit integer.
pub const INT32: i32 = 6;
/// Element type: 64-bit integer.
pub const INT64: i32 = 7;
/// Element type: 16-bit float.
pub const FLOAT16: i32 = 10;

/// The element types that import reads, by ONNX's numbers.
const TYPES: [(i32, Dtype); 15] = [
    (FLOAT, Dtype::Float32),
    (UINT8, Dtype::Uint8),
    (INT8, Dtype::Int8),
    (4, Dtype::Uint16),
    (5, Dtype::Int16),
    (INT32, Dtype::Int32),
    (INT64, Dtype::Int64),
    (9, Dtype::Bool),
    (FLOAT16, Dtype::Float16),
    (12, Dtype::Uint32),
    (13, Dtype::Uint64),
    (21, Dtype::Uint4),
    (22, Dtype::Int4),
    (25, Dtype::Uint2),
    (26, Dtype::Int2),
];

/// The element type of this number, if import reads it.
pub fn dtype(data_type: i32) -> Option<Dtype> {
    TYPES.iter().find(|(number, _)| *number == data_type).map(|(_, dtype)| *dtype)
}

/// The name of an element type in messages.
pub fn type_name(data_type: i32) -> String {
    let known = match data_type {
        8 => "string",
        11 => "float64",
        16 => "bfloat16",
        17 => "float8e4m3fn",
        18 => "float8e4m3fnuz",
        19 => "float8e5m2",
        20 => "float8e5m2fnuz",
        23 => "float4e2m1",
        _ => dtype(data_type).map_or("unknown", Dtype::name),
    };
    format!("{known} ({data_type})")
}
