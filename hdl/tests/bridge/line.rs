//! The serial line.

use systole_hdl::bridge::line::Line;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;
use systole_isa::bridge::SILENCE_BITS;

#[derive(Default)]
struct Model {
    pin: [bool; 2],
    pull: bool,
    sending: bool,
    timer: u32,
    /// Bits of a byte behind the line: 0 at rest, 1 start bit (receiving), 2 to 9 data, 10 and 11 stop bit.
    at: u32,
    quiet: u32,
    /// Strobe and value, which come a cycle after a bit's time.
    passes: [bool; 2],
}

impl Model {
    /// Outputs tx, strobe, value, broken, silent; then a step of the clock.
    fn step(&mut self, divider: u32, reset: bool, rx: bool, send: bool, data: bool) -> Vec<u128> {
        let (level, tick) = (self.pin[1], self.timer == 0);
        let in_data = tick && (2..10).contains(&self.at);
        let strobe = in_data && self.sending == send;
        let broken = tick && self.at == 10 && !self.sending && !level;
        let silent = tick && self.quiet == SILENCE_BITS - 1;
        let out = [!self.pull, self.passes[0], self.passes[1], broken, silent];
        self.passes = [strobe, if self.sending { data } else { level }];
        let at_rest = self.at == 0;
        self.timer = if tick { divider - 1 } else { self.timer - 1 };
        self.quiet = if at_rest { (self.quiet + u32::from(tick)) % SILENCE_BITS } else { 0 };
        if at_rest {
            self.sending = send;
            if send {
                (self.at, self.pull, self.timer) = (2, true, divider - 1);
            } else if !level {
                (self.at, self.timer) = (1, divider / 2 - 1);
            }
        } else if tick {
            let last = if self.sending { 11 } else { 10 };
            self.pull = self.sending && in_data && !data;
            self.at = if self.at == last || (self.at == 1 && level) { 0 } else { self.at + 1 };
        }
        if reset {
            (self.at, self.pull, self.quiet) = (0, false, 0);
        }
        self.pin = [rx, self.pin[0]];
        out.map(u128::from).to_vec()
    }
}

/// Bytes in and out with noise on the pin, at a number of cycles a bit.
fn gate<const D: usize>(divider: u32, cycles: usize) {
    let bench =
        cosim!(Line::<D>::new(divider), inputs: [reset, rx, send, data], outputs: [tx, strobe, value, broken, silent]);
    let mut rng = Rng::new(u64::from(divider));
    let mut model = Model { pin: [true; 2], ..Default::default() };
    let (mut bits, mut left, mut send, mut noisy) = (1u32, 0, false, false);
    bench.check(
        cycles,
        |cycle, _| {
            if left == 0 {
                left = divider;
                bits >>= 1;
                if bits == 0 {
                    // The next byte, an idle line, or one that was pulled low.
                    bits = if rng.chance(60) { 0x600 | (rng.bits(8) as u32) << 1 } else { 1 << rng.below(12) | 1 };
                    (send, noisy) = (rng.chance(30), rng.chance(20));
                }
            }
            left -= 1;
            let level = bits & 1 == 1 || bits == 0;
            let flip = noisy && rng.chance(10);
            vec![
                u128::from(cycle == 0 || rng.below(2000) == 0),
                u128::from(level ^ flip),
                u128::from(send),
                rng.bits(1),
            ]
        },
        |i| model.step(divider, i[0] == 1, i[1] == 1, i[2] == 1, i[3] == 1),
    );
}

#[test]
fn bytes_go_both_ways_at_four_cycles_a_bit() {
    gate::<2>(4, 6000);
}

#[test]
fn bytes_go_both_ways_at_twelve_cycles_a_bit() {
    gate::<4>(12, 12000);
}

#[test]
fn silence_is_told_once_in_its_time() {
    let bench =
        cosim!(Line::<3>::new(5), inputs: [reset, rx, send, data], outputs: [tx, strobe, value, broken, silent]);
    let mut model = Model { pin: [true; 2], ..Default::default() };
    bench.check(
        5 * SILENCE_BITS as usize * 3,
        |cycle, _| vec![0, u128::from(!(1700..1703).contains(&cycle)), 0, 0],
        |i| model.step(5, i[0] == 1, i[1] == 1, i[2] == 1, i[3] == 1),
    );
}
