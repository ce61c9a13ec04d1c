//! Rooms import from lower floors only, and never what the architecture forbids.

use crate::house::{quoted, sources, table};
use crate::paths::{Resolver, used};

const ARCHITECTURE: &str = "docs/architecture.md";

/// A row of the table of rooms: modules, and the floor they stand on.
struct Room {
    modules: Vec<String>,
    floor: u32,
}

/// A row of the table of forbidden imports.
struct Ban {
    from: Vec<String>,
    to: Vec<String>,
}

fn rooms() -> Vec<Room> {
    let rows = table(ARCHITECTURE, "room").into_iter();
    rows.map(|row| Room { modules: quoted(&row[0]), floor: row[1].parse().expect("a floor") }).collect()
}

fn bans() -> Vec<Ban> {
    let rows = table(ARCHITECTURE, "these rooms").into_iter();
    rows.map(|row| Ban { from: quoted(&row[0]), to: quoted(&row[1]) }).collect()
}

/// The room of a path: the row with the longest module that the path begins with.
fn room_of<'a>(rooms: &'a [Room], path: &[String]) -> Option<(&'a Room, &'a str)> {
    let modules = rooms.iter().flat_map(|room| room.modules.iter().map(move |module| (room, &**module)));
    modules.filter(|(_, module)| is_within(path, module)).max_by_key(|(_, module)| module.len())
}

fn is_within(path: &[String], module: &str) -> bool {
    let mut segments = path.iter();
    module.split("::").all(|part| segments.next().is_some_and(|segment| segment == part))
}

#[test]
fn rooms_import_from_lower_floors_only() {
    let (rooms, sources, mut broken) = (rooms(), sources(), Vec::new());
    let resolver = Resolver::new(&sources);
    for file in sources.iter().filter(|file| !file.module.is_empty()) {
        let Some((room, name)) = room_of(&rooms, &file.module) else {
            broken.push(format!("{}: its room is not in the table of {ARCHITECTURE}", file.path));
            continue;
        };
        for path in used(file) {
            let origin = resolver.origin(&path.segments);
            let Some((other, other_name)) = room_of(&rooms, &origin) else { continue };
            if !std::ptr::eq(room, other) && other.floor >= room.floor {
                broken.push(format!(
                    "{}:{}: `{name}` (floor {}) must not import {} of `{other_name}` (floor {}): \
                     rooms import from lower floors only",
                    file.path,
                    path.line,
                    room.floor,
                    path.segments.join("::"),
                    other.floor
                ));
            }
        }
    }
    assert!(broken.is_empty(), "{}", report(broken));
}

#[test]
fn forbidden_imports_do_not_exist() {
    let (bans, mut broken) = (bans(), Vec::new());
    for file in sources() {
        let from = |ban: &&Ban| ban.from.iter().any(|module| is_within(&file.module, module));
        let forbidden: Vec<&String> = bans.iter().filter(from).flat_map(|ban| &ban.to).collect();
        for path in used(&file) {
            if let Some(room) = forbidden.iter().find(|room| is_within(&path.segments, room)) {
                let (path, line) = (path.segments.join("::"), path.line);
                broken.push(format!(
                    "{}:{line}: must not import {path}: {ARCHITECTURE} forbids `{room}` here",
                    file.path
                ));
            }
        }
    }
    assert!(broken.is_empty(), "{}", report(broken));
}

#[test]
fn every_room_of_the_table_exists() {
    let files = sources();
    for module in rooms().iter().flat_map(|room| &room.modules) {
        let exists = files.iter().any(|file| is_within(&file.module, module));
        assert!(exists, "{ARCHITECTURE} names the room `{module}`, which does not exist");
    }
}

fn report(mut broken: Vec<String>) -> String {
    broken.dedup();
    format!("\n{} rules are broken:\n{}\n", broken.len(), broken.join("\n"))
}
