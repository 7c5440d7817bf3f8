//! The sweep: every single fault at every node of the happy path, in virtual time. Where does it end, how long does the way
//! back take, who is told, and what stays as it is?

mod fault;
mod finding;
mod text;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::drive::virtual_time::{ENGINE, Rules, Simulation, Stuck, Turn};
use crate::engine::state::{Live, Mode, Status};
use crate::engine::{Ending, Event, EventKind, Run};
use crate::plan::scenario::Fault;
use crate::plan::{NodeIx, People, Plan};

use super::play::{begin, dates, with_looks};
use super::stage::Stage;
use super::verdict::moment;

pub use fault::Trouble;
pub use finding::{Finding, FindingSort};
pub use text::{fate_in_words, faults_in_words, sweep_as_json, sweep_as_text};

use fault::{Case, Stretch, faults, left_behind};

/// Where a fault leaves the run, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Place {
    Endless,
    Stuck,
    Unhealthy,
    Paused,
    Stopped,
    RolledBack,
    Reservations,
    Completed,
}

impl Place {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Place::Endless => "comes to no end",
            Place::Stuck => "stuck",
            Place::Unhealthy => "rolled back, not healthy",
            Place::Paused => "paused",
            Place::Stopped => "stopped",
            Place::RolledBack => "rolled back",
            Place::Reservations => "completed with reservations",
            Place::Completed => "completed",
        }
    }

    fn of(run: &Run) -> Self {
        match run.ending() {
            Some(Ending::Completed) => Place::Completed,
            Some(Ending::CompletedWithReservations) => Place::Reservations,
            Some(Ending::RolledBack) => Place::RolledBack,
            Some(Ending::Unhealthy) => Place::Unhealthy,
            Some(Ending::Stuck) => Place::Stuck,
            Some(Ending::Stopped | Ending::Locked) => Place::Stopped,
            None => Place::Paused,
        }
    }
}

/// What becomes of a run in which something goes wrong.
#[derive(Clone, Debug)]
pub struct Fate {
    /// Its number among the faults of the plan; of a pair, that of its first.
    pub number: usize,
    /// What goes wrong.
    pub troubles: Vec<Trouble>,
    /// When, relative to T+0.
    pub at: String,
    /// Where it ends.
    pub place: Place,
    /// How long the way back takes, if there is one, from its beginning to the end of the undoing and of what belongs to it.
    pub way_back: Option<SignedDuration>,
    /// By which rollback.
    pub rollback: Option<usize>,
    /// The channels on which something is said from then on.
    pub told: BTreeSet<String>,
    /// Something is said behind the end: of a way back that is stuck, that it is.
    pub heard: bool,
    /// The steps that have changed something and stay so.
    pub left: Vec<NodeIx>,
    /// Waits of which nobody hears: only what is written for the case that nobody answers ends them.
    pub unheard: Vec<String>,
    /// Why it ended so.
    pub why: String,
}

impl Fate {
    /// Whether the way back came to its end.
    pub fn has_returned(&self) -> bool {
        matches!(self.place, Place::RolledBack | Place::Unhealthy)
    }
}

/// What a sweep found.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// How the happy path ends, and when.
    pub happy: (Place, String),
    /// Every fault and its fate, the worst first.
    pub fates: Vec<Fate>,
    /// What should not be so.
    pub findings: Vec<Finding>,
}

/// A plan that is swept.
pub struct Sweeper {
    plan: Plan,
    rules: Rules,
    begins: Timestamp,
    planned: Option<Timestamp>,
    cases: Vec<Case>,
    happy: (Place, String),
    /// How the run stands before some turns of the happy path, to see whether a run that was killed is back on it.
    marks: Vec<(usize, Shape)>,
}

/// What a node is doing: its attempt, its action, and since when.
type Doing = (u32, u32, Timestamp);

/// What of a run decides how it goes on.
#[derive(Clone, Debug, PartialEq)]
struct Shape {
    now: Timestamp,
    live: Live,
    zero: Option<Timestamp>,
    forward: bool,
    nodes: Vec<(Status, Option<Doing>)>,
    triggers: Vec<(bool, bool)>,
    questions: usize,
}

impl Shape {
    fn of(simulation: &Simulation) -> Self {
        let run = &simulation.run;
        let nodes = run.nodes.iter().map(|node| {
            let work = node.work.as_ref().map(|work| (work.attempt, work.action, work.since));
            (node.status, work)
        });
        Shape {
            now: simulation.now,
            live: run.live,
            zero: run.zero,
            forward: run.mode == Mode::Forward,
            nodes: nodes.collect(),
            triggers: run.triggers.iter().map(|t| (t.armed.is_some(), t.fired)).collect(),
            questions: run.questions.len(),
        }
    }
}

impl Sweeper {
    /// Only what goes wrong with the nodes of a plan, one fault each: it fails, its gate does not pass, nobody answers.
    pub fn nodes(plan: &Plan) -> Self {
        let mut sweeper = Sweeper::new(plan);
        sweeper.cases.retain(|case| {
            matches!(
                case.trouble,
                Trouble::Node(_, Fault::Fails(_)) | Trouble::Gate(_, Fault::Fails(_)) | Trouble::Silent(_)
            )
        });
        sweeper
    }

    /// Goes the happy path of a plan, and finds the places at which something can go wrong.
    pub fn new(plan: &Plan) -> Self {
        Sweeper::by(plan, ENGINE)
    }

    /// The same, by other rules than the engine's.
    pub fn by(plan: &Plan, rules: Rules) -> Self {
        let mut plan = with_looks(plan);
        // Each trigger fires where the sweep wants it, whatever its condition.
        plan.triggers.iter_mut().for_each(|trigger| trigger.manual = Some(People::anybody()));
        let dates = dates(&plan, None);
        let (begins, planned) = (dates.begins, dates.planned);
        let mut sweeper = Sweeper {
            plan,
            rules,
            begins,
            planned,
            cases: Vec::new(),
            happy: (Place::Endless, String::new()),
            marks: Vec::new(),
        };
        sweeper.walk();
        sweeper
    }

    /// The plan as it is swept.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How many faults there are.
    pub fn count(&self) -> usize {
        self.cases.len()
    }

    fn start(&self) -> (Simulation, Stage<'_>) {
        let simulation =
            Simulation::new(Run::new(&self.plan), self.begins, vec![(self.begins, begin())]).by(self.rules);
        (simulation, Stage::new(&self.plan, self.planned))
    }

    fn walk(&mut self) {
        let mut stretches = vec![Stretch::default(); self.plan.nodes.len()];
        let (mut turns, mut marks) = (Vec::new(), Vec::new());
        let (mut simulation, mut stage) = self.start();
        let mut place = Place::Endless;
        for turn in 0..self.rules.turns {
            let mut written = false;
            let mut see = |_: &Run, event: &Event| {
                match &event.kind {
                    EventKind::NodeStarted { node } => {
                        stretches[node.index()].begins.get_or_insert(turn);
                        stretches[node.index()].since.get_or_insert(event.at);
                    }
                    EventKind::NodeEnded { node, .. } => stretches[node.index()].ends = Some(turn),
                    _ => {}
                }
                written |= event.kind.is_durable();
            };
            let went = simulation.turn(&self.plan, &mut stage, &mut see);
            match went {
                Turn::Goes => {}
                Turn::Over => place = Place::of(&simulation.run),
                Turn::Nothing | Turn::Killed => {}
            }
            if went != Turn::Goes {
                break;
            }
            // A process that is killed between two records that are written at once is killed before both.
            if written && !simulation.run.is_over() {
                turns.push(turn + 1);
                marks.push((turn + 1, Shape::of(&simulation)));
            }
        }
        let zero = simulation.run.zero.or(self.planned).unwrap_or(self.begins);
        self.happy = (place, moment(simulation.run.now, zero));
        self.cases = faults(&self.plan, &stretches, &turns);
        self.marks = marks;
    }

    /// What becomes of each fault whose number leaves this rest; many sweep at once.
    pub fn sweep(&self, rest: usize, of: usize) -> Vec<Fate> {
        let own: Vec<usize> = (0..self.cases.len()).filter(|number| number % of == rest).collect();
        let mut fates = Vec::with_capacity(own.len());
        let (mut simulation, mut stage) = self.start();
        let mut turn = 0;
        for number in own {
            while turn < self.cases[number].turn {
                simulation.turn(&self.plan, &mut stage, &mut |_, _| {});
                turn += 1;
            }
            fates.extend(self.fate(&[number], simulation.clone(), stage.clone()));
        }
        fates
    }

    /// Pairs of faults, each of which stays for the rest of the run: what a pair of faults at one moment would be is the same
    /// as one fault. Kills and triggers are moments, and have no part in it.
    pub fn pairs(&self) -> Vec<(usize, usize)> {
        let lasting: Vec<usize> = (0..self.cases.len())
            .filter(|i| !matches!(self.cases[*i].trouble, Trouble::Killed | Trouble::Trigger(..) | Trouble::Undo(..)))
            .collect();
        let after = |n: usize| lasting[n + 1..].iter().copied();
        lasting.iter().enumerate().flat_map(|(n, first)| after(n).map(move |second| (*first, second))).collect()
    }

    /// What becomes of some pairs of faults; they are sorted by their first one.
    pub fn sweep_pairs(&self, pairs: &[(usize, usize)]) -> Vec<Fate> {
        let mut fates = Vec::with_capacity(pairs.len());
        let (mut simulation, mut stage) = self.start();
        let mut turn = 0;
        for (first, second) in pairs {
            while turn < self.cases[*first].turn {
                simulation.turn(&self.plan, &mut stage, &mut |_, _| {});
                turn += 1;
            }
            fates.extend(self.fate(&[*first, *second], simulation.clone(), stage.clone()));
        }
        fates
    }

    /// Goes on from before a turn of the happy path, with something going wrong. Nothing if it cannot go wrong there: a
    /// trigger that is not armed.
    fn fate(&self, numbers: &[usize], mut simulation: Simulation, mut stage: Stage<'_>) -> Option<Fate> {
        let plan = &self.plan;
        let cases: Vec<&Case> = numbers.iter().map(|number| &self.cases[*number]).collect();
        let since = cases[0].at.unwrap_or(simulation.now);
        let mut seen = Seen::default();
        let mut see = |run: &Run, event: &Event| seen.see(plan, run, event);
        for case in &cases {
            case.trouble.strikes(plan, &mut simulation, &mut stage, &mut see);
        }
        let killed = matches!(cases[..], [case] if case.trouble == Trouble::Killed);
        let marks = if killed { self.marks.as_slice() } else { &[] };
        let (mut ended, mut back) = (Err(Stuck::TooMuch), false);
        for _ in 0..self.rules.turns {
            match simulation.turn(plan, &mut stage, &mut see) {
                Turn::Goes => {}
                Turn::Over | Turn::Killed => {
                    ended = Ok(());
                    break;
                }
                Turn::Nothing => {
                    ended = Err(Stuck::Nothing);
                    break;
                }
            }
            // A run that stands where the happy path stood at that moment goes on as that did.
            if killed && self.is_back(marks, &simulation) {
                (ended, back) = (Ok(()), true);
                break;
            }
        }
        // A trigger that is not armed, and an undo when there is no way back any more.
        let undoes = cases.iter().any(|case| matches!(case.trouble, Trouble::Undo(..)));
        if seen.refused || undoes && seen.went_back.is_none() {
            return None;
        }
        let run = &simulation.run;
        let place = match ended {
            Ok(()) if back => self.happy.0,
            Ok(()) => Place::of(run),
            Err(_) => Place::Endless,
        };
        let zero = run.zero.or(self.planned).unwrap_or(self.begins);
        let way_back = seen.went_back.map(|(_, from)| seen.ended.unwrap_or(run.now).duration_since(from));
        let unfinished = matches!(place, Place::RolledBack | Place::Unhealthy | Place::Stopped | Place::Stuck);
        Some(Fate {
            number: numbers[0],
            troubles: cases.iter().map(|case| case.trouble.clone()).collect(),
            at: moment(since, zero),
            place,
            way_back,
            rollback: seen.went_back.map(|(rollback, _)| rollback),
            told: seen.told,
            heard: seen.heard,
            left: if unfinished {
                left_behind(plan, run, seen.went_back.map(|(rollback, _)| rollback))
            } else {
                Vec::new()
            },
            unheard: seen.unheard,
            why: run.why.clone(),
        })
    }

    fn is_back(&self, marks: &[(usize, Shape)], simulation: &Simulation) -> bool {
        let from = marks.partition_point(|(_, shape)| shape.now < simulation.now);
        let same = marks[from..].iter().take_while(|(_, shape)| shape.now == simulation.now);
        let mut same = same.peekable();
        if same.peek().is_none() {
            return false;
        }
        let shape = Shape::of(simulation);
        same.any(|(_, mark)| *mark == shape)
    }

    /// The fates sorted, and what should not be so among them.
    pub fn report(&self, mut fates: Vec<Fate>) -> Sweep {
        fates.sort_by_key(|fate| fate.place);
        let findings = finding::findings(&self.plan, &fates);
        Sweep { happy: self.happy.clone(), fates, findings }
    }
}

/// What is seen on a way on which something goes wrong.
#[derive(Default)]
struct Seen {
    went_back: Option<(usize, Timestamp)>,
    ended: Option<Timestamp>,
    told: BTreeSet<String>,
    /// It turned out to be something to speak of.
    went_wrong: bool,
    unheard: Vec<String>,
    heard: bool,
    refused: bool,
    /// A wait that began at that moment, and of which nobody has heard yet.
    waits: Option<(Timestamp, String)>,
}

impl Seen {
    fn see(&mut self, plan: &Plan, run: &Run, event: &Event) {
        match &event.kind {
            EventKind::RollbackStarted { rollback, .. } => {
                self.went_back.get_or_insert((*rollback as usize, event.at));
                self.ended = None;
            }
            EventKind::EndingReached { .. } => self.ended = self.ended.or(Some(event.at)),
            EventKind::Refused { key, .. } if key.starts_with("sweep-") => self.refused = true,
            EventKind::MessageSent { key, .. } => {
                self.waits = None;
                self.heard |= self.ended.is_some_and(|ended| run.messages[*key as usize].at >= ended);
                if self.went_wrong {
                    self.told.insert(run.messages[*key as usize].channel.clone());
                }
            }
            EventKind::Paused { reason, node, .. } => {
                let what = node.map_or_else(|| reason.clone(), |ix| plan.node(ix).id.clone());
                self.waits = Some((event.at, what));
            }
            EventKind::PauseEnded { .. } => {
                self.unheard.extend(self.waits.take().map(|(_, what)| what));
            }
            EventKind::PauseOver => self.waits = None,
            _ => {}
        }
        self.went_wrong |= matches!(
            event.kind,
            EventKind::RollbackStarted { .. }
                | EventKind::Paused { .. }
                | EventKind::TriggerFired { .. }
                | EventKind::EndingReached { .. }
                | EventKind::NodeEnded { failure: Some(_), .. }
        );
    }
}
