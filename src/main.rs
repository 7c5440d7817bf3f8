//! The binary: everything it does is in the library's `cli`.

use std::process::ExitCode;

/// A run starts processes, and each start copies the tables of the memory it holds: what checking and planning needed
/// for a while has to go back to the system.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    runbook::cli::main()
}
