//! No response ends in itself.
//!
//! A response that fails or is too slow takes the outcome of its limit. If that leads back to it, nothing ever ends.

use crate::check::model::{Model, Response, Verdict};
use crate::diagnostic::{Code, Diagnostic};

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    let next = |response: &Response| match &response.within.as_ref()?.otherwise.as_ref()?.verdict {
        Verdict::Respond(name) => model.responses.iter().find(|r| r.id.text == *name),
        _ => None,
    };
    let mut told: Vec<&str> = Vec::new();
    for response in &model.responses {
        let mut path = vec![response];
        while let Some(further) = path.last().and_then(|last| next(last)) {
            if further.id.text == response.id.text {
                if !told.contains(&response.id.text.as_str()) {
                    told.extend(path.iter().map(|r| r.id.text.as_str()));
                    let title = format!("the response `{}` ends in itself", response.id.text);
                    let place = response.within.as_ref().map_or(response.id.span, |w| w.span);
                    let finding = Diagnostic::new(Code::Cycle, place, title).label("leads back to it");
                    findings.push(finding.help("write what ends it: `else rollback`"));
                }
                break;
            }
            if path.iter().any(|r| r.id.text == further.id.text) {
                break;
            }
            path.push(further);
        }
    }
}
