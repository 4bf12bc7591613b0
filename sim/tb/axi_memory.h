// Card memory as an AXI4 slave: read and write bursts, answered in order, identifiers kept.
//
// The kernel sees regions of host memory at card addresses, and DECERR for every other address: no access ever leaves
// a region. Outputs change after the clock edge, as those of registers do. What the master does against the rules of
// AXI4 (a burst over a 4096-byte boundary, a wrong WLAST, a request that changes while it waits) is recorded.
#ifndef SYSTOLE_AXI_MEMORY_H
#define SYSTOLE_AXI_MEMORY_H

#include "card.h"

#include <cstdio>
#include <cstring>
#include <deque>

// A pseudo-random sequence: Marsaglia's xorshift.
class Chance {
public:
    void seed(uint32_t seed) { state_ = seed; }
    // True in about three of four calls, always with seed 0.
    bool go() {
        if (state_ == 0) return true;
        state_ ^= state_ << 13;
        state_ ^= state_ >> 17;
        state_ ^= state_ << 5;
        return (state_ & 3) != 0;
    }

private:
    uint32_t state_ = 0;
};

template <typename Top>
class AxiMemory {
    static constexpr unsigned BUS_BYTES = sizeof(Top::m_axi_gmem_rdata);
    static constexpr size_t MAX_BURSTS = 8; // bursts under way, each way
    static constexpr uint32_t OKAY = 0, SLVERR = 2, DECERR = 3;
    static constexpr unsigned BURST_FIXED = 0, BURST_INCR = 1;

    struct Burst {
        uint64_t address;
        unsigned beats; // left
        unsigned id;
        bool fixed;
        bool refused;
        uint64_t due;
    };

public:
    explicit AxiMemory(Top& top) : top_(top) {}

    void start(const systole_request& request) {
        regions_ = request.regions;
        region_count_ = request.region_count;
        latency_ = request.read_latency_cycles;
        chance_.seed(request.stall_seed);
        last_ = nullptr;
        faulted_ = false;
        fault_address_ = 0;
        broken_[0] = 0;
    }

    // Forgets all bursts: after a reset of the kernel.
    void reset() {
        reads_.clear();
        writes_.clear();
        answers_.clear();
        read_held_ = write_held_ = Held{};
        reading_ = answering_ = false;
        drive(0);
    }

    // Looks at the settled signals just before the clock edge of cycle `now`. Returns whether a word or request moved.
    bool sample(uint64_t now) {
        bool moved = false;
        watch(read_held_, "read", top_.m_axi_gmem_arvalid, top_.m_axi_gmem_arready, top_.m_axi_gmem_araddr,
              top_.m_axi_gmem_arlen);
        watch(write_held_, "write", top_.m_axi_gmem_awvalid, top_.m_axi_gmem_awready, top_.m_axi_gmem_awaddr,
              top_.m_axi_gmem_awlen);
        if (top_.m_axi_gmem_arvalid && top_.m_axi_gmem_arready) {
            reads_.push_back(burst("read", now + latency_, top_.m_axi_gmem_araddr, top_.m_axi_gmem_arlen,
                                   top_.m_axi_gmem_arsize, top_.m_axi_gmem_arburst, top_.m_axi_gmem_arid));
            moved = true;
        }
        if (reading_ && top_.m_axi_gmem_rready) {
            reading_ = false;
            advance(reads_);
            moved = true;
        }
        if (answering_ && top_.m_axi_gmem_bready) {
            answering_ = false;
            answers_.pop_front();
            moved = true;
        }
        if (top_.m_axi_gmem_wvalid && top_.m_axi_gmem_wready) {
            write(now);
            moved = true;
        }
        if (top_.m_axi_gmem_awvalid && top_.m_axi_gmem_awready) {
            writes_.push_back(burst("write", now, top_.m_axi_gmem_awaddr, top_.m_axi_gmem_awlen, top_.m_axi_gmem_awsize,
                                    top_.m_axi_gmem_awburst, top_.m_axi_gmem_awid));
            write_response_ = OKAY;
            moved = true;
        }
        return moved;
    }

    // Sets the slave's signals for cycle `now`, just after the clock edge.
    void drive(uint64_t now) {
        top_.m_axi_gmem_arready = reads_.size() < MAX_BURSTS && chance_.go();
        // Write data follow their address here: one burst at a time.
        top_.m_axi_gmem_awready = writes_.empty() && answers_.size() < MAX_BURSTS && chance_.go();
        top_.m_axi_gmem_wready = !writes_.empty() && chance_.go();
        // Once valid, a word stays until it is taken.
        if (!reading_ && !reads_.empty() && reads_.front().due <= now && chance_.go()) present(now);
        top_.m_axi_gmem_rvalid = reading_;
        if (!answering_ && !answers_.empty() && answers_.front().due <= now && chance_.go()) {
            answering_ = true;
            top_.m_axi_gmem_bid = answers_.front().id;
            top_.m_axi_gmem_bresp = answers_.front().response;
        }
        top_.m_axi_gmem_bvalid = answering_;
    }

    // The first access outside every region: whether there was one, where, when, and whether it was a write.
    bool faulted() const { return faulted_; }
    uint64_t fault_address() const { return fault_address_; }
    uint64_t fault_time() const { return fault_time_; }
    bool fault_writes() const { return fault_writes_; }
    // What the master did against the rules, or an empty string.
    const char* broken() const { return broken_; }

private:
    struct Answer {
        unsigned id;
        uint32_t response;
        uint64_t due;
    };
    struct Held {
        bool waiting = false;
        uint64_t address = 0;
        unsigned length = 0;
    };

    // A request must stay as it is until it is taken.
    void watch(Held& held, const char* way, bool valid, bool ready, uint64_t address, unsigned length) {
        if (held.waiting && (!valid || address != held.address || length != held.length)) {
            complain("%s request at 0x%llx changed while it waited", way, held.address);
        }
        held = Held{valid && !ready, address, length};
    }

    Burst burst(const char* way, uint64_t due, uint64_t address, unsigned length, unsigned size, unsigned type,
                unsigned id) {
        const unsigned beats = length + 1;
        bool refused = false;
        if ((1u << size) != BUS_BYTES || address % BUS_BYTES != 0 || (type != BURST_FIXED && type != BURST_INCR)) {
            complain("%s burst at 0x%llx has a size, alignment or type that this memory does not take", way, address);
            refused = true;
        } else if (type == BURST_INCR && address % 4096 + uint64_t(beats) * BUS_BYTES > 4096) {
            complain("%s burst at 0x%llx crosses a boundary of 4096 bytes", way, address);
            refused = true;
        }
        return Burst{address, beats, id, type == BURST_FIXED, refused, due};
    }

    // Bytes of one bus word, or null where no region has all of them.
    uint8_t* find(uint64_t address, uint64_t now, bool writes) {
        if (!last_ || address - last_->base > last_->bytes - BUS_BYTES) {
            last_ = nullptr;
            for (uint64_t i = 0; i < region_count_; i++) {
                const systole_region& region = regions_[i];
                if (region.bytes >= BUS_BYTES && address - region.base <= region.bytes - BUS_BYTES) last_ = &region;
            }
        }
        if (!last_) {
            if (!faulted_) {
                faulted_ = true;
                fault_address_ = address;
                fault_time_ = now;
                fault_writes_ = writes;
            }
            return nullptr;
        }
        return last_->data + (address - last_->base);
    }

    void present(uint64_t now) {
        const Burst& burst = reads_.front();
        const uint8_t* bytes = burst.refused ? nullptr : find(burst.address, now, false);
        if (bytes) {
            std::memcpy(&top_.m_axi_gmem_rdata, bytes, BUS_BYTES);
        } else {
            std::memset(&top_.m_axi_gmem_rdata, 0, BUS_BYTES);
        }
        top_.m_axi_gmem_rresp = burst.refused ? SLVERR : bytes ? OKAY : DECERR;
        top_.m_axi_gmem_rid = burst.id;
        top_.m_axi_gmem_rlast = burst.beats == 1;
        reading_ = true;
    }

    void write(uint64_t now) {
        const Burst burst = writes_.front();
        if (bool(top_.m_axi_gmem_wlast) != (burst.beats == 1)) {
            complain("%s burst: WLAST is wrong at 0x%llx", "write", burst.address);
        }
        uint8_t* bytes = burst.refused ? nullptr : find(burst.address, now, true);
        if (bytes) {
            uint8_t word[BUS_BYTES];
            std::memcpy(word, &top_.m_axi_gmem_wdata, BUS_BYTES);
            for (unsigned i = 0; i < BUS_BYTES; i++) {
                if (top_.m_axi_gmem_wstrb >> i & 1) bytes[i] = word[i];
            }
        } else {
            write_response_ = burst.refused ? SLVERR : DECERR;
        }
        if (burst.beats == 1) answers_.push_back(Answer{burst.id, write_response_, now + 2});
        advance(writes_);
    }

    static void advance(std::deque<Burst>& bursts) {
        Burst& burst = bursts.front();
        if (--burst.beats == 0) {
            bursts.pop_front();
        } else if (!burst.fixed) {
            burst.address += BUS_BYTES;
        }
    }

    void complain(const char* format, const char* way, uint64_t address) {
        if (!broken_[0]) std::snprintf(broken_, sizeof broken_, format, way, (unsigned long long)address);
    }

    Top& top_;
    Chance chance_;
    const systole_region* regions_ = nullptr;
    uint64_t region_count_ = 0;
    const systole_region* last_ = nullptr;
    uint32_t latency_ = 0;
    std::deque<Burst> reads_, writes_;
    std::deque<Answer> answers_;
    Held read_held_, write_held_;
    uint32_t write_response_ = OKAY;
    bool reading_ = false, answering_ = false;
    bool faulted_ = false, fault_writes_ = false;
    uint64_t fault_address_ = 0, fault_time_ = 0;
    char broken_[160] = {};
};

#endif
