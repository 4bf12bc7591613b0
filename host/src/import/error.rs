//! What can be wrong with a model file. Every message is one line: what, where, which value, the remedy.

/// Longest name in a message; converters join the names of everything they fuse.
const NAME_LENGTH: usize = 60;

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
    #[error("{0}")]
    File(String),
    /// A node that the card or this importer does not support.
    #[error("node `{}` ({op}): {why}; supported: {supported}", short(.node))]
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
    #[error("node `{}` ({op}): {why}", short(.node))]
    Node {
        /// Name of the node, or of its output where it has none.
        node: String,
        /// Operator.
        op: String,
        /// What is wrong, and the remedy.
        why: String,
    },
}

/// A name cut to a length at which a message stays readable, without line breaks.
pub fn short(name: &str) -> String {
    let clean: Vec<char> = name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    if clean.len() <= NAME_LENGTH {
        return clean.into_iter().collect();
    }
    let half = NAME_LENGTH / 2 - 1;
    clean[..half].iter().chain(&['…']).chain(&clean[clean.len() - half..]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_in_the_middle_and_has_no_line_breaks() {
        assert_eq!(short("conv\n1"), "conv?1");
        let long = short(&"ab".repeat(100));
        assert!(long.chars().count() < NAME_LENGTH && long.contains('…'));
    }
}
