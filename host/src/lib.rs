//! Systole's host side: import a quantised network, compile it for a card, run it, and say what it cost in joules.

pub mod plan;
