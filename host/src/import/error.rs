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
    #[error("{}", clean(.0))]
    File(String),
    /// A node that the card or this importer does not support.
    #[error("node `{}` ({}): {}; supported: {supported}", short(.node), short(.op), clean(.why))]
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
    #[error("node `{}` ({}): {}", short(.node), short(.op), clean(.why))]
    Node {
        /// Name of the node, or of its output where it has none.
        node: String,
        /// Operator.
        op: String,
        /// What is wrong, and the remedy.
        why: String,
    },
}

/// A message without line breaks, whatever names of the file are in it.
fn clean(message: &str) -> String {
    message.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// A name cut to a length at which a message stays readable, without line breaks.
pub fn short(name: &str) -> String {
    let name: Vec<char> = clean(name).chars().collect();
    if name.len() <= NAME_LENGTH {
        return name.into_iter().collect();
    }
    let half = NAME_LENGTH / 2 - 1;
    name[..half].iter().chain(&['…']).chain(&name[name.len() - half..]).collect()
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
