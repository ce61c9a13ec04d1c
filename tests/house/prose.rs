//! Comments, documents and messages read as `docs/style.md` asks for: plain words, short lines.

use crate::house::{files, quoted, read, table};
use crate::lexer::{Stretch, split};

const STYLE: &str = "docs/style.md";

/// The longest line of a comment or a document, in characters.
const MAX_WIDTH: usize = 100;

/// Files that are data, or that others write.
const EXEMPT: [&str; 6] = [
    "docs/style.md",
    "Cargo.lock",
    "LICENSE",
    "tests/house/lexer.rs",
    "tests/house/prose.rs",
    "package-lock.json",
];

/// A line of text that people read.
struct Prose {
    path: String,
    line: usize,
    text: String,
    /// Whether the limit of width holds for it: a comment or a document, and no table or code.
    is_limited: bool,
}

fn prose() -> Vec<Prose> {
    let is_exempt = |path: &str| EXEMPT.iter().any(|exempt| path.ends_with(exempt));
    let mut found = Vec::new();
    for path in files("").into_iter().filter(|path| !is_exempt(path)) {
        let ending = path.rsplit(['.', '/']).next().unwrap_or_default().to_owned();
        match &*ending {
            "rs" => of_rust(path, &mut found),
            "md" => of_markdown(path, &mut found),
            "toml" | "yaml" | "yml" | "py" | "sh" | "mjs" | "js" | "css" | "tpl" | "service" | "socket"
            | "default" | "justfile" | "run" | "build" | "sync" | "Dockerfile" => of_others(path, &mut found),
            _ => {}
        }
    }
    found
}

/// Comments, literals, and the names of tests.
fn of_rust(path: String, found: &mut Vec<Prose>) {
    for piece in split(&read(&path)) {
        for (offset, text) in piece.text.lines().enumerate() {
            let line = piece.line + offset;
            let (text, is_limited) = match piece.kind {
                Stretch::Comment => (text.to_owned(), !text.contains("//! | ")),
                Stretch::Literal => (text.to_owned(), false),
                Stretch::Code => match text.split_once("fn ").filter(|(_, after)| after.contains('_')) {
                    Some((_, after)) => {
                        let name = after.split('(').next().unwrap_or_default();
                        (name.replace('_', " "), false)
                    }
                    None => continue,
                },
            };
            found.push(Prose { path: path.clone(), line, text, is_limited });
        }
    }
}

fn of_markdown(path: String, found: &mut Vec<Prose>) {
    let mut is_code = false;
    for (index, text) in read(&path).lines().enumerate() {
        is_code ^= text.trim_start().starts_with("```");
        let is_table = text.trim_start().starts_with('|');
        let is_limited = !is_code && !is_table && !text.starts_with("![");
        found.push(Prose { path: path.clone(), line: index + 1, text: text.to_owned(), is_limited });
    }
}

/// Files whose comments begin with `#` or `//`.
fn of_others(path: String, found: &mut Vec<Prose>) {
    for (index, text) in read(&path).lines().enumerate() {
        let is_limited = text.trim_start().starts_with(['#', '/']) && !text.starts_with("#!");
        found.push(Prose { path: path.clone(), line: index + 1, text: text.to_owned(), is_limited });
    }
}

#[test]
fn no_word_is_used_that_the_style_replaces() {
    let banned: Vec<(String, String)> = table(STYLE, "not")
        .into_iter()
        .flat_map(|row| quoted(&row[0]).into_iter().map(move |phrase| (phrase, row[1].clone())))
        .collect();
    let mut broken = Vec::new();
    for Prose { path, line, text, .. } in prose() {
        let text = text.to_lowercase();
        for (phrase, instead) in &banned {
            if contains(&text, phrase) {
                broken.push(format!("{path}:{line}: \"{phrase}\": {instead}"));
            }
        }
    }
    assert!(
        broken.is_empty(),
        "\n{} lines are not in the style of {STYLE}:\n{}\n",
        broken.len(),
        broken.join("\n")
    );
}

#[test]
fn comments_and_documents_keep_to_their_width() {
    let is_long = |prose: &Prose| prose.is_limited && prose.text.chars().count() > MAX_WIDTH;
    // What cannot be broken may be long: a link, a path.
    let can_break = |prose: &Prose| {
        let text = prose.text.trim_start().trim_start_matches(['/', '!', '#', '-', '*', '[', ' ']);
        text.contains(' ')
    };
    let broken: Vec<String> = prose()
        .iter()
        .filter(|prose| is_long(prose) && can_break(prose))
        .map(|Prose { path, line, text, .. }| format!("{path}:{line}: {} characters", text.chars().count()))
        .collect();
    assert!(
        broken.is_empty(),
        "\n{} lines are longer than {MAX_WIDTH}:\n{}\n",
        broken.len(),
        broken.join("\n")
    );
}

/// Whether `text` has `phrase` as whole words. "there is no x" and "it is no longer x" are good
/// English, "it is no x" is not.
fn contains(text: &str, phrase: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(phrase).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + phrase.len()..]);
        let is_whole = !before.ends_with(is_word) && !after.starts_with(is_word);
        let is_existence = before.trim_end().ends_with("there") || after.starts_with(" longer");
        is_whole && !(phrase.ends_with(" no") && is_existence)
    })
}

#[test]
fn phrases_are_found_as_whole_words() {
    assert!(contains("it is no address", "is no"));
    assert!(!contains("there is no address", "is no") && !contains("it is no longer so", "is no"));
    assert!(!contains("this node", "is no"));
    assert!(contains("nobody knows", "nobody") && !contains("nobodys", "nobody"));
}
