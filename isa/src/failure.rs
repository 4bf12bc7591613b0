//! Why a card refused or gave up: codes that its OpenCL driver uses where the standard leaves the value open.
//!
//! A failed run is the (negative) execution status of its event, a refused container is the status of its binary in
//! `clCreateProgramWithBinary`. OpenCL knows only that such values are negative; these say which of them means what.

/// A reason, by its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// OpenCL status, negative.
    pub code: i32,
    /// What happened and what to do, for a person.
    pub what: &'static str,
}

macro_rules! failures {
    ($($name:ident = $code:literal, $what:literal;)+) => {
        $(#[doc = $what] pub const $name: i32 = $code;)+
        /// Every reason.
        pub const FAILURES: &[Failure] = &[$(Failure { code: $code, what: $what }),+];
    };
}

failures! {
    ILLEGAL_COMMAND = -9001, "the command stream holds an unknown command; compile the model again with this version";
    READ_FAULT = -9002, "the kernel read card memory outside its arguments";
    WRITE_FAULT = -9003, "the kernel wrote card memory outside its arguments";
    CYCLE_LIMIT = -9004, "the run took more cycles than allowed; raise SYSTOLE_CYCLE_LIMIT or run a smaller batch";
    NO_PROGRESS = -9005, "the kernel stopped making progress: a command waits for what never comes";
    CONTROL_BUS = -9006, "the kernel's control registers do not answer";
    BUS_PROTOCOL = -9007, "the kernel broke a rule of its memory bus";
    SIMULATOR = -9008, "the simulated card could not be started or stopped by itself; check SYSTOLE_* variables and run scripts/card";
    BAD_PROBLEM = -9009, "the allocation problem is outside the limits of the card; see the limits in isa/src/allocate.rs";
    CONTAINER_DAMAGED = -9011, "the container is damaged: its structure or a SHA-256 is wrong";
    CONTAINER_MANIFEST = -9012, "the container's manifest cannot be used by this version";
    CONTAINER_BOARD = -9013, "the container is for another board; give the one of this card with --container";
    CONTAINER_CONFIG = -9014, "the container is for another configuration than the device";
    CONTAINER_RTL = -9015, "the container was built from other RTL than the device; run scripts/card";
    CONTAINER_BITSTREAM = -9016, "the board runs another bitstream than the container's; program it with the container's, or give the container of what it runs";
    LINE = -9017, "the board's serial line is gone or brings no answer; check cable, power and SYSTOLE_BOARDS, then run again";
}

/// The reason with this code.
pub fn failure(code: i32) -> Option<&'static Failure> {
    FAILURES.iter().find(|f| f.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_no_codes_of_opencl() {
        for f in FAILURES {
            assert_eq!(FAILURES.iter().filter(|g| g.code == f.code).count(), 1);
            assert!(f.code < -2000);
        }
    }
}
