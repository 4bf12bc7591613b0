//! Events: how far a command is, when each step was, and who waits for it.

use super::super::cl;
use super::super::handle::Ref;
use super::{lock, Context, Queue};
use crate::raw::pointers::{Callback, EventNotify};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// An event as the caller holds it.
pub struct Event {
    /// Its context.
    pub context: Ref<Context>,
    /// The queue of its command; none for user events.
    pub queue: Option<Ref<Queue>>,
    /// What the command is.
    pub command: cl::Uint,
    /// How far it is.
    pub progress: Arc<Progress>,
}

/// How far a command is.
pub struct Progress {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    status: cl::Int,
    /// Cycles of the card's clock: queued, submitted, started, ended.
    times: [u64; 4],
    /// A failure that the caller has been told of.
    seen: bool,
    /// The failed command that this one was not run for.
    cause: Option<Arc<Progress>>,
    waiting: Vec<Waiting>,
}

/// A function to call at a status. The reference keeps the handle valid until then.
struct Waiting {
    status: cl::Int,
    callback: Callback<EventNotify>,
    event: Ref<Event>,
}

impl Progress {
    /// A command that was queued at `now`.
    pub fn queued(now: u64) -> Arc<Self> {
        Self::at(cl::QUEUED, now)
    }

    /// A user event: submitted, until the user says otherwise.
    pub fn user() -> Arc<Self> {
        Self::at(cl::SUBMITTED, 0)
    }

    fn at(status: cl::Int, now: u64) -> Arc<Self> {
        let state = State { status, times: [now, 0, 0, 0], ..State::default() };
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new() })
    }

    /// The status; what is negative counts as told to the caller.
    pub fn tell_status(&self) -> cl::Int {
        let status = self.status();
        if status < 0 {
            self.mark_seen();
        }
        status
    }

    /// The status.
    pub fn status(&self) -> cl::Int {
        lock(&self.state).status
    }

    /// The times of a command that has ended well or not, in cycles: queued, submitted, started, ended.
    pub fn times(&self) -> Option<[u64; 4]> {
        let state = lock(&self.state);
        (state.status <= cl::COMPLETE).then_some(state.times)
    }

    /// Goes on to `status` at the time `now`. An end stays as it is: `false` if there was one already.
    pub fn reach(&self, status: cl::Int, now: u64) -> bool {
        let mut state = lock(&self.state);
        if state.status <= cl::COMPLETE {
            return false;
        }
        // Steps that are passed over happen now.
        let first = (cl::QUEUED - state.status + 1) as usize;
        let last = (cl::QUEUED - status.max(cl::COMPLETE)) as usize;
        state.times[first..=last].fill(now);
        state.status = status;
        let (due, rest) = std::mem::take(&mut state.waiting).into_iter().partition(|w| w.status >= status.max(0));
        state.waiting = rest;
        drop(state);
        // Whoever waits, waits for the end.
        if status <= cl::COMPLETE {
            self.changed.notify_all();
        }
        self.call(due, status);
        true
    }

    fn call(&self, due: Vec<Waiting>, status: cl::Int) {
        for waiting in due {
            if status < 0 {
                self.mark_seen();
            }
            waiting.callback.call(waiting.event.handle(), if status < 0 { status } else { waiting.status });
        }
    }

    /// Corrects when a running command started: it may have waited for the device.
    pub fn restart(&self, start: u64) {
        let mut state = lock(&self.state);
        if state.status == cl::RUNNING {
            state.times[2] = start;
        }
    }

    /// Ends with an error because of `cause`.
    pub fn fail_for(&self, cause: &Arc<Progress>, now: u64) {
        lock(&self.state).cause = Some(cause.clone());
        self.reach(cl::EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST, now);
    }

    /// Waits for the end and returns it.
    pub fn wait(&self) -> cl::Int {
        let mut state = lock(&self.state);
        while state.status > cl::COMPLETE {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.status
    }

    /// The caller knows of the failure, here and where it began.
    pub fn mark_seen(&self) {
        let cause = {
            let mut state = lock(&self.state);
            state.seen = true;
            state.cause.clone()
        };
        if let Some(cause) = cause {
            cause.mark_seen();
        }
    }

    /// Whether the caller knows of the failure.
    pub fn seen(&self) -> bool {
        lock(&self.state).seen
    }

    /// Calls `callback` when `status` is reached, at once if it is already.
    pub fn call_at(&self, status: cl::Int, callback: Callback<EventNotify>, event: Ref<Event>) {
        let waiting = Waiting { status, callback, event };
        let now = {
            let mut state = lock(&self.state);
            if state.status > status {
                state.waiting.push(waiting);
                return;
            }
            state.status
        };
        self.call(vec![waiting], now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_that_are_passed_over_take_the_time_of_the_next_and_an_end_stays() {
        let progress = Progress::queued(5);
        assert!(progress.reach(cl::SUBMITTED, 6));
        assert_eq!(progress.times(), None);
        assert!(progress.reach(-9, 8));
        assert_eq!(progress.times(), Some([5, 6, 8, 8]));
        assert!(!progress.reach(cl::COMPLETE, 9));
        assert_eq!(progress.wait(), -9);
        assert!(!progress.seen());
        assert_eq!(progress.tell_status(), -9);
        assert!(progress.seen());
    }
}
