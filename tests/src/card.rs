//! Runs plans on the functional model of the card.

use isa::{config::Config, counter::Snapshot, layout};
use systole::plan::Plan;
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

/// Runs a batch and returns the outputs in model order and the counter snapshots. The output
/// buffer holds garbage at the start.
pub fn run(plan: &Plan, inputs: &[Vec<i8>]) -> Result<(Vec<Vec<i8>>, Vec<Snapshot>), String> {
    let words = plan.commands(inputs.len()).map_err(|e| e.to_string())?;
    let hazards = crate::hazards::find(&words, &plan.config);
    if let Some(first) = hazards.first() {
        return Err(format!("{} hazards; {first}", hazards.len()));
    }
    let mut memory = Buffers::new();
    let mut commands: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    commands.resize(commands.len() + layout::COMMAND_READ_AHEAD, 0);
    let mut packed = Vec::new();
    for input in inputs {
        packed.extend(plan.pack_input(input).map_err(|e| e.to_string())?);
    }
    let marks = plan.mark_count(inputs.len());
    let bus = plan.config.bus_bytes();
    let pointers = [
        memory.add(commands),
        memory.add(plan.weights.clone()),
        memory.add(packed),
        memory.add(vec![0xa5; plan.output_area_bytes(inputs.len())]),
        memory.add(vec![0; marks * Snapshot::bytes(bus)]),
    ];
    let mut machine = Machine::new(&plan.config);
    let status = machine.run(&mut memory, pointers).map_err(|e| e.to_string())?;
    if status.marks != marks {
        return Err(format!("{} snapshots; the plan says {marks}", status.marks));
    }
    let outputs = memory.get(pointers[3]).ok_or("no output buffer")?;
    let outputs = plan.unpack_outputs(outputs, inputs.len());
    let snapshots = Snapshot::parse_all(memory.get(pointers[4]).ok_or("no counter buffer")?, bus);
    Ok((outputs.map_err(|e| e.to_string())?, snapshots))
}
