//! A card with a container loaded and one of its kernels found: calls on it, whose errors name the device and the call.

use super::container::ContainerFile;
use super::device::CardInfo;
use super::error::RuntimeError;
use super::raw::slot::{Bound, Lanes};
use super::raw::{Card, CardBuffer, Program, ProgramError};
use opencl3::kernel::Kernel;
use std::sync::Arc;

/// A kernel of a card, ready to run.
pub(crate) struct LoadedKernel {
    device: String,
    name: String,
    // The kernel and the program go before the card that they live on.
    kernel: Kernel,
    program: Program,
    card: Card,
}

impl LoadedKernel {
    /// Loads a container, which has been found to be for this card, and finds a kernel in it.
    ///
    /// # Errors
    /// The card refuses the container, or a call fails.
    pub fn open(card: &CardInfo, container: &ContainerFile, kernel: &str) -> Result<Self, RuntimeError> {
        let device = card.name.clone();
        let failed = |call: &str| {
            let (device, call) = (device.clone(), call.to_string());
            move |code: String| RuntimeError::call(device, call, code)
        };
        let raw = Card::open(&card.device).map_err(failed("opening it"))?;
        let program = raw.load(container.bytes()).map_err(|e| match e {
            ProgramError::Call(code) => failed("loading the container")(code),
            ProgramError::Refused(code) => RuntimeError::refused(device.clone(), container.path(), code, &card.config),
        })?;
        let found = raw.kernel(&program, kernel).map_err(failed(&format!("finding kernel {kernel}")))?;
        Ok(Self { device, name: kernel.into(), kernel: found, program, card: raw })
    }

    /// Name of the device, for errors.
    pub fn device(&self) -> &str {
        &self.device
    }

    fn failed(&self, call: &str) -> impl FnOnce(String) -> RuntimeError {
        let (device, call) = (self.device.clone(), call.to_string());
        move |code| RuntimeError::call(device, call, code)
    }

    /// Card memory, which the kernel writes or only reads; `call` is what an error names, here and below.
    ///
    /// # Errors
    /// The call fails, as all calls below may.
    pub fn buffer(&self, bytes: usize, written: bool, call: &str) -> Result<CardBuffer, RuntimeError> {
        self.card.buffer(bytes, written).map_err(self.failed(call))
    }

    /// Writes `data` to the start of a buffer.
    pub fn write(&self, to: &mut CardBuffer, data: &[u8], call: &str) -> Result<(), RuntimeError> {
        self.card.write(to, data).map_err(self.failed(call))
    }

    /// Reads the start of a buffer.
    pub fn read(&self, from: &CardBuffer, data: &mut [u8], call: &str) -> Result<(), RuntimeError> {
        self.card.read(from, data).map_err(self.failed(call))
    }

    /// Queues for runs that overlap.
    pub fn lanes(&self) -> Result<Lanes, RuntimeError> {
        self.card.lanes().map_err(self.failed("making queues"))
    }

    /// The kernel once more, with arguments of its own.
    pub fn bind(&self, arguments: Vec<Arc<CardBuffer>>) -> Result<Bound, RuntimeError> {
        self.card.bind(&self.program, &self.name, arguments).map_err(self.failed("setting the kernel's arguments"))
    }

    /// Runs the kernel: ns from start to done on the card's clock.
    pub fn run(&self, arguments: &[&CardBuffer]) -> Result<u64, RuntimeError> {
        let time = self.card.run(&self.kernel, arguments).map_err(self.failed("running the kernel"))?;
        Ok(time.end_ns.saturating_sub(time.start_ns))
    }
}
