// The C interface of libcard.so: Verilated kernels, each with a port of its own to card memory.
// sim/src/raw/rtl.rs has the same declarations in Rust; SYSTOLE_CARD_ABI goes up whenever one changes.
#ifndef SYSTOLE_CARD_H
#define SYSTOLE_CARD_H

#include <cstdint>

constexpr uint32_t SYSTOLE_CARD_ABI = 3;

// The kernels of a card. Each card object is one of them; two may run side by side.
enum systole_kernel : uint32_t {
    SYSTOLE_INFER = 0,
    SYSTOLE_ALLOCATE = 1
};

// Memory of the card that the kernel may reach in a run: `bytes` bytes at `data` answer to addresses from `base` on.
struct systole_region {
    uint64_t base;
    uint8_t* data;
    uint64_t bytes;
};

struct systole_request {
    uint64_t pointers[5];          // kernel arguments
    uint64_t pointer_count;        // how many of them it has
    const systole_region* regions; // sorted by base, not overlapping
    uint64_t region_count;
    uint64_t cycle_limit;          // give up after so many cycles
    uint64_t quiet_limit;          // give up after so many cycles without a word on the bus
    uint32_t read_latency_cycles;  // from a read address to the first word
    uint32_t stall_seed;           // 0: memory never makes the kernel wait; else: pseudo-random back-pressure
};

enum systole_outcome : uint32_t {
    SYSTOLE_DONE = 0,        // the kernel raised its interrupt
    SYSTOLE_CYCLE_LIMIT = 1, // it ran for cycle_limit cycles
    SYSTOLE_QUIET = 2,       // nothing happened on its bus for quiet_limit cycles
    SYSTOLE_CONTROL = 3,     // its control bus does not answer
    SYSTOLE_PROTOCOL = 4,    // it broke a rule of AXI4
    SYSTOLE_MODEL = 5,       // the Verilated model stopped, or its trace could not be written
    SYSTOLE_READ_FAULT = 6,  // long after a read outside every region it still runs
    SYSTOLE_WRITE_FAULT = 7  // long after a write outside every region it still runs
};

struct systole_result {
    uint32_t outcome;       // systole_outcome
    uint32_t status;        // the kernel's status register
    uint64_t cycles;        // from start to interrupt
    uint64_t fault_address; // first address that is in no region, or 0
    char message[160];      // what went wrong, for outcomes but SYSTOLE_DONE
};

struct systole_card;

#pragma GCC visibility push(default)
extern "C" {
uint32_t systole_card_abi();
const char* systole_card_config();     // YAML of its configuration
const char* systole_card_rtl_digest(); // SHA-256 of systole_infer.v and systole_allocate.v, one after the other, hexadecimal
// A kernel after reset. `trace` is a file for waves of the cycles first to last, or null; null is returned where this
// build has no traces.
systole_card* systole_card_new(uint32_t kernel, const char* trace, uint64_t first, uint64_t last);
void systole_card_free(systole_card* card);
// Resets the kernel; what its memories hold stays.
void systole_card_reset(systole_card* card);
void systole_card_run(systole_card* card, const systole_request* request, systole_result* result);
}
#pragma GCC visibility pop

#endif
