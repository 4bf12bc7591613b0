//! The figures of a run. The names of these fields are the names in `--json`; they stay (`docs/json.md`).

use crate::energy::{useful_zero_products, Coefficients, Counts, Energy, PARTS};
use crate::plan::Plan;
use isa::counter;
use isa::counter::COUNTERS;
use serde::Serialize;
use std::collections::BTreeMap;

/// A whole run: every inference of every kernel run.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// Stem of the model's file name.
    pub model: String,
    /// Name of the OpenCL device.
    pub device: String,
    /// Name of the configuration.
    pub config: String,
    /// Inferences done.
    pub batch: u64,
    /// Clock cycles of the kernel, all inferences and the loading of weights together.
    pub cycles: u64,
    /// Multiply-accumulates of the network, all inferences together.
    pub macs: u64,
    /// macs / (cycles · products the array can do in a cycle), 0 to 1.
    pub utilisation: f64,
    /// The same over the convolutions alone; null if the network has none.
    pub utilisation_convolutions: Option<f64>,
    /// The card's clock in Hz.
    pub clock_hz: u64,
    /// Seconds an inference on the card's clock: cycles / clock_hz / batch.
    pub latency_s: f64,
    /// Energy of the run.
    pub energy: EnergyReport,
    /// Layers in the order they run; the first loads the weights, once a kernel run.
    pub layers: Vec<LayerReport>,
    /// Runs of the kernel that the inferences were done in.
    pub kernel_runs: u64,
    /// Seconds from start to done, all kernel runs together, as the card's events have it.
    pub kernel_s: f64,
    /// Share of the network's products that had a zero operand, 0 to 1; null if nothing was multiplied.
    pub zero_operands: Option<f64>,
    /// Every counter by name, all inferences together.
    pub counters: BTreeMap<&'static str, u64>,
    /// Where the inputs came from.
    pub input: String,
    /// Agreement with the labels; null without `--labels`.
    pub labels: Option<LabelReport>,
    /// Comparison with the integer reference; null without `--check`.
    pub check: Option<CheckReport>,
}

/// Energy, with its source.
#[derive(Clone, Debug, Serialize)]
pub struct EnergyReport {
    /// Joules an inference, the loading of weights shared among them; null if unknown.
    pub joules_per_inference: Option<f64>,
    /// Picojoules a multiply-accumulate; null if unknown.
    pub pj_per_mac: Option<f64>,
    /// `modelled`: from counters and coefficients; `unknown`: the container has no coefficients.
    pub source: &'static str,
    /// The coefficients' file; null if unknown.
    pub coefficients: Option<String>,
    /// The supply that the joules are drawn from; null if unknown.
    pub rail: Option<String>,
    /// Relative uncertainty of the joules: 0.3 for ±30 %; null if unknown.
    pub uncertainty: Option<f64>,
    /// Joules an inference by part: static, clock, mac, memories, bus; their sum is `joules_per_inference`.
    pub parts: Option<BTreeMap<&'static str, f64>>,
}

/// One layer.
#[derive(Clone, Debug, Serialize)]
pub struct LayerReport {
    /// Name of the node in the model.
    pub name: String,
    /// Operator.
    pub op: String,
    /// Multiply-accumulates, all inferences together.
    pub macs: u64,
    /// Clock cycles, all inferences together.
    pub cycles: u64,
    /// Cycles that the compiler expected, all inferences together; null if it had no opinion.
    pub estimated_cycles: Option<u64>,
    /// macs / (cycles · products the array can do in a cycle), 0 to 1.
    pub utilisation: f64,
    /// Microjoules an inference; null if unknown.
    pub energy_uj: Option<f64>,
}

/// Agreement with labels.
#[derive(Clone, Debug, Serialize)]
pub struct LabelReport {
    /// The labels' file.
    pub file: String,
    /// Inferences whose greatest output is at the label.
    pub correct: u64,
    /// correct / batch, 0 to 1.
    pub accuracy: f64,
}

/// Comparison with the integer reference.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CheckReport {
    /// Output values compared; all were equal, or the command would have failed.
    pub values: u64,
}

/// What a run found out, before it is made into figures.
pub struct RunFacts<'a> {
    /// The plan that ran.
    pub plan: &'a Plan,
    /// Name of the OpenCL device.
    pub device: &'a str,
    /// The card's clock in Hz.
    pub clock_hz: u64,
    /// Energy coefficients, if the container has any.
    pub coefficients: Option<&'a Coefficients>,
    /// Inferences done.
    pub batch: u64,
    /// Runs of the kernel.
    pub kernel_runs: u64,
    /// Time of all kernel runs in ns.
    pub kernel_ns: u64,
    /// What each layer counted, all inferences together.
    pub layers: Vec<Counts>,
    /// Where the inputs came from.
    pub input: String,
}

impl RunReport {
    /// Makes the figures.
    pub fn new(facts: &RunFacts) -> Self {
        let n = facts.plan.config.n;
        let inferences = facts.batch.max(1) as f64;
        let modelled = |counts: &Counts| facts.coefficients.map(|c| Energy::model(c, counts, n, facts.clock_hz));
        let layer = |name: &str, op: &str, estimated_cycles: Option<u64>, counts: &Counts| LayerReport {
            name: name.into(),
            op: op.into(),
            macs: counts.macs(),
            cycles: counts.cycles(),
            estimated_cycles,
            utilisation: counts.utilisation(n),
            energy_uj: modelled(counts).map(|e| e.joules() * 1e6 / inferences),
        };
        let mut layers = Vec::new();
        let (mut total, mut convolutions) = (Counts::default(), Counts::default());
        for (info, counts) in facts.plan.layers().zip(&facts.layers) {
            let expected = info.estimated_cycles.saturating_mul(facts.batch);
            // A soft snapshot takes all counts but the cycles a little late, so the plan says whose the products are.
            let mut counts = *counts;
            counts.0[counter::MACS] = info.macs.saturating_mul(facts.batch);
            layers.push(layer(&info.name, &info.op, Some(expected), &counts));
            total.add(&counts);
            if info.op.contains("Conv") {
                convolutions.add(&counts);
            }
        }
        Self {
            model: facts.plan.model.clone(),
            device: facts.device.into(),
            config: facts.plan.config.name.clone(),
            batch: facts.batch,
            cycles: total.cycles(),
            macs: total.macs(),
            utilisation: total.utilisation(n),
            utilisation_convolutions: (convolutions.cycles() > 0).then(|| convolutions.utilisation(n)),
            clock_hz: facts.clock_hz,
            latency_s: total.cycles() as f64 / facts.clock_hz.max(1) as f64 / inferences,
            energy: EnergyReport::new(facts.coefficients, modelled(&total), inferences, total.macs()),
            layers,
            kernel_runs: facts.kernel_runs,
            kernel_s: facts.kernel_ns as f64 * 1e-9,
            zero_operands: (total.macs() > 0).then(|| useful_zero_products(&total, n) as f64 / total.macs() as f64),
            counters: COUNTERS.iter().zip(total.0).map(|(&(name, _), count)| (name, count)).collect(),
            input: facts.input.clone(),
            labels: None,
            check: None,
        }
    }
}

impl EnergyReport {
    fn new(coefficients: Option<&Coefficients>, energy: Option<Energy>, inferences: f64, macs: u64) -> Self {
        let (Some(coefficients), Some(energy)) = (coefficients, energy) else {
            return Self {
                joules_per_inference: None,
                pj_per_mac: None,
                source: "unknown",
                coefficients: None,
                rail: None,
                uncertainty: None,
                parts: None,
            };
        };
        Self {
            joules_per_inference: Some(energy.joules() / inferences),
            pj_per_mac: (macs > 0).then(|| energy.joules() * 1e12 / macs as f64),
            source: "modelled",
            coefficients: Some(coefficients.file()),
            rail: Some(coefficients.rail.clone()),
            uncertainty: energy.uncertainty(),
            parts: Some(PARTS.iter().map(|&p| (p.name(), energy.part(p) / inferences)).collect()),
        }
    }
}
