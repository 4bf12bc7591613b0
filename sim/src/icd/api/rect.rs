//! Commands on boxes of bytes: parts of rows, of a number of rows, of a number of slices.

use super::commands::{block, buffer_of, transfer};
use super::entries;
use crate::icd::cl;
use crate::icd::handle::Ref;
use crate::icd::objects::{lock, Buffer, Queue};
use crate::raw::pointers::{self as raw, HostMemory};
use std::ffi::c_void;

/// Where a box lies in a buffer or in the caller's memory, in bytes.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    row: usize,
    slice: usize,
}

/// A box: bytes of a row, rows, slices.
type Size = [usize; 3];

impl Place {
    /// From what the caller says: an origin in bytes, rows and slices, and the pitches, where 0 means "no gap".
    fn new(origin: *const Size, size: Size, row: usize, slice: usize) -> Result<Self, cl::Int> {
        let [x, y, z] = raw::read(origin).ok_or(cl::INVALID_VALUE)?;
        let row = if row == 0 { size[0] } else { row };
        let tight = row.checked_mul(size[1]).ok_or(cl::INVALID_VALUE)?;
        let slice = if slice == 0 { tight } else { slice };
        if row < size[0] || slice < tight || slice % row != 0 {
            return Err(cl::INVALID_VALUE);
        }
        let part = |count: usize, pitch: usize| count.checked_mul(pitch);
        let start = part(y, row).zip(part(z, slice)).and_then(|(y, z)| x.checked_add(y)?.checked_add(z));
        Ok(Self { start: start.ok_or(cl::INVALID_VALUE)?, row, slice })
    }

    /// First byte behind the box.
    fn end(&self, size: Size) -> Option<usize> {
        let rows = (size[1] - 1).checked_mul(self.row)?;
        let slices = (size[2] - 1).checked_mul(self.slice)?;
        self.start.checked_add(rows)?.checked_add(slices)?.checked_add(size[0])
    }

    /// Starts of its rows.
    fn rows(self, size: Size) -> impl Iterator<Item = usize> {
        (0..size[2]).flat_map(move |z| (0..size[1]).map(move |y| self.start + z * self.slice + y * self.row))
    }
}

fn size_of_box(region: *const Size) -> Result<Size, cl::Int> {
    raw::read(region).filter(|size| !size.contains(&0)).ok_or(cl::INVALID_VALUE)
}

/// The buffer, if it holds the box.
fn holding(
    queue: &Queue,
    buffer: cl::Object,
    place: Place,
    size: Size,
    refused: cl::Ulong,
) -> Result<Ref<Buffer>, cl::Int> {
    let buffer = buffer_of(queue, buffer)?;
    if place.end(size).is_none_or(|end| end > buffer.size) {
        return Err(cl::INVALID_VALUE);
    }
    (buffer.flags & refused == 0).then_some(buffer).ok_or(cl::INVALID_OPERATION)
}

fn bytes_of(size: Size) -> usize {
    size.iter().product()
}

entries! {
    fn clEnqueueReadBufferRect(
        queue: cl::Object, buffer: cl::Object, blocking: cl::Bool, origin: *const Size, host_origin: *const Size,
        region: *const Size, row: usize, slice: usize, host_row: usize, host_slice: usize, to: *mut c_void,
        count: cl::Uint, events: *const cl::Object, event: *mut cl::Object,
    ) -> status {
        let queue = Ref::<Queue>::to(queue)?;
        let size = size_of_box(region)?;
        let (from, target) = (Place::new(origin, size, row, slice)?, Place::new(host_origin, size, host_row, host_slice)?);
        target.end(size).ok_or(cl::INVALID_VALUE)?;
        let buffer = holding(&queue, buffer, from, size, cl::MEM_HOST_WRITE_ONLY | cl::MEM_HOST_NO_ACCESS)?;
        let to = HostMemory::new(to).ok_or(cl::INVALID_VALUE)?;
        let progress = transfer(&queue, cl::COMMAND_READ_BUFFER_RECT, (count, events), event, bytes_of(size), move || {
            let bytes = lock(&buffer.storage.bytes);
            for (a, b) in from.rows(size).zip(target.rows(size)) {
                to.offset(b).put(&bytes[buffer.origin + a..][..size[0]]);
            }
        })?;
        block(blocking, &progress)
    }

    fn clEnqueueWriteBufferRect(
        queue: cl::Object, buffer: cl::Object, blocking: cl::Bool, origin: *const Size, host_origin: *const Size,
        region: *const Size, row: usize, slice: usize, host_row: usize, host_slice: usize, from: *const c_void,
        count: cl::Uint, events: *const cl::Object, event: *mut cl::Object,
    ) -> status {
        let queue = Ref::<Queue>::to(queue)?;
        let size = size_of_box(region)?;
        let (to, source) = (Place::new(origin, size, row, slice)?, Place::new(host_origin, size, host_row, host_slice)?);
        source.end(size).ok_or(cl::INVALID_VALUE)?;
        let buffer = holding(&queue, buffer, to, size, cl::MEM_HOST_READ_ONLY | cl::MEM_HOST_NO_ACCESS)?;
        let from = HostMemory::new(from).ok_or(cl::INVALID_VALUE)?;
        let progress = transfer(&queue, cl::COMMAND_WRITE_BUFFER_RECT, (count, events), event, bytes_of(size), move || {
            let mut bytes = lock(&buffer.storage.bytes);
            for (a, b) in to.rows(size).zip(source.rows(size)) {
                from.offset(b).get(&mut bytes[buffer.origin + a..][..size[0]]);
            }
        })?;
        block(blocking, &progress)
    }

    fn clEnqueueCopyBufferRect(
        queue: cl::Object, from: cl::Object, to: cl::Object, from_origin: *const Size, to_origin: *const Size,
        region: *const Size, from_row: usize, from_slice: usize, to_row: usize, to_slice: usize,
        count: cl::Uint, events: *const cl::Object, event: *mut cl::Object,
    ) -> status {
        let queue = Ref::<Queue>::to(queue)?;
        let size = size_of_box(region)?;
        let (source, target) =
            (Place::new(from_origin, size, from_row, from_slice)?, Place::new(to_origin, size, to_row, to_slice)?);
        let from = holding(&queue, from, source, size, 0)?;
        let to = holding(&queue, to, target, size, 0)?;
        if std::sync::Arc::ptr_eq(&from.storage, &to.storage) {
            // Any row over any other: slower than the standard's own test, and simpler to be sure of.
            let starts = |place: Place, origin: usize| place.rows(size).map(move |row| origin + row).collect::<Vec<_>>();
            let mut all = [starts(source, from.origin), starts(target, to.origin)].concat();
            all.sort_unstable();
            if all.windows(2).any(|pair| pair[1] - pair[0] < size[0]) {
                return Err(cl::MEM_COPY_OVERLAP);
            }
        }
        transfer(&queue, cl::COMMAND_COPY_BUFFER_RECT, (count, events), event, bytes_of(size), move || {
            for (a, b) in source.rows(size).zip(target.rows(size)) {
                let row = lock(&from.storage.bytes)[from.origin + a..][..size[0]].to_vec();
                lock(&to.storage.bytes)[to.origin + b..][..size[0]].copy_from_slice(&row);
            }
        })
        .map(drop)
    }
}
