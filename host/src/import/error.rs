//! What can be wrong with a model file. Every message is one line: what, where, which value, the remedy.

use crate::text::line;
pub use crate::text::{clean, short};

/// Why a model file was refused.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Its content cannot be used.
    #[error("{path}: {fault}")]
    Model {
        /// The file.
        path: String,
        /// What is wrong.
        fault: Fault,
    },
}

/// What is wrong with the content of a model file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The file as a whole.
    #[error("{}", line(.0))]
    File(String),
    /// A node that the card or this importer does not support.
    #[error("node `{}` ({}): {}; supported: {supported}", short(.node), short(.op), line(.why))]
    Unsupported {
        /// Name of the node, or of its output where it has none.
        node: String,
        /// Operator.
        op: String,
        /// What is not supported, with its value.
        why: String,
        /// What is.
        supported: String,
    },
    /// A node that contradicts itself or its inputs.
    #[error("node `{}` ({}): {}", short(.node), short(.op), line(.why))]
    Node {
        /// Name of the node, or of its output where it has none.
        node: String,
        /// Operator.
        op: String,
        /// What is wrong, and the remedy.
        why: String,
    },
}
