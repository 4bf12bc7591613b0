//! Files that tests read: the project's own, and the shared data where it is there.

use npyz::npz::NpzArchive;
use std::path::{Path, PathBuf};

/// A file of the project.
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A file of the shared data; where it is not, says that the test is skipped.
pub fn shared(path: &str) -> Option<PathBuf> {
    let file = project("../shared/data").join(path);
    if !file.exists() {
        eprintln!("skipped: ../shared/data/{path} is not there");
        return None;
    }
    Some(file)
}

/// The bytes of a uint8 `.npy` file of the project.
pub fn npy(path: &str) -> Vec<u8> {
    let file = std::fs::read(project(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    npyz::NpyFile::new(&file[..]).and_then(|f| f.into_vec()).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The int8 array of this name in an `.npz` file.
pub fn npz(path: &Path, name: &str) -> Vec<i8> {
    array(path, name)
}

/// The uint8 array of this name in an `.npz` file.
pub fn npz_bytes(path: &Path, name: &str) -> Vec<u8> {
    array(path, name)
}

fn array<T: npyz::Deserialize>(path: &Path, name: &str) -> Vec<T> {
    let mut archive = NpzArchive::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let array = archive.by_name(name).unwrap_or_else(|e| panic!("{name}: {e}")).expect("the array is there");
    array.into_vec().unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The names of the arrays in an `.npz` file.
pub fn npz_names(path: &Path) -> Vec<String> {
    let archive = NpzArchive::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    archive.array_names().map(str::to_string).collect()
}
