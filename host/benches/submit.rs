//! The host's own time: reading a model, compiling it, making an inference ready for the card, and streams.
//!
//! `cargo bench -p systole`. What the card takes is not here; `scripts/speed` measures the simulation. A stream is
//! measured on the model card, if `scripts/card` has built one: CPU time of whoever submits and of the stream's thread,
//! without the driver's threads, which are the card.

use criterion::{criterion_group, criterion_main, Criterion};
use isa::config::Config;
use std::collections::VecDeque;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use systole::compile::Options;
use systole::plan::Segment;
use systole::runtime::{card_of, container_of, thread_cpu_time, ContainerFile, Stream, StreamOptions, Ticket};

const BATCH: usize = 32;
/// Inferences of a stream that are submitted ahead of the one that is waited for.
const OUTSTANDING: usize = 384;

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

/// CPU time of a stream an inference, from `submit` to the answer.
fn streams(c: &mut Criterion) {
    // Before the first OpenCL call of this process, which reads it.
    std::env::set_var("SYSTOLE_CARD", "model");
    systole::runtime::find_driver();
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for config in ["edge8x8", "mid16x16"] {
        let Some(container) = container_of(config) else {
            eprintln!("skipped: no card {config}; run scripts/card --config {config}");
            continue;
        };
        let (Ok(container), Ok(card)) = (ContainerFile::open(&container), card_of(config)) else {
            eprintln!("skipped: the card {config} is of another version; run scripts/card --config {config}");
            continue;
        };
        for model in ["models/digits.onnx", "../shared/data/mlperf-tiny/ad01_int8.tflite"] {
            let Ok(graph) = systole::import::read(&top.join(model)) else {
                eprintln!("skipped: {model} is not there");
                continue;
            };
            let plan = systole::compile::compile(&graph, container.config(), Options::default()).expect("it compiles");
            let name = format!("host time of a stream of {} on {config}, an inference", plan.model);
            let input = vec![1i8; plan.input().elements()];
            let plan = Arc::new(plan);
            c.bench_function(&name, |b| {
                b.iter_custom(|count| {
                    let stream = Stream::open(&card, &container, plan.clone(), StreamOptions::default());
                    let stream = stream.expect("the stream opens");
                    stream.submit(input.clone()).and_then(|t| t.wait()).expect("it runs");
                    let (before, start) = (stream.stats(), thread_cpu_time());
                    let mut waiting = VecDeque::new();
                    for _ in 0..count {
                        if waiting.len() == OUTSTANDING {
                            waiting.pop_front().map(|t: Ticket<_>| black_box(t.wait()));
                        }
                        waiting.push_back(stream.submit(input.clone()).expect("it is taken"));
                    }
                    waiting.into_iter().for_each(|t| drop(black_box(t.wait())));
                    let own = thread_cpu_time() - start;
                    own + (stream.finish().host_time - before.host_time)
                })
            });
        }
    }
}

criterion_group! {
    name = streamed;
    // The simulated card takes milliseconds an inference, and its time is not what counts.
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_millis(5)).warm_up_time(Duration::from_millis(5));
    targets = streams
}
criterion_group!(benches, host_paths);
criterion_main!(benches, streamed);
