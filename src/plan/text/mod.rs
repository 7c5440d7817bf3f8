//! x
/// x
pub fn command_text() {}
/// x
pub fn dry_run() {}
/// x
pub fn gate_words() {}
/// x
pub fn outcome_text() {}
