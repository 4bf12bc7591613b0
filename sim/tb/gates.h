// A gate-level simulation that counts what moves: the netlist that scripts/power/netlist.py made from yosys' JSON.
//
// Each net's transitions are counted with their glitches: after a clock edge all sources change at once, and logic
// follows with delays of the UP5K's cells and an average route. A pulse shorter than a cell's delay does not pass it. Power
// comes from these counts (scripts/power/model.py); that the netlist computes what the RTL does is shown apart from this,
// with the vendor's cells under Verilator (scripts/gates).
#ifndef SYSTOLE_GATES_H
#define SYSTOLE_GATES_H

#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace gates {

// Kinds of drivers, as netlist.py numbers them.
enum Kind { INPUT, FF, LUT, CARRY, DSP, RAM, KINDS };
constexpr const char* KIND_NAMES[KINDS] = {"input", "ff", "lut", "carry", "dsp", "ram"};

// Delays in steps of 0.28 ns, a carry's delay in the UP5K (yosys, ice40/cells_sim.v). A route is taken as 1.7 ns.
constexpr unsigned CARRY_STEPS = 1, CARRY_IN_STEPS = 8, LUT_CARRY_STEPS = 4, LUT_STEPS = 10, DSP_STEPS = 20, RING = 32;

struct Activity {
    uint64_t cycles = 0;
    struct Nets {
        // Transitions; those that are left when a cycle's glitches are not counted; transitions times routed sinks.
        uint64_t all = 0, settled = 0, routed = 0;
    };
    std::array<Nets, KINDS> kinds;
    // Transitions times ends (the driver and its routed sinks), all but carries.
    std::vector<uint64_t> module_ends;
    // Bits that changed in the multipliers' operands and products.
    uint64_t dsp_operands = 0, dsp_products = 0;
    // The same together if an activation of zero left its multiplier as it is: what operand isolation could reach at best.
    uint64_t dsp_isolated = 0;
    // Block accesses by memory: SPRAM reads, writes, EBR reads, writes.
    std::vector<std::array<uint64_t, 4>> memories;
};

class Netlist {
public:
    explicit Netlist(const std::string& path) {
        std::ifstream file(path);
        std::string word;
        unsigned nets = 0;
        file >> word >> nets;
        if (!file || word != "systole-gates") throw std::runtime_error(path + " is no netlist; run scripts/gates");
        value_.assign(nets, 0);
        value_[1] = 1;
        kind_.assign(nets, INPUT);
        module_.assign(nets, 0);
        routed_.assign(nets, 0);
        transitions_.assign(nets, 0);
        settled_.assign(nets, 0);
        parity_.assign(nets, 0);
        while (file >> word) read(file, word, path);
        link();
        for (unsigned c = 0; c < cells_.size() + dsps_.size(); c++) schedule(c, 1);
        propagate();
        clear();
    }

    void set(const std::string& port, uint64_t value) {
        const std::vector<unsigned>& bits = ports_.at(port);
        for (size_t i = 0; i < bits.size(); i++) put(bits[i], value >> i & 1);
    }
    uint64_t get(const std::vector<unsigned>& bits) const {
        uint64_t value = 0;
        for (size_t i = 0; i < bits.size(); i++) value |= uint64_t(value_[bits[i]]) << i;
        return value;
    }
    const std::vector<unsigned>& port(const std::string& name) const { return ports_.at(name); }

    // Inputs have changed: lets the logic settle.
    void settle() { propagate(); }

    // A rising clock edge, then the logic settles.
    void clock() {
        finish();
        cycles_++;
        flips_.clear();
        for (const Register& r : registers_) {
            const bool on = value_[r.enable], q = value_[r.q];
            const bool next = !on ? q : value_[r.reset] ? r.reset_value : value_[r.d];
            if (next != q) flips_.push_back(r.q);
        }
        for (Spram& m : sprams_) clock_spram(m);
        for (Ebr& m : ebrs_) clock_ebr(m);
        for (Dsp& d : dsps_) clock_dsp(d);
        for (const unsigned net : flips_) flip(net);
        for (unsigned i = 0; i < dsps_.size(); i++) drive_dsp(dsps_[i]);
        propagate();
    }

    // What happened since the last call.
    Activity take() {
        finish();
        Activity a;
        a.cycles = cycles_;
        a.module_ends.resize(module_names_.size());
        for (size_t n = 2; n < value_.size(); n++) {
            Activity::Nets& kind = a.kinds[kind_[n]];
            kind.all += transitions_[n];
            kind.settled += settled_[n];
            kind.routed += transitions_[n] * routed_[n];
            // Ends that moved; a carry is a wire inside a tile.
            if (kind_[n] != CARRY) a.module_ends[module_[n]] += transitions_[n] * (1 + routed_[n]);
        }
        a.dsp_operands = dsp_operands_;
        a.dsp_products = dsp_products_;
        a.dsp_isolated = dsp_isolated_;
        a.memories = accesses_;
        clear();
        return a;
    }

    std::string json(const Activity& a) const {
        std::string text = "{\"cycles\": " + std::to_string(a.cycles);
        const auto nets = [](const Activity::Nets& n) {
            return "[" + std::to_string(n.all) + ", " + std::to_string(n.settled) + ", " + std::to_string(n.routed) + "]";
        };
        text += ", \"dsp_operands\": " + std::to_string(a.dsp_operands);
        text += ", \"dsp_products\": " + std::to_string(a.dsp_products);
        text += ", \"dsp_isolated\": " + std::to_string(a.dsp_isolated) + ", \"nets\": {";
        for (int k = 0; k < KINDS; k++) text += std::string(k ? ", \"" : "\"") + KIND_NAMES[k] + "\": " + nets(a.kinds[k]);
        text += "}, \"module_ends\": {";
        for (size_t m = 0; m < a.module_ends.size(); m++) {
            text += (m ? ", \"" : "\"") + module_names_[m] + "\": " + std::to_string(a.module_ends[m]);
        }
        text += "}, \"memories\": {";
        for (size_t m = 0; m < a.memories.size(); m++) {
            text += (m ? ", \"" : "\"") + memory_names_[m] + "\": [";
            for (int i = 0; i < 4; i++) text += (i ? ", " : "") + std::to_string(a.memories[m][i]);
            text += "]";
        }
        return text + "}}";
    }

private:
    struct Cell {
        uint8_t carry;
        uint16_t init;
        std::array<unsigned, 4> in;
        unsigned out;
    };
    struct Register {
        unsigned q, d, enable, reset;
        bool reset_value;
    };
    struct Spram {
        unsigned memory, write, select;
        std::vector<unsigned> address, data, out, mask;
        std::vector<uint16_t> words;
    };
    struct Ebr {
        unsigned memory, read_mode, write_mode, re, rce, we, wce;
        std::vector<unsigned> raddr, rdata, waddr, wdata, mask;
        std::vector<uint16_t> words;
    };
    struct Dsp {
        unsigned a_reg, b_reg, top_reg, bottom_reg, top_select, bottom_select, narrow, a_signed, b_signed, ce, ahold, bhold;
        std::vector<unsigned> a, b, o;
        uint16_t ra = 0, rb = 0, last_a = 0, last_b = 0;
        // The product registers, and behind them (outputs selected as 1) the output registers.
        uint32_t products = 0, late = 0, last = 0;
        // With isolation: the last operand that was not zero, and what it gives.
        uint16_t kept = 0;
        uint32_t kept_product = 0;
    };
    struct Sink {
        unsigned cell, steps;
    };

    static std::vector<unsigned> numbers(std::istream& in) {
        size_t count = 0;
        in >> count;
        std::vector<unsigned> v(count);
        for (unsigned& x : v) in >> x;
        return v;
    }

    void read(std::istream& in, const std::string& word, const std::string& path) {
        std::string name;
        if (word == "module" || word == "memory") {
            in >> name;
            (word == "module" ? module_names_ : memory_names_).push_back(name);
        } else if (word == "net") {
            unsigned n = 0, kind = 0, module = 0, routed = 0;
            in >> n >> kind >> module >> routed;
            kind_.at(n) = uint8_t(kind);
            module_.at(n) = module;
            routed_.at(n) = routed;
        } else if (word == "port") {
            in >> name;
            ports_[name] = numbers(in);
        } else if (word == "lut" || word == "carry") {
            Cell c{uint8_t(word == "carry"), 0, {0, 0, 0, 0}, 0};
            unsigned init = 0;
            in >> init >> c.out >> c.in[0] >> c.in[1] >> c.in[2] >> c.in[3];
            c.init = uint16_t(init);
            cells_.push_back(c);
        } else if (word == "ff") {
            Register r{};
            in >> r.q >> r.d >> r.enable >> r.reset >> r.reset_value;
            registers_.push_back(r);
        } else if (word == "spram") {
            Spram m{};
            in >> m.memory >> m.write >> m.select;
            m.address = numbers(in), m.data = numbers(in), m.out = numbers(in), m.mask = numbers(in);
            m.words.assign(16384, 0);
            sprams_.push_back(m);
        } else if (word == "ebr") {
            Ebr m{};
            in >> m.memory >> m.read_mode >> m.write_mode >> m.re >> m.rce >> m.we >> m.wce;
            m.raddr = numbers(in), m.rdata = numbers(in), m.waddr = numbers(in), m.wdata = numbers(in), m.mask = numbers(in);
            for (const unsigned w : numbers(in)) m.words.push_back(uint16_t(w));
            ebrs_.push_back(m);
        } else if (word == "dsp") {
            Dsp d{};
            in >> d.a_reg >> d.b_reg >> d.top_reg >> d.bottom_reg >> d.top_select >> d.bottom_select >> d.narrow >>
                d.a_signed >> d.b_signed >> d.ce >> d.ahold >> d.bhold;
            d.a = numbers(in), d.b = numbers(in), d.o = numbers(in);
            dsps_.push_back(d);
        } else {
            throw std::runtime_error(path + ": `" + word + "` is no part of a netlist");
        }
        if (!in) throw std::runtime_error(path + " is cut short; run scripts/gates");
    }

    void link() {
        sinks_.resize(value_.size());
        for (unsigned c = 0; c < cells_.size(); c++) {
            for (int i = 0; i < 4; i++) {
                const unsigned net = cells_[c].in[i];
                const bool from_carry = kind_[net] == CARRY;
                const unsigned steps = cells_[c].carry ? (i == 2 ? CARRY_STEPS : CARRY_IN_STEPS) : from_carry ? LUT_CARRY_STEPS : LUT_STEPS;
                if (net > 1) sinks_[net].push_back({c, steps});
            }
        }
        for (unsigned d = 0; d < dsps_.size(); d++) {
            for (const std::vector<unsigned>* pins : {&dsps_[d].a, &dsps_[d].b}) {
                for (const unsigned net : *pins) {
                    if (net > 1) sinks_[net].push_back({unsigned(cells_.size() + d), DSP_STEPS});
                }
            }
        }
        accesses_.assign(memory_names_.size(), {0, 0, 0, 0});
        due_.assign(cells_.size() + dsps_.size(), 0);
    }

    void put(unsigned net, bool value) {
        if (value_[net] != value) flip(net);
    }

    void flip(unsigned net) {
        value_[net] ^= 1;
        transitions_[net]++;
        if (!(parity_[net] & 2)) touched_.push_back(net);
        parity_[net] = uint8_t((parity_[net] ^ 1) | 2);
        for (const Sink& s : sinks_[net]) schedule(s.cell, s.steps);
    }

    void schedule(unsigned cell, unsigned steps) {
        const uint64_t at = time_ + steps;
        if (due_[cell] == at) return;
        due_[cell] = at;
        ring_[at % RING].push_back(cell);
        waiting_++;
    }

    void propagate() {
        while (waiting_) {
            time_++;
            std::vector<unsigned>& now = ring_[time_ % RING];
            for (const unsigned c : now) {
                waiting_--;
                if (c >= cells_.size()) {
                    drive_dsp(dsps_[c - cells_.size()]);
                    continue;
                }
                const Cell& cell = cells_[c];
                const unsigned i0 = value_[cell.in[0]], i1 = value_[cell.in[1]], i2 = value_[cell.in[2]], i3 = value_[cell.in[3]];
                const bool out = cell.carry ? (i0 & i1) | ((i0 | i1) & i2) : cell.init >> (i0 | i1 << 1 | i2 << 2 | i3 << 3) & 1;
                if (out != value_[cell.out]) flip(cell.out);
            }
            now.clear();
        }
    }

    // Ends a cycle's count of what changed for good.
    void finish() {
        for (const unsigned net : touched_) {
            settled_[net] += parity_[net] & 1;
            parity_[net] = 0;
        }
        touched_.clear();
    }

    void clear() {
        finish();
        transitions_.assign(value_.size(), 0);
        settled_.assign(value_.size(), 0);
        accesses_.assign(memory_names_.size(), {0, 0, 0, 0});
        cycles_ = dsp_operands_ = dsp_products_ = dsp_isolated_ = 0;
    }

    void later(const std::vector<unsigned>& bits, uint32_t word) {
        for (size_t i = 0; i < bits.size(); i++) {
            if (bits[i] > 1 && value_[bits[i]] != (word >> i & 1)) flips_.push_back(bits[i]);
        }
    }

    void clock_spram(Spram& m) {
        if (!value_[m.select]) return;
        uint16_t& word = m.words[get(m.address)];
        accesses_[m.memory][value_[m.write]]++;
        if (!value_[m.write]) return later(m.out, word);
        uint16_t mask = 0;
        for (int i = 0; i < 4; i++) mask |= uint16_t(value_[m.mask[i]] ? 15 << 4 * i : 0);
        word = uint16_t((word & ~mask) | (get(m.data) & mask));
    }

    // Data bit k of a narrow mode is on pin (k << mode) + offset and is stored in bit (k << mode) + column.
    static unsigned offset(unsigned mode) { return mode < 2 ? 0 : mode == 2 ? 1 : 3; }

    void clock_ebr(Ebr& m) {
        // The word before the write, if both are of one address.
        if (value_[m.re] && value_[m.rce]) {
            const uint64_t address = get(m.raddr);
            const uint16_t word = m.words[address & 255];
            const unsigned column = unsigned(address >> 8) & ((1u << m.read_mode) - 1);
            uint32_t out = 0;
            for (unsigned k = 0; k < 16u >> m.read_mode; k++) {
                out |= uint32_t(word >> ((k << m.read_mode) + column) & 1) << ((k << m.read_mode) + offset(m.read_mode));
            }
            accesses_[m.memory][2]++;
            later(m.rdata, out);
        }
        if (value_[m.we] && value_[m.wce]) {
            const uint64_t address = get(m.waddr), data = get(m.wdata), mask = m.write_mode ? 0 : get(m.mask);
            uint16_t& word = m.words[address & 255];
            const unsigned column = unsigned(address >> 8) & ((1u << m.write_mode) - 1);
            accesses_[m.memory][3] += mask != 0xffff;
            for (unsigned k = 0; k < 16u >> m.write_mode; k++) {
                const unsigned bit = (k << m.write_mode) + column;
                if (mask >> k & 1) continue;
                const unsigned value = data >> ((k << m.write_mode) + offset(m.write_mode)) & 1;
                word = uint16_t((word & ~(1u << bit)) | value << bit);
            }
        }
    }

    static int32_t extend(unsigned byte, bool is_signed) { return is_signed ? int8_t(byte) : int32_t(byte); }

    // The products of operands a and b: two of 8 bits each, or one of 16.
    static uint32_t multiply(const Dsp& d, uint16_t a, uint16_t b) {
        if (!d.narrow) {
            const int64_t wide_a = d.a_signed ? int16_t(a) : int64_t(a), wide_b = d.b_signed ? int16_t(b) : int64_t(b);
            return uint32_t(wide_a * wide_b);
        }
        const int32_t high = extend(a >> 8, d.a_signed) * extend(b >> 8, d.b_signed);
        const int32_t low = extend(a & 255, d.a_signed) * extend(b & 255, d.b_signed);
        return uint32_t(high) << 16 | (uint32_t(low) & 0xffff);
    }

    void clock_dsp(Dsp& d) {
        if (!value_[d.ce]) return;
        d.late = d.products;
        d.products = multiply(d, d.a_reg ? d.ra : uint16_t(get(d.a)), d.b_reg ? d.rb : uint16_t(get(d.b)));
        if (!value_[d.ahold]) d.ra = uint16_t(get(d.a));
        if (!value_[d.bhold]) d.rb = uint16_t(get(d.b));
    }

    void drive_dsp(Dsp& d) {
        const uint16_t a = d.a_reg ? d.ra : uint16_t(get(d.a)), b = d.b_reg ? d.rb : uint16_t(get(d.b));
        const uint32_t direct = multiply(d, a, b);
        const uint32_t now = ((d.top_reg ? d.products : direct) & 0xffff0000) | ((d.bottom_reg ? d.products : direct) & 0xffff);
        const uint32_t out = d.top_select == 1 ? d.late : now;
        dsp_operands_ += unsigned(std::popcount(uint16_t(a ^ d.last_a)) + std::popcount(uint16_t(b ^ d.last_b)));
        dsp_products_ += unsigned(std::popcount(out ^ d.last));
        isolate(d, a, b);
        d.last_a = a, d.last_b = b, d.last = out;
        for (size_t i = 0; i < d.o.size(); i++) {
            if (d.o[i] > 1) put(d.o[i], out >> i & 1);
        }
    }

    // Operand B has the activations; each half is kept while it is zero.
    void isolate(Dsp& d, uint16_t a, uint16_t b) {
        uint16_t kept = d.kept;
        for (const unsigned half : {0xffu, 0xff00u}) {
            if (b & half) kept = uint16_t((kept & ~half) | (b & half));
        }
        const uint32_t product = multiply(d, a, kept);
        const uint16_t operands[2] = {uint16_t(a ^ d.last_a), uint16_t(kept ^ d.kept)};
        dsp_isolated_ += unsigned(std::popcount(operands[0]) + std::popcount(operands[1]) + std::popcount(product ^ d.kept_product));
        d.kept = kept, d.kept_product = product;
    }

    std::vector<uint8_t> value_, kind_, parity_;
    std::vector<unsigned> module_, routed_;
    std::vector<uint64_t> transitions_, settled_;
    std::vector<std::string> module_names_, memory_names_;
    std::map<std::string, std::vector<unsigned>> ports_;
    std::vector<Cell> cells_;
    std::vector<Register> registers_;
    std::vector<Spram> sprams_;
    std::vector<Ebr> ebrs_;
    std::vector<Dsp> dsps_;
    std::vector<std::vector<Sink>> sinks_;
    std::array<std::vector<unsigned>, RING> ring_;
    std::vector<uint64_t> due_;
    std::vector<unsigned> touched_, flips_;
    std::vector<std::array<uint64_t, 4>> accesses_;
    uint64_t time_ = 1, waiting_ = 0, cycles_ = 0, dsp_operands_ = 0, dsp_products_ = 0, dsp_isolated_ = 0;
};

} // namespace gates

#endif
