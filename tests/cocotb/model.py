"""What the kernel computes, in Python integers, from the documents of the contract. It knows nothing of time.

Written for these tests from the words of isa/src (command, layout, requant), not from any other model.
"""

import numpy as np
from contract import decode, signed


class Kernel:
    """One run of a command stream on a fresh chip. `source` is {"weights": bytes, "input": bytes}."""

    def __init__(self, config, source):
        self.n = config["n"]
        self.bus = 1 << (self.n - 1).bit_length()
        self.source = source
        self.lanes = config["lanes"]
        self.parallel, self.residual = config["multiplier"] == "parallel", config["residual"] == "true"
        # Line mode: so many groups of rows, so many rows each.
        self.groups = config["line_groups"]
        self.group_rows = self.n // self.groups
        self.act = np.zeros((1 << config["act_words_log2"], self.n), np.int8)
        self.weight = np.zeros((1 << config["weight_words_log2"], self.n), np.int8)
        self.banks = [{}, {}]
        self.fed = self.drained = self.next_weight = 0
        self.register = {}
        self.output = {}
        # What must be counted exactly; how often units wait is theirs to decide.
        self.count = dict.fromkeys(["busy", "macs", "zero_products", "act_writes", "weight_writes", "acc_writes", "commands"], 0)
        self.stored = self.loaded = self.marks = 0

    def run(self, words):
        """Executes until END; False if an unknown operation ended the run."""
        for word in words:
            name, fields = decode(word)
            if name is None:
                return False
            self.count["commands"] += name != "WAIT"
            if name == "END":
                return True
            if fields and name not in ("WAIT", "MARK"):
                self.register[name] = fields
                if name == "W_ADDR":
                    self.next_weight = fields["address"]
            elif name in ("FEED", "DRAIN", "LOAD", "STORE"):
                getattr(self, name.lower())()
            elif name == "MARK":
                self.marks += 1
        raise AssertionError("the stream has no END")

    def load(self):
        length, dst = self.register["L_LEN"], self.register["L_DST"]
        memory = self.weight if dst["memory"] else self.act
        for i in range(length["words"] + 1):
            offset = self.register["L_SRC"]["offset"] + i
            if length["source"] == 2:
                data = self.output[offset]
            else:
                data = self.source[("weights", "input")[length["source"]]][offset * self.bus :][: self.n]
            memory[(dst["address"] + i) % len(memory)] = np.frombuffer(data, np.int8)
        self.count["weight_writes" if dst["memory"] else "act_writes"] += length["words"] + 1
        self.loaded += length["words"] + 1

    def store(self):
        for i in range(self.register["S_LEN"]["words"] + 1):
            word = self.act[(self.register["S_SRC"]["address"] + i) % len(self.act)]
            self.output[self.register["S_DST"]["offset"] + i] = word.tobytes()
            self.stored += 1

    def feed(self):
        r = self.register
        mode, kernel, out = r["F_MODE"], r["F_KERNEL"], r["F_OUT"]
        bank = self.banks[self.fed % 2]
        self.fed += 1
        blocks = kernel["blocks"] + 1
        # How far taps lie apart in the input: in line mode a tap of the kernel is a chunk of them.
        apart = (self.group_rows, self.groups) if mode["line"] else (1, 1)
        tile, first = None, True
        for ky in range(kernel["height"] + 1):
            for kx in range(kernel["width"] + 1):
                for block in range(blocks):
                    if tile is None or not mode["hold"]:
                        rows = [(self.next_weight + i) % len(self.weight) for i in range(self.n)]
                        tile = self.weight[rows].astype(np.int64)
                        self.next_weight += self.n
                    column = kx * (blocks - 1 + r["F_TAP_STEP"]["step"]) + block
                    tap = r["F_ADDR"]["address"] + ky * r["F_KERNEL_STEP"]["step"] + column
                    image = self.image(tap, (ky * apart[1], kx * apart[0]), (out["height"] + 1, out["width"] + 1))
                    self.count["busy"] += image.shape[0] * image.shape[1]
                    if mode["line"]:
                        sums = self.lines(image, tile)
                        ends = (ky, kx) == (kernel["height"], kernel["width"])
                    else:
                        sums = [word @ tile for line in image for word in line]
                        zero = sum(np.count_nonzero((word[:, None] == 0) | (tile == 0)) for line in image for word in line)
                        self.count["zero_products"] += int(zero)
                        ends = block == blocks - 1
                    for pixel, sum_ in enumerate(sums):
                        if first:
                            bank[pixel] = sum_
                        else:
                            bank[pixel] = np.maximum(bank[pixel], sum_) if mode["max"] else bank[pixel] + sum_
                    self.count["acc_writes"] += len(sums)
                    self.count["macs"] += len(sums) * r["F_MACS"]["last" if ends else "full"]
                    first = False

    def image(self, tap, at, shape):
        """The words that one tap reads, [lines, samples, n]: from memory, or padding outside the input."""
        r = self.register
        mode = r["F_MODE"]
        origin = [signed(r["F_ORIGIN"][axis], 12) for axis in ("y", "x")]
        image = np.full((*shape, self.n), signed(mode["pad"], 8), np.int64)
        for y in range(shape[0]):
            for x in range(shape[1]):
                iy, ix = y * mode["stride_y"] + origin[0] + at[0], x * mode["stride_x"] + origin[1] + at[1]
                if 0 <= iy < r["F_IN"]["height"] and 0 <= ix < r["F_IN"]["width"]:
                    address = tap + y * r["F_ROW_STEP"]["step"] + x * r["F_PIXEL_STEP"]["step"]
                    image[y, x] = self.act[address % len(self.act)]
        return image

    def lines(self, image, tile):
        """Line mode: each column of the tile filters its own channel along the lines. Sums of the outputs, in order."""
        wanted = self.register["F_LINE"]

        def outputs(first, apart, length):
            return [i for i in range(length) if i >= first and (i - first) % (apart + 1) == 0]

        rows = outputs(wanted["lines"], wanted["step_y"], image.shape[0])
        columns = outputs(wanted["taps"], wanted["step_x"], image.shape[1])
        assert rows and columns and (rows[-1] + 1, columns[-1] + 1) == image.shape[:2], "the last sample has no output"
        sums = []
        for line in rows:
            for sample in columns:
                total = np.zeros(self.n, np.int64)
                for row in range(self.n):
                    if tile[row].any():
                        group = min(row // self.group_rows, self.groups - 1)
                        y, x = line - group, sample - (row - group * self.group_rows)
                        assert y >= 0 and x >= 0, "an output touches what is undefined"
                        total += tile[row] * image[y, x]
                sums.append(total)
        return sums

    def drain(self):
        r = self.register
        bank = self.banks[self.drained % 2]
        self.drained += 1
        steps = r["D_COUNT"]["steps"] + 1
        zero_point, low, high = (signed(r["D_QUANT"][f], 8) for f in ("zero_point", "low", "high"))
        lanes = self.lanes
        # A record of a fitted multiplier is bias, digits and two constants; its words at 8 columns and more have 8, 4, 4 bytes.
        places = [0, 4, 8, 12] if self.n < 8 else [0, 4, self.n, 2 * self.n]
        record_words = -(-12 // self.n) if self.parallel else 4 if self.n < 8 else 3
        all_words = self.n * record_words * (1 if self.parallel else steps)
        bias, mult, passes = [], [], []
        uniform = r["D_COUNT"]["uniform"]
        if uniform:
            # One multiplier in a word of its own, and n biases of four bytes.
            common = self.record(r["D_PARAM"]["address"], 5)
            mult = [int.from_bytes(common[:8], "little")] * self.n
            biases = common[self.n :]
            bias = [int.from_bytes(biases[4 * c : 4 * c + 4], "little", signed=True) for c in range(self.n)]
        for c in range(0 if self.parallel else self.n):
            passes.append([])
            for step in range(steps):
                # By group of as many channels as there are lanes, by pass, by channel.
                at = (c // lanes * steps + step) * lanes + c % lanes
                record = self.record(r["D_PARAM"]["address"] + at * record_words, record_words)
                passes[c].append([int.from_bytes(record[place : place + 4], "little") for place in places])
        for c in range(0 if uniform or not self.parallel else self.n):
            record = self.record(r["D_PARAM"]["address"] + c * record_words, record_words)
            bias.append(int.from_bytes(record[:4], "little", signed=True))
            mult.append(int.from_bytes(record[4:12], "little"))
        add = self.residual and r["D_COUNT"]["add"]
        if add:
            record = self.record(r["D_PARAM"]["address"] + (5 if uniform else all_words), -(-16 // self.n))
            a, b = (int.from_bytes(record[i : i + 4], "little", signed=True) for i in (0, 4))
            offset = int.from_bytes(record[8:16], "little", signed=True)
            least, most = (signed(r["D_CLAMP"][f], 8) for f in ("low", "high"))
        for pixel in range(r["D_COUNT"]["pixels"] + 1):
            word = np.zeros(self.n, np.int8)
            other = self.act[(r["D_ADD"]["address"] + pixel * r["D_ADD_STEP"]["step"]) % len(self.act)] if add else None
            for c in range(self.n):
                if self.parallel:
                    # M, and how far to shift; the top bit asks for the second rounding.
                    acc = signed((int(bank[pixel][c]) + bias[c]) & 0xFFFFFFFF, 32)
                    again = (mult[c] >> 63) << 30
                    product = acc * (mult[c] & 0xFFFFFFFF)
                    product = product + (again if product >= 0 else -again) >> (mult[c] >> 32 & 63)
                    value = min(max(((product + 1) >> 1) + zero_point, low), high)
                else:
                    value = max(low, min(self.fitted(int(bank[pixel][c]), passes[c]), high))
                if add:
                    value = min(max((a * value + b * int(other[c]) + offset) >> 28, least), most)
                word[c] = value
            self.act[(r["D_ADDR"]["address"] + pixel * r["D_STEP"]["step"]) % len(self.act)] = word
            self.count["act_writes"] += 1

    @staticmethod
    def fitted(acc, passes):
        """A sum through the passes of a fitted multiplier: twelve digits of 0, 1, 2 and the complement, two bits each."""
        total = 0
        for bias, word, positive, negative in passes:
            x = signed((acc + bias) & 0xFFFFFF, 24)
            product = sum((0, x, 2 * x, ~x)[word >> 2 * i & 3] << 2 * i for i in range(12))
            constant = signed(negative if x < 0 else positive, 32)
            total = signed((total // (1 << 24) + product + (constant << 10)) & (1 << 48) - 1, 48)
        return total >> 20 + 2 * (passes[-1][1] >> 24 & 7)

    def record(self, address, words):
        """So many words of weight memory as bytes."""
        return self.weight[[(address + i) % len(self.weight) for i in range(words)]].tobytes()
