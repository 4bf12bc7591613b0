//! Both kernels of a card through its driver: the problems of `../shared/data/allocate`, and two queues at once.

mod common;

use common::allocate::{model, same, Problem};
use common::card_dir;
use common::host::*;
use isa::allocate::{Answer, Shape, COST, INFEASIBLE, STATUS};
use isa::failure;
use std::io::Write;
use std::ptr::{null, null_mut};
use systole_sim::icd::api::{commands::*, kernel::*, memory::*, program::*};
use systole_sim::icd::cl::{self, Object};
use systole_sim::pack;

/// The host with a kernel `systole_allocate` in place of its own, in a queue of its own.
fn allocator(host: &Host) -> Host {
    let mut status = 1;
    let kernel = clCreateKernel(host.program, c"systole_allocate".as_ptr(), &mut status);
    assert_eq!(status, 0);
    Host { kernel, ..host.sibling() }
}

/// Queues a problem: the event and the result buffer.
fn queue(host: &Host, problem: &[u8], result_bytes: usize) -> (Object, [Object; 2]) {
    let buffers = [host.buffer(problem), host.buffer(&vec![0; result_bytes])];
    for (i, buffer) in buffers.iter().enumerate() {
        assert_eq!(clSetKernelArg(host.kernel, i as u32, 8, (buffer as *const Object).cast()), 0);
    }
    (host.start(), buffers)
}

fn solve(host: &Host, config: &isa::config::Config, problem: &Problem) -> Answer {
    let bytes = Shape::new(config, &problem.header()).result_bytes(config);
    let (event, buffers) = queue(host, &problem.bytes(), bytes);
    assert_eq!(end(event), cl::COMPLETE);
    let answer = Answer::parse(config, problem.costs.len(), &host.read(buffers[1], bytes).unwrap()).unwrap();
    for buffer in buffers {
        assert_eq!(clReleaseMemObject(buffer), 0);
    }
    answer
}

fn config(cards: &std::path::Path, name: &str) -> isa::config::Config {
    pack::config_of(&std::fs::read_to_string(cards.join(name).join("config.yaml")).unwrap()).unwrap()
}

/// A line of the problems: costs, budget, mode and the optimum that another solver proved.
fn parse(line: &str) -> (Problem, Option<u32>) {
    let value: serde_yaml::Value = serde_yaml::from_str(line).unwrap();
    let number = |v: &serde_yaml::Value| v.as_u64().map(|n| n as u32);
    let costs: Vec<Vec<Option<u32>>> = value["cost"]
        .as_sequence()
        .unwrap()
        .iter()
        .map(|row| row.as_sequence().unwrap().iter().map(number).collect())
        .collect();
    let problem = Problem {
        budget: value["budget"].as_u64().unwrap() as usize,
        at_most: value["mode"].as_str() == Some("at_most"),
        slopes: vec![0; costs.len()],
        costs,
    };
    (problem, number(&value["optimum"]))
}

#[test]
fn every_proven_optimum_is_found_through_the_driver() {
    let Some(cards) = card_dir("proven optima") else { return };
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/allocate/problems.jsonl");
    let Ok(lines) = std::fs::read_to_string(file) else {
        let _ = writeln!(std::io::stderr(), "SKIPPED proven optima: no {file}");
        return;
    };
    for name in ["small4x4", "edge8x8", "edge12x12", "mid16x16"]
        .into_iter()
        .filter(|n| cards.join(n).join("card.sbit").is_file())
    {
        let config = config(&cards, name);
        let host = allocator(&Host::new(&cards, name));
        for line in lines.lines() {
            let (problem, optimum) = parse(line);
            let answer = solve(&host, &config, &problem);
            match optimum {
                Some(cost) => assert_eq!(answer.record[COST], cost, "{name}: {line:.80}"),
                None => assert_eq!(answer.record[STATUS], INFEASIBLE, "{name}: {line:.80}"),
            }
            problem.check(&answer);
            same(&answer, &model(&config, &problem));
        }
    }
}

#[test]
fn one_kernel_runs_while_the_other_does() {
    let Some(cards) = card_dir("both kernels at once") else { return };
    let host = Host::new(&cards, "edge8x8");
    let other = allocator(&host);
    let config = config(&cards, "edge8x8");
    let costs: Vec<Vec<Option<u32>>> =
        (0..40).map(|i| (0..16).map(|k| Some((i * 37 + k * 91) % 1000)).collect()).collect();
    let problem = Problem { budget: 200, at_most: false, slopes: vec![0; 40], costs };
    let bytes = Shape::new(&config, &problem.header()).result_bytes(&config);
    // Both start when the gate opens, so each began before the other ended.
    let input: Vec<u8> = (0..64 * 8).map(|i| i as u8).collect();
    let arguments = [
        host.buffer(&copy_stream(64)),
        host.buffer(&[0; 16]),
        host.buffer(&input),
        host.buffer(&[0; 64 * 8]),
        host.buffer(&[0; 4096]),
    ];
    host.set(arguments);
    // On a busy machine the thread of the one may sleep through the whole run of the other: then again.
    let mut beside = 0;
    for attempt in 0..60 {
        if attempt >= 3 && beside > 0 {
            break;
        }
        let (long, buffers) = queue(&other, &problem.bytes(), bytes);
        // Runs of the inference kernel come and go while the allocator works on one problem.
        for _ in 0..20 {
            let short = host.start();
            assert_eq!(end(short), cl::COMPLETE);
            assert_eq!(host.read(arguments[3], 64 * 8).unwrap(), input);
            let mut status: cl::Int = 1;
            let to = (&raw mut status).cast();
            assert_eq!(systole_sim::icd::api::event::clGetEventInfo(long, 0x11d3, 4, to, null_mut()), 0);
            beside += u32::from(status != cl::COMPLETE);
        }
        assert_eq!(end(long), cl::COMPLETE);
        let answer = Answer::parse(&config, 40, &other.read(buffers[1], bytes).unwrap()).unwrap();
        problem.check(&answer);
    }
    assert!(beside > 0, "no run of systole_infer ended while systole_allocate ran");
}

#[test]
fn the_allocator_declares_itself_and_says_what_it_refuses() {
    let Some(cards) = card_dir("the allocator's kernel object") else { return };
    let host = allocator(&Host::new(&cards, "edge8x8"));
    let mut count = 0u32;
    assert_eq!(clGetKernelInfo(host.kernel, 0x1191, 4, (&raw mut count).cast(), null_mut()), 0);
    assert_eq!(count as usize, isa::allocate::ARGUMENTS.len());
    assert_eq!(clSetKernelArg(host.kernel, 2, 8, null()), cl::INVALID_ARG_INDEX);
    assert_eq!(clEnqueueTask(host.queue, host.kernel, 0, null(), null_mut()), cl::INVALID_KERNEL_ARGS);
    let (mut found, mut kernels) = (0, [null_mut(); 4]);
    assert_eq!(clCreateKernelsInProgram(host.program, 4, kernels.as_mut_ptr(), &mut found), 0);
    assert_eq!(found, 2);
    let mut bad = Problem { budget: 1, at_most: true, slopes: vec![0], costs: vec![vec![Some(1); 2]] }.bytes();
    bad[4 * isa::allocate::HEADER_LEVELS] = 0;
    let (event, _) = queue(&host, &bad, 8192);
    assert_eq!(end(event), failure::BAD_PROBLEM);
}
