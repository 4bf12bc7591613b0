//! Time of one solver, for `scripts/compare/allocate`: `allocate_time plain|systole FILE REPEATS`.
//!
//! Prints a JSON object a problem: `cost`, and `seconds`, the times of all repeats. From the problem in memory to the
//! levels; reading the file is not in it.

mod plain;

use std::hint::black_box;
use std::time::Instant;
use systole::allocate::{read, solve, Device, Mode};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [solver, file, repeats] = &arguments[..] else {
        return Err("usage: allocate_time plain|systole FILE REPEATS".into());
    };
    let repeats: u32 = repeats.parse()?;
    for problem in read(&std::fs::read_to_string(file)?, file)? {
        let table = |d: &Device| d.cost.iter().map(|c| Some((*c)? as i64)).collect();
        let cost: Option<Vec<Vec<i64>>> = problem.devices().iter().map(table).collect();
        let cost =
            cost.filter(|_| problem.mode() == Mode::Equal).ok_or("the plain loop has no holes and no at_most")?;
        let (mut seconds, mut found) = (Vec::new(), None);
        for _ in 0..repeats {
            let start = Instant::now();
            found = match solver.as_str() {
                "plain" => plain::solve(black_box(&cost), problem.budget()).map(|s| s.0),
                _ => solve(black_box(&problem))?.outcome.solution().map(|s| s.levels.clone()),
            };
            seconds.push(start.elapsed().as_secs_f64());
        }
        let levels = found.ok_or("infeasible")?;
        println!("{}", serde_json::json!({ "cost": problem.evaluate(&levels)?.0, "seconds": seconds }));
    }
    Ok(())
}
