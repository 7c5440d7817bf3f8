//! Libraries: files of declarations that a runbook imports.

use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{Ast, Item, ItemKind, Keyword};

/// A runbook with what it imports: its own statements first, then those of each library. What a library may not have is
/// left out and said.
pub fn merge(main: Ast, libraries: Vec<Ast>) -> (Ast, Vec<Diagnostic>) {
    let (mut merged, mut findings) = (main, Vec::new());
    for library in libraries {
        merged.lost_words.extend(library.lost_words);
        for item in library.items {
            match misplaced(&item) {
                Some((word, span)) => findings.push(
                    Diagnostic::new(Code::Misplaced, span, format!("a library has no `{word}`"))
                        .label("belongs into the file that is run")
                        .help("a library declares what several runbooks share: channels, metrics, roles, gates, triggers, rollbacks"),
                ),
                None => merged.items.push(item),
            }
        }
    }
    (merged, findings)
}

/// What belongs to one release alone.
fn misplaced(item: &Item) -> Option<(&'static str, Span)> {
    match &item.kind {
        ItemKind::Construct(construct) => match construct.keyword {
            Keyword::Runbook | Keyword::Release | Keyword::Phase | Keyword::Scope | Keyword::Comms => {
                Some((construct.keyword.word(), construct.head()))
            }
            _ => None,
        },
        ItemKind::On(handler) => Some(("on", handler.event.span)),
        _ => None,
    }
}

/// Whether a file is a library: it declares something, and has neither a `runbook` nor a timeline nor anything else that
/// only a file that is run has.
pub fn is_library(ast: &Ast) -> bool {
    let declares = |item: &Item| !matches!(item.kind, ItemKind::Bad(_) | ItemKind::Import(_));
    ast.items.iter().any(declares) && !ast.items.iter().any(|item| misplaced(item).is_some())
}

/// What a file imports: the paths as they are written, with their places.
pub fn imports(ast: &Ast) -> (Vec<(String, Span)>, Vec<Diagnostic>) {
    let (mut paths, mut findings) = (Vec::new(), Vec::new());
    for item in &ast.items {
        let ItemKind::Import(text) = &item.kind else { continue };
        match text.plain() {
            Some(path) => paths.push((path, text.span)),
            None => findings.push(
                Diagnostic::new(Code::Import, text.span, "what is imported is known before any value is")
                    .label("has a value in it")
                    .help("write the path as it is: `import \"lib/acme.rb\"`"),
            ),
        }
    }
    (paths, findings)
}
