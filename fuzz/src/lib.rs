//! What the fuzz targets do with an input: nothing may panic, hang or take memory without measure, an error is one line,
//! and what is accepted can be checked, compiled, computed, written and read again.

pub mod memory;

use isa::config::{Config, Multiplier};
use sha2::{Digest, Sha256};
use systole::array::Array;
use systole::compile::{compile, Options};
use systole::graph::{Graph, Tensor};
use systole::plan::{self, Plan, PlanError};
use systole::reference::{self, Values};

/// Longest message of an error, in bytes: a line that a person reads.
const MESSAGE: usize = 1200;
/// Bytes that import may reserve whatever the file says, and how many more for each byte of the file.
const IMPORT_BYTES: [usize; 2] = [256 << 20, 64];
/// Bytes that reading a container may reserve: the largest bitstream, twice while its buffer grows, and the manifest.
const CONTAINER_BYTES: usize = 3 * isa::container::MAX_BITSTREAM_BYTES;
/// Elements of all tensors, and multiply-accumulates, of graphs that are compiled and computed: so that an input takes
/// milliseconds.
const SMALL: usize = 1 << 15;
/// Command words of plans that are unrolled.
const COMMANDS: usize = 1 << 16;

/// A TFLite file.
///
/// # Panics
/// A finding.
pub fn tflite(file: &[u8]) {
    let mut file = file.to_vec();
    if let Some(identifier) = file.get_mut(4..8) {
        identifier.copy_from_slice(b"TFL3");
    }
    model(&file);
}

/// An ONNX file.
///
/// # Panics
/// A finding.
pub fn onnx(file: &[u8]) {
    if file.get(4..8) != Some(b"TFL3") {
        model(file);
    }
}

fn model(file: &[u8]) {
    let before = memory::start();
    let read = systole::import::from_bytes(file, "model");
    let reserved = memory::peak() - before;
    let [fixed, each] = IMPORT_BYTES;
    assert!(reserved <= fixed + each * file.len(), "{reserved} bytes reserved for a file of {}", file.len());
    match read {
        Ok(graph) => {
            graph.check().expect("what import gives is sound");
            use_graph(&graph, file.len());
        }
        Err(fault) => line(&fault.to_string()),
    }
}

/// An error is one line for a person.
fn line(message: &str) {
    assert!(!message.is_empty() && message.len() < MESSAGE, "{} bytes: {message}", message.len());
    assert!(!message.chars().any(char::is_control), "{message:?}");
}

/// Compiles a small graph for a configuration, and computes it on the host; large ones are left out.
fn use_graph(graph: &Graph, which: usize) {
    let elements: usize = graph.tensors.iter().map(Tensor::elements).sum();
    if elements > SMALL || graph.macs() > SMALL as u64 || graph.nodes.len() > 64 {
        return;
    }
    match compile(graph, &config(which), Options { batch: 1 + which % 3, ..Options::default() }) {
        Ok(plan) => {
            let bytes = plan.to_bytes().expect("a plan can be written");
            assert_eq!(Plan::from_bytes(&bytes).as_ref(), Ok(&plan));
            use_plan(&plan);
        }
        Err(error) => line(&error.to_string()),
    }
    let inputs = graph.inputs.iter().map(|(id, _)| zeros(&graph.tensors[*id])).collect();
    if let Err(what) = reference::run_all(graph, inputs) {
        line(&what);
    }
}

/// Configurations of two kinds: memories that are too small for most, and units that most have not.
fn config(which: usize) -> Config {
    let n = [4, 8, 12, 16][which % 4];
    match which / 4 % 2 {
        0 => Config { act_words_log2: 8, ..Config::least(n) },
        _ => Config {
            lanes: n,
            ports: 2,
            multiplier: Multiplier::Parallel,
            residual: true,
            line_groups: 3,
            line_words_log2: 4,
            ..Config::least(n)
        },
    }
}

fn zeros(tensor: &Tensor) -> Values {
    let elements = tensor.elements();
    match &tensor.host {
        None => Values::Card(vec![0; elements]),
        Some(host) if host.dtype.is_float() => {
            let floats = Array::float(&host.shape, vec![0.0; elements]);
            Values::Host(Array { dtype: host.dtype, ..floats })
        }
        Some(host) => Values::Host(Array::int(host.dtype, &host.shape, vec![0; elements])),
    }
}

/// The body of a plan file; magic, format, length and digest are put before it.
///
/// # Panics
/// A finding.
pub fn plan(body: &[u8]) {
    match Plan::from_bytes(&plan_file(body)) {
        Ok(plan) => {
            let again = plan.to_bytes().expect("a plan that was read can be written");
            let read = Plan::from_bytes(&again).expect("and read again");
            assert!(read.to_bytes().expect("and written again") == again);
            use_plan(&plan);
        }
        Err(what) => line(&what),
    }
}

/// A plan file with this body.
pub fn plan_file(body: &[u8]) -> Vec<u8> {
    let mut file = plan::MAGIC.to_vec();
    file.extend(plan::FORMAT.to_le_bytes());
    file.extend((body.len() as u64).to_le_bytes());
    file.extend(Sha256::digest(body));
    file.extend(body);
    file
}

/// A container: the manifest up to the first zero byte, then a packed bitstream, with digests that fit; and the same bytes as a
/// whole file.
///
/// # Panics
/// A finding.
pub fn container(parts: &[u8]) {
    use isa::container::{write, KIND_BITSTREAM_ZLIB, KIND_MANIFEST};
    let at = parts.iter().position(|&b| b == 0).unwrap_or(parts.len());
    let (manifest, rest) = parts.split_at(at);
    let bitstream = rest.get(1..).unwrap_or_default();
    let file = write(&[(KIND_MANIFEST, manifest), (KIND_BITSTREAM_ZLIB, bitstream)], |b| Sha256::digest(b).into());
    for bytes in [&file[..], parts] {
        let before = memory::start();
        let checked = systole::runtime::check_container(bytes);
        let reserved = memory::peak() - before;
        assert!(
            reserved <= CONTAINER_BYTES + 64 * bytes.len(),
            "{reserved} bytes reserved for a file of {}",
            bytes.len()
        );
        match checked {
            Ok(manifest) => manifest.check().expect("what was accepted is sound"),
            Err(what) => line(&what),
        }
    }
}

/// Unrolls the commands of a few small batches, and runs one with a card that answers zeros.
fn use_plan(plan: &Plan) {
    assert!(plan.programs().all(|program| plan.max_batch() <= program.max_batch()));
    for program in plan.programs() {
        for batch in [0, 1, 2, 5, program.max_batch().saturating_add(1)] {
            let refused = batch == 0 || batch > program.max_batch();
            if !refused && program.first.commands.len() + program.next.commands.len() * batch > COMMANDS {
                continue;
            }
            match program.commands(batch) {
                Ok(words) => {
                    let marks = program.marks(batch);
                    assert!(!refused && !words.is_empty() && marks.iter().all(|m| m.to < program.mark_count(batch)));
                }
                Err(error) => line(&error.to_string()),
            }
        }
    }
    let sizes = plan.programs().map(|p| p.input_bytes(1) + p.output_bytes(1)).sum::<usize>();
    let small = plan.inputs.iter().all(|(_, info)| info.elements() <= SMALL);
    // What the host computes is bounded in each operator; not that there may be many of them.
    let host = plan.segments.iter().map(host_elements).sum::<usize>();
    if !small || sizes > 64 * SMALL || host > SMALL {
        return;
    }
    let sample: Vec<Values> = plan.inputs.iter().map(|(_, info)| Values::Card(vec![0; info.elements()])).collect();
    let card = |_, program: &plan::Program, _: &[u8]| Ok::<_, PlanError>(vec![0; program.output_bytes(1)]);
    if let Err(error) = plan.run(vec![sample], card) {
        line(&error.to_string());
    }
}

/// Elements of all tensors of a host segment, and the multiply-accumulates of its nodes.
fn host_elements(segment: &plan::Segment) -> usize {
    match segment {
        plan::Segment::Card(_) => 0,
        plan::Segment::Host { graph, .. } => {
            let elements = graph.tensors.iter().map(Tensor::elements).sum::<usize>();
            elements + usize::try_from(graph.macs()).unwrap_or(usize::MAX / 2)
        }
    }
}
