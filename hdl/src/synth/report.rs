//! From what nextpnr reports to `timing.json` and `utilisation.json`.

use super::part::Part;
use anyhow::{bail, Context, Result};
use regex::Regex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `timing.json`: the clocks of every seed that was tried, and the longest path of the best.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Which tool says so, after routing.
    pub source: String,
    /// Clock of the kernel.
    pub wanted_mhz: f64,
    /// Clock that the kernel reaches with the best seed.
    pub fmax_mhz: f64,
    /// The seed that the bitstream is made with.
    pub best_seed: u32,
    /// Every seed that was tried.
    pub seeds: Vec<Seed>,
    /// The path that holds the kernel's clock back, with the best seed.
    pub critical_path: Path,
}

/// What one seed of the placer reaches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seed {
    /// The seed.
    pub seed: u32,
    /// Its clocks; none if it could not be routed for the clock asked for.
    pub clocks: Vec<Clock>,
}

/// A clock net.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clock {
    /// Name of the net.
    pub net: String,
    /// Frequency that was asked for.
    pub wanted_mhz: f64,
    /// Frequency that is reached.
    pub fmax_mhz: f64,
}

/// The longest path between two registers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Path {
    /// Where it begins: cell and port.
    pub from: String,
    /// Where it ends.
    pub to: String,
    /// Nanoseconds in all.
    pub delay_ns: f64,
    /// Nanoseconds in cells: clock to output, logic, setup.
    pub logic_ns: f64,
    /// Nanoseconds on wires.
    pub routing_ns: f64,
    /// Cells that it goes through between the two.
    pub levels: usize,
    /// Each step, in order.
    pub steps: Vec<Hop>,
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hop {
    /// `clk-to-q`, `routing`, `logic` or `setup`.
    pub kind: String,
    /// Nanoseconds.
    pub delay_ns: f64,
    /// Where it ends: cell and port.
    pub to: String,
}

/// `utilisation.json`: what the design takes of its part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Utilisation {
    /// Which tool counted.
    pub source: String,
    /// Device, package and speed grade.
    pub device: String,
    /// A row a resource.
    pub resources: Vec<Used>,
    /// A row a module: cells whose names begin with its instance.
    pub modules: Vec<Module>,
}

/// A resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Used {
    /// What it is.
    pub resource: String,
    /// How many the design takes.
    pub used: usize,
    /// How many the part has.
    pub available: usize,
    /// used / available.
    pub share: f64,
}

/// An instance in the design.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Module {
    /// Path of the instance.
    pub instance: String,
    /// Cells by kind.
    pub cells: BTreeMap<String, usize>,
}

#[derive(Deserialize)]
struct Report {
    fmax: BTreeMap<String, Fmax>,
    critical_paths: Vec<Critical>,
}

#[derive(Deserialize)]
struct Fmax {
    achieved: f64,
}

#[derive(Deserialize)]
struct Critical {
    from: String,
    to: String,
    path: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    delay: f64,
    from: End,
    to: End,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct End {
    cell: String,
    port: String,
}

/// A routed design: what one seed gave.
pub struct Routed {
    /// Its clocks.
    pub seed: Seed,
    /// The longest path of the clock with the least room.
    pub path: Path,
}

impl Seed {
    /// The clock with the least room: reached over asked for.
    pub fn worst(&self) -> Option<&Clock> {
        self.clocks.iter().min_by(|a, b| a.room().total_cmp(&b.room()))
    }
}

impl Clock {
    /// Frequency reached over frequency asked for.
    pub fn room(&self) -> f64 {
        self.fmax_mhz / self.wanted_mhz
    }
}

impl Timing {
    /// Adds the seeds of an earlier build that were not tried in this one.
    pub fn with_others_of(&mut self, earlier: Timing) {
        let tried: Vec<u32> = self.seeds.iter().map(|s| s.seed).collect();
        self.seeds.extend(earlier.seeds.into_iter().filter(|s| !tried.contains(&s.seed)));
        self.seeds.sort_by_key(|s| s.seed);
    }
}

/// nextpnr's report of a seed. `wanted`: the clock that is wanted on a net, in MHz, which is not the one that nextpnr is asked for.
pub fn routed(text: &str, seed: u32, wanted: impl Fn(&str) -> f64) -> Result<Routed> {
    let report: Report = serde_json::from_str(text).context("nextpnr's report is not as it was")?;
    let clock = |(net, f): (&String, &Fmax)| Clock {
        net: net.clone(),
        wanted_mhz: hundredths(wanted(net)),
        fmax_mhz: hundredths(f.achieved),
    };
    let seed = Seed { seed, clocks: report.fmax.iter().map(clock).collect() };
    let Some(worst) = seed.worst() else { bail!("nextpnr's report names no clock") };
    // Paths between clock domains, and to and from pins, have another name at one end.
    let name = format!("posedge {}", worst.net);
    let own = report.critical_paths.iter().find(|path| path.from == name && path.to == name);
    let Some(own) = own else { bail!("nextpnr's report has no path of clock {}", worst.net) };
    let sum = |wanted: fn(&str) -> bool| own.path.iter().filter(|s| wanted(&s.kind)).map(|s| s.delay).sum::<f64>();
    let (logic, routing) = (sum(|kind| kind != "routing"), sum(|kind| kind == "routing"));
    let end = |end: Option<&End>| end.map_or(String::new(), |end| format!("{}.{}", end.cell, end.port));
    let path = Path {
        from: end(own.path.first().map(|step| &step.from)),
        to: end(own.path.last().map(|step| &step.to)),
        delay_ns: hundredths(logic + routing),
        logic_ns: hundredths(logic),
        routing_ns: hundredths(routing),
        levels: own.path.iter().filter(|step| step.kind == "logic").count(),
        steps: own
            .path
            .iter()
            .map(|s| Hop { kind: s.kind.clone(), delay_ns: hundredths(s.delay), to: end(Some(&s.to)) })
            .collect(),
    };
    Ok(Routed { seed, path })
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// The part's resources as nextpnr's log counts them after packing. It counts before it places, so that a design that does not
/// fit is counted too.
pub fn resources(log: &str, part: &Part) -> Result<Vec<Used>> {
    part.resources
        .iter()
        .map(|row| {
            let form = Regex::new(&format!(r"\b{}:\s*(\d+)/\s*(\d+)", row.cell))?;
            let Some(found) = form.captures(log) else {
                bail!("nextpnr counts no {}; did its report change?", row.cell)
            };
            Ok(used(row.label, found[1].parse()?, row.limit))
        })
        .collect()
}

/// A row of the table.
pub fn used(label: &str, used: usize, limit: usize) -> Used {
    let share = (used as f64 / limit as f64 * 1e4).round() / 1e4;
    Used { resource: label.into(), used, available: limit, share }
}

/// Resources that are taken more often than they are there: "logic cells: 6,000 of 5,280, 720 too many".
pub fn too_many(resources: &[Used]) -> Option<String> {
    let over = resources.iter().filter(|row| row.used > row.available).map(|row| {
        format!("{}: {} of {}, {} too many", row.resource, row.used, row.available, row.used - row.available)
    });
    Some(over.collect::<Vec<_>>().join("; ")).filter(|text| !text.is_empty())
}

#[derive(Deserialize)]
struct Netlist {
    modules: BTreeMap<String, Flat>,
}

#[derive(Deserialize)]
struct Flat {
    cells: BTreeMap<String, Cell>,
}

#[derive(Deserialize)]
struct Cell {
    #[serde(rename = "type")]
    kind: String,
}

/// Depth to which instances are told apart: shell, kernel, datapath, unit.
const DEPTH: usize = 3;

/// yosys's netlist split by instance. It is flat, but cells keep the name of the register or net that they belong to, and
/// with it the path of instances. So a cell of logic counts for the module that it drives.
pub fn modules(netlist: &str, top: &str) -> Result<Vec<Module>> {
    let netlist: Netlist = serde_json::from_str(netlist).context("yosys's netlist is not as it was")?;
    let flat = netlist.modules.get(top).with_context(|| format!("yosys's netlist has no module {top}"))?;
    let mut all = BTreeMap::<String, BTreeMap<String, usize>>::new();
    for (name, cell) in &flat.cells {
        // The last component is the cell's own name, and `$` begins what yosys named.
        let instances: Vec<&str> = name.split('.').take_while(|part| !part.starts_with('$')).collect();
        let depth = instances.len().saturating_sub(usize::from(instances.len() == name.split('.').count()));
        let instance = instances[..depth.min(DEPTH)].join(".");
        let instance = if instance.is_empty() { "(top)".to_owned() } else { instance };
        *all.entry(instance).or_default().entry(cell.kind.clone()).or_default() += 1;
    }
    Ok(all.into_iter().map(|(instance, cells)| Module { instance, cells }).collect())
}

#[cfg(test)]
mod tests {
    use super::super::part::part;
    use super::*;

    #[test]
    fn the_clock_with_least_room_and_its_path_are_taken() {
        let text = r#"{"critical_paths": [
            {"from": "async", "to": "posedge clk", "path": []},
            {"from": "posedge clk", "to": "posedge clk", "path": [
                {"delay": 1.25, "from": {"cell": "a", "port": "CLK"}, "to": {"cell": "a", "port": "O"}, "type": "clk-to-q"},
                {"delay": 2.5, "from": {"cell": "a", "port": "O"}, "to": {"cell": "b", "port": "I0"}, "type": "routing"},
                {"delay": 1.0, "from": {"cell": "b", "port": "I0"}, "to": {"cell": "b", "port": "O"}, "type": "logic"},
                {"delay": 0.5, "from": {"cell": "b", "port": "O"}, "to": {"cell": "c", "port": "D"}, "type": "setup"}]}],
            "fmax": {"fast": {"achieved": 90.0, "constraint": 10.0}, "clk": {"achieved": 36.125, "constraint": 12.0}}}"#;
        let routed = routed(text, 3, |net| if net == "clk" { 6.0 } else { 5.0 }).unwrap();
        assert_eq!(routed.seed.worst().unwrap().wanted_mhz, 6.0);
        assert_eq!(routed.seed.worst().unwrap().net, "clk");
        assert_eq!((routed.path.from.as_str(), routed.path.to.as_str()), ("a.CLK", "c.D"));
        assert_eq!((routed.path.delay_ns, routed.path.logic_ns, routed.path.routing_ns), (5.25, 2.75, 2.5));
        assert_eq!((routed.path.levels, routed.path.steps.len()), (1, 4));
        assert_eq!(routed.path.steps[1], Hop { kind: "routing".into(), delay_ns: 2.5, to: "b.I0".into() });
    }

    #[test]
    fn what_does_not_fit_is_said_with_how_much() {
        let log = "Info: ICESTORM_LC:  6000/ 5280 113%\nInfo: ICESTORM_RAM: 26/ 30\nInfo: ICESTORM_DSP: 9/ 8\nInfo: ICESTORM_SPRAM: 4/4\n";
        let rows = resources(log, part("ice40up5k").unwrap()).unwrap();
        let text = too_many(&rows).unwrap();
        assert_eq!(text, "logic cells: 6000 of 5280, 720 too many; DSP blocks: 9 of 8, 1 too many");
        assert!(too_many(&rows[2..]).is_none());
    }

    #[test]
    fn cells_count_for_the_instance_in_their_name() {
        let text = r#"{"modules": {"t": {"cells": {
            "kernel.data.drain.address_SB_DFFE_Q": {"type": "SB_DFFE"}, "kernel.data.drain.lane.x_SB_LUT4_O": {"type": "SB_LUT4"},
            "kernel.data.$auto$1": {"type": "SB_LUT4"}, "top_SB_LUT4_O": {"type": "SB_LUT4"}, "$auto$2": {"type": "SB_LUT4"}}}}}"#;
        let rows = modules(text, "t").unwrap();
        let brief: Vec<_> = rows.iter().map(|m| (m.instance.as_str(), m.cells.values().sum::<usize>())).collect();
        assert_eq!(brief, [("(top)", 2), ("kernel.data", 1), ("kernel.data.drain", 2)]);
    }
}
