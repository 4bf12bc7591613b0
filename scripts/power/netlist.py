#!/usr/bin/env python3
"""Turns the JSON of a flat iCE40 netlist from yosys into the text that sim/tb/gates.h reads.

    netlist.py NETLIST.json --top NAME -o gates.net [--header Vsystole_infer.h]

Each net gets the kind of its driver, the module it stands in (from yosys' names, which keep the path) and the number of
sinks that take a route of their own. The header makes the netlist look like a Verilated model to sim/tb/card.cpp.
"""

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

KINDS = ["input", "ff", "lut", "carry", "dsp", "ram"]
# Flip-flops with a rising clock: enable, and a synchronous reset that the enable gates, as the iCE40 has them.
REGISTERS = re.compile(r"^SB_DFF(E?)(SR|SS|)$")
# Pins of a DSP block that the simulation does not look at; they must be constant.
DSP_CONSTANT = {"IRSTTOP": 0, "IRSTBOT": 0, "ORSTTOP": 0, "ORSTBOT": 0, "OLOADTOP": 0, "OLOADBOT": 0, "CI": 0}


class Unknown(Exception):
    """A cell, or a use of one, that the simulation has no model of."""


def module_of(name):
    """The module of a name such as `data.drain.x_SB_LUT4_O`: one of the kernel's, or of its datapath's."""
    path = name.split(".")[:-1]
    return ".".join(path[: 2 if path[0] == "data" else 1]) if path else "top"


class Netlist:
    def __init__(self, module):
        self.module = module
        self.ids = {"0": 0, "1": 1, "x": 0, "z": 0}
        self.lines = []
        self.driver = {}
        self.name = {}
        self.routes = Counter()
        self.enables = defaultdict(int)
        self.registers = 0
        names = sorted(module["netnames"].items(), key=lambda item: (item[1].get("hide_name", 0), len(item[0])))
        for name, net in names:
            for bit in net["bits"]:
                self.name.setdefault(bit, name)

    def fresh(self, bit):
        if bit in self.ids:
            return self.ids[bit]
        self.ids[bit] = len(self.ids) - 2
        return self.ids[bit]

    def bits(self, bits):
        return f"{len(bits)} " + " ".join(str(self.fresh(b)) for b in bits)

    def drive(self, bits, kind):
        for bit in bits:
            self.driver[bit] = kind

    def convert(self):
        cells = [c for c in self.module["cells"].values() if c["type"] != "$scopeinfo"]
        names = {id(c): n for n, c in self.module["cells"].items()}
        memories = sorted({module_of(names[id(c)]) for c in cells if c["type"] in ("SB_RAM40_4K", "SB_SPRAM256KA")})
        self.lines += [f"memory {m}" for m in memories]
        lut_sinks = Counter()
        for c in cells:
            for pin, bits in c["connections"].items():
                if c["port_directions"][pin] == "input":
                    for bit in bits:
                        lut_sinks[bit] += 1
        self.sinks = lut_sinks
        # Drivers first: what a LUT's input costs depends on them.
        for c in cells:
            kind = self.kind(c["type"])
            for pin, bits in c["connections"].items():
                if c["port_directions"][pin] == "output":
                    self.drive(bits, kind)
        for c in cells:
            self.cell(c, memories, names[id(c)])
        for name, port in self.module["ports"].items():
            self.lines.append(f"port {name} {self.bits(port['bits'])}")
        for bit, count in self.enables.items():
            self.routes[bit] += (count + 7) // 8

    @staticmethod
    def kind(cell):
        if REGISTERS.match(cell):
            return "ff"
        kinds = {"SB_LUT4": "lut", "SB_CARRY": "carry", "SB_MAC16": "dsp", "SB_RAM40_4K": "ram", "SB_SPRAM256KA": "ram"}
        if cell not in kinds:
            raise Unknown(f"cell {cell}: add it to sim/tb/gates.h and scripts/power/netlist.py")
        return kinds[cell]

    def routed(self, bits):
        for bit in bits:
            if self.driver.get(bit) != "carry":
                self.routes[bit] += 1

    def cell(self, c, memories, name):
        kind, pins = c["type"], c["connections"]
        one = lambda pin, default: str(self.fresh(pins[pin][0])) if pins.get(pin) else default
        if kind == "SB_LUT4":
            inputs = [pins[p][0] for p in ("I0", "I1", "I2", "I3")]
            self.routed(b for b in inputs if isinstance(b, int))
            self.lines.append(f"lut {int(c['parameters']['LUT_INIT'], 2)} {one('O', '')} " + " ".join(str(self.fresh(b)) for b in inputs))
        elif kind == "SB_CARRY":
            # Its operands are those of the LUT in the same cell, its carry in is a wire of its own: no route.
            self.lines.append(f"carry 0 {one('CO', '')} {one('I0', '0')} {one('I1', '0')} {one('CI', '0')} 0")
        elif match := REGISTERS.match(kind):
            self.registers += 1
            d = pins["D"][0]
            # A LUT that drives this register alone is in the same cell.
            if not (self.driver.get(d) == "lut" and self.sinks[d] == 1):
                self.routed([d])
            # Eight cells of a tile share one enable and one reset.
            for pin in ("E", "R", "S"):
                if pin in pins and isinstance(pins[pin][0], int):
                    self.enables[pins[pin][0]] += 1
            reset = {"SR": one("R", "0"), "SS": one("S", "0"), "": "0"}[match.group(2)]
            self.lines.append(f"ff {one('Q', '')} {one('D', '')} {one('E', '1')} {reset} {int(match.group(2) == 'SS')}")
        elif kind == "SB_SPRAM256KA":
            buses = [pins[p] for p in ("ADDRESS", "DATAIN", "DATAOUT", "MASKWREN")]
            self.routed([*pins["ADDRESS"], *pins["DATAIN"], *pins["MASKWREN"], *pins["WREN"], *pins["CHIPSELECT"]])
            self.expect(c, {"STANDBY": 0, "SLEEP": 0, "POWEROFF": 1})
            self.lines.append(f"spram {memories.index(module_of(name))} {one('WREN', '0')} {one('CHIPSELECT', '0')} " + " ".join(map(self.bits, buses)))
        elif kind == "SB_RAM40_4K":
            parameters = c["parameters"]
            init = 0
            for i in range(16):
                words = re.sub("[xz]", "0", parameters.get(f"INIT_{i:X}", "0"))
                init |= int(words, 2) << 256 * i
            content = [init >> 16 * i & 0xFFFF for i in range(256)]
            buses = [pins[p] for p in ("RADDR", "RDATA", "WADDR", "WDATA", "MASK")]
            self.routed([*pins["RADDR"], *pins["WADDR"], *pins["WDATA"], *set(pins["MASK"])])
            self.routed(b for p in ("RE", "RCLKE", "WE", "WCLKE") for b in pins[p])
            self.lines.append(
                f"ebr {memories.index(module_of(name))} {int(parameters['READ_MODE'], 2)} {int(parameters['WRITE_MODE'], 2)} "
                f"{one('RE', '0')} {one('RCLKE', '1')} {one('WE', '0')} {one('WCLKE', '1')} "
                + " ".join(map(self.bits, buses)) + " 256 " + " ".join(map(str, content))
            )
        elif kind == "SB_MAC16":
            self.dsp(c, one)

    def expect(self, c, values):
        for pin, value in values.items():
            bits = c["connections"].get(pin, [])
            if any(b not in (str(value), "x") for b in bits):
                raise Unknown(f"cell {c['type']}: pin {pin} is not {value}: add it to sim/tb/gates.h")

    def dsp(self, c, one):
        p = {k: int(v, 2) for k, v in c["parameters"].items() if re.fullmatch("[01]+", v)}
        flag = lambda name: p.get(name, 0)
        self.expect(c, DSP_CONSTANT)
        narrow, selects = flag("MODE_8x8"), (flag("TOPOUTPUT_SELECT"), flag("BOTOUTPUT_SELECT"))
        deep = ["PIPELINE_16x16_MULT_REG1", "PIPELINE_16x16_MULT_REG2", "NEG_TRIGGER"]
        registered = flag("TOP_8x8_MULT_REG") or flag("BOT_8x8_MULT_REG")
        # Late: through the adder, whose other operand is C or D, to the output register.
        adder = ["TOPADDSUB_LOWERINPUT", "TOPADDSUB_UPPERINPUT", "BOTADDSUB_LOWERINPUT", "BOTADDSUB_UPPERINPUT"]
        late = narrow and selects == (1, 1) and all(flag(name) == 1 for name in adder)
        if late:
            self.expect(c, {"C": 0, "D": 0, "ADDSUBTOP": 0, "ADDSUBBOT": 0, "OHOLDTOP": 0, "OHOLDBOT": 0})
        elif selects != ((2, 2) if narrow else (3, 3)):
            raise Unknown(f"cell SB_MAC16 with {p}: this use of it is not in sim/tb/gates.h")
        if any(map(flag, deep)) or (registered and not narrow):
            raise Unknown(f"cell SB_MAC16 with {p}: this use of it is not in sim/tb/gates.h")
        self.routed([*c["connections"]["A"], *c["connections"]["B"], *set(c["connections"].get("AHOLD", []))])
        numbers = [flag("A_REG"), flag("B_REG"), flag("TOP_8x8_MULT_REG"), flag("BOT_8x8_MULT_REG"), *selects, narrow]
        numbers += [flag("A_SIGNED"), flag("B_SIGNED")]
        self.lines.append(
            "dsp " + " ".join(map(str, numbers)) + f" {one('CE', '1')} {one('AHOLD', '0')} {one('BHOLD', '0')} "
            + " ".join(self.bits(c["connections"][pin]) for pin in ("A", "B", "O"))
        )

    def write(self, path):
        modules = {}
        nets = []
        for bit, number in self.ids.items():
            if not isinstance(bit, int):
                continue
            module = modules.setdefault(module_of(self.name.get(bit, "top")), len(modules))
            kind = KINDS.index(self.driver.get(bit, "input"))
            nets.append(f"net {number} {kind} {module} {self.routes[bit]}")
        lines = [f"systole-gates {max(self.ids.values()) + 1}", *(f"module {m}" for m in modules), *nets, *self.lines]
        path.write_text("\n".join(lines) + "\n")


def header(ports, netlist):
    """A class with the ports as members, as Verilator would make it of the kernel."""
    keep = {name: p for name, p in ports.items() if name != "ap_clk"}
    member = lambda name: "__SYM__" + name if name == "interrupt" else name
    size = lambda p: next(s for s in (8, 16, 32, 64) if len(p["bits"]) <= s)
    fields = "\n".join(f"    uint{size(p)}_t {member(n)} = 0;" for n, p in keep.items())
    ins = "\n".join(f'        netlist.set("{n}", {member(n)});' for n, p in keep.items() if p["direction"] == "input")
    outs = "\n".join(
        f"        {member(n)} = uint{size(p)}_t(netlist.get(bits_{n}));" for n, p in keep.items() if p["direction"] == "output"
    )
    bits = "\n".join(
        f'    const std::vector<unsigned>& bits_{n} = netlist.port("{n}");' for n, p in keep.items() if p["direction"] == "output"
    )
    return f"""// Written by scripts/power/netlist.py: the netlist with the ports of the kernel.
#pragma once
#include "gates_top.h"

class Vsystole_infer : public gates::Top {{
public:
    explicit Vsystole_infer(VerilatedContext*) : Top("{netlist}") {{}}
    uint8_t ap_clk = 0;
{fields}
    void eval() {{
{ins}
        edge(*this);
{outs}
    }}

private:
{bits}
}};
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("json", type=Path)
    parser.add_argument("--top", required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--header", type=Path)
    options = parser.parse_args()
    module = json.loads(options.json.read_text())["modules"][options.top]
    netlist = Netlist(module)
    try:
        netlist.convert()
    except Unknown as error:
        print(f"netlist: {options.json}: {error}", file=sys.stderr)
        return 2
    netlist.write(options.output)
    if options.header:
        options.header.write_text(header(module["ports"], options.output.resolve()))
    counts = Counter(c["type"] for c in module["cells"].values() if c["type"] != "$scopeinfo")
    print(json.dumps({"registers": netlist.registers, "cells": dict(sorted(counts.items()))}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
