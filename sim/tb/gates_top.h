// What stands in for a Verilated kernel in sim/tb/card.cpp when a netlist is to be watched: see gates.h.
//
// SYSTOLE_ACTIVITY names a file that gets one line for each snapshot that the kernel writes: what moved since the one
// before. So activity comes layer by layer, as the counters do.
#ifndef SYSTOLE_GATES_TOP_H
#define SYSTOLE_GATES_TOP_H

#include "card_identity.h"
#include "gates.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "verilated.h"

namespace gates {

class Top {
public:
    explicit Top(const char* path) : netlist(path) {}
    void final() {}

protected:
    Netlist netlist;

    template <typename Ports>
    void edge(const Ports& p) {
        netlist.settle();
        if (p.ap_clk && !high_) {
            watch(p);
            netlist.clock();
        }
        high_ = p.ap_clk;
    }

private:
    // The address of a snapshot, the kernel's last argument being that of the first, ends a layer; its counts follow.
    template <typename Ports>
    void watch(const Ports& p) {
        constexpr unsigned COUNTERS = SYSTOLE_REG_ARGUMENT_BASE + 4 * SYSTOLE_REG_ARGUMENT_STRIDE;
        if (p.s_axi_control_awvalid && p.s_axi_control_awready) address_ = p.s_axi_control_awaddr;
        if (p.s_axi_control_wvalid && p.s_axi_control_wready) {
            if (address_ == COUNTERS) next_ = p.s_axi_control_wdata;
            if (address_ == SYSTOLE_REG_CONTROL) netlist.take();
        }
        if (words_ && p.m_axi_gmem_wvalid && p.m_axi_gmem_wready) {
            line_ += std::to_string(uint32_t(p.m_axi_gmem_wdata)) + (--words_ ? ", " : "]}\n");
            if (!words_) write();
        }
        if (p.m_axi_gmem_awvalid && p.m_axi_gmem_awready && p.m_axi_gmem_awaddr == next_) {
            next_ += SNAPSHOT_WORDS * sizeof(p.m_axi_gmem_wdata);
            words_ = SNAPSHOT_WORDS;
            line_ = netlist.json(netlist.take());
            line_.pop_back();
            line_ += ", \"counters\": [";
        }
    }

    void write() const {
        const char* file = std::getenv("SYSTOLE_ACTIVITY");
        std::FILE* out = file ? std::fopen(file, "a") : nullptr;
        if (!out) return;
        std::fputs(line_.c_str(), out);
        std::fclose(out);
    }

    static constexpr unsigned SNAPSHOT_WORDS = 16;
    bool high_ = false;
    uint64_t next_ = 0;
    unsigned address_ = 0, words_ = 0;
    std::string line_;
};

} // namespace gates

#endif
