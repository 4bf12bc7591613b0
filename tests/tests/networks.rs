//! The MLPerf Tiny networks, compiled, on the functional model of the card: golden outputs, value for value, and what the
//! kernel's timing says of the command streams.

use isa::timing;
use rand::rngs::StdRng;
use rand::SeedableRng;
use systole::compile::{compile, Objective, Options};
use systole::plan::Plan;
use systole_tests::{card, data, graphs};

/// Cycles of a run of all programs of a plan.
fn cycles(plan: &Plan, batch: usize) -> u64 {
    plan.programs()
        .map(|program| timing::run(&plan.config, &program.commands(batch).unwrap(), 24).unwrap().cycles)
        .sum()
}

/// Compiles a network for a configuration, runs golden inputs and compares; returns the plan.
fn golden(name: &str, config: &str, options: Options, inputs: &[usize]) -> Option<Plan> {
    let model = data::shared(&format!("mlperf-tiny/{name}.tflite"))?;
    let archive = data::shared(&format!("golden/{name}.npz"))?;
    let graph = systole::import::read(&model).unwrap();
    let plan = compile(&graph, &card::config(config), options).unwrap();
    let (from, to) = (plan.input().elements(), plan.output().elements());
    let (given, wanted) = (data::npz(&archive, "input"), data::npz(&archive, "output"));
    let samples: Vec<Vec<i8>> = inputs.iter().map(|i| given[i * from..(i + 1) * from].to_vec()).collect();
    let (outputs, _) = card::run(&plan, &samples).unwrap();
    for (i, output) in inputs.iter().zip(&outputs) {
        assert_eq!(output[..], wanted[i * to..(i + 1) * to], "{name} on {config}: input {i}");
    }
    for layer in plan.layers() {
        let ideal = layer.macs as f64 / (plan.config.n * plan.config.n) as f64;
        let busy = 100.0 * ideal / layer.estimated_cycles.max(1) as f64;
        println!("{:>12} {:>8} cycles {busy:5.1} %  {}", layer.op, layer.estimated_cycles, layer.name);
    }
    println!("{name} on {config}: {} cycles", cycles(&plan, 1));
    Some(plan)
}

#[test]
fn the_residual_network_on_mid16x16_in_54000_cycles() {
    let Some(plan) = golden("pretrainedResnet_quant", "mid16x16", Options::default(), &[0, 15]) else { return };
    assert!(cycles(&plan, 1) <= 54_000, "{}", cycles(&plan, 1));
}

#[test]
fn the_keyword_spotter_on_mid16x16_in_16000_cycles() {
    let Some(plan) = golden("kws_ref_model", "mid16x16", Options::default(), &[0, 15]) else { return };
    assert!(cycles(&plan, 1) <= 16_000, "{}", cycles(&plan, 1));
}

#[test]
fn the_anomaly_detector_on_mid16x16_in_19700_cycles_and_1500_in_a_batch() {
    let Some(plan) = golden("ad01_int8", "mid16x16", Options::default(), &[0, 15]) else { return };
    // The tile reader and the drain's records share the read port of weight memory: 18,256 words, 700 cycles until the
    // first job's tiles are there.
    assert!(cycles(&plan, 1) <= 19_700, "{}", cycles(&plan, 1));
    let options = Options { batch: 16, ..Options::default() };
    let Some(plan) = golden("ad01_int8", "mid16x16", options, &(0..16).collect::<Vec<_>>()) else { return };
    assert!(cycles(&plan, 16) <= 16 * 1500, "{}", cycles(&plan, 16));
}

#[test]
fn all_networks_on_the_other_configurations() {
    for config in ["edge8x8", "small4x4"] {
        for name in ["pretrainedResnet_quant", "kws_ref_model", "ad01_int8"] {
            golden(name, config, Options { objective: Objective::Energy, batch: 1 }, &[3]);
            golden(name, config, Options::default(), &[4]);
        }
    }
}

#[test]
fn a_mobilenet_that_is_larger_than_each_card() {
    let mut rng = StdRng::seed_from_u64(1);
    let graph = graphs::mobilenet(&mut rng);
    let input = graphs::input(&mut rng, &graph);
    let want = systole::reference::run(&graph, &input).unwrap();
    for config in card::configs() {
        let plan = compile(&graph, &config, Options::default()).unwrap();
        let (outputs, _) = card::run(&plan, std::slice::from_ref(&input)).unwrap();
        assert_eq!(outputs[0], want, "{}", config.name);
        assert!(plan.placements.iter().all(|p| p.card), "{:?}", plan.placements);
        let ideal = graph.macs() / (config.n * config.n) as u64;
        println!("mobilenet on {}: {} cycles; {ideal} without a cycle lost", config.name, cycles(&plan, 1));
    }
}
