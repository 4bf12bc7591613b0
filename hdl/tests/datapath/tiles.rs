//! The tile reader: n words a tile, a tile every n cycles at best, under random grants; a new address drops what was read.

use rust_hdl_core::prelude::Block;
use std::cell::RefCell;
use std::collections::VecDeque;
use systole_hdl::cosim;
use systole_hdl::cosim::{Cosim, Rng};
use systole_hdl::tiles::Tiles;
use systole_isa::command;

const A: usize = 7;

/// Where the reader is: nowhere until an address is given; then so many words of the tile at `start` are read.
#[derive(Default)]
struct Model {
    start: Option<u128>,
    read: usize,
    /// The rows that memory gives in this cycle and after.
    arriving: VecDeque<Option<usize>>,
    taken: usize,
    /// Cycles since the last tile was taken; and those between two, for all.
    since: usize,
    gaps: Vec<usize>,
}

fn reads_tiles<B: Block>(bench: Cosim<B>, n: usize, late: usize) {
    let model = RefCell::new(Model { arriving: vec![None; late + 1].into(), ..Model::default() });
    let mut rng = Rng::new(n as u64);
    let mut eager = false;
    let stimulus = |cycle: usize, _: &[u128]| {
        let model = model.borrow();
        if cycle.is_multiple_of(100) {
            eager = rng.chance(50);
        }
        let ready = model.start.is_some() && model.read == n;
        let ops = [command::W_ADDR, command::W_ADDR, command::F_ADDR, command::D_PARAM];
        let (set, op) = (rng.chance(4), ops[rng.below(4) as usize]);
        let clear = cycle == 0 || rng.chance(1);
        let take = ready && (eager || rng.chance(30));
        let grant = eager || rng.chance(60);
        vec![set.into(), op.into(), rng.bits(24), clear.into(), take.into(), grant.into()]
    };
    let outputs = |i: &[u128]| {
        let [set, op, value, clear, take, grant] = *i else { unreachable!() };
        let mut model = model.borrow_mut();
        let ready = model.start.is_some() && model.read == n;
        // The first word of the next tile is asked for in the cycle in which this one is taken.
        if take == 1 {
            model.taken += 1;
            let since = std::mem::take(&mut model.since);
            model.gaps.push(since);
            model.read = 0;
            model.start = model.start.map(|at| at + n as u128);
        }
        let wants = model.start.is_some() && model.read < n;
        let address = model.start.unwrap_or(0) + model.read as u128;
        let arriving = model.arriving.pop_front().flatten();
        let mut result = vec![ready.into(), wants.into(), address % (1 << A), arriving.map_or(0, |row| 1 << row)];
        let row = (wants && grant == 1).then_some(model.read);
        model.arriving.push_back(row);
        model.read += usize::from(wants && grant == 1);
        model.since += 1;
        if set == 1 && op == u128::from(command::W_ADDR) {
            (model.start, model.read) = (Some(value), 0);
        }
        if clear == 1 {
            (model.start, model.read) = (None, 0);
        }
        if late > 0 {
            result.push((model.start.is_some() && model.read == n).into());
        }
        result
    };
    bench.gate("address", "read").check(6000, stimulus, outputs);
    let Model { taken, gaps, .. } = model.into_inner();
    assert!(taken > 100, "only {taken} tiles");
    assert_eq!(gaps.iter().min(), Some(&n), "tiles do not follow each other every {n} cycles");
}

#[test]
fn tiles_of_4_rows() {
    let bench = cosim!(Tiles::<4, A, 0>::default(),
        inputs: [set, op, value, clear, take, grant], outputs: [ready, read, address, row_write]);
    reads_tiles(bench, 4, 0);
}

#[test]
fn tiles_of_16_rows() {
    let bench = cosim!(Tiles::<16, A, 0>::default(),
        inputs: [set, op, value, clear, take, grant], outputs: [ready, read, address, row_write]);
    reads_tiles(bench, 16, 0);
}

#[test]
fn tiles_of_12_rows_from_a_pipelined_memory() {
    let bench = cosim!(Tiles::<12, A, 1>::default(),
        inputs: [set, op, value, clear, take, grant], outputs: [ready, read, address, row_write, ready_next[0]]);
    reads_tiles(bench, 12, 2);
}
