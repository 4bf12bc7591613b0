//! Pass: every stage gets its place in weight memory.
//!
//! If everything fits, it is loaded once, in the setup, and stays: first all tiles in the order the feeder takes them,
//! so that its address need not be written again from stage to stage, then all parameter records. If not, each stage is
//! cut into groups of output blocks that fit, and each group is loaded before it runs. Where two groups fit beside each
//! other they take the two halves of the memory in turn, and the next one is loaded while this one runs.

use super::lower::Stage;
use super::CompileError;
use isa::config::Config;

/// Output blocks of a stage that are on the chip together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Index of the stage.
    pub stage: usize,
    /// First output block.
    pub first: usize,
    /// Output blocks; for an identity stage all of the tensor's.
    pub count: usize,
    /// Weight word of the group's first tile.
    pub tiles_at: usize,
    /// Weight word of the group's first records.
    pub records_at: usize,
    /// How to bring it onto the chip; `None` if the setup did.
    pub load: Option<Load>,
}

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

/// The weight image and where its parts go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights {
    /// On-chip words of n bytes, one after the other.
    pub image: Vec<u8>,
    /// Loaded once.
    pub setup: Option<Load>,
    /// Groups in the order they run.
    pub groups: Vec<Group>,
    /// Whether a group may be loaded while the one before it runs.
    pub ahead: bool,
}

/// Places the weights of all stages.
///
/// # Errors
/// A stage of which not even one output block fits.
pub fn place(stages: &[Stage], config: &Config) -> Result<Weights, CompileError> {
    let n = config.n;
    let whole: usize = stages.iter().map(|s| words(s, 0..s.tiles.len(), 0..s.records.len(), n)).sum();
    if whole <= config.weight_words() {
        return Ok(resident(stages, n));
    }
    // Half the memory for each group if every stage can live with that, else all of it.
    let half = config.weight_words() / 2;
    match streamed(stages, config, half) {
        Ok(weights) => Ok(weights),
        Err(_) => streamed(stages, config, config.weight_words()),
    }
}

fn resident(stages: &[Stage], n: usize) -> Weights {
    let mut image = Vec::new();
    let mut groups = Vec::new();
    for (stage, s) in stages.iter().enumerate() {
        let tiles_at = image.len() / n;
        s.tiles.iter().for_each(|tile| image.extend(tile));
        groups.push(Group { stage, first: 0, count: usize::MAX, tiles_at, records_at: 0, load: None });
    }
    for (group, s) in groups.iter_mut().zip(stages) {
        group.records_at = image.len() / n;
        s.records.iter().for_each(|r| image.extend(&r.bytes));
    }
    let setup = (!image.is_empty()).then_some(Load { from: 0, to: 0, words: image.len() / n });
    Weights { image, setup, groups, ahead: false }
}

fn streamed(stages: &[Stage], config: &Config, room: usize) -> Result<Weights, CompileError> {
    let n = config.n;
    let ahead = room < config.weight_words();
    let mut weights = Weights { image: Vec::new(), setup: None, groups: Vec::new(), ahead };
    for (stage, s) in stages.iter().enumerate() {
        // Identity stages have one tile for all blocks and are never cut.
        let identity = s.tiles.len() == 1 && s.records.len() == 1;
        let total = s.tiles.len().max(s.records.len());
        let mut first = 0;
        while first < total {
            let mut count = 1;
            if !identity {
                while first + count < total && group_words(s, first, count + 1, n) <= room {
                    count += 1;
                }
            }
            let needed = group_words(s, first, count, n);
            if needed > room {
                return Err(CompileError::Weights {
                    layer: s.name.clone(),
                    needed,
                    available: room,
                    config: config.name.clone(),
                    n,
                });
            }
            let to = if ahead { weights.groups.len() % 2 * room } else { 0 };
            let from = weights.image.len() / n;
            let (tiles, records) = parts(s, first, count);
            s.tiles[tiles].iter().for_each(|tile| weights.image.extend(tile));
            let records_at = to + weights.image.len() / n - from;
            s.records[records].iter().for_each(|r| weights.image.extend(&r.bytes));
            let load = Some(Load { from, to, words: needed });
            let last = first + count == total;
            let count = if identity && last { usize::MAX } else { count };
            weights.groups.push(Group { stage, first, count, tiles_at: to, records_at, load });
            first = first.saturating_add(count);
        }
    }
    Ok(weights)
}

/// Which tiles and records belong to `count` output blocks from `first` on. An identity stage has but one tile.
fn parts(s: &Stage, first: usize, count: usize) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
    let cut = |len: usize| if len == 1 { 0..1 } else { first..(first + count).min(len) };
    (cut(s.tiles.len()), cut(s.records.len()))
}

fn group_words(s: &Stage, first: usize, count: usize, n: usize) -> usize {
    let (tiles, records) = parts(s, first, count);
    words(s, tiles, records, n)
}

fn words(s: &Stage, tiles: std::ops::Range<usize>, records: std::ops::Range<usize>, n: usize) -> usize {
    let bytes: usize = s.tiles[tiles].iter().map(Vec::len).sum::<usize>()
        + s.records[records].iter().map(|r| r.bytes.len()).sum::<usize>();
    bytes / n
}
