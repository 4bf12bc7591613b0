//! A job: one feed and its drain, as values of their registers and as the words they touch.

use super::area::{Area, Memory, Touch};
use super::emit::Emitter;
use super::lower::{Array, Stage, Unit, View};
use super::tile::Tile;
use super::Refusal;
use isa::{command as op, config::Config};
use std::ops::Range;

/// Greatest signed value of a coordinate in a command.
const MAX_ORIGIN: i64 = 2047;
/// Samples that a line has at least where lines are kept in line memories.
const MIN_LINE: usize = 3;

/// Where a tensor's rows lie: word address of row 0, block 0 of its view. It may be that only some rows are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place(pub i64);

impl Place {
    /// Word of a pixel's block.
    pub fn word(self, view: &View, y: i64, x: i64, block: usize) -> i64 {
        self.0 + (y * view.hwc[1] as i64 + x) * view.step as i64 + (view.first + block) as i64
    }

    /// The words of some blocks of the pixels of a tile.
    fn area(self, view: &View, rows: &Range<usize>, columns: &Range<usize>, block: usize, blocks: usize) -> Area {
        let first = self.word(view, rows.start as i64, columns.start as i64, 0) - view.first as i64;
        let last = self.word(view, rows.end as i64 - 1, columns.end as i64 - 1, 0) - view.first as i64;
        let words = (last - first) as usize + view.step;
        Area::lanes(Memory::Activations, first as usize, words, view.step, view.first + block, blocks)
    }
}

/// Where everything lies that a job touches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Input.
    pub input: Place,
    /// Output.
    pub output: Place,
    /// What the drain adds.
    pub add: Place,
    /// Weight word of the unit's tiles.
    pub tiles: usize,
    /// Weight word of its records.
    pub records: usize,
}

/// A unit of a stage over a tile of its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// The stage, by its position.
    pub stage: usize,
    /// Output pixels.
    pub tile: Tile,
    /// The unit.
    pub unit: Unit,
    /// Where everything lies.
    pub places: Places,
}

/// The samples of a job with lines.
struct Lines {
    /// Samples of a line, and lines.
    size: [usize; 2],
    /// Samples that a line begins before its first tap.
    early: usize,
    /// Rows of the input from line to line.
    apart: usize,
    /// Fields of `F_LINE`.
    fields: [i64; 4],
}

/// The widest tile of a stage: lines have to fit the line memories.
pub fn widest(stage: &Stage, config: &Config) -> usize {
    match stage.array {
        Array::Line { taps, .. } => (config.line_words() - taps) / stage.stride[1] + 1,
        _ => usize::MAX,
    }
}

impl Job {
    fn lines(&self, stage: &Stage, lines: usize, taps: usize, config: &Config) -> Lines {
        let [stride_y, stride_x] = stage.stride;
        let width = (self.tile.width - 1) * stride_x + taps;
        // A line that is too short begins earlier.
        let early = if config.line_groups > 1 { MIN_LINE.saturating_sub(width) } else { 0 };
        let (height, apart, skip, step) = match config.line_groups {
            1 => (self.tile.height, stride_y, 0, 0),
            _ => ((self.tile.height - 1) * stride_y + lines, 1, lines - 1, stride_y - 1),
        };
        let fields = [taps - 1 + early, stride_x - 1, skip, step].map(|f| f as i64);
        Lines { size: [width + early, height], early, apart, fields }
    }

    /// What the feed reads.
    pub fn feed_touch(&self, stage: &Stage, config: &Config) -> Touch {
        let n = config.n;
        let rows = stage.rows_for(&(self.tile.y..self.tile.y + self.tile.height));
        let width = stage.input.hwc[1];
        let columns = if self.tile.width == stage.output.hwc[1] {
            0..width
        } else {
            let from = (self.tile.x * stage.stride[1]).saturating_sub(stage.before[1] + MIN_LINE).min(width);
            let last = (self.tile.x + self.tile.width) * stage.stride[1] + stage.span()[1] + MIN_LINE;
            from..last.saturating_sub(stage.before[1]).clamp(from, width)
        };
        let mut reads = vec![Area::range(Memory::Weights, self.places.tiles, stage.tile_count(&self.unit, n) * n)];
        if !rows.is_empty() && !columns.is_empty() {
            let input = &stage.input;
            reads.push(self.places.input.area(input, &rows, &columns, self.unit.from, self.unit.blocks));
        }
        Touch { reads, writes: Vec::new() }
    }

    /// What the drain reads and writes.
    pub fn drain_touch(&self, stage: &Stage, config: &Config) -> Touch {
        let Tile { y, x, height, width } = self.tile;
        let (rows, columns) = (y..y + height, x..x + width);
        let words = stage.records[self.unit.records].bytes.len() / config.n;
        let mut reads = vec![Area::range(Memory::Weights, self.places.records, words)];
        if let Some(add) = &stage.add {
            reads.push(self.places.add.area(&add.from, &rows, &columns, self.unit.to, 1));
        }
        Touch { reads, writes: vec![self.places.output.area(&stage.output, &rows, &columns, self.unit.to, 1)] }
    }

    /// Writes the feeder's registers, all but the tile address.
    pub fn set_feed(&self, stage: &Stage, config: &Config, emit: &mut Emitter) -> Result<(), Refusal> {
        let input = &stage.input;
        let [stride_y, stride_x] = stage.stride;
        let line = match stage.array {
            Array::Line { lines, taps, .. } => Some(self.lines(stage, lines, taps, config)),
            _ => None,
        };
        let (row, step) = (input.row(), input.step);
        // Along a line samples follow each other, and so do lines where the array keeps several.
        let (across, down) = line.as_ref().map_or((stride_x, stride_y), |l| (1, l.apart));
        let (tap, tap_row) = match &line {
            Some(_) => (config.line_taps() * step, config.line_groups * row),
            None => (stage.dilation[1] * step - (self.unit.blocks - 1), stage.dilation[0] * row),
        };
        emit.set(op::F_PIXEL_STEP, &[(across * step) as i64])?;
        emit.set(op::F_ROW_STEP, &[(down * row) as i64])?;
        emit.set(op::F_KERNEL_STEP, &[tap_row as i64])?;
        emit.set(op::F_TAP_STEP, &[tap as i64])?;
        let [kernel_y, kernel_x] = stage.counted_kernel().map(|k| k as i64 - 1);
        emit.set(op::F_KERNEL, &[kernel_x, kernel_y, self.unit.blocks as i64 - 1])?;
        let (max, hold) = match stage.array {
            Array::Identity { max } => (max, true),
            _ => (false, false),
        };
        let flags = [max, hold, line.is_some()].map(i64::from);
        let pad = i64::from(stage.pad);
        emit.set(op::F_MODE, &[pad, across as i64, down as i64, flags[0], flags[1], flags[2]])?;
        if let Some(line) = &line {
            emit.set(op::F_LINE, &line.fields)?;
        }
        // Where tap (0, 0) of the tile's first pixel lies in the input; negative in the padding.
        let early = line.as_ref().map_or(0, |l| l.early) as i64;
        let y = (self.tile.y * stride_y) as i64 - stage.before[0] as i64;
        let x = (self.tile.x * stride_x) as i64 - stage.before[1] as i64 - early;
        let address = self.places.input.word(input, y, x, self.unit.from).rem_euclid(config.act_words() as i64);
        emit.set(op::F_ADDR, &[address])?;
        let ((y, height), (x, width)) = (reach(y, input.hwc[0]), reach(x, input.hwc[1]));
        emit.set(op::F_ORIGIN, &[x, y])?;
        emit.set(op::F_IN, &[width, height])?;
        let [samples, lines] = line.as_ref().map_or([self.tile.width, self.tile.height], |l| l.size);
        emit.set(op::F_OUT, &[samples as i64 - 1, lines as i64 - 1])?;
        emit.set(op::F_MACS, &self.unit.macs.map(|m| m as i64))
    }

    /// Writes the drain's registers.
    pub fn set_drain(&self, stage: &Stage, config: &Config, emit: &mut Emitter) -> Result<(), Refusal> {
        let output = &stage.output;
        let words = config.act_words() as i64;
        let at = |place: Place, view: &View| {
            place.word(view, self.tile.y as i64, self.tile.x as i64, self.unit.to).rem_euclid(words)
        };
        let records = &stage.records[self.unit.records];
        let pixels = (self.tile.height * self.tile.width) as i64;
        emit.set(op::D_ADDR, &[at(self.places.output, output)])?;
        emit.set(op::D_STEP, &[output.step as i64])?;
        emit.set(
            op::D_COUNT,
            &[pixels - 1, i64::from(records.steps) - 1, stage.add.is_some().into(), records.uniform.into()],
        )?;
        emit.set(op::D_QUANT, &stage.quant.map(i64::from))?;
        emit.set(op::D_PARAM, &[self.places.records as i64])?;
        if let Some(add) = &stage.add {
            emit.set(op::D_ADD, &[at(self.places.add, &add.from)])?;
            emit.set(op::D_ADD_STEP, &[add.from.step as i64])?;
            emit.set(op::D_CLAMP, &add.clamp.map(i64::from))?;
        }
        Ok(())
    }
}

/// A coordinate and the extent it counts against, both shifted down where the coordinate has no room in its command:
/// only whether a tap lies inside matters, and nothing before the tile's first tap is read.
fn reach(origin: i64, extent: usize) -> (i64, i64) {
    if origin <= MAX_ORIGIN {
        (origin, extent as i64)
    } else {
        (0, extent as i64 - origin)
    }
}
