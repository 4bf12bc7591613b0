//! Streams: inferences submitted from any thread, run in the order they come, awaited one by one.
//!
//! ```text
//! submit ─► bounded queue ─► flight 0 ─┬─► upload, kernel, download ─► host segments ─► tickets
//!                            flight 1 ─┘   on queues that overlap
//! ```
//!
//! A thread takes what waits, up to a run's batch, and starts a run; meanwhile the run before computes on the memory of the
//! other flight. When that ends, the thread unpacks it, computes what the host has to, answers, and loads it again, all
//! while the card is at work on the first. So a card under load runs large batches, whose cost on the host is shared, and
//! an idle card runs a single inference at once.

mod flight;
mod packing;
mod queue;
mod route;
mod ticket;
mod worker;

use super::container::ContainerFile;
use super::device::CardInfo;
use super::error::RuntimeError;
use crate::plan::Plan;
use crate::reference::Values;
use queue::{Queue, Refused};
use route::Route;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;
pub use ticket::Ticket;
pub use worker::thread_cpu_time;

/// How a stream works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamOptions {
    /// Most inferences that wait for the card, at least 1. [`Stream::submit`] blocks where there are as many.
    pub queue: usize,
    /// Most inferences of one run of the kernel, at least 1; rounded down to a power of two, and to what fits the card.
    pub batch: usize,
}

impl Default for StreamOptions {
    /// Runs of up to 256, and as many waiting as two runs take.
    fn default() -> Self {
        Self { queue: 512, batch: 256 }
    }
}

/// Why an inference has no outputs.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StreamError {
    /// The card failed. The stream is over: every inference that was outstanding, and every later one, has this error.
    #[error("{0}; open another stream")]
    Failed(Arc<RuntimeError>),
    /// These values do not fit the model, or an operator of the host refuses them. Others are not affected.
    #[error("{0}")]
    Sample(String),
    /// A thread of the stream has gone, or the answer was taken before.
    #[error("the stream has ended; open another")]
    Ended,
}

/// Why [`Stream::try_submit`] took nothing.
#[derive(Debug, thiserror::Error)]
pub enum TrySubmitError<S> {
    /// The queue is full; here is the sample back.
    #[error("the queue is full; wait for a ticket and submit again")]
    Full(S),
    /// As [`Stream::submit`].
    #[error("{0}")]
    Stream(#[from] StreamError),
}

/// What a stream has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamStats {
    /// Inferences that the card has ended.
    pub inferences: u64,
    /// Runs of the kernel.
    pub runs: u64,
    /// From start to done of all runs on the card's clock.
    pub card_time: Duration,
    /// CPU time of the stream's own thread: packing, OpenCL calls, unpacking, host segments, answering. What whoever
    /// submits takes is not in it, nor is the driver's.
    pub host_time: Duration,
}

/// A handle to a stream; clones are handles to the same one, for other threads. When the last is dropped, what was
/// submitted is finished first.
#[derive(Clone)]
pub struct Stream {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    /// Until it is joined.
    thread: Option<JoinHandle<()>>,
}

/// What handles and the thread share.
struct Shared {
    queue: Queue<Job>,
    plan: Arc<Plan>,
    route: Route,
    device: String,
    /// Why the stream is over.
    failed: OnceLock<StreamError>,
    inferences: AtomicU64,
    runs: AtomicU64,
    card_ns: AtomicU64,
    host_ns: AtomicU64,
}

/// An inference that waits for the card.
struct Job {
    sample: Sample,
    reply: Reply,
}

/// Inputs of an inference.
enum Sample {
    /// The only input, as the card has it.
    Bytes(Vec<i8>),
    /// All inputs.
    Values(Vec<Values>),
}

/// Where the outputs go.
enum Reply {
    /// The only output, in model order.
    Bytes(oneshot::Sender<ticket::Answer<Vec<i8>>>),
    /// All outputs.
    Values(oneshot::Sender<ticket::Answer<Vec<Values>>>),
}

impl Stream {
    /// Loads a container and a plan into a card and starts a stream on it. A card serves several streams side by side.
    ///
    /// # Errors
    /// The container or the plan is for another configuration, the card refuses the container, or a call fails.
    pub fn open(
        card: &CardInfo,
        container: &ContainerFile,
        plan: Arc<Plan>,
        options: StreamOptions,
    ) -> Result<Self, RuntimeError> {
        container.fits(&card.config, &plan)?;
        let shared = Arc::new(Shared {
            queue: Queue::new(options.queue),
            route: Route::new(&plan),
            plan,
            device: card.name.clone(),
            failed: OnceLock::new(),
            inferences: AtomicU64::new(0),
            runs: AtomicU64::new(0),
            card_ns: AtomicU64::new(0),
            host_ns: AtomicU64::new(0),
        });
        let flights = flight::flights(card, container, &shared, options.batch)?;
        let thread = Some(worker::start(shared.clone(), flights)?);
        Ok(Self { inner: Arc::new(Inner { shared, thread }) })
    }

    /// The plan that runs.
    pub fn plan(&self) -> &Plan {
        &self.inner.shared.plan
    }

    /// Submits an inference of a model with one input and one output of bytes: int8 in model order
    /// ([`crate::tensor::TensorInfo`]), as is what the ticket gives. Blocks while the queue is full.
    ///
    /// # Errors
    /// The model is none of this kind, the input has another length, or the stream is over.
    pub fn submit(&self, input: Vec<i8>) -> Result<Ticket<Vec<i8>>, StreamError> {
        let sample = self.bytes(input)?;
        let (reply, ticket) = Ticket::new();
        self.send(Job { sample, reply: Reply::Bytes(reply) }).map(|()| ticket)
    }

    /// As [`Stream::submit`], but never blocks.
    ///
    /// # Errors
    /// The queue is full, and the input comes back; or as there.
    pub fn try_submit(&self, input: Vec<i8>) -> Result<Ticket<Vec<i8>>, TrySubmitError<Vec<i8>>> {
        // Checked before the order may change: a sample that comes back is as it was.
        if self.inner.shared.queue.is_full() {
            return Err(TrySubmitError::Full(input));
        }
        let sample = self.bytes(input)?;
        let (reply, ticket) = Ticket::new();
        match self.try_send(Job { sample, reply: Reply::Bytes(reply) })? {
            None => Ok(ticket),
            Some(Job { sample: Sample::Bytes(bytes), .. }) => {
                let info = self.inner.shared.route.single().map(|(input, _)| input);
                Err(TrySubmitError::Full(info.map_or_else(Vec::new, |info| route::from_card(info, bytes))))
            }
            Some(_) => Err(StreamError::Ended.into()),
        }
    }

    /// Submits an inference of any model: the values of all inputs, the card's as [height, width, channels]; the ticket
    /// gives those of all outputs. Blocks while the queue is full.
    ///
    /// # Errors
    /// There are more or fewer inputs than the model has, or the stream is over. Values that do not fit are the ticket's
    /// error.
    pub fn submit_values(&self, inputs: Vec<Values>) -> Result<Ticket<Vec<Values>>, StreamError> {
        self.counted(&inputs)?;
        let (reply, ticket) = Ticket::new();
        self.send(Job { sample: Sample::Values(inputs), reply: Reply::Values(reply) }).map(|()| ticket)
    }

    /// As [`Stream::submit_values`], but never blocks.
    ///
    /// # Errors
    /// The queue is full, and the inputs come back; or as there.
    pub fn try_submit_values(&self, inputs: Vec<Values>) -> Result<Ticket<Vec<Values>>, TrySubmitError<Vec<Values>>> {
        self.counted(&inputs)?;
        let (reply, ticket) = Ticket::new();
        match self.try_send(Job { sample: Sample::Values(inputs), reply: Reply::Values(reply) })? {
            None => Ok(ticket),
            Some(Job { sample: Sample::Values(inputs), .. }) => Err(TrySubmitError::Full(inputs)),
            Some(_) => Err(StreamError::Ended.into()),
        }
    }

    /// What the stream has done so far. The thread adds up its time once a run.
    pub fn stats(&self) -> StreamStats {
        self.inner.shared.stats()
    }

    /// Gives this handle up. If it is the last, what was submitted is finished and all of it is in what is returned.
    pub fn finish(self) -> StreamStats {
        let shared = self.inner.shared.clone();
        drop(self);
        shared.stats()
    }

    /// A sample of a model with one input and one output of bytes.
    fn bytes(&self, input: Vec<i8>) -> Result<Sample, StreamError> {
        let shared = &self.inner.shared;
        let Some((info, _)) = shared.route.single() else {
            let what = format!("model `{}` has other than one input and one output of bytes", shared.plan.model);
            return Err(StreamError::Sample(format!("{what}: use submit_values")));
        };
        route::to_card(info, input).map(Sample::Bytes).map_err(StreamError::Sample)
    }

    fn counted(&self, inputs: &[Values]) -> Result<(), StreamError> {
        let plan = &self.inner.shared.plan;
        if inputs.len() == plan.inputs.len() {
            return Ok(());
        }
        let (model, takes) = (&plan.model, plan.inputs.len());
        Err(StreamError::Sample(format!("model `{model}`: {} inputs; it takes {takes}", inputs.len())))
    }

    fn send(&self, job: Job) -> Result<(), StreamError> {
        self.inner.shared.sound()?;
        self.inner.shared.queue.push(job).map_err(|_| self.inner.shared.end())
    }

    /// The job comes back where the queue is full.
    fn try_send(&self, job: Job) -> Result<Option<Job>, StreamError> {
        self.inner.shared.sound()?;
        match self.inner.shared.queue.try_push(job) {
            Ok(()) => Ok(None),
            Err(Refused::Full(job)) => Ok(Some(job)),
            Err(Refused::Closed(_)) => Err(self.inner.shared.end()),
        }
    }
}

impl Shared {
    fn stats(&self) -> StreamStats {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StreamStats {
            inferences: count(&self.inferences),
            runs: count(&self.runs),
            card_time: Duration::from_nanos(count(&self.card_ns)),
            host_time: Duration::from_nanos(count(&self.host_ns)),
        }
    }

    /// Whether the card has not failed yet.
    fn sound(&self) -> Result<(), StreamError> {
        self.failed.get().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Why there is no thread any more.
    fn end(&self) -> StreamError {
        self.failed.get().cloned().unwrap_or(StreamError::Ended)
    }

    /// The card has failed; the first cause stays.
    fn fail(&self, call: &str, what: String) {
        let error = RuntimeError::call(self.device.clone(), call.into(), what);
        // A later failure only follows from the first.
        let _ = self.failed.set(StreamError::Failed(Arc::new(error)));
    }
}

impl Reply {
    /// Answers; whoever has dropped the ticket does not want to know.
    fn error(self, error: StreamError) {
        match self {
            Reply::Bytes(sender) => drop(sender.send(Err(error))),
            Reply::Values(sender) => drop(sender.send(Err(error))),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.queue.close();
        let here = std::thread::current().id();
        // A waker that the stream's own thread calls may drop the last handle: a thread cannot wait for itself.
        if let Some(thread) = self.thread.take().filter(|t| t.thread().id() != here) {
            // One that panicked has dropped its tickets' senders, which is an answer.
            let _ = thread.join();
        }
    }
}
