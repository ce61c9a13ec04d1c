//! Checks `[state]`: the folder of the file, and the file.

use std::path::Path;

use jiff::Timestamp;

use super::chain;
use super::finding::{Aspect, Finding, Level, PartReport};
use crate::app::assemble;
use crate::config::Config;
use crate::fleet::{HumanDuration, plural};
use crate::poller::RestoreOutcome;
use crate::replica::envelope;
use crate::replica::state_file::StateFile;

/// What the state file contains.
#[derive(Debug)]
enum FileContents {
    /// There is no file, or it is empty.
    Nothing,
    /// A state, and what the exporter would do with it at its start.
    State { saved_at: Timestamp, outcome: RestoreOutcome },
    /// Why it cannot be read.
    Unusable(String),
}

/// Checks the folder and the file; `None` if no file is configured.
///
/// Nothing is an error, because the exporter runs without a state.
pub(super) fn check_state(config: &Config, now: Timestamp) -> Option<PartReport> {
    let path = config.state.path.as_deref()?;
    let file = StateFile::new(path.to_owned());
    let folder = file.check_writable().map_err(|error| chain(&error));
    let contents = contents(&file, config, now);
    let targets = assemble::identities(config).count();
    let findings = vec![evaluate_folder(folder), evaluate_file(path, &contents, targets, now)];
    Some(PartReport { name: "state", findings })
}

fn contents(file: &StateFile, config: &Config, now: Timestamp) -> FileContents {
    let bytes = match file.read() {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return FileContents::Nothing,
        Err(error) => return FileContents::Unusable(chain(&error)),
    };
    match envelope::decode(&bytes) {
        Ok(saved) => {
            let saved_at = saved.saved_at;
            let outcome = assemble::store(config, assemble::identities(config)).restore(saved, now);
            FileContents::State { saved_at, outcome }
        }
        Err(error) => FileContents::Unusable(chain(&error)),
    }
}

fn evaluate_folder(writable: Result<(), String>) -> Finding {
    match writable {
        Ok(()) => Finding::new(Aspect::State, Level::Ok, "the folder can be written"),
        Err(error) => Finding::new(Aspect::State, Level::Warning, error).advise(
            "create the folder, and let the user of the exporter write to it: until then a restart begins without \
             data",
        ),
    }
}

fn evaluate_file(path: &Path, contents: &FileContents, targets: usize, now: Timestamp) -> Finding {
    let path = path.display();
    let unused =
        || format!("the exporter renames it to {path}.rejected at its start, and begins without data");
    let (level, message, advice) = match contents {
        FileContents::Nothing => {
            (Level::Ok, "there is no state yet: it is written after the first poll".to_owned(), None)
        }
        FileContents::State { saved_at, outcome } => {
            let saved = format!("saved {} ago", HumanDuration(now.duration_since(*saved_at)));
            match outcome {
                RestoreOutcome::Restored { targets: found } => {
                    let message =
                        format!("{saved}: {found} of {} continue from it", plural(targets, "target"));
                    (Level::Ok, message, None)
                }
                RestoreOutcome::Stale => {
                    let message = format!("{saved}: all of it is older than poll.stale_after");
                    (Level::Warning, message, Some(unused()))
                }
                RestoreOutcome::Foreign => {
                    let message = format!("{saved}: none of the configured targets is in it");
                    let advice =
                        format!("check state.path, which each exporter needs of its own: {}", unused());
                    (Level::Warning, message, Some(advice))
                }
            }
        }
        FileContents::Unusable(error) => (Level::Warning, error.clone(), Some(unused())),
    };
    let finding = Finding::new(Aspect::State, level, message);
    match advice {
        Some(advice) => finding.advise(advice),
        None => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, load};

    fn config(path: &Path) -> Config {
        let set = vec![format!("state.path={}", path.display())];
        load(&Sources { set, ..Sources::default() }).expect("a valid configuration").config
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn findings(path: &Path, at: Timestamp) -> Vec<(Level, String)> {
        let report = check_state(&config(path), at).expect("a state is configured");
        report.findings.into_iter().map(|finding| (finding.level, finding.message)).collect()
    }

    fn save(path: &Path, config: &Config) {
        let store = assemble::store(config, assemble::identities(config));
        let bytes = envelope::encode(store.save(now()), &config.render.users);
        StateFile::new(path.to_owned()).write(&bytes).unwrap();
    }

    #[test]
    fn without_a_path_nothing_is_checked() {
        let config = load(&Sources::default()).expect("the defaults").config;
        assert!(check_state(&config, now()).is_none());
    }

    #[test]
    fn a_folder_that_does_not_exist_is_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let findings = findings(&folder.path().join("missing/state"), now());
        assert_eq!(findings[0].0, Level::Warning);
        assert!(findings[0].1.contains("missing/state"), "{findings:?}");
        assert_eq!(
            findings[1],
            (Level::Ok, "there is no state yet: it is written after the first poll".to_owned())
        );
    }

    #[test]
    fn the_check_leaves_the_folder_and_the_file_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        std::fs::write(&path, "not a state").unwrap();
        let findings = findings(&path, now());
        assert_eq!(findings[0], (Level::Ok, "the folder can be written".to_owned()));
        assert_eq!(findings[1].0, Level::Warning);
        assert!(findings[1].1.contains("damaged"), "{findings:?}");
        assert_eq!(std::fs::read(&path).unwrap(), b"not a state");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_state_of_other_targets_or_without_data_is_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let config = config(&path);
        save(&path, &config);
        let own = findings(&path, now() + jiff::SignedDuration::from_mins(3));
        assert!(own[1].1.starts_with("saved 3 min ago: "), "{own:?}");

        let mut other = config;
        other.accounts[0].name = "other".to_owned();
        save(&path, &other);
        let foreign = findings(&path, now());
        assert_eq!(foreign[1].0, Level::Warning);
        assert!(foreign[1].1.ends_with("none of the configured targets is in it"), "{foreign:?}");
    }
}
