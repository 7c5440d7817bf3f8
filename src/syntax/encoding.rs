//! Bytes → text: what is not a runbook at all is recognised here and said in one sentence.

/// Why bytes are not the text of a runbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Larger than [`crate::source::MAX_BYTES`].
    TooLarge(usize),
    /// A program, an image, an archive.
    Binary,
    /// Text in an encoding that is not UTF-8; with its name where it can be told.
    Encoding(&'static str),
    /// A program in Ruby, which uses the same ending.
    Ruby,
    /// Nothing but space.
    Empty,
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unreadable::TooLarge(bytes) => write!(f, "it has {bytes} bytes, and a runbook is at most 1 MiB of text"),
            Unreadable::Binary => f.write_str("it is a binary file, not the text of a runbook"),
            Unreadable::Encoding(name) => write!(f, "it is {name}, and a runbook is UTF-8; save it as UTF-8"),
            Unreadable::Ruby => {
                f.write_str("it is a Ruby program, and this tool runs runbooks, which happen to share the ending `.rb`")
            }
            Unreadable::Empty => {
                f.write_str("it is empty; a runbook begins with `runbook name \"Title\" { }` and has a `phase`")
            }
        }
    }
}

/// The text of a file's bytes.
///
/// # Errors
/// Says what the bytes are instead.
pub fn decode(bytes: Vec<u8>) -> Result<String, Unreadable> {
    if bytes.len() > crate::source::MAX_BYTES {
        return Err(Unreadable::TooLarge(bytes.len()));
    }
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(Unreadable::Encoding("UTF-16"));
    }
    if bytes.contains(&0) {
        let zeros = bytes.iter().filter(|b| **b == 0).count();
        let wide = zeros * 3 > bytes.len() && zeros * 2 <= bytes.len() + 1;
        return Err(if wide { Unreadable::Encoding("UTF-16") } else { Unreadable::Binary });
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let bytes = error.as_bytes();
            let strange = bytes.iter().filter(|b| b.is_ascii_control() && !b.is_ascii_whitespace()).count();
            let binary = strange * 20 > bytes.len();
            return Err(if binary {
                Unreadable::Binary
            } else {
                Unreadable::Encoding("in another encoding, perhaps Latin-1")
            });
        }
    };
    if text.trim_start_matches('\u{FEFF}').trim().is_empty() {
        return Err(Unreadable::Empty);
    }
    if is_ruby(&text) {
        return Err(Unreadable::Ruby);
    }
    Ok(text)
}

/// Ruby says so in its first lines: a shebang, a magic comment, `require`, or a definition that only `end` closes.
fn is_ruby(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.clone().next().unwrap_or_default();
    if first.starts_with("#!") && first.contains("ruby") || first.starts_with("# frozen_string_literal:") {
        return true;
    }
    let code = lines.clone().filter(|line| !line.starts_with('#'));
    let opens = code.clone().take(200).any(|line| {
        let word = |w: &str| line.strip_prefix(w).is_some_and(|rest| rest.starts_with([' ', '(']));
        let quoted = |w: &str| line.strip_prefix(w).is_some_and(|rest| rest.trim_start().starts_with(['\'', '"']));
        quoted("require")
            || quoted("require_relative")
            || quoted("gem")
            || word("def")
            || word("class")
            || word("module")
            || line.ends_with(" do")
            || (line.ends_with('|') && line.contains(" do |"))
    });
    let closes = lines.any(|line| line == "end");
    let requires = code.clone().any(|line| line.starts_with("require '") || line.starts_with("require \""));
    let braces = text.contains("{\n") || text.contains("{\r\n");
    requires || (opens && closes && !braces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(bytes: &[u8]) -> Option<Unreadable> {
        decode(bytes.to_vec()).err()
    }

    #[test]
    fn each_kind_of_wrong_file_is_told_apart() {
        assert_eq!(why(b"\x7fELF\x02\x01\x01\0\0"), Some(Unreadable::Binary));
        assert_eq!(why(b"\xff\xfer\0u\0n\0"), Some(Unreadable::Encoding("UTF-16")));
        assert_eq!(why(b"r\0u\0n\0b\0o\0o\0k\0"), Some(Unreadable::Encoding("UTF-16")));
        assert_eq!(
            why(b"runbook x \"caf\xe9\" {}\n"),
            Some(Unreadable::Encoding("in another encoding, perhaps Latin-1"))
        );
        assert_eq!(why(b"\n  \n"), Some(Unreadable::Empty));
        assert_eq!(why(b""), Some(Unreadable::Empty));
        assert_eq!(why(b"require 'rake'\n\ntask :default do\n  puts 1\nend\n"), Some(Unreadable::Ruby));
        assert_eq!(why(b"class Deploy\n  def run\n  end\nend\n"), Some(Unreadable::Ruby));
        assert_eq!(why("\u{FEFF}runbook x {}\r\n".as_bytes()), None);
    }

    #[test]
    fn a_runbook_that_speaks_of_ruby_is_none() {
        assert_eq!(
            why(b"runbook x {\n}\nphase a {\n  shell \"\"\"\nwhile true; do\n  echo\ndone\nend\n\"\"\"\n}\n"),
            None
        );
    }
}
