//! The files of the project, and the tables of its documents.

use std::fs;
use std::path::{Path, PathBuf};

use crate::lexer::{Piece, Stretch, split};

/// A source file of the library or the program.
pub struct SourceFile {
    /// From the package's root, such as `src/fleet/mod.rs`.
    pub path: String,
    /// Its module, such as `["fleet"]`; empty for the crate's root.
    pub module: Vec<String>,
    /// The file without its tests.
    pub pieces: Vec<Piece>,
}

impl SourceFile {
    /// The code alone: comments and literals are blank, so that lines keep their numbers.
    pub fn code(&self) -> String {
        let mut code = String::new();
        for piece in &self.pieces {
            match piece.kind {
                Stretch::Code => code += &piece.text,
                _ => code.extend(piece.text.chars().map(|c| if c == '\n' { '\n' } else { ' ' })),
            }
        }
        code
    }
}

/// The directory of the package.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the package under `folder` that is kept under version control, sorted.
pub fn files(folder: &str) -> Vec<String> {
    const SKIPPED: [&str; 6] = [".git", "target", "node_modules", "corpus", "artifacts", ".venv"];
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !SKIPPED.contains(&name.as_str()) {
                folders.push(path);
            } else if path.is_file() {
                found.push(relative(&path));
            }
        }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/")
}

/// The text of a file of the package.
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files of `src` without tests: neither files of tests nor the tests at a file's end.
pub fn sources() -> Vec<SourceFile> {
    let is_test = |path: &str| path.ends_with("/tests.rs") || path.contains("/tests/");
    let paths = files("src").into_iter().filter(|path| path.ends_with(".rs") && !is_test(path));
    paths
        .map(|path| {
            let text = read(&path);
            let product = text.find("#[cfg(test)]\nmod tests {").map_or(&*text, |end| &text[..end]);
            SourceFile { module: module(&path), pieces: split(product), path }
        })
        .collect()
}

fn module(path: &str) -> Vec<String> {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    match path {
        "lib" | "main" => Vec::new(),
        _ => path.split('/').map(str::to_owned).collect(),
    }
}

/// The rows of the Markdown table whose header begins with `header`; cells without their white
/// space.
pub fn table(document: &str, header: &str) -> Vec<Vec<String>> {
    let text = read(document);
    let start = format!("| {header} |");
    let lines = text.lines().skip_while(|line| !line.starts_with(&start));
    let rows: Vec<Vec<String>> = lines
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect())
        .collect();
    assert!(!rows.is_empty(), "{document} has no table that begins with {start:?}");
    rows
}

/// The texts between backquotes of a table's cell.
pub fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
