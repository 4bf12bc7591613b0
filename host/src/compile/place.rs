//! Pass: every buffer gets its place: in activation memory for as long as it lives, or in card memory.
//!
//! What does not fit on the chip together goes to card memory. A stage that reads or writes such a buffer does so in
//! strips of rows, which pass through the chip by two places in turn: one is transferred while the other is in use.

use super::lower::{Lowered, Stage, View};
use super::Refusal;
use isa::config::Config;

/// Where a buffer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// On the chip, from this word on.
    Chip(usize),
    /// In card memory; of a buffer that is neither input nor output, the word of the scratch area.
    Card(usize),
}

/// How a stage passes buffers in card memory through the chip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strips {
    /// Output rows of a strip.
    pub rows: usize,
    /// Places of a strip, in turn: of the input, of the output, of what is added. Unused where the buffer is on the chip.
    pub places: [[usize; 2]; 3],
}

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Of each buffer.
    pub homes: Vec<Home>,
    /// Of each stage: how it is cut into strips, if it is.
    pub strips: Vec<Option<Strips>>,
    /// Words of card memory for buffers that are neither input nor output.
    pub scratch: usize,
}

/// Something on the chip for some of the stages, both ends included.
#[derive(Clone, Copy, Debug)]
struct Life {
    words: usize,
    from: usize,
    to: usize,
}

/// The tensors of a stage that may pass in strips: input, output, what is added.
pub fn views(stage: &Stage) -> [Option<View>; 3] {
    [Some(stage.input), Some(stage.output), stage.add.map(|add| add.from)]
}

/// Places all buffers.
///
/// # Errors
/// A stage of which not even a strip of one row fits.
pub fn place(lowered: &Lowered, config: &Config) -> Result<Places, Refusal> {
    let mut spilled = vec![false; lowered.buffers.len()];
    loop {
        let step = match attempt(lowered, &spilled, config.act_words()) {
            Ok(places) => return Ok(places),
            Err(step) => step,
        };
        let Some(victim) = victim(lowered, &spilled, step) else {
            let stage = &lowered.stages[step];
            let why = format!(
                "{} words of activation memory, {} of them for a row of its output; `{}` has {}",
                stage.output.words() + stage.input.words(),
                stage.output.row(),
                config.name,
                config.act_words()
            );
            return Err(Refusal::new(stage.node, why));
        };
        spilled[victim] = true;
    }
}

/// When a buffer is needed: first and last stage that touch it.
fn life(lowered: &Lowered, buffer: usize) -> Option<Life> {
    let touches = |s: &Stage| views(s).iter().flatten().any(|v| v.buffer == buffer);
    let from = lowered.stages.iter().position(touches)?;
    let to = lowered.stages.iter().rposition(touches)?;
    Some(Life { words: lowered.buffers[buffer], from, to })
}

/// The buffer that is best moved to card memory to make room at a stage.
fn victim(lowered: &Lowered, spilled: &[bool], step: usize) -> Option<usize> {
    let stage = &lowered.stages[step];
    let mut best = None;
    for (buffer, &spilled) in spilled.iter().enumerate() {
        let Some(life) = life(lowered, buffer).filter(|l| (l.from..=l.to).contains(&step)) else { continue };
        // Strips are stored whole: a buffer that several stages write must stay on the chip, and so must one that goes
        // out in two forms.
        let writers = lowered.stages.iter().filter(|s| s.output.buffer == buffer).count();
        let ports = lowered.inputs.iter().chain(&lowered.outputs).filter(|v| v.buffer == buffer).count();
        if spilled || writers > 1 || ports > 1 {
            continue;
        }
        // What the stage has no use for gives way whole.
        let used = views(stage).iter().flatten().any(|v| v.buffer == buffer);
        let gain = if used { life.words / 2 } else { life.words };
        if best.is_none_or(|(most, _)| gain > most) {
            best = Some((gain, buffer));
        }
    }
    best.map(|(_, buffer)| buffer)
}

/// The error is the stage that has no room.
fn attempt(lowered: &Lowered, spilled: &[bool], available: usize) -> Result<Places, usize> {
    let lives: Vec<Option<Life>> =
        (0..lowered.buffers.len()).map(|b| life(lowered, b).filter(|_| !spilled[b])).collect();
    let mut worst = 0;
    // Strips take what is left; where gaps are too small, less of it.
    for share in [100, 75, 50, 25] {
        let mut all: Vec<(Life, Slot)> =
            lives.iter().enumerate().filter_map(|(b, l)| l.map(|l| (l, Slot::Buffer(b)))).collect();
        let mut strips = vec![None; lowered.stages.len()];
        for (step, stage) in lowered.stages.iter().enumerate() {
            let live = lives.iter().flatten().filter(|l| (l.from..=l.to).contains(&step)).map(|l| l.words).sum();
            let free = available.checked_sub(live).ok_or(step)?;
            let passing = views(stage).map(|v| v.filter(|v| spilled[v.buffer]));
            if passing.iter().all(Option::is_none) {
                continue;
            }
            let (rows, deep) = strip(stage, passing, free * share / 100).or(strip(stage, passing, free)).ok_or(step)?;
            strips[step] = Some(Strips { rows, ..Strips::default() });
            for (i, words) in strip_words(stage, passing, rows).into_iter().enumerate().filter(|(_, w)| *w > 0) {
                all.extend((0..deep).map(|k| (Life { words, from: step, to: step }, Slot::Strip(step, i, k, deep))));
            }
        }
        worst = match pack(&all, available) {
            Ok(at) => return Ok(assemble(lowered, spilled, &all, &at, strips)),
            Err(step) => step,
        };
    }
    Err(worst)
}

/// What a place is for: a buffer, or a strip of a stage: which tensor, which of how many in turn.
#[derive(Clone, Copy, Debug)]
enum Slot {
    Buffer(usize),
    Strip(usize, usize, usize, usize),
}

fn assemble(
    lowered: &Lowered,
    spilled: &[bool],
    all: &[(Life, Slot)],
    at: &[usize],
    mut strips: Vec<Option<Strips>>,
) -> Places {
    let mut scratch = 0;
    let mut homes = vec![Home::Chip(0); lowered.buffers.len()];
    for (buffer, home) in homes.iter_mut().enumerate().filter(|(b, _)| spilled[*b]) {
        let edge = lowered.inputs.iter().chain(&lowered.outputs).any(|v| v.buffer == buffer);
        *home = Home::Card(if edge { 0 } else { scratch });
        scratch += if edge { 0 } else { lowered.buffers[buffer] };
    }
    for ((_, slot), &at) in all.iter().zip(at) {
        match *slot {
            Slot::Buffer(buffer) => homes[buffer] = Home::Chip(at),
            Slot::Strip(step, tensor, turn, deep) => {
                if let Some(strips) = &mut strips[step] {
                    strips.places[tensor][turn] = at;
                    if deep == 1 {
                        strips.places[tensor][1] = at;
                    }
                }
            }
        }
    }
    Places { homes, strips, scratch }
}

/// Words of a strip of each tensor that passes.
fn strip_words(stage: &Stage, passing: [Option<View>; 3], rows: usize) -> [usize; 3] {
    let input_rows = ((rows - 1) * stage.stride[0] + stage.span()[0]).min(stage.input.hwc[0]);
    let rows = [input_rows, rows, rows];
    [0, 1, 2].map(|i| passing[i].map_or(0, |view| rows[i] * view.row()))
}

/// The most rows of a strip, and how many strips of each tensor have room: two, or one if need be.
fn strip(stage: &Stage, passing: [Option<View>; 3], free: usize) -> Option<(usize, usize)> {
    let fits = |rows: usize, deep: usize| deep * strip_words(stage, passing, rows).iter().sum::<usize>() <= free;
    // At least two strips, or there is nothing to run beside.
    let most = stage.region.height.div_ceil(2).max(1);
    [2, 1].into_iter().find(|&deep| fits(1, deep)).map(|deep| {
        let rows = (1..=most).rev().find(|&rows| fits(rows, deep)).unwrap_or(1);
        (rows, deep)
    })
}

/// Packing in time and space is hard in general. A chain always fits with its buffers at alternate ends of the memory;
/// for the rest, greatest first is as good as a simple rule gets.
fn pack(all: &[(Life, Slot)], available: usize) -> Result<Vec<usize>, usize> {
    let lives: Vec<Life> = all.iter().map(|(l, _)| *l).collect();
    let mut by_time: Vec<usize> = (0..lives.len()).collect();
    by_time.sort_by_key(|&i| (lives[i].from, lives[i].to));
    let mut by_size = by_time.clone();
    by_size.sort_by_key(|&i| std::cmp::Reverse(lives[i].words));
    let mut step = 0;
    for (order, alternate) in [(&by_time, true), (&by_size, false), (&by_time, false), (&by_size, true)] {
        match pack_in(&lives, order, available, alternate) {
            Ok(places) => return Ok(places),
            Err(failed) => step = failed,
        }
    }
    Err(step)
}

/// Places lives in the given order, each in the first gap among those that live with it: from the bottom of the memory,
/// or with `alternate` from the top for every second one. The error is the stage at which there was no gap.
fn pack_in(lives: &[Life], order: &[usize], available: usize, alternate: bool) -> Result<Vec<usize>, usize> {
    let mut placed: Vec<(Life, usize)> = Vec::new();
    let mut places = vec![0; lives.len()];
    for (turn, &index) in order.iter().enumerate() {
        let life = lives[index];
        let from_top = alternate && turn % 2 == 1;
        // Seen from the end that the gap is looked for at.
        let mut taken: Vec<(usize, usize)> = placed
            .iter()
            .filter(|(other, _)| other.from <= life.to && life.from <= other.to)
            .map(|&(other, at)| if from_top { (available - at - other.words, other.words) } else { (at, other.words) })
            .collect();
        taken.sort_unstable();
        let mut at = 0;
        for (start, words) in taken {
            if at + life.words <= start {
                break;
            }
            at = at.max(start + words);
        }
        if at + life.words > available {
            return Err(life.from);
        }
        places[index] = if from_top { available - at - life.words } else { at };
        placed.push((life, places[index]));
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(words: &[usize]) -> Vec<(Life, Slot)> {
        let life = |(i, &words): (usize, &usize)| (Life { words, from: i.saturating_sub(1), to: i }, Slot::Buffer(i));
        words.iter().enumerate().map(life).collect()
    }

    #[test]
    fn a_chain_fits_whenever_every_neighbouring_pair_does() {
        for words in [&[6, 5, 4, 6][..], &[10, 1, 10, 1, 3], &[11], &[4, 7, 4, 7, 2, 9]] {
            let places = pack(&chain(words), 11).unwrap();
            for i in 1..words.len() {
                let [(a, b), (c, d)] = [i - 1, i].map(|k| (places[k], places[k] + words[k]));
                assert!(b <= c || d <= a, "{words:?}: {places:?}");
                assert!(b <= 11 && d <= 11);
            }
        }
    }

    #[test]
    fn what_does_not_fit_says_where() {
        assert_eq!(pack(&chain(&[3, 6, 6]), 11), Err(1));
    }
}
