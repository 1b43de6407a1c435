//! Ten thousand histories.

use simulation::Schedule;

#[test]
fn try_some() {
    let began = std::time::Instant::now();
    let from: u64 = std::env::var("FROM").map_or(0, |s| s.parse().unwrap());
    let to: u64 = std::env::var("TO").map_or(20, |s| s.parse().unwrap());
    let mut steps = 0;
    for seed in from..to {
        let began = std::time::Instant::now();
        let outcome = Schedule::of_seed(seed).run();
        steps += outcome.steps;
        eprintln!("{seed}: {} steps {:?}", outcome.steps, began.elapsed());
        if !outcome.violations.is_empty() {
            let replay = Schedule::of_seed(seed).replay();
            panic!(
                "seed {seed}: {:#?}\n{}",
                replay.violations,
                replay.notes.join("\n")
            );
        }
    }
    println!("{steps} steps in {:?}", began.elapsed());
}
