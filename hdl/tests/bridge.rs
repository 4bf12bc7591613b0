//! The bridge, each module alone: the same vectors through rust-hdl, the Verilog and an integer model.

#[path = "bridge/crc.rs"]
mod crc;
#[path = "bridge/execute.rs"]
mod execute;
#[path = "bridge/frame.rs"]
mod frame;
#[path = "bridge/line.rs"]
mod line;
#[path = "bridge/memory.rs"]
mod memory;
