//! Boards on a serial line: the host's side of [`isa::bridge`], and a board of our own for trials without one.
//!
//! [`place`] says where boards are, [`port`] is the line, [`link`] sends a request until its reply is there, [`board`] runs a
//! kernel: card memory is the host's, so each burst of the kernel is served from the regions of the run. [`fake`] is the
//! board's side over the functional model, behind a pseudo-terminal ([`pty`]) with line errors as wanted ([`noise`]).

pub mod board;
pub mod fake;
mod fake_kernel;
pub mod identity;
pub mod link;
pub mod noise;
pub mod place;
pub mod port;
pub mod pty;

use std::fmt;

/// Why a board does not do as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineError {
    /// The line cannot be opened, or has gone: unplugged.
    Gone(String),
    /// Another program has it.
    Busy,
    /// The line is there, but no sound reply came.
    Silent {
        /// How often the request was sent.
        tries: u32,
        /// For how long, in milliseconds.
        waited_ms: u64,
        /// Whether anything came back at all.
        noise: bool,
    },
    /// It answers, but not as this driver needs it.
    Unfit(String),
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone(what) => write!(f, "the line is gone: {what}"),
            Self::Busy => write!(f, "another program uses the line"),
            Self::Silent { tries, waited_ms, noise } => {
                let what = if *noise { "only damaged replies" } else { "no reply" };
                write!(f, "{what} to {tries} requests in {waited_ms} ms; check power, cable, bitstream and baud")
            }
            Self::Unfit(what) => write!(f, "{what}"),
        }
    }
}

impl std::error::Error for LineError {}
