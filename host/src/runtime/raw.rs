//! Every `unsafe` of this crate: OpenCL calls that take memory, and files mapped into memory.
//!
//! The functions here are safe to call: lengths come from slices, each buffer remembers its own, and every transfer is
//! blocking, so no pointer outlives its call; those that are not are in [`slot`], which owns what they point to. They say
//! what OpenCL said and nothing more; `session` and `stream` make sentences.
//!
//! One thing is not in our hands: cl3's `dynamic` feature calls the loader through function pointers of the Rust ABI.
//! For the integers and pointers of OpenCL that is the C ABI on every target this crate is built for.

pub mod slot;

use opencl3::command_queue::{CommandQueue, CL_QUEUE_PROFILING_ENABLE};
use opencl3::context::Context;
use opencl3::device::Device;
use opencl3::event::Event;
use opencl3::kernel::Kernel;
use opencl3::memory::{Buffer, ClMem, CL_MEM_READ_ONLY, CL_MEM_READ_WRITE};
use opencl3::program as cl;
use opencl3::types::{cl_device_id, cl_int, cl_mem, cl_program, CL_BLOCKING};
use std::ffi::CString;
use std::fs::File;
use std::path::Path;
use std::ptr;

/// OpenCL's "no error".
const CL_SUCCESS: cl_int = 0;
/// `CL_DEVICE_NOT_AVAILABLE`: of ours, only a board on a line can be that.
const NOT_AVAILABLE: cl_int = -2;

/// A file's bytes, mapped into memory: read only where it is looked at.
///
/// # Errors
/// The file cannot be opened or mapped.
pub fn map_file(path: &Path) -> std::io::Result<memmap2::Mmap> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("not a file"));
    }
    // SAFETY: the map is private and read only. Another process that truncates the file while it is mapped could
    // still end this one with a signal; model and container files are written once, by rename, and never in place.
    unsafe { memmap2::Mmap::map(&file) }
}

/// A context with one device and an in-order queue that records times.
pub struct Card {
    context: Context,
    queue: CommandQueue,
    device: cl_device_id,
}

/// A loaded container.
pub struct Program(cl_program);

/// Card memory of a known length.
pub struct CardBuffer {
    buffer: Buffer<u8>,
    bytes: usize,
}

impl CardBuffer {
    /// The memory object.
    fn get(&self) -> cl_mem {
        self.buffer.get()
    }
}

/// Why a program did not load.
pub enum ProgramError {
    /// The card does not take the binary.
    Refused(String),
    /// The call itself failed.
    Call(String),
}

/// Times of a kernel run on the card's clock, in ns.
#[derive(Clone, Copy, Debug)]
pub struct KernelTime {
    /// When it started.
    pub start_ns: u64,
    /// When it ended.
    pub end_ns: u64,
}

impl Card {
    /// Opens a device.
    ///
    /// # Errors
    /// The name of the OpenCL error.
    pub fn open(device: &Device) -> Result<Self, String> {
        let context = Context::from_device(device).map_err(|e| name(e.0))?;
        let device = device.id();
        // SAFETY: the device is the one the context was made for.
        let queue = unsafe { CommandQueue::create(&context, device, CL_QUEUE_PROFILING_ENABLE) };
        Ok(Self { queue: queue.map_err(|e| e.to_string())?, context, device })
    }

    /// Loads a container into the card and builds it.
    ///
    /// # Errors
    /// The card refuses the binary, or a call fails.
    pub fn load(&self, container: &[u8]) -> Result<Program, ProgramError> {
        let call = |e: &str| ProgramError::Call(e.into());
        let library = cl3::load_library().as_ref().map_err(|e| call(&e.to_string()))?;
        // cl3's own wrapper passes Rust slices where OpenCL wants plain pointers, and drops the status of the binary.
        let (mut status, mut error) = (CL_SUCCESS, CL_SUCCESS);
        let (length, bytes) = (container.len(), container.as_ptr());
        let program = library.clCreateProgramWithBinary(
            self.context.get(),
            1,
            &self.device,
            &length,
            &bytes,
            &mut status,
            &mut error,
        );
        let program = program.ok_or_else(|| call("the loader has no clCreateProgramWithBinary"))?;
        if error != CL_SUCCESS || program.is_null() {
            // CL_INVALID_BINARY says that the status is worth reading; it may name a reason of its own.
            let reason = if status != CL_SUCCESS { status } else { error };
            return Err(ProgramError::Refused(name(reason)));
        }
        let program = Program(program);
        if status != CL_SUCCESS {
            return Err(ProgramError::Refused(name(status)));
        }
        let options = CString::default();
        cl::build_program(program.0, &[self.device], &options, None, ptr::null_mut())
            .map_err(|e| ProgramError::Refused(name(e)))?;
        Ok(program)
    }

    /// A kernel of a program.
    ///
    /// # Errors
    /// The name of the OpenCL error: the program has no such kernel.
    pub fn kernel(&self, program: &Program, kernel: &str) -> Result<Kernel, String> {
        let kernel = CString::new(kernel).map_err(|e| e.to_string())?;
        opencl3::kernel::create_kernel(program.0, &kernel).map(Kernel::new).map_err(name)
    }

    /// Card memory of at least one byte; `written` says whether the kernel writes it.
    ///
    /// # Errors
    /// The name of the OpenCL error: not enough card memory.
    pub fn buffer(&self, bytes: usize, written: bool) -> Result<CardBuffer, String> {
        let bytes = bytes.max(1);
        let flags = if written { CL_MEM_READ_WRITE } else { CL_MEM_READ_ONLY };
        // SAFETY: no host pointer is given, so OpenCL allocates and owns the memory.
        let buffer = unsafe { Buffer::create(&self.context, flags, bytes, ptr::null_mut()) };
        Ok(CardBuffer { buffer: buffer.map_err(|e| e.to_string())?, bytes })
    }

    /// Copies `data` to the start of card memory and waits for it.
    ///
    /// # Errors
    /// `data` is longer than the buffer, or the name of the OpenCL error.
    pub fn write(&self, to: &mut CardBuffer, data: &[u8]) -> Result<(), String> {
        if data.len() > to.bytes {
            return Err(format!("{} bytes into a buffer of {}", data.len(), to.bytes));
        }
        if data.is_empty() {
            return Ok(());
        }
        // SAFETY: the length was checked, and the call blocks, so `data` outlives it.
        let done = unsafe { self.queue.enqueue_write_buffer(&mut to.buffer, CL_BLOCKING, 0, data, &[]) };
        done.map(drop).map_err(|e| e.to_string())
    }

    /// Copies the start of card memory to `data` and waits for it.
    ///
    /// # Errors
    /// `data` is longer than the buffer, or the name of the OpenCL error.
    pub fn read(&self, from: &CardBuffer, data: &mut [u8]) -> Result<(), String> {
        if data.len() > from.bytes {
            return Err(format!("{} bytes from a buffer of {}", data.len(), from.bytes));
        }
        if data.is_empty() {
            return Ok(());
        }
        // SAFETY: the length was checked, and the call blocks, so `data` outlives it.
        let done = unsafe { self.queue.enqueue_read_buffer(&from.buffer, CL_BLOCKING, 0, data, &[]) };
        done.map(drop).map_err(|e| e.to_string())
    }

    /// Gives the kernel its pointer arguments, from argument 0 on, runs it once and waits for it.
    ///
    /// # Errors
    /// The name of the OpenCL error, or of what ended the run.
    pub fn run(&self, kernel: &Kernel, arguments: &[&CardBuffer]) -> Result<KernelTime, String> {
        for (i, argument) in arguments.iter().enumerate() {
            // SAFETY: a memory object is what every argument of the kernel is, and OpenCL checks its size.
            unsafe { kernel.set_arg(i as u32, &argument.get()) }.map_err(|e| format!("argument {i}: {e}"))?;
        }
        // SAFETY: the arguments are bound, and borrowed until the run has ended.
        let event = unsafe { self.queue.enqueue_task(kernel.get(), &[]) }.map_err(|e| e.to_string())?;
        event.wait().map_err(|e| match event.command_execution_status() {
            // The wait only says that the run failed; the event knows why.
            Ok(status) if status.0 < 0 => name(status.0),
            _ => e.to_string(),
        })?;
        times(&event).map_err(|e| e.to_string())
    }
}

fn times(event: &Event) -> opencl3::Result<KernelTime> {
    Ok(KernelTime { start_ns: event.profiling_command_start()?, end_ns: event.profiling_command_end()? })
}

/// What a code means: a reason of our own driver, or the name of the OpenCL error.
fn name(code: cl_int) -> String {
    if let Some(failure) = isa::failure::failure(code) {
        return failure.what.to_string();
    }
    if code == NOT_AVAILABLE {
        return isa::failure::failure(isa::failure::LINE).map_or("CL_DEVICE_NOT_AVAILABLE", |f| f.what).to_string();
    }
    let text = opencl3::error_codes::error_text(code);
    if text == "UNKNOWN_ERROR" {
        format!("OpenCL error {code}")
    } else {
        text.to_string()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // SAFETY: this object owns one reference. A failed release at the end has no remedy and loses nothing.
        let _ = unsafe { cl::release_program(self.0) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_and_a_missing_file_are_errors_and_an_empty_file_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        assert!(map_file(folder.path()).is_err());
        assert!(map_file(&folder.path().join("none")).is_err());
        let empty = folder.path().join("empty");
        std::fs::write(&empty, b"").unwrap();
        assert_eq!(map_file(&empty).unwrap().len(), 0);
    }
}
