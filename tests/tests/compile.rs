//! Compiled commands on the functional model of the card give what the reference interpreter gives, value for value.

use isa::config::{Config, Multiplier};
use isa::counter;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use systole::compile::{compile, Objective, Options};
use systole::graph::{Graph, Node, Op, PoolKind, Tensor, Window};
use systole::plan::{Fold, Program};
use systole::reference;
use systole::tensor::Order;
use systole_tests::{card, graphs};

/// Compiles, runs a batch and compares; the error says where the first difference is.
fn compare(graph: &Graph, config: &Config, rng: &mut StdRng, batch: usize) -> Result<(), String> {
    let objective = if rng.random() { Objective::Latency } else { Objective::Energy };
    let options = Options { objective, batch: rng.random_range(1..=4) };
    let plan = compile(graph, config, options).map_err(|e| e.to_string())?;
    let inputs: Vec<_> = (0..batch).map(|_| graphs::input(rng, graph)).collect();
    let (outputs, snapshots) = card::run(&plan, &inputs)?;
    for (i, (input, output)) in inputs.iter().zip(&outputs).enumerate() {
        let want = reference::run(graph, input)?;
        if let Some(at) = (0..want.len()).find(|&k| want[k] != output[k]) {
            return Err(format!("image {i}, value {at}: the card gives {}, the reference {}", output[at], want[at]));
        }
    }
    for (program, snapshots) in plan.programs().zip(&snapshots) {
        for span in program.marks(batch) {
            let counted = snapshots[span.to].since(&snapshots[span.from]).0[counter::MACS];
            let layer = &program.layers[span.layer];
            let want = layer.macs * program.group as u64;
            let lost = want.checked_sub(u64::from(counted));
            if lost.is_none_or(|lost| lost > 0 && lost >= uncounted(graph, &layer.name, program, config.n)) {
                return Err(format!("layer `{}` counts {counted} MACs; the plan says {}", layer.name, layer.macs));
            }
        }
    }
    Ok(())
}

/// Products of a layer below which the card's count may stay: where the host has gathered a part of the kernel and the last
/// tap is not full, all taps count the same, less than one too few. None for other layers.
fn uncounted(graph: &Graph, layer: &str, program: &Program, n: usize) -> u64 {
    let Some(node) = graph.nodes.iter().find(|node| node.name == layer) else { return 0 };
    let Op::Conv(conv) = &node.op else { return 0 };
    let fold = program.inputs.iter().find(|t| node.inputs.contains(&t.tensor)).map(|t| &t.fold);
    let ragged = |fold: &Fold| (0..2).any(|axis| conv.window.kernel[axis] % fold.kernel[axis] != 0);
    let [height, width, channels] = graph.tensors[node.output].hwc;
    match fold.is_some_and(ragged) {
        true => (height * width * channels.div_ceil(n) * conv.window.taps() * program.group) as u64,
        false => 0,
    }
}

/// Random chains: all of them on the card, whatever their size.
fn random_chains(config: &Config, seed: u64, count: u64, limits: graphs::Limits) {
    for case in 0..count {
        let mut rng = StdRng::seed_from_u64(seed + case);
        let graph = graphs::chain(&mut rng, limits);
        if let Err(e) = compare(&graph, config, &mut rng, 1 + case as usize % 3) {
            panic!("`{}`, seed {}: {e}; {}", config.name, seed + case, graphs::brief(&graph));
        }
    }
}

const SMALL: graphs::Limits = graphs::Limits { extent: 9, channels: 20, nodes: 6 };

#[test]
fn random_chains_on_small4x4() {
    random_chains(&card::config("small4x4"), 1000, 120, SMALL);
}

#[test]
fn random_chains_on_edge8x8() {
    random_chains(&card::config("edge8x8"), 2000, 120, SMALL);
}

#[test]
fn random_chains_on_mid16x16() {
    random_chains(&card::config("mid16x16"), 3000, 120, graphs::Limits { channels: 40, ..SMALL });
}

#[test]
fn random_chains_with_little_of_everything_cut_rows_columns_and_weights() {
    let tiny = Config { act_words_log2: 9, weight_words_log2: 8, acc_words_log2: 4, ..card::config("edge8x8") };
    random_chains(&tiny, 4000, 150, graphs::Limits { extent: 20, channels: 20, nodes: 5 });
}

/// A word is no power of two, and on the bus it is filled up to 16 bytes.
#[test]
fn random_chains_on_edge12x12() {
    random_chains(&card::config("edge12x12"), 5000, 120, graphs::Limits { channels: 30, ..SMALL });
}

/// One node from `from`, with the output's shape worked out from the window.
fn single(op: systole::graph::Op, from: [usize; 3], to: [usize; 3]) -> Graph {
    let tensor = |hwc| Tensor::card("t", hwc);
    Graph {
        name: "single".into(),
        tensors: vec![tensor(from), tensor(to)],
        nodes: vec![Node { name: "only".into(), label: "Conv".into(), inputs: vec![0], output: 1, op }],
        inputs: vec![(0, graphs::info("input", from, Order::ChannelsFirst))],
        outputs: vec![(1, graphs::info("output", to, Order::ChannelsLast))],
    }
}

/// Kernels and strides of which the host gathers a part, taps that lie apart included.
#[test]
fn first_layers_of_any_kernel_and_stride() {
    for (number, name) in ["small4x4", "edge8x8", "mid16x16"].into_iter().enumerate() {
        let (config, mut apart) = (card::config(name), 0);
        for case in 0..60 {
            let mut rng = StdRng::seed_from_u64(7000 + 100 * number as u64 + case);
            let kernel = [rng.random_range(1..=11), rng.random_range(1..=5)];
            let stride = [rng.random_range(1..=4), rng.random_range(1..=3)];
            let before = kernel.map(|k| rng.random_range(0..k));
            let from = [rng.random_range(11..30), rng.random_range(5..12), rng.random_range(1..=3)];
            let window = Window { kernel, stride, before };
            let to = [0, 1].map(|a| (from[a] + before[a] - kernel[a]) / stride[a] + 1);
            let outputs = rng.random_range(1..=40);
            let op = graphs::convolution(&mut rng, from, window, outputs);
            let graph = single(op, from, [to[0], to[1], outputs]);
            compare(&graph, &config, &mut rng, 2).unwrap_or_else(|e| panic!("`{name}`, case {case}: {e}"));
            let plan = compile(&graph, &config, Options::default()).unwrap();
            let fold = &plan.programs().next().unwrap().inputs[0].fold;
            apart += (0..2).any(|a| fold.kernel[a] > fold.stride[a] && fold.kernel[a] < kernel[a]) as usize;
        }
        assert!(apart >= 5, "`{name}`: only {apart} first layers have taps apart");
    }
}

#[test]
fn a_long_line_has_coordinates_past_what_a_signed_field_holds() {
    let mut rng = StdRng::seed_from_u64(1);
    let from = [1, 3968, 1];
    let window = Window { kernel: [1, 3], stride: [1, 1], before: [0, 1] };
    let op = graphs::convolution(&mut rng, from, window, 4);
    let config = card::config("small4x4");
    compare(&single(op, from, [1, 3968, 4]), &config, &mut rng, 2).unwrap();
}

#[test]
fn a_pool_over_many_channel_blocks_at_the_input() {
    let mut rng = StdRng::seed_from_u64(2);
    for kind in [PoolKind::Max, PoolKind::Sum] {
        let from = [7, 6, 21];
        let (op, to) = graphs::pool(&mut rng, from, kind);
        compare(&single(op, from, to), &card::config("small4x4"), &mut rng, 2).unwrap();
    }
}

#[test]
fn weights_that_do_not_stay_are_loaded_for_every_image() {
    let mut rng = StdRng::seed_from_u64(3);
    let config = Config { weight_words_log2: 10, ..card::config("edge8x8") };
    let from = [4, 4, 16];
    let window = Window { kernel: [3, 3], stride: [1, 1], before: [1, 1] };
    // 9 taps x 2 blocks x 8 words = 144 words a block of outputs, 8 blocks: more than the 1024 words there are.
    let op = graphs::convolution(&mut rng, from, window, 64);
    let graph = single(op, from, [4, 4, 64]);
    let plan = compile(&graph, &config, Options::default()).unwrap();
    let plan = plan.programs().next().unwrap();
    assert!(plan.weights.len() > config.weight_words() * config.bus_bytes());
    let loads = |stream: &systole::plan::Stream| stream.commands.iter().filter(|&&w| w >> 24 == 0x42).count();
    assert_eq!(loads(&plan.first), loads(&plan.next));
    compare(&graph, &config, &mut rng, 3).unwrap();
    // Here one block is more than half the memory, so nothing can be loaded ahead.
    let config = Config { weight_words_log2: 8, ..config };
    compare(&graph, &config, &mut rng, 3).unwrap();
}

/// Small configurations of all kinds: most tensors are too large for them, most weights too, and lines too long.
fn tiny_config(rng: &mut StdRng) -> Config {
    let n = [4, 8, 12, 16][rng.random_range(0..4)];
    let parallel: bool = rng.random();
    let residual = parallel && rng.random();
    Config {
        name: "tiny".into(),
        n,
        act_words_log2: rng.random_range(8..=11),
        weight_words_log2: rng.random_range(9..=12),
        acc_words_log2: rng.random_range(4..=7),
        lanes: if residual { n } else { [1, 2, n][rng.random_range(0..3)] },
        ports: if residual { 2 } else { rng.random_range(1..=2) },
        multiplier: if parallel { Multiplier::Parallel } else { Multiplier::Fitted },
        residual,
        line_groups: rng.random_range(1..=3),
        line_words_log2: rng.random_range(4..=6),
        ..card::config("edge8x8")
    }
}

/// Random networks on random configurations. Most of their nodes must run on the card.
fn random_networks(seed: u64, count: u64, limits: graphs::Limits, make: fn(&mut StdRng, graphs::Limits) -> Graph) {
    let (mut card, mut all) = (0, 0);
    for case in seed..seed + count {
        let mut rng = StdRng::seed_from_u64(case);
        let config = tiny_config(&mut rng);
        let graph = make(&mut rng, limits);
        if let Err(e) = compare(&graph, &config, &mut rng, 1 + case as usize % 3) {
            panic!("seed {case}: {e}; {config:?}; {}", graphs::brief(&graph));
        }
        let plan = compile(&graph, &config, Options::default()).unwrap();
        card += plan.placements.iter().filter(|p| p.card).count();
        all += plan.placements.len();
    }
    assert!(card * 10 > all * 6, "only {card} of {all} nodes run on the card");
}

#[test]
fn random_networks_with_branches_on_tiny_configurations() {
    random_networks(10_000, 150, graphs::Limits { extent: 12, channels: 24, nodes: 8 }, graphs::network);
}

#[test]
fn random_chains_on_tiny_configurations_pass_through_card_memory() {
    random_networks(20_000, 100, graphs::Limits { extent: 28, channels: 30, nodes: 5 }, graphs::chain);
}

#[test]
fn a_layer_that_is_larger_than_the_chip_passes_through_it_in_strips() {
    let mut rng = StdRng::seed_from_u64(4);
    let from = [40, 40, 16];
    let op = graphs::convolution(&mut rng, from, Window { kernel: [3, 3], stride: [1, 1], before: [1, 1] }, 16);
    // 6400 words in and out; there are 4096.
    compare(&single(op, from, from), &card::config("edge8x8"), &mut rng, 2).unwrap();
}

#[test]
fn a_plan_file_reads_back_and_every_damage_is_found() {
    let mut rng = StdRng::seed_from_u64(5);
    let graph = graphs::chain(&mut rng, SMALL);
    let plan = compile(&graph, &card::config("edge8x8"), Options::default()).unwrap();
    let bytes = plan.to_bytes().unwrap();
    assert_eq!(systole::plan::Plan::from_bytes(&bytes).unwrap(), plan);
    for _ in 0..300 {
        let cut = rng.random_range(0..bytes.len());
        let error = systole::plan::Plan::from_bytes(&bytes[..cut]).unwrap_err();
        assert!(!error.contains('\n'), "{error}");
        let mut bad = bytes.clone();
        bad[rng.random_range(0..bytes.len())] ^= 1 << rng.random_range(0..8);
        assert!(systole::plan::Plan::from_bytes(&bad).is_err());
    }
}

#[test]
fn a_batch_out_of_range_is_refused() {
    let mut rng = StdRng::seed_from_u64(6);
    let plan = compile(&graphs::chain(&mut rng, SMALL), &card::config("edge8x8"), Options::default()).unwrap();
    let plan = plan.programs().next().unwrap();
    for batch in [0, plan.max_batch() + 1] {
        let error = plan.commands(batch).unwrap_err().to_string();
        assert!(error.starts_with(&format!("batch {batch} is out of 1..={}", plan.max_batch())), "{error}");
    }
}
