//! An in-order queue: a thread that does one command after the other.
//!
//! When a command fails, those behind it are not run, since they were queued in the belief that it would succeed: they
//! fail for it, until the caller has been told (by the event, by a blocking call or by `clFinish`).

use super::super::cl;
use super::super::handle::Ref;
use super::{lock, Context, Device, Progress};
use std::collections::VecDeque;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// What a command does on the device: returns the cycles it took, or its status and those cycles.
pub type Work = Box<dyn FnOnce(&Device) -> Done + Send>;

/// When work began, in cycles of the card's clock, and how it ended: cycles, or a negative status and cycles.
pub type Done = (u64, Result<u64, (cl::Int, u64)>);

/// A command in a queue.
pub struct Command {
    /// What must have ended before.
    pub waits: Vec<Arc<Progress>>,
    /// How far it is.
    pub progress: Arc<Progress>,
    /// What it does.
    pub work: Work,
}

/// A queue.
pub struct Queue {
    /// Its context.
    pub context: Ref<Context>,
    /// Its device.
    pub device: Ref<Device>,
    /// `cl_command_queue_properties`.
    pub properties: cl::Ulong,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    device: Arc<Device>,
}

#[derive(Default)]
struct State {
    commands: VecDeque<Command>,
    busy: bool,
    closing: bool,
    /// The command that failed, while the caller does not know.
    failed: Option<Arc<Progress>>,
}

impl Queue {
    /// A queue with its thread.
    ///
    /// # Errors
    /// `CL_OUT_OF_RESOURCES` where no thread can be had.
    pub fn new(context: Ref<Context>, device: Ref<Device>, properties: cl::Ulong) -> Result<Self, cl::Int> {
        let shared =
            Arc::new(Shared { state: Mutex::default(), changed: Condvar::new(), device: device.object().clone() });
        let worker = shared.clone();
        std::thread::Builder::new()
            .name("systole-queue".into())
            .spawn(move || worker.work())
            .map_err(|_| cl::OUT_OF_RESOURCES)?;
        Ok(Self { context, device, properties, shared })
    }

    /// Appends a command.
    pub fn push(&self, command: Command) {
        lock(&self.shared.state).commands.push_back(command);
        self.shared.changed.notify_all();
    }

    /// Waits until nothing is left. A failure that the caller was not told of yet is its error.
    pub fn finish(&self) -> Result<(), cl::Int> {
        let mut state = lock(&self.shared.state);
        while state.busy || !state.commands.is_empty() {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        match state.failed.take() {
            Some(failed) if !failed.seen() => {
                failed.mark_seen();
                Err(cl::OUT_OF_RESOURCES)
            }
            _ => Ok(()),
        }
    }
}

impl Shared {
    fn work(&self) {
        loop {
            let command = {
                let mut state = lock(&self.state);
                state.busy = false;
                self.changed.notify_all();
                loop {
                    if let Some(command) = state.commands.pop_front() {
                        state.busy = true;
                        break command;
                    }
                    if state.closing {
                        return;
                    }
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            };
            self.execute(command);
        }
    }

    fn execute(&self, command: Command) {
        let Command { waits, progress, work } = command;
        let device = &self.device;
        progress.reach(cl::SUBMITTED, device.now());
        let mut cause = waits.into_iter().filter(|w| w.wait() < 0).last();
        {
            let mut state = lock(&self.state);
            state.failed = state.failed.take().filter(|f| !f.seen());
            cause = cause.or_else(|| state.failed.clone());
        }
        if let Some(cause) = cause {
            drop(work);
            self.failed(&progress);
            return progress.fail_for(&cause, device.now());
        }
        progress.reach(cl::RUNNING, device.now());
        // A panic here would end the thread, and everybody who waits would wait for ever.
        let done = catch_unwind(AssertUnwindSafe(|| work(device)));
        let (start, result) = done.unwrap_or_else(|_| (device.now(), Err((cl::OUT_OF_HOST_MEMORY, 0))));
        let (status, cycles) = match result {
            Ok(cycles) => (cl::COMPLETE, cycles),
            Err((status, cycles)) => (status, cycles),
        };
        progress.restart(start);
        let end = device.pass(start, cycles);
        if status < 0 {
            self.failed(&progress);
        }
        progress.reach(status, end);
    }

    fn failed(&self, progress: &Arc<Progress>) {
        lock(&self.state).failed.get_or_insert_with(|| progress.clone());
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // The thread does what is left, then ends; nobody waits for it.
        lock(&self.shared.state).closing = true;
        self.shared.changed.notify_all();
    }
}
