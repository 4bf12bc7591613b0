//! The kernels `systole_infer` and `systole_allocate` in rust-hdl, one module a file, and the path from there to Verilog.
//!
//! Datapath: [`mod@array`] of [`pe`] (multipliers: [`mul_pair`]), fed by [`feeder`] and [`tiles`], summed in
//! [`accumulator`], requantised by [`fitted`] or [`scale`] lanes in [`drain`]. Around it: [`control`] (AXI4-Lite), [`fetch`],
//! [`sequencer`], [`load`], [`store`], [`axi_read`], [`counters`]. [`infer`] joins them. The other
//! kernel is in [`mod@allocate`]. [`mod@bridge`] joins the first to a serial line, in the [`shell`] of a [`board`], with
//! a [`crossing`] between their clocks where the kernel is pipelined.
//! [`configs`], [`emit`] and [`merge`] turn a named configuration into Verilog a person can read;
//! [`mod@cosim`] is the gate: one set of vectors through the rust-hdl simulation, the Verilog and an integer model.

pub mod accumulator;
pub mod allocate;
pub mod array;
pub mod axi_read;
pub mod beside;
pub mod board;
pub mod bridge;
pub mod configs;
pub mod control;
pub mod copies;
pub mod cosim;
pub mod counters;
pub mod crossing;
pub mod datapath;
pub mod drain;
pub mod emit;
pub mod feeder;
pub mod fetch;
pub mod finish;
pub mod fitted;
pub mod infer;
pub mod lines;
pub mod literal;
pub mod load;
pub mod merge;
pub mod mouth;
pub mod mul_pair;
pub mod pe;
pub mod pll;
pub mod ram;
pub mod residual;
pub mod scale;
pub mod sequencer;
pub mod shell;
pub mod store;
pub mod tiles;
pub mod wave;
