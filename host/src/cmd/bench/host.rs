//! What the host takes beside the card: CPU time in a stream of inferences, and memory; in a process of its own.

use crate::cmd::progress::Progress;
use crate::cmd::samples::Samples;
use crate::cmd::target::{Source, Target, TargetArgs};
use anyhow::{anyhow, bail, Context};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;
use systole::compile::{compile, Options};
use systole::reference::to_card;
use systole::runtime::{card_of, thread_cpu_time, Stream, StreamOptions, Ticket};

/// Which card is simulated; an RTL simulation of a thousand inferences would take minutes and show the same host.
const CARD_VARIABLE: &str = "SYSTOLE_CARD";
/// Memory that the host may take besides three times the model's file.
const ALLOWANCE: u64 = 64_000_000;
/// Different inputs; the stream goes round them.
const DIFFERENT: usize = 64;

/// Figures of the host.
#[derive(Serialize, Deserialize)]
pub struct HostFigures {
    /// Inferences of the stream.
    pub inputs: usize,
    /// Runs of the kernel that they were done in.
    pub runs: u64,
    /// CPU time of all threads but the driver's, in s.
    pub host_s: f64,
    /// Of that the thread that submits and waits.
    pub submit_s: f64,
    /// Time of the kernel at the card's clock, in s.
    pub card_s: f64,
    /// host_s / card_s.
    pub share: f64,
    /// Time from the first input to the last output, simulation included, in s.
    pub wall_s: f64,
    /// Most memory of the process at any time; null where the system does not say.
    pub peak_bytes: Option<u64>,
    /// Three times the model's file and 64 MB.
    pub allowed_bytes: u64,
}

/// Measures in another process of this program.
///
/// # Errors
/// What that process says.
pub fn measure_apart(model: &Path, target: &TargetArgs, inputs: u32) -> anyhow::Result<HostFigures> {
    let program = std::env::current_exe().context("finding this program")?;
    let mut command = Command::new(program);
    command.args(["bench", "--host-only", "--json", "--inputs", &inputs.to_string()]);
    if let Some(config) = &target.config {
        command.args(["--config", config]);
    }
    if let Some(container) = &target.container {
        command.arg("--container").arg(container);
    }
    if std::env::var_os(CARD_VARIABLE).is_none() {
        command.env(CARD_VARIABLE, "model");
    }
    // The terminal stays its own: a bar is drawn there.
    let output = command.arg("--").arg(model).stdout(Stdio::piped()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("the process that measures ended with {}: see its message", output.status);
    }
    serde_json::from_slice(&output.stdout).context("the process that measures printed no figures")
}

/// Measures in this process.
///
/// # Errors
/// As the model or the card says.
pub fn measure(model: &Path, target: Target, inputs: usize) -> anyhow::Result<HostFigures> {
    let Source::Network(graph) = Source::read(model)? else { bail!("{} is a plan: give the model", model.display()) };
    let plan = Arc::new(compile(&graph, &target.config, Options::default())?);
    drop(graph);
    let card = card_of(&plan.config.name)?;
    let container = target.container.ok_or_else(|| anyhow!("no container: run scripts/card"))?;
    let stream = Stream::open(&card, &container, plan.clone(), StreamOptions::default())?;
    let info = plan.input();
    let samples = Samples::random(DIFFERENT.min(inputs), info);
    let samples: Vec<Vec<i8>> = (0..samples.count()).map(|i| samples.get(i)).collect();
    // In the order of the model; a network with other than bytes at its edges is none that a stream of bytes takes.
    to_card(info, &samples[0]).map_err(|e| anyhow!(e))?;
    // They are whoever submits': there before the clock starts.
    let mut ready: Vec<Vec<i8>> = (0..inputs).map(|i| samples[i % samples.len()].clone()).rev().collect();
    let mut progress = Progress::new("streaming", inputs as u64);
    // A first inference, so that threads and tables are there.
    stream.submit(samples[0].clone())?.wait()?;
    let before = (stream.stats(), thread_cpu_time(), Instant::now());
    // So many outstanding that the card always has a run ahead; an output is used and gone before the next input comes.
    let options = StreamOptions::default();
    let most = options.queue + options.batch;
    let mut waiting: VecDeque<Ticket<Vec<i8>>> = VecDeque::with_capacity(most);
    let mut sent = 0;
    while let Some(input) = ready.pop() {
        if waiting.len() == most {
            take(&mut waiting)?;
        }
        waiting.push_back(stream.submit(input)?);
        sent += 1;
        if sent % DIFFERENT == 0 {
            progress.add(DIFFERENT as u64);
        }
    }
    while !waiting.is_empty() {
        take(&mut waiting)?;
    }
    let (submit_s, wall_s) = ((thread_cpu_time() - before.1).as_secs_f64(), before.2.elapsed().as_secs_f64());
    // The threads have added up their time once nothing is left of them.
    let after = stream.finish();
    let host_s = submit_s + (after.host_time - before.0.host_time).as_secs_f64();
    let card_s = (after.card_time - before.0.card_time).as_secs_f64();
    let file = std::fs::metadata(model)?.len();
    Ok(HostFigures {
        inputs,
        runs: after.runs - before.0.runs,
        host_s,
        submit_s,
        card_s,
        share: if card_s > 0.0 { host_s / card_s } else { f64::INFINITY },
        wall_s,
        peak_bytes: peak_bytes(),
        allowed_bytes: 3 * file + ALLOWANCE,
    })
}

/// Waits for the oldest output.
fn take(waiting: &mut VecDeque<Ticket<Vec<i8>>>) -> anyhow::Result<()> {
    if let Some(ticket) = waiting.pop_front() {
        std::hint::black_box(ticket.wait()?);
    }
    Ok(())
}

/// Most memory that this process has had, as Linux tells.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kb| kb * 1024)
}
