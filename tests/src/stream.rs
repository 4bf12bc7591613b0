//! Streams on the model card, in this process.

use crate::command::card;
use crate::{card::config, data};
use std::sync::{Arc, Once};
use systole::compile::{compile, Options};
use systole::graph::Graph;
use systole::plan::Plan;
use systole::runtime::{card_of, CardInfo, ContainerFile, Stream, StreamOptions};

/// Configuration that these tests run on.
pub const CONFIG: &str = "edge8x8";

/// A card of [`CONFIG`] and its container. Else `test` was skipped, which is said.
pub fn model_card(test: &str) -> Option<(CardInfo, ContainerFile)> {
    let folder = card(CONFIG, test)?;
    static ENVIRONMENT: Once = Once::new();
    // Before the first OpenCL call of this process, which reads it.
    ENVIRONMENT.call_once(|| {
        std::env::set_var("SYSTOLE_CARD", "model");
        std::env::set_var("SYSTOLE_CARD_DIR", &folder);
        std::env::set_var("OCL_ICD_VENDORS", folder.join("vendors"));
    });
    let container = ContainerFile::open(&folder.join(CONFIG).join("card.sbit")).expect("scripts/card wrote it");
    Some((card_of(CONFIG).expect("the card is listed"), container))
}

/// The demo network.
pub fn digits() -> Graph {
    systole::import::read(&data::project("models/digits.onnx")).expect("the demo network can be read")
}

/// A plan of a graph for [`CONFIG`].
pub fn plan(graph: &Graph) -> Arc<Plan> {
    Arc::new(compile(graph, &config(CONFIG), Options::default()).expect("it compiles"))
}

/// A stream of a graph; says so and gives none where there is no card.
pub fn open(test: &str, graph: &Graph, options: StreamOptions) -> Option<Stream> {
    let (card, container) = model_card(test)?;
    Some(Stream::open(&card, &container, plan(graph), options).expect("the stream opens"))
}

/// Input `number` for a graph: the same each time, all of them different.
pub fn input(graph: &Graph, number: usize) -> Vec<i8> {
    let mut state = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as i8
    };
    (0..graph.inputs[0].1.elements()).map(&mut next).collect()
}
