"""Sets the figures of `systole bench --json` beside those that are wanted; exit status 1 if one is missed.

    python scripts/check_bench.py REPORT
"""

import json
import sys

# Cycles of one inference on mid16x16, and of one of a batch of 16. Other configurations: the same share of their ideal.
CYCLES = {"pretrainedResnet_quant": 54_000, "kws_ref_model": 16_000, "ad01_int8": 19_000}
BATCH_CYCLES = {"ad01_int8": 1_500}
REFERENCE = "mid16x16"
# Bytes of weights and records, read once an inference at one bus word a cycle, are the ideal of a network that the
# memory limits: a multiply-accumulate each.
MEMORY_BOUND = {"ad01_int8"}
CONVOLUTION = 0.92
COMPILE_S = 1.0
HOST_SHARE = 0.02


def wanted_cycles(model: dict, side: int) -> float:
    """The limit of a network's cycles on an array of side x side, from that on 16 x 16."""
    name = model["model"]
    if name in MEMORY_BOUND:
        return CYCLES[name] * 16 / side
    return CYCLES[name] * (16 * 16) / (side * side)


def rows(bench: dict):
    """Model, what, figure, limit, unit and whether it is met."""
    for model in bench["models"]:
        name, host, wide = model["model"], model["host"], model["convolutions"]
        side = round((model["macs"] / model["ideal_cycles"]) ** 0.5)

        def most(what: str, value: float, limit: float, form: str):
            return name, what, form % value, "<= " + form % limit, value <= limit

        yield most("compile s", model["compile_s"], COMPILE_S, "%.3f")
        if name in CYCLES:
            yield most("cycles", model["cycles"], wanted_cycles(model, side), "%d")
        if name in BATCH_CYCLES:
            limit = BATCH_CYCLES[name] * (16 * 16) / (side * side)
            yield most("cycles in a batch", model["batch_cycles"], limit, "%d")
        if wide:
            yield name, "least convolution", f"{wide['least']:.3f}", f">= {CONVOLUTION}", wide["least"] >= CONVOLUTION
        if host:
            yield most("host share", host["share"], HOST_SHARE, "%.4f")
            if host["peak_bytes"] is not None:
                yield most("memory MB", host["peak_bytes"] / 1e6, host["allowed_bytes"] / 1e6, "%.1f")


def main() -> int:
    with open(sys.argv[1], encoding="utf-8") as file:
        bench = json.load(file)
    missed = 0
    for name, what, value, limit, met in rows(bench):
        print(f"{bench['config']:9} {name:24} {what:18} {value:>9} {limit:>10}  {'' if met else 'MISSED'}".rstrip())
        missed += not met
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
