//! What the compiler hands to the runtime: the segments of a network, for the card and for the host, in the order they
//! run.
//!
//! A plan knows nothing of files that models come in and nothing of OpenCL. What the card runs is a [`Program`]; what the
//! host runs is a part of the graph, computed by [`crate::reference`].

mod file;
mod program;

use crate::graph::{Graph, Port};
use crate::reference::{self, Values};
pub use crate::tensor::{Dtype, Fold, Order, Rounding, TensorInfo};
use crate::text::short;
pub use file::{FORMAT, MAGIC};
use isa::config::Config;
pub use program::{CardTensor, LayerInfo, Program, Span, Stream};
use serde::{Deserialize, Serialize};

/// Most tensors of a network: a run reserves a place for each.
const MAX_TENSORS: usize = 1 << 18;

/// Why a plan cannot be read, written or used. One line: what, where, which value, the remedy.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The file cannot be opened, read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file is no plan, or a damaged one.
    #[error("{path}: {what}")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong, and the remedy.
        what: String,
    },
    /// A batch, or a buffer, that the plan cannot serve.
    #[error("{0}")]
    Unusable(String),
}

/// A part of a network that one side runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Segment {
    /// The card runs it.
    Card(Program),
    /// The host runs it: a graph, and for each of its inputs and outputs the number of the tensor in the network.
    Host {
        /// The nodes.
        graph: Graph,
        /// Tensors that come in.
        inputs: Vec<usize>,
        /// Tensors that go out.
        outputs: Vec<usize>,
    },
}

/// Where a node runs, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Placement {
    /// Name of the node in the model.
    pub name: String,
    /// Operator as the model's format calls it.
    pub op: String,
    /// Segment that it belongs to.
    pub segment: usize,
    /// Whether the card runs it.
    pub card: bool,
    /// How the card runs it, or why the host has to.
    pub why: String,
}

/// A model compiled for one configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Stem of the model's file name.
    pub model: String,
    /// Configuration it was compiled for.
    pub config: Config,
    /// Number of tensors in the network.
    pub tensors: usize,
    /// The model's inputs: number of the tensor, and how the model has it.
    pub inputs: Vec<Port>,
    /// The model's outputs.
    pub outputs: Vec<Port>,
    /// Parts in the order they run.
    pub segments: Vec<Segment>,
    /// Where each node runs.
    pub placements: Vec<Placement>,
}

impl Plan {
    /// The parts that the card runs.
    pub fn programs(&self) -> impl Iterator<Item = &Program> {
        self.segments.iter().filter_map(|s| match s {
            Segment::Card(program) => Some(program),
            Segment::Host { .. } => None,
        })
    }

    /// The layers of all programs.
    pub fn layers(&self) -> impl Iterator<Item = &LayerInfo> {
        self.programs().flat_map(|p| &p.layers)
    }

    /// Multiply-accumulates of one inference on the card.
    pub fn macs(&self) -> u64 {
        self.programs().map(Program::macs).sum()
    }

    /// Greatest batch of one run.
    pub fn max_batch(&self) -> usize {
        self.programs().map(Program::max_batch).min().unwrap_or(usize::MAX)
    }

    /// The model's first input.
    pub fn input(&self) -> &TensorInfo {
        &self.inputs[0].1
    }

    /// The model's first output.
    pub fn output(&self) -> &TensorInfo {
        &self.outputs[0].1
    }

    /// Runs a batch. Each sample holds the values of the model's inputs; what is returned, those of its outputs. `card`
    /// runs a program, by its number among the programs, on the bytes of its input argument and gives those of its output
    /// argument.
    ///
    /// # Errors
    /// What `card` says, values that do not fit the model, or what a host operator refuses.
    pub fn run<E: From<PlanError>>(
        &self,
        samples: Vec<Vec<Values>>,
        mut card: impl FnMut(usize, &Program, &[u8]) -> Result<Vec<u8>, E>,
    ) -> Result<Vec<Vec<Values>>, E> {
        let wrong = |what: String| PlanError::Unusable(format!("model `{}`: {what}", self.model));
        let mut tensors: Vec<Vec<Option<Values>>> = Vec::with_capacity(samples.len());
        for sample in samples {
            if sample.len() != self.inputs.len() {
                return Err(wrong(format!("a sample of {} inputs; it has {}", sample.len(), self.inputs.len())).into());
            }
            let mut all = vec![None; self.tensors];
            self.inputs.iter().zip(sample).for_each(|((id, _), values)| all[*id] = Some(values));
            tensors.push(all);
        }
        let mut number = 0;
        for segment in &self.segments {
            match segment {
                Segment::Card(program) => {
                    let mut area = vec![0; program.input_bytes(tensors.len())];
                    for (sample, all) in tensors.iter().enumerate() {
                        for (port, tensor) in program.inputs.iter().enumerate() {
                            let bytes = all[tensor.tensor].as_ref().map_or(&[][..], Values::bytes);
                            program.pack(&mut area, port, sample, bytes)?;
                        }
                    }
                    let output = card(number, program, &area)?;
                    number += 1;
                    for (sample, all) in tensors.iter_mut().enumerate() {
                        for (port, tensor) in program.outputs.iter().enumerate() {
                            all[tensor.tensor] = Some(Values::Card(program.unpack(&output, port, sample)?));
                        }
                    }
                }
                Segment::Host { graph, inputs, outputs } => {
                    for all in &mut tensors {
                        let values: Option<Vec<Values>> = inputs.iter().map(|&id| all[id].clone()).collect();
                        let values = values.ok_or_else(|| wrong("a tensor is used before it is there".into()))?;
                        let mut results = reference::run_all(graph, values).map_err(wrong)?;
                        for (&id, (own, _)) in outputs.iter().zip(&graph.outputs) {
                            all[id] = Some(std::mem::replace(&mut results[*own], Values::Card(Vec::new())));
                        }
                    }
                }
            }
        }
        let missing = || PlanError::Unusable(format!("model `{}`: an output is computed by nothing", self.model));
        let output = |all: Vec<Option<Values>>| -> Result<Vec<Values>, E> {
            self.outputs.iter().map(|(id, _)| all[*id].clone().ok_or_else(|| missing().into())).collect()
        };
        tensors.into_iter().map(output).collect()
    }

    /// Whether all names are ones that can be printed.
    fn check_names(&self) -> Result<(), String> {
        let ports = self.inputs.iter().chain(&self.outputs).map(|(_, info)| &info.name);
        let layers = self.layers().flat_map(|l| [&l.name, &l.op]);
        let placements = self.placements.iter().flat_map(|p| [&p.name, &p.op, &p.why]);
        let graphs = self.segments.iter().filter_map(|s| match s {
            Segment::Host { graph, .. } => Some(graph),
            Segment::Card(_) => None,
        });
        let graphs = graphs.flat_map(|g| {
            let ports = g.inputs.iter().chain(&g.outputs).map(|(_, info)| &info.name);
            let nodes = g.nodes.iter().flat_map(|n| [&n.name, &n.label]);
            ports.chain(nodes).chain(g.tensors.iter().map(|t| &t.name)).chain([&g.name])
        });
        let all = [&self.model, &self.config.name, &self.config.part].into_iter();
        let mut all = all.chain(ports).chain(layers).chain(placements).chain(graphs);
        match all.find(|name| name.chars().any(char::is_control)) {
            Some(name) => Err(format!("the name `{}` has control characters", short(name))),
            None => Ok(()),
        }
    }

    /// Whether the parts fit each other, so that no later arithmetic on them can go wrong.
    fn check(&self) -> Result<(), String> {
        self.check_names()?;
        self.config.check()?;
        if self.inputs.is_empty() || self.outputs.is_empty() {
            return Err("it has no inputs or no outputs".into());
        }
        if self.tensors > MAX_TENSORS {
            return Err(format!("it has {} tensors; at most {MAX_TENSORS}", self.tensors));
        }
        let known = |id: usize| match id < self.tensors {
            true => Ok(()),
            false => Err(format!("there is no tensor {id}")),
        };
        for (id, info) in self.inputs.iter().chain(&self.outputs) {
            known(*id)?;
            info.check()?;
        }
        for segment in &self.segments {
            match segment {
                Segment::Card(program) => {
                    program.inputs.iter().chain(&program.outputs).try_for_each(|t| known(t.tensor))?;
                    program.check(&self.config)?;
                }
                Segment::Host { graph, inputs, outputs } => {
                    inputs.iter().chain(outputs).try_for_each(|&id| known(id))?;
                    graph.check()?;
                    if (inputs.len(), outputs.len()) != (graph.inputs.len(), graph.outputs.len()) {
                        return Err("a host segment has more or fewer tensors than its graph".into());
                    }
                }
            }
        }
        Ok(())
    }
}
