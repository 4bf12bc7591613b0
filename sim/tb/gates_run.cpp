// Clocks a netlist that has no inputs: gates_run NETLIST CYCLES. Prints what moved, as gates.h counts it.

#include "gates.h"

#include <cstdlib>
#include <iostream>

int main(int count, char** arguments) {
    if (count != 3) {
        std::cerr << "usage: gates_run NETLIST CYCLES\n";
        return 2;
    }
    try {
        gates::Netlist netlist(arguments[1]);
        const uint64_t cycles = std::strtoull(arguments[2], nullptr, 10);
        // What starts together moves together: the first cycles are not counted.
        for (uint64_t i = 0; i < 256; i++) netlist.clock();
        netlist.take();
        for (uint64_t i = 0; i < cycles; i++) netlist.clock();
        std::cout << netlist.json(netlist.take()) << "\n";
    } catch (const std::exception& error) {
        std::cerr << "gates_run: " << error.what() << "\n";
        return 2;
    }
}
