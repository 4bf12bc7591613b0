//! A request and its reply: sent again until a sound reply is there, a bounded number of times.

use super::port::Port;
use super::LineError;
use isa::bridge::{self, State, MAX_WORDS, REPLY, REQUEST, SILENCE_BITS, STATE_WORDS};
use std::path::Path;
use std::time::{Duration, Instant};

/// How often a request is sent in a run before the board counts as lost. With one frame in ten damaged that is once in 10^11.
const TRIES: u32 = 12;
/// How often when a board is looked for.
const PROBE_TRIES: u32 = 4;
/// What a reply may take beyond its time on the wire: a USB bridge keeps bytes back for up to 16 ms each way, and both sides
/// are programs that may have to wait. Doubled with every repetition, up to [`LONGEST`].
const PATIENCE: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_millis(800);
/// Silence amid a reply after which the rest of it is lost.
const GAP: Duration = Duration::from_millis(40);
/// A board that is this many times slower than its baud is given as much more time, and no more than that.
const SLOWEST: f64 = 64.0;

/// What went over the line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Requests that were answered.
    pub requests: u64,
    /// Frames sent once more.
    pub resent: u64,
    /// Replies that were damaged, cut short or out of turn.
    pub damaged: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Bytes received.
    pub bytes_in: u64,
}

impl Statistics {
    /// What was added since `earlier`.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            requests: self.requests - earlier.requests,
            resent: self.resent - earlier.resent,
            damaged: self.damaged - earlier.damaged,
            bytes_out: self.bytes_out - earlier.bytes_out,
            bytes_in: self.bytes_in - earlier.bytes_in,
        }
    }
}

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// What its head says.
    pub state: State,
    /// The words behind it.
    pub data: Vec<u32>,
}

/// A line with a board on it.
pub struct Link {
    port: Port,
    baud: u32,
    sequence: bool,
    received: Vec<u8>,
    /// How many times longer than on the wire a request and its reply took lately.
    pace: f64,
    tries: u32,
    /// What went over it.
    pub statistics: Statistics,
}

impl Link {
    /// Opens a line and lets it fall silent, so that a board that waits for the rest of a frame forgets it.
    ///
    /// # Errors
    /// As [`Port::open`].
    pub fn open(line: &Path, baud: u32) -> Result<Self, LineError> {
        let port = Port::open(line, baud)?;
        let (received, statistics) = (Vec::new(), Statistics::default());
        let mut link = Self { port, baud, sequence: false, received, pace: 1.0, tries: PROBE_TRIES, statistics };
        link.settle()?;
        Ok(link)
    }

    /// Whether a request is repeated as often as a run needs, or only as often as tells whether anybody is there.
    pub fn persist(&mut self, long: bool) {
        self.tries = if long { TRIES } else { PROBE_TRIES };
    }

    /// How many times slower than its baud the board is: 1 for one that is as fast as its line.
    pub fn pace(&self) -> f64 {
        self.pace
    }

    /// Time of some bytes on the wire: ten bits each.
    pub fn wire(&self, bytes: u64) -> Duration {
        Duration::from_secs_f64(bytes as f64 * 10.0 / f64::from(self.baud))
    }

    /// Sends a request until its reply is there, which must bring `expected` words behind the state.
    ///
    /// # Errors
    /// The line is gone, or the board answers none of the repetitions.
    pub fn request(&mut self, op: u8, words: &[u32], expected: usize) -> Result<Reply, LineError> {
        self.sequence = !self.sequence;
        let frame = bridge::frame(REQUEST, op, self.sequence, words)
            .ok_or_else(|| LineError::Unfit(format!("{} words are too many for a request", words.len())))?;
        let began = Instant::now();
        let (mut noise, mut patience) = (self.statistics.damaged, PATIENCE);
        for attempt in 0..self.tries {
            self.statistics.resent += u64::from(attempt > 0);
            let bytes = frame.len() + bridge_bytes(expected);
            let wire = self.wire(bytes as u64);
            let deadline = Instant::now() + patience + wire.mul_f64(4.0 * self.pace);
            self.port.write(&frame, deadline + LONGEST)?;
            self.statistics.bytes_out += frame.len() as u64;
            if let Some(words) = self.reply(op, deadline)? {
                let measured = began.elapsed().as_secs_f64() / wire.as_secs_f64().max(1e-6);
                self.pace = (0.75 * self.pace + 0.25 * measured).clamp(1.0, SLOWEST);
                self.statistics.requests += 1;
                return reply_of(&words, expected);
            }
            patience = (2 * patience).min(LONGEST);
        }
        noise = self.statistics.damaged - noise;
        let waited_ms = began.elapsed().as_millis() as u64;
        Err(LineError::Silent { tries: self.tries, waited_ms, noise: noise > 0 })
    }

    /// The words of the reply to the request under way; `None` if it does not come in time or is damaged.
    fn reply(&mut self, op: u8, deadline: Instant) -> Result<Option<Vec<u32>>, LineError> {
        loop {
            match bridge::parse(REPLY, &self.received) {
                Ok(Some(((found, sequence, words), used))) => {
                    self.received.drain(..used);
                    if (found, sequence) == (op, self.sequence) {
                        return Ok(Some(words));
                    }
                    // The reply to an earlier repetition of the request before this one.
                    self.statistics.damaged += 1;
                    continue;
                }
                Ok(None) => (),
                Err(_) => {
                    self.statistics.damaged += 1;
                    self.settle()?;
                    return Ok(None);
                }
            }
            if !self.received.contains(&REPLY) {
                self.received.clear();
            }
            // A frame that has begun may end, as long as bytes come; it has a greatest length.
            let begun = !self.received.is_empty();
            let until = if begun { Instant::now() + GAP.mul_f64(self.pace.min(8.0)) } else { deadline };
            let count = self.port.read(&mut self.received, until)?;
            self.statistics.bytes_in += count as u64;
            if count == 0 {
                self.statistics.damaged += u64::from(begun);
                self.received.clear();
                return Ok(None);
            }
        }
    }

    /// Drops what comes until the line has been silent for as long as makes the board forget a frame; a line that is
    /// never silent is left to its next request.
    fn settle(&mut self) -> Result<(), LineError> {
        let silence = self.wire(u64::from(SILENCE_BITS.div_ceil(10))) + Duration::from_millis(2);
        let end = Instant::now() + LONGEST;
        while Instant::now() < end {
            self.received.clear();
            let count = self.port.read(&mut self.received, Instant::now() + silence)?;
            self.statistics.bytes_in += count as u64;
            if count == 0 {
                break;
            }
        }
        self.received.clear();
        Ok(())
    }
}

/// Bytes of a reply with so many words behind the state.
fn bridge_bytes(words: usize) -> usize {
    5 + 4 * (STATE_WORDS + words)
}

fn reply_of(words: &[u32], expected: usize) -> Result<Reply, LineError> {
    match words.split_first_chunk::<STATE_WORDS>() {
        Some((state, data)) if data.len() == expected && expected <= MAX_WORDS => {
            Ok(Reply { state: State::from_words(*state), data: data.to_vec() })
        }
        _ => Err(LineError::Unfit(format!(
            "a reply has {} words where {} were asked for; its bitstream speaks another protocol",
            words.len(),
            STATE_WORDS + expected
        ))),
    }
}
