"""Drives the emitted `systole_infer` through its pins, by an AXI master and memory that nobody here wrote."""

import cocotb
from bench import Bench, bit
from cocotb.triggers import ClockCycles
from contract import NAME, REGISTER
from model import Kernel
from program import Program


def execute(bench, program):
    """The model's view of a program."""
    model = Kernel(bench.config, {"weights": program.buffer(program.weights), "input": program.buffer(program.input)})
    assert model.run(program.words)
    return model


async def run(bench, program, model):
    """One run on the card; outputs, status and counters checked against the model. Returns the last snapshot."""
    addresses = bench.place(program)
    await bench.start(addresses)
    await bench.done()
    assert await bench.read("status") == 0
    bench.compare(model, addresses, program)
    bench.rules_kept()
    return bench.snapshots(addresses["counters"], model.marks)


def convolution(config, seed):
    """Padding and stride 2 in one direction, two input blocks, the last with channels to spare."""
    program = Program(config, seed)
    image = program.tensor(7, 6, 2, 0)
    out = program.layer(image, 200, kernel=(3, 3), stride=(2, 1), pad=(1, 1))
    program.store(out["address"], out["height"] * out["width"])
    program.wait("store")
    program.mark()
    return program.end()


def network(config, seed):
    """Layers of all kinds one after the other: each reads what the one before left on the chip."""
    program = Program(config, seed)
    chance = program.random
    image = program.tensor(chance.randrange(9, 14), chance.randrange(9, 14), chance.randrange(1, 4), 0)
    program.mark()
    a = program.layer(image, 700, kernel=(3, 3), pad=(1, 1), channels=chance.randrange(1, config["n"] + 1))
    program.mark(soft=1)
    b = program.layer(a, 1000, kernel=(2, 2), stride=(2, 2), pad=(chance.randrange(2), 0), mode="max")
    # Two tensors of one block: the second convolution has two output blocks, interleaved in memory by D_STEP.
    c = program.layer(b, 1300, kernel=(chance.randrange(1, 4), 3), pad=(1, 2), out_blocks=2)
    d = program.layer(c, 1600, kernel=(1, 1), stride=(1, 2), pad=(0, 0), out_blocks=3)
    program.mark(soft=1)
    # Depthwise, in one tile and in several; maxima over two blocks; a convolution to which its input is added.
    e = program.depthwise(c, 1900, kernel=(3, 3), stride=(1, chance.randrange(1, 3)), pad=(1, 1))
    f = program.depthwise(c, 2100, kernel=(5, chance.randrange(5, 8)), stride=(chance.randrange(1, 3), 1), pad=(2, 3))
    g = program.layer(c, 2400, kernel=(2, 2), pad=(0, 1), mode="max")
    h = program.layer(c, 2700, kernel=(3, 3), pad=(1, 1), out_blocks=2, add=c)
    program.mark()
    for tensor in (a, b, c, d, e, f, g, h):
        program.store(tensor["address"], tensor["height"] * tensor["width"] * tensor["blocks"])
    # What went out first comes back, to another place.
    words = a["height"] * a["width"]
    program.load_back(0, words, 3000)
    program.store(3000, words)
    program.wait("store")
    program.mark()
    return program.end()


def plausible(snapshots, model, bus_beats_least):
    """What must be exact is; what depends on waiting is within reason; nothing runs backwards."""
    last = snapshots[-1]
    for name in ("busy", "macs", "zero_products", "act_writes", "weight_writes", "acc_writes"):
        assert last[name] == model.count[name], f"{name}: {last[name]}, the model counts {model.count[name]}"
    assert last["cycles"] >= last["busy"]
    assert last["bus_reads"] >= bus_beats_least
    assert last["bus_writes"] >= model.stored
    assert last["acc_reads"] > 0 and last["weight_reads"] > 0 and last["drain_busy"] > 0
    assert 0 < last["commands"] <= model.count["commands"]
    for before, after in zip(snapshots, snapshots[1:]):
        for name, count in after.items():
            assert count >= before[name], f"{name} fell from {before[name]} to {count}"


@cocotb.test()
async def registers_answer_after_reset(dut):
    """Idle, no error, pointers hold what was written, bits past addr_bits read zero."""
    bench = Bench(dut)
    await bench.reset()
    control = await bench.read("control")
    assert control & bit("control", "ap_idle")
    assert not control & (bit("control", "ap_start") | bit("control", "ap_done"))
    assert await bench.read("status") == 0
    mask = (1 << bench.config["addr_bits"]) - 1
    for i, name in enumerate(("commands", "weights", "input", "output", "counters")):
        value = (0xFEDCBA98_76543000 + (i << 12)) & ((1 << 64) - 1)
        await bench.control.write_dword(REGISTER[name], value & 0xFFFFFFFF)
        await bench.control.write_dword(REGISTER[name] + 4, value >> 32)
        low = await bench.control.read_dword(REGISTER[name])
        high = await bench.control.read_dword(REGISTER[name] + 4)
        # The lowest 12 bits need not exist: buffers start at multiples of 4096.
        assert (high << 32 | low) == value & mask, f"{name}: {high:08x}{low:08x}"


@cocotb.test()
async def a_strided_padded_convolution_is_right(dut):
    bench = Bench(dut)
    await bench.reset()
    program = convolution(bench.config, 1)
    model = execute(bench, program)
    snapshots = await run(bench, program, model)
    plausible(snapshots, model, model.loaded)
    assert (await bench.read("control")) & bit("control", "ap_idle")


@cocotb.test()
async def random_networks_survive_back_pressure(dut):
    """Several networks, each with other pauses on all ten channels, one after the other without a reset."""
    bench = Bench(dut)
    await bench.reset()
    for seed, share in ((11, 0.3), (12, 0.6), (13, 0.85)):
        bench.pressure(seed, share)
        program = network(bench.config, seed)
        model = execute(bench, program)
        snapshots = await run(bench, program, model)
        plausible(snapshots, model, model.loaded)
        dut._log.info("network %d, pauses %d %%: %s", seed, 100 * share, snapshots[-1])


@cocotb.test()
async def a_second_run_starts_afresh(dut):
    """Same program twice, an odd number of feeds each: banks, pointers and counters must not remember."""
    bench = Bench(dut)
    await bench.reset()
    program = convolution(bench.config, 2)
    model = execute(bench, program)
    first = await run(bench, program, model)
    second = await run(bench, program, model)
    assert first[-1]["busy"] == second[-1]["busy"], "counters start from zero in every run"


@cocotb.test()
async def the_interrupt_line_tells_the_end(dut):
    bench = Bench(dut)
    await bench.reset()
    await bench.write("global_interrupt", 1)
    await bench.write("interrupt_enable", 1)
    program = convolution(bench.config, 3)
    addresses = bench.place(program)
    await bench.start(addresses)
    assert int(dut.interrupt.value) == 0
    for _ in range(200_000):
        await ClockCycles(dut.ap_clk, 1)
        if int(dut.interrupt.value):
            break
    assert int(dut.interrupt.value) == 1, "no interrupt at the end of the run"
    assert await bench.read("interrupt_status") & 1
    await bench.write("interrupt_status", 1)  # toggles it off
    assert int(dut.interrupt.value) == 0
    control = await bench.read("control")
    assert control & bit("control", "ap_done"), "done stays until control is read"
    assert not (await bench.read("control")) & bit("control", "ap_done"), "reading control clears done"


@cocotb.test()
async def an_unknown_command_ends_the_run_with_its_status_bit(dut):
    bench = Bench(dut)
    await bench.reset()
    unknown = next(op for op in range(0x47, 0x100) if op not in NAME)
    program = convolution(bench.config, 4)
    end = program.words.index(next(w for w in program.words if NAME[w >> 24] == "MARK"))
    broken = Program(bench.config, 4)
    broken.words = [*program.words[:end], unknown << 24 | 0x123]
    broken.weights, broken.input, broken.stored = program.weights, program.input, program.stored
    await bench.start(bench.place(broken))
    await bench.done()
    assert await bench.read("status") == bit("status", "illegal")
    # The next, sound run is not touched by it.
    await run(bench, program, execute(bench, program))


@cocotb.test()
async def errors_of_card_memory_reach_the_status_register(dut):
    """Addresses outside the memory are answered with an error; the run still ends and the next one is sound."""
    bench = Bench(dut, whole=False)
    await bench.reset()
    program = convolution(bench.config, 5)
    outside = 1 << (bench.config["addr_bits"] - 1)
    addresses = bench.place(program)
    await bench.start({**addresses, "input": outside})
    await bench.done()
    assert await bench.read("status") == bit("status", "read_error")
    await bench.start({**addresses, "output": outside})
    await bench.done()
    assert await bench.read("status") == bit("status", "write_error")
    model = execute(bench, program)
    await run(bench, program, model)
