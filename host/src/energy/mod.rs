//! Energy of a run: always with its source, its unit and its uncertainty.
//!
//! [`Rapl`] measures the host's processor. Nothing here measures a card: [`Coefficients`] are what
//! `constraints/<part>.yaml` says of a part, [`Counts`] are what the card counted, and [`Energy`] is the model over both:
//! static power × time + Σ counter × coefficient. A card's figure is `modelled` and is printed so, with the name of the
//! part's file.

mod allocation;
mod coefficients;
mod counts;
mod model;
mod rapl;

pub use coefficients::{Coefficient, Coefficients, CounterModel, EnergyError, NAMES};
pub use counts::Counts;
pub(crate) use model::useful_zero_products;
pub use model::{Energy, Part, PARTS};
pub use rapl::{Rapl, Reading, POWERCAP};
