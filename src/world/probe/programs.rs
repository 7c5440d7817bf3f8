//! Which programs a plan starts, and where they are.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::plan::{Action, ActionKind, Command, Look, Plan};
use crate::value::Part as Piece;

/// The program of a command, if it is known.
pub(super) fn program_of(command: &Command) -> Option<String> {
    let mut text = String::new();
    for piece in &command.words.first()?.pieces {
        match piece {
            Piece::Text(literal) => text.push_str(literal),
            Piece::Value(expr) => text.push_str(&expr.known()?.to_string()),
        }
    }
    Some(text)
}

/// Where a program is, as the system would look for it.
pub(super) fn find(program: &str, dir: &Path) -> Result<PathBuf, String> {
    let starts = |path: &Path| {
        std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        let path = dir.join(program);
        return match (path.exists(), starts(&path)) {
            (false, _) => Err("there is no such program".into()),
            (true, false) => Err("it may not be started".into()),
            (true, true) => Ok(path),
        };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| starts(path));
    found.ok_or_else(|| "it is not on the PATH".into())
}

/// Every action of a plan, with whose it is: of nodes and their ways back, of gates, metrics and facts.
pub(super) fn each_action(plan: &Plan, visit: &mut dyn FnMut(&str, &Action)) {
    fn whole(who: &str, action: &Action, visit: &mut dyn FnMut(&str, &Action)) {
        visit(who, action);
        if let ActionKind::Gate(gate) = &action.kind {
            gate.looks.iter().for_each(|look| {
                if let Look::Action(action) = look {
                    visit(who, action);
                }
            });
        }
    }
    for node in &plan.nodes {
        let Some(work) = node.work() else { continue };
        work.actions.iter().chain(work.undo.actions()).for_each(|action| whole(&node.id, action, visit));
        for look in &work.done_when {
            if let Look::Action(action) = look {
                visit(&node.id, action);
            }
        }
    }
    plan.metrics.iter().for_each(|metric| whole(&metric.id, &metric.action, visit));
    plan.facts.iter().for_each(|fact| whole(&fact.name, &fact.action, visit));
}
