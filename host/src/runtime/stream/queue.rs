//! The bounded queue of a stream: filled one by one from any thread, emptied a run at a time by one.
//!
//! No channel of the usual crates fits: they spin before they sleep and wake a sleeper for every element, and either costs
//! more than the whole rest of a small inference. Here a run is taken under one lock, and nobody is woken who has not
//! said that he sleeps, or before it is worth while.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A queue of at most so many elements.
pub struct Queue<T> {
    state: Mutex<State<T>>,
    most: usize,
    /// Something to take, or the end.
    filled: Condvar,
    /// Room again, or the end.
    emptied: Condvar,
}

struct State<T> {
    elements: VecDeque<T>,
    /// Threads that wait for room.
    blocked: usize,
    /// Whether the taker waits for an element.
    hungry: bool,
    closed: bool,
}

/// Why an element was not taken into the queue.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused<T> {
    /// There is no room.
    Full(T),
    /// Nothing is taken any more.
    Closed(T),
}

impl<T> Queue<T> {
    /// A queue of at most `most` elements, at least one.
    pub fn new(most: usize) -> Self {
        let state = State { elements: VecDeque::new(), blocked: 0, hungry: false, closed: false };
        Self { state: Mutex::new(state), most: most.max(1), filled: Condvar::new(), emptied: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Whoever panicked did so in code of the standard library; the state is whole between its lines.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends an element; waits for room.
    ///
    /// # Errors
    /// The queue is closed; the element comes back.
    pub fn push(&self, element: T) -> Result<(), T> {
        let mut state = self.lock();
        while state.elements.len() >= self.most && !state.closed {
            state.blocked += 1;
            state = self.emptied.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.blocked -= 1;
        }
        self.append(state, element).map_err(|(Refused::Full(element) | Refused::Closed(element))| element)
    }

    /// Appends an element if there is room.
    ///
    /// # Errors
    /// There is none, or the queue is closed; the element comes back.
    pub fn try_push(&self, element: T) -> Result<(), Refused<T>> {
        self.append(self.lock(), element)
    }

    fn append(&self, mut state: MutexGuard<'_, State<T>>, element: T) -> Result<(), Refused<T>> {
        if state.closed {
            return Err(Refused::Closed(element));
        }
        if state.elements.len() >= self.most {
            return Err(Refused::Full(element));
        }
        state.elements.push_back(element);
        if std::mem::take(&mut state.hungry) {
            drop(state);
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Whether there is no room now.
    pub fn is_full(&self) -> bool {
        self.lock().elements.len() >= self.most
    }

    /// Moves as many elements as `count` says of those that wait to `to`. Waits for at least one if `wait`; without, or
    /// at the end, there may be none. `false` at the end: the queue is closed and empty.
    pub fn take(&self, to: &mut Vec<T>, wait: bool, count: impl FnOnce(usize) -> usize) -> bool {
        let mut state = self.lock();
        while wait && state.elements.is_empty() && !state.closed {
            state.hungry = true;
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let waiting = state.elements.len();
        if waiting == 0 {
            return !state.closed;
        }
        to.extend(state.elements.drain(..count(waiting).min(waiting)));
        // All of them: there is room for a whole run.
        let wake = state.blocked > 0;
        drop(state);
        if wake {
            self.emptied.notify_all();
        }
        true
    }

    /// Takes nothing any more; what waits can still be taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
        self.emptied.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    #[test]
    fn it_is_bounded_keeps_the_order_and_gives_back_what_it_refuses() {
        let queue = Queue::new(3);
        (0..3).for_each(|i| queue.try_push(i).unwrap());
        assert_eq!(queue.try_push(3), Err(Refused::Full(3)));
        let mut taken = Vec::new();
        assert!(queue.take(&mut taken, true, |waiting| waiting - 1));
        assert_eq!(taken, [0, 1]);
        queue.close();
        assert_eq!(queue.try_push(4), Err(Refused::Closed(4)));
        assert_eq!(queue.push(5), Err(5));
        assert!(queue.take(&mut taken, true, |waiting| waiting));
        assert_eq!(taken, [0, 1, 2]);
        assert!(!queue.take(&mut taken, true, |waiting| waiting));
    }

    #[test]
    fn threads_that_wait_for_room_all_get_it_and_nothing_is_lost() {
        let queue = Arc::new(Queue::new(5));
        let threads: Vec<_> = (0..6)
            .map(|t| {
                let queue = queue.clone();
                thread::spawn(move || (0..500).for_each(|i| queue.push(t * 1000 + i).unwrap()))
            })
            .collect();
        let mut taken = Vec::new();
        while taken.len() < 3000 {
            assert!(queue.take(&mut taken, true, |waiting| 1 + waiting / 2));
        }
        threads.into_iter().for_each(|t| t.join().unwrap());
        for t in 0..6 {
            let own: Vec<_> = taken.iter().filter(|&v| v / 1000 == t).collect();
            assert!(own.len() == 500 && own.is_sorted());
        }
    }

    #[test]
    fn the_end_wakes_those_who_wait_on_either_side() {
        let queue = Arc::new(Queue::<i32>::new(1));
        let taker = thread::spawn({
            let queue = queue.clone();
            move || queue.take(&mut Vec::new(), true, |n| n)
        });
        thread::sleep(Duration::from_millis(20));
        queue.close();
        assert!(!taker.join().unwrap());
        let queue = Arc::new(Queue::new(1));
        queue.try_push(1).unwrap();
        let pusher = thread::spawn({
            let queue = queue.clone();
            move || queue.push(2)
        });
        thread::sleep(Duration::from_millis(20));
        queue.close();
        assert_eq!(pusher.join().unwrap(), Err(2));
    }
}
