//! Finds what a command stream forgot to wait for.
//!
//! The functional model does everything in order, so it cannot see that a feed reads what a drain has not written yet.
//! This looks at the stream as the hardware may run it: a unit that was started may still run until something has
//! waited for it, and what it reads and writes must not meet what another unit that may run does. The feeder reads its
//! next tile ahead: what a load overwrites after that, the feeder does not see until the tile address is written again.

use isa::command as op;
use isa::{config::Config, layout};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// Two accesses that may happen in either order.
#[derive(Clone, Debug)]
pub struct Hazard {
    /// Index of the command that starts the later one.
    pub index: usize,
    /// What meets what.
    pub what: String,
}

impl fmt::Display for Hazard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "command {}: {}", self.index, self.what)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Memory {
    Activations,
    Weights,
    /// The output argument in card memory.
    Card,
}

#[derive(Clone, Debug)]
struct Access {
    unit: u32,
    /// Number of the action that it belongs to.
    action: usize,
    write: bool,
    memory: Memory,
    words: Range<usize>,
}

/// All hazards of a stream of one configuration.
pub fn find(commands: &[u32], config: &Config) -> Vec<Hazard> {
    let mut registers = [0u32; op::FEED as usize];
    let mut running: Vec<Access> = Vec::new();
    let mut hazards = Vec::new();
    let mut tile_at = 0;
    let mut stale = false;
    let mut action = 0;
    for (index, &word) in commands.iter().enumerate() {
        let (operation, value) = op::unpack(word);
        let unit = match operation {
            op::FEED => op::UNIT_FEED,
            op::DRAIN => op::UNIT_DRAIN,
            op::LOAD => op::UNIT_LOAD,
            op::STORE => op::UNIT_STORE,
            op::WAIT => {
                running.retain(|a| a.unit & value == 0);
                if value & op::UNIT_OLDER_LOADS != 0 {
                    keep_newest_loads(&mut running, 1);
                }
                continue;
            }
            op::MARK if value & 1 == 1 => {
                running.retain(|a| a.unit & (op::UNIT_FEED | op::UNIT_STORE) == 0);
                continue;
            }
            op::MARK | op::END => {
                running.clear();
                continue;
            }
            register => {
                registers[register as usize] = value;
                if register == op::W_ADDR {
                    tile_at = value as usize;
                    // The tile is read at once, so a load that still runs may come too late for it.
                    stale = running.iter().any(|a| a.unit == op::UNIT_LOAD && overlaps_tile(a, tile_at, config));
                }
                // Writing a register waits until its unit is idle, which is known no later than when the unit starts.
                continue;
            }
        };
        match unit {
            // The load unit takes one behind the one that runs.
            op::UNIT_LOAD => keep_newest_loads(&mut running, 1),
            _ => running.retain(|a| a.unit != unit),
        }
        action += 1;
        // A drain follows its own feed and all drains before it by itself. Everything else that it may meet is checked.
        let mut accesses = accesses(operation, &registers, &mut tile_at, config);
        accesses.iter_mut().for_each(|a| a.action = action);
        for access in &accesses {
            for other in &running {
                let clash = other.memory == access.memory
                    && (other.write || access.write)
                    && other.words.start < access.words.end
                    && access.words.start < other.words.end;
                if clash && other.unit != unit && !ordered(other, access) {
                    hazards.push(Hazard { index, what: format!("{access:?} may meet {other:?}") });
                }
            }
        }
        stale |= accesses.iter().any(|a| a.write && overlaps_tile(a, tile_at, config));
        if unit == op::UNIT_FEED {
            if stale {
                hazards.push(Hazard { index, what: "its first tile was read before it was loaded".into() });
            }
            // Now it reads ahead again.
            stale = running.iter().any(|a| a.unit == op::UNIT_LOAD && overlaps_tile(a, tile_at, config));
        }
        running.extend(accesses);
    }
    hazards
}

/// Forgets all loads but the newest.
fn keep_newest_loads(running: &mut Vec<Access>, count: usize) {
    let mut loads: Vec<usize> = running.iter().filter(|a| a.unit == op::UNIT_LOAD).map(|a| a.action).collect();
    loads.sort_unstable();
    loads.dedup();
    let oldest = loads[loads.len().saturating_sub(count)..].first().copied().unwrap_or(0);
    running.retain(|a| a.unit != op::UNIT_LOAD || a.action >= oldest);
}

/// Whether an access meets the tile that the feeder takes next.
fn overlaps_tile(access: &Access, tile_at: usize, config: &Config) -> bool {
    access.memory == Memory::Weights && access.words.start < tile_at + config.n && tile_at < access.words.end
}

/// A drain writes after all feeds before it have ended: it waits for its own feed, and feeds keep their order.
fn ordered(earlier: &Access, later: &Access) -> bool {
    earlier.unit == op::UNIT_FEED && later.unit == op::UNIT_DRAIN
}

fn accesses(operation: u8, registers: &[u32], tile_at: &mut usize, config: &Config) -> Vec<Access> {
    let get = |register: u8, name: &str| field(registers, register, name);
    match operation {
        op::FEED => {
            let mut accesses: Vec<Access> =
                fed_words(registers, config).into_iter().map(|w| act(op::UNIT_FEED, false, w)).collect();
            let hold = get(op::F_MODE, "hold") == 1;
            let taps = (get(op::F_KERNEL, "width") + 1) * (get(op::F_KERNEL, "height") + 1);
            let tiles = if hold { 1 } else { taps * (get(op::F_KERNEL, "blocks") + 1) };
            accesses.push(weights(op::UNIT_FEED, false, *tile_at..*tile_at + tiles * config.n));
            *tile_at += tiles * config.n;
            accesses
        }
        op::DRAIN => {
            let (at, step) = (get(op::D_ADDR, "address"), get(op::D_STEP, "step"));
            let mut accesses: Vec<Access> = (0..=get(op::D_COUNT, "pixels"))
                .map(|p| (at + p * step) & (config.act_words() - 1))
                .map(|at| act(op::UNIT_DRAIN, true, at..at + 1))
                .collect();
            let at = get(op::D_PARAM, "address");
            let mut records = config.record_words(get(op::D_COUNT, "steps") + 1, get(op::D_COUNT, "uniform") == 1);
            if get(op::D_COUNT, "add") == 1 {
                records += layout::add_words(config.n);
                let (at, step) = (get(op::D_ADD, "address"), get(op::D_ADD_STEP, "step"));
                accesses.extend((0..=get(op::D_COUNT, "pixels")).map(|p| {
                    let at = (at + p * step) & (config.act_words() - 1);
                    act(op::UNIT_DRAIN, false, at..at + 1)
                }));
            }
            accesses.push(weights(op::UNIT_DRAIN, false, at..at + records));
            accesses
        }
        op::LOAD => {
            let at = get(op::L_DST, "address");
            let words = at..at + get(op::L_LEN, "words") + 1;
            let to_weights = get(op::L_DST, "memory") == 1;
            let mut accesses =
                vec![if to_weights { weights(op::UNIT_LOAD, true, words) } else { act(op::UNIT_LOAD, true, words) }];
            if get(op::L_LEN, "source") == 2 {
                let from = get(op::L_SRC, "offset");
                accesses.push(card(op::UNIT_LOAD, false, from..from + get(op::L_LEN, "words") + 1));
            }
            accesses
        }
        _ => {
            let at = get(op::S_SRC, "address");
            let (to, words) = (get(op::S_DST, "offset"), get(op::S_LEN, "words") + 1);
            vec![act(op::UNIT_STORE, false, at..at + words), card(op::UNIT_STORE, true, to..to + words)]
        }
    }
}

/// Activation words that a feed reads, joined to ranges.
fn fed_words(registers: &[u32], config: &Config) -> Vec<Range<usize>> {
    let get = |register: u8, name: &str| field(registers, register, name);
    let signed = |name: &str| (get(op::F_ORIGIN, name) as i64) << 52 >> 52;
    let blocks = get(op::F_KERNEL, "blocks") + 1;
    let line = get(op::F_MODE, "line") == 1;
    let (apart_x, apart_y) = if line { (config.line_taps(), config.line_groups) } else { (1, 1) };
    let mut ranges: BTreeMap<usize, usize> = BTreeMap::new();
    for (oy, ox) in (0..=get(op::F_OUT, "height")).flat_map(|y| (0..=get(op::F_OUT, "width")).map(move |x| (y, x))) {
        for ky in 0..=get(op::F_KERNEL, "height") {
            for kx in 0..=get(op::F_KERNEL, "width") {
                let iy = (oy * get(op::F_MODE, "stride_y") + ky * apart_y) as i64 + signed("y");
                let ix = (ox * get(op::F_MODE, "stride_x") + kx * apart_x) as i64 + signed("x");
                let inside = |i: i64, extent: usize| (0..extent as i64).contains(&i);
                if inside(iy, get(op::F_IN, "height")) && inside(ix, get(op::F_IN, "width")) {
                    let at = get(op::F_ADDR, "address")
                        + ky * get(op::F_KERNEL_STEP, "step")
                        + kx * (get(op::F_TAP_STEP, "step") + blocks - 1)
                        + oy * get(op::F_ROW_STEP, "step")
                        + ox * get(op::F_PIXEL_STEP, "step");
                    ranges.insert(at & (config.act_words() - 1), blocks);
                }
            }
        }
    }
    ranges.into_iter().map(|(at, words)| at..at + words).collect()
}

fn act(unit: u32, write: bool, words: Range<usize>) -> Access {
    Access { unit, action: 0, write, memory: Memory::Activations, words }
}

fn card(unit: u32, write: bool, words: Range<usize>) -> Access {
    Access { unit, action: 0, write, memory: Memory::Card, words }
}

fn weights(unit: u32, write: bool, words: Range<usize>) -> Access {
    Access { unit, action: 0, write, memory: Memory::Weights, words }
}

fn field(registers: &[u32], register: u8, name: &str) -> usize {
    let fields = op::operation(register).map_or(&[][..], |o| o.fields);
    let found = fields.iter().find(|f| f.0 == name);
    let (_, lsb, bits, _) = found.unwrap_or_else(|| panic!("no field {name} in register {register:#x}"));
    (registers[register as usize] >> lsb & ((1 << bits) - 1)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Config {
        crate::card::config("small4x4")
    }

    fn load_then_store(between: &[u32]) -> Vec<u32> {
        let mut words =
            vec![op::pack(op::L_DST, &[10, 0]).unwrap(), op::pack(op::L_LEN, &[4, 1]).unwrap(), op::word(op::LOAD, 0)];
        words.extend(between);
        words.extend([op::word(op::S_SRC, 14), op::word(op::S_LEN, 0), op::word(op::STORE, 0)]);
        words
    }

    #[test]
    fn a_missing_wait_is_found_and_a_wait_for_another_unit_does_not_help() {
        assert_eq!(find(&load_then_store(&[]), &small()).len(), 1);
        assert_eq!(find(&load_then_store(&[op::word(op::WAIT, op::UNIT_DRAIN)]), &small()).len(), 1);
        assert_eq!(find(&load_then_store(&[op::word(op::WAIT, op::UNIT_LOAD)]), &small()).len(), 0);
        assert_eq!(find(&load_then_store(&[op::word(op::MARK, 0)]), &small()).len(), 0);
    }

    #[test]
    fn a_tile_read_ahead_of_its_load_is_found() {
        let load =
            [op::pack(op::L_DST, &[0, 1]).unwrap(), op::pack(op::L_LEN, &[63, 0]).unwrap(), op::word(op::LOAD, 0)];
        let wait = op::word(op::WAIT, op::UNIT_LOAD);
        let (tiles, feed) = (op::word(op::W_ADDR, 8), op::word(op::FEED, 0));
        let count = |after: &[u32]| find(&[&load[..], after].concat(), &small()).len();
        assert_eq!(count(&[wait, tiles, feed]), 0);
        // Before the wait, or not at all: what was read is from before the load.
        assert_eq!(count(&[tiles, wait, feed]), 1);
        let before = [&[tiles][..], &load, &[wait, feed]].concat();
        assert_eq!(find(&before, &small()).len(), 1);
    }
}
