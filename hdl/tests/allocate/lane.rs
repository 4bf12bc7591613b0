//! A lane alone.

use super::{add, cell};
use systole_hdl::allocate::lane::Lane;
use systole_hdl::allocate::INFEASIBLE;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;

const P: usize = 8;

/// What a lane holds, as the contract says it: the sum for the next `y`, the least so far, delays.
#[derive(Clone, Default)]
pub struct Model {
    next_cost: u128,
    cost: u128,
    mark: u128,
    first: bool,
    row: u128,
    x: [[u128; 3]; 2],
    sum: [u128; 2],
    least: [u128; 2],
    turns: [u128; 2],
}

impl Model {
    /// A cycle: the outputs for these inputs, in the order of the ports in the test below, then the next state.
    pub fn step(&mut self, i: &[u128]) -> Vec<u128> {
        let before = self.clone();
        let out = vec![
            before.next_cost,
            before.mark,
            u128::from(before.first),
            before.x[1][0],
            before.x[1][1],
            before.x[1][2],
            before.least[0],
            before.least[1],
            before.turns[0],
            before.turns[1],
        ];
        let entering = if before.first { [i[10], i[11], before.row] } else { [i[7], i[8], i[9]] };
        let rival = if before.first { u128::from(INFEASIBLE) } else { i[10] };
        let turn = if before.first { i[13] } else { i[12] };
        if i[1] == 1 {
            self.x = [entering, before.x[0]];
            let ours = entering[2] == before.row;
            self.sum =
                [if ours { add(entering[0], before.cost) } else { u128::from(INFEASIBLE) }, entering[1] | before.mark];
            self.least = if before.sum[0] < rival { before.sum } else { [rival, i[11]] };
            self.turns = [turn, before.turns[0]];
            if turn == 1 {
                (self.cost, self.row) = (before.next_cost, 1 - before.row);
            }
        }
        if i[2] == 1 {
            self.next_cost = i[3];
        }
        if i[4] == 1 {
            (self.mark, self.first) = (i[5], i[6] == 1);
        }
        if i[0] == 1 {
            (self.row, self.x[0][2], self.x[1][2], self.turns) = (0, 0, 0, [0; 2]);
        }
        out
    }
}

#[test]
fn a_lane_adds_compares_and_turns() {
    let bench = cosim!(Lane::<P>::default(),
        inputs: [clear, step, load, cost_in, place, mark_in, first_in, x, x_path, x_row, y, y_path, turn, turn_late],
        outputs: [cost_out, mark_out, first_out, x_out, x_out_path, x_out_row, y_out, y_out_path, turn_out, turn_out_late]);
    let mut rng = Rng::new(41);
    let mut m = Model::default();
    bench.check(
        6000,
        |cycle, _| {
            vec![
                u128::from(cycle == 0 || rng.chance(1)),
                u128::from(rng.chance(80)),
                u128::from(rng.chance(20)),
                cell(&mut rng),
                u128::from(rng.chance(3)),
                rng.bits(P),
                rng.bits(1),
                cell(&mut rng),
                rng.bits(P),
                u128::from(rng.chance(50)),
                cell(&mut rng),
                rng.bits(P),
                u128::from(rng.chance(10)),
                u128::from(rng.chance(10)),
            ]
        },
        |i| m.step(i),
    );
}
