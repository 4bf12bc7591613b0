//! Why an allocation problem cannot be: one line with the problem, the device, the field, its value and the remedy.

/// What is wrong with a problem, or with the file that holds it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AllocateError {
    /// The file cannot be read, or is not of the form of docs/allocator.md.
    #[error("{place}: {what}")]
    File {
        /// The file, with line and column where they are known.
        place: String,
        /// What is wrong, and the remedy.
        what: String,
    },
    /// A field of the problem itself.
    #[error("problem `{problem}`: {field} {what}")]
    Problem {
        /// Name of the problem.
        problem: String,
        /// The field.
        field: String,
        /// Its value, what it must be, the remedy.
        what: String,
    },
    /// A field of a device.
    #[error("problem `{problem}`: device `{device}`: {field} {what}")]
    Device {
        /// Name of the problem.
        problem: String,
        /// Name of the device.
        device: String,
        /// The field.
        field: String,
        /// Its value, what it must be, the remedy.
        what: String,
    },
    /// A solver or a card returned what is no solution: a fault, not bad input.
    #[error("problem `{problem}`: the result is wrong: {what}: report it with the problem")]
    Wrong {
        /// Name of the problem.
        problem: String,
        /// What does not hold.
        what: String,
    },
}
