//! The OpenCL driver, called as the loader calls it: objects, buffers, queues, events, and everything a caller may do
//! wrong. Runs of kernels are in `runs.rs`.

mod common;

use common::card_dir;
use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicI32, Ordering};
use systole_sim::icd::api::rect::*;
use systole_sim::icd::api::{
    commands::*, context::*, event::*, kernel::*, memory::*, platform::*, program::*, queue::*,
};
use systole_sim::icd::cl::{self, Object};

/// A context, its first device and a queue.
struct Setup {
    context: Object,
    device: Object,
    queue: Object,
}

fn setup(test: &str) -> Option<Setup> {
    std::env::set_var("SYSTOLE_CARD_DIR", card_dir(test)?);
    let mut platform = null_mut();
    assert_eq!(clGetPlatformIDs(1, &mut platform, null_mut()), 0);
    let mut device = null_mut();
    assert_eq!(clGetDeviceIDs(platform, cl::DEVICE_TYPE_DEFAULT, 1, &mut device, null_mut()), 0);
    let mut status = 1;
    let context = clCreateContext(null(), 1, &device, None, null_mut(), &mut status);
    assert_eq!(status, 0);
    let queue = clCreateCommandQueue(context, device, cl::QUEUE_PROFILING, &mut status);
    assert_eq!(status, 0);
    Some(Setup { context, device, queue })
}

impl Setup {
    fn buffer(&self, flags: cl::Ulong, bytes: usize) -> Object {
        let mut status = 1;
        let buffer = clCreateBuffer(self.context, flags, bytes, null_mut(), &mut status);
        assert_eq!(status, 0);
        buffer
    }

    fn write(&self, buffer: Object, offset: usize, bytes: &[u8]) -> cl::Int {
        let (from, n) = (bytes.as_ptr().cast(), bytes.len());
        clEnqueueWriteBuffer(self.queue, buffer, 1, offset, n, from, 0, null(), null_mut())
    }

    fn read(&self, buffer: Object, offset: usize, bytes: &mut [u8]) -> cl::Int {
        let (to, n) = (bytes.as_mut_ptr().cast(), bytes.len());
        clEnqueueReadBuffer(self.queue, buffer, 1, offset, n, to, 0, null(), null_mut())
    }

    fn content(&self, buffer: Object, bytes: usize) -> Vec<u8> {
        let mut content = vec![0; bytes];
        assert_eq!(self.read(buffer, 0, &mut content), 0);
        content
    }
}

/// A status that an object-making call left.
fn status_of(call: impl FnOnce(*mut cl::Int) -> Object) -> cl::Int {
    let mut status = 1;
    let object = call(&mut status);
    assert_eq!(object.is_null(), status != 0);
    status
}

fn uint(call: impl FnOnce(*mut c_void) -> cl::Int) -> u32 {
    let mut value = 0u32;
    assert_eq!(call((&raw mut value).cast()), 0);
    value
}

#[test]
fn every_call_survives_handles_that_are_null_foreign_of_another_kind_or_released() {
    let Some(s) = setup("wrong handles") else { return };
    let released = s.buffer(0, 16);
    assert_eq!(clReleaseMemObject(released), 0);
    let foreign = Box::leak(Box::new([0usize; 4])).as_mut_ptr().cast::<c_void>();
    let buffer = s.buffer(0, 16);
    let mut value = [0u8; 512];
    let v = || -> *mut c_void { null_mut() };
    let to = value.as_mut_ptr().cast::<c_void>();
    let (no, null_event) = (null::<Object>(), null_mut::<Object>());
    for bad in [null_mut(), foreign, released, s.context] {
        // A context is the wrong kind for all calls but those on contexts.
        let context = if bad == s.context { buffer } else { bad };
        assert_eq!(clGetPlatformInfo(bad, 0x0900, 0, v(), null_mut()), cl::INVALID_PLATFORM);
        assert_eq!(clGetDeviceIDs(bad, 1, 0, null_event, null_mut()), cl::INVALID_PLATFORM);
        assert_eq!(clGetDeviceInfo(bad, 0x1000, 0, v(), null_mut()), cl::INVALID_DEVICE);
        assert_eq!(clRetainDevice(bad), cl::INVALID_DEVICE);
        assert_eq!(clReleaseDevice(bad), cl::INVALID_DEVICE);
        assert_eq!(status_of(|e| clCreateContext(null(), 1, &bad, None, v(), e)), cl::INVALID_DEVICE);
        assert_eq!(clRetainContext(context), cl::INVALID_CONTEXT);
        assert_eq!(clReleaseContext(context), cl::INVALID_CONTEXT);
        assert_eq!(clGetContextInfo(context, 0x1080, 0, v(), null_mut()), cl::INVALID_CONTEXT);
        assert_eq!(status_of(|e| clCreateCommandQueue(context, s.device, 0, e)), cl::INVALID_CONTEXT);
        assert_eq!(status_of(|e| clCreateCommandQueue(s.context, bad, 0, e)), cl::INVALID_DEVICE);
        assert_eq!(clRetainCommandQueue(bad), cl::INVALID_COMMAND_QUEUE);
        assert_eq!(clReleaseCommandQueue(bad), cl::INVALID_COMMAND_QUEUE);
        assert_eq!(clGetCommandQueueInfo(bad, 0x1090, 0, v(), null_mut()), cl::INVALID_COMMAND_QUEUE);
        assert_eq!(clFlush(bad), cl::INVALID_COMMAND_QUEUE);
        assert_eq!(clFinish(bad), cl::INVALID_COMMAND_QUEUE);
        assert_eq!(status_of(|e| clCreateBuffer(context, 0, 16, v(), e)), cl::INVALID_CONTEXT);
        assert_eq!(status_of(|e| clCreateSubBuffer(bad, 0, 0x1220, &[0, 1], e)), cl::INVALID_MEM_OBJECT);
        assert_eq!(clRetainMemObject(bad), cl::INVALID_MEM_OBJECT);
        assert_eq!(clReleaseMemObject(bad), cl::INVALID_MEM_OBJECT);
        assert_eq!(clGetMemObjectInfo(bad, 0x1100, 0, v(), null_mut()), cl::INVALID_MEM_OBJECT);
        let binary = [0u8].as_ptr();
        let program = |c, d, e| clCreateProgramWithBinary(c, 1, &d, &1, &binary, null_mut(), e);
        assert_eq!(status_of(|e| program(context, s.device, e)), cl::INVALID_CONTEXT);
        assert_eq!(status_of(|e| program(s.context, bad, e)), cl::INVALID_DEVICE);
        assert_eq!(clRetainProgram(bad), cl::INVALID_PROGRAM);
        assert_eq!(clReleaseProgram(bad), cl::INVALID_PROGRAM);
        assert_eq!(clBuildProgram(bad, 0, no, null(), None, v()), cl::INVALID_PROGRAM);
        assert_eq!(clGetProgramInfo(bad, 0x1160, 0, v(), null_mut()), cl::INVALID_PROGRAM);
        assert_eq!(clGetProgramBuildInfo(bad, s.device, 0x1181, 0, v(), null_mut()), cl::INVALID_PROGRAM);
        assert_eq!(status_of(|e| clCreateKernel(bad, c"systole_infer".as_ptr(), e)), cl::INVALID_PROGRAM);
        assert_eq!(clCreateKernelsInProgram(bad, 0, null_event, null_mut()), cl::INVALID_PROGRAM);
        assert_eq!(clRetainKernel(bad), cl::INVALID_KERNEL);
        assert_eq!(clReleaseKernel(bad), cl::INVALID_KERNEL);
        assert_eq!(clSetKernelArg(bad, 0, 8, null()), cl::INVALID_KERNEL);
        assert_eq!(clGetKernelInfo(bad, 0x1190, 0, v(), null_mut()), cl::INVALID_KERNEL);
        assert_eq!(clGetKernelWorkGroupInfo(bad, v(), 0x11b0, 0, v(), null_mut()), cl::INVALID_KERNEL);
        assert_eq!(clWaitForEvents(1, &bad), cl::INVALID_EVENT);
        assert_eq!(clGetEventInfo(bad, 0x11d3, 0, v(), null_mut()), cl::INVALID_EVENT);
        assert_eq!(clRetainEvent(bad), cl::INVALID_EVENT);
        assert_eq!(clReleaseEvent(bad), cl::INVALID_EVENT);
        assert_eq!(clGetEventProfilingInfo(bad, 0x1280, 0, v(), null_mut()), cl::INVALID_EVENT);
        assert_eq!(clSetUserEventStatus(bad, 0), cl::INVALID_EVENT);
        assert_eq!(status_of(|e| clCreateUserEvent(context, e)), cl::INVALID_CONTEXT);
        let queue = cl::INVALID_COMMAND_QUEUE;
        assert_eq!(clEnqueueReadBuffer(bad, buffer, 1, 0, 16, to, 0, no, null_event), queue);
        assert_eq!(clEnqueueReadBuffer(s.queue, bad, 1, 0, 16, to, 0, no, null_event), cl::INVALID_MEM_OBJECT);
        assert_eq!(
            clEnqueueReadBuffer(s.queue, buffer, 1, 0, 16, to, 1, &bad, null_event),
            cl::INVALID_EVENT_WAIT_LIST
        );
        assert_eq!(clEnqueueCopyBuffer(s.queue, buffer, bad, 0, 0, 4, 0, no, null_event), cl::INVALID_MEM_OBJECT);
        assert_eq!(clEnqueueUnmapMemObject(s.queue, bad, to, 0, no, null_event), cl::INVALID_MEM_OBJECT);
        assert_eq!(clEnqueueTask(s.queue, bad, 0, no, null_event), cl::INVALID_KERNEL);
        assert_eq!(clEnqueueTask(bad, bad, 0, no, null_event), queue);
        assert_eq!(clEnqueueMarkerWithWaitList(bad, 0, no, null_event), queue);
    }
    assert_eq!(clReleaseMemObject(buffer), 0);
}

#[test]
fn info_is_given_whole_or_not_at_all() {
    let Some(s) = setup("info") else { return };
    let mut bytes = 0;
    assert_eq!(clGetDeviceInfo(s.device, 0x102b, 0, null_mut(), &mut bytes), 0);
    let mut name = vec![0xffu8; bytes];
    let at = name.as_mut_ptr().cast();
    assert_eq!(clGetDeviceInfo(s.device, 0x102b, bytes - 1, at, null_mut()), cl::INVALID_VALUE);
    assert_eq!(name, vec![0xff; bytes]);
    let at = name.as_mut_ptr().cast();
    assert_eq!(clGetDeviceInfo(s.device, 0x102b, bytes, at, null_mut()), 0);
    assert_eq!(name, b"Systole edge8x8\0");
    assert_eq!(clGetDeviceInfo(s.device, 0x9999, 0, null_mut(), null_mut()), cl::INVALID_VALUE);
    assert_eq!(uint(|v| clGetDeviceInfo(s.device, 0x1028, 4, v, null_mut())), 0, "there is no compiler");
    assert_eq!(uint(|v| clGetContextInfo(s.context, 0x1083, 4, v, null_mut())), 1);
    assert_eq!(uint(|v| clGetContextInfo(s.context, 0x1080, 4, v, null_mut())), 1, "references of the caller");
    assert_eq!(clRetainContext(s.context), 0);
    assert_eq!(uint(|v| clGetContextInfo(s.context, 0x1080, 4, v, null_mut())), 2);
    assert_eq!(clReleaseContext(s.context), 0);
}

#[test]
fn a_queue_keeps_its_context_valid_and_nothing_can_be_released_twice() {
    let Some(s) = setup("references") else { return };
    assert_eq!(clReleaseContext(s.context), 0);
    assert_eq!(clReleaseContext(s.context), cl::INVALID_CONTEXT);
    let mut context = null_mut::<c_void>();
    assert_eq!(clGetCommandQueueInfo(s.queue, 0x1090, 8, (&raw mut context).cast(), null_mut()), 0);
    assert_eq!(context, s.context);
    let buffer = s.buffer(0, 64);
    assert_eq!(s.write(buffer, 0, &[7; 64]), 0);
    assert_eq!(s.content(buffer, 64), [7; 64]);
    assert_eq!(clReleaseMemObject(buffer), 0);
    assert_eq!(clReleaseCommandQueue(s.queue), 0);
    // The queue was the last to refer to the context.
    assert_eq!(clRetainContext(s.context), cl::INVALID_CONTEXT);
}

#[test]
fn buffers_are_written_filled_copied_and_bounds_are_kept() {
    let Some(s) = setup("buffers") else { return };
    let (a, b) = (s.buffer(0, 100), s.buffer(cl::MEM_READ_ONLY, 100));
    let no = null::<Object>();
    assert_eq!(s.write(a, 10, &[1, 2, 3]), 0);
    assert_eq!(clEnqueueFillBuffer(s.queue, a, [8u8, 9].as_ptr().cast(), 2, 50, 50, 0, no, null_mut()), 0);
    assert_eq!(clEnqueueCopyBuffer(s.queue, a, b, 10, 0, 90, 0, no, null_mut()), 0);
    let content = s.content(b, 100);
    assert_eq!(content[..4], [1, 2, 3, 0]);
    assert_eq!(content[40..90], [8, 9].repeat(25));
    assert_eq!(content[90..], [0; 10]);

    assert_eq!(s.write(a, 98, &[0; 3]), cl::INVALID_VALUE);
    assert_eq!(s.write(a, usize::MAX, &[0; 3]), cl::INVALID_VALUE);
    assert_eq!(s.read(a, 0, &mut []), cl::INVALID_VALUE);
    assert_eq!(clEnqueueReadBuffer(s.queue, a, 1, 0, 1, null_mut(), 0, no, null_mut()), cl::INVALID_VALUE);
    assert_eq!(clEnqueueCopyBuffer(s.queue, a, a, 0, 5, 10, 0, no, null_mut()), cl::MEM_COPY_OVERLAP);
    assert_eq!(
        clEnqueueFillBuffer(s.queue, a, [0u8; 3].as_ptr().cast(), 3, 0, 3, 0, no, null_mut()),
        cl::INVALID_VALUE
    );
    let hidden = s.buffer(cl::MEM_HOST_NO_ACCESS, 16);
    assert_eq!(s.write(hidden, 0, &[1]), cl::INVALID_OPERATION);
    for (flags, bytes, expected) in [
        (0, 0, cl::INVALID_BUFFER_SIZE),
        (0, usize::MAX, cl::INVALID_BUFFER_SIZE),
        (cl::MEM_READ_ONLY | cl::MEM_WRITE_ONLY, 16, cl::INVALID_VALUE),
        (1 << 40, 16, cl::INVALID_VALUE),
        (cl::MEM_COPY_HOST_PTR, 16, cl::INVALID_HOST_PTR),
    ] {
        assert_eq!(status_of(|e| clCreateBuffer(s.context, flags, bytes, null_mut(), e)), expected);
    }
    for buffer in [a, b, hidden] {
        assert_eq!(clReleaseMemObject(buffer), 0);
    }
}

#[test]
fn boxes_of_bytes_are_read_written_and_copied_within_their_bounds() {
    let Some(s) = setup("boxes") else { return };
    let no = null::<Object>();
    // Two slices of four rows of eight bytes, each byte its own address.
    let all: Vec<u8> = (0..64).collect();
    let (a, b) = (s.buffer(0, 64), s.buffer(0, 64));
    assert_eq!(s.write(a, 0, &all), 0);
    let mut part = [0u8; 12];
    let read = |origin: [usize; 3], size: [usize; 3], row, slice, to: &mut [u8]| {
        let to = to.as_mut_ptr().cast();
        clEnqueueReadBufferRect(s.queue, a, 1, &origin, &[0; 3], &size, row, slice, 0, 0, to, 0, no, null_mut())
    };
    assert_eq!(read([2, 1, 0], [3, 2, 2], 8, 32, &mut part), 0);
    assert_eq!(part, [10, 11, 12, 18, 19, 20, 42, 43, 44, 50, 51, 52]);
    assert_eq!(read([2, 1, 1], [3, 2, 2], 8, 32, &mut part), cl::INVALID_VALUE, "behind the end");
    assert_eq!(read([0; 3], [3, 0, 2], 8, 32, &mut part), cl::INVALID_VALUE, "empty");
    assert_eq!(read([0; 3], [3, 2, 2], 2, 32, &mut part), cl::INVALID_VALUE, "rows shorter than the box");
    assert_eq!(read([0; 3], [3, 2, 2], 8, 33, &mut part), cl::INVALID_VALUE, "slices of no whole rows");
    assert_eq!(read([usize::MAX; 3], [3, 2, 2], 8, 32, &mut part), cl::INVALID_VALUE);

    let copy = |from, to, at: [usize; 3]| {
        clEnqueueCopyBufferRect(s.queue, from, to, &[2, 1, 0], &at, &[3, 2, 2], 8, 32, 8, 32, 0, no, null_mut())
    };
    assert_eq!(copy(a, b, [0; 3]), 0);
    assert_eq!(copy(a, a, [0, 2, 0]), cl::MEM_COPY_OVERLAP);
    assert_eq!(copy(a, a, [5, 1, 0]), 0, "beside each other in the same rows");
    let content = s.content(b, 64);
    assert_eq!(
        (&content[..4], &content[8..11], &content[40..43]),
        (&[10, 11, 12, 0][..], &[18, 19, 20][..], &[50, 51, 52][..])
    );

    let from = part.as_ptr().cast();
    let write = clEnqueueWriteBufferRect(
        s.queue,
        b,
        1,
        &[5, 0, 1],
        &[0, 1, 0],
        &[3, 1, 1],
        8,
        32,
        3,
        6,
        from,
        0,
        no,
        null_mut(),
    );
    assert_eq!(write, 0);
    assert_eq!(s.content(b, 64)[37..40], [18, 19, 20]);
}

#[test]
fn a_hundred_thousand_commands_leave_nothing_behind() {
    let Some(s) = setup("many commands") else { return };
    let resident = || -> usize {
        let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0) * 4096
    };
    let commands = |n: usize| {
        for i in 0..n {
            let buffer = s.buffer(0, 64);
            let mut event = null_mut();
            let from = (&raw const i).cast();
            assert_eq!(clEnqueueWriteBuffer(s.queue, buffer, 0, 0, 8, from, 0, null(), &mut event), 0);
            assert_eq!(clWaitForEvents(1, &event), 0);
            assert_eq!(clReleaseEvent(event), 0);
            assert_eq!(clReleaseMemObject(buffer), 0);
        }
    };
    commands(20_000);
    let before = resident();
    commands(100_000);
    let grown = resident().saturating_sub(before);
    // Other tests run beside this one and need some; a leak of one event would be a multiple of this.
    assert!(grown < 8 << 20, "{grown} bytes more after 100,000 commands");
}

#[test]
fn card_memory_is_finite_and_comes_back() {
    let Some(s) = setup("card memory") else { return };
    let mut largest = 0u64;
    assert_eq!(clGetDeviceInfo(s.device, 0x1010, 8, (&raw mut largest).cast(), null_mut()), 0);
    // Other tests have small buffers on the same card.
    let half = largest as usize / 2;
    for _ in 0..3 {
        let first = s.buffer(0, half);
        assert_eq!(
            status_of(|e| clCreateBuffer(s.context, 0, largest as usize - half + 1, null_mut(), e)),
            cl::MEM_OBJECT_ALLOCATION_FAILURE
        );
        assert_eq!(clReleaseMemObject(first), 0);
    }
}

#[test]
fn maps_and_parts_of_a_buffer_show_its_bytes_and_take_new_ones() {
    let Some(s) = setup("maps") else { return };
    let no = null::<Object>();
    let map = |buffer, flags, offset, bytes, e| {
        clEnqueueMapBuffer(s.queue, buffer, 1, flags, offset, bytes, 0, no, null_mut(), e)
    };
    let buffer = s.buffer(0, 8192);
    assert_eq!(s.write(buffer, 4096, &[5; 16]), 0);
    let part = {
        let mut status = 1;
        let part = clCreateSubBuffer(buffer, 0, 0x1220, &[4096, 64], &mut status);
        assert_eq!(status, 0);
        part
    };
    assert_eq!(s.content(part, 16), [5; 16]);
    let at = map(part, cl::MAP_READ | cl::MAP_WRITE, 8, 16, null_mut());
    assert!(at.is_aligned());
    // SAFETY: mapped for reading and writing, 16 bytes.
    let bytes = unsafe { std::slice::from_raw_parts_mut(at.cast::<u8>(), 16) };
    assert_eq!(bytes[..8], [5; 8]);
    bytes.fill(9);
    assert_eq!(uint(|v| clGetMemObjectInfo(part, 0x1104, 4, v, null_mut())), 1);
    assert_eq!(clEnqueueUnmapMemObject(s.queue, part, at, 0, no, null_mut()), 0);
    assert_eq!(clEnqueueUnmapMemObject(s.queue, part, at, 0, no, null_mut()), cl::INVALID_VALUE);
    assert_eq!(s.content(buffer, 8192)[4096..4128], [[5; 8].as_slice(), &[9; 16], &[0; 8]].concat());
    assert_eq!(status_of(|e| map(buffer, cl::MAP_READ, 8000, 193, e)), cl::INVALID_VALUE);
    assert_eq!(status_of(|e| map(buffer, 64, 0, 1, e)), cl::INVALID_VALUE);
    for (region, expected) in [
        ([1, 64], cl::MISALIGNED_SUB_BUFFER_OFFSET),
        ([4096, 0], cl::INVALID_BUFFER_SIZE),
        ([4096, 4097], cl::INVALID_VALUE),
        ([usize::MAX, 2], cl::INVALID_VALUE),
    ] {
        assert_eq!(status_of(|e| clCreateSubBuffer(buffer, 0, 0x1220, &region, e)), expected);
    }
    assert_eq!(status_of(|e| clCreateSubBuffer(part, 0, 0x1220, &[0, 1], e)), cl::INVALID_MEM_OBJECT);

    // The caller's own memory is what a map of such a buffer gives.
    let mut own = [3u8; 32];
    let used = clCreateBuffer(s.context, cl::MEM_USE_HOST_PTR, 32, own.as_mut_ptr().cast(), null_mut());
    assert_eq!(s.content(used, 32), [3; 32]);
    assert_eq!(s.write(used, 0, &[4; 32]), 0);
    assert_eq!(map(used, cl::MAP_READ, 8, 8, null_mut()), own.as_mut_ptr().wrapping_add(8).cast());
    assert_eq!(own[8..16], [4; 8]);
    for object in [part, buffer, used] {
        assert_eq!(clReleaseMemObject(object), 0);
    }
}

extern "C" fn note(_event: *mut c_void, status: i32, place: *mut c_void) {
    // SAFETY: `place` is the atomic of the test below.
    unsafe { &*place.cast::<AtomicI32>() }.store(status, Ordering::SeqCst);
}

#[test]
fn commands_wait_for_user_events_in_order_and_fail_with_them() {
    let Some(s) = setup("user events") else { return };
    let no = null::<Object>();
    let buffer = s.buffer(0, 16);
    let mut status = 1;
    let gate = clCreateUserEvent(s.context, &mut status);
    assert_eq!(status, 0);
    let data = [1u8; 16];
    let (mut write, mut read) = (null_mut(), null_mut());
    let mut target = [0u8; 16];
    let from = data.as_ptr().cast();
    assert_eq!(clEnqueueWriteBuffer(s.queue, buffer, 0, 0, 16, from, 1, &gate, &mut write), 0);
    let to = target.as_mut_ptr().cast();
    assert_eq!(clEnqueueReadBuffer(s.queue, buffer, 0, 0, 16, to, 0, no, &mut read), 0);
    let event_status = |event| uint(|v| clGetEventInfo(event, 0x11d3, 4, v, null_mut())) as cl::Int;
    assert!(event_status(write) > 0 && event_status(read) > 0);
    let mut time = 0u64;
    let profile =
        |event, name, time: &mut u64| clGetEventProfilingInfo(event, name, 8, (time as *mut u64).cast(), null_mut());
    assert_eq!(profile(read, 0x1283, &mut time), cl::PROFILING_INFO_NOT_AVAILABLE);
    static CALLED: AtomicI32 = AtomicI32::new(99);
    let place = (&raw const CALLED).cast_mut().cast();
    assert_eq!(clSetEventCallback(read, cl::COMPLETE, Some(note), place), 0);
    assert_eq!(clSetUserEventStatus(gate, 1), cl::INVALID_VALUE);
    assert_eq!(clSetUserEventStatus(write, 0), cl::INVALID_EVENT);
    assert_eq!(clSetUserEventStatus(gate, 0), 0);
    assert_eq!(clSetUserEventStatus(gate, 0), cl::INVALID_OPERATION);
    assert_eq!(clWaitForEvents(2, [write, read].as_ptr()), 0);
    assert_eq!(clFinish(s.queue), 0);
    assert_eq!(target, [1; 16]);
    assert_eq!(CALLED.load(Ordering::SeqCst), 0);
    let times: Vec<u64> = [write, read]
        .into_iter()
        .flat_map(|event| (0x1280..0x1284).map(move |name| (event, name)))
        .map(|(event, name)| {
            assert_eq!(profile(event, name, &mut time), 0);
            time
        })
        .collect();
    assert!(times[..4].is_sorted() && times[4..].is_sorted(), "{times:?}");
    assert!(times[7] > times[6] && times[6] >= times[3], "{times:?}");

    // A gate that fails takes what waits for it along, until the caller has been told.
    let gate = clCreateUserEvent(s.context, &mut status);
    assert_eq!(clEnqueueWriteBuffer(s.queue, buffer, 0, 0, 16, from, 1, &gate, &mut write), 0);
    assert_eq!(clEnqueueMarkerWithWaitList(s.queue, 0, no, &mut read), 0);
    assert_eq!(clSetUserEventStatus(gate, -77), 0);
    assert_eq!(clFinish(s.queue), cl::OUT_OF_RESOURCES);
    assert_eq!(clWaitForEvents(1, &read), cl::EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST);
    assert_eq!(event_status(write), cl::EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST);
    assert_eq!(s.content(buffer, 16), [1; 16]);
    assert_eq!(clWaitForEvents(0, no), cl::INVALID_VALUE);
}

#[test]
fn queues_and_contexts_refuse_what_the_card_does_not_have() {
    let Some(s) = setup("queue properties") else { return };
    assert_eq!(status_of(|e| clCreateCommandQueue(s.context, s.device, 1, e)), cl::INVALID_QUEUE_PROPERTIES);
    assert_eq!(status_of(|e| clCreateCommandQueue(s.context, s.device, 64, e)), cl::INVALID_VALUE);
    let with = |list: &[u64]| status_of(|e| clCreateCommandQueueWithProperties(s.context, s.device, list.as_ptr(), e));
    assert_eq!(with(&[0x1093, 2, 0]), 0);
    assert_eq!(with(&[0x1093, 1, 0]), cl::INVALID_QUEUE_PROPERTIES);
    assert_eq!(with(&[0x7777, 1, 0]), cl::INVALID_VALUE);
    let device = [s.device];
    let context =
        |list: &[usize]| status_of(|e| clCreateContext(list.as_ptr(), 1, device.as_ptr(), None, null_mut(), e));
    assert_eq!(context(&[0x1084, 0, 0]), cl::INVALID_PLATFORM);
    assert_eq!(context(&[0x1085, 0, 0x1085, 0, 0]), cl::INVALID_PROPERTY);
    assert_eq!(status_of(|e| clCreateContext(null(), 0, device.as_ptr(), None, null_mut(), e)), cl::INVALID_VALUE);
    assert_eq!(status_of(|e| clCreateContextFromType(null(), 4, None, null_mut(), e)), cl::DEVICE_NOT_FOUND);
    assert_eq!(status_of(|e| clCreateContextFromType(null(), 1 << 20, None, null_mut(), e)), cl::INVALID_DEVICE_TYPE);
}
