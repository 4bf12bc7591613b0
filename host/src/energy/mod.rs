//! Energy of a run: always with its source, its unit and its uncertainty.
//!
//! Nothing here measures. [`Coefficients`] are what `constraints/<part>.yaml` says of a part, [`Counts`] are what the
//! card counted, and [`Energy`] is the model over both: static power × time + Σ counter × coefficient. A figure from
//! here is `modelled` and is printed so, with the name of the part's file.

mod coefficients;
mod counts;
mod model;

pub use coefficients::{Coefficient, Coefficients, EnergyError, NAMES};
pub use counts::Counts;
pub(crate) use model::useful_zero_products;
pub use model::{Energy, Part, PARTS};
