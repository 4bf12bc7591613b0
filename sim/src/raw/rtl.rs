//! `libcard.so` as it is: the declarations of `sim/tb/card.h`, behind functions that are safe to call.

use libloading::Library;
use std::ffi::{c_char, CStr, CString};
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

/// `SYSTOLE_CARD_ABI` of `card.h`.
const ABI: u32 = 3;

/// A part of card memory: bytes and the address of the first one.
pub struct Region<'a> {
    /// Card address of the first byte.
    pub base: u64,
    /// The bytes.
    pub bytes: &'a mut [u8],
}

#[repr(C)]
struct RawRegion {
    base: u64,
    data: *mut u8,
    bytes: u64,
}

#[repr(C)]
struct RawRequest {
    pointers: [u64; 5],
    pointer_count: u64,
    regions: *const RawRegion,
    region_count: u64,
    cycle_limit: u64,
    quiet_limit: u64,
    read_latency_cycles: u32,
    stall_seed: u32,
}

#[repr(C)]
struct RawResult {
    outcome: u32,
    status: u32,
    cycles: u64,
    fault_address: u64,
    message: [c_char; 160],
}

/// What to run and when to give up.
#[derive(Clone, Debug)]
pub struct Request {
    /// Kernel arguments: card addresses, at most 5.
    pub pointers: Vec<u64>,
    /// Most cycles of the run.
    pub cycle_limit: u64,
    /// Most cycles without a word on the memory bus.
    pub quiet_limit: u64,
    /// Cycles from a read address to the first word of its burst.
    pub read_latency_cycles: u32,
    /// 0: memory never makes the kernel wait; otherwise the seed of pseudo-random back-pressure.
    pub stall_seed: u32,
}

/// How a run ended, as `card.h` says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// A `systole_outcome`: 0 where the kernel raised its interrupt.
    pub outcome: u32,
    /// The kernel's status register.
    pub status: u32,
    /// Clock cycles from start to interrupt.
    pub cycles: u64,
    /// First address outside every region, or 0.
    pub fault_address: u64,
    /// What went wrong, for an outcome other than 0.
    pub message: String,
}

/// An open `libcard.so`.
pub struct CardLibrary {
    new: unsafe extern "C" fn(u32, *const c_char, u64, u64) -> *mut RawCard,
    free: unsafe extern "C" fn(*mut RawCard),
    reset: unsafe extern "C" fn(*mut RawCard),
    run: unsafe extern "C" fn(*mut RawCard, *const RawRequest, *mut RawResult),
    config: String,
    rtl_digest: String,
    // The functions above are valid as long as this is open.
    _library: Library,
}

#[repr(C)]
struct RawCard {
    _opaque: [u8; 0],
}

impl CardLibrary {
    /// Opens the library at `path`.
    ///
    /// # Errors
    /// It cannot be loaded, lacks a function, or was built for another version of this crate.
    pub fn open(path: &Path) -> Result<Self, String> {
        let wrong = |what: String| format!("{}: {what}; run scripts/card", path.display());
        type Text = unsafe extern "C" fn() -> *const c_char;
        // SAFETY: a library runs code when it is loaded; this one is built by scripts/card from our own shim, whose
        // initialisers only set constants.
        let library = unsafe { Library::new(path) }.map_err(|e| wrong(e.to_string()))?;
        // SAFETY: the types are those of card.h, which the version, asked for first, stands for. The function pointers
        // are kept beside the library, so they do not outlive it; the texts are string literals in it.
        unsafe {
            let abi = *library
                .get::<unsafe extern "C" fn() -> u32>(b"systole_card_abi\0")
                .map_err(|_| wrong("it is no card".into()))?;
            if abi() != ABI {
                return Err(wrong(format!("it has interface {}, this driver needs {ABI}", abi())));
            }
            let text = |name: &[u8]| -> Result<String, String> {
                let function = library.get::<Text>(name).map_err(|e| wrong(e.to_string()))?;
                Ok(CStr::from_ptr(function()).to_string_lossy().into_owned())
            };
            Ok(Self {
                new: *library.get(b"systole_card_new\0").map_err(|e| wrong(e.to_string()))?,
                free: *library.get(b"systole_card_free\0").map_err(|e| wrong(e.to_string()))?,
                reset: *library.get(b"systole_card_reset\0").map_err(|e| wrong(e.to_string()))?,
                run: *library.get(b"systole_card_run\0").map_err(|e| wrong(e.to_string()))?,
                config: text(b"systole_card_config\0")?,
                rtl_digest: text(b"systole_card_rtl_digest\0")?,
                _library: library,
            })
        }
    }

    /// YAML of the configuration that it simulates.
    pub fn config(&self) -> &str {
        &self.config
    }

    /// SHA-256 of the RTL that it simulates, hexadecimal.
    pub fn rtl_digest(&self) -> &str {
        &self.rtl_digest
    }
}

/// A simulated kernel after reset.
pub struct Card {
    library: Arc<CardLibrary>,
    card: NonNull<RawCard>,
}

// SAFETY: a card has no thread-local state: its Verilated context is its own, and only one thread at a time can reach it,
// since every method takes `&mut self`.
unsafe impl Send for Card {}

impl Card {
    /// Makes the kernel of number `kernel` (`systole_kernel` of `card.h`); `trace` is a file for waves with its first and last cycle. `None` if it cannot be made: with a
    /// trace, the file cannot be written or the library was built without traces.
    pub fn new(library: &Arc<CardLibrary>, kernel: u32, trace: Option<(&CString, u64, u64)>) -> Option<Self> {
        let (file, first, last) = trace.map_or((std::ptr::null(), 0, 0), |(f, a, b)| (f.as_ptr(), a, b));
        // SAFETY: `file` is null or a C string that outlives the call.
        let card = unsafe { (library.new)(kernel, file, first, last) };
        Some(Self { library: library.clone(), card: NonNull::new(card)? })
    }

    /// Resets the kernel; its memories keep their content.
    pub fn reset(&mut self) {
        // SAFETY: the card is live until it is dropped.
        unsafe { (self.library.reset)(self.card.as_ptr()) }
    }

    /// Starts the kernel and simulates until it ends. It reaches `regions` and nothing else.
    pub fn run(&mut self, regions: &mut [Region<'_>], request: &Request) -> Outcome {
        let raw: Vec<RawRegion> = regions
            .iter_mut()
            .map(|r| RawRegion { base: r.base, data: r.bytes.as_mut_ptr(), bytes: r.bytes.len() as u64 })
            .collect();
        let mut pointers = [0; 5];
        for (slot, &pointer) in pointers.iter_mut().zip(&request.pointers) {
            *slot = pointer;
        }
        let request = RawRequest {
            pointers,
            pointer_count: request.pointers.len().min(pointers.len()) as u64,
            regions: raw.as_ptr(),
            region_count: raw.len() as u64,
            cycle_limit: request.cycle_limit,
            quiet_limit: request.quiet_limit,
            read_latency_cycles: request.read_latency_cycles,
            stall_seed: request.stall_seed,
        };
        let mut result = RawResult { outcome: 0, status: 0, cycles: 0, fault_address: 0, message: [0; 160] };
        // SAFETY: the card is live and not shared; request, regions and result outlive the call, and the regions are
        // borrowed mutably for as long, so nobody else touches their bytes.
        unsafe { (self.library.run)(self.card.as_ptr(), &request, &mut result) };
        let message = result.message.iter().take_while(|&&c| c != 0).map(|&c| c as u8).collect::<Vec<_>>();
        Outcome {
            outcome: result.outcome,
            status: result.status,
            cycles: result.cycles,
            fault_address: result.fault_address,
            message: String::from_utf8_lossy(&message).into_owned(),
        }
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        // SAFETY: made by `new` of this library and freed only here.
        unsafe { (self.library.free)(self.card.as_ptr()) }
    }
}
