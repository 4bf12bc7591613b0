// A board's shell in simulation: the Verilated systole_shell, whose UART pins are bit-banged behind a pseudo-terminal.
//
//   systole_shell [--link PATH] [--bit-clocks N] [--flip P] [--drop P] [--seed S] [--unplug-after N] [--until-eof]
//
// The first line on stdout is the path of the terminal; then it runs until it is told to stop. Whoever opens the terminal
// sees a serial line of a board; its speed settings are ignored, since bits go by clock cycles. Simulated time stands
// still while the line has been silent for a while. Line errors, both ways: each bit flipped with probability P, each
// byte lost with probability P; after N bytes the line is dead (the terminal hangs up, exit status 0).

#include "Vsystole_shell.h"
#include "verilated.h"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <poll.h>
#include <random>
#include <string>
#include <termios.h>
#include <unistd.h>

#ifndef SYSTOLE_BIT_CLOCKS
#error "scripts/shell says how many clocks a bit of this shell takes"
#endif

namespace {

constexpr unsigned LEAST_BIT_CLOCKS = 4;
// Clocks without a bit on the line after which simulated time stands still until the host sends something.
constexpr uint64_t QUIET_CLOCKS = 1 << 20;
// Clocks between two looks at the terminal: less than a byte takes.
constexpr unsigned LOOK_CLOCKS = 32;

volatile std::sig_atomic_t stopped = 0;
void stop(int) { stopped = 1; }

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "systole_shell: %s\n", what.c_str());
    std::exit(2);
}

struct Options {
    std::string link;
    unsigned bit_clocks = SYSTOLE_BIT_CLOCKS;
    double flip = 0, drop = 0;
    uint64_t seed = 1;
    int64_t unplug_after = -1;
    bool until_eof = false;
};

double probability(const std::string& name, const char* text) {
    char* end = nullptr;
    const double value = std::strtod(text, &end);
    if (*end || end == text || !(value >= 0 && value <= 1)) fail(name + " is `" + text + "`; it must be 0 to 1");
    return value;
}

uint64_t number(const std::string& name, const char* text, uint64_t least) {
    char* end = nullptr;
    errno = 0;
    const uint64_t value = std::strtoull(text, &end, 10);
    if (*end || end == text || *text == '-' || errno || value < least || value > INT64_MAX)
        fail(name + " is `" + text + "`; it must be a number from " + std::to_string(least) + " on");
    return value;
}

Options parse(int argc, char** argv) {
    Options o;
    for (int i = 1; i < argc; i++) {
        const std::string name = argv[i];
        if (name == "--until-eof") {
            o.until_eof = true;
            continue;
        }
        const bool known = name == "--link" || name == "--bit-clocks" || name == "--flip" || name == "--drop" ||
                           name == "--seed" || name == "--unplug-after";
        if (!known)
            fail("unknown option `" + name +
                 "`; there are --link, --bit-clocks, --flip, --drop, --seed, --unplug-after, --until-eof");
        if (++i == argc) fail(name + " needs a value");
        const char* value = argv[i];
        if (name == "--link") o.link = value;
        if (name == "--bit-clocks") o.bit_clocks = unsigned(number(name, value, LEAST_BIT_CLOCKS));
        if (name == "--flip") o.flip = probability(name, value);
        if (name == "--drop") o.drop = probability(name, value);
        if (name == "--seed") o.seed = number(name, value, 0);
        if (name == "--unplug-after") o.unplug_after = int64_t(number(name, value, 0));
    }
    return o;
}

// The terminal: a raw line on which the host finds the board.
class Terminal {
public:
    explicit Terminal(const std::string& link) : link_(link) {
        master_ = posix_openpt(O_RDWR | O_NOCTTY);
        if (master_ < 0 || grantpt(master_) || unlockpt(master_)) fail(std::string("no pseudo-terminal: ") + std::strerror(errno));
        path_ = ptsname(master_);
        // The other side stays open here too, so that a host may close it and come again.
        slave_ = open(path_.c_str(), O_RDWR | O_NOCTTY);
        termios raw{};
        if (slave_ < 0 || tcgetattr(slave_, &raw)) fail(path_ + ": " + std::strerror(errno));
        cfmakeraw(&raw);
        if (tcsetattr(slave_, TCSANOW, &raw)) fail(path_ + ": " + std::strerror(errno));
        fcntl(master_, F_SETFL, O_NONBLOCK);
        if (!link_.empty()) {
            const std::string fresh = link_ + ".new";
            unlink(fresh.c_str());
            if (symlink(path_.c_str(), fresh.c_str()) || rename(fresh.c_str(), link_.c_str()))
                fail("--link " + link_ + ": " + std::strerror(errno));
        }
        std::printf("%s\n", path_.c_str());
        std::fflush(stdout);
    }

    // Takes what the host has sent.
    void take(std::deque<uint8_t>& into) {
        uint8_t bytes[256];
        const ssize_t n = read(master_, bytes, sizeof bytes);
        if (n > 0) into.insert(into.end(), bytes, bytes + n);
    }

    void give(uint8_t byte) {
        // A host that does not read loses bytes, as on a line.
        [[maybe_unused]] const ssize_t n = write(master_, &byte, 1);
    }

    // Sleeps until the host sends, the standard input ends (where that matters) or a tenth of a second has passed; false if it ended.
    bool sleep(bool until_eof, int milliseconds) {
        pollfd fds[2] = {{master_, POLLIN, 0}, {until_eof ? 0 : -1, POLLIN, 0}};
        poll(fds, 2, milliseconds);
        if (!(fds[1].revents & (POLLIN | POLLHUP | POLLERR))) return true;
        char byte;
        return read(0, &byte, 1) > 0;
    }

    void unplug() {
        if (!link_.empty()) {
            char at[256];
            const ssize_t n = readlink(link_.c_str(), at, sizeof at);
            // Another shell may have put its own there.
            if (n > 0 && path_ == std::string(at, size_t(n))) unlink(link_.c_str());
        }
        close(slave_);
        close(master_);
    }

private:
    std::string link_, path_;
    int master_ = -1, slave_ = -1;
};

// The wire's errors, and its end.
class Wire {
public:
    explicit Wire(const Options& o) : flip_(o.flip), drop_(o.drop), left_(o.unplug_after), random_(o.seed) {}
    bool flips() { return flip_ > 0 && chance_(random_) < flip_; }
    bool drops() { return drop_ > 0 && chance_(random_) < drop_; }
    // A byte has begun; false if the line is dead.
    bool alive() { return left_ < 0 || left_-- > 0; }

private:
    double flip_, drop_;
    int64_t left_;
    std::mt19937_64 random_;
    std::uniform_real_distribution<double> chance_{0, 1};
};

// The host's side of pin rx: bytes become bits.
struct Sender {
    unsigned bit_clocks, clock = 0, bit = 0;
    uint16_t frame = 0;
    bool busy = false;

    void begin(uint8_t byte, Wire& wire) {
        frame = uint16_t(byte << 1 | 1 << 9);
        for (unsigned i = 0; i < 10; i++) frame ^= uint16_t(wire.flips() << i);
        clock = bit = 0;
        busy = true;
    }
    bool level() {
        if (!busy) return true;
        const bool now = frame >> bit & 1;
        if (++clock == bit_clocks) {
            clock = 0;
            busy = ++bit < 10;
        }
        return now;
    }
};

// The host's side of pin tx: bits become bytes, each taken in its middle.
struct Receiver {
    unsigned bit_clocks, clock = 0, bit = 0;
    uint16_t frame = 0;
    bool busy = false;

    // A whole byte, or -1.
    int look(bool level, Wire& wire) {
        if (!busy) {
            if (!level) {
                busy = true;
                clock = bit = 0;
                frame = 0;
            } else {
                return -1;
            }
        }
        if (clock++ == bit_clocks / 2) frame |= uint16_t((level ^ wire.flips()) << bit);
        if (clock < bit_clocks && !(bit == 9 && clock > bit_clocks / 2)) return -1;
        clock = 0;
        if (++bit < 10) return -1;
        busy = false;
        return frame >> 1 & 0xff;
    }
};

int run(const Options& o) {
    VerilatedContext context;
    Vsystole_shell top(&context);
    Terminal terminal(o.link);
    Wire wire(o);
    Sender sender{o.bit_clocks};
    Receiver receiver{o.bit_clocks};
    std::deque<uint8_t> waiting;
    uint64_t quiet = 0;
    unsigned since = 0;
    while (!stopped) {
        if (++since >= LOOK_CLOCKS && waiting.empty()) {
            since = 0;
            terminal.take(waiting);
            if (waiting.empty() && quiet >= QUIET_CLOCKS) {
                if (!terminal.sleep(o.until_eof, 100)) break;
                continue;
            }
        }
        if (!sender.busy && !waiting.empty()) {
            const uint8_t byte = waiting.front();
            waiting.pop_front();
            if (!wire.alive()) break;
            if (!wire.drops()) sender.begin(byte, wire);
        }
        top.rx = sender.level();
        top.clock = 0;
        top.eval();
        top.clock = 1;
        top.eval();
        const int byte = receiver.look(top.tx, wire);
        if (byte >= 0) {
            if (!wire.alive()) break;
            if (!wire.drops()) terminal.give(uint8_t(byte));
        }
        quiet = sender.busy || receiver.busy ? 0 : quiet + 1;
        if (o.until_eof && (quiet & 0xffff) == 0xffff && !terminal.sleep(true, 0)) break;
    }
    terminal.unplug();
    top.final();
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    const Options o = parse(argc, argv);
    std::signal(SIGTERM, stop);
    std::signal(SIGINT, stop);
    return run(o);
}
