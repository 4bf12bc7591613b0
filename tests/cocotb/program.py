"""Random but sensible command streams: layers whose inputs, weights and outputs fit the chip, with all hazards waited for."""

import random

from contract import UNITS, command

ALL = sum(UNITS[unit] for unit in ("feeder", "drain", "load", "store"))


class Program:
    """A command stream and the weight and input buffers that go with it."""

    def __init__(self, config, seed):
        self.n = config["n"]
        self.bus = 1 << (self.n - 1).bit_length()
        self.act_words = 1 << config["act_words_log2"]
        self.bank_words = 1 << config["acc_words_log2"]
        self.parallel, self.residual = config["multiplier"] == "parallel", config["residual"] == "true"
        # One multiplier for all channels of a block: with a parallel one for every column.
        self.shares = self.parallel and config["lanes"] == self.n and self.n >= 8
        self.lanes = config["lanes"]
        self.groups = config["line_groups"]
        self.group_rows = self.n // self.groups
        self.random = random.Random(seed)
        self.words, self.weights, self.input = [], [], []
        self.weights_on_chip = self.stored = 0

    def add(self, name, **values):
        self.words.append(command(name, **values))

    def wait(self, *units):
        self.add("WAIT", units=sum(UNITS[u] for u in units) if units else ALL)

    def byte(self, zeros=0.3):
        return 0 if self.random.random() < zeros else self.random.randrange(-128, 128)

    def load(self, data, address, memory):
        """Appends on-chip words to the weight or input buffer and loads them."""
        buffer, source = (self.input, 1) if memory == "act" else (self.weights, 0)
        self.add("L_SRC", offset=len(buffer))
        self.add("L_DST", address=address, memory=int(memory == "weight"))
        self.add("L_LEN", words=len(data) - 1, source=source)
        self.add("LOAD")
        buffer.extend(data)

    def tensor(self, height, width, blocks, address):
        """Random activations, loaded at `address`."""
        self.load([[self.byte() for _ in range(self.n)] for _ in range(height * width * blocks)], address, "act")
        return {"height": height, "width": width, "blocks": blocks, "address": address}

    def store(self, address, words):
        self.add("S_SRC", address=address)
        self.add("S_DST", offset=self.stored)
        self.add("S_LEN", words=words - 1)
        self.add("STORE")
        self.stored += words

    def tiles(self, count, channels=None):
        """Weight tiles; with `channels`, rows and columns past them hold zero."""
        used = channels or self.n
        return [
            [self.byte(0.1) if r < used and c < used else 0 for c in range(self.n)] for _ in range(count) for r in range(self.n)
        ]

    def words_of(self, record):
        """A record as on-chip words, zeros to the end of the last one."""
        record += bytes(-len(record) % self.n)
        return [[b - 256 if b > 127 else b for b in record[i : i + self.n]] for i in range(0, len(record), self.n)]

    def parameters(self, steps, scale_bits, uniform):
        """n parameter records: bias and multiplier, little endian, 12 bytes, zeros to whole words; or one multiplier in a
        word of its own, and n biases; or of fitted multipliers n records for each pass."""
        if not self.parallel:
            return [word for _ in range(self.n * steps) for word in self.fitted(scale_bits)]
        # out = acc · M / 2^t: bring sums of about `scale_bits` bits to 8 bits.
        t = 23 + scale_bits
        biases = [self.random.randrange(-5000, 5000).to_bytes(4, "little", signed=True) for _ in range(self.n)]
        if uniform:
            return self.words_of(self.multiplier(self.random.randrange(1 << 30, 1 << 31), t, steps)) + self.words_of(b"".join(biases))
        words = []
        for bias in biases:
            words += self.words_of(bias + self.multiplier(self.random.randrange(1 << 30, 1 << 31), t, steps))
        return words

    def unity(self, steps, uniform):
        """n parameter records that change nothing, or one multiplier and no bias."""
        if not self.parallel:
            # Digit 11 is 1: 2^22, which is dropped. A first pass gives nothing.
            one = self.pass_words(0, 1 << 22 | 1 << 24, 0, 0)
            # By group of as many channels as there are lanes, by pass, by channel.
            group = self.pass_words(0, 0, 0, 0) * (self.lanes * (steps - 1)) + one * self.lanes
            return group * (self.n // self.lanes)
        multiplier = self.multiplier(1 << 30, 30, steps)
        if uniform:
            return self.words_of(multiplier) + self.words_of(bytes(4 * self.n))
        return self.words_of(bytes(4) + multiplier) * self.n

    def uniform(self):
        """Whether a layer has one multiplier for all channels."""
        return self.shares and self.random.random() < 0.5

    def multiplier(self, m, t, steps):
        """M · 2^-t as the lanes take it, 8 bytes; rounding twice now and then, where that makes a difference."""
        twice = t > 31 and self.random.random() < 0.7
        if self.parallel:
            return (m | t - 1 << 32 | twice << 63).to_bytes(8, "little")

    def fitted(self, scale_bits):
        """A pass of a fitted multiplier that brings sums of about `scale_bits` bits to 8 bits."""
        code = self.random.randrange(4, 8)
        drop = 20 + 2 * code
        digits = self.random.randrange(1 << 24) >> max(0, 24 - (drop + 9 - scale_bits))
        half = 1 << drop - 10 + 7
        constants = [self.random.randrange(-half, half) for _ in range(2)]
        return self.pass_words(self.random.randrange(-5000, 5000), digits | code << 24, *constants)

    def pass_words(self, bias, digits, positive, negative):
        """A record of a fitted multiplier: four words of four bytes; with 8 columns or more bias and digits share one."""
        fields = [f.to_bytes(4, "little", signed=f < 0) for f in (bias, digits, positive, negative)]
        parts = fields if self.n < 8 else [fields[0] + fields[1], *fields[2:]]
        return [word for part in parts for word in self.words_of(part)]

    def addition(self):
        """The constants of a residual addition: about half of the one and half of the other, and an offset."""
        factors = [self.random.randrange(1 << 26, 1 << 28) * self.random.choice((1, 1, -1)) for _ in range(2)]
        offset = self.random.randrange(-(1 << 34), 1 << 34)
        record = b"".join(f.to_bytes(4, "little", signed=True) for f in factors) + offset.to_bytes(8, "little", signed=True)
        return self.words_of(record)

    def weights_at(self, data):
        """Loads weight words behind those that are there, in one load or two, one after the other; returns where."""
        base = self.weights_on_chip
        cut = self.random.choice((len(data), self.random.randrange(1, len(data))))
        for part, address in ((data[:cut], base), (data[cut:], base + cut)):
            if part:
                self.load(part, address, "weight")
                # Two loads run at a time; a wait for the older one holds up nobody who needs no more.
                if self.random.random() < 0.3:
                    self.wait("older loads")
        self.weights_on_chip += len(data)
        return base

    def drain(self, at, pixels, steps, param, quant, add=None, uniform=False):
        """One drain; `add` is (address, step) of the tensor to add. Parallel multipliers take one step, or two to add."""
        if self.parallel:
            steps = 2 if add else 1
        self.add("D_ADDR", address=at[0] % self.act_words)
        self.add("D_STEP", step=at[1])
        self.add("D_COUNT", pixels=pixels - 1, steps=steps - 1, add=int(add is not None), uniform=int(uniform))
        if add:
            self.add("D_ADD", address=add[0] % self.act_words)
            self.add("D_ADD_STEP", step=add[1])
            self.add("D_CLAMP", low=self.random.randrange(-128, 0) & 255, high=self.random.choice((127, 100)))
        self.add("D_QUANT", zero_point=quant[0] & 255, low=quant[1] & 255, high=127)
        self.add("D_PARAM", address=param)
        self.add("DRAIN")

    def layer(
        self, source, address, kernel=(3, 3), stride=(1, 1), pad=(1, 1), mode="conv", out_blocks=1, channels=None, add=None
    ):
        """One layer from a tensor to `address`; all output blocks, each in as many jobs as the banks ask for. `add`: a
        tensor of the shape of the output that is added to it, where the kernel can."""
        n, (kh, kw), (sy, sx), blocks = self.n, kernel, stride, source["blocks"]
        pooling = mode == "max"
        out_h = (source["height"] + 2 * pad[0] - kh) // sy + 1
        out_w = (source["width"] + 2 * pad[1] - kw) // sx + 1
        add = add if self.residual else None
        # A pooling layer holds one identity tile for the whole job, one block a job.
        jobs, job_blocks = (blocks, 1) if pooling else (out_blocks, blocks)
        assert add is None or (add["height"], add["width"], add["blocks"]) == (out_h, out_w, jobs)
        # An addition takes two cycles a value.
        steps, uniform = 2 if add else self.random.randrange(1, 3), self.uniform()
        rows = max(1, self.bank_words // out_w)
        self.wait()
        per_job = []
        for _ in range(jobs):
            if pooling:
                tiles, records = [[int(r == c) for c in range(n)] for r in range(n)], self.unity(steps, uniform)
            else:
                tiles, records = self.tiles(kh * kw * job_blocks, channels), self.parameters(steps, 15, uniform)
            tile_at = self.weights_at(tiles + records + (self.addition() if add else []))
            per_job.append((tile_at, tile_at + len(tiles)))
        self.wait("load")
        for job, (tile_at, param_at) in enumerate(per_job):
            for first in range(0, out_h, rows):
                count = min(rows, out_h - first)
                self.job(source, kernel, stride, pad, pooling, job, (first, count, out_w), tile_at)
                quant = (self.random.randrange(-20, 20) if not pooling else 0, self.random.randrange(-128, 0))
                place = first * out_w * jobs + job
                other = (add["address"] + place, jobs) if add else None
                self.drain((address + place, jobs), count * out_w, steps, param_at, quant, other, uniform)
        # Beside the last drain, in some layers.
        if self.random.random() < 0.4:
            self.mark(soft=1)
        self.wait("drain")
        return {"height": out_h, "width": out_w, "blocks": jobs, "address": address}

    def depthwise(self, source, address, kernel, stride, pad):
        """A depthwise convolution in line mode: a job for each block and as many output rows as a bank holds."""
        n, (kh, kw), (sy, sx), blocks = self.n, kernel, stride, source["blocks"]
        out_h = (source["height"] + 2 * pad[0] - kh) // sy + 1
        out_w = (source["width"] + 2 * pad[1] - kw) // sx + 1
        # The kernel in chunks of the rows that a tile has for one line, and of its lines.
        taps, lines = min(kw, self.group_rows), min(kh, self.groups)
        chunks = (-(-kh // lines) if lines == self.groups else 1, -(-kw // taps) if taps == self.group_rows else 1)
        rows = max(1, self.bank_words // out_w)
        steps, uniform = self.random.randrange(1, 3), self.uniform()
        self.wait()
        per_block = []
        for _ in range(blocks):
            tiles = []
            for chunk_y in range(chunks[0]):
                for chunk_x in range(chunks[1]):
                    tile = [[0] * n for _ in range(n)]
                    for g in range(lines):
                        for r in range(taps):
                            # What is g lines and r samples old when the newest of the chunk comes.
                            ky, kx = chunk_y * lines + lines - 1 - g, chunk_x * taps + taps - 1 - r
                            if ky < kh and kx < kw:
                                tile[g * self.group_rows + r] = [self.byte(0.1) for _ in range(n)]
                    tiles += tile
            tile_at = self.weights_at(tiles + self.parameters(steps, 12, uniform))
            per_block.append((tile_at, tile_at + len(tiles)))
        self.wait("load")
        for block, (tile_at, param_at) in enumerate(per_block):
            for first in range(0, out_h, rows):
                count = min(rows, out_h - first)
                y0, x0 = first * sy - pad[0], -pad[1]
                line = source["width"] * blocks
                self.add("F_ADDR", address=(source["address"] + y0 * line + x0 * blocks + block) % (1 << 24))
                self.add("F_PIXEL_STEP", step=blocks)
                self.add("F_ROW_STEP", step=line)
                self.add("F_TAP_STEP", step=self.group_rows * blocks)
                self.add("F_KERNEL_STEP", step=self.groups * line)
                # So many samples and lines come before the first output; the last one has one.
                self.add("F_OUT", width=taps - 1 + (out_w - 1) * sx, height=lines - 1 + (count - 1) * sy)
                self.add("F_KERNEL", width=chunks[1] - 1, height=chunks[0] - 1, blocks=0)
                self.add("F_ORIGIN", x=x0, y=y0)
                self.add("F_IN", width=source["width"], height=source["height"])
                self.add("F_MODE", pad=self.random.randrange(256), stride_x=1, stride_y=1, max=0, hold=0, line=1)
                self.add("F_LINE", taps=taps - 1, step_x=sx - 1, lines=lines - 1, step_y=sy - 1)
                self.add("F_MACS", full=self.random.randrange(1, n * n), last=self.random.randrange(1, n * n))
                self.add("W_ADDR", address=tile_at)
                self.add("FEED")
                quant = (self.random.randrange(-20, 20), self.random.randrange(-128, 0))
                place = first * out_w * blocks + block
                self.drain((address + place, blocks), count * out_w, steps, param_at, quant, uniform=uniform)
        # Beside the last drain, in some layers.
        if self.random.random() < 0.4:
            self.mark(soft=1)
        self.wait("drain")
        return {"height": out_h, "width": out_w, "blocks": blocks, "address": address}

    def job(self, source, kernel, stride, pad, pooling, job, rows, tile_at):
        """The feeder's side: one output block of some output rows."""
        (kh, kw), (sy, sx), blocks = kernel, stride, source["blocks"]
        first, count, out_w = rows
        y0, x0 = first * sy - pad[0], -pad[1]
        # A pooling job takes one block of the tensor: steps go over all blocks, the job itself has one.
        job_blocks = 1 if pooling else blocks
        offset = (y0 * source["width"] + x0) * blocks + (job if pooling else 0)
        self.add("F_ADDR", address=(source["address"] + offset) % (1 << 24))
        self.add("F_PIXEL_STEP", step=sx * blocks)
        self.add("F_ROW_STEP", step=sy * source["width"] * blocks)
        self.add("F_KERNEL_STEP", step=source["width"] * blocks)
        self.add("F_TAP_STEP", step=blocks if pooling else 1)
        self.add("F_OUT", width=out_w - 1, height=count - 1)
        self.add("F_KERNEL", width=kw - 1, height=kh - 1, blocks=job_blocks - 1)
        self.add("F_ORIGIN", x=x0, y=y0)
        self.add("F_IN", width=source["width"], height=source["height"])
        lowest = -128 if pooling else self.random.randrange(-128, 128)
        self.add("F_MODE", pad=lowest, stride_x=sx, stride_y=sy, max=int(pooling), hold=int(pooling), line=0)
        self.add("F_MACS", full=self.n * self.n, last=self.random.randrange(1, self.n * self.n + 1))
        self.add("W_ADDR", address=tile_at)
        self.add("FEED")

    def load_back(self, offset, words, address):
        """Loads what was stored in the output buffer, once it is there."""
        self.wait("store")
        self.add("L_SRC", offset=offset)
        self.add("L_DST", address=address, memory=0)
        self.add("L_LEN", words=words - 1, source=2)
        self.add("LOAD")
        self.wait("load")

    def mark(self, soft=0):
        self.add("MARK", soft=soft)

    def end(self):
        self.add("END")
        return self

    def buffer(self, data):
        """On-chip words as they lie in card memory, one bus word each; the bytes past n are noise that must not matter."""
        out = bytearray()
        for word in data:
            out += bytes(b & 0xFF for b in word)
            out += bytes(self.random.randrange(256) for _ in range(self.bus - self.n))
        return bytes(out)
