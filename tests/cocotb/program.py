"""Random but sensible command streams: layers whose inputs, weights and outputs fit the chip, with all hazards waited for."""

import random

from contract import UNITS, command

ALL = sum(UNITS.values())


class Program:
    """A command stream and the weight and input buffers that go with it."""

    def __init__(self, config, seed):
        self.n = config["n"]
        self.bus = 1 << (self.n - 1).bit_length()
        self.act_words = 1 << config["act_words_log2"]
        self.bank_words = 1 << config["acc_words_log2"]
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

    def parameters(self, steps, scale_bits):
        """n parameter records: bias and multiplier, little endian, 12 bytes, zeros to whole words."""
        words = []
        for _ in range(self.n):
            bias = self.random.randrange(-5000, 5000)
            # out = acc · mult / 2^(8(steps−1)+1): bring sums of about `scale_bits` bits to 8 bits.
            mult = (self.random.randrange(1 << 30, 1 << 31) << max(0, 8 * steps - 31)) >> max(scale_bits - 1, 0)
            mult &= (1 << (8 * steps)) - 1
            record = bias.to_bytes(4, "little", signed=True) + mult.to_bytes(8, "little")
            record += bytes(-len(record) % self.n)
            words += [[b - 256 if b > 127 else b for b in record[i : i + self.n]] for i in range(0, len(record), self.n)]
        return words

    def layer(self, source, address, kernel=(3, 3), stride=(1, 1), pad=(1, 1), mode="conv", out_blocks=1, channels=None):
        """One layer from a tensor to `address`; all output blocks, each in as many jobs as the banks ask for."""
        n, (kh, kw), (sy, sx), blocks = self.n, kernel, stride, source["blocks"]
        pooling = mode == "max"
        out_h = (source["height"] + 2 * pad[0] - kh) // sy + 1
        out_w = (source["width"] + 2 * pad[1] - kw) // sx + 1
        if pooling:
            # One identity tile held for the whole job, one block a job; 1.0 as a multiplier.
            tiles = [[int(r == c) for c in range(n)] for r in range(n)]
            steps = 4
            records = []
            for _ in range(n):
                record = bytes(4) + (1 << (8 * (steps - 1) + 1)).to_bytes(8, "little")
                record += bytes(-len(record) % n)
                records += [[b - 256 if b > 127 else b for b in record[i : i + n]] for i in range(0, len(record), n)]
            jobs, job_blocks = blocks, 1
        else:
            steps = self.random.randrange(4, 8)
            jobs, job_blocks = out_blocks, blocks
            tiles, records = [], []
        base = self.weights_on_chip
        rows = max(1, self.bank_words // out_w)
        self.wait()
        per_job = []
        for _ in range(jobs):
            if not pooling:
                tiles = self.tiles(kh * kw * job_blocks, channels)
                records = self.parameters(steps, 15)
            self.load(tiles + records, base, "weight")
            per_job.append((base, base + len(tiles)))
            base += len(tiles) + len(records)
            self.wait("load")
        self.weights_on_chip = base
        for job, (tile_at, param_at) in enumerate(per_job):
            for first in range(0, out_h, rows):
                count = min(rows, out_h - first)
                self.job(source, kernel, stride, pad, pooling, job, (first, count, out_w), tile_at)
                self.add("D_ADDR", address=(address + first * out_w * jobs + job) % self.act_words)
                self.add("D_STEP", step=jobs)
                self.add("D_COUNT", pixels=count * out_w - 1, steps=steps - 1)
                low = self.random.randrange(-128, 0)
                self.add("D_QUANT", zero_point=self.random.randrange(-20, 20) if not pooling else 0, low=low, high=127)
                self.add("D_PARAM", address=param_at)
                self.add("DRAIN")
        self.wait("drain")
        return {"height": out_h, "width": out_w, "blocks": jobs, "address": address}

    def job(self, source, kernel, stride, pad, pooling, job, rows, tile_at):
        """The feeder's side: one output block of some output rows."""
        (kh, kw), (sy, sx), blocks = kernel, stride, source["blocks"]
        first, count, out_w = rows
        y0, x0 = first * sy - pad[0], -pad[1]
        # A pooling job takes one block of the tensor: steps go over all blocks, the job itself has one.
        job_blocks = 1 if pooling else blocks
        assert not pooling or blocks == 1 or kw == 1, "taps in a row lie `blocks` words apart, a job's lie job_blocks apart"
        offset = (y0 * source["width"] + x0) * blocks + (job if pooling else 0)
        self.add("F_ADDR", address=(source["address"] + offset) % (1 << 24))
        self.add("F_PIXEL_STEP", step=sx * blocks)
        self.add("F_ROW_STEP", step=sy * source["width"] * blocks)
        self.add("F_KERNEL_STEP", step=source["width"] * blocks)
        self.add("F_OUT", width=out_w - 1, height=count - 1)
        self.add("F_KERNEL", width=kw - 1, height=kh - 1, blocks=job_blocks - 1)
        self.add("F_ORIGIN", x=x0, y=y0)
        self.add("F_IN", width=source["width"], height=source["height"])
        lowest = -128 if pooling else self.random.randrange(-128, 128)
        self.add("F_MODE", pad=lowest, stride_x=sx, stride_y=sy, max=int(pooling), hold=int(pooling))
        self.add("F_MACS", full=self.n * self.n, last=self.random.randrange(1, self.n * self.n + 1))
        self.add("W_ADDR", address=tile_at)
        self.add("FEED")

    def mark(self):
        self.add("MARK")

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
