//! A card with a container and a plan loaded: inputs go in, outputs, counters and times come out.
//!
//! The segments of the plan run in order: the card's as kernel runs, the host's here. Weights and commands of each
//! program are written to card memory once. A batch smaller than the session's gets its own commands, which are kept
//! until another batch size comes.

use super::container::ContainerFile;
use super::device::CardInfo;
use super::error::RuntimeError;
use super::loaded::LoadedKernel;
use super::raw::CardBuffer;
use crate::energy::Counts;
use crate::plan::{Plan, Program};
use crate::reference::{from_card, to_card, Values};
use isa::control::INFER_KERNEL;
use isa::counter::Snapshot;
use isa::layout::COMMAND_READ_AHEAD;

/// A plan on a card, ready to run batches.
pub struct Session<'p> {
    plan: &'p Plan,
    batch: usize,
    programs: Vec<Resident>,
    kernel: LoadedKernel,
}

/// The buffers of a program of the plan in card memory.
struct Resident {
    commands: CardBuffer,
    /// Batch that the commands in card memory are for.
    loaded: usize,
    weights: CardBuffer,
    input: CardBuffer,
    output: CardBuffer,
    counters: CardBuffer,
}

/// What one run of a batch gave.
pub struct BatchResult {
    /// int8 values in model order, one vector an inference: those of the first output.
    pub outputs: Vec<Vec<i8>>,
    /// All outputs of each inference.
    pub values: Vec<Vec<Values>>,
    /// What each layer of the plan counted, over the whole batch.
    pub layers: Vec<Counts>,
    /// From start to done on the card's clock, in ns, all programs together.
    pub kernel_ns: u64,
}

impl<'p> Session<'p> {
    /// Loads a container and a plan into a card, with memory for `batch` inferences a run.
    ///
    /// # Errors
    /// The container or the plan is for another configuration, the card refuses the container, or a call fails.
    pub fn open(
        card: &CardInfo,
        container: &ContainerFile,
        plan: &'p Plan,
        batch: usize,
    ) -> Result<Self, RuntimeError> {
        container.fits(&card.config, plan)?;
        let kernel = LoadedKernel::open(card, container, INFER_KERNEL)?;
        let memory = |bytes: usize, written: bool| {
            kernel.buffer(bytes, written, &format!("{bytes} bytes of its {} bytes of memory", card.memory_bytes))
        };
        let mut programs = Vec::new();
        for part in plan.programs() {
            let stream = stream(part, batch)?;
            let mut resident = Resident {
                commands: memory(stream.len(), false)?,
                loaded: batch,
                weights: memory(part.weights.len(), false)?,
                input: memory(part.input_bytes(batch), false)?,
                output: memory(part.output_bytes(batch), true)?,
                counters: memory(counter_bytes(part, batch), true)?,
            };
            kernel.write(&mut resident.commands, &stream, "writing the commands")?;
            kernel.write(&mut resident.weights, &part.weights, "writing the weights")?;
            programs.push(resident);
        }
        Ok(Self { plan, batch, programs, kernel })
    }

    /// Runs up to the session's batch of inputs, each int8 in model order, of a plan with one input.
    ///
    /// # Errors
    /// As [`Session::run_values`].
    pub fn run(&mut self, inputs: &[Vec<i8>]) -> Result<BatchResult, RuntimeError> {
        let info = self.plan.input();
        let sample = |input: &Vec<i8>| {
            let what = |what| RuntimeError::Wrong { device: self.kernel.device().into(), what };
            Ok(vec![Values::Card(to_card(info, input).map_err(what)?)])
        };
        self.run_values(inputs.iter().map(sample).collect::<Result<_, RuntimeError>>()?)
    }

    /// Runs up to the session's batch of samples, each the values of the model's inputs.
    ///
    /// # Errors
    /// No sample or too many, values that do not fit the model, a failed call, counters that cannot be.
    pub fn run_values(&mut self, samples: Vec<Vec<Values>>) -> Result<BatchResult, RuntimeError> {
        let (plan, batch) = (self.plan, samples.len());
        if batch == 0 || batch > self.batch {
            let what = format!("a run of {batch} inputs; this session takes 1 to {}", self.batch);
            return Err(RuntimeError::Wrong { device: self.kernel.device().into(), what });
        }
        let (mut layers, mut kernel_ns) = (Vec::new(), 0);
        let values = plan.run(samples, |number, program, input| {
            let (output, counts, ns) = self.program(number, program, input, batch)?;
            layers.extend(counts);
            kernel_ns += ns;
            Ok::<_, RuntimeError>(output)
        })?;
        let outputs = values.iter().map(|v| from_card(plan.output(), v[0].bytes())).collect();
        Ok(BatchResult { outputs, values, layers, kernel_ns })
    }

    /// Runs a program on the bytes of its input argument: its output argument, what each layer counted, and the time.
    fn program(
        &mut self,
        number: usize,
        program: &Program,
        input: &[u8],
        batch: usize,
    ) -> Result<(Vec<u8>, Vec<Counts>, u64), RuntimeError> {
        let resident = &mut self.programs[number];
        if batch != resident.loaded {
            let stream = stream(program, batch)?;
            self.kernel.write(&mut resident.commands, &stream, "writing the commands")?;
            resident.loaded = batch;
        }
        self.kernel.write(&mut resident.input, input, "writing the input")?;
        let Resident { commands, weights, input, output, counters, .. } = &*resident;
        let kernel_ns = self.kernel.run(&[commands, weights, input, output, counters])?;
        let mut bytes = vec![0; program.output_bytes(batch)];
        self.kernel.read(output, &mut bytes, "reading the output")?;
        let mut snapshots = vec![0; counter_bytes(program, batch)];
        self.kernel.read(counters, &mut snapshots, "reading the counters")?;
        let layers = self.activity(program, &snapshots, batch)?;
        Ok((bytes, layers, kernel_ns))
    }

    /// The counter snapshots, summed over the batch by layer.
    fn activity(&self, program: &Program, bytes: &[u8], batch: usize) -> Result<Vec<Counts>, RuntimeError> {
        let marks = Snapshot::parse_all(bytes, self.plan.config.bus_bytes());
        let mut layers = vec![Counts::default(); program.layers.len()];
        for span in program.marks(batch) {
            let (Some(from), Some(to)) = (marks.get(span.from), marks.get(span.to)) else {
                let what = format!("wrote {} counter snapshots, but the plan has {}", marks.len(), span.to + 1);
                return Err(RuntimeError::Wrong { device: self.kernel.device().into(), what });
            };
            layers[span.layer].add(&Counts::between(from, to));
        }
        Ok(layers)
    }
}

/// The command stream as it lies in card memory, with the zeros that the fetcher reads ahead.
pub(super) fn stream(program: &Program, batch: usize) -> Result<Vec<u8>, RuntimeError> {
    // Bytes of commands are little endian, on any host.
    let words: Vec<u32> = program.commands(batch)?.into_iter().map(u32::to_le).collect();
    let mut bytes = bytemuck::cast_slice(&words).to_vec();
    bytes.resize(bytes.len() + COMMAND_READ_AHEAD, 0);
    Ok(bytes)
}

/// Bytes of all counter snapshots of a batch.
pub(super) fn counter_bytes(program: &Program, batch: usize) -> usize {
    program.mark_count(batch) * Snapshot::bytes(isa::layout::bus_bytes(program.n))
}
