//! Writes the random networks of the tests as files, each with an input and what the integer reference makes of it, for
//! `scripts/compare_networks.py`.
//!
//!     cargo run -p systole-tests --example networks -- target/networks 100
use rand::rngs::StdRng;
use rand::SeedableRng;
use std::path::PathBuf;
use systole::array::Data;
use systole::reference::{self, Values};
use systole_tests::command::save;
use systole_tests::{graphs, zoo};

fn main() {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().expect("a folder"));
    let count: u64 = args.next().and_then(|n| n.parse().ok()).expect("how many");
    std::fs::create_dir_all(&folder).expect("the folder");
    for seed in 0..count {
        let net = zoo::topology::random(seed);
        for (kind, file) in [("tflite", zoo::tflite::file(&net)), ("onnx", zoo::onnx::file(&net))] {
            let stem = folder.join(format!("{:03}-{}.{kind}", seed, net.family));
            let graph = systole::import::from_bytes(&file, "network").expect("it can be read");
            let input = graphs::input(&mut StdRng::seed_from_u64(seed), &graph);
            let values = reference::run_all(&graph, vec![Values::Card(input.clone())]).expect("it runs");
            let (id, info) = &graph.outputs[0];
            let output: Vec<f32> = match &values[*id] {
                // Bytes as they are of TFLite, the reals that they stand for of ONNX.
                Values::Card(bytes) if kind == "tflite" => bytes.iter().map(|&b| f32::from(b)).collect(),
                Values::Card(bytes) => reference::from_card(info, bytes).iter().map(|&b| info.dequantise(b)).collect(),
                Values::Host(array) => match &array.data {
                    Data::Float(floats) => floats.clone(),
                    Data::Int(ints) => ints.iter().map(|&i| i as f32).collect(),
                },
            };
            let input = reference::from_card(&graph.inputs[0].1, &input);
            let at = |end: &str| PathBuf::from(format!("{}.{end}", stem.display()));
            let quant = [graph.inputs[0].1.scale, f32::from(graph.inputs[0].1.zero_point)];
            save(&at("quant.npy"), &[2], quant);
            save(&at("input.npy"), &[input.len() as u64], input);
            save(&at("output.npy"), &[output.len() as u64], output);
            std::fs::write(stem, file).expect("the model can be written");
        }
    }
}
