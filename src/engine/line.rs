//! The point of no return: the newest step that cannot be undone.
//!
//! The plain rollback does not reach across it. Nothing is undone before a person says what is to happen: back to the line,
//! by a named rollback, or nothing at all. Until then the run is stuck.

use crate::plan::{Lane, NodeIx, Plan, Undo};

use super::state::Run;

impl Run {
    /// The irreversible step that was begun last, where the way back is the plain one.
    pub fn line(&self, plan: &Plan) -> Option<NodeIx> {
        let back = self.back.as_ref()?;
        let plain = plan.rollbacks[back.rollback].id.is_empty();
        let nodes = (0..plan.nodes.len() as u32).map(NodeIx).filter(|_| plain);
        let crossed = nodes.filter(|ix| {
            let node = plan.node(*ix);
            let irreversible = node.work().is_some_and(|w| matches!(w.undo, Undo::Irreversible(_)));
            irreversible && node.lane == Lane::Live && self.node(*ix).acted
        });
        crossed.max_by_key(|ix| self.node(*ix).order)
    }

    /// The line at which the run stands and waits for a person.
    pub fn waits_at_line(&self, plan: &Plan) -> Option<NodeIx> {
        self.line(plan).filter(|_| self.back.as_ref().is_some_and(|back| !back.answered))
    }

    /// Where the line stands in the order of what was begun; 0 without one.
    pub fn order_of_line(&self, plan: &Plan) -> u32 {
        self.line(plan).map_or(0, |ix| self.node(ix).order)
    }
}
