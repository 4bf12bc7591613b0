//! `systole run MODEL`: inferences on a card, with what they cost.
//!
//! The inputs go to the card in chunks, each a run of the kernel over up to [`CHUNK`] inferences; weights are loaded once
//! a chunk. The table is for one inference; the JSON object's `cycles` and `macs` are those of the whole run.
//!
//! ```console
//! $ systole run models/digits.onnx --config small4x4
//! digits on Systole small4x4, configuration small4x4 at 12.0 MHz; figures for one inference
//!
//! layer       op             MACs  cycles  estimated  utilisation  energy µJ
//! weights     Load              -    4256          -            -     1.0111
//! ...
//! utilisation  76.7 % over the convolutions, 65.1 % over all cycles
//! latency      3.62 ms an inference at the card's clock
//! energy       22.0 µJ an inference, 48.60 pJ a MAC, ±28 %; modelled: constraints/ice40up5k.yaml, core rail
//!              static 378 nJ, clock 8.48 µJ, mac 10.4 µJ, memories 2.72 µJ, bus 74.6 nJ
//! ```

use super::input::InputArgs;
use super::output::{OutputFile, Page};
use super::progress::Progress;
use super::samples::Samples;
use super::target::{Source, Target, TargetArgs};
use super::{json, npy};
use anyhow::{anyhow, bail, Context};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use systole::compile::Options;
use systole::energy::Counts;
use systole::graph::Graph;
use systole::plan::{Order, Plan, TensorInfo};
use systole::report::{
    picture, run_html, run_table, CheckReport, LabelReport, RunFacts, RunReport, Shades, UtilisationFile,
};
use systole::runtime::{card_of, CardInfo, ContainerFile, Session};

/// Most inferences of one run of the kernel: enough that loading the weights hardly counts, and about a second of
/// simulation, so that progress can be seen.
const CHUNK: usize = 32;

/// Runs a network on a card and prints cycles, utilisation, latency and energy, layer by layer.
///
/// Energy is modelled from the card's activity counters and the coefficients of its part, which the container carries;
/// it is labelled so, with its uncertainty. The table is for one inference. In the JSON object, `cycles`, `macs` and
/// `counters` are totals of all inferences; `latency_s`, `energy` and `energy_uj` are for one (docs/json.md).
#[derive(clap::Args)]
#[command(after_help = "Examples:
  systole run models/digits.onnx --json
  systole run models/digits.onnx --input models/digits_test_x.npy --labels models/digits_test_y.npy --check --show 3
  systole run model.tflite --input photo.png --scale 1 --out out.npz")]
pub struct Args {
    /// Network (a TFLite file, or an ONNX file in QDQ or QOperator form) or plan (from systole compile)
    model: PathBuf,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    input: InputArgs,
    /// Write the outputs to a .npy or .npz, in the model's output type and shape, with the batch in front; or to a .bin or
    /// .raw, as quantised bytes
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How many random inputs, or how many of the file's inputs from the first on [default: 1 random, all of a file]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    batch: Option<u32>,
    /// Labels: a .npy with the right class of each input; prints the accuracy
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Compare every output value with the integer reference; a difference is an error
    #[arg(long)]
    check: bool,
    /// Draw this input (counted from 0) and say what the network takes it for
    #[arg(long, value_name = "INDEX", conflicts_with = "json")]
    show: Option<usize>,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// Write the report as a page with plots too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// What the configuration takes of its part, for the page: a build's utilisation.json
    #[arg(long, value_name = "FILE", requires = "html")]
    utilisation: Option<PathBuf>,
}

/// What was asked for, checked as far as it can be without a card.
struct Job<'a> {
    args: &'a Args,
    plan: Plan,
    /// For the integer reference; a plan has none.
    graph: Option<Box<Graph>>,
    container: ContainerFile,
    card: CardInfo,
    samples: Samples,
    count: usize,
    labels: Option<Vec<i64>>,
}

pub fn run(args: &Args) -> anyhow::Result<String> {
    let out = args.out.as_deref().map(OutputFile::new).transpose()?;
    let page = args.html.as_deref().map(Page::new).transpose()?;
    let utilisation = args.utilisation.as_deref().map(utilisation).transpose()?;
    let job = Job::check(args)?;
    let (mut report, outputs) = job.run()?;
    if args.check {
        report.check = Some(job.compare(&outputs)?);
    }
    report.labels = job.agreement(&outputs);
    if let Some(out) = out {
        out.finish(job.plan.output(), &outputs)?;
    }
    if let Some(page) = page {
        page.finish(&run_html(&report, utilisation.as_ref()))?;
    }
    if args.json {
        return json(&report);
    }
    let shown = args.show.map_or(String::new(), |index| job.show(index, &outputs[index]) + "\n");
    Ok(shown + &run_table(&report))
}

impl<'a> Job<'a> {
    /// Everything that can be wrong is found out here, before the card does any work.
    fn check(args: &'a Args) -> anyhow::Result<Self> {
        let (plan, graph, target) = prepare(args)?;
        let samples = match args.input.read(plan.input())? {
            Some(samples) => samples,
            None => Samples::random(args.batch.unwrap_or(1) as usize, plan.input()),
        };
        let count = args.batch.map_or(samples.count(), |b| b as usize);
        if count > samples.count() {
            bail!("--batch {count}: the input file holds {}: give at most that", samples.count());
        }
        if let Some(index) = args.show.filter(|&i| i >= count) {
            bail!("--show {index}: there are {count} inputs, counted from 0: give a smaller number");
        }
        let labels = args.labels.as_deref().map(|path| labels(path, count, plan.output().elements())).transpose()?;
        let card = card_of(&plan.config.name)?;
        let container = target.container.ok_or_else(|| {
            let name = &plan.config.name;
            anyhow!(
                "no container for configuration `{name}`: give --container FILE, or run scripts/card --config {name}"
            )
        })?;
        Ok(Self { args, plan, graph, container, card, samples, count, labels })
    }

    /// Runs all inputs, chunk after chunk.
    fn run(&self) -> anyhow::Result<(RunReport, Vec<Vec<i8>>)> {
        let chunk = CHUNK.min(self.count).min(self.plan.max_batch()).max(1);
        let mut session = Session::open(&self.card, &self.container, &self.plan, chunk)?;
        let mut progress = Progress::new("running on the card", self.count as u64);
        let mut facts = RunFacts {
            plan: &self.plan,
            device: &self.card.name,
            clock_hz: self.container.clock_hz(),
            coefficients: self.container.coefficients(),
            batch: self.count as u64,
            kernel_runs: 0,
            kernel_ns: 0,
            layers: vec![Counts::default(); self.plan.layers().count()],
            input: self.args.input.input.as_ref().map_or_else(Samples::seed, |p| p.display().to_string()),
        };
        let mut outputs = Vec::with_capacity(self.count);
        for start in (0..self.count).step_by(chunk) {
            let inputs: Vec<_> = (start..self.count.min(start + chunk)).map(|i| self.samples.get(i)).collect();
            let result = session.run(&inputs)?;
            facts.kernel_runs += 1;
            facts.kernel_ns += result.kernel_ns;
            facts.layers.iter_mut().zip(&result.layers).for_each(|(sum, counts)| sum.add(counts));
            outputs.extend(result.outputs);
            progress.add(inputs.len() as u64);
        }
        Ok((RunReport::new(&facts), outputs))
    }

    /// Compares every output value with the integer reference.
    fn compare(&self, outputs: &[Vec<i8>]) -> anyhow::Result<CheckReport> {
        let Some(graph) = &self.graph else {
            bail!("--check needs the network, and a plan has none: give the model file");
        };
        let mut values = 0;
        let mut progress = Progress::new("checking", self.count as u64);
        for (i, output) in outputs.iter().enumerate() {
            let expected =
                systole::reference::run(graph, &self.samples.get(i)).map_err(|e| anyhow!("reference: {e}"))?;
            if let Some(at) = (0..expected.len().max(output.len())).find(|&at| expected.get(at) != output.get(at)) {
                bail!(
                    "output of input {i} differs from the integer reference: value {at} is {:?}, it must be {:?}: \
                     this is a fault of the card or the compiler, report it with the model",
                    output.get(at),
                    expected.get(at)
                );
            }
            values += output.len() as u64;
            progress.add(1);
        }
        Ok(CheckReport { values })
    }

    /// How many inputs the network puts into the class of their label.
    fn agreement(&self, outputs: &[Vec<i8>]) -> Option<LabelReport> {
        let labels = self.labels.as_ref()?;
        let right = |(output, &label): (&Vec<i8>, &i64)| class(output) as i64 == label;
        let correct = outputs.iter().zip(labels).filter(|&pair| right(pair)).count() as u64;
        let file = self.args.labels.as_ref().map_or(String::new(), |p| p.display().to_string());
        Some(LabelReport { file, correct, accuracy: correct as f64 / outputs.len().max(1) as f64 })
    }

    /// A picture of an input, and the class that the network put it into.
    fn show(&self, index: usize, output: &[i8]) -> String {
        let info = self.plan.input();
        let shades = if std::io::stdout().is_terminal() { Shades::Colours } else { Shades::Characters };
        let drawn = picture(&first_channel(info, &self.samples.get(index)), info.hwc[0], info.hwc[1], shades);
        let label = self.labels.as_ref().map_or(String::new(), |l| format!(", its label is {}", l[index]));
        format!("{drawn}\ninput {index}: the network says {}{label}\n", class(output))
    }
}

/// Reads the model and compiles it for the card's configuration, unless it is a plan already.
fn prepare(args: &Args) -> anyhow::Result<(Plan, Option<Box<Graph>>, Target)> {
    match Source::read(&args.model)? {
        Source::Plan(plan) => {
            if args.check {
                bail!("--check needs the network, and {} is a plan: give the model file", args.model.display());
            }
            let target = args.target.resolve(Some(&plan.config))?;
            Ok((*plan, None, target))
        }
        Source::Network(graph) => {
            let target = args.target.resolve(None)?;
            let plan = systole::compile::compile(&graph, &target.config, Options::default())?;
            Ok((plan, Some(graph), target))
        }
    }
}

/// The labels of the first `count` inputs, each the number of a class.
fn labels(path: &Path, count: usize, classes: usize) -> anyhow::Result<Vec<i64>> {
    let file = path.display();
    let array = npy::read(path, "labels")?;
    let values: Vec<i64> = match array.values {
        npy::Values::Int8(v) => v.into_iter().map(i64::from).collect(),
        npy::Values::Uint8(v) => v.into_iter().map(i64::from).collect(),
        npy::Values::Wide(v) => v,
        npy::Values::Float(_) => bail!("labels {file}: its elements are {}: save them as integers", array.dtype),
    };
    if array.shape.len() != 1 || values.len() < count {
        bail!("labels {file}: its shape is {:?}, but there are {count} inputs: give [{count}]", array.shape);
    }
    match values.iter().position(|&l| l < 0 || l >= classes as i64) {
        Some(at) => {
            bail!("labels {file}: label {at} is {}, but the model has classes 0 to {}", values[at], classes - 1)
        }
        None => Ok(values[..count].to_vec()),
    }
}

/// A build's `utilisation.json`.
fn utilisation(path: &Path) -> anyhow::Result<UtilisationFile> {
    let describe = || format!("--utilisation {}", path.display());
    let text = std::fs::read_to_string(path).with_context(describe)?;
    serde_json::from_str(&text)
        .map_err(|e| anyhow!("--utilisation {}: {e}: give a utilisation.json of bitstreams/", path.display()))
}

/// Position of the greatest value; the first of several.
fn class(output: &[i8]) -> usize {
    (0..output.len()).fold(0, |best, i| if output[i] > output[best] { i } else { best })
}

/// The first channel of an input, row after row.
fn first_channel(info: &TensorInfo, values: &[i8]) -> Vec<i8> {
    let [height, width, channels] = info.hwc;
    match info.order {
        Order::ChannelsFirst => values[..height * width].to_vec(),
        Order::ChannelsLast => values.iter().copied().step_by(channels).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_is_the_first_of_the_greatest() {
        assert_eq!(class(&[-3, 7, 7, 1]), 1);
        assert_eq!(class(&[-128]), 0);
    }
}
