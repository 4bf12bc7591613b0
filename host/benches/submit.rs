//! The host's own time: reading a model, compiling it, and making an inference ready for the card.
//!
//! `cargo bench -p systole`. What the card takes is not here; `scripts/speed` measures the simulation.

use criterion::{criterion_group, criterion_main, Criterion};
use isa::config::Config;
use std::hint::black_box;
use std::path::Path;

const BATCH: usize = 32;

fn host_paths(c: &mut Criterion) {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let model = top.join("models/digits.onnx");
    let configs = std::fs::read_to_string(top.join("hdl/configs.yaml")).expect("hdl/configs.yaml is in the checkout");
    let configs: Vec<Config> = serde_yaml::from_str(&configs).expect("it holds configurations");
    let config = configs.into_iter().find(|c| c.name == "edge8x8").expect("edge8x8 is among them");
    let graph = systole::import::read(&model).expect("the demo network can be read");
    let plan = systole::compile::compile(&graph, &config).expect("the demo network compiles");
    let input = vec![1i8; plan.input.elements()];
    let card_output = vec![1u8; plan.output_bytes()];

    c.bench_function("import digits.onnx", |b| b.iter(|| systole::import::read(black_box(&model))));
    c.bench_function("compile digits for edge8x8", |b| {
        b.iter(|| systole::compile::compile(black_box(&graph), &config))
    });
    c.bench_function("commands for a batch of 32", |b| b.iter(|| plan.commands(black_box(BATCH))));
    // What the host does for every inference while the card could already work on the next one.
    c.bench_function("input to the card and output back", |b| {
        b.iter(|| {
            let packed = plan.pack_input(black_box(&input));
            (packed, plan.unpack_output(black_box(&card_output)))
        })
    });
    c.bench_function("integer reference of one digit", |b| {
        b.iter(|| systole::reference::run(&graph, black_box(&input)))
    });
}

criterion_group!(benches, host_paths);
criterion_main!(benches);
