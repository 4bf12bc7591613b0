"""The gate-level energy model of the iCE40 UP5K: published currents, what is fitted to them, and joules of activity.

A transition of a net costs the same for each of its ends: the driver and every sink with a route of its own. A carry is a
wire inside a tile and is left out. docs/energy.md says why, and what other choices would give.
"""

import numpy
from scipy.optimize import nnls

VOLT = 1.219
# Core current in µA as published by tinyvision-ai-inc/ice40_power; the design of ours that has the same description; clock
# in MHz; whether the chip's own oscillator makes it.
PUBLISHED = [
    ("blank design", None, 0, False, 85.6),
    ("28 bit counter, clock from a pin", "counter28", 12, False, 613.5),
    ("56 bit counter, clock from a pin", "counter56", 12, False, 616.65),
    ("112 bit counter, clock from a pin", "counter112", 12, False, 624.2),
    ("224 bit counter, clock from a pin", "counter224", 12, False, 641.3),
    ("24 bit counter, own oscillator", "counter24", 6, True, 388.4),
    ("24 bit counter, own oscillator", "counter24", 12, True, 645.0),
    ("24 bit counter, own oscillator", "counter24", 24, True, 1162.0),
    ("24 bit counter, own oscillator", "counter24", 48, True, 2184.0),
    ("8x8 multiply without DSP, 24 bit counter", "multiplier", 12, True, 996.0),
    ("8x8 multiply with one DSP, 24 bit counter", "multiplier_dsp", 12, True, 882.0),
]
# Differences that are figures of their own, fitted as such: an added multiply, a logic cell that hardly moves (196 of them).
DIFFERENCES = [
    ("8x8 multiply without DSP, added, 12 MHz", 9, 6, 1),
    ("8x8 multiply with one DSP, added, 12 MHz", 10, 6, 1),
    ("a logic cell more, hardly moving, 12 MHz", 4, 1, 196),
]
# Logic cells that the same table prints for them.
PUBLISHED_CELLS = {
    "counter28": 32, "counter56": 60, "counter112": 116, "counter224": 228, "counter24": 28, "multiplier": 208, "multiplier_dsp": 72,
}
# SymbioticEDA/MARLANN, an int8 engine of 4,093 logic cells at 12 MHz: W. Its source reads all four SPRAMs, 16 EBR of
# coefficients and 4 EBR of code in every cycle, work or not, chip selects and read enables being constant.
MARLANN = {"idle_w": 3.53e-3, "busy_w": 10.58e-3, "clock_hz": 12e6, "cells": 4093, "sprams": 4, "ebrs": 20, "macs": 16, "busy": 0.8}

# The parts of a gate-level energy, in the order of its coefficients.
UNITS = ["static_w", "tree_j", "register_j", "end_j", "dsp_bit_j", "spram_j", "ebr_j"]


def ends(activity):
    """Net ends that moved: transitions of drivers and of routed sinks, all but carries."""
    return sum(n[0] + n[2] for kind, n in activity["nets"].items() if kind != "carry")


# Other ways to weigh what moved, which the published currents cannot tell from `ends`: what they give for a network is how
# uncertain its nets are. A kind of nets has transitions, those without glitches, transitions times routed sinks.
OTHERS = {
    "a net costs the same whatever its sinks": lambda a: sum(n[0] for k, n in a["nets"].items() if k != "carry"),
    "a net costs its sinks alone": lambda a: sum(n[2] for k, n in a["nets"].items() if k != "carry"),
    "carries cost as nets do": lambda a: ends(a) + a["nets"]["carry"][0],
    "glitches cost nothing": lambda a: sum((n[0] + n[2]) * n[1] / max(n[0], 1) for k, n in a["nets"].items() if k != "carry"),
}


def amounts(activity, registers, clock_hz, weigh=ends):
    """What each coefficient of UNITS is multiplied with."""
    cycles = activity["cycles"]
    spram = sum(m[0] + m[1] for m in activity["memories"].values())
    ebr = sum(m[2] + m[3] for m in activity["memories"].values())
    bits = activity["dsp_operands"] + activity["dsp_products"]
    return numpy.array([cycles / clock_hz, cycles, cycles * registers, weigh(activity), bits, spram, ebr], dtype=float)


def least_squares(rows, wanted):
    """x ≥ 0 with the least sum of squares of (rows · x − wanted)."""
    rows = numpy.asarray(rows, float)
    # Columns of like size, so that one tolerance serves all.
    scale = numpy.linalg.norm(rows, axis=0)
    scale[scale == 0] = 1
    return nnls(rows / scale, numpy.asarray(wanted, float))[0] / scale


def fit(designs, weigh=ends):
    """Coefficients in W and J from the published currents, and the current that they give for each, in µA.

    Relative errors are what is made least. The oscillator's current is fitted beside them and belongs to no design.
    """
    rows, names = [], ["static", "oscillator", "tree", "register", "end", "dsp_bit"]
    for _, design, mhz, own, _ in PUBLISHED:
        if design is None:
            rows.append([1, 0, 0, 0, 0, 0])
            continue
        d = designs[design]
        a = d["activity"]
        bits = a["dsp_operands"] + a["dsp_products"]
        per_cycle = [1, d["registers"], weigh(a) / a["cycles"], bits / a["cycles"]]
        rows.append([1, int(own), *(mhz * v for v in per_cycle)])
    rows = numpy.array(rows, float)
    measured = numpy.array([p[4] for p in PUBLISHED])
    of = [(high, low) for _, high, low, _ in DIFFERENCES]
    rows = numpy.concatenate([rows, [rows[high] - rows[low] for high, low in of]])
    measured = numpy.concatenate([measured, [measured[high] - measured[low] for high, low in of]])
    weighted = rows / measured[:, None]
    x = least_squares(weighted, numpy.ones(len(measured)))
    # µA/MHz is pC a cycle.
    values = dict(zip(names, x))
    coefficients = {
        "static_w": values["static"] * 1e-6 * VOLT,
        **{f"{n}_j": values[n] * 1e-12 * VOLT for n in ("tree", "register", "end", "dsp_bit")},
    }
    # MARLANN idle: what its clock tree and half of its cells as registers do not explain is given to the memories that it
    # reads all the time, an SPRAM of 32 KB as twice an EBR (Horowitz, ISSCC 2014: 20 against 10 pJ for four times the size).
    m = MARLANN
    left = (m["idle_w"] - coefficients["static_w"]) / m["clock_hz"] - coefficients["tree_j"] - m["cells"] / 2 * coefficients["register_j"]
    coefficients["ebr_j"] = left / (2 * m["sprams"] + m["ebrs"])
    coefficients["spram_j"] = 2 * coefficients["ebr_j"]
    return coefficients, values["oscillator"], list(rows[: len(PUBLISHED)] @ x)


def joules(coefficients, amount):
    """Joules by part of UNITS."""
    return numpy.array([coefficients[u] for u in UNITS]) * amount
