//! Writes the seeds of the fuzz targets into the folder given: small files of every kind of operator.
//!
//!     cargo run -p systole-tests --example fuzz_seeds -- fuzz/seeds
use rand::rngs::StdRng;
use rand::SeedableRng;
use std::path::Path;
use systole::compile::{compile, Options};
use systole::graph::{Graph, Node, Tensor, Window};
use systole::import::onnx::proto;
use systole::tensor::Order;
use systole_tests::onnx::{int, ints, Builder};
use systole_tests::{card, data, graphs};

fn main() {
    let folder = std::env::args().nth(1).expect("the folder of the seeds");
    let folder = Path::new(&folder);
    let mut written = (0, 0);
    let mut write = |target: &str, name: &str, bytes: &[u8]| {
        let folder = folder.join(target);
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join(name), bytes).expect("a seed can be written");
        written = (written.0 + 1, written.1 + bytes.len());
    };
    // Each operator with two kinds of quantisation.
    let archive = data::project("tests/data/tflite_ops.npz");
    for name in data::npz_names(&archive) {
        if let Some(stem) = name.strip_suffix("/model").filter(|s| s.ends_with("_0") || s.ends_with("_1")) {
            write("tflite", stem, &data::npz_bytes(&archive, &name));
        }
    }
    for (name, bytes) in onnx() {
        write("onnx", name, &bytes);
    }
    let limits = graphs::Limits { extent: 5, channels: 6, nodes: 4 };
    for seed in 0..6u64 {
        let mut rng = StdRng::seed_from_u64(seed);
        let graph = if seed % 2 == 0 { graphs::network(&mut rng, limits) } else { graphs::chain(&mut rng, limits) };
        let config = card::config(["small4x4", "edge8x8"][seed as usize / 2 % 2]);
        let plan = compile(&graph, &config, Options::default()).expect("it compiles").to_bytes().expect("a plan");
        // Without its head, which the target makes.
        write("plan", &format!("random_{seed}"), &plan[52..]);
    }
    let plan = compile(&tall_kernel(), &card::config("mid16x16"), Options::default()).expect("it compiles");
    assert!(plan.programs().all(|p| p.inputs[0].fold.kernel == [4, 4]), "a part of the kernel is gathered");
    write("plan", "tall_kernel", &plan.to_bytes().expect("a plan")[52..]);
    for (i, name) in ["small4x4", "edge8x8", "mid16x16"].into_iter().enumerate() {
        let config = card::config(name);
        for board in [isa::manifest::BOARD_SIMULATED, "board"] {
            // Manifest, a zero byte, a bitstream: the target puts them into a container.
            let manifest = manifest(&config, board);
            let packed = match (i, board) {
                (0, "board") => [&100u64.to_le_bytes()[..], &zlib(100)].concat(),
                // More than it claims.
                (1, "board") => [&100u64.to_le_bytes()[..], &zlib(65_536)].concat(),
                // Cut off.
                (2, "board") => [&100u64.to_le_bytes()[..], &zlib(100)[..6]].concat(),
                _ => Vec::new(),
            };
            write("container", &format!("{board}_{name}"), &[manifest.as_bytes(), &[0], &packed].concat());
        }
    }
    println!("{} seeds, {} bytes", written.0, written.1);
}

/// A convolution of which the host gathers a part of the kernel.
fn tall_kernel() -> Graph {
    let (from, to) = ([12, 6, 1], [6, 3, 3]);
    let window = Window { kernel: [10, 4], stride: [2, 2], before: [4, 1] };
    let op = graphs::convolution(&mut StdRng::seed_from_u64(6), from, window, to[2]);
    Graph {
        name: "tall".into(),
        tensors: [from, to].map(|hwc| Tensor::card("t", hwc)).to_vec(),
        nodes: vec![Node { name: "only".into(), label: "Conv".into(), inputs: vec![0], output: 1, op }],
        inputs: vec![(0, graphs::info("input", from, Order::ChannelsLast))],
        outputs: vec![(1, graphs::info("output", to, Order::ChannelsLast))],
    }
}

/// A zlib stream of that many zeros.
fn zlib(bytes: usize) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; bytes], 9)
}

/// A manifest of a container, without energy.
fn manifest(config: &isa::config::Config, board: &str) -> String {
    use isa::manifest::{Kernel, Manifest, MemoryPort};
    let manifest = Manifest {
        board: board.into(),
        part: config.part.clone(),
        config: config.clone(),
        isa_version: isa::ISA_VERSION,
        clock_hz: config.clock_hz,
        rtl_digest: "0".repeat(64),
        kernels: vec![Kernel::infer(), Kernel::allocate()],
        memory: MemoryPort { read_latency_cycles: 24, bytes_per_cycle: config.bus_bytes() as u32 },
        energy: (),
    };
    serde_yaml::to_string(&manifest).expect("a manifest can be written")
}

/// Small networks in QDQ form, and single operators of both forms.
fn onnx() -> Vec<(&'static str, Vec<u8>)> {
    let mut all = Vec::new();
    // Convolution, ReLU, pools, concatenation, addition, flatten, matrix product, softmax.
    let mut b = Builder::new(proto::FLOAT, &[-1, 2, 5, 4]);
    let x = b.both("input", 0.1, 3);
    let w = b.weights(&[3, 2, 3, 3], 5, 0.02);
    let bias = b.floats(&[3], &[0.5, -0.25, 0.0]);
    let y = b.node("Conv", &[&x, &w, &bias], vec![ints("pads", &[1, 1, 1, 1]), ints("strides", &[1, 1])]);
    let y = b.node("Relu", &[&y], vec![]);
    let y = b.both(&y, 0.05, -128);
    let w = b.weights(&[3, 1, 1, 3], -7, 0.01);
    let d = b.node("Conv", &[&y, &w], vec![int("group", 3), ints("pads", &[0, 1, 0, 1])]);
    let d = b.both(&d, 0.07, 1);
    let sum = b.node("Add", &[&y, &d], vec![]);
    let sum = b.both(&sum, 0.09, -5);
    let joined = b.node("Concat", &[&sum, &y], vec![int("axis", 1)]);
    let joined = b.both(&joined, 0.09, -5);
    let kernel = || vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])];
    let pooled = b.node("MaxPool", &[&joined], kernel());
    let pooled = b.both(&pooled, 0.09, -5);
    let mean = b.node("GlobalAveragePool", &[&pooled], vec![]);
    let mean = b.both(&mean, 0.04, 0);
    let flat = b.node("Flatten", &[&mean], vec![int("axis", 1)]);
    let w = b.weights(&[6, 2], 9, 0.03);
    let y = b.node("Gemm", &[&flat, &w], vec![]);
    let y = b.both(&y, 0.1, 0);
    let y = b.node("Softmax", &[&y], vec![int("axis", 1)]);
    all.push(("network", b.finish(&y)));

    let mut b = Builder::new(proto::FLOAT, &[1, 3, 4, 4]);
    let x = b.both("input", 0.1, 0);
    let pads =
        b.constant(proto::INT64, &[8], [0i64, 0, 1, 1, 0, 0, 1, 0].iter().flat_map(|v| v.to_le_bytes()).collect());
    let y = b.node("Pad", &[&x, &pads], vec![]);
    let y = b.both(&y, 0.1, 0);
    let y = b.node("AveragePool", &[&y], vec![ints("kernel_shape", &[3, 3]), ints("pads", &[1, 1, 1, 1])]);
    let y = b.both(&y, 0.1, 0);
    let (low, high) = (b.floats(&[], &[0.0]), b.floats(&[], &[6.0]));
    let y = b.node("Clip", &[&y, &low, &high], vec![]);
    let y = b.both(&y, 0.025, -128);
    let y = b.node("Transpose", &[&y], vec![ints("perm", &[0, 2, 3, 1])]);
    let shape = b.constant(proto::INT64, &[2], [1i64, -1].iter().flat_map(|v| v.to_le_bytes()).collect());
    let y = b.node("Reshape", &[&y, &shape], vec![]);
    let y = b.node("ArgMax", &[&y], vec![int("axis", 1), int("keepdims", 0)]);
    all.push(("shapes", b.finish(&y)));

    // QOperator form.
    let mut b = Builder::new(proto::INT8, &[1, 2, 3, 3]);
    let w = b.bytes(&[2, 2, 2, 2], &[3; 16]);
    let scales: Vec<String> = [0.1, 0.02, 0.3].iter().map(|&s| b.floats(&[], &[s])).collect();
    let zero = b.bytes(&[], &[0]);
    let inputs = ["input", &scales[0], &zero, &w, &scales[1], &zero, &scales[2], &zero];
    let y = b.node("QLinearConv", &inputs, vec![]);
    all.push(("qlinear", b.finish(&y)));

    // Recurrent kinds of damage: a loop, a constant of zeros, types of few bits.
    let mut b = Builder::new(proto::FLOAT, &[1, 2]);
    b.graph.node.push(proto::Node {
        input: vec!["second".into()],
        output: vec!["first".into()],
        op_type: "Relu".into(),
        ..Default::default()
    });
    let y = b.node("Relu", &["first"], vec![]);
    b.graph.node[1].output = vec!["second".into()];
    let _ = y;
    all.push(("cycle", b.finish("second")));
    let mut b = Builder::new(proto::FLOAT, &[1, 2]);
    let shape = b.constant(proto::INT64, &[1], 2i64.to_le_bytes().to_vec());
    let zeros = b.node("ConstantOfShape", &[&shape], vec![]);
    let y = b.node("Cast", &[&zeros], vec![int("to", 1)]);
    let x = b.both("input", 0.1, 0);
    let y = b.node("Mul", &[&x, &y], vec![]);
    all.push(("constants", b.finish(&y)));
    all
}
