//! From a quantised graph to a [`Plan`] for one configuration.
//!
//! The passes, one a file, in the order they run:
//! 1. [`fuse`]: clamps go into the node that writes their input.
//! 2. [`fold`]: the model's input is laid out so that its first convolution fills the rows of the array.
//! 3. [`lower`]: each node becomes a stage of the array, with weight tiles and parameter records in their final form.
//! 4. [`buffers`]: every tensor gets its place in activation memory for as long as it lives.
//! 5. [`weights`]: every stage gets its place in weight memory: for good, or for as long as it runs.
//! 6. [`tile`]: every stage is cut into jobs that fit an accumulator bank.
//! 7. [`schedule`]: the jobs become commands, with the waits that hazards need and no others.
//!
//! [`estimate`] says beside each layer how many cycles it should take.

mod buffers;
mod emit;
mod estimate;
mod fold;
mod fuse;
mod lower;
mod schedule;
mod tile;
mod weights;

use crate::graph::Graph;
use crate::plan::Plan;
use isa::config::Config;

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
    /// An operator that no command of the card computes yet.
    #[error(
        "layer `{layer}`: {op} does not run on the card yet; supported: Conv, Pool (but for windows that average \
         fewer elements than others), Clamp"
    )]
    Operator {
        /// The layer.
        layer: String,
        /// The operator.
        op: &'static str,
    },
    /// A layer's activations do not fit the chip.
    #[error(
        "layer `{layer}` needs {needed} words of activation memory at once, but `{config}` has {available} words of \
         {n} bytes; choose a configuration with more, or a model with smaller layers"
    )]
    Activations {
        /// The layer.
        layer: String,
        /// Words needed.
        needed: usize,
        /// Words there are.
        available: usize,
        /// Configuration.
        config: String,
        /// Bytes of a word.
        n: usize,
    },
    /// A layer's weights do not fit the chip even one output block at a time.
    #[error(
        "layer `{layer}` needs {needed} words of weight memory for one block of output channels, but `{config}` has \
         {available} words of {n} bytes; choose a configuration with more, or a model with smaller kernels"
    )]
    Weights {
        /// The layer.
        layer: String,
        /// Words needed.
        needed: usize,
        /// Words there are.
        available: usize,
        /// Configuration.
        config: String,
        /// Bytes of a word.
        n: usize,
    },
    /// A multiplier that the card's digits cannot hold.
    #[error("layer `{layer}`, channel {channel}: multiplier {m} / 2^{t} is out of the card's range; check the scales of the model")]
    Multiplier {
        /// The layer.
        layer: String,
        /// Output channel.
        channel: usize,
        /// M.
        m: u32,
        /// t.
        t: u32,
    },
    /// A value that has no room in its command field.
    #[error(
        "layer `{layer}`: {what} do not fit the fields of command `{command}`; choose a model with smaller layers"
    )]
    Field {
        /// The layer.
        layer: String,
        /// Name of the operation.
        command: &'static str,
        /// The values.
        what: String,
    },
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
    let lowered = lower::lower(&graph, config)?;
    let places = buffers::assign(&lowered, config)?;
    let weights = weights::place(&lowered.stages, config)?;
    schedule::schedule(&graph, fold, &lowered, &places, weights, config)
}
