//! Allocation problems for tests: random ones, and their optimum by the recurrence as it is written.

use super::Random;
use isa::allocate::{Answer, Header, Shape, COST, OPTIMAL, STATUS, USED};
use isa::config::Config;
use systole_sim::rtl::{Region, RunError};

/// A problem with everything that the kernel takes.
#[derive(Clone, Debug)]
pub struct Problem {
    pub budget: usize,
    pub at_most: bool,
    /// Slope of each device.
    pub slopes: Vec<u32>,
    /// Cost of each level of each device; `None` is not allowed.
    pub costs: Vec<Vec<Option<u32>>>,
}

/// The least cost, by E(i, j) = min over k of E(i−1, j−k) + c(k) + k·s, in 128 bits; `None` if there is no allocation.
pub fn optimum(p: &Problem) -> Option<u128> {
    let mut row: Vec<Option<u128>> = vec![None; p.budget + 1];
    row[0] = Some(0);
    for (costs, &slope) in p.costs.iter().zip(&p.slopes) {
        let next = (0..=p.budget).map(|j| {
            let levels = costs.iter().enumerate().filter(|(k, _)| *k <= j);
            levels.filter_map(|(k, c)| Some(row[j - k]? + u128::from((*c)?) + k as u128 * u128::from(slope))).min()
        });
        row = next.collect();
    }
    if p.at_most {
        row.into_iter().flatten().min()
    } else {
        row[p.budget]
    }
}

impl Problem {
    /// Up to `devices` devices, `levels` levels, costs below `1 << bits`; one level in `holes` is not allowed.
    pub fn random(random: &mut Random, devices: i64, levels: i64, budget: i64, bits: u32, holes: u32) -> Self {
        let (n, k) = (random.range(1, devices), random.range(1, levels));
        let costs = (0..n).map(|_| {
            let k = if random.one_in(4) { random.range(1, k) } else { k };
            let cost = |r: &mut Random| (!r.one_in(holes)).then(|| (r.next() >> (32 - bits)).min(u32::MAX - 1));
            (0..k).map(|_| cost(random)).collect()
        });
        let costs: Vec<Vec<_>> = costs.collect();
        let seeds = random.one_in(2);
        let slopes = (0..n).map(|_| if seeds { random.next() >> 20 } else { 0 }).collect();
        let most = (n * (k - 1)).clamp(0, budget);
        Self { budget: random.range(0, most) as usize, at_most: random.one_in(2), slopes, costs }
    }

    pub fn header(&self) -> Header {
        let levels = self.costs.iter().map(Vec::len).max().unwrap_or(0);
        Header { devices: self.costs.len(), levels, budget: self.budget, at_most: self.at_most }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let words: Vec<Vec<u32>> =
            self.costs.iter().map(|r| r.iter().map(|c| c.unwrap_or(u32::MAX)).collect()).collect();
        self.header().problem(self.slopes.iter().zip(&words).map(|(&s, r)| (s, &r[..]))).unwrap()
    }

    /// Panics unless the answer is the optimum, reached by the levels it names.
    pub fn check(&self, answer: &Answer) {
        match optimum(self) {
            None => assert_eq!(answer.record[STATUS], isa::allocate::INFEASIBLE, "{self:?}"),
            Some(cost) if cost > u128::from(isa::allocate::MAX_COST) => {
                assert_eq!(answer.record[STATUS], isa::allocate::OVERFLOW, "{self:?}");
            }
            Some(cost) => {
                assert_eq!((answer.record[STATUS], u128::from(answer.record[COST])), (OPTIMAL, cost), "{self:?}");
                let used: usize = answer.levels.iter().map(|&k| usize::from(k)).sum();
                assert_eq!(used, answer.record[USED] as usize, "{self:?}");
                assert!(used == self.budget || (self.at_most && used < self.budget), "{self:?}");
                let sum = answer.levels.iter().zip(&self.costs).zip(&self.slopes).map(|((&k, costs), &slope)| {
                    let cost = costs[usize::from(k)].expect("a level that is not allowed was chosen");
                    u128::from(cost) + u128::from(k) * u128::from(slope)
                });
                assert_eq!(sum.sum::<u128>(), cost, "{self:?}");
            }
        }
    }
}

/// Card memory of a run: problem and result at fixed addresses, with room between.
pub const PROBLEM_AT: u64 = 0x1000;

/// Runs a problem's bytes on the Verilated kernel; the result buffer is `result_bytes` long and begins as noise.
pub fn run_bytes(
    rtl: &mut systole_sim::rtl::Rtl,
    problem: &mut [u8],
    result_bytes: usize,
    latency: u32,
) -> Result<(Vec<u8>, u64), (RunError, u64)> {
    let result_at = PROBLEM_AT + (problem.len() as u64).next_multiple_of(4096) + 4096;
    let mut result = vec![0xa5; result_bytes];
    let mut regions = [Region { base: PROBLEM_AT, bytes: problem }, Region { base: result_at, bytes: &mut result[..] }];
    let run = rtl.run(&mut regions, [PROBLEM_AT, result_at], latency)?;
    Ok((result, run.cycles))
}

/// What the functional model answers.
pub fn model(config: &Config, problem: &Problem) -> Answer {
    let mut memory = systole_sim::memory::Buffers::new();
    let at = memory.add(problem.bytes());
    let result = memory.add(vec![0; isa::allocate::SCRATCH_OFFSET]);
    systole_sim::model::allocate::run(config, &mut memory, at, result).unwrap();
    Answer::parse(config, problem.costs.len(), memory.get(result).unwrap()).unwrap()
}

/// Panics unless both answers are the same but for the words that depend on time.
pub fn same(rtl: &Answer, model: &Answer) {
    use isa::allocate::*;
    assert_eq!(rtl.levels, model.levels);
    let words = [STATUS, BUSY, CELLS, PASSES, ROW_WRITES, TABLE_WORDS, DECISIONS];
    let answer: &[usize] = if rtl.record[STATUS] == OPTIMAL { &[COST, USED] } else { &[] };
    for &word in words.iter().chain(answer) {
        assert_eq!(rtl.record[word], model.record[word], "{}", RECORD[word].0);
    }
}

/// Runs a problem on the Verilated kernel: the answer and the cycles from start to interrupt.
pub fn run(rtl: &mut systole_sim::rtl::Rtl, config: &Config, problem: &Problem, latency: u32) -> (Answer, u64) {
    let mut bytes = problem.bytes();
    let result_bytes = Shape::new(config, &problem.header()).result_bytes(config);
    let (result, cycles) =
        run_bytes(rtl, &mut bytes, result_bytes, latency).unwrap_or_else(|e| panic!("{e:?} of {problem:?}"));
    (Answer::parse(config, problem.costs.len(), &result).unwrap(), cycles)
}
