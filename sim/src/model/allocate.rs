//! A functional model of `systole_allocate`: the answer to a problem in card memory, with the ties that the hardware
//! takes, and the counters that do not depend on time. It leaves no decisions in the result buffer.

use crate::memory::{BusError, CardMemory};
use isa::allocate::{self as contract, Header, Shape, MODE_AT_MOST, MODE_EQUAL, NOT_ALLOWED, WORDS};
use isa::config::Config;

/// A sum that saturates: `None` is infeasible, which is more than any sum; [`OVERFLOW`] is what does not fit.
type Cell = Option<u32>;

/// The sum that stands for all that do not fit.
const OVERFLOW: u32 = u32::MAX;

/// Runs the kernel on the problem at `problem`; the record and the levels go to `result`. Returns the record.
///
/// # Errors
/// An access that card memory refused. A header outside the limits is no error here: it is a status of the record.
pub fn run(config: &Config, memory: &mut impl CardMemory, problem: u64, result: u64) -> Result<[u32; WORDS], BusError> {
    let mut record = [0; WORDS];
    let header = words(memory, problem, contract::HEADER_WORDS)?;
    let sizes = Header {
        devices: header[contract::HEADER_DEVICES] as usize,
        levels: header[contract::HEADER_LEVELS] as usize,
        budget: header[contract::HEADER_BUDGET] as usize,
        at_most: header[contract::HEADER_MODE] == MODE_AT_MOST,
    };
    let mode = [MODE_EQUAL, MODE_AT_MOST].contains(&header[contract::HEADER_MODE]);
    let mut levels = Vec::new();
    if sizes.check(config).is_err() || !mode || sizes.words()[..] != header {
        record[contract::STATUS] = contract::BAD_PROBLEM;
    } else {
        let tables = words(memory, problem + 4 * contract::HEADER_WORDS as u64, sizes.devices * (sizes.levels + 1))?;
        let (cost, used, found) = solve(&sizes, &tables);
        (record[contract::STATUS], record[contract::COST]) = match cost {
            None => (contract::INFEASIBLE, 0),
            Some(OVERFLOW) => (contract::OVERFLOW, 0),
            Some(cost) => (contract::OPTIMAL, cost),
        };
        if record[contract::STATUS] == contract::OPTIMAL {
            record[contract::USED] = used as u32;
            levels = found;
        }
        count(&sizes, &Shape::new(config, &sizes), &mut record);
    }
    let bus = config.bus_bytes();
    for (i, word) in record.iter().enumerate() {
        memory.write(result + (i * bus) as u64, &word.to_le_bytes())?;
    }
    levels.reverse();
    memory.write(result + (WORDS * bus) as u64, &levels)?;
    Ok(record)
}

/// Counters that follow from the sizes alone.
fn count(sizes: &Header, shape: &Shape, record: &mut [u32; WORDS]) {
    for (word, value) in [
        (contract::BUSY, shape.passes * shape.cells),
        (contract::CELLS, sizes.devices * sizes.levels * shape.cells),
        (contract::PASSES, shape.passes),
        (contract::ROW_WRITES, (shape.passes - 1) * shape.cells),
        (contract::TABLE_WORDS, sizes.devices * (sizes.levels + 1)),
        (contract::DECISIONS, shape.groups * shape.cells),
    ] {
        record[word] = value as u32;
    }
}

/// Least cost, budget used and the level of each device. Of equal costs the lower level, and the lesser use, is taken.
fn solve(sizes: &Header, tables: &[u32]) -> (Cell, usize, Vec<u8>) {
    let mut row: Vec<Cell> = vec![None; sizes.budget + 1];
    row[0] = Some(0);
    let mut decisions: Vec<Vec<u8>> = Vec::new();
    for device in tables.chunks_exact(sizes.levels + 1) {
        let costs: Vec<Cell> = (0..sizes.levels).map(|k| level_cost(device, k)).collect();
        let mut next = vec![None; row.len()];
        let mut chosen = vec![0; row.len()];
        for (j, (cell, choice)) in next.iter_mut().zip(&mut chosen).enumerate() {
            for (k, cost) in costs.iter().enumerate().take(j + 1) {
                let Some(sum) = row[j - k].zip(*cost).map(|(a, b)| a.saturating_add(b)) else { continue };
                if cell.is_none_or(|least| sum < least) {
                    (*cell, *choice) = (Some(sum), k as u8);
                }
            }
        }
        row = next;
        decisions.push(chosen);
    }
    let mut used = sizes.budget;
    if sizes.at_most {
        let found = row.iter().enumerate().filter_map(|(j, cell)| cell.map(|c| (c, j))).min();
        used = found.map_or(0, |(_, j)| j);
    }
    let mut levels = vec![0; sizes.devices];
    if row[used].is_some() {
        let mut left = used;
        for (level, chosen) in levels.iter_mut().zip(&decisions).rev() {
            *level = chosen[left];
            left -= usize::from(*level);
        }
    }
    (row[used], used, levels)
}

/// Cost of a level of a device: slope, then costs.
fn level_cost(device: &[u32], level: usize) -> Cell {
    let cost = device[1 + level];
    let term = u64::from(device[0]) * level as u64;
    (cost != NOT_ALLOWED).then(|| u32::try_from(u64::from(cost) + term).unwrap_or(OVERFLOW))
}

fn words(memory: &mut impl CardMemory, at: u64, count: usize) -> Result<Vec<u32>, BusError> {
    let mut bytes = vec![0; 4 * count];
    memory.read(at, &mut bytes)?;
    Ok(bytes.chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]])).collect())
}
