//! The host's own time: reading a model, compiling it, and making an inference ready for the card.
//!
//! `cargo bench -p systole`. What the card takes is not here; `scripts/speed` measures the simulation.

use criterion::{criterion_group, criterion_main, Criterion};
use isa::config::Config;
use std::hint::black_box;
use std::path::Path;
use systole::compile::Options;
use systole::plan::Segment;

const BATCH: usize = 32;

fn host_paths(c: &mut Criterion) {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let model = top.join("models/digits.onnx");
    let configs = std::fs::read_to_string(top.join("hdl/configs.yaml")).expect("hdl/configs.yaml is in the checkout");
    let configs: Vec<Config> = serde_yaml::from_str(&configs).expect("it holds configurations");
    let config = configs.iter().find(|c| c.name == "edge8x8").expect("edge8x8 is among them");
    let graph = systole::import::read(&model).expect("the demo network can be read");
    let plan = systole::compile::compile(&graph, config, Options::default()).expect("the demo network compiles");
    let Some(Segment::Card(program)) = plan.segments.first() else { panic!("the demo network runs on the card") };
    let input = vec![1i8; plan.input().elements()];
    let card_output = vec![1u8; program.output_bytes(1)];

    c.bench_function("import digits.onnx", |b| b.iter(|| systole::import::read(black_box(&model))));
    c.bench_function("compile digits for edge8x8", |b| {
        b.iter(|| systole::compile::compile(black_box(&graph), config, Options::default()))
    });
    c.bench_function("commands for a batch of 32", |b| b.iter(|| program.commands(black_box(BATCH))));
    // What the host does for every inference while the card could already work on the next one.
    c.bench_function("input to the card and output back", |b| {
        b.iter(|| {
            let mut area = vec![0; program.input_bytes(1)];
            let packed = program.pack(&mut area, 0, 0, black_box(&input));
            (packed.is_ok(), area, program.unpack(black_box(&card_output), 0, 0))
        })
    });
    for name in ["ad01_int8", "kws_ref_model", "pretrainedResnet_quant"] {
        let path = top.join(format!("../shared/data/mlperf-tiny/{name}.tflite"));
        let Ok(graph) = systole::import::read(&path) else {
            eprintln!("skipped: {} is not there", path.display());
            continue;
        };
        for config in &configs {
            c.bench_function(&format!("compile {name} for {}", config.name), |b| {
                b.iter(|| systole::compile::compile(black_box(&graph), config, Options::default()))
            });
        }
    }
    c.bench_function("integer reference of one digit", |b| {
        b.iter(|| systole::reference::run(&graph, black_box(&input)))
    });
}

criterion_group!(benches, host_paths);
criterion_main!(benches);
