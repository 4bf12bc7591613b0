//! A board on a serial line, against a board of our own behind a pseudo-terminal: every run ends exactly or with an error,
//! whatever the line does, and exactly where sending again can help.

mod common;

use common::{host::copy_stream, stream, Random};
use isa::bridge::{frame, parse, OP_IDENTIFY, OP_READ_DATA, OP_REGISTER_WRITE, OP_RESET, OP_STATUS, REPLY, REQUEST};
use isa::command::{self as op, word};
use isa::counter::Snapshot;
use isa::{control, failure, timing};
use std::path::Path;
use std::time::{Duration, Instant};
use systole_sim::rtl::Region;
use systole_sim::serial::board::{Board, BoardRun, Failed, Limits};
use systole_sim::serial::fake::{Fake, Options};
use systole_sim::serial::identity::{named, Identity};
use systole_sim::serial::noise::Faults;
use systole_sim::serial::place::Place;
use systole_sim::serial::LineError;

const BAUD: u32 = 1_000_000;
const LIMITS: Limits = Limits { cycles: 2_000_000_000, quiet: 20_000_000 };
/// Where the buffers of a run lie.
const COMMANDS: u64 = 0x1000;
const INPUT: u64 = 0x3000;
const OUTPUT: u64 = 0x6000;
const COUNTERS: u64 = 0x9000;

fn options() -> Options {
    let config = named("small4x4").unwrap();
    let (n, bus_bytes, clock_hz) = (config.n, config.bus_bytes(), config.clock_hz);
    let identity = Identity { isa_version: isa::ISA_VERSION, n, bus_bytes, clock_hz, digest: [1, 2, 3, 4] };
    Options { config, identity, faults: Faults::default(), baud: None, unplug_after: None, link: None }
}

fn board(line: &Path) -> Board {
    Board::new(Place { line: line.into(), baud: BAUD, config: None })
}

/// Copies `input` to an output through the board's memory, or runs `commands`; both, and the first snapshot.
fn run(
    board: &mut Board,
    commands: &[u8],
    input: &[u8],
    limits: &Limits,
) -> Result<(Vec<u8>, Snapshot, BoardRun), Failed> {
    let config = named("small4x4").unwrap();
    let (mut commands, mut input) = (commands.to_vec(), input.to_vec());
    let mut output = vec![0xa5; input.len()];
    let mut counters = vec![0; Snapshot::bytes(config.bus_bytes())];
    let mut regions = [
        Region { base: COMMANDS, bytes: &mut commands },
        Region { base: INPUT, bytes: &mut input },
        Region { base: OUTPUT, bytes: &mut output },
        Region { base: COUNTERS, bytes: &mut counters },
    ];
    let pointers = [COMMANDS, INPUT, INPUT, OUTPUT, COUNTERS];
    let run = board.run(&config, &mut regions, &pointers, limits).map_err(|(failed, _)| failed)?;
    Ok((output, Snapshot::parse_all(&counters, config.bus_bytes())[0], run))
}

fn copy(board: &mut Board, words: usize, seed: u64) -> Result<BoardRun, Failed> {
    let input = Random(seed).bytes(4 * words);
    let (output, _, run) = run(board, &copy_stream(words as i64), &input, &LIMITS)?;
    assert_eq!(output, input, "seed {seed}");
    Ok(run)
}

fn code(result: Result<(Vec<u8>, Snapshot, BoardRun), Failed>) -> i32 {
    match result {
        Err(Failed::Run(error)) => error.code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_run_is_exact_its_cycles_are_the_kernels_and_its_bursts_are_those_of_axi() {
    let fake = Fake::plug(options()).unwrap();
    let mut board = board(fake.path());
    assert_eq!(board.probe().unwrap(), options().identity);
    let words = 100;
    let input = Random(3).bytes(4 * words);
    let commands = copy_stream(words as i64);
    let (output, snapshot, first) = run(&mut board, &commands, &input, &LIMITS).unwrap();
    assert_eq!(output, input);
    let stream: Vec<u32> =
        commands.chunks_exact(4).map(|w| u32::from_le_bytes(w.try_into().unwrap())).take(8).collect();
    let times = timing::run(&named("small4x4").unwrap(), &stream, 1).unwrap();
    assert_eq!(first.counted, Some(u64::from(times.marks[0].0[0])));
    assert_eq!(snapshot.0[isa::counter::BUS_WRITES], 100);
    // 100 words are 7 bursts of at most 16; the commands are one, and so is a snapshot.
    assert_eq!((first.bursts, first.line.resent, first.line.damaged), ([8, 8], 0, 0));
    // What registers hold already is not sent again. How often the host asks for news in between is the machine's affair.
    let polls = fake.requests_of(OP_STATUS);
    let second = copy(&mut board, words, 4).unwrap();
    let (first, second) = (first.line.requests - polls, second.line.requests + polls - fake.requests_of(OP_STATUS));
    assert_eq!(first - second, 7);
    assert!(second <= 8 + 2 * 8 + 4 + 1, "{second} requests");
}

/// Errors that sending again can cure, of every kind; each seed is a line of its own.
#[test]
fn runs_over_a_bad_line_are_exact() {
    let mut resent = 0;
    for seed in 0..24 {
        let mut random = Random(seed);
        let mut rate = |most: f64| most * f64::from(random.next() % 100) / 100.0;
        let faults = Faults {
            flip: rate(4e-4),
            drop: rate(2e-4),
            truncate: rate(0.02),
            duplicate: rate(0.1),
            silence: rate(0.02),
            seed,
        };
        let fake = Fake::plug(Options { faults, ..options() }).unwrap();
        let mut board = board(fake.path());
        for round in 0..3 {
            match copy(&mut board, 40 + 10 * round, seed) {
                Ok(run) => resent += run.line.resent,
                Err(failed) => panic!("seed {seed}, {faults:?}: {failed:?}"),
            }
        }
    }
    assert!(resent > 20, "{resent} frames were sent again: the lines were too good");
}

/// Errors beyond that: any end is right but a wrong result, and there is one.
#[test]
fn runs_over_a_line_that_is_hardly_one_end() {
    for seed in 0..3 {
        let faults = Faults { flip: 0.02, drop: 0.02, truncate: 0.2, duplicate: 0.3, silence: 0.3, seed };
        let fake = Fake::plug(Options { faults, ..options() }).unwrap();
        let began = Instant::now();
        let _ = copy(&mut board(fake.path()), 16, seed);
        assert!(began.elapsed() < Duration::from_secs(60));
    }
}

#[test]
fn a_board_that_says_nothing_is_given_up_soon() {
    let fake = Fake::plug(Options { faults: Faults { silence: 1.0, ..Faults::default() }, ..options() }).unwrap();
    let began = Instant::now();
    let error = board(fake.path()).probe().unwrap_err();
    assert!(matches!(error, LineError::Silent { tries: 4, noise: false, .. }), "{error:?}");
    assert!(error.to_string().contains("no reply to 4 requests"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let missing = board(Path::new("/dev/no-such-line")).probe().unwrap_err();
    assert!(missing.to_string().contains("cannot be opened: No such file"), "{missing}");
    let file = tempfile("not a line");
    assert_eq!(board(&file).probe(), Err(LineError::Unfit("it is no serial line".into())));
    std::fs::remove_file(file).unwrap();
}

#[test]
fn a_line_is_one_programs_alone() {
    let fake = Fake::plug(options()).unwrap();
    let mut first = board(fake.path());
    first.connect().unwrap();
    assert_eq!(board(fake.path()).probe(), Err(LineError::Busy));
    drop(first);
    board(fake.path()).probe().unwrap();
}

#[test]
fn unplugged_after_any_request_is_an_error_at_once_and_a_new_board_works() {
    let link = tempfile("");
    let mut plugged = options();
    plugged.link = Some(link.clone());
    let requests = {
        let fake = Fake::plug(plugged.clone()).unwrap();
        copy(&mut board(&link), 20, 1).unwrap();
        fake.requests()
    };
    assert!(requests > 20);
    let mut board = board(&link);
    let mut gone = 0;
    for after in 0..requests {
        let began = Instant::now();
        let fake = Fake::plug(Options { unplug_after: Some(after), ..plugged.clone() }).unwrap();
        match copy(&mut board, 20, after) {
            Err(Failed::Line(LineError::Gone(_))) => gone += 1,
            // How often the host asks whether the run is over is a matter of time: this run ended before it came to that.
            Ok(_) if fake.requests() <= after => (),
            other => panic!("after {after} of {requests}: {other:?}"),
        }
        drop(fake);
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    }
    assert!(gone >= 20, "{gone}");
    // Nothing there at all, then plugged in again.
    assert!(matches!(board.check(), Err(LineError::Gone(_))));
    assert!(matches!(board.connect(), Err(LineError::Gone(_))));
    let fake = Fake::plug(plugged.clone()).unwrap();
    copy(&mut board, 20, 1).unwrap();
    // Unplugged while idle: a check says so, and finds the next one.
    drop(fake);
    assert!(matches!(board.check(), Err(LineError::Gone(_))));
    let again = Fake::plug(plugged.clone()).unwrap();
    board.check().unwrap();
    copy(&mut board, 20, 2).unwrap();
    // Another bitstream is not taken for the same board.
    drop(again);
    let identity = Identity { digest: [9; 4], ..plugged.identity };
    let _other = Fake::plug(Options { identity, ..plugged }).unwrap();
    let error = board.check().unwrap_err();
    assert!(error.to_string().contains("another bitstream"), "{error}");
    std::fs::remove_file(link).unwrap();
}

#[test]
fn a_run_that_goes_wrong_has_the_code_of_the_simulated_card() {
    let fake = Fake::plug(options()).unwrap();
    let mut board = board(fake.path());
    // The input is 64 words short of what the stream loads; then the output is short of what it stores.
    assert_eq!(code(run(&mut board, &copy_stream(80), &[0; 64], &LIMITS)), failure::READ_FAULT);
    assert_eq!(code(run(&mut board, &stream(&[0xff00_0000]), &[0; 64], &LIMITS)), failure::ILLEGAL_COMMAND);
    let put = |operation, values: &[i64]| op::pack(operation, values).unwrap();
    let store = [put(op::S_LEN, &[99]), word(op::STORE, 0), word(op::WAIT, op::UNIT_STORE), word(op::END, 0)];
    assert_eq!(code(run(&mut board, &stream(&store), &[0; 64], &LIMITS)), failure::WRITE_FAULT);
    // A drain of a bank that is never fed.
    let dead = stream(&[word(op::DRAIN, 0), word(op::END, 0)]);
    assert_eq!(code(run(&mut board, &dead, &[0; 64], &Limits { quiet: 200_000, ..LIMITS })), failure::NO_PROGRESS);
    assert_eq!(code(run(&mut board, &dead, &[0; 64], &Limits { cycles: 200_000, ..LIMITS })), failure::CYCLE_LIMIT);
    copy(&mut board, 30, 9).expect("the board has been reset each time");
}

/// The board of our own keeps the protocol's promises to a host that repeats itself.
#[test]
fn a_repetition_is_answered_and_has_no_effect() {
    let fake = Fake::plug(options()).unwrap();
    let mut port = systole_sim::serial::port::Port::open(fake.path(), BAUD).unwrap();
    let mut ask = |op: u8, sequence: bool, words: &[u32]| {
        let until = Instant::now() + Duration::from_secs(2);
        port.write(&frame(REQUEST, op, sequence, words).unwrap(), until).unwrap();
        let mut bytes = Vec::new();
        loop {
            if let Some(((found, bit, words), _)) = parse(REPLY, &bytes).unwrap() {
                assert_eq!((found, bit), (op, sequence));
                return words;
            }
            assert!(port.read(&mut bytes, until).unwrap() > 0);
        }
    };
    ask(OP_RESET, true, &[]);
    assert_eq!(ask(OP_IDENTIFY, true, &[])[2..], options().identity.words());
    ask(OP_REGISTER_WRITE, false, &[control::argument_offset(0), 0x1000]);
    ask(OP_REGISTER_WRITE, true, &[control::CONTROL, 1]);
    // The first fetch waits: 16 words at 0x1000. An answer that is taken for a repetition leaves it so.
    let soon = Instant::now() + Duration::from_secs(2);
    let waiting = loop {
        let status = ask(OP_STATUS, true, &[])[..2].to_vec();
        if status != [0, 0] || Instant::now() > soon {
            break status;
        }
    };
    assert_eq!(waiting, [0x0f01, 0x1000]);
    assert_eq!(ask(OP_READ_DATA, true, &[0; 16])[..2], waiting[..]);
    let end = word(op::END, 0);
    ask(OP_READ_DATA, false, &[end; 16]);
    let ended = ask(OP_STATUS, true, &[]);
    assert_eq!(ended[0] & 1, 0);
}

fn tempfile(content: &str) -> std::path::PathBuf {
    let unique = format!("systole-{}-{:?}", std::process::id(), std::thread::current().id());
    let path = std::env::temp_dir().join(unique.replace(['(', ')'], ""));
    std::fs::write(&path, content).unwrap();
    path
}
