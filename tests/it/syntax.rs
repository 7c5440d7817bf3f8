//! The text: the formatter keeps what was written, and nothing that can be typed makes the parser stumble.

use std::path::PathBuf;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use runbook::diagnostic::Diagnostic;
use runbook::source::{SourceFile, Sources};
use runbook::syntax::{FormatError, format};

use crate::binary::Project;
use crate::docs::blocks;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every runbook of the repository: the worked ones, and the examples of the documents.
fn corpus() -> &'static [(String, String)] {
    static CORPUS: std::sync::OnceLock<Vec<(String, String)>> = std::sync::OnceLock::new();
    CORPUS.get_or_init(read_corpus)
}

fn read_corpus() -> Vec<(String, String)> {
    let mut corpus = Vec::new();
    for entry in std::fs::read_dir(root().join("runbooks")).unwrap().flatten() {
        if entry.path().extension().is_some_and(|e| e == "rb") {
            corpus.push((entry.path().display().to_string(), std::fs::read_to_string(entry.path()).unwrap()));
        }
    }
    let pages = std::fs::read_dir(root().join("docs/errors")).unwrap().flatten().map(|e| e.path());
    for page in pages.chain([root().join("docs/language.md"), root().join("README.md")]) {
        for block in blocks(&std::fs::read_to_string(&page).unwrap()) {
            if block.info == "runbook" {
                corpus.push((format!("{}:{}", page.display(), block.line), block.text));
            }
        }
    }
    assert!(corpus.len() > 80, "{}", corpus.len());
    corpus
}

fn formatted(text: &str) -> Result<String, FormatError> {
    let mut sources = Sources::default();
    let file = sources.add(SourceFile::new("t.rb", text));
    format(&sources, file)
}

/// Everything that a text goes through before it could be run, the drawing of its findings included.
fn examine(text: &str) -> Vec<Diagnostic> {
    let mut sources = Sources::default();
    let file = sources.add(SourceFile::new("t.rb", text));
    let parsed = runbook::syntax::parse(&sources, file);
    let checked = runbook::check::check(&sources, file, &parsed.ast);
    let mut all = parsed.diagnostics;
    all.extend(checked.diagnostics);
    let all = runbook::diagnostic::tidy(all);
    for finding in &all {
        let span = finding.primary.span;
        assert!(span.start <= span.end && span.end as usize <= text.len(), "{finding:?} in {text:?}");
        assert!(text.is_char_boundary(span.start as usize) && text.is_char_boundary(span.end as usize), "{finding:?}");
        assert!(!runbook::diagnostic::human(finding, &sources, 80, false).is_empty());
    }
    all
}

/// The comments of a text, in order, without the space around them.
fn comments(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|l| Some(l.get(l.find(" # ").or_else(|| l.starts_with('#').then_some(0))?..)?.trim()))
        .collect()
}

#[test]
fn formatting_twice_changes_nothing_and_comments_stay() {
    for (name, text) in corpus() {
        match formatted(text) {
            Ok(once) => {
                assert_eq!(formatted(&once).unwrap(), once, "{name}");
                assert_eq!(comments(&once), comments(text), "{name}");
            }
            Err(FormatError::Unbalanced(_)) => assert!(!examine(text).is_empty(), "{name}"),
            Err(FormatError::Unproved(why)) => panic!("{name}: {why}"),
        }
    }
}

#[test]
fn space_does_not_matter_to_the_formatter() {
    for (name, text) in corpus() {
        let Ok(canonical) = formatted(text) else { continue };
        // What stands in text blocks is text, and is left out here.
        if canonical.contains("\"\"\"") {
            continue;
        }
        let squeezed: String = canonical.lines().map(|l| format!("{}\n", l.trim())).collect();
        assert_eq!(formatted(&squeezed).unwrap(), canonical, "{name}: without indentation");
        let windows = canonical.replace('\n', "\r\n");
        assert_eq!(formatted(&windows).unwrap(), windows, "{name}: with the line ends of another system");
    }
}

#[test]
fn the_formatter_through_the_binary() {
    let project = Project::new();
    let ugly = "runbook  r \"R\" {}   # kept\nphase  p:live{step a{run \"true\"\nundo none \"x\"}}\n";
    let right = formatted(ugly).unwrap();
    project.write("a/one.rb", ugly);
    project.write("a/two.rb", &right);
    project.write("a/ruby.rb", "require 'rake'\n");
    let output = project.runbook(&["fmt", "--check", "a"]);
    assert_eq!((output.code, output.stdout.as_str()), (1, "a/one.rb is not in canonical form\n"), "{}", output.text());
    assert_eq!(project.read("a/one.rb"), ugly);
    assert_eq!(project.runbook(&["fmt", "a"]).code, 0);
    assert_eq!((project.read("a/one.rb"), project.read("a/two.rb")), (right.clone(), right.clone()));
    assert_eq!(project.runbook(&["fmt", "--check", "a"]).code, 0);
    assert!(right.contains("# kept"), "{right}");
    // Standard input goes to standard output.
    let mut command = project.command(&["fmt", "-"]);
    command.stdin(
        std::fs::File::open({
            project.write("input", ugly);
            project.path().join("input")
        })
        .unwrap(),
    );
    let output = crate::binary::finish(command);
    assert_eq!((output.code, output.stdout), (0, right));
    // A file that cannot be understood is left as it is.
    let broken = "runbook r {\n  owner = \"x\n";
    project.write("broken.rb", broken);
    let output = project.runbook(&["fmt", "broken.rb"]);
    assert_eq!((output.code, project.read("broken.rb").as_str()), (1, broken), "{}", output.text());
    assert!(output.stderr.contains("broken.rb was left as it is"), "{}", output.stderr);
}

/// What is hardest for a parser, each of 64 KB.
fn pathological() -> Vec<(&'static str, String)> {
    let filled = |piece: &str| piece.repeat(64 * 1024 / piece.len());
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let bytes: Vec<u8> = (0..64 * 1024).map(|_| (random() % 256) as u8).collect();
    let signs = b"{}()[]\"$#=;:,.T+-5m%x \n\tandforphasestep";
    let tokens: String = (0..64 * 1024).map(|_| char::from(signs[random() as usize % signs.len()])).collect();
    vec![
        ("unclosed blocks", filled("phase a { step b { ")),
        ("unclosed blocks, a line each", filled("phase a {\n")),
        ("closing braces", filled("} ")),
        ("nested parentheses", format!("let x = {}", filled("("))),
        ("nested lists", format!("let x = {}", filled("["))),
        ("nested maps", format!("let x = {}", filled("{ a = "))),
        ("nested negation", format!("let x = {}", filled("not "))),
        ("a long sum", format!("let x = 1{}", filled("+1"))),
        ("a long comparison", format!("let x = 1{}", filled(" < 1"))),
        ("nested interpolation", format!("let x = {}", filled("\"${"))),
        ("open text blocks", filled("\"\"\" ")),
        ("quotes", filled("\"")),
        ("one long line", format!("runbook r \"{}\" {{}}", filled("é"))),
        ("words", filled("step step step ")),
        ("signs at random", tokens),
        ("bytes at random", String::from_utf8_lossy(&bytes).into_owned()),
    ]
}

#[test]
fn the_worst_texts_end_with_findings() {
    let project = Project::new();
    for (what, text) in pathological() {
        project.write("worst.rb", &text);
        let output = project.runbook(&["check", "worst.rb", "--format", "short"]);
        let told = output.stdout.lines().filter(|l| l.starts_with("worst.rb:") && l.contains("[RB")).count();
        // Bytes that are no text are told in one sentence.
        let sentence = output.code == 2 && output.stderr.lines().count() == 1;
        assert!((output.code == 1 && (1..=50).contains(&told)) || sentence, "{what}: {}", output.text());
        let drawn = project.runbook(&["check", "worst.rb"]);
        assert_eq!(drawn.code, output.code, "{what}");
        assert!(drawn.text().len() < 200_000, "{what}: {} bytes of findings", drawn.text().len());
        assert_eq!(project.read("worst.rb"), text);
    }
}

/// A text of the corpus, with a few places cut, doubled or replaced.
fn damaged() -> impl Strategy<Value = String> {
    let edit = (any::<prop::sample::Index>(), 0usize..12, "[ -~\n{}()\"$#éT+0-9]{0,6}");
    (any::<prop::sample::Index>(), prop::collection::vec(edit, 1..6)).prop_map(|(which, edits)| {
        let corpus = corpus();
        let mut text: Vec<char> = corpus[which.index(corpus.len())].1.chars().collect();
        for (at, length, with) in edits {
            let from = at.index(text.len() + 1);
            let to = (from + length).min(text.len());
            text.splice(from..to, with.chars());
        }
        text.into_iter().collect()
    })
}

/// So many texts; `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(96)
}

proptest! {
    // The same texts every time, so that a change is told by what it changes; more of them find more.
    #![proptest_config(ProptestConfig { cases: cases(), rng_seed: RngSeed::Fixed(cases().into()), ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_text_is_examined_and_formatted_without_a_fault(text in damaged()) {
        examine(&text);
        match formatted(&text) {
            Ok(once) => prop_assert_eq!(formatted(&once).unwrap(), once),
            Err(FormatError::Unbalanced(_)) => {}
            Err(FormatError::Unproved(why)) => prop_assert!(false, "{}", why),
        }
    }

    #[test]
    fn any_text_at_all_is_examined_without_a_fault(text in "\\PC{0,200}") {
        examine(&text);
        let _left_alone = formatted(&text);
    }
}
