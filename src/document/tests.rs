//! Reading typed values of a table, and the problems of values that do not fit.

use std::time::Duration;

use super::*;

/// The result of `read` on a YAML document, and its problems.
fn read<T>(text: &str, read: impl Fn(&Table<'_>) -> T) -> (T, Vec<String>) {
    let document = Document::parse("web.yml", Language::Yaml, text).unwrap();
    let diagnostics = Diagnostics::new(&document);
    let value = read(&Table::root(&diagnostics, &document.values));
    let (problems, _) = diagnostics.finish();
    (value, problems.iter().map(ToString::to_string).collect())
}

#[test]
fn values_of_each_type_are_read_without_problems() {
    let text =
        "on: true\ncount: 20\nrate: 2.5\nname: a\nwait: 1m30s\nsize: 1MiB\nlist: [a, b]\nmap: {k: v}\n";
    let (_, problems) = read(text, |table| {
        assert_eq!(table.boolean("on"), Some(true));
        assert_eq!(table.integer("count", 0..=100_u32), Some(20));
        assert_eq!(table.positive("rate", 10.0), Some(2.5));
        assert_eq!(table.text("name").as_deref(), Some("a"));
        assert_eq!(table.choice("name", &[("a", 1), ("b", 2)]), Some(1));
        assert_eq!(table.duration("wait", Duration::ZERO..=Duration::MAX), Some(Duration::from_secs(90)));
        assert_eq!(table.size("size", 0..=u64::MAX), Some(1 << 20));
        assert_eq!(table.texts("list"), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(table.map("map").unwrap()["k"], "v");
    });
    assert_eq!(problems, [] as [&str; 0]);
}

#[test]
fn absent_values_null_and_empty_tables_read_as_absent() {
    let ((), problems) = read("section:\nname: ''\nlist: ~\n", |table| {
        assert!(table.table("section").is_empty() && table.table("other").is_empty());
        assert_eq!((table.text("name"), table.texts("list")), (None, None));
        assert!(table.is_set("name") && !table.is_filled("name") && !table.is_set("list"));
    });
    assert_eq!(problems, [] as [&str; 0]);
}

#[test]
fn a_value_that_does_not_fit_is_reported_with_its_line_and_reads_as_absent() {
    let ((), problems) = read("limits:\n  on: maybe\n  wait: soon\n  mode: agregate\nother: 3\n", |table| {
        let limits = table.table("limits");
        assert_eq!(limits.boolean("on"), None);
        assert_eq!(limits.duration("wait", Duration::ZERO..=Duration::from_secs(60)), None);
        assert_eq!(limits.choice("mode", &[("off", 1), ("aggregate", 2)]), None);
        assert!(table.table("other").is_empty());
    });
    assert_eq!(
        problems,
        [
            "web.yml:2: limits.on: must be true or false",
            "web.yml:3: limits.wait: \"soon\" must be a duration such as 30s, 5m or 1m30s, from 0s to 60s",
            "web.yml:4: limits.mode: \"agregate\" must be one of off, aggregate; did you mean \"aggregate\"?",
            "web.yml:5: other: must be a table of keys",
        ]
    );
}

#[test]
fn an_unknown_key_is_reported_with_the_closest_known_one() {
    let ((), problems) = read("intervall: 1s\n", |table| table.allow(&["interval", "burst"]));
    assert_eq!(problems, ["web.yml:1: intervall: unknown key; did you mean \"interval\"?"]);
}

#[test]
fn a_scalar_that_looks_like_a_number_is_text_where_yaml_needs_no_quotes() {
    let ((), problems) = read("a: 12\nb: -1\nc: true\nd: 0.5\ne: []\n", |table| {
        let scalars = ["a", "b", "c", "d", "e"].map(|name| table.scalar(name));
        assert_eq!(scalars.map(Option::unwrap_or_default), ["12", "-1", "true", "0.5", ""]);
    });
    assert_eq!(problems, ["web.yml:5: e: must be text"]);
}
