#!/usr/bin/env python3
"""Checks the object that `systole run --json` printed: the names that stay, and the figures the demo must reach.

    python scripts/check_run.py RUN.json [--accuracy 0.97] [--utilisation 0.60] [--estimate 0.02]

Exit status 1 if something is missing or too low, 2 on bad input.
"""

import argparse
import json
import sys

# The names that programs rely on.
TOP = ["model", "device", "config", "batch", "cycles", "macs", "utilisation", "clock_hz", "latency_s", "energy", "layers"]
ENERGY = ["joules_per_inference", "pj_per_mac", "source", "uncertainty", "parts"]
LAYER = ["name", "op", "macs", "cycles", "utilisation", "energy_uj"]


def main():
    parser = argparse.ArgumentParser(description="Check the figures of `systole run --json`.")
    parser.add_argument("run", help="file with the JSON object")
    parser.add_argument("--accuracy", type=float, help="least share of right answers")
    parser.add_argument("--utilisation", type=float, help="least utilisation over the convolutions")
    parser.add_argument("--estimate", type=float, help="most that a layer's cycles may be off the compiler's, as a share")
    options = parser.parse_args()
    try:
        with open(options.run) as file:
            run = json.load(file)
    except (OSError, ValueError) as error:
        print(f"check_run: {options.run}: {error}", file=sys.stderr)
        return 2

    faults = [f"no `{name}`" for name in TOP if name not in run]
    faults += [f"no `energy.{name}`" for name in ENERGY if name not in (run.get("energy") or {})]
    faults += [f"layer {i} has no `{name}`" for i, layer in enumerate(run.get("layers", [])) for name in LAYER if name not in layer]
    if faults:
        print(f"check_run: {options.run}: {'; '.join(faults[:5])}", file=sys.stderr)
        return 1

    # Over the convolutions together: what the array did, by what it could have done in their cycles.
    convolutions = [layer for layer in run["layers"] if "conv" in layer["op"].lower()]
    done = sum(layer["macs"] for layer in convolutions)
    could = sum(layer["macs"] / layer["utilisation"] for layer in convolutions if layer["utilisation"])
    utilisation = done / could if could else 0.0
    accuracy = (run.get("labels") or {}).get("accuracy")
    energy = run["energy"]
    print(f"{run['config']}: {run['batch']} inferences, {run['cycles']} cycles, {run['macs']} multiply-accumulates")
    print(f"utilisation {run['utilisation']:.3f}, over the convolutions {utilisation:.3f}; accuracy {accuracy}")
    print(f"{energy['joules_per_inference'] * 1e6:.3f} uJ an inference, {energy['pj_per_mac']:.1f} pJ a MAC, {energy['source']}")
    if options.utilisation is not None and utilisation < options.utilisation:
        faults.append(f"utilisation over the convolutions is {utilisation:.3f}, it must be {options.utilisation}")
    if options.accuracy is not None and (accuracy is None or accuracy < options.accuracy):
        faults.append(f"accuracy is {accuracy}, it must be {options.accuracy}")
    if options.estimate is not None:
        # What comes before the first layer is over before the counters of a run can be read.
        for layer in run["layers"]:
            cycles, estimated = layer["cycles"] / run["batch"], layer["estimated_cycles"]
            if layer["op"] != "Load" and abs(cycles - estimated) > options.estimate * estimated:
                faults.append(f"layer {layer['name']} took {cycles:.0f} cycles, {estimated} were estimated")
    for fault in faults:
        print(f"check_run: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
