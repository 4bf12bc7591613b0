//! From a plan to a card and back, over OpenCL: device → session → run.
//!
//! [`find_driver`] lets the loader see the simulated card, [`cards`] lists what there is, [`ContainerFile`] is a checked
//! bitstream, and a [`Session`] is a card with both a container and a plan in it, for a batch at a time and with counters.
//! A [`Stream`] takes inferences from any thread and answers each by itself. All `unsafe` is in [`raw`].

mod container;
mod device;
mod driver;
mod error;
mod loaded;
pub mod raw;
mod session;
mod stream;

pub use container::{check_container, ContainerFile};
pub use device::{card_of, cards, CardInfo};
pub use driver::{card_dir, container_of, driver_place, find_driver, CARD_DIR_VARIABLE, VENDORS_VARIABLE};
pub use error::RuntimeError;
pub(crate) use loaded::LoadedKernel;
pub use session::{BatchResult, Session};
pub use stream::{thread_cpu_time, Stream, StreamError, StreamOptions, StreamStats, Ticket, TrySubmitError};
