#!/usr/bin/env python3
"""Coefficients of constraints/ice40up5k.yaml from what was measured and simulated; called by scripts/energy.

    fit.py MEASURED.json PART.yaml DOCUMENT.md            prints the fit, its residuals, the layers, the counter model
    fit.py MEASURED.json PART.yaml DOCUMENT.md --write    also puts the values into the YAML and the tables into the document
    fit.py MEASURED.json PART.yaml DOCUMENT.md --check    exit status 1 if they do not have them, or a residual is over 15 %
"""

import argparse
import json
import re
import sys
from pathlib import Path

import document
import model
import numpy

# Counters of isa/src/counter.rs, by number.
CYCLES, BUSY, ZERO, ACT_R, ACT_W, WEIGHT_R, WEIGHT_W, ACC_R, ACC_W, BUS_R, BUS_W, DRAIN = 0, 1, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13
# Coefficients of the counter model, in the order of its terms (host/src/energy/model.rs).
TERMS = ["clock_j", "mac_j", "mac_zero_j", "drain_j", "act_read_j", "act_write_j", "weight_read_j", "weight_write_j", "acc_read_j", "acc_write_j", "bus_read_j", "bus_write_j"]
# The allocator has a bitstream of its own and no gate-level run: registers, cells that change in a lane operation, EBR of a
# row's word of 39 bits (scripts/resources, yosys).
ALLOCATOR = {"registers": 2749, "lane_cells": 280, "row_ebrs": 3}


def terms(counters, n):
    """What the counter model multiplies its coefficients with; static power apart."""
    products = n * n * counters[BUSY]
    zero = min(counters[ZERO], products)
    rest = [counters[i] for i in (DRAIN, ACT_R, ACT_W, WEIGHT_R, WEIGHT_W, ACC_R, ACC_W, BUS_R, BUS_W)]
    return [counters[CYCLES], products - zero, counters[ZERO], *rest]


class Fit:
    # Layers shorter than this say nothing: a snapshot's counts come up to 18 cycles late.
    SHORTEST = 200

    def __init__(self, measured):
        self.measured = measured
        self.gates, self.oscillator, self.currents = model.fit(measured["designs"])
        self.registers = self.clocked(measured["netlist"])
        self.layers = [r for r in measured["layers"] if r["cycles"] >= self.SHORTEST]
        self.parts = numpy.array([self.parts_of(r) for r in self.layers])
        self.counters()

    @staticmethod
    def clocked(netlist):
        """Registers of a netlist. A DSP block's: 32 bits of operands, 32 of products."""
        return netlist["registers"] + 64 * netlist["cells"].get("SB_MAC16", 0)

    def parts_of(self, record, registers=None):
        return model.joules(self.gates, model.amounts(record, registers or self.registers, self.measured["clock_hz"]))

    def counters(self):
        """The counter model: memories cost at least their blocks, the clock at least its tree and registers."""
        n, g = self.measured["n"], self.gates
        spram, ebr = n // 2 * g["spram_j"], 2 * n * g["ebr_j"]
        # A beat: half of its bits change, at four ends each (the port, a register, two memories).
        beat = 8 * n / 2 * 4 * g["end_j"]
        least = [g["tree_j"] + self.registers * g["register_j"], 0, 0, 0, spram, spram, spram, spram, ebr, ebr, beat, beat]
        self.least = numpy.array(least)
        self.rows = numpy.array([terms(r["counters"], n) for r in self.layers], float)
        self.dynamic = self.parts[:, 1:].sum(axis=1)
        every = numpy.ones(len(self.layers), bool)
        self.coefficients = self.solve(every)
        self.errors = self.rows @ self.coefficients / self.dynamic - 1
        # Each network by the coefficients of the others: what a network that the fit has not seen may be off by.
        models = numpy.array([r["model"] for r in self.layers])
        self.unseen = {}
        for name in sorted(set(models)):
            without = self.solve(models != name)
            at = models == name
            static = self.parts[at, 0].sum()
            self.unseen[name] = (self.rows[at] @ without).sum() / self.dynamic[at].sum() - 1 if static else 0.0

    def solve(self, at):
        rows, dynamic = self.rows[at], self.dynamic[at]
        # Too few beats are written to tell what one costs: a beat costs the same both ways.
        free = numpy.column_stack([rows[:, :-2], rows[:, -2] + rows[:, -1]])
        more = model.least_squares(free / dynamic[:, None], 1 - rows @ self.least / dynamic)
        return self.least + numpy.append(more, more[-1])

    def uncertainty(self):
        return max(abs(e) for e in self.unseen.values())

    def values(self):
        """Every value that the YAML must have, by name."""
        g, a = self.gates, ALLOCATOR
        cell = (model.PUBLISHED[9][4] - model.PUBLISHED[6][4]) * 1e-6 * model.VOLT / 12e6
        cell /= model.PUBLISHED_CELLS["multiplier"] - model.PUBLISHED_CELLS["counter24"]
        return {
            **g,
            **dict(zip(TERMS, self.coefficients)),
            "allocate_clock_j": g["tree_j"] + a["registers"] * g["register_j"],
            "allocate_cell_j": a["lane_cells"] * cell,
            "row_read_j": a["row_ebrs"] * g["ebr_j"],
            "row_write_j": a["row_ebrs"] * g["ebr_j"],
        }


def residuals(fit):
    """Published figure, its unit, published, modelled: the currents, and the differences that design.md names."""
    for (what, design, mhz, _, published), c in zip(model.PUBLISHED, fit.currents):
        yield f"{what}, {mhz} MHz" if design else what, "µA", published, c
    published = [p[4] for p in model.PUBLISHED]
    # From 6 to 48 MHz.
    yield "slope of the 24 bit counter", "µA/MHz", (published[8] - published[5]) / 42, (fit.currents[8] - fit.currents[5]) / 42
    for what, high, low, of in model.DIFFERENCES:
        yield what, "µA", (published[high] - published[low]) / of, (fit.currents[high] - fit.currents[low]) / of


def others(fit, name):
    """pJ a multiply-accumulate of a network, by each way to weigh nets."""
    layers = [r for r in fit.layers if r["model"] == name]
    macs = sum(r["macs"] for r in layers)
    for what, weigh in [("as fitted", model.ends), *model.OTHERS.items()]:
        gates = model.fit(fit.measured["designs"], weigh)[0]
        total = sum(model.joules(gates, model.amounts(r, fit.registers, fit.measured["clock_hz"], weigh)).sum() for r in layers)
        yield what, total * 1e12 / macs


def marlann(fit):
    """The part of MARLANN's power that the model explains without its netlist, in W: a bound, no calibration."""
    m, g = model.MARLANN, fit.gates
    # Operands of int8 that change at random have 4 bits moving each, products 8.
    products = m["busy"] * m["macs"] * 16 * g["dsp_bit_j"]
    return m["idle_w"] + products * m["clock_hz"]


def show(fit):
    clock = fit.measured["clock_hz"]
    print("gate-level coefficients")
    for name, value in fit.gates.items():
        print(f"  {name:<12}{value:.4g}")
    print(f"  own oscillator {fit.oscillator:.1f} µA, in no design of ours")
    print("published figures                                        published   modelled    off")
    for what, unit, published, modelled in residuals(fit):
        print(f"  {what:<46}{published:>10.4g} {modelled:>10.4g} {100 * (modelled / published - 1):>+6.1f} %  {unit}")
    print("logic cells: published, ours")
    for design, cells in model.PUBLISHED_CELLS.items():
        print(f"  {design:<16}{cells:>5}{fit.measured['designs'][design]['logic_cells']:>6}")
    print(f"MARLANN busy: {model.MARLANN['busy_w'] * 1e3:.2f} mW published; its idle power and products alone {marlann(fit) * 1e3:.2f} mW")
    print("layers, pJ a cycle          cycles  static  tree regs  nets   DSP SPRAM   EBR   sum  pJ/MAC  counters")
    for record, parts, error in zip(fit.layers, fit.parts, fit.errors):
        cycle = parts * 1e12 / record["cycles"]
        mac = f"{parts.sum() * 1e12 / record['macs']:7.1f}" if record["macs"] else "      -"
        name = f"{record['model'][:7]} {record['layer'][-13:]}"
        print(f"  {name:<22}{record['cycles']:>8}" + "".join(f"{c:>6.0f}" for c in cycle) + f"{cycle.sum():>6.0f} {mac} {100 * error:>+6.1f} %")
    print(f"counter model: {100 * numpy.sqrt((fit.errors ** 2).mean()):.1f} % rms, {100 * abs(fit.errors).max():.1f} % at most, of a layer")
    for name in fit.unseen:
        at = [i for i, r in enumerate(fit.layers) if r["model"] == name]
        total, macs = fit.parts[at].sum(), sum(fit.layers[i]["macs"] for i in at)
        cycles = sum(fit.layers[i]["cycles"] for i in at)
        print(f"  {name:<24}{total * 1e6:>8.2f} µJ, {total * 1e12 / macs:.1f} pJ/MAC, {100 * macs / (cycles * fit.measured['n'] ** 2):.0f} % utilised at {clock / 1e6:.0f} MHz; unseen: {100 * fit.unseen[name]:+.1f} %")
    print(f"  uncertainty of the counter model: {fit.uncertainty():.2f}")
    for name in fit.unseen:
        print(f"  {name}: " + "; ".join(f"{what} {pj:.1f}" for what, pj in others(fit, name)) + " pJ/MAC")
    print("counter coefficients, pJ")
    for name, value in fit.values().items():
        if name not in fit.gates:
            print(f"  {name:<18}{value * 1e12:>8.2f}")


def tables(fit):
    """What docs/energy.md has of the fit, by name."""
    return {
        "residuals": document.residuals(fit, residuals(fit)),
        "gates": document.gates(fit),
        "weights": document.others(fit, others(fit, "kws_ref_model")),
        "layers": document.layers(fit, "kws_ref_model"),
        "networks": document.networks(fit),
        "summary": document.summary(fit, marlann(fit)),
        "savings": document.savings(fit),
        "switches": document.switches(fit, "kws_ref_model"),
    }


def edit(text, values, uncertainty):
    """The YAML with these values."""
    for name, value in values.items():
        text, count = re.subn(rf"(^  {name}: \{{value: )[^,]+", rf"\g<1>{value:.3g}", text, flags=re.M)
        if count != 1:
            sys.exit(f"fit: the YAML has {count} lines of `  {name}: {{value: ...`, it must have one")
    return re.sub(r"(^counter_model: \{uncertainty: )[^,]+", rf"\g<1>{uncertainty:.2f}", text, flags=re.M)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("measured", type=Path)
    parser.add_argument("yaml", type=Path)
    parser.add_argument("document", type=Path)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--write", action="store_true")
    how.add_argument("--check", action="store_true")
    options = parser.parse_args()
    fit = Fit(json.loads(options.measured.read_text()))
    text = options.yaml.read_text()
    wanted = edit(text, fit.values(), fit.uncertainty())
    pages = options.document.read_text()
    wanted_pages = document.edit(pages, tables(fit))
    if options.write:
        options.yaml.write_text(wanted)
        options.document.write_text(wanted_pages)
    show(fit)
    if not options.check:
        return 0
    status = 0
    for what, unit, published, modelled in residuals(fit):
        if abs(modelled / published - 1) > 0.15:
            print(f"fit: {what}: {modelled:.4g} {unit}, published {published:.4g}: more than 15 % off", file=sys.stderr)
            status = 1
    for path, have, want in [(options.yaml, text, wanted), (options.document, pages, wanted_pages)]:
        for old, new in zip(have.splitlines(), want.splitlines()):
            if old != new:
                print(f"fit: {path} has `{old.strip()}`, the fit gives `{new.strip()}`; run scripts/energy", file=sys.stderr)
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
