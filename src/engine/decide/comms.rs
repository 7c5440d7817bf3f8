//! Messages by the clock or by a node: beside the timeline, never waited for.

use jiff::{SignedDuration, Timestamp};

use crate::engine::event::EventKind;
use crate::engine::scene::Scene;
use crate::engine::state::{Live, Mode, Run, Status};
use crate::plan::{Announcement, Moment, Plan};
use crate::value::{Value, duration_text, evaluate};

use super::{Context, Events};

/// A message that is later than this is not sent any more: it would only confuse.
const TOO_LATE: SignedDuration = SignedDuration::from_hours(1);

/// When a moment is or was; nothing as long as that is not known.
pub(crate) fn instant(plan: &Plan, run: &Run, moment: &Moment) -> Option<Timestamp> {
    match moment {
        Moment::Offset(offset) => {
            let zero = run.zero.or(plan.release.as_ref().and_then(|r| r.start))?;
            zero.checked_add(*offset).ok()
        }
        // What was left out begins and ends when its turn comes.
        Moment::Start(nodes) => nodes
            .iter()
            .filter_map(|ix| {
                let state = run.node(*ix);
                state.started.or(state.ended.filter(|_| state.status == Status::Skipped))
            })
            .min(),
        Moment::End(nodes) => {
            let ended = |ix| run.node(ix).status.is_final().then(|| run.node(ix).ended).flatten();
            let all: Option<Vec<Timestamp>> = nodes.iter().map(|ix| ended(*ix)).collect();
            all?.into_iter().max()
        }
        Moment::LiveEnd => run.live_until,
        Moment::After(moment, shift) => instant(plan, run, moment)?.checked_add(*shift).ok(),
    }
}

/// When something is to be said next; nothing if that is not known, or it is over.
pub(crate) fn next_announcement(plan: &Plan, run: &Run, index: usize) -> Option<Timestamp> {
    let told = &plan.comms[index];
    let turns = run.announced[index];
    let back = run.back.as_ref();
    // What belongs to a way back is said while it is gone, everything else while it is not.
    let begins = match (told.rollback, &run.mode) {
        (Some(rollback), Mode::Back) => Some(back.filter(|b| b.rollback == rollback as usize).map(|b| b.since)?),
        (None, Mode::Forward | Mode::Paused(_)) => run.live_since,
        _ => return None,
    };
    let from = match &told.from {
        Some(moment) => instant(plan, run, moment)?,
        None => begins?,
    };
    let Some(every) = told.every else { return (turns == 0).then_some(from) };
    let due = from.checked_add(every.checked_mul(i32::try_from(turns).ok()?)?).ok()?;
    let until = match (&told.until, told.rollback) {
        (Some(moment), _) => instant(plan, run, moment),
        (None, None) if run.live == Live::Ended => run.live_until,
        (None, _) => None,
    };
    until.is_none_or(|until| due < until).then_some(due)
}

impl<'a> Context<'a> {
    /// Says what is due.
    pub(super) fn settle_comms(self) -> Events {
        for (index, told) in self.plan.comms.iter().enumerate() {
            match next_announcement(self.plan, self.run, index) {
                Some(due) if due <= self.now => return self.announce(index, told, due),
                _ => {}
            }
        }
        Vec::new()
    }

    /// What was to be done at a moment that the run did not reach, such as putting a room away: that it was not is said.
    pub(super) fn never_kept(self) -> Events {
        let open = |(index, told): &(usize, &Announcement)| told.keeps && self.run.announced[*index] == 0;
        let mut left = self.plan.comms.iter().enumerate().filter(open);
        let Some((index, told)) = left.next() else { return Vec::new() };
        let channels: Vec<String> = told.messages.iter().flat_map(|m| m.channels.clone()).collect();
        let skipped = Some(format!("{}: the room is not archived, because the run ended before", channels.join(", ")));
        vec![EventKind::Announced { comms: index as u32, turn: 1, skipped }]
    }

    fn announce(self, index: usize, told: &'a Announcement, due: Timestamp) -> Events {
        let late = self.now.duration_since(due);
        // Of what is said again and again only the newest counts.
        let missed = told.every.map_or(0, |every| (late.as_millis() / every.as_millis().max(1)) as u64);
        let turn = self.run.announced[index] + 1 + missed;
        let scene = Scene::new(self.plan, self.run, self.now);
        let wanted = told.when.as_ref().map(|when| evaluate(&when.expr, &scene));
        let channels = || told.messages.iter().flat_map(|m| m.channels.clone()).collect::<Vec<_>>().join(", ");
        let skipped = match wanted {
            Some(Ok(Value::Bool(false))) => {
                return vec![EventKind::Announced { comms: index as u32, turn, skipped: None }];
            }
            Some(Ok(other)) if other != Value::Bool(true) => {
                Some(format!("{}: whether it is to be sent is not known", channels()))
            }
            Some(Err(error)) => Some(format!("{}: {error}", channels())),
            _ if late > TOO_LATE && told.every.is_none() && !told.keeps => {
                let late = duration_text(SignedDuration::from_secs(late.as_secs()));
                Some(format!("{}: its moment was {late} ago", channels()))
            }
            _ => None,
        };
        let silent = skipped.is_some();
        let mut events = vec![EventKind::Announced { comms: index as u32, turn, skipped }];
        let mut key = self.run.messages.len() as u32;
        for message in told.messages.iter().filter(|_| !silent) {
            events.extend(self.queue(message, None, &scene, &mut key));
        }
        events
    }
}
