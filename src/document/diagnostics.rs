//! Collects problems and warnings while a document is read, so that all are reported at once.

use std::cell::RefCell;

use figment::value::Tag;

use super::{Origin, Problem};

/// Finds where a value was set.
pub(crate) trait Locate {
    /// The origin of the value at `path`, or of the closest table that contains `path`. `tag`
    /// identifies the source of the value if a configuration has several sources.
    fn origin(&self, tag: Tag, path: &str) -> Origin;
}

/// The problems and warnings found so far.
pub(crate) struct Diagnostics<'a> {
    locations: &'a dyn Locate,
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
}

impl<'a> Diagnostics<'a> {
    /// Creates an empty collection. `locations` finds the origin of each problem.
    pub(crate) fn new(locations: &'a dyn Locate) -> Self {
        Self { locations, problems: RefCell::default(), warnings: RefCell::default() }
    }

    /// The problems, then the warnings.
    pub(crate) fn finish(self) -> (Vec<Problem>, Vec<Problem>) {
        (self.problems.into_inner(), self.warnings.into_inner())
    }

    /// Reports a problem: the document is rejected.
    pub(crate) fn problem(&self, tag: Tag, path: &str, message: impl Into<String>) {
        self.problems.borrow_mut().push(Problem::new(self.locations.origin(tag, path), path, message));
    }

    /// Reports a warning: the document is accepted.
    pub(crate) fn warning(&self, tag: Tag, path: &str, message: impl Into<String>) {
        self.warnings.borrow_mut().push(Problem::new(self.locations.origin(tag, path), path, message));
    }
}
