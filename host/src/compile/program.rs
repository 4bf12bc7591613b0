//! Pass: the stages become a program: transfers, feeds and drains in an order that would be right if each ended before
//! the next began. `schedule` then starts them as early as they may.
//!
//! Within a tile of the output all units follow each other, because their weights do. What a tile needs is loaded just
//! before it; that this is early enough is the work of the next pass.

use super::area::{Area, Memory, Touch};
use super::job::{widest, Job, Place, Places as JobPlaces};
use super::lower::{Lowered, Stage, View};
use super::place::{Home, Places, Strips};
use super::tile::{self, Tile};
use super::weights::{Load, Rings, Weights};
use isa::config::Config;
use std::ops::Range;

/// Where a transfer's other end is in card memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Card {
    /// The weight image.
    Weights,
    /// The input of the inference.
    Input,
    /// The output of the inference.
    Output,
    /// The scratch area of the output argument.
    Scratch,
}

/// Words between card memory and the chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Where in card memory.
    pub card: Card,
    /// Word there.
    pub offset: usize,
    /// Word on the chip.
    pub chip: usize,
    /// Words.
    pub words: usize,
}

/// A step of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// From card memory; weights to weight memory, all else to activation memory.
    Load(Transfer),
    /// Into an accumulator bank.
    Feed(Job),
    /// Out of it.
    Drain(Job),
    /// To card memory.
    Store(Transfer),
    /// The end of a layer.
    Mark,
}

/// Choices that change the order of a program but not what it computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choices {
    /// Of each stage the part of its rows, in percent, that become a short last tile; 0 for none.
    pub last: Vec<usize>,
    /// Fewest words of a transfer of tiles, if there are as many: the sooner the first ones are there the better, but
    /// each transfer takes commands, and two of them must last as long as the stream waits for something else.
    pub chunk: usize,
    /// How many cycles a feed waits at most for the tile after its own to be loaded, so that it can be read ahead.
    pub patience: u64,
    /// Whether the stream stands still for a load until half of the feeder's job is done, or only while nothing but the
    /// load could go on.
    pub hurry: bool,
    /// Of each stage whether, at the end of a layer, the next feed's registers are written before the last drain's: the array rests
    /// the less where the drain before is long, but that drain begins the later.
    pub early: Vec<bool>,
    /// Whether weights that stay on the chip are loaded.
    pub load_weights: bool,
}

/// What a program is made from.
pub struct Source<'a> {
    /// Stages and buffers.
    pub lowered: &'a Lowered,
    /// Where buffers are.
    pub places: &'a Places,
    /// Where weights are.
    pub weights: &'a Weights,
    /// The configuration.
    pub config: &'a Config,
}

impl Step {
    /// What it reads and writes.
    pub fn touch(&self, stages: &[Stage], scratch: usize, config: &Config) -> Touch {
        // Outputs stand behind the scratch area.
        let card = |t: &Transfer| match t.card {
            Card::Output => Some(Area::range(Memory::Card, scratch + t.offset, t.words)),
            Card::Scratch => Some(Area::range(Memory::Card, t.offset, t.words)),
            _ => None,
        };
        match self {
            Step::Load(t) => {
                let memory = if t.card == Card::Weights { Memory::Weights } else { Memory::Activations };
                let writes = vec![Area::range(memory, t.chip, t.words)];
                Touch { reads: card(t).into_iter().collect(), writes }
            }
            Step::Store(t) => Touch {
                reads: vec![Area::range(Memory::Activations, t.chip, t.words)],
                writes: card(t).into_iter().collect(),
            },
            Step::Feed(job) => job.feed_touch(&stages[job.stage], config),
            Step::Drain(job) => job.drain_touch(&stages[job.stage], config),
            Step::Mark => Touch::default(),
        }
    }
}

/// The program of one inference. A mark follows the last step of each layer: stages of one node are one layer.
pub fn program(source: &Source, choices: &Choices) -> Vec<Step> {
    let Source { lowered, places, .. } = *source;
    let mut builder =
        Builder { source, choices, rings: Rings::default(), loaded: vec![0; lowered.buffers.len()], steps: Vec::new() };
    for (index, stage) in lowered.stages.iter().enumerate() {
        builder.stage(index, stage);
        for (port, view) in lowered.outputs.iter().enumerate() {
            let written = |s: &Stage| s.output.buffer == view.buffer;
            let last = written(stage) && !lowered.stages[index + 1..].iter().any(written);
            if let (true, Home::Chip(chip)) = (last, places.homes[view.buffer]) {
                let offset = port_offset(&lowered.outputs, port);
                let store = Transfer { card: Card::Output, offset, chip, words: view.words() };
                builder.steps.push(Step::Store(store));
            }
        }
        if lowered.stages.get(index + 1).is_none_or(|next| next.node != stage.node) {
            builder.steps.push(Step::Mark);
        }
    }
    builder.steps
}

/// Words before a port among the tensors of an argument.
pub fn port_offset(ports: &[View], port: usize) -> usize {
    ports[..port].iter().map(View::words).sum()
}

struct Builder<'a> {
    source: &'a Source<'a>,
    choices: &'a Choices,
    rings: Rings,
    /// Words of each input buffer that are on the chip so far.
    loaded: Vec<usize>,
    steps: Vec<Step>,
}

impl Builder<'_> {
    fn stage(&mut self, index: usize, stage: &Stage) {
        let strips = self.source.places.strips[index];
        let region = stage.region;
        let rows = strips.map_or(region.height, |s| s.rows);
        let parts: Vec<Range<usize>> =
            tile::equal(region.height, rows).map(|(y, height)| region.y + y..region.y + y + height).collect();
        for (turn, part) in parts.iter().enumerate() {
            let base = self.bring(stage, strips, part, turn % 2);
            // Weights that go round are brought for each strip anew, unless they stay.
            let groups = self.source.weights.groups(index, stage, self.choices.chunk, &mut self.rings);
            let fresh = turn == 0 || !self.source.weights.resident;
            for group in groups {
                for (number, tile) in self.tiles(index, stage, part).into_iter().enumerate() {
                    self.rows_of_inputs(stage, tile);
                    for unit in group.units.clone() {
                        if number == 0 && fresh {
                            self.weights(group.loads.iter().filter(|(before, _)| *before == unit));
                        }
                        let [tiles, records] = group.words[unit - group.units.start];
                        let places = JobPlaces { tiles, records, ..base };
                        let job = Job { stage: index, tile, unit: stage.units[unit], places };
                        self.steps.extend([Step::Feed(job), Step::Drain(job)]);
                    }
                }
            }
            self.send(stage, strips, part, turn % 2);
        }
    }

    fn tiles(&self, index: usize, stage: &Stage, rows: &Range<usize>) -> Vec<Tile> {
        let region = Tile { y: rows.start, height: rows.len(), ..stage.region };
        let config = self.source.config;
        if region.width < stage.output.hwc[1] {
            // Rows that are not whole do not follow each other at one distance.
            let row = |y| tile::cut(Tile { y, height: 1, ..region }, config.acc_words(), widest(stage, config), 0);
            return rows.clone().flat_map(row).collect();
        }
        let last = region.height * self.choices.last.get(index).copied().unwrap_or(0) / 100;
        tile::cut(region, config.acc_words(), widest(stage, config), last)
    }

    fn weights<'w>(&mut self, loads: impl Iterator<Item = &'w (usize, Load)>) {
        if self.source.weights.resident && !self.choices.load_weights {
            return;
        }
        for (_, load) in loads {
            let transfer = Transfer { card: Card::Weights, offset: load.from, chip: load.to, words: load.words };
            self.steps.push(Step::Load(transfer));
        }
    }

    /// Where the tensors of a strip lie; those that pass through the chip are loaded.
    fn bring(&mut self, stage: &Stage, strips: Option<Strips>, part: &Range<usize>, turn: usize) -> JobPlaces {
        let mut places = JobPlaces::default();
        let views = [Some((stage.input, stage.rows_for(part))), Some((stage.output, part.clone()))];
        let add = stage.add.map(|add| (add.from, part.clone()));
        for (i, (view, rows)) in views.into_iter().chain([add]).enumerate().filter_map(|(i, v)| v.map(|v| (i, v))) {
            let place = match (self.source.places.homes[view.buffer], strips) {
                (Home::Card(at), Some(strips)) => {
                    let chip = strips.places[i][turn];
                    let (from, words) = (rows.start * view.row(), rows.len() * view.row());
                    if i != 1 && words > 0 {
                        let (card, offset) = self.card(&view, at + from);
                        self.steps.push(Step::Load(Transfer { card, offset, chip, words }));
                    }
                    chip as i64 - from as i64
                }
                (Home::Chip(at) | Home::Card(at), _) => at as i64,
            };
            *[&mut places.input, &mut places.output, &mut places.add][i] = Place(place);
        }
        places
    }

    /// Stores the output of a strip.
    fn send(&mut self, stage: &Stage, strips: Option<Strips>, part: &Range<usize>, turn: usize) {
        if let (Home::Card(at), Some(strips)) = (self.source.places.homes[stage.output.buffer], strips) {
            let row = stage.output.row();
            let (card, offset) = self.card(&stage.output, at + part.start * row);
            let chip = strips.places[1][turn];
            self.steps.push(Step::Store(Transfer { card, offset, chip, words: part.len() * row }));
        }
    }

    /// A buffer in card memory: which argument, and the word there.
    fn card(&self, view: &View, word: usize) -> (Card, usize) {
        let lowered = self.source.lowered;
        let port = |ports: &[View]| ports.iter().position(|p| p.buffer == view.buffer);
        match (port(&lowered.inputs), port(&lowered.outputs)) {
            (Some(port), _) => (Card::Input, port_offset(&lowered.inputs, port) + word),
            (_, Some(port)) => (Card::Output, port_offset(&lowered.outputs, port) + word),
            _ => (Card::Scratch, word),
        }
    }

    /// Loads as many rows of an input as a tile looks at, if they are not there yet.
    fn rows_of_inputs(&mut self, stage: &Stage, tile: Tile) {
        let rows = tile.y..tile.y + tile.height;
        let add = stage.add.map(|add| (add.from, rows.end));
        for (view, end) in [Some((stage.input, stage.rows_for(&rows).end)), add].into_iter().flatten() {
            let lowered = self.source.lowered;
            let Some(port) = lowered.inputs.iter().position(|p| p.buffer == view.buffer) else { continue };
            let Home::Chip(at) = self.source.places.homes[view.buffer] else { continue };
            let (from, to) = (self.loaded[view.buffer], end * view.row());
            if to > from {
                let offset = port_offset(&lowered.inputs, port) + from;
                let transfer = Transfer { card: Card::Input, offset, chip: at + from, words: to - from };
                self.steps.push(Step::Load(transfer));
                self.loaded[view.buffer] = to;
            }
        }
    }
}
