//! A board that runs a kernel: its registers are written, its bursts are served from the regions of the run, until its
//! interrupt is up or a limit is met.

use super::identity::Identity;
use super::link::{Link, Reply, Statistics};
use super::place::Place;
use super::LineError;
use crate::rtl::{Region, RunError};
use isa::bridge::*;
use isa::config::Config;
use isa::counter::{Snapshot, CYCLES};
use isa::{control, failure};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a kernel may go on after it left its buffers, and how many more bursts it may ask for: it should end by itself.
const FAULT_PATIENCE: Duration = Duration::from_millis(500);
const FAULT_BURSTS: u32 = 64;
/// AXI response.
const SLVERR: u32 = 2;

/// When a run is given up, in cycles of the board's clock: [`crate::settings::Settings`] has both.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most cycles of a run, beside the time of the line.
    pub cycles: u64,
    /// Most cycles without a burst.
    pub quiet: u64,
}

/// What a run took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoardRun {
    /// Cycles by the kernel's counter, in the last snapshot that it wrote; it counts on while the kernel waits for the line.
    /// `None` for a stream without a snapshot.
    pub counted: Option<u64>,
    /// From the first register to the last, by the host's clock.
    pub wall: Duration,
    /// What went over the line.
    pub line: Statistics,
    /// Bursts that the kernel read and wrote.
    pub bursts: [u64; 2],
}

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failed {
    /// The board is lost; it is looked for again at the next use.
    Line(LineError),
    /// It ended with an error, and has been reset.
    Run(RunError),
}

impl From<LineError> for Failed {
    fn from(error: LineError) -> Self {
        Self::Line(error)
    }
}

/// A board on a line.
pub struct Board {
    place: Place,
    identity: Option<Identity>,
    link: Option<Link>,
    /// What registers hold for certain: what holds already is not sent again.
    registers: BTreeMap<u32, u32>,
}

impl Board {
    /// A board that nobody has asked yet.
    pub fn new(place: Place) -> Self {
        Self { place, identity: None, link: None, registers: BTreeMap::new() }
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What it said of itself when it was asked last.
    pub fn identity(&self) -> Option<Identity> {
        self.identity
    }

    /// Asks who is there and closes the line again: other programs may want the board.
    ///
    /// # Errors
    /// The line, or a board that is of no use.
    pub fn probe(&mut self) -> Result<Identity, LineError> {
        let mut link = Link::open(&self.place.line, self.place.baud)?;
        let identity = Identity::ask(&mut link)?;
        self.identity = Some(identity);
        Ok(identity)
    }

    /// Opens the line if it is not open. The board is reset, and must be the one that it was.
    ///
    /// # Errors
    /// As [`Board::probe`], or another bitstream than before.
    pub fn connect(&mut self) -> Result<Identity, LineError> {
        if let (Some(_), Some(identity)) = (&self.link, self.identity) {
            return Ok(identity);
        }
        let mut link = Link::open(&self.place.line, self.place.baud)?;
        let identity = Identity::ask(&mut link)?;
        if self.identity.is_some_and(|known| known != identity) {
            return Err(LineError::Unfit(
                "another bitstream runs on it than when it was found; start the program again".into(),
            ));
        }
        link.request(OP_RESET, &[], 0)?;
        link.persist(true);
        self.registers.clear();
        self.identity = Some(identity);
        self.link = Some(link);
        Ok(identity)
    }

    /// As [`Board::connect`]; a line that is open is tried, and opened anew if nobody answers: it may have been unplugged and
    /// plugged in again.
    ///
    /// # Errors
    /// As there.
    pub fn check(&mut self) -> Result<Identity, LineError> {
        if let Some(link) = &mut self.link {
            link.persist(false);
            let answer = link.request(OP_STATUS, &[], 0);
            link.persist(true);
            if answer.is_err() {
                self.link = None;
            }
        }
        self.connect()
    }

    /// Runs `systole_infer` with `pointers` as arguments; it reaches `regions` alone.
    ///
    /// # Errors
    /// [`Failed`], and how long it took.
    pub fn run(
        &mut self,
        config: &Config,
        regions: &mut [Region<'_>],
        pointers: &[u64],
        limits: &Limits,
    ) -> Result<BoardRun, (Failed, Duration)> {
        let began = Instant::now();
        let result = self.try_run(config, regions, pointers, limits, began);
        if let Err(failed) = &result {
            if matches!(failed, Failed::Run(_)) {
                self.registers.clear();
                let reset = self.link.as_mut().map(|link| link.request(OP_RESET, &[], 0));
                if !matches!(reset, Some(Ok(_))) {
                    self.link = None;
                }
            } else {
                self.link = None;
            }
        }
        result.map_err(|failed| (failed, began.elapsed()))
    }

    fn try_run(
        &mut self,
        config: &Config,
        regions: &mut [Region<'_>],
        pointers: &[u64],
        limits: &Limits,
        began: Instant,
    ) -> Result<BoardRun, Failed> {
        let identity = self.connect()?;
        let Some(link) = self.link.as_mut() else { return Err(LineError::Gone("it is not open".into()).into()) };
        let before = link.statistics;
        let mut registers = Registers { link, known: &mut self.registers };
        for (i, pointer) in pointers.iter().enumerate() {
            let offset = control::argument_offset(i as u32);
            registers.keep(offset, *pointer as u32)?;
            if config.addr_bits > 32 {
                registers.keep(offset + 4, (pointer >> 32) as u32)?;
            }
        }
        registers.keep(control::INTERRUPT_ENABLE, 1)?;
        let mut state = registers.keep(control::GLOBAL_INTERRUPT, 1)?;
        if state.is_some_and(|s| s.flags & INTERRUPT != 0) {
            registers.write(control::INTERRUPT_STATUS, 1)?; // it toggles
        }
        state = Some(registers.write(control::CONTROL, control::AP_START)?);

        let mut bursts = Bursts {
            regions,
            bus_bytes: config.bus_bytes(),
            counters: pointers.last().copied().unwrap_or(0),
            counted_end: 0,
            fault: None,
            served: [0; 2],
        };
        let mut moved = Instant::now();
        let clock = identity.clock_hz as f64;
        while let Some(now) = state.filter(|s| s.flags & INTERRUPT == 0) {
            let waits = now.flags & (READ_WAITS | WRITE_WAITS) != 0;
            let link = &mut *registers.link;
            let reply = if waits {
                moved = Instant::now();
                bursts.serve(link, &now)?
            } else {
                link.request(OP_STATUS, &[], 0)?
            };
            state = Some(reply.state);
            bursts.check_fault(config)?;
            let line = link.statistics.since(&before);
            // A board whose line is slower than its baud, such as a simulated one, runs as much slower.
            let time = |cycles: u64| cycles as f64 / clock * link.pace();
            let run = began.elapsed().as_secs_f64() - link.wire(line.bytes_out + line.bytes_in).as_secs_f64();
            if run > time(limits.cycles) {
                return Err(limit(failure::CYCLE_LIMIT, limits.cycles, "in all", began));
            }
            if moved.elapsed().as_secs_f64() > time(limits.quiet) {
                return Err(limit(failure::NO_PROGRESS, limits.quiet, "without a burst", began));
            }
        }
        let status = registers.read(control::STATUS)?;
        registers.read(control::CONTROL)?; // clears done
        registers.write(control::INTERRUPT_STATUS, 1)?;
        bursts.verdict(status)?;
        let line = registers.link.statistics.since(&before);
        Ok(BoardRun { counted: bursts.cycles(), wall: began.elapsed(), line, bursts: bursts.served })
    }
}

fn limit(code: i32, cycles: u64, what: &str, began: Instant) -> Failed {
    let detail =
        format!("the time of {cycles} cycles {what}; {:.3} s by the host's clock", began.elapsed().as_secs_f64());
    Failed::Run(RunError { code, detail })
}

/// The kernel's registers, behind what is known of them.
struct Registers<'a> {
    link: &'a mut Link,
    known: &'a mut BTreeMap<u32, u32>,
}

impl Registers<'_> {
    /// Writes one that keeps its value, unless it has it. The state, if anything was sent.
    fn keep(&mut self, offset: u32, value: u32) -> Result<Option<State>, LineError> {
        if self.known.get(&offset) == Some(&value) {
            return Ok(None);
        }
        let state = self.write(offset, value)?;
        self.known.insert(offset, value);
        Ok(Some(state))
    }

    fn write(&mut self, offset: u32, value: u32) -> Result<State, LineError> {
        Ok(self.link.request(OP_REGISTER_WRITE, &[offset, value], 0)?.state)
    }

    fn read(&mut self, offset: u32) -> Result<u32, LineError> {
        Ok(self.link.request(OP_REGISTER_READ, &[offset], 1)?.data.first().copied().unwrap_or(0))
    }
}

/// Card memory for the bursts of a run.
struct Bursts<'a, 'b> {
    regions: &'a mut [Region<'b>],
    bus_bytes: usize,
    /// Where snapshots go, and the end of what was written there.
    counters: u64,
    counted_end: u64,
    /// The first address outside every region: whether it was written, when, and how many bursts came since.
    fault: Option<(u64, bool, Instant, u32)>,
    served: [u64; 2],
}

impl Bursts<'_, '_> {
    /// Serves the burst that waits.
    fn serve(&mut self, link: &mut Link, burst: &State) -> Result<Reply, Failed> {
        let (address, beats) = (u64::from(burst.address), burst.beats as usize);
        let bytes = beats * self.bus_bytes;
        let writes = burst.flags & READ_WAITS == 0;
        if beats > 16 || !address.is_multiple_of(self.bus_bytes as u64) || address % 4096 + bytes as u64 > 4096 {
            let detail = format!("a burst of {beats} beats at {address:#x} is none of AXI4 here");
            return Err(Failed::Run(RunError { code: failure::BUS_PROTOCOL, detail }));
        }
        self.served[usize::from(writes)] += 1;
        let Some(memory) = self.find(address, bytes) else {
            let (.., since) = self.fault.get_or_insert((address, writes, Instant::now(), 0));
            *since += 1;
            let refused =
                if writes { link.request(OP_WRITE_DONE, &[SLVERR], 0) } else { link.request(OP_READ_DATA, &[], 0) };
            return Ok(refused?);
        };
        if !writes {
            let words: Vec<u32> =
                memory.chunks_exact(4).map(|w| u32::from_le_bytes([w[0], w[1], w[2], w[3]])).collect();
            return Ok(link.request(OP_READ_DATA, &words, 0)?);
        }
        let data = link.request(OP_WRITE_DATA, &[], bytes / 4)?.data;
        memory.chunks_exact_mut(4).zip(data).for_each(|(to, word)| to.copy_from_slice(&word.to_le_bytes()));
        let end = address + bytes as u64;
        if address >= self.counters && self.find(self.counters, (end - self.counters) as usize).is_some() {
            self.counted_end = self.counted_end.max(end);
        }
        Ok(link.request(OP_WRITE_DONE, &[0], 0)?)
    }

    /// Bytes that lie in one region.
    fn find(&mut self, address: u64, bytes: usize) -> Option<&mut [u8]> {
        self.regions.iter_mut().find_map(|region| {
            let at = usize::try_from(address.checked_sub(region.base)?).ok()?;
            region.bytes.get_mut(at..at.checked_add(bytes)?)
        })
    }

    /// Ends a run that goes on although it has left its buffers.
    fn check_fault(&self, config: &Config) -> Result<(), Failed> {
        match self.fault {
            Some((.., since, bursts)) if since.elapsed() > FAULT_PATIENCE || bursts > FAULT_BURSTS => {
                let status = if self.fault.is_some_and(|f| f.1) {
                    control::STATUS_WRITE_ERROR
                } else {
                    control::STATUS_READ_ERROR
                };
                self.verdict(status).map_err(|e| match e {
                    Failed::Run(error) => Failed::Run(RunError {
                        detail: format!("{}; still running on {}", error.detail, config.name),
                        ..error
                    }),
                    line => line,
                })
            }
            _ => Ok(()),
        }
    }

    /// What the kernel's status register says.
    fn verdict(&self, status: u32) -> Result<(), Failed> {
        let address = self.fault.map_or(0, |f| f.0);
        let code = if status & control::STATUS_READ_ERROR != 0 {
            failure::READ_FAULT
        } else if status & control::STATUS_WRITE_ERROR != 0 {
            failure::WRITE_FAULT
        } else if status & control::STATUS_ILLEGAL != 0 {
            failure::ILLEGAL_COMMAND
        } else {
            return Ok(());
        };
        let bursts = self.served[0] + self.served[1];
        let detail = match self.fault {
            Some(_) => format!("address {address:#x}, stopped after {bursts} bursts"),
            None => format!("stopped after {bursts} bursts"),
        };
        Err(Failed::Run(RunError { code, detail }))
    }

    /// Cycles in the last snapshot.
    fn cycles(&mut self) -> Option<u64> {
        let bytes = self.counted_end.checked_sub(self.counters)? as usize;
        let (counters, bus) = (self.counters, self.bus_bytes);
        let last = (bytes / Snapshot::bytes(bus)).checked_sub(1)?;
        let at = counters + (last * Snapshot::bytes(bus)) as u64;
        let snapshot = self.find(at, Snapshot::bytes(bus))?;
        Some(u64::from(Snapshot::parse_all(snapshot, bus).first()?.0[CYCLES]))
    }
}
