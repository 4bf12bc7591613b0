//! Pass: a program becomes commands.
//!
//! Feeds and drains keep their order: the feed of a job is issued before the drain registers of that job are written, and
//! those wait for the drain before, so that feed and drain run beside each other in the two accumulator banks. Loads
//! move forward past everything they do not clash with, so that one is always queued behind the one that runs; stores
//! move back until they need not be waited for, or something needs the place.

use super::area::{Area, Memory, Touch};
use super::emit::{Emitter, Running};
use super::lower::Lowered;
use super::program::{Card, Choices, Step, Transfer};
use super::Refusal;
use crate::plan::Stream;
use isa::{command as op, config::Config};
use std::collections::VecDeque;

/// Bit of `L_DST`: weight memory.
const LOAD_WEIGHTS: i64 = 1;
/// How far ahead loads are looked for, in steps of the program and in loads that have to stay.
const LOOK_AHEAD: usize = 4000;
const PASSED_OVER: usize = 4;

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
    choices: &'a Choices,
    emit: Emitter,
    stream: Stream,
    /// Loads that have not been issued, in the program's order.
    loads: VecDeque<usize>,
    /// Stores that stand behind, in the program's order.
    stores: VecDeque<usize>,
    /// Whether the input's mark is still to come.
    before_first: bool,
    /// A mark that has been issued ahead of its place.
    marked: Option<usize>,
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
    choices: &Choices,
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
        choices,
        emit: Emitter::new(config, running),
        stream: Stream::default(),
        loads,
        stores: VecDeque::new(),
        before_first: true,
        marked: None,
    };
    s.run()?;
    s.stream.commands = s.emit.commands.clone();
    Ok(Scheduled { stream: s.stream, running: s.emit.running().to_vec() })
}

impl Scheduler<'_> {
    fn run(&mut self) -> Result<(), Refusal> {
        for at in 0..self.steps.len() {
            match &self.steps[at] {
                Step::Load(transfer) => {
                    // Unless it has moved ahead.
                    if let Some(place) = self.loads.iter().position(|&l| l == at) {
                        self.loads.remove(place);
                        self.stores_before(at)?;
                        self.load(*transfer, self.touches[at].clone())?;
                    }
                }
                Step::Feed(job) => {
                    let stage = &self.lowered.stages[job.stage];
                    self.emit.enter(stage.node);
                    self.stores_before(at)?;
                    self.feed(at)?;
                    // The drain's registers come next, and must not come late.
                    self.move_transfers(at + 1, 0)?;
                }
                Step::Drain(job) => {
                    let stage = &self.lowered.stages[job.stage];
                    self.stores_before(at)?;
                    if self.choices.early[job.stage] {
                        self.seam(at)?;
                    }
                    self.emit.turn(op::UNIT_DRAIN);
                    job.set_drain(stage, self.config, &mut self.emit)?;
                    self.emit.start(op::DRAIN, self.touches[at].clone(), 0);
                    // What comes next waits until the feeder is idle.
                    self.move_transfers(at + 1, self.emit.clock.wait_for_feed())?;
                }
                Step::Store(_) => self.stores.push_back(at),
                Step::Mark if self.marked == Some(at) => (),
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
            self.move_transfers(at, 0)?;
        }
        let tiles = stage.tile_count(&job.unit, self.config.n) * self.config.n;
        let mut waits = touch.clone();
        waits.reads.push(Area::range(Memory::Weights, job.places.tiles + tiles, self.config.n));
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
        // What it reads ahead too late it has to read again.
        let loads = self.emit.needs(op::UNIT_FEED, &waits) & (op::UNIT_LOAD | op::UNIT_OLDER_LOADS);
        if self.emit.clock.wait_for_loads(loads & op::UNIT_LOAD == 0) <= self.choices.patience {
            self.emit.wait(loads);
        }
        self.emit.start(op::FEED, touch, tiles);
        Ok(())
    }

    /// Before the drain at `at`, if it is its layer's last: the mark, which waits for its feed, and the registers of the next one.
    /// A feed needs no drain to end, and its last sum is longer on its way than those registers take.
    fn seam(&mut self, at: usize) -> Result<(), Refusal> {
        let runs = |step: &Step| matches!(step, Step::Feed(_) | Step::Drain(_) | Step::Mark);
        let mut next = (at + 1..self.steps.len()).filter(|&i| runs(&self.steps[i]));
        let (Some(mark), Some(feed)) = (next.next(), next.next()) else { return Ok(()) };
        let (Step::Mark, Step::Feed(job)) = (&self.steps[mark], &self.steps[feed]) else { return Ok(()) };
        self.move_transfers(at, self.emit.clock.wait_for_feed())?;
        self.emit.mark();
        self.marked = Some(mark);
        job.set_feed(&self.lowered.stages[job.stage], self.config, &mut self.emit)
    }

    /// Issues loads and stores that nothing has to wait for, as they are known to be free to go. All steps before `at`
    /// have been issued, but for stores that stand behind.
    /// The stream may stand still for so many cycles.
    fn move_transfers(&mut self, at: usize, patience: u64) -> Result<(), Refusal> {
        let still = |feed: u64| if self.choices.hurry { feed / 2 } else { patience.min(feed) };
        while self.emit.clock.wait_for_room() <= still(self.emit.clock.wait_for_feed()) && self.move_load(at)? {}
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
    ///
    /// Those that go on where it ends become one with it, as long as the stream will not come by again before it ends.
    fn move_load(&mut self, at: usize) -> Result<bool, Refusal> {
        let Some(place) = (0..self.loads.len().min(PASSED_OVER)).find(|&place| self.may_move(place, at)) else {
            return Ok(false);
        };
        let first = self.loads[place];
        self.loads.remove(place);
        let Step::Load(mut whole) = self.steps[first] else { return Ok(false) };
        let mut touch = self.touches[first].clone();
        let most = self.emit.clock.wait_for_feed() as usize;
        while let Some(Step::Load(next)) = self.loads.get(place).map(|&l| self.steps[l]) {
            let goes_on = next.card == whole.card
                && next.offset == whole.offset + whole.words
                && next.chip == whole.chip + whole.words;
            if !goes_on || whole.words + next.words > most || !self.may_move(place, at) {
                break;
            }
            whole.words += next.words;
            if let Some(more) = self.loads.remove(place) {
                touch.reads.extend(&self.touches[more].reads);
                touch.writes.extend(&self.touches[more].writes);
            }
        }
        self.load(whole, touch)?;
        Ok(true)
    }

    /// Whether the load at this place among those to come may move ahead of everything from step `at` on up to its own
    /// place, without a wait.
    fn may_move(&self, place: usize, at: usize) -> bool {
        let load = self.loads[place];
        let touch = &self.touches[load];
        let ahead = (at.min(load)..load).filter(|&i| !matches!(self.steps[i], Step::Load(_)));
        let mut passed = ahead.chain(self.loads.iter().take(place).copied()).chain(self.stores.iter().copied());
        // By the time its registers are written all loads but the newest are done.
        load <= at + LOOK_AHEAD
            && !passed.any(|i| self.touches[i].clashes(touch))
            && self.emit.needs(op::UNIT_LOAD, touch) == 0
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

    fn load(&mut self, transfer: Transfer, touch: Touch) -> Result<(), Refusal> {
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
        self.emit.start(op::LOAD, touch, 0);
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
