//! Says on stderr what runs and how long it took: on a terminal one line that counts, and everywhere a line for each step of
//! more than two seconds, in the form of `step` in scripts/lib.sh.

use std::io::{stderr, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Steps that take less are not worth a line.
const WORTH_A_LINE: Duration = Duration::from_secs(2);

/// The steps that run.
pub struct Progress {
    running: Arc<Mutex<Vec<(String, Instant)>>>,
    over: Arc<AtomicBool>,
    ticker: Option<JoinHandle<()>>,
}

/// A step that runs.
pub struct Running<'a> {
    progress: &'a Progress,
    label: String,
    start: Instant,
}

impl Progress {
    /// Begins to watch.
    pub fn new() -> Self {
        let running = Arc::new(Mutex::new(Vec::<(String, Instant)>::new()));
        let over = Arc::new(AtomicBool::new(false));
        let ticker = stderr().is_terminal().then(|| {
            let (running, over) = (Arc::clone(&running), Arc::clone(&over));
            std::thread::spawn(move || {
                for turn in 0.. {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    draw(&locked(&running), turn);
                    std::thread::sleep(Duration::from_millis(200));
                }
            })
        });
        Self { running, over, ticker }
    }

    /// A step begins.
    pub fn start(&self, label: &str) -> Running<'_> {
        let start = Instant::now();
        locked(&self.running).push((label.to_owned(), start));
        Running { progress: self, label: label.to_owned(), start }
    }
}

impl Running<'_> {
    /// The step is over.
    pub fn end(self, well: bool) {
        // The lock is held while the line is written, so that the ticker does not write into it.
        let mut running = locked(&self.progress.running);
        running.retain(|(label, start)| (label, start) != (&self.label, &self.start));
        let took = self.start.elapsed();
        if self.progress.ticker.is_some() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
        if took >= WORTH_A_LINE {
            let verdict = if well { "ok  " } else { "FAIL" };
            let _ = writeln!(stderr(), "{verdict}  {:>6.1}s  {}", took.as_secs_f64(), self.label);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(ticker) = self.ticker.take() {
            let _ = ticker.join();
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

/// A panic elsewhere leaves a list that can still be shown.
fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn draw(running: &[(String, Instant)], turn: usize) {
    if running.is_empty() {
        return;
    }
    let steps: Vec<String> =
        running.iter().map(|(label, start)| format!("{label} {} s", start.elapsed().as_secs())).collect();
    // Cut, since a line that wraps cannot be drawn over.
    let line: String = steps.join(", ").chars().take(76).collect();
    let _ = write!(stderr(), "\r\x1b[K{} {line}", ["-", "\\", "|", "/"][turn % 4]);
    let _ = stderr().flush();
}
