//! Pass: a sum takes the place of the tensor that is added to it, where that saves a way through card memory.
//!
//! The drain reads the word to add before it writes the sum there, so the two may share a buffer if nobody needs the
//! addend any more.

use super::lower::{Lowered, Stage};
use super::place::{self, Places};
use super::Refusal;
use isa::config::Config;

/// Places all buffers, some sums in the place of what is added: those with which less has to go through card memory.
///
/// # Errors
/// As [`place::place`].
pub fn place(mut lowered: Lowered, config: &Config) -> Result<(Lowered, Places), Refusal> {
    let mut places = place::place(&lowered, config);
    for stage in 0..lowered.stages.len() {
        if places.as_ref().is_ok_and(|p| passing(&lowered, p) == 0) {
            break;
        }
        let Some(joined) = joined(&lowered, stage) else { continue };
        let Ok(better) = place::place(&joined, config) else { continue };
        if places.as_ref().map_or(true, |p| passing(&joined, &better) < passing(&lowered, p)) {
            (lowered, places) = (joined, Ok(better));
        }
    }
    Ok((lowered, places?))
}

/// Words that stages pass through the chip.
fn passing(lowered: &Lowered, places: &Places) -> usize {
    let card = |buffer: usize| matches!(places.homes[buffer], place::Home::Card(_));
    let words =
        |s: &Stage| place::views(s).iter().flatten().filter(|v| card(v.buffer)).map(|v| v.words()).sum::<usize>();
    lowered.stages.iter().map(words).sum()
}

/// With the output of a stage in the buffer of what it adds, if that can be.
fn joined(lowered: &Lowered, index: usize) -> Option<Lowered> {
    let stage = &lowered.stages[index];
    let (sum, addend) = (stage.output, stage.add?.from);
    let port = |buffer: usize| lowered.inputs.iter().chain(&lowered.outputs).any(|v| v.buffer == buffer);
    let uses = |s: &Stage, buffer: usize| place::views(s).iter().flatten().any(|v| v.buffer == buffer);
    // One layout, written at once, and each word read by nobody but the drain that overwrites it.
    let alike = (sum.hwc, sum.step, sum.first) == (addend.hwc, addend.step, addend.first);
    let last = !lowered.stages[index + 1..].iter().any(|s| uses(s, addend.buffer));
    let first = !lowered.stages[..index].iter().any(|s| uses(s, sum.buffer));
    let others = lowered.stages.iter().enumerate().filter(|&(i, s)| i != index && s.output.buffer == sum.buffer);
    if !alike
        || !last
        || !first
        || others.count() > 0
        || stage.input.buffer == addend.buffer
        || sum.buffer == addend.buffer
        || lowered.buffers[sum.buffer] != lowered.buffers[addend.buffer]
        || port(sum.buffer)
        || port(addend.buffer)
    {
        return None;
    }
    let mut joined = lowered.clone();
    for stage in &mut joined.stages {
        let added = stage.add.as_mut().map(|add| &mut add.from);
        for view in [&mut stage.input, &mut stage.output].into_iter().chain(added) {
            if view.buffer == sum.buffer {
                view.buffer = addend.buffer;
            }
        }
    }
    Some(joined)
}
