//! The whole command on the simulated card: what it prints for programs, and that its outputs are the model's.
//! Without a card (scripts/card) each test says so and does nothing.

use npyz::WriterBuilder;
use serde_json::Value;
use std::path::Path;
use systole_tests::command::{card, load, model, refused, save, succeeds, systole_with_card};

fn run_json(folder: &Path, card: &Path, arguments: &[&str]) -> Value {
    let mut command = systole_with_card(folder, card);
    let text = succeeds(command.arg("run").arg(model("digits.onnx")).args(arguments).arg("--json"));
    serde_json::from_str(&text).expect("one JSON object")
}

fn number(object: &Value, name: &str) -> f64 {
    object[name].as_f64().unwrap_or_else(|| panic!("`{name}` is {}", object[name]))
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-9 * a.abs().max(b.abs()), "{a} is not {b}");
}

fn held_out() -> String {
    model("digits_test_x.npy").display().to_string()
}

fn right_answers() -> String {
    model("digits_test_y.npy").display().to_string()
}

/// Programs rely on these names and on what they mean.
#[test]
fn the_names_and_the_sums_of_the_json_object_stay() {
    let Some(card) = card("edge8x8", "the JSON object") else { return };
    let folder = tempfile::tempdir().unwrap();
    let input = held_out();
    let run = run_json(folder.path(), &card, &["--input", &input, "--batch", "3"]);
    assert_eq!((run["model"].as_str(), run["config"].as_str()), (Some("digits"), Some("edge8x8")));
    assert!(run["device"].as_str().unwrap().contains("edge8x8"));
    assert_eq!(run["batch"], 3);
    let (cycles, macs) = (number(&run, "cycles"), number(&run, "macs"));
    assert_eq!(macs, 3.0 * 452_864.0);
    close(number(&run, "utilisation"), macs / (cycles * 64.0));
    close(number(&run, "latency_s"), cycles / number(&run, "clock_hz") / 3.0);

    let energy = &run["energy"];
    let joules = number(energy, "joules_per_inference");
    close(number(energy, "pj_per_mac"), joules * 3.0 * 1e12 / macs);
    assert_eq!(energy["source"], "modelled");
    assert!((0.0..1.0).contains(&number(energy, "uncertainty")));
    let parts = energy["parts"].as_object().unwrap();
    let names: Vec<_> = parts.keys().map(String::as_str).collect();
    assert_eq!(names, ["bus", "clock", "mac", "memories", "static"]);
    close(parts.values().map(|v| v.as_f64().unwrap()).sum(), joules);

    let layers = run["layers"].as_array().unwrap();
    let sum = |name: &str| layers.iter().map(|l| number(l, name)).sum::<f64>();
    assert_eq!((sum("cycles"), sum("macs")), (cycles, macs));
    close(sum("energy_uj") * 1e-6, joules);
    for layer in layers {
        assert!(layer["name"].is_string() && layer["op"].is_string(), "{layer}");
        close(number(layer, "utilisation"), number(layer, "macs") / (number(layer, "cycles").max(1.0) * 64.0));
    }
    // The start and the end of a run lie outside the first and the last counter snapshot, but not by much.
    let counted = cycles / number(&run, "clock_hz");
    assert!(number(&run, "kernel_s") >= counted && number(&run, "kernel_s") < 1.05 * counted + 1e-5, "{run}");
}

#[test]
fn outputs_are_the_references_and_the_classes_are_right() {
    let Some(card) = card("edge8x8", "outputs against the reference") else { return };
    let folder = tempfile::tempdir().unwrap();
    // One more than a chunk, so that the last kernel run is a smaller batch.
    let (input, labels) = (held_out(), right_answers());
    let arguments = ["--input", &input, "--labels", &labels, "--batch", "33", "--check", "--out", "y.npy"];
    let run = run_json(folder.path(), &card, &arguments);
    assert_eq!((run["check"]["values"].as_u64(), run["kernel_runs"].as_u64()), (Some(330), Some(2)));
    assert!(number(&run["labels"], "accuracy") >= 0.9, "{}", run["labels"]);
    let (shape, outputs) = load::<f32>(&folder.path().join("y.npy"));
    assert_eq!(shape, [33, 10]);
    let (_, right) = load::<u8>(&model("digits_test_y.npy"));
    let class = |logits: &[f32]| (0..10).fold(0, |best, i| if logits[i] > logits[best] { i } else { best });
    let correct = outputs.chunks(10).zip(&right).filter(|(o, &label)| class(o) == usize::from(label)).count();
    assert_eq!(run["labels"]["correct"].as_u64(), Some(correct as u64));
}

#[test]
fn a_plan_gives_what_its_model_gives_and_one_input_is_a_batch_of_one() {
    let Some(card) = card("edge8x8", "a plan from a file") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (_, pixels) = load::<u8>(&model("digits_test_x.npy"));
    save(&folder.path().join("x.npy"), &[1, 8, 8], pixels[..64].iter().copied());
    let of_model = run_json(folder.path(), &card, &["--input", "x.npy", "--out", "model.npy"]);
    let digits = model("digits.onnx");
    succeeds(systole_with_card(folder.path(), &card).arg("compile").arg(&digits).args(["-o", "d.plan"]));
    let mut command = systole_with_card(folder.path(), &card);
    succeeds(command.args(["run", "d.plan", "--input", "x.npy", "--out", "plan.npy"]));
    let read = |name: &str| load::<f32>(&folder.path().join(name));
    assert_eq!(read("model.npy"), read("plan.npy"));
    assert_eq!(of_model["batch"], 1);
}

/// The same digits as arrays, an archive, raw bytes and images give the same outputs, in every form.
#[test]
fn inputs_and_outputs_of_every_kind_are_the_same() {
    let Some(card) = card("edge8x8", "inputs of every kind") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (_, pixels) = load::<u8>(&model("digits_test_x.npy"));
    let pixels = &pixels[..3 * 64];
    save(&path("x.npy"), &[3, 1, 8, 8], pixels.iter().copied());
    let mut archive = npyz::npz::NpzWriter::create(path("x.npz")).unwrap();
    for (name, scale) in [("pixels", 1.0), ("wrong", 0.5)] {
        let array = archive.array(name, Default::default()).unwrap().default_dtype().shape(&[3, 1, 8, 8]);
        let mut array = array.begin_nd().unwrap();
        array.extend(pixels.iter().map(|&p| f32::from(p) * scale)).unwrap();
        array.finish().unwrap();
    }
    drop(archive);
    let graph = systole::import::read(&model("digits.onnx")).unwrap();
    let quantised: Vec<u8> = pixels.iter().map(|&p| graph.inputs[0].1.quantise(p.into()) as u8).collect();
    std::fs::write(path("x.raw"), &quantised).unwrap();
    std::fs::create_dir(path("images")).unwrap();
    for (i, image) in pixels.chunks(64).enumerate() {
        let file = std::fs::File::create(path("images").join(format!("{i}.png"))).unwrap();
        let encoder = png::Encoder::new(file, 8, 8);
        // 128 more: what --mean is for.
        encoder.write_header().unwrap().write_image_data(&image.iter().map(|p| p + 128).collect::<Vec<_>>()).unwrap();
    }
    run_json(folder.path(), &card, &["--input", "x.npy", "--out", "y.npy"]);
    let (shape, wanted) = load::<f32>(&path("y.npy"));
    assert_eq!(shape, [3, 10]);
    for (input, flags) in [("x.npz:pixels", &[][..]), ("x.raw", &[]), ("images", &["--scale", "1", "--mean", "128"])] {
        let arguments = [&["--input", input, "--out", "again.npy"][..], flags].concat();
        let run = run_json(folder.path(), &card, &arguments);
        assert_eq!((run["batch"].as_u64(), run["input"].as_str()), (Some(3), Some(input)));
        assert_eq!(load::<f32>(&path("again.npy")).1, wanted, "{input}");
    }
    let arguments = ["--input", "images/1.png", "--scale", "1", "--mean", "128", "--out", "one.npy"];
    run_json(folder.path(), &card, &arguments);
    assert_eq!(load::<f32>(&path("one.npy")).1, wanted[10..20]);
    run_json(folder.path(), &card, &["--input", "x.npy", "--out", "y.npz"]);
    let mut archive = npyz::npz::NpzArchive::open(path("y.npz")).unwrap();
    let output = archive.by_name("output").unwrap().unwrap();
    assert_eq!((output.shape().to_vec(), output.into_vec::<f32>().unwrap()), (vec![3, 10], wanted.clone()));
    run_json(folder.path(), &card, &["--input", "x.npy", "--out", "y.bin"]);
    let info = &graph.outputs[0].1;
    let reals: Vec<f32> = std::fs::read(path("y.bin")).unwrap().iter().map(|&b| info.dequantise(b as i8)).collect();
    assert_eq!(reals, wanted);
}

#[test]
fn the_benchmark_measures_what_run_counts() {
    let Some(card) = card("edge8x8", "the benchmark") else { return };
    let folder = tempfile::tempdir().unwrap();
    let digits = model("digits.onnx");
    let run = run_json(folder.path(), &card, &["--batch", "1"]);
    let mut command = systole_with_card(folder.path(), &card);
    let text = succeeds(command.args(["bench", "--json", "--inputs", "40"]).arg(&digits));
    let bench: Value = serde_json::from_str(&text).expect("one JSON object");
    assert_eq!(bench["config"], "edge8x8");
    let figures = &bench["models"][0];
    assert_eq!((figures["model"].as_str(), figures["macs"].as_u64()), (Some("digits"), Some(452_864)));
    assert_eq!(figures["ideal_cycles"].as_u64(), Some(452_864 / 64));
    assert!(number(figures, "import_s") > 0.0 && number(figures, "compile_s") > 0.0);
    // From start to done is a little more than between the first and the last snapshot.
    let (cycles, counted) = (number(figures, "cycles"), number(&run, "cycles"));
    assert!(cycles >= counted && cycles < 1.02 * counted, "{cycles} and {counted}");
    assert_eq!(figures["cycles"], figures["estimated_cycles"]);
    assert!(number(figures, "batch_cycles") <= cycles);
    let convolutions = &figures["convolutions"];
    let wide = figures["layers"].as_array().unwrap().iter().filter(|l| l["wide"] == true);
    let least = wide.clone().map(|l| number(l, "utilisation")).fold(1.0, f64::min);
    assert_eq!((number(convolutions, "least"), convolutions["count"].as_u64()), (least, Some(wide.count() as u64)));
    let host = &figures["host"];
    assert_eq!(host["inputs"], 40);
    close(number(host, "share"), number(host, "host_s") / number(host, "card_s"));
    assert!(number(host, "card_s") < 40.0 * cycles / number(&bench, "clock_hz"), "runs of several share their weights");
    assert!(number(host, "submit_s") < number(host, "host_s") && number(host, "peak_bytes") > 1e6, "{host}");
    // The same for people.
    let mut command = systole_with_card(folder.path(), &card);
    let text = succeeds(command.args(["bench", "--inputs", "0", "--layers"]).arg(&digits));
    assert!(text.contains("conv least") && text.contains(&format!(" {cycles} ")), "{text}");
}

#[test]
fn the_picture_is_plain_where_nobody_looks() {
    let Some(card) = card("edge8x8", "the picture") else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut command = systole_with_card(folder.path(), &card);
    command.arg("run").arg(model("digits.onnx")).args(["--input", &held_out(), "--labels", &right_answers()]);
    let text = succeeds(command.args(["--batch", "2", "--show", "1"]));
    assert!(!text.contains('\x1b') && text.contains("input 1: the network says"), "{text}");
    for said in ["modelled: constraints/", "±", "pJ a MAC", "static", "accuracy"] {
        assert!(text.contains(said), "`{said}` is not in:\n{text}");
    }
}

#[test]
fn a_container_of_other_rtl_is_refused_by_the_card() {
    let Some(card) = card("edge8x8", "a container of other RTL") else { return };
    let folder = tempfile::tempdir().unwrap();
    let config = systole_tests::card::config("edge8x8");
    let other = systole_sim::pack::container(&config, b"module systole_infer; endmodule", None).unwrap();
    std::fs::write(folder.path().join("other.sbit"), other).unwrap();
    let mut command = systole_with_card(folder.path(), &card);
    command.arg("run").arg(model("digits.onnx")).args(["--container", "other.sbit", "--out", "y.npy"]);
    let error = refused(&mut command, folder.path());
    assert!(error.contains("refuses container other.sbit") && error.contains("scripts/card"), "{error}");
}

#[test]
fn a_run_that_the_card_ends_is_one_line() {
    let Some(card) = card("edge8x8", "a run that the card ends") else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut command = systole_with_card(folder.path(), &card);
    command.env("SYSTOLE_CYCLE_LIMIT", "500").arg("run").arg(model("digits.onnx")).args(["--out", "y.npy"]);
    let error = refused(&mut command, folder.path());
    assert!(error.contains("running the kernel") && error.contains("SYSTOLE_CYCLE_LIMIT"), "{error}");
}

#[test]
fn devices_lists_the_card_with_its_clock_and_container() {
    let Some(card) = card("edge8x8", "the list of devices") else { return };
    let folder = tempfile::tempdir().unwrap();
    let text = succeeds(systole_with_card(folder.path(), &card).args(["devices", "--json"]));
    let listing: Value = serde_json::from_str(&text).unwrap();
    let devices = listing["devices"].as_array().unwrap();
    let edge = devices.iter().find(|d| d["config"] == "edge8x8").expect("edge8x8 is listed");
    assert_eq!(edge["clock_hz"], 50_000_000);
    assert!(edge["container"].as_str().unwrap().ends_with("edge8x8/card.sbit"));
    let table = succeeds(systole_with_card(folder.path(), &card).arg("devices"));
    assert_eq!(table.lines().count(), 1 + devices.len());
}
