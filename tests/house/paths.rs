//! The paths to modules of this crate that a file uses: in `use` lines and in the code.

use std::collections::BTreeMap;

use crate::house::SourceFile;

/// A path that a file uses, from the crate's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedPath {
    pub line: usize,
    /// Modules and the names at the end, such as `["fleet", "Snapshot"]`.
    pub segments: Vec<String>,
    /// Whether it stands in a `pub use`, which hands a name on instead of using it.
    pub is_reexport: bool,
}

/// Every path of `file` that begins with `crate`, `super` or `self`, braces expanded.
pub fn used(file: &SourceFile) -> Vec<UsedPath> {
    let code = file.code();
    let tokens = tokens(&code);
    let children = children(&tokens);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let before = at.checked_sub(1).map_or("", |index| tokens[index].text);
        let first = tokens[at].text;
        let is_ours = matches!(first, "crate" | "super" | "self") || children.contains(&first);
        let starts = is_ours && before != "::" && before != "(";
        if starts && tokens.get(at + 1).is_some_and(|token| token.text == "::") {
            let statement = tokens[..at].iter().rev().take_while(|token| !matches!(token.text, ";" | "}"));
            let words: Vec<&str> = statement.map(|token| token.text).collect();
            let is_reexport =
                before == "use" && words.get(1).is_some_and(|word| *word == "pub" || *word == ")");
            let mut expanded = Vec::new();
            let line = tokens[at].line;
            at = tree(&tokens, at, &mut Vec::new(), &mut expanded);
            for path in expanded {
                if let Some(segments) = absolute(&file.module, &path) {
                    found.push(UsedPath { line, segments, is_reexport });
                }
            }
        } else {
            at += 1;
        }
    }
    found
}

/// The names of the modules that the file declares: paths may begin with them.
fn children<'a>(tokens: &[Token<'a>]) -> Vec<&'a str> {
    let declared = tokens.windows(3).filter(|three| three[0].text == "mod" && three[2].text == ";");
    declared.map(|three| three[1].text).collect()
}

struct Token<'a> {
    text: &'a str,
    line: usize,
}

fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < code.len() {
        let rest = &code[at..];
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let length = match rest.find(|c: char| !is_word(c)) {
            Some(0) if rest.starts_with("::") => 2,
            Some(0) => rest.chars().next().map_or(1, char::len_utf8),
            Some(length) => length,
            None => rest.len(),
        };
        let text = &rest[..length];
        if text == "\n" {
            line += 1;
        } else if !text.trim().is_empty() {
            tokens.push(Token { text, line });
        }
        at += length;
    }
    tokens
}

/// Expands the tree of paths that begins at `at`; returns where it ends.
fn tree(tokens: &[Token<'_>], mut at: usize, prefix: &mut Vec<String>, out: &mut Vec<Vec<String>>) -> usize {
    let depth = prefix.len();
    loop {
        let text = tokens.get(at).map_or("", |token| token.text);
        if text == "{" {
            at += 1;
            while tokens.get(at).is_some_and(|token| token.text != "}") {
                at = tree(tokens, at, prefix, out);
                // A comma, or `as name`.
                while tokens.get(at).is_some_and(|token| !matches!(token.text, "," | "}")) {
                    at += 1;
                }
                at += usize::from(tokens.get(at).is_some_and(|token| token.text == ","));
            }
            prefix.truncate(depth);
            return at + 1;
        }
        prefix.push(text.to_owned());
        at += 1;
        let continues = tokens.get(at).is_some_and(|token| token.text == "::");
        let to_name = tokens.get(at + 1).is_some_and(|token| {
            token.text == "{"
                || token.text == "*"
                || token.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        });
        if !continues || !to_name {
            out.push(prefix.clone());
            prefix.truncate(depth);
            return at;
        }
        at += 1;
    }
}

/// From a path as it is written in `module` to one from the crate's root.
fn absolute(module: &[String], path: &[String]) -> Option<Vec<String>> {
    let mut segments = Vec::new();
    let mut rest = path;
    match rest.first()?.as_str() {
        "crate" => rest = &rest[1..],
        "self" => {
            segments = module.to_vec();
            rest = &rest[1..];
        }
        // `super` once or more, or the name of a child.
        _ => {
            segments = module.to_vec();
            while rest.first().is_some_and(|segment| segment == "super") {
                segments.pop();
                rest = &rest[1..];
            }
        }
    }
    segments.extend(rest.iter().filter(|segment| *segment != "self" && *segment != "*").cloned());
    Some(segments)
}

/// Follows names that are handed on by `pub use` to the module that defines them.
pub struct Resolver<'a> {
    files: BTreeMap<Vec<String>, &'a str>,
    /// From a name that a module hands on to the path that it stands for.
    handed_on: BTreeMap<Vec<String>, Vec<String>>,
}

impl<'a> Resolver<'a> {
    pub fn new(sources: &'a [SourceFile]) -> Self {
        let files = sources.iter().map(|file| (file.module.clone(), &*file.path)).collect();
        let mut handed_on = BTreeMap::new();
        for file in sources {
            for UsedPath { segments, .. } in used(file).into_iter().filter(|path| path.is_reexport) {
                let name = segments.last().expect("a path has segments").clone();
                let handed: Vec<String> = file.module.iter().cloned().chain([name]).collect();
                if handed != segments {
                    handed_on.insert(handed, segments);
                }
            }
        }
        Self { files, handed_on }
    }

    /// The path to where a name is defined.
    pub fn origin(&self, path: &[String]) -> Vec<String> {
        let mut path = path.to_vec();
        // A name may be handed on several times.
        for _ in 0..8 {
            let origin = (1..=path.len()).rev().find_map(|length| {
                let origin = self.handed_on.get(&path[..length])?;
                Some(origin.iter().chain(&path[length..]).cloned().collect::<Vec<_>>())
            });
            match origin {
                Some(origin) => path = origin,
                None => break,
            }
        }
        path
    }

    /// The file that defines a name.
    pub fn file(&self, path: &[String]) -> Option<&'a str> {
        let origin = self.origin(path);
        (0..=origin.len()).rev().find_map(|length| self.files.get(&origin[..length]).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexer::split;

    fn paths(source: &str) -> Vec<(usize, String, bool)> {
        let module = ["room", "file"].map(str::to_owned).to_vec();
        let file = SourceFile { path: "src/room/file.rs".to_owned(), module, pieces: split(source) };
        let used = used(&file).into_iter();
        used.map(|path| (path.line, path.segments.join("::"), path.is_reexport)).collect()
    }

    #[test]
    fn braces_aliases_and_stars_are_expanded() {
        let source = "use crate::{a::{self, B as C}, d::*};\nuse super::e::F;\nuse std::fmt;";
        let expected = [(1, "a", false), (1, "a::B", false), (1, "d", false), (2, "room::e::F", false)];
        assert_eq!(paths(source), expected.map(|(line, path, is)| (line, path.to_owned(), is)));
    }

    #[test]
    fn paths_in_code_and_through_children_count_and_those_in_comments_do_not() {
        let source = "mod child;\n// crate::x::Y\nfn f() { crate::a::b(\"crate::z\"); child::g() }";
        let expected = [(3, "a::b", false), (3, "room::file::child::g", false)];
        assert_eq!(paths(source), expected.map(|(line, path, is)| (line, path.to_owned(), is)));
    }

    #[test]
    fn a_reexport_is_marked_as_one() {
        let source = "mod child;\npub use child::A;\npub(crate) use self::child::B;";
        let expected = [(2, "room::file::child::A", true), (3, "room::file::child::B", true)];
        assert_eq!(paths(source), expected.map(|(line, path, is)| (line, path.to_owned(), is)));
    }
}
