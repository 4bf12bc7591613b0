//! From a quantised graph to a [`Plan`] for one configuration.
//!
//! The passes, one a file, in the order they run:
//! 1. [`fuse`]: clamps go into the node that writes their input.
//! 2. [`fold`]: the model's input is laid out so that its first convolution fills the rows of the array.
//! 3. [`add`]: residual additions go into the drain of the node that writes one of their inputs.
//! 4. [`lower`]: each node becomes a stage of the array, with weight tiles and parameter records in their final form.
//! 5. [`place`]: every buffer gets its place in activation memory for as long as it lives, or in card memory.
//! 6. [`weights`]: every stage gets its place in weight memory: for good, or for as long as it runs.
//! 7. [`program`]: stages become transfers and jobs; [`tile`] cuts them so that they fit an accumulator bank.
//! 8. [`schedule`]: the program becomes commands, with the waits that hazards need and no others ([`emit`]).
//!
//! [`estimate`] says beside each layer how many cycles it should take.

mod add;
mod area;
mod emit;
mod estimate;
mod fold;
mod fuse;
mod job;
mod lower;
mod place;
mod program;
mod schedule;
mod tile;
mod weights;

use crate::graph::Graph;
use crate::plan::{LayerInfo, Plan};
use isa::command as op;
use isa::config::Config;
use program::{Choices, Source};

/// Why a graph cannot be compiled for a configuration. One line: what, where, which value, the remedy.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The graph contradicts itself; an importer should have refused it.
    #[error("model `{model}`: {what}")]
    Graph {
        /// The model.
        model: String,
        /// What is wrong.
        what: String,
    },
    /// The configuration cannot be built.
    #[error("{0}")]
    Config(String),
}

/// Why a node cannot run on the card.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal {
    /// The node, by its position in the graph.
    node: usize,
    /// What there is no room for, or no command.
    why: String,
}

impl Refusal {
    fn new(node: usize, why: String) -> Self {
        Self { node, why }
    }
}

/// Compiles a graph for a configuration.
///
/// # Errors
/// The graph is not sound, or something in it does not fit the configuration.
pub fn compile(graph: &Graph, config: &Config) -> Result<Plan, CompileError> {
    config.check().map_err(CompileError::Config)?;
    graph.check().map_err(|what| CompileError::Graph { model: graph.name.clone(), what })?;
    if graph.single().is_none() {
        let what = format!(
            "it has {} inputs and {} outputs; the card takes one of each",
            graph.inputs.len(),
            graph.outputs.len()
        );
        return Err(CompileError::Graph { model: graph.name.clone(), what });
    }
    // From here on there is an input 0 and an output 0.
    let mut graph = fuse::fuse(graph.clone());
    let fold = fold::fold(&mut graph, config);
    part(&graph, fold, config).map_err(|refusal| {
        let node = &graph.nodes[refusal.node];
        let what = format!("node `{}` ({}): {}", node.name, node.label, refusal.why);
        CompileError::Graph { model: graph.name.clone(), what }
    })
}

fn part(graph: &Graph, fold: crate::tensor::Fold, config: &Config) -> Result<Plan, Refusal> {
    let part = lower::Part {
        nodes: (0..graph.nodes.len()).collect(),
        inputs: vec![graph.inputs[0].0],
        outputs: vec![graph.outputs[0].0],
    };
    let fused = add::fuse(graph, &part, config);
    let lowered = lower::lower(graph, &part, &fused, config)?;
    let places = place::place(&lowered, config)?;
    let weights = weights::Weights::new(&lowered.stages, config)?;
    let source = Source { lowered: &lowered, places: &places, weights: &weights, config };
    let choices = Choices { last: 0, load_weights: true };
    let scratch = places.scratch;
    let steps = program::program(&source, choices);
    let first = schedule::schedule(&lowered, scratch, &steps, config, Vec::new())?;
    let steps = program::program(&source, Choices { load_weights: false, ..choices });
    // Another inference starts while the end of the one before still runs, be that the first or one like itself.
    let mut running = first.running.clone();
    let mut next = schedule::schedule(&lowered, scratch, &steps, config, running.clone())?;
    while next.running.iter().any(|r| !running.contains(r)) {
        running.extend(next.running.iter().filter(|r| !first.running.contains(r)).cloned());
        running.dedup();
        next = schedule::schedule(&lowered, scratch, &steps, config, running.clone())?;
    }
    Ok(Plan {
        model: graph.name.clone(),
        config: config.clone(),
        input: graph.inputs[0].1.clone(),
        fold,
        output: graph.outputs[0].1.clone(),
        layers: layers(graph, &lowered, &first.stream.commands, config),
        first: first.stream,
        next: next.stream,
        scratch,
        weights: to_bus_words(&weights.image, config),
    })
}

/// The layers as the marks have them, with the cycles that the first inference should take.
fn layers(graph: &Graph, lowered: &lower::Lowered, commands: &[u32], config: &Config) -> Vec<LayerInfo> {
    let mut stream = vec![op::word(op::MARK, 1)];
    stream.extend(commands);
    stream.push(op::word(op::END, 0));
    // The first mark is where the first layer begins.
    let marks = estimate::marks(&stream, config).map_or(Vec::new(), |(marks, _)| marks[1..].to_vec());
    let mut layers = vec![("input".to_string(), "Load".to_string(), 0)];
    let mut nodes: Vec<usize> = lowered.stages.iter().map(|s| s.node).collect();
    nodes.dedup();
    for node in nodes {
        let node = &graph.nodes[node];
        layers.push((node.name.clone(), node.label.clone(), graph.node_macs(node)));
    }
    layers.push(("output".into(), "Store".into(), 0));
    let mut before = 0;
    let info = |((name, op, macs), at): ((String, String, u64), u64)| {
        let estimated_cycles = at.saturating_sub(before);
        before = at;
        LayerInfo { name, op, macs, estimated_cycles }
    };
    let marks = marks.into_iter().chain(std::iter::repeat(0));
    layers.into_iter().zip(marks).map(info).collect()
}

/// On-chip words to bus words, each filled up with zeros.
fn to_bus_words(image: &[u8], config: &Config) -> Vec<u8> {
    let bus = config.bus_bytes();
    let mut bytes = vec![0; image.len() / config.n * bus];
    for (to, from) in bytes.chunks_exact_mut(bus).zip(image.chunks_exact(config.n)) {
        to[..config.n].copy_from_slice(from);
    }
    bytes
}
