//! Cycles of a network on the card, measured and estimated, layer by layer.

use crate::cmd::progress::Progress;
use crate::cmd::samples::Samples;
use serde::Serialize;
use systole::compile::{compile, Options};
use systole::graph::{Graph, Op};
use systole::plan::Plan;
use systole::report::columns;
use systole::runtime::{CardInfo, ContainerFile, Session};

/// Channels on both sides from which on a convolution can fill the array.
const WIDE: usize = 16;

/// What was found out.
pub struct Measured {
    /// From start to done, one inference.
    pub cycles: u64,
    /// The same by the contract's timing.
    pub estimated_cycles: u64,
    /// From start to done an inference, a whole batch together.
    pub batch_cycles: f64,
    /// Utilisation of the wide convolutions, if there are any.
    pub convolutions: Option<Convolutions>,
    /// Layers in the order they run.
    pub layers: Vec<Layer>,
}

/// Utilisation of the convolutions with enough channels on both sides.
#[derive(Serialize)]
pub struct Convolutions {
    /// How many there are.
    pub count: usize,
    /// Least of all, 0 to 1.
    pub least: f64,
    /// All products over all cycles, 0 to 1.
    pub mean: f64,
}

/// A layer on the card.
#[derive(Serialize)]
pub struct Layer {
    name: String,
    op: String,
    macs: u64,
    cycles: u64,
    estimated_cycles: u64,
    utilisation: f64,
    /// Whether it counts among the convolutions.
    wide: bool,
}

/// Runs a single inference and a batch.
///
/// # Errors
/// The card refuses something or fails, or the network cannot be compiled for the batch.
pub fn measure(
    card: &CardInfo,
    container: &ContainerFile,
    graph: &Graph,
    plan: &Plan,
    batch: usize,
) -> anyhow::Result<Measured> {
    let mut progress = Progress::new("measuring cycles", 1 + batch as u64);
    let cycles = |ns: u64| (u128::from(ns) * u128::from(container.clock_hz())).div_ceil(1_000_000_000) as u64;
    let inputs = |count: usize| {
        let samples = Samples::random(count, plan.input());
        (0..count).map(|i| samples.get(i)).collect::<Vec<_>>()
    };
    let single = Session::open(card, container, plan, 1)?.run(&inputs(1))?;
    progress.add(1);
    let for_batch = compile(graph, &plan.config, Options { batch, ..Options::default() })?;
    let size = batch.min(for_batch.max_batch());
    let together = Session::open(card, container, &for_batch, size)?.run(&inputs(size))?;
    progress.add(batch as u64);
    let n2 = (plan.config.n * plan.config.n) as u64;
    let layers: Vec<Layer> = plan
        .layers()
        .zip(&single.layers)
        .map(|(info, counts)| Layer {
            name: info.name.clone(),
            op: info.op.clone(),
            macs: info.macs,
            cycles: counts.cycles(),
            estimated_cycles: info.estimated_cycles,
            utilisation: info.macs as f64 / (counts.cycles().max(1) * n2) as f64,
            wide: info.macs > 0 && is_wide(graph, &info.name),
        })
        .collect();
    let mut estimated_cycles = 0;
    for program in plan.programs() {
        let commands = program.commands(1)?;
        let times = isa::timing::run(&plan.config, &commands, container.read_latency_cycles());
        estimated_cycles += times.map_err(|e| anyhow::anyhow!("the plan stops at cycle {}", e.0))?.cycles;
    }
    Ok(Measured {
        cycles: cycles(single.kernel_ns),
        estimated_cycles,
        batch_cycles: cycles(together.kernel_ns) as f64 / size as f64,
        convolutions: convolutions(&layers, n2),
        layers,
    })
}

/// Whether this node is a convolution, not depthwise and not fully connected, with enough channels on both sides.
fn is_wide(graph: &Graph, name: &str) -> bool {
    graph.nodes.iter().any(|node| {
        let channels = |id: usize| graph.tensors[id].hwc[2];
        let convolution = matches!(node.op, Op::Conv(_)) && node.label.contains("Conv");
        convolution && node.name == name && channels(node.inputs[0]).min(channels(node.output)) >= WIDE
    })
}

fn convolutions(layers: &[Layer], n2: u64) -> Option<Convolutions> {
    let wide: Vec<&Layer> = layers.iter().filter(|l| l.wide).collect();
    let least = wide.iter().map(|l| l.utilisation).min_by(f64::total_cmp)?;
    let sum = |of: fn(&Layer) -> u64| wide.iter().map(|l| of(l)).sum::<u64>();
    Some(Convolutions {
        count: wide.len(),
        least,
        mean: sum(|l| l.macs) as f64 / (sum(|l| l.cycles).max(1) * n2) as f64,
    })
}

/// A table of layers.
pub fn layer_table(layers: &[Layer]) -> String {
    let row = |l: &Layer| {
        let worked = l.macs > 0;
        vec![
            l.name.clone(),
            l.op.clone(),
            if worked { l.macs.to_string() } else { "-".into() },
            l.cycles.to_string(),
            l.estimated_cycles.to_string(),
            if worked { format!("{:.1} %", l.utilisation * 100.0) } else { "-".into() },
            if l.wide { "yes".into() } else { String::new() },
        ]
    };
    let rows: Vec<_> = layers.iter().map(row).collect();
    columns(&["layer", "op", "MACs", "cycles", "estimated", "utilisation", "wide"], &rows, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_over_cycles_and_narrow_layers_do_not_count() {
        let layer = |macs, cycles, wide| {
            let utilisation = macs as f64 / (cycles * 4) as f64;
            Layer { name: "l".into(), op: "Conv".into(), macs, cycles, estimated_cycles: 0, utilisation, wide }
        };
        let layers = [layer(400, 100, true), layer(40, 20, true), layer(1, 1000, false)];
        let all = convolutions(&layers, 4).unwrap();
        assert_eq!((all.count, all.least), (2, 0.5));
        assert!((all.mean - 440.0 / 480.0).abs() < 1e-12);
        assert!(convolutions(&layers[2..], 4).is_none());
    }
}
