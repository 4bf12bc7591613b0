//! Files that somebody else wrote, or wrote on purpose: the error names the tensor or the node, says the value, and is one
//! line. What `fuzz/` found is here too.

use rand::rngs::StdRng;
use rand::SeedableRng;
use systole::compile::{compile, Options};
use systole::graph::{Op, MAX_KERNEL};
use systole::import::{from_bytes, onnx::proto};
use systole::plan::{Plan, Program, Segment};
use systole_tests::onnx::Builder;
use systole_tests::zoo::{self, Clamp, Kind, Net, Steps};
use systole_tests::{card, graphs};

/// Two convolutions and a pool; tensors are called `act_0` to `act_3`.
fn net() -> Net {
    let mut rng = StdRng::seed_from_u64(3);
    let steps = Steps { kernel: [3, 3], stride: [1, 1], same: true };
    let mut net = Net::new(&mut rng, "hostile", [6, 6, 2]);
    let first = net.conv(&mut rng, 0, 3, steps, Clamp::Relu);
    let second = net.conv(&mut rng, first, 3, steps, Clamp::Relu);
    net.pool(second, true, Steps { kernel: [2, 2], stride: [2, 2], same: false });
    net
}

/// The message with which the TFLite file of a changed network is refused.
fn refused(change: impl Fn(&mut Net)) -> String {
    let mut net = net();
    change(&mut net);
    let message = from_bytes(&zoo::tflite::file(&net), "m").map(|_| ()).expect_err("it must be refused").to_string();
    assert!(!message.chars().any(char::is_control) && message.len() < 400, "{message}");
    message
}

#[test]
fn the_network_itself_is_read() {
    assert_eq!(from_bytes(&zoo::tflite::file(&net()), "m").unwrap().nodes.len(), 3);
}

#[test]
fn scales_that_are_none() {
    for scale in [f32::NAN, f32::INFINITY, 0.0, -0.5] {
        let message = refused(|net| net.acts[2].quant.scale = scale);
        assert_eq!(message, format!("tensor `act_2`: its scale is {scale}; it must be finite and above 0"));
    }
    let message = refused(|net| match &mut net.layers[0].kind {
        Kind::Conv(_, weights, _) => weights.scales = vec![0.1; 2],
        _ => unreachable!(),
    });
    assert_eq!(message, "tensor `weights`: 2 scales and 2 zero points along dimension 0 of [3, 3, 3, 2]");
    let message = refused(|net| match &mut net.layers[1].kind {
        Kind::Conv(_, weights, _) => weights.scales.clear(),
        _ => unreachable!(),
    });
    assert!(message.starts_with("node `act_2` (CONV_2D): its weights are INT8 without a scale"), "{message}");
}

#[test]
fn multipliers_that_no_card_holds() {
    let message = refused(|net| net.acts[1].quant.scale = 1e-30);
    assert!(message.starts_with("node `act_1` (CONV_2D): its multiplier is "), "{message}");
    assert!(message.ends_with("it must be below 64: quantise the model again"), "{message}");
}

#[test]
fn dimensions_that_are_huge_or_negative() {
    let message = refused(|net| net.acts[1].hwc = [1 << 30, 1 << 30, 1 << 30]);
    assert_eq!(message, "tensor `act_1`: its shape has more than 4194304 elements");
    // −1, written as 32 bits.
    let message = refused(|net| net.acts[0].hwc[1] = usize::MAX);
    assert_eq!(message, "tensor `act_0`: dimension -1 in its shape");
    let message = refused(|net| net.acts[0].hwc[0] = 0);
    assert!(message.starts_with("input `act_0` has shape [1, 0, 6, 2]"), "{message}");
}

#[test]
fn operators_in_a_circle_and_tensors_that_are_not_there() {
    let message = refused(|net| net.layers[1].inputs[0] = 2);
    assert!(
        message.starts_with("node `act_2` (CONV_2D): its input `act_2` is computed by nothing before it"),
        "{message}"
    );
    let message = refused(|net| net.layers[1].inputs.push(999));
    assert_eq!(message, "an input of operator 1 is tensor 999; there are 8; the file is damaged");
    let message = refused(|net| net.layers[1].output = 1);
    assert!(message.starts_with("node `act_1` (CONV_2D): its output is written twice"), "{message}");
}

#[test]
fn weights_of_another_length() {
    let message = refused(|net| match &mut net.layers[0].kind {
        Kind::Conv(_, weights, _) => weights.values.truncate(50),
        _ => unreachable!(),
    });
    assert_eq!(message, "tensor `weights`: shape [3, 3, 3, 2] takes 54 bytes, but there are 50");
}

#[test]
fn strides_and_kernels_that_the_card_has_no_bits_for() {
    let steps = |net: &mut Net, change: &dyn Fn(&mut Steps)| match &mut net.layers[2].kind {
        Kind::Max(steps) => change(steps),
        _ => unreachable!(),
    };
    let message = refused(|net| steps(net, &|s| s.stride = [0, 2]));
    assert_eq!(message, "node `act_3` (MAX_POOL_2D): its strides are [0, 2]");
    let message = refused(|net| steps(net, &|s| s.kernel = [2, 65]));
    assert!(message.starts_with("node `act_3` (MAX_POOL_2D): a kernel of [2, 65]; supported: 1 to 64"), "{message}");
}

/// A kernel over all of an image that is longer than a kernel may be is split; found with networks for wake words.
#[test]
fn a_pool_over_a_hundred_rows_is_none_too_many() {
    let mut rng = StdRng::seed_from_u64(4);
    let mut net = Net::new(&mut rng, "long", [100, 1, 3]);
    let first = net.conv(&mut rng, 0, 5, Steps { kernel: [3, 1], stride: [1, 1], same: true }, Clamp::Relu);
    net.global(&mut rng, first, false);
    let graph = from_bytes(&zoo::tflite::file(&net), "m").unwrap();
    for config in card::configs() {
        let plan = compile(&graph, &config, Options::default()).unwrap();
        assert!(plan.placements.iter().all(|p| p.card), "{:?}", plan.placements);
    }
}

/// Found by fuzzing: names with line breaks, and shapes of a thousand dimensions, went into messages as they were.
#[test]
fn names_with_line_breaks_are_one_line_everywhere() {
    let mut b = Builder::new(proto::FLOAT, &[1, 2]);
    let x = b.both("input", 0.1, 0);
    let y = b.node("Relu", &[&x], vec![]);
    let relu = b.graph.node.len() - 1;
    b.graph.node[relu].name = "first\nsecond\u{8}".into();
    let y = b.both(&y, 0.1, 0);
    let graph = from_bytes(&b.finish(&y), "m").unwrap();
    assert_eq!(graph.nodes[0].name, "first?second?");

    let mut plan = compile(
        &graphs::chain(&mut StdRng::seed_from_u64(0), graphs::Limits { extent: 4, channels: 4, nodes: 2 }),
        &card::config("edge8x8"),
        Options::default(),
    )
    .unwrap();
    plan.outputs[0].1.name = "out\nput".into();
    let message = Plan::from_bytes(&plan.to_bytes().unwrap()).unwrap_err();
    assert_eq!(message, "the name `out?put` has control characters; compile the model again");
    plan.outputs[0].1.name = "output".into();
    plan.outputs[0].1.shape = vec![1; 1000];
    let message = Plan::from_bytes(&plan.to_bytes().unwrap()).unwrap_err();
    assert_eq!(message, "tensor `output`: 1000 dimensions; at most 32; compile the model again");
}

/// Found by fuzzing: a plan whose host segment drops more bits than a product has.
#[test]
fn a_plan_whose_multiplier_is_none_names_the_node() {
    let mut rng = StdRng::seed_from_u64(1);
    let steps = Steps { kernel: [1, 1], stride: [1, 1], same: true };
    let mut net = Net::new(&mut rng, "sum", [3, 3, 2]);
    let [left, right] = [0, 0].map(|from| net.conv(&mut rng, from, 4, steps, Clamp::Relu));
    net.add(&mut rng, left, right, Clamp::None);
    let graph = from_bytes(&zoo::tflite::file(&net), "m").unwrap();
    // This configuration leaves the sum to the host.
    let mut plan = compile(&graph, &card::config("small4x4"), Options::default()).unwrap();
    let Some(Segment::Host { graph, .. }) = plan.segments.iter_mut().find(|s| matches!(s, Segment::Host { .. })) else {
        panic!("{:?}", plan.placements);
    };
    match &mut graph.nodes[0].op {
        Op::Add(add) => add.addends[1].requant.t = 64,
        op => panic!("{op:?}"),
    }
    let message = Plan::from_bytes(&plan.to_bytes().unwrap()).unwrap_err();
    assert!(message.starts_with("node `act_3` (Add): multiplier "), "{message}");
    let Some(Segment::Host { graph, .. }) = plan.segments.iter_mut().find(|s| matches!(s, Segment::Host { .. })) else {
        unreachable!()
    };
    graph.outputs[0].1.shape = vec![1 << 33, 1 << 33];
    if let Op::Add(add) = &mut graph.nodes[0].op {
        add.addends[1].requant.t = 31;
    }
    let shape = Plan::from_bytes(&plan.to_bytes().unwrap()).unwrap_err();
    assert!(shape.contains("shape [8589934592, 8589934592] is not [3, 3, 4]"), "{shape}");
    assert!(message.ends_with(" / 2^64; it must be below 2^31 / 2^1 to 2^62; compile the model again"), "{message}");
}

/// Nothing is reserved for what a plan claims before it is held against what the card can address.
#[test]
fn a_plan_that_claims_more_than_there_can_be() {
    let limits = graphs::Limits { extent: 4, channels: 4, nodes: 2 };
    let graph = graphs::chain(&mut StdRng::seed_from_u64(0), limits);
    let plan = compile(&graph, &card::config("edge8x8"), Options::default()).unwrap();
    let refused = |change: &dyn Fn(&mut Plan)| {
        let mut plan = plan.clone();
        change(&mut plan);
        Plan::from_bytes(&plan.to_bytes().unwrap()).unwrap_err()
    };
    let message = refused(&|plan| plan.tensors = usize::MAX);
    assert!(message.ends_with(" tensors; at most 262144; compile the model again"), "{message}");
    let program = |plan: &mut Plan, change: &dyn Fn(&mut Program)| match &mut plan.segments[0] {
        Segment::Card(program) => change(program),
        Segment::Host { .. } => unreachable!(),
    };
    let message = refused(&|plan| program(plan, &|p| p.group = 1 << 23));
    assert!(message.ends_with("beside them; at most 16777216; compile the model again"), "{message}");
    let message = refused(&|plan| program(plan, &|p| p.inputs[0].fold.before = [usize::MAX, 0]));
    assert!(message.contains("does not fit"), "{message}");
    let message = refused(&|plan| program(plan, &|p| p.inputs[0].fold.before = [0, MAX_KERNEL]));
    assert!(message.contains("does not fit"), "{message}");
}
