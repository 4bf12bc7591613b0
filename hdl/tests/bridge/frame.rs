//! Frames: requests right, damaged, broken off and out of place, and their replies.

use systole_hdl::bridge::frame::Frame;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;
use systole_isa::bridge::{self, OP_IDENTIFY, OP_WRITE_DATA, REPLY, REQUEST};

const WORD_BITS: u32 = 5;

#[derive(Clone, Copy, PartialEq, Debug)]
enum Phase {
    Start,
    Head,
    Check,
    Word,
    Sum,
    Work,
}

struct Model {
    phase: Phase,
    replying: bool,
    wrong: bool,
    head: u32,
    bit: u32,
    word: u32,
}

impl Model {
    fn step(&mut self, i: &[u128]) -> Vec<u128> {
        let [reset, strobe, value, broken, silent, sum_next, q, step, restart, region, done] =
            std::array::from_fn(|k| i[k] == 1);
        let op = (self.head >> 1 & 7) as u8;
        let data = match self.phase {
            Phase::Start => REPLY >> (self.bit & 7) & 1 == 1,
            Phase::Head => self.head & 1 == 1,
            Phase::Word => q,
            _ => sum_next,
        };
        let wanted = if self.phase == Phase::Start { REQUEST >> (self.bit & 7) & 1 == 1 } else { sum_next };
        let place = self.word << 5 | self.bit;
        let half = 1 << (WORD_BITS + 4);
        let read = match self.replying {
            _ if region => place | (2 * half),
            true if self.word < 2 || op == OP_WRITE_DATA => place | (2 * half),
            true if op == OP_IDENTIFY => place | half,
            _ => place,
        };
        let keep = self.phase == Phase::Word && strobe && !self.replying && self.word < 16;
        let out = vec![
            self.replying.into(),
            data.into(),
            (self.phase == Phase::Start).into(),
            read.into(),
            (if region { place | (2 * half) } else { place }).into(),
            keep.into(),
            (self.phase == Phase::Work).into(),
            op.into(),
            u128::from(self.head & 1),
            u128::from(self.head >> 8 & 31 == 0),
            self.bit.into(),
            self.word.into(),
        ];
        let (before, replying) = (self.phase, self.replying);
        let moves = if before == Phase::Work { step } else { strobe };
        let bits = match before {
            Phase::Start | Phase::Check => 8,
            Phase::Head | Phase::Sum => 16,
            Phase::Word | Phase::Work => 32,
        };
        let ends = moves && self.bit % bits == bits - 1;
        let differs = self.wrong || value != wanted;
        if moves {
            self.bit = if ends { 0 } else { (self.bit + 1) % 32 };
        }
        match before {
            Phase::Start => {
                self.word = 0;
                self.wrong =
                    if ends { false } else { (strobe && !replying && differs) || (!strobe || replying) && self.wrong };
                if ends && (replying || !differs) {
                    self.phase = Phase::Head;
                }
            }
            Phase::Head => {
                if strobe {
                    self.head = self.head >> 1 | u32::from(value) << 15;
                }
                if ends {
                    self.phase = Phase::Check;
                }
            }
            Phase::Check => self.phase = if self.word == self.head >> 8 & 31 { Phase::Sum } else { Phase::Word },
            Phase::Word => {
                if ends {
                    (self.word, self.phase) = ((self.word + 1) % 32, Phase::Check);
                }
            }
            Phase::Sum => {
                if strobe {
                    self.wrong = differs;
                }
                if ends {
                    self.phase = if !replying && !differs { Phase::Work } else { Phase::Start };
                    (self.wrong, self.replying, self.word) = (false, false, 0);
                }
            }
            Phase::Work => {
                if ends {
                    self.word = (self.word + 1) % 32;
                }
                if restart {
                    (self.word, self.bit) = (0, 0);
                }
                if done {
                    (self.bit, self.replying, self.phase) = (0, true, Phase::Start);
                    self.head = self.head & 0xff | (i[11] as u32) << 8;
                }
            }
        }
        if (broken || silent) && !replying && before != Phase::Work {
            (self.phase, self.bit, self.wrong) = (Phase::Start, 0, false);
        }
        if reset {
            (self.phase, self.replying, self.bit, self.wrong) = (Phase::Start, false, 0, false);
        }
        out
    }
}

#[test]
fn whole_requests_are_carried_out_and_answered_and_damaged_ones_forgotten() {
    let bench = cosim!(Frame::<5, 11>::default(),
        inputs: [reset, strobe, value, broken, silent, sum_next, q, step, restart, region, done, reply_words],
        outputs: [send, data, sum_clear, read_address, write_address, keep, work, operation, sequence_bit, none, place, word]);
    let mut rng = Rng::new(3);
    let mut model = Model { phase: Phase::Start, replying: false, wrong: false, head: 0, bit: 0, word: 0 };
    // Bits that come, the checksum that follows them, and how often a request got through.
    let (mut bits, mut sum, mut phase, mut worked) = (std::collections::VecDeque::new(), 0u16, (true, false), 0);
    bench.check(
        40_000,
        |cycle, last| {
            let (send, data) = (last.first() == Some(&1), last.get(1) == Some(&1));
            let work = last.get(6) == Some(&1);
            worked += usize::from(work && !phase.1);
            phase = (last.get(2) != Some(&0), work);
            if bits.is_empty() && !send && !work && rng.chance(5) {
                let words: Vec<u32> = (0..rng.below(4)).map(|_| rng.bits(32) as u32).collect();
                let mut frame = bridge::frame(REQUEST, rng.below(8) as u8, rng.chance(50), &words).unwrap();
                match rng.below(5) {
                    0 => frame.insert(0, rng.bits(8) as u8),
                    1 => {
                        let at = rng.below(8 * frame.len() as u64) as usize;
                        frame[at / 8] ^= 1 << (at % 8);
                    }
                    2 => frame.truncate(rng.below(frame.len() as u64) as usize + 1),
                    _ => {}
                }
                bits.extend(frame.iter().flat_map(|b| (0..8).map(move |i| b >> i & 1 == 1)));
            }
            let strobe = cycle % 4 == 0 && (send || !bits.is_empty());
            let value = if send { data } else { strobe && bits.pop_front().unwrap() };
            let next = sum & 1;
            if phase.0 {
                sum = 0xffff;
            } else if strobe {
                sum = sum >> 1 ^ (if (sum ^ u16::from(value)) & 1 == 1 { 0x8408 } else { 0 });
            }
            let quiet = bits.is_empty() && !send && rng.chance(3);
            [
                cycle == 0,
                strobe,
                value,
                !strobe && rng.below(3000) == 0,
                quiet,
                next == 1,
                rng.chance(50),
                work && rng.chance(80),
                work && rng.chance(1),
                work && rng.chance(30),
                work && rng.chance(2),
            ]
            .map(u128::from)
            .into_iter()
            .chain([2 + u128::from(rng.below(4))])
            .collect()
        },
        |i| model.step(i),
    );
    assert!(worked > 20, "only {worked} requests got through");
}
