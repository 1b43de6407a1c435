//! `simulate`: searches histories of the saga for one that breaks an invariant, or prints one in full.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use simulation::{Schedule, Search, search, search_deaths, search_long};

/// Searches histories of the saga for one that breaks an invariant, or prints one in full.
#[derive(Parser)]
struct Arguments {
    /// How many histories to run, from seed 0 on
    #[arg(long, default_value_t = 10_000)]
    schedules: u64,
    /// How many more histories in which one process dies, at each step in turn
    #[arg(long, default_value_t = 2_000)]
    deaths: u64,
    /// How many more histories that are long: many tickets and shoppers, over minutes
    #[arg(long, default_value_t = 40)]
    long: u64,
    /// Print the history of this seed instead; seeds of long histories begin at 2000000
    #[arg(long)]
    seed: Option<u64>,
    /// A step at which a process dies in it, instead of those that the seed draws; may be repeated
    #[arg(long, value_name = "STEP", requires = "seed")]
    death: Option<Vec<u64>>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.seed {
        Some(seed) => print(&Schedule {
            seed,
            deaths: arguments.death,
        }),
        None => find(&arguments),
    }
}

fn find(arguments: &Arguments) -> ExitCode {
    let began = Instant::now();
    let mut found = search(arguments.schedules, Schedule::of_seed);
    let searches: [fn(u64) -> Search; 2] = [search_deaths, search_long];
    for (count, search) in [arguments.deaths, arguments.long].into_iter().zip(searches) {
        if found.broken.is_none() && count > 0 {
            let more = search(count);
            found = Search {
                broken: more.broken,
                sound: found.sound + more.sound,
                steps: found.steps + more.steps,
            };
        }
    }
    let Search { sound, steps, .. } = found;
    match found.broken {
        None => {
            println!(
                "sound: {sound} schedules, {steps} steps in {:.1?}",
                began.elapsed()
            );
            ExitCode::SUCCESS
        }
        Some(broken) => {
            println!("broken after {} schedules: {broken}", sound + 1);
            for violation in broken.run().violations {
                println!("  {violation}");
            }
            ExitCode::FAILURE
        }
    }
}

fn print(schedule: &Schedule) -> ExitCode {
    let outcome = schedule.replay();
    for note in &outcome.notes {
        println!("{note}");
    }
    println!("{schedule}: {} steps", outcome.steps);
    for violation in &outcome.violations {
        println!("  {violation}");
    }
    if outcome.violations.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
