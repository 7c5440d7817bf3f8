//! People: who is asked, who may answer, what a no leads to, pauses, checklists, triggers that ask.

use jiff::SignedDuration;
use runbook::engine::{EventKind, Input, Say, Who};
use runbook::plan::Plan;

use crate::support::{Ran, World, plan_of, run_with};

const ROLES: &str = "runbook r \"R\" {}
release { version = \"1.2.0\"; manager = boss }
role boss \"Boss\" { members = [\"ana@x.example\"]; backup = [\"bo@x.example\"] }
role qa \"QA\" { members = [\"quinn@x.example\", \"sam@x.example\"] }
role dev \"Dev\" { members = [\"dora@x.example\", \"sam@x.example\"] }
role chief \"Chief\" { members = [\"chris@x.example\"] }
channel room: console {}
";

fn person(name: &str) -> Who {
    Who { user: "laptop".into(), claim: Some(format!("{name}@x.example")) }
}

/// What is said after so many seconds, each with a key of its own.
fn says(plan: &Plan, list: &[(i64, &str, Word)]) -> Vec<(i64, Input)> {
    let each = list
        .iter()
        .enumerate()
        .map(|(i, (at, who, word))| (*at, Input::Say { key: format!("k{i}"), by: person(who), say: word.say(plan) }));
    each.collect()
}

#[derive(Clone, Copy)]
enum Word {
    Yes(&'static str),
    No(&'static str),
    Tick(&'static str),
    Waive(&'static str),
    Fire(&'static str),
    Decide(&'static str, bool),
    GoOn,
}

impl Word {
    fn say(self, plan: &Plan) -> Say {
        let node = |id: &str| plan.find(id).unwrap_or_else(|| panic!("no node {id}"));
        let trigger = |id: &str| plan.triggers.iter().position(|t| t.id == id).unwrap() as u32;
        match self {
            Word::Yes(id) => Say::Answer { node: node(id), yes: true, value: None, reason: None },
            Word::No(id) => Say::Answer { node: node(id), yes: false, value: None, reason: Some("not yet".into()) },
            Word::Tick(id) => Say::Tick { node: node(id), not_applicable: false, reason: None },
            Word::Waive(id) => Say::Waive { node: node(id), reason: "known".into() },
            Word::Fire(id) => Say::Fire { trigger: trigger(id), reason: Some("data loss".into()) },
            Word::Decide(id, yes) => Say::Decide { trigger: trigger(id), yes, reason: None },
            Word::GoOn => Say::GoOn,
        }
    }
}

fn run(body: &str, world: World, list: &[(i64, &str, Word)]) -> Ran {
    let text = format!("{ROLES}{body}");
    let plan = plan_of(&text);
    run_with(&text, world, says(&plan, list))
}

/// Why something that was said did not count.
fn refused(ran: &Ran) -> Vec<&str> {
    let why = |e: &runbook::engine::Event| match &e.kind {
        EventKind::Refused { why, .. } => Some(why.clone()),
        _ => None,
    };
    let found: Vec<String> = ran.events.iter().filter_map(why).collect();
    found.into_iter().map(|s| &*s.leak()).collect()
}

/// How many seconds the run took.
fn seconds(ran: &Ran) -> i64 {
    ran.run.now.duration_since(ran.run.started.unwrap()).as_secs()
}

const STEP: &str = "  step a { run \"deploy\"; undo { run \"undeploy\"; takes = 1m } }\n";

#[test]
fn an_approval_needs_everybody_who_is_named_and_each_once() {
    let body =
        format!("phase p: live {{\n  approve go \"Go?\" {{ by all [qa, dev]; within 30m else stop }}\n{STEP}}}\n");
    let ran = run(&body, World::default(), &[(10, "sam", Word::Yes("go")), (20, "sam", Word::Yes("go"))]);
    assert_eq!(ran.ending(), "stopped", "{}", ran.transcript());
    assert_eq!(seconds(&ran), 30 * 60);
    assert_eq!(refused(&ran), ["sam@x.example has answered `go` already"]);
    // Sam belongs to both and counts for one; whoever else answers makes it two.
    for other in ["quinn", "dora"] {
        let ran = run(&body, World::default(), &[(10, "sam", Word::Yes("go")), (20, other, Word::Yes("go"))]);
        assert_eq!(ran.ending(), "completed", "{}", ran.transcript());
        assert_eq!(seconds(&ran), 20);
    }
    let ran = run(&body, World::default(), &[(10, "eve", Word::Yes("go")), (20, "dora", Word::No("go"))]);
    assert_eq!(ran.ending(), "stopped");
    assert_eq!(seconds(&ran), 20);
    assert!(refused(&ran)[0].starts_with("eve@x.example is none of those who are asked: qa ("), "{:?}", refused(&ran));
    assert!(ran.world.ran.is_empty());
}

#[test]
fn two_of_three_are_enough_and_a_backup_answers_too() {
    let body = format!("phase p: live {{\n  approve go \"Go?\" {{ by 2 of [boss, qa, dev] }}\n{STEP}}}\n");
    let ran = run(&body, World::default(), &[(5, "bo", Word::Yes("go")), (9, "quinn", Word::Yes("go"))]);
    assert_eq!((ran.ending(), seconds(&ran)), ("completed", 9), "{}", ran.transcript());
    let ran = run(&body, World::default(), &[(5, "ana", Word::Yes("go")), (9, "bo", Word::Yes("go"))]);
    // Two people of one role are one role; nobody else came in the half hour, and the live part goes back.
    assert_eq!((ran.ending(), seconds(&ran)), ("rolled back", 30 * 60), "{}", ran.transcript());
}

#[test]
fn whoever_started_the_run_does_not_approve_it() {
    let own = |settings: &str| {
        let text = format!(
            "runbook r \"R\" {{}}\nrole me \"Me\" {{ members = [\"ana\"]{settings} }}\n\
             phase p: live {{ approve go \"Go?\" {{ by me; within 5m else stop }} }}\n"
        );
        let plan = plan_of(&text);
        let by = Who { user: "ana".into(), claim: None };
        run_with(
            &text,
            World::default(),
            vec![(1, Input::Say { key: "k".into(), by, say: Word::Yes("go").say(&plan) })],
        )
    };
    let ran = own("");
    assert_eq!(ran.ending(), "stopped");
    assert!(refused(&ran)[0].starts_with("ana started this run"), "{:?}", refused(&ran));
    assert_eq!(own("; self = true").ending(), "completed");
}

#[test]
fn whoever_does_not_answer_is_asked_again_and_then_along_the_escalation() {
    let body = "escalation chain { level chief within 2m; level boss }\n\
                phase p: live { approve go \"Go?\" { by qa; within 10m escalate chain else stop } }\n";
    let asked = |ran: &Ran| -> Vec<i64> {
        let start = ran.run.started.unwrap();
        let at = |e: &runbook::engine::Event| {
            matches!(e.kind, EventKind::Asked { .. }).then(|| e.at.duration_since(start).as_secs())
        };
        ran.events.iter().filter_map(at).collect()
    };
    let ran = run(body, World::default(), &[(60, "chris", Word::Yes("go"))]);
    assert_eq!(asked(&ran), [0, 300, 420]);
    assert_eq!((ran.ending(), refused(&ran).len()), ("stopped", 1));
    // Once the level has been asked its people may answer.
    let ran = run(body, World::default(), &[(310, "chris", Word::Yes("go"))]);
    assert_eq!((ran.ending(), seconds(&ran)), ("completed", 310), "{}", ran.transcript());
}

#[test]
fn people_hear_on_the_channels_of_their_role() {
    let text = "runbook r \"R\" {}\nchannel room: console {}\nrole qa \"QA\" { members = [\"q@x.example\"]; reach = [room] }\n\
                phase p: live { confirm seen \"Log in\" { by qa; within 10m else stop } }\n";
    let ran = run_with(text, World::default(), vec![]);
    let texts: Vec<&str> = ran.run.messages.iter().map(|m| m.text.as_str()).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[0].starts_with("R: seen: Log in\nasked: QA, until "), "{}", texts[0]);
    assert!(texts[0].ends_with("answer with `runbook confirm r1 seen` or `runbook deny r1 seen`"), "{}", texts[0]);
    assert!(texts[1].starts_with("still open: R: seen"), "{}", texts[1]);
}

#[test]
fn a_question_is_kept_and_stands_in_conditions() {
    let body = "phase p: live {\n  question size: int \"How many?\" { by qa }\n\
                  step big when size > 10 { run \"big\"; undo none \"x\" }\n\
                  step small when size <= 10 { run \"small\"; undo none \"x\" }\n}\n";
    let text = format!("{ROLES}{body}");
    let plan = plan_of(&text);
    let node = plan.find("size").unwrap();
    let say = Say::Answer { node, yes: true, value: Some(runbook::value::Value::Int(12)), reason: None };
    let ran = run_with(&text, World::default(), vec![(3, Input::Say { key: "k".into(), by: person("quinn"), say })]);
    assert_eq!(ran.world.ran, ["big"], "{}", ran.transcript());
}

#[test]
fn a_checklist_ticks_itself_and_is_ticked_and_says_what_is_missing() {
    let body = "phase p: prepare {\n  checklist ready \"Ready\" within 2h else stop {\n    group \"Tests\" {\n\
                      item tests \"Pass\" { run \"cargo test\" }\n      item review \"Reviewed\" { by dev }\n    }\n\
                    item never \"Only majors\" when release.version == \"2.0.0\" { by qa }\n    item plan \"Planned\"\n  }\n}\n\
                phase q: live {\n  step a { run \"deploy\"; undo none \"x\" }\n}\n";
    // The tests fail three times: they are looked at again every minute.
    let world = || World::default().fails_times("cargo test", 3);
    let ran = run(body, world(), &[(30, "dora", Word::Tick("ready.review")), (40, "bo", Word::Tick("ready.plan"))]);
    assert_eq!((ran.ending(), seconds(&ran)), ("completed", 180), "{}", ran.transcript());
    let ran = run(body, world(), &[(30, "quinn", Word::Tick("ready.review")), (40, "ana", Word::Waive("ready.plan"))]);
    assert_eq!((ran.ending(), seconds(&ran)), ("stopped", 7200), "{}", ran.transcript());
    assert_eq!(refused(&ran).len(), 1);
    assert!(ran.transcript().contains("not ticked after 2h: ready.review"), "{}", ran.transcript());
    assert!(ran.world.ran.is_empty());
}

#[test]
fn what_is_not_ticked_after_the_release_is_overdue() {
    let body = "phase q: live {\n  step a { run \"deploy\"; undo none \"x\" }\n}\n\
                phase care: after { checklist later \"Later\" within 1d else continue { item docs \"Docs\" { by dev } } }\n";
    let ran = run(body, World::default(), &[]);
    assert_eq!((ran.ending(), seconds(&ran)), ("completed with reservations", 86400), "{}", ran.transcript());
    assert!(ran.transcript().contains("overdue: not ticked after 1d: later.docs"), "{}", ran.transcript());
}

#[test]
fn a_pause_ends_by_a_person_or_takes_its_outcome() {
    let body = "phase p: live {\n  step a { run \"deploy\"; on failure pause for dev within 15m else rollback; undo { run \"undeploy\"; takes = 1m } }\n\
                step b { run \"next\"; undo none \"x\" }\n}\n";
    let world = || World::default().fails_times("deploy", 1);
    let ran = run(body, world(), &[]);
    assert_eq!((ran.ending(), seconds(&ran)), ("rolled back", 900), "{}", ran.transcript());
    // Resumed: the node again.
    let ran = run(body, world(), &[(5, "quinn", Word::GoOn), (60, "dora", Word::GoOn)]);
    assert_eq!(ran.ending(), "completed", "{}", ran.transcript());
    assert_eq!(ran.world.ran, ["deploy", "deploy", "next"]);
    assert_eq!(refused(&ran).len(), 1);
    // Waived: on without it.
    let ran = run(body, world(), &[(60, "dora", Word::Waive("b")), (61, "dora", Word::Waive("a"))]);
    assert_eq!(ran.world.ran, ["deploy", "next"], "{}", ran.transcript());
    assert_eq!(refused(&ran).len(), 1);
    assert_eq!(ran.ending(), "completed with reservations");
}

#[test]
fn a_trigger_asks_before_it_acts_and_nothing_new_starts_meanwhile() {
    let body = "metric errors: percent { run \"errors\"; unit = percent; every = 10s }\n\
                trigger high \"High\" { when errors > 5%; ask qa within 10m else rollback }\n\
                phase p: live {\n  step a { run \"deploy\"; undo { run \"undeploy\"; takes = 1m } }\n  hold for 1m\n\
                  step b { run \"next\"; undo none \"x\" }\n}\n";
    let world = || World::default().metric("errors", &[(0, Some(1.0)), (20, Some(9.0)), (40, Some(1.0))]);
    let ran = run(body, world(), &[]);
    assert_eq!((ran.ending(), seconds(&ran)), ("rolled back", 620), "{}", ran.transcript());
    let ran = run(body, world(), &[(200, "quinn", Word::Decide("high", false))]);
    assert_eq!(ran.world.ran, ["deploy", "next"], "{}", ran.transcript());
    assert_eq!((ran.ending(), seconds(&ran)), ("completed", 200));
    let ran = run(body, world(), &[(30, "dora", Word::Decide("high", true)), (40, "sam", Word::Decide("high", true))]);
    assert_eq!((ran.ending(), seconds(&ran)), ("rolled back", 40), "{}", ran.transcript());
    assert_eq!(refused(&ran).len(), 1);
}

#[test]
fn a_trigger_is_fired_by_hand_by_whom_it_names() {
    let body = "trigger bug \"Critical bug\" { manual by dev; then rollback }\n\
                phase p: live {\n  step a { run \"deploy\"; undo { run \"undeploy\"; takes = 1m } }\n  hold for 10m\n}\n";
    let ran = run(body, World::default(), &[(10, "quinn", Word::Fire("bug")), (20, "dora", Word::Fire("bug"))]);
    assert_eq!((ran.ending(), seconds(&ran)), ("rolled back", 20), "{}", ran.transcript());
    assert_eq!(refused(&ran).len(), 1);
    assert!(ran.transcript().contains("data loss"), "{}", ran.transcript());
}

#[test]
fn what_was_said_once_counts_once() {
    let body = "phase p: live { approve go \"Go?\" { by qa } \n hold for 1m }\n";
    let text = format!("{ROLES}{body}");
    let say = Word::Yes("go").say(&plan_of(&text));
    let one = |at| (at, Input::Say { key: "same".into(), by: person("quinn"), say: say.clone() });
    let ran = run_with(&text, World::default(), vec![one(1), one(1), one(2), one(30)]);
    let heard = ran.events.iter().filter(|e| matches!(e.kind, EventKind::Heard { .. })).count();
    assert_eq!((heard, refused(&ran).len()), (1, 0));
}

#[test]
fn lanes_run_side_by_side_and_one_that_fails_interrupts_the_others() {
    let body = "phase p: live {\n  parallel both \"Both\" {\n    step eu { run \"eu\"; undo { run \"undo-eu\"; takes = 1m } }\n\
                    phase us { step one { run \"one\"; undo { run \"undo-1\"; takes = 1m } }\n      step two { run \"two\"; undo { run \"undo-two\"; takes = 1m } } }\n  }\n\
                  step last { run \"last\"; undo none \"x\" }\n}\n";
    let world = || World::default().takes("eu", 60).takes("one", 30).takes("two", 40);
    let ran = run(body, world(), &[]);
    assert_eq!((ran.ending(), seconds(&ran)), ("completed", 70), "{}", ran.transcript());
    assert_eq!(ran.world.ran, ["eu", "one", "two", "last"]);
    let ran = run(body, world().fails("one"), &[]);
    assert_eq!(ran.ending(), "rolled back", "{}", ran.transcript());
    assert_eq!(ran.undone(), ["one", "eu"]);
    assert_eq!(ran.world.ran, ["eu", "one", "undo: undo-1", "undo: undo-eu"]);
}

#[test]
fn a_pause_in_a_lane_interrupts_the_others_and_they_are_done_again_with_it() {
    let body = "phase p: live {\n  parallel both \"Both\" {\n    step eu { run \"eu\"; undo { run \"undo-eu\"; takes = 1m } }\n\
                    step us { run \"us\"; on failure pause within 15m else rollback; undo { run \"undo-us\"; takes = 1m } }\n  }\n}\n";
    let world = || World::default().takes("eu", 60).fails_times("us", 1);
    let ran = run(body, world(), &[(100, "ana", Word::GoOn)]);
    assert_eq!((ran.ending(), seconds(&ran)), ("completed", 160), "{}", ran.transcript());
    assert_eq!(ran.world.ran, ["eu", "us", "eu", "us"]);
    let ran = run(body, world(), &[(100, "ana", Word::Waive("us"))]);
    assert_eq!(ran.world.ran, ["eu", "us", "eu"], "{}", ran.transcript());
}

#[test]
fn a_response_runs_beside_the_timeline_and_is_not_undone() {
    let body = "response flag_off \"Switch it off\" within 5m else rollback {\n  run \"flag off\"\n  gate \"Healthy\" { within 2m; every = 10s; run \"look\" }\n}\n\
                metric errors: percent { run \"errors\"; unit = percent; every = 10s }\n\
                trigger high \"High\" { when errors > 5%; then flag_off }\n\
                phase p: live {\n  step a { run \"deploy\"; undo { run \"undeploy\"; takes = 1m } }\n  hold for 2m\n  step b { run \"next\"; undo none \"x\" }\n}\n";
    let world = || World::default().metric("errors", &[(0, Some(1.0)), (20, Some(9.0)), (40, Some(1.0))]);
    let ran = run(body, world(), &[]);
    assert_eq!((ran.ending(), seconds(&ran)), ("completed with reservations", 120), "{}", ran.transcript());
    assert_eq!(ran.world.ran, ["deploy", "flag off", "next"]);
    // What fails in it takes its `else`.
    let ran = run(body, world().fails("look"), &[]);
    assert_eq!((ran.ending(), ran.undone()), ("rolled back", vec!["a"]), "{}", ran.transcript());
    assert_eq!(seconds(&ran), 140);
    // It has an end.
    let ran = run(body, world().hangs("flag off"), &[]);
    assert_eq!((ran.ending(), seconds(&ran)), ("rolled back", 320), "{}", ran.transcript());
    assert_eq!(SignedDuration::from_mins(5).as_secs() + 20, 320);
}

#[test]
fn a_phase_that_paused_is_done_again_and_nothing_of_it_is_left_out() {
    let body = "phase ready: prepare within 1m else pause within 20m else stop {\n  step slow { within 10m; run \"slow\" }\n  approve go \"Go?\" { by qa; within 5m else stop }\n}\n\
                phase one: live {\n  step s { run \"live\"; undo none \"x\" }\n}\n";
    let world = || World::default().takes("slow", 90);
    // It is late twice; nobody approves.
    let ran = run(body, world(), &[(100, "ana", Word::GoOn)]);
    assert_eq!(ran.ending(), "stopped", "{}", ran.transcript());
    assert!(!ran.world.ran.contains(&"live".to_owned()), "{}", ran.transcript());
    let world = || World::default().takes("slow", 50);
    let ran = run(body, world(), &[(70, "ana", Word::GoOn), (130, "quinn", Word::Yes("go"))]);
    assert!(ran.world.ran.iter().filter(|c| *c == "slow").count() <= 2, "{}", ran.transcript());
}

#[test]
fn a_second_pause_forgets_neither_what_stopped_nor_who_is_asked() {
    let body = "metric errors: percent { run \"errors\"; unit = percent; every = 10s }\n\
                trigger high { when errors > 5%; then pause within 20m else rollback }\n\
                phase p: live {\n  step a { run \"deploy\"; on failure pause for dev within 30m else rollback; undo { run \"undeploy\"; takes = 1m } }\n\
                  step b { run \"next\"; undo none \"x\" }\n}\n";
    let world = || World::default().fails_times("deploy", 1).metric("errors", &[(0, Some(1.0)), (30, Some(9.0))]);
    let ran = run(body, world(), &[(60, "quinn", Word::GoOn), (70, "dora", Word::GoOn)]);
    assert_eq!(ran.world.ran, ["deploy", "deploy", "next"], "{}", ran.transcript());
    // One pause after the other, nobody named: what failed is still done again.
    let body = "phase p: live {\n  step a { run \"deploy\"; on failure pause within 2m else pause within 20m else rollback; undo none \"x\" }\n}\n";
    let ran = run(body, World::default().fails_times("deploy", 1), &[(300, "ana", Word::GoOn)]);
    assert_eq!(ran.world.ran, ["deploy", "deploy"], "{}", ran.transcript());
    assert_eq!(ran.ending(), "completed");
}

#[test]
fn lanes_that_were_interrupted_for_a_pause_are_done_again_when_it_goes_on() {
    let body = "phase p: live {\n  parallel both {\n    step a { run \"fails\"; on failure pause within 2m else continue; undo none \"x\" }\n\
                    step b { run \"long\"; undo none \"x\" }\n  }\n  step c { run \"last\"; undo none \"x\" }\n}\n";
    let ran = run(body, World::default().fails("fails").takes("long", 60), &[]);
    assert_eq!(ran.world.ran, ["fails", "long", "long", "last"], "{}", ran.transcript());
    assert_eq!(ran.ending(), "completed with reservations");
}

#[test]
fn a_pause_in_a_response_holds_it_and_it_does_not_answer_its_own_failure() {
    let head = "metric errors: percent { run \"errors\"; unit = percent; every = 10s }\ntrigger high { when errors > 5%; then calm }\n\
                phase p: live {\n  step a { run \"deploy\"; undo { run \"undeploy\"; takes = 1m } }\n  hold for 5m\n}\n";
    let calm = |on: &str| {
        format!(
            "response calm within 9m else {on} {{\n  step r1 {{ run \"one\" }}\n  step r2 {{ run \"two\" }}\n}}\n{head}"
        )
    };
    let world = || World::default().metric("errors", &[(0, Some(9.0))]);
    let ran = run(&calm("pause within 20m else rollback"), world().fails_times("one", 1), &[(60, "ana", Word::GoOn)]);
    assert_eq!(ran.world.ran, ["deploy", "one", "one", "two"], "{}", ran.transcript());
    let own = format!("response calm within 9m else rollback {{ step q {{ run \"one\"; on failure calm }} }}\n{head}");
    let ran = run(&own, world().fails("one"), &[]);
    assert_eq!((ran.ending(), ran.undone()), ("rolled back", vec!["a"]), "{}", ran.transcript());
}

#[test]
fn an_approval_counts_when_everybody_has_given_it() {
    let body = "phase p: live {\n  parallel both {\n    approve go \"Go?\" { by all [qa, dev]; within 10m else continue }\n\
                    phase l2 { hold for 3s\n step s when go { run \"early\"; undo none \"x\" } }\n  }\n}\n";
    let ran = run(body, World::default(), &[(1, "quinn", Word::Yes("go"))]);
    assert!(!ran.world.ran.contains(&"early".to_owned()), "{}", ran.transcript());
    // What is asked of several is not decided by one of them.
    let body = "metric errors: percent { run \"errors\"; unit = percent; every = 10s }\n\
                trigger high { when errors > 5%; ask all [qa, dev] within 10m else continue }\n\
                trigger bug \"Bug\" { manual by all [qa, dev]; then rollback }\n\
                phase p: live {\n  step a { run \"deploy\"; undo { run \"undeploy\"; takes = 1m } }\n  hold for 20m\n}\n";
    let world = || World::default().metric("errors", &[(0, Some(9.0))]);
    let ran = run(body, world(), &[(5, "quinn", Word::Decide("high", true))]);
    assert_eq!(ran.ending(), "completed with reservations", "{}", ran.transcript());
    let ran = run(body, world(), &[(5, "quinn", Word::Decide("high", true)), (9, "dora", Word::Decide("high", true))]);
    assert_eq!((ran.ending(), seconds(&ran)), ("rolled back", 9), "{}", ran.transcript());
    let calm = World::default().metric("errors", &[(0, Some(1.0))]);
    let ran = run(
        body,
        calm,
        &[(5, "quinn", Word::Fire("bug")), (7, "quinn", Word::Fire("bug")), (9, "dora", Word::Fire("bug"))],
    );
    assert_eq!((ran.ending(), seconds(&ran), refused(&ran).len()), ("rolled back", 9, 1), "{}", ran.transcript());
}

#[test]
fn a_trigger_whose_question_is_open_asks_no_second_one() {
    let body = "metric errors: percent { run \"errors\"; unit = percent; every = 10s }\n\
                trigger high { when errors > 5%; ask qa within 5m else rollback }\n\
                phase p: live {\n  step a { run \"deploy\"; undo { run \"undeploy\"; takes = 1m } }\n  hold for 20m\n}\n";
    let world = World::default().metric("errors", &[(0, Some(9.0)), (10, Some(1.0)), (20, Some(9.0)), (30, Some(1.0))]);
    let ran = run(body, world, &[(100, "quinn", Word::Decide("high", false))]);
    assert_eq!((ran.ending(), seconds(&ran)), ("completed", 1200), "{}", ran.transcript());
}

#[test]
fn a_question_is_not_answered_with_yes_and_nobody_at_all_approves_nothing() {
    let body = "phase p: live {\n  question hit: int \"How many?\" { by qa; within 5m else rollback }\n}\n";
    let ran = run(body, World::default(), &[(1, "quinn", Word::Yes("hit"))]);
    assert_eq!(refused(&ran), ["`hit` is a question: `answer` it"]);
    let body = "phase p: live {\n  approve go \"Go?\" { by qa when release.version == \"9.9.9\"; within 5m else rollback }\n}\n";
    let ran = run(body, World::default(), &[]);
    assert_eq!((ran.ending(), seconds(&ran)), ("rolled back", 300), "{}", ran.transcript());
}

#[test]
fn a_phase_whose_first_node_is_left_out_has_its_limit_all_the_same() {
    let body = "phase p: live within 1m else rollback {\n  step a when release.version == \"9.9.9\" { run \"never\"; undo none \"x\" }\n\
                  step b { run \"long\"; undo none \"x\" }\n}\n";
    let ran = run(body, World::default().takes("long", 300), &[]);
    assert_eq!((ran.ending(), seconds(&ran)), ("rolled back", 60), "{}", ran.transcript());
}
