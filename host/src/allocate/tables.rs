//! The tables as the solvers want them: allowed levels alone, slopes folded in, each less its least cost.
//!
//! **Slopes**: with j_i = k_1 + … + k_i, Σ_i U_i·j_i = Σ_m k_m·(U_m + … + U_N). So U_i·j is a part of the cost tables,
//! `c_m(k) + k·(U_m + … + U_N)`, and no solver here needs to know of it.
//!
//! **Less its least cost**: the sums stay small, so narrower lanes do. All assignments lose the same.

use super::{Mode, Problem};
use std::ops::RangeInclusive;

/// A level that a device may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Budget units.
    pub units: usize,
    /// Cost above the cheapest of its table.
    pub cost: i64,
}

/// All tables of a problem.
pub struct Tables {
    /// Whether the budget is to be used up.
    pub mode: Mode,
    /// The budget in units.
    pub budget: usize,
    levels: Vec<Level>,
    /// Where the levels of device i begin; one more for the end.
    starts: Vec<usize>,
    /// No sum of costs on the way to an assignment is greater.
    pub greatest: i64,
}

impl Tables {
    /// The tables of a problem. Levels beyond the budget can never be taken and are left out.
    pub fn new(problem: &Problem) -> Self {
        let budget = problem.budget();
        let devices = problem.devices();
        let mut levels = Vec::with_capacity(devices.iter().map(|d| d.cost.len()).sum());
        let mut starts = Vec::with_capacity(devices.len() + 1);
        // Sum of slopes from this device on. What `Problem` checked keeps every sum here below 2⁶².
        let mut carried: u64 = devices.iter().map(|d| d.slope).sum();
        let (mut by_tables, mut by_costs) = (0i64, carried as i64 * budget as i64);
        for device in devices {
            let start = levels.len();
            starts.push(start);
            let mut own = 0;
            for (units, &cost) in device.cost.iter().enumerate().take(budget + 1) {
                if let Some(cost) = cost {
                    levels.push(Level { units, cost: (cost + carried * units as u64) as i64 });
                    own = own.max(cost as i64);
                }
            }
            let table = &mut levels[start..];
            let least = table.iter().map(|l| l.cost).min().unwrap_or(0);
            table.iter_mut().for_each(|l| l.cost -= least);
            by_costs += own;
            by_tables = by_tables.saturating_add(table.iter().map(|l| l.cost).max().unwrap_or(0));
            carried -= device.slope;
        }
        starts.push(levels.len());
        Self { mode: problem.mode(), budget, levels, starts, greatest: by_tables.min(by_costs) }
    }

    /// How many devices there are.
    pub fn devices(&self) -> usize {
        self.starts.len() - 1
    }

    /// Levels of device `i`, in order of units; empty where none is allowed.
    pub fn of(&self, i: usize) -> &[Level] {
        &self.levels[self.starts[i]..self.starts[i + 1]]
    }

    /// Least and greatest units of device `i`; `None` where no level is allowed.
    pub fn units(&self, i: usize) -> Option<RangeInclusive<usize>> {
        let levels = self.of(i);
        Some(levels.first()?.units..=levels.last()?.units)
    }

    /// Additions of the dynamic program, at most.
    pub fn cells(&self) -> u64 {
        (self.levels.len() as u64).saturating_mul(self.budget as u64 + 1)
    }

    /// Whether every table is convex: its levels follow each other, and no step up costs less than the one before.
    pub fn convex(&self) -> bool {
        (0..self.devices()).all(|i| {
            let levels = self.of(i);
            levels.windows(2).all(|w| w[1].units == w[0].units + 1)
                && levels.windows(3).all(|w| w[2].cost - w[1].cost >= w[1].cost - w[0].cost)
        })
    }
}
