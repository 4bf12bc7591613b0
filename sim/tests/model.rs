//! The functional model against a convolution written down from its definition, and on streams that must fail.

use isa::command::{self as op, pack, word};
use isa::config::Config;
use isa::requant::{requantise_fitted, Pass};
use isa::{control, counter, layout};
use systole_sim::memory::{Buffers, CardMemory};
use systole_sim::model::{Machine, ModelError};

fn config(n: usize) -> Config {
    Config { name: format!("test{n}"), clock_hz: 1_000_000, ..Config::least(n) }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as u32
    }
    fn byte(&mut self) -> u8 {
        // A quarter of zeros, as after a ReLU.
        if self.next().is_multiple_of(4) {
            0
        } else {
            self.next() as u8
        }
    }
}

fn stream(commands: &[u32]) -> Vec<u8> {
    let mut bytes: Vec<u8> = commands.iter().flat_map(|c| c.to_le_bytes()).collect();
    bytes.resize(bytes.len() + 4 + layout::COMMAND_READ_AHEAD, 0);
    bytes
}

/// Card words of on-chip words of n bytes: the bus word is wider where n is no power of two.
fn bus_words(bytes: &[u8], n: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for w in bytes.chunks(n) {
        let start = out.len();
        out.extend(w);
        out.resize(start + layout::bus_bytes(n), 0xee);
    }
    out
}

fn run(machine: &mut Machine, memory: &mut Buffers, commands: &[u32], others: [u64; 4]) -> Result<usize, ModelError> {
    let c = memory.add(stream(commands));
    machine.run(memory, [c, others[0], others[1], others[2], others[3]]).map(|s| s.marks)
}

#[test]
fn a_convolution_with_padding_strides_and_blocks_is_what_its_definition_says() {
    for n in [4usize, 8, 12, 16] {
        let config = config(n);
        let mut random = Random(n as u64);
        let (h, w, blocks, k, stride, pad) = (7usize, 6usize, 2usize, 3usize, 2usize, -5i8);
        let (oh, ow) = (4usize, 3usize);
        let input: Vec<i8> = (0..h * w * blocks * n).map(|_| random.byte() as i8).collect();
        let tiles: Vec<i8> = (0..k * k * blocks * n * n).map(|_| random.byte() as i8).collect();
        // Two passes a value, one lane: record after record.
        let steps = 2;
        let mut params: Vec<[Pass; 2]> = Vec::new();
        for _ in 0..n {
            let bias = random.next() as i32 >> 18;
            params.push([0, 7].map(|code: u32| Pass {
                bias,
                multiplier: random.next() >> 8 | code << 24,
                positive: random.next() as i32 >> 3,
                negative: random.next() as i32 >> 3,
            }));
        }

        let mut image: Vec<u8> = tiles.iter().map(|&v| v as u8).collect();
        let param_at = image.len() / n;
        for pass in params.iter().flatten() {
            image.extend(layout::pass_record(pass, n));
        }
        let mut memory = Buffers::new();
        let weights = memory.add(bus_words(&image, n));
        let source = memory.add(bus_words(&input.iter().map(|&v| v as u8).collect::<Vec<_>>(), n));
        let output = memory.add(vec![0xaa; oh * ow * layout::bus_bytes(n)]);
        let counters = memory.add(vec![0; 16 * layout::bus_bytes(n)]);
        let out_at = h * w * blocks;
        let p = |operation, values: &[i64]| pack(operation, values).unwrap();
        let commands = [
            word(op::L_SRC, 0),
            p(op::L_DST, &[0, 1]),
            p(op::L_LEN, &[(image.len() / n - 1) as i64, 0]),
            word(op::LOAD, 0),
            p(op::L_DST, &[0, 0]),
            p(op::L_LEN, &[(h * w * blocks - 1) as i64, 1]),
            word(op::LOAD, 0),
            word(op::WAIT, op::UNIT_LOAD),
            word(op::W_ADDR, 0),
            // Tap (0, 0) of pixel 0 lies one row and one column before the image.
            word(op::F_ADDR, ((w + 1) * blocks).wrapping_neg() as u32),
            word(op::F_PIXEL_STEP, (stride * blocks) as u32),
            word(op::F_ROW_STEP, (stride * w * blocks) as u32),
            word(op::F_KERNEL_STEP, (w * blocks) as u32),
            word(op::F_TAP_STEP, 1),
            p(op::F_OUT, &[ow as i64 - 1, oh as i64 - 1]),
            p(op::F_KERNEL, &[k as i64 - 1, k as i64 - 1, blocks as i64 - 1]),
            p(op::F_ORIGIN, &[-1, -1]),
            p(op::F_IN, &[w as i64, h as i64]),
            p(op::F_MODE, &[i64::from(pad), stride as i64, stride as i64, 0, 0, 0]),
            p(op::F_MACS, &[(n * n) as i64, n as i64]),
            word(op::FEED, 0),
            word(op::D_ADDR, out_at as u32),
            word(op::D_STEP, 1),
            p(op::D_COUNT, &[(oh * ow) as i64 - 1, steps - 1, 0, 0]),
            p(op::D_QUANT, &[3, -100, 90]),
            word(op::D_PARAM, param_at as u32),
            word(op::DRAIN, 0),
            word(op::WAIT, op::UNIT_DRAIN),
            word(op::S_SRC, out_at as u32),
            word(op::S_DST, 0),
            word(op::S_LEN, (oh * ow) as u32 - 1),
            word(op::STORE, 0),
            word(op::MARK, 0),
            word(op::END, 0),
        ];
        let mut machine = Machine::new(&config);
        let c = memory.add(stream(&commands));
        let status = machine.run(&mut memory, [c, weights, source, output, counters]).unwrap();
        assert_eq!(status.marks, 1);

        let mut zeros = 0;
        for oy in 0..oh {
            for ox in 0..ow {
                for co in 0..n {
                    let mut acc = 0;
                    for ky in 0..k {
                        for kx in 0..k {
                            let (iy, ix) = ((oy * stride + ky) as i64 - 1, (ox * stride + kx) as i64 - 1);
                            for ci in 0..blocks * n {
                                let inside = iy >= 0 && iy < h as i64 && ix >= 0 && ix < w as i64;
                                let a =
                                    if inside { input[(iy as usize * w + ix as usize) * blocks * n + ci] } else { pad };
                                let tile = (ky * k + kx) * blocks + ci / n;
                                let v = tiles[(tile * n + ci % n) * n + co];
                                zeros += (a == 0 || v == 0) as u32;
                                acc += i32::from(a) * i32::from(v);
                            }
                        }
                    }
                    let expected = requantise_fitted(acc, &params[co], -100, 90);
                    let at = (oy * ow + ox) * layout::bus_bytes(n) + co;
                    assert_eq!(
                        memory.get(output).unwrap()[at] as i8,
                        expected,
                        "n {n} pixel ({oy}, {ox}) channel {co}"
                    );
                }
            }
        }
        let busy = (oh * ow * k * k * blocks) as u32;
        let counts = status.counters.0;
        assert_eq!(counts[counter::BUSY], busy);
        assert_eq!(counts[counter::ZERO_PRODUCTS], zeros);
        assert_eq!(counts[counter::MACS], busy / 2 * (n * n + n) as u32);
        assert_eq!(counts[counter::BUS_WRITES], (oh * ow + 16) as u32);
    }
}

#[test]
fn max_and_hold_keep_the_greatest_of_a_window() {
    let n = 4;
    let mut memory = Buffers::new();
    // Weights: one identity tile, then the parameters of an exact copy: 2^22, which is dropped.
    let mut image = vec![0u8; n * n];
    (0..n).for_each(|i| image[i * n + i] = 1);
    let copy = Pass { multiplier: 1 << 22 | 1 << 24, ..Pass::default() };
    (0..n).for_each(|_| image.extend(layout::pass_record(&copy, n)));
    let input: Vec<u8> =
        [-7i8, 3, 0, 127, -9, 5, -1, -128, -8, 4, -2, 1, -20, 2, -3, 0].iter().map(|&v| v as u8).collect();
    let weights = memory.add(image);
    let source = memory.add(input);
    let output = memory.add(vec![0; n]);
    let p = |operation, values: &[i64]| pack(operation, values).unwrap();
    let commands = [
        p(op::L_DST, &[0, 1]),
        p(op::L_LEN, &[19, 0]),
        word(op::LOAD, 0),
        p(op::L_DST, &[0, 0]),
        p(op::L_LEN, &[3, 1]),
        word(op::LOAD, 0),
        word(op::WAIT, op::UNIT_LOAD),
        word(op::W_ADDR, 0),
        word(op::F_KERNEL_STEP, 2),
        word(op::F_TAP_STEP, 1),
        p(op::F_OUT, &[0, 0]),
        p(op::F_KERNEL, &[1, 1, 0]),
        p(op::F_IN, &[2, 2]),
        p(op::F_MODE, &[0, 2, 2, 1, 1, 0]),
        word(op::FEED, 0),
        word(op::D_ADDR, 100),
        p(op::D_COUNT, &[0, 0, 0, 0]),
        p(op::D_QUANT, &[0, -128, 127]),
        word(op::D_PARAM, 4),
        word(op::DRAIN, 0),
        word(op::WAIT, op::UNIT_ALL),
        word(op::S_SRC, 100),
        word(op::S_LEN, 0),
        word(op::STORE, 0),
        word(op::END, 0),
    ];
    run(&mut Machine::new(&config(n)), &mut memory, &commands, [weights, source, output, 0]).unwrap();
    assert_eq!(memory.get(output).unwrap().iter().map(|&b| b as i8).collect::<Vec<_>>(), [-7, 5, 0, 127]);
}

#[test]
fn streams_that_the_hardware_would_not_survive_are_errors_that_name_the_command() {
    let mut machine = Machine::new(&config(4));
    let mut memory = Buffers::new();
    let small = memory.add(vec![0; 16]);
    let others = [small; 4];
    let end = word(op::END, 0);
    let p = |operation, values: &[i64]| pack(operation, values).unwrap();

    let error = run(&mut machine, &mut memory, &[word(op::WAIT, 1), 0x4700_0000, end], others).unwrap_err();
    assert_eq!(error, ModelError::Illegal { index: 1, word: 0x4700_0000 });
    assert_eq!(error.status_bits(), control::STATUS_ILLEGAL);

    let load = [p(op::L_LEN, &[4, 0]), word(op::LOAD, 0), end];
    let error = run(&mut machine, &mut memory, &load, others).unwrap_err();
    assert_eq!(error.status_bits(), control::STATUS_READ_ERROR);
    assert_eq!(
        error.to_string(),
        format!("command 1: read error: 4 bytes at {:#x} are in no buffer of the card", small + 16)
    );

    let error = run(&mut machine, &mut memory, &[word(op::MARK, 0), end], others).unwrap_err();
    assert_eq!(error.status_bits(), control::STATUS_WRITE_ERROR);

    let error = run(&mut machine, &mut memory, &[word(op::DRAIN, 0), end], others).unwrap_err();
    assert_eq!(error.to_string(), "command 1: waits without end: the drain waits for a bank that is never fed");

    let big = [p(op::F_OUT, &[8, 8]), word(op::FEED, 0), end];
    let error = run(&mut machine, &mut memory, &big, others).unwrap_err();
    assert_eq!(error.to_string(), "command 1: a job of 9 x 9 output pixels; an accumulator bank of `test4` holds 64");

    let error = machine.run(&mut memory, [small + 4, small, small, small, small]).unwrap_err();
    assert!(matches!(error, ModelError::Argument { name: "commands", .. }), "{error}");

    // A stream whose buffer ends where END stands: the fetcher reads ahead into nothing.
    let bare = memory.add(end.to_le_bytes().to_vec());
    let error = machine.run(&mut memory, [bare, small, small, small, small]).unwrap_err();
    assert_eq!(error.status_bits(), control::STATUS_READ_ERROR);
    let _ = memory.read(small, &mut [0; 16]);
}

#[test]
fn a_drain_may_be_started_before_its_feed_and_two_feeds_before_the_first_drain() {
    let mut machine = Machine::new(&config(4));
    let mut memory = Buffers::new();
    let small = memory.add(vec![0; 16]);
    let (feed, drain, end) = (word(op::FEED, 0), word(op::DRAIN, 0), word(op::END, 0));
    for order in [[feed, drain, feed, drain], [drain, feed, drain, feed], [feed, feed, drain, drain]] {
        let commands: Vec<u32> = order.into_iter().chain([end]).collect();
        run(&mut machine, &mut memory, &commands, [small; 4]).unwrap();
    }
    run(&mut machine, &mut memory, &[feed, feed, feed, drain, word(op::WAIT, 1), drain, drain, end], [small; 4])
        .unwrap();
}
