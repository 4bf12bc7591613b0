//! What a submitted inference is waited for with.

use super::StreamError;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

/// What comes back: the outputs, or why there are none.
pub(super) type Answer<T> = Result<T, StreamError>;

/// The result of an inference that was submitted: a future, or something to wait for. Dropped, it is forgotten; the
/// inference runs all the same.
pub struct Ticket<T> {
    receiver: Receiver<T>,
}

enum Receiver<T> {
    /// Nobody has asked yet.
    Fresh(oneshot::Receiver<Answer<T>>),
    /// A task has.
    Polled(oneshot::AsyncReceiver<Answer<T>>),
    /// The answer was taken.
    Spent,
}

impl<T> Ticket<T> {
    /// A ticket, and where its answer goes.
    pub(super) fn new() -> (oneshot::Sender<Answer<T>>, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self { receiver: Receiver::Fresh(receiver) })
    }

    /// Waits for the outputs; the thread sleeps until they are there.
    ///
    /// # Errors
    /// [`StreamError`]: why this inference has none.
    pub fn wait(self) -> Result<T, StreamError> {
        match self.receiver {
            Receiver::Fresh(receiver) => receiver.recv().unwrap_or(Err(StreamError::Ended)),
            Receiver::Polled(receiver) => block_on(receiver),
            Receiver::Spent => Err(StreamError::Ended),
        }
    }

    /// Whether the answer is there, so that neither [`Ticket::wait`] nor `await` waits.
    pub fn is_ready(&self) -> bool {
        match &self.receiver {
            Receiver::Fresh(receiver) => receiver.has_message() || receiver.is_closed(),
            Receiver::Polled(receiver) => receiver.has_message() || receiver.is_closed(),
            Receiver::Spent => true,
        }
    }
}

impl<T> Future for Ticket<T> {
    type Output = Result<T, StreamError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut receiver = match std::mem::replace(&mut self.receiver, Receiver::Spent) {
            Receiver::Fresh(receiver) => receiver.into_future(),
            Receiver::Polled(receiver) => receiver,
            Receiver::Spent => return Poll::Ready(Err(StreamError::Ended)),
        };
        match Pin::new(&mut receiver).poll(context) {
            Poll::Ready(answer) => Poll::Ready(answer.unwrap_or(Err(StreamError::Ended))),
            Poll::Pending => {
                self.receiver = Receiver::Polled(receiver);
                Poll::Pending
            }
        }
    }
}

/// Waits for a receiver that a task has asked before.
fn block_on<T>(mut receiver: oneshot::AsyncReceiver<Answer<T>>) -> Answer<T> {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        match Pin::new(&mut receiver).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(answer) => return answer.unwrap_or(Err(StreamError::Ended)),
            // May return for no reason, and is then only asked again.
            Poll::Pending => std::thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_given_once_and_a_lost_sender_is_an_end() {
        let (sender, ticket) = Ticket::new();
        assert!(!ticket.is_ready());
        sender.send(Ok(7)).unwrap();
        assert!(ticket.is_ready());
        assert_eq!(ticket.wait().unwrap(), 7);
        let (sender, ticket) = Ticket::<i32>::new();
        drop(sender);
        assert!(ticket.is_ready());
        assert!(matches!(ticket.wait(), Err(StreamError::Ended)));
    }

    #[test]
    fn a_ticket_that_was_polled_can_be_waited_for_and_a_spent_one_does_not_hang() {
        let (sender, mut ticket) = Ticket::new();
        let mut context = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut ticket).poll(&mut context).is_pending());
        let waiting = std::thread::spawn(move || ticket.wait());
        std::thread::sleep(std::time::Duration::from_millis(20));
        sender.send(Ok("there")).unwrap();
        assert_eq!(waiting.join().unwrap().unwrap(), "there");
        let (sender, mut ticket) = Ticket::new();
        sender.send(Ok(1)).unwrap();
        assert!(Pin::new(&mut ticket).poll(&mut context).is_ready());
        assert!(matches!(ticket.wait(), Err(StreamError::Ended)));
    }
}
