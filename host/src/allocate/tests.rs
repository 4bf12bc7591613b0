//! The solvers against each other, against exhaustive search, and against the recurrence as it is printed.

use super::tables::Tables;
use super::{convex, dynamic, solve, Device, Method, Mode, Outcome, Problem, SeedForm};
use proptest::prelude::*;

/// The least cost by trying every assignment; `None`: infeasible.
fn exhaustive(problem: &Problem) -> Option<u64> {
    fn go(problem: &Problem, levels: &mut Vec<usize>, used: usize, best: &mut Option<u64>) {
        let Some(device) = problem.devices().get(levels.len()) else {
            if let Ok((cost, _)) = problem.evaluate(levels) {
                *best = Some(best.map_or(cost, |b| b.min(cost)));
            }
            return;
        };
        for level in 0..device.cost.len().min(problem.budget() - used + 1) {
            levels.push(level);
            go(problem, levels, used + level, best);
            levels.pop();
        }
    }
    let mut best = None;
    go(problem, &mut Vec::new(), 0, &mut best);
    best
}

/// E(i, j) as it is printed, in 128 bits, with nothing folded, left out or rebased; `None`: infeasible.
fn as_printed(problem: &Problem) -> Option<u64> {
    let t = problem.budget();
    let mut row: Vec<Option<u128>> = vec![None; t + 1];
    row[0] = Some(0);
    for device in problem.devices() {
        let sum = |j: usize, k: usize| Some(row[j - k]? + u128::from(device.cost[k]?));
        let slope = |j: usize| u128::from(device.slope) * j as u128;
        let cell = |j: usize| (0..device.cost.len().min(j + 1)).filter_map(|k| sum(j, k)).min().map(|e| e + slope(j));
        row = (0..=t).map(cell).collect();
    }
    let end = if problem.mode() == Mode::Equal { row[t] } else { row.into_iter().flatten().min() };
    end.map(|e| e.try_into().expect("the greatest total was checked"))
}

/// Cost of an assignment, which must be one; `None`: infeasible.
fn cost_of(problem: &Problem, levels: Option<Vec<usize>>) -> Option<u64> {
    Some(problem.evaluate(&levels?).expect("an assignment that keeps the budget").0)
}

fn device(levels: usize, greatest: u64) -> impl Strategy<Value = Device> {
    let cost = prop_oneof![4 => (0..=greatest).prop_map(Some), 1 => Just(None)];
    let slope = prop_oneof![3 => Just(0), 1 => 0..=greatest / 64];
    (prop::collection::vec(cost, 1..=levels), slope).prop_map(|(cost, slope)| Device { slope, ..Device::new("", cost) })
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Equal), Just(Mode::AtMost)]
}

fn problem(devices: Vec<Device>, budget: usize, mode: Mode) -> Problem {
    let name = |(i, d): (usize, Device)| Device { name: i.to_string(), ..d };
    Problem::new("random", mode, budget, devices.into_iter().enumerate().map(name).collect()).unwrap()
}

/// Random problems; the budget is somewhere between what can be used and a little beyond.
fn problems(devices: usize, levels: usize, greatest: u64) -> impl Strategy<Value = Problem> {
    let devices = prop::collection::vec(device(levels, greatest), 1..=devices);
    (devices, 0.0..1.1f64, mode()).prop_map(|(devices, share, mode)| {
        let most: usize = devices.iter().map(|d| d.cost.len() - 1).sum();
        problem(devices, (most as f64 * share) as usize, mode)
    })
}

/// A convex table: a first cost, and steps in ascending order, which may gain or lose; none below 0.
fn convex_device(levels: usize) -> impl Strategy<Value = Device> {
    let steps = prop::collection::vec(-1000i64..1000, 0..levels);
    let holes = prop_oneof![3 => Just(0usize), 1 => 0usize..3];
    (steps, holes, 0u64..50, prop_oneof![3 => Just(0u64), 1 => 0u64..9]).prop_map(|(mut steps, holes, extra, slope)| {
        steps.sort_unstable();
        let mut cost = vec![0i64];
        cost.extend(steps.iter().scan(0, |sum, step| {
            *sum += step;
            Some(*sum)
        }));
        let least = *cost.iter().min().unwrap();
        let mut table = vec![None; holes];
        table.extend(cost.iter().map(|c| Some((c - least) as u64 + extra)));
        Device { slope, ..Device::new("", table) }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn small_problems_have_the_cost_that_exhaustive_search_finds(p in problems(5, 5, 100)) {
        let solved = solve(&p).unwrap();
        prop_assert_eq!(solved.outcome.solution().map(|s| s.cost), exhaustive(&p));
        if let Outcome::Optimal(solution) = &solved.outcome {
            prop_assert_eq!(p.evaluate(&solution.levels).unwrap(), (solution.cost, solution.used));
        }
        // Convex or not, the dynamic program finds the same.
        prop_assert_eq!(cost_of(&p, dynamic::levels(&Tables::new(&p), &mut |_, _| {})), exhaustive(&p));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn sums_of_any_width_are_those_of_the_recurrence_as_printed(
        p in prop_oneof![problems(40, 20, 300), problems(40, 20, 1 << 20), problems(40, 20, 1 << 50)],
    ) {
        prop_assert_eq!(cost_of(&p, dynamic::levels(&Tables::new(&p), &mut |_, _| {})), as_printed(&p));
    }

    #[test]
    fn rows_that_are_made_again_lead_back_to_the_same_cost(
        devices in prop::collection::vec(device(9, 100_000), 60..130), share in 0.0..1.05f64, mode in mode(),
    ) {
        // Long enough rows that the table is not kept whole.
        let mut devices = devices;
        let most: usize = devices.iter().map(|d| d.cost.len() - 1).sum();
        devices.push(Device::new("", (0..900).map(|k| Some(k * 777 % 5_000)).collect()));
        let p = problem(devices, ((most + 899) as f64 * share) as usize, mode);
        prop_assert_eq!(cost_of(&p, dynamic::levels(&Tables::new(&p), &mut |_, _| {})), as_printed(&p));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn marginal_costs_and_the_dynamic_program_agree_on_convex_tables(
        devices in prop::collection::vec(convex_device(12), 1..20), share in 0.0..1.1f64, mode in mode(),
    ) {
        let most: usize = devices.iter().map(|d| d.cost.len() - 1).sum();
        let p = problem(devices, (most as f64 * share) as usize, mode);
        let tables = Tables::new(&p);
        prop_assert!(tables.convex());
        prop_assert_eq!(solve(&p).unwrap().method, Method::MarginalCosts);
        let by_steps = cost_of(&p, convex::levels(&tables));
        prop_assert_eq!(by_steps, cost_of(&p, dynamic::levels(&tables, &mut |_, _| {})));
        prop_assert_eq!(by_steps, as_printed(&p));
    }

    #[test]
    fn the_seed_form_is_the_recurrence_as_printed(
        devices in prop::collection::vec((0u64..60, 1usize..9, 0u64..50), 1..8), share in 0.0..1.1f64,
        mode in mode(), from_one in any::<bool>(),
    ) {
        let total = (devices.iter().map(|d| d.1).sum::<usize>() as f64 * share) as usize;
        // E(i, j) = min over k of E(i−1, j−k) + P_i·k + U_i·j, in plain numbers.
        let mut row: Vec<Option<u64>> = (0..=total).map(|j| (j == 0).then_some(0)).collect();
        for &(power, longest, weight) in &devices {
            let sum = |j: usize, k: usize| Some(row[j.checked_sub(k)?]? + power * k as u64 + weight * j as u64);
            let cell = |j: usize| (usize::from(from_one)..=longest).filter_map(|k| sum(j, k)).min();
            row = (0..=total).map(cell).collect();
        }
        let expected = if mode == Mode::Equal { row[total] } else { row.iter().copied().flatten().min() };
        let mut seed = SeedForm::new("seed", total).mode(mode);
        if from_one {
            seed = seed.from_one();
        }
        for (i, &(power, longest, weight)) in devices.iter().enumerate() {
            seed = seed.device(i.to_string(), power, longest, weight);
        }
        let p = seed.build().unwrap();
        prop_assert_eq!(solve(&p).unwrap().outcome.solution().map(|s| s.cost), expected);
        prop_assert_eq!(as_printed(&p), expected);
    }
}

/// The article's example; it prints 11020 W·h, which no allocation has.
#[test]
fn the_five_devices_cost_1220_and_not_11020() {
    let five = [("A", 50, 24), ("B", 30, 16), ("C", 20, 12), ("D", 10, 8), ("E", 5, 4)];
    let problem = |weight, from_one| {
        let mut seed = SeedForm::new("five devices", 48).power_max(50);
        for (name, power, longest) in five {
            seed = seed.device(name, power, longest, weight);
        }
        if from_one { seed.from_one() } else { seed }.build().unwrap()
    };
    for (weight, expected) in [(0, 1220), (1, 1380), (5, 2020), (10, 2820), (48, 8900)] {
        for from_one in [false, true] {
            let p = problem(weight, from_one);
            let solved = solve(&p).unwrap();
            assert_eq!(solved.outcome.solution().unwrap().cost, expected, "weight {weight}, from one {from_one}");
            assert_eq!(cost_of(&p, dynamic::levels(&Tables::new(&p), &mut |_, _| {})), Some(expected));
        }
    }
    let cheapest = solve(&problem(0, false)).unwrap();
    assert_eq!(cheapest.outcome.solution().unwrap().levels, [8, 16, 12, 8, 4]);
}

/// 48 hours on the dearest devices first: what the article prints is six times as much.
#[test]
fn no_allocation_of_the_five_devices_costs_more_than_1840() {
    // The dearest is the cheapest of what is left of 50 W an hour.
    let mut seed = SeedForm::new("upside down", 48);
    for (name, power, longest) in [("A", 50, 24), ("B", 30, 16), ("C", 20, 12), ("D", 10, 8), ("E", 5, 4)] {
        seed = seed.device(name, 50 - power, longest, 0);
    }
    let solved = solve(&seed.build().unwrap()).unwrap();
    assert_eq!(50 * 48 - solved.outcome.solution().unwrap().cost, 1840);
}

#[test]
fn a_device_without_an_allowed_level_makes_every_problem_infeasible() {
    for mode in [Mode::Equal, Mode::AtMost] {
        let p = problem(vec![Device::new("", vec![Some(1); 3]), Device::new("", vec![None; 3])], 2, mode);
        assert_eq!(solve(&p).unwrap().outcome, Outcome::Infeasible);
        let tables = Tables::new(&p);
        assert_eq!((convex::levels(&tables), dynamic::levels(&tables, &mut |_, _| {})), (None, None));
    }
}

#[test]
fn the_greatest_total_that_may_be_is_still_found() {
    let most = super::LIMITS.cost;
    let p = problem(vec![Device::new("", vec![Some(0), None, Some(most)]); 1], 2, Mode::Equal);
    assert_eq!(cost_of(&p, dynamic::levels(&Tables::new(&p), &mut |_, _| {})), Some(most));
    for greatest in [i64::from(i16::MAX / 2), i64::from(i32::MAX / 2)] {
        for cost in [greatest as u64 - 1, greatest as u64, greatest as u64 + 1] {
            let p = problem(vec![Device::new("", vec![Some(0), None, Some(cost)])], 2, Mode::Equal);
            assert_eq!(cost_of(&p, dynamic::levels(&Tables::new(&p), &mut |_, _| {})), Some(cost));
        }
    }
}

#[test]
fn at_most_takes_the_fewest_units_among_equal_costs() {
    let p = problem(vec![Device::new("", vec![Some(3), Some(1), Some(1), Some(4), Some(1)])], 4, Mode::AtMost);
    assert_eq!(solve(&p).unwrap().outcome.solution().unwrap().levels, [1]);
}
