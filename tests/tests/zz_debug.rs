use systole::compile::compile;
use systole::reference::{self, Values};
use systole_tests::{card, data};
#[test]
fn debug() {
    for (name, config) in [("kws_ref_model", "mid16x16"), ("pretrainedResnet_quant", "mid16x16")] {
        let graph = systole::import::read(&data::shared(&format!("mlperf-tiny/{name}.tflite")).unwrap()).unwrap();
        let given = data::npz(&data::shared(&format!("golden/{name}.npz")).unwrap(), "input");
        let from = graph.inputs[0].1.elements();
        let all = reference::run_all(&graph, vec![Values::Card(given[..from].to_vec())]).unwrap();
        // cut the graph after each node
        for (i, node) in graph.nodes.iter().enumerate() {
            let mut part = graph.clone();
            part.nodes.truncate(i + 1);
            let t = &graph.tensors[node.output];
            let info = systole::tensor::TensorInfo { shape: t.hwc.to_vec(), hwc: t.hwc, ..graph.inputs[0].1.clone() };
            part.outputs = vec![(node.output, info)];
            let plan = compile(&part, &card::config(config), Default::default()).unwrap();
            let (out, _) = card::run_values(&plan, vec![vec![Values::Card(given[..from].to_vec())]]).unwrap();
            let (got, want) = (out[0][0].bytes(), all[node.output].bytes());
            let bad = (0..want.len()).filter(|&k| got[k] != want[k]).count();
            println!("{i} {} {:?} bad {bad} of {}", node.op.name(), t.hwc, want.len());
            if bad > 0 { println!("{:?}\n{:?}", &got[..20.min(got.len())], &want[..20.min(want.len())]); if let systole::graph::Op::Pool(p)=&node.op { println!("{p:?} {:?}", graph.tensors[node.inputs[0]].hwc);} break; }
        }
    }
}
