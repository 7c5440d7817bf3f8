//! The command line: arguments, wiring, exit codes. One file a command.
#![allow(clippy::disallowed_methods, reason = "the command line reads and writes files, the environment and the clock")]

mod abort;
mod amend;
mod backtest;
mod check;
mod doc;
mod due;
mod explain;
mod files;
mod fmt;
mod imports;
mod init;
mod inputs;
mod live;
mod probe;
mod reach;
mod rehearse;
mod resume;
mod run;
mod say;
mod screen;
mod status;
mod test;

use std::panic::catch_unwind;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use screen::{Choice, Screen};

/// How a command ended, as a code for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the reference has the table")]
pub enum Exit {
    Done = 0,
    Findings = 1,
    Usage = 2,
    RolledBack = 3,
    Stuck = 4,
    Stopped = 5,
    Paused = 6,
    Unhealthy = 7,
    Reservations = 8,
    Locked = 9,
    Fault = 70,
}

impl Exit {
    /// The exit of a code; nothing that no command ends with.
    fn from_code(code: i32) -> Option<Self> {
        use Exit::*;
        let all = [Done, Findings, Usage, RolledBack, Stuck, Stopped, Paused, Unhealthy, Reservations, Locked, Fault];
        all.into_iter().find(|exit| *exit as i32 == code)
    }
}

/// Executable release runbooks: a file beside the code, checked, rehearsed, run step by step, with a way back.
#[derive(Debug, Parser)]
#[command(name = "runbook", version, arg_required_else_help = true, after_help = EXITS)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Whether to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_default_value = true)]
    color: Choice,
    /// The folder that keeps the record of every run [default: .runbook in the root of the repository]
    #[arg(long, global = true, value_name = "DIR", env = "RUNBOOK_STATE", hide_env_values = true)]
    state: Option<PathBuf>,
}

const EXITS: &str = "\
Exit codes: 0 completed, 1 findings, 2 usage or unreadable input, 3 rolled back, 4 stuck, 5 stopped, 6 paused,
7 rolled back and not healthy, 8 completed with reservations, 9 the lock is held by another run, 70 a fault of runbook";

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a runbook to begin with, with scenarios that pass
    Init(init::Arguments),
    /// Find what is wrong in runbooks before the night
    Check(check::Arguments),
    /// Bring runbooks into their canonical form, comments kept
    Fmt(fmt::Arguments),
    /// Run a runbook, or print its plan with --dry-run
    Run(Box<run::Arguments>),
    /// Play the scenarios of runbooks in virtual time
    Test(test::Arguments),
    /// Try every single fault at every node of a runbook, in virtual time: where would it leave you?
    Rehearse(rehearse::Arguments),
    /// Try the triggers and gates of a runbook on the past of its metrics
    Backtest(backtest::Arguments),
    /// Go on with a run that was paused or whose process is gone
    Resume(resume::Arguments),
    /// Give a run whose live part has not begun another start; what was approved is asked for again
    Reschedule(amend::RescheduleArguments),
    /// Give a run whose live part has not begun the plan of a changed file; what was approved is asked for again
    Amend(amend::AmendArguments),
    /// Halt a run that another process is running, as Ctrl-C there would
    Pause(reach::PauseArguments),
    /// Send a run back, whether a process is running it or not
    Rollback(resume::RollbackArguments),
    /// End a run; what runs is stopped, nothing is undone, its lock is freed
    Abort(abort::Arguments),
    /// Say yes to an approval, a confirmation, or what a trigger asks
    Approve(say::Arguments),
    /// Say no
    Deny(say::Arguments),
    /// Say that something is as it should be
    Confirm(say::Arguments),
    /// Tick an item of a checklist
    Tick(say::TickArguments),
    /// Answer a question
    Answer(say::AnswerArguments),
    /// Fire a trigger by hand
    Trigger(say::Arguments),
    /// Go on without what stopped the run, or without the undo at which it is stuck
    Waive(say::WaiveArguments),
    /// Put a remark into the record
    Note(say::NoteArguments),
    /// What a run is doing, or how it ended
    Status(status::StatusArguments),
    /// What a run did, line by line
    Logs(status::LogsArguments),
    /// Hold the record of a run against its hashes
    Verify(status::VerifyArguments),
    /// Print a document made from a runbook, as Markdown: who is told what when, who is who, what is ticked
    Doc(doc::Arguments),
    /// Tell the whole story of a finding, or list all of them
    Explain(explain::Arguments),
}

/// Reads the arguments and does what they say.
pub fn main() -> ExitCode {
    let exit = match catch_unwind(|| {
        // Whoever speaks TLS later on uses this provider.
        let _already_there = rustls::crypto::ring::default_provider().install_default();
        dispatch(Arguments::parse())
    }) {
        Ok(exit) => exit,
        Err(_) => {
            eprintln!(
                "\nthis is a fault of runbook itself; what is in the journal is true, and the run can be resumed"
            );
            Exit::Fault
        }
    };
    ExitCode::from(exit as u8)
}

fn dispatch(arguments: Arguments) -> Exit {
    let screen = Screen::new(arguments.color);
    let state = || files::state_folder(arguments.state.as_deref());
    let exit = match &arguments.command {
        Command::Init(own) => init::main(own, &screen),
        Command::Check(own) => check::main(own, &screen),
        Command::Fmt(own) => fmt::main(own, &screen),
        Command::Run(own) => run::main(own, &screen, &state()),
        Command::Test(own) => test::main(own, &screen),
        Command::Rehearse(own) => rehearse::main(own, &screen),
        Command::Backtest(own) => backtest::main(own, &screen),
        Command::Resume(own) => resume::main(own, &screen, &state()),
        Command::Rollback(own) => resume::roll_back(own, &screen, &state()),
        Command::Reschedule(own) => amend::reschedule(own, &screen, &state()),
        Command::Amend(own) => amend::amend(own, &screen, &state()),
        Command::Pause(own) => reach::pause(own, &screen, &state()),
        Command::Abort(own) => abort::main(own, &screen, &state()),
        Command::Approve(own) => say::plainly(say::Verb::Approve, own, &screen, &state()),
        Command::Deny(own) => say::plainly(say::Verb::Deny, own, &screen, &state()),
        Command::Confirm(own) => say::plainly(say::Verb::Confirm, own, &screen, &state()),
        Command::Trigger(own) => say::plainly(say::Verb::Trigger, own, &screen, &state()),
        Command::Tick(own) => say::tick(own, &screen, &state()),
        Command::Answer(own) => say::answer(own, &screen, &state()),
        Command::Waive(own) => say::waive(own, &screen, &state()),
        Command::Note(own) => say::note(own, &screen, &state()),
        Command::Status(own) => status::status(own, &screen, &state()),
        Command::Logs(own) => status::logs(own, &screen, &state()),
        Command::Verify(own) => status::verify(own, &screen, &state()),
        Command::Doc(own) => doc::main(own, &screen),
        Command::Explain(own) => explain::main(own, &screen),
    };
    // Whoever was to read it has read nothing: that is not what was asked for.
    if screen.has_lost() && exit == Exit::Done { Exit::Usage } else { exit }
}
