//! The kernel of the board of our own: registers, and a thread that runs the functional model, whose card memory is
//! whoever answers the bursts. Bursts are those of the RTL: 16 beats, none over 4 KiB. A stream that the RTL would wait in for
//! ever waits here too.

use crate::memory::{BusError, CardMemory};
use crate::model::{Machine, ModelError};
use isa::bridge::{State, INTERRUPT, READ_WAITS, WRITE_WAITS};
use isa::command::{self as op, operation, unpack};
use isa::config::Config;
use isa::control;
use isa::counter::Snapshot;
use isa::timing::{self, Times, COUNTED};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Beats of the longest burst.
const BEATS: usize = 16;
/// Cycles from a read address to the first beat that the times are for: none, as if the line took no time.
const LATENCY: u32 = 1;

/// A burst that waits.
#[derive(Clone, Debug)]
struct Burst {
    address: u64,
    beats: usize,
    /// Words to write, or none.
    data: Option<Vec<u32>>,
}

/// What line and kernel share.
#[derive(Default)]
pub struct Shared {
    now: Mutex<Now>,
    changed: Condvar,
}

#[derive(Default)]
struct Now {
    waits: Option<Burst>,
    /// The answer to it: words read (none for an error), or a response.
    answer: Option<Vec<u32>>,
    running: bool,
    interrupt_status: u32,
    interrupt_enable: u32,
    global: u32,
    status: u32,
    done: bool,
    /// Runs end at once.
    reset: bool,
}

impl Now {
    fn interrupt(&self) -> bool {
        self.interrupt_status & self.interrupt_enable & self.global & 1 != 0
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state of a reply, which waits a little for the next burst of a kernel that runs.
    pub fn state(&self, patience: Duration) -> State {
        let end = Instant::now() + patience;
        let mut now = self.lock();
        while now.running && now.waits.is_none() && Instant::now() < end {
            now = self.changed.wait_timeout(now, patience).map_or_else(|e| e.into_inner().0, |w| w.0);
        }
        let mut state = State { flags: if now.interrupt() { INTERRUPT } else { 0 }, beats: 1, address: 0 };
        if let Some(burst) = &now.waits {
            state.flags |= if burst.data.is_some() { WRITE_WAITS } else { READ_WAITS };
            (state.beats, state.address) = (burst.beats as u32, burst.address as u32);
        }
        state
    }

    /// Data of the write burst that waits.
    pub fn data(&self) -> Vec<u32> {
        self.lock().waits.as_ref().and_then(|b| b.data.clone()).unwrap_or_default()
    }

    /// Ends the read burst that waits.
    pub fn answer_read(&self, words: &[u32]) {
        self.answer(false, words);
    }

    /// Ends the write burst that waits: no words where the response is no error.
    pub fn answer_write(&self, response: u32) {
        self.answer(true, if response == 0 { &[] } else { &[2] });
    }

    fn answer(&self, writes: bool, words: &[u32]) {
        let mut now = self.lock();
        if now.waits.as_ref().is_some_and(|b| b.data.is_some() == writes) {
            now.waits = None;
            now.answer = Some(words.to_vec());
            self.changed.notify_all();
        }
    }

    /// Lets a burst wait until it is answered; `None` after a reset.
    fn burst(&self, burst: Burst) -> Option<Vec<u32>> {
        let mut now = self.lock();
        now.waits = Some(burst);
        now.answer = None;
        self.changed.notify_all();
        loop {
            if now.reset {
                return None;
            }
            if let Some(answer) = now.answer.take() {
                return Some(answer);
            }
            now = self.changed.wait(now).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The kernel with its registers.
pub struct Kernel {
    config: Config,
    shared: Arc<Shared>,
    arguments: [u32; 2 * 16],
    run: Option<JoinHandle<Machine>>,
    machine: Option<Machine>,
}

impl Kernel {
    /// A kernel after reset.
    pub fn new(config: &Config, shared: Arc<Shared>) -> Self {
        Self { config: config.clone(), shared, arguments: [0; 32], run: None, machine: None }
    }

    /// Ends what runs.
    pub fn reset(&mut self) {
        self.shared.lock().reset = true;
        self.shared.changed.notify_all();
        if let Some(machine) = self.run.take().and_then(|run| run.join().ok()) {
            self.machine = Some(machine);
        }
        *self.shared.lock() = Now::default();
        self.arguments = [0; 32];
    }

    /// Reads a register; one that a read clears is cleared.
    pub fn read_register(&mut self, offset: u32) -> u32 {
        let mut now = self.shared.lock();
        match offset {
            control::CONTROL => {
                let done = std::mem::take(&mut now.done);
                let idle = if now.running { control::AP_START } else { control::AP_IDLE };
                idle | if done { control::AP_DONE | control::AP_READY } else { 0 }
            }
            control::GLOBAL_INTERRUPT => now.global,
            control::INTERRUPT_ENABLE => now.interrupt_enable,
            control::INTERRUPT_STATUS => now.interrupt_status,
            control::STATUS => now.status,
            _ => self.arguments.get(offset as usize / 4).copied().unwrap_or(0),
        }
    }

    /// Writes a register.
    pub fn write_register(&mut self, offset: u32, value: u32) {
        let mut now = self.shared.lock();
        match offset {
            control::CONTROL if value & control::AP_START != 0 && !now.running => {
                (now.running, now.status) = (true, 0);
                drop(now);
                self.start();
            }
            control::CONTROL | control::STATUS => (),
            control::GLOBAL_INTERRUPT => now.global = value,
            control::INTERRUPT_ENABLE => now.interrupt_enable = value,
            control::INTERRUPT_STATUS => now.interrupt_status ^= value & 1,
            _ => {
                if let Some(register) = self.arguments.get_mut(offset as usize / 4) {
                    *register = value;
                }
            }
        }
    }

    fn start(&mut self) {
        // A run that has ended leaves its machine behind.
        if let Some(machine) = self.run.take().and_then(|run| run.join().ok()) {
            self.machine = Some(machine);
        }
        let mut machine = self.machine.take().unwrap_or_else(|| Machine::new(&self.config));
        let pointers = std::array::from_fn(|i| {
            let at = control::argument_offset(i as u32) as usize / 4;
            u64::from(self.arguments[at]) | u64::from(self.arguments[at + 1]) << 32
        });
        let mut memory = Line::new(self.shared.clone(), self.config.bus_bytes(), pointers[0]);
        let config = self.config.clone();
        self.run = Some(std::thread::spawn(move || {
            let status = match memory.fetch_all() {
                Err(_) => Some(control::STATUS_READ_ERROR),
                Ok(words) => match timing::run(&config, &words, LATENCY) {
                    // What cannot end, and an unknown command: the functional model tells them apart.
                    Err(_) => match machine.run(&mut memory, pointers) {
                        Err(error) if error.status_bits() != 0 => Some(error.status_bits()),
                        _ => None,
                    },
                    Ok(times) => {
                        memory.times = times;
                        match machine.run(&mut memory, pointers) {
                            Ok(_) => Some(0),
                            Err(ModelError::Undefined { .. } | ModelError::Argument { .. }) => None,
                            Err(error) => Some(error.status_bits()),
                        }
                    }
                },
            };
            let mut now = memory.shared.lock();
            match status {
                // It waits for what never comes: running, without an interrupt, until it is reset.
                None => (),
                Some(status) => {
                    (now.running, now.done, now.status) = (false, true, status);
                    now.interrupt_status |= 1;
                    memory.shared.changed.notify_all();
                }
            }
            drop(now);
            machine
        }));
    }
}

/// Card memory at the other end of the line, in bursts.
struct Line {
    shared: Arc<Shared>,
    bus_bytes: usize,
    stream: u64,
    /// The command stream, fetched before the run.
    commands: Vec<u8>,
    /// What was read and not used yet, and where it is from.
    window: (u64, Vec<u8>),
    /// Words that the `LOAD` and `STORE` under way still move; their registers.
    left: [usize; 2],
    lengths: [usize; 2],
    /// Words to be written, and where the first goes.
    pending: (u64, Vec<u8>),
    times: Times,
    marks: usize,
}

impl Line {
    fn new(shared: Arc<Shared>, bus_bytes: usize, stream: u64) -> Self {
        let (window, pending) = ((0, Vec::new()), (0, Vec::new()));
        let times = Times::default();
        Self {
            shared,
            bus_bytes,
            stream,
            commands: Vec::new(),
            window,
            left: [0; 2],
            lengths: [1; 2],
            pending,
            times,
            marks: 0,
        }
    }

    /// Reads the stream up to its `END` or to what is no command.
    fn fetch_all(&mut self) -> Result<Vec<u32>, BusError> {
        let mut words = Vec::new();
        loop {
            let bytes = self.read_burst(self.stream + self.commands.len() as u64, BEATS)?;
            for word in bytes.chunks_exact(4).map(|w| u32::from_le_bytes([w[0], w[1], w[2], w[3]])) {
                words.push(word);
                let number = unpack(word).0;
                if number == op::END || operation(number).is_none() {
                    self.commands.extend(bytes);
                    return Ok(words);
                }
            }
            self.commands.extend(bytes);
        }
    }

    /// Beats of a burst at an address: as many as wanted, as many as there may be.
    fn beats(&self, address: u64, wanted: usize) -> usize {
        wanted.clamp(1, BEATS).min((4096 - (address % 4096) as usize) / self.bus_bytes)
    }

    fn read_burst(&mut self, address: u64, wanted: usize) -> Result<Vec<u8>, BusError> {
        let beats = self.beats(address, wanted);
        let answer = self.shared.burst(Burst { address, beats, data: None });
        let bytes: Vec<u8> = answer.unwrap_or_default().iter().flat_map(|w| w.to_le_bytes()).collect();
        if bytes.len() == beats * self.bus_bytes {
            Ok(bytes)
        } else {
            Err(BusError { address, bytes: beats * self.bus_bytes })
        }
    }

    /// Writes what is pending.
    fn flush(&mut self) -> Result<(), BusError> {
        let (mut address, bytes) = std::mem::take(&mut self.pending);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let beats = self.beats(address, rest.len() / self.bus_bytes);
            let (now, later) = rest.split_at(beats * self.bus_bytes);
            let words = now.chunks_exact(4).map(|w| u32::from_le_bytes([w[0], w[1], w[2], w[3]])).collect();
            let answer = self.shared.burst(Burst { address, beats, data: Some(words) });
            if !answer.is_some_and(|a| a.is_empty()) {
                return Err(BusError { address, bytes: now.len() });
            }
            (address, rest) = (address + now.len() as u64, later);
        }
        Ok(())
    }

    /// Looks at a command that the model fetches: how much its loads and stores will move.
    fn see(&mut self, word: u32) {
        let (number, value) = unpack(word);
        let words = |name: &str| {
            let field = operation(number).and_then(|o| o.fields.iter().find(|f| f.0 == name));
            field.map_or(0, |&(_, lsb, bits, _)| (value >> lsb & ((1u32 << bits) - 1)) as usize) + 1
        };
        match number {
            op::L_LEN => self.lengths[0] = words("words"),
            op::S_LEN => self.lengths[1] = words("words"),
            op::LOAD => self.left[0] = self.lengths[0],
            op::STORE => self.left[1] = self.lengths[1],
            _ => (),
        }
    }
}

impl CardMemory for Line {
    fn read(&mut self, address: u64, bytes: &mut [u8]) -> Result<(), BusError> {
        if bytes.len() > self.bus_bytes.max(4) {
            return Ok(()); // what the RTL's fetcher reads behind `END`: nobody uses it
        }
        let at = address.wrapping_sub(self.stream) as usize;
        if let Some(command) =
            self.commands.get(at..at.saturating_add(bytes.len())).filter(|_| bytes.len() == 4 && self.left[0] == 0)
        {
            bytes.copy_from_slice(command);
            self.see(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
            return Ok(());
        }
        let at = address.wrapping_sub(self.window.0) as usize;
        if self.window.1.get(at..at.saturating_add(bytes.len())).is_none() {
            self.window = (address, self.read_burst(address, self.left[0])?);
        }
        let at = (address - self.window.0) as usize;
        bytes.copy_from_slice(&self.window.1[at..at + bytes.len()]);
        self.left[0] = self.left[0].saturating_sub(1);
        if self.left[0] == 0 {
            self.window.1.clear();
        }
        Ok(())
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), BusError> {
        if self.left[1] == 0 {
            // A snapshot; the model does not know the counts that depend on time.
            let mut snapshot = bytes.to_vec();
            if let Some(times) = self.times.marks.get(self.marks) {
                for i in COUNTED {
                    snapshot[i * self.bus_bytes..][..4].copy_from_slice(&times.0[i].to_le_bytes());
                }
            }
            self.marks += 1;
            debug_assert_eq!(bytes.len(), Snapshot::bytes(self.bus_bytes));
            self.pending = (address, snapshot);
            return self.flush();
        }
        if self.pending.1.is_empty() {
            self.pending.0 = address;
        }
        self.pending.1.extend(bytes);
        self.left[1] -= 1;
        if self.left[1] == 0 || self.pending.1.len() == BEATS * self.bus_bytes {
            self.flush()?;
        }
        Ok(())
    }
}
