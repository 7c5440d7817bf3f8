//! Files: which one is meant, what is in it, and where runs are recorded.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::check::{Checked, check, is_library};
use crate::diagnostic::{Code, Diagnostic, tidy};
use crate::source::{FileId, SourceFile, Sources};
use crate::syntax::{Parsed, Unreadable, decode, parse};

use super::imports::whole;

/// Files that are looked for where none is named.
const USUAL: [&str; 2] = ["deploy.rb", "runbook.rb"];

/// The folder that is looked into after those.
const FOLDER: &str = "runbooks";

/// A file that was read.
pub(super) struct Loaded {
    pub(super) sources: Sources,
    pub(super) file: FileId,
    /// Where it is; what it imports is relative to that.
    pub(super) path: PathBuf,
}

/// A file that was read and checked.
pub(super) struct CheckedFile {
    pub(super) sources: Sources,
    pub(super) checked: Checked,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// It has no timeline, and is there for others to import.
    pub(super) library: bool,
}

/// The file that is meant, where none is named.
pub(super) fn usual_file() -> Result<PathBuf, String> {
    if let Some(found) = USUAL.iter().map(PathBuf::from).find(|path| path.is_file()) {
        return Ok(found);
    }
    let found = runbooks_below(Path::new(FOLDER), 1);
    match &found[..] {
        [one] => Ok(one.clone()),
        [] => Err("there is no runbook here: no deploy.rb, no runbook.rb and none in runbooks/; name the file".into()),
        several => {
            let names: Vec<String> = several.iter().map(|p| format!("  {}", p.display())).collect();
            Err(format!("which of these? Name one:\n{}", names.join("\n")))
        }
    }
}

/// The files that are meant: a folder means every runbook below it.
pub(super) fn meant(named: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    if named.is_empty() {
        return usual_file().map(|file| vec![file]);
    }
    let mut files = Vec::new();
    for path in named {
        if path.is_dir() {
            let found = runbooks_below(path, usize::MAX);
            if found.is_empty() {
                return Err(format!("there is no runbook in the folder {}", path.display()));
            }
            files.extend(found);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// Every `.rb` and `.runbook` below a folder that is not a Ruby program, sorted. Hidden folders and those of build
/// tools are left out.
fn runbooks_below(folder: &Path, depth: usize) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if path.is_dir() && !path.is_symlink() {
            if depth > 1 && !name.starts_with('.') && !matches!(name, "target" | "node_modules" | "vendor") {
                found.extend(runbooks_below(&path, depth - 1));
            }
        } else if matches!(path.extension().and_then(|e| e.to_str()), Some("rb" | "runbook")) {
            let ruby = std::fs::read(&path).is_ok_and(|bytes| decode(bytes) == Err(Unreadable::Ruby));
            if !ruby {
                found.push(path);
            }
        }
    }
    found
}

/// Reads a file; `-` is standard input.
pub(super) fn load(path: &Path) -> Result<Loaded, String> {
    let (name, bytes) = if path == Path::new("-") {
        let mut bytes = Vec::new();
        let limit = crate::source::MAX_BYTES as u64 + 1;
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(|e| format!("standard input: {e}"))?;
        ("standard input".to_owned(), bytes)
    } else {
        (path.display().to_string(), read(path)?)
    };
    let text = match bytes.len() > crate::source::MAX_BYTES {
        // The parser says that it is too large; what is shown of it need not be text.
        true => String::from_utf8_lossy(&bytes).into_owned(),
        false => decode(bytes).map_err(|why| format!("{name} is not a runbook: {why}"))?,
    };
    let mut sources = Sources::default();
    let file = sources.add(SourceFile::new(name, text));
    Ok(Loaded { sources, file, path: path.to_owned() })
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let mut file = std::fs::File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => match close_to(path) {
            Some(close) => format!("there is no file {shown}; did you mean {}?", close.display()),
            None => format!("there is no file {shown}"),
        },
        std::io::ErrorKind::PermissionDenied => format!("{shown} may not be read"),
        _ => format!("{shown}: {error}"),
    })?;
    if path.is_dir() {
        return Err(format!("{shown} is a folder; name the runbook in it"));
    }
    let mut bytes = Vec::new();
    let limit = crate::source::MAX_BYTES as u64 + 1;
    Read::by_ref(&mut file).take(limit).read_to_end(&mut bytes).map_err(|e| format!("{shown}: {e}"))?;
    Ok(bytes)
}

fn close_to(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name()?.to_str()?;
    let names: Vec<String> =
        std::fs::read_dir(folder).ok()?.flatten().filter_map(|e| e.file_name().into_string().ok()).collect();
    let close = crate::diagnostic::did_you_mean(name, names.iter().map(String::as_str))?;
    Some(path.with_file_name(close))
}

/// Writes beside the file and puts the new one in its place, with the old one's permissions. A link stays a link.
pub(super) fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let path = std::fs::canonicalize(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".runbook").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(std::fs::metadata(&path)?.permissions())?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}

/// Parses and checks a file.
pub(super) fn examine(loaded: Loaded) -> CheckedFile {
    let Loaded { mut sources, file, path } = loaded;
    let Parsed { ast, mut diagnostics } = parse(&sources, file);
    // Of what was not read nothing more is known.
    let read = !diagnostics.iter().any(|d| d.code == Code::TooLarge);
    let library = is_library(&ast);
    let mut whole = whole(&mut sources, &path, ast);
    let mut checked = check(&sources, file, &whole.ast);
    if read {
        diagnostics.append(&mut checked.diagnostics);
        diagnostics.append(&mut whole.findings);
        let at_imports = whole.at_imports(&sources, &diagnostics);
        diagnostics.extend(at_imports);
    }
    CheckedFile { diagnostics: tidy(diagnostics), sources, checked, library }
}

/// The folder that keeps the record of every run: as wished, else `.runbook` in the root of the repository, else here.
pub(super) fn state_folder(wish: Option<&Path>) -> PathBuf {
    if let Some(wish) = wish {
        return wish.to_owned();
    }
    let here = std::env::current_dir().unwrap_or_default();
    let root = here.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(&here);
    root.join(".runbook")
}

/// The files that match a pattern, sorted: `*` and `?` in the last part of a path.
pub(super) fn glob(pattern: &str) -> Result<Vec<String>, String> {
    let path = Path::new(pattern);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some(name) = path.file_name().and_then(|n| n.to_str()) else {
        return Err(format!("`{pattern}` names no files"));
    };
    if folder.to_string_lossy().contains(['*', '?']) {
        return Err(format!("`{pattern}`: only the last part of a path may have `*` and `?`"));
    }
    let entries = std::fs::read_dir(folder).map_err(|e| format!("`{}` cannot be listed: {e}", folder.display()))?;
    let mut found: Vec<String> = entries
        .flatten()
        .filter(|e| e.path().is_file())
        .filter_map(|e| e.file_name().into_string().ok())
        .filter(|file| !file.starts_with('.') && matches(name.as_bytes(), file.as_bytes()))
        .map(|file| if folder == Path::new(".") { file } else { folder.join(file).to_string_lossy().into_owned() })
        .collect();
    found.sort();
    Ok(found)
}

/// `*` is any text, `?` any character.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_people_expect() {
        let fits = |pattern: &str, text: &str| matches(pattern.as_bytes(), text.as_bytes());
        assert!(fits("*.sql", "0001_a.sql"));
        assert!(fits("000?_*.sql", "0001_a.sql"));
        assert!(!fits("*.sql", "0001_a.sql.bak"));
        assert!(fits("*a*b*", "xxaxxbxx"));
        assert!(!fits("", "a"));
        assert!(fits(&"*a".repeat(30), &"a".repeat(60)));
        assert!(!fits(&"*a".repeat(30), &"b".repeat(5000)));
    }
}
