//! What a device stands for: a simulated card, or a board on a serial line.

use super::lock;
use crate::rtl::{Built, Kernel, Region, Rtl, RunError};
use crate::serial::board::{Board, Failed, Limits};
use crate::serial::identity::{named, Identity};
use crate::serial::place::Place;
use crate::serial::LineError;
use crate::settings::{verbose, Settings};
use isa::config::Config;
use isa::failure;
use isa::manifest::{Manifest, BOARD_SIMULATED};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, OnceLock};

/// A card of either kind.
pub enum Card {
    /// Verilated, in this process.
    Simulated(Box<Simulated>),
    /// On a line.
    Board(Box<Wired>),
}

/// A simulated card. Each kernel is started when it first runs; listing devices stays cheap.
pub struct Simulated {
    built: Built,
    infer: Mutex<Option<Rtl>>,
    allocate: Mutex<Option<Rtl>>,
}

/// A board on a line.
pub struct Wired {
    place: Place,
    config: Config,
    /// What it said of itself when it first answered.
    identity: OnceLock<Identity>,
    available: AtomicBool,
    board: Mutex<Board>,
}

/// A kernel of a card, while a run has it for itself.
pub enum Claimed<'a> {
    /// Of a simulated card.
    Simulated(&'a Simulated, Kernel, MutexGuard<'a, Option<Rtl>>),
    /// Of a board.
    Board(&'a Wired, MutexGuard<'a, Board>),
}

/// Cycles of a run, or why it failed after how many.
pub type Outcome = Result<u64, (RunError, u64)>;

impl Card {
    /// A card that `scripts/card` built.
    pub fn simulated(built: Built) -> Self {
        Self::Simulated(Box::new(Simulated { built, infer: Mutex::new(None), allocate: Mutex::new(None) }))
    }

    /// The board at a place, which is asked who it is. One that does not answer is not available, if it is known what it
    /// should be.
    ///
    /// # Errors
    /// What it is is not known, or it is not what the place says.
    pub fn board(place: Place) -> Result<Self, String> {
        let mut board = Board::new(place.clone());
        let answer = board.probe();
        let config = match (&answer, &place.config) {
            (Ok(identity), name) => identity.config(name.as_deref())?,
            (Err(_), Some(name)) => named(name)?,
            (Err(error), None) => return Err(error.to_string()),
        };
        let identity = OnceLock::new();
        match answer {
            Ok(found) => _ = identity.set(found),
            Err(error) => {
                // Not always: whoever opens it gets an error, and a line of its own on top of it says nothing more.
                if verbose() {
                    eprintln!("Systole driver: board {} is not available: {error}", place.line.display());
                }
                // It may be another board later: its identity is what it says then.
                board = Board::new(place.clone());
            }
        }
        let available = AtomicBool::new(identity.get().is_some());
        Ok(Self::Board(Box::new(Wired { place, config, identity, available, board: Mutex::new(board) })))
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        match self {
            Self::Simulated(card) => card.built.config(),
            Self::Board(wired) => &wired.config,
        }
    }

    /// Its clock: of a board that has not answered yet, that of its configuration.
    pub fn clock_hz(&self) -> u64 {
        match self {
            Self::Simulated(card) => card.built.config().clock_hz,
            Self::Board(wired) => wired.identity.get().map_or(wired.config.clock_hz, |i| i.clock_hz),
        }
    }

    /// Name for people: what it is, the configuration, and the line if there is one.
    pub fn name(&self) -> String {
        let name = &self.config().name;
        match self {
            Self::Simulated(_) => format!("Systole {name}"),
            Self::Board(wired) => {
                format!("Systole {name} on {}, {} baud", wired.place.line.display(), wired.place.baud)
            }
        }
    }

    /// Whether it answered when it was used last.
    pub fn available(&self) -> bool {
        match self {
            Self::Simulated(_) => true,
            Self::Board(wired) => wired.available.load(Relaxed),
        }
    }

    /// Makes sure that it answers: the line of a board is opened if it is not open.
    ///
    /// # Errors
    /// It does not.
    pub fn connect(&self) -> Result<(), String> {
        match self {
            Self::Simulated(_) => Ok(()),
            Self::Board(wired) => match wired.board.try_lock() {
                Ok(mut board) => {
                    let answer = board.check();
                    wired.know(&answer);
                    answer.map(drop).map_err(|e| e.to_string())
                }
                // A run is under way, so it answers.
                Err(_) => Ok(()),
            },
        }
    }

    /// Whether it has a kernel: boards are too small for the allocator beside the inference kernel.
    pub fn has(&self, kernel: Kernel) -> bool {
        matches!((self, kernel), (Self::Simulated(_), _) | (_, Kernel::Infer))
    }

    /// Whether the bitstream of a sound container is the one that runs here.
    ///
    /// # Errors
    /// A code of [`isa::failure`], with details.
    pub fn fits<E>(&self, manifest: &Manifest<E>) -> Result<(), (i32, String)> {
        if let (Self::Simulated(_), false) = (self, manifest.board == BOARD_SIMULATED) {
            return Err((failure::CONTAINER_BOARD, format!("board `{}`, not `{BOARD_SIMULATED}`", manifest.board)));
        }
        let clock = if matches!(self, Self::Simulated(_)) { self.clock_hz() } else { manifest.clock_hz };
        if manifest.config != *self.config() || manifest.clock_hz != clock {
            let (theirs, ours) = (&manifest.config.name, &self.config().name);
            let other = if theirs == ours { " with other values" } else { "" };
            return Err((
                failure::CONTAINER_CONFIG,
                format!("configuration `{theirs}`{other}, the device is `{ours}`"),
            ));
        }
        match self {
            Self::Simulated(card) if manifest.rtl_digest != card.built.rtl_digest() => Err((
                failure::CONTAINER_RTL,
                format!("RTL {}, the device has {}", manifest.rtl_digest, card.built.rtl_digest()),
            )),
            Self::Simulated(_) => Ok(()),
            Self::Board(wired) => {
                let answer = wired.connect(&mut lock(&wired.board));
                let board = answer.map_err(|e| (failure::LINE, format!("{}: {e}", wired.place.line.display())))?;
                let container = Identity::of(manifest);
                if container == board {
                    return Ok(());
                }
                Err((failure::CONTAINER_BITSTREAM, format!("the board is {board}, the container for {container}")))
            }
        }
    }

    /// The kernel for one run after the other, whatever queues they are in.
    pub fn claim(&self, kernel: Kernel) -> Claimed<'_> {
        match self {
            Self::Simulated(card) => {
                let rtl = lock(match kernel {
                    Kernel::Infer => &card.infer,
                    Kernel::Allocate => &card.allocate,
                });
                Claimed::Simulated(card, kernel, rtl)
            }
            Self::Board(wired) => Claimed::Board(wired, lock(&wired.board)),
        }
    }
}

impl Claimed<'_> {
    /// Runs it.
    ///
    /// # Errors
    /// Why it did not end well, and how many cycles that took.
    pub fn run(&mut self, regions: &mut [Region<'_>], pointers: &[u64], read_latency_cycles: u32) -> Outcome {
        let settings = Settings::from_env();
        let settings = settings.map_err(|detail| (RunError { code: failure::SIMULATOR, detail }, 0))?;
        match self {
            Self::Simulated(card, kernel, rtl) => {
                let rtl = match &mut **rtl {
                    Some(rtl) => rtl,
                    none => {
                        let started = card.built.start_kernel(*kernel, &settings);
                        let started = started.map_err(|detail| (RunError { code: failure::SIMULATOR, detail }, 0))?;
                        none.insert(started)
                    }
                };
                rtl.run(regions, pointers, read_latency_cycles).map(|run| run.cycles)
            }
            Self::Board(wired, board) => wired.run(board, regions, pointers, &settings),
        }
    }
}

impl Wired {
    fn connect(&self, board: &mut Board) -> Result<Identity, LineError> {
        let answer = board.connect();
        self.know(&answer);
        answer
    }

    fn know(&self, answer: &Result<Identity, LineError>) {
        self.available.store(answer.is_ok(), Relaxed);
        if let Ok(identity) = answer {
            let _ = self.identity.set(*identity); // if it had one, it is the same: the board compares them
        }
    }

    /// Cycles of a run are those of the kernel's own counter; only where it wrote none, the host's time by the board's clock.
    fn run(&self, board: &mut Board, regions: &mut [Region<'_>], pointers: &[u64], settings: &Settings) -> Outcome {
        let line = self.place.line.display();
        let lost = |e: LineError| (RunError { code: failure::LINE, detail: format!("{line}: {e}") }, 0);
        let identity = self.connect(board).map_err(lost)?;
        let limits = Limits { cycles: settings.cycle_limit, quiet: settings.quiet_limit };
        match board.run(&self.config, regions, pointers, &limits) {
            Ok(run) => {
                let cycles = run.counted.unwrap_or((run.wall.as_secs_f64() * identity.clock_hz as f64) as u64);
                if verbose() {
                    let (seconds, wall) = (cycles as f64 / identity.clock_hz as f64, run.wall.as_secs_f64());
                    let whose = if run.counted.is_some() { "the kernel's counter" } else { "the host's clock" };
                    let [reads, writes] = run.bursts;
                    let (sent, got) = (run.line.bytes_out, run.line.bytes_in);
                    eprintln!(
                        "Systole driver: {line}: {cycles} cycles by {whose} ({seconds:.6} s at {} Hz); {wall:.3} s by the host's \
                         clock: {} requests ({reads} bursts read, {writes} written), {sent} bytes sent, {got} received, {} sent \
                         again, {} replies damaged",
                        identity.clock_hz, run.line.requests, run.line.resent, run.line.damaged
                    );
                }
                Ok(cycles)
            }
            Err((failed, wall)) => {
                let cycles = (wall.as_secs_f64() * identity.clock_hz as f64) as u64;
                match failed {
                    Failed::Line(error) => {
                        self.available.store(false, Relaxed);
                        Err((lost(error).0, cycles))
                    }
                    Failed::Run(error) => Err((error, cycles)),
                }
            }
        }
    }
}
