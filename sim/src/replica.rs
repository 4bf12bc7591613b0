//! The model card: `systole_infer` without its RTL, for data sets too large for it. What it does is the functional model's,
//! how long it takes the timing model's; both are held against the Verilated kernel cycle by cycle (`tests/cosim.rs`).

use crate::memory::{BusError, CardMemory};
use crate::model::{Machine, ModelError};
use crate::rtl::{Region, Run, RunError};
use isa::command::{self as op, operation};
use isa::config::Config;
use isa::counter::Snapshot;
use isa::timing::{self, Times, COUNTED};
use isa::{control, failure};

/// The model of a kernel, with what its memories hold.
pub struct Replica {
    machine: Machine,
    config: Config,
    /// The last stream and its times: runs of one plan differ only in their data.
    last: Option<(Vec<u32>, u32, Times)>,
}

impl Replica {
    /// A kernel with zeroed memories.
    pub fn new(config: &Config) -> Self {
        Self { machine: Machine::new(config), config: config.clone(), last: None }
    }

    /// As [`crate::rtl::Rtl::run`]. Back-pressure has no part in it.
    ///
    /// # Errors
    /// [`RunError`]; cycles of a failed run are not known, and are 0.
    pub fn run(
        &mut self,
        regions: &mut [Region<'_>],
        pointers: &[u64],
        latency: u32,
        cycle_limit: u64,
    ) -> Result<Run, (RunError, u64)> {
        let fail = |code, detail: String| (RunError { code, detail }, 0);
        let pointers: [u64; 5] = pointers
            .try_into()
            .map_err(|_| fail(failure::SIMULATOR, format!("{} arguments; the kernel has 5", pointers.len())))?;
        let mut memory = Reached(regions);
        if let Err(error) = self.machine.run(&mut memory, pointers) {
            self.machine = Machine::new(&self.config);
            let code = match error {
                ModelError::Illegal { .. } => failure::ILLEGAL_COMMAND,
                ModelError::Read { .. } => failure::READ_FAULT,
                ModelError::Write { .. } => failure::WRITE_FAULT,
                ModelError::Undefined { .. } | ModelError::Argument { .. } => failure::NO_PROGRESS,
            };
            return Err(fail(code, error.to_string()));
        }
        let commands = memory.commands(pointers[0]);
        if !self.last.as_ref().is_some_and(|(c, l, _)| *c == commands && *l == latency) {
            let times = timing::run(&self.config, &commands, latency)
                .map_err(|e| fail(failure::NO_PROGRESS, format!("nothing moves from cycle {} on", e.0)))?;
            self.last = Some((commands, latency, times));
        }
        let Some((_, _, times)) = &self.last else { return Err(fail(failure::SIMULATOR, "no times".into())) };
        if times.cycles > cycle_limit {
            return Err(fail(failure::CYCLE_LIMIT, format!("it takes {} cycles", times.cycles)));
        }
        // The functional model has written the snapshots, without the counts that depend on time.
        let bus = self.config.bus_bytes();
        for (mark, snapshot) in times.marks.iter().enumerate() {
            let at = pointers[control::ARGUMENTS.len() - 1] + (mark * Snapshot::bytes(bus)) as u64;
            for i in COUNTED {
                let written = memory.write(at + (i * bus) as u64, &snapshot.0[i].to_le_bytes());
                written.map_err(|e| fail(failure::WRITE_FAULT, e.to_string()))?;
            }
        }
        Ok(Run { cycles: times.cycles })
    }
}

/// Card memory of a run.
struct Reached<'a, 'b>(&'a mut [Region<'b>]);

impl Reached<'_, '_> {
    fn slice(&mut self, address: u64, bytes: usize) -> Result<&mut [u8], BusError> {
        let error = BusError { address, bytes };
        for region in self.0.iter_mut() {
            let Some(at) = address.checked_sub(region.base).and_then(|at| usize::try_from(at).ok()) else { continue };
            if let Some(slice) = at.checked_add(bytes).and_then(|end| region.bytes.get_mut(at..end)) {
                return Ok(slice);
            }
        }
        Err(error)
    }

    /// The stream at `address` up to its `END`, which has been run.
    fn commands(&mut self, address: u64) -> Vec<u32> {
        let mut commands = Vec::new();
        let mut bytes = [0; 4];
        while self.read(address + 4 * commands.len() as u64, &mut bytes).is_ok() {
            commands.push(u32::from_le_bytes(bytes));
            let number = bytes[3];
            if number == op::END || operation(number).is_none() {
                break;
            }
        }
        commands
    }
}

impl CardMemory for Reached<'_, '_> {
    fn read(&mut self, address: u64, bytes: &mut [u8]) -> Result<(), BusError> {
        bytes.copy_from_slice(self.slice(address, bytes.len())?);
        Ok(())
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), BusError> {
        self.slice(address, bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }
}
