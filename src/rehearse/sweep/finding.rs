//! What should not be so: what a sweep has to complain about.

use crate::plan::{NodeIx, Plan};

use super::{Fate, Place};

/// Of which sort a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each has a page in docs/errors")]
pub enum FindingSort {
    StuckUnheard,
    LeftBehind,
    WaitUnheard,
}

impl FindingSort {
    /// Its code, as it is shown.
    pub fn code(self) -> &'static str {
        match self {
            FindingSort::StuckUnheard => "RB802",
            FindingSort::LeftBehind => "RB803",
            FindingSort::WaitUnheard => "RB804",
        }
    }
}

/// Something that should not be so, with every fault that leads to it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Of which sort.
    pub sort: FindingSort,
    /// What is so.
    pub title: String,
    /// The node that it is about, if there is one.
    pub node: Option<NodeIx>,
    /// After which faults, in words.
    pub after: Vec<String>,
}

/// Everything that should not be so among some fates. What several faults lead to is one finding.
pub(super) fn findings(plan: &Plan, fates: &[Fate]) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for fate in fates {
        let words: Vec<String> = fate.troubles.iter().map(|t| t.words(plan)).collect();
        let after = format!("{} ({})", words.join(" and "), fate.at);
        let mut add = |sort: FindingSort, title: String, node: Option<NodeIx>| match found
            .iter_mut()
            .find(|f| f.sort == sort && f.title == title)
        {
            Some(finding) => finding.after.push(after.clone()),
            None => found.push(Finding { sort, title, node, after: vec![after.clone()] }),
        };
        if fate.place == Place::Stuck && !fate.heard {
            add(FindingSort::StuckUnheard, "the way back is stuck, and nobody is told".into(), None);
        }
        if matches!(fate.place, Place::RolledBack | Place::Unhealthy | Place::Stopped) {
            for ix in &fate.left {
                let id = &plan.node(*ix).id;
                let title = format!("`{id}` has changed something, and is neither undone nor excused");
                add(FindingSort::LeftBehind, title, Some(*ix));
            }
        }
        for what in &fate.unheard {
            let title = format!("the run waits for a person because of `{what}`, and nobody hears of it");
            add(FindingSort::WaitUnheard, title, plan.find(what));
        }
    }
    found.sort_by_key(|finding| finding.sort);
    found
}
