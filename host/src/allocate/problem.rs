//! The problem: devices with tables of costs, a budget, and whether all of it must be used. Checked when it is made.

use super::AllocateError;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// How large a problem may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most devices.
    pub devices: usize,
    /// Most budget units.
    pub budget: usize,
    /// Most levels of a device, level 0 among them.
    pub levels: usize,
    /// Greatest possible total cost.
    pub cost: u64,
}

/// What the software solver takes. The dynamic program then needs at most 1.4 GB: 2.5·√N rows of 8-byte sums
/// (see `dynamic`), and no sum is as great as "unreachable" (see `lanes`).
pub const LIMITS: Limits = Limits { devices: 65_536, budget: 262_144, levels: 4_096, cost: (1 << 62) - 2 };

/// Whether the budget is to be used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Exactly the budget.
    Equal,
    /// The budget or less.
    AtMost,
}

/// A device and what its levels cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its name; no two devices of a problem share one.
    pub name: String,
    /// `cost[k]`: cost of level k, which takes k budget units; `None` where the level is not allowed.
    pub cost: Vec<Option<u64>>,
    /// Cost of each budget unit that this device and all before it use together: the `U_i` of `U_i·j`. Mostly 0.
    pub slope: u64,
}

impl Device {
    /// A device without a slope.
    pub fn new(name: impl Into<String>, cost: Vec<Option<u64>>) -> Self {
        Self { name: name.into(), cost, slope: 0 }
    }
}

/// An allocation problem that can be solved: every table, name and sum in it has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    name: String,
    mode: Mode,
    budget: usize,
    devices: Vec<Device>,
}

impl Problem {
    /// A problem of `devices` that share `budget` units.
    ///
    /// # Errors
    /// No devices, too many, two of one name, an empty name; a table that is empty or too long; a budget beyond
    /// [`LIMITS`]; costs whose greatest total is beyond them.
    pub fn new(
        name: impl Into<String>,
        mode: Mode,
        budget: usize,
        devices: Vec<Device>,
    ) -> Result<Self, AllocateError> {
        let problem = Self { name: name.into(), mode, budget, devices };
        problem.check(&LIMITS, "the solver takes")?;
        let mut names = HashSet::with_capacity(problem.devices.len());
        match problem.devices.iter().find(|d| !names.insert(d.name.as_str())) {
            Some(twice) => Err(problem.device_error(twice, "name", "is there twice; give each device its own".into())),
            None => Ok(problem),
        }
    }

    /// Whether the problem is within `limits`; `taker` says whose they are.
    ///
    /// # Errors
    /// The first limit that is passed, with the device and the field.
    pub(super) fn check(&self, limits: &Limits, taker: &str) -> Result<(), AllocateError> {
        if self.devices.is_empty() {
            return Err(self.error("devices", "are none; give at least one".into()));
        }
        if self.devices.len() > limits.devices {
            // The first that is too many is named as any faulty device is.
            let device = &self.devices[limits.devices];
            let what = format!("holds {}; {taker} at most {}", self.devices.len(), limits.devices);
            return Err(self.device_error(device, "is one too many: `devices`", what));
        }
        if self.budget > limits.budget {
            let what = format!("is {}; {taker} at most {} units: use larger units", self.budget, limits.budget);
            return Err(self.error("budget", what));
        }
        let mut sum: u64 = 0;
        for device in &self.devices {
            self.check_device(device, limits, taker)?;
            let greatest = device.cost.iter().flatten().max().copied().unwrap_or(0);
            let slope = device.slope.checked_mul(self.budget as u64);
            let total = slope.and_then(|s| s.checked_add(greatest)).and_then(|s| s.checked_add(sum));
            let Some(total) = total.filter(|&t| t <= limits.cost) else {
                let field = if device.slope > 0 { "cost and weight" } else { "cost" };
                let what = format!("may bring the total beyond {}, which is all {taker}: scale the costs", limits.cost);
                return Err(self.device_error(device, field, what));
            };
            sum = total;
        }
        Ok(())
    }

    fn check_device(&self, device: &Device, limits: &Limits, taker: &str) -> Result<(), AllocateError> {
        if device.name.trim().is_empty() {
            return Err(self.device_error(device, "name", "is empty; give it one".into()));
        }
        if device.cost.is_empty() {
            return Err(self.device_error(device, "cost", "is empty; give the cost of at least level 0".into()));
        }
        // What is above the budget is never taken, and never sent to a card.
        if device.cost.len().min(self.budget + 1) > limits.levels {
            let what = format!("has {} levels; {taker} at most {}", device.cost.len(), limits.levels);
            return Err(self.device_error(device, "cost", what));
        }
        Ok(())
    }

    /// Name of the problem.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the budget is to be used up.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The budget in units.
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// The devices, in the order in which slopes see them.
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// Total cost and used units of an assignment, by the definition and nothing else.
    ///
    /// # Errors
    /// What makes it no assignment for this problem: a level that is not there or not allowed, or a budget not kept.
    pub fn evaluate(&self, levels: &[usize]) -> Result<(u64, usize), AllocateError> {
        let wrong = |what: String| AllocateError::Wrong { problem: self.name.clone(), what };
        if levels.len() != self.devices.len() {
            return Err(wrong(format!("{} levels for {} devices", levels.len(), self.devices.len())));
        }
        let (mut cost, mut used) = (0u64, 0usize);
        for (device, &level) in self.devices.iter().zip(levels) {
            let Some(own) = device.cost.get(level).copied().flatten() else {
                return Err(wrong(format!("device `{}` has level {level}, which it does not allow", device.name)));
            };
            used += level;
            if used > self.budget {
                return Err(wrong(format!("{used} of {} units are used up to `{}`", self.budget, device.name)));
            }
            // Cannot overflow: the greatest total was checked.
            cost += own + device.slope * used as u64;
        }
        if self.mode == Mode::Equal && used != self.budget {
            return Err(wrong(format!("{used} units are used, exactly {} must be", self.budget)));
        }
        Ok((cost, used))
    }

    fn error(&self, field: &str, what: String) -> AllocateError {
        AllocateError::Problem { problem: self.name.clone(), field: field.into(), what }
    }

    fn device_error(&self, device: &Device, field: &str, what: String) -> AllocateError {
        let (problem, device) = (self.name.clone(), device.name.clone());
        AllocateError::Device { problem, device, field: field.into(), what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(name: &str, cost: &[u64]) -> Device {
        Device::new(name, cost.iter().map(|&c| Some(c)).collect())
    }

    fn error(budget: usize, devices: Vec<Device>) -> String {
        Problem::new("p", Mode::Equal, budget, devices).unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_names_the_device_and_the_field() {
        let huge = u64::MAX;
        let slope = Device { slope: 1 << 61, ..device("b", &[0]) };
        for (budget, devices, says) in [
            (1, vec![], "problem `p`: devices are none"),
            (1, vec![device("a", &[])], "problem `p`: device `a`: cost is empty"),
            (1, vec![device("a", &[1]), device("a", &[1])], "problem `p`: device `a`: name is there twice"),
            (1, vec![device(" ", &[1])], "device ` `: name is empty"),
            (1, vec![device("a", &[1]), device("b", &[huge])], "device `b`: cost may bring the total beyond"),
            (4, vec![device("a", &[1]), slope], "device `b`: cost and weight may bring the total"),
            (LIMITS.budget + 1, vec![device("a", &[1])], "budget is 262145; the solver takes at most 262144 units"),
            (5000, vec![device("a", &[0; LIMITS.levels + 1])], "device `a`: cost has 4097 levels; the solver takes at"),
        ] {
            let message = error(budget, devices);
            assert!(message.contains(says), "{message}");
            assert!(!message.contains('\n'));
        }
        let many = (0..=LIMITS.devices).map(|i| device(&i.to_string(), &[0])).collect();
        assert!(error(1, many).contains("device `65536`: is one too many"), "the first too many is named");
    }

    #[test]
    fn an_assignment_is_judged_by_the_definition() {
        let b = Device { slope: 2, ..Device::new("b", vec![Some(5), None, Some(7)]) };
        let problem = Problem::new("p", Mode::Equal, 3, vec![device("a", &[0, 10]), b]).unwrap();
        assert_eq!(problem.evaluate(&[1, 2]).unwrap(), (10 + 7 + 2 * 3, 3));
        for (levels, says) in [
            (&[1][..], "1 levels for 2 devices"),
            (&[1, 1], "device `b` has level 1, which it does not allow"),
            (&[1, 3], "device `b` has level 3"),
            (&[1, 0], "1 units are used, exactly 3 must be"),
        ] {
            let message = problem.evaluate(levels).unwrap_err().to_string();
            assert!(message.contains(says), "{message}");
        }
    }
}
