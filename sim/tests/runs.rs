//! Kernel runs through the driver: results, times, containers that must be refused, runs that must fail.

mod common;

use common::host::{container, copy_stream, end, load, open, time, Host};
use common::{card_dir, stream};
use isa::command::{self as op, word};
use isa::counter::{Snapshot, BUS_WRITES, CYCLES};
use isa::failure;
use std::ptr::{null, null_mut};
use systole_sim::icd::api::{commands::*, kernel::*, memory::*, program::*};
use systole_sim::icd::cl;

const BUS: usize = 8; // bytes of a bus word of edge8x8
const WORDS: usize = 256;

fn pattern(seed: usize) -> Vec<u8> {
    (0..WORDS * BUS).map(|i| (i * 37 + seed * 101) as u8).collect()
}

#[test]
fn a_run_computes_and_its_times_are_cycles_of_the_cards_clock() {
    let Some(cards) = card_dir("runs") else { return };
    let host = Host::new(&cards, "edge8x8");
    let input = pattern(1);
    let (commands, source) = (host.buffer(&copy_stream(WORDS as i64)), host.buffer(&input));
    let output = host.buffer(&vec![0; WORDS * BUS]);
    let counters = host.buffer(&vec![0; Snapshot::bytes(BUS)]);
    // There are no weights in this stream: the argument may be null.
    host.set([commands, null_mut(), source, output, counters]);
    let event = host.start();
    assert_eq!(end(event), cl::COMPLETE);
    assert_eq!(host.read(output, WORDS * BUS).unwrap(), input);
    let snapshot = Snapshot::parse_all(&host.read(counters, Snapshot::bytes(BUS)).unwrap(), BUS)[0];
    // The snapshot itself is on its way when its counts are read.
    let written = snapshot.0[BUS_WRITES] as usize;
    assert!((WORDS..WORDS + 16).contains(&written), "{written} words written");
    let [queued, submitted, start, finish] = [0x1280, 0x1281, 0x1282, 0x1283].map(|name| time(event, name));
    assert!(queued <= submitted && submitted <= start && start < finish);
    // 50 MHz: 20 ns a cycle. The kernel's own count ends at the mark, a little before the run does.
    let cycles = (finish - start) / 20;
    let counted = u64::from(snapshot.0[CYCLES]);
    assert!(cycles >= counted && cycles < counted + 200, "{cycles} cycles by the event, {counted} by the counter");
    assert!(cycles > 2 * WORDS as u64, "each word crosses the bus twice");
    for buffer in [commands, source, output, counters] {
        assert_eq!(clReleaseMemObject(buffer), 0);
    }
    // Released by the caller, still held by the kernel: the run is as before.
    assert_eq!(end(host.start()), cl::COMPLETE);
}

#[test]
fn containers_are_refused_for_each_flipped_byte_each_cut_and_other_configurations() {
    let Some(cards) = card_dir("containers") else { return };
    let (device, context) = open(&cards, "edge8x8");
    let good = container(&cards, "edge8x8");
    let program = load(context, device, &good).unwrap();
    assert_eq!(clReleaseProgram(program), 0);
    for at in (0..good.len()).filter(|at| *at < 200 || at % 37 == 0) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert_eq!(load(context, device, &bad), Err((cl::INVALID_BINARY, failure::CONTAINER_DAMAGED)), "byte {at}");
        let cut = load(context, device, &good[..at]).unwrap_err();
        assert_eq!(cut.0, if at == 0 { cl::INVALID_VALUE } else { cl::INVALID_BINARY }, "cut at {at}");
    }
    let refused = |binary: &[u8]| load(context, device, binary).unwrap_err().1;
    assert_eq!(refused(&[0; 10_000]), failure::CONTAINER_DAMAGED);
    for other in ["small4x4", "edge12x12", "mid16x16"].iter().filter(|n| cards.join(n).join("card.sbit").is_file()) {
        assert_eq!(refused(&container(&cards, other)), failure::CONTAINER_CONFIG);
    }
    // Sound containers whose manifest says something else.
    let verilog = systole_sim::pack::rtl(&cards.join("edge8x8")).unwrap();
    let yaml = std::fs::read_to_string(cards.join("edge8x8/config.yaml")).unwrap();
    let config = systole_sim::pack::config_of(&yaml).unwrap();
    let same = systole_sim::pack::container(&config, &verilog, None).unwrap();
    assert!(load(context, device, &same).is_ok());
    let older = systole_sim::pack::container(&config, b"older", None).unwrap();
    assert_eq!(refused(&older), failure::CONTAINER_RTL);
    let mut faster = config.clone();
    faster.clock_hz *= 2;
    let faster = systole_sim::pack::container(&faster, &verilog, None).unwrap();
    assert_eq!(refused(&faster), failure::CONTAINER_CONFIG);
    let manifest = |text: &str| {
        let sections = [(isa::container::KIND_MANIFEST, text.as_bytes())];
        refused(&isa::container::write(&sections, systole_sim::pack::sha256))
    };
    assert_eq!(manifest("board: [\n"), failure::CONTAINER_MANIFEST);
    let text = String::from_utf8_lossy(&same).into_owned();
    let text = &text[text.find("board:").unwrap()..];
    assert_eq!(manifest(&text.replace("board: simulated", "board: ulx3s")), failure::CONTAINER_BOARD);
    assert_eq!(manifest(&text.replace("isa_version: ", "isa_version: 9")), failure::CONTAINER_MANIFEST);
}

#[test]
fn kernels_check_names_arguments_and_ranges() {
    let Some(cards) = card_dir("kernels") else { return };
    let host = Host::new(&cards, "edge8x8");
    let mut status = 0;
    let create = |name: &std::ffi::CStr, status: &mut _| clCreateKernel(host.program, name.as_ptr(), status);
    assert!(create(c"systole_other", &mut status).is_null());
    assert_eq!(status, cl::INVALID_KERNEL_NAME);
    assert!(clCreateKernel(host.program, null(), &mut status).is_null());
    assert_eq!(status, cl::INVALID_VALUE);
    let unbuilt = load(host.context, host.device, &container(&cards, "edge8x8")).unwrap();
    assert!(clCreateKernel(unbuilt, c"systole_infer".as_ptr(), &mut status).is_null());
    assert_eq!(status, cl::INVALID_PROGRAM_EXECUTABLE);

    let task = || clEnqueueTask(host.queue, host.kernel, 0, null(), null_mut());
    assert_eq!(task(), cl::INVALID_KERNEL_ARGS);
    let buffer = host.buffer(&[0; 16]);
    let argument = (&raw const buffer).cast();
    assert_eq!(clSetKernelArg(host.kernel, 5, 8, argument), cl::INVALID_ARG_INDEX);
    assert_eq!(clSetKernelArg(host.kernel, 0, 4, argument), cl::INVALID_ARG_SIZE);
    assert_eq!(clSetKernelArg(host.kernel, 0, 8, (&raw const host.queue).cast()), cl::INVALID_MEM_OBJECT);
    host.set([buffer; 5]);
    let range = |dimensions, global: &[usize], local: *const usize, offset: *const usize| {
        let global = if global.is_empty() { null() } else { global.as_ptr() };
        clEnqueueNDRangeKernel(host.queue, host.kernel, dimensions, offset, global, local, 0, null(), null_mut())
    };
    assert_eq!(range(0, &[1], null(), null()), cl::INVALID_WORK_DIMENSION);
    assert_eq!(range(4, &[1; 4], null(), null()), cl::INVALID_WORK_DIMENSION);
    assert_eq!(range(1, &[], null(), null()), cl::INVALID_GLOBAL_WORK_SIZE);
    assert_eq!(range(2, &[1, 2], null(), null()), cl::INVALID_GLOBAL_WORK_SIZE);
    assert_eq!(range(1, &[1], &2, null()), cl::INVALID_WORK_GROUP_SIZE);
    assert_eq!(range(1, &[1], null(), &1), cl::INVALID_GLOBAL_OFFSET);
}

#[test]
fn failed_runs_say_why_hold_back_what_depends_on_them_and_leave_the_card_usable() {
    let Some(cards) = card_dir("failing runs") else { return };
    let host = Host::new(&cards, "edge8x8");
    let input = pattern(3);
    let (source, output) = (host.buffer(&input), host.buffer(&vec![0; WORDS * BUS]));
    let counters = host.buffer(&vec![0; Snapshot::bytes(BUS)]);
    let good = host.buffer(&copy_stream(WORDS as i64));
    let illegal = host.buffer(&stream(&[word(op::WAIT, 0), 0xff00_0000, word(op::END, 0)]));
    let cut = host.buffer(&word(op::WAIT, 0).to_le_bytes());
    for (arguments, expected) in [
        ([illegal, null_mut(), source, output, counters], failure::ILLEGAL_COMMAND),
        ([cut, null_mut(), source, output, counters], failure::READ_FAULT),
        ([good, null_mut(), null_mut(), output, counters], failure::READ_FAULT),
        ([good, null_mut(), source, null_mut(), counters], failure::WRITE_FAULT),
        ([good, null_mut(), source, output, null_mut()], failure::WRITE_FAULT),
    ] {
        host.set(arguments);
        let event = host.start();
        // Queued in the belief that the run succeeds, so it must not deliver what is there instead.
        assert_eq!(host.read(output, 1), Err(cl::EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST));
        assert_eq!(end(event), expected);
        host.set([good, null_mut(), source, output, counters]);
        assert_eq!(end(host.start()), cl::COMPLETE);
        assert_eq!(host.read(output, WORDS * BUS).unwrap(), input);
    }
}

#[test]
fn threads_with_their_own_queues_share_the_card() {
    let Some(cards) = card_dir("threads") else { return };
    let host = Host::new(&cards, "edge8x8");
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let host = host.sibling();
            scope.spawn(move || {
                let input = pattern(seed);
                let (commands, source) = (host.buffer(&copy_stream(WORDS as i64)), host.buffer(&input));
                let counters = host.buffer(&vec![0; Snapshot::bytes(BUS)]);
                for _ in 0..10 {
                    let output = host.buffer(&vec![0; WORDS * BUS]);
                    host.set([commands, null_mut(), source, output, counters]);
                    let event = host.start();
                    assert_eq!(host.read(output, WORDS * BUS).unwrap(), input);
                    assert_eq!(end(event), cl::COMPLETE);
                    assert_eq!(clReleaseMemObject(output), 0);
                }
            });
        }
    });
}
