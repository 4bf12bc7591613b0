//! What the handles stand for.

mod card;
mod context;
mod device;
mod event;
mod kernel;
mod memory;
mod platform;
mod program;
mod queue;

pub use card::Card;
pub use context::Context;
pub use device::{Device, Launch};
pub use event::{Event, Progress};
pub use kernel::Kernel;
pub use memory::{Buffer, CardSpace, Mapping, Storage};
pub use platform::{platform, Platform};
pub use program::Program;
pub use queue::{Command, Queue};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks; a panic of another holder has not left anything half done that matters more than going on.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
