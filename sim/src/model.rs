//! A functional model of `systole_infer`: what a command stream does, exactly, without saying when.
//!
//! Everything is done in order, so hazards between units that a stream forgot to `WAIT` for do not show here. What the
//! hardware would never finish (a drain of a bank that nothing feeds) and what it leaves undefined (a job greater than
//! an accumulator bank) is an error here. Counters that depend on time stay 0.

use crate::memory::{BusError, CardMemory};
use isa::command::{self as op, OPERATIONS};
use isa::config::Config;
use isa::counter::{self, Snapshot};
use isa::{control, layout, requant};
use std::fmt;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Counters since the start of the run, after the last command. `CYCLES`, `IDLE`, `DRAIN_BUSY` and `STALLS` are 0;
    /// beats that fetch commands and tiles that are read ahead and then not used are not counted.
    pub counters: Snapshot,
    /// `MARK` commands executed: snapshots written.
    pub marks: usize,
}

/// Why a run did not reach `END`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelError {
    /// The word at this index of the stream is no command.
    Illegal {
        /// Index of the command word.
        index: usize,
        /// The word.
        word: u32,
    },
    /// Card memory answered a read with an error.
    Read {
        /// Index of the command word.
        index: usize,
        /// The access.
        error: BusError,
    },
    /// Card memory answered a write with an error.
    Write {
        /// Index of the command word.
        index: usize,
        /// The access.
        error: BusError,
    },
    /// The command asks for what the hardware cannot do or would wait for without end.
    Undefined {
        /// Index of the command word.
        index: usize,
        /// What is asked for, with its values.
        what: String,
    },
    /// An argument is not aligned to [`control::BUFFER_ALIGN`] or lies beyond the address bits of the configuration.
    Argument {
        /// Name of the argument.
        name: &'static str,
        /// Its value.
        address: u64,
    },
}

impl ModelError {
    /// The bits that the hardware shows in its status register for this; 0 where it would not notice.
    pub fn status_bits(&self) -> u32 {
        match self {
            Self::Illegal { .. } => control::STATUS_ILLEGAL,
            Self::Read { .. } => control::STATUS_READ_ERROR,
            Self::Write { .. } => control::STATUS_WRITE_ERROR,
            Self::Undefined { .. } | Self::Argument { .. } => 0,
        }
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Illegal { index, word } => write!(f, "command {index}: {word:#010x} is no command"),
            Self::Read { index, error } => write!(f, "command {index}: read error: {error}"),
            Self::Write { index, error } => write!(f, "command {index}: write error: {error}"),
            Self::Undefined { index, what } => write!(f, "command {index}: {what}"),
            Self::Argument { name, address } => {
                write!(
                    f,
                    "argument {name} is {address:#x}; it must be a multiple of {} that the card can address",
                    control::BUFFER_ALIGN
                )
            }
        }
    }
}

impl std::error::Error for ModelError {}

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
            self.counters[counter::COMMANDS] += 1;
            let undefined = |what| ModelError::Undefined { index, what };
            match operation {
                op::FEED => self.start_feed().map_err(undefined)?,
                op::DRAIN => self.start_drain().map_err(undefined)?,
                op::LOAD => self.load(memory, &pointers).map_err(|error| ModelError::Read { index, error })?,
                op::STORE => self.store(memory, &pointers).map_err(|error| ModelError::Write { index, error })?,
                op::WAIT => self.idle(value).map_err(undefined)?,
                op::MARK => {
                    self.idle(op::UNIT_ALL).map_err(undefined)?;
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

    fn feed(&mut self) -> Result<(), String> {
        let n = self.n;
        let (width, height) = (self.field(op::F_OUT, "width") + 1, self.field(op::F_OUT, "height") + 1);
        if width * height > self.config.acc_words() {
            return Err(format!(
                "a job of {width} x {height} output pixels; an accumulator bank of `{}` holds {}",
                self.config.name,
                self.config.acc_words()
            ));
        }
        let (kernel_width, kernel_height) =
            (self.field(op::F_KERNEL, "width") + 1, self.field(op::F_KERNEL, "height") + 1);
        let blocks = self.field(op::F_KERNEL, "blocks") + 1;
        let (stride_x, stride_y) = (self.field(op::F_MODE, "stride_x"), self.field(op::F_MODE, "stride_y"));
        let (origin_x, origin_y) = (self.signed(op::F_ORIGIN, "x", 12), self.signed(op::F_ORIGIN, "y", 12));
        let (in_width, in_height) = (self.field(op::F_IN, "width") as i64, self.field(op::F_IN, "height") as i64);
        let (max, hold) = (self.field(op::F_MODE, "max") == 1, self.field(op::F_MODE, "hold") == 1);
        let pad = vec![self.field(op::F_MODE, "pad") as u8 as i8; n];
        let register = |r: u8| self.registers[r as usize] as usize;
        let (address, kernel_step) = (register(op::F_ADDR), register(op::F_KERNEL_STEP));
        let (row_step, pixel_step) = (register(op::F_ROW_STEP), register(op::F_PIXEL_STEP));

        let mut tile = Vec::new();
        let mut first = true;
        let taps = (0..kernel_height).flat_map(|y| (0..kernel_width).map(move |x| (y, x)));
        for (ky, kx, block) in taps.flat_map(|(y, x)| (0..blocks).map(move |b| (y, x, b))) {
            if first || !hold {
                tile = self.next_tile();
            }
            let tap = address + ky * kernel_step + kx * blocks + block;
            let macs = self.field(op::F_MACS, if block + 1 == blocks { "last" } else { "full" });
            for (pixel, (oy, ox)) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))).enumerate() {
                let iy = (oy * stride_y + ky) as i64 + origin_y;
                let ix = (ox * stride_x + kx) as i64 + origin_x;
                let inside = (0..in_height).contains(&iy) && (0..in_width).contains(&ix);
                let at = self.act_word(tap + oy * row_step + ox * pixel_step);
                let word = if inside { &self.act[at..at + n] } else { &pad };
                let bank = &mut self.banks[self.feed_bank][pixel * n..(pixel + 1) * n];
                let zeros = multiply(word, &tile, bank, first, max);
                for (number, count) in [
                    (counter::BUSY, 1),
                    (counter::MACS, macs),
                    (counter::ZERO_PRODUCTS, zeros),
                    (counter::ACT_READS, inside as usize),
                    (counter::ACC_READS, !first as usize),
                    (counter::ACC_WRITES, 1),
                ] {
                    self.counters[number] += count as u64;
                }
            }
            first = false;
        }
        Ok(())
    }

    /// Takes the next tile, n words of weight memory.
    fn next_tile(&mut self) -> Vec<i8> {
        let mut tile = Vec::with_capacity(self.n * self.n);
        for _ in 0..self.n {
            let at = self.weight_word(self.tile_at);
            tile.extend(self.weights[at..at + self.n].iter().map(|&b| b as i8));
            self.tile_at += 1;
        }
        self.counters[counter::WEIGHT_READS] += self.n as u64;
        tile
    }

    fn drain(&mut self) -> Result<(), String> {
        let n = self.n;
        let pixels = self.field(op::D_COUNT, "pixels") + 1;
        let steps = self.field(op::D_COUNT, "steps") as u32 + 1;
        if pixels > self.config.acc_words() {
            return Err(format!("a drain of {pixels} pixels; a bank holds {}", self.config.acc_words()));
        }
        if steps > requant::MAX_STEPS {
            return Err(format!("multipliers of {steps} digits; they may have {}", requant::MAX_STEPS));
        }
        let [zero_point, low, high] = ["zero_point", "low", "high"].map(|f| self.field(op::D_QUANT, f) as u8 as i8);
        let params: Vec<(i32, u64)> = (0..n).map(|c| self.parameter(c, steps)).collect();
        let (address, step) = (self.registers[op::D_ADDR as usize], self.registers[op::D_STEP as usize]);
        for p in 0..pixels {
            let at = self.act_word(address as usize + p * step as usize);
            for (c, &(bias, mult)) in params.iter().enumerate() {
                let acc = self.banks[self.drain_bank][p * n + c].wrapping_add(bias);
                self.act[at + c] = requant::requantise(acc, mult, steps, zero_point, low, high);
            }
        }
        self.counters[counter::ACC_READS] += pixels as u64;
        self.counters[counter::ACT_WRITES] += pixels as u64;
        self.counters[counter::WEIGHT_READS] += (n * layout::param_words(n)) as u64;
        Ok(())
    }

    /// Bias and multiplier of output channel `c` of the block; the hardware takes just `steps` digits of the latter.
    fn parameter(&self, c: usize, steps: u32) -> (i32, u64) {
        let words = layout::param_words(self.n);
        let start = self.registers[op::D_PARAM as usize] as usize + c * words;
        let record: Vec<u8> = (0..words)
            .flat_map(|w| {
                let at = self.weight_word(start + w);
                self.weights[at..at + self.n].iter().copied()
            })
            .collect();
        let number = |range: std::ops::Range<usize>| record[range].iter().rev().fold(0, |v, &b| v << 8 | u64::from(b));
        (number(0..4) as u32 as i32, number(4..12) & (u64::MAX >> (64 - requant::DIGIT_BITS * steps)))
    }

    fn load(&mut self, memory: &mut impl CardMemory, pointers: &[u64; 5]) -> Result<(), BusError> {
        let words = self.field(op::L_LEN, "words") + 1;
        let source = pointers[1 + self.field(op::L_LEN, "source")];
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

/// One busy cycle: `bank[c]` takes Σ word[r] · tile[r][c]. Returns the products with a zero operand.
fn multiply(word: &[i8], tile: &[i8], bank: &mut [i32], first: bool, max: bool) -> usize {
    let n = word.len();
    let mut sums = [0i32; 16];
    let mut zeros = 0;
    for (&a, row) in word.iter().zip(tile.chunks_exact(n)) {
        for (sum, &w) in sums.iter_mut().zip(row) {
            *sum += i32::from(a) * i32::from(w);
            zeros += (a == 0 || w == 0) as usize;
        }
    }
    for (acc, sum) in bank.iter_mut().zip(sums) {
        *acc = if first {
            sum
        } else if max {
            sum.max(*acc)
        } else {
            acc.wrapping_add(sum)
        };
    }
    zeros
}
