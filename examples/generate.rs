//! Generates the manual pages and shell completions of packages from the definition of the command
//! line. The files are not kept in the repository, so they always match the flags.
//!
//! ```sh
//! cargo run --example generate -- target/generated
//! ```

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

use appstreaming_exporter::cli;
use appstreaming_exporter::internals::VERSION;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

const NAME: &str = "appstreaming-exporter";

/// Sections of the manual page that `--help` does not contain, by heading; each paragraph is a term
/// and its explanation.
const SECTIONS: &[(&str, &[(&str, &str)])] = &[
    (
        "EXIT STATUS",
        &[
            ("0", "Success; for the daemon, a requested shutdown."),
            (
                "1",
                "An error in the configuration, of a target or of the machine; standard error contains the remedy.",
            ),
            ("2", "Invalid command line."),
        ],
    ),
    (
        "SIGNALS",
        &[(
            "SIGTERM, SIGINT",
            "Stop being ready, wait for running scrapes, exit. A second signal ends the process at once.",
        )],
    ),
    (
        "FILES",
        &[
            (
                "/etc/default/appstreaming-exporter",
                "Environment of the systemd service: configuration keys and credentials.",
            ),
            (
                "/etc/appstreaming-exporter/config.toml",
                "Configuration of the systemd service. Every key is optional.",
            ),
        ],
    ),
];

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [directory] = arguments.as_slice() else {
        eprintln!("usage: generate DIRECTORY");
        return ExitCode::from(2);
    };
    match manual(&directory.join("man")).and_then(|()| completions(&directory.join("completions"))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("generate: cannot write below {}: {error}", directory.display());
            ExitCode::FAILURE
        }
    }
}

/// Writes one page for the program and one for each command.
fn manual(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    // The version lacks revision and compiler, so that the same sources produce the same pages
    // everywhere.
    let mut definition = cli::definition().version(VERSION);
    definition.build();
    let commands: Vec<_> =
        definition.get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect();
    let program = page(definition, NAME);
    let mut text = Vec::new();
    program.render_title(&mut text)?;
    program.render_name_section(&mut text)?;
    program.render_synopsis_section(&mut text)?;
    program.render_description_section(&mut text)?;
    program.render_options_section(&mut text)?;
    program.render_subcommands_section(&mut text)?;
    program.render_extra_section(&mut text)?;
    sections().to_writer(&mut text)?;
    program.render_version_section(&mut text)?;
    fs::write(directory.join(format!("{NAME}.1")), text)?;

    for command in commands {
        let name = format!("{NAME}-{}", command.get_name());
        let mut text = Vec::new();
        page(command.display_name(&name), &name).render(&mut text)?;
        fs::write(directory.join(format!("{name}.1")), text)?;
    }
    Ok(())
}

fn page(command: clap::Command, name: &str) -> Man {
    Man::new(command)
        .title(name.to_uppercase())
        .source(format!("{NAME} {VERSION}"))
        .manual("App Streaming exporter")
}

fn sections() -> Roff {
    let mut roff = Roff::new();
    for (heading, paragraphs) in SECTIONS {
        roff.control("SH", [*heading]);
        for (term, text) in *paragraphs {
            roff.control("TP", []).text([bold(*term)]).text([roman(*text)]);
        }
    }
    roff
}

fn completions(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for shell in [Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut cli::definition(), NAME, directory)?;
    }
    let bash = clap_complete::generate_to(Shell::Bash, &mut cli::definition(), NAME, directory)?;
    // clap_complete 4.6 treats the hyphen in a program's name as the start of a subcommand in one
    // place but not in the other, so that flags of subcommands are not completed.
    let text = fs::read_to_string(&bash)?;
    fs::write(bash, text.replace("appstreaming__subcmd__exporter", "appstreaming__exporter"))
}
