//! The power allocator: which level each device gets, so that the cost is least and the budget is kept.
//!
//! A [`Problem`] has N [`Device`]s; level k of a device takes k units of a budget of T units and costs `cost[k]`, or is
//! not allowed. [`solve`] finds levels of least total cost that use exactly the budget ([`Mode::Equal`]) or at most the
//! budget ([`Mode::AtMost`]). That is a multiple-choice knapsack, and it is solved exactly:
//!
//! > E(i, j) = min over k of E(i−1, j−k) + cost_i(k) + slope_i·j
//!
//! [`SeedForm`] builds the problem in which the source article states it. The model, and how it is solved, with
//! figures:
//! `docs/allocator.md`.
//!
//! ```
//! use systole::allocate::{solve, Device, Mode, Outcome, Problem};
//!
//! let devices = vec![
//!     Device::new("lamp", vec![Some(9), Some(4), Some(3)]),
//!     Device::new("fan", vec![Some(7), None, Some(1)]),
//! ];
//! let problem = Problem::new("desk", Mode::Equal, 3, devices)?;
//! let Outcome::Optimal(solution) = solve(&problem)?.outcome else { panic!("3 units can be shared") };
//! assert_eq!((solution.levels, solution.cost), (vec![1, 2], 5));
//! # Ok::<(), systole::allocate::AllocateError>(())
//! ```

mod card;
mod convex;
mod dynamic;
mod error;
mod file;
mod lanes;
mod problem;
mod seed;
mod solve;
mod tables;
#[cfg(test)]
mod tests;

pub use card::{CardAllocator, CardError, CardSolved, Encoded};
pub use error::AllocateError;
pub use file::read;
pub use problem::{Device, Mode, Problem, LIMITS};
pub use seed::{SeedDevice, SeedForm};
pub use solve::{solve, solve_watched, Method, Outcome, Solution, Solved};
