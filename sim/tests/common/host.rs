//! A small OpenCL host, calling the driver's functions as the loader does.

use super::stream;
use isa::command::{self as op, pack, word};
use std::ffi::c_void;
use std::path::Path;
use std::ptr::{null, null_mut};
use systole_sim::icd::api::{
    commands::*, context::*, event::*, kernel::*, memory::*, platform::*, program::*, queue::*,
};
use systole_sim::icd::cl::{self, Object};

/// A device with everything that a run needs.
pub struct Host {
    pub context: Object,
    pub device: Object,
    pub queue: Object,
    pub program: Object,
    pub kernel: Object,
}

// SAFETY: the driver may be called from any thread, and handles are only numbers.
unsafe impl Send for Host {}
// SAFETY: as above.
unsafe impl Sync for Host {}

pub fn container(cards: &Path, config: &str) -> Vec<u8> {
    std::fs::read(cards.join(config).join("card.sbit")).unwrap()
}

/// The device of a configuration, in a context.
pub fn open(cards: &Path, config: &str) -> (Object, Object) {
    std::env::set_var("SYSTOLE_CARD_DIR", cards);
    let mut platform = null_mut();
    assert_eq!(clGetPlatformIDs(1, &mut platform, null_mut()), 0);
    let mut devices = [null_mut(); 8];
    let mut count = 0;
    assert_eq!(clGetDeviceIDs(platform, cl::DEVICE_TYPE_ALL, 8, devices.as_mut_ptr(), &mut count), 0);
    let device = devices[..count as usize].iter().copied().find(|&device| {
        let mut name = [0u8; 64];
        assert_eq!(clGetDeviceInfo(device, 0x102b, 64, name.as_mut_ptr().cast(), null_mut()), 0);
        name.starts_with(format!("Systole {config}\0").as_bytes())
    });
    let device = device.unwrap_or_else(|| panic!("no device for {config}"));
    let mut status = 1;
    let context = clCreateContext(null(), 1, &device, None, null_mut(), &mut status);
    assert_eq!(status, 0);
    (device, context)
}

/// Loads a container: the program, or the call's error and the binary's status.
pub fn load(context: Object, device: Object, binary: &[u8]) -> Result<Object, (cl::Int, cl::Int)> {
    let (mut error, mut status) = (1, 1);
    let program =
        clCreateProgramWithBinary(context, 1, &device, &binary.len(), &binary.as_ptr(), &mut status, &mut error);
    if error == 0 {
        Ok(program)
    } else {
        Err((error, status))
    }
}

impl Host {
    pub fn new(cards: &Path, config: &str) -> Self {
        let (device, context) = open(cards, config);
        let program = load(context, device, &container(cards, config)).unwrap();
        assert_eq!(clBuildProgram(program, 0, null(), null(), None, null_mut()), 0);
        let mut status = 1;
        let kernel = clCreateKernel(program, c"systole_infer".as_ptr(), &mut status);
        assert_eq!(status, 0);
        let queue = clCreateCommandQueue(context, device, cl::QUEUE_PROFILING, &mut status);
        assert_eq!(status, 0);
        Self { context, device, queue, program, kernel }
    }

    /// The same device and program with a queue and a kernel of its own.
    pub fn sibling(&self) -> Self {
        let mut status = 1;
        let kernel = clCreateKernel(self.program, c"systole_infer".as_ptr(), &mut status);
        let queue = clCreateCommandQueue(self.context, self.device, cl::QUEUE_PROFILING, &mut status);
        assert_eq!(status, 0);
        Self { queue, kernel, ..*self }
    }

    pub fn buffer(&self, bytes: &[u8]) -> Object {
        let mut status = 1;
        let host = bytes.as_ptr().cast_mut().cast();
        let buffer = clCreateBuffer(self.context, cl::MEM_COPY_HOST_PTR, bytes.len(), host, &mut status);
        assert_eq!(status, 0);
        buffer
    }

    pub fn set(&self, arguments: [Object; 5]) {
        for (i, argument) in arguments.iter().enumerate() {
            assert_eq!(clSetKernelArg(self.kernel, i as u32, 8, (argument as *const Object).cast()), 0);
        }
    }

    /// Queues a run.
    pub fn start(&self) -> Object {
        let mut event = null_mut();
        assert_eq!(clEnqueueTask(self.queue, self.kernel, 0, null(), &mut event), 0);
        event
    }

    pub fn read(&self, buffer: Object, bytes: usize) -> Result<Vec<u8>, cl::Int> {
        let mut content = vec![0; bytes];
        let to: *mut c_void = content.as_mut_ptr().cast();
        match clEnqueueReadBuffer(self.queue, buffer, 1, 0, bytes, to, 0, null(), null_mut()) {
            0 => Ok(content),
            error => Err(error),
        }
    }
}

/// Waits for an event; its status.
pub fn end(event: Object) -> cl::Int {
    let waited = clWaitForEvents(1, &event);
    let mut status: cl::Int = 1;
    assert_eq!(clGetEventInfo(event, 0x11d3, 4, (&raw mut status).cast(), null_mut()), 0);
    assert_eq!(waited, if status < 0 { cl::EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST } else { 0 });
    status
}

/// A time of an event in ns.
pub fn time(event: Object, name: u32) -> u64 {
    let mut value = 0u64;
    assert_eq!(clGetEventProfilingInfo(event, name, 8, (&raw mut value).cast(), null_mut()), 0);
    value
}

/// Commands that copy `words` words of the input to the output through activation memory, and count.
pub fn copy_stream(words: i64) -> Vec<u8> {
    let put = |operation, values: &[i64]| pack(operation, values).unwrap();
    stream(&[
        put(op::L_DST, &[0, 0]),
        put(op::L_LEN, &[words - 1, 1]),
        word(op::LOAD, 0),
        word(op::WAIT, op::UNIT_LOAD),
        put(op::S_LEN, &[words - 1]),
        word(op::STORE, 0),
        word(op::MARK, 0),
        word(op::END, 0),
    ])
}
