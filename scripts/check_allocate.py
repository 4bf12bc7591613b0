#!/usr/bin/env python3
"""Checks what `systole allocate FILE --json` printed against the optima in FILE.

    python scripts/check_allocate.py PROBLEMS.jsonl FOUND.jsonl

Every cost must be the optimum, every assignment allowed and within its budget. Exit status 1 if not, 2 on bad input.
"""

import json
import sys


def faults(problem, found):
    """What is wrong with one object, in words."""
    if found["name"] != problem["name"]:
        return f"is called {found['name']}"
    if found["cost"] != problem["optimum"]:
        return f"has cost {found['cost']}, the optimum is {problem['optimum']}"
    if problem["optimum"] is None:
        return None if found["status"] == "infeasible" else f"is infeasible, not {found['status']}"
    costs = [table[level] for table, level in zip(problem["cost"], found["levels"], strict=True)]
    if None in costs:
        return f"device {costs.index(None)} has a level that is not allowed"
    used = sum(found["levels"])
    if found["status"] != "optimal" or sum(costs) != found["cost"] or used != found["used"]:
        return f"is {found['status']} with cost {found['cost']} and {found['used']} units; its levels say {sum(costs)} and {used}"
    kept = used == problem["budget"] if problem["mode"] == "equal" else used <= problem["budget"]
    return None if kept else f"uses {used} units, {problem['mode']} {problem['budget']}"


def main():
    if len(sys.argv) != 3:
        print(__doc__.split("\n\n")[1].strip(), file=sys.stderr)
        return 2
    try:
        problems, found = ([json.loads(line) for line in open(name)] for name in sys.argv[1:])
    except (OSError, ValueError) as error:
        print(f"check_allocate: {error}", file=sys.stderr)
        return 2
    if len(problems) != len(found):
        print(f"check_allocate: {len(problems)} problems, {len(found)} results", file=sys.stderr)
        return 1
    wrong = [(p["name"], fault) for p, f in zip(problems, found) if (fault := faults(p, f))]
    for name, fault in wrong:
        print(f"check_allocate: {name} {fault}", file=sys.stderr)
    place = found[0]["device"] or "cpu"
    seconds = sum(f["time_s"] for f in found)
    cycles = f", {sum(f['cycles'] for f in found)} cycles" if found[0]["cycles"] is not None else ""
    print(f"{place}: {len(found) - len(wrong)} of {len(found)} optimal, {seconds * 1e3:.3f} ms{cycles}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
