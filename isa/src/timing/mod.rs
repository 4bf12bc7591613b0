//! How long a command stream takes: the control of `systole_infer`, cycle by cycle, without its data.
//!
//! Each unit is a small state machine with the registers that decide when something happens in the hardware
//! (`hdl/src`), so that the times are those of the RTL, not estimates of them: the compiler's estimate and the model card
//! both stand on it, and `sim/tests/cosim.rs` holds it against the Verilated kernel. Card memory answers as the simulated
//! card's does: in order, a beat a cycle, the first one a fixed number of cycles after its request.

mod bus;
mod drain;
mod feeder;
mod store;

use crate::command as op;
use crate::config::Config;
use crate::counter::{self, Snapshot};
use alloc::vec::Vec;
use bus::{Bus, Fetch, Load};
use drain::Drain;
use feeder::{Feeder, Tiles};
use store::Store;

/// When a run passed its marks, and how long it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Cycles from `ap_start`'s write to the interrupt. The `cycles` counter runs from a cycle later: the start passes a register.
    pub cycles: u64,
    /// At each `MARK` the counters [`COUNTED`]; the others are 0.
    pub marks: Vec<Snapshot>,
}

/// The counters that depend on time.
pub const COUNTED: [usize; 6] =
    [counter::CYCLES, counter::IDLE, counter::WEIGHT_READS, counter::BUS_READS, counter::DRAIN_BUSY, counter::STALLS];

/// A stream that cannot end: the cycle at which it was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endless(pub u64);

/// The registers of the contract, as commands write them.
pub(crate) struct Registers([u32; op::FEED as usize]);

impl Registers {
    /// A field: lowest bit and width.
    pub(crate) fn bits(&self, register: u8, lsb: u32, bits: u32) -> u64 {
        u64::from(self.0[register as usize] >> lsb & ((1 << bits) - 1))
    }
}

/// Runs `commands` on `config` with card memory that answers `latency` cycles after a request.
///
/// # Errors
/// [`Endless`] if the stream has no `END`, or one of its commands can never be executed.
pub fn run(config: &Config, commands: &[u32], latency: u32) -> Result<Times, Endless> {
    let mut kernel = Kernel::new(config, latency);
    kernel.run(commands)
}

struct Kernel {
    registers: Registers,
    bus: Bus,
    fetch: Fetch,
    load: Load,
    tiles: Tiles,
    feeder: Feeder,
    drain: Drain,
    store: Store,
    /// The command in the sequencer's register; `Some(None)` is one past the stream's end.
    decoded: Option<Option<u32>>,
    /// Units of a `WAIT`, which the command after it waits for.
    carried: u32,
    /// The command that acts in this cycle: it was let go in the one before.
    acts: Option<u32>,
    two_ports: bool,
    /// With one port, while a load fills activation memory: a beat came, and has its turn from this cycle on.
    offered: bool,
    counts: [u64; counter::COUNT],
}

/// Cycles without a command, a word or a beat after which a stream is given up: no unit waits that long for another.
const QUIET: u64 = 200_000;
/// Cycles from a request of activation or weight memory to its word.
fn memory_latency(config: &Config) -> u64 {
    if config.pipelined {
        3
    } else {
        1
    }
}

/// The start passes a register.
const START: u64 = 1;

impl Kernel {
    fn new(config: &Config, latency: u32) -> Self {
        Self {
            registers: Registers([0; op::FEED as usize]),
            bus: Bus::new(latency),
            fetch: Fetch::new(config),
            load: Load::default(),
            tiles: Tiles::new(config.n),
            feeder: Feeder::new(config),
            drain: Drain::new(config),
            store: Store::new(config),
            decoded: None,
            carried: 0,
            acts: None,
            two_ports: config.ports == 2,
            offered: false,
            counts: [0; counter::COUNT],
        }
    }

    fn run(&mut self, commands: &[u32]) -> Result<Times, Endless> {
        let mut times = Times::default();
        let (mut next, mut ending, mut moved_at) = (0, false, 0);
        for now in 0.. {
            if now - moved_at > QUIET {
                return Err(Endless(now));
            }
            // What the units do this cycle, from their registers alone.
            let drain = self.drain.signals();
            let fills = self.load.fills_activations();
            let slow = fills && !self.two_ports;
            let in_turn = !fills || ((self.two_ports || self.offered) && !(drain.write || drain.add_read));
            let beat = self.bus.beat(now, in_turn);
            self.offered = slow && self.bus.offers(now).is_some() && beat.is_none();
            let (load_act, load_weight) = self.load.writes(beat);
            let written = drain.write || load_act;
            let granted = !written || self.two_ports;
            let go = self.feeder.go(granted, self.tiles.ready());
            let stored = self.store.request() && !written && !drain.add_read && (!self.feeder.busy() || self.two_ports);
            let weight_free = !load_weight || self.two_ports;
            let param = drain.param_read && weight_free;
            let take = go && self.feeder.takes();
            let tile = self.tiles.request(take) && weight_free && !drain.param_read;

            // One command, if there is one and nothing makes it wait.
            if self.decoded == Some(None) && !ending {
                return Err(Endless(now));
            }
            let command = if ending { None } else { self.decoded.flatten() };
            let go_on = command.filter(|&c| self.ready(c) && self.idle(self.carried) && !self.store.marking());

            self.counts[counter::IDLE] += self.all_idle() as u64;
            self.counts[counter::DRAIN_BUSY] += drain.working as u64;
            self.counts[counter::WEIGHT_READS] += (param || tile) as u64;
            self.counts[counter::BUS_READS] += beat.is_some() as u64;
            self.counts[counter::STALLS] += (self.feeder.busy() && !go) as u64;
            if go || go_on.is_some() || beat.is_some() || stored || param || drain.working {
                moved_at = now;
            }

            // The clock edge.
            let fed = self.feeder.step(go);
            self.tiles.step(take, tile);
            if let Some(bank) = self.drain.step(param, fed) {
                self.feeder.drained(bank);
            }
            let load_taken = self.bus.step(now, self.fetch.asks(), self.load.asks());
            let taken = self.decoded.is_none() && self.fetch.valid();
            self.fetch.step(load_taken.0, beat == Some(bus::FETCH), taken, ending);
            self.load.step(load_taken.1, beat == Some(bus::LOAD));
            self.store.step(now, stored);
            if let Some(command) = self.acts.take() {
                self.act(command, now, &mut times);
            }
            if let Some(command) = go_on {
                self.decoded = None;
                self.carried = 0;
                self.acts = Some(command);
                let (operation, _) = op::unpack(command);
                ending = operation == op::END || op::operation(operation).is_none();
            }
            if taken {
                let command = commands.get(next).copied();
                next += 1;
                match command.map(op::unpack) {
                    Some((op::WAIT, units)) => self.carried |= units,
                    _ => self.decoded = Some(command),
                }
            }
            if ending && !self.fetch.busy() {
                times.cycles = START + now + 1;
                return Ok(times);
            }
        }
        Err(Endless(0))
    }

    fn all_idle(&self) -> bool {
        !(self.feeder.busy() || self.drain.busy() || self.load.busy() || self.store.busy())
    }

    /// Whether the units that a `WAIT` names are idle.
    fn idle(&self, units: u32) -> bool {
        !(units & op::UNIT_FEED != 0 && self.feeder.busy()
            || units & op::UNIT_DRAIN != 0 && self.drain.busy()
            || units & op::UNIT_LOAD != 0 && self.load.busy()
            || units & op::UNIT_STORE != 0 && self.store.busy()
            || units & op::UNIT_OLDER_LOADS != 0 && self.load.older())
    }

    /// Whether the sequencer lets this command go now.
    fn ready(&self, command: u32) -> bool {
        let (operation, value) = op::unpack(command);
        match operation {
            op::FEED => !self.feeder.busy() && !self.feeder.blocked(),
            op::D_ADDR..=op::D_CLAMP | op::DRAIN => !self.drain.busy(),
            op::L_SRC..=op::L_LEN | op::LOAD => !self.load.full(),
            op::S_SRC..=op::S_LEN | op::STORE => !self.store.busy(),
            op::MARK if value & 1 == 1 => !self.feeder.busy() && !self.store.busy(),
            op::MARK | op::END => self.all_idle(),
            _ => !self.feeder.busy(),
        }
    }

    /// A command at the end of the cycle in which it acts.
    fn act(&mut self, command: u32, now: u64, times: &mut Times) {
        let (operation, value) = op::unpack(command);
        match operation {
            op::FEED => self.feeder.start(&self.registers),
            op::DRAIN => self.drain.start(&self.registers),
            op::LOAD => self.load.start(&self.registers),
            op::STORE => self.store.start(&self.registers),
            op::MARK => {
                self.store.mark(value & 1 == 1);
                let mut snapshot = Snapshot::default();
                for i in COUNTED {
                    snapshot.0[i] = self.counts[i] as u32;
                }
                snapshot.0[counter::CYCLES] = now as u32;
                times.marks.push(snapshot);
            }
            register if register < op::FEED => {
                self.registers.0[register as usize] = value;
                if register == op::W_ADDR {
                    self.tiles.restart();
                }
            }
            _ => (),
        }
    }
}
