//! Every datapath module through the gate: rust-hdl simulation, Verilated Verilog and an integer model written from
//! the contract in `systole_isa`, cycle by cycle. The models compute from the formulas, never the hardware's way.

mod datapath {
    mod accumulator;
    mod array;
    mod copies;
    mod drain;
    mod feeder;
    mod finish;
    mod fitted;
    mod lines;
    mod mouth;
    mod mul_pair;
    mod pe;
    mod ram;
    mod residual;
    mod scale;
    mod script;
    mod tiles;
    mod wave;
}
