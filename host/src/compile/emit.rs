//! Writes commands: registers only where they change, waits only where they must be.
//!
//! What each started action touches is kept for as long as the unit may still be at it. A unit is known to be done with
//! an action when a `WAIT` says so, or when the next one of the unit has been started: writing a register of a unit waits
//! until it is idle (the load unit: until all but the newest load are done). Before an action starts, it waits for those
//! that it clashes with, so a stream without hazards comes out whatever the order of the actions.

use super::area::{Area, Memory, Touch};
use super::clock::Clock;
use super::Refusal;
use isa::command as op;
use isa::config::Config;

/// An action that may still run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    unit: u32,
    touch: Touch,
}

/// A command stream in the making, with what is known of the card's state at its end.
#[derive(Clone, Debug)]
pub struct Emitter {
    /// Commands so far.
    pub commands: Vec<u32>,
    /// Value of each register where it is known.
    registers: [Option<u32>; op::FEED as usize],
    /// Actions that may still run, in the order they started.
    running: Vec<Running>,
    /// Weight word of the tile that the next feed takes first, where it is known.
    tile_at: Option<usize>,
    /// Whether that tile may have been read ahead before it was loaded.
    stale: bool,
    /// Words of a tile.
    n: usize,
    /// About when all that is done.
    pub clock: Clock,
    /// Node that errors are about.
    node: usize,
}

impl Emitter {
    /// An empty stream on a card of which nothing is known but what may still run.
    pub fn new(config: &Config, running: Vec<Running>) -> Self {
        Self {
            commands: Vec::new(),
            registers: [None; op::FEED as usize],
            running,
            tile_at: None,
            stale: false,
            n: config.n,
            clock: Clock::new(config),
            node: 0,
        }
    }

    /// Says which node the next commands belong to.
    pub fn enter(&mut self, node: usize) {
        self.node = node;
    }

    /// What may still run.
    pub fn running(&self) -> &[Running] {
        &self.running
    }

    fn push(&mut self, word: u32) {
        self.clock.step(word);
        self.commands.push(word);
    }

    /// Writes a register from its fields, unless it holds just that.
    pub fn set(&mut self, register: u8, fields: &[i64]) -> Result<(), Refusal> {
        let word = op::pack(register, fields).ok_or_else(|| {
            let name = op::operation(register).map_or("?", |o| o.name);
            Refusal::new(self.node, format!("{fields:?} do not fit the fields of command `{name}`"))
        })?;
        if self.registers[register as usize] != Some(word) {
            self.registers[register as usize] = Some(word);
            self.push(word);
        }
        Ok(())
    }

    /// Writes an offset register that differs from inference to inference. Returns its position in the stream.
    pub fn set_offset(&mut self, register: u8, words: usize) -> Result<u32, Refusal> {
        self.registers[register as usize] = None;
        self.set(register, &[words as i64])?;
        // In the next inference it will hold another value, so it is never known.
        self.registers[register as usize] = None;
        Ok((self.commands.len() - 1) as u32)
    }

    /// To be called before the first register of a unit's next action is written: what that waits for is done then. The
    /// action must follow at once, because there may be no register to write.
    pub fn turn(&mut self, unit: u32) {
        match unit {
            op::UNIT_LOAD => self.retire(op::UNIT_OLDER_LOADS),
            _ => self.retire(unit),
        }
    }

    /// Loads that may still run.
    pub fn loads(&self) -> usize {
        self.running.iter().filter(|r| r.unit == op::UNIT_LOAD).count()
    }

    /// What an action of a unit has to wait for, as bits of a `WAIT`.
    pub fn needs(&self, unit: u32, touch: &Touch) -> u32 {
        let newest = self.running.iter().rposition(|r| r.unit == op::UNIT_LOAD);
        let mut bits = 0;
        for (i, other) in self.running.iter().enumerate() {
            // A unit does its own actions one after the other, and a drain waits for its feed, which follows all others.
            let ordered = other.unit == unit || (other.unit == op::UNIT_FEED && unit == op::UNIT_DRAIN);
            if !ordered && other.touch.clashes(touch) {
                bits |= match other.unit {
                    op::UNIT_LOAD if Some(i) != newest => op::UNIT_OLDER_LOADS,
                    other => other,
                };
            }
        }
        bits
    }

    /// Waits for units; see [`Emitter::needs`].
    pub fn wait(&mut self, mut bits: u32) {
        if bits & op::UNIT_LOAD != 0 {
            bits &= !op::UNIT_OLDER_LOADS;
        }
        if bits != 0 {
            self.push(op::word(op::WAIT, bits));
            self.retire(bits);
        }
    }

    fn retire(&mut self, bits: u32) {
        let newest = self.running.iter().rposition(|r| r.unit == op::UNIT_LOAD);
        let mut at = 0;
        self.running.retain(|r| {
            let older = bits & op::UNIT_OLDER_LOADS != 0 && r.unit == op::UNIT_LOAD && Some(at) != newest;
            at += 1;
            r.unit & bits == 0 && !older
        });
    }

    /// Points the feeder at the tile it takes next, unless the last job ended there and has read it ahead.
    pub fn tiles_from(&mut self, word: usize) -> Result<(), Refusal> {
        let tile = Touch { reads: vec![self.tile(word)], writes: Vec::new() };
        if self.tile_at == Some(word) && !self.stale {
            return Ok(());
        }
        self.wait(self.needs(op::UNIT_FEED, &tile));
        self.registers[op::W_ADDR as usize] = None;
        self.set(op::W_ADDR, &[word as i64])?;
        (self.tile_at, self.stale) = (Some(word), false);
        Ok(())
    }

    fn tile(&self, word: usize) -> Area {
        Area::range(Memory::Weights, word, self.n)
    }

    /// Starts a unit, after what it has to wait for; for the feeder `tiles` words of weights go by.
    pub fn start(&mut self, operation: u8, touch: Touch, tiles: usize) {
        let unit = match operation {
            op::FEED => op::UNIT_FEED,
            op::DRAIN => op::UNIT_DRAIN,
            op::LOAD => op::UNIT_LOAD,
            _ => op::UNIT_STORE,
        };
        self.turn(unit);
        self.wait(self.needs(unit, &touch));
        self.push(op::word(operation, 0));
        if let Some(at) = self.tile_at {
            // What is loaded over the tile that was read ahead, or is still on its way when it is read, is not seen.
            if unit == op::UNIT_LOAD {
                self.stale |= touch.writes.iter().any(|w| w.meets(&self.tile(at)));
            }
            if unit == op::UNIT_FEED {
                let next = self.tile(at + tiles);
                self.tile_at = Some(at + tiles);
                self.stale = self.running.iter().any(|r| r.touch.writes.iter().any(|w| w.meets(&next)));
            }
        }
        self.running.push(Running { unit, touch });
    }

    /// A counter snapshot that the stream does not wait for: it waits for the feeder and the store unit.
    pub fn mark(&mut self) {
        self.push(op::word(op::MARK, 1));
        self.retire(op::UNIT_FEED | op::UNIT_STORE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emitter() -> Emitter {
        let config = Config { act_words_log2: 10, weight_words_log2: 10, acc_words_log2: 8, ..Config::least(4) };
        Emitter::new(&config, vec![])
    }

    fn load(e: &mut Emitter, from: usize) {
        let writes = vec![Area::range(Memory::Weights, from, 16)];
        e.start(op::LOAD, Touch { reads: vec![], writes }, 0);
    }

    #[test]
    fn a_register_is_written_when_it_changes() {
        let mut e = emitter();
        e.set(op::D_STEP, &[3]).unwrap();
        e.set(op::D_STEP, &[3]).unwrap();
        assert_eq!(e.commands.len(), 1);
        e.set(op::L_SRC, &[0]).unwrap();
        assert_eq!(e.set_offset(op::L_SRC, 0).unwrap(), 2);
        e.set(op::L_SRC, &[0]).unwrap();
        assert_eq!(e.commands.len(), 4);
    }

    #[test]
    fn a_wait_is_for_what_clashes_and_for_older_loads_where_that_is_enough() {
        let reads = |from| Touch { reads: vec![Area::range(Memory::Weights, from, 4)], writes: vec![] };
        let mut e = emitter();
        load(&mut e, 0);
        load(&mut e, 16);
        assert_eq!(e.needs(op::UNIT_FEED, &reads(40)), 0);
        assert_eq!(e.needs(op::UNIT_FEED, &reads(8)), op::UNIT_OLDER_LOADS);
        assert_eq!(e.needs(op::UNIT_FEED, &reads(16)), op::UNIT_LOAD);
        e.wait(op::UNIT_OLDER_LOADS);
        assert_eq!(e.needs(op::UNIT_FEED, &reads(8)), 0);
        assert_eq!(e.loads(), 1);
    }

    #[test]
    fn the_tile_address_runs_on_unless_a_load_comes_too_late() {
        let feed = |e: &mut Emitter| e.start(op::FEED, Touch::default(), 16);
        let mut e = emitter();
        e.tiles_from(0).unwrap();
        feed(&mut e);
        e.tiles_from(16).unwrap();
        assert_eq!(e.commands.len(), 2);
        load(&mut e, 16);
        e.tiles_from(16).unwrap();
        assert_eq!(e.commands[3..], [op::word(op::WAIT, op::UNIT_LOAD), op::word(op::W_ADDR, 16)]);
    }

    #[test]
    fn what_does_not_fit_a_field_is_named() {
        let mut e = emitter();
        e.enter(7);
        let refusal = e.set(op::F_OUT, &[4096, 0]).unwrap_err();
        assert_eq!(refusal, Refusal::new(7, "[4096, 0] do not fit the fields of command `F_OUT`".into()));
    }
}
