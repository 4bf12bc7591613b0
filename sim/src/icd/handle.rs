//! Handles: what a caller holds in place of an object.
//!
//! A handle is the address of a cell whose first word points at the dispatch table, as the loader wants it. Cells never
//! go away, so a handle that was released can still be looked at; whether it stands for an object, and of which kind, a
//! table says. So a wrong, foreign or released handle is an error code and never a stray access. A released cell is
//! used again only after some thousand others.

use super::cl;
use super::objects::{Buffer, Context, Device, Event, Kernel, Platform, Program, Queue};
use crate::raw::table::dispatch;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

/// Released cells that wait before the first of them is used again.
const QUARANTINE: usize = 4096;

#[repr(C)]
struct Cell {
    dispatch: &'static [usize],
}

/// An object of any kind.
#[derive(Clone)]
pub enum Any {
    /// `cl_platform_id`
    Platform(Arc<Platform>),
    /// `cl_device_id`
    Device(Arc<Device>),
    /// `cl_context`
    Context(Arc<Context>),
    /// `cl_command_queue`
    Queue(Arc<Queue>),
    /// `cl_mem`
    Buffer(Arc<Buffer>),
    /// `cl_program`
    Program(Arc<Program>),
    /// `cl_kernel`
    Kernel(Arc<Kernel>),
    /// `cl_event`
    Event(Arc<Event>),
}

/// A kind of object: how to find it in [`Any`] and what to say when it is not there.
pub trait Kind: Sized {
    /// What OpenCL says to a handle that is no valid object of this kind.
    const INVALID: cl::Int;
    /// Whether objects of this kind live as long as the driver.
    const PERMANENT: bool = false;
    /// The object, if it is of this kind.
    fn of(any: &Any) -> Option<&Arc<Self>>;
    /// The other way.
    fn any(this: Arc<Self>) -> Any;
}

macro_rules! kinds {
    ($($kind:ident, $invalid:ident, $permanent:literal;)+) => {$(
        impl Kind for $kind {
            const INVALID: cl::Int = cl::$invalid;
            const PERMANENT: bool = $permanent;
            fn of(any: &Any) -> Option<&Arc<Self>> {
                match any {
                    Any::$kind(object) => Some(object),
                    _ => None,
                }
            }
            fn any(this: Arc<Self>) -> Any {
                Any::$kind(this)
            }
        }
    )+};
}

kinds! {
    Platform, INVALID_PLATFORM, true;
    Device, INVALID_DEVICE, true;
    Context, INVALID_CONTEXT, false;
    Queue, INVALID_COMMAND_QUEUE, false;
    Buffer, INVALID_MEM_OBJECT, false;
    Program, INVALID_PROGRAM, false;
    Kernel, INVALID_KERNEL, false;
    Event, INVALID_EVENT, false;
}

struct Entry {
    object: Any,
    /// References that the caller may release.
    references: u32,
    /// References of other objects.
    held: u32,
}

#[derive(Default)]
struct Handles {
    entries: HashMap<usize, Entry>,
    free: VecDeque<usize>,
}

static HANDLES: LazyLock<Mutex<Handles>> = LazyLock::new(Mutex::default);

fn handles() -> MutexGuard<'static, Handles> {
    HANDLES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives an object a handle with one reference of the caller.
pub fn publish<T: Kind>(object: Arc<T>) -> cl::Object {
    let mut handles = handles();
    let cell = match handles.free.len() > QUARANTINE {
        true => handles.free.pop_front(),
        false => None,
    };
    let cell = cell.unwrap_or_else(|| Box::leak(Box::new(Cell { dispatch: dispatch() })) as *const Cell as usize);
    handles.entries.insert(cell, Entry { object: T::any(object), references: 1, held: 0 });
    cell as cl::Object
}

/// The object behind a handle; the kind's error if there is none.
pub fn find<T: Kind>(handle: cl::Object) -> Result<Arc<T>, cl::Int> {
    let handles = handles();
    handles.entries.get(&(handle as usize)).and_then(|e| T::of(&e.object)).cloned().ok_or(T::INVALID)
}

/// Adds a reference of the caller.
pub fn retain<T: Kind>(handle: cl::Object) -> Result<(), cl::Int> {
    let mut handles = handles();
    let entry = handles.entries.get_mut(&(handle as usize)).filter(|e| T::of(&e.object).is_some()).ok_or(T::INVALID)?;
    if !T::PERMANENT {
        entry.references = entry.references.checked_add(1).ok_or(cl::OUT_OF_RESOURCES)?;
    }
    Ok(())
}

/// Takes a reference of the caller away; the object goes when nothing refers to it any more.
pub fn release<T: Kind>(handle: cl::Object) -> Result<(), cl::Int> {
    if T::PERMANENT {
        return find::<T>(handle).map(drop);
    }
    let gone = {
        let mut handles = handles();
        let key = handle as usize;
        let entry = handles.entries.get_mut(&key).filter(|e| T::of(&e.object).is_some() && e.references > 0);
        entry.ok_or(T::INVALID)?.references -= 1;
        handles.collect(key)
    };
    // Its own references to others go now, with the table unlocked.
    drop(gone);
    Ok(())
}

/// References of the caller to a live handle.
pub fn references(handle: cl::Object) -> u32 {
    handles().entries.get(&(handle as usize)).map_or(0, |e| e.references)
}

impl Handles {
    /// Removes an entry that nobody refers to.
    fn collect(&mut self, key: usize) -> Option<Entry> {
        let entry = self.entries.get(&key)?;
        if entry.references + entry.held > 0 {
            return None;
        }
        self.free.push_back(key);
        self.entries.remove(&key)
    }
}

/// A reference from one object to another: keeps the other and its handle valid.
pub struct Ref<T: Kind> {
    handle: usize,
    object: Arc<T>,
}

impl<T: Kind> Ref<T> {
    /// Refers to the object behind a handle.
    pub fn to(handle: cl::Object) -> Result<Self, cl::Int> {
        let mut handles = handles();
        let key = handle as usize;
        let entry = handles.entries.get_mut(&key).ok_or(T::INVALID)?;
        let object = T::of(&entry.object).cloned().ok_or(T::INVALID)?;
        entry.held += 1;
        Ok(Self { handle: key, object })
    }

    /// The handle.
    pub fn handle(&self) -> cl::Object {
        self.handle as cl::Object
    }

    /// The object, on its own.
    pub fn object(&self) -> &Arc<T> {
        &self.object
    }
}

impl<T: Kind> Clone for Ref<T> {
    fn clone(&self) -> Self {
        if let Some(entry) = handles().entries.get_mut(&self.handle) {
            entry.held += 1;
        }
        Self { handle: self.handle, object: self.object.clone() }
    }
}

impl<T: Kind> std::ops::Deref for Ref<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.object
    }
}

impl<T: Kind> Drop for Ref<T> {
    fn drop(&mut self) {
        let gone = {
            let mut handles = handles();
            if let Some(entry) = handles.entries.get_mut(&self.handle) {
                entry.held -= 1;
            }
            handles.collect(self.handle)
        };
        drop(gone);
    }
}
