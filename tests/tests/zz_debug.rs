use isa::command as op;
use systole::compile::compile;
use systole_tests::{card, data};
#[test]
fn debug() {
    let name = std::env::var("NET").unwrap_or("ad01_int8".into());
    let mut graph = systole::import::read(&data::shared(&format!("mlperf-tiny/{name}.tflite")).unwrap()).unwrap();
    for node in &mut graph.nodes {
        use systole::graph::Op;
        match &mut node.op {
            Op::Conv(c) => c.output.requant.iter_mut().for_each(|r| r.twice = false),
            Op::Depthwise(c) => c.output.requant.iter_mut().for_each(|r| r.twice = false),
            Op::Pool(c) => c.output.requant.iter_mut().for_each(|r| r.twice = false),
            _ => {}
        }
    }
    let plan = compile(&graph, &card::config(&std::env::var("CONF").unwrap_or("mid16x16".into())), Default::default())
        .unwrap();
    for p in plan.programs() {
        let w = p.commands(1).unwrap();
        for (i, w) in w.iter().enumerate() {
            let (o, v) = op::unpack(*w);
            let d = op::operation(o).unwrap();
            let f: Vec<String> = d.fields.iter().map(|f| format!("{}={}", f.0, v >> f.1 & ((1 << f.2) - 1))).collect();
            println!("CMD {i} {} {}", d.name, f.join(" "));
        }
    }
    for p in &plan.placements {
        println!("PLACE {} {} {} {}", p.name, p.op, p.card, p.why);
    }
}
#[test]
fn bus() {
    use isa::counter;
    let name = std::env::var("NET").unwrap_or("ad01_int8".into());
    let graph = systole::import::read(&data::shared(&format!("mlperf-tiny/{name}.tflite")).unwrap()).unwrap();
    let plan = compile(&graph, &card::config("mid16x16"), Default::default()).unwrap();
    for p in plan.programs() {
        let t = isa::timing::run(&plan.config, &p.commands(1).unwrap(), 24).unwrap();
        let mut last = t.marks[0].0;
        for m in &t.marks[1..] {
            let d = |c: usize| m.0[c] - last[c];
            println!(
                "LAYER cycles {} beats {} stalls {} drain {} weights {}",
                d(counter::CYCLES),
                d(counter::BUS_READS),
                d(counter::STALLS),
                d(counter::DRAIN_BUSY),
                d(counter::WEIGHT_READS)
            );
            last = m.0;
        }
        println!("LAYER total {} ", t.cycles);
    }
}
