//! What can go wrong between the host and a card. One line each: what, where, which value, the remedy.

/// Why a card cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The OpenCL loader library is not installed.
    #[error(
        "no OpenCL loader: {what}: install the package `ocl-icd-libopencl1`, or name the library in OPENCL_DYLIB_PATH"
    )]
    NoLoader {
        /// What the dynamic linker said.
        what: String,
    },
    /// The loader found no driver, or none of the drivers answered.
    #[error("no OpenCL driver: {place}: run scripts/card to build the simulated card, or set OCL_ICD_VENDORS to the folder of a driver's .icd file")]
    NoDriver {
        /// Where drivers were looked for.
        place: String,
    },
    /// There are OpenCL platforms, but no Systole card on them.
    #[error("no Systole card: {place}: run scripts/card to build the simulated card")]
    NoCard {
        /// The platforms that there are, or where the driver was looked for.
        place: String,
    },
    /// There are cards, but none of the configuration asked for.
    #[error("no card of configuration `{config}`: the cards here are {found}: run scripts/card --config {config}, or choose another with --config")]
    NoConfig {
        /// The configuration asked for.
        config: String,
        /// The configurations found.
        found: String,
    },
    /// A container file cannot be used.
    #[error("container {path}: {what}")]
    Container {
        /// The file.
        path: String,
        /// What is wrong with it, and the remedy.
        what: String,
    },
    /// The card does not take the container.
    #[error("card `{device}` refuses container {path}: {what}")]
    Refused {
        /// The card.
        device: String,
        /// The file.
        path: String,
        /// The OpenCL error or status, and the remedy.
        what: String,
    },
    /// An OpenCL call failed.
    #[error("card `{device}`: {call}: {what}")]
    Call {
        /// The card.
        device: String,
        /// What was being done.
        call: String,
        /// The error and the remedy.
        what: String,
    },
    /// The card ran, but what it wrote cannot be.
    #[error("card `{device}`: {what}")]
    Wrong {
        /// The card.
        device: String,
        /// What is wrong, and the remedy.
        what: String,
    },
    /// The plan does not fit the card or the batch.
    #[error("{0}")]
    Plan(#[from] crate::plan::PlanError),
}

impl RuntimeError {
    /// A container that the card does not take, and why. As for [`RuntimeError::call`], a reason may bring its remedy.
    pub(crate) fn refused(device: String, path: &str, reason: String, config: &str) -> Self {
        let what = if reason.contains(';') {
            reason
        } else {
            format!("{reason}: build both again with scripts/card --config {config}")
        };
        Self::Refused { device, path: path.into(), what }
    }

    /// A failed call. The reasons that our own driver gives (`isa::failure`) mostly bring their remedy, after a
    /// semicolon; where there is none, the one that helps against stale builds is added.
    pub(crate) fn call(device: String, call: String, reason: String) -> Self {
        let what = if reason.contains(';') {
            reason
        } else {
            format!("{reason}; run scripts/card again, and if that does not help, report it with the model")
        };
        Self::Call { device, call, what }
    }
}
