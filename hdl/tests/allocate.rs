//! The allocator's modules, each alone: the same vectors through rust-hdl, the Verilog and an integer model.

#[path = "allocate/chain.rs"]
mod chain;
#[path = "allocate/conduct.rs"]
mod conduct;
#[path = "allocate/header.rs"]
mod header;
#[path = "allocate/lane.rs"]
mod lane;
#[path = "allocate/pack.rs"]
mod pack;
#[path = "allocate/record.rs"]
mod record;
#[path = "allocate/rows.rs"]
mod rows;
#[path = "allocate/sink.rs"]
mod sink;
#[path = "allocate/table.rs"]
mod table;
#[path = "allocate/tail.rs"]
mod tail;
#[path = "allocate/trace.rs"]
mod trace;

/// A sum of cells as the contract has it: infeasible, overflow or the sum.
fn add(a: u128, b: u128) -> u128 {
    let infeasible = u128::from(systole_hdl::allocate::INFEASIBLE);
    if a >> 32 == 1 || b >> 32 == 1 {
        return infeasible;
    }
    (a + b).min(u128::from(systole_hdl::allocate::OVERFLOW))
}

/// A cell: often an end of the range, infeasible, or overflow.
fn cell(rng: &mut systole_hdl::cosim::Rng) -> u128 {
    if rng.chance(15) {
        return u128::from(systole_hdl::allocate::INFEASIBLE);
    }
    rng.edgy(32)
}
