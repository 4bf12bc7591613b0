//! The thread of a stream: starts runs while there are flights to start and ends the oldest, in turn.

use super::flight::{Flight, Flights};
use super::{Job, Shared};
use crate::runtime::error::RuntimeError;
use rustix::time::{clock_gettime, ClockId};
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Starts the thread. It ends when the queue is closed and everything in it is answered.
///
/// # Errors
/// The operating system gives no thread.
pub fn start(shared: Arc<Shared>, flights: Flights) -> Result<JoinHandle<()>, RuntimeError> {
    let device = shared.device.clone();
    let worker = Worker { shared, flights, air: VecDeque::new(), jobs: Vec::new() };
    let spawned = std::thread::Builder::new().name("systole-stream".into()).spawn(move || worker.work());
    spawned.map_err(|e| {
        RuntimeError::call(device, "starting the thread of a stream".into(), format!("{e}; end other threads"))
    })
}

struct Worker {
    shared: Arc<Shared>,
    /// Those that are not in the air.
    flights: Flights,
    /// In the order that the card takes them.
    air: VecDeque<Flight>,
    /// Of the next run.
    jobs: Vec<Job>,
}

impl Worker {
    fn work(mut self) {
        loop {
            // With nothing under way it sleeps here until there is something to do, else below until a run ends.
            let open = self.start_runs();
            let Some(flight) = self.air.pop_front() else {
                if open {
                    continue;
                }
                return;
            };
            self.end(flight);
            self.shared.host_ns.store(thread_cpu_time().as_nanos() as u64, Ordering::Relaxed);
        }
    }

    /// Starts runs of what waits, while there are flights. `false` once the queue is closed and empty.
    fn start_runs(&mut self) -> bool {
        while let Some(mut flight) = self.flights.flights.pop() {
            let mut size = 0;
            let open = self.shared.queue.take(&mut self.jobs, self.air.is_empty(), |waiting| {
                size = self.flights.size(waiting);
                self.flights.inferences(size)
            });
            if self.jobs.is_empty() {
                self.flights.flights.push(flight);
                return open;
            }
            flight.set_size(size);
            self.jobs.drain(..).for_each(|job| flight.board(&self.shared, job));
            if self.shared.sound().is_ok() {
                if let Err(what) = flight.advance(&self.shared, &self.flights.lanes) {
                    self.shared.fail("starting a run", what);
                }
            }
            self.air.push_back(flight);
        }
        true
    }

    /// Ends a run, and goes on to the flight's next one, if there is any.
    fn end(&mut self, mut flight: Flight) {
        let shared = &self.shared;
        if flight.launched() {
            match flight.land(shared) {
                Ok(ns) => {
                    shared.card_ns.fetch_add(ns, Ordering::Relaxed);
                    shared.runs.fetch_add(1, Ordering::Relaxed);
                }
                Err(what) => shared.fail("running the kernel", what),
            }
            if shared.sound().is_ok() {
                if let Err(what) = flight.advance(shared, &self.flights.lanes) {
                    shared.fail("starting a run", what);
                }
                if flight.launched() {
                    // Behind those that the card takes before it. Should it have failed, its end is waited for there.
                    return self.air.push_back(flight);
                }
            }
        }
        match shared.sound() {
            Ok(()) => {
                shared.inferences.fetch_add(flight.len() as u64, Ordering::Relaxed);
                flight.answer(shared);
            }
            Err(error) => flight.fail(&error),
        }
        self.flights.flights.push(flight);
    }
}

impl Drop for Worker {
    /// However the thread ends: nobody may wait for it. The tickets of what is dropped here are answered by that.
    fn drop(&mut self) {
        self.shared.queue.close();
        self.jobs.clear();
        self.shared.queue.take(&mut self.jobs, false, |waiting| waiting);
    }
}

/// CPU time that the calling thread has taken: for measuring what a stream costs whoever submits.
pub fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}
