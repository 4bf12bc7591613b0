//! The last stage of a requantiser lane: the rule of `systole_isa::requant` past the multiplication.

use super::script::Script;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;
use systole_hdl::finish::Finish;

/// `total` is twice the value: halved with rounding, to the zero point, clamped; the lower limit goes first.
fn result(total: i64, zero_point: i8, low: i8, high: i8) -> i8 {
    let value = ((i128::from(total) + 1) >> 1) + i128::from(zero_point);
    if value < low.into() {
        low
    } else if value > high.into() {
        high
    } else {
        value as i8
    }
}

macro_rules! finish {
    ($name:ident, $bits:literal, $top:literal, $word:literal) => {
        #[test]
        fn $name() {
            let bench = cosim!(Finish::<$bits, $top, $word>::default(),
                inputs: [total, finish, zero_point, low, high], outputs: [y]);
            let mut rng = Rng::new($bits);
            let mut script = Script::new();
            let (mut y, mut ends) = (0i8, [0; 3]);
            for _ in 0..6000 {
                // Near the range of int8, at the borders of what the stage tells apart, or anywhere.
                let anything = ((rng.edgy($bits) << (128 - $bits)) as i128 >> (128 - $bits)) as i64;
                let border = [1 << 10, 1 << 11, -(1 << 10), -(1 << 11)][rng.below(4) as usize];
                let total = match rng.below(4) {
                    0 => anything,
                    1 => border + rng.below(5) as i64 - 2,
                    _ => rng.below(1000) as i64 - 500,
                };
                let [zero_point, low, high] = [(); 3].map(|()| rng.edgy(8) as u8 as i8);
                let finish = rng.chance(80);
                let bytes = [zero_point, low, high].map(|v| u128::from(v as u8));
                script.cycle([vec![total as u128, finish.into()], bytes.to_vec()].concat(), vec![(y as u8).into()]);
                if finish {
                    y = result(total, zero_point, low, high);
                    ends[if y == low { 0 } else { 1 + usize::from(y == high) }] += 1;
                }
            }
            assert!(ends.iter().all(|&count| count > 200), "low, between, high: {ends:?}");
            script.play(&bench);
        }
    };
}

finish!(finish_of_41_bits, 41, 31, 16);
finish!(finish_of_a_parallel_lane, 64, 54, 64);
