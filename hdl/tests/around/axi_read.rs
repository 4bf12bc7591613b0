//! The shared read channel.

use systole_hdl::axi_read::*;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;

#[test]
fn addresses_stay_and_data_find_their_reader() {
    let bench = cosim!(AxiRead::<24>::default(),
        inputs: [reset, start, fetch_arvalid, fetch_araddr, load_arvalid, load_araddr, load_arlen, arready, rvalid, rid, rresp],
        outputs: [fetch_arready, load_arready, arvalid, arid, araddr, arlen, fetch_rvalid, load_rvalid, read_error])
    .gate("araddr", "arvalid")
    .gate("arlen", "arvalid")
    .gate("arid", "arvalid");
    let mut rng = Rng::new(5);
    let mut asks: [Option<(u128, u128)>; 2] = [None; 2];
    let (mut holder, mut failed) = (None, false);
    bench.check(
        4000,
        |cycle, last| {
            // A reader keeps its address until it is taken, as the real ones do.
            for (k, ask) in asks.iter_mut().enumerate() {
                if last.get(k) == Some(&1) && ask.is_some() {
                    *ask = None;
                }
                if ask.is_none() && rng.chance(30) {
                    *ask = Some((rng.bits(24), rng.bits(4)));
                }
            }
            let fetch = asks[0].unwrap_or_default();
            let load = asks[1].unwrap_or_default();
            vec![
                u128::from(cycle == 0),
                u128::from(rng.chance(2)),
                u128::from(asks[0].is_some()),
                fetch.0,
                u128::from(asks[1].is_some()),
                load.0,
                load.1,
                u128::from(rng.chance(40)),
                u128::from(rng.chance(70)),
                rng.bits(1),
                if rng.chance(5) { rng.bits(2) } else { 0 },
            ]
        },
        |i| {
            let asking = [i[2] == 1, i[4] == 1];
            let turn = holder.unwrap_or(usize::from(!asking[0]));
            let valid = asking[0] || asking[1];
            let ready = |k: usize| u128::from(i[7] == 1 && turn == k);
            let out = vec![
                ready(0),
                ready(1),
                u128::from(valid),
                turn as u128,
                [i[3], i[5]][turn],
                [15, i[6]][turn],
                i[8] & (i[9] ^ 1),
                i[8] & i[9],
                u128::from(failed),
            ];
            failed = (failed || (i[8] == 1 && i[10] >= 2)) && i[1] == 0 && i[0] == 0;
            holder = (valid && i[7] == 0 && i[0] == 0).then_some(turn);
            out
        },
    );
}
