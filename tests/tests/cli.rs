//! The command as a person sees it: sessions in `cmd/`, word for word. After a wanted change:
//! `TRYCMD=overwrite cargo test -p systole-tests --test cli`, and read the difference.

use std::io::Read;
use std::process::Stdio;
use systole_tests::command::{card, model, program, systole_without_card};

#[test]
fn sessions() {
    trycmd::TestCases::new()
        .register_bin("systole", program())
        .env("SYSTOLE_CARD_DIR", "no-card")
        .env("OCL_ICD_VENDORS", "no-vendors")
        .case("cmd/*.trycmd");
}

#[test]
fn sessions_with_a_card() {
    let Some(card) = card("edge8x8", "sessions with a card") else { return };
    trycmd::TestCases::new()
        .register_bin("systole", program())
        .env("SYSTOLE_CARD_DIR", card.display().to_string())
        .env("OCL_ICD_VENDORS", card.join("vendors").display().to_string())
        .case("cmd/card/*.trycmd");
}

/// `systole compile ... | head -1` ends quietly.
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = systole_without_card(folder.path());
    command.arg("compile").arg(model("digits.onnx")).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let mut error = String::new();
    child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    assert!(child.wait().unwrap().success(), "{error}");
    assert_eq!(error, "");
}
