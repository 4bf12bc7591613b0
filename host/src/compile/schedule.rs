//! Pass: a program becomes commands.
//!
//! Feeds and drains keep their order: the feed of a job is issued before the drain registers of that job are written, and
//! those wait for the drain before, so that feed and drain run beside each other in the two accumulator banks. Loads
//! move forward past everything they do not clash with, so that one is always queued behind the one that runs; stores
//! move back until they need not be waited for, or something needs the place.

use super::area::Touch;
use super::emit::{Emitter, Running};
use super::lower::Lowered;
use super::program::{Card, Step, Transfer};
use super::Refusal;
use crate::plan::Stream;
use isa::{command as op, config::Config};
use std::collections::VecDeque;

/// Bit of `L_DST`: weight memory.
const LOAD_WEIGHTS: i64 = 1;
/// How far ahead loads are looked for, in steps of the program and in loads that have to stay.
const LOOK_AHEAD: usize = 4000;
const PASSED_OVER: usize = 4;
/// Loads that the card takes without waiting: one that runs, one behind it.
const LOADS: usize = 2;

/// A stream and what may still run at its end.
pub struct Scheduled {
    /// The commands.
    pub stream: Stream,
    /// What may still run.
    pub running: Vec<Running>,
}

struct Scheduler<'a> {
    steps: &'a [Step],
    touches: Vec<Touch>,
    lowered: &'a Lowered,
    scratch: usize,
    config: &'a Config,
    emit: Emitter,
    stream: Stream,
    /// Loads that have not been issued, in the program's order.
    loads: VecDeque<usize>,
    /// Stores that stand behind, in the program's order.
    stores: VecDeque<usize>,
    /// Whether the input's mark is still to come.
    before_first: bool,
}

/// Schedules a program. `running` may still run when it starts.
///
/// # Errors
/// A value that does not fit its command field.
pub fn schedule(
    lowered: &Lowered,
    scratch: usize,
    steps: &[Step],
    config: &Config,
    running: Vec<Running>,
) -> Result<Scheduled, Refusal> {
    let touches = steps.iter().map(|s| s.touch(&lowered.stages, scratch, config)).collect();
    let loads = (0..steps.len()).filter(|&i| matches!(steps[i], Step::Load(_))).collect();
    let mut s = Scheduler {
        steps,
        touches,
        lowered,
        scratch,
        config,
        emit: Emitter::new(config.n, running),
        stream: Stream::default(),
        loads,
        stores: VecDeque::new(),
        before_first: true,
    };
    s.run()?;
    s.stream.commands = s.emit.commands.clone();
    Ok(Scheduled { stream: s.stream, running: s.emit.running().to_vec() })
}

impl Scheduler<'_> {
    fn run(&mut self) -> Result<(), Refusal> {
        for at in 0..self.steps.len() {
            match &self.steps[at] {
                Step::Load(_) => {
                    if self.loads.front() == Some(&at) {
                        self.loads.pop_front();
                        self.load(at)?;
                    } else if let Some(place) = self.loads.iter().position(|&l| l == at) {
                        self.loads.remove(place);
                        self.load(at)?;
                    }
                }
                Step::Feed(job) => {
                    let stage = &self.lowered.stages[job.stage];
                    self.emit.enter(stage.node);
                    self.stores_before(at)?;
                    self.feed(at)?;
                    self.move_transfers(at + 1)?;
                }
                Step::Drain(job) => {
                    let stage = &self.lowered.stages[job.stage];
                    self.stores_before(at)?;
                    self.emit.turn(op::UNIT_DRAIN);
                    job.set_drain(stage, self.config, &mut self.emit)?;
                    self.emit.start(op::DRAIN, self.touches[at].clone(), 0);
                    self.move_transfers(at + 1)?;
                }
                Step::Store(_) => self.stores.push_back(at),
                Step::Mark => self.emit.mark(),
            }
        }
        while let Some(at) = self.stores.pop_front() {
            self.store(at)?;
        }
        // A load that nothing has waited for must not run on into the next inference, where it would not be known.
        if self.emit.loads() > 0 {
            self.emit.wait(op::UNIT_LOAD);
        }
        self.emit.mark();
        Ok(())
    }

    fn feed(&mut self, at: usize) -> Result<(), Refusal> {
        let Step::Feed(job) = &self.steps[at] else { return Ok(()) };
        let stage = &self.lowered.stages[job.stage];
        let touch = self.touches[at].clone();
        if self.before_first {
            // Loads run before the first feed; it waits for what it needs, and that is the input's own time.
            self.move_transfers(at)?;
        }
        if self.emit.needs(op::UNIT_FEED, &touch) & op::UNIT_LOAD != 0 {
            // It waits for the newest load: with another one queued behind, the bus need not rest meanwhile.
            self.move_load(at)?;
        }
        self.emit.turn(op::UNIT_FEED);
        job.set_feed(stage, self.config, &mut self.emit)?;
        if self.before_first {
            self.emit.wait(self.emit.needs(op::UNIT_FEED, &touch));
            self.emit.mark();
            self.before_first = false;
        }
        self.emit.tiles_from(job.places.tiles)?;
        let tiles = stage.tile_count(&job.unit, self.config.n) * self.config.n;
        self.emit.start(op::FEED, touch, tiles);
        Ok(())
    }

    /// Issues loads and stores that nothing has to wait for, as they are known to be free to go. All steps before `at`
    /// have been issued, but for stores that stand behind.
    fn move_transfers(&mut self, at: usize) -> Result<(), Refusal> {
        while self.emit.loads() < LOADS && self.move_load(at)? {}
        while let Some(&store) = self.stores.front() {
            if self.emit.needs(op::UNIT_STORE, &self.touches[store]) != 0 {
                break;
            }
            self.stores.pop_front();
            self.store(store)?;
        }
        Ok(())
    }

    /// Issues the next load that may move ahead of everything from step `at` on up to its own place, without a wait.
    fn move_load(&mut self, at: usize) -> Result<bool, Refusal> {
        for place in 0..self.loads.len().min(PASSED_OVER) {
            let load = self.loads[place];
            if load > at + LOOK_AHEAD {
                break;
            }
            let touch = &self.touches[load];
            let passed = at.min(load)..load;
            let waits = self.loads.iter().take(place).copied();
            let ahead = passed.filter(|&i| !matches!(self.steps[i], Step::Load(_)));
            let blocked = ahead.chain(waits).chain(self.stores.iter().copied());
            if blocked.into_iter().any(|i| self.touches[i].clashes(touch)) {
                continue;
            }
            // By the time its registers are written all loads but the newest are done.
            if self.emit.needs(op::UNIT_LOAD, touch) != 0 {
                continue;
            }
            self.loads.remove(place);
            self.load(load)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Issues the stores that a step must not overtake.
    fn stores_before(&mut self, at: usize) -> Result<(), Refusal> {
        while self.stores.iter().any(|&s| self.touches[s].clashes(&self.touches[at])) {
            if let Some(store) = self.stores.pop_front() {
                self.store(store)?;
            }
        }
        Ok(())
    }

    fn load(&mut self, at: usize) -> Result<(), Refusal> {
        let Step::Load(transfer) = self.steps[at] else { return Ok(()) };
        self.stores_before(at)?;
        self.emit.turn(op::UNIT_LOAD);
        self.offset(op::L_SRC, &transfer)?;
        let source = match transfer.card {
            Card::Weights => 0,
            Card::Input => 1,
            Card::Output | Card::Scratch => 2,
        };
        let memory = if transfer.card == Card::Weights { LOAD_WEIGHTS } else { 0 };
        self.emit.set(op::L_DST, &[transfer.chip as i64, memory])?;
        self.emit.set(op::L_LEN, &[transfer.words as i64 - 1, source])?;
        self.emit.start(op::LOAD, self.touches[at].clone(), 0);
        Ok(())
    }

    fn store(&mut self, at: usize) -> Result<(), Refusal> {
        let Step::Store(transfer) = self.steps[at] else { return Ok(()) };
        self.emit.turn(op::UNIT_STORE);
        self.emit.set(op::S_SRC, &[transfer.chip as i64])?;
        self.offset(op::S_DST, &transfer)?;
        self.emit.set(op::S_LEN, &[transfer.words as i64 - 1])?;
        self.emit.start(op::STORE, self.touches[at].clone(), 0);
        Ok(())
    }

    /// Writes the register of a place in card memory; what differs from inference to inference is kept in mind.
    fn offset(&mut self, register: u8, transfer: &Transfer) -> Result<(), Refusal> {
        match transfer.card {
            Card::Weights | Card::Scratch => self.emit.set(register, &[transfer.offset as i64]),
            Card::Input => {
                self.stream.input_offsets.push(self.emit.set_offset(register, transfer.offset)?);
                Ok(())
            }
            Card::Output => {
                let word = self.scratch + transfer.offset;
                self.stream.output_offsets.push(self.emit.set_offset(register, word)?);
                Ok(())
            }
        }
    }
}
