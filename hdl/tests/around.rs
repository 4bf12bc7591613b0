//! What stands around the datapath, each module alone: the same vectors through rust-hdl, the Verilog and an integer model.

#[path = "around/axi_read.rs"]
mod axi_read;
#[path = "around/control.rs"]
mod control;
#[path = "around/counters.rs"]
mod counters;
#[path = "around/fetch.rs"]
mod fetch;
#[path = "around/load.rs"]
mod load;
#[path = "around/sequencer.rs"]
mod sequencer;
#[path = "around/store.rs"]
mod store;
