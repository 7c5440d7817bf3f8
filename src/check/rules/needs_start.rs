//! A moment before T+0 needs `release.start`.
//!
//! Without a start T+0 is the moment at which the live part begins, and nothing can happen a day before that.

use jiff::SignedDuration;

use crate::check::model::{Announcement, Model, Moment, Typed};
use crate::diagnostic::{Code, Diagnostic};
use crate::value::{Expr, Value, offset_text};

use super::{nodes, phases};

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    if model.release.as_ref().is_some_and(|r| r.start.is_some()) {
        return;
    }
    let heads =
        phases(model).into_iter().map(|p| &p.head).chain(nodes(model).into_iter().filter_map(|(_, n)| n.head()));
    let told = model.comms.iter().flat_map(|announcement| match announcement {
        Announcement::Once { moment, .. } => [moment.as_ref(), None],
        Announcement::Every { from, until, .. } => [from.as_ref(), until.as_ref()],
    });
    let told = told.flatten().filter_map(|moment| match moment {
        Moment::Offset(offset) => Some(offset),
        _ => None,
    });
    for moment in heads.filter_map(|head| head.at.as_deref()).chain(told) {
        if let Typed { expr: Expr::Value(Value::Offset(at)), span, .. } = moment
            && *at < SignedDuration::ZERO
        {
            let title = format!("{} lies before T+0, and T+0 is not known", offset_text(*at));
            findings.push(
                Diagnostic::new(Code::NeedsStart, *span, title)
                    .label("before what?")
                    .help("give the release a start: `release { start = 2025-11-18T10:00:00-08:00 }`"),
            );
        }
    }
}
