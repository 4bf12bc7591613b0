//! The packer.

use systole_hdl::allocate::pack::Pack;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;

fn words_come_out_in_order_and_whole_bursts<const W: usize, const BUS: usize, const N: usize, const REST: usize>() {
    let bench = cosim!(Pack::<W, BUS, N, REST>::default(),
        inputs: [clear, push, word, pad], outputs: [full, beat, aligned])
    .gate("beat", "full");
    let mut rng = Rng::new(W as u64);
    // Words pushed since the burst began, and the beat that is shown.
    let (mut pushed, mut shown): (Vec<u128>, Option<u128>) = (vec![], None);
    let mut padding = false;
    let mut bursts = 0;
    bench.check(
        6000,
        |cycle, _| {
            padding = if padding { !rng.chance(1) } else { rng.chance(1) };
            let push = !padding && rng.chance(60);
            vec![u128::from(cycle == 0 || rng.below(2000) == 0), u128::from(push), rng.bits(W), u128::from(padding)]
        },
        |i| {
            let out = vec![u128::from(shown.is_some()), shown.unwrap_or(0), u128::from(pushed.is_empty())];
            shown = None;
            if i[1] == 1 || (i[3] == 1 && !pushed.is_empty()) {
                pushed.push(if i[1] == 1 { i[2] } else { 0 });
                if pushed.len().is_multiple_of(N) {
                    shown = Some(pushed[pushed.len() - N..].iter().rev().fold(0, |beat, w| beat << W | w));
                }
                if pushed.len() == 16 * N {
                    pushed.clear();
                    bursts += 1;
                }
            }
            if i[0] == 1 {
                (pushed, shown) = (vec![], None);
            }
            out
        },
    );
    assert!(bursts > 3, "{bursts} bursts");
}

#[test]
fn decisions_and_levels_fill_bus_words() {
    words_come_out_in_order_and_whole_bursts::<8, 32, 4, 24>();
    words_come_out_in_order_and_whole_bursts::<16, 64, 4, 48>();
    words_come_out_in_order_and_whole_bursts::<8, 64, 8, 56>();
    words_come_out_in_order_and_whole_bursts::<32, 128, 4, 96>();
}
