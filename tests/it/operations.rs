//! docs/operations.md is correct: every command is run as it is written.

use std::path::Path;
use std::process::Command;

use crate::support::{Cloud, binary, run};

const PAGE: &str = include_str!("../../docs/operations.md");

fn blocks(language: &str) -> impl Iterator<Item = &'static str> {
    PAGE.split("```")
        .skip(1)
        .step_by(2)
        .filter_map(move |block| block.strip_prefix(language)?.strip_prefix('\n'))
}

fn first(value: &serde_json::Value, field: &str) -> String {
    value[0][field].as_str().expect("there is one").to_owned()
}

/// Runs a line in a shell that finds the program by its name.
fn shell(line: &str, directory: &Path) -> crate::support::process::Finished {
    let programs = Path::new(env!("CARGO_BIN_EXE_appstreaming-exporter")).parent().expect("a directory");
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("sh");
    // Removes the settings of the user who runs the tests, as `binary` does.
    for (name, value) in binary().get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    run(command.args(["-ec", line]).env("PATH", path).current_dir(directory))
}

#[test]
fn every_command_of_the_operations_page_works() {
    // At night there may be no session.
    let cloud = Cloud::start(&["--groups", "8", "--start", "2026-03-04T10:30:00+08:00"]);
    let directory = tempfile::tempdir().unwrap();
    let configuration = format!(
        "[[accounts]]\nname = \"production\"\nendpoint = {:?}\n[accounts.credentials]\nsource = \"access_key\"\n\
         access_key_id = {:?}\naccess_key_secret = {:?}\n",
        cloud.url,
        appstreaming_exporter::simulator::ACCESS_KEY_ID,
        appstreaming_exporter::simulator::ACCESS_KEY_SECRET
    );
    std::fs::write(directory.path().join("exporter.toml"), configuration).unwrap();
    let listed = shell(
        "appstreaming-exporter list instances --status RUNNING --format json --config.file exporter.toml",
        directory.path(),
    );
    let instances: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();

    let mut commands = 0;
    for line in blocks("sh").flat_map(str::lines) {
        commands += 1;
        // The ids on the page are examples.
        let line = line
            .replace("aig-9ciijz60n4xsv0001", &first(&instances, "AppInstanceGroupId"))
            .replace("ai-1d93k0g5sd3n10001", &first(&instances, "AppInstanceId"));
        let finished = shell(&line, directory.path());
        assert_eq!(finished.status, 0, "{line}\n{}{}", finished.stdout, finished.stderr);
    }
    assert!(commands >= 11, "{commands}");
    let csv = std::fs::read_to_string(directory.path().join("instances.csv")).unwrap();
    assert!(csv.starts_with("AppInstanceId,"), "{csv}");
}

#[test]
fn the_stateful_set_s_arguments_are_flags_of_the_exporter() {
    let manifest = blocks("yaml").next().expect("a manifest");
    let arguments: Vec<&str> = manifest
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- --"))
        .filter(|argument| !argument.starts_with("config.file"))
        .collect();
    assert!(arguments.len() >= 2, "{arguments:?}");
    let mut command = binary();
    command.arg("check").env("HOSTNAME", "appstreaming-exporter-2");
    let checked = run(command.args(arguments.iter().map(|argument| format!("--{argument}"))));
    assert_eq!(checked.status, 0, "{}", checked.stderr);
}

#[test]
fn every_configuration_of_the_operations_page_is_valid() {
    let configurations: Vec<&str> = blocks("toml")
        // Not every build has the feature.
        .filter(|text| cfg!(feature = "kubernetes") || !text.contains("\"kubernetes\""))
        .collect();
    assert!(configurations.len() >= 3, "{configurations:?}");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("exporter.toml");
    for text in configurations {
        std::fs::write(&file, text).unwrap();
        let mut command = binary();
        command.args(["check", "--config.file"]).arg(&file).env("REPLICAS_TOKEN", "0123456789abcdef");
        let checked = run(&mut command);
        assert_eq!(checked.status, 0, "{text}\n{}", checked.stderr);
    }
}

#[test]
fn every_metric_and_every_flag_of_the_operations_page_exists() {
    let printed = run(binary().args(["catalog", "--format", "json"]));
    let catalogue: Vec<serde_json::Value> = serde_json::from_str(&printed.stdout).unwrap();
    let words = PAGE.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let mut metrics = 0;
    for name in words.filter(|word| word.starts_with("appstreaming_")) {
        metrics += 1;
        assert!(catalogue.iter().any(|entry| entry["name"] == name), "{name} is not in the catalogue");
    }
    assert!(metrics > 10, "{metrics}");
    let help: String = [
        ["check", "--help", ""],
        ["list", "groups", "--help"],
        ["list", "instances", "--help"],
        ["list", "persistent", "--help"],
    ]
    .map(|words| run(binary().args(words.iter().filter(|word| !word.is_empty()))).stdout)
    .concat();
    for flag in
        PAGE.split('`').skip(1).step_by(2).filter(|code| code.starts_with("--") && !code.contains('\n'))
    {
        let flag = flag.split([' ', '=']).next().unwrap();
        assert!(help.contains(flag), "{flag}");
    }
    let full = include_str!("../../config/full.toml");
    for key in PAGE.split('`').skip(1).step_by(2).filter_map(|code| code.strip_prefix("collectors.")) {
        let key = key.split([' ', '=']).next().unwrap();
        assert!(full.contains(&format!("{key} =")), "collectors.{key}");
    }
}

#[test]
fn every_event_names_tests_that_exist() {
    let sources = ["src", "tests"].map(|folder| sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)));
    let (_, rest) = PAGE.split_once("<!-- events -->").expect("a table of events");
    let (table, _) = rest.split_once("<!-- events -->").expect("the end of the table");
    // The first two rows are the header and the line below it.
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with('|')).skip(2).collect();
    assert!(rows.len() >= 10, "a table with {} rows", rows.len());
    for row in rows {
        let tests = row.trim_end_matches(" |").rsplit_once("| ").expect("a last column").1;
        for test in tests.split(", ") {
            let name = test.trim_matches('`');
            let definition = format!("fn {name}(");
            assert!(sources.iter().any(|source| source.contains(&definition)), "no test {name}: {row}");
        }
    }
}

/// All Rust code below a folder.
fn sources(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| match path.extension() {
        _ if path.is_dir() => sources(&path),
        Some(extension) if extension == "rs" => std::fs::read_to_string(path).unwrap(),
        _ => String::new(),
    };
    entries.map(read).collect()
}
