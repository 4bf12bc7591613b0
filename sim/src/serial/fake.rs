//! A board of our own: what answers on the other end of a pseudo-terminal, with the functional and the timing model as its
//! kernel, and line errors as wanted. For trials and tests of everything that a board does but its RTL.

use super::fake_kernel::{Kernel, Shared};
use super::identity::Identity;
use super::noise::{Faults, Noise};
use super::pty::Pty;
use isa::bridge::*;
use isa::config::Config;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a reply waits for the kernel's next burst.
const NEXT_BURST: Duration = Duration::from_millis(1);
/// Silence amid a request after which it is forgotten; [`SILENCE_BITS`] are too few for programs that take turns.
const FORGET: Duration = Duration::from_millis(20);
/// How often the thread looks whether it is to end.
const LOOK: Duration = Duration::from_millis(20);

/// What kind of board.
#[derive(Clone, Debug)]
pub struct Options {
    /// Configuration of its kernel.
    pub config: Config,
    /// What it says of itself.
    pub identity: Identity,
    /// Line errors.
    pub faults: Faults,
    /// Bits a second: replies come as late as over such a line. `None`: at once.
    pub baud: Option<u32>,
    /// The line is unplugged after so many requests.
    pub unplug_after: Option<u64>,
    /// A symbolic link to the terminal.
    pub link: Option<PathBuf>,
}

/// Requests that arrived whole, by their operation.
type Requests = [AtomicU64; 8];

/// A board that answers until it is dropped, which unplugs it.
pub struct Fake {
    path: PathBuf,
    stop: Arc<AtomicBool>,
    requests: Arc<Requests>,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    /// Plugs a board in.
    ///
    /// # Errors
    /// There is no pseudo-terminal, the link cannot be made, or no thread can be had.
    pub fn plug(options: Options) -> io::Result<Self> {
        let pty = Pty::new()?;
        if let Some(link) = &options.link {
            pty.link(link)?;
        }
        let path = options.link.clone().unwrap_or_else(|| pty.path().into());
        let (stop, requests) = (Arc::new(AtomicBool::new(false)), Arc::new(Requests::default()));
        let side = Side::new(pty, options, stop.clone(), requests.clone());
        let thread = std::thread::Builder::new().name("fake-board".into()).spawn(move || side.serve())?;
        Ok(Self { path, stop, requests, thread: Some(thread) })
    }

    /// The terminal, or the link to it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Requests that arrived whole.
    pub fn requests(&self) -> u64 {
        all(&self.requests)
    }

    /// Those of an operation.
    pub fn requests_of(&self, op: u8) -> u64 {
        self.requests[usize::from(op & 7)].load(Relaxed)
    }

    /// Waits until the board is unplugged by itself, if it ever is.
    pub fn join(&mut self) {
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        self.join();
    }
}

fn all(requests: &Requests) -> u64 {
    requests.iter().map(|count| count.load(Relaxed)).sum()
}

/// The board's side of the line.
struct Side {
    pty: Pty,
    options: Options,
    noise: Noise,
    shared: Arc<Shared>,
    kernel: Kernel,
    stop: Arc<AtomicBool>,
    requests: Arc<Requests>,
    /// Sequence bit of the request carried out last.
    last: Option<bool>,
}

impl Side {
    fn new(pty: Pty, options: Options, stop: Arc<AtomicBool>, requests: Arc<Requests>) -> Self {
        let shared = Arc::new(Shared::default());
        let kernel = Kernel::new(&options.config, shared.clone());
        let noise = Noise::new(options.faults);
        Self { pty, options, noise, shared, kernel, stop, requests, last: None }
    }

    fn serve(mut self) {
        let mut received = Vec::new();
        while !self.stop.load(Relaxed) {
            let mut raw = Vec::new();
            let silence = if received.is_empty() { LOOK } else { FORGET };
            match self.pty.read(&mut raw, silence) {
                Ok(0) => received.clear(),
                Ok(_) => received.extend(self.noise.pass(&raw)),
                Err(_) => break,
            }
            loop {
                match parse(REQUEST, &received) {
                    Ok(Some((frame, used))) => {
                        received.drain(..used);
                        let count = all(&self.requests);
                        self.requests[usize::from(frame.0 & 7)].fetch_add(1, Relaxed);
                        if self.options.unplug_after.is_some_and(|most| count >= most) {
                            self.kernel.reset();
                            return;
                        }
                        self.answer(frame, used);
                    }
                    Ok(None) => break,
                    Err(_) => received.clear(),
                }
            }
        }
        self.kernel.reset();
    }

    fn answer(&mut self, (op, sequence, words): Frame, bytes: usize) {
        let began = Instant::now();
        let anew = self.last != Some(sequence) || op == OP_RESET;
        self.last = Some(sequence);
        let data = self.carry_out(op, &words, anew);
        let state = self.shared.state(NEXT_BURST);
        let all: Vec<u32> = state.words().into_iter().chain(data).collect();
        // At most the words of a burst, so the frame is one.
        let Some(reply) = frame(REPLY, op, sequence, &all) else { return };
        if let Some(baud) = self.options.baud {
            let wire = Duration::from_secs_f64((bytes + reply.len()) as f64 * 10.0 / f64::from(baud));
            std::thread::sleep(wire.saturating_sub(began.elapsed()));
        }
        let reply = self.noise.reply(&reply);
        self.pty.write(&reply);
    }

    /// Carries a request out and returns the words behind the state. A repetition has no effect.
    fn carry_out(&mut self, op: u8, words: &[u32], anew: bool) -> Vec<u32> {
        match (op, words) {
            (OP_REGISTER_WRITE, &[offset, value]) if anew => self.kernel.write_register(offset, value),
            (OP_REGISTER_READ, &[offset]) => return vec![self.kernel.read_register(offset)],
            (OP_READ_DATA, words) if anew => self.shared.answer_read(words),
            (OP_WRITE_DATA, []) => return self.shared.data(),
            (OP_WRITE_DONE, &[response]) if anew => self.shared.answer_write(response),
            (OP_RESET, []) => self.kernel.reset(),
            (OP_IDENTIFY, []) => return self.options.identity.words().into(),
            _ => (),
        }
        Vec::new()
    }
}
