//! Runs plans on the functional model of the card.

use isa::{config::Config, counter::Snapshot, layout};
use systole::plan::{Plan, PlanError, Program};
use systole::reference::{from_card, to_card, Values};
use systole_sim::memory::Buffers;
use systole_sim::model::Machine;

/// The configurations of `hdl/configs.yaml`.
pub fn configs() -> Vec<Config> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../hdl/configs.yaml");
    let text = std::fs::read_to_string(path).expect("hdl/configs.yaml can be read");
    serde_yaml::from_str(&text).expect("hdl/configs.yaml holds configurations")
}

/// The configuration of this name.
pub fn config(name: &str) -> Config {
    configs().into_iter().find(|c| c.name == name).unwrap_or_else(|| panic!("no configuration `{name}`"))
}

/// What the card of a plan gave: all outputs of each sample, and the counter snapshots of each program.
pub type Run = (Vec<Vec<Values>>, Vec<Vec<Snapshot>>);

/// Runs a batch of samples on functional models of the card, one for each program, and on the host. The output argument
/// holds garbage at the start.
pub fn run_values(plan: &Plan, samples: Vec<Vec<Values>>) -> Result<Run, String> {
    let batch = samples.len();
    let mut snapshots = Vec::new();
    let outputs = plan.run(samples, |_, program, input| {
        let (output, counted) = run_program(program, &plan.config, input, batch)?;
        snapshots.push(counted);
        Ok::<_, Failed>(output)
    });
    Ok((outputs.map_err(|e| e.0)?, snapshots))
}

/// Output values and snapshots of each inference.
pub type Ran = (Vec<Vec<i8>>, Vec<Vec<Snapshot>>);

/// As [`run_values`] for a model with one input and one output, int8 in model order.
pub fn run(plan: &Plan, inputs: &[Vec<i8>]) -> Result<Ran, String> {
    let sample = |input: &Vec<i8>| Ok::<_, String>(vec![Values::Card(to_card(plan.input(), input)?)]);
    let (outputs, snapshots) = run_values(plan, inputs.iter().map(sample).collect::<Result<_, _>>()?)?;
    Ok((outputs.iter().map(|o| from_card(plan.output(), o[0].bytes())).collect(), snapshots))
}

/// An error of either side.
struct Failed(String);

impl From<PlanError> for Failed {
    fn from(error: PlanError) -> Self {
        Self(error.to_string())
    }
}

impl From<String> for Failed {
    fn from(error: String) -> Self {
        Self(error)
    }
}

fn run_program(
    program: &Program,
    config: &Config,
    input: &[u8],
    batch: usize,
) -> Result<(Vec<u8>, Vec<Snapshot>), String> {
    let words = program.commands(batch).map_err(|e| e.to_string())?;
    let hazards = crate::hazards::find(&words, config);
    if let Some(first) = hazards.first() {
        return Err(format!("{} hazards; {first}", hazards.len()));
    }
    let mut memory = Buffers::new();
    let mut commands: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    commands.resize(commands.len() + layout::COMMAND_READ_AHEAD, 0);
    let marks = program.mark_count(batch);
    let bus = config.bus_bytes();
    let pointers = [
        memory.add(commands),
        memory.add(program.weights.clone()),
        memory.add(input.to_vec()),
        memory.add(vec![0xa5; program.output_bytes(batch)]),
        memory.add(vec![0; marks * Snapshot::bytes(bus)]),
    ];
    let mut machine = Machine::new(config);
    let status = machine.run(&mut memory, pointers).map_err(|e| e.to_string())?;
    if status.marks != marks {
        return Err(format!("{} snapshots; the plan says {marks}", status.marks));
    }
    let output = memory.get(pointers[3]).ok_or("no output buffer")?.to_vec();
    let snapshots = Snapshot::parse_all(memory.get(pointers[4]).ok_or("no counter buffer")?, bus);
    Ok((output, snapshots))
}
