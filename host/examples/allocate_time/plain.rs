//! What the allocator is measured against: the dynamic program as anyone writes it, three loops in 64-bit integers.

/// Levels and cost of the cheapest assignment that uses exactly `budget` units; `cost[i][k]` is the cost of level k of
/// device i. `None`: there is none.
pub fn solve(cost: &[Vec<i64>], budget: usize) -> Option<(Vec<usize>, i64)> {
    const NONE: i64 = i64::MAX / 2;
    let mut before = vec![NONE; budget + 1];
    let mut after = vec![NONE; budget + 1];
    let mut choice = vec![0u16; cost.len() * (budget + 1)];
    before[0] = 0;
    for (own, choice) in cost.iter().zip(choice.chunks_exact_mut(budget + 1)) {
        for j in 0..=budget {
            let (mut least, mut level) = (NONE, 0);
            for k in 0..own.len().min(j + 1) {
                let sum = before[j - k] + own[k];
                if sum < least {
                    (least, level) = (sum, k);
                }
            }
            after[j] = least;
            choice[j] = level as u16;
        }
        std::mem::swap(&mut before, &mut after);
    }
    if before[budget] >= NONE {
        return None;
    }
    let mut levels = vec![0; cost.len()];
    let mut left = budget;
    for (level, choice) in levels.iter_mut().zip(choice.chunks_exact(budget + 1)).rev() {
        *level = usize::from(choice[left]);
        left -= *level;
    }
    Some((levels, before[budget]))
}
