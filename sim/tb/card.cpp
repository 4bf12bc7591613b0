// Verilated kernels, each run through its own registers as a driver would: see card.h.
//
// Compiled by scripts/card together with what Verilator made of one configuration; card_identity.h, written there too,
// says which. With SYSTOLE_WAVES_VCD or SYSTOLE_WAVES_FST it can write waves.

#include "card.h"

#include "Vsystole_allocate.h"
#include "Vsystole_infer.h"
#include "axi_memory.h"
#include "card_identity.h"
#include "verilated.h"
#if defined(SYSTOLE_WAVES_VCD)
#define SYSTOLE_WAVES
#include "verilated_vcd_c.h"
using Waves = VerilatedVcdC;
#elif defined(SYSTOLE_WAVES_FST)
#define SYSTOLE_WAVES
#include "verilated_fst_c.h"
using Waves = VerilatedFstC;
#endif

#include <cstdio>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>

// Verilator's own versions end the process; a host must get an error instead.
void vl_fatal(const char* file, int line, const char*, const char* message) {
    throw std::runtime_error(std::string(message) + " (" + file + ":" + std::to_string(line) + ")");
}
void vl_stop(const char* file, int line, const char* hier) { vl_fatal(file, line, hier, "the model stopped"); }
void vl_finish(const char* file, int line, const char* hier) { vl_fatal(file, line, hier, "the model finished"); }

namespace {

// Registers, as isa/src/control.rs has them.
constexpr unsigned CONTROL = SYSTOLE_REG_CONTROL, GLOBAL_INTERRUPT = SYSTOLE_REG_GLOBAL_INTERRUPT,
                   INTERRUPT_ENABLE = SYSTOLE_REG_INTERRUPT_ENABLE, INTERRUPT_STATUS = SYSTOLE_REG_INTERRUPT_STATUS,
                   ARGUMENT_BASE = SYSTOLE_REG_ARGUMENT_BASE, ARGUMENT_STRIDE = SYSTOLE_REG_ARGUMENT_STRIDE,
                   STATUS = SYSTOLE_REG_STATUS;
// Cycles in which the control bus must answer.
constexpr unsigned CONTROL_PATIENCE = 1000;
constexpr unsigned RESET_CYCLES = 16;
// Cycles in which a kernel may still end by itself after it left its buffers. One that fetches commands there reads
// zeros, which are commands too, and would go on through all addresses.
constexpr uint64_t FAULT_PATIENCE = 100000;

#ifdef SYSTOLE_WAVES
// Files of waves that are open. A driver stays loaded until its process ends and frees no cards then; what was written
// must be complete all the same.
class OpenWaves {
public:
    ~OpenWaves() {
        for (Waves* waves : open_) waves->close();
    }
    void add(Waves* waves) {
        const std::lock_guard<std::mutex> guard(mutex_);
        open_.insert(waves);
    }
    void close(Waves* waves) {
        const std::lock_guard<std::mutex> guard(mutex_);
        if (open_.erase(waves)) waves->close();
    }

private:
    std::mutex mutex_;
    std::set<Waves*> open_;
} open_waves;
#endif

struct ControlError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

} // namespace

struct systole_card {
    virtual ~systole_card() = default;
    virtual void reset() = 0;
    virtual void run(const systole_request& request, systole_result& result) = 0;
    virtual void fail(systole_result& result, systole_outcome outcome, uint64_t start, const char* message) = 0;
};

namespace {

template <typename Top>
struct Kernel final : systole_card {
    Kernel(const char* trace, uint64_t first, uint64_t last)
        : top(prepare(context)), memory(top), wave_first(first), wave_last(last) {
#ifdef SYSTOLE_WAVES
        if (trace) {
            context.traceEverOn(true);
            waves = std::make_unique<Waves>();
            top.trace(waves.get(), 99);
            waves->open(trace);
            if (!waves->isOpen()) throw std::runtime_error("the trace file cannot be written");
            open_waves.add(waves.get());
        }
#else
        (void)trace;
#endif
        reset();
    }

    ~Kernel() override {
#ifdef SYSTOLE_WAVES
        if (waves) open_waves.close(waves.get());
#endif
        top.final();
    }

    void reset() override {
        top.ap_clk = 0;
        top.ap_rst_n = 0;
        top.s_axi_control_awvalid = top.s_axi_control_wvalid = top.s_axi_control_arvalid = 0;
        top.s_axi_control_bready = top.s_axi_control_rready = 0;
        memory.reset();
        top.eval();
        for (unsigned i = 0; i < RESET_CYCLES; i++) cycle();
        memory.reset(); // forgets what moved before the registers had their reset values
        top.ap_rst_n = 1;
        top.eval();
        cycle();
    }

    void run(const systole_request& request, systole_result& result) override {
        memory.start(request);
        for (unsigned i = 0; i < request.pointer_count && i < 5; i++) {
            write_register(ARGUMENT_BASE + i * ARGUMENT_STRIDE, uint32_t(request.pointers[i]));
            write_register(ARGUMENT_BASE + i * ARGUMENT_STRIDE + 4, uint32_t(request.pointers[i] >> 32));
        }
        if (read_register(INTERRUPT_STATUS) & 1) write_register(INTERRUPT_STATUS, 1); // it toggles
        write_register(INTERRUPT_ENABLE, 1);
        write_register(GLOBAL_INTERRUPT, 1);
        write_register(CONTROL, 1);
        const uint64_t start = now;
        uint64_t moved = now;
        result.outcome = SYSTOLE_DONE;
        while (!top.__SYM__interrupt) { // Verilator takes `interrupt` for a word of C
            if (cycle()) moved = now;
            if (memory.broken()[0]) return fail(result, SYSTOLE_PROTOCOL, start, memory.broken());
            if (memory.faulted() && now - memory.fault_time() >= FAULT_PATIENCE) {
                return fail(result, memory.fault_writes() ? SYSTOLE_WRITE_FAULT : SYSTOLE_READ_FAULT, start, "still running");
            }
            if (now - start >= request.cycle_limit) return fail(result, SYSTOLE_CYCLE_LIMIT, start, "cycle limit reached");
            if (now - moved >= request.quiet_limit) return fail(result, SYSTOLE_QUIET, start, "no bus activity");
        }
        result.cycles = now - start;
        result.status = read_register(STATUS);
        read_register(CONTROL); // clears done
        write_register(INTERRUPT_STATUS, 1);
        result.fault_address = memory.fault_address();
    }

    void fail(systole_result& result, systole_outcome outcome, uint64_t start, const char* message) override {
        result.outcome = outcome;
        result.cycles = now - start;
        result.fault_address = memory.fault_address();
        std::snprintf(result.message, sizeof result.message, "%s", message);
    }

private:
    // With SYSTOLE_UNKNOWN what Verilog leaves unknown is random: memory that nobody wrote, the output of an SPRAM after a
    // write (for a netlist with the vendor's cells; scripts/gates).
    static VerilatedContext* prepare(VerilatedContext& context) {
#ifdef SYSTOLE_UNKNOWN
        context.randReset(2);
        context.randSeed(SYSTOLE_UNKNOWN);
#endif
        return &context;
    }

    // One clock cycle; returns whether something moved on the memory bus.
    bool cycle() {
        // The signals have settled: whoever changed an input has called eval().
        const bool moved = memory.sample(now);
        dump(0);
        top.ap_clk = 1;
        top.eval();
        dump(1);
        now++;
        memory.drive(now);
        top.ap_clk = 0;
        top.eval();
        return moved;
    }

    // Half-cycle `edge` of this cycle, if it lies in the window.
    void dump(unsigned edge) {
#ifdef SYSTOLE_WAVES
        if (!waves || now < wave_first) return;
        if (now <= wave_last) {
            waves->dump(2 * now + edge);
        } else {
            open_waves.close(waves.get());
            waves.reset();
        }
#else
        (void)edge;
#endif
    }

    // Cycles until `step`, which sees the settled signals before each edge, says that it was the last one; `after` sets
    // signals behind the edge.
    template <typename Step, typename After>
    void until(const char* what, Step step, After after) {
        for (unsigned i = 0; i < CONTROL_PATIENCE; i++) {
            top.eval();
            const bool done = step();
            cycle();
            after();
            if (done) {
                top.eval();
                return;
            }
        }
        throw ControlError(std::string("no answer on the control bus to a ") + what);
    }

    void write_register(unsigned offset, uint32_t value) {
        top.s_axi_control_awaddr = offset;
        top.s_axi_control_wdata = value;
        top.s_axi_control_wstrb = 15;
        top.s_axi_control_awvalid = top.s_axi_control_wvalid = top.s_axi_control_bready = 1;
        bool address = false, data = false, answer = false;
        // Address and data may be taken together or in either order; the answer comes after both.
        const auto step = [&] {
            address = top.s_axi_control_awvalid && top.s_axi_control_awready;
            data = top.s_axi_control_wvalid && top.s_axi_control_wready;
            return answer = top.s_axi_control_bvalid;
        };
        until("write", step, [&] {
            if (address) top.s_axi_control_awvalid = 0;
            if (data) top.s_axi_control_wvalid = 0;
            if (answer) top.s_axi_control_bready = 0;
        });
    }

    uint32_t read_register(unsigned offset) {
        top.s_axi_control_araddr = offset;
        top.s_axi_control_arvalid = top.s_axi_control_rready = 1;
        uint32_t value = 0;
        bool address = false, answer = false;
        const auto step = [&] {
            address = top.s_axi_control_arvalid && top.s_axi_control_arready;
            answer = top.s_axi_control_rvalid;
            if (answer) value = top.s_axi_control_rdata;
            return answer;
        };
        until("read", step, [&] {
            if (address) top.s_axi_control_arvalid = 0;
            if (answer) top.s_axi_control_rready = 0;
        });
        return value;
    }

    VerilatedContext context;
    Top top;
    AxiMemory<Top> memory;
#ifdef SYSTOLE_WAVES
    std::unique_ptr<Waves> waves;
#endif
    uint64_t now = 0; // cycles since the card was made
    uint64_t wave_first, wave_last;
};

} // namespace

extern "C" {

uint32_t systole_card_abi() { return SYSTOLE_CARD_ABI; }
const char* systole_card_config() { return SYSTOLE_CONFIG; }
const char* systole_card_rtl_digest() { return SYSTOLE_RTL_DIGEST; }

systole_card* systole_card_new(uint32_t kernel, const char* trace, uint64_t first, uint64_t last) {
#ifndef SYSTOLE_WAVES
    if (trace) return nullptr;
#endif
    try {
        switch (kernel) {
        case SYSTOLE_INFER: return new Kernel<Vsystole_infer>(trace, first, last);
        case SYSTOLE_ALLOCATE: return new Kernel<Vsystole_allocate>(trace, first, last);
        default: return nullptr;
        }
    } catch (const std::exception&) {
        return nullptr;
    }
}

void systole_card_free(systole_card* card) {
    try {
        delete card;
    } catch (const std::exception&) {
    }
}

void systole_card_reset(systole_card* card) {
    try {
        card->reset();
    } catch (const std::exception&) {
        // A model that cannot be reset says so again in the next run.
    }
}

void systole_card_run(systole_card* card, const systole_request* request, systole_result* result) {
    *result = systole_result{};
    try {
        card->run(*request, *result);
    } catch (const ControlError& error) {
        card->fail(*result, SYSTOLE_CONTROL, 0, error.what());
    } catch (const std::exception& error) {
        card->fail(*result, SYSTOLE_MODEL, 0, error.what());
    }
}
}
