//! A card with a container and a plan loaded: inputs go in, outputs, counters and times come out.
//!
//! Weights and commands are written to card memory once. A batch smaller than the session's gets its own commands,
//! which are kept until another batch size comes.

use super::container::ContainerFile;
use super::device::CardInfo;
use super::error::RuntimeError;
use super::raw::{Card, CardBuffer, Program, ProgramError};
use crate::energy::Counts;
use crate::plan::Plan;
use isa::control::INFER_KERNEL;
use isa::counter::Snapshot;
use isa::layout::COMMAND_READ_AHEAD;
use opencl3::kernel::Kernel;

/// A plan on a card, ready to run batches.
pub struct Session<'p> {
    plan: &'p Plan,
    device: String,
    batch: usize,
    // The kernel and the program go before the card that they live on.
    kernel: Kernel,
    _program: Program,
    commands: CardBuffer,
    /// Batch that the commands in card memory are for.
    loaded: usize,
    weights: CardBuffer,
    input: CardBuffer,
    output: CardBuffer,
    counters: CardBuffer,
    card: Card,
}

/// What one run of a batch gave.
pub struct BatchResult {
    /// int8 values in model order, one vector an inference.
    pub outputs: Vec<Vec<i8>>,
    /// What each layer of the plan counted, over the whole batch.
    pub layers: Vec<Counts>,
    /// From start to done on the card's clock, in ns.
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
        let device = card.name.clone();
        let failed = |call: &str| {
            let (device, call) = (device.clone(), call.to_string());
            move |code: String| RuntimeError::call(device, call, code)
        };
        let stream = stream(plan, batch)?;
        let raw = Card::open(&card.device).map_err(failed("opening it"))?;
        let program = raw.load(container.bytes()).map_err(|e| match e {
            ProgramError::Call(code) => failed("loading the container")(code),
            ProgramError::Refused(code) => RuntimeError::Refused {
                device: device.clone(),
                path: container.path().into(),
                config: card.config.clone(),
                code,
            },
        })?;
        let kernel = raw.kernel(&program, INFER_KERNEL).map_err(failed("finding kernel systole_infer"))?;
        let memory = |bytes: usize, written: bool| {
            let what = format!("{bytes} bytes of its {} bytes of memory", card.memory_bytes);
            raw.buffer(bytes, written).map_err(failed(&what))
        };
        let mut commands = memory(stream.len(), false)?;
        let mut weights = memory(plan.weights.len(), false)?;
        let input = memory(batch * plan.input_bytes(), false)?;
        let output = memory(plan.output_area_bytes(batch), true)?;
        let counters = memory(counter_bytes(plan, batch), true)?;
        raw.write(&mut commands, &stream).map_err(failed("writing the commands"))?;
        raw.write(&mut weights, &plan.weights).map_err(failed("writing the weights"))?;
        Ok(Self {
            plan,
            device,
            batch,
            kernel,
            _program: program,
            commands,
            loaded: batch,
            weights,
            input,
            output,
            counters,
            card: raw,
        })
    }

    /// Runs up to the session's batch of inputs, each int8 in model order.
    ///
    /// # Errors
    /// No input or too many, an input of the wrong length, a failed call, counters that cannot be.
    pub fn run(&mut self, inputs: &[Vec<i8>]) -> Result<BatchResult, RuntimeError> {
        let (plan, batch) = (self.plan, inputs.len());
        if batch == 0 || batch > self.batch {
            let what = format!("a run of {batch} inputs; this session takes 1 to {}", self.batch);
            return Err(RuntimeError::Wrong { device: self.device.clone(), what });
        }
        let device = self.device.clone();
        let failed = |call: &'static str| {
            let device = device.clone();
            move |code: String| RuntimeError::call(device, call.into(), code)
        };
        if batch != self.loaded {
            let stream = stream(plan, batch)?;
            self.card.write(&mut self.commands, &stream).map_err(failed("writing the commands"))?;
            self.loaded = batch;
        }
        let mut image = Vec::with_capacity(batch * plan.input_bytes());
        for input in inputs {
            image.extend(plan.pack_input(input)?);
        }
        self.card.write(&mut self.input, &image).map_err(failed("writing the input"))?;
        let arguments = [&self.commands, &self.weights, &self.input, &self.output, &self.counters];
        let time = self.card.run(&self.kernel, &arguments).map_err(failed("running the kernel"))?;

        let mut output = vec![0; plan.output_area_bytes(batch)];
        self.card.read(&self.output, &mut output).map_err(failed("reading the output"))?;
        let mut counters = vec![0; counter_bytes(plan, batch)];
        self.card.read(&self.counters, &mut counters).map_err(failed("reading the counters"))?;

        let outputs = plan.unpack_outputs(&output, batch)?;
        let layers = self.activity(&counters, batch)?;
        Ok(BatchResult { outputs, layers, kernel_ns: time.end_ns.saturating_sub(time.start_ns) })
    }

    /// The counter snapshots, summed over the batch by layer.
    fn activity(&self, bytes: &[u8], batch: usize) -> Result<Vec<Counts>, RuntimeError> {
        let marks = Snapshot::parse_all(bytes, self.plan.config.bus_bytes());
        let mut layers = vec![Counts::default(); self.plan.layers.len()];
        for span in self.plan.marks(batch) {
            let (Some(from), Some(to)) = (marks.get(span.from), marks.get(span.to)) else {
                let what = format!("wrote {} counter snapshots, but the plan has {}", marks.len(), span.to + 1);
                return Err(RuntimeError::Wrong { device: self.device.clone(), what });
            };
            layers[span.layer].add(&Counts::between(from, to));
        }
        Ok(layers)
    }
}

/// The command stream as it lies in card memory, with the zeros that the fetcher reads ahead.
fn stream(plan: &Plan, batch: usize) -> Result<Vec<u8>, RuntimeError> {
    // Bytes of commands are little endian, on any host.
    let words: Vec<u32> = plan.commands(batch)?.into_iter().map(u32::to_le).collect();
    let mut bytes = bytemuck::cast_slice(&words).to_vec();
    bytes.resize(bytes.len() + COMMAND_READ_AHEAD, 0);
    Ok(bytes)
}

/// Bytes of all counter snapshots of a batch.
fn counter_bytes(plan: &Plan, batch: usize) -> usize {
    plan.mark_count(batch) * Snapshot::bytes(plan.config.bus_bytes())
}
