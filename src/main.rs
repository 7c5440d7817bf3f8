//! The binary: everything it does is in the library's `cli`.

use std::process::ExitCode;

/// A run starts processes, and each start copies the tables of the memory it holds: what checking and planning needed
/// for a while has to go back to the system.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The stack of the work, in bytes. Only what is used of it is ever given by the system; a chain of thousands of values
/// that depend on each other uses more than the usual one.
const STACK: usize = 1 << 30;

fn main() -> ExitCode {
    let work = std::thread::Builder::new().stack_size(STACK).spawn(runbook::cli::main);
    match work.map(std::thread::JoinHandle::join) {
        Ok(Ok(exit)) => exit,
        // The panic was reported where it happened.
        Ok(Err(_panic)) => ExitCode::from(70),
        // A machine that gives no such stack gives a smaller one.
        Err(_small) => runbook::cli::main(),
    }
}
