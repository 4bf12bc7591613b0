//! Everything a person can get wrong, one case each: one line on stderr that says what, where and the remedy, exit
//! status 2, no output, no file left behind.

use isa::config::Config;
use npyz::WriterBuilder;
use std::path::{Path, PathBuf};
use systole::import::onnx::proto;
use systole_tests::command::{model, refused, save, systole, systole_without_card};
use systole_tests::onnx::Builder;

/// A folder and the error of running `systole` in it with `files` present and these arguments.
fn error_of(files: &[(&str, &[u8])], arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    refused(systole_without_card(folder.path()).args(arguments), folder.path())
}

fn has(error: &str, parts: &[&str]) {
    for part in parts {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

fn digits() -> String {
    model("digits.onnx").display().to_string()
}

/// A sound model of one operator on floats; its node is named `<operator>_1`.
fn float_model(operator: &str) -> Vec<u8> {
    let mut model = Builder::new(proto::FLOAT, &[-1, 1, 8, 8]);
    let output = model.node(operator, &["input"], vec![]);
    model.finish(&output)
}

/// The container of a configuration, for RTL that no card has.
fn container(name: &str) -> Vec<u8> {
    let config: Config = systole_tests::card::config(name);
    systole_sim::pack::container(&config, b"module systole_infer; endmodule", None).unwrap()
}

#[test]
fn a_model_that_is_not_there() {
    has(&error_of(&[], &["run", "none.onnx"]), &["none.onnx", "No such file"]);
}

#[test]
fn a_folder_as_a_model() {
    has(&error_of(&[], &["run", "."]), &["."]);
}

#[test]
fn a_file_that_is_no_onnx() {
    for text in [&b"this is no network\n"[..], b"", &[0xff; 64]] {
        for command in ["run", "compile"] {
            has(&error_of(&[("bad.onnx", text)], &[command, "bad.onnx"]), &["bad.onnx"]);
        }
    }
}

#[test]
fn a_truncated_onnx_wherever_it_is_cut() {
    let whole = std::fs::read(model("digits.onnx")).unwrap();
    for cut in [1, 10, 100, whole.len() / 3, whole.len() / 2, whole.len() - 100, whole.len() - 1] {
        has(&error_of(&[("cut.onnx", &whole[..cut])], &["compile", "cut.onnx", "-o", "cut.plan"]), &["cut.onnx"]);
    }
}

#[test]
fn a_model_with_float_operators_only() {
    let error = error_of(&[("float.onnx", &float_model("Relu"))], &["run", "float.onnx", "--out", "out.npy"]);
    has(&error, &["float.onnx", "Relu_1"]);
}

#[test]
fn an_unsupported_operator_is_named_with_its_node() {
    let error = error_of(&[("odd.onnx", &float_model("Einsum"))], &["compile", "odd.onnx"]);
    has(&error, &["Einsum_1"]);
}

#[test]
fn an_input_of_another_shape_names_both_shapes() {
    let folder = tempfile::tempdir().unwrap();
    save(&folder.path().join("x.npy"), &[3, 8, 9], vec![0.0f32; 216]);
    let mut command = systole_without_card(folder.path());
    let error = refused(command.args(["run", &digits(), "--input", "x.npy", "--out", "y.npy"]), folder.path());
    has(&error, &["x.npy", "[3, 8, 9]", "[1, 8, 8]", "reshape"]);
}

#[test]
fn an_input_that_is_no_array_or_a_truncated_one() {
    let folder = tempfile::tempdir().unwrap();
    save(&folder.path().join("x.npy"), &[1, 8, 8], vec![0.0f32; 64]);
    let whole = std::fs::read(folder.path().join("x.npy")).unwrap();
    for bytes in [&b"no array"[..], b"", &whole[..whole.len() - 1], &whole[..20]] {
        has(&error_of(&[("x.npy", bytes)], &["run", &digits(), "--input", "x.npy"]), &["input x.npy"]);
    }
}

#[test]
fn inputs_of_every_kind_that_do_not_fit_or_are_damaged() {
    let run = |files: &[(&str, &[u8])], input: &str, says: &[&str]| {
        has(&error_of(files, &["run", &digits(), "--input", input, "--out", "y.npz"]), says);
    };
    run(&[("x.txt", b"1 2 3")], "x.txt", &["input x.txt", "kind is not known", ".npz"]);
    run(&[("x.bin", &[0; 65])], "x.bin", &["input x.bin", "65 bytes", "takes 64"]);
    run(&[("x.raw", b"")], "x.raw", &["input x.raw", "0 bytes"]);
    run(&[], "none.bin", &["none.bin", "No such file"]);
    run(&[("x.npz", b"no archive")], "x.npz", &["input x.npz", "numpy.savez"]);
    run(&[("x.png", b"no image")], "x.png", &["input x.png", "PNG"]);
    run(&[], ".", &["input .", "no .png"]);
    let image = image(&[9, 8], png::ColorType::Grayscale, &[0; 72]);
    run(&[("x.png", &image)], "x.png", &["input x.png", "9 x 8 pixels", "takes 8 x 8", "resize"]);
    let image = self::image(&[8, 8], png::ColorType::Rgb, &[0; 192]);
    run(&[("x.png", &image)], "x.png", &["input x.png", "3 channels", "takes 1", "grey"]);
    run(&[("x.png", &image[..image.len() / 2])], "x.png", &["input x.png"]);
}

/// A PNG of this width and height.
fn image(size: &[u32; 2], colours: png::ColorType, bytes: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, size[0], size[1]);
    encoder.set_color(colours);
    encoder.write_header().unwrap().write_image_data(bytes).unwrap();
    file
}

#[test]
fn an_archive_without_the_array_names_those_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let mut archive = npyz::npz::NpzWriter::create(folder.path().join("x.npz")).unwrap();
    for name in ["images", "labels"] {
        let mut array =
            archive.array(name, Default::default()).unwrap().default_dtype().shape(&[1]).begin_nd().unwrap();
        array.push(&1.0f32).unwrap();
        array.finish().unwrap();
    }
    drop(archive);
    for (input, says) in
        [("x.npz", &["no array", "`images`", "`labels`", "FILE.npz:NAME"][..]), ("x.npz:images", &["[1, 8, 8]"])]
    {
        let mut command = systole_without_card(folder.path());
        has(&refused(command.args(["run", &digits(), "--input", input]), folder.path()), says);
    }
}

#[test]
fn flags_of_images_for_what_is_none_and_numbers_that_do_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    save(&folder.path().join("x.npy"), &[1, 8, 8], vec![0.0f32; 64]);
    std::fs::write(folder.path().join("x.png"), image(&[8, 8], png::ColorType::Grayscale, &[0; 64])).unwrap();
    for (arguments, says) in [
        (&["--input", "x.npy", "--scale", "1"][..], &["x.npy", "--scale", "images"][..]),
        (&["--scale", "1"], &["--scale", "--input"]),
        (&["--input", "x.png", "--mean", "1,2"], &["--mean", "2 values", "1 channels"]),
        (&["--input", "x.png", "--scale", "inf"], &["--scale inf", "finite"]),
        (&["--input", "x.png", "--scale", "bright"], &["--scale", "bright"]),
        (&["--out", "y.txt"], &["--out y.txt", ".npz"]),
        (&["--out", "y.png"], &["--out y.png", ".npz"]),
    ] {
        let mut command = systole_without_card(folder.path());
        has(&refused(command.args(["run", &digits()]).args(arguments), folder.path()), says);
    }
}

#[test]
fn a_benchmark_of_nothing_of_a_plan_and_without_a_card() {
    has(&error_of(&[], &["bench"]), &["MODEL"]);
    has(&error_of(&[], &["bench", &digits(), "none.tflite"]), &["none.tflite", "No such file"]);
    has(&error_of(&[], &["bench", &digits()]), &["card"]);
}

#[test]
fn labels_that_do_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    save(&path("x.npy"), &[2, 1, 8, 8], vec![0.0f32; 128]);
    save(&path("short.npy"), &[1], [3u8]);
    save(&path("high.npy"), &[2], [3u8, 10]);
    save(&path("float.npy"), &[2], [3.0f32, 1.0]);
    for (labels, says) in [("short.npy", "[1]"), ("high.npy", "label 1 is 10"), ("float.npy", "integers")] {
        let mut command = systole_without_card(folder.path());
        let error = refused(command.args(["run", &digits(), "--input", "x.npy", "--labels", labels]), folder.path());
        has(&error, &[labels, says]);
    }
}

#[test]
fn more_inputs_than_the_file_has_and_a_picture_of_none() {
    let folder = tempfile::tempdir().unwrap();
    save(&folder.path().join("x.npy"), &[2, 1, 8, 8], vec![0.0f32; 128]);
    for (flag, value, says) in [("--batch", "3", "holds 2"), ("--show", "2", "there are 2 inputs")] {
        let mut command = systole_without_card(folder.path());
        let error = refused(command.args(["run", &digits(), "--input", "x.npy", flag, value]), folder.path());
        has(&error, &[flag, says]);
    }
}

#[test]
fn a_configuration_that_there_is_not() {
    has(
        &error_of(&[], &["compile", &digits(), "--config", "huge9x9"]),
        &["huge9x9", "small4x4", "edge8x8", "edge12x12", "mid16x16"],
    );
}

#[test]
fn a_container_for_another_configuration() {
    let files = [("small.sbit", &container("small4x4")[..])];
    let error = error_of(&files, &["run", &digits(), "--config", "edge8x8", "--container", "small.sbit"]);
    has(&error, &["small.sbit", "`small4x4`, not `edge8x8`", "--config small4x4"]);
}

#[test]
fn a_damaged_container() {
    let whole = container("edge8x8");
    let mut flipped = whole.clone();
    flipped[200] ^= 1;
    for bytes in [&flipped[..], &whole[..whole.len() - 1], b"nothing", b""] {
        let error = error_of(&[("c.sbit", bytes)], &["run", &digits(), "--container", "c.sbit"]);
        has(&error, &["c.sbit", "scripts/card"]);
    }
}

#[test]
fn a_plan_that_is_damaged_or_for_another_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("d.plan");
    let mut compile = systole_without_card(folder.path());
    let done = compile.args(["compile", &digits(), "--config", "small4x4", "-o", "d.plan"]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let run = |arguments: &[&str]| {
        refused(systole_without_card(folder.path()).args(["run", "d.plan"]).args(arguments), folder.path())
    };
    has(&run(&["--config", "edge8x8"]), &["`small4x4`, not `edge8x8`"]);
    has(&run(&["--check"]), &["--check needs the network"]);
    let mut bytes = std::fs::read(&plan).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&plan, bytes).unwrap();
    has(&run(&[]), &["d.plan", "SHA-256"]);
}

#[test]
fn no_driver() {
    let error = error_of(&[], &["run", &digits(), "--out", "y.npy"]);
    has(&error, &["no OpenCL driver", "no-vendors", "scripts/card"]);
    has(&error_of(&[], &["devices"]), &["no OpenCL driver", "no-vendors", "scripts/card"]);
}

#[test]
fn a_driver_that_cannot_be_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let vendors = folder.path().join("vendors");
    std::fs::create_dir(&vendors).unwrap();
    std::fs::write(vendors.join("systole.icd"), "/nowhere/libsystole_icd.so\n").unwrap();
    let error = refused(systole(folder.path()).env("OCL_ICD_VENDORS", &vendors).arg("devices"), folder.path());
    has(&error, &["no OpenCL driver", "scripts/card"]);
}

#[test]
fn no_card_folder_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = systole(folder.path());
    command.env("SYSTOLE_CARD_DIR", folder.path().join("none")).args(["run", &digits()]);
    has(&refused(&mut command, folder.path()), &["scripts/card"]);
}

/// A library that is found and is none, as far as the dynamic linker goes: the same way as one that is missing.
#[test]
fn no_opencl_loader() {
    let folder = tempfile::tempdir().unwrap();
    let libraries: PathBuf = folder.path().join("lib");
    std::fs::create_dir(&libraries).unwrap();
    std::fs::write(libraries.join("libOpenCL.so.1"), b"no library").unwrap();
    let mut command = systole_without_card(folder.path());
    command.env("LD_LIBRARY_PATH", &libraries).args(["run", &digits()]);
    has(&refused(&mut command, folder.path()), &["no OpenCL loader", "ocl-icd-libopencl1"]);
}

#[test]
fn an_output_folder_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let missing: &Path = Path::new("missing/d.plan");
    let mut command = systole_without_card(folder.path());
    let error = refused(command.args(["compile", &digits(), "-o"]).arg(missing), folder.path());
    has(&error, &["missing/d.plan", "No such file"]);
}

/// Renaming over it would put a file in the device's place.
#[test]
fn an_output_that_is_a_device_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let device = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&device).status().unwrap().success());
    for arguments in [&["run", "--out"][..], &["compile", "-o"]] {
        let mut command = systole_without_card(folder.path());
        let error = refused(command.args(arguments).arg(&device).arg(digits()), folder.path());
        has(&error, &["pipe", "is no file"]);
    }
    use std::os::unix::fs::FileTypeExt;
    assert!(device.metadata().unwrap().file_type().is_fifo());
}
