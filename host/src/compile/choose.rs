//! Choices between programs that compute the same, by how long they take.

use super::program::Choices;
use super::{Objective, Refusal};

/// Cycles that a feed waits for what it could read ahead.
const PATIENCE: [u64; 3] = [0, 60, 200];
/// Words of a transfer of tiles.
const CHUNKS: [usize; 3] = [128, 512, 1024];
/// Parts of a stage's rows, in percent, that may become a short last tile.
const LAST: [usize; 3] = [10, 25, 40];
/// Programs that take longer are not tried in other forms, or not stage by stage: what there is to win at the seams of
/// stages counts less there, and timing them takes its own time.
const LONG: u64 = 400_000;
const RATHER_LONG: u64 = 80_000;

/// The best choices for a program of so many stages; `cycles` says how long an inference takes with them. They are tried
/// one after the other, each with the best of those before it. For energy there is nothing to try: a tile more moves every
/// weight once more.
pub fn choices(
    objective: Objective,
    stages: usize,
    mut cycles: impl FnMut(&Choices) -> Result<u64, Refusal>,
) -> Result<Choices, Refusal> {
    let (last, early) = (vec![0; stages], vec![false; stages]);
    let plain = Choices { last, chunk: 256, patience: 20, hurry: false, early, load_weights: true };
    if objective == Objective::Energy {
        return Ok(plain);
    }
    let mut best = (cycles(&plain)?, plain);
    let mut attempt = |best: &mut (u64, Choices), change: &dyn Fn(&mut Choices)| {
        let mut choices = best.1.clone();
        change(&mut choices);
        let taken = cycles(&choices)?;
        if taken < best.0 {
            *best = (taken, choices);
        }
        Ok(())
    };
    if best.0 > LONG {
        return Ok(best.1);
    }
    for patience in PATIENCE {
        attempt(&mut best, &|c| c.patience = patience)?;
    }
    attempt(&mut best, &|c| c.hurry = true)?;
    attempt(&mut best, &|c| c.early.fill(true))?;
    for chunk in CHUNKS {
        attempt(&mut best, &|c| c.chunk = chunk)?;
    }
    for last in LAST {
        attempt(&mut best, &|c| c.last.fill(last))?;
    }
    if best.0 > RATHER_LONG {
        return Ok(best.1);
    }
    for stage in 0..stages {
        for last in LAST.into_iter().chain([0]) {
            attempt(&mut best, &|c| c.last[stage] = last)?;
        }
        attempt(&mut best, &|c| c.early[stage] = !c.early[stage])?;
    }
    Ok(best.1)
}
