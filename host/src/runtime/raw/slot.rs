//! Runs that overlap: while the card computes, the next input goes up and the last output comes down.
//!
//! A [`Slot`] owns the memory of both sides, so that no transfer under way can outlive it: its bytes are reached only
//! when nothing is under way, and it waits when it is dropped.

use super::{name, times, Card, CardBuffer, KernelTime, Program, CL_SUCCESS};
use opencl3::command_queue::{CommandQueue, CL_QUEUE_PROFILING_ENABLE};
use opencl3::event::Event;
use opencl3::kernel::Kernel;
use opencl3::types::{cl_int, CL_NON_BLOCKING};
use std::ops::Range;
use std::sync::Arc;

/// OpenCL's status of a command that was not run because of one before it.
const NOT_RUN: cl_int = -14;

/// Queues of a card that work side by side; their commands wait for each other by events.
pub struct Lanes {
    upload: CommandQueue,
    compute: CommandQueue,
    download: CommandQueue,
}

/// A kernel with all its arguments, which live as long as it does.
pub struct Bound {
    kernel: Kernel,
    _arguments: Vec<Arc<CardBuffer>>,
}

/// Input and output of one run under way, on the card and here.
pub struct Slot {
    card_input: Arc<CardBuffer>,
    card_output: Arc<CardBuffer>,
    input: Vec<u8>,
    output: Vec<u8>,
    /// Commands under way: upload, kernel, download.
    pending: Vec<Event>,
}

impl Card {
    /// Queues for runs that overlap.
    ///
    /// # Errors
    /// The name of the OpenCL error.
    pub fn lanes(&self) -> Result<Lanes, String> {
        let queue = || {
            // SAFETY: the device is the one the context was made for.
            let queue = unsafe { CommandQueue::create(&self.context, self.device, CL_QUEUE_PROFILING_ENABLE) };
            queue.map_err(|e| e.to_string())
        };
        Ok(Lanes { upload: queue()?, compute: queue()?, download: queue()? })
    }

    /// A kernel of its own, with these pointer arguments from argument 0 on.
    ///
    /// # Errors
    /// The name of the OpenCL error.
    pub fn bind(&self, program: &Program, kernel: &str, arguments: Vec<Arc<CardBuffer>>) -> Result<Bound, String> {
        let kernel = self.kernel(program, kernel)?;
        for (i, argument) in arguments.iter().enumerate() {
            // SAFETY: a memory object is what every argument of the kernel is, and OpenCL checks its size.
            unsafe { kernel.set_arg(i as u32, &argument.get()) }.map_err(|e| format!("argument {i}: {e}"))?;
        }
        Ok(Bound { kernel, _arguments: arguments })
    }
}

impl Slot {
    /// A slot for a kernel's input buffer and its output buffer; of the latter the last `output` bytes are read.
    pub fn new(card_input: Arc<CardBuffer>, card_output: Arc<CardBuffer>, output: usize) -> Self {
        let (input, output) = (touched(card_input.bytes), touched(output.min(card_output.bytes)));
        Self { card_input, card_output, input, output, pending: Vec::with_capacity(3) }
    }

    /// The bytes that the next run takes.
    ///
    /// # Errors
    /// As [`Slot::wait`], if a run was under way.
    pub fn input(&mut self) -> Result<&mut [u8], String> {
        self.settle()?;
        Ok(&mut self.input)
    }

    /// The bytes that the last run gave: the range that was asked for, at the start.
    ///
    /// # Errors
    /// As [`Slot::wait`], if a run was under way.
    pub fn output(&mut self) -> Result<&[u8], String> {
        self.settle()?;
        Ok(&self.output)
    }

    /// Starts a run: the first `input` bytes go up, the kernel runs, the bytes `output` of the output buffer come down.
    /// `kernel` must have been bound to this slot's buffers.
    ///
    /// # Errors
    /// The name of the OpenCL error, or a range outside the buffers. What was started stays under way.
    pub fn launch(&mut self, lanes: &Lanes, kernel: &Bound, input: usize, output: Range<usize>) -> Result<(), String> {
        self.settle()?;
        let from = self.input.get(..input).ok_or("more input than the slot has")?;
        let to = self.output.get_mut(..output.len()).ok_or("more output than the slot has")?;
        if input == 0 || output.is_empty() || output.end > self.card_output.bytes {
            return Err(format!("bytes {output:?} of an output of {}", self.card_output.bytes));
        }
        // SAFETY: the length was checked against both sides; `input` is neither moved, changed nor freed before the
        // event in `pending` has ended (`settle`, `drop`). The buffer's handle is live, for it is owned here.
        let up = unsafe {
            opencl3::command_queue::enqueue_write_buffer(
                lanes.upload.get(),
                self.card_input.get(),
                CL_NON_BLOCKING,
                0,
                from.len(),
                from.as_ptr().cast_mut().cast(),
                0,
                std::ptr::null(),
            )
        };
        let up = Event::new(up.map_err(name)?);
        let waits = [up.get()];
        self.pending.push(up);
        // SAFETY: the arguments are bound and owned by `kernel`, which OpenCL keeps until the run has ended.
        let ran = unsafe { lanes.compute.enqueue_task(kernel.kernel.get(), &waits) }.map_err(|e| e.to_string())?;
        let waits = [ran.get()];
        self.pending.push(ran);
        // SAFETY: as for the upload.
        let down = unsafe {
            opencl3::command_queue::enqueue_read_buffer(
                lanes.download.get(),
                self.card_output.get(),
                CL_NON_BLOCKING,
                output.start,
                to.len(),
                to.as_mut_ptr().cast(),
                1,
                waits.as_ptr(),
            )
        };
        self.pending.push(Event::new(down.map_err(name)?));
        // Each queue waits for another, so each must know that it is to begin.
        for queue in [&lanes.upload, &lanes.compute, &lanes.download] {
            queue.flush().map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    /// Waits for the run that was started: its times on the card's clock.
    ///
    /// # Errors
    /// Why it failed: what ended it, or the name of the OpenCL error.
    pub fn wait(&mut self) -> Result<KernelTime, String> {
        let [_, ran, down] = &self.pending[..] else {
            self.settle()?;
            return Err("no run was started".into());
        };
        if down.wait().is_err() {
            self.settle()?;
            return Err("the run failed".into());
        }
        // The last command is over, so the others are.
        let time = times(ran).map_err(|e| e.to_string());
        self.pending.clear();
        time
    }

    /// Waits until nothing is under way.
    fn settle(&mut self) -> Result<(), String> {
        let mut failed = None;
        for event in &self.pending {
            if event.wait().is_ok() {
                continue;
            }
            match event.command_execution_status() {
                Ok(status) if status.0 < CL_SUCCESS => {
                    // The first that failed by itself says why.
                    if failed.is_none() || failed == Some(NOT_RUN) {
                        failed = Some(status.0);
                    }
                }
                // It may still run, so its memory must stay: nothing is cleared, and `drop` gives the memory up.
                _ => return Err("the card does not answer; open it again".into()),
            }
        }
        self.pending.clear();
        match failed {
            None => Ok(()),
            Some(NOT_RUN) => Err("not run, because a run before it failed".into()),
            Some(status) => Err(name(status)),
        }
    }
}

/// Zeroed memory whose pages are there: the first runs should not pay for them.
fn touched(bytes: usize) -> Vec<u8> {
    let mut memory = std::hint::black_box(vec![1; bytes]);
    memory.fill(0);
    memory
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.settle().is_err() && !self.pending.is_empty() {
            // Nobody knows whether the card still reads and writes here.
            std::mem::forget(std::mem::take(&mut self.input));
            std::mem::forget(std::mem::take(&mut self.output));
        }
    }
}
