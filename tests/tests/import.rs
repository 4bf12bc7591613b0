//! Import of ONNX models: what they mean, and what is said of those that cannot be used.

use isa::config::Config;
use systole::graph::{Graph, Op};
use systole::import::{from_bytes, onnx::proto};
use systole::tensor::{Dtype, Order};
use systole_tests::damaged::Verdicts;
use systole_tests::onnx::{info, int, ints, Builder};
use systole_tests::{card, data};

/// A float input quantised to scale 0.5, zero point 3, and given back as reals.
fn start(dims: &[i64]) -> (Builder, String) {
    let mut b = Builder::new(proto::FLOAT, dims);
    let x = b.both("input", 0.5, 3);
    (b, x)
}

/// The one-line message with which a model is refused.
fn refused(file: &[u8]) -> String {
    let message = from_bytes(file, "m").map(|_| ()).expect_err("the model must be refused").to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

fn image(b: &mut Builder, x: &str, attributes: Vec<proto::Attribute>, dims: &[i64]) -> String {
    let w = b.weights(dims, 1, 0.25);
    let y = b.node("Conv", &[x, &w], attributes);
    b.both(&y, 1.0, -2)
}

#[test]
fn a_convolution_means_what_its_reals_mean() {
    let (mut b, x) = start(&[-1, 2, 3, 3]);
    let w: Vec<i8> = (0..16).map(|i| i * 7 - 50).collect();
    let w = b.bytes(&[2, 2, 2, 2], &w);
    let scales = b.floats(&[2], &[0.02, 0.05]);
    let zeros = b.bytes(&[2], &[0, 0]);
    let w = b.node("DequantizeLinear", &[&w, &scales, &zeros], vec![int("axis", 0)]);
    let bias = b.floats(&[2], &[1.5, -2.0]);
    let y = b.node("Conv", &[&x, &w, &bias], vec![ints("pads", &[1, 0, 0, 1]), ints("strides", &[1, 2])]);
    let y = b.node("Relu", &[&y], vec![]);
    let y = b.both(&y, 0.1, -100);
    let graph = from_bytes(&b.finish(&y), "m").unwrap();
    let input: Vec<i8> = (0..18).map(|i| (i * 11 - 90) as i8).collect();
    let output = systole::reference::run(&graph, &input).unwrap();

    // The same in reals, from the definition of the operators.
    let real = |c: i64, y: i64, x: i64| match (0..3).contains(&y) && (0..3).contains(&x) {
        true => 0.5 * (f64::from(input[(c * 9 + y * 3 + x) as usize]) - 3.0),
        false => 0.0,
    };
    let mut want = Vec::new();
    for o in 0..2i64 {
        for (oy, ox) in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)] {
            let mut sum = [1.5, -2.0][o as usize];
            for (i, ky, kx) in (0..8).map(|k| (k / 4, k / 2 % 2, k % 2)) {
                let weight = [0.02, 0.05][o as usize] * ((o * 8 + i * 4 + ky * 2 + kx) * 7 - 50) as f64;
                sum += weight * real(i, oy + ky - 1, ox * 2 + kx);
            }
            want.push(((sum.max(0.0) / 0.1).round() - 100.0).clamp(-128.0, 127.0) as i8);
        }
    }
    assert_eq!(output, want);
    assert_eq!((graph.inputs[0].1.dtype, graph.outputs[0].1.dtype), (Dtype::Float32, Dtype::Float32));
    assert_eq!(graph.outputs[0].1.shape, [2, 3, 2]);
}

#[test]
fn the_features_of_a_flattened_image_keep_their_order() {
    let (mut b, x) = start(&[1, 3, 2, 2]);
    let x = b.node("Flatten", &[&x], vec![]);
    let w: Vec<i8> = (0..12).collect();
    let w = b.bytes(&[12, 1], &w);
    let w = b.dequantise(&w, 1.0, 0);
    let y = b.node("MatMul", &[&x, &w], vec![]);
    let y = b.quantise(&y, 0.5, 0);
    let graph = from_bytes(&b.finish(&y), "m").unwrap();
    for feature in 0..12 {
        let mut input = [3; 12];
        input[feature] = 4;
        assert_eq!(systole::reference::run(&graph, &input).unwrap(), [feature as i8]);
    }
}

#[test]
fn a_model_with_channels_last_says_so() {
    let mut b = Builder::new(proto::INT8, &[-1, 4, 5, 2]);
    let x = b.node("Transpose", &["input"], vec![ints("perm", &[0, 3, 1, 2])]);
    let x = b.dequantise(&x, 0.5, 3);
    let y = image(&mut b, &x, vec![], &[1, 2, 1, 1]);
    let graph = from_bytes(&b.finish(&y), "m").unwrap();
    let info = &graph.inputs[0].1;
    assert_eq!((info.hwc, info.order, info.dtype), ([4, 5, 2], Order::ChannelsLast, Dtype::Int8));
    assert_eq!((info.scale, info.zero_point), (0.5, 3));
}

#[test]
fn a_relu_on_its_own_is_a_clamp_at_the_zero_point() {
    let (mut b, x) = start(&[1, 1, 1, 4]);
    let y = b.node("Relu", &[&x], vec![]);
    let y = b.quantise(&y, 0.5, 3);
    let graph = from_bytes(&b.finish(&y), "m").unwrap();
    assert_eq!(graph.nodes[0].op, Op::Clamp { low: 3, high: 127 });
}

#[test]
fn the_digits_classifier_is_right_and_the_same_on_every_configuration() {
    let graph = systole::import::read(&data::project("models/digits.onnx")).unwrap();
    let (images, labels) = (data::npy("models/digits_test_x.npy"), data::npy("models/digits_test_y.npy"));
    let elements = graph.inputs[0].1.elements();
    let inputs: Vec<Vec<i8>> = images
        .chunks(elements)
        .map(|i| i.iter().map(|&v| graph.inputs[0].1.quantise(f32::from(v))).collect())
        .collect();
    let want: Vec<Vec<i8>> = inputs.iter().map(|i| systole::reference::run(&graph, i).unwrap()).collect();
    let greatest = |o: &Vec<i8>| (0..o.len()).rev().max_by_key(|&c| o[c]).unwrap();
    let right = want.iter().zip(&labels).filter(|(o, &label)| greatest(o) == usize::from(label)).count();
    assert!(right * 100 >= 97 * labels.len(), "{right} of {}", labels.len());
    for config in card::configs() {
        assert_eq!(on_the_card(&graph, &config, &inputs), want, "{}", config.name);
    }
}

fn on_the_card(graph: &Graph, config: &Config, inputs: &[Vec<i8>]) -> Vec<Vec<i8>> {
    let plan = systole::compile::compile(graph, config, Default::default()).unwrap();
    card::run(&plan, inputs).unwrap().0
}

#[test]
fn the_anomaly_detector_gives_the_golden_outputs() {
    let Some(model) = data::shared("onnx/ad01_int8.qdq.onnx") else { return };
    let Some(golden) = data::shared("golden/ad01_int8.npz") else { return };
    let graph = systole::import::read(&model).unwrap();
    let (inputs, outputs) = (data::npz(&golden, "input"), data::npz(&golden, "output"));
    let inputs: Vec<Vec<i8>> = inputs.chunks(640).map(<[i8]>::to_vec).collect();
    let want: Vec<Vec<i8>> = outputs.chunks(640).map(<[i8]>::to_vec).collect();
    let got: Vec<Vec<i8>> = inputs.iter().map(|i| systole::reference::run(&graph, i).unwrap()).collect();
    assert!(!want.is_empty() && got == want, "the reference is not bit-exact");
    // Four times the weight memory of edge8x8: loaded layer by layer.
    assert_eq!(on_the_card(&graph, &card::config("edge8x8"), &inputs), want);
}

#[test]
fn a_file_that_is_no_onnx_is_refused() {
    assert_eq!(refused(b""), "the file is empty; give an ONNX model");
    assert_eq!(
        refused(b"\x7fELF and so on"),
        "not an ONNX model, or a truncated one (14 bytes); give a whole .onnx file"
    );
    assert_eq!(refused(b"\x08\x08"), "not an ONNX model: it has no graph; give an .onnx file");
    let message = refused(b"\x1c\0\0\0TFL3....");
    assert!(message.starts_with("damaged TFLite model (12 bytes): "), "{message}");
}

#[test]
fn every_truncation_is_refused() {
    let file = std::fs::read(data::project("models/digits.onnx")).unwrap();
    for length in (0..file.len()).step_by(97).chain(file.len() - 40..file.len()) {
        refused(&file[..length]);
    }
}

#[test]
fn flipped_bits_never_panic() {
    use rand::{Rng, SeedableRng};
    let file = std::fs::read(data::project("models/digits.onnx")).unwrap();
    let mut rng = rand::rngs::StdRng::seed_from_u64(9);
    let mut verdicts = Verdicts::default();
    for _ in 0..2000 {
        let mut bad = file.clone();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..bad.len());
            bad[at] ^= 1 << rng.random_range(0..8);
        }
        verdicts.judge(&bad);
    }
}

#[test]
fn a_model_of_floats_is_refused() {
    let mut b = Builder::new(proto::FLOAT, &[1, 1, 4, 4]);
    let w = b.floats(&[1, 1, 1, 1], &[1.0]);
    let y = b.node("Conv", &["input", &w], vec![]);
    assert_eq!(
        refused(&b.finish(&y)),
        "node `Conv_2` (Conv): its input is float: the model is not quantised; supported: quantised models in QDQ form \
         (each operator between DequantizeLinear and QuantizeLinear)"
    );
}

#[test]
fn an_unknown_operator_is_named_with_its_node() {
    let (mut b, x) = start(&[1, 1, 4, 4]);
    let y = b.node("LSTM", &[&x], vec![]);
    let message = refused(&b.finish(&y));
    assert!(
        message.starts_with("node `LSTM_7` (LSTM): unknown operator; supported: Add, ArgMax, AveragePool, Clip"),
        "{message}"
    );
}

#[test]
fn unsupported_forms_of_known_operators_say_what_is_supported() {
    let conv = |attributes: Vec<proto::Attribute>, dims: &[i64]| {
        let (mut b, x) = start(&[1, 4, 6, 6]);
        let y = image(&mut b, &x, attributes, dims);
        refused(&b.finish(&y))
    };
    assert_eq!(
        conv(vec![int("group", 3)], &[3, 1, 3, 3]),
        "node `Conv_11` (Conv): weights of shape [3, 1, 3, 3] in 3 groups for 4 channels"
    );
    assert_eq!(
        conv(vec![ints("dilations", &[2, 2])], &[4, 4, 3, 3]),
        "node `Conv_11` (Conv): dilations are [2, 2]; supported: 1"
    );
    assert_eq!(
        conv(vec![ints("strides", &[1, -1])], &[4, 4, 3, 3]),
        "node `Conv_11` (Conv): strides is [1, -1]; each must be 0 to 3968"
    );
    assert_eq!(
        conv(vec![], &[4, 3, 3, 3]),
        "node `Conv_11` (Conv): weights of shape [4, 3, 3, 3] in 1 groups for 4 channels"
    );
    assert_eq!(
        conv(vec![], &[4, 4, 7, 3]),
        "node `Conv_11` (Conv): a kernel of [7, 3] does not fit the padded input of [6, 6]"
    );
    assert_eq!(
        conv(vec![ints("pads", &[9, 0, 0, 0])], &[4, 4, 3, 3]),
        "node `Conv_11` (Conv): a window lies wholly in the padding (kernel [3, 3], pads [9, 0, 0, 0]); supported: \
         padding smaller than the kernel"
    );
}

#[test]
fn two_activations_are_added_in_reals() {
    let (mut b, x) = start(&[1, 4, 1, 1]);
    let w = b.bytes(&[4, 1, 1, 1], &[1, 2, 3, 4]);
    let w = b.dequantise(&w, 0.25, 0);
    let y = b.node("Conv", &[&x, &w], vec![int("group", 4)]);
    let y = b.both(&y, 0.25, -2);
    let z = b.node("Add", &[&x, &y], vec![]);
    let z = b.node("Relu", &[&z], vec![]);
    let z = b.quantise(&z, 0.5, 0);
    let graph = from_bytes(&b.finish(&z), "m").unwrap();
    assert!(matches!(graph.nodes[1].op, Op::Add(_)) && matches!(graph.nodes[0].op, Op::Depthwise(_)));
    // x = 1, 2, -1, 3.5; the convolution 0.25, 1, -0.75, 3.5; their sum in steps of 0.5, up where it is a tie.
    assert_eq!(systole::reference::run(&graph, &[5, 7, 1, 10]).unwrap(), [3, 6, 0, 14]);
}

#[test]
fn adding_needs_one_shape() {
    let (mut b, x) = start(&[1, 4, 6, 6]);
    let y = image(&mut b, &x, vec![], &[4, 4, 3, 3]);
    let z = b.node("Add", &[&x, &y], vec![]);
    let z = b.both(&z, 1.0, 0);
    assert_eq!(
        refused(&b.finish(&z)),
        "node `Add_18` (Add): it adds shapes [4, 6, 6] and [4, 4, 4]; supported: two activations of one shape, or the \
         bias of a convolution or product"
    );
}

#[test]
fn images_are_joined_and_padded() {
    let (mut b, x) = start(&[1, 1, 1, 2]);
    let pads =
        b.constant(proto::INT64, &[8], [0i64, 1, 0, 0, 0, 0, 0, 1].iter().flat_map(|v| v.to_le_bytes()).collect());
    let p = b.node("Pad", &[&x, &pads], vec![]);
    let y = b.node("Concat", &[&p, &p], vec![int("axis", -3)]);
    let y = b.quantise(&y, 1.0, 0);
    let graph = from_bytes(&b.finish(&y), "m").unwrap();
    // Two channels of three columns, twice: zeros but for (7 - 3) / 2 and (-3 - 3) / 2.
    let half = [0, 0, 0, 2, -3, 0];
    assert_eq!(systole::reference::run(&graph, &[7, -3]).unwrap(), [half, half].concat());
}

#[test]
fn a_softmax_at_the_end_is_the_hosts() {
    let (mut b, x) = start(&[1, 2, 1, 1]);
    let y = image(&mut b, &x, vec![], &[2, 2, 1, 1]);
    let y = b.node("Flatten", &[&y], vec![]);
    let y = b.node("Softmax", &[&y], vec![]);
    let float = from_bytes(&b.clone().finish(&y), "m").unwrap();
    assert_eq!((float.outputs[0].1.dtype, &float.outputs[0].1.shape[..]), (Dtype::Float32, &[2][..]));
    let y = b.quantise(&y, 1.0 / 256.0, -128);
    let graph = from_bytes(&b.finish(&y), "m").unwrap();
    assert_eq!(graph.nodes.iter().filter(|n| !n.op.is_host()).count(), 1);
    // Equal weights: half of 256 each.
    assert_eq!(systole::reference::run(&graph, &[9, 20]).unwrap(), [0, 0]);
}

#[test]
fn the_qoperator_form_means_the_same() {
    let mut b = Builder::new(proto::UINT8, &[1, 2, 1, 2]);
    let scale = |b: &mut Builder, v: f32| b.floats(&[], &[v]);
    let zero = |b: &mut Builder, v: u8| b.constant(proto::UINT8, &[], vec![v]);
    let (xs, xz, ys, yz) = (scale(&mut b, 0.5), zero(&mut b, 131), scale(&mut b, 0.25), zero(&mut b, 100));
    let w = b.bytes(&[1, 2, 1, 1], &[3, -2]);
    let (ws, wz) = (b.floats(&[1], &[0.5]), b.bytes(&[1], &[0]));
    let bias = b.constant(proto::INT32, &[1], 4i32.to_le_bytes().to_vec());
    let y = b.node("QLinearConv", &["input", &xs, &xz, &w, &ws, &wz, &ys, &yz, &bias], vec![]);
    let graph = from_bytes(&b.finish(&y), "m").unwrap();
    assert_eq!((graph.inputs[0].1.dtype, graph.outputs[0].1.dtype), (Dtype::Uint8, Dtype::Uint8));
    assert_eq!((graph.inputs[0].1.scale, graph.inputs[0].1.zero_point), (0.5, 3));
    // The card has bytes less 128: 3·(5 - 3) - 2·(1 - 3) + 4 = 14, and 3·2 - 2·0 + 4 = 10, of a quarter in quarters.
    assert_eq!(systole::reference::run(&graph, &[5, 5, 1, 3]).unwrap(), [14 - 28, 10 - 28]);
}

#[test]
fn an_average_leaves_padding_out_unless_it_counts() {
    for (counts, want) in [(0, [3, 4, 5]), (1, [3, 4, 4])] {
        let (mut b, x) = start(&[1, 1, 1, 3]);
        let attributes =
            vec![ints("kernel_shape", &[1, 3]), ints("pads", &[0, 1, 0, 1]), int("count_include_pad", counts)];
        let y = b.node("AveragePool", &[&x], attributes);
        let y = b.quantise(&y, 0.5, 3);
        let graph = from_bytes(&b.finish(&y), "m").unwrap();
        assert_eq!(systole::reference::run(&graph, &[3, 3, 6]).unwrap(), want);
    }
}

#[test]
fn bad_scales_are_refused() {
    for (scale, shown) in [(0.0, "0"), (-1.0, "-1"), (f32::NAN, "NaN"), (f32::INFINITY, "inf")] {
        let mut b = Builder::new(proto::FLOAT, &[1, 1, 4, 4]);
        let x = b.quantise("input", scale, 0);
        assert_eq!(
            refused(&b.finish(&x)),
            format!("node `QuantizeLinear_3` (QuantizeLinear): its scale is {shown}; it must be finite and above 0")
        );
    }
}

#[test]
fn constants_that_lie_about_their_size_are_refused_before_anything_is_allocated() {
    for (dims, says) in [
        (vec![1, -1, 1, 1], "dimension -1 in shape [1, -1, 1, 1]"),
        (vec![i64::MAX, i64::MAX, 2, 2], "has more than 134217728 elements"),
        (vec![1, 1, 2, 2], "shape [1, 1, 2, 2] takes 4 elements, but the file has 3; the file is damaged"),
    ] {
        let (mut b, x) = start(&[1, 1, 4, 4]);
        let w = b.constant(proto::INT8, &dims, vec![1, 2, 3]);
        let w = b.dequantise(&w, 0.5, 0);
        let y = b.node("Conv", &[&x, &w], vec![]);
        let y = b.both(&y, 0.5, 3);
        let message = refused(&b.finish(&y));
        assert!(message.starts_with("constant `constant_7`: ") && message.contains(says), "{message}");
    }
}

#[test]
fn inputs_that_no_card_takes_are_refused() {
    for (dims, says) in [
        (vec![8, 1, 4, 4], "input `input` has a fixed batch of 8; export the model with a batch of 1 or a dynamic one"),
        (vec![1, 1, -1, 4], "input `input` has a dimension `N`; all but the batch must be fixed and 1 to 16384"),
        (vec![1, 1, -7, 4], "input `input` has a dimension -7; all but the batch must be fixed and 1 to 16384"),
        (vec![1, 16384, 4096, 4096], "input `input` has shape [16384, 4096, 4096]: more than 4194304 elements"),
        (vec![4], "input `input` has 1 dimensions; supported: 2 to 4, the first being the batch"),
    ] {
        let mut b = Builder::new(proto::FLOAT, &dims);
        let x = b.both("input", 0.5, 3);
        let y = b.node("Relu", &[&x], vec![]);
        let y = b.both(&y, 0.5, 3);
        assert_eq!(refused(&b.finish(&y)), says);
    }
}

#[test]
fn graphs_that_are_no_graphs_are_refused() {
    let (mut b, x) = start(&[1, 1, 4, 4]);
    let y = b.node("Relu", &[&x], vec![]);
    let z = b.node("Relu", &[&y], vec![]);
    let mut cycle = b.clone();
    cycle.graph.node[2].input[0] = z.clone();
    assert_eq!(
        refused(&cycle.finish(&z)),
        "node `Relu_7` (Relu): it is part of a cycle or depends on one; export the model again"
    );
    let mut missing = b.clone();
    missing.graph.node[3].input[0] = "nowhere".into();
    assert_eq!(refused(&missing.finish(&z)), "node `Relu_8` (Relu): its input `nowhere` is written by nothing");
    let mut twice = b.clone();
    twice.graph.node[3].output[0] = y.clone();
    assert_eq!(refused(&twice.finish(&z)), "node `Relu_8` (Relu): its output `Relu_7_out` is written twice");
    let mut inputs = b.clone();
    inputs.graph.input.push(info("other", proto::FLOAT, &[1, 1]));
    assert_eq!(refused(&inputs.finish(&z)), "the model has 2 inputs; supported: models with one input");
    assert_eq!(
        refused(&b.finish(&z)),
        "output `Relu_8_out` is what node `Relu_7` (Relu) gives in floats; put a QuantizeLinear after it"
    );
}

#[test]
fn weights_beyond_eight_bits_are_refused() {
    let (mut b, x) = start(&[1, 1, 4, 4]);
    let w = b.bytes(&[1, 1, 1, 1], &[100]);
    let w = b.dequantise(&w, 0.5, -100);
    let y = b.node("Conv", &[&x, &w], vec![]);
    let y = b.both(&y, 0.5, 3);
    assert_eq!(
        refused(&b.finish(&y)),
        "node `Conv_11` (Conv): weight 200, less its zero point, does not fit 8 bits; supported: symmetric int8 weights"
    );
}
