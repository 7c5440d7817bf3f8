//! A file that is run has a `runbook` and a timeline.

use crate::check::{Checker, is_library};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{Ast, ItemKind, Keyword};

pub(super) fn check(checker: &mut Checker<'_>, ast: &Ast) {
    // In a file with unreadable lines they may well be there.
    let unreadable = ast.items.iter().any(|i| matches!(i.kind, ItemKind::Bad(_)));
    if unreadable || is_library(ast) {
        return;
    }
    let has = |keyword| ast.items.iter().any(|i| matches!(&i.kind, ItemKind::Construct(c) if c.keyword == keyword));
    let start = Span::new(checker.file, 0, 0);
    if !has(Keyword::Runbook) {
        checker.push(
            Diagnostic::new(Code::Missing, start, "this file has no `runbook`")
                .label("the file begins here")
                .help("write `runbook NAME \"Title\" { owner = \"team\" }` at the top"),
        );
    }
    if !has(Keyword::Phase) {
        let at = ast.items.last().map_or(start, |i| i.span);
        checker.push(
            Diagnostic::new(Code::Missing, at, "this runbook has no timeline")
                .label("nothing happens after this")
                .help("write what happens: `phase deployment: live \"Deployment\" { step … }`"),
        );
    }
}
