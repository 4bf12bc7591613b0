//! Buffers, and where they lie in card memory.

use super::super::cl;
use super::super::handle::Ref;
use super::{lock, Context, Device};
use crate::raw::pointers::{Callback, HostMemory, ObjectNotify};
use isa::control::BUFFER_ALIGN;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Which parts of a card's memory are in use.
pub struct CardSpace {
    bytes: u64,
    used: BTreeMap<u64, u64>,
}

impl CardSpace {
    /// An empty memory of so many bytes.
    pub fn new(bytes: u64) -> Self {
        Self { bytes, used: BTreeMap::new() }
    }

    /// All bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The largest buffer that an empty memory takes: address 0 stays free, so that null is never a buffer.
    pub fn largest(&self) -> u64 {
        self.bytes - BUFFER_ALIGN
    }

    /// Takes the first gap that fits.
    pub fn take(&mut self, bytes: u64) -> Option<u64> {
        let mut at = BUFFER_ALIGN;
        for (&start, &length) in &self.used {
            if start - at >= bytes {
                break;
            }
            at = (start + length).next_multiple_of(BUFFER_ALIGN);
        }
        if at.checked_add(bytes)? > self.bytes {
            return None;
        }
        self.used.insert(at, bytes);
        Some(at)
    }

    /// Gives back what was taken.
    pub fn give(&mut self, at: u64) {
        self.used.remove(&at);
    }
}

/// Bytes of a buffer, and their addresses on the cards of its context.
pub struct Storage {
    /// The bytes, to a multiple of 16 so that every bus word of the buffer is whole.
    pub bytes: Mutex<Vec<u8>>,
    places: Vec<(Arc<Device>, u64)>,
}

impl Storage {
    /// Zeroed memory on every one of the devices.
    ///
    /// # Errors
    /// `CL_MEM_OBJECT_ALLOCATION_FAILURE` if one of them has no room.
    pub fn new(devices: &[Ref<Device>], bytes: usize) -> Result<Self, cl::Int> {
        let rounded = bytes.checked_next_multiple_of(16).ok_or(cl::INVALID_BUFFER_SIZE)?;
        let mut storage = Self { bytes: Mutex::default(), places: Vec::new() };
        for device in devices {
            // What has been taken on other devices goes back when `storage` is dropped.
            let at = lock(&device.space).take(rounded as u64).ok_or(cl::MEM_OBJECT_ALLOCATION_FAILURE)?;
            storage.places.push((device.object().clone(), at));
        }
        let mut memory = Vec::new();
        memory.try_reserve_exact(rounded).map_err(|_| cl::OUT_OF_HOST_MEMORY)?;
        memory.resize(rounded, 0);
        storage.bytes = Mutex::new(memory);
        Ok(storage)
    }

    /// Address on a card; 0 if the context of the storage does not have that card.
    pub fn address(&self, device: &Device) -> u64 {
        self.places.iter().find(|p| std::ptr::eq(Arc::as_ptr(&p.0), device)).map_or(0, |p| p.1)
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        for (device, at) in &self.places {
            lock(&device.space).give(*at);
        }
    }
}

/// A part of a buffer that the caller sees as its own memory.
pub struct Mapping {
    /// What the caller was given.
    pub pointer: HostMemory,
    /// First byte in the storage.
    pub offset: usize,
    /// Bytes.
    pub bytes: usize,
    /// Whether it may have been written.
    pub written: bool,
    /// Owns the memory, unless the caller does (`CL_MEM_USE_HOST_PTR`).
    pub memory: Option<Vec<u128>>,
}

/// A buffer or a part of one.
pub struct Buffer {
    /// Its context.
    pub context: Ref<Context>,
    /// The buffer that this is a part of.
    pub parent: Option<Ref<Buffer>>,
    /// Its bytes, or its parent's.
    pub storage: Arc<Storage>,
    /// First byte in the storage.
    pub origin: usize,
    /// Bytes.
    pub size: usize,
    /// `cl_mem_flags`.
    pub flags: cl::Ulong,
    /// The caller's memory behind it (`CL_MEM_USE_HOST_PTR`).
    pub host: Option<HostMemory>,
    /// What is mapped.
    pub mappings: Mutex<Vec<Mapping>>,
    /// Whom to tell when it goes, with its handle.
    pub destructors: Mutex<Vec<(Callback<ObjectNotify>, usize)>>,
}

impl Buffer {
    /// Address on a card.
    pub fn address(&self, device: &Device) -> u64 {
        self.storage.address(device) + self.origin as u64
    }

    /// Whether `bytes` bytes from `offset` on lie inside.
    pub fn holds(&self, offset: usize, bytes: usize) -> bool {
        offset.checked_add(bytes).is_some_and(|end| end <= self.size)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // The standard calls them in reverse order, before the memory goes.
        let destructors = std::mem::take(&mut *lock(&self.destructors));
        for (callback, handle) in destructors.into_iter().rev() {
            callback.call(handle as cl::Object);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_memory_is_aligned_finite_and_used_again() {
        let mut space = CardSpace::new(5 * BUFFER_ALIGN);
        assert_eq!(space.take(10), Some(BUFFER_ALIGN));
        assert_eq!(space.take(BUFFER_ALIGN + 1), Some(2 * BUFFER_ALIGN));
        assert_eq!(space.take(BUFFER_ALIGN), Some(4 * BUFFER_ALIGN));
        assert_eq!(space.take(1), None);
        space.give(2 * BUFFER_ALIGN);
        assert_eq!(space.take(2 * BUFFER_ALIGN), Some(2 * BUFFER_ALIGN));
        assert_eq!(space.take(u64::MAX), None);
    }
}
