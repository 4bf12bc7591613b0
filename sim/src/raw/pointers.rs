//! The caller's memory. OpenCL is a C interface: the caller vouches that a pointer which is not null points to as much
//! as the standard says. Null and lengths are checked here; nothing else can be.

use std::ffi::{c_char, c_void, CStr};

/// The value at `from`, or `None` for null.
pub fn read<T: Copy>(from: *const T) -> Option<T> {
    // SAFETY: not null, so by the contract above it points to a T, aligned or not.
    (!from.is_null()).then(|| unsafe { from.read_unaligned() })
}

/// `count` values from `from` on, or `None` for null.
pub fn read_many<T: Copy>(from: *const T, count: usize) -> Option<Vec<T>> {
    // SAFETY: not null, so by the contract above it points to `count` values.
    (!from.is_null()).then(|| (0..count).map(|i| unsafe { from.add(i).read_unaligned() }).collect())
}

/// `count` bytes from `from` on as a slice for the time of a call, or `None` for null.
pub fn bytes<'a>(from: *const u8, count: usize) -> Option<&'a [u8]> {
    // SAFETY: not null, so by the contract above `count` bytes are there while the caller waits for this call.
    (!from.is_null()).then(|| unsafe { std::slice::from_raw_parts(from, count) })
}

/// The string at `from`, or `None` for null and for what is not UTF-8.
pub fn text(from: *const c_char) -> Option<String> {
    if from.is_null() {
        return None;
    }
    // SAFETY: not null, so by the contract above a string that ends with a zero.
    unsafe { CStr::from_ptr(from) }.to_str().ok().map(str::to_string)
}

/// Writes `value` to `to` unless that is null.
pub fn write<T>(to: *mut T, value: T) {
    if !to.is_null() {
        // SAFETY: not null, so by the contract above there is room for a T.
        unsafe { to.write_unaligned(value) }
    }
}

/// Writes bytes to `to`, which has room for them, unless that is null.
pub fn write_bytes(to: *mut u8, bytes: &[u8]) {
    if !to.is_null() {
        // SAFETY: not null, so by the contract above there is room; our bytes are not the caller's.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) }
    }
}

/// Memory of the caller that a command uses later, while the standard forbids the caller to give it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostMemory(*mut u8);

// SAFETY: only a pointer; whoever uses it is bound by the contract above, on whatever thread.
unsafe impl Send for HostMemory {}
// SAFETY: as above.
unsafe impl Sync for HostMemory {}

impl HostMemory {
    /// `None` for null.
    pub fn new(pointer: *const c_void) -> Option<Self> {
        (!pointer.is_null()).then_some(Self(pointer.cast_mut().cast()))
    }

    /// The memory from byte `offset` on.
    pub fn offset(self, offset: usize) -> Self {
        Self(self.0.wrapping_add(offset))
    }

    /// The address.
    pub fn pointer(self) -> *mut c_void {
        self.0.cast()
    }

    /// Copies bytes there.
    pub fn put(self, bytes: &[u8]) {
        // SAFETY: the command that was given this memory said that it is so long. `copy` allows any overlap.
        unsafe { std::ptr::copy(bytes.as_ptr(), self.0, bytes.len()) }
    }

    /// Fills `bytes` from there.
    pub fn get(self, bytes: &mut [u8]) {
        // SAFETY: as in `put`.
        unsafe { std::ptr::copy(self.0, bytes.as_mut_ptr(), bytes.len()) }
    }
}

/// A function of the caller with what it wants to be told back.
#[derive(Clone, Copy)]
pub struct Callback<F> {
    function: F,
    user_data: *mut c_void,
}

// SAFETY: the standard lets drivers call such functions from any thread, and obliges the caller to cope.
unsafe impl<F> Send for Callback<F> {}
// SAFETY: as above.
unsafe impl<F> Sync for Callback<F> {}

impl<F: Copy> Callback<F> {
    /// Function and user data.
    pub fn new(function: F, user_data: *mut c_void) -> Self {
        Self { function, user_data }
    }
}

/// `pfn_notify` of `clCreateContext`.
pub type ContextNotify = unsafe extern "C" fn(*const c_char, *const c_void, usize, *mut c_void);
/// `pfn_notify` of `clBuildProgram`, `clSetMemObjectDestructorCallback`.
pub type ObjectNotify = unsafe extern "C" fn(*mut c_void, *mut c_void);
/// `pfn_notify` of `clSetEventCallback`.
pub type EventNotify = unsafe extern "C" fn(*mut c_void, i32, *mut c_void);

impl Callback<ContextNotify> {
    /// Tells of an error.
    pub fn call(self, message: &CStr) {
        // SAFETY: a function of the caller's that the standard has us call so.
        unsafe { (self.function)(message.as_ptr(), std::ptr::null(), 0, self.user_data) }
    }
}

impl Callback<ObjectNotify> {
    /// Tells about an object.
    pub fn call(self, object: *mut c_void) {
        // SAFETY: a function of the caller's that the standard has us call so.
        unsafe { (self.function)(object, self.user_data) }
    }
}

impl Callback<EventNotify> {
    /// Tells that an event has reached a status.
    pub fn call(self, event: *mut c_void, status: i32) {
        // SAFETY: a function of the caller's that the standard has us call so.
        unsafe { (self.function)(event, status, self.user_data) }
    }
}

/// The file that this code was loaded from, as the dynamic linker knows it.
pub fn own_file() -> Option<std::path::PathBuf> {
    let mut found = std::mem::MaybeUninit::<libc::Dl_info>::uninit();
    // SAFETY: an address in this library, and room for the answer.
    let ok = unsafe { libc::dladdr(own_file as *const c_void, found.as_mut_ptr()) };
    if ok == 0 {
        return None;
    }
    // SAFETY: dladdr has filled it in.
    let name = unsafe { found.assume_init() }.dli_fname;
    text(name).map(Into::into)
}
