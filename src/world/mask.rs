//! Masking: secrets in what commands print, across the edges of reads, in the forms in which they travel.

use std::sync::{Arc, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands where a secret stood.
const STARS: &[u8] = b"***";

/// What stays in a value that is percent-encoded: RFC 3986, unreserved characters.
pub(super) const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Secrets shorter than this are refused: they would be found everywhere.
pub(super) const SHORTEST: usize = 6;

/// The secrets of a run in all their forms. It grows when a secret is captured.
#[derive(Clone, Default)]
pub struct Mask {
    inner: Arc<RwLock<Patterns>>,
}

#[derive(Default)]
struct Patterns {
    forms: Arc<Vec<Vec<u8>>>,
    search: Option<Arc<AhoCorasick>>,
    longest: usize,
}

impl Mask {
    /// Adds a secret with all its forms.
    pub fn add(&self, secret: &str) {
        let mut inner = match self.inner.write() {
            Ok(inner) => inner,
            Err(poisoned) => poisoned.into_inner(),
        };
        for form in forms(secret) {
            if !inner.forms.contains(&form) {
                inner.longest = inner.longest.max(form.len());
                Arc::make_mut(&mut inner.forms).push(form);
            }
        }
        let search = AhoCorasick::builder().match_kind(MatchKind::Standard).build(inner.forms.iter());
        inner.search = search.ok().map(Arc::new);
    }

    /// A text with its secrets replaced by `***`.
    pub fn text(&self, text: &str) -> String {
        let mut stream = self.stream();
        let mut masked = stream.feed(text.as_bytes());
        masked.extend(stream.end());
        String::from_utf8_lossy(&masked).into_owned()
    }

    /// For bytes that come in pieces.
    pub fn stream(&self) -> MaskStream {
        let inner = match self.inner.read() {
            Ok(inner) => inner,
            Err(poisoned) => poisoned.into_inner(),
        };
        MaskStream {
            search: inner.search.clone(),
            forms: inner.forms.clone(),
            longest: inner.longest,
            held: Vec::new(),
            covered: 0,
        }
    }
}

/// Masks bytes that come in pieces: an end that may be the beginning of a secret is held back until it is clear that
/// it is none. Everything else goes on at once, so that a line stays a line.
pub struct MaskStream {
    search: Option<Arc<AhoCorasick>>,
    forms: Arc<Vec<Vec<u8>>>,
    longest: usize,
    held: Vec<u8>,
    /// So many of the held bytes stars were already given for.
    covered: usize,
}

impl MaskStream {
    /// Takes some bytes and gives those that are safe.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.search.is_none() {
            return bytes.to_vec();
        }
        self.held.extend_from_slice(bytes);
        let first = (self.held.len() + 1).saturating_sub(self.longest);
        let safe = (first..self.held.len()).find(|at| self.may_begin(&self.held[*at..])).unwrap_or(self.held.len());
        self.release(safe)
    }

    /// Whether some secret goes on after these bytes.
    fn may_begin(&self, end: &[u8]) -> bool {
        self.forms.iter().any(|form| form.len() > end.len() && form.starts_with(end))
    }

    /// Gives what is left.
    pub fn end(&mut self) -> Vec<u8> {
        let all = self.held.len();
        self.release(all)
    }

    /// Everything that stands before `safe`, masked. Secrets that overlap are one.
    fn release(&mut self, safe: usize) -> Vec<u8> {
        let Some(search) = &self.search else { return std::mem::take(&mut self.held) };
        let mut found: Vec<(usize, usize)> =
            search.find_overlapping_iter(&self.held).map(|found| (found.start(), found.end())).collect();
        found.sort_unstable();
        let mut out = Vec::with_capacity(safe);
        let mut at = self.covered;
        for (start, end) in found.into_iter().take_while(|(start, _)| *start < safe) {
            if start >= at {
                out.extend_from_slice(&self.held[at..start]);
                out.extend_from_slice(STARS);
            }
            at = at.max(end);
        }
        if at < safe {
            out.extend_from_slice(&self.held[at..safe]);
        }
        self.covered = at.saturating_sub(safe);
        self.held.drain(..safe);
        out
    }
}

/// The forms in which a secret travels: as it is, line by line, percent-encoded, JSON-escaped, and in base64 wherever it
/// may stand in a longer text.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let mut forms: Vec<Vec<u8>> = vec![secret.as_bytes().to_vec()];
    forms.extend(secret.lines().map(|line| line.trim().as_bytes().to_vec()));
    let percent = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    // A space may also be a `+`.
    let loose = utf8_percent_encode(secret, UNRESERVED).to_string();
    forms.push(percent.to_lowercase().into_bytes());
    forms.push(loose.replace("%20", "+").into_bytes());
    forms.push(loose.into_bytes());
    forms.push(percent.into_bytes());
    if let Ok(json) = serde_json::to_string(secret) {
        forms.push(json.trim_matches('"').replace('/', "\\/").into_bytes());
        forms.push(json.trim_matches('"').as_bytes().to_vec());
    }
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        for shift in 0..3usize {
            let mut bytes = vec![0; shift];
            bytes.extend_from_slice(secret.as_bytes());
            let encoded = engine.encode(&bytes);
            // The first characters hold bits of what stands before, the last one perhaps of what follows.
            let from = [0, 2, 3][shift];
            let to = encoded.len() - usize::from(!bytes.len().is_multiple_of(3));
            let encoded = &encoded.as_bytes()[from.min(to)..to];
            forms.push(encoded.to_vec());
            // Tools break it into lines of 76 characters, some of 64.
            for width in [76, 64] {
                forms.extend(encoded.chunks(width).map(<[u8]>::to_vec));
            }
        }
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms.sort();
    forms.dedup();
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(secret: &str) -> Mask {
        let mask = Mask::default();
        mask.add(secret);
        mask
    }

    #[test]
    fn a_secret_is_masked_in_every_form() {
        let secret = r#"p@ss w"rd/1~"#;
        let mask = mask(secret);
        let b64 = |text: &str| STANDARD_NO_PAD.encode(text);
        for text in [
            secret.to_owned(),
            "p%40ss%20w%22rd%2F1~".into(),
            "p%40ss+w%22rd%2F1~".into(),
            "p%40ss%20w%22rd%2f1%7e".into(),
            r#"p@ss w\"rd/1~"#.into(),
            b64(secret),
        ] {
            assert_eq!(mask.text(&format!("a{text}b")), "a***b", "{text}");
        }
        for prefix in ["x", "xy", "user:"] {
            let text = mask.text(&b64(&format!("{prefix}{secret}tail")));
            assert!(text.contains("***"), "{prefix}: {text}");
        }
        assert_eq!(mask.text("nothing here"), "nothing here");
    }

    #[test]
    fn a_secret_is_masked_across_the_edges_of_reads() {
        let mask = mask("hunter2hunter2");
        let text = b"one hunter2hunter2 two hunter2hunter2";
        for size in 1..text.len() {
            let mut stream = mask.stream();
            let mut out = Vec::new();
            for piece in text.chunks(size) {
                out.extend(stream.feed(piece));
            }
            out.extend(stream.end());
            assert_eq!(String::from_utf8_lossy(&out), "one *** two ***", "{size}");
        }
    }

    #[test]
    fn secrets_that_overlap_are_one() {
        let mask = mask("abcdefgh");
        mask.add("efghijkl");
        for size in 1..16 {
            let mut stream = mask.stream();
            let mut out = Vec::new();
            for piece in b"x abcdefghijkl y abcdefgh".chunks(size) {
                out.extend(stream.feed(piece));
            }
            out.extend(stream.end());
            assert_eq!(String::from_utf8_lossy(&out), "x *** y ***", "{size}");
        }
    }

    #[test]
    fn base64_is_masked_in_lines_too() {
        let secret = "x".repeat(150);
        let encoded = STANDARD_NO_PAD.encode(&secret);
        let lines: Vec<&str> = encoded.as_bytes().chunks(76).map(|l| std::str::from_utf8(l).unwrap()).collect();
        assert_eq!(mask(&secret).text(&lines.join("\n")), "***\n***\n***");
    }

    #[test]
    fn what_can_begin_no_secret_goes_on_at_once() {
        let mut stream = mask("hunter2hunter2").stream();
        assert_eq!(stream.feed(b"a whole line\n"), b"a whole line\n");
        assert_eq!(stream.feed(b"hunt the hunter"), b"hunt the ");
        assert_eq!(stream.feed(b"s\n"), b"hunters\n");
        assert_eq!(stream.end(), b"");
    }

    #[test]
    fn lines_of_a_key_are_masked_one_by_one() {
        let mask = mask("-----BEGIN KEY-----\nabcdefgh\nijklmnop\n");
        assert_eq!(mask.text("> abcdefgh\n> ijklmnop"), "> ***\n> ***");
    }
}
