//! The examples of the README work. The gate runs the commands that start the demo and the tests;
//! the test with a real Prometheus runs the example queries.

use crate::support::{Cloud, binary, run};

const README: &str = include_str!("../../README.md");

/// The first code block of a language that contains `text`.
fn block(language: &str, text: &str) -> &'static str {
    README
        .split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n'))
        .find(|block| block.contains(text))
        .unwrap_or_else(|| panic!("the README has no {language} block with {text:?}"))
}

#[test]
fn the_configuration_and_commands_of_the_readme_work() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("exporter.toml"), block("toml", "[[accounts]]")).unwrap();
    let cloud = Cloud::start(&["--groups", "2"]);
    let check = block("sh", "check --online").lines().find(|line| line.contains("check --online")).unwrap();
    let arguments = check.strip_prefix("appstreaming-exporter ").expect("the command's name comes first");
    let checked = run(binary()
        .args(arguments.split(' '))
        // The address of the cloud is the only difference from the README.
        .args(["--set", &format!("accounts.0.endpoint={}", cloud.url)])
        .current_dir(directory.path())
        .env("ALIBABA_CLOUD_ACCESS_KEY_ID", appstreaming_exporter::simulator::ACCESS_KEY_ID)
        .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", appstreaming_exporter::simulator::ACCESS_KEY_SECRET));
    assert_eq!(checked.status, 0, "{}{}", checked.stdout, checked.stderr);
}

#[test]
fn the_metrics_of_the_readme_are_in_the_catalogue_with_their_help_texts() {
    let printed = run(binary().args(["catalog", "--format", "json"]));
    let catalogue: Vec<serde_json::Value> = serde_json::from_str(&printed.stdout).unwrap();
    let known = |name: &str| catalogue.iter().find(|entry| entry["name"] == name);
    let names = README.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    for name in names.filter(|word| word.starts_with("appstreaming_")) {
        assert!(known(name).is_some(), "{name} is not in the catalogue");
    }
    for line in block("text", "# HELP").lines().filter_map(|line| line.strip_prefix("# HELP ")) {
        let (name, help) = line.split_once(' ').unwrap();
        assert_eq!(known(name).unwrap()["help"], help);
    }
}

#[test]
fn every_file_that_the_documentation_links_to_exists() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![root.join("README.md"), root.join("CHANGELOG.md")];
    for directory in ["docs", "docs/decisions", "deploy"] {
        for entry in std::fs::read_dir(root.join(directory)).unwrap() {
            pages.push(entry.unwrap().path());
        }
    }
    for page in pages.iter().filter(|page| page.extension().is_some_and(|ending| ending == "md")) {
        let text = std::fs::read_to_string(page).unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split([')', '#', ' ']).next().unwrap()) {
            if !link.is_empty() && !link.contains("://") && !link.starts_with("mailto:") {
                let target = page.parent().unwrap().join(link);
                assert!(target.exists(), "{} links to {link}", page.display());
            }
        }
    }
}
