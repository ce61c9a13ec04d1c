//! The examples in `config/`.

use super::*;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}

#[test]
fn the_full_example_has_the_default_of_every_key() {
    let loaded = load(&Sources { files: vec![example("full.toml")], ..Sources::default() });
    let loaded = loaded.unwrap_or_else(|problems| panic!("{problems}"));
    assert!(loaded.warnings.is_empty());
    assert_eq!(loaded.config.to_string(), load(&Sources::default()).expect("valid").config.to_string());
}

#[test]
fn the_full_example_contains_every_key() {
    let text = fs::read_to_string(example("full.toml")).expect("readable");
    let mut section = String::new();
    let mut named = vec!["accounts".to_owned()];
    for line in text.lines() {
        let line = line.trim_start_matches("# ");
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_matches(['[', ']']).replacen("accounts", "accounts.*", 1);
        } else if let Some((key, _)) = line.split_once(" = ") {
            named.push(format!("{section}.{key}"));
        }
    }
    for (key, _) in schema::KEYS.iter() {
        assert!(named.iter().any(|name| name == key), "{key} is not in full.toml");
    }
}

#[test]
fn the_typical_example_is_the_same_in_all_languages() {
    let shown = ["typical.toml", "typical.yaml", "typical.json"].map(|name| {
        let variables = ["PRODUCTION", "INTERNATIONAL"].map(|account| {
            ["ID", "SECRET"].map(|part| (format!("{account}_ACCESS_KEY_{part}"), "x".to_owned()))
        });
        let environment = variables.into_iter().flatten().collect();
        let loaded = load(&Sources { files: vec![example(name)], environment, ..Sources::default() });
        loaded.unwrap_or_else(|problems| panic!("{problems}")).config.to_string()
    });
    assert_eq!(shown[0], shown[1]);
    assert_eq!(shown[0], shown[2]);
}

#[test]
fn the_minimal_example_loads() {
    let loaded = load(&Sources { files: vec![example("minimal.toml")], ..Sources::default() });
    let Loaded { config, warnings } = loaded.unwrap_or_else(|problems| panic!("{problems}"));
    assert!(warnings.is_empty());
    assert_eq!(config.accounts[0].name, "production");
    assert!(matches!(config.accounts[0].credentials, ProviderConfig::Default(_)));
}
