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
mod choose;
mod clock;
mod emit;
mod estimate;
mod explain;
mod fold;
mod fuse;
mod inplace;
mod job;
mod lower;
mod place;
mod program;
mod schedule;
mod segment;
mod tile;
mod weights;
mod widen;

use crate::graph::Graph;
use crate::plan::{CardTensor, Fold, LayerInfo, Placement, Plan, Program, Segment, Stream};
use isa::command as op;
use isa::config::Config;
use lower::Part;
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

/// What a compilation is to be good at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Objective {
    /// The fewest cycles from start to end of a single inference.
    #[default]
    Latency,
    /// The least energy: the fewest words moved.
    Energy,
}

/// Choices of who compiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What to choose by.
    pub objective: Objective,
    /// Samples that are run together where all layers are fully connected: their weights are read once for all of them.
    pub batch: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { objective: Objective::Latency, batch: 1 }
    }
}

/// Compiles a graph for a configuration. What the card cannot run is left to the host; the plan says what and why.
///
/// # Errors
/// The graph or the configuration is not sound.
pub fn compile(graph: &Graph, config: &Config, options: Options) -> Result<Plan, CompileError> {
    config.check().map_err(CompileError::Config)?;
    graph.check().map_err(|what| CompileError::Graph { model: graph.name.clone(), what })?;
    let graph = fuse::fuse(graph.clone());
    let mut host = segment::refusals(&graph, config.n);
    // Each round moves a node to the host, or is the last.
    loop {
        let sides = segment::sides(&graph, &host);
        match segments(&graph, &sides, config, options) {
            Ok(segments) => {
                return Ok(Plan {
                    model: graph.name.clone(),
                    config: config.clone(),
                    tensors: graph.tensors.len(),
                    inputs: graph.inputs.clone(),
                    outputs: graph.outputs.clone(),
                    segments,
                    placements: placements(&graph, &sides, &host, config),
                })
            }
            Err(refusal) => {
                let Some(reason) = host.get_mut(refusal.node).filter(|h| h.is_none()) else {
                    return Err(CompileError::Graph { model: graph.name.clone(), what: refusal.why });
                };
                *reason = Some(refusal.why);
            }
        }
    }
}

fn segments(
    graph: &Graph,
    sides: &[segment::Side],
    config: &Config,
    options: Options,
) -> Result<Vec<Segment>, Refusal> {
    let segment = |side: &segment::Side| {
        let part = segment::part(graph, side);
        match side.card {
            true => card(graph, &part, config, options).map(Segment::Card),
            false => Ok(segment::host(graph, &part)),
        }
    };
    // Nodes whose results nobody reads make a segment without outputs: that one is left out.
    sides.iter().filter(|side| !segment::part(graph, side).outputs.is_empty()).map(segment).collect()
}

/// Where each node runs. Clamps that have become a part of another node are no nodes any more.
fn placements(graph: &Graph, sides: &[segment::Side], host: &[Option<String>], config: &Config) -> Vec<Placement> {
    let mut all = Vec::new();
    for (segment, side) in sides.iter().filter(|s| !segment::part(graph, s).outputs.is_empty()).enumerate() {
        let fused = add::fuse(graph, &segment::part(graph, side), config);
        for &index in &side.nodes {
            let node = &graph.nodes[index];
            let why = host[index].clone().unwrap_or_else(|| explain::how(graph, index, &fused, config));
            let (name, op) = (node.name.clone(), node.label.clone());
            all.push(Placement { name, op, segment, card: side.card, why });
        }
    }
    all
}

/// Compiles a part of a graph for the card.
fn card(network: &Graph, part: &Part, config: &Config, options: Options) -> Result<Program, Refusal> {
    let mut graph = network.clone();
    let (folds, folded): (Vec<Fold>, Vec<Option<fold::Folded>>) =
        part.inputs.iter().map(|&id| fold::fold(&mut graph, id, part, config)).unzip();
    let folded: Vec<fold::Folded> = folded.into_iter().flatten().collect();
    let fused = add::fuse(&graph, part, config);
    let group = widen::widen(&mut graph, part, options.batch);
    let lowered = lower::lower(&graph, part, &fused, &folded, config)?;
    let (lowered, places) = inplace::place(lowered, config)?;
    let weights = weights::Weights::new(&lowered.stages, config)?;
    let source = Source { lowered: &lowered, places: &places, weights: &weights, config };
    let scratch = places.scratch;
    let schedule = |choices: &Choices, running| {
        let steps = program::program(&source, choices);
        schedule::schedule(&lowered, scratch, &steps, config, choices, running)
    };
    let choices = choose::choices(options.objective, lowered.stages.len(), |choices| {
        let first = schedule(choices, Vec::new())?;
        Ok(estimate::marks(&run(&first.stream), config).map_or(u64::MAX, |(_, cycles)| cycles))
    })?;
    let first = schedule(&choices, Vec::new())?;
    // Another inference starts while the end of the one before still runs, be that the first or one like itself.
    let rest = Choices { load_weights: false, ..choices };
    let mut running = first.running.clone();
    let mut next = schedule(&rest, running.clone())?;
    while next.running.iter().any(|r| !running.contains(r)) {
        let new: Vec<_> = next.running.iter().filter(|r| !running.contains(r)).cloned().collect();
        running.extend(new);
        next = schedule(&rest, running.clone())?;
    }
    let tensor = |(&tensor, fold): (&usize, Fold)| CardTensor { tensor, hwc: network.tensors[tensor].hwc, fold };
    let whole = |id: &usize| Fold::none(network.tensors[*id].hwc);
    Ok(Program {
        n: config.n,
        weights: to_bus_words(&weights.image, config),
        inputs: part.inputs.iter().zip(folds).map(tensor).collect(),
        outputs: part.outputs.iter().map(|id| (id, whole(id))).map(tensor).collect(),
        layers: layers(network, &lowered, &run(&first.stream), config),
        group,
        first: first.stream,
        next: next.stream,
        scratch,
    })
}

/// The command stream of a run of one inference.
fn run(stream: &Stream) -> Vec<u32> {
    let mut commands = vec![op::word(op::MARK, 1)];
    commands.extend(&stream.commands);
    commands.push(op::word(op::END, 0));
    commands
}

/// The layers as the marks have them, with the cycles that the first inference should take.
fn layers(graph: &Graph, lowered: &lower::Lowered, commands: &[u32], config: &Config) -> Vec<LayerInfo> {
    // The first mark is where the first layer begins.
    let marks = estimate::marks(commands, config).map_or(Vec::new(), |(marks, _)| marks[1..].to_vec());
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
