//! Writes commands: registers only where they change, waits only where something still runs.

use super::CompileError;
use isa::command as op;

/// A command stream in the making, with what is known of the card's state at its end.
#[derive(Debug)]
pub struct Emitter {
    /// Commands so far.
    pub commands: Vec<u32>,
    /// Value of each register where it is known.
    registers: [Option<u32>; op::FEED as usize],
    /// Units that may still run.
    active: u32,
    /// Weight word of the tile that the next feed takes first, where it is known.
    tile_at: Option<usize>,
    /// Layer that errors name.
    layer: String,
}

impl Emitter {
    /// An empty stream on a card of which nothing is known but that it is idle.
    pub fn new() -> Self {
        Self {
            commands: Vec::new(),
            registers: [None; op::FEED as usize],
            active: 0,
            tile_at: None,
            layer: String::new(),
        }
    }

    /// Names the layer that the next commands belong to.
    pub fn enter(&mut self, layer: &str) {
        self.layer = layer.to_string();
    }

    /// Writes a register from its fields, unless it holds just that.
    pub fn set(&mut self, register: u8, fields: &[usize]) -> Result<(), CompileError> {
        let fields: Vec<i64> = fields.iter().map(|&f| f as i64).collect();
        self.set_signed(register, &fields)
    }

    /// As [`Emitter::set`], with signed fields.
    pub fn set_signed(&mut self, register: u8, fields: &[i64]) -> Result<(), CompileError> {
        let word = op::pack(register, fields).ok_or_else(|| CompileError::Field {
            layer: self.layer.clone(),
            command: op::operation(register).map_or("?", |o| o.name),
            what: fields.iter().map(i64::to_string).collect::<Vec<_>>().join(", "),
        })?;
        if self.registers[register as usize] != Some(word) {
            self.registers[register as usize] = Some(word);
            self.commands.push(word);
        }
        Ok(())
    }

    /// Writes an offset register that differs from inference to inference. Returns its position in the stream.
    pub fn set_offset(&mut self, register: u8, words: usize) -> Result<u32, CompileError> {
        self.registers[register as usize] = None;
        self.set(register, &[words])?;
        // In the next inference it will hold another value, so it is never known.
        self.registers[register as usize] = None;
        Ok((self.commands.len() - 1) as u32)
    }

    /// Points the feeder at its next tile, unless the last job ended there.
    pub fn tiles_from(&mut self, word: usize) -> Result<(), CompileError> {
        if self.tile_at != Some(word) {
            self.force_tiles_from(word)?;
        }
        Ok(())
    }

    /// Points the feeder at its next tile and drops the one read ahead, which may be from before a load.
    pub fn force_tiles_from(&mut self, word: usize) -> Result<(), CompileError> {
        self.registers[op::W_ADDR as usize] = None;
        self.set(op::W_ADDR, &[word])?;
        self.tile_at = Some(word);
        Ok(())
    }

    /// Starts a unit; for the feeder `words` of weights go by.
    pub fn start(&mut self, operation: u8, words: usize) {
        self.active |= match operation {
            op::FEED => op::UNIT_FEED,
            op::DRAIN => op::UNIT_DRAIN,
            op::LOAD => op::UNIT_LOAD,
            _ => op::UNIT_STORE,
        };
        self.tile_at = self.tile_at.map(|at| at + words);
        self.commands.push(op::word(operation, 0));
    }

    /// Waits for those of the units that may still run.
    pub fn wait(&mut self, units: u32) {
        if self.active & units != 0 {
            self.commands.push(op::word(op::WAIT, self.active & units));
            self.active &= !units;
        }
    }

    /// A counter snapshot, which waits for everything.
    pub fn mark(&mut self) {
        self.commands.push(op::word(op::MARK, 0));
        self.active = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_is_written_when_it_changes_and_a_wait_when_something_runs() {
        let mut e = Emitter::new();
        e.set(op::D_STEP, &[3]).unwrap();
        e.set(op::D_STEP, &[3]).unwrap();
        e.wait(op::UNIT_ALL);
        assert_eq!(e.commands.len(), 1);
        e.start(op::LOAD, 0);
        e.wait(op::UNIT_DRAIN);
        e.wait(op::UNIT_ALL);
        e.wait(op::UNIT_ALL);
        assert_eq!(e.commands[2..], [op::word(op::WAIT, op::UNIT_LOAD)]);
    }

    #[test]
    fn an_offset_is_written_every_time_and_never_believed() {
        let mut e = Emitter::new();
        e.set(op::L_SRC, &[0]).unwrap();
        assert_eq!(e.set_offset(op::L_SRC, 0).unwrap(), 1);
        e.set(op::L_SRC, &[0]).unwrap();
        assert_eq!(e.commands.len(), 3);
    }

    #[test]
    fn the_tile_address_runs_on() {
        let mut e = Emitter::new();
        e.tiles_from(8).unwrap();
        e.start(op::FEED, 16);
        e.tiles_from(24).unwrap();
        assert_eq!(e.commands.len(), 2);
        e.force_tiles_from(24).unwrap();
        assert_eq!(e.commands.len(), 3);
    }

    #[test]
    fn what_does_not_fit_a_field_is_named() {
        let mut e = Emitter::new();
        e.enter("conv1");
        let error = e.set(op::F_OUT, &[4096, 0]).unwrap_err().to_string();
        assert_eq!(
            error,
            "layer `conv1`: 4096, 0 do not fit the fields of command `F_OUT`; choose a model with smaller layers"
        );
    }
}
