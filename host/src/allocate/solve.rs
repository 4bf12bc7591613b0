//! Solving: which of the exact ways a problem takes, and what comes out.

use super::tables::Tables;
use super::{convex, dynamic, AllocateError, Problem};
use serde::Serialize;

/// An assignment of least cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Solution {
    /// Level of each device.
    pub levels: Vec<usize>,
    /// Total cost.
    pub cost: u64,
    /// Budget units used.
    pub used: usize,
}

/// What a solver found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An assignment, and none costs less.
    Optimal(Solution),
    /// No assignment keeps the budget.
    Infeasible,
}

impl Outcome {
    /// The assignment, if there is one.
    pub fn solution(&self) -> Option<&Solution> {
        match self {
            Self::Optimal(solution) => Some(solution),
            Self::Infeasible => None,
        }
    }

    /// `optimal` or `infeasible`, as reports print it.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Optimal(_) => "optimal",
            Self::Infeasible => "infeasible",
        }
    }
}

/// How a problem was solved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Every table is convex: the cheapest marginal costs, O(N·K).
    MarginalCosts,
    /// The dynamic program, O(N·T·K).
    DynamicProgram,
    /// The dynamic program on a card.
    Card,
}

/// An outcome and how it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Solved {
    /// What came out.
    pub outcome: Outcome,
    /// How.
    pub method: Method,
}

/// Most additions of the dynamic program, N·T·K: a few minutes on one core.
const MAX_CELLS: u64 = 2_000_000_000_000;

/// Solves a problem exactly, on one core.
///
/// # Errors
/// The problem is too much work for the dynamic program (2·10¹² additions). Infeasible is no error.
pub fn solve(problem: &Problem) -> Result<Solved, AllocateError> {
    solve_watched(problem, &mut |_, _| {})
}

/// [`solve`], telling `watch` after each device how many rows of the dynamic program are done, and of how many.
///
/// # Errors
/// As [`solve`].
pub fn solve_watched(problem: &Problem, watch: &mut dyn FnMut(usize, usize)) -> Result<Solved, AllocateError> {
    let tables = Tables::new(problem);
    let (levels, method) = if tables.convex() {
        (convex::levels(&tables), Method::MarginalCosts)
    } else {
        let cells = tables.cells();
        if cells > MAX_CELLS {
            return Err(AllocateError::Problem {
                problem: problem.name().into(),
                field: "devices × budget × levels".into(),
                what: format!("is {cells}; at most {MAX_CELLS}: use larger units"),
            });
        }
        (dynamic::levels(&tables, watch), Method::DynamicProgram)
    };
    let outcome = match levels {
        Some(levels) => {
            // Judged by the definition, not by what the solver believes.
            let (cost, used) = problem.evaluate(&levels)?;
            Outcome::Optimal(Solution { levels, cost, used })
        }
        None => Outcome::Infeasible,
    };
    Ok(Solved { outcome, method })
}
