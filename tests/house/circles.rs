//! No file imports a file that imports it, directly or through others.

use std::collections::{BTreeMap, BTreeSet};

use crate::house::{SourceFile, sources};
use crate::paths::{Resolver, used};

type Graph = BTreeMap<String, BTreeSet<String>>;

fn graph(sources: &[SourceFile]) -> Graph {
    let resolver = Resolver::new(sources);
    let imports = |file: &SourceFile| {
        let paths = used(file).into_iter().filter(|path| !path.is_reexport);
        let files = paths.filter_map(|path| resolver.file(&path.segments));
        files.filter(|other| *other != file.path && !is_parent(other, file)).map(str::to_owned).collect()
    };
    sources.iter().map(|file| (file.path.clone(), imports(file))).collect()
}

/// Whether `other` is a module above `file`: what a module declares is its children's vocabulary.
fn is_parent(other: &str, file: &SourceFile) -> bool {
    other.strip_suffix("mod.rs").is_some_and(|folder| file.path.starts_with(folder))
}

fn reachable(graph: &Graph, start: &str) -> BTreeSet<String> {
    let (mut found, mut open) = (BTreeSet::new(), vec![start.to_owned()]);
    while let Some(file) = open.pop() {
        for next in graph.get(&file).into_iter().flatten() {
            if found.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    found
}

/// The sets of files that reach each other, each once.
fn circles(graph: &Graph) -> BTreeSet<BTreeSet<String>> {
    let reach: BTreeMap<&String, BTreeSet<String>> =
        graph.keys().map(|file| (file, reachable(graph, file))).collect();
    let in_circle = graph.keys().filter(|file| reach[file].contains(*file));
    in_circle
        .map(|file| reach[file].iter().filter(|other| reach[other].contains(file)).cloned().collect())
        .collect()
}

#[test]
fn files_do_not_import_each_other_in_circles() {
    let graph = graph(&sources());
    let shown: Vec<String> = circles(&graph)
        .iter()
        .map(|circle| {
            let arrows = circle.iter().flat_map(|file| {
                let inside = graph[file].iter().filter(|other| circle.contains(*other));
                inside.map(move |other| format!("  {file} -> {other}"))
            });
            arrows.collect::<Vec<_>>().join("\n")
        })
        .collect();
    assert!(shown.is_empty(), "files import each other in circles:\n{}", shown.join("\n\n"));
}

#[test]
fn a_circle_is_found_and_a_chain_is_not_one() {
    let graph = |edges: &[(&str, &str)]| {
        let mut graph = Graph::new();
        for (from, to) in edges {
            graph.entry((*from).to_owned()).or_default().insert((*to).to_owned());
            graph.entry((*to).to_owned()).or_default();
        }
        graph
    };
    assert_eq!(circles(&graph(&[("a", "b"), ("b", "c"), ("a", "c")])), BTreeSet::new());
    let expected = BTreeSet::from([["b", "c"].map(str::to_owned).into()]);
    assert_eq!(circles(&graph(&[("a", "b"), ("b", "c"), ("c", "b")])), expected);
}
