//! Executable release runbooks.
#![doc = include_str!("../README.md")]

pub mod check;
pub mod diagnostic;
pub mod engine;
pub mod paint;
pub mod plan;
pub mod source;
pub mod syntax;
pub mod value;
pub mod world;
