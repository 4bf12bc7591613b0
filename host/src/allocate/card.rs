//! The allocator on a card: kernel `systole_allocate(problem, result)` through OpenCL.
//!
//! The layout of both buffers is `isa::allocate`. What the card answers is judged by the problem's definition before
//! anyone sees it: levels that are allowed and keep the budget, a cost that is the sum of their costs.

use super::problem::Limits;
use super::{AllocateError, Method, Mode, Outcome, Problem, Solution, Solved, LIMITS};
use crate::runtime::{CardInfo, ContainerFile, LoadedKernel, RuntimeError};
use isa::allocate::{self as kernel, Answer, Header, Shape, MAX_COST, NOT_ALLOWED};
use isa::config::Config;

/// Why a card decided nothing.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// The problem is not for this card, or the card's answer is wrong.
    #[error(transparent)]
    Problem(#[from] AllocateError),
    /// The card cannot be used.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

/// A card with a container loaded, ready to decide.
pub struct CardAllocator {
    config: Config,
    kernel: LoadedKernel,
}

/// What a card decided.
#[derive(Clone, Debug)]
pub struct CardSolved {
    /// The outcome.
    pub solved: Solved,
    /// Every word of the kernel's record, by number (`isa::allocate::RECORD`): cycles and activity.
    pub record: [u32; kernel::WORDS],
    /// From start to done on the card's clock, in ns.
    pub kernel_ns: u64,
}

/// A problem as a card takes it.
pub struct Encoded {
    header: Header,
    bytes: Vec<u8>,
}

impl Encoded {
    /// A problem for a card of `config`. Levels above the budget can never be taken and are left out.
    ///
    /// # Errors
    /// What is beyond the card's limits, with the device and the field: devices, budget, levels, a cost or a
    /// sum of weights of more than 32 bits.
    pub fn new(problem: &Problem, config: &Config) -> Result<Self, AllocateError> {
        let taker = format!("a card of `{}` takes", config.name);
        let levels = |len: usize| len.min(problem.budget() + 1);
        let (devices, budget) = (kernel::MAX_DEVICES, config.allocate_budget);
        problem.check(&Limits { devices, budget, levels: kernel::MAX_LEVELS, cost: LIMITS.cost }, &taker)?;
        let error = |device: &str, field: String, value: u64| AllocateError::Device {
            problem: problem.name().into(),
            device: device.into(),
            field,
            what: format!("is {value}; {taker} at most {MAX_COST}: scale the costs, or use --on cpu"),
        };
        let mut slopes = vec![0; problem.devices().len()];
        let mut sum = 0u64;
        for (slope, device) in slopes.iter_mut().zip(problem.devices()).rev() {
            sum += device.slope;
            *slope = u32::try_from(sum)
                .map_err(|_| error(&device.name, "weight, with those of the devices after it,".into(), sum))?;
        }
        let mut tables = Vec::with_capacity(problem.devices().len());
        for device in problem.devices() {
            let cell = |(k, cost): (usize, &Option<u64>)| match *cost {
                None => Ok(NOT_ALLOWED),
                Some(cost) if cost <= u64::from(MAX_COST) => Ok(cost as u32),
                Some(cost) => Err(error(&device.name, format!("cost[{k}]"), cost)),
            };
            let table: Result<Vec<u32>, _> =
                device.cost[..levels(device.cost.len())].iter().enumerate().map(cell).collect();
            tables.push(table?);
        }
        let header = Header {
            devices: tables.len(),
            levels: tables.iter().map(Vec::len).max().unwrap_or(1),
            budget: problem.budget(),
            at_most: problem.mode() == Mode::AtMost,
        };
        let wrong = |what: String| AllocateError::Wrong { problem: problem.name().into(), what };
        header.check(config).map_err(wrong)?;
        let rows = slopes.iter().zip(&tables).map(|(&slope, table)| (slope, &table[..]));
        Ok(Self { header, bytes: header.problem(rows).map_err(wrong)? })
    }
}

impl CardAllocator {
    /// Loads a container into a card.
    ///
    /// # Errors
    /// The container is for another configuration, the card refuses it, or a call fails.
    pub fn open(card: &CardInfo, container: &ContainerFile) -> Result<Self, RuntimeError> {
        container.is_for(&card.config)?;
        let kernel = LoadedKernel::open(card, container, kernel::KERNEL)?;
        Ok(Self { config: container.config().clone(), kernel })
    }

    /// Decides one problem.
    ///
    /// # Errors
    /// A call fails, the least cost is above 32 bits, or the answer is no solution of the problem. Infeasible
    /// is no error.
    pub fn solve(&self, problem: &Problem, encoded: &Encoded) -> Result<CardSolved, CardError> {
        let Encoded { header, bytes } = encoded;
        let mut from = self.kernel.buffer(bytes.len(), false, "memory for the problem")?;
        let result_bytes = Shape::new(&self.config, header).result_bytes(&self.config);
        let to = self.kernel.buffer(result_bytes, true, "memory for the result")?;
        self.kernel.write(&mut from, bytes, "writing the problem")?;
        let kernel_ns = self.kernel.run(&[&from, &to])?;
        let mut answer = vec![0; result_bytes.min(kernel::SCRATCH_OFFSET)];
        self.kernel.read(&to, &mut answer, "reading the result")?;

        let wrong = |what: String| AllocateError::Wrong { problem: problem.name().into(), what };
        let answer = Answer::parse(&self.config, header.devices, &answer).map_err(wrong)?;
        let outcome = outcome(problem, &answer)?;
        let solved = Solved { outcome, method: Method::Card };
        Ok(CardSolved { solved, record: answer.record, kernel_ns })
    }
}

/// What an answer means for `problem`, if it is true.
fn outcome(problem: &Problem, answer: &Answer) -> Result<Outcome, AllocateError> {
    let wrong = |what: String| AllocateError::Wrong { problem: problem.name().into(), what };
    match answer.record[kernel::STATUS] {
        kernel::INFEASIBLE => Ok(Outcome::Infeasible),
        kernel::OPTIMAL => {
            let levels: Vec<usize> = answer.levels.iter().map(|&l| usize::from(l)).collect();
            let (cost, used) = problem.evaluate(&levels)?;
            let said = (u64::from(answer.record[kernel::COST]), answer.record[kernel::USED] as usize);
            if said != (cost, used) {
                let (said_cost, said_used) = said;
                let what = format!(
                    "the card says cost {said_cost} and {said_used} units, its levels have cost {cost} and {used} units"
                );
                return Err(wrong(what));
            }
            Ok(Outcome::Optimal(Solution { levels, cost, used }))
        }
        kernel::OVERFLOW => Err(AllocateError::Problem {
            problem: problem.name().into(),
            field: "cost".into(),
            what: format!("of the best allocation is above {MAX_COST}, which is all a card counts to: use --on cpu"),
        }),
        status => Err(wrong(format!("the card refuses the problem with status {status}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Device;
    use super::*;

    fn config() -> Config {
        Config { allocate_budget: 100, ..Config::least(8) }
    }

    fn problem(budget: usize, devices: Vec<Device>) -> Problem {
        Problem::new("p", Mode::Equal, budget, devices).unwrap()
    }

    fn device(name: &str, cost: &[u64]) -> Device {
        Device::new(name, cost.iter().map(|&c| Some(c)).collect())
    }

    fn error(budget: usize, devices: Vec<Device>) -> String {
        Encoded::new(&problem(budget, devices), &config()).err().expect("beyond the card").to_string()
    }

    #[test]
    fn what_is_beyond_the_card_names_the_device_and_the_field() {
        let high = u64::from(u32::MAX);
        let many = (0..1025).map(|i| device(&i.to_string(), &[0])).collect();
        let heavy = |name: &str| Device { slope: high - 1, ..device(name, &[0]) };
        for (budget, devices, says) in [
            (9, many, "device `1024`: is one too many: `devices` holds 1025; a card of `least` takes at most 1024"),
            (101, vec![device("a", &[0])], "problem `p`: budget is 101; a card of `least` takes at most 100 units"),
            (99, vec![device("a", &[0; 65])], "device `a`: cost has 65 levels; a card of `least` takes at most 64"),
            (9, vec![device("a", &[0, high])], "device `a`: cost[1] is 4294967295; a card of `least` takes at most"),
            (9, vec![heavy("a"), heavy("b")], "device `a`: weight, with those of the devices after it, is 8589934588;"),
        ] {
            let message = error(budget, devices);
            assert!(message.contains(says), "{message}");
        }
    }

    #[test]
    fn a_problem_for_the_card_has_suffix_sums_of_weights_and_full_rows() {
        let a = Device { slope: 2, ..Device::new("a", vec![Some(7), None]) };
        let b = Device { slope: 3, ..device("b", &[1, 2, 9, 9, 9]) };
        let encoded = Encoded::new(&problem(2, vec![a, b]), &config()).unwrap();
        assert_eq!(encoded.header, Header { devices: 2, levels: 3, budget: 2, at_most: false });
        let words: Vec<u32> = encoded.bytes.chunks(4).map(|w| u32::from_le_bytes(w.try_into().unwrap())).collect();
        assert_eq!(words[kernel::HEADER_WORDS..][..8], [5, 7, NOT_ALLOWED, NOT_ALLOWED, 3, 1, 2, 9]);
    }

    #[test]
    fn an_answer_that_is_no_solution_is_never_shown() {
        let p = problem(2, vec![device("a", &[7, 1]), device("b", &[1, 2])]);
        let answer = |status: u32, cost: u32, levels: &[u8]| {
            let mut record = [0; kernel::WORDS];
            record[..3].copy_from_slice(&[status, cost, 2]);
            Answer { record, levels: levels.into() }
        };
        assert_eq!(outcome(&p, &answer(kernel::OPTIMAL, 3, &[1, 1])).unwrap().solution().unwrap().cost, 3);
        assert_eq!(outcome(&p, &answer(kernel::INFEASIBLE, 0, &[])).unwrap(), Outcome::Infeasible);
        for (wrong, says) in [
            (answer(kernel::OPTIMAL, 2, &[1, 1]), "says cost 2 and 2 units, its levels have cost 3 and 2 units"),
            (answer(kernel::OPTIMAL, 8, &[0, 1]), "1 units are used, exactly 2 must be"),
            (answer(kernel::OPTIMAL, 8, &[0, 2]), "device `b` has level 2"),
            (answer(kernel::OVERFLOW, 0, &[]), "is above 4294967294"),
            (answer(kernel::BAD_PROBLEM, 0, &[]), "status 4"),
        ] {
            let message = outcome(&p, &wrong).unwrap_err().to_string();
            assert!(message.contains(says), "{message}");
        }
    }
}
