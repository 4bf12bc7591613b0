//! Streams: each inference gets its own outputs, whoever submits and however it is waited for.
//! Without a card (scripts/card) each test says so and does nothing.

use futures::executor::block_on;
use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::Arc;
use systole::graph::{Graph, HostOp, Node, Op, Tensor};
use systole::reference::{self, Values};
use systole::runtime::{Stream, StreamError, StreamOptions, TrySubmitError};
use systole::tensor::Order;
use systole_tests::graphs::{chain, convolution, info, Limits};
use systole_tests::stream::{digits, input, open};

fn options(queue: usize, batch: usize) -> StreamOptions {
    StreamOptions { queue, batch }
}

/// What the integer reference says of inputs 0 to `count`.
fn expected(graph: &Graph, count: usize) -> Vec<Vec<i8>> {
    (0..count).map(|i| reference::run(graph, &input(graph, i)).unwrap()).collect()
}

#[test]
fn many_threads_on_one_card_each_get_their_own_outputs() {
    let graph = digits();
    let Some(stream) = open("many threads", &graph, StreamOptions::default()) else { return };
    let expected = Arc::new(expected(&graph, 64));
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let (stream, graph, expected) = (stream.clone(), graph.clone(), expected.clone());
            std::thread::spawn(move || {
                let mut rng = StdRng::seed_from_u64(thread);
                let mut waiting = Vec::new();
                for _ in 0..150 {
                    let number = rng.random_range(0..expected.len());
                    waiting.push((number, stream.submit(input(&graph, number)).unwrap()));
                    // Some wait now and then, in any order, so that runs of all sizes come about.
                    if rng.random_range(0..10) == 0 {
                        let at = rng.random_range(0..waiting.len());
                        let (number, ticket) = waiting.swap_remove(at);
                        assert_eq!(ticket.wait().unwrap(), expected[number]);
                    }
                }
                for (number, ticket) in waiting {
                    assert_eq!(ticket.wait().unwrap(), expected[number]);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
    let stats = stream.stats();
    assert_eq!(stats.inferences, 8 * 150);
    assert!(stats.runs < stats.inferences, "under load a run takes several: {stats:?}");
    assert!(!stats.card_time.is_zero() && !stats.host_time.is_zero(), "{stats:?}");
}

#[test]
fn a_full_queue_says_so_and_gives_the_sample_back() {
    let graph = digits();
    let Some(stream) = open("a full queue", &graph, options(3, 2)) else { return };
    let mut tickets = Vec::new();
    let mut full = 0;
    for i in 0..200 {
        match stream.try_submit(input(&graph, i)) {
            Ok(ticket) => tickets.push((i, ticket)),
            Err(TrySubmitError::Full(sample)) => {
                assert_eq!(sample, input(&graph, i));
                full += 1;
                // Blocks until there is room, and loses nothing.
                tickets.push((i, stream.submit(sample).unwrap()));
            }
            Err(TrySubmitError::Stream(e)) => panic!("{e}"),
        }
    }
    assert!(full > 0, "the card cannot be as fast as this loop");
    for (i, ticket) in tickets {
        assert_eq!(ticket.wait().unwrap(), reference::run(&graph, &input(&graph, i)).unwrap(), "input {i}");
    }
}

#[test]
fn tickets_are_futures() {
    let graph = digits();
    let Some(stream) = open("futures", &graph, options(256, 16)) else { return };
    let expected = expected(&graph, 100);
    let tickets: Vec<_> = (0..100).map(|i| stream.submit(input(&graph, i)).unwrap()).collect();
    let outputs = block_on(join_all(tickets));
    outputs.into_iter().zip(&expected).for_each(|(got, want)| assert_eq!(&got.unwrap(), want));
    // A handle goes into a task; the task submits and awaits.
    let task = |i: usize| {
        let (stream, input) = (stream.clone(), input(&graph, i));
        async move { stream.submit(input)?.await }
    };
    let outputs = block_on(join_all((0..20).map(task)));
    outputs.into_iter().zip(&expected).for_each(|(got, want)| assert_eq!(&got.unwrap(), want));
}

#[test]
fn the_last_handle_goes_and_what_was_submitted_is_still_done() {
    let graph = digits();
    let Some(stream) = open("the last handle", &graph, StreamOptions::default()) else { return };
    let tickets: Vec<_> = (0..50).map(|i| stream.submit(input(&graph, i)).unwrap()).collect();
    // Who does not want to know harms nobody.
    let (unwanted, wanted): (Vec<_>, Vec<_>) = tickets.into_iter().enumerate().partition(|(i, _)| i % 3 == 0);
    drop(unwanted);
    drop(stream);
    for (i, ticket) in wanted {
        assert!(ticket.is_ready(), "the last handle waits for what is outstanding");
        assert_eq!(ticket.wait().unwrap(), reference::run(&graph, &input(&graph, i)).unwrap(), "input {i}");
    }
}

#[test]
fn a_sample_that_does_not_fit_is_refused_alone() {
    let graph = digits();
    let Some(stream) = open("a bad sample", &graph, StreamOptions::default()) else { return };
    let error = stream.submit(vec![0; 63]).err().unwrap().to_string();
    assert!(error.contains("takes 64 values") && error.contains("there are 63"), "{error}");
    let error = stream.submit_values(vec![]).err().unwrap().to_string();
    assert!(error.contains("0 inputs; it takes 1"), "{error}");
    let card = |i| vec![Values::Card(input(&graph, i))];
    let tickets: Vec<_> = (0..20)
        .map(|i| stream.submit_values(if i % 4 == 1 { vec![Values::Card(vec![1; 5])] } else { card(i) }).unwrap())
        .collect();
    for (i, ticket) in tickets.into_iter().enumerate() {
        match ticket.wait() {
            Ok(values) if i % 4 != 1 => {
                assert_eq!(values[0].bytes(), reference::run(&graph, &input(&graph, i)).unwrap(), "input {i}")
            }
            Err(StreamError::Sample(what)) if i % 4 == 1 => assert!(what.contains("there are 5"), "{what}"),
            other => panic!("input {i}: {other:?}"),
        }
    }
}

/// Submits inputs one by one and all at once.
fn check(stream: &Stream, graph: &Graph, count: usize) {
    let expected = expected(graph, count);
    assert_eq!(stream.submit(input(graph, 0)).unwrap().wait().unwrap(), expected[0], "{}", graph.name);
    let tickets: Vec<_> = (0..count).map(|i| stream.submit(input(graph, i)).unwrap()).collect();
    for (i, ticket) in tickets.into_iter().enumerate() {
        assert_eq!(ticket.wait().unwrap(), expected[i], "{} input {i}", graph.name);
    }
}

#[test]
fn random_networks_of_both_orders_of_channels() {
    for seed in 0..12 {
        let mut rng = StdRng::seed_from_u64(seed);
        let graph = chain(&mut rng, Limits { extent: 9, channels: 21, nodes: 4 });
        let Some(stream) = open("random networks", &graph, options(64, 8)) else { return };
        check(&stream, &graph, 21);
    }
}

/// Convolution on the card, a table and a softmax on the host, another convolution, softmax at the end.
fn sandwich(order: Order) -> Graph {
    let mut rng = StdRng::seed_from_u64(5);
    let (outer, inner) = ([5, 4, 3], [5, 4, 10]);
    let window = systole::graph::Window { kernel: [3, 3], stride: [1, 1], before: [1, 1] };
    let table = HostOp::Lookup((0..256).map(|v| (v * 91 % 256 - 128) as i8).collect());
    let softmax = || Op::Host(HostOp::SoftmaxInt8 { beta_scale: 0.07 });
    let ops = [
        (convolution(&mut rng, outer, window, 10), inner),
        (Op::Host(table), inner),
        (softmax(), inner),
        (convolution(&mut rng, inner, window, 3), outer),
        (softmax(), outer),
    ];
    let mut tensors = vec![Tensor::card("input", outer)];
    let mut nodes = Vec::new();
    for (i, (op, hwc)) in ops.into_iter().enumerate() {
        tensors.push(Tensor::card(&format!("t{i}"), hwc));
        nodes.push(Node { name: format!("n{i}"), label: "Op".into(), inputs: vec![i], output: i + 1, op });
    }
    let (inputs, outputs) = (vec![(0, info("input", outer, order))], vec![(5, info("output", outer, order))]);
    Graph { name: "sandwich".into(), tensors, nodes, inputs, outputs }
}

#[test]
fn segments_of_card_and_host_in_turn() {
    for order in [Order::ChannelsFirst, Order::ChannelsLast] {
        let graph = sandwich(order);
        let Some(stream) = open("segments in turn", &graph, options(64, 8)) else { return };
        assert_eq!((stream.plan().segments.len(), stream.plan().programs().count()), (4, 2));
        check(&stream, &graph, 100);
    }
}

#[test]
fn a_network_that_only_the_host_runs() {
    let mut graph = sandwich(Order::ChannelsLast);
    graph.nodes.drain(2..);
    graph.nodes.remove(0);
    graph.nodes[0].inputs = vec![0];
    graph.nodes[0].output = 1;
    graph.tensors = vec![Tensor::card("input", [5, 4, 3]), Tensor::card("output", [5, 4, 3])];
    graph.outputs[0].0 = 1;
    let Some(stream) = open("a network of the host", &graph, options(64, 8)) else { return };
    assert_eq!(stream.plan().programs().count(), 0);
    check(&stream, &graph, 20);
}
