//! Nothing is declared and never used.
//!
//! A metric that no gate, hold or trigger watches, a channel that nobody is told through: usually a name was misspelt
//! elsewhere, or a check was lost. Links, scope, goals, roles with a contact and metrics with marks are for people, and
//! count as used.

use crate::check::Checker;
use crate::check::is_library;
use crate::check::names::{Kind, Symbol};
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast::{Ast, Keyword};

pub(super) fn check(checker: &mut Checker<'_>, ast: &Ast) {
    let mut findings = Vec::new();
    // What a library declares is for others.
    let own = |symbol: &Symbol<'_>| symbol.span.file == checker.file && !is_library(ast);
    for (name, symbol) in checker.names.iter().filter(|(_, s)| !s.used && own(s)) {
        let matters = match symbol.kind {
            Kind::Var | Kind::Let | Kind::Secret | Kind::Fact => true,
            Kind::Link => false,
            Kind::Block(Keyword::Metric) => {
                checker.model.metrics.iter().any(|m| m.id.text == name && m.marks.is_empty())
            }
            Kind::Block(Keyword::Role) => checker.model.roles.iter().any(|r| r.id.text == name && r.contact.is_none()),
            Kind::Block(Keyword::Channel | Keyword::Severity | Keyword::Escalation | Keyword::Window) => true,
            Kind::Block(Keyword::Source | Keyword::Flags | Keyword::Router | Keyword::Hosts | Keyword::Response) => {
                true
            }
            // A gate at file level; in place it is used where it stands.
            Kind::Block(Keyword::Gate) => checker.model.gates.iter().any(|g| g.id.text == name),
            // A person may choose it: `runbook rollback RUN --to NAME`.
            Kind::Block(Keyword::Rollback) => false,
            Kind::Block(_) => false,
        };
        if matters {
            findings.push(
                Diagnostic::new(Code::Unused, symbol.span, format!("nothing uses `{name}`"))
                    .label(format!("{} that is never named", symbol.kind.phrase()))
                    .help("remove it, or name it where it was meant"),
            );
        }
    }
    // Where lines could not be read, their words may be the use.
    findings.retain(|f| !checker.names.is_lost(checker.slice(f.primary.span)));
    checker.diagnostics.extend(findings);
}
