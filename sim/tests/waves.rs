//! Waves of a window of cycles, and the errors where they cannot be had.

mod common;

use common::{card_dir, stream};
use isa::command::{self as op, word};
use systole_sim::memory::Buffers;
use systole_sim::rtl::{Built, Region};
use systole_sim::settings::{Settings, Trace};

fn settings(file: &std::path::Path, kind: &'static str) -> Settings {
    let trace = Trace { file: file.display().to_string(), kind, first: 100, last: 149 };
    Settings { trace: Some(trace), ..Settings::default() }
}

#[test]
fn waves_hold_the_window_and_no_other_cycle() {
    let Some(cards) = card_dir("waves") else { return };
    let built = Built::open(&cards.join("edge8x8")).unwrap();
    let folder = std::env::temp_dir().join(format!("systole-waves-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("edge.vcd");
    match built.start(&settings(&file, "vcd")) {
        Err(error) => {
            assert_eq!(error, "no waves in this build; run scripts/card --config edge8x8 --trace vcd");
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "SKIPPED waves: {error}");
        }
        Ok(mut rtl) => {
            let mut memory = Buffers::new();
            let commands = memory.add(stream(&[word(op::END, 0)]));
            memory.iter_mut().for_each(|(_, bytes)| bytes.resize(bytes.len().next_multiple_of(16), 0));
            let mut regions: Vec<_> = memory.iter_mut().map(|(base, bytes)| Region { base, bytes }).collect();
            let cycles = rtl.run(&mut regions, [commands, 0, 0, 0, 0], 200).unwrap().cycles;
            assert!(cycles > 200, "the latency is part of the run");
            // Dropped, so that the file is complete.
            drop(rtl);
            let text = std::fs::read_to_string(&file).unwrap();
            let times: Vec<u64> = text.lines().filter_map(|l| l.strip_prefix('#')?.parse().ok()).collect();
            // Two steps a cycle.
            assert_eq!((times.first(), times.last()), (Some(&200), Some(&299)));
            assert!(text.contains(" ap_clk "), "the top's ports are among the signals");

            let nowhere = folder.join("missing/edge.vcd");
            let error = built.start(&settings(&nowhere, "vcd")).err().unwrap();
            assert_eq!(error, format!("the trace file {} cannot be written", nowhere.display()));
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
