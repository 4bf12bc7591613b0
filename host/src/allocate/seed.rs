//! The problem as the source article states it: power, longest time and weight of each device, one total time.
//!
//! > E(i, j) = min over k of { E(i−1, j−k) + P_i·k + U_i·j },  k from 0 or from 1 to T_i
//!
//! Level k is k time slots, the budget is the total time, and U_i·j is the slope of [`Device`].

use super::{AllocateError, Device, Mode, Problem};

/// A device of the article.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedDevice {
    /// Its name.
    pub name: String,
    /// P_i, in W.
    pub power: u64,
    /// T_i: the longest time it may run, in time slots (h).
    pub longest: usize,
    /// U_i, in W: cost of each slot that this device and those before it use together.
    pub weight: u64,
}

/// Builds a [`Problem`] from the article's quantities.
///
/// ```
/// use systole::allocate::{solve, SeedForm};
///
/// let problem = SeedForm::new("two", 3).device("A", 50, 2, 0).device("B", 30, 2, 0).build()?;
/// let solved = solve(&problem)?;
/// assert_eq!(solved.outcome.solution().unwrap().levels, [1, 2]);
/// # Ok::<(), systole::allocate::AllocateError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SeedForm {
    name: String,
    total: usize,
    mode: Mode,
    least: usize,
    power_max: Option<u64>,
    devices: Vec<SeedDevice>,
}

impl SeedForm {
    /// A problem whose devices run for `total` time slots together, exactly; each from 0 slots up.
    pub fn new(name: impl Into<String>, total: usize) -> Self {
        Self { name: name.into(), total, mode: Mode::Equal, least: 0, power_max: None, devices: Vec::new() }
    }

    /// Whether all of the time is to be used; exactly all where this is not called.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Every device runs at least one slot: k from 1, as the recurrence is printed.
    pub fn from_one(mut self) -> Self {
        self.least = 1;
        self
    }

    /// P_max in W: no device may have more power.
    pub fn power_max(mut self, power: u64) -> Self {
        self.power_max = Some(power);
        self
    }

    /// One more device: power P_i in W, longest time T_i in slots, weight U_i in W.
    pub fn device(mut self, name: impl Into<String>, power: u64, longest: usize, weight: u64) -> Self {
        self.devices.push(SeedDevice { name: name.into(), power, longest, weight });
        self
    }

    /// The problem.
    ///
    /// # Errors
    /// A power above P_max, a longest time below the least or beyond the limits, and all that [`Problem::new`] refuses.
    pub fn build(self) -> Result<Problem, AllocateError> {
        let mut devices = Vec::with_capacity(self.devices.len());
        for device in &self.devices {
            devices.push(self.table(device)?);
        }
        Problem::new(self.name, self.mode, self.total, devices)
    }

    fn table(&self, device: &SeedDevice) -> Result<Device, AllocateError> {
        let error = |field: &str, what: String| AllocateError::Device {
            problem: self.name.clone(),
            device: device.name.clone(),
            field: field.into(),
            what,
        };
        if let Some(most) = self.power_max.filter(|&most| device.power > most) {
            return Err(error(
                "power",
                format!("is {}, above power_max {most}: lower it, or leave it out", device.power),
            ));
        }
        if device.longest < self.least {
            return Err(error(
                "longest",
                format!("is {}, but every device runs from {} up", device.longest, self.least),
            ));
        }
        // No table longer than the budget is of use, and none longer than the limit can be.
        let longest = device.longest.min(self.total);
        if longest >= super::LIMITS.levels {
            return Err(error("longest", format!("is {}; at most {}", device.longest, super::LIMITS.levels - 1)));
        }
        let cost: Option<Vec<_>> = (0..=longest as u64).map(|k| device.power.checked_mul(k).map(Some)).collect();
        let mut cost =
            cost.ok_or_else(|| error("power", format!("is {}: too large, use larger units", device.power)))?;
        for level in cost.iter_mut().take(self.least) {
            *level = None;
        }
        Ok(Device { name: device.name.clone(), cost, slope: device.weight })
    }
}
