//! An allocator that refuses to go on past a limit. libFuzzer's own limit of a single allocation works through a
//! sanitizer, which stable Rust has not; this one also counts the sum.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Most bytes that may be reserved at a time.
pub const LIMIT: usize = 512 << 20;

/// The system's allocator, counting.
#[derive(Debug)]
pub struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Forgets the peak so far, and says how many bytes are reserved now.
pub fn start() -> usize {
    let live = LIVE.load(Relaxed);
    PEAK.store(live, Relaxed);
    live
}

/// The most bytes that were reserved at a time since [`start`].
pub fn peak() -> usize {
    PEAK.load(Relaxed)
}

fn reserve(size: usize) {
    let live = LIVE.fetch_add(size, Relaxed) + size;
    PEAK.fetch_max(live, Relaxed);
    if live > LIMIT {
        // An allocator must not panic; that what is printed reserves memory itself does no harm from here on.
        LIVE.store(0, Relaxed);
        let place = std::backtrace::Backtrace::force_capture();
        eprintln!("{size} bytes asked for, which makes {live}; the limit is {LIMIT}\n{place}");
        std::process::abort();
    }
}

// SAFETY: every call goes to the system's allocator as it came; the counters change nothing of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        reserve(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        reserve(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        reserve(size);
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }
}
