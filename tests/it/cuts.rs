//! The journal cut after every single record, and the run taken up again: it ends as the language allows, what has ended is
//! not done again, and every undo happens once.

use std::collections::BTreeMap;

use runbook::drive::virtual_time::simulate;
use runbook::engine::state::{ActionState, Mode, Run};
use runbook::engine::{Event, EventKind, Input, Say, replay};
use runbook::plan::Plan;

use crate::support::{Ran, World, command_of, live, run, run_with, who};

/// A runbook, a world for it, and what happens to it from outside.
struct Case {
    name: &'static str,
    text: String,
    world: fn() -> World,
    inputs: Vec<(i64, Input)>,
}

fn case(name: &'static str, text: String, world: fn() -> World) -> Case {
    Case { name, text, world, inputs: Vec::new() }
}

const STEPS: &str = r#"
  step a { run "do a"; undo { run "revert a" } }
  step b { run "look b" { reads = true; capture old = trim(stdout) }; run "do b1"; run "do b2"; undo { run "revert b ${old}" } }
  step c { idempotent = true; run "do c"; undo { run "revert c" } }
  step d { retry 1 every 10s; run "do d"; undo { run "revert d1"; run "revert d2" } }
"#;

/// Every node of the language that needs nothing from outside but commands and people.
pub const EVERYTHING: &str = r#"runbook r "R" {}
release { version = "1.2.0"; manager = boss }
channel room: console {}
role boss "Boss" { members = ["bo@x.example"]; reach = [room] }
role qa "QA" { members = ["quinn@x.example"]; reach = [room] }
escalation chain { level boss }
window always { from = 00:00; to = 00:00 }
router edge: command { get = run "get edge"; set = run "set edge ${share}" }
flags place: command { get = run "get ${flag}"; set = run "set ${flag} ${share}" }
flag search "Search" { in = place }
metric errors: percent { run "errors"; unit = percent; every = 10s }
source prod: prometheus { url = "http://prometheus.example" }
metric rate: percent { source = prod; query = "rate"; unit = percent; every = 30s; baseline = 24h; floor = 1% }
gate healthy "Healthy" { every = 30s; expect rate < 3x baseline; expect rate < 90% for 30s; run "is healthy" }

phase before: prepare {
  checklist ready "Ready" within 2h else stop {
    item tests "Tested" { run "is tested" }
    item review "Reviewed" { by qa }
    item never "Not now" when release.version == "9.9.9"
  }
  approve go "Go?" { by all [qa, boss]; within 1h escalate chain else stop }
  question size: int "How many?" { by qa; within 1h else stop }
}
phase deployment: live in always {
  step a { run "do a"; undo { run "revert a" } }
  parallel both "Both" {
    step eu { run "do eu"; undo { run "revert eu" } }
    phase us {
      step one { run "do one"; undo { run "revert one" } }
      step two { idempotent = true; run "do two"; undo { run "revert two" } }
    }
  }
  ramp canary: edge through [10%, 100%] { hold for 1m { expect errors < 90% }; gate { run "is ready" } }
  step s { set search to on; run "do s"; undo { run "revert s" } }
  confirm login "Log in" { by qa; within 15m else rollback }
  step big when size > 3 { run "do big"; on failure pause for boss within 15m else rollback; undo { run "revert big" } }
  step judged { run "do judged"; done when { run "is judged" }; undo { run "revert judged" } }
  hold for 2m { gate healthy }
}
phase care: after {
  checklist later "Later" within 1d else continue { item told "Told" { by qa } }
}
response calm "Calm down" within 5m else rollback { run "do calm"; gate calmed { run "is calm" } }
trigger high { when errors > 5%; then calm }
trigger worse { when errors > 50%; ask boss within 10m else rollback }
trigger sick { when not healthy for 1m; then continue }
trigger found { when search == on for 1m; then continue }
trigger bug "Bug" { manual by qa; then rollback }
comms {
  notify room "live" from a
  every 1m from a until deployment.done { notify room "${execution.progress}" }
}
rollback "Back" {
  every 1m { notify room "still" }
  undo
  confirm quiet "Is it quiet?" { by qa; within 10m }
  gate fine { run "is fine" }
  after { checklist evidence "Evidence" within 1h else continue { item logs "Logs" { run "is saved" } } }
}
on denied { notify room "no" }
on paused { notify room "paused" }
"#;

/// Whoever is asked in it answers at once: yes, twelve, again.
fn people(plan: &Plan, run: &Run) -> Option<(&'static str, Say)> {
    let node = |id: &str| plan.find(id).unwrap();
    let asks = |id: &str, n: usize| match &run.node(node(id)).work.as_ref()?.state {
        Some(ActionState::Asking(asking)) if asking.answers.len() == n => Some(node(id)),
        _ => None,
    };
    let yes = |node| Say::Answer { node, yes: true, value: None, reason: None };
    let tick = |node| Say::Tick { node, not_applicable: false, reason: None };
    let number = |node| Say::Answer { node, yes: true, value: Some(runbook::value::Value::Int(12)), reason: None };
    let open = run.questions.first().filter(|q| q.since.is_some() && q.answers.is_empty());
    None.or(asks("ready.review", 0).map(|n| ("quinn", tick(n))))
        .or(asks("go", 0).map(|n| ("quinn", yes(n))))
        .or(asks("go", 1).map(|n| ("bo", yes(n))))
        .or(asks("size", 0).map(|n| ("quinn", number(n))))
        .or(asks("login", 0).map(|n| ("quinn", yes(n))))
        .or(asks("later.told", 0).map(|n| ("quinn", tick(n))))
        .or(asks("quiet", 0).map(|n| ("quinn", yes(n))))
        .or(matches!(&run.mode, Mode::Paused(p) if p.answers.is_empty()).then_some(("bo", Say::GoOn)))
        .or(open.map(|q| ("bo", Say::Decide { trigger: q.trigger, yes: false, reason: None })))
}

/// The same, and a bug is found while the ramp is on its way.
fn people_find_a_bug(plan: &Plan, run: &Run) -> Option<(&'static str, Say)> {
    let ramp = run.node(plan.find("canary").unwrap());
    let half_way = ramp.work.as_ref().is_some_and(|w| w.action > 5) && run.back.is_none();
    let bug = plan.triggers.iter().position(|t| t.id == "bug").unwrap();
    let fire = Say::Fire { trigger: bug as u32, reason: None };
    people(plan, run)
        .or((half_way && run.triggers[bug].times == 0 && run.triggers[bug].pulled.is_empty())
            .then_some(("quinn", fire)))
}

/// The world of it: a metric that is calm, and people.
pub fn calm() -> World {
    let seen =
        World::default().metric("errors", &[(0, Some(1.0))]).metric("rate", &[(0, Some(1.0))]).baseline("rate", 2.0);
    seen.words("search", &[(0, "off"), (60, "on")]).people(people)
}

fn cases() -> Vec<Case> {
    let whole = format!(
        "runbook r \"R\" {{}}\nchannel room: console {{}}\nphase before: prepare {{ step p {{ run \"prepare p\" }} }}\n\
         phase deployment: live {{\n{STEPS}\n  notify room \"Half way\"\n  gate ready {{ within 1m; every = 10s; pass after 2 in a row; run \"is ready\" }}\n\
         phase inner {{ for n in [1, 2] {{ step pod {{ run \"do pod ${{n}}\"; undo {{ run \"revert pod ${{n}}\" }} }} }}\n  hold for 30s }}\n}}\n\
         phase care: after {{ step z {{ run \"after z\" }} }}\n\
         rollback \"Back\" {{ notify room \"Back\"; undo; step cache {{ run \"clear\" }}\n gate fine {{ run \"is fine\" }} }}\n\
         on completed {{ notify room \"Done\" }}\non rolled_back {{ notify room \"Back again\" }}\n"
    );
    let metric = "metric errors: percent { run \"errors\"; unit = percent; every = 10s }\n";
    let watched = format!(
        "runbook r \"R\" {{}}\n{metric}phase deployment: live {{\n{STEPS}\n  hold for 10m {{ expect errors < 50% }}\n}}\n\
         trigger high {{ when errors > 5% for 1m }}\n"
    );
    let line = live(&format!(
        "{STEPS}\n  step drop {{ run \"drop\"; irreversible \"gone\" }}\n  step e {{ run \"do e\"; undo {{ run \"revert e\" }} }}"
    ));
    let mut cases = vec![
        case("it goes well", whole.clone(), World::default),
        case("the last step fails", whole.clone(), || World::default().fails("do d")),
        case("a pod fails", whole.clone(), || World::default().fails("do pod 2")),
        case("the gate fails", whole.clone(), || World::default().fails("is ready")),
        case("it is not healthy afterwards", whole.clone(), || World::default().fails("do d").fails("is fine")),
        case("an undo fails", whole.clone(), || World::default().fails("do d").fails("revert b")),
        case("the procedure fails", whole.clone(), || World::default().fails("do d").fails("clear")),
        case("a step hangs", whole.clone(), || World::default().hangs("do c")),
        case("an undo hangs", whole.clone(), || World::default().fails("do d").hangs("revert a")),
        case("the preparation fails", whole.clone(), || World::default().fails("prepare p")),
        case("the aftercare fails", whole.clone(), || World::default().fails("after z")),
        case("everything takes time", whole.clone(), || World::default().takes("do", 7).takes("revert", 3)),
        case("a trigger fires", watched.clone(), || {
            World::default().metric("errors", &[(0, Some(1.0)), (120, Some(9.0))])
        }),
        case("it is blind", watched, || World::default().metric("errors", &[(0, Some(1.0)), (120, None)])),
        case("past the point of no return", line, || World::default().fails("do e")),
    ];
    let everything = [
        case("everything goes well", EVERYTHING.into(), calm),
        case("everything takes its time", EVERYTHING.into(), || {
            calm().takes("do", 3).takes("revert", 2).takes("set", 1)
        }),
        case("a lane fails", EVERYTHING.into(), || calm().takes("do eu", 30).fails("do one")),
        case("the ramp fails", EVERYTHING.into(), || calm().fails("is ready")),
        case("a bug is found", EVERYTHING.into(), || calm().takes("revert", 70).people(people_find_a_bug)),
        case("it pauses", EVERYTHING.into(), || calm().fails_times("do big", 1)),
        case("it calms down", EVERYTHING.into(), || calm().metric("errors", &[(0, Some(9.0))]).takes("do", 3)),
        case("it is asked", EVERYTHING.into(), || calm().metric("errors", &[(0, Some(60.0))])),
        case("the response fails", EVERYTHING.into(), || calm().metric("errors", &[(0, Some(9.0))]).fails("is calm")),
    ];
    cases.extend(everything);
    let halt = Input::Halt { by: who(), reason: "Ctrl-C".into() };
    let back = Input::Rollback { by: who(), to: None, resumes: false };
    cases.push(Case {
        name: "a person sends it back",
        text: whole,
        world: || World::default().takes("do", 20),
        inputs: vec![(30, back), (70, halt)],
    });
    cases
}

/// What was begun and what has ended among the commands of some events: how often each.
fn commands(plan: &Plan, events: &[Event]) -> (BTreeMap<String, usize>, BTreeMap<String, usize>) {
    let (mut begun, mut ended) = (BTreeMap::new(), BTreeMap::new());
    for event in events {
        match &event.kind {
            EventKind::ActionStarted { slot, .. } => {
                if let Some(text) = command_of(plan, *slot) {
                    *begun.entry(text).or_insert(0) += 1;
                }
            }
            EventKind::ActionEnded { slot, .. } => {
                if let Some(text) = command_of(plan, *slot) {
                    *ended.entry(text).or_insert(0) += 1;
                }
            }
            _ => {}
        }
    }
    (begun, ended)
}

/// The run after a cut, and what has to hold.
fn after_cut(case: &Case, whole: &Ran, cut: &[Event], twice: bool) -> usize {
    let run = replay(&whole.plan, cut);
    if run.ending().is_some_and(|ending| !ending.can_go_on()) {
        return 0;
    }
    let (begun, ended) = commands(&whole.plan, cut);
    let in_doubt: Vec<&String> = begun.iter().filter(|(text, n)| ended.get(*text) != Some(n)).map(|(t, _)| t).collect();
    let mut world = (case.world)();
    world.name_metrics(&whole.plan);
    let start = run.now + jiff::SignedDuration::from_mins(1);
    let inputs = vec![(start, Input::Resume { by: who(), doubts: Vec::new() })];
    let (run, later, result) = simulate(&whole.plan, run, &mut world, start, inputs);
    let told = || {
        let events: Vec<Event> = cut.iter().chain(&later).cloned().collect();
        let at = cut.len();
        format!("{}, cut after {at}:\n{}", case.name, crate::support::transcript(&whole.plan, &events))
    };
    assert_eq!(result, Ok(()), "{}", told());
    let ending = run.ending().map_or("halted", |e| e.words());
    // It ends as it would have, or, where something was in doubt, by the way that leads back.
    let stays = ending == whole.ending() || whole.ending() == "halted";
    let dealt_with = !in_doubt.is_empty()
        && ["rolled back", "stopped", "stuck", "rolled back, not healthy"].contains(&ending)
        || in_doubt.iter().any(|text| text.contains("after z")) && ending == "completed with reservations";
    let tried_again = whole.ending() == "stuck";
    // What a person says after the cut is said to nobody.
    let unasked = !case.inputs.is_empty() && !cut.iter().any(|e| matches!(e.kind, EventKind::RollbackRequested { .. }));
    assert!(unasked || stays || dealt_with || tried_again, "{ending} instead of {}: {}", whole.ending(), told());
    // An undo that was in doubt is done again as a whole.
    let stem = |text: &str| text.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
    let undo_in_doubt = |text: &str| in_doubt.iter().any(|d| d.starts_with("undo: ") && stem(d) == stem(text));
    for text in &world.ran {
        let repeated = ended.get(text).is_some_and(|n| begun[text] == *n)
            && !may_repeat(case, whole, text)
            && !undo_in_doubt(text);
        assert!(!repeated, "`{text}` had ended and was done again: {}", told());
    }
    let resumes = 1 + cut.iter().filter(|e| matches!(e.kind, EventKind::RunResumed { .. })).count();
    for text in world.ran.iter().filter(|text| text.starts_with("undo: ")) {
        let times = world.ran.iter().filter(|t| t == &text).count() + begun.get(text).copied().unwrap_or(0);
        let allowed = 1 + resumes * usize::from(undo_in_doubt(text)) + usize::from(may_repeat(case, whole, text));
        assert!(times <= allowed, "`{text}` ran {times} times: {}", told());
    }
    let mut cuts = 1;
    if twice {
        let events: Vec<Event> = cut.iter().chain(&later).cloned().collect();
        for end in (cut.len() + 1..events.len()).step_by(5) {
            cuts += after_cut(case, whole, &events[..end], false);
        }
    }
    cuts
}

/// What is done again for a reason of its own: it looks only, it is tried again, or what it failed at is.
fn may_repeat(case: &Case, whole: &Ran, text: &str) -> bool {
    let failed = |text: &str| {
        let (begun, _) = commands(&whole.plan, &whole.events);
        begun.get(text).is_some_and(|n| *n > 1)
    };
    let world = (case.world)();
    text.contains("look b") || text.contains("get ") || text.contains("do d") || failed(text) || world.is_scripted(text)
}

#[test]
fn a_run_that_is_cut_anywhere_is_taken_up_as_the_language_says() {
    let mut cuts = 0;
    for case in cases() {
        let whole = if case.inputs.is_empty() {
            run(&case.text, (case.world)())
        } else {
            run_with(&case.text, (case.world)(), case.inputs.clone())
        };
        for end in 1..whole.events.len() {
            let twice = if case.text == EVERYTHING { end % 20 == 0 } else { end % 3 == 0 };
            cuts += after_cut(&case, &whole, &whole.events[..end], twice);
        }
        println!("{}: {} records, {}", case.name, whole.events.len(), whole.ending());
    }
    println!("{cuts} cuts");
    assert!(cuts > 3_000, "{cuts}");
}
