//! Commands for queues.

use super::{entries, wait_list};
use crate::icd::cl;
use crate::icd::handle::{find, publish, Kind, Ref};
use crate::icd::objects::{lock, Buffer, Command, Device, Event, Kernel, Launch, Mapping, Progress, Queue};
use crate::raw::pointers::{self as raw, HostMemory};
use isa::failure;
use std::ffi::c_void;
use std::sync::Arc;

/// Count and events, as the caller gives them.
pub type WaitList = (cl::Uint, *const cl::Object);

/// Appends a command whose work takes `work`, with an event for the caller if it wants one.
fn enqueue(
    queue: &Ref<Queue>,
    command: cl::Uint,
    (count, events): WaitList,
    event: *mut cl::Object,
    work: impl FnOnce(&Device) -> (u64, Result<u64, (cl::Int, u64)>) + Send + 'static,
) -> Result<Arc<Progress>, cl::Int> {
    let waits = wait_list(&queue.context, count, events)?;
    let progress = Progress::queued(queue.device.now());
    if !event.is_null() {
        let (context, queue) = (queue.context.clone(), Some(queue.clone()));
        raw::write(event, publish(Arc::new(Event { context, queue, command, progress: progress.clone() })));
    }
    queue.push(Command { waits, progress: progress.clone(), work: Box::new(work) });
    Ok(progress)
}

/// Appends a command, as `enqueue` does, for work that moves `bytes` bytes and cannot fail.
pub fn transfer(
    queue: &Ref<Queue>,
    command: cl::Uint,
    waits: WaitList,
    event: *mut cl::Object,
    bytes: usize,
    work: impl FnOnce() + Send + 'static,
) -> Result<Arc<Progress>, cl::Int> {
    enqueue(queue, command, waits, event, move |device| {
        let start = device.now();
        work();
        (start, Ok(device.transfer_cycles(bytes)))
    })
}

/// Waits if the caller wants it.
pub fn block(blocking: cl::Bool, progress: &Progress) -> Result<(), cl::Int> {
    if blocking != 0 && progress.wait() < 0 {
        progress.mark_seen();
        return Err(cl::EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST);
    }
    Ok(())
}

/// A buffer of the queue's context.
pub fn buffer_of(queue: &Queue, buffer: cl::Object) -> Result<Ref<Buffer>, cl::Int> {
    let buffer = Ref::<Buffer>::to(buffer)?;
    (buffer.context.handle() == queue.context.handle()).then_some(buffer).ok_or(cl::INVALID_CONTEXT)
}

/// A buffer of the queue's context with room for the region; `refused` are flags that forbid the access.
fn region(
    queue: &Queue,
    buffer: cl::Object,
    offset: usize,
    bytes: usize,
    refused: cl::Ulong,
) -> Result<Ref<Buffer>, cl::Int> {
    let buffer = buffer_of(queue, buffer)?;
    if bytes == 0 || !buffer.holds(offset, bytes) {
        return Err(cl::INVALID_VALUE);
    }
    (buffer.flags & refused == 0).then_some(buffer).ok_or(cl::INVALID_OPERATION)
}

/// The kernel with its arguments as they are now: what the caller sets later is for later runs.
fn launch(
    queue: cl::Object,
    kernel: cl::Object,
    command: cl::Uint,
    waits: WaitList,
    event: *mut cl::Object,
) -> Result<(), cl::Int> {
    let queue = Ref::<Queue>::to(queue)?;
    let kernel = Ref::<Kernel>::to(kernel)?;
    if kernel.program.context.handle() != queue.context.handle() {
        return Err(cl::INVALID_CONTEXT);
    }
    if kernel.program.device.handle() != queue.device.handle() {
        return Err(cl::INVALID_PROGRAM_EXECUTABLE);
    }
    let buffers: Option<Vec<Option<Ref<Buffer>>>> = lock(&kernel.arguments).iter().cloned().collect();
    let buffers = buffers.ok_or(cl::INVALID_KERNEL_ARGS)?;
    let context = queue.context.clone();
    enqueue(&queue, command, waits, event, move |device| {
        let arguments = buffers.iter().map(|b| b.as_ref().map(|b| b.object().clone())).collect();
        let read_latency_cycles = kernel.program.manifest.memory.read_latency_cycles;
        let (start, result) = device.run(&Launch { kernel: kernel.kernel, arguments, read_latency_cycles });
        let result = result.map_err(|(error, cycles)| {
            context.tell(&error.to_string());
            (if error.code < 0 { error.code } else { failure::SIMULATOR }, cycles)
        });
        (start, result)
    })
    .map(drop)
}

/// `count` sizes that must each be `value`; null stands for that.
fn all_are(sizes: *const usize, count: cl::Uint, value: usize) -> bool {
    raw::read_many(sizes, count as usize).is_none_or(|s| s.iter().all(|&v| v == value))
}

fn nothing(queue: cl::Object, command: cl::Uint, waits: WaitList, event: *mut cl::Object) -> Result<(), cl::Int> {
    let queue = Ref::<Queue>::to(queue)?;
    transfer(&queue, command, waits, event, 0, || ()).map(drop)
}

entries! {
    fn clEnqueueReadBuffer(
        queue: cl::Object, buffer: cl::Object, blocking: cl::Bool, offset: usize, bytes: usize, to: *mut c_void,
        count: cl::Uint, events: *const cl::Object, event: *mut cl::Object,
    ) -> status {
        let queue = Ref::<Queue>::to(queue)?;
        let buffer = region(&queue, buffer, offset, bytes, cl::MEM_HOST_WRITE_ONLY | cl::MEM_HOST_NO_ACCESS)?;
        let to = HostMemory::new(to).ok_or(cl::INVALID_VALUE)?;
        let from = buffer.origin + offset;
        let progress = transfer(&queue, cl::COMMAND_READ_BUFFER, (count, events), event, bytes, move || {
            to.put(&lock(&buffer.storage.bytes)[from..from + bytes]);
        })?;
        block(blocking, &progress)
    }

    fn clEnqueueWriteBuffer(
        queue: cl::Object, buffer: cl::Object, blocking: cl::Bool, offset: usize, bytes: usize, from: *const c_void,
        count: cl::Uint, events: *const cl::Object, event: *mut cl::Object,
    ) -> status {
        let queue = Ref::<Queue>::to(queue)?;
        let buffer = region(&queue, buffer, offset, bytes, cl::MEM_HOST_READ_ONLY | cl::MEM_HOST_NO_ACCESS)?;
        let from = HostMemory::new(from).ok_or(cl::INVALID_VALUE)?;
        let to = buffer.origin + offset;
        let progress = transfer(&queue, cl::COMMAND_WRITE_BUFFER, (count, events), event, bytes, move || {
            from.get(&mut lock(&buffer.storage.bytes)[to..to + bytes]);
        })?;
        block(blocking, &progress)
    }

    fn clEnqueueFillBuffer(
        queue: cl::Object, buffer: cl::Object, pattern: *const c_void, pattern_bytes: usize, offset: usize,
        bytes: usize, count: cl::Uint, events: *const cl::Object, event: *mut cl::Object,
    ) -> status {
        let queue = Ref::<Queue>::to(queue)?;
        let buffer = region(&queue, buffer, offset, bytes, 0)?;
        if !pattern_bytes.is_power_of_two() || pattern_bytes > 128 || !(offset | bytes).is_multiple_of(pattern_bytes) {
            return Err(cl::INVALID_VALUE);
        }
        let pattern = raw::read_many(pattern.cast::<u8>(), pattern_bytes).ok_or(cl::INVALID_VALUE)?;
        let to = buffer.origin + offset;
        transfer(&queue, cl::COMMAND_FILL_BUFFER, (count, events), event, bytes, move || {
            for part in lock(&buffer.storage.bytes)[to..to + bytes].chunks_exact_mut(pattern.len()) {
                part.copy_from_slice(&pattern);
            }
        })
        .map(drop)
    }

    fn clEnqueueCopyBuffer(
        queue: cl::Object, from: cl::Object, to: cl::Object, from_offset: usize, to_offset: usize, bytes: usize,
        count: cl::Uint, events: *const cl::Object, event: *mut cl::Object,
    ) -> status {
        let queue = Ref::<Queue>::to(queue)?;
        let from = region(&queue, from, from_offset, bytes, 0)?;
        let to = region(&queue, to, to_offset, bytes, 0)?;
        let (source, target) = (from.origin + from_offset, to.origin + to_offset);
        let same = Arc::ptr_eq(&from.storage, &to.storage);
        if same && source.abs_diff(target) < bytes {
            return Err(cl::MEM_COPY_OVERLAP);
        }
        transfer(&queue, cl::COMMAND_COPY_BUFFER, (count, events), event, bytes, move || {
            if same {
                lock(&from.storage.bytes).copy_within(source..source + bytes, target);
            } else {
                // One lock after the other: two at once would need an order.
                let copy = lock(&from.storage.bytes)[source..source + bytes].to_vec();
                lock(&to.storage.bytes)[target..target + bytes].copy_from_slice(&copy);
            }
        })
        .map(drop)
    }

    fn clEnqueueMapBuffer(
        queue: cl::Object, buffer: cl::Object, blocking: cl::Bool, flags: cl::Ulong, offset: usize, bytes: usize,
        count: cl::Uint, events: *const cl::Object, event: *mut cl::Object,
    ) -> object {
        let queue = Ref::<Queue>::to(queue)?;
        let writes = flags & (cl::MAP_WRITE | cl::MAP_WRITE_INVALIDATE) != 0;
        let known = flags & !(cl::MAP_READ | cl::MAP_WRITE | cl::MAP_WRITE_INVALIDATE) == 0;
        if !known || (flags & cl::MAP_WRITE_INVALIDATE != 0 && flags != cl::MAP_WRITE_INVALIDATE) {
            return Err(cl::INVALID_VALUE);
        }
        let mut refused = cl::MEM_HOST_NO_ACCESS;
        refused |= if writes { cl::MEM_HOST_READ_ONLY } else { 0 };
        refused |= if flags & cl::MAP_READ != 0 { cl::MEM_HOST_WRITE_ONLY } else { 0 };
        let buffer = region(&queue, buffer, offset, bytes, refused)?;
        let from = buffer.origin + offset;
        let mut memory = None;
        let pointer = match buffer.host {
            Some(host) => host.offset(offset),
            None => {
                // Words of 16 bytes, for the alignment that the standard promises.
                let mut words: Vec<u128> = Vec::new();
                words.try_reserve_exact(bytes.div_ceil(16)).map_err(|_| cl::OUT_OF_HOST_MEMORY)?;
                words.resize(bytes.div_ceil(16), 0);
                let words = memory.insert(words);
                HostMemory::new(words.as_mut_ptr().cast()).ok_or(cl::OUT_OF_HOST_MEMORY)?
            }
        };
        wait_list(&queue.context, count, events)?;
        lock(&buffer.mappings).push(Mapping { pointer, offset: from, bytes, written: writes, memory });
        let progress = transfer(&queue, cl::COMMAND_MAP_BUFFER, (count, events), event, bytes, move || {
            pointer.put(&lock(&buffer.storage.bytes)[from..from + bytes]);
        })?;
        block(blocking, &progress)?;
        Ok(pointer.pointer())
    }

    fn clEnqueueUnmapMemObject(
        queue: cl::Object, buffer: cl::Object, mapped: *mut c_void, count: cl::Uint, events: *const cl::Object,
        event: *mut cl::Object,
    ) -> status {
        let queue = Ref::<Queue>::to(queue)?;
        let buffer = buffer_of(&queue, buffer)?;
        wait_list(&queue.context, count, events)?;
        let mapping = {
            let mut mappings = lock(&buffer.mappings);
            let at = mappings.iter().position(|m| Some(m.pointer) == HostMemory::new(mapped));
            mappings.remove(at.ok_or(cl::INVALID_VALUE)?)
        };
        let bytes = if mapping.written { mapping.bytes } else { 0 };
        transfer(&queue, cl::COMMAND_UNMAP_MEM_OBJECT, (count, events), event, bytes, move || {
            if mapping.written {
                let range = mapping.offset..mapping.offset + mapping.bytes;
                mapping.pointer.get(&mut lock(&buffer.storage.bytes)[range]);
            }
            // The memory of the mapping goes here, after its last use.
            drop(mapping);
        })
        .map(drop)
    }

    fn clEnqueueMigrateMemObjects(
        queue: cl::Object, buffers: cl::Uint, list: *const cl::Object, flags: cl::Ulong, count: cl::Uint,
        events: *const cl::Object, event: *mut cl::Object,
    ) -> status {
        let list = raw::read_many(list, buffers as usize).filter(|l| !l.is_empty()).ok_or(cl::INVALID_VALUE)?;
        if flags & !3 != 0 {
            return Err(cl::INVALID_VALUE);
        }
        list.into_iter().try_for_each(|b| find::<Buffer>(b).map(drop))?;
        nothing(queue, cl::COMMAND_MIGRATE_MEM_OBJECTS, (count, events), event)
    }

    fn clEnqueueTask(
        queue: cl::Object, kernel: cl::Object, count: cl::Uint, events: *const cl::Object, event: *mut cl::Object,
    ) -> status {
        launch(queue, kernel, cl::COMMAND_TASK, (count, events), event)
    }

    fn clEnqueueNDRangeKernel(
        queue: cl::Object, kernel: cl::Object, dimensions: cl::Uint, offset: *const usize, global: *const usize,
        local: *const usize, count: cl::Uint, events: *const cl::Object, event: *mut cl::Object,
    ) -> status {
        find::<Queue>(queue)?;
        find::<Kernel>(kernel)?;
        if !(1..=3).contains(&dimensions) {
            return Err(cl::INVALID_WORK_DIMENSION);
        }
        // The kernel is one work item; a greater range would be a silent misunderstanding.
        if global.is_null() || !all_are(global, dimensions, 1) {
            return Err(cl::INVALID_GLOBAL_WORK_SIZE);
        }
        if !all_are(offset, dimensions, 0) {
            return Err(cl::INVALID_GLOBAL_OFFSET);
        }
        if !all_are(local, dimensions, 1) {
            return Err(cl::INVALID_WORK_GROUP_SIZE);
        }
        launch(queue, kernel, cl::COMMAND_NDRANGE_KERNEL, (count, events), event)
    }

    fn clEnqueueMarkerWithWaitList(
        queue: cl::Object, count: cl::Uint, events: *const cl::Object, event: *mut cl::Object,
    ) -> status {
        nothing(queue, cl::COMMAND_MARKER, (count, events), event)
    }

    fn clEnqueueBarrierWithWaitList(
        queue: cl::Object, count: cl::Uint, events: *const cl::Object, event: *mut cl::Object,
    ) -> status {
        nothing(queue, cl::COMMAND_BARRIER, (count, events), event)
    }

    fn clEnqueueMarker(queue: cl::Object, event: *mut cl::Object) -> status {
        find::<Queue>(queue)?;
        if event.is_null() {
            return Err(cl::INVALID_VALUE);
        }
        nothing(queue, cl::COMMAND_MARKER, (0, std::ptr::null()), event)
    }

    fn clEnqueueBarrier(queue: cl::Object) -> status {
        nothing(queue, cl::COMMAND_BARRIER, (0, std::ptr::null()), std::ptr::null_mut())
    }

    fn clEnqueueWaitForEvents(queue: cl::Object, count: cl::Uint, events: *const cl::Object) -> status {
        find::<Queue>(queue)?;
        if count == 0 || events.is_null() {
            return Err(cl::INVALID_VALUE);
        }
        let code = |e| if e == cl::INVALID_EVENT_WAIT_LIST { Event::INVALID } else { e };
        nothing(queue, cl::COMMAND_MARKER, (count, events), std::ptr::null_mut()).map_err(code)
    }
}
