//! A configuration's Verilated RTL as a card: `libcard.so` and `card.sbit` in a folder that `scripts/card` wrote.

use crate::raw::rtl::{Card, CardLibrary, Outcome, Request};
use crate::replica::Replica;
use crate::settings::Settings;
use isa::config::Config;
use isa::{control, failure};
use std::ffi::CString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use crate::raw::rtl::Region;

/// The container in a card's folder.
pub const CONTAINER: &str = "card.sbit";

/// A kernel of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// `systole_infer`.
    Infer,
    /// `systole_allocate`.
    Allocate,
}

impl Kernel {
    /// The kernel of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            control::INFER_KERNEL => Some(Self::Infer),
            isa::allocate::KERNEL => Some(Self::Allocate),
            _ => None,
        }
    }

    /// Its number in `card.h`.
    fn number(self) -> u32 {
        self as u32
    }

    /// The file for its waves: the allocator's name has `.allocate` before the extension, so that both may run.
    fn trace_file(self, file: &str, kind: &str) -> String {
        match self {
            Self::Infer => file.into(),
            Self::Allocate => format!("{}.allocate.{kind}", file.strip_suffix(&format!(".{kind}")).unwrap_or(file)),
        }
    }
}

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunError {
    /// Its code in [`isa::failure`].
    pub code: i32,
    /// Details: addresses, cycles.
    pub detail: String,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = failure::failure(self.code).map_or("the run failed", |f| f.what);
        write!(f, "{what} ({})", self.detail)
    }
}

impl std::error::Error for RunError {}

/// A card whose library is open but which is not simulated yet.
#[derive(Clone)]
pub struct Built {
    library: Arc<CardLibrary>,
    folder: PathBuf,
    config: Config,
}

impl Built {
    /// Opens the card in `folder`.
    ///
    /// # Errors
    /// Which file is missing or unfit, and what to do.
    pub fn open(folder: &Path) -> Result<Self, String> {
        let container = folder.join(CONTAINER);
        if !container.is_file() {
            return Err(format!("{} is missing; run scripts/card", container.display()));
        }
        let library = CardLibrary::open(&folder.join("libcard.so"))?;
        let config: Config = serde_yaml::from_str(library.config())
            .map_err(|e| format!("{}: its configuration: {e}; run scripts/card", folder.display()))?;
        config.check()?;
        Ok(Self { library: Arc::new(library), folder: folder.to_path_buf(), config })
    }

    /// The configuration that it simulates.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// SHA-256 of its RTL, hexadecimal.
    pub fn rtl_digest(&self) -> &str {
        self.library.rtl_digest()
    }

    /// Starts the inference kernel, as [`Built::start_kernel`] does.
    ///
    /// # Errors
    /// As there.
    pub fn start(&self, settings: &Settings) -> Result<Rtl, String> {
        self.start_kernel(Kernel::Infer, settings)
    }

    /// Starts a kernel, with waves if the settings want them. Kernels of a card run independently of each other.
    ///
    /// # Errors
    /// The tracing library was not built or the trace file cannot be written.
    pub fn start_kernel(&self, kernel: Kernel, settings: &Settings) -> Result<Rtl, String> {
        if settings.model && kernel == Kernel::Infer {
            let engine = Engine::Model(Box::new(Replica::new(&self.config)));
            return Ok(Rtl { engine, kernel, config: self.config.clone(), settings: settings.clone() });
        }
        let card = match &settings.trace {
            None => Card::new(&self.library, kernel.number(), None)
                .ok_or("the simulated card does not start; run scripts/card")?,
            Some(trace) => {
                let path = self.folder.join(format!("libcard-{}.so", trace.kind));
                if !path.is_file() {
                    let name = &self.config.name;
                    return Err(format!(
                        "no waves in this build; run scripts/card --config {name} --trace {}",
                        trace.kind
                    ));
                }
                let library = CardLibrary::open(&path)?;
                if library.rtl_digest() != self.rtl_digest() {
                    return Err(format!("{} is of other RTL; run scripts/card --trace {}", path.display(), trace.kind));
                }
                let name = kernel.trace_file(&trace.file, trace.kind);
                let file = CString::new(name.as_str()).map_err(|_| "SYSTOLE_TRACE holds a zero byte")?;
                Card::new(&Arc::new(library), kernel.number(), Some((&file, trace.first, trace.last)))
                    .ok_or_else(|| format!("the trace file {name} cannot be written"))?
            }
        };
        let engine = Engine::Verilated(card);
        Ok(Rtl { engine, kernel, config: self.config.clone(), settings: settings.clone() })
    }
}

/// What runs.
enum Engine {
    Verilated(Card),
    Model(Box<Replica>),
}

/// A running kernel of a card.
pub struct Rtl {
    engine: Engine,
    kernel: Kernel,
    config: Config,
    settings: Settings,
}

/// What a run that reached its end says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Clock cycles from start to interrupt.
    pub cycles: u64,
}

impl Rtl {
    /// The configuration that it simulates.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Runs the kernel with `pointers` as arguments; it reaches `regions` alone, which must be sorted by address and
    /// must not overlap. A region is reached in whole bus words. After an error the kernel has been reset.
    ///
    /// # Errors
    /// [`RunError`] with the cycles that were simulated until then.
    pub fn run(
        &mut self,
        regions: &mut [Region<'_>],
        pointers: impl AsRef<[u64]>,
        read_latency_cycles: u32,
    ) -> Result<Run, (RunError, u64)> {
        let card = match &mut self.engine {
            Engine::Verilated(card) => card,
            Engine::Model(model) => {
                return model.run(regions, pointers.as_ref(), read_latency_cycles, self.settings.cycle_limit)
            }
        };
        let request = Request {
            pointers: pointers.as_ref().to_vec(),
            cycle_limit: self.settings.cycle_limit,
            quiet_limit: self.settings.quiet_limit,
            read_latency_cycles,
            stall_seed: self.settings.stall_seed,
        };
        let outcome = card.run(regions, &request);
        match error_of(self.kernel, &outcome) {
            None => Ok(Run { cycles: outcome.cycles }),
            Some(error) => {
                card.reset();
                Err((error, outcome.cycles))
            }
        }
    }
}

fn error_of(kernel: Kernel, outcome: &Outcome) -> Option<RunError> {
    let at = |what: &str| format!("{what} after {} cycles", outcome.cycles);
    let address = format!("address {:#x}, stopped", outcome.fault_address);
    let (code, detail) = match outcome.outcome {
        0 if outcome.status & control::STATUS_READ_ERROR != 0 => (failure::READ_FAULT, at(&address)),
        0 if outcome.status & control::STATUS_WRITE_ERROR != 0 => (failure::WRITE_FAULT, at(&address)),
        6 => (failure::READ_FAULT, at(&address)),
        7 => (failure::WRITE_FAULT, at(&address)),
        0 if outcome.status & control::STATUS_ILLEGAL != 0 => match kernel {
            Kernel::Infer => (failure::ILLEGAL_COMMAND, at("stopped")),
            Kernel::Allocate => (failure::BAD_PROBLEM, at("stopped")),
        },
        0 => return None,
        1 => (failure::CYCLE_LIMIT, at(&outcome.message)),
        2 => (failure::NO_PROGRESS, at(&outcome.message)),
        3 => (failure::CONTROL_BUS, outcome.message.clone()),
        4 => (failure::BUS_PROTOCOL, at(&outcome.message)),
        _ => (failure::SIMULATOR, outcome.message.clone()),
    };
    Some(RunError { code, detail })
}
