//! A bar on stderr for what takes long; nothing for what is quick, or where nobody looks.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// What takes no longer needs no bar.
const PATIENCE: Duration = Duration::from_secs(2);

/// Progress of a number of inferences, on the card or in the reference.
pub struct Progress {
    what: &'static str,
    total: u64,
    done: u64,
    start: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Progress towards `total`; `what` is done to them.
    pub fn new(what: &'static str, total: u64) -> Self {
        Self { what, total, done: 0, start: Instant::now(), bar: None }
    }

    /// `count` more are done.
    pub fn add(&mut self, count: u64) {
        self.done += count;
        if self.bar.is_none() && self.start.elapsed() > PATIENCE && std::io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len}, {eta} to go");
            let bar =
                ProgressBar::with_draw_target(Some(self.total), ProgressDrawTarget::stderr()).with_prefix(self.what);
            // The template is fixed; were it wrong, the default style would do.
            self.bar = Some(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.done);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
