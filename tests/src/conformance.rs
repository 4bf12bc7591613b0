//! The operator tests of the ONNX standard: what of them passes, where it ran, and what is not supported and why.

use prost::Message;
use std::collections::HashMap;
use std::path::Path;
use systole::array::{Array, Data};
use systole::graph::Graph;
use systole::import::onnx::{self, proto};
use systole::reference::{self, Values};
use systole::tensor::{Dtype, TensorInfo};

/// What became of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All of its operators are the card's.
    Card,
    /// The host computes it.
    Host,
    /// It is refused, with this reason.
    Unsupported(String),
    /// It gives something else.
    Failed(String),
}

/// A test and what became of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its folder.
    pub name: String,
    /// Its operators.
    pub ops: String,
    /// Element types of its inputs and outputs.
    pub types: String,
    /// Whether an input or output of it is int8 or uint8.
    pub bytes: bool,
    /// What became of it.
    pub verdict: Verdict,
}

/// All tests in a folder, in the order of their names.
pub fn run(folder: &Path) -> Vec<Outcome> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut tests: Vec<_> = entries.map(|e| e.expect("an entry").path()).filter(|p| p.is_dir()).collect();
    tests.sort();
    tests.iter().map(|test| outcome(test)).collect()
}

fn outcome(test: &Path) -> Outcome {
    let read = |name: &str| std::fs::read(test.join(name)).unwrap_or_else(|e| panic!("{}: {e}", test.display()));
    let model = read("model.onnx");
    let parsed = proto::Model::decode(&model[..]).expect("a model").graph.expect("a graph");
    let files =
        |kind: &str, count: usize| (0..count).map(|i| read(&format!("test_data_set_0/{kind}_{i}.pb"))).collect();
    let inputs: Vec<Vec<u8>> = files("input", parsed.input.len());
    let outputs: Vec<Vec<u8>> = files("output", parsed.output.len());
    let mut ops: Vec<&str> = parsed.node.iter().map(|n| n.op_type.as_str()).collect();
    ops.sort_unstable();
    ops.dedup();
    let elem =
        |info: &proto::ValueInfo| info.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()).map_or(0, |t| t.elem_type);
    let names = |list: &[proto::ValueInfo]| {
        let mut names: Vec<String> = list.iter().map(|i| type_name(elem(i))).collect();
        names.dedup();
        names.join(", ")
    };
    let data = parsed.input.first().into_iter().chain(&parsed.output);
    let verdict = match (arrays(&inputs), arrays(&outputs)) {
        (Ok(inputs), Ok(outputs)) => judge(&model, &inputs, &outputs),
        (Err(what), _) | (_, Err(what)) => Verdict::Unsupported(what),
    };
    Outcome {
        name: test.file_name().expect("a name").to_string_lossy().into_owned(),
        ops: ops.join(", "),
        types: format!("{} → {}", names(&parsed.input), names(&parsed.output)),
        bytes: data.map(elem).any(|t| matches!(t, proto::INT8 | proto::UINT8)),
        verdict,
    }
}

fn type_name(data_type: i32) -> String {
    let name = proto::type_name(data_type);
    name.split(' ').next().unwrap_or_default().to_string()
}

fn arrays(files: &[Vec<u8>]) -> Result<Vec<(String, Array)>, String> {
    files.iter().map(|file| onnx::tensor_from_bytes(file).map_err(|e| e.to_string())).collect()
}

fn judge(model: &[u8], inputs: &[(String, Array)], outputs: &[(String, Array)]) -> Verdict {
    if on_the_card(model, inputs, outputs) {
        return Verdict::Card;
    }
    // Only what a shape depends on is made a constant.
    let none = onnx::for_host(model, &HashMap::new(), "test");
    let graph = none.or_else(|_| onnx::for_host(model, &inputs[1..].iter().cloned().collect(), "test"));
    let graph = match graph {
        Ok(graph) => graph,
        Err(fault) => return Verdict::Unsupported(fault.to_string()),
    };
    match run_host(&graph, inputs) {
        Ok(got) => match got.iter().zip(outputs).find_map(|(got, (_, want))| difference(got, want)) {
            None => Verdict::Host,
            Some(what) => Verdict::Failed(what),
        },
        Err(what) => Verdict::Failed(what),
    }
}

fn run_host(graph: &Graph, inputs: &[(String, Array)]) -> Result<Vec<Array>, String> {
    let by_name: HashMap<&str, &Array> = inputs.iter().map(|(name, array)| (name.as_str(), array)).collect();
    let values = graph.inputs.iter().map(|(_, info)| Values::Host(by_name[info.name.as_str()].clone()));
    let tensors = reference::run_all(graph, values.collect())?;
    let output = |(id, _): &(usize, TensorInfo)| match &tensors[*id] {
        Values::Host(array) => Ok(array.clone()),
        Values::Card(_) => Err("an output of the card".to_string()),
    };
    graph.outputs.iter().map(output).collect()
}

/// Whether the test passes with operators of the card alone. Its first input is what the model reads; the others, such as
/// weights and scales, are constants of a network.
fn on_the_card(model: &[u8], inputs: &[(String, Array)], outputs: &[(String, Array)]) -> bool {
    let Some(bound) = bind(model, &inputs[1..]) else { return false };
    let Ok(graph) = systole::import::from_bytes(&bound, "test") else { return false };
    let Some(((_, from), (_, to))) = graph.single() else { return false };
    let card = |dtype| matches!(dtype, Dtype::Int8 | Dtype::Uint8);
    if graph.nodes.iter().any(|n| n.op.is_host()) || !card(from.dtype) || !card(to.dtype) {
        return false;
    }
    let (Some(input), [(_, want)]) = (to_card(&inputs[0].1), outputs) else { return false };
    let (Ok(got), Some(want)) = (reference::run(&graph, &input), to_card(want)) else { return false };
    got == want
}

/// Bytes as the card has them.
fn to_card(array: &Array) -> Option<Vec<i8>> {
    let offset = if array.dtype == Dtype::Uint8 { 128 } else { 0 };
    Some(array.ints()?.iter().map(|v| (v - offset) as i8).collect())
}

/// The model with inputs as constants; `None` for types that a test's file has and a constant of a network has not.
fn bind(model: &[u8], given: &[(String, Array)]) -> Option<Vec<u8>> {
    let mut model = proto::Model::decode(model).ok()?;
    let graph = model.graph.as_mut()?;
    for (name, array) in given {
        let mut tensor = proto::Tensor { name: name.clone(), ..Default::default() };
        tensor.dims = array.shape.iter().map(|&d| d as i64).collect();
        let bytes = |values: &[i64]| values.iter().map(|&v| v as u8).collect();
        match (&array.data, array.dtype) {
            (Data::Float(v), _) => (tensor.data_type, tensor.float_data) = (proto::FLOAT, v.clone()),
            (Data::Int(v), Dtype::Int8) => (tensor.data_type, tensor.raw_data) = (proto::INT8, bytes(v)),
            (Data::Int(v), Dtype::Uint8) => (tensor.data_type, tensor.raw_data) = (proto::UINT8, bytes(v)),
            (Data::Int(v), Dtype::Int64) => (tensor.data_type, tensor.int64_data) = (proto::INT64, v.clone()),
            _ => return None,
        }
        graph.initializer.push(tensor);
    }
    Some(model.encode_to_vec())
}

/// The first difference: integers must be equal, floats within the standard's tolerance (relative 1e-3, absolute 1e-7).
fn difference(got: &Array, want: &Array) -> Option<String> {
    if got.dtype != want.dtype || got.shape != want.shape {
        let (dtype, shape) = (got.dtype.name(), &got.shape);
        return Some(format!("it gives {dtype} {shape:?}, not {} {:?}", want.dtype.name(), want.shape));
    }
    let close = |a: f32, b: f32| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-7 + 1e-3 * b.abs();
    match (&got.data, &want.data) {
        (Data::Int(a), Data::Int(b)) => {
            let at = (0..b.len()).find(|&i| a[i] != b[i])?;
            Some(format!("element {at} is {}, not {}", a[at], b[at]))
        }
        (Data::Float(a), Data::Float(b)) => {
            let at = (0..b.len()).find(|&i| !close(a[i], b[i]))?;
            Some(format!("element {at} is {}, not {}", a[at], b[at]))
        }
        _ => Some("floats and integers".into()),
    }
}
