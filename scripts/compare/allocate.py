"""Times exact solvers on random allocation problems; called by scripts/compare/allocate.

As `allocate.py highs|cpsat FILE REPEATS` it is one of them. What is timed: for the Rust programs from the problem in memory
to the levels, for HiGHS and CP-SAT the solve call alone, on a model that has been built before. All of that favours the latter.
"""

import argparse
import datetime
import json
import math
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version


# MIP solvers are quick on some instances and slow on others, so there are several.
SEEDS = range(1, 6)


def highs(problem):
    """A binary variable for each level; one level a device, the whole budget used."""
    import highspy

    def solve():
        model = highspy.Highs()
        model.silent()
        model.setOptionValue("threads", 1)
        model.setOptionValue("mip_rel_gap", 0.0)
        taken = [[model.addBinary(obj=cost) for cost in row] for row in problem["cost"]]
        for row in taken:
            model.addConstr(sum(row) == 1)
        units = sum(k * x for row in taken for k, x in enumerate(row) if k)
        model.addConstr(units == problem["budget"])
        start = time.perf_counter()
        model.run()
        seconds = time.perf_counter() - start
        assert model.getModelStatus() == highspy.HighsModelStatus.kOptimal
        return round(model.getInfo().objective_function_value), seconds

    return solve


def cpsat(problem):
    """A Boolean for each level, exactly one a device; one worker."""
    from ortools.sat.python import cp_model

    def solve():
        model = cp_model.CpModel()
        taken = [[model.new_bool_var("") for _ in row] for row in problem["cost"]]
        for row in taken:
            model.add_exactly_one(row)
        model.add(sum(k * x for row in taken for k, x in enumerate(row) if k) == problem["budget"])
        model.minimize(sum(c * x for row, costs in zip(taken, problem["cost"]) for c, x in zip(costs, row)))
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        start = time.perf_counter()
        status = solver.solve(model)
        seconds = time.perf_counter() - start
        assert status == cp_model.OPTIMAL
        return round(solver.objective_value), seconds

    return solve


def solver_process(kind, file, repeats):
    with open(file) as opened:
        problems = [json.loads(line) for line in opened]
    for problem in problems:
        solve = {"highs": highs, "cpsat": cpsat}[kind](problem)
        runs = [solve() for _ in range(repeats)]
        print(json.dumps({"cost": runs[0][0], "seconds": [seconds for _, seconds in runs]}))


def random_problem(options, seed):
    random.seed(seed)
    costs = [[random.randrange(100_000) for _ in range(options.levels)] for _ in range(options.devices)]
    return {"name": f"random {seed}", "mode": "equal", "budget": options.budget, "cost": costs}


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def processor():
    with open("/proc/cpuinfo") as info:
        fields = dict(line.split(":", 1) for line in info.read().split("\n\n")[0].splitlines() if ":" in line)
    names = {key.strip(): value.strip() for key, value in fields.items()}
    return f"{names.get('model name', platform.machine())}, family {names.get('cpu family')} model {names.get('model')}"


def milliseconds(seconds):
    decimals = max(0, 2 - math.floor(math.log10(seconds * 1e3)))
    return f"{seconds * 1e3:,.{decimals}f} ms"


def compare(options):
    core = max(os.sched_getaffinity(0))
    rust = output("rustc", "--version").split(" (")[0]
    solvers = [
        ("plain triple loop, 64-bit integers", rust, [options.program, "plain"], 25),
        ("`host::allocate`", rust, [options.program, "systole"], 101),
        ("HiGHS, one thread", f"highspy {version('highspy')}", [sys.executable, __file__, "highs"], 3),
        ("OR-tools CP-SAT, one worker", f"ortools {version('ortools')}", [sys.executable, __file__, "cpsat"], 3),
    ]
    results = []
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "problems.jsonl")
        with open(file, "w") as opened:
            opened.writelines(json.dumps(random_problem(options, seed)) + "\n" for seed in SEEDS)
        os.sched_setaffinity(0, {core})  # children inherit it
        for name, which, command, repeats in solvers:
            print(f"{name}, {repeats} times each problem ...", file=sys.stderr)
            # HiGHS says who it is before the objects.
            said = [line for line in output(*command, file, str(repeats)).splitlines() if line.startswith("{")]
            results.append((name, which, repeats, [json.loads(line) for line in said]))
    least = [[min(run["seconds"]) for run in runs] for _, _, _, runs in results]
    ours = statistics.median(least[1])
    found = ", ".join(f"{run['cost']:,}" for run in results[0][3])
    lines = [
        "# The software allocator beside other exact solvers",
        "",
        f"Written by `scripts/compare/allocate` on {datetime.date.today()}: {options.devices} devices, {options.budget} budget units, "
        f"{options.levels} levels, random costs",
        f"below 100,000, `equal`; {len(SEEDS)} such problems, seeds {SEEDS[0]} to {SEEDS[-1]}. Every solver finds the same costs:",
        f"{found}.",
        "",
        f"Processor: {processor()}; one core, every solver pinned to it in a process of its own.",
        f"{rust}, release profile, no target flags; Python {platform.python_version()}. The Rust times are from the problem in memory to the",
        "levels, the others' are the solve call alone, without the building of the model. A problem's time is the least of its",
        "runs, which other work on the machine disturbs least; the table has the median, the least and the greatest of the problems.",
        "",
        "| solver | version | median | least to greatest | runs a problem | × `host::allocate` |",
        "|---|---|---|---|---|---|",
    ]
    for (name, which, repeats, _), seconds in zip(results, least):
        middle = statistics.median(seconds)
        spread = f"{milliseconds(min(seconds))} to {milliseconds(max(seconds))}"
        lines.append(f"| {name} | {which} | {milliseconds(middle)} | {spread} | {repeats} | {middle / ours:,.{0 if middle > 99 * ours else 1}f} |")
    text = "\n".join(lines) + "\n"
    print(text, end="")
    if any([run["cost"] for run in runs] != [run["cost"] for run in results[0][3]] for _, _, _, runs in results):
        print("allocate: the solvers disagree on the cost", file=sys.stderr)
        return 1
    if options.out:
        with open(options.out, "w") as opened:
            opened.write(text)
    return 0


def main():
    if len(sys.argv) == 4 and sys.argv[1] in ("highs", "cpsat"):
        return solver_process(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    parser = argparse.ArgumentParser(prog="scripts/compare/allocate", description="Times exact solvers on one problem.")
    parser.add_argument("--program", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--budget", type=int, default=1024)
    parser.add_argument("--levels", type=int, default=16)
    parser.add_argument("--out", help="write the table to this file, too")
    options = parser.parse_args()
    for name in ("devices", "budget", "levels"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} is {getattr(options, name)}; it must be at least 1")
    if options.budget > options.devices * (options.levels - 1):
        parser.error(f"--budget {options.budget}: the devices can use {options.devices * (options.levels - 1)} units at most")
    return compare(options)


if __name__ == "__main__":
    sys.exit(main())
