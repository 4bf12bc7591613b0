//! A functional model of `systole_infer`: what a command stream does, exactly, without saying when.
//!
//! Everything is done in order, so hazards between units that a stream forgot to `WAIT` for do not show here. What the
//! hardware would never finish (a drain of a bank that nothing feeds) and what it leaves undefined (a job greater than
//! an accumulator bank) is an error here. Counters that depend on time stay 0.

pub mod allocate;
mod error;
mod jobs;

pub use error::ModelError;

use crate::memory::{BusError, CardMemory};
use isa::command::{self as op, OPERATIONS};
use isa::config::Config;
use isa::counter::{self, Snapshot};
use isa::{control, layout};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Counters since the start of the run, after the last command. `CYCLES`, `IDLE`, `DRAIN_BUSY` and `STALLS` are 0;
    /// beats that fetch commands and tiles that are read ahead and then not used are not counted.
    pub counters: Snapshot,
    /// `MARK` commands executed: snapshots written.
    pub marks: usize,
}

/// The state of a kernel: on-chip memories, accumulators and registers. Memories keep their content between runs.
#[derive(Clone, Debug)]
pub struct Machine {
    config: Config,
    n: usize,
    bus_bytes: usize,
    act: Vec<i8>,
    weights: Vec<u8>,
    banks: [Vec<i32>; 2],
    fed: [bool; 2],
    feed_bank: usize,
    drain_bank: usize,
    feed_waits: bool,
    drain_waits: bool,
    tile_at: usize,
    registers: [u32; op::FEED as usize],
    counters: [u64; counter::COUNT],
}

impl Machine {
    /// A machine with zeroed memories.
    pub fn new(config: &Config) -> Self {
        let n = config.n;
        Self {
            config: config.clone(),
            n,
            bus_bytes: config.bus_bytes(),
            act: vec![0; config.act_words() * n],
            weights: vec![0; config.weight_words() * n],
            banks: [vec![0; config.acc_words() * n], vec![0; config.acc_words() * n]],
            fed: [false; 2],
            feed_bank: 0,
            drain_bank: 0,
            feed_waits: false,
            drain_waits: false,
            tile_at: 0,
            registers: [0; op::FEED as usize],
            counters: [0; counter::COUNT],
        }
    }

    /// Activation memory: words of n int8, one after the other.
    pub fn activations(&self) -> &[i8] {
        &self.act
    }

    /// Weight memory: words of n bytes, one after the other.
    pub fn weights(&self) -> &[u8] {
        &self.weights
    }

    /// Runs the command stream at `pointers[0]`. `pointers` are card addresses of the arguments in the order of
    /// [`control::ARGUMENTS`]: commands, weights, input, output, counters.
    ///
    /// # Errors
    /// [`ModelError`] at the first command that cannot be done; what came before it has been done.
    pub fn run(&mut self, memory: &mut impl CardMemory, pointers: [u64; 5]) -> Result<Status, ModelError> {
        for (name, address) in control::ARGUMENTS.into_iter().zip(pointers) {
            let beyond = self.config.addr_bits < 64 && address >> self.config.addr_bits != 0;
            if address % control::BUFFER_ALIGN != 0 || beyond {
                return Err(ModelError::Argument { name, address });
            }
        }
        self.counters = [0; counter::COUNT];
        self.fed = [false; 2];
        (self.feed_bank, self.drain_bank) = (0, 0);
        (self.feed_waits, self.drain_waits) = (false, false);
        let mut marks = 0;
        for index in 0.. {
            let mut bytes = [0; 4];
            let at = pointers[0].wrapping_add(4 * index as u64);
            memory.read(at, &mut bytes).map_err(|error| ModelError::Read { index, error })?;
            let word = u32::from_le_bytes(bytes);
            let (operation, value) = op::unpack(word);
            if !OPERATIONS.iter().any(|o| o.op == operation) {
                return Err(ModelError::Illegal { index, word });
            }
            self.counters[counter::COMMANDS] += u64::from(operation != op::WAIT);
            let undefined = |what| ModelError::Undefined { index, what };
            match operation {
                op::FEED => self.start_feed().map_err(undefined)?,
                op::DRAIN => self.start_drain().map_err(undefined)?,
                op::LOAD => self.load(memory, &pointers).map_err(|error| ModelError::Read { index, error })?,
                op::STORE => self.store(memory, &pointers).map_err(|error| ModelError::Write { index, error })?,
                op::WAIT => self.idle(value).map_err(undefined)?,
                op::MARK => {
                    let units = if value & 1 == 1 { op::UNIT_FEED | op::UNIT_STORE } else { op::UNIT_ALL };
                    self.idle(units).map_err(undefined)?;
                    self.mark(memory, pointers[4], marks).map_err(|error| ModelError::Write { index, error })?;
                    marks += 1;
                }
                op::END => {
                    self.idle(op::UNIT_ALL).map_err(undefined)?;
                    // The fetcher has read ahead by now; a buffer that ends too early is a bus error in hardware.
                    memory
                        .read(at + 4, &mut [0; layout::COMMAND_READ_AHEAD])
                        .map_err(|error| ModelError::Read { index, error })?;
                    break;
                }
                register => {
                    self.idle(unit_of(register)).map_err(undefined)?;
                    self.registers[register as usize] = value;
                    if register == op::W_ADDR {
                        self.tile_at = value as usize;
                    }
                }
            }
        }
        Ok(Status { counters: self.snapshot(), marks })
    }

    /// The unsigned field `name` of the register of operation `register`.
    fn field(&self, register: u8, name: &str) -> usize {
        let fields = op::operation(register).map_or(&[][..], |o| o.fields);
        let (_, lsb, bits, _) = *fields.iter().find(|f| f.0 == name).unwrap_or(&("", 0, 0, ""));
        (self.registers[register as usize] >> lsb & ((1 << bits) - 1)) as usize
    }

    /// A field of `bits` bits as a two's complement number.
    fn signed(&self, register: u8, name: &str, bits: u32) -> i64 {
        let value = self.field(register, name) as i64;
        value << (64 - bits) >> (64 - bits)
    }

    fn act_word(&self, address: usize) -> usize {
        (address & (self.config.act_words() - 1)) * self.n
    }

    fn weight_word(&self, address: usize) -> usize {
        (address & (self.config.weight_words() - 1)) * self.n
    }

    /// In this model a unit is busy only while it waits for the other one, which no later command of the stream changes
    /// once the sequencer itself waits: that is a deadlock.
    fn idle(&self, units: u32) -> Result<(), String> {
        if units & op::UNIT_FEED != 0 && self.feed_waits {
            return Err("waits without end: the feeder waits for a bank that is never drained".into());
        }
        if units & op::UNIT_DRAIN != 0 && self.drain_waits {
            return Err("waits without end: the drain waits for a bank that is never fed".into());
        }
        Ok(())
    }

    fn start_feed(&mut self) -> Result<(), String> {
        self.idle(op::UNIT_FEED)?;
        self.feed_waits = true;
        self.progress()
    }

    fn start_drain(&mut self) -> Result<(), String> {
        self.idle(op::UNIT_DRAIN)?;
        self.drain_waits = true;
        self.progress()
    }

    /// Does whatever a waiting feeder or drain can do now.
    fn progress(&mut self) -> Result<(), String> {
        loop {
            if self.feed_waits && !self.fed[self.feed_bank] {
                self.feed()?;
                self.feed_waits = false;
                self.fed[self.feed_bank] = true;
                self.feed_bank ^= 1;
            } else if self.drain_waits && self.fed[self.drain_bank] {
                self.drain()?;
                self.drain_waits = false;
                self.fed[self.drain_bank] = false;
                self.drain_bank ^= 1;
            } else {
                return Ok(());
            }
        }
    }

    fn load(&mut self, memory: &mut impl CardMemory, pointers: &[u64; 5]) -> Result<(), BusError> {
        let words = self.field(op::L_LEN, "words") + 1;
        let source = pointers[1 + self.field(op::L_LEN, "source").min(2)];
        let offset = self.field(op::L_SRC, "offset");
        let to_weights = self.field(op::L_DST, "memory") == 1;
        let first = self.field(op::L_DST, "address");
        let mut word = vec![0; self.bus_bytes];
        for i in 0..words {
            memory.read(source.wrapping_add(((offset + i) * self.bus_bytes) as u64), &mut word)?;
            self.counters[counter::BUS_READS] += 1;
            let bytes = word[..self.n].iter();
            if to_weights {
                let at = self.weight_word(first + i);
                self.weights[at..].iter_mut().zip(bytes).for_each(|(to, &from)| *to = from);
                self.counters[counter::WEIGHT_WRITES] += 1;
            } else {
                let at = self.act_word(first + i);
                self.act[at..].iter_mut().zip(bytes).for_each(|(to, &from)| *to = from as i8);
                self.counters[counter::ACT_WRITES] += 1;
            }
        }
        Ok(())
    }

    fn store(&mut self, memory: &mut impl CardMemory, pointers: &[u64; 5]) -> Result<(), BusError> {
        let words = self.field(op::S_LEN, "words") + 1;
        let (first, offset) = (self.field(op::S_SRC, "address"), self.field(op::S_DST, "offset"));
        let mut word = vec![0; self.bus_bytes];
        for i in 0..words {
            let at = self.act_word(first + i);
            word.iter_mut().zip(&self.act[at..at + self.n]).for_each(|(to, &from)| *to = from as u8);
            memory.write(pointers[3].wrapping_add(((offset + i) * self.bus_bytes) as u64), &word)?;
            self.counters[counter::ACT_READS] += 1;
            self.counters[counter::BUS_WRITES] += 1;
        }
        Ok(())
    }

    fn mark(&mut self, memory: &mut impl CardMemory, counters: u64, marks: usize) -> Result<(), BusError> {
        let mut bytes = vec![0; Snapshot::bytes(self.bus_bytes)];
        for (word, count) in bytes.chunks_mut(self.bus_bytes).zip(self.snapshot().0) {
            word[..4].copy_from_slice(&count.to_le_bytes());
        }
        memory.write(counters.wrapping_add((marks * bytes.len()) as u64), &bytes)?;
        self.counters[counter::BUS_WRITES] += counter::COUNT as u64;
        Ok(())
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot(self.counters.map(|count| count as u32))
    }
}

/// Which unit a register belongs to, as a unit bit.
fn unit_of(register: u8) -> u32 {
    match register {
        op::D_ADDR..=op::D_PARAM => op::UNIT_DRAIN,
        op::L_SRC..=op::L_LEN => op::UNIT_LOAD,
        op::S_SRC..=op::S_LEN => op::UNIT_STORE,
        _ => op::UNIT_FEED,
    }
}
