//! Collects elements whose pages arrive in any order, and returns them in the order of the API.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Where an element was listed: page number, and position on the page.
pub(super) type Position = (u64, usize);

/// Elements with their positions, each id once. Of elements with the same id the one with the first
/// position counts, so the result does not depend on the order in which pages arrive.
#[derive(Debug)]
pub(super) struct Ordered<T> {
    by_id: HashMap<Box<str>, (Position, T)>,
    without_id: Vec<(Position, T)>,
}

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self { by_id: HashMap::new(), without_id: Vec::new() }
    }
}

impl<T> Ordered<T> {
    /// Adds an element, which is made only if it is kept; returns whether its id is new.
    pub(super) fn insert(
        &mut self,
        position: Position,
        id: impl Into<Box<str>>,
        element: impl FnOnce() -> T,
    ) -> bool {
        match self.by_id.entry(id.into()) {
            Entry::Vacant(vacant) => {
                vacant.insert((position, element()));
                return true;
            }
            Entry::Occupied(mut known) if position < known.get().0 => {
                known.insert((position, element()));
            }
            Entry::Occupied(_) => {}
        }
        false
    }

    /// Adds an element without an id.
    pub(super) fn push_without_id(&mut self, position: Position, element: T) {
        self.without_id.push((position, element));
    }

    /// The elements, sorted by position.
    pub(super) fn into_sorted(self) -> Vec<T> {
        let mut elements = self.without_id;
        elements.extend(self.by_id.into_values());
        elements.sort_unstable_by_key(|(position, _)| *position);
        elements.into_iter().map(|(_, element)| element).collect()
    }
}
