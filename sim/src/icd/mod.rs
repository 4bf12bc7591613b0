//! The OpenCL driver: the platform "Systole" with one accelerator for each simulated card.
//!
//! OpenCL 1.2, embedded profile, no compiler: programs come from containers. The loader finds it by
//! `clGetExtensionFunctionAddress`; everything else goes through the dispatch table (`raw::table`) to the
//! functions of [`api`]. They check their arguments and work on [`objects`], which callers hold as handles
//! ([`handle`]). An argument that the standard calls wrong gives the error of the standard; functions for images,
//! samplers, pipes, shared virtual memory and source programs give `CL_INVALID_OPERATION`.
//!
//! Times are those of the card's clock, which advances while a kernel is simulated (by the cycles it took) and while
//! bytes go to and from card memory (one bus word a cycle): not the time of the computer that simulates.

pub mod api;
pub mod cl;
pub mod handle;
pub mod info;
pub mod objects;
