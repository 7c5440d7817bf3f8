//! What the documents show is so: each example is checked, formatted and planned, each page of a code shows that code.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use runbook::diagnostic::{Code, Severity};

use crate::binary::Project;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A fenced block: the words behind the fence, its first line in the document, its text.
pub struct Block {
    pub info: String,
    pub line: usize,
    pub text: String,
}

/// The fenced blocks of a document.
pub fn blocks(document: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, Block)> = None;
    for (number, line) in document.lines().enumerate() {
        open = match open {
            None => ["```", "~~~"].into_iter().find_map(|fence| {
                let info = line.strip_prefix(fence)?.trim().to_owned();
                Some((fence, Block { info, line: number + 2, text: String::new() }))
            }),
            Some((fence, block)) if line.trim_end() == fence => {
                blocks.push(block);
                None
            }
            Some((fence, mut block)) => {
                block.text.push_str(line);
                block.text.push('\n');
                Some((fence, block))
            }
        };
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// A whole runbook without findings, as the formatter writes it, that can be planned; one that says that this version does
/// not run it is refused by the plan for nothing else.
fn is_right(project: &Project, what: &str, text: &str) {
    project.write("right.rb", text);
    let checked = project.runbook(&["check", "right.rb"]);
    assert_eq!((checked.code, checked.stdout.as_str()), (0, "right.rb: nothing to complain about\n"), "{what}");
    let formatted = project.runbook(&["fmt", "--check", "right.rb"]);
    assert_eq!(formatted.code, 0, "{what}: {}", formatted.text());
    let planned = project.runbook(&["run", "right.rb", "--dry-run"]);
    if text.contains("# allow(RB017): ") {
        assert!(planned.code == 1 && planned.stderr.contains("RB017"), "{what}: {}", planned.text());
        assert!(checked.stderr.contains("`run` refuses it (RB017)"), "{what}: {}", checked.text());
        return;
    }
    assert_eq!((planned.code, checked.stderr.as_str()), (0, ""), "{what}: {}", planned.text());
}

#[test]
fn each_code_has_a_page_that_shows_it_and_its_mending() {
    let folder = root().join("docs/errors");
    let project = Project::new();
    std::fs::create_dir(project.path().join("lib")).unwrap();
    project.write("lib/acme.rb", "gate healthy \"It answers\" { within 1m; run \"./smoke-test.sh\" }\n");
    for &code in Code::ALL {
        let name = format!("{}.md", code.id());
        let page = std::fs::read_to_string(folder.join(&name)).expect(&name);
        assert_eq!(page.lines().next(), Some(format!("# {}: {}", code.id(), code.title()).as_str()));
        let found = blocks(&page);
        // A file of more than 1 MiB is no example for a page.
        if code == Code::TooLarge {
            assert!(found.is_empty(), "{name}");
            continue;
        }
        let [fails, right] = &found[..] else { panic!("{name} has {} blocks", found.len()) };
        assert!(page.contains("\n## Fails\n") && page.contains("\n## Right\n"), "{name}");
        project.write("fails.rb", &fails.text);
        // What only a rehearsal finds is right for `check`.
        let command = match code {
            Code::Unmet => Some("test"),
            Code::StuckUnheard | Code::LeftBehind | Code::WaitUnheard => Some("rehearse"),
            _ => None,
        };
        if let Some(command) = command {
            is_right(&project, &name, &fails.text);
            project.write("fails.rb", &fails.text);
            let output = project.runbook(&[command, "fails.rb"]);
            let shown: BTreeSet<&str> = output.stdout.lines().filter(|line| line.starts_with("RB")).collect();
            assert_eq!((output.code, shown), (1, BTreeSet::from([code.id()])), "{name}: {}", output.text());
            crate::screens::snapshot_in("screens/codes", code.id(), &output.stdout);
            is_right(&project, &name, &right.text);
            let mended = project.runbook(&[command, "right.rb"]);
            assert_eq!(mended.code, 0, "{name}: {}", mended.text());
            continue;
        }
        let output = project.runbook(&["check", "fails.rb", "--format", "short"]);
        let shown: BTreeSet<&str> =
            output.stdout.lines().filter_map(|line| Some(line.split_once('[')?.1.split_once("]:")?.0)).collect();
        let exit = i32::from(code.severity() != Severity::Advice);
        assert_eq!((output.code, shown), (exit, BTreeSet::from([code.id()])), "{name}: {}", output.text());
        crate::screens::snapshot_in("screens/codes", code.id(), &project.runbook(&["check", "fails.rb"]).stdout);
        is_right(&project, &name, &right.text);
    }
    let pages = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(pages, Code::ALL.len(), "a page without a code");
}

#[test]
fn the_examples_of_the_documents_are_checked_formatted_and_planned() {
    let project = Project::new();
    let mut seen = 0;
    for document in ["README.md", "docs/language.md", "CONTRIBUTING.md", "ARCHITECTURE.md"] {
        let text = std::fs::read_to_string(root().join(document)).expect(document);
        for block in blocks(&text).iter().filter(|b| b.info == "runbook") {
            is_right(&project, &format!("{document}:{}", block.line), &block.text);
            seen += 1;
        }
    }
    assert!(seen > 0);
}

#[test]
fn links_between_the_documents_lead_somewhere() {
    for document in ["README.md", "docs/language.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md"] {
        let text = std::fs::read_to_string(root().join(document)).expect(document);
        let folder = root().join(document).parent().map(Path::to_path_buf).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or_default();
            if !path.is_empty() && !path.contains("://") {
                assert!(folder.join(path).exists(), "{document} links to {target}");
            }
        }
    }
}

/// The one table of what each block may hold, and the words that messages may use, stand in the reference.
#[test]
fn the_reference_names_everything_that_the_catalogue_has() {
    use runbook::check::{catalogue, vocabulary};
    let text = std::fs::read_to_string(root().join("docs/language.md")).unwrap();
    let words: BTreeSet<&str> = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
    let mut missing = BTreeSet::new();
    for block in catalogue::BLOCKS {
        // Of the parts that the table gives a name of its own, such as `scope item`, nothing is written so.
        let own = block.name.split(' ').next_back().unwrap();
        let settings = block.settings.iter().map(|s| s.name);
        let said = block.clauses.iter().chain(block.contents).flat_map(|c| c.word.split(' '));
        missing.extend(settings.chain(said).chain([own]).filter(|word| !words.contains(word)).map(|w| (block.name, w)));
    }
    // `command` and `file` are names of the table itself.
    missing.retain(|(_, word)| !matches!(*word, "file"));
    assert!(missing.is_empty(), "not in docs/language.md: {missing:?}");
    let family = |path: &str| format!("{}.*", path.split('.').next().unwrap());
    let told = |path: &str| text.contains(&format!("`{path}`")) || text.contains(path) || text.contains(&family(path));
    let unsaid: Vec<&str> = vocabulary::WORDS.iter().map(|w| w.path).filter(|path| !told(path)).collect();
    assert!(unsaid.is_empty(), "not in docs/language.md: {unsaid:?}");
}

/// Every runbook of the repository is right, and each either is planned or says that this version does not run it.
#[test]
fn the_runbooks_are_right() {
    let project = Project::new();
    let folder = root().join("runbooks");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter(|name| name.ends_with(".rb"))
        .collect();
    names.sort();
    assert!(names.len() >= 6, "{names:?}");
    for name in names {
        let path = folder.join(&name).display().to_string();
        let checked = project.runbook(&["check", &path]);
        assert_eq!(checked.code, 0, "{}", checked.text());
        assert!(checked.stdout.ends_with(": nothing to complain about\n"), "{}", checked.text());
        let formatted = project.runbook(&["fmt", "--check", &path]);
        assert_eq!(formatted.code, 0, "{name} is not formatted");
        let given = ["--var", "version=1.2.9", "--var", "start=2030-05-14T10:00:00-07:00"];
        let text = std::fs::read_to_string(&path).unwrap();
        // Only what a file has can be given.
        let given = given.chunks(2).filter(|g| text.contains(&format!("var {}:", g[1].split('=').next().unwrap())));
        let given: Vec<&str> = given.flatten().copied().collect();
        let planned = project.runbook(&[&["run", path.as_str(), "--dry-run"], given.as_slice()].concat());
        let whole = text.contains("# allow(RB017): ");
        assert_eq!(planned.code, i32::from(whole), "{}", planned.text());
        assert_eq!(planned.stderr.contains("RB017"), whole, "{}", planned.text());
    }
}
