//! The report of a run as one HTML file: figures, energy by part and by layer as SVG, the layers, and what the
//! configuration takes of its part where a build's `utilisation.json` is given. Nothing in it is loaded from elsewhere.

use super::run::RunReport;
use super::table::{percent, quantity};
use crate::energy::PARTS;
use crate::text::label;
use maud::{html, Markup, PreEscaped, DOCTYPE};
use serde::Deserialize;

/// `bitstreams/<board>-<config>/utilisation.json`, as far as it is shown.
#[derive(Clone, Debug, Deserialize)]
pub struct UtilisationFile {
    /// Which tool counted.
    pub source: String,
    /// Device, package and speed grade.
    pub device: String,
    /// A row a resource.
    pub resources: Vec<UsedRow>,
}

/// A resource of the part.
#[derive(Clone, Debug, Deserialize)]
pub struct UsedRow {
    /// What it is.
    pub resource: String,
    /// How many the design takes.
    pub used: u64,
    /// How many the part has.
    pub available: u64,
}

const STYLE: &str = "body{font:15px/1.45 sans-serif;margin:2em auto;max-width:60em;padding:0 1em;color:#222}\
    table{border-collapse:collapse;margin:1em 0}th,td{padding:.2em .8em;text-align:right;border-bottom:1px solid #ddd}\
    th:first-child,td:first-child,td.l,th.l{text-align:left}svg{max-width:100%;height:auto}svg text{font:13px sans-serif}\
    .note{color:#555}";
/// A colour for each of [`PARTS`], told apart by people who see colours differently too.
const COLOURS: [&str; PARTS.len()] = ["#999999", "#0072b2", "#d55e00", "#009e73", "#cc79a7"];

/// Width of the plots, and of their bars at most.
const WIDTH: f64 = 860.0;
const BAR: f64 = 510.0;
const ROW: f64 = 26.0;
/// Where bars begin; their names are before.
const LEFT: f64 = 240.0;

/// Horizontal bars, longest 1: name, share of the longest, colour, value in words.
fn bars(label: &str, rows: &[(String, f64, &str, String)]) -> Markup {
    let height = ROW * rows.len() as f64;
    html! {
        svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label=(label) width=(WIDTH) height=(height)
            viewBox=(format!("0 0 {WIDTH} {height}")) {
            @for (i, (name, share, colour, value)) in rows.iter().enumerate() {
                @let top = ROW * i as f64;
                @let length = (BAR * share).max(1.0);
                text x=(LEFT - 8.0) y=(top + 17.0) text-anchor="end" { (name) }
                rect x=(LEFT) y=(top + 3.0) width=(format!("{length:.1}")) height=(ROW - 6.0) fill=(colour) {}
                text x=(format!("{:.1}", LEFT + length + 6.0)) y=(top + 17.0) { (value) }
            }
        }
    }
}

fn by_part(report: &RunReport) -> Option<Markup> {
    let (parts, total) = (report.energy.parts.as_ref()?, report.energy.joules_per_inference?);
    let most = parts.values().copied().fold(f64::MIN_POSITIVE, f64::max);
    let rows: Vec<_> = PARTS
        .iter()
        .zip(COLOURS)
        .filter_map(|(part, colour)| {
            let &joules = parts.get(part.name())?;
            let value = format!("{} ({})", quantity(joules, "J"), percent(joules / total));
            Some((part.name().to_string(), joules / most, colour, value))
        })
        .collect();
    Some(bars("energy of an inference by part", &rows))
}

fn by_layer(report: &RunReport) -> Option<Markup> {
    let energies: Option<Vec<f64>> = report.layers.iter().map(|l| l.energy_uj).collect();
    let energies = energies?;
    let most = energies.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let row = |(layer, uj): (&super::LayerReport, &f64)| {
        (label(&layer.name), uj / most, COLOURS[1], quantity(uj * 1e-6, "J"))
    };
    Some(bars("energy of an inference by layer", &report.layers.iter().zip(&energies).map(row).collect::<Vec<_>>()))
}

fn summary(report: &RunReport) -> Markup {
    let energy = &report.energy;
    let label = energy.coefficients.as_ref().map_or(energy.source.to_string(), |file| {
        let uncertainty = energy.uncertainty.map_or("-".into(), percent);
        format!("{} from {file}, {} rail, ± {uncertainty}", energy.source, energy.rail.as_deref().unwrap_or("-"))
    });
    let joules = energy.joules_per_inference.map_or("-".into(), |j| quantity(j, "J"));
    let a_mac = energy.pj_per_mac.map_or("-".into(), |pj| format!("{pj:.2} pJ"));
    let rows = [
        ("device", report.device.clone()),
        ("configuration", format!("{} at {}", report.config, quantity(report.clock_hz as f64, "Hz"))),
        ("input", report.input.clone()),
        ("inferences", report.batch.to_string()),
        ("latency of one, at the card's clock", quantity(report.latency_s, "s")),
        ("utilisation over all cycles", percent(report.utilisation)),
        ("utilisation over the convolutions", report.utilisation_convolutions.map_or("-".into(), percent)),
        ("energy of one", joules),
        ("energy a multiply-accumulate", a_mac),
        ("energy comes from", label),
    ];
    html! { table { @for (what, value) in rows { tr { td { (what) } td.l { (value) } } } } }
}

fn layers(report: &RunReport) -> Markup {
    let inferences = report.batch.max(1);
    html! {
        table {
            tr { th { "layer" } th.l { "operator" } th { "MAC" } th { "cycles" } th { "utilisation" } th { "energy" } }
            @for layer in &report.layers {
                tr {
                    td title=(layer.name) { (label(&layer.name)) }
                    td.l { (layer.op) }
                    td { @if layer.macs > 0 { (layer.macs / inferences) } @else { "-" } }
                    td { (layer.cycles / inferences) }
                    td { @if layer.macs > 0 { (percent(layer.utilisation)) } @else { "-" } }
                    td { (layer.energy_uj.map_or("-".into(), |uj| quantity(uj * 1e-6, "J"))) }
                }
            }
        }
    }
}

fn floorplan(file: &UtilisationFile) -> Markup {
    html! {
        h2 { "Part" }
        p { (file.device) "; counted by " (file.source) "." }
        table {
            tr { th { "resource" } th { "used" } th { "of" } th { "share" } }
            @for row in &file.resources {
                tr {
                    td { (row.resource) } td { (row.used) } td { (row.available) }
                    td { @if row.available > 0 { (percent(row.used as f64 / row.available as f64)) } @else { "-" } }
                }
            }
        }
    }
}

/// The page.
pub fn run_html(report: &RunReport, utilisation: Option<&UtilisationFile>) -> String {
    let title = format!("{} on {}", report.model, report.config);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { (title) } style { (PreEscaped(STYLE)) } }
            body {
                h1 { (title) }
                (summary(report))
                @if let Some(plot) = by_part(report) {
                    h2 { "Energy by part" }
                    (plot)
                    p.note {
                        "Of one inference. Static power × time; clock: its tree, the registers and what moves in every cycle; mac: the \
                         array's products, its sums and the requantiser; memories: words on the chip, with the logic that moves with them; bus: beats to and from card memory."
                    }
                }
                @if let Some(plot) = by_layer(report) { h2 { "Energy by layer" } (plot) }
                h2 { "Layers" }
                (layers(report))
                @if let Some(file) = utilisation { (floorplan(file)) }
            }
        }
    };
    page.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_become_markup_and_bars_have_the_length_of_their_share() {
        let rows = [("<b>&".to_string(), 1.0, "red", "1 J".to_string()), ("y".into(), 0.25, "red", "0".into())];
        let svg = bars("plot", &rows).into_string();
        assert!(svg.contains("&lt;b&gt;&amp;") && !svg.contains("<b>"), "{svg}");
        assert!(svg.contains(r#"width="510.0""#) && svg.contains(r#"width="127.5""#), "{svg}");
    }
}
