//! How long import and compilation of the demo network take, for each named configuration.

use criterion::{criterion_group, criterion_main, Criterion};
use std::hint::black_box;
use std::path::Path;
use systole::{compile, import};

fn benches(c: &mut Criterion) {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let Ok(file) = std::fs::read(project.join("models/digits.onnx")) else {
        eprintln!("skipped: models/digits.onnx is not there");
        return;
    };
    let configs = std::fs::read_to_string(project.join("hdl/configs.yaml")).unwrap_or_default();
    let configs: Vec<isa::config::Config> = serde_yaml::from_str(&configs).unwrap_or_default();
    c.bench_function("import digits", |b| b.iter(|| import::from_bytes(black_box(&file), "digits")));
    let Ok(graph) = import::from_bytes(&file, "digits") else { return };
    for config in configs {
        c.bench_function(&format!("compile digits for {}", config.name), |b| {
            b.iter(|| compile::compile(black_box(&graph), &config));
        });
    }
}

criterion_group!(group, benches);
criterion_main!(group);
