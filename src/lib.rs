//! Executable release runbooks.
#![doc = include_str!("../README.md")]

pub mod check;
pub mod cli;
pub mod diagnostic;
pub mod drive;
pub mod engine;
pub mod journal;
pub mod paint;
pub mod plan;
pub mod rehearse;
pub mod report;
pub mod source;
pub mod syntax;
pub mod value;
pub mod world;
