//! Pass: every stage gets its place in weight memory.
//!
//! If everything fits, it stays: all tiles in the order the feeder takes them, so that its address need not be written
//! again from stage to stage, then all parameter records. The first inference of a run loads each part before it is
//! needed. If not everything fits, every inference does: tiles go round through one part of the memory, records through
//! the other, in chunks, so that some are on their way while others are in use.

use super::lower::Stage;
use super::Refusal;
use isa::config::Config;
use std::ops::Range;

/// A transfer from the weight image to weight memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Word of the image.
    pub from: usize,
    /// Word of weight memory.
    pub to: usize,
    /// Words.
    pub words: usize,
}

/// Units of a stage that are on the chip together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The units.
    pub units: Range<usize>,
    /// Transfers, each with the unit before which it has to be made.
    pub loads: Vec<(usize, Load)>,
    /// Weight word of each unit's tiles and of its records.
    pub words: Vec<[usize; 2]>,
}

/// The weight image and how its parts come onto the chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights {
    /// On-chip words of n bytes, one after the other.
    pub image: Vec<u8>,
    /// Whether all of it stays on the chip.
    pub resident: bool,
    /// Word of the image of each tile entry and each record of each stage.
    at: Vec<[Vec<usize>; 2]>,
    /// Words of weight memory for tiles; those behind are for records.
    tile_words: usize,
    weight_words: usize,
    n: usize,
}

/// Where the next part goes: two rings, for tiles and for records.
#[derive(Clone, Debug, Default)]
pub struct Rings {
    at: [usize; 2],
}

impl Weights {
    /// Lays out the weights of all stages.
    ///
    /// # Errors
    /// A stage of which not even one unit fits.
    pub fn new(stages: &[Stage], config: &Config) -> Result<Self, Refusal> {
        let (n, weight_words) = (config.n, config.weight_words());
        let mut image = Vec::new();
        let mut at = vec![[Vec::new(), Vec::new()]; stages.len()];
        for (stage, at) in stages.iter().zip(&mut at) {
            for tiles in &stage.tiles {
                at[0].push(image.len() / n);
                image.extend(tiles);
            }
        }
        let tiles = image.len() / n;
        for (stage, at) in stages.iter().zip(&mut at) {
            for records in &stage.records {
                at[1].push(image.len() / n);
                image.extend(&records.bytes);
            }
        }
        let whole = image.len() / n;
        let most = |bytes: &dyn Fn(&Stage) -> usize| stages.iter().map(bytes).max().unwrap_or(0) / n;
        let records = most(&|s| s.records.iter().map(|r| r.bytes.len()).max().unwrap_or(0));
        // A quarter for records, or what they take.
        let for_records = (whole - tiles).min((weight_words / 4).max(2 * records));
        let tile_words = weight_words.saturating_sub(for_records);
        let weights = Self { image, resident: whole <= weight_words, at, tile_words, weight_words, n };
        if !weights.resident {
            for stage in stages {
                let needed = stage.tiles.iter().map(Vec::len).max().unwrap_or(0) / n;
                if needed > tile_words || records > for_records {
                    let why = format!(
                        "{} words of weight memory for one block of output channels; `{}` has {weight_words}",
                        needed + records,
                        config.name
                    );
                    return Err(Refusal::new(stage.node, why));
                }
            }
        }
        Ok(weights)
    }

    /// The units of a stage in groups that are on the chip together, with the transfers that bring them there, of `chunk`
    /// words or more.
    pub fn groups(&self, index: usize, stage: &Stage, chunk: usize, rings: &mut Rings) -> Vec<Group> {
        let mut groups = Vec::new();
        let mut first = 0;
        while first < stage.units.len() {
            let mut end = first + 1;
            // Half of each ring, so that the next group finds room while this one is in use.
            let room = [self.tile_words / 2, (self.weight_words - self.tile_words) / 2];
            let fits = |end: usize| {
                let [tiles, records] = self.parts(stage, first..end);
                let tiles: usize = tiles.map(|i| stage.tiles[i].len() / self.n).sum();
                let records: usize = records.map(|i| stage.records[i].bytes.len() / self.n).sum();
                tiles <= room[0] && records <= room[1]
            };
            while end < stage.units.len() && (self.resident || fits(end + 1)) {
                end += 1;
            }
            groups.push(self.group(index, stage, first..end, chunk, rings));
            first = end;
        }
        groups
    }

    /// Entries of tiles and of records that units take: they stand in the units' order.
    fn parts(&self, stage: &Stage, units: Range<usize>) -> [Range<usize>; 2] {
        let (first, last) = (stage.units[units.start], stage.units[units.end - 1]);
        [first.tiles..last.tiles + 1, first.records..last.records + 1]
    }

    fn group(&self, index: usize, stage: &Stage, units: Range<usize>, least: usize, rings: &mut Rings) -> Group {
        let [tiles, records] = self.parts(stage, units.clone());
        let words = |part: usize, entry: usize| match part {
            0 => stage.tiles[entry].len() / self.n,
            _ => stage.records[entry].bytes.len() / self.n,
        };
        let mut to = [0; 2];
        for (part, entries) in [tiles.clone(), records.clone()].into_iter().enumerate() {
            let total: usize = entries.clone().map(|e| words(part, e)).sum();
            to[part] = match self.resident {
                true => self.at[index][part][entries.start],
                false => self.place(part, total, rings),
            };
        }
        let place = |part: usize, entry: usize, entries: &Range<usize>| {
            to[part] + self.at[index][part][entry] - self.at[index][part][entries.start]
        };
        let mut loads = Vec::new();
        let mut chunk: Option<(usize, Load)> = None;
        let mut loaded = tiles.start;
        for unit in units.clone() {
            let entry = stage.units[unit].tiles;
            if entry < loaded {
                continue;
            }
            loaded = entry + 1;
            let part = Load { from: self.at[index][0][entry], to: place(0, entry, &tiles), words: words(0, entry) };
            match &mut chunk {
                Some((_, open)) if open.words < least => open.words += part.words,
                _ => loads.extend(chunk.replace((unit, part))),
            }
        }
        loads.extend(chunk);
        // The first drain comes after the first feed, and so may what it needs.
        let total = records.clone().map(|e| words(1, e)).sum();
        let all = Load { from: self.at[index][1][records.start], to: to[1], words: total };
        loads.insert(1.min(loads.len()), (units.start, all));
        let word = |unit: usize| {
            let unit = stage.units[unit];
            [place(0, unit.tiles, &tiles), place(1, unit.records, &records)]
        };
        Group { words: units.clone().map(word).collect(), units, loads }
    }

    /// Room for words in one of the rings.
    fn place(&self, part: usize, words: usize, rings: &mut Rings) -> usize {
        let (from, to) = [(0, self.tile_words), (self.tile_words, self.weight_words)][part];
        let at = rings.at[part].max(from);
        let at = if at + words > to { from } else { at };
        rings.at[part] = at + words;
        at
    }
}
