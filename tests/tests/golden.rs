//! The MLPerf Tiny networks on the integer reference give what TFLite's reference kernels give, value for value.

use std::path::Path;
use systole::graph::Graph;
use systole::reference::{self, Values};
use systole_tests::data;

/// What of the golden archive belongs to one model.
struct Golden {
    inputs: Vec<Vec<i8>>,
    outputs: Vec<Vec<i8>>,
}

fn golden(path: &Path, graph: &Graph) -> Golden {
    let cut = |name: &str, elements: usize| data::npz(path, name).chunks(elements).map(<[i8]>::to_vec).collect();
    let inputs: Vec<Vec<i8>> = cut("input", graph.inputs[0].1.elements());
    let outputs: Vec<Vec<i8>> = cut("output", graph.outputs[0].1.elements());
    assert_eq!((inputs.len(), outputs.len()), (16, 16));
    Golden { inputs, outputs }
}

/// Whether every tensor between the operators is one of the golden layers of this input; the error names the first that
/// is not.
fn layers(path: &Path, graph: &Graph, input: &[i8], number: usize) -> Result<(), String> {
    let names = data::npz_names(path);
    let prefix = format!("layer_{number}_");
    let known: Vec<Vec<i8>> = names.iter().filter(|n| n.starts_with(&prefix)).map(|n| data::npz(path, n)).collect();
    assert!(!known.is_empty(), "no golden layers of input {number}");
    let tensors = reference::run_all(graph, vec![Values::Card(input.to_vec())])?;
    match graph.nodes.iter().find(|n| !known.iter().any(|k| k == tensors[n.output].bytes())) {
        None => Ok(()),
        Some(node) => Err(format!("input {number}: `{}` ({}) is the first that differs", node.name, node.label)),
    }
}

fn equals_golden(name: &str) {
    let Some(model) = data::shared(&format!("mlperf-tiny/{name}.tflite")) else { return };
    let Some(archive) = data::shared(&format!("golden/{name}.npz")) else { return };
    let graph = systole::import::read(&model).unwrap();
    let golden = golden(&archive, &graph);
    for number in [0, 15] {
        layers(&archive, &graph, &golden.inputs[number], number).unwrap();
    }
    for (i, (input, want)) in golden.inputs.iter().zip(&golden.outputs).enumerate() {
        assert_eq!(&reference::run(&graph, input).unwrap(), want, "{name}: output of input {i}");
    }
}

#[test]
fn the_anomaly_detector() {
    equals_golden("ad01_int8");
}

#[test]
fn the_keyword_spotter_with_its_softmax() {
    equals_golden("kws_ref_model");
}

#[test]
fn the_residual_network_with_its_softmax() {
    equals_golden("pretrainedResnet_quant");
}
