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
            self.count["commands"] += 1
            if name == "END":
                return True
            if fields and name != "WAIT":
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
        data = self.source["input" if length["source"] else "weights"]
        memory = self.weight if dst["memory"] else self.act
        for i in range(length["words"] + 1):
            at = (self.register["L_SRC"]["offset"] + i) * self.bus
            memory[(dst["address"] + i) % len(memory)] = np.frombuffer(data[at : at + self.n], np.int8)
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
        origin = [signed(r["F_ORIGIN"][axis], 12) for axis in ("y", "x")]
        limit = [r["F_IN"]["height"], r["F_IN"]["width"]]
        blocks, width = kernel["blocks"] + 1, out["width"] + 1
        bank = self.banks[self.fed % 2]
        self.fed += 1
        tile, first = None, True
        for ky in range(kernel["height"] + 1):
            for kx in range(kernel["width"] + 1):
                for block in range(blocks):
                    if tile is None or not mode["hold"]:
                        rows = [(self.next_weight + i) % len(self.weight) for i in range(self.n)]
                        tile = self.weight[rows].astype(np.int64)
                        self.next_weight += self.n
                    tap = r["F_ADDR"]["address"] + ky * r["F_KERNEL_STEP"]["step"] + kx * blocks + block
                    for oy in range(out["height"] + 1):
                        for ox in range(width):
                            iy = oy * mode["stride_y"] + origin[0] + ky
                            ix = ox * mode["stride_x"] + origin[1] + kx
                            at = tap + oy * r["F_ROW_STEP"]["step"] + ox * r["F_PIXEL_STEP"]["step"]
                            if 0 <= iy < limit[0] and 0 <= ix < limit[1]:
                                word = self.act[at % len(self.act)].astype(np.int64)
                            else:
                                word = np.full(self.n, signed(mode["pad"], 8), np.int64)
                            sums = word @ tile
                            pixel = oy * width + ox
                            if first:
                                bank[pixel] = sums
                            else:
                                bank[pixel] = np.maximum(bank[pixel], sums) if mode["max"] else bank[pixel] + sums
                            self.count["busy"] += 1
                            self.count["acc_writes"] += 1
                            self.count["macs"] += r["F_MACS"]["last" if block == blocks - 1 else "full"]
                            self.count["zero_products"] += int(np.count_nonzero((word[:, None] == 0) | (tile == 0)))
                    first = False

    def drain(self):
        r = self.register
        bank = self.banks[self.drained % 2]
        self.drained += 1
        steps = r["D_COUNT"]["steps"] + 1
        zero_point, low, high = (signed(r["D_QUANT"][f], 8) for f in ("zero_point", "low", "high"))
        record_words = -(-12 // self.n)
        bias, mult = [], []
        for c in range(self.n):
            at = [(r["D_PARAM"]["address"] + c * record_words + i) % len(self.weight) for i in range(record_words)]
            record = self.weight[at].tobytes()
            bias.append(int.from_bytes(record[:4], "little", signed=True))
            mult.append(int.from_bytes(record[4:12], "little"))
        for pixel in range(r["D_COUNT"]["pixels"] + 1):
            word = np.zeros(self.n, np.int8)
            for c in range(self.n):
                acc = signed((int(bank[pixel][c]) + bias[c]) & 0xFFFFFFFF, 32)
                value = ((((acc * mult[c]) >> (8 * (steps - 1))) + 1) >> 1) + zero_point
                word[c] = min(max(value, low), high)
            self.act[(r["D_ADDR"]["address"] + pixel * r["D_STEP"]["step"]) % len(self.act)] = word
            self.count["act_writes"] += 1
