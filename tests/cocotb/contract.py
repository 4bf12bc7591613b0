"""The contract as docs/registers.md prints it: register offsets, command encoding, counter names.

Read from the document and not typed again, so that these tests also say whether the document is right.
"""

import re
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "registers.md"


def _rows(section):
    """The cells of each table row under a heading."""
    text = DOCUMENT.read_text().split(f"## {section}", 1)[1].split("\n## ", 1)[0]
    for line in text.splitlines():
        if line.startswith("|") and not line.startswith("|---"):
            yield [cell.strip().strip("`") for cell in line.strip("|").split("|")]


def _bits(text):
    """(lowest bit, width) of `23..0` or `14`."""
    high, _, low = text.partition("..")
    low = low or high
    return int(low), int(high) - int(low) + 1


REGISTER = {row[1]: int(row[0], 16) for row in _rows("Control") if row[0].startswith("0x")}
REGISTER_BIT = {(row[1], row[4]): _bits(row[3])[0] for row in _rows("Control") if row[0].startswith("0x")}
RECORD = [row[1] for row in _rows("Allocator") if row[0].isdigit()]
COUNTERS = [row[1] for row in _rows("Counters") if row[0].isdigit()]

OPCODE = {}
FIELDS = {}
for _row in _rows("Commands"):
    if _row[0].startswith("0x"):
        OPCODE[_row[1]] = int(_row[0], 16)
        FIELDS.setdefault(_row[1], {})
        if _row[2]:
            FIELDS[_row[1]][_row[3]] = _bits(_row[2])
NAME = {code: name for name, code in OPCODE.items()}

UNITS = {"feeder": 1, "drain": 2, "load": 4, "store": 8}


def command(name, **values):
    """A command word. Every field must be named; one that does not fit is an error. Negative values wrap."""
    assert set(values) == set(FIELDS[name]), f"{name} takes {sorted(FIELDS[name])}"
    word = OPCODE[name] << 24
    for field, value in values.items():
        low, width = FIELDS[name][field]
        assert -(1 << (width - 1)) <= value < (1 << width), f"{name}.{field} = {value} does not fit {width} bits"
        word |= (value & ((1 << width) - 1)) << low
    return word


def decode(word):
    """(name, {field: value}) of a command word; name is None for an unknown operation."""
    name = NAME.get(word >> 24)
    if name is None:
        return None, {}
    return name, {f: (word >> low) & ((1 << width) - 1) for f, (low, width) in FIELDS[name].items()}


def signed(value, width):
    """Two's complement of `width` bits."""
    return value - (1 << width) if value >> (width - 1) else value


def settings(path):
    """config.yaml of an emitted configuration, as integers and strings; it is flat."""
    found = dict(re.findall(r"^\W*(\w+):\s*([\w-]+)", Path(path).read_text(), re.M))
    return {key: int(value) if value.isdigit() else value for key, value in found.items()}
