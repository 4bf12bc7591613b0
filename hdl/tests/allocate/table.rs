//! The table unit: random problems, and what each lane must get in each pass.

use std::cell::RefCell;
use std::collections::VecDeque;
use systole_hdl::allocate::table::Table;
use systole_hdl::allocate::{INFEASIBLE, OVERFLOW};
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;
use systole_isa::allocate::NOT_ALLOWED;

const L: usize = 8;
const P: usize = 8;

/// What one cycle does when nothing makes it wait.
#[derive(Clone, Copy)]
enum Slot {
    /// Take a slope.
    Slope,
    /// Take a cost for a lane: cost, decision bits, whether a device begins.
    Cost([u128; 3]),
    /// A lane without a level.
    Free([u128; 3]),
}

/// A pass: its slots, and whole, last, seed, partial, offset, used, spare.
type Pass = (VecDeque<Slot>, [u128; 7]);

struct Problem {
    levels: usize,
    abreast: usize,
    bits: usize,
    devices: Vec<(u32, Vec<u32>)>,
}

impl Problem {
    fn random(rng: &mut Rng) -> Self {
        let levels = 1 + if rng.chance(70) { rng.below(8) } else { rng.below(20) } as usize;
        let bits = (levels.next_power_of_two().trailing_zeros() as usize).max(1);
        let abreast = (L / levels).min(P / bits).max(1);
        let cost = |rng: &mut Rng| if rng.chance(15) { NOT_ALLOWED } else { rng.edgy(32) as u32 };
        let devices = (0..1 + rng.below(9))
            .map(|_| (rng.edgy(32) as u32 >> rng.below(32), (0..levels).map(|_| cost(rng)).collect()))
            .collect();
        Self { levels, abreast, bits, devices }
    }

    /// The words of the tables, in their order.
    fn words(&self) -> VecDeque<u32> {
        self.devices.iter().flat_map(|(slope, costs)| [*slope].into_iter().chain(costs.iter().copied())).collect()
    }

    fn passes(&self) -> VecDeque<Pass> {
        let mut passes = VecDeque::new();
        let free = Slot::Free([INFEASIBLE.into(), 0, 0]);
        let mut spare = 0;
        for (group, devices) in self.devices.chunks(self.abreast).enumerate() {
            let mut slots = VecDeque::new();
            let last = (group + 1) * self.abreast >= self.devices.len();
            for place in 0..self.abreast {
                let unit = 1u128 << ((self.abreast - 1 - place) * self.bits);
                if devices.get(place).is_some() {
                    slots.push_back((Slot::Slope, 0));
                }
                spare += u128::from(devices.get(place).is_none());
                for level in 0..self.levels {
                    let mark = (level as u128 * unit) & 0xff;
                    let first = u128::from(level == 0 && place > 0);
                    let slot = match devices.get(place) {
                        Some((slope, costs)) => {
                            let cost = u128::from(costs[level]) + u128::from(*slope) * level as u128;
                            let cost = cost.min(OVERFLOW.into());
                            let barred = costs[level] == NOT_ALLOWED;
                            Slot::Cost([if barred { INFEASIBLE.into() } else { cost }, mark, first])
                        }
                        None => Slot::Free([if level == 0 { 0 } else { INFEASIBLE.into() }, mark, first]),
                    };
                    slots.push_back((slot, 1));
                }
            }
            // Cut at the lanes; what is left over of the last cut is filled.
            let (mut cut, mut lanes, mut offset) = (VecDeque::new(), 0, 0);
            let mut used = 0;
            while !slots.is_empty() || lanes > 0 {
                let (slot, lane) = slots.pop_front().unwrap_or((free, 1));
                used += u128::from(matches!(slot, Slot::Cost(_)));
                cut.push_back(slot);
                lanes += lane;
                if lanes == L {
                    let whole = slots.is_empty();
                    let info = [
                        whole.into(),
                        u128::from(whole && last),
                        u128::from(group == 0),
                        u128::from(offset > 0),
                        offset as u128,
                        used,
                        spare,
                    ];
                    passes.push_back((std::mem::take(&mut cut), info));
                    (offset, lanes, used) = (offset + L, 0, 0);
                }
            }
        }
        passes
    }
}

#[test]
fn every_lane_gets_its_cost_and_its_place() {
    let bench = cosim!(Table::<L, P>::default(),
        inputs: [clear, enter, devices, levels, abreast, level_bits, unit, valid, word, taken, arrived],
        outputs: [take, load, cost, place, mark, first, loaded, whole, last, seed, partial, offset, used, spare])
    .gate("cost", "load")
    .gate("mark", "load")
    .gate("first", "load")
    .gate("whole", "loaded")
    .gate("last", "loaded")
    .gate("seed", "loaded")
    .gate("partial", "loaded")
    .gate("offset", "loaded")
    .gate("used", "loaded")
    .gate("spare", "loaded");
    let mut rng = Rng::new(131);
    let now = RefCell::new(Problem::random(&mut rng));
    let mut words: VecDeque<u32> = VecDeque::new();
    let (mut since_taken, mut was_last, mut running) = (None, false, false);
    let mut passes: VecDeque<Pass> = VecDeque::new();
    // Lanes on their way out, placing, the lanes wait for `arrived`.
    let (mut pipe, mut placing, mut hold): ([Option<[u128; 3]>; 2], bool, bool) = ([None; 2], false, false);
    let (mut full, mut problems) = (false, 0);
    bench.check(
        20_000,
        |cycle, out| {
            let mut i = vec![u128::from(cycle == 0), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            if cycle > 0 && out[0] == 1 {
                words.pop_front();
            }
            let loaded = out.get(6) == Some(&1) && since_taken != Some(0);
            if !running {
                if cycle > 3 {
                    *now.borrow_mut() = Problem::random(&mut rng);
                    words = now.borrow().words();
                    i[1] = 1;
                    running = true;
                }
            } else if let Some(t) = since_taken {
                since_taken = Some(t + 1);
                if t >= 1 && rng.chance(20) {
                    i[10] = 1;
                    since_taken = None;
                    running = !was_last;
                }
            } else if loaded && rng.chance(40) {
                i[9] = 1;
                was_last = out[8] == 1;
                since_taken = Some(0);
            }
            let p = now.borrow();
            i[2] = p.devices.len() as u128;
            i[3] = p.levels as u128;
            i[4] = p.abreast as u128;
            i[5] = p.bits as u128;
            i[6] = 1 << ((p.abreast - 1) * p.bits);
            i[7] = u128::from(!words.is_empty() && rng.chance(70));
            i[8] = words.front().map_or(0, |&w| w.into());
            i
        },
        |i| {
            let slot = passes.front().filter(|_| !hold).and_then(|p| p.0.front().copied());
            let valid = i[7] == 1;
            let lane = match slot {
                Some(Slot::Cost(lane)) if valid => Some(lane),
                Some(Slot::Free(lane)) => Some(lane),
                _ => None,
            };
            let take = valid && matches!(slot, Some(Slot::Slope | Slot::Cost(_)));
            let done = full && pipe == [None; 2];
            let shown = pipe[1].unwrap_or_default();
            let place = pipe[1].is_some() && placing;
            let mut out =
                vec![take.into(), pipe[1].is_some().into(), shown[0], place.into(), shown[1], shown[2], done.into()];
            out.extend(passes.front().map_or([0; 7], |p| p.1));
            pipe = [lane, pipe[0]];
            if take || lane.is_some() {
                let slots = &mut passes[0].0;
                slots.pop_front();
                full = slots.is_empty();
            }
            if i[9] == 1 {
                let (_, info) = passes.pop_front().unwrap();
                (full, placing, hold) = (false, false, true);
                problems += u128::from(info[1] == 1);
            }
            if i[10] == 1 {
                hold = false;
            }
            if i[1] == 1 {
                passes = now.borrow().passes();
                (placing, hold, full) = (true, false, false);
            }
            if i[0] == 1 {
                (pipe, hold) = ([None; 2], false);
            }
            out
        },
    );
    assert!(problems > 50, "{problems} problems");
}
