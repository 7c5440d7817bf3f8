//! The tests through the front doors: the binary, and the library's phases. One program, so that it links once.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    unreachable_pub,
    dead_code,
    reason = "tests use the machine they run on"
)]

mod binary;
mod servers;
mod support;

mod agreement;
mod answers;
mod backtest;
mod bad_input;
mod calendar;
mod chance;
mod channels;
mod check;
mod comms;
mod cuts;
mod disasters;
mod docs;
mod engine;
mod engine_conditions;
mod guide;
mod imports;
mod kills;
mod looking;
mod mail;
mod mutants;
mod mutations;
mod other_sources;
mod people;
mod probe;
mod quickstart;
mod rooms;
mod runs;
mod scenarios;
mod screens;
mod shares;
mod sources;
mod sweep;
mod syntax;
mod telling;
mod values;
mod waits;
mod watching;
mod weeks;
