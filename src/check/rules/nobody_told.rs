//! Somebody is told when a rollback begins.
//!
//! The runbook has channels, and the way back is the one moment at which nobody should have to look for news.

use crate::check::model::{Channel, ChannelKind, Model, Node, PhaseKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

use super::{changes, steps};

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    let changing = |step: &crate::check::model::Step| step.actions.iter().any(changes);
    let live = steps(model).into_iter().any(|(kind, step)| kind == PhaseKind::Live && changing(step));
    // Whoever sees the console sees the rollback too.
    let far = |channel: &&Channel| channel.kind != Some(ChannelKind::Console);
    let Some(channel) = model.channels.iter().find(far).filter(|_| live) else { return };
    let in_rollback = |node: &Node| matches!(node, Node::Notify(..));
    let told = model.rollbacks.iter().any(|r| r.nodes.iter().any(in_rollback))
        || model.handlers.iter().any(|h| matches!(h.event.as_str(), "rolled_back" | "unhealthy" | "stuck"))
        || model.triggers.iter().any(|t| !t.notifies.is_empty())
        || model.severities.iter().any(|s| !s.notify.is_empty());
    if !told {
        let own = model.runbook.id.span;
        let (place, label) = match channel.id.span.file == own.file || own == Span::default() {
            true => (channel.id.span, "there is a channel for it"),
            false => (own, "there are channels for it"),
        };
        findings.push(
            Diagnostic::new(Code::NobodyTold, place, "nobody is told when this release is rolled back")
                .label(label)
                .help(format!(
                    "write `rollback \"Roll back\" {{ notify {0} \"Rolling back: ${{event.reason}}\"; undo }}`, or `on rolled_back {{ notify {0} \"…\" }}`",
                    channel.id.text
                )),
        );
    }
}
