//! A script uses no name of the runbook as if it were the shell's.
//!
//! In a `shell` every `$` is the shell's own. `${env}` there is a variable of the shell that nobody has set: empty, or the
//! end of the script under `-u`. Values come in by `env`.

use crate::check::model::{ActionKind, Command, Model, WordPiece};
use crate::diagnostic::{Code, Diagnostic};
use crate::value::Expr;

use super::values::every_action;

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    let names = declared(model);
    if names.is_empty() {
        return;
    }
    for action in every_action(model) {
        let ActionKind::Shell(command) = &action.kind else { continue };
        let script: String = command
            .words
            .iter()
            .flat_map(|word| &word.pieces)
            .filter_map(|piece| match piece {
                WordPiece::Text(text) => Some(text.as_str()),
                WordPiece::Value(_) => None,
            })
            .collect();
        for name in &names {
            if uses(&script, name) && !is_given(command, name) && !sets(&script, name) {
                let title = format!("in a `shell` `${{{name}}}` is the shell's own variable, not the runbook's");
                findings.push(
                    Diagnostic::new(Code::ShellName, action.span, title)
                        .label(format!("uses `{name}`, which nothing gives to it"))
                        .help(format!("give it by name: `shell \"…\" {{ env = {{ {name} = {name} }} }}`")),
                );
            }
        }
    }
}

/// The names of a runbook that have a value.
fn declared(model: &Model) -> Vec<&str> {
    let ids = model.vars.iter().map(|v| &v.id).chain(model.lets.iter().map(|l| &l.id));
    let ids = ids.chain(model.facts.iter().map(|f| &f.id)).chain(model.secrets.iter().map(|s| &s.id));
    ids.map(|id| id.text.as_str()).collect()
}

/// Whether a script has `$name` or `${name…`.
fn uses(script: &str, name: &str) -> bool {
    script.match_indices('$').any(|(at, _)| {
        let rest = script[at + 1..].strip_prefix('{').unwrap_or(&script[at + 1..]);
        rest.strip_prefix(name).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    })
}

/// Whether the block of a command gives it that variable.
fn is_given(command: &Command, name: &str) -> bool {
    let given = |values: &Option<Box<crate::check::model::Typed>>| match values.as_deref().map(|v| &v.expr) {
        Some(Expr::Map(entries)) => entries.iter().any(|(key, _)| key == name),
        Some(Expr::Value(crate::value::Value::Map(map))) => map.contains_key(name),
        Some(Expr::List(items)) => items.iter().any(|item| item.known().is_none_or(|value| value.to_string() == name)),
        Some(Expr::Value(crate::value::Value::List(items))) => items.iter().any(|item| item.to_string() == name),
        Some(_) => true,
        None => false,
    };
    given(&command.env) || given(&command.inherit)
}

/// Whether a script gives the variable its own value.
fn sets(script: &str, name: &str) -> bool {
    let words: Vec<&str> = script.split(|c: char| c.is_whitespace() || ";()".contains(c)).collect();
    words.iter().any(|word| word.strip_prefix(name).is_some_and(|rest| rest.starts_with('=') || rest.starts_with("+=")))
        || words.windows(2).any(|pair| matches!(pair[0], "for" | "read" | "local" | "-r") && pair[1] == name)
}
