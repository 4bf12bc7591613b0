//! What a run says of itself: one set of figures ([`RunReport`]), as JSON, as a table for people and as a page with plots.

mod allocation;
mod html;
mod picture;
mod run;
mod table;

pub use allocation::{AllocationReport, DecisionEnergy};
pub use html::{run_html, UsedRow, UtilisationFile};
pub use picture::{picture, Shades};
pub use run::{CheckReport, EnergyReport, LabelReport, LayerReport, RunFacts, RunReport};
pub use table::{columns, quantity, run_table};
