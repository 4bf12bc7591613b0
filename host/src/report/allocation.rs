//! An allocation for programs and for people. The names of these fields are the names in `--json` (docs/json.md).

use super::table::{columns, quantity};
use crate::allocate::{Method, Mode, Problem, Solved};
use crate::energy::{Energy, Part, PARTS};
use crate::runtime::ContainerFile;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Characters of a full bar.
const BAR: usize = 32;

/// One problem and what came out.
#[derive(Clone, Debug, Serialize)]
pub struct AllocationReport {
    /// Name of the problem.
    pub name: String,
    /// `optimal` or `infeasible`.
    pub status: &'static str,
    /// Least total cost; null if infeasible.
    pub cost: Option<u64>,
    /// Budget units used; null if infeasible.
    pub used: Option<usize>,
    /// Level of each device, in the order of the problem; null if infeasible.
    pub levels: Option<Vec<usize>>,
    /// Seconds of the decision: on the cpu from the problem in memory to the levels; on a card start to done of the
    /// kernel.
    pub time_s: f64,
    /// Clock cycles of the kernel; null on the cpu.
    pub cycles: Option<u64>,
    /// Energy of the decision.
    pub energy: DecisionEnergy,
    /// `marginal_costs`, `dynamic_program` or `card`.
    pub method: Method,
    /// Name of the card; null on the cpu.
    pub device: Option<String>,
}

/// Energy of a decision, with its source.
#[derive(Clone, Debug, Serialize)]
pub struct DecisionEnergy {
    /// Joules; null if unknown.
    pub joules: Option<f64>,
    /// `measured`, `modelled` or `unknown`.
    pub source: &'static str,
    /// The sensor or the coefficients' file, or why there is none.
    pub from: String,
    /// The supply that the joules are drawn from; null if unknown.
    pub rail: Option<String>,
    /// Relative uncertainty: 0.3 for ±30 %; null if unknown.
    pub uncertainty: Option<f64>,
    /// Joules by part, where they are modelled: static, clock, lanes, memories, bus; their sum is `joules`.
    pub parts: Option<BTreeMap<&'static str, f64>>,
}

impl DecisionEnergy {
    /// No figure, and why.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self { joules: None, source: "unknown", from: why.into(), rail: None, uncertainty: None, parts: None }
    }

    /// Energy of a run of the card that left this record, if the container has coefficients.
    pub fn of_card(container: &ContainerFile, record: &[u32; isa::allocate::WORDS]) -> Self {
        let Some(coefficients) = container.coefficients() else {
            return Self::unknown("the container has no energy coefficients");
        };
        let energy = Energy::of_allocation(coefficients, record, container.clock_hz());
        Self {
            joules: Some(energy.joules()),
            source: "modelled",
            from: coefficients.file(),
            rail: Some(coefficients.rail.clone()),
            uncertainty: energy.uncertainty(),
            parts: Some(PARTS.iter().map(|&p| (part_name(p), energy.part(p))).collect()),
        }
    }
}

impl AllocationReport {
    /// A report on the cpu; for a card set `cycles` and `device`.
    pub fn new(problem: &Problem, solved: &Solved, time_s: f64, energy: DecisionEnergy) -> Self {
        let solution = solved.outcome.solution();
        Self {
            name: problem.name().into(),
            status: solved.outcome.status(),
            cost: solution.map(|s| s.cost),
            used: solution.map(|s| s.used),
            levels: solution.map(|s| s.levels.clone()),
            time_s,
            cycles: None,
            energy,
            method: solved.method,
            device: None,
        }
    }

    /// The report for people: a table with a bar for each device, and the figures.
    pub fn text(&self, problem: &Problem) -> String {
        let budget = match problem.mode() {
            Mode::Equal => format!("exactly {}", problem.budget()),
            Mode::AtMost => format!("at most {}", problem.budget()),
        };
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = match (self.cost, self.used, &self.levels) {
            (Some(cost), Some(used), Some(levels)) => {
                writeln!(out, "{}: {}\n\n{}", self.name, self.status, table(problem, levels, cost, used))
            }
            _ => writeln!(out, "{}: {}: no levels use {budget} units\n", self.name, self.status),
        };
        let mut line = |name: &str, text: String| {
            let _ = writeln!(out, "{name:<7} {text}");
        };
        if let (Some(cost), Some(used)) = (self.cost, self.used) {
            line("cost", cost.to_string());
            line("used", format!("{used} units, {budget} wanted"));
        }
        line("time", format!("{} {}", quantity(self.time_s, "s"), self.place()));
        line("energy", self.energy.text());
        if let Some(parts) = &self.energy.parts {
            let joules = |name: &'static str| Some(format!("{name} {}", quantity(*parts.get(name)?, "J")));
            let text: Vec<_> = PARTS.iter().filter_map(|&p| joules(part_name(p))).collect();
            line("", text.join(", "));
        }
        out
    }

    fn place(&self) -> String {
        let card = |cycles| format!("on {}, {cycles} cycles", self.device.as_deref().unwrap_or("the card"));
        match (self.method, self.cycles) {
            (_, Some(cycles)) => card(cycles),
            (Method::MarginalCosts, _) => "on the cpu, by marginal costs".into(),
            (Method::DynamicProgram, _) => "on the cpu, by dynamic programming".into(),
            (Method::Card, None) => "on the card".into(),
        }
    }
}

impl DecisionEnergy {
    fn text(&self) -> String {
        let Some(joules) = self.joules else { return format!("- ({})", self.from) };
        let uncertainty = self.uncertainty.map_or("-".into(), |u| format!("±{:.0} %", u * 100.0));
        let rail = self.rail.as_deref().unwrap_or("-");
        format!("{}, {uncertainty}; {}: {}, {rail} rail", quantity(joules, "J"), self.source, self.from)
    }
}

/// Name of a part of a decision's energy.
fn part_name(part: Part) -> &'static str {
    if part == Part::Mac {
        "lanes"
    } else {
        part.name()
    }
}

/// The levels with their costs and a bar each, as long as the level is high among all levels of the problem.
fn table(problem: &Problem, levels: &[usize], cost: u64, used: usize) -> String {
    let sloped = problem.devices().iter().any(|d| d.slope > 0);
    let scale = problem.devices().iter().map(|d| d.cost.len() - 1).max().unwrap_or(0).max(1);
    let (mut rows, mut so_far) = (Vec::with_capacity(levels.len() + 1), 0);
    for (device, &level) in problem.devices().iter().zip(levels) {
        so_far += level;
        let own = device.cost.get(level).copied().flatten().unwrap_or(0);
        let mut row = vec![device.name.clone(), bar(level, device.cost.len() - 1, scale), level.to_string()];
        row.push(own.to_string());
        if sloped {
            row.push((device.slope * so_far as u64).to_string());
        }
        rows.push(row);
    }
    let mut total = vec!["total".into(), String::new(), used.to_string(), cost.to_string()];
    let mut header = vec!["device", "", "level", "cost"];
    if sloped {
        header.push("weight");
        // The two columns add up to the cost.
        let weights: u64 = rows.iter().filter_map(|r| r[4].parse::<u64>().ok()).sum();
        total[3] = (cost - weights).to_string();
        total.push(weights.to_string());
    }
    rows.push(total);
    columns(&header, &rows, 2)
}

/// A bar for `level` of `most`, where `scale` is as long as a bar can be. What was not taken is dotted.
fn bar(level: usize, most: usize, scale: usize) -> String {
    let length = |units: usize| (units * BAR).div_ceil(scale);
    let filled = length(level);
    "█".repeat(filled) + &"·".repeat(length(most) - filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allocate::{solve, Device};

    fn report(weight: u64) -> String {
        let a = Device { slope: weight, ..Device::new("a", vec![Some(9), Some(4), Some(3)]) };
        let b = Device::new("b", vec![Some(7), None, Some(1), None, Some(8)]);
        let problem = Problem::new("desk", Mode::Equal, 3, vec![a, b]).unwrap();
        let solved = solve(&problem).unwrap();
        AllocationReport::new(&problem, &solved, 2e-6, DecisionEnergy::unknown("no sensor")).text(&problem)
    }

    #[test]
    fn a_bar_is_as_long_as_its_level_and_dotted_up_to_the_greatest() {
        let full = "█".repeat(8);
        let text = report(0);
        assert!(text.contains(&format!("\na       {full}{}", "·".repeat(8))), "{text}");
        assert!(text.contains(&format!("\nb       {full}{full}{}", "·".repeat(16))), "{text}");
        assert!(text.contains("energy  - (no sensor)"), "{text}");
    }

    #[test]
    fn the_columns_of_costs_and_weights_add_up() {
        let total = |text: &str| text.lines().find(|l| l.starts_with("total")).unwrap().to_string();
        let numbers = |l: String| l.split_whitespace().skip(1).map(|n| n.parse().unwrap()).collect::<Vec<u64>>();
        assert_eq!(numbers(total(&report(0))), [3, 5]);
        assert_eq!(numbers(total(&report(10))), [3, 5, 10]);
    }
}
