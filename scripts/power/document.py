"""Tables of docs/energy.md that scripts/energy writes: each stands between `<!-- scripts/energy: NAME -->` and `<!-- end -->`."""

import re

import model
import numpy

MEANING = {
    "static_w": "the chip with no clock, W",
    "tree_j": "the clock tree, a cycle",
    "register_j": "a flip-flop's clock, a cycle",
    "end_j": "a transition at one end of a net",
    "dsp_bit_j": "a bit that changes in a multiplier's operands or products",
    "spram_j": "a read or write of an SPRAM",
    "ebr_j": "a read or write of an EBR",
}


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(c) for c in line) + " |" for line in lines)


def residuals(fit, rows):
    return table(
        ["published figure", "published", "model", "off"],
        [[what, f"{p:.4g} {unit}", f"{m:.4g} {unit}", f"{100 * (m / p - 1):+.1f} %"] for what, unit, p, m in rows],
    )


def gates(fit):
    rows = []
    for name, value in fit.gates.items():
        shown = f"{value * 1e6:.0f} µW" if name == "static_w" else f"{value * 1e12:.3g} pJ"
        rows.append([f"`{name}`", shown, MEANING[name]])
    return table(["coefficient", "value", "of"], rows)


def others(fit, rows):
    return table(["how a net's ends are weighed", "pJ a MAC"], [[what, f"{pj:.1f}"] for what, pj in rows])


def layers(fit, network):
    """Layers of a network with work in them, pJ a cycle."""
    head = ["layer", "operator", "cycles", "static", "tree", "registers", "nets", "DSP", "SPRAM", "EBR", "sum", "pJ/MAC", "counter model"]
    rows = []
    for record, parts, error in zip(fit.layers, fit.parts, fit.errors):
        if record["model"] != network:
            continue
        cycle = parts * 1e12 / record["cycles"]
        mac = f"{parts.sum() * 1e12 / record['macs']:.1f}" if record["macs"] else "-"
        name = record["layer"] if len(record["layer"]) < 24 else "…" + record["layer"][-22:]
        cells = [name, record["op"], f"{record['cycles']:,}", *(f"{c:.0f}" for c in cycle), f"{cycle.sum():.0f}", mac]
        rows.append([*cells, f"{100 * error:+.1f} %"])
    return table(head, rows)


def networks(fit):
    rows = []
    for name in fit.unseen:
        at = [i for i, r in enumerate(fit.layers) if r["model"] == name]
        total, macs = fit.parts[at].sum(), sum(fit.layers[i]["macs"] for i in at)
        cycles = sum(fit.layers[i]["cycles"] for i in at)
        used = 100 * macs / (cycles * fit.measured["n"] ** 2)
        rows.append([f"`{name}`", f"{total * 1e6:.2f} µJ", f"{total * 1e12 / macs:.1f}", f"{used:.0f} %", f"{100 * fit.unseen[name]:+.1f} %"])
    return table(["network", "energy", "pJ a MAC", "utilisation, all cycles", "counter model without this network in its fit"], rows)


def summary(fit, bound):
    rms, most = 100 * numpy.sqrt((fit.errors**2).mean()), 100 * abs(fit.errors).max()
    return (
        f"Oscillator: {fit.oscillator:.1f} µA. MARLANN with its idle power and its products: {bound * 1e3:.2f} mW of "
        f"{model.MARLANN['busy_w'] * 1e3:.2f} mW. Counter model over {len(fit.layers)} layers: {rms:.1f} % rms, {most:.1f} % at most; "
        f"of a network that it has not seen: {100 * fit.uncertainty():.0f} % at most."
    )


def savings(fit):
    """What low-power switches and what was left out do to the networks, pJ a cycle."""
    rows = []
    for name in fit.unseen:
        records = [r for r in fit.layers if r["model"] == name]
        cycles = sum(r["cycles"] for r in records)
        g = fit.gates
        whole = sum(fit.parts[i].sum() for i, r in enumerate(fit.layers) if r["model"] == name) * 1e12 / cycles
        isolated = sum(r["dsp_operands"] + r["dsp_products"] - r["dsp_isolated"] for r in records) * g["dsp_bit_j"] * 1e12 / cycles
        blocks = {"spram": (fit.measured["netlist"]["cells"].get("SB_SPRAM256KA", 0), 0, 1), "ebr": (fit.measured["netlist"]["cells"].get("SB_RAM40_4K", 0), 2, 3)}
        saved = 0
        for kind, (count, read, write) in blocks.items():
            accesses = sum(m[read] + m[write] for r in records for m in r["memories"].values())
            saved += (count * cycles - accesses) * g[f"{kind}_j"] * 1e12 / cycles
        rows.append([f"`{name}`", f"{whole:.0f}", f"{saved:.0f}", f"{isolated:.1f}"])
    return table(["network", "energy", "more without memory enables", "less with operand isolation, at best"], rows)


def switches(fit, network):
    """What each switch of low_power takes and saves: the network on the netlist without it, against all of them, pJ a cycle."""
    def a_cycle(records, registers):
        records = [r for r in records if r["model"] == network and r["cycles"] >= fit.SHORTEST]
        return sum(fit.parts_of(r, registers).sum() for r in records) * 1e12 / sum(r["cycles"] for r in records)

    def luts(netlist):
        return netlist["cells"]["SB_LUT4"]

    with_all = a_cycle(fit.measured["layers"], fit.registers)
    rows = []
    for switch, there in fit.measured["without"].items():
        energy = a_cycle(there["layers"], fit.clocked(there["netlist"]))
        luts_more = luts(fit.measured["netlist"]) - luts(there["netlist"])
        registers = fit.measured["netlist"]["registers"] - there["netlist"]["registers"]
        rows.append([f"`{switch}`", f"{energy:.1f}", f"{energy - with_all:+.1f}", f"{100 * (energy / with_all - 1):.1f} %", f"{luts_more:+d}", f"{registers:+d}"])
    return table(["switch", "energy without it", "it saves", "of all", "LUTs for it", "registers for it"], rows)


def edit(text, parts):
    """The document with these tables; each must have its place."""
    for name, body in parts.items():
        pattern = rf"(<!-- scripts/energy: {name} -->\n)(?:(?!<!--).)*(<!-- end -->)"
        text, count = re.subn(pattern, lambda m: m[1] + body + "\n" + m[2], text, flags=re.S)
        if count != 1:
            raise SystemExit(f"fit: docs/energy.md has {count} places `<!-- scripts/energy: {name} -->`, it must have one")
    return text
