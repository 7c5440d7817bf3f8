//! The model: what a runbook says, with every name resolved and every expression typed.
//!
//! Building it cannot fail. Where the author made a mistake there is an [`Expr::Error`] and a finding beside it.

mod act;
mod declare;
mod people;
mod react;
mod scenario;
mod timeline;

use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::value::{Expr, Type};

pub use act::*;
pub use declare::*;
pub use people::*;
pub use react::*;
pub use scenario::*;
pub use timeline::*;

/// An expression with its type and its place.
#[derive(Clone, Debug)]
pub struct Typed {
    /// What it is.
    pub expr: Expr,
    /// Its type.
    pub ty: Type,
    /// Where it stands.
    pub span: Span,
}

/// A name with its place; empty where none was written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Id {
    /// The name.
    pub text: String,
    /// Where it stands; of something without a name, its keyword.
    pub span: Span,
}

/// Everything a file says.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "each is a declaration of the language")]
pub struct Model {
    pub runbook: Runbook,
    pub release: Option<Release>,
    pub scope: Vec<ScopeItem>,
    pub risks: Vec<Risk>,
    pub roles: Vec<Role>,
    pub links: Vec<Link>,
    pub vars: Vec<Var>,
    pub lets: Vec<Let>,
    pub secrets: Vec<Secret>,
    pub facts: Vec<Fact>,
    pub channels: Vec<Channel>,
    pub metrics: Vec<Metric>,
    pub severities: Vec<Severity>,
    pub gates: Vec<Gate>,
    pub phases: Vec<Phase>,
    pub triggers: Vec<Trigger>,
    pub rollbacks: Vec<Rollback>,
    pub handlers: Vec<Handler>,
    pub connections: Vec<Connection>,
    pub flags: Vec<Flag>,
    pub escalations: Vec<Escalation>,
    pub windows: Vec<Window>,
    pub responses: Vec<Response>,
    pub comms: Vec<Announcement>,
    pub scenarios: Vec<Scenario>,
    pub follow_ups: Vec<(Typed, Option<Typed>)>,
    /// What this version does not run. With any of it there is no plan.
    pub not_run: Vec<Diagnostic>,
}
