//! Choices between programs that compute the same, by how long they take.

use super::program::Choices;
use super::{Objective, Refusal};

/// Parts of a stage's rows, in percent, that may become a short last tile.
const LAST: [usize; 2] = [0, 25];

/// The best choices; `cycles` says how long an inference takes with them. For energy there is nothing to try: a tile more
/// moves every weight once more.
pub fn choices(
    objective: Objective,
    mut cycles: impl FnMut(Choices) -> Result<u64, Refusal>,
) -> Result<Choices, Refusal> {
    let plain = Choices { last: 0, load_weights: true };
    if objective == Objective::Energy {
        return Ok(plain);
    }
    let mut best: Option<(u64, Choices)> = None;
    for last in LAST {
        let choices = Choices { last, ..plain };
        let taken = cycles(choices)?;
        if best.is_none_or(|(least, _)| taken < least) {
            best = Some((taken, choices));
        }
    }
    Ok(best.map_or(plain, |(_, choices)| choices))
}
