//! What `constraints/<part>.yaml` says: joules of each kind of activity on a part, with unit, source and uncertainty.
//!
//! A container carries its part's coefficients in its manifest, so a run needs no file beside it. Every key is
//! required and no other is known: a coefficient that is silently 0 would be a saving that nobody made.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why coefficients cannot be used. One line: what, where, which value, the remedy.
#[derive(Debug, thiserror::Error)]
pub enum EnergyError {
    /// The text is no YAML of this form: a key is missing, unknown or of the wrong type.
    #[error("energy coefficients: {place}: {what}; see docs/energy.md for the keys")]
    Form {
        /// The file, or the container that holds them.
        place: String,
        /// What the parser found, with line and column.
        what: String,
    },
    /// A value cannot be.
    #[error("energy coefficients: {place}: `{name}` has {what}")]
    Value {
        /// The file, or the container that holds them.
        place: String,
        /// The coefficient.
        name: &'static str,
        /// The field, its value and what it may be.
        what: String,
    },
}

/// One coefficient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coefficient {
    /// Its value in `unit`.
    pub value: f64,
    /// `W` for `static_w`, else `J`.
    pub unit: String,
    /// Relative uncertainty: 0.25 for ±25 %; 0 to 1.
    pub uncertainty: f64,
    /// Where the value comes from. Coefficients of one fit name the same source; their errors are taken to go together.
    pub source: String,
}

/// The coefficients of a part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coefficients {
    /// The part, as configurations name it; `constraints/<part>.yaml` is the file.
    pub part: String,
    /// The supply that the joules are drawn from; `core`. Board energy is another quantity and stands elsewhere.
    pub rail: String,
    /// The coefficients by name.
    pub coefficients: Named,
    /// How far the counter model is from a gate-level one; a part without a gate-level model has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter_model: Option<CounterModel>,
    /// Coefficients of the gate-level model, which `scripts/energy` derives the others from; no run uses them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gates: BTreeMap<String, Coefficient>,
}

/// The error of the counter model itself, beside that of its coefficients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CounterModel {
    /// Relative, as in [`Coefficient`].
    pub uncertainty: f64,
    /// What it was compared with.
    pub source: String,
}

macro_rules! named {
    ($($(#[doc = $doc:literal])+ $name:ident, $unit:literal;)+) => {
        /// Every coefficient by name.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Named {
            $($(#[doc = $doc])+ pub $name: Coefficient,)+
        }

        /// Name, unit and meaning of every coefficient.
        pub const NAMES: &[(&str, &str, &str)] = &[$((stringify!($name), $unit, concat!($($doc),+))),+];

        impl Named {
            fn each(&self) -> impl Iterator<Item = (&'static str, &'static str, &Coefficient)> {
                [$((stringify!($name), $unit, &self.$name)),+].into_iter()
            }
        }
    };
}

named! {
    /// power without a clock
    static_w, "W";
    /// a clock cycle, work or not
    clock_j, "J";
    /// a product with both operands nonzero
    mac_j, "J";
    /// a product with a zero operand
    mac_zero_j, "J";
    /// a requantiser cycle
    drain_j, "J";
    /// an activation word read
    act_read_j, "J";
    /// an activation word written
    act_write_j, "J";
    /// a weight word read
    weight_read_j, "J";
    /// a weight word written
    weight_write_j, "J";
    /// an accumulator word read
    acc_read_j, "J";
    /// an accumulator word written
    acc_write_j, "J";
    /// a beat read from card memory
    bus_read_j, "J";
    /// a beat written to card memory
    bus_write_j, "J";
    /// a clock cycle of the allocator, work or not
    allocate_clock_j, "J";
    /// a lane operation of the allocator: one add, one compare
    allocate_cell_j, "J";
    /// a cell read from the allocator's row memory
    row_read_j, "J";
    /// a cell written to the allocator's row memory
    row_write_j, "J";
}

impl Coefficients {
    /// Reads coefficients from YAML; `place` names the file in errors.
    ///
    /// # Errors
    /// A missing or unknown key, a negative or non-finite value, a wrong unit, an uncertainty out of 0..=1, no source.
    pub fn parse(yaml: &str, place: &str) -> Result<Self, EnergyError> {
        let parsed: Self = serde_yaml::from_str(yaml)
            .map_err(|e| EnergyError::Form { place: place.into(), what: e.to_string().replace('\n', " ") })?;
        parsed.check(place)?;
        Ok(parsed)
    }

    /// Whether the values can be; `place` names the file in errors.
    ///
    /// # Errors
    /// As [`Coefficients::parse`], less the form.
    pub fn check(&self, place: &str) -> Result<(), EnergyError> {
        for (name, unit, c) in self.coefficients.each() {
            let what = if !c.value.is_finite() || c.value < 0.0 {
                format!("value {}; it must be a number from 0 up", c.value)
            } else if c.unit != unit {
                format!("unit `{}`; it must be `{unit}`", c.unit)
            } else if !(0.0..=1.0).contains(&c.uncertainty) {
                format!("uncertainty {}; it must be 0 to 1 (0.25 is 25 %)", c.uncertainty)
            } else if c.source.trim().is_empty() {
                "no source; say where the value comes from".into()
            } else {
                continue;
            };
            return Err(EnergyError::Value { place: place.into(), name, what });
        }
        match &self.counter_model {
            Some(CounterModel { uncertainty, .. }) if !(0.0..=1.0).contains(uncertainty) => Err(EnergyError::Value {
                place: place.into(),
                name: "counter_model",
                what: format!("uncertainty {uncertainty}; it must be 0 to 1 (0.25 is 25 %)"),
            }),
            _ => Ok(()),
        }
    }

    /// Name of the file that the coefficients stand in, as reports print it.
    pub fn file(&self) -> String {
        format!("constraints/{}.yaml", self.part)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn yaml() -> String {
        let mut text = String::from("part: test\nrail: core\ncoefficients:\n");
        for (name, unit, _) in NAMES {
            let value = match *name {
                "static_w" => "1.0e-3",
                "clock_j" => "1.0e-11",
                "mac_j" => "2.0e-12",
                _ => "1.0e-12",
            };
            text += &format!("  {name}: {{value: {value}, unit: {unit}, uncertainty: 0.25, source: one fit}}\n");
        }
        text
    }

    pub(crate) fn sample() -> Coefficients {
        Coefficients::parse(&yaml(), "test.yaml").unwrap()
    }

    fn error(yaml: &str) -> String {
        Coefficients::parse(yaml, "constraints/test.yaml").unwrap_err().to_string()
    }

    #[test]
    fn a_missing_coefficient_is_an_error_and_not_zero() {
        let without: String = yaml().lines().filter(|l| !l.contains("bus_read_j")).map(|l| format!("{l}\n")).collect();
        assert!(error(&without).contains("missing field `bus_read_j`"), "{}", error(&without));
    }

    #[test]
    fn an_unknown_coefficient_is_an_error() {
        let more = yaml() + "  magic_j: {value: 1, unit: J, uncertainty: 0, source: s}\n";
        assert!(error(&more).contains("unknown field `magic_j`"), "{}", error(&more));
    }

    #[test]
    fn the_error_of_the_counter_model_may_be_left_out_and_must_be_a_share() {
        assert_eq!(sample().counter_model, None);
        let with = |u: &str| yaml() + &format!("counter_model: {{uncertainty: {u}, source: gates}}\n");
        assert_eq!(Coefficients::parse(&with("0.2"), "t").unwrap().counter_model.unwrap().uncertainty, 0.2);
        assert!(
            error(&with("20")).contains("`counter_model` has uncertainty 20; it must be 0 to 1"),
            "{}",
            error(&with("20"))
        );
    }

    #[test]
    fn impossible_values_name_the_coefficient_the_value_and_what_it_may_be() {
        for (from, to, says) in [
            ("value: 2.0e-12", "value: -2.0e-12", "`mac_j` has value -0.000000000002; it must be a number from 0 up"),
            ("value: 2.0e-12", "value: .nan", "`mac_j` has value NaN"),
            ("unit: W", "unit: mW", "`static_w` has unit `mW`; it must be `W`"),
            ("uncertainty: 0.25", "uncertainty: 25", "`static_w` has uncertainty 25; it must be 0 to 1"),
            ("source: one fit", "source: ''", "`static_w` has no source"),
        ] {
            let message = error(&yaml().replacen(from, to, 1));
            assert!(message.contains(says), "{message}");
            assert!(!message.contains('\n'));
        }
    }
}
