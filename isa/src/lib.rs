//! The one contract between Systole's hardware, its simulator and its host.
//!
//! Each fact stands here once: the control registers ([`control`]), the command words ([`command`]), the activity
//! counters ([`counter`]), how data lies in memory ([`layout`]), the allocator's problems and results ([`allocate`]),
//! what a configuration is ([`config`]), how an accumulator becomes an activation ([`requant`]) and what a `.sbit` file
//! looks like ([`container`], [`manifest`]).
//! [`failure`] names what can go wrong on a card; [`bridge`] is how a host reaches a board over a serial line.
//! `docs/registers.md` is printed from it ([`markdown`]).
#![no_std]
extern crate alloc;

pub mod allocate;
pub mod bridge;
pub mod command;
pub mod config;
pub mod container;
pub mod control;
pub mod counter;
pub mod failure;
pub mod layout;
pub mod manifest;
pub mod markdown;
pub mod requant;
pub mod timing;
pub mod vitis;

/// Version of everything in this crate together; a container built for another version is refused.
pub const ISA_VERSION: u32 = 4;
