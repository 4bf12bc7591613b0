//! What a run says of itself: one set of figures ([`RunReport`]), as JSON and as a table for people.

mod allocation;
mod picture;
mod run;
mod table;

pub use allocation::{AllocationReport, DecisionEnergy};
pub use picture::{picture, Shades};
pub use run::{CheckReport, EnergyReport, LabelReport, LayerReport, RunFacts, RunReport};
pub use table::{columns, quantity, run_table};
