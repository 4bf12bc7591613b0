//! Requests on the kernel's buses, with a kernel that answers when it likes.

use systole_hdl::bridge::execute::Execute;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;
use systole_isa::bridge::*;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Step {
    Rest,
    Reset,
    Fetch,
    Arrive,
    Write,
    Written,
    Read,
    Value,
    Beat,
    Answer,
    Wait,
    Describe,
    Take,
    Spill,
    Note,
    Done,
}
use Step::*;

/// The module for a bus of so many words; visits counts how often each state was reached.
struct Model {
    words: u32,
    state: Step,
    awake: bool,
    last: bool,
    shift: u128,
    arriving: bool,
    addressing: bool,
    register: u32,
    id: bool,
    length: u32,
    final_beat: bool,
    taking: bool,
    held: bool,
    reply_end: u32,
    /// The bit chosen in the last cycle; whether it is to be put now; whether the counters begin again now.
    choice: bool,
    burst_bit: bool,
    choosing: bool,
    chosen: bool,
    again: bool,
    takes: bool,
    runs: bool,
    visits: std::collections::BTreeSet<Step>,
}

impl Model {
    fn new(words: u32) -> Self {
        Model {
            words,
            state: Rest,
            awake: false,
            last: false,
            shift: 0,
            arriving: false,
            addressing: false,
            register: 0,
            id: false,
            length: 0,
            final_beat: false,
            taking: false,
            held: false,
            reply_end: 0,
            choice: false,
            burst_bit: false,
            choosing: false,
            chosen: false,
            again: false,
            takes: false,
            runs: false,
            visits: Default::default(),
        }
    }

    fn step(&mut self, i: &[u128]) -> Vec<u128> {
        let on = |k: usize| i[k] == 1;
        let (reset, work, op, sequence, none) = (on(0), on(1), i[2] as u8, on(3), on(4));
        let (place, word, q, wake) = (i[5] as u32, i[6] as u32, on(7), on(8));
        let (c_awready, c_bvalid, c_arready, c_rvalid, c_rdata) = (on(9), on(10), on(11), on(12), i[13]);
        let (awvalid, awaddr, awlen, wvalid, wdata, wlast, bready) =
            (on(14), i[15], i[16], on(17), i[18], on(19), on(20));
        let (arvalid, arid, araddr, arlen, rready, interrupt) = (on(21), on(22), i[23], i[24], on(25), on(26));
        let bits = 32 * self.words;
        let bit_end = place == 31;
        let waits = self.held || arvalid || awvalid;
        let burst_bit = (if self.taking { awaddr } else { araddr }) >> place & 1 == 1;
        let about = match (word & 1, place) {
            (1, _) => self.burst_bit,
            (_, 0) => arvalid && !self.taking && !self.held,
            (_, 1) => self.taking || self.held,
            (_, 2) => interrupt,
            (_, 8..12) => (if self.taking { awlen } else { arlen }) >> (place - 8) & 1 == 1,
            _ => false,
        };
        let bit_out = if self.state == Spill { self.shift & 1 == 1 } else { self.choice };
        let choice = if self.state == Value { c_rdata >> place & 1 == 1 } else { about };
        let (mut step, mut put, mut c_rready, mut takes, mut arready): (bool, bool, bool, bool, bool) =
            Default::default();
        let (mut restart, mut choosing, mut again) = (self.again, false, false);
        let (mut next, was) = (self.state, (self.shift, self.final_beat, self.taking, self.held));
        self.visits.insert(self.state);
        let (mut taking, mut held, mut final_beat, mut reply_end) =
            (self.taking, self.held, self.final_beat, self.reply_end);
        let (mut awake, mut last, mut id, mut length) = (self.awake || wake, self.last, self.id, self.length);
        match self.state {
            Rest => {
                restart = true;
                if work {
                    let fresh = sequence != self.last;
                    (last, final_beat) = (sequence, false);
                    arready = op == OP_READ_DATA && fresh && !self.held;
                    next = match op {
                        OP_RESET => Reset,
                        OP_REGISTER_READ => Fetch,
                        OP_REGISTER_WRITE if fresh => Fetch,
                        OP_WRITE_DONE if fresh && self.held => Fetch,
                        OP_READ_DATA if arready && arvalid => {
                            (id, length) = (arid, arlen as u32);
                            Fetch
                        }
                        _ => Wait,
                    };
                }
            }
            Reset => {
                (step, awake, held) = (true, true, false);
                if bit_end {
                    (again, next) = (true, Wait);
                }
            }
            Fetch => {
                step = true;
                let whole = match op {
                    OP_READ_DATA => word % self.words == self.words - 1,
                    OP_REGISTER_WRITE => word & 1 == 1,
                    _ => true,
                };
                if bit_end && whole {
                    (final_beat, next) = (word / self.words == self.length, Arrive);
                }
            }
            Arrive => {
                next = match op {
                    OP_READ_DATA => Beat,
                    OP_REGISTER_WRITE => Write,
                    OP_REGISTER_READ => Read,
                    _ => Answer,
                }
            }
            Write => {
                if c_awready {
                    next = Written;
                }
            }
            Written => {
                restart = true;
                if c_bvalid {
                    next = Wait;
                }
            }
            Read => {
                restart = true;
                if c_arready {
                    next = Value;
                }
            }
            Value => {
                choosing = c_rvalid && !self.choosing && !self.chosen;
                if self.chosen {
                    (step, put) = (true, true);
                    if bit_end && word & 2 == 2 {
                        (c_rready, again, next) = (true, true, Wait);
                    }
                }
            }
            Beat => {
                if rready {
                    next = Fetch;
                    if self.final_beat {
                        (again, next) = (true, Wait);
                    }
                }
            }
            Answer => {
                restart = true;
                if bready {
                    (held, next) = (false, Wait);
                }
            }
            Wait => {
                step = true;
                if waits || interrupt || (bit_end && word == REPLY_WAIT_CYCLES / 32 - 1) {
                    (again, taking, next) = (true, awvalid && !self.held, Describe);
                }
            }
            Describe => {
                choosing = !self.choosing && !self.chosen && !self.again;
                if self.chosen {
                    step = true;
                    put = !self.held || (word & 1 == 0 && place < 8);
                    if bit_end && word & 1 == 1 {
                        (takes, next) = (self.taking, if self.taking { Take } else { Note });
                    }
                }
            }
            Take => {
                final_beat = wlast;
                if wvalid {
                    next = Spill;
                }
            }
            Spill => {
                (step, put) = (true, true);
                if bit_end && (word - STATE_WORDS as u32) % self.words == self.words - 1 {
                    next = if self.final_beat { Note } else { Take };
                }
            }
            Note => {
                if !self.held {
                    (reply_end, held) = (word, self.taking);
                }
                (taking, next) = (false, Done);
            }
            Done => next = Rest,
        }
        let value = self.shift >> (bits - 32);
        let out = vec![
            step.into(),
            restart.into(),
            (self.state == Describe || self.state == Spill).into(),
            (self.state == Done).into(),
            match op {
                OP_REGISTER_READ => 3,
                OP_IDENTIFY => 6,
                OP_WRITE_DATA => self.reply_end.into(),
                _ => 2,
            },
            put.into(),
            bit_out.into(),
            self.runs.into(),
            waits.into(),
            (self.state == Write).into(),
            u128::from(self.register << 2),
            (self.state == Write).into(),
            value & 0xffff_ffff,
            (self.state == Written).into(),
            (self.state == Read).into(),
            u128::from(self.register << 2),
            c_rready.into(),
            self.takes.into(),
            (self.state == Take).into(),
            (self.state == Answer).into(),
            value & 3,
            arready.into(),
            (self.state == Beat).into(),
            self.id.into(),
            was.0,
            if none { 2 } else { 0 },
            was.1.into(),
        ];
        if self.state == Take {
            self.shift = wdata;
        } else if self.arriving || self.state == Spill {
            self.shift = self.shift >> 1 | u128::from(q) << (bits - 1);
        }
        if self.addressing {
            self.register = self.register >> 1 | u32::from(q) << 4;
        }
        self.runs = self.awake && self.state != Reset;
        self.arriving = self.state == Fetch;
        self.addressing = self.state == Fetch && word == 0 && place < 7;
        if reset {
            (next, awake, held, taking, again, takes) = (Rest, false, false, false, false, false);
        }
        (self.burst_bit, self.choice, self.again, self.takes) = (burst_bit, choice, again, takes);
        (self.choosing, self.chosen) = (choosing, self.choosing);
        (self.state, self.awake, self.last, self.id, self.length) = (next, awake, last, id, length);
        (self.taking, self.held, self.final_beat, self.reply_end) = (taking, held, final_beat, reply_end);
        out
    }
}

fn gate<const BUS: usize, const WB: usize>(cycles: usize) {
    let bench = cosim!(Execute::<BUS, WB>::default(),
        inputs: [reset, work, operation, sequence_bit, none, place, word, q, wake, c_awready, c_bvalid, c_arready, c_rvalid, c_rdata,
            m_awvalid, m_awaddr, m_awlen, m_wvalid, m_wdata, m_wlast, m_bready, m_arvalid, m_arid, m_araddr, m_arlen, m_rready, interrupt],
        outputs: [step, restart, region, done, reply_words, put, bit_out, kernel_reset_n, waits, c_awvalid, c_awaddr, c_wvalid, c_wdata,
            c_bready, c_arvalid, c_araddr, c_rready, m_awready, m_wready, m_bvalid, m_bresp, m_arready, m_rvalid, m_rid, m_rdata, m_rresp, m_rlast]);
    let mut rng = Rng::new(BUS as u64);
    let mut model = Model::new(BUS as u32 / 32);
    let (mut request, mut place, mut word) = (None, 0, 0);
    // Bursts that the kernel asks for keep their address until it is taken.
    let mut asks: [Option<(u128, u128)>; 2] = [None; 2];
    let mut rdata = 0;
    bench.check(
        cycles,
        |cycle, last| {
            let was = |k: usize| last.get(k) == Some(&1);
            if was(1) {
                (place, word) = (0, 0);
            } else if was(0) {
                place = (place + 1) % 32;
                word = (word + u128::from(place == 0)) % (1 << WB);
            }
            if was(3) {
                request = None;
            } else if request.is_none() && rng.chance(30) {
                // Mostly what moves a burst on.
                let op = if rng.chance(50) {
                    rng.bits(3)
                } else {
                    [OP_READ_DATA, OP_WRITE_DONE][rng.below(2) as usize].into()
                };
                request = Some((op, rng.bits(1), u128::from(rng.chance(20))));
            }
            for (ask, taken) in asks.iter_mut().zip([was(17), was(21)]) {
                if taken {
                    *ask = None;
                }
                if ask.is_none() && rng.below(400) == 0 {
                    *ask = Some((rng.bits(32), rng.below(3).into()));
                }
            }
            if !was(14) && rng.chance(3) {
                rdata = rng.bits(32);
            }
            let asked = |k: usize| asks[k].unwrap_or_default();
            let (op, sequence, none) = request.unwrap_or_default();
            vec![
                u128::from(cycle == 0 || rng.below(20_000) == 0),
                u128::from(request.is_some()),
                op,
                sequence,
                none,
                place,
                word,
                rng.bits(1),
                u128::from(rng.chance(1)),
                u128::from(rng.chance(50)),
                u128::from(rng.chance(50)),
                u128::from(rng.chance(50)),
                u128::from(rng.chance(90)),
                rdata,
                u128::from(asks[0].is_some()),
                asked(0).0,
                asked(0).1,
                u128::from(rng.chance(50)),
                rng.bits(BUS),
                u128::from(rng.chance(40)),
                u128::from(rng.chance(50)),
                u128::from(asks[1].is_some()),
                asked(1).0 & 1,
                asked(1).0,
                asked(1).1,
                u128::from(rng.chance(50)),
                u128::from(rng.below(300) == 0),
            ]
        },
        |i| model.step(i),
    );
    assert_eq!(model.visits.len(), 16, "states visited: {:?}", model.visits);
}

#[test]
fn requests_move_registers_and_bursts_on_a_bus_of_32_bits() {
    gate::<32, 5>(60_000);
}

#[test]
fn requests_move_registers_and_bursts_on_a_bus_of_64_bits() {
    gate::<64, 6>(30_000);
}

#[test]
fn requests_move_registers_and_bursts_on_a_bus_of_128_bits() {
    gate::<128, 7>(120_000);
}
