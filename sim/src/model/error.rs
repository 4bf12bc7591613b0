//! Why the model ends a run.

use crate::memory::BusError;
use isa::control;
use std::fmt;

/// Why a run did not reach `END`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelError {
    /// The word at this index of the stream is no command.
    Illegal {
        /// Index of the command word.
        index: usize,
        /// The word.
        word: u32,
    },
    /// Card memory answered a read with an error.
    Read {
        /// Index of the command word.
        index: usize,
        /// The access.
        error: BusError,
    },
    /// Card memory answered a write with an error.
    Write {
        /// Index of the command word.
        index: usize,
        /// The access.
        error: BusError,
    },
    /// The command asks for what the hardware cannot do or would wait for without end.
    Undefined {
        /// Index of the command word.
        index: usize,
        /// What is asked for, with its values.
        what: String,
    },
    /// An argument is not aligned to [`control::BUFFER_ALIGN`] or lies beyond the address bits of the configuration.
    Argument {
        /// Name of the argument.
        name: &'static str,
        /// Its value.
        address: u64,
    },
}

impl ModelError {
    /// The bits that the hardware shows in its status register for this; 0 where it would not notice.
    pub fn status_bits(&self) -> u32 {
        match self {
            Self::Illegal { .. } => control::STATUS_ILLEGAL,
            Self::Read { .. } => control::STATUS_READ_ERROR,
            Self::Write { .. } => control::STATUS_WRITE_ERROR,
            Self::Undefined { .. } | Self::Argument { .. } => 0,
        }
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Illegal { index, word } => write!(f, "command {index}: {word:#010x} is no command"),
            Self::Read { index, error } => write!(f, "command {index}: read error: {error}"),
            Self::Write { index, error } => write!(f, "command {index}: write error: {error}"),
            Self::Undefined { index, what } => write!(f, "command {index}: {what}"),
            Self::Argument { name, address } => {
                write!(
                    f,
                    "argument {name} is {address:#x}; it must be a multiple of {} that the card can address",
                    control::BUFFER_ALIGN
                )
            }
        }
    }
}

impl std::error::Error for ModelError {}
