//! Syntax tree → model, and everything that can be said about a file without touching the world.
//!
//! [`check`] resolves names, types expressions and then applies the rules of `rules/`, one file each. It never fails: it
//! yields a model and findings. A mistake becomes one finding; what follows from it is silent.

mod about;
mod action;
mod allow;
mod ask;
mod calendar;
pub mod catalogue;
mod comms;
mod compare;
mod connect;
mod declare;
mod gate;
mod hidden;
mod library;
pub mod model;
mod names;
mod people;
mod react;
mod read;
mod resolve;
mod rules;
mod scenario;
mod timeline;
mod typing;
mod url;
pub mod vocabulary;
mod words;

use std::collections::BTreeMap;

use crate::diagnostic::{Code, Diagnostic, tidy};
use crate::source::{FileId, Sources, Span};
use crate::syntax::ast::{Ast, ExprKind, ItemKind};
use crate::value::Type;

pub use library::{imports, is_library, merge};
use model::Model;
use names::Names;
pub(crate) use names::instance_name;
pub(crate) use rules::changes;
use typing::{Allow, Local};

/// A model and what is to be said about the file it was made from.
#[derive(Debug, Default)]
pub struct Checked {
    /// The model.
    pub model: Model,
    /// The findings, sorted.
    pub diagnostics: Vec<Diagnostic>,
}

/// Checks a file, with what it imports [merged](merge) into its tree. Its syntax findings are not repeated; what stands in lines that could not be read is not missed.
pub fn check(sources: &Sources, file: FileId, ast: &Ast) -> Checked {
    let mut checker = Checker {
        sources,
        file,
        names: Names::collect(ast),
        diagnostics: Vec::new(),
        model: Model::default(),
        locals: Vec::new(),
        allow: Allow::default(),
        baseline_of: None,
        spans: 0,
        kind: model::PhaseKind::Live,
        later: BTreeMap::new(),
    };
    checker.diagnostics.append(&mut checker.names.duplicates());
    checker.file(ast);
    rules::apply(&mut checker, ast);
    hidden::check(sources, &mut checker.diagnostics);
    let not_run = checker.not_run();
    checker.diagnostics.extend(not_run.iter().cloned());
    checker.model.not_run = tidy(not_run);
    let Checker { model, diagnostics, .. } = checker;
    let files = sources.iter().map(|(id, _)| id);
    let diagnostics = files.fold(diagnostics, |left, id| allow::apply(sources, id, left));
    Checked { model, diagnostics: tidy(diagnostics) }
}

struct Checker<'a> {
    sources: &'a Sources,
    file: FileId,
    names: Names<'a>,
    diagnostics: Vec<Diagnostic>,
    model: Model,
    /// Names that are known only here: of a loop, of a gate's parameters, of captures.
    locals: Vec<Local>,
    /// What an expression may speak of here.
    allow: Allow,
    /// The metric on the left of the comparison that is being typed.
    baseline_of: Option<String>,
    /// How many `for`s the condition has so far.
    spans: u32,
    /// The kind of the phase that is being read.
    kind: model::PhaseKind,
    /// What this version does not run, with the places of each.
    later: BTreeMap<(FileId, String), Vec<Span>>,
}

impl<'a> Checker<'a> {
    fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    fn slice(&self, span: Span) -> &'a str {
        self.sources.text(span)
    }

    /// Something that the language has and this version does not run. It is checked all the same.
    fn not_yet(&mut self, span: Span, what: &str) {
        let places = self.later.entry((span.file, what.to_owned())).or_default();
        if !places.contains(&span) {
            places.push(span);
        }
    }

    /// One finding for each thing that this version does not run, at the first place where it stands.
    fn not_run(&mut self) -> Vec<Diagnostic> {
        let later = std::mem::take(&mut self.later);
        let finding = |((_, what), mut places): ((FileId, String), Vec<Span>)| {
            places.sort_by_key(|span| span.start);
            let title = format!("this version does not run {what} yet");
            let finding = Diagnostic::new(Code::NotYet, places[0], title)
                .help("it is checked, and `run` refuses the file; `# allow(RB017): reason` in the file says that this is known");
            let line = |span: &Span| self.sources.file(span.file).position(span.start as usize).line.to_string();
            let label = match &places[1..] {
                [] => "not run yet".to_owned(),
                [one] => format!("not run yet; also in line {}", line(one)),
                more if more.len() <= 8 => {
                    let lines: Vec<_> = more.iter().map(line).collect();
                    format!("not run yet; also in the lines {}", lines.join(", "))
                }
                more => format!("not run yet; also in {} more places", more.len()),
            };
            finding.label(label)
        };
        later.into_iter().map(finding).collect()
    }

    fn is_given_elsewhere(&self, name: &crate::syntax::ast::Name) -> bool {
        self.names.peek(&name.text).is_some_and(|symbol| symbol.span.file != name.span.file)
    }

    fn file(&mut self, ast: &'a Ast) {
        let whole = Span::new(self.file, 0, 0);
        let body = self.body("file", whole, &[], &ast.items);
        for item in &body.rest {
            match &item.kind {
                // Of a name that two files give, the one that is run gives it.
                ItemKind::Declaration(d) if self.is_given_elsewhere(&d.name) => {}
                ItemKind::Declaration(declaration) => self.declaration(declaration),
                ItemKind::Link(link) => self.link(link),
                ItemKind::Construct(construct) => self.top_level(construct),
                ItemKind::On(handler) => self.handler(handler),
                _ => {}
            }
        }
    }
}

/// What a finding says of a type that does not fit: `a percent`, `an int`.
fn article(ty: &Type) -> String {
    let name = ty.to_string();
    let an = name.starts_with(['a', 'e', 'i', 'o']);
    format!("{} {name}", if an { "an" } else { "a" })
}

/// A keyword with its article: `an approve`.
fn articled(word: &str) -> String {
    format!("{} `{word}`", if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" })
}

/// Whether an expression of the tree could not be read; then everything about it was said.
fn is_bad(expr: &crate::syntax::ast::Expr) -> bool {
    matches!(expr.kind, ExprKind::Bad)
}
