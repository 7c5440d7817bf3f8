//! Messages and what becomes of them: order, doubt, patience; severities that go on speaking; who is in command.

use runbook::drive::virtual_time::{Answer, Script};
use runbook::engine::{EffectId, Event, EventKind, Input, Say, replay};

use crate::support::{Ran, World, begin, plan_of, resume, run, run_with, who};

/// Every message with the seconds since the beginning and its channel.
fn said(ran: &Ran) -> Vec<(i64, String, String)> {
    let start = ran.run.started.unwrap();
    let at = |e: &Event| match &e.kind {
        EventKind::MessageQueued { channel, text, .. } => {
            Some((e.at.duration_since(start).as_secs(), channel.clone(), text.clone()))
        }
        _ => None,
    };
    ran.events.iter().filter_map(at).collect()
}

/// A channel that knows no keys, and one that does.
const CHANNELS: &str = "runbook r \"R\" {}\nsecret hook = getenv(\"HOOK\")\nchannel chat: slack { webhook = hook }\nchannel calls: webhook { url = hook }\n";

#[test]
fn a_channel_that_hangs_holds_up_its_own_messages_and_nothing_else_and_the_end_for_a_minute() {
    let text = format!(
        "{CHANNELS}phase p: live {{\n  notify chat \"one\"\n  notify [chat, calls] \"two\"\n  step a {{ run \"deploy\"; undo {{ run \"back\" }} }}\n  notify chat \"three\"\n}}\n"
    );
    let ran = run(&text, World::default().hangs("message chat"));
    // The first is on its way; the others of its channel wait for it, the other channel does not.
    let sent: Vec<(i64, &str)> = ran.world.sent.iter().map(|(at, _, text)| (*at, text.as_str())).collect();
    assert_eq!(sent, [(0, "two"), (0, "one")], "{}", ran.transcript());
    assert_eq!(ran.ending(), "completed");
    assert_eq!(ran.run.now.duration_since(ran.run.started.unwrap()).as_secs(), 60);
    let lost: Vec<&str> =
        ran.run.messages.iter().filter_map(|m| m.sent.as_ref()?.as_ref().err()).map(String::as_str).collect();
    assert_eq!(lost, ["not sent within 1m of the end of the run"; 3], "{}", ran.transcript());
}

#[test]
fn a_rollback_does_not_wait_for_a_service_that_is_down() {
    let text = format!(
        "{CHANNELS}phase p: live {{\n  step a {{ run \"deploy\"; undo {{ run \"back\"; takes = 1s }} }}\n  step b {{ run \"fails\"; undo none \"x\" }}\n}}\n\
         rollback {{ notify [chat, calls] \"going back\"; undo; notify chat \"back\" }}\n"
    );
    let ran = run(&text, World::default().fails("fails").hangs("message chat"));
    assert_eq!(ran.ending(), "rolled back");
    let undone = ran.events.iter().find(|e| matches!(e.kind, EventKind::UndoEnded { .. })).unwrap();
    assert_eq!(undone.at, ran.run.started.unwrap(), "{}", ran.transcript());
}

#[test]
fn what_was_on_its_way_when_the_process_died_is_only_sent_again_where_nobody_sees_it_twice() {
    let text = format!(
        "{CHANNELS}phase p: live {{\n  notify [chat, calls] \"on its way\"\n  step a {{ idempotent = true; run \"deploy\"; undo none \"x\" }}\n  notify chat \"later\"\n}}\n"
    );
    // The process ends while both are on their way.
    let plan = plan_of(&text);
    let before = run_with(&text, World::default().hangs("message ").takes("deploy", 10), vec![(5, halt())]);
    assert_eq!(before.ending(), "halted");
    let cut = before.events.iter().position(|e| matches!(e.kind, EventKind::HaltRequested { .. })).unwrap();
    let events = before.events[..cut].to_vec();
    let state = replay(&plan, &events);
    assert_eq!(state.messages.iter().filter(|m| m.sending && m.sent.is_none()).count(), 2);
    let left = Ran { run: state, events, plan, world: World::default() };
    let after = resume(left, World::default());
    let sent: Vec<(&str, &str)> = after.world.sent.iter().map(|(_, c, t)| (c.as_str(), t.as_str())).collect();
    assert_eq!(sent, [("calls", "on its way"), ("chat", "later")], "{}", after.transcript());
    assert!(
        after.transcript().contains(
            "chat  a message could not be sent: the process ended while it was on its way: it may have arrived"
        ),
        "{}",
        after.transcript()
    );
}

fn halt() -> Input {
    Input::Halt { by: who(), reason: "Ctrl-C".into() }
}

#[test]
fn a_message_that_must_be_sent_fails_its_node_and_one_that_need_not_fails_nothing() {
    let text = |required: bool| {
        format!(
            "{CHANNELS}phase p: live {{\n  step a {{ run \"deploy\"; undo {{ run \"back\" }} }}\n  notify chat \"must\" {{ required = {required} }}\n}}\n"
        )
    };
    let ran = run(&text(true), World::default().fails("message chat"));
    assert_eq!(ran.ending(), "rolled back", "{}", ran.transcript());
    let ran = run(&text(false), World::default().fails("message chat"));
    assert_eq!(ran.ending(), "completed", "{}", ran.transcript());
}

const SEVERE: &str = "runbook r \"R\" {}\nchannel room: console {}\nrole boss \"Release manager\" { members = [\"ana@x.example\"] }\n\
    metric e: percent { run \"errors\"; unit = percent; every = 10s }\n\
    severity sev2 { ask boss within 40m else rollback; notify = [room]; update_every = 15m; commander = boss }\n\
    trigger errors { when e > 5% for 1m; severity = sev2; notify room \"led by ${event.commander}\" }\n\
    phase p: live {\n  step a { run \"deploy\"; undo { run \"back\"; takes = 1m } }\n  hold for 2h\n}\n";

#[test]
fn a_severity_goes_on_speaking_until_it_is_over_and_says_who_leads() {
    let bad = || World::default().metric("e", &[(0, Some(1.0)), (300, Some(9.0))]);
    let ran = run(SEVERE, bad().takes("back", 1_200));
    let all = said(&ran);
    let texts: Vec<(i64, &str)> = all.iter().map(|(at, _, text)| (*at, text.lines().next().unwrap())).collect();
    assert_eq!(
        texts,
        [
            (360, "led by Release manager (ana@x.example)"),
            (360, "[sev2] errors: trigger `errors` fired: e > 5% for 1m (e 9%)"),
            (360 + 900, "[sev2] errors, for 15m now: the release goes on, 1 of 2 done"),
            (360 + 1_800, "[sev2] errors, for 30m now: the release goes on, 1 of 2 done"),
            // Nobody answered: it goes back, and that is said as well.
            (360 + 2_700, "[sev2] errors, for 45m now: rolling back, 0 undone so far"),
            (360 + 3_600, "[sev2] errors, for 1h now: rolling back, 0 undone so far"),
        ],
        "{}",
        ran.transcript()
    );
    assert!(all[2].2.contains("\nin command: Release manager (ana@x.example)"), "{}", all[2].2);
    assert_eq!(ran.ending(), "rolled back");
    // Where it is as it was again, it is over.
    let world = World::default().metric("e", &[(0, Some(1.0)), (300, Some(9.0)), (900, Some(1.0))]);
    let ran = run_with(SEVERE, world, vec![(1_000, decides(false))]);
    assert_eq!(said(&ran).len(), 2, "{}", ran.transcript());
    assert_eq!(ran.ending(), "completed");
}

fn decides(yes: bool) -> Input {
    let by = runbook::engine::Who { user: "x".into(), claim: Some("ana@x.example".into()) };
    Input::Say { key: "k".into(), by, say: Say::Decide { trigger: 0, yes, reason: None } }
}

#[test]
fn a_run_that_parks_says_and_does_what_one_that_waits_does() {
    let text = "runbook r \"R\" {}\nchannel room: console {}\nrelease { start = 2025-11-25T18:00:00Z; manager = boss }\n\
        role boss { members = [\"ana@x.example\"]; reach = [room] }\n\
        phase ready: prepare at T-5d {\n  checklist list within 3d else continue { item one \"One\" \n item two \"Two\" }\n  approve go \"Go?\" at T-1d { within 12h else stop }\n}\n\
        phase p: live at T+0 { step a { run \"deploy\"; undo none \"x\" } }\n\
        comms { notify room \"early\" at T-6d\n  notify room \"soon\" at T-1h\n  notify room \"done\" from a.done }\n";
    let people: crate::support::People = |plan, run| {
        let asks = |id: &str| {
            let ix = plan.find(id)?;
            let work = run.node(ix).work.as_ref()?;
            matches!(work.state, Some(runbook::engine::state::ActionState::Asking(_))).then_some(ix)
        };
        let late = run.now.to_string().as_str() > "2025-11-21T20:00:00Z";
        if let Some(node) = asks("list.one").filter(|_| late) {
            return Some(("ana", Say::Tick { node, not_applicable: false, reason: None }));
        }
        let node = asks("list.two").filter(|_| late)?;
        Some(("ana", Say::Tick { node, not_applicable: false, reason: None }))
    };
    let waits = run(text, World::default().people(people));
    // The same, but that its process ends whenever nothing is to be done.
    let plan = plan_of(text);
    let start: jiff::Timestamp = crate::support::START.parse().unwrap();
    let (mut world, mut events) = (World::default().people(people), Vec::new());
    let mut state = runbook::engine::Run::new(&plan);
    let (mut at, mut first, mut parked) = (start, begin(), 0);
    loop {
        events.extend(runbook::engine::advance(&plan, &mut state, first, at));
        // What is wanted is done at once.
        while let Some(id) = runbook::engine::wanted(&plan, &state, at).effects.first().copied() {
            if id == EffectId::Lock && state.locked {
                break;
            }
            let effect = runbook::engine::effect(&plan, &state, id, at);
            let Answer::After(_, done) = world.perform(id, effect, at) else { panic!("nothing hangs here") };
            events.extend(runbook::engine::advance(&plan, &mut state, Input::Ended(id, done), at));
        }
        if let Some(said) = world.say(&plan, &state, at) {
            first = said;
            continue;
        }
        if state.ending().is_some() {
            break;
        }
        let wake = runbook::engine::wanted(&plan, &state, at).next().unwrap();
        if wake.duration_since(at) >= jiff::SignedDuration::from_mins(5) {
            events.extend(runbook::engine::advance(&plan, &mut state, Input::Park, at));
        }
        parked += usize::from(state.parked.is_some());
        first = match state.parked {
            Some(_) => Input::Resume { by: who(), doubts: Vec::new() },
            None => Input::Tick,
        };
        at = wake;
    }
    let parks = Ran { run: state, events, plan, world };
    assert!(parked >= 3, "{parked}\n{}", parks.transcript());
    assert_eq!(parks.ending(), waits.ending());
    // Every word at the same moment: nothing is asked again, and no limit counts anew.
    assert_eq!(said(&parks), said(&waits), "{}\n\n{}", waits.transcript(), parks.transcript());
    assert_eq!(said(&waits).iter().filter(|(_, _, text)| text.starts_with("still open")).count(), 2);
}

#[test]
fn a_window_that_is_passed_over_is_recorded_with_who_and_why() {
    let text = "runbook r \"R\" {}\nwindow nights { from = 22:00; to = 23:00 }\nblackout freeze \"Freeze\" { from = 2025-11-18; to = 2025-11-19 }\n\
                phase p: live in nights { step a { run \"deploy\"; undo none \"x\" } }\n";
    let pass = |key: &str, name: &str, reason: &str| Input::Say {
        key: key.into(),
        by: who(),
        say: Say::Override { name: name.into(), reason: reason.into() },
    };
    let both = vec![(60, pass("1", "nights", "the fix cannot wait")), (60, pass("2", "freeze", "the board knows"))];
    let ran = run_with(text, World::default(), both);
    assert_eq!(ran.run.now.duration_since(ran.run.started.unwrap()).as_secs(), 60, "{}", ran.transcript());
    assert!(ran.transcript().contains("ana passes over `freeze`: the board knows"), "{}", ran.transcript());
    assert_eq!(ran.ending(), "completed");
    // One of the two is not enough, a name that is none is refused, and so is no reason.
    let some = vec![(60, pass("1", "nights", "x")), (61, pass("2", "frees", "x")), (62, pass("3", "freeze", " "))];
    let ran = run_with(text, World::default(), some);
    let start = ran.run.node(ran.plan.find("a").unwrap()).started.unwrap().to_string();
    assert_eq!(start, "2025-11-20T00:00:00Z", "{}", ran.transcript());
    assert!(ran.transcript().contains("the plan has no window and no blackout `frees`"), "{}", ran.transcript());
    assert!(ran.transcript().contains("whoever passes over a window says why"), "{}", ran.transcript());
}

#[test]
fn another_plan_keeps_what_was_done_asks_for_approvals_again_and_says_nothing_twice() {
    let text = |start: &str, more: &str| {
        format!(
            "runbook r \"R\" {{}}\nchannel room: console {{}}\nrelease {{ start = {start}; manager = boss }}\n\
             role boss {{ members = [\"bo@x.example\"]; reach = [room] }}\n\
             phase ready: prepare at T-5d {{\n  step build {{ run \"build\" }}\n  approve go \"Go?\" {{ within 4d else stop }}\n  hold quiet until T-2d\n{more}}}\n\
             phase p: live at T+0 {{ step a {{ run \"deploy\"; undo none \"x\" }} }}\n\
             comms {{ notify room \"soon: ${{format_time(release.start, \"%d %b\")}}\" at T-5d\n  notify room \"very soon\" at T-1h }}\n"
        )
    };
    let yes = |key: &str, plan: &runbook::plan::Plan| Input::Say {
        key: key.into(),
        by: runbook::engine::Who { user: "x".into(), claim: Some("bo@x.example".into()) },
        say: Say::Answer { node: plan.find("go").unwrap(), yes: true, value: None, reason: None },
    };
    let old = plan_of(&text("2025-11-23T18:00:00Z", ""));
    let first =
        run_with(&text("2025-11-23T18:00:00Z", ""), World::default(), vec![(60, yes("1", &old)), (120, halt())]);
    assert_eq!(first.ending(), "halted", "{}", first.transcript());
    // A week later, and with one step more behind what has begun.
    let new = plan_of(&text("2025-11-30T18:00:00Z", "  step more { run \"more\" }\n"));
    let change =
        runbook::engine::amendment(&first.plan, &first.run, new.clone(), who(), "the vendor is late".into()).unwrap();
    let Ran { mut run, mut events, world, .. } = first;
    let now = run.now;
    let changed = Event { at: now, kind: change };
    runbook::engine::apply(&mut run, &changed);
    events.push(changed);
    assert_eq!(replay(&old, &events), run, "the state is the fold of its events");
    let amended = Ran { run, events, plan: new.clone(), world };
    let resumed = take_up_with(amended, yes("2", &new), 600);
    assert_eq!(resumed.ending(), "completed", "{}", resumed.transcript());
    assert_eq!(resumed.world.ran, ["more", "deploy"], "what was built is not built again");
    let texts: Vec<String> =
        said(&resumed).into_iter().map(|(_, _, text)| text.lines().next().unwrap().to_owned()).collect();
    assert_eq!(
        texts,
        ["soon: 23 Nov", "R: go: Go?", "R: go: Go?", "soon: 30 Nov", "very soon"],
        "{}",
        resumed.transcript()
    );
    assert_eq!(resumed.run.node(new.find("a").unwrap()).started.unwrap().to_string(), "2025-11-30T18:00:00Z");
}

fn take_up_with(before: Ran, say: Input, after: i64) -> Ran {
    let Ran { run, mut events, plan, .. } = before;
    let start = run.now + jiff::SignedDuration::from_mins(1);
    let later = start + jiff::SignedDuration::from_secs(after);
    let mut world = World::default();
    world.name_metrics(&plan);
    let inputs = vec![(start, Input::Resume { by: who(), doubts: Vec::new() }), (later, say)];
    let (run, new, result) = runbook::drive::virtual_time::simulate(&plan, run, &mut world, start, inputs);
    assert_eq!(result, Ok(()));
    events.extend(new);
    Ran { run, events, plan, world }
}

#[test]
fn a_plan_that_changes_what_has_begun_is_refused() {
    let text = |body: &str| {
        format!(
            "runbook r \"R\" {{}}\nrelease {{ start = 2025-11-23T18:00:00Z }}\nphase ready: prepare at T-5d {{\n{body}\n}}\nphase p: live at T+0 {{ step a {{ run \"deploy\"; undo none \"x\" }} }}\n"
        )
    };
    let first = run_with(
        &text("  step one { run \"one\" }\n  hold quiet until T-2d\n  step three { run \"three\" }"),
        World::default(),
        vec![(60, halt())],
    );
    let refused = |body: &str| {
        let new = plan_of(&text(body));
        runbook::engine::amendment(&first.plan, &first.run, new, who(), "x".into()).unwrap_err()
    };
    assert_eq!(
        refused("  hold quiet until T-2d\n  step three { run \"three\" }"),
        "`one` has begun, and the new plan does not have it"
    );
    assert_eq!(
        refused("  step zero { run \"zero\" }\n  step one { run \"one\" }\n  hold quiet until T-2d"),
        "`zero` stands before `quiet`, which has begun, and would never be done"
    );
    let live = run_with(
        &text("  step one { run \"one\" }"),
        World::default().hangs("deploy"),
        vec![(5 * 86_400 + 60, halt())],
    );
    let new = plan_of(&text("  step one { run \"one\" }\n  step two { run \"two\" }"));
    let why = runbook::engine::amendment(&live.plan, &live.run, new, who(), "x".into()).unwrap_err();
    assert!(why.contains("the live part of the run r1 has begun: what was approved is what runs"), "{why}");
}

/// People and channels that all of these releases have.
const ASKED: &str = "runbook shop \"Shop release\" {}\nrelease { version = \"1.2.0\"; manager = manager; start = 2025-11-18T19:00:00Z }\n\
    secret hook = getenv(\"HOOK\")\nchannel team: slack \"The team\" { webhook = hook }\nchannel pager: pagerduty { routing_key = hook }\n\
    role manager \"Release manager\" {\n  members = [\"mia@x.example\", \"max@x.example\"]\n  backup = [\"bea@x.example\"]\n  reach = [team]\n  away \"mia@x.example\" from T-1d to T+1d\n}\n\
    role lead \"Tech lead\" { members = [\"lea@x.example\"]; reach = [team, pager] }\nrole cto \"CTO\" { members = [\"cleo@x.example\"]; reach = [pager] }\n\
    escalation chain { level lead within 5m; level cto }\n\
    phase decision: prepare at T-1h { approve go \"Go or no-go\" { by manager; within 40m escalate chain else stop; on denied stop } }\n\
    phase p: live \"Deployment\" at T+0 { step a \"Deploy\" { run \"deploy\"; undo { run \"back\" } } }\n\
    on denied { notify team \"No: ${event.reason}\" }\non stopped { notify team \"Stopped: ${event.reason}\" }\n";

fn answers(name: &str, plan: &runbook::plan::Plan, yes: bool) -> Input {
    Input::Say {
        key: format!("{name}-{yes}"),
        by: runbook::engine::Who { user: "laptop".into(), claim: Some(format!("{name}@x.example")) },
        say: Say::Answer {
            node: plan.find("go").unwrap(),
            yes,
            value: None,
            reason: (!yes).then(|| "the smoke test is red".to_owned()),
        },
    }
}

/// The whole run as one reads it, with its summary.
fn screen(ran: &Ran) -> String {
    let end = runbook::report::summary(&ran.plan, &ran.run, ran.run.now, runbook::paint::Paint::plain(100));
    format!("{}\n\n{end}", ran.transcript())
}

#[test]
fn nobody_answers_and_the_escalation_is_asked_in_its_order_before_it_stops() {
    let ran = run(ASKED, World::default());
    let asked: Vec<(i64, &str)> = ran.world.sent.iter().map(|(at, to, _)| (*at, to.as_str())).collect();
    // At once, at half time with the first level, the second when the time of the first is over; then the end.
    assert_eq!(
        asked,
        [(0, "team"), (1_200, "pager"), (1_200, "team"), (1_500, "pager"), (2_400, "team")],
        "{}",
        ran.transcript()
    );
    assert_eq!(ran.ending(), "stopped");
    crate::screens::snapshot("nobody_answers", &screen(&ran));
}

#[test]
fn a_denied_approval_says_who_and_why_to_everybody() {
    let plan = plan_of(ASKED);
    let ran = run_with(ASKED, World::default(), vec![(300, answers("max", &plan, false))]);
    assert_eq!(ran.ending(), "stopped");
    crate::screens::snapshot("denied", &screen(&ran));
}

#[test]
fn a_member_who_is_away_is_not_asked_and_a_backup_answers() {
    let plan = plan_of(ASKED);
    let said = vec![(60, answers("mia", &plan, true)), (120, answers("bea", &plan, true))];
    let ran = run_with(ASKED, World::default(), said);
    assert_eq!(ran.ending(), "completed", "{}", ran.transcript());
    crate::screens::snapshot("away", &screen(&ran));
}

#[test]
fn a_channel_that_cannot_be_reached_is_told_of_and_the_question_stands() {
    let plan = plan_of(ASKED);
    let ran = run_with(ASKED, World::default().fails("message team"), vec![(120, answers("max", &plan, true))]);
    assert_eq!(ran.ending(), "completed", "{}", ran.transcript());
    crate::screens::snapshot("unreachable", &screen(&ran));
}
