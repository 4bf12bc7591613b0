//! Networks that nobody has seen run without a change: random ones, as TFLite and as ONNX files, imported, compiled for
//! every configuration, on the functional model of the card, against the integer reference.
//!
//! `SYSTOLE_NETWORKS=1000 cargo test --release --test unseen` tries as many.

use rand::rngs::StdRng;
use rand::SeedableRng;
use std::collections::BTreeMap;
use systole::compile::{compile, Objective, Options};
use systole::graph::Graph;
use systole::reference::{self, Values};
use systole_tests::zoo::{self, Net};
use systole_tests::{card, graphs};

/// Runs a network on the model of a card; the error says where the first value differs. Counts nodes on the host by why
/// they are there.
fn compare(graph: &Graph, seed: u64, host: &mut BTreeMap<String, usize>) -> Result<(), String> {
    let mut rng = StdRng::seed_from_u64(seed);
    let input = graphs::input(&mut rng, graph);
    let values = reference::run_all(graph, vec![Values::Card(input.clone())])?;
    let want = &values[graph.outputs[0].0];
    for config in card::configs() {
        let objective = if seed.is_multiple_of(2) { Objective::Latency } else { Objective::Energy };
        let options = Options { objective, batch: 1 + seed as usize % 3 };
        let fault = |what: String| format!("{}: {what}", config.name);
        let plan = compile(graph, &config, options).map_err(|e| fault(e.to_string()))?;
        let (outputs, _) = card::run_values(&plan, vec![vec![Values::Card(input.clone())]]).map_err(fault)?;
        if outputs[0][0] != *want {
            let (got, want) = (outputs[0][0].bytes(), want.bytes());
            let at = got.iter().zip(want).position(|(a, b)| a != b);
            return Err(fault(format!("differs from value {at:?} of {} on", want.len())));
        }
        for p in plan.placements.iter().filter(|p| !p.card) {
            // Without the numbers, which differ from node to node.
            let why =
                p.why.split(' ').filter(|word| !word.starts_with(|c: char| c.is_ascii_digit())).collect::<Vec<_>>();
            *host.entry(format!("{} {}: {}", config.name, p.op, why.join(" "))).or_default() += 1;
        }
    }
    Ok(())
}

fn networks(name: &str, write: fn(&Net) -> Vec<u8>) {
    let count = std::env::var("SYSTOLE_NETWORKS").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    let mut host = BTreeMap::new();
    let mut faults = Vec::new();
    for seed in 0..count {
        let net = zoo::topology::random(seed);
        let file = write(&net);
        let result = systole::import::from_bytes(&file, name)
            .map_err(|e| e.to_string())
            .and_then(|graph| compare(&graph, seed, &mut host));
        if let Err(what) = result {
            faults.push(format!("{}, seed {seed}: {what}", net.family));
        }
    }
    for (why, nodes) in &host {
        println!("{nodes:>6} {why}");
    }
    assert!(faults.is_empty(), "{} of {count}:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn random_tflite_networks_run_exactly_on_every_card() {
    networks("tflite", zoo::tflite::file);
}

#[test]
fn random_onnx_networks_run_exactly_on_every_card() {
    networks("onnx", zoo::onnx::file);
}

/// Larger than any of the chips: activations pass through card memory.
#[test]
fn a_person_detector_of_96x96x3_runs_exactly_on_every_card() {
    let mut rng = StdRng::seed_from_u64(96);
    let nets = [
        zoo::topology::whole_mobilenet_v1(&mut rng, 96, 25, 2),
        zoo::topology::whole_mobilenet_v2(&mut rng, 96, 35, 2),
    ];
    for net in nets {
        let graph = systole::import::from_bytes(&zoo::tflite::file(&net), net.family).unwrap();
        let mut host = BTreeMap::new();
        compare(&graph, 1, &mut host).unwrap_or_else(|e| panic!("{}: {e}", net.family));
        println!("{host:?}");
        // Softmax, and sums where the configuration adds none.
        let known = |why: &String| why.contains("Softmax") || why.starts_with("small4x4 Add");
        assert!(host.keys().all(known), "{}: {host:?}", net.family);
    }
}

#[test]
fn a_mobilenet_of_224x224x3_compiles_for_every_card() {
    let net = zoo::topology::whole_mobilenet_v1(&mut StdRng::seed_from_u64(224), 224, 100, 1000);
    let graph = systole::import::from_bytes(&zoo::tflite::file(&net), net.family).unwrap();
    for config in card::configs() {
        let plan = compile(&graph, &config, Options::default()).unwrap();
        let cycles = plan.layers().map(|l| l.estimated_cycles).sum::<u64>();
        let host: Vec<_> = plan.placements.iter().filter(|p| !p.card).map(|p| format!("{}: {}", p.op, p.why)).collect();
        println!(
            "{}: {cycles} cycles, {} without a cycle lost; {host:?}",
            config.name,
            plan.macs() / (config.n * config.n) as u64
        );
        // The average over an image looks at all of it at once, and 7 x 7 x 1024 bytes are more than edge8x8 and edge12x12 hold.
        // The weights here are uniform over int8, as no trained ones are: 1024 of them pass the 24 bits of fitted lanes.
        let known = |why: &String| {
            let long = config.multiplier == isa::config::Multiplier::Fitted
                && why.starts_with("FullyConnected")
                && why.ends_with("are out of the card's range");
            let image = why.starts_with("Mean: ") && why.contains("words of activation memory");
            why.starts_with("Softmax") || image || long
        };
        assert!(host.iter().all(known), "{}: {host:?}", config.name);
    }
}
