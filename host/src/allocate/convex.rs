//! Convex tables: the cheapest steps up, wherever they are.
//!
//! From its lowest level each device goes up in steps, and in a convex table no step costs less than the one before it.
//! So the m cheapest steps of all devices together can always be taken in order, and no other m steps cost less.
//! O(N·K).

use super::tables::Tables;
use super::Mode;

/// Level of each device at least cost; `None` where no assignment keeps the budget. Every table must be convex.
pub fn levels(tables: &Tables) -> Option<Vec<usize>> {
    let mut levels = Vec::with_capacity(tables.devices());
    for i in 0..tables.devices() {
        levels.push(*tables.units(i)?.start());
    }
    let spare = tables.budget.checked_sub(levels.iter().sum())?;
    let mut steps: Vec<i64> = (0..tables.devices()).flat_map(|i| steps(tables, i)).collect();
    let wanted = match tables.mode {
        Mode::Equal if spare > steps.len() => return None,
        Mode::Equal => spare,
        // A step that gains nothing is not taken.
        Mode::AtMost => spare.min(steps.iter().filter(|&&s| s < 0).count()),
    };
    let Some(last) = wanted.checked_sub(1) else { return Some(levels) };
    // The dearest step that is taken; of those that cost the same, the first devices take theirs.
    let dearest = *steps.select_nth_unstable(last).1;
    let mut left = wanted - steps[..wanted].iter().filter(|&&s| s < dearest).count();
    for (i, level) in levels.iter_mut().enumerate() {
        for step in self::steps(tables, i).take_while(|&s| s <= dearest) {
            if step == dearest {
                if left == 0 {
                    break;
                }
                left -= 1;
            }
            *level += 1;
        }
    }
    Some(levels)
}

/// What each step up of device `i` costs.
fn steps(tables: &Tables, i: usize) -> impl Iterator<Item = i64> + '_ {
    tables.of(i).windows(2).map(|w| w[1].cost - w[0].cost)
}
