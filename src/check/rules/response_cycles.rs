//! No response ends in itself.
//!
//! A response that fails or is too slow takes the outcome of its limit. If that leads back to it, nothing ever ends.

use std::collections::HashMap;

use crate::check::model::{Model, Verdict};
use crate::diagnostic::{Code, Diagnostic};

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    let by_name: HashMap<&str, usize> =
        model.responses.iter().enumerate().map(|(i, r)| (r.id.text.as_str(), i)).collect();
    let next = |i: usize| match &model.responses[i].within.as_ref()?.otherwise.as_ref()?.verdict {
        Verdict::Respond(name) => by_name.get(name.as_str()).copied(),
        _ => None,
    };
    // Each leads to one other at most, so a walk from each that nobody has come by before finds every circle once.
    let mut walk_of: Vec<Option<usize>> = vec![None; model.responses.len()];
    for start in 0..model.responses.len() {
        let mut at = Some(start);
        while let Some(i) = at.filter(|i| walk_of[*i].is_none()) {
            walk_of[i] = Some(start);
            at = next(i);
        }
        if let Some(i) = at.filter(|i| walk_of[*i] == Some(start)) {
            let response = &model.responses[i];
            let title = format!("the response `{}` ends in itself", response.id.text);
            let place = response.within.as_ref().map_or(response.id.span, |w| w.span);
            let finding = Diagnostic::new(Code::Cycle, place, title).label("leads back to it");
            findings.push(finding.help("write what ends it: `else rollback`"));
        }
    }
}
