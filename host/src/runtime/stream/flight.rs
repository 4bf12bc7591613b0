//! A flight: the inferences of one run of the kernel, with the memory that they take on both sides.

use super::packing::Packer;
use super::route::{from_card, Step, Tensors};
use super::{Job, Reply, Sample, Shared, StreamError};
use crate::plan::{PlanError, Program};
use crate::reference::Values;
use crate::runtime::container::ContainerFile;
use crate::runtime::device::CardInfo;
use crate::runtime::error::RuntimeError;
use crate::runtime::raw::slot::{Bound, Lanes, Slot};
use crate::runtime::raw::CardBuffer;
use crate::runtime::session::{counter_bytes, stream};
use crate::runtime::LoadedKernel;
use isa::control::INFER_KERNEL;
use std::ops::Range;
use std::sync::Arc;

/// Flights of a stream: one computes while the other is loaded and unloaded.
const FLIGHTS: usize = 2;
/// Most bytes of inputs and outputs of a flight, unless a single inference takes more.
const MOST_BYTES: usize = 8 << 20;

/// The flights of a stream, and what they share.
pub struct Flights {
    /// All of them, empty.
    pub flights: Vec<Flight>,
    /// Queues that they run on.
    pub lanes: Arc<Lanes>,
    /// Inferences that cost the card as much as one.
    pub unit: usize,
    /// Numbers of units that there are commands for, rising.
    pub sizes: Vec<usize>,
}

/// Four sizes from one power of two to the next, so that what waits at the end of a stream takes few runs.
fn sizes(most: usize) -> Vec<usize> {
    (1..=most).filter(|s| s.trailing_zeros() + 3 >= usize::BITS - s.leading_zeros()).collect()
}

impl Flights {
    /// The size of the next run, by its place, where so many inferences wait.
    pub fn size(&self, waiting: usize) -> usize {
        let units = waiting.div_ceil(self.unit);
        self.sizes.partition_point(|&s| s <= units).saturating_sub(1)
    }

    /// Inferences of a run of a size.
    pub fn inferences(&self, size: usize) -> usize {
        self.sizes[size] * self.unit
    }
}

/// The inferences of a run.
pub struct Flight {
    seats: Vec<Seat>,
    samples: Vec<Passenger>,
    /// States for samples to come, so that their memory is used again.
    spare: Vec<Tensors>,
    /// Units of the run, by their place among the sizes.
    size: usize,
    /// The segment that is next, or under way.
    step: usize,
    /// Whether the card is at work on it.
    launched: bool,
}

/// An inference on its way.
struct Passenger {
    /// `None` once it was answered, because it went wrong.
    reply: Option<Reply>,
    tensors: Tensors,
}

/// A flight's place in a program.
struct Seat {
    slot: Slot,
    /// The kernel with commands for each size.
    kernels: Vec<Bound>,
    packers: Vec<Packer>,
    /// For each of them the bytes of input, and of output without the scratch before it.
    bytes: Vec<(usize, Range<usize>)>,
}

/// Makes the flights of a stream of up to `batch` inferences a run.
///
/// # Errors
/// The card refuses the container, has too little memory, or a call fails.
pub fn flights(
    card: &CardInfo,
    container: &ContainerFile,
    shared: &Shared,
    batch: usize,
) -> Result<Flights, RuntimeError> {
    let plan = &shared.plan;
    let unit = plan.programs().map(|p| p.group).max().unwrap_or(1);
    let bytes = |batch: usize| plan.programs().map(|p| p.input_bytes(batch) + p.output_bytes(batch)).sum::<usize>();
    let mut units = 1;
    // Input, output and commands of a larger run must fit the contract and a share of the memory.
    while units * 2 * unit <= batch.min(plan.max_batch()) && bytes(units * 2 * unit) <= MOST_BYTES {
        units *= 2;
    }
    let kernel = LoadedKernel::open(card, container, INFER_KERNEL)?;
    let mut flights: Vec<Flight> = (0..FLIGHTS).map(|_| Flight::empty()).collect();
    let steps = shared.route.steps.iter().filter_map(|step| match step {
        Step::Card(step) => Some(step),
        Step::Host(_) => None,
    });
    for (program, step) in plan.programs().zip(steps) {
        let resident = Resident::new(&kernel, card, program, unit, units)?;
        for flight in &mut flights {
            flight.seats.push(resident.seat(&kernel, program, step.packers(program))?);
        }
    }
    Ok(Flights { flights, lanes: Arc::new(kernel.lanes()?), unit, sizes: sizes(units) })
}

/// What all flights of a program share in card memory.
struct Resident {
    /// For each size.
    commands: Vec<Arc<CardBuffer>>,
    weights: Arc<CardBuffer>,
    /// Nobody reads them, and runs follow each other.
    counters: Arc<CardBuffer>,
    sizes: Vec<usize>,
    memory: u64,
}

impl Resident {
    fn new(
        kernel: &LoadedKernel,
        card: &CardInfo,
        program: &Program,
        unit: usize,
        units: usize,
    ) -> Result<Self, RuntimeError> {
        let sizes: Vec<usize> = sizes(units).into_iter().map(|units| unit * units).collect();
        let memory = card.memory_bytes;
        let filled = |bytes: &[u8], call: &str| {
            let mut buffer = buffer(kernel, bytes.len(), false, memory)?;
            kernel.write(&mut buffer, bytes, call)?;
            Ok::<_, RuntimeError>(Arc::new(buffer))
        };
        let commands = sizes.iter().map(|&batch| filled(&stream(program, batch)?, "writing the commands"));
        Ok(Self {
            commands: commands.collect::<Result<_, _>>()?,
            weights: filled(&program.weights, "writing the weights")?,
            counters: Arc::new(buffer(kernel, counter_bytes(program, unit * units), true, memory)?),
            sizes,
            memory,
        })
    }

    fn seat(&self, kernel: &LoadedKernel, program: &Program, packers: Vec<Packer>) -> Result<Seat, RuntimeError> {
        let most = self.sizes.last().copied().unwrap_or(1);
        let scratch = program.output_bytes(0);
        let input = Arc::new(buffer(kernel, program.input_bytes(most), false, self.memory)?);
        let output = Arc::new(buffer(kernel, program.output_bytes(most), true, self.memory)?);
        let bind = |commands: &Arc<CardBuffer>| {
            kernel.bind(vec![
                commands.clone(),
                self.weights.clone(),
                input.clone(),
                output.clone(),
                self.counters.clone(),
            ])
        };
        Ok(Seat {
            kernels: self.commands.iter().map(bind).collect::<Result<_, _>>()?,
            slot: Slot::new(input.clone(), output.clone(), program.output_bytes(most) - scratch),
            packers,
            bytes: self.sizes.iter().map(|&b| (program.input_bytes(b), scratch..program.output_bytes(b))).collect(),
        })
    }
}

fn buffer(kernel: &LoadedKernel, bytes: usize, written: bool, memory: u64) -> Result<CardBuffer, RuntimeError> {
    kernel.buffer(bytes, written, &format!("{bytes} bytes of its {memory} bytes of memory"))
}

impl Flight {
    fn empty() -> Self {
        let (seats, samples, spare) = (Vec::new(), Vec::new(), Vec::new());
        Self { seats, samples, spare, size: 0, step: 0, launched: false }
    }

    /// Takes an inference on board. Those whose values cannot be looked at are answered at once.
    pub fn board(&mut self, shared: &Shared, job: Job) {
        let mut tensors = self.spare.pop().unwrap_or_default();
        match job.sample {
            Sample::Bytes(bytes) => shared.route.begin(&mut tensors, [Values::Card(bytes)]),
            Sample::Values(values) => shared.route.begin(&mut tensors, values),
        }
        self.samples.push(Passenger { reply: Some(job.reply), tensors });
    }

    /// Inferences on board.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// How many units a run of this flight takes, by their place among the sizes.
    pub fn set_size(&mut self, size: usize) {
        self.size = size;
        self.step = 0;
    }

    /// Whether the card is at work on it.
    pub fn launched(&self) -> bool {
        self.launched
    }

    /// Computes what the host has to, up to the next program of the card, and starts that; `launched` says whether there
    /// was one.
    ///
    /// # Errors
    /// What the card says to a call.
    pub fn advance(&mut self, shared: &Shared, lanes: &Lanes) -> Result<(), String> {
        while let Some(step) = shared.route.steps.get(self.step) {
            match step {
                Step::Host(step) => {
                    self.each(|_, _, tensors| step.run(&shared.plan.model, tensors));
                    self.step += 1;
                }
                Step::Card(step) => {
                    let program = shared.plan.programs().nth(step.program).ok_or("the plan has lost a program")?;
                    self.each(|i, seats, tensors| {
                        let seat = &mut seats[step.program];
                        // Nothing is under way on it, so that its input can be had.
                        let area = seat.slot.input().map_err(PlanError::Unusable)?;
                        step.pack(program, &mut seat.packers, area, i, tensors)
                    });
                    let Seat { slot, kernels, bytes, .. } = &mut self.seats[step.program];
                    let (input, output) = bytes[self.size].clone();
                    // Should it fail half way, there is something to wait for all the same.
                    self.launched = true;
                    return slot.launch(lanes, &kernels[self.size], input, output);
                }
            }
        }
        Ok(())
    }

    /// Waits for the run that is under way and takes its outputs: ns on the card's clock.
    ///
    /// # Errors
    /// Why the run failed.
    pub fn land(&mut self, shared: &Shared) -> Result<u64, String> {
        self.launched = false;
        let Some(Step::Card(step)) = shared.route.steps.get(self.step) else { return Ok(0) };
        let time = self.seats[step.program].slot.wait()?;
        self.each(|i, seats, tensors| {
            let area = seats[step.program].slot.output().map_err(PlanError::Unusable)?;
            step.unpack(area, i, tensors)
        });
        self.step += 1;
        Ok(time.end_ns.saturating_sub(time.start_ns))
    }

    /// Does something for each inference that has not gone wrong; one that does is answered.
    fn each(&mut self, mut work: impl FnMut(usize, &mut [Seat], &mut Tensors) -> Result<(), PlanError>) {
        for (i, passenger) in self.samples.iter_mut().enumerate().filter(|(_, p)| p.reply.is_some()) {
            if let Err(error) = work(i, &mut self.seats, &mut passenger.tensors) {
                if let Some(reply) = passenger.reply.take() {
                    reply.error(StreamError::Sample(error.to_string()));
                }
            }
        }
    }

    /// Answers all with their outputs and is empty then. The youngest first: who waits for them in order sleeps once a
    /// run and not once an inference.
    pub fn answer(&mut self, shared: &Shared) {
        while let Some(Passenger { reply, mut tensors }) = self.samples.pop() {
            let missing = || StreamError::Sample("an output is computed by nothing".into());
            match reply {
                Some(Reply::Bytes(sender)) => {
                    let output = match (shared.route.end(&mut tensors).next().flatten(), shared.route.single()) {
                        (Some(Values::Card(bytes)), Some((_, info))) => Ok(from_card(info, bytes)),
                        _ => Err(missing()),
                    };
                    // Whoever has dropped the ticket does not want to know; here and below.
                    drop(sender.send(output));
                }
                Some(Reply::Values(sender)) => {
                    let outputs: Option<Vec<Values>> = shared.route.end(&mut tensors).collect();
                    drop(sender.send(outputs.ok_or_else(missing)));
                }
                None => {}
            }
            self.spare.push(tensors);
        }
    }

    /// Answers all with an error and is empty then.
    pub fn fail(&mut self, error: &StreamError) {
        for Passenger { reply, tensors } in self.samples.drain(..) {
            if let Some(reply) = reply {
                reply.error(error.clone());
            }
            self.spare.push(tensors);
        }
    }
}
