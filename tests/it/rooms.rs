//! Which room uses which: the table of ARCHITECTURE.md is what the code does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

type Table = BTreeMap<String, BTreeSet<String>>;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The words in backticks.
fn quoted(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The table of the document.
fn allowed() -> Table {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows = text.lines().skip_while(|l| *l != "| room | may use |").skip(2).take_while(|l| l.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let [room, uses] = cells[..] else { panic!("{row}") };
        (quoted(room).into_iter().next().unwrap(), quoted(uses))
    })
    .collect()
}

fn files_below(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            files_below(&entry.unwrap().path(), found);
        }
    } else if path.extension().is_some_and(|e| e == "rs") {
        found.push(path.to_owned());
    }
}

/// The first name behind every `crate::` of the code that is not a test: comments are left out.
fn rooms_named(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let word = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = BTreeSet::new();
    for line in lines {
        for rest in line.split("crate::").skip(1) {
            let name = word(rest);
            assert!(!name.is_empty(), "a use of several rooms at once cannot be read here: {line}");
            found.insert(name);
        }
    }
    found
}

#[test]
fn rooms_use_what_the_table_says_and_nothing_else() {
    let source = root().join("src");
    let mut used = Table::new();
    for entry in std::fs::read_dir(&source).unwrap() {
        let path = entry.unwrap().path();
        let room = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if matches!(room.as_str(), "lib" | "main") {
            continue;
        }
        let mut files = Vec::new();
        files_below(&path, &mut files);
        let uses = used.entry(room.clone()).or_default();
        for file in files {
            uses.extend(rooms_named(&std::fs::read_to_string(file).unwrap()));
        }
        uses.remove(&room);
    }
    assert!(used.len() > 10, "{used:?}");
    assert_eq!(used, allowed());
}

#[test]
fn the_engine_and_everything_before_it_touch_nothing() {
    // What clippy forbids is allowed, with a reason, in four rooms alone.
    let mut files = Vec::new();
    files_below(&root().join("src"), &mut files);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(root().join("src")).unwrap().display().to_string();
        let at_the_edge = ["world/", "drive/", "journal/", "cli/"].iter().any(|room| name.starts_with(room));
        assert!(at_the_edge || !text.contains("clippy::disallowed_methods"), "{name} allows itself the world");
    }
}
