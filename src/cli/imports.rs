//! Imports: which files belong to a runbook, read from where they are.
//!
//! A path is relative to the file in which it stands and never leads out of the repository, also not through a symbolic
//! link. Whatever is wrong with a library is said at the import, and in the library itself.

use std::path::{Path, PathBuf};

use crate::check::{imports, merge};
use crate::diagnostic::{Code, Diagnostic, Severity, did_you_mean};
use crate::source::{FileId, SourceFile, Sources, Span};
use crate::syntax::ast::Ast;
use crate::syntax::{decode, parse};

/// So many files a runbook may consist of.
const MOST: usize = 64;

/// The libraries of a runbook.
pub(super) struct Imports<'s> {
    sources: &'s mut Sources,
    root: PathBuf,
    /// What was read, by its real path, with the place at which it was first imported.
    seen: Vec<(PathBuf, FileId)>,
    /// The files that are being read, each imported by the one before it.
    open: Vec<PathBuf>,
    libraries: Vec<Ast>,
    findings: Vec<Diagnostic>,
    places: Vec<(FileId, Span)>,
}

/// A runbook with everything that it imports.
pub(super) struct Whole {
    pub(super) ast: Ast,
    pub(super) findings: Vec<Diagnostic>,
    /// Each library with the place at which the runbook, or another library, imports it.
    places: Vec<(FileId, Span)>,
}

/// Reads what a file imports, and what that imports.
pub(super) fn whole(sources: &mut Sources, path: &Path, ast: Ast) -> Whole {
    let (wanted, findings) = imports(&ast);
    if wanted.is_empty() {
        return Whole { ast, findings, places: Vec::new() };
    }
    let here = std::env::current_dir().unwrap_or_default();
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| here.join("-"));
    let folder = real.parent().unwrap_or(&here).to_owned();
    let mut reading = Imports {
        sources,
        root: root_of(&folder, &here),
        seen: Vec::new(),
        open: vec![real],
        libraries: Vec::new(),
        findings,
        places: Vec::new(),
    };
    reading.all(&folder, path.parent().unwrap_or(Path::new("")), wanted);
    let Imports { libraries, mut findings, places, .. } = reading;
    let unread = findings.iter().any(|f| matches!(f.code, Code::Import | Code::Cycle));
    let (mut ast, misplaced) = merge(ast, libraries);
    ast.incomplete = unread;
    findings.extend(misplaced);
    Whole { ast, findings, places }
}

impl Whole {
    /// Says at each import that its library has errors.
    pub(super) fn at_imports(&self, sources: &Sources, findings: &[Diagnostic]) -> Vec<Diagnostic> {
        let broken = |file: FileId| {
            findings.iter().filter(|d| d.primary.span.file == file && d.severity() == Severity::Error).count()
        };
        let tell = |(file, place): &(FileId, Span)| {
            let count = broken(*file);
            let errors = if count == 1 { "an error".to_owned() } else { format!("{count} errors") };
            let title = format!("the library `{}` has {errors}", sources.file(*file).name);
            let finding = Diagnostic::new(Code::Import, *place, title).label("imported here");
            (count > 0).then(|| finding.help("what is wrong stands with that file"))
        };
        self.places.iter().filter_map(tell).collect()
    }
}

/// The repository that a folder belongs to; without one the working directory, if the folder lies in it.
fn root_of(folder: &Path, here: &Path) -> PathBuf {
    let repository = folder.ancestors().find(|ancestor| ancestor.join(".git").exists());
    let here = std::fs::canonicalize(here).unwrap_or_else(|_| here.to_owned());
    match repository {
        Some(root) => root.to_owned(),
        None if folder.starts_with(&here) => here,
        None => folder.to_owned(),
    }
}

impl Imports<'_> {
    /// `folder` is where the importing file really is, `shown` the same as the user names it.
    fn all(&mut self, folder: &Path, shown: &Path, wanted: Vec<(String, Span)>) {
        for (path, place) in wanted {
            if let Err(finding) = self.one(folder, shown, &path, place) {
                self.findings.push(*finding);
            }
        }
    }

    fn one(&mut self, folder: &Path, shown: &Path, path: &str, place: Span) -> Result<(), Box<Diagnostic>> {
        let refuse = |title: String| Diagnostic::new(Code::Import, place, title).label("imported here");
        let written = Path::new(path);
        if written.is_absolute() {
            let finding = refuse(format!("`{path}` is not relative to this file"));
            return Err(Box::new(
                finding.help("an import works on every machine that has the repository: `import \"lib/acme.rb\"`"),
            ));
        }
        let real = match std::fs::canonicalize(folder.join(written)) {
            Ok(real) => real,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Box::new(
                    refuse(format!("there is no file `{path}`")).help_if(close_to(&folder.join(written), path)),
                ));
            }
            Err(error) => return Err(Box::new(refuse(format!("`{path}` cannot be read: {error}")))),
        };
        if !real.starts_with(&self.root) {
            let finding = refuse(format!("`{path}` lies outside the repository"));
            return Err(Box::new(
                finding.help("what a release runs is reviewed with it: copy the file into the repository"),
            ));
        }
        if let Some(at) = self.open.iter().position(|open| *open == real) {
            let way: Vec<String> = self.open[at..].iter().chain([&real]).map(|p| self.short(p)).collect();
            return Err(Box::new(
                Diagnostic::new(Code::Cycle, place, format!("`{path}` imports itself"))
                    .label("leads back")
                    .help(way.join(" imports ")),
            ));
        }
        if self.seen.iter().any(|(seen, _)| *seen == real) {
            return Ok(());
        }
        if self.seen.len() >= MOST {
            return Err(Box::new(refuse(format!("a runbook consists of at most {MOST} files"))));
        }
        // Reading a pipe would never end.
        if !real.is_file() {
            return Err(Box::new(refuse(format!("`{path}` cannot be read: it is no file"))));
        }
        let bytes =
            std::fs::read(&real).map_err(|error| Box::new(refuse(format!("`{path}` cannot be read: {error}"))))?;
        if bytes.len() > crate::source::MAX_BYTES {
            return Err(Box::new(refuse(format!("`{path}` is larger than 1 MiB"))));
        }
        let text = decode(bytes).map_err(|why| Box::new(refuse(format!("`{path}` is not a library: {why}"))))?;
        let name = shown.join(written);
        let file = self.sources.add(SourceFile::new(name.display().to_string(), text));
        self.seen.push((real.clone(), file));
        self.places.push((file, place));
        let parsed = parse(self.sources, file);
        self.findings.extend(parsed.diagnostics);
        let (wanted, findings) = imports(&parsed.ast);
        self.findings.extend(findings);
        self.libraries.push(parsed.ast);
        let folder = real.parent().unwrap_or(&self.root).to_owned();
        self.open.push(real);
        self.all(&folder, name.parent().unwrap_or(Path::new("")), wanted);
        self.open.pop();
        Ok(())
    }

    fn short(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

/// The name that was probably meant.
fn close_to(file: &Path, path: &str) -> Option<String> {
    let name = file.file_name()?.to_str()?;
    let entries = std::fs::read_dir(file.parent()?).ok()?;
    let names: Vec<String> = entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect();
    let close = did_you_mean(name, names.iter().map(String::as_str))?;
    Some(format!("did you mean `{}`?", path.strip_suffix(name)?.to_owned() + close))
}
