//! Who is asked: roles, questions, checklists.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan};

use crate::check::model::{self, Typed};
use crate::diagnostic::{Code, Diagnostic};
use crate::plan::{
    Action, ActionKind, Ask, AskSort, Duty, Gate, Level, Limit, NodeIx, NodeKind, Outcome, People, Person, Question,
    Quorum, Sort, When,
};
use crate::value::Value;

use super::Lowering;
use super::timeline::Spot;

/// How often an item that ticks itself is looked at again.
const ITEM_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// How long a question waits that does not say.
const QUESTION: SignedDuration = SignedDuration::from_mins(15);

impl<'m> Lowering<'m> {
    pub(super) fn people(&mut self, people: &'m model::People) -> People {
        let quorum = match &people.quorum {
            model::Quorum::One | model::Quorum::Any => Quorum::Any,
            model::Quorum::All => Quorum::All,
            model::Quorum::Of(number) => Quorum::Of(self.count(number, 1).unwrap_or(1)),
        };
        let persons = people.persons.iter().map(|person| Person {
            role: person.role.clone(),
            when: person.when.as_ref().map(|when| self.check(when)),
        });
        People { quorum, persons: persons.collect() }
    }

    /// Who is asked; where nobody is named, the release manager.
    fn asked(&mut self, people: Option<&'m model::People>) -> People {
        let manager = self.model.release.as_ref().and_then(|r| r.manager.clone());
        match (people, manager) {
            (Some(people), _) => self.people(people),
            (None, Some(role)) => People { quorum: Quorum::Any, persons: vec![Person { role, when: None }] },
            (None, None) => People::anybody(),
        }
    }

    /// The levels of the escalation that a limit names.
    fn levels(&mut self, limit: Option<&'m model::Limit>) -> Vec<Level> {
        let Some(name) = limit.and_then(|l| l.escalate.as_ref()) else { return Vec::new() };
        let Some(found) = self.model.escalations.iter().find(|e| e.id.text == *name) else { return Vec::new() };
        let mut levels = Vec::new();
        for (people, within) in &found.levels {
            let people = self.people(people);
            levels.push(Level { people, within: within.as_ref().and_then(|w| self.duration(&w.duration)) });
        }
        levels
    }

    /// What a trigger asks before it acts.
    pub(super) fn question(&mut self, ask: &'m model::Ask) -> Option<Question> {
        let people = self.people(ask.people.as_ref()?);
        let otherwise = ask.within.as_ref().and_then(|w| w.otherwise.as_ref()).map(|o| self.outcome(o));
        Some(Question {
            people,
            within: ask.within.as_ref().and_then(|w| self.duration(&w.duration)).unwrap_or(QUESTION),
            escalation: self.levels(ask.within.as_ref()),
            otherwise: otherwise.unwrap_or(Outcome::Rollback(None)),
        })
    }

    pub(super) fn duties(&mut self, duties: &'m [model::Duty]) -> Vec<Duty> {
        let mut made = Vec::new();
        for duty in duties {
            let (from, to) = (self.day(&duty.from, false), self.day(&duty.to, true));
            if let (Some(person), Some(from), Some(to)) = (self.text(&duty.person), from, to) {
                made.push(Duty { person, away: duty.away, from, to });
            }
        }
        made
    }

    /// A moment of a rota. A last day is in it.
    pub(super) fn day(&mut self, typed: &'m Typed, last: bool) -> Option<When> {
        let value = self.value(typed)?;
        match self.instant_of(value) {
            Value::Offset(offset) => Some(When::Offset(offset)),
            Value::Instant(at) => Some(When::At(at)),
            Value::Date(date) => {
                let day = if last { date.checked_add(1.day()).ok()? } else { date };
                let zone = TimeZone::get(&self.zone).unwrap_or(TimeZone::UTC);
                day.to_zoned(zone).ok().map(|at| When::At(at.timestamp()))
            }
            _ => None,
        }
    }

    /// How long a question may take: what is written, else what the kind of the phase says.
    fn limit(&mut self, within: Option<&'m model::Limit>) -> Limit {
        let mut limit = self.usual_limit(&[]);
        if let Some(within) = within {
            limit.duration = self.duration(&within.duration).unwrap_or(limit.duration);
            limit.otherwise = within.otherwise.as_ref().map_or(limit.otherwise, |o| self.outcome(o));
            limit.written = true;
        }
        limit
    }

    /// `approve`, `confirm` and `question`: a node with one action.
    pub(super) fn ask_node(&mut self, ask: &'m model::AskNode, id: String, parent: Option<NodeIx>) -> NodeIx {
        let limit = self.limit(ask.within.as_ref());
        let (sort, what) = match ask.keyword.word() {
            "approve" => (Sort::Approve, AskSort::Approval),
            "confirm" => (Sort::Confirm, AskSort::Confirmation),
            _ => (Sort::Question, AskSort::Answer(ask.ty.to_string())),
        };
        let on_denied = ask.on_denied.as_ref().map_or_else(|| limit.otherwise.clone(), |o| self.outcome(o));
        let action = Ask {
            sort: what,
            people: self.asked(ask.by.as_ref()),
            escalation: self.levels(ask.within.as_ref()),
            on_denied,
        };
        let action = self.sole(ActionKind::Ask(action), &ask.head);
        let mut work = self.work(sort, vec![action], limit.otherwise.clone());
        work.limit = limit;
        let name = id.clone();
        self.add(&ask.head, id, &name, parent, NodeKind::Work(Box::new(work)))
    }

    /// A checklist: its items side by side, within one limit.
    pub(super) fn checklist(&mut self, list: &'m model::Checklist, id: String, spot: &Spot<'_>) -> NodeIx {
        let limit = self.limit(list.within.as_ref());
        let escalation = self.levels(list.within.as_ref());
        let kind = NodeKind::Parallel { lanes: Vec::new(), limit: Some(limit.clone()), checklist: true, escalation };
        let name = id.clone();
        let ix = self.add(&list.head, id, &name, spot.parent, kind);
        let items: Vec<NodeIx> = list.items.iter().map(|tick| self.item(tick, &name, ix, &limit)).collect();
        if let NodeKind::Parallel { lanes, .. } = &mut self.nodes[ix.index()].kind {
            *lanes = items;
        }
        ix
    }

    fn item(&mut self, tick: &'m model::Tick, list: &str, parent: NodeIx, limit: &Limit) -> NodeIx {
        let id = self.take_id(format!("{list}.{}", tick.id.text), tick.id.span);
        let kind = if tick.looks.is_empty() {
            ActionKind::Ask(Ask {
                sort: AskSort::Tick,
                people: self.asked(tick.by.as_ref()),
                escalation: Vec::new(),
                on_denied: limit.otherwise.clone(),
            })
        } else {
            let mut looks = Vec::new();
            let before = self.owner.take();
            self.each_look(&tick.looks, 0, &mut looks);
            self.owner = before;
            ActionKind::Gate(Gate {
                id: String::new(),
                title: String::new(),
                looks,
                every: ITEM_EVERY,
                within: None,
                pass_after: 1,
                fail_after: None,
                on_failure: None,
                on_inconclusive: limit.otherwise.clone(),
                patient: true,
            })
        };
        let place = self.place(tick.id.span);
        let action = Action::plain(kind, place);
        let mut work = self.work(Sort::Item, vec![action], limit.otherwise.clone());
        work.limit = limit.clone();
        let ix = self.bare_node(id, tick.id.span, Some(parent), NodeKind::Work(Box::new(work)));
        let title = self.title(tick.title.as_ref(), &tick.id.text);
        let group = tick.group.as_deref().and_then(|group| self.text(group));
        let when = tick.when.as_ref().map(|when| self.check(when));
        let node = &mut self.nodes[ix.index()];
        (node.title, node.describe, node.when) = (title, group, when);
        ix
    }

    /// `parallel`: nodes side by side.
    pub(super) fn parallel(
        &mut self,
        head: &'m model::Head,
        nodes: &'m [model::Node],
        id: String,
        spot: &Spot<'_>,
    ) -> NodeIx {
        let kind = NodeKind::Parallel { lanes: Vec::new(), limit: None, checklist: false, escalation: Vec::new() };
        let name = id.clone();
        let ix = self.add(head, id, &name, spot.parent, kind);
        let inner = Spot { parent: Some(ix), prefix: &name, instances: spot.instances.clone() };
        let mut position = 0;
        let made = self.nodes(nodes, &inner, &mut position);
        self.one_lane_moves(&made, head.span);
        if let NodeKind::Parallel { lanes, .. } = &mut self.nodes[ix.index()].kind {
            *lanes = made;
        }
        ix
    }

    /// What two lanes move at once comes back to nobody knows where: each found what the other had set.
    fn one_lane_moves(&mut self, lanes: &[NodeIx], span: crate::source::Span) {
        let mut moved: Vec<(String, NodeIx)> = Vec::new();
        for (i, node) in self.nodes.iter().enumerate() {
            let mut next = Some(NodeIx(i as u32));
            while let Some(ix) = next.filter(|ix| !lanes.contains(ix)) {
                next = self.nodes[ix.index()].parent;
            }
            let (Some(lane), Some(work)) = (next, node.work()) else { continue };
            let subjects = work.actions.iter().filter_map(|a| a.builtin.as_ref().map(|b| b.subject.clone()));
            moved.extend(subjects.map(|subject| (subject, lane)));
        }
        let twice = moved.iter().find(|(subject, lane)| moved.iter().any(|(s, l)| s == subject && l != lane));
        if let Some((subject, _)) = twice {
            let title = format!("two lanes move `{subject}` at the same time");
            let finding = Diagnostic::new(Code::Misplaced, span, title).label("side by side");
            self.push(
                finding.help("each would restore what it found, which the other may have set; let one lane move it"),
            );
        }
    }
}
