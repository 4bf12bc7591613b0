//! Carries out one request of [`systole_isa::bridge`] after the other on the kernel's two buses.
//!
//! As master of the control bus it reads and writes registers. As slave of the memory bus it takes the address of a read
//! burst only when its data are there, and a write burst as a whole, between request and reply; so that it needs to hold one
//! address nowhere but in the frame memory. All data pass one shift register as wide as the bus, a bit a cycle.
//!
//! Before it replies it waits up to [`REPLY_WAIT_CYCLES`](bridge::REPLY_WAIT_CYCLES) for something to report. Bus ports that the kernel holds constant
//! (size, burst type, write strobes) are not looked at.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `work`, `operation`, `sequence_bit`, `none`, `place`, `word` | in | from [`frame`](super::frame): a request is to be carried out |
//! | `step`, `restart`, `region`, `done`, `reply_words` | out | to it |
//! | `q` | in | the bit read, a cycle after its step |
//! | `put`, `bit_out` | out | write this bit |
//! | `wake` | in | ends the reset with which the kernel begins |
//! | `kernel_reset_n` | out | the kernel's reset |
//! | `waits` | out | a burst waits for the host |
//! | `c_…` | out, in | the control bus, as the kernel has it |
//! | `m_…` | in, out | the memory bus, as the kernel has it; addresses of 32 bits |
//! | `interrupt` | in | the kernel's |

use crate::literal::literal;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use systole_isa::bridge;

/// What is being done.
#[derive(Copy, Clone, PartialEq, Debug, LogicState)]
pub enum State {
    /// No request.
    Rest,
    /// The kernel is reset.
    Reset,
    /// Words go from the memory into the shift register.
    Fetch,
    /// The last bit of them arrives.
    Arrive,
    /// A register is written.
    Write,
    /// The answer to that is awaited.
    Written,
    /// A register is read.
    Read,
    /// Its value is awaited, and goes into the memory.
    Value,
    /// A beat of read data is shown.
    Beat,
    /// The answer to a write burst is shown.
    Answer,
    /// Something to report is awaited.
    Wait,
    /// State goes into the memory.
    Describe,
    /// A beat of write data is awaited.
    Take,
    /// It goes into the memory.
    Spill,
    /// What was taken is noted.
    Note,
    /// Time to reply.
    Done,
}

/// The bus side for BUS bits of memory bus and words counted in WB bits; ports as in the table above.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, SmartDefault)]
pub struct Execute<const BUS: usize, const WB: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub work: Signal<In, Bit>,
    pub operation: Signal<In, Bits<3>>,
    pub sequence_bit: Signal<In, Bit>,
    pub none: Signal<In, Bit>,
    pub place: Signal<In, Bits<5>>,
    pub word: Signal<In, Bits<WB>>,
    pub step: Signal<Out, Bit>,
    pub restart: Signal<Out, Bit>,
    pub region: Signal<Out, Bit>,
    pub done: Signal<Out, Bit>,
    pub reply_words: Signal<Out, Bits<WB>>,
    pub q: Signal<In, Bit>,
    pub put: Signal<Out, Bit>,
    pub bit_out: Signal<Out, Bit>,
    pub wake: Signal<In, Bit>,
    pub kernel_reset_n: Signal<Out, Bit>,
    pub waits: Signal<Out, Bit>,
    pub c_awvalid: Signal<Out, Bit>,
    pub c_awready: Signal<In, Bit>,
    pub c_awaddr: Signal<Out, Bits<7>>,
    pub c_wvalid: Signal<Out, Bit>,
    pub c_wdata: Signal<Out, Bits<32>>,
    pub c_bvalid: Signal<In, Bit>,
    pub c_bready: Signal<Out, Bit>,
    pub c_arvalid: Signal<Out, Bit>,
    pub c_arready: Signal<In, Bit>,
    pub c_araddr: Signal<Out, Bits<7>>,
    pub c_rvalid: Signal<In, Bit>,
    pub c_rready: Signal<Out, Bit>,
    pub c_rdata: Signal<In, Bits<32>>,
    pub m_awvalid: Signal<In, Bit>,
    pub m_awready: Signal<Out, Bit>,
    pub m_awaddr: Signal<In, Bits<32>>,
    pub m_awlen: Signal<In, Bits<4>>,
    pub m_wvalid: Signal<In, Bit>,
    pub m_wready: Signal<Out, Bit>,
    pub m_wdata: Signal<In, Bits<BUS>>,
    pub m_wlast: Signal<In, Bit>,
    pub m_bvalid: Signal<Out, Bit>,
    pub m_bready: Signal<In, Bit>,
    pub m_bresp: Signal<Out, Bits<2>>,
    pub m_arvalid: Signal<In, Bit>,
    pub m_arready: Signal<Out, Bit>,
    pub m_arid: Signal<In, Bit>,
    pub m_araddr: Signal<In, Bits<32>>,
    pub m_arlen: Signal<In, Bits<4>>,
    pub m_rvalid: Signal<Out, Bit>,
    pub m_rready: Signal<In, Bit>,
    pub m_rid: Signal<Out, Bit>,
    pub m_rdata: Signal<Out, Bits<BUS>>,
    pub m_rresp: Signal<Out, Bits<2>>,
    pub m_rlast: Signal<Out, Bit>,
    pub interrupt: Signal<In, Bit>,
    state: DFF<State>,
    /// The kernel has left its first reset.
    awake: DFF<Bit>,
    /// Sequence bit of the request carried out last.
    last: DFF<Bit>,
    shift: DFF<Bits<BUS>>,
    /// The bit read in the last cycle belongs into the shift register; and into the register address.
    arriving: DFF<Bit>,
    addressing: DFF<Bit>,
    /// Register number.
    number: DFF<Bits<5>>,
    /// The read burst taken.
    id: DFF<Bit>,
    length: DFF<Bits<4>>,
    final_beat: DFF<Bit>,
    /// A write burst is being taken; one is in the memory, with so many words of reply.
    taking: DFF<Bit>,
    held: DFF<Bit>,
    reply_end: DFF<Bits<WB>>,
    /// A bit of a burst's address, or of the register read, is chosen in two cycles and put in the third.
    choosing: DFF<Bit>,
    chosen: DFF<Bit>,
    burst_bit: DFF<Bit>,
    /// State `Beat`, for the data's way into the kernel is a long one.
    showing: DFF<Bit>,
    /// The address of a write burst is taken, with or before its first beat.
    takes: DFF<Bit>,
    /// It is the state [`State::Take`].
    catches: DFF<Bit>,
    /// The kernel is not in reset.
    runs: DFF<Bit>,
    /// The counters begin again, a cycle after that was found.
    again: DFF<Bit>,
    choice: DFF<Bit>,
    fresh: Signal<Local, Bit>,
    bit_end: Signal<Local, Bit>,
    beat_end: Signal<Local, Bit>,
    fetched: Signal<Local, Bit>,
    spilled: Signal<Local, Bit>,
    shifts: Signal<Local, Bit>,
    shift_in: Signal<Local, Bit>,
    index: Signal<Local, Bits<5>>,
    length_bits: Signal<Local, Bits<4>>,
    flags: Signal<Local, Bits<4>>,
    read_flag: Signal<Local, Bits<4>>,
    write_flag: Signal<Local, Bits<4>>,
    interrupt_flag: Signal<Local, Bits<4>>,
    about_burst: Signal<Local, Bit>,
    about: Signal<Local, Bit>,
    #[default(literal(bridge::OP_REGISTER_WRITE.into()))]
    op_register_write: Constant<Bits<3>>,
    #[default(literal(bridge::OP_REGISTER_READ.into()))]
    op_register_read: Constant<Bits<3>>,
    #[default(literal(bridge::OP_READ_DATA.into()))]
    op_read_data: Constant<Bits<3>>,
    #[default(literal(bridge::OP_WRITE_DATA.into()))]
    op_write_data: Constant<Bits<3>>,
    #[default(literal(bridge::OP_WRITE_DONE.into()))]
    op_write_done: Constant<Bits<3>>,
    #[default(literal(bridge::OP_RESET.into()))]
    op_reset: Constant<Bits<3>>,
    #[default(literal(bridge::OP_IDENTIFY.into()))]
    op_identify: Constant<Bits<3>>,
    #[default(literal(bridge::STATE_WORDS as u32))]
    state_words: Constant<Bits<WB>>,
    #[default(literal(bridge::STATE_WORDS as u32 + 1))]
    register_words: Constant<Bits<WB>>,
    #[default(literal((bridge::STATE_WORDS + bridge::IDENTITY_WORDS) as u32))]
    identity_words: Constant<Bits<WB>>,
    /// The logarithm of a beat's words, and ones in all other bits of the word counter.
    #[default(literal((BUS / 32).ilog2()))]
    beat_log2: Constant<Bits<3>>,
    #[default(literal((1 << WB) - (BUS / 32) as u32))]
    beats: Constant<Bits<WB>>,
    /// What the state's words put before a burst's in the word counter, within a beat.
    #[default(literal(bridge::STATE_WORDS as u32 & (BUS as u32 / 32 - 1)))]
    ahead: Constant<Bits<WB>>,
    #[default(literal(bridge::REPLY_WAIT_CYCLES / 32 - 1))]
    wait_words: Constant<Bits<WB>>,
    #[default(Constant::new(Bits::<BUS>::from(1) << (BUS as u64 - 1)))]
    top: Constant<Bits<BUS>>,
    #[default(literal(16))]
    number_top: Constant<Bits<5>>,
    #[default(literal(0))]
    none_set: Constant<Bits<4>>,
    #[default(literal(bridge::READ_WAITS))]
    read_waits: Constant<Bits<4>>,
    #[default(literal(bridge::WRITE_WAITS))]
    write_waits: Constant<Bits<4>>,
    #[default(literal(bridge::INTERRUPT))]
    interrupt_set: Constant<Bits<4>>,
    #[default(literal(2))]
    slave_error: Constant<Bits<2>>,
    #[default(literal(0))]
    okay: Constant<Bits<2>>,
}

impl<const BUS: usize, const WB: usize> Logic for Execute<BUS, WB> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, awake, last, shift, arriving, addressing, number, id, length, final_beat);
        dff_setup!(
            self, clock, taking, held, reply_end, choosing, chosen, burst_bit, choice, again, showing, takes, catches,
            runs
        );
        self.index.next = self.place.val();
        self.fresh.next = self.sequence_bit.val() ^ self.last.q.val();
        self.bit_end.next = self.place.val().all();
        self.beat_end.next = self.place.val().all() & (self.word.val() | self.beats.val()).all();
        self.spilled.next = self.bit_end.val() & ((self.word.val() ^ self.ahead.val()) | self.beats.val()).all();
        // A register's number is word 0, its value word 1; an answer is word 0.
        self.fetched.next =
            self.bit_end.val() & (self.word.val().get_bit(0) | (self.operation.val() != self.op_register_write.val()));
        if self.operation.val() == self.op_read_data.val() {
            self.fetched.next = self.beat_end.val();
        }

        self.step.next = false;
        self.restart.next = self.again.q.val();
        self.again.d.next = false;
        self.done.next = false;
        self.put.next = false;
        self.region.next = (self.state.q.val() == State::Describe) | (self.state.q.val() == State::Spill);
        self.c_awvalid.next = self.state.q.val() == State::Write;
        self.c_wvalid.next = self.state.q.val() == State::Write;
        self.c_bready.next = self.state.q.val() == State::Written;
        self.c_arvalid.next = self.state.q.val() == State::Read;
        self.c_rready.next = false;
        self.c_awaddr.next = bit_cast::<7, 5>(self.number.q.val()) << 2;
        self.c_araddr.next = bit_cast::<7, 5>(self.number.q.val()) << 2;
        self.m_awready.next = self.takes.q.val();
        self.takes.d.next = false;
        self.m_wready.next = self.catches.q.val();
        self.m_arready.next = false;
        self.m_rvalid.next = self.showing.q.val();
        self.m_rid.next = self.id.q.val();
        self.m_rdata.next = self.shift.q.val();
        self.m_rlast.next = self.final_beat.q.val();
        self.m_rresp.next = self.okay.val();
        if self.none.val() {
            self.m_rresp.next = self.slave_error.val();
        }
        self.m_bvalid.next = self.state.q.val() == State::Answer;
        for b in BUS..(BUS + 1) {
            self.c_wdata.next = self.shift.q.val().get_bits::<32>(b - 32);
            self.m_bresp.next = self.shift.q.val().get_bits::<2>(b - 32);
        }
        self.waits.next = self.held.q.val() | self.m_arvalid.val() | self.m_awvalid.val();
        self.runs.d.next = self.awake.q.val() & (self.state.q.val() != State::Reset);
        self.kernel_reset_n.next = self.runs.q.val();

        // The state's words: flags and beats less one, then the address.
        self.read_flag.next = self.none_set.val();
        self.write_flag.next = self.none_set.val();
        self.interrupt_flag.next = self.none_set.val();
        if self.m_arvalid.val() & (!self.taking.q.val()) & (!self.held.q.val()) {
            self.read_flag.next = self.read_waits.val();
        }
        if self.taking.q.val() | self.held.q.val() {
            self.write_flag.next = self.write_waits.val();
        }
        if self.interrupt.val() {
            self.interrupt_flag.next = self.interrupt_set.val();
        }
        self.flags.next = self.read_flag.val() | self.write_flag.val() | self.interrupt_flag.val();
        self.length_bits.next = self.m_arlen.val();
        self.about_burst.next = self.m_araddr.val().get_bit(self.index.val().index());
        if self.taking.q.val() {
            self.length_bits.next = self.m_awlen.val();
            self.about_burst.next = self.m_awaddr.val().get_bit(self.index.val().index());
        }
        self.burst_bit.d.next = self.about_burst.val();
        self.about.next = self.burst_bit.q.val();
        if !self.word.val().get_bit(0) {
            self.about.next = false;
            // Bits 8 to 11 of the first word, and bits 0 to 2.
            if self.index.val().get_bit(3) & (!self.index.val().get_bit(4)) & (!self.index.val().get_bit(2)) {
                self.about.next = self.length_bits.val().get_bit(self.index.val().get_bits::<2>(0).index());
            }
            if !self.index.val().get_bits::<3>(2).any() {
                self.about.next = self.flags.val().get_bit(self.index.val().get_bits::<2>(0).index());
            }
        }
        self.choice.d.next = self.about.val();
        if self.state.q.val() == State::Value {
            self.choice.d.next = self.c_rdata.val().get_bit(self.index.val().index());
        }
        self.choosing.d.next = false;
        self.chosen.d.next = self.choosing.q.val();
        self.bit_out.next = self.choice.q.val();
        if self.state.q.val() == State::Spill {
            self.bit_out.next = self.shift.q.val().get_bit(0);
        }

        // The shift register: from the memory a cycle after the step, to the memory at once.
        self.arriving.d.next = self.state.q.val() == State::Fetch;
        self.addressing.d.next = (self.state.q.val() == State::Fetch)
            & (!self.word.val().any())
            & (!self.place.val().get_bits::<2>(3).any())
            & (!self.place.val().get_bits::<3>(0).all());
        self.shift_in.next = self.q.val();
        self.shifts.next = self.arriving.q.val() | (self.state.q.val() == State::Spill);
        if self.shifts.val() {
            self.shift.d.next = self.shift.q.val() >> 1;
            if self.shift_in.val() {
                self.shift.d.next = (self.shift.q.val() >> 1) | self.top.val();
            }
        }
        if self.state.q.val() == State::Take {
            self.shift.d.next = self.m_wdata.val();
        }
        if self.addressing.q.val() {
            self.number.d.next = self.number.q.val() >> 1;
            if self.q.val() {
                self.number.d.next = (self.number.q.val() >> 1) | self.number_top.val();
            }
        }
        if self.wake.val() {
            self.awake.d.next = true;
        }

        match self.state.q.val() {
            State::Rest => {
                self.restart.next = true;
                if self.work.val() {
                    self.last.d.next = self.sequence_bit.val();
                    self.state.d.next = State::Wait;
                    self.final_beat.d.next = false;
                    if self.operation.val() == self.op_reset.val() {
                        self.state.d.next = State::Reset;
                    }
                    if self.operation.val() == self.op_register_read.val() {
                        self.state.d.next = State::Fetch;
                    }
                    if (self.operation.val() == self.op_register_write.val()) & self.fresh.val() {
                        self.state.d.next = State::Fetch;
                    }
                    if (self.operation.val() == self.op_write_done.val()) & self.fresh.val() & self.held.q.val() {
                        self.state.d.next = State::Fetch;
                    }
                    // Ready without a look at valid: that is a long way.
                    self.m_arready.next =
                        (self.operation.val() == self.op_read_data.val()) & self.fresh.val() & (!self.held.q.val());
                    if self.m_arready.val() & self.m_arvalid.val() {
                        self.id.d.next = self.m_arid.val();
                        self.length.d.next = self.m_arlen.val();
                        self.state.d.next = State::Fetch;
                    }
                }
            }
            State::Reset => {
                self.step.next = true;
                self.awake.d.next = true;
                self.held.d.next = false;
                if self.bit_end.val() {
                    self.again.d.next = true;
                    self.state.d.next = State::Wait;
                }
            }
            State::Fetch => {
                self.step.next = true;
                if self.fetched.val() {
                    self.final_beat.d.next =
                        (self.word.val() >> self.beat_log2.val()) == bit_cast::<WB, 4>(self.length.q.val());
                    self.state.d.next = State::Arrive;
                }
            }
            State::Arrive => {
                self.state.d.next = State::Answer;
                if self.operation.val() == self.op_read_data.val() {
                    self.state.d.next = State::Beat;
                    self.showing.d.next = true;
                }
                if self.operation.val() == self.op_register_write.val() {
                    self.state.d.next = State::Write;
                }
                if self.operation.val() == self.op_register_read.val() {
                    self.state.d.next = State::Read;
                }
            }
            State::Write => {
                // Address and data are taken together.
                if self.c_awready.val() {
                    self.state.d.next = State::Written;
                }
            }
            State::Written => {
                self.restart.next = true;
                if self.c_bvalid.val() {
                    self.state.d.next = State::Wait;
                }
            }
            State::Read => {
                self.restart.next = true;
                if self.c_arready.val() {
                    self.state.d.next = State::Value;
                }
            }
            State::Value => {
                // Words 0 to 2: in a reply's third word it is looked for.
                self.choosing.d.next = self.c_rvalid.val() & (!(self.choosing.q.val() | self.chosen.q.val()));
                if self.chosen.q.val() {
                    self.step.next = true;
                    self.put.next = true;
                    if self.bit_end.val() & self.word.val().get_bit(1) {
                        self.c_rready.next = true;
                        self.again.d.next = true;
                        self.state.d.next = State::Wait;
                    }
                }
            }
            State::Beat => {
                if self.m_rready.val() {
                    self.showing.d.next = false;
                    self.state.d.next = State::Fetch;
                    if self.final_beat.q.val() {
                        self.again.d.next = true;
                        self.state.d.next = State::Wait;
                    }
                }
            }
            State::Answer => {
                self.restart.next = true;
                if self.m_bready.val() {
                    self.held.d.next = false;
                    self.state.d.next = State::Wait;
                }
            }
            State::Wait => {
                self.step.next = true;
                if self.waits.val()
                    | self.interrupt.val()
                    | (self.bit_end.val() & (self.word.val() == self.wait_words.val()))
                {
                    self.again.d.next = true;
                    self.taking.d.next = self.m_awvalid.val() & (!self.held.q.val());
                    self.state.d.next = State::Describe;
                }
            }
            State::Describe => {
                // Of a burst that is held only the flags are new.
                self.choosing.d.next = !(self.choosing.q.val() | self.chosen.q.val() | self.again.q.val());
                if self.chosen.q.val() {
                    self.step.next = true;
                    self.put.next = (!self.held.q.val())
                        | (!(self.word.val().get_bit(0) | self.place.val().get_bits::<2>(3).any()));
                    if self.bit_end.val() & self.word.val().get_bit(0) {
                        self.state.d.next = State::Note;
                        if self.taking.q.val() {
                            self.takes.d.next = true;
                            self.catches.d.next = true;
                            self.state.d.next = State::Take;
                        }
                    }
                }
            }
            State::Take => {
                self.final_beat.d.next = self.m_wlast.val();
                if self.m_wvalid.val() {
                    self.catches.d.next = false;
                    self.state.d.next = State::Spill;
                }
            }
            State::Spill => {
                self.step.next = true;
                self.put.next = true;
                if self.spilled.val() {
                    self.state.d.next = State::Take;
                    self.catches.d.next = !self.final_beat.q.val();
                    if self.final_beat.q.val() {
                        self.state.d.next = State::Note;
                    }
                }
            }
            State::Note => {
                if !self.held.q.val() {
                    self.reply_end.d.next = self.word.val();
                    self.held.d.next = self.taking.q.val();
                }
                self.taking.d.next = false;
                self.state.d.next = State::Done;
            }
            State::Done => {
                self.done.next = true;
                self.state.d.next = State::Rest;
            }
        }
        self.reply_words.next = self.state_words.val();
        if self.operation.val() == self.op_register_read.val() {
            self.reply_words.next = self.register_words.val();
        }
        if self.operation.val() == self.op_identify.val() {
            self.reply_words.next = self.identity_words.val();
        }
        if self.operation.val() == self.op_write_data.val() {
            self.reply_words.next = self.reply_end.q.val();
        }
        if self.reset.val() {
            self.state.d.next = State::Rest;
            self.awake.d.next = false;
            self.held.d.next = false;
            self.taking.d.next = false;
            self.again.d.next = false;
            self.showing.d.next = false;
            self.takes.d.next = false;
            self.catches.d.next = false;
        }
    }
}
