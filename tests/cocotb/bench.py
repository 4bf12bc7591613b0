"""The bench round the emitted top: AXI-Lite master, AXI memory with back-pressure, and a check of AXI's rules."""

import os
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, ReadOnly, RisingEdge, with_timeout
from cocotbext.axi import AddressSpace, AxiBus, AxiLiteBus, AxiLiteMaster, AxiRam, AxiSlave, MemoryRegion
from contract import COUNTERS, REGISTER, REGISTER_BIT, settings

PAGE = 4096
MEMORY = 1 << 20
# Zero bytes after the last command, which the fetcher may read ahead of END.
READ_AHEAD = 1024
ARGUMENTS = ["commands", "weights", "input", "output", "counters"]


def bit(register, field):
    return 1 << REGISTER_BIT[register, field]


def pauses(seed, share):
    """True in about `share` of the cycles, in runs of random length: what a busy interconnect looks like."""
    chance = random.Random(seed)
    while True:
        pause = chance.random() < share
        for _ in range(chance.randrange(1, 9)):
            yield pause


class Bench:
    """Clock, reset, AXI-Lite master and card memory; `whole` false puts the memory where addresses can miss it."""

    def __init__(self, dut, whole=True):
        self.dut = dut
        self.config = settings(os.environ["SYSTOLE_CONFIG"])
        self.bus = 1 << (self.config["n"] - 1).bit_length()
        self.violations = []
        cocotb.start_soon(Clock(dut.ap_clk, 10, "ns").start())
        reset = dict(clock=dut.ap_clk, reset=dut.ap_rst_n, reset_active_level=False)
        self.control = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi_control"), **reset)
        port = AxiBus.from_prefix(dut, "m_axi_gmem")
        if whole:
            self.axi = self.memory = AxiRam(port, size=MEMORY, **reset)
        else:
            self.memory = MemoryRegion(MEMORY)
            space = AddressSpace(1 << self.config["addr_bits"])
            space.register_region(self.memory, 0)
            self.axi = AxiSlave(port, target=space, **reset)
        for name in ("aw", "w", "ar"):
            cocotb.start_soon(self.watch(name))

    async def reset(self):
        self.dut.ap_rst_n.value = 0
        await ClockCycles(self.dut.ap_clk, 8)
        self.dut.ap_rst_n.value = 1
        await ClockCycles(self.dut.ap_clk, 4)

    def pressure(self, seed, share):
        """Random pauses on all channels of the memory, and on the AXI-Lite master's."""
        write, read = self.axi.write_if, self.axi.read_if
        channels = [write.aw_channel, write.w_channel, write.b_channel, read.ar_channel, read.r_channel]
        control = [self.control.write_if.aw_channel, self.control.write_if.w_channel, self.control.write_if.b_channel]
        control += [self.control.read_if.ar_channel, self.control.read_if.r_channel]
        for i, channel in enumerate(channels + control):
            channel.set_pause_generator(pauses(seed * 100 + i, share))

    async def watch(self, name):
        """AXI: what is offered stays until it is taken; bursts are INCR, full width, and stay inside 4 KB."""
        prefix = f"m_axi_gmem_{name}"
        signal = {k: getattr(self.dut, prefix + k) for k in ("valid", "ready")}
        payload = {"aw": ["addr", "len", "size", "burst"], "ar": ["addr", "len", "size", "burst"], "w": ["data", "strb", "last"]}
        fields = {k: getattr(self.dut, prefix + k) for k in payload[name]}
        offered = None
        while True:
            await RisingEdge(self.dut.ap_clk)
            await ReadOnly()
            if int(self.dut.ap_rst_n.value) == 0:
                offered = None
                continue
            valid, ready = int(signal["valid"].value), int(signal["ready"].value)
            now = tuple(int(f.value) for f in fields.values()) if valid else None
            if offered is not None and now != offered:
                self.violations.append(f"{prefix}: {offered} was offered, not taken, and became {now}")
            if valid and name != "w":
                address, length, size, burst = now
                if address % PAGE + (length + 1) * self.bus > PAGE:
                    self.violations.append(f"{prefix}: burst of {length + 1} beats at {address:#x} crosses 4 KB")
                if (1 << size) != self.bus or burst != 1 or address % self.bus:
                    self.violations.append(f"{prefix}: size {size}, burst {burst}, address {address:#x}")
            offered = now if valid and not ready else None

    async def read(self, register):
        return await self.control.read_dword(REGISTER[register])

    async def write(self, register, value):
        await self.control.write_dword(REGISTER[register], value)

    def place(self, program):
        """Puts the buffers into card memory, a page of noise between them; returns their addresses."""
        words = b"".join(w.to_bytes(4, "little") for w in program.words) + bytes(READ_AHEAD)
        snapshots = bytes(16 * self.bus * (len(program.words) + 1))
        content = [words, program.buffer(program.weights), program.buffer(program.input)]
        content += [b"\xa5" * (program.stored * self.bus), snapshots[: 64 * PAGE]]
        at, addresses = PAGE, {}
        for name, data in zip(ARGUMENTS, content):
            addresses[name] = at
            self.memory.write(at, data) if hasattr(self.memory, "write_if") else self._fill(at, data)
            at += (len(data) // PAGE + 2) * PAGE
        assert at <= MEMORY, "the buffers do not fit the bench's memory"
        return addresses

    def _fill(self, at, data):
        self.memory[at : at + len(data)] = data

    def bytes_at(self, at, length):
        if hasattr(self.memory, "write_if"):
            return bytes(self.memory.read(at, length))
        return bytes(self.memory[at : at + length])

    async def start(self, addresses):
        for name in ARGUMENTS:
            address = addresses[name]
            await self.control.write_dword(REGISTER[name], address & 0xFFFFFFFF)
            await self.control.write_dword(REGISTER[name] + 4, address >> 32)
        await self.write("control", bit("control", "ap_start"))

    async def done(self, cycles=2_000_000):
        """Polls control until ap_done; the read that sees it clears it."""

        async def poll():
            while not (await self.read("control")) & bit("control", "ap_done"):
                await ClockCycles(self.dut.ap_clk, 20)

        await with_timeout(poll(), cycles * 10, "ns")

    def snapshots(self, address, count):
        """Snapshots that MARK wrote: one bus word a counter, the count in the low 32 bits."""
        size = len(COUNTERS) * self.bus
        data = self.bytes_at(address, count * size)
        return [
            {
                name: int.from_bytes(data[s * size + i * self.bus :][:4], "little")
                for i, name in enumerate(COUNTERS)
            }
            for s in range(count)
        ]

    def compare(self, model, addresses, program):
        """Every stored word equals the model's; the first that differs is named."""
        data = self.bytes_at(addresses["output"], program.stored * self.bus)
        for i in range(program.stored):
            got = data[i * self.bus : i * self.bus + self.config["n"]]
            assert got == model.output[i], f"output word {i}: {list(got)}, the model has {list(model.output[i])}"

    def rules_kept(self):
        assert not self.violations, f"{len(self.violations)} breaches of AXI, first: {self.violations[0]}"
