//! The way of a sample through a plan's segments, prepared: which tensors cross from one to the next, and how.
//!
//! What [`Plan::run`] does for a batch at a time, for samples of which each may be in another segment.

use super::packing::{Packer, Unpacker};
use crate::graph::{Graph, HostOp, Op};
use crate::plan::{Plan, PlanError, Program, Segment};
use crate::reference::{self, SoftmaxTable, Values};
use crate::tensor::{Order, TensorInfo};

/// The values that a sample has so far, by the number of the tensor in a [`Route`].
pub type Tensors = Vec<Option<Values>>;

/// The segments of a plan.
pub struct Route {
    /// In the order they run.
    pub steps: Vec<Step>,
    /// Tensors that cross between segments.
    pub tensors: usize,
    inputs: Vec<usize>,
    outputs: Vec<usize>,
    /// The model's first input, and its first output, if they are the only ones and the card's.
    single: [Option<TensorInfo>; 2],
}

/// A segment.
pub enum Step {
    /// The card runs it.
    Card(CardStep),
    /// The host runs it.
    Host(HostStep),
}

/// A program of the card.
pub struct CardStep {
    /// Its number among the programs.
    pub program: usize,
    inputs: Vec<usize>,
    outputs: Vec<usize>,
    unpackers: Vec<Unpacker>,
}

/// A part of the graph.
pub struct HostStep {
    inputs: Vec<usize>,
    outputs: Vec<usize>,
    graph: Graph,
    /// Instead of the graph, if that is one softmax of bytes: its table, and values of a line.
    softmax: Option<Box<(SoftmaxTable, usize)>>,
    /// Whether nothing after it needs its first input any more.
    last: bool,
}

impl Route {
    /// The way through a plan.
    pub fn new(plan: &Plan) -> Self {
        // Few tensors cross: those get numbers of their own.
        let mut known: Vec<usize> = Vec::new();
        let mut number = |id: usize| {
            known.iter().position(|&k| k == id).unwrap_or_else(|| {
                known.push(id);
                known.len() - 1
            })
        };
        let inputs = plan.inputs.iter().map(|(id, _)| number(*id)).collect();
        let mut program = 0;
        let mut steps = Vec::new();
        for segment in &plan.segments {
            steps.push(match segment {
                Segment::Card(p) => {
                    program += 1;
                    Step::Card(CardStep {
                        program: program - 1,
                        inputs: p.inputs.iter().map(|t| number(t.tensor)).collect(),
                        outputs: p.outputs.iter().map(|t| number(t.tensor)).collect(),
                        unpackers: (0..p.outputs.len()).map(|port| Unpacker::new(p, port)).collect(),
                    })
                }
                Segment::Host { graph, inputs, outputs } => Step::Host(HostStep {
                    inputs: inputs.iter().map(|&id| number(id)).collect(),
                    outputs: outputs.iter().map(|&id| number(id)).collect(),
                    graph: graph.clone(),
                    softmax: softmax(graph),
                    last: false,
                }),
            });
        }
        let outputs: Vec<usize> = plan.outputs.iter().map(|(id, _)| number(*id)).collect();
        let mut needed = outputs.clone();
        for step in steps.iter_mut().rev() {
            let inputs = match step {
                Step::Card(step) => &step.inputs,
                Step::Host(step) => {
                    step.last = step.inputs.first().is_some_and(|first| !needed.contains(first));
                    &step.inputs
                }
            };
            needed.extend(inputs);
        }
        let on_card = |port: &crate::graph::Port| on_card(plan, port.0);
        let single = [&plan.inputs, &plan.outputs].map(|ports| match &ports[..] {
            [port] if on_card(port) => Some(port.1.clone()),
            _ => None,
        });
        Self { steps, tensors: known.len(), inputs, outputs, single }
    }

    /// The model's input and output, if there is one of each and both are bytes.
    pub fn single(&self) -> Option<(&TensorInfo, &TensorInfo)> {
        Some((self.single[0].as_ref()?, self.single[1].as_ref()?))
    }

    /// Puts a sample's inputs where they belong.
    pub fn begin(&self, tensors: &mut Tensors, values: impl IntoIterator<Item = Values>) {
        tensors.clear();
        tensors.resize(self.tensors, None);
        self.inputs.iter().zip(values).for_each(|(&at, values)| tensors[at] = Some(values));
    }

    /// Takes a sample's outputs; `None` if one is computed by nothing.
    pub fn end<'a>(&'a self, tensors: &'a mut Tensors) -> impl Iterator<Item = Option<Values>> + 'a {
        // The same tensor may be two outputs.
        self.outputs.iter().enumerate().map(|(i, &at)| match self.outputs[i + 1..].contains(&at) {
            true => tensors[at].clone(),
            false => tensors[at].take(),
        })
    }
}

impl CardStep {
    /// Packers for the inputs.
    pub fn packers(&self, program: &Program) -> Vec<Packer> {
        (0..self.inputs.len()).map(|port| Packer::new(program, port)).collect()
    }

    /// Writes a sample into the input argument.
    ///
    /// # Errors
    /// A value is missing or has another length.
    pub fn pack(
        &self,
        program: &Program,
        packers: &mut [Packer],
        area: &mut [u8],
        sample: usize,
        tensors: &Tensors,
    ) -> Result<(), PlanError> {
        self.inputs.iter().zip(packers).try_for_each(|(&at, packer)| {
            packer.pack(program, area, sample, tensors[at].as_ref().map_or(&[][..], Values::bytes))
        })
    }

    /// Reads a sample from the output argument.
    ///
    /// # Errors
    /// The argument is too small.
    pub fn unpack(&self, area: &[u8], sample: usize, tensors: &mut Tensors) -> Result<(), PlanError> {
        self.outputs.iter().zip(&self.unpackers).try_for_each(|(&at, unpacker)| {
            tensors[at] = Some(Values::Card(unpacker.unpack(area, sample)?));
            Ok(())
        })
    }
}

impl HostStep {
    /// Computes a sample.
    ///
    /// # Errors
    /// A value is missing, or an operator refuses what it got.
    pub fn run(&self, model: &str, tensors: &mut Tensors) -> Result<(), PlanError> {
        let wrong = |what: String| PlanError::Unusable(format!("model `{model}`: {what}"));
        if let (Some((table, line)), [from], [to]) = (self.softmax.as_deref(), &self.inputs[..], &self.outputs[..]) {
            // A missing value is refused below.
            let value = if self.last { tensors[*from].take() } else { tensors[*from].clone() };
            if let Some(Values::Card(mut bytes)) = value {
                bytes.chunks_mut(*line).for_each(|line| table.line(line));
                tensors[*to] = Some(Values::Card(bytes));
                return Ok(());
            }
        }
        let values: Option<Vec<Values>> = self.inputs.iter().map(|&at| tensors[at].clone()).collect();
        let values = values.ok_or_else(|| wrong("a tensor is used before it is there".into()))?;
        let mut results = reference::run_all(&self.graph, values).map_err(wrong)?;
        for (&at, (own, _)) in self.outputs.iter().zip(&self.graph.outputs) {
            tensors[at] = results.get_mut(*own).map(|r| std::mem::replace(r, Values::Card(Vec::new())));
        }
        Ok(())
    }
}

/// Whether a tensor of the network has the card's form: a program reads or writes it, or a part of the graph says so.
fn on_card(plan: &Plan, id: usize) -> bool {
    plan.segments.iter().any(|segment| match segment {
        Segment::Card(program) => program.inputs.iter().chain(&program.outputs).any(|t| t.tensor == id),
        Segment::Host { graph, inputs, outputs } => {
            let ports = inputs.iter().zip(&graph.inputs).chain(outputs.iter().zip(&graph.outputs));
            ports
                .into_iter()
                .any(|(&number, (own, _))| number == id && graph.tensors.get(*own).is_some_and(|t| t.host.is_none()))
        }
    })
}

/// A table, if all that the graph does is softmax of bytes over the last dimension.
fn softmax(graph: &Graph) -> Option<Box<(SoftmaxTable, usize)>> {
    let ([node], [(from, _)], [(to, _)]) = (&graph.nodes[..], &graph.inputs[..], &graph.outputs[..]) else {
        return None;
    };
    let Op::Host(HostOp::SoftmaxInt8 { beta_scale }) = &node.op else { return None };
    let (input, output) = (graph.tensors.get(*from)?, graph.tensors.get(*to)?);
    let sound = node.inputs == [*from] && node.output == *to && input.host.is_none() && output.host.is_none();
    let line = input.shape().last().copied()?;
    (sound && (1..=SoftmaxTable::LONGEST).contains(&line) && input.elements() == output.elements())
        .then(|| Box::new((SoftmaxTable::new(*beta_scale), line)))
}

/// An input as the card has it, from model order; as it is where the orders are the same.
///
/// # Errors
/// Another number of values than the input takes.
pub fn to_card(info: &TensorInfo, values: Vec<i8>) -> Result<Vec<i8>, String> {
    if same_order(info) && values.len() == info.elements() {
        return Ok(values);
    }
    reference::to_card(info, &values)
}

/// An output in model order, from what the card has.
pub fn from_card(info: &TensorInfo, values: Vec<i8>) -> Vec<i8> {
    if same_order(info) {
        return values;
    }
    reference::from_card(info, &values)
}

fn same_order(info: &TensorInfo) -> bool {
    let [height, width, channels] = info.hwc;
    info.order == Order::ChannelsLast || channels == 1 || height * width == 1
}
