"""Static timing analysis of a design that nextpnr placed, or placed and routed: endpoints that take too long, grouped. For scripts/paths.

    python scripts/paths.py SDF PLACED NETLIST LOG NS

SDF: --sdf, delays of cells and of wire, which are estimates before routing; its name is printed. PLACED: --write, for the names of nets; NETLIST: yosys's, for better
ones; LOG: what nextpnr itself says.
"""

import json
import os
import re
import signal
import sys

TRIPLE = r"\([-\d.]+:[-\d.]+:([-\d.]+)\)"
WIRE = re.compile(rf"\(INTERCONNECT (\S+) (\S+) {TRIPLE}")
CELL = re.compile(rf"\(IOPATH (\S+) (\S+) {TRIPLE}")
SETUP = re.compile(rf"\(SETUPHOLD \(\w+ (\S+)\) \(\w+ (\S+)\) {TRIPLE}")
# The ports of the ECP5's cells that clock something. A path starts where one of them has a delay to an output.
CLOCK = re.compile(r"(CLK[0-3AB]?|[ES]CLK|WCK)$")
DATA = ("DI", "M")
# What yosys puts into a name that it makes: the nearest name it knows, then the cells on the way.
MADE = re.compile(r"_(LUT4|PFUMX|L6MUX21|CCU2C|TRELLIS_FF|TRELLIS_DPR16X4|DP16KD|MULT18X18D|INV)_")


def plain(name: str) -> str:
    """Without SDF's escapes."""
    return name.replace("\\", "") if "\\" in name else name


def starred(name: str) -> str:
    """Indices as *: q[3], lane_3, memory.0.1. Digits that belong to a word stay: line1 and line2 are two registers."""
    return re.sub(r"(?<=[\[._])\d+(?=[\]._/\[]|$)", "*", name)


def short(name: str) -> str:
    """A made-up name of a whole line without its middle."""
    made = MADE.search(name)
    return name if len(name) < 72 or not made else f"{name[: made.end()]}..{name[-20:]}"


def module_of(path: str) -> dict:
    """The one module with cells in it; yosys's netlist has the libraries' too."""
    with open(path, encoding="utf-8") as file:
        return max(json.load(file)["modules"].values(), key=lambda module: len(module["cells"]))


def aliases(module: dict) -> dict[str, str]:
    """For each name of a wire the one to print: from the source, a register's own q, from high in the hierarchy, short."""
    known: dict[int, list[str]] = {}
    for name, net in module["netnames"].items():
        for index, bit in enumerate(net["bits"]):
            known.setdefault(bit, []).append(f"{name}[{index}]" if len(net["bits"]) > 1 else name)

    def rank(name: str):
        return MADE.search(name) is not None, re.search(r"\.q(\[|$)", name) is None, name.count("."), len(name), name

    return {name: best for names in known.values() for best in [min(names, key=rank)] for name in names}


class Design:
    """Pins are named cell/PORT; delays are in picoseconds."""

    def __init__(self, sdf: str, placed: str, netlist: str):
        self.after: dict[str, list[tuple[str, float]]] = {}  # pin: pins that it drives, with the delay
        self.loads: dict[str, int] = {}  # driving pin: its pins
        self.starts: dict[str, float] = {}  # output: clock to output
        self.setups: dict[str, float] = {}  # input: setup
        self.kinds: dict[str, str] = {}  # cell: its type
        self.nets: dict[str, str] = {}  # driving pin: net
        self.read_sdf(sdf)
        self.read_nets(placed, netlist)
        self.arrive()

    def read_sdf(self, path: str):
        cell = kind = ""
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                line = line.strip()
                if line.startswith("(INTERCONNECT"):
                    source, sink, delay = WIRE.match(line).groups()
                    source = plain(source)
                    self.after.setdefault(source, []).append((plain(sink), float(delay)))
                    self.loads[source] = self.loads.get(source, 0) + 1
                elif line.startswith("(IOPATH"):
                    source, sink, delay = CELL.match(line).groups()
                    if CLOCK.match(source):
                        pin = f"{cell}/{sink}"
                        self.starts[pin] = max(float(delay), self.starts.get(pin, 0.0))
                    else:
                        self.after.setdefault(f"{cell}/{source}", []).append((f"{cell}/{sink}", float(delay)))
                elif line.startswith("(SETUPHOLD"):
                    data, _, setup = SETUP.match(line).groups()
                    pin = f"{cell}/{data}"
                    self.setups[pin] = max(float(setup), self.setups.get(pin, float(setup)))
                elif line.startswith("(CELLTYPE"):
                    kind = line.split('"')[1]
                elif line.startswith("(INSTANCE"):
                    cell = plain(line[len("(INSTANCE ") : -1].strip())
                    self.kinds[cell] = kind

    def read_nets(self, placed: str, netlist: str):
        module, best = module_of(placed), aliases(module_of(netlist))
        names = {bit: best.get(name, name) for name, net in module["netnames"].items() for bit in net["bits"]}
        for name, cell in module["cells"].items():
            for port, bits in cell["connections"].items():
                if bits and cell["port_directions"][port] == "output" and bits[0] in names:
                    self.nets[f"{name}/{port}"] = short(names[bits[0]])

    def arrive(self):
        """Latest arrival at every pin that a clocked output reaches, and the pin before it: pins in topological order."""
        waits, stack = dict.fromkeys(self.starts, 0), list(self.starts)
        while stack:
            for sink, _ in self.after.get(stack.pop(), ()):
                if sink not in waits:
                    waits[sink] = 0
                    stack.append(sink)
                waits[sink] += 1
        self.at, self.before = dict(self.starts), {}
        stack = [pin for pin, count in waits.items() if count == 0]
        done = 0
        while stack:
            pin = stack.pop()
            done += 1
            for sink, delay in self.after.get(pin, ()):
                time = self.at[pin] + delay
                if time > self.at.get(sink, -1.0):
                    self.at[sink], self.before[sink] = time, pin
                waits[sink] -= 1
                if waits[sink] == 0:
                    stack.append(sink)
        if done < len(waits):
            print(f"paths: {len(waits) - done} pins are in or behind combinational loops; not looked at", file=sys.stderr)
            self.at = {pin: time for pin, time in self.at.items() if waits[pin] == 0}

    def name(self, pin: str) -> str:
        """A register by its output; a memory, multiplier or LUT RAM by its cell and port."""
        cell, _, port = pin.rpartition("/")
        if self.kinds.get(cell) == "TRELLIS_FF":
            register = self.nets.get(f"{cell}/Q", cell)
            return register if port in DATA or port == "Q" else f"{register}/{port}"
        return re.sub(r"\$DPRAM_COMB\d$", "", cell) + "/" + re.sub(r"\d+$", "*", port)

    def ends(self):
        """Delay in ns and pin of every endpoint."""
        return [((self.at[pin] + setup) / 1000, pin) for pin, setup in self.setups.items() if pin in self.at]

    def path(self, pin: str) -> list[str]:
        """Driving pins from the start to `pin`."""
        pins = [pin]
        while pins[-1] in self.before:
            pins.append(self.before[pins[-1]])
        return [pin for pin in reversed(pins) if pin in self.loads]

    def hops(self, pin: str):
        """A line for each net of the path: when it is driven, its name, what the wire takes. A carry chain is one line."""
        wire, carries = self.path(pin), 0
        for source, sink in zip(wire, wire[1:] + [pin]):
            if source.endswith("/FCO") and sink.endswith("/FCO"):
                carries += 1
                continue
            # The pin at the far end is the one before the next driver on the path.
            there = self.at[pin if sink == pin else self.before[sink]]
            chain = f", carry of {carries + 1} cells" if carries else ""
            carries = 0
            loads = self.loads[source]
            where = f"wire {(there - self.at[source]) / 1000:.2f}, {loads} load{'s' * (loads > 1)}{chain}"
            yield f"        {self.at[source] / 1000:6.2f}  {self.nets.get(source, source)}  ({where})"


def main() -> int:
    sdf, placed, netlist, log, limit = sys.argv[1:]
    done = os.path.splitext(os.path.basename(sdf))[0]
    design = Design(sdf, placed, netlist)
    ends = sorted(design.ends(), reverse=True)
    if not ends:
        print(f"paths: no register in {sdf}", file=sys.stderr)
        return 2
    groups: dict[str, list[tuple[float, str]]] = {}
    for delay, pin in ends:
        groups.setdefault(starred(design.name(pin)), []).append((delay, pin))
    over = sum(delay > float(limit) for delay, _ in ends)
    shown = {name: group for name, group in groups.items() if group[0][0] > float(limit)}
    with open(log, encoding="utf-8") as file:
        said = [float(clock) for clock in re.findall(r"Max frequency for clock.*?: ([\d.]+) MHz", file.read())]
    print(
        f"{1000 / ends[0][0]:.2f} MHz {done}, {ends[0][0]:.2f} ns (nextpnr, slowest clock: {f'{min(said)} MHz' if said else 'nothing'}); "
        f"{over} of {len(ends)} endpoints in {len(shown)} groups take over {float(limit):.2f} ns"
    )
    for name, group in shown.items():
        delay, pin = group[0]
        count = f"{sum(delay > float(limit) for delay, _ in group)}/{len(group)}"
        print(f"{delay:<5.2f} ns {count:>11}  {name}  <-  {design.name(design.path(pin)[0])}")
        for hop in design.hops(pin):
            print(hop)
    return 0


if __name__ == "__main__":
    # `| head` ends it without a word.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
