//! Pass: the jobs become commands.
//!
//! A job is a feed and a drain. The feed of job j + 1 is issued before the drain registers of job j + 1 are written,
//! and those wait for the drain of job j, so that feed and drain run beside each other in the two accumulator banks.
//! Feeds and drains keep their order among themselves; a wait is needed only where a feed reads what a drain or a load
//! wrote, where a store does, and where a load overwrites what may still be read.

use super::emit::Emitter;
use super::estimate::{self, Job};
use super::lower::{Array, Lowered, Stage};
use super::tile::{self, Tile};
use super::weights::{Group, Load, Weights};
use super::CompileError;
use crate::graph::Graph;
use crate::plan::{LayerInfo, Plan};
use crate::tensor::Fold;
use isa::{command as op, config::Config};

/// Greatest signed value of a coordinate in a command.
const MAX_ORIGIN: i64 = 2047;
/// Bit of `L_DST` and `L_LEN`: weight memory, input argument.
const LOAD_WEIGHTS: usize = 1;
const LOAD_INPUT: usize = 1;

struct Scheduler<'a> {
    config: &'a Config,
    lowered: &'a Lowered,
    places: &'a [usize],
    weights: &'a Weights,
    emit: Emitter,
}

/// Schedules a lowered graph.
///
/// # Errors
/// A value that does not fit its command field.
pub fn schedule(
    graph: &Graph,
    fold: Fold,
    lowered: &Lowered,
    places: &[usize],
    weights: Weights,
    config: &Config,
) -> Result<Plan, CompileError> {
    let mut setup = Emitter::new();
    setup.enter("weights");
    if let Some(load) = weights.setup {
        load_weights(&mut setup, load)?;
    }
    let mut s = Scheduler { config, lowered, places, weights: &weights, emit: Emitter::new() };
    let mut layers = Vec::with_capacity(lowered.stages.len() + 2);
    let input_offset = s.load_input(&mut layers)?;
    for stage in 0..lowered.stages.len() {
        s.stage(stage, &mut layers)?;
    }
    let output_offset = s.store_output(&mut layers)?;
    let body = s.emit.commands;
    Ok(Plan {
        model: graph.name.clone(),
        config: config.clone(),
        input: graph.inputs[0].1.clone(),
        fold,
        output: graph.outputs[0].1.clone(),
        layers,
        setup: setup.commands,
        body,
        input_offsets: vec![input_offset],
        output_offsets: vec![output_offset],
        weights: to_bus_words(&weights.image, config),
    })
}

/// On-chip words to bus words, each filled up with zeros.
fn to_bus_words(image: &[u8], config: &Config) -> Vec<u8> {
    let bus = config.bus_bytes();
    let mut bytes = vec![0; image.len() / config.n * bus];
    for (to, from) in bytes.chunks_exact_mut(bus).zip(image.chunks_exact(config.n)) {
        to[..config.n].copy_from_slice(from);
    }
    bytes
}

fn load_weights(emit: &mut Emitter, load: Load) -> Result<(), CompileError> {
    emit.set(op::L_SRC, &[load.from])?;
    emit.set(op::L_DST, &[load.to, LOAD_WEIGHTS])?;
    emit.set(op::L_LEN, &[load.words - 1, 0])?;
    emit.start(op::LOAD, 0);
    Ok(())
}

impl Scheduler<'_> {
    /// The model's input, and beside it the first weights where they do not stay on the chip.
    fn load_input(&mut self, layers: &mut Vec<LayerInfo>) -> Result<u32, CompileError> {
        let words = self.lowered.buffers[self.lowered.input].words();
        self.emit.enter("input");
        let position = self.emit.set_offset(op::L_SRC, 0)?;
        self.emit.set(op::L_DST, &[self.places[self.lowered.input], 0])?;
        self.emit.set(op::L_LEN, &[words - 1, LOAD_INPUT])?;
        self.emit.start(op::LOAD, 0);
        let mut cycles = estimate::transfer(words);
        if self.weights.ahead {
            if let Some(load) = self.weights.groups.first().and_then(|g| g.load) {
                load_weights(&mut self.emit, load)?;
                cycles += estimate::transfer(load.words);
            }
        }
        self.end_layer(layers, "input", "Load", 0, cycles);
        Ok(position)
    }

    fn store_output(&mut self, layers: &mut Vec<LayerInfo>) -> Result<u32, CompileError> {
        let words = self.lowered.buffers[self.lowered.output].words();
        self.emit.enter("output");
        self.emit.wait(op::UNIT_DRAIN | op::UNIT_LOAD);
        self.emit.set(op::S_SRC, &[self.places[self.lowered.output]])?;
        let position = self.emit.set_offset(op::S_DST, 0)?;
        self.emit.set(op::S_LEN, &[words - 1])?;
        self.emit.start(op::STORE, 0);
        self.end_layer(layers, "output", "Store", 0, estimate::transfer(words));
        Ok(position)
    }

    fn end_layer(&mut self, layers: &mut Vec<LayerInfo>, name: &str, label: &str, macs: u64, cycles: u64) {
        self.emit.mark();
        layers.push(LayerInfo {
            name: name.into(),
            op: label.into(),
            macs,
            estimated_cycles: cycles + estimate::mark(),
        });
    }

    fn stage(&mut self, index: usize, layers: &mut Vec<LayerInfo>) -> Result<(), CompileError> {
        let stage = &self.lowered.stages[index];
        self.emit.enter(&stage.name);
        let mut cycles = 0;
        for (g, group) in self.weights.groups.iter().enumerate().filter(|(_, group)| group.stage == index) {
            let (hidden, exposed) = self.bring_weights(g, group)?;
            // What the stage before wrote must be in memory, and so must what is loaded for this one. A load ahead is
            // for the next group and may run on.
            self.emit.wait(if self.weights.ahead { op::UNIT_DRAIN } else { op::UNIT_DRAIN | op::UNIT_LOAD });
            if group.load.is_some() {
                self.emit.force_tiles_from(group.tiles_at)?;
            }
            let jobs = self.group(stage, group)?;
            let alone = estimate::jobs(&jobs, self.config);
            let beside = if hidden > 0 { hidden + estimate::weight_reads(&jobs, self.config) } else { 0 };
            cycles += exposed + alone.max(beside);
        }
        self.end_layer(layers, &stage.name, &stage.label, stage.macs, cycles);
        Ok(())
    }

    /// Has the weights of group `g` on the chip and, where there is room, those of the next one on their way. Returns
    /// the cycles of loads that run beside the group and of those that it has to wait for.
    fn bring_weights(&mut self, g: usize, group: &Group) -> Result<(u64, u64), CompileError> {
        let Some(load) = group.load else { return Ok((0, 0)) };
        // Feeds and drains read the memory that a load is about to overwrite: this group's, or the half of the one before.
        self.emit.wait(op::UNIT_FEED | op::UNIT_DRAIN | op::UNIT_LOAD);
        if !self.weights.ahead {
            load_weights(&mut self.emit, load)?;
            return Ok((0, estimate::transfer(load.words)));
        }
        match self.weights.groups.get(g + 1).and_then(|next| next.load) {
            Some(next) => {
                load_weights(&mut self.emit, next)?;
                Ok((estimate::transfer(next.words), 0))
            }
            None => Ok((0, 0)),
        }
    }

    /// The jobs of a group: every tile of the output, and in each every output block, so that within a tile of the
    /// output the weight tiles follow each other in memory.
    fn group(&mut self, stage: &Stage, group: &Group) -> Result<Vec<Job>, CompileError> {
        let output = &self.lowered.buffers[stage.output];
        let blocks = group.first..output.blocks.min(group.first.saturating_add(group.count));
        let mut jobs = Vec::new();
        self.stage_registers(stage)?;
        for tile in tile::cut(output.hwc[0], output.hwc[1], self.config.acc_words()) {
            for block in blocks.clone() {
                let before = self.emit.commands.len();
                let mut job = self.feed(stage, group, tile, block)?;
                self.drain(stage, group, tile, block)?;
                job.commands = self.emit.commands.len() - before;
                jobs.push(job);
            }
        }
        Ok(jobs)
    }

    /// Feeder registers that stay for the whole stage.
    fn stage_registers(&mut self, stage: &Stage) -> Result<(), CompileError> {
        let input = &self.lowered.buffers[stage.input];
        let step = input.pixel_step();
        let [stride_y, stride_x] = stage.window.stride;
        let row = input.hwc[1] * step;
        self.emit.set(op::F_PIXEL_STEP, &[stride_x * step])?;
        self.emit.set(op::F_ROW_STEP, &[stride_y * row])?;
        self.emit.set(op::F_KERNEL_STEP, &[row])?;
        let [height, width] = stage.window.kernel;
        let (blocks, max, hold) = match stage.array {
            Array::Dense => (input.blocks, false, false),
            Array::Identity { max } => (1, max, true),
        };
        self.emit.set(op::F_KERNEL, &[width - 1, height - 1, blocks - 1])?;
        let pad = i64::from(stage.pad);
        let mode = [pad, stride_x as i64, stride_y as i64, i64::from(max), i64::from(hold)];
        self.emit.set_signed(op::F_MODE, &mode)
    }

    fn feed(&mut self, stage: &Stage, group: &Group, tile: Tile, block: usize) -> Result<Job, CompileError> {
        let n = self.config.n;
        let (input, output) = (&self.lowered.buffers[stage.input], &self.lowered.buffers[stage.output]);
        let identity = stage.array != Array::Dense;
        let [kernel_y, kernel_x] = stage.window.kernel;
        let taps = kernel_y * kernel_x * if identity { 1 } else { input.blocks };

        // Where tap (0, 0) of the tile's first pixel lies in the input; negative in the padding.
        let origin =
            |axis: usize, at: usize| (at * stage.window.stride[axis]) as i64 - stage.window.before[axis] as i64;
        let (y, x) = (origin(0, tile.y), origin(1, tile.x));
        let row = (input.hwc[1] * input.pixel_step()) as i64;
        let plane = if identity { block * input.block_step() } else { 0 };
        let first = (self.places[stage.input] + plane) as i64 + y * row + x * input.pixel_step() as i64;
        let address = first.rem_euclid(self.config.act_words() as i64);
        self.emit.set_signed(op::F_ADDR, &[address])?;
        let ((y, height), (x, width)) = (reach(y, input.hwc[0]), reach(x, input.hwc[1]));
        self.emit.set_signed(op::F_ORIGIN, &[x, y])?;
        self.emit.set(op::F_IN, &[width, height])?;
        self.emit.set(op::F_OUT, &[tile.width - 1, tile.height - 1])?;

        let columns = n.min(output.hwc[2] - block * n);
        let last_rows = input.hwc[2] - (input.blocks - 1) * n;
        let macs = if identity { [0, 0] } else { [n * columns, last_rows * columns] };
        self.emit.set(op::F_MACS, &macs)?;

        let commands = self.emit.commands.len();
        let tile_words = if identity { n } else { taps * n };
        let at = if identity { 0 } else { (block - group.first) * tile_words };
        self.emit.tiles_from(group.tiles_at + at)?;
        let fresh_tiles = self.emit.commands.len() > commands;
        self.emit.start(op::FEED, tile_words);
        let steps = stage.records_of(block).steps;
        Ok(Job { pixels: tile.height * tile.width, taps, fresh_tiles, hold: identity, steps, commands: 0 })
    }

    fn drain(&mut self, stage: &Stage, group: &Group, tile: Tile, block: usize) -> Result<(), CompileError> {
        let output = &self.lowered.buffers[stage.output];
        let pixel = tile.y * output.hwc[1] + tile.x;
        let address = self.places[stage.output] + pixel * output.pixel_step() + block * output.block_step();
        let records = stage.records_of(block);
        let record_words = records.bytes.len() / self.config.n;
        // A stage with one record block has it at the group's start, whatever the block.
        let at = if stage.records.len() == 1 { 0 } else { (block - group.first) * record_words };
        self.emit.set(op::D_ADDR, &[address])?;
        self.emit.set(op::D_STEP, &[output.pixel_step()])?;
        self.emit.set(op::D_COUNT, &[tile.height * tile.width - 1, records.steps as usize - 1])?;
        self.emit.set_signed(op::D_QUANT, &stage.quant.map(i64::from))?;
        self.emit.set(op::D_PARAM, &[group.records_at + at])?;
        self.emit.start(op::DRAIN, 0);
        Ok(())
    }
}

/// A coordinate and the extent it counts against, both shifted down where the coordinate has no room in its command:
/// only whether a tap lies inside matters, and nothing before the tile's first tap is read.
fn reach(origin: i64, extent: usize) -> (i64, usize) {
    if origin <= MAX_ORIGIN {
        (origin, extent)
    } else {
        (0, extent - origin as usize)
    }
}
