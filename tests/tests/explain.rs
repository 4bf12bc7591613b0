//! `systole compile --explain` names every node, the segment that runs it, and why it is there.

use rand::rngs::StdRng;
use rand::SeedableRng;
use systole_tests::command::{succeeds, systole_without_card};
use systole_tests::zoo::{self, Clamp, Net, Steps};

/// A node, its operator, its segment and the reason.
fn explained(net: &Net, config: &str) -> Vec<[String; 4]> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("net.tflite"), zoo::tflite::file(net)).unwrap();
    let mut command = systole_without_card(folder.path());
    let text = succeeds(command.args(["compile", "net.tflite", "--config", config, "--explain"]));
    let lines = text.lines().skip_while(|l| !l.starts_with("node")).skip(1).filter(|l| !l.is_empty());
    let row = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, op, side, number, why @ ..] = &words[..] else { panic!("{line}") };
        [name.to_string(), op.to_string(), format!("{side} {number}"), why.join(" ")]
    };
    lines.map(row).collect()
}

fn point() -> Steps {
    Steps { kernel: [1, 1], stride: [1, 1], same: true }
}

#[test]
fn every_node_has_its_segment_and_its_reason() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut net = Net::new(&mut rng, "explained", [6, 5, 3]);
    let left = net.conv(&mut rng, 0, 5, point(), Clamp::Relu);
    let right = net.conv(&mut rng, 0, 5, point(), Clamp::Relu);
    let sum = net.add(&mut rng, left, right, Clamp::None);
    let around = net.depthwise(&mut rng, sum, 1, Steps { kernel: [3, 3], ..point() }, Clamp::Relu);
    let joined = net.concat(&[around, around]);
    let pooled = net.pool(joined, true, Steps { kernel: [2, 2], stride: [2, 2], same: false });
    let mean = net.global(&mut rng, pooled, false);
    let last = net.dense(&mut rng, mean, 4, Clamp::None);
    net.softmax(last);

    let rows = explained(&net, "edge8x8");
    let names: Vec<&str> = rows.iter().map(|r| r[0].as_str()).collect();
    assert_eq!(names.len(), net.layers.len(), "{rows:?}");
    let why = |op: &str| rows.iter().find(|r| r[1] == op).map(|r| (r[2].as_str(), r[3].as_str())).unwrap();
    assert_eq!(why("Conv2D"), ("card 1", "a weight tile for every tap and block of channels"));
    assert!(why("Add").1.starts_with("in the drain of `act_"), "{rows:?}");
    assert_eq!(why("DepthwiseConv2D"), ("card 1", "columns as filters along 2 lines at once"));
    let together = "written side by side, then moved together: 5 channels are no multiple of 8";
    assert_eq!(why("Concatenation"), ("card 1", together));
    assert_eq!(why("MaxPool2D"), ("card 1", "through an identity tile, keeping the greatest"));
    assert_eq!(why("Mean"), ("card 1", "through an identity tile, summing"));
    assert_eq!(why("Softmax"), ("host 2", "Softmax is computed by the host"));
}

#[test]
fn a_configuration_that_adds_nothing_says_so_and_the_card_goes_on_behind() {
    let mut rng = StdRng::seed_from_u64(2);
    let mut net = Net::new(&mut rng, "explained", [4, 4, 3]);
    let left = net.conv(&mut rng, 0, 5, point(), Clamp::Relu);
    let right = net.conv(&mut rng, 0, 5, point(), Clamp::Relu);
    let sum = net.add(&mut rng, left, right, Clamp::None);
    net.conv(&mut rng, sum, 3, point(), Clamp::Relu);
    let rows = explained(&net, "small4x4");
    let sides: Vec<&str> = rows.iter().map(|r| r[2].as_str()).collect();
    assert_eq!(sides, ["card 1", "card 1", "host 2", "card 3"], "{rows:?}");
    assert!(rows[2][3].starts_with("the configuration does not add"), "{rows:?}");
}
