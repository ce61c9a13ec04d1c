//! Splits Rust source into code, comments and string literals.
//!
//! It knows just enough of the language not to mistake one for the other: nested block comments,
//! raw strings, escapes, and the difference between a lifetime and a character.

/// A stretch of source of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub kind: Stretch,
    /// The line it begins on, from 1.
    pub line: usize,
    pub text: String,
}

/// What a stretch of source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stretch {
    Code,
    Comment,
    Literal,
}

/// Splits `source`; the pieces put together again are the source.
pub fn split(source: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while !rest.is_empty() {
        let (kind, length) = next(rest, pieces.last());
        let (text, after) = rest.split_at(length);
        match pieces.last_mut() {
            Some(last) if last.kind == kind && kind == Stretch::Code => last.text.push_str(text),
            _ => pieces.push(Piece { kind, line, text: text.to_owned() }),
        }
        line += text.matches('\n').count();
        rest = after;
    }
    pieces
}

fn next(rest: &str, before: Option<&Piece>) -> (Stretch, usize) {
    if rest.starts_with("//") {
        return (Stretch::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Stretch::Comment, block_comment(rest));
    }
    if rest.starts_with('"') {
        return (Stretch::Literal, quoted(rest, '"'));
    }
    if let Some(length) = raw_string(rest).filter(|_| !in_identifier(before)) {
        return (Stretch::Literal, length);
    }
    let width = |text: &str| text.chars().next().map_or(1, char::len_utf8);
    if let Some(after) = rest.strip_prefix('\'') {
        // 'a' and '\n' are characters, 'a of a lifetime is code.
        let first = width(after);
        if after.starts_with('\\') || after[first..].starts_with('\'') {
            return (Stretch::Code, quoted(rest, '\''));
        }
    }
    (Stretch::Code, width(rest))
}

/// Whether the source so far ends within an identifier: the `r` of `for"` begins no raw string.
fn in_identifier(before: Option<&Piece>) -> bool {
    before.is_some_and(|piece| {
        piece.kind == Stretch::Code
            && piece.text.ends_with(|last: char| last.is_alphanumeric() || last == '_')
    })
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] if depth == 1 => return at + 2,
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    rest.len()
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn raw_string(rest: &str) -> Option<usize> {
    let start = ["r", "br", "cr"].into_iter().find_map(|prefix| rest.strip_prefix(prefix))?;
    let hashes = start.len() - start.trim_start_matches('#').len();
    let body = start[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let opened = rest.len() - body.len();
    Some(body.find(&end).map_or(rest.len(), |at| opened + at + end.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_distinguished_from_code() {
        let source =
            "fn a<'x>() { \"// no \\\" comment\"; r#\"a \" b\"#; '\"'; '\\''; } // why\n/* a /* b */ c */ x";
        let of = |kind| {
            let pieces = split(source).into_iter().filter(move |piece| piece.kind == kind);
            pieces.map(|piece| piece.text).collect::<Vec<_>>()
        };
        assert_eq!(of(Stretch::Literal), ["\"// no \\\" comment\"", "r#\"a \" b\"#"]);
        assert_eq!(of(Stretch::Comment), ["// why", "/* a /* b */ c */"]);
        let whole: String = split(source).into_iter().map(|piece| piece.text).collect();
        assert_eq!(whole, source);
    }

    #[test]
    fn a_piece_knows_its_line() {
        let pieces = split("a\n\n// b\nc");
        assert_eq!(pieces.iter().map(|piece| piece.line).collect::<Vec<_>>(), [1, 3, 3]);
    }
}
