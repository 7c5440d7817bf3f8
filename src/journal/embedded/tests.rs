//! The store, through its own doors.

use super::*;

fn plan() -> Plan {
    let json = serde_json::json!({
        "format": 1, "nodes": [], "phases": [], "rollbacks": [],
        "runbook": { "id": "r", "title": "R", "file": "r.rb", "timezone": "UTC", "locks": ["r"], "shell": [], "grace": "10s" },
    });
    serde_json::from_value(json).expect("a plan")
}

fn event(n: i64) -> Event {
    let kind = EventKind::WentOn { reason: format!("{n}") };
    Event { at: Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(n), kind }
}

#[test]
fn what_was_written_is_read_back_and_a_change_shows() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut journal = Embedded::open(folder.path()).expect("opens").begin("a", &plan()).expect("begins");
    journal.append(&[event(0)]).expect("is written");
    journal.append(&[event(1), event(2)]).expect("is written");
    drop(journal);
    let store = Embedded::open(folder.path()).expect("opens again");
    let record = store.read("a").expect("is read");
    assert_eq!(record.events, [event(0), event(1), event(2)]);
    store
        .connection
        .execute("UPDATE events SET body = replace(body, '\"1\"', '\"9\"') WHERE seq = 1", [])
        .expect("is changed");
    let error = store.read("a").expect_err("shows").to_string();
    assert_eq!(error, "the record of the run a is broken: the record 1 was changed after it was written");
    store
        .connection
        .execute("UPDATE events SET body = replace(body, '\"9\"', '\"1\"') WHERE seq = 1", [])
        .expect("is mended");
    assert!(store.read("a").is_ok());
    store.connection.execute("DELETE FROM events WHERE seq = 2", []).expect("is deleted");
    let error = store.read("a").expect_err("shows").to_string();
    assert_eq!(error, "the record of the run a is broken: records behind the 2 that are here are missing");
    // One that is missing between others shows at its place.
    store
        .connection
        .execute_batch("UPDATE runs SET head = NULL; UPDATE events SET seq = 2 WHERE seq = 1")
        .expect("is moved");
    assert!(store.read("a").expect_err("shows").to_string().contains("the record 1 is missing"));
}

#[test]
fn a_lock_is_held_by_one_run_and_says_by_whom() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = || Embedded::open(folder.path()).expect("opens");
    let who = Who { user: "ana".into(), claim: None };
    let names = ["shop".to_owned(), "db".to_owned()];
    let now = Timestamp::UNIX_EPOCH;
    let mut first = open().begin("a", &plan()).expect("begins");
    let mut second = open().begin("b", &plan()).expect("begins");
    first.append(&[event(0)]).expect("is written");
    assert_eq!(first.lock(&names, &who, now).expect("works"), Ok(()));
    assert_eq!(first.lock(&names, &who, now).expect("works"), Ok(()));
    let holder = second.lock(&names[1..], &who, now).expect("works").expect_err("is held");
    assert_eq!((holder.run.as_str(), holder.alive), ("a", true));
    drop(first);
    let holder = second.lock(&names, &who, now).expect("works").expect_err("is still held");
    assert!(!holder.alive, "{holder}");
    let (mut first, _) = open().resume("a").expect("works").expect("nobody runs it");
    first.unlock().expect("works");
    assert_eq!(second.lock(&names, &who, now).expect("works"), Ok(()));
}

#[test]
fn a_journal_of_the_first_version_is_brought_up_to_date() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut journal = Embedded::open(folder.path()).expect("opens").begin("a", &plan()).expect("begins");
    journal.append(&[event(0)]).expect("is written");
    drop(journal);
    let store = Embedded::open(folder.path()).expect("opens");
    store
        .connection
        .execute_batch("ALTER TABLE runs DROP COLUMN head; DROP TABLE wishes; PRAGMA user_version = 1")
        .expect("is as it was");
    drop(store);
    let (mut journal, record) =
        Embedded::open(folder.path()).expect("opens").resume("a").expect("is read").expect("nobody runs it");
    assert_eq!(record.events, [event(0)]);
    journal.append(&[event(1)]).expect("is written");
    drop(journal);
    let store = Embedded::open(folder.path()).expect("opens");
    assert_eq!(store.read("a").expect("is read").events.len(), 2);
    store.connection.execute("DELETE FROM events WHERE seq = 1", []).expect("is deleted");
    assert!(store.read("a").is_err());
}

#[test]
fn a_journal_of_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Embedded::open(folder.path()).expect("opens");
    store.connection.pragma_update(None, "user_version", 99).expect("is set");
    drop(store);
    assert!(matches!(Embedded::open(folder.path()), Err(JournalError::Newer { found: 99, .. })));
}

#[test]
fn many_may_open_a_store_that_is_not_there_yet() {
    for round in 0..10 {
        let folder = tempfile::tempdir().expect("a folder");
        let gate = std::sync::Barrier::new(12);
        std::thread::scope(|scope| {
            for n in 0..12 {
                let (gate, path) = (&gate, folder.path());
                scope.spawn(move || {
                    gate.wait();
                    let store = Embedded::open(path).unwrap_or_else(|e| panic!("round {round}: {e}"));
                    let mut journal = store.begin(&n.to_string(), &plan()).expect("begins");
                    journal.append(&[event(n)]).unwrap_or_else(|e| panic!("round {round}: {e}"));
                });
            }
        });
        assert_eq!(Embedded::open(folder.path()).expect("opens").runs().expect("are read").len(), 12);
    }
}
