//! The AXI4-Lite slave.

use systole_hdl::control::*;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;
use systole_isa::control;

/// The bits of a pointer that are kept: a multiple of 4096 within the address width.
fn stored(address_bits: usize) -> u64 {
    (u64::MAX >> (64 - address_bits)) & !0xfff
}

#[derive(Default)]
struct Model {
    address_bits: usize,
    answering: bool,
    reading: bool,
    data: u32,
    running: bool,
    starting: bool,
    ended: bool,
    enable_all: bool,
    enable_done: bool,
    pending: bool,
    pointer: [u64; 5],
}

impl Model {
    fn read(&self, offset: u32, status: u128) -> u32 {
        for (i, p) in self.pointer.iter().enumerate() {
            if offset == control::argument_offset(i as u32) {
                return *p as u32;
            }
            if offset == control::argument_offset(i as u32) + 4 {
                return (*p >> 32) as u32;
            }
        }
        match offset {
            control::CONTROL if self.running => control::AP_START,
            control::CONTROL if self.ended => control::AP_IDLE | control::AP_DONE | control::AP_READY,
            control::CONTROL => control::AP_IDLE,
            control::GLOBAL_INTERRUPT => self.enable_all.into(),
            control::INTERRUPT_ENABLE => self.enable_done.into(),
            control::INTERRUPT_STATUS => self.pending.into(),
            control::STATUS => status as u32,
            _ => 0,
        }
    }

    fn step(&mut self, i: &[u128]) -> Vec<u128> {
        let on = |k: usize| i[k] == 1;
        let write = on(1) && on(3) && !self.answering;
        let read = on(7) && !self.reading;
        let to = i[2] as u32 & !3;
        let start = write && to == control::CONTROL && i[5] & 1 == 1 && i[4] & 1 == 1 && !self.running;
        let mut out: Vec<u128> =
            [write, write, self.answering, false, !self.reading, self.reading].map(u128::from).into_iter().collect();
        out.extend([u128::from(self.data), 0, u128::from(self.starting)]);
        self.starting = start;
        out.extend(self.pointer.map(u128::from));
        out.push(u128::from(self.enable_all && self.pending));
        if read {
            let offset = i[8] as u32 & !3;
            self.data = self.read(offset, i[11]);
            if offset == control::CONTROL && !self.running {
                self.ended = false;
            }
        }
        let old_enable = self.enable_done;
        if write && i[5] & 1 == 1 {
            let bit = i[4] & 1 == 1;
            match to {
                control::CONTROL if start => (self.running, self.ended) = (true, false),
                control::GLOBAL_INTERRUPT => self.enable_all = bit,
                control::INTERRUPT_ENABLE => self.enable_done = bit,
                control::INTERRUPT_STATUS => self.pending ^= bit,
                _ => {}
            }
        }
        if write && i[5] == 15 {
            let (stored, data) = (stored(self.address_bits), i[4] as u64);
            for (k, p) in self.pointer.iter_mut().enumerate() {
                if to == control::argument_offset(k as u32) {
                    *p = (*p & !0xffff_ffff) | (data & stored);
                }
                if to == control::argument_offset(k as u32) + 4 {
                    *p = (*p & 0xffff_ffff) | (data << 32 & stored);
                }
            }
        }
        if on(10) {
            (self.running, self.ended) = (false, true);
            self.pending |= old_enable;
        }
        self.answering = write || self.answering && !on(6);
        self.reading = read || self.reading && !on(9);
        if on(0) {
            let Model { address_bits, pointer, data, .. } = *self;
            *self = Model { address_bits, pointer, data, ..Model::default() };
        }
        out
    }
}

fn registers_behave<const AW: usize>() {
    let bench = cosim!(Control::<AW>::default(),
        inputs: [reset, awvalid, awaddr, wvalid, wdata, wstrb, bready, arvalid, araddr, rready, done, status],
        outputs: [awready, wready, bvalid, bresp, arready, rvalid, rdata, rresp, start, commands_at, weights_at, input_at, output_at, counters_at, interrupt]);
    let mut rng = Rng::new(AW as u64);
    let mut model = Model { address_bits: AW, ..Model::default() };
    let offset = |rng: &mut Rng| if rng.chance(40) { rng.below(4) * 4 } else { rng.below(128) };
    bench.check(
        6000,
        |cycle, _| {
            vec![
                u128::from(cycle < 2 || rng.below(1000) == 0),
                u128::from(rng.chance(60)),
                u128::from(offset(&mut rng)),
                u128::from(rng.chance(60)),
                rng.bits(32),
                if rng.chance(80) { 15 } else { rng.bits(4) },
                u128::from(rng.chance(60)),
                u128::from(rng.chance(60)),
                u128::from(offset(&mut rng)),
                u128::from(rng.chance(60)),
                u128::from(rng.chance(5)),
                rng.bits(3),
            ]
        },
        |i| model.step(i),
    );
}

#[test]
fn registers_behave_with_24_address_bits() {
    registers_behave::<24>();
}

#[test]
fn registers_behave_with_64_address_bits() {
    registers_behave::<64>();
}
