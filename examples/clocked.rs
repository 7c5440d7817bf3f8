//! The program with a clock that a test sets: `RUNBOOK_TEST_CLOCK='2030-05-14T17:00:00Z 600'` begins then and runs six
//! hundred times as fast. Everything else is as in the program itself.

#![allow(clippy::disallowed_methods, reason = "the clock comes from the environment")]

use std::process::ExitCode;

fn main() -> ExitCode {
    let said = std::env::var("RUNBOOK_TEST_CLOCK").unwrap_or_default();
    let mut words = said.split_whitespace();
    let moment = words.next().and_then(|word| word.parse::<jiff::Timestamp>().ok());
    let speed = words.next().and_then(|word| word.parse().ok());
    let (Some(moment), Some(speed)) = (moment, speed) else {
        eprintln!("RUNBOOK_TEST_CLOCK is no moment and a speed: `{said}`");
        return ExitCode::from(2);
    };
    runbook::drive::Clock::inject(moment, speed);
    runbook::cli::main()
}
