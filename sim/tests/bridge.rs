//! A board in simulation, reached as a host reaches a board: through a terminal, by the frames of `isa::bridge`. The kernel
//! copies words and takes a snapshot; its bursts are served from this test's memory, on a good line and on a bad one.

mod common;

use common::host::copy_stream;
use common::stream;
use isa::bridge::*;
use isa::control;
use isa::counter::{Snapshot, BUS_WRITES, COMMANDS};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Time after which a request is sent again: the simulation is slow where tests run side by side.
const PATIENCE: Duration = Duration::from_secs(2);

/// A shell that `scripts/shell` built, what its configuration has, and its kernel's clock in Hz.
#[derive(Clone, Copy)]
struct Shell {
    name: &'static str,
    options: &'static str,
    n: u32,
    bus: usize,
    clock_hz: u32,
}

/// Kernel and bridge have one clock.
const ICEBREAKER: Shell =
    Shell { name: "icebreaker-small4x4", options: "--board icebreaker", n: 4, bus: 4, clock_hz: 12_000_000 };
/// The kernel is pipelined: it has a clock of its own, and crossings lie between the two.
const ULX3S: Shell = Shell {
    name: "ulx3s-85f-edge12x12",
    options: "--board ulx3s-85f --config edge12x12",
    n: 12,
    bus: 16,
    clock_hz: 100_000_000,
};

impl Shell {
    /// The program. `None`, and a line that says so, where it is not there.
    fn program(&self, test: &str) -> Option<PathBuf> {
        let shells = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/shell"));
        let file = shells.join(self.name).join("systole_shell");
        if file.is_file() {
            return Some(file);
        }
        // Not by a macro: the test harness would keep the line to itself.
        let _ =
            writeln!(std::io::stderr(), "SKIPPED {test}: no {}; run scripts/shell {}", file.display(), self.options);
        None
    }
}

struct Board {
    /// Bytes of a word of the kernel's, and of a bus word.
    n: usize,
    bus: usize,
    child: Child,
    line: File,
    sequence: bool,
    came: Vec<u8>,
    /// Requests that had to be sent again.
    repeated: usize,
}

impl Board {
    fn start(shell: Shell, program: &PathBuf, options: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(options)
            .arg("--until-eof")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut path = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut path).unwrap();
        let line = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK)
            .open(path.trim())
            .unwrap();
        Self { n: shell.n as usize, bus: shell.bus, child, line, sequence: false, came: vec![], repeated: 0 }
    }

    /// Sends bytes as they are.
    fn send(&mut self, bytes: &[u8]) {
        self.line.write_all(bytes).unwrap();
    }

    /// A reply, or none in time.
    fn reply(&mut self, patience: Duration) -> Option<Frame> {
        let start = Instant::now();
        while start.elapsed() < patience {
            let mut bytes = [0; 512];
            match self.line.read(&mut bytes) {
                Ok(n) => self.came.extend(&bytes[..n]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => std::thread::sleep(Duration::from_millis(1)),
                Err(e) => panic!("the line: {e}"),
            }
            match parse(REPLY, &self.came) {
                Ok(Some((frame, used))) => {
                    self.came.drain(..used);
                    return Some(frame);
                }
                Ok(None) => {}
                Err(_) => self.came.clear(),
            }
        }
        self.came.clear();
        None
    }

    /// One request, sent until it is answered: the state and the data words of the reply.
    fn ask(&mut self, op: u8, words: &[u32]) -> (State, Vec<u32>) {
        self.sequence = !self.sequence;
        self.again(op, words)
    }

    /// The same without a new sequence bit: a repetition.
    fn again(&mut self, op: u8, words: &[u32]) -> (State, Vec<u32>) {
        let request = frame(REQUEST, op, self.sequence, words).unwrap();
        for _ in 0..50 {
            self.send(&request);
            if let Some((got, sequence, words)) = self.reply(PATIENCE) {
                if (got, sequence) == (op, self.sequence) {
                    return (State::from_words([words[0], words[1]]), words[2..].to_vec());
                }
            }
            self.repeated += 1;
        }
        panic!("operation {op}: no answer in fifty tries");
    }

    fn write(&mut self, register: u32, value: u32) -> State {
        self.ask(OP_REGISTER_WRITE, &[register, value]).0
    }

    fn read(&mut self, register: u32) -> u32 {
        self.ask(OP_REGISTER_READ, &[register]).1[0]
    }

    /// Starts the kernel with its pointers at multiples of 64 KiB of `memory` and serves its bursts until it interrupts.
    fn run(&mut self, memory: &mut [u8]) {
        self.run_until(memory, INTERRUPT);
    }

    /// The same until one of these flags is set, with which it ends. It serves no burst of that kind.
    fn run_until(&mut self, memory: &mut [u8], end: u32) -> State {
        for i in 0..5 {
            self.write(control::argument_offset(i), i << 16);
        }
        self.write(control::INTERRUPT_ENABLE, 1);
        self.write(control::GLOBAL_INTERRUPT, 1);
        let mut state = self.write(control::CONTROL, control::AP_START);
        for _ in 0..1000 {
            let at = state.address as usize;
            let bytes = state.beats as usize * self.bus;
            if state.flags & end != 0 {
                return state;
            } else if state.flags & READ_WAITS != 0 {
                let words: Vec<u32> =
                    memory[at..at + bytes].chunks(4).map(|w| u32::from_le_bytes([w[0], w[1], w[2], w[3]])).collect();
                state = self.ask(OP_READ_DATA, &words).0;
            } else if state.flags & WRITE_WAITS != 0 {
                let words = self.ask(OP_WRITE_DATA, &[]).1;
                assert_eq!(words.len(), bytes / 4);
                words.iter().zip(memory[at..].chunks_mut(4)).for_each(|(w, to)| to.copy_from_slice(&w.to_le_bytes()));
                state = self.ask(OP_WRITE_DONE, &[0]).0;
            } else {
                state = self.ask(OP_STATUS, &[]).0;
            }
        }
        panic!("the kernel does not end");
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const WORDS: usize = 100;

/// Commands, weights (none), input, output and counters, 64 KiB each. What the kernel has no bytes for is zero: it does not copy that.
fn memory(board: &Board) -> Vec<u8> {
    let mut memory = vec![0; 5 << 16];
    let commands = copy_stream(WORDS as i64);
    memory[..commands.len()].copy_from_slice(&commands);
    for i in (0..WORDS * board.bus).filter(|i| i % board.bus < board.n) {
        memory[(2 << 16) + i] = (i * 37 + 11) as u8;
    }
    memory
}

fn copied(memory: &[u8], bus: usize) {
    assert_eq!(memory[3 << 16..][..WORDS * bus], memory[2 << 16..][..WORDS * bus]);
    assert!(memory[(3 << 16) + WORDS * bus..4 << 16].iter().all(|&b| b == 0));
    let snapshot = Snapshot::parse_all(&memory[4 << 16..][..Snapshot::bytes(bus)], bus)[0];
    let written = snapshot.0[BUS_WRITES] as usize;
    assert!((WORDS..WORDS + 16).contains(&written), "{written} words written");
    assert!(snapshot.0[COMMANDS] > 0);
}

#[test]
fn a_board_tells_what_it_is_and_runs_a_program() {
    tells_what_it_is_and_runs_a_program(ICEBREAKER);
}

#[test]
fn a_board_whose_kernel_has_its_own_clock_tells_what_it_is_and_runs_a_program() {
    tells_what_it_is_and_runs_a_program(ULX3S);
}

fn tells_what_it_is_and_runs_a_program(shell: Shell) {
    let Some(program) = shell.program("bridge") else { return };
    let mut board = Board::start(shell, &program, &[]);
    board.ask(OP_RESET, &[]);
    let (_, identity) = board.ask(OP_IDENTIFY, &[]);
    assert_eq!(identity[..3], [VERSION | isa::ISA_VERSION << 16, shell.n | (shell.bus as u32) << 16, shell.clock_hz]);
    let kernel = std::fs::read(program.with_file_name("systole_infer.v")).unwrap();
    assert_eq!(identity[3].to_le_bytes(), systole_sim::pack::sha256(&kernel)[..4]);
    assert_eq!(board.read(control::CONTROL), control::AP_IDLE);
    board.write(control::argument_offset(2), 0x00ab_c000);
    assert_eq!(board.read(control::argument_offset(2)), 0x00ab_c000);
    let mut memory = memory(&board);
    board.run(&mut memory);
    copied(&memory, board.bus);
    assert_eq!(board.read(control::STATUS), 0);
    assert_eq!(board.read(control::CONTROL) & control::AP_DONE, control::AP_DONE);
    assert_eq!(board.repeated, 0);
    // After a reset its registers are as at the beginning, and it runs again.
    board.write(control::INTERRUPT_STATUS, 1);
    board.ask(OP_RESET, &[]);
    assert_eq!(board.read(control::INTERRUPT_ENABLE), 0);
    board.run(&mut memory);
    copied(&memory, board.bus);
}

#[test]
fn damaged_requests_are_dropped_and_repeated_ones_have_no_effect_again() {
    let Some(program) = ICEBREAKER.program("bridge") else { return };
    let mut board = Board::start(ICEBREAKER, &program, &[]);
    board.ask(OP_RESET, &[]);
    board.write(control::INTERRUPT_ENABLE, 1);
    // The register toggles with each write of a one: a repetition must not.
    board.write(control::INTERRUPT_STATUS, 1);
    for _ in 0..3 {
        board.again(OP_REGISTER_WRITE, &[control::INTERRUPT_STATUS, 1]);
    }
    assert_eq!(board.read(control::INTERRUPT_STATUS), 1);
    // Any wrong bit, behind the start byte: no answer and no effect.
    let good = frame(REQUEST, OP_REGISTER_WRITE, !board.sequence, &[control::INTERRUPT_ENABLE, 0]).unwrap();
    let short = Duration::from_millis(60);
    for bit in (8..8 * good.len()).step_by(5) {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        board.send(&bad);
        assert_eq!(board.reply(short), None, "bit {bit}");
    }
    // A request that was cut off is forgotten in the silence behind it, garbage at once.
    board.send(&good[..7]);
    assert_eq!(board.reply(short), None);
    board.send(&[0, 0xff, REPLY, 1, 2, 3]);
    assert_eq!(board.read(control::INTERRUPT_ENABLE), 1);
    // Nothing waits: bursts' operations are answered and do nothing. Too many words for this bus are dropped.
    for (op, words) in [(OP_READ_DATA, vec![1, 2, 3]), (OP_WRITE_DONE, vec![0]), (OP_WRITE_DATA, vec![])] {
        let (state, data) = board.ask(op, &words);
        assert_eq!((state.flags, data.len()), (0, 0), "operation {op}");
    }
    let long = frame(REQUEST, OP_READ_DATA, !board.sequence, &[u32::MAX; 64]).unwrap();
    board.send(&long);
    assert_eq!(board.reply(short), None);
    assert_eq!(board.ask(OP_IDENTIFY, &[]).1[0], VERSION | isa::ISA_VERSION << 16);
}

#[test]
fn read_and_write_errors_reach_the_kernel() {
    errors_reach_the_kernel(ICEBREAKER);
}

#[test]
fn read_and_write_errors_reach_a_kernel_that_has_its_own_clock() {
    errors_reach_the_kernel(ULX3S);
}

fn errors_reach_the_kernel(shell: Shell) {
    let Some(program) = shell.program("bridge") else { return };
    let mut board = Board::start(shell, &program, &[]);
    board.ask(OP_RESET, &[]);
    for i in 0..5 {
        board.write(control::argument_offset(i), i << 16);
    }
    board.write(control::INTERRUPT_ENABLE, 1);
    board.write(control::GLOBAL_INTERRUPT, 1);
    let mut state = board.write(control::CONTROL, control::AP_START);
    let commands = stream(&[]);
    assert!(commands.iter().all(|&b| b == 0));
    // Every read fails: the kernel ends with a read error.
    for _ in 0..100 {
        if state.flags & READ_WAITS != 0 {
            state = board.ask(OP_READ_DATA, &[]).0;
        } else if state.flags & INTERRUPT != 0 {
            break;
        } else {
            state = board.ask(OP_STATUS, &[]).0;
        }
    }
    assert_eq!(board.read(control::STATUS) & control::STATUS_READ_ERROR, control::STATUS_READ_ERROR);
    // Writes that fail: the same program, but the store is refused.
    let mut memory = memory(&board);
    board.ask(OP_RESET, &[]);
    board.run_refusing(&mut memory);
    assert_eq!(board.read(control::STATUS), control::STATUS_WRITE_ERROR);
}

#[test]
fn a_burst_of_a_run_that_a_reset_ended_does_not_reach_the_host() {
    resets_while_a_burst_waits(ICEBREAKER);
}

#[test]
fn a_burst_in_a_crossing_that_a_reset_ended_does_not_reach_the_host() {
    resets_while_a_burst_waits(ULX3S);
}

fn resets_while_a_burst_waits(shell: Shell) {
    let Some(program) = shell.program("bridge") else { return };
    let mut board = Board::start(shell, &program, &[]);
    // A read burst waits, or a write burst whose data the host has or has not taken.
    for (waiting, taken) in [(READ_WAITS, false), (WRITE_WAITS, false), (WRITE_WAITS, true)] {
        let mut memory = memory(&board);
        board.ask(OP_RESET, &[]);
        let state = board.run_until(&mut memory, waiting);
        assert_eq!(state.flags & waiting, waiting);
        if taken {
            board.ask(OP_WRITE_DATA, &[]);
        }
        for op in [OP_RESET, OP_STATUS, OP_READ_DATA, OP_WRITE_DONE, OP_STATUS] {
            let words: &[u32] = if op == OP_WRITE_DONE { &[0] } else { &[] };
            assert_eq!(board.ask(op, words).0.flags, 0, "operation {op} after a reset with flags {waiting}");
        }
        assert_eq!(board.read(control::CONTROL), control::AP_IDLE);
        board.run(&mut memory);
        copied(&memory, board.bus);
    }
}

impl Board {
    /// As [`Self::run`], but every write burst is answered SLVERR.
    fn run_refusing(&mut self, memory: &mut [u8]) {
        for i in 0..5 {
            self.write(control::argument_offset(i), i << 16);
        }
        self.write(control::INTERRUPT_ENABLE, 1);
        self.write(control::GLOBAL_INTERRUPT, 1);
        let mut state = self.write(control::CONTROL, control::AP_START);
        while state.flags & INTERRUPT == 0 {
            let (at, bytes) = (state.address as usize, state.beats as usize * self.bus);
            state = match state.flags {
                f if f & READ_WAITS != 0 => {
                    let words: Vec<u32> = memory[at..at + bytes]
                        .chunks(4)
                        .map(|w| u32::from_le_bytes([w[0], w[1], w[2], w[3]]))
                        .collect();
                    self.ask(OP_READ_DATA, &words).0
                }
                f if f & WRITE_WAITS != 0 => self.ask(OP_WRITE_DONE, &[2]).0,
                _ => self.ask(OP_STATUS, &[]).0,
            };
        }
    }
}

#[test]
fn a_bad_line_costs_time_and_nothing_else() {
    let Some(program) = ICEBREAKER.program("bridge") else { return };
    let mut board = Board::start(ICEBREAKER, &program, &["--flip", "0.0005", "--drop", "0.001", "--seed", "7"]);
    board.ask(OP_RESET, &[]);
    let mut memory = memory(&board);
    board.run(&mut memory);
    copied(&memory, board.bus);
    assert!(board.repeated > 0, "the line was good");
}

#[test]
fn an_unplugged_line_ends() {
    let Some(program) = ICEBREAKER.program("bridge") else { return };
    let mut board = Board::start(ICEBREAKER, &program, &["--unplug-after", "20"]);
    board.send(&frame(REQUEST, OP_STATUS, true, &[]).unwrap());
    board.send(&frame(REQUEST, OP_STATUS, true, &[]).unwrap());
    assert_eq!(board.child.wait().unwrap().code(), Some(0));
    let mut bytes = [0; 64];
    let ended = loop {
        match board.line.read(&mut bytes) {
            Ok(0) => break true,
            Ok(_) => {}
            Err(e) => break e.kind() != ErrorKind::WouldBlock,
        }
    };
    assert!(ended);
}

#[test]
fn bad_options_are_one_line() {
    let Some(program) = ICEBREAKER.program("bridge") else { return };
    for (options, why) in [
        (vec!["--flip", "2"], "systole_shell: --flip is `2`; it must be 0 to 1\n"),
        (vec!["--bit-clocks", "3"], "systole_shell: --bit-clocks is `3`; it must be a number from 4 on\n"),
        (vec!["--seed"], "systole_shell: --seed needs a value\n"),
        (
            vec!["--fast"],
            "systole_shell: unknown option `--fast`; there are --link, --bit-clocks, --flip, --drop, --seed, --unplug-after, \
             --until-eof\n",
        ),
    ] {
        let output = Command::new(&program).args(options).output().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), why);
        assert_eq!(output.status.code(), Some(2));
    }
}
