//! The figures of a run as a table for people. One inference, where the JSON object has the whole run.

use super::run::{EnergyReport, RunReport};
use crate::energy::PARTS;
use crate::text::label;
use comfy_table::{CellAlignment, Table};
use std::fmt::Write;

/// What is not known, or does not apply. Never 0.
const NONE: &str = "-";

/// A table of right-aligned columns, but for the first `left`; the lines have no trailing blanks.
pub fn columns(header: &[&str], rows: &[Vec<String>], left: usize) -> String {
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::NOTHING).set_header(header).add_rows(rows);
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        column.set_cell_alignment(if i < left { CellAlignment::Left } else { CellAlignment::Right });
    }
    table.lines().map(|line| line.trim_end().to_string() + "\n").collect()
}

/// A value with the SI prefix that gives it one to three digits before the point: `3.21 µJ`.
pub fn quantity(value: f64, unit: &str) -> String {
    const PREFIXES: [(f64, &str); 8] =
        [(1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p")];
    // The smallest prefix also serves what is smaller still.
    let (factor, prefix) = PREFIXES.into_iter().find(|(f, _)| value.abs() >= *f).unwrap_or((1e-12, "p"));
    let scaled = value / factor;
    let decimals = if value == 0.0 || scaled >= 100.0 { 0 } else { 2 - usize::from(scaled >= 10.0) };
    if value == 0.0 {
        return format!("0 {unit}");
    }
    format!("{scaled:.decimals$} {prefix}{unit}")
}

/// A share as `12.3 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// The report of a run.
pub fn run_table(report: &RunReport) -> String {
    let inferences = report.batch.max(1) as f64;
    let each = |total: u64| format!("{:.0}", total as f64 / inferences);
    let mut rows: Vec<Vec<String>> = Vec::with_capacity(report.layers.len() + 1);
    for layer in &report.layers {
        let worked = layer.macs > 0;
        rows.push(vec![
            label(&layer.name),
            layer.op.clone(),
            if worked { each(layer.macs) } else { NONE.into() },
            each(layer.cycles),
            layer.estimated_cycles.map_or(NONE.into(), each),
            if worked { percent(layer.utilisation) } else { NONE.into() },
            layer.energy_uj.map_or(NONE.into(), |uj| format!("{uj:.4}")),
        ]);
    }
    rows.push(vec![
        "total".into(),
        String::new(),
        each(report.macs),
        each(report.cycles),
        String::new(),
        percent(report.utilisation),
        report.energy.joules_per_inference.map_or(NONE.into(), |j| format!("{:.4}", j * 1e6)),
    ]);
    let header = ["layer", "op", "MACs", "cycles", "estimated", "utilisation", "energy µJ"];
    let mut out = format!(
        "{} on {}, configuration {} at {}; figures for one inference\n\n{}\n",
        report.model,
        report.device,
        report.config,
        quantity(report.clock_hz as f64, "Hz"),
        columns(&header, &rows, 2)
    );
    let mut line = |name: &str, text: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{name:<12} {text}");
    };
    line("input", report.input.clone());
    let runs = if report.kernel_runs == 1 { "run" } else { "runs" };
    line("inferences", format!("{} in {} kernel {runs}", report.batch, report.kernel_runs));
    let convolutions = report.utilisation_convolutions.map_or(NONE.into(), percent);
    line(
        "utilisation",
        format!("{convolutions} over the convolutions, {} over all cycles", percent(report.utilisation)),
    );
    let zeros = report.zero_operands.map_or(NONE.into(), percent);
    line("zeros", format!("{zeros} of the network's products have a zero operand"));
    line("latency", format!("{} an inference at the card's clock", quantity(report.latency_s, "s")));
    line("energy", energy(&report.energy));
    if let Some(parts) = &report.energy.parts {
        let parts: Vec<_> = PARTS
            .iter()
            .filter_map(|p| parts.get_key_value(p.name()))
            .map(|(name, &joules)| format!("{name} {}", quantity(joules, "J")))
            .collect();
        line("", parts.join(", "));
    }
    if let Some(labels) = &report.labels {
        line("accuracy", format!("{} ({} of {})", percent(labels.accuracy), labels.correct, report.batch));
    }
    if let Some(check) = &report.check {
        line("check", format!("all {} output values equal the integer reference", check.values));
    }
    out
}

/// Energy with its source, in a line.
fn energy(energy: &EnergyReport) -> String {
    let (Some(joules), Some(file)) = (energy.joules_per_inference, &energy.coefficients) else {
        return format!("{NONE} (the container has no energy coefficients)");
    };
    let a_mac = energy.pj_per_mac.map_or(NONE.into(), |pj| format!("{pj:.2} pJ"));
    let uncertainty = energy.uncertainty.map_or(NONE.into(), |u| format!("±{:.0} %", u * 100.0));
    let rail = energy.rail.as_deref().unwrap_or(NONE);
    format!(
        "{} an inference, {a_mac} a MAC, {uncertainty}; {}: {file}, {rail} rail",
        quantity(joules, "J"),
        energy.source
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_has_three_digits_and_a_prefix() {
        for (value, text) in [
            (3.21e-6, "3.21 µJ"),
            (171.4e-6, "171 µJ"),
            (17.14e-3, "17.1 mJ"),
            (5e7, "50.0 MJ"),
            (0.0, "0 J"),
            (4e-14, "0.04 pJ"),
        ] {
            assert_eq!(quantity(value, "J"), text);
        }
    }

    #[test]
    fn columns_have_no_trailing_blanks() {
        let text = columns(&["a", "b"], &[vec!["x".into(), "12".into()], vec!["long".into(), "3".into()]], 1);
        assert_eq!(text, "a      b\nx     12\nlong   3\n");
    }
}
