//! The two threads of a stream: one starts runs, the other ends them.

use super::flight::{Flight, Flights};
use super::{Job, Shared};
use crate::runtime::error::RuntimeError;
use crate::runtime::raw::slot::Lanes;
use crossbeam_channel::{Receiver, Sender};
use rustix::time::{clock_gettime, ClockId};
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::thread::JoinHandle;

/// The threads.
pub struct Workers {
    /// Feeder, finisher.
    pub threads: Vec<JoinHandle<()>>,
}

/// Starts the threads. They end when the senders of `jobs` are gone and everything is answered.
///
/// # Errors
/// The operating system gives no thread.
pub fn start(shared: Arc<Shared>, all: Flights, jobs: Receiver<Job>) -> Result<Workers, RuntimeError> {
    let Flights { flights, lanes, unit, units } = all;
    let (free, empty) = crossbeam_channel::bounded(flights.len());
    let (started, under_way) = crossbeam_channel::bounded(flights.len());
    for flight in flights {
        // The queue has room for all of them.
        let _ = free.send(flight);
    }
    let thread = |name: &str, work: Box<dyn FnOnce() + Send>| {
        let spawned = std::thread::Builder::new().name(name.into()).spawn(work);
        spawned.map_err(|e| {
            RuntimeError::call(
                shared.device.clone(),
                "starting a thread of a stream".into(),
                format!("{e}; end others"),
            )
        })
    };
    let feeder = Feeder { shared: shared.clone(), lanes: lanes.clone(), jobs, empty, started, unit, units };
    let finisher = Finisher { shared: shared.clone(), lanes, under_way, free };
    let threads = vec![
        thread("systole-finisher", Box::new(move || finisher.work()))?,
        thread("systole-feeder", Box::new(move || feeder.work()))?,
    ];
    Ok(Workers { threads })
}

struct Feeder {
    shared: Arc<Shared>,
    lanes: Arc<Lanes>,
    jobs: Receiver<Job>,
    empty: Receiver<Flight>,
    started: Sender<Flight>,
    /// Inferences of a unit, and most units of a run.
    unit: usize,
    units: usize,
}

impl Feeder {
    fn work(self) {
        let shared = &self.shared;
        while let Ok(first) = self.jobs.recv() {
            if shared.sound().is_err() {
                first.reply.error(shared.end());
                continue;
            }
            // While this waits for the card, more come, and the next run is larger.
            let Ok(mut flight) = self.empty.recv() else {
                first.reply.error(shared.end());
                continue;
            };
            let waiting = (1 + self.jobs.len()).div_ceil(self.unit);
            let units = (1 << waiting.ilog2()).min(self.units);
            flight.set_units(units);
            flight.board(shared, first);
            while flight.len() < units * self.unit {
                let Ok(job) = self.jobs.try_recv() else { break };
                flight.board(shared, job);
            }
            if let Err(what) = flight.advance(shared, &self.lanes) {
                shared.fail("starting a run", what);
            }
            shared.host_ns[0].store(cpu_ns(), Ordering::Relaxed);
            // Were the finisher gone, the flight's tickets would be answered by its end.
            let _ = self.started.send(flight);
        }
        shared.host_ns[0].store(cpu_ns(), Ordering::Relaxed);
    }
}

struct Finisher {
    shared: Arc<Shared>,
    lanes: Arc<Lanes>,
    under_way: Receiver<Flight>,
    free: Sender<Flight>,
}

impl Finisher {
    fn work(self) {
        let shared = &self.shared;
        // In the order that the card takes them: a flight that starts another program goes to the end.
        let mut all: VecDeque<Flight> = VecDeque::new();
        loop {
            all.extend(self.under_way.try_iter());
            let Some(mut flight) = all.pop_front().or_else(|| self.under_way.recv().ok()) else { return };
            if flight.launched() {
                self.land(&mut flight);
                if flight.launched() {
                    all.push_back(flight);
                    continue;
                }
            }
            match shared.sound() {
                Ok(()) => flight.answer(shared),
                Err(error) => flight.fail(&error),
            }
            shared.host_ns[1].store(cpu_ns(), Ordering::Relaxed);
            // Were the feeder gone, nobody would need it.
            let _ = self.free.send(flight);
        }
    }

    /// Ends a run, and goes on to the flight's next one, if there is any.
    fn land(&self, flight: &mut Flight) {
        let shared = &self.shared;
        match flight.land(shared) {
            Ok(ns) => {
                shared.card_ns.fetch_add(ns, Ordering::Relaxed);
                shared.runs.fetch_add(1, Ordering::Relaxed);
            }
            Err(what) => return shared.fail("running the kernel", what),
        }
        if shared.sound().is_ok() {
            if let Err(what) = flight.advance(shared, &self.lanes) {
                return shared.fail("starting a run", what);
            }
            if !flight.launched() {
                shared.inferences.fetch_add(flight.len() as u64, Ordering::Relaxed);
            }
        }
    }
}

/// CPU time that this thread has taken, in ns.
pub fn cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
