//! No fact needs itself to be known.
//!
//! Facts are looked up before anything else, in the order of their needs. In a circle there is no first one.

use crate::check::model::{Fact, Model};
use crate::diagnostic::{Code, Diagnostic};
use crate::value::{Expr, RefKind};

use super::values::of_action;

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    let mut told: Vec<&str> = Vec::new();
    for fact in &model.facts {
        let mut path = Vec::new();
        if told.contains(&fact.id.text.as_str()) || !leads_back(model, &fact.id.text, fact, &mut path) {
            continue;
        }
        told.extend(&path);
        let mut finding =
            Diagnostic::new(Code::Cycle, fact.id.span, format!("the fact `{}` needs itself to be known", fact.id.text))
                .label("it would have to be looked up first");
        for name in path.iter().filter(|name| **name != fact.id.text) {
            if let Some(other) = model.facts.iter().find(|f| f.id.text == **name) {
                finding = finding.also(other.id.span, "by way of this one");
            }
        }
        findings.push(finding.help("let one of them be known without the others"));
    }
}

/// Whether the values of a fact lead back to the one named; the path is the facts between.
fn leads_back<'m>(model: &'m Model, goal: &str, fact: &'m Fact, path: &mut Vec<&'m str>) -> bool {
    if path.contains(&fact.id.text.as_str()) {
        return false;
    }
    path.push(&fact.id.text);
    for name in needs(model, fact) {
        if name == goal {
            return true;
        }
        let next = model.facts.iter().find(|f| f.id.text == name);
        if next.is_some_and(|next| leads_back(model, goal, next, path)) {
            return true;
        }
    }
    path.pop();
    false
}

/// The facts that a fact's command uses, also through a `let`.
fn needs(model: &Model, fact: &Fact) -> Vec<String> {
    let mut found = Vec::new();
    for value in fact.command.iter().flat_map(|c| of_action(c)) {
        facts_of(model, &value.expr, &mut found, 0);
    }
    found
}

fn facts_of(model: &Model, expr: &Expr, found: &mut Vec<String>, depth: usize) {
    for used in expr.refs() {
        match used.kind {
            RefKind::Fact => found.push(used.name.clone()),
            // A circle of lets has its own finding.
            RefKind::Let if depth <= model.lets.len() => {
                if let Some(value) = model.lets.iter().find(|l| l.id.text == used.name) {
                    facts_of(model, &value.value.expr, found, depth + 1);
                }
            }
            _ => {}
        }
    }
}
