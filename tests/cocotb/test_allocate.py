"""Drives the emitted `systole_allocate` through its pins, by an AXI master and memory that nobody here wrote."""

import random

import cocotb
from bench import PAGE, READ_AHEAD, Bench, bit
from contract import RECORD, REGISTER

NOT_ALLOWED = (1 << 32) - 1
MAGIC = 0x31434C41
BURST, CELLS_A_BEAT = 16, 4
OPTIMAL, INFEASIBLE, OVERFLOW, BAD = 1, 2, 3, 4


class Problem:
    """Devices with a slope and a cost for each level, None where a level is not allowed."""

    def __init__(self, rows, budget, at_most):
        self.rows, self.budget, self.at_most = rows, budget, at_most
        self.levels = max(len(costs) for _, costs in rows)

    @classmethod
    def random(cls, chance, devices, levels, budget, most):
        k = chance.randint(1, levels)
        cost = lambda: None if chance.random() < 0.2 else chance.randint(0, most)
        slope = lambda: chance.choice([0, chance.randint(0, most // 64)])
        rows = [(slope(), [cost() for _ in range(k)]) for _ in range(chance.randint(1, devices))]
        return cls(rows, chance.randint(0, min(budget, len(rows) * (k - 1))), chance.random() < 0.5)

    def bytes(self):
        words = [MAGIC, len(self.rows), self.levels, self.budget, int(self.at_most), 0, 0, 0]
        for slope, costs in self.rows:
            words.append(slope)
            words += [NOT_ALLOWED if c is None else c for c in costs] + [NOT_ALLOWED] * (self.levels - len(costs))
        return b"".join(w.to_bytes(4, "little") for w in words) + bytes(READ_AHEAD)

    def optimum(self):
        """Least cost by the recurrence; None if nothing keeps the rules."""
        row = {0: 0}
        for slope, costs in self.rows:
            after = {}
            for used, sum_ in row.items():
                for k, cost in enumerate(costs):
                    if cost is not None and used + k <= self.budget:
                        after[used + k] = min(after.get(used + k, 1 << 80), sum_ + cost + k * slope)
            row = after
        return min(row.values(), default=None) if self.at_most else row.get(self.budget)

    def check(self, record, levels):
        best = self.optimum()
        if best is None or best >= NOT_ALLOWED:
            assert record["status"] == (INFEASIBLE if best is None else OVERFLOW), record
            return
        assert (record["status"], record["cost"]) == (OPTIMAL, best), record
        cost = sum(costs[k] + k * slope for k, (slope, costs) in zip(levels, self.rows))
        assert cost == best and sum(levels) == record["used"], f"{levels} cost {cost}, use {sum(levels)}: {record}"
        assert record["used"] == self.budget or (self.at_most and record["used"] < self.budget)


async def run(bench, data, devices, cells):
    """One run on problem bytes; returns the record and the levels."""
    result_at = PAGE + (len(data) // PAGE + 2) * PAGE
    scratch = (devices * cells + CELLS_A_BEAT * BURST - 1) // (CELLS_A_BEAT * BURST) * BURST * bench.bus
    assert result_at + PAGE + scratch < 1 << 20, "the buffers do not fit the bench's memory"
    bench.memory.write(PAGE, data)
    bench.memory.write(result_at, b"\xa5" * (PAGE + scratch))
    for name, address in (("commands", PAGE), ("weights", result_at)):  # where problem and result stand
        await bench.control.write_dword(REGISTER[name], address)
        await bench.control.write_dword(REGISTER[name] + 4, 0)
    await bench.write("control", bit("control", "ap_start"))
    await bench.done()
    words = bench.bytes_at(result_at, len(RECORD) * bench.bus)
    record = {n: int.from_bytes(words[i * bench.bus :][:4], "little") for i, n in enumerate(RECORD)}
    levels = bench.bytes_at(result_at + len(RECORD) * bench.bus, devices)
    return record, list(reversed(levels))


async def solve(bench, problem):
    record, levels = await run(bench, problem.bytes(), len(problem.rows), problem.budget + 1)
    assert await bench.read("status") == 0
    problem.check(record, levels)
    bench.rules_kept()
    return record


@cocotb.test()
async def random_problems_survive_back_pressure(dut):
    """One after the other without a reset, each with other pauses on all ten channels."""
    bench = Bench(dut)
    await bench.reset()
    chance = random.Random(7)
    solved = 0
    for seed in range(24):
        bench.pressure(seed, (0.0, 0.3, 0.6, 0.85)[seed % 4])
        problem = Problem.random(chance, 24, (4, 16, 64)[seed % 3], 120, 10 ** chance.randint(1, 9))
        record = await solve(bench, problem)
        solved += record["status"] == OPTIMAL
        assert record["cycles"] == record["busy"] + record["stalls"] + record["trace"] + record["idle"], record
    assert solved > 8, f"{solved} of 24 problems have an answer"


@cocotb.test()
async def arguments_are_of_64_bits_and_the_interrupt_tells_the_end(dut):
    """What kernel.xml promises a driver: pointers as wide as the address, ap_ctrl_hs, an interrupt that can be cleared."""
    bench = Bench(dut)
    await bench.reset()
    mask = (1 << bench.config["addr_bits"]) - 1
    for i, name in enumerate(("commands", "weights")):
        value = 0xFEDCBA98_76543000 + (i << 12)
        await bench.control.write_dword(REGISTER[name], value & 0xFFFFFFFF)
        await bench.control.write_dword(REGISTER[name] + 4, value >> 32)
        low = await bench.control.read_dword(REGISTER[name])
        high = await bench.control.read_dword(REGISTER[name] + 4)
        assert (high << 32 | low) == value & mask, f"{name}: {high:08x}{low:08x}"
    await bench.write("global_interrupt", 1)
    await bench.write("interrupt_enable", 1)
    problem = Problem([(0, [3, 1]), (2, [5, 4])], 1, False)
    assert (await bench.read("control")) & bit("control", "ap_idle")
    assert int(dut.interrupt.value) == 0
    await solve(bench, problem)
    assert int(dut.interrupt.value) == 1, "no interrupt at the end of the run"
    await bench.write("interrupt_status", 1)  # toggles it off
    assert int(dut.interrupt.value) == 0
    await bench.write("interrupt_enable", 0)
    await solve(bench, problem)
    assert int(dut.interrupt.value) == 0, "an interrupt that is not enabled"


@cocotb.test()
async def the_seeds_five_devices(dut):
    """Recurrence as the source prints it: cost of a level is power times hours, U_i j is in the slopes."""
    bench = Bench(dut)
    await bench.reset()
    for weight, cost in ((0, 1220), (10, 2820), (48, 8900)):
        devices = [(50, 24), (30, 16), (20, 12), (10, 8), (5, 4)]
        rows = [((5 - i) * weight, [p * k for k in range(t + 1)]) for i, (p, t) in enumerate(devices)]
        record = await solve(bench, Problem(rows, 48, False))
        assert record["cost"] == cost, record


@cocotb.test()
async def a_bad_header_ends_the_run_with_its_status_bit(dut):
    bench = Bench(dut)
    await bench.reset()
    good = Problem([(0, [3, 1]), (2, [5, 4])], 1, False)
    for word, value in ((0, 1), (1, 0), (1, 1025), (2, 65), (3, 4097), (4, 2)):
        data = bytearray(good.bytes())
        data[4 * word : 4 * word + 4] = value.to_bytes(4, "little")
        record, _ = await run(bench, bytes(data), 2, 2)
        assert record["status"] == BAD
        assert await bench.read("status") == bit("status", "illegal")
        await solve(bench, good)


@cocotb.test()
async def errors_of_card_memory_reach_the_status_register(dut):
    bench = Bench(dut, whole=False)
    await bench.reset()
    outside = 1 << (bench.config["addr_bits"] - 1)
    data = Problem([(0, [3, 1])] * 3, 2, False).bytes()
    bench.memory[PAGE : PAGE + len(data)] = data

    async def go(problem, result):
        for name, address in (("commands", problem), ("weights", result)):
            await bench.control.write_dword(REGISTER[name], address & 0xFFFFFFFF)
            await bench.control.write_dword(REGISTER[name] + 4, address >> 32)
        await bench.write("control", bit("control", "ap_start"))
        await bench.done()
        return await bench.read("status")

    assert (await go(outside, 8 * PAGE)) & bit("status", "read_error")
    assert (await go(PAGE, outside)) & bit("status", "write_error")
    assert await go(PAGE, 8 * PAGE) == 0
