//! What is ticked, by whom.

use crate::plan::{ActionKind, NodeIx, NodeKind};
use crate::source::one_line;

use super::super::words::{limit_text, look_words};
use super::comms::ask_of;
use super::{Page, md};

impl Page<'_> {
    pub(super) fn checklists(&mut self) {
        self.head("checklists");
        let plan = self.plan;
        let all = (0..plan.nodes.len() as u32).map(NodeIx).filter(|ix| plan.node(*ix).is_checklist());
        let lists: Vec<NodeIx> = all.collect();
        if lists.is_empty() {
            self.line("This runbook has no checklists.");
        }
        for list in lists {
            let node = plan.node(list);
            self.line(&format!("## {}", md(&node.title)));
            self.line("");
            let mut about = vec![format!("`{}`", node.id.replace('`', "'"))];
            about.extend(self.expected(list).map(|at| md(&self.when(at))));
            if let NodeKind::Parallel { limit: Some(limit), .. } = &node.kind {
                about.push(md(&limit_text(limit)));
            }
            about.extend(node.when.as_ref().map(|when| md(&format!("only if {}", when.text))));
            self.line(&about.join(" · "));
            let mut group = None;
            for item in node.children().unwrap_or_default() {
                let own = plan.node(*item);
                if own.describe != group {
                    group.clone_from(&own.describe);
                    self.line("");
                    if let Some(group) = &group {
                        self.line(&format!("**{}**", md(group)));
                        self.line("");
                    }
                } else if group.is_none() && node.children().unwrap_or_default().first() == Some(item) {
                    self.line("");
                }
                let who = match ask_of(plan, *item) {
                    Some(people) => self.plan.titles(people),
                    None => format!("by itself: {}", self.looks(*item)),
                };
                let only = own.when.as_ref().map(|when| format!(", only if {}", when.text)).unwrap_or_default();
                self.line(&format!("- [ ] {} ({})", md(&own.title), md(&format!("{who}{only}"))));
            }
            self.line("");
        }
    }

    /// What an item looks at.
    fn looks(&self, ix: NodeIx) -> String {
        let actions = self.plan.node(ix).work().map(|w| w.actions.as_slice()).unwrap_or_default();
        let looks = actions.iter().filter_map(|action| match &action.kind {
            ActionKind::Gate(gate) => Some(look_words(gate)),
            _ => None,
        });
        one_line(&looks.collect::<Vec<_>>().join(", "))
    }
}
