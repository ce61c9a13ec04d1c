//! What of the fleet is wanted, as the address says it: `?q=&account=&status=&show=&sort=`.

use std::cmp::Ordering;
use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::Group;
use crate::fleet::problems::ProblemKind;

/// What stays as it is in an address.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Filter and order. What makes no sense in an address is left out rather than refused: it is a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// Words that each must occur in the group's name, id, region, account or status.
    pub(crate) search: String,
    pub(crate) account: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) show: Shown,
    pub(crate) sort: Sort,
    pub(crate) descending: bool,
}

/// Which groups are shown by their problems.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Shown {
    #[default]
    All,
    /// Those with any problem.
    Problems,
    /// Those with a problem of that kind.
    Kind(ProblemKind),
}

/// What groups are sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Sort {
    /// The most urgent first, and among equals by name.
    #[default]
    Problems,
    Name,
    Status,
    Usage,
    Connected,
    Disconnected,
    Idle,
    Headroom,
    Change,
    Expiry,
    Fetched,
}

impl Query {
    /// Reads what stands behind the `?`.
    pub(crate) fn parse(text: &str) -> Self {
        let mut query = Self::default();
        for pair in text.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value);
            if value.is_empty() {
                continue;
            }
            match &*decode(name) {
                "q" => query.search = value,
                "account" => query.account = Some(value),
                "status" => query.status = Some(value),
                "show" => query.show = Shown::parse(&value),
                "sort" => {
                    let name = value.strip_prefix('-');
                    query.descending = name.is_some();
                    query.sort = Sort::parse(name.unwrap_or(&value));
                }
                _ => {}
            }
        }
        query
    }

    /// Whether the filter leaves the group.
    pub(crate) fn wants(&self, group: &Group<'_>) -> bool {
        let shown = match self.show {
            Shown::All => true,
            Shown::Problems => !group.problems.is_empty(),
            Shown::Kind(kind) => group.problems.iter().any(|problem| problem.kind == kind),
        };
        shown
            && self.account.as_deref().is_none_or(|account| account == group.account)
            && self.status.as_deref().is_none_or(|status| Some(status) == group.status)
            && self.finds(group)
    }

    fn finds(&self, group: &Group<'_>) -> bool {
        if self.search.trim().is_empty() {
            return true;
        }
        let status = group.status.unwrap_or_default();
        let Group { name, group_id, region_id, account, .. } = group;
        let text = format!("{name} {group_id} {region_id} {account} {status}").to_lowercase();
        self.search.to_lowercase().split_whitespace().all(|word| text.contains(word))
    }

    /// Puts groups in order; what is not known comes last, whatever the direction.
    pub(crate) fn sort(&self, groups: &mut [Group<'_>]) {
        let by_name = |a: &Group<'_>, b: &Group<'_>| {
            let key = |group: &Group<'_>| group.name.to_lowercase();
            key(a).cmp(&key(b)).then_with(|| (a.account, a.group_id).cmp(&(b.account, b.group_id)))
        };
        let urgency =
            |group: &Group<'_>| group.problems.first().map(|problem| (problem.severity, problem.kind));
        groups.sort_by(|a, b| {
            let (s, t) = (&a.sessions, &b.sessions);
            let order = match self.sort {
                Sort::Problems => self.order(urgency(a), urgency(b)),
                Sort::Name if self.descending => by_name(b, a),
                Sort::Name => Ordering::Equal,
                Sort::Status => self.order(a.status, b.status),
                Sort::Usage => self.order(s.usage_ratio.map(Number), t.usage_ratio.map(Number)),
                Sort::Connected => self.order(s.connected, t.connected),
                Sort::Disconnected => self.order(s.disconnected, t.disconnected),
                Sort::Idle => self.order(s.idle, t.idle),
                Sort::Headroom => self.order(s.until_scale_out.map(Number), t.until_scale_out.map(Number)),
                Sort::Change => self.order(a.next_schedule_change, b.next_schedule_change),
                Sort::Expiry => self.order(a.expires, b.expires),
                Sort::Fetched => self.order(Some(a.fetched), Some(b.fetched)),
            };
            order.then_with(|| by_name(a, b))
        });
    }

    fn order<T: Ord>(&self, a: Option<T>, b: Option<T>) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) if self.descending => b.cmp(&a),
            (Some(a), Some(b)) => a.cmp(&b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }

    /// Whether every group is wanted.
    pub(crate) fn is_unfiltered(&self) -> bool {
        let Self { search, account, status, show, .. } = self;
        search.trim().is_empty() && account.is_none() && status.is_none() && *show == Shown::All
    }

    /// The same filter in another order; asked twice for a column it turns around.
    pub(crate) fn sorted_by(&self, sort: Sort) -> Self {
        // Numbers are looked at from their interesting end first.
        let natural = matches!(sort, Sort::Usage | Sort::Connected | Sort::Disconnected | Sort::Idle);
        let descending = if self.sort == sort { !self.descending } else { natural };
        Self { sort, descending, ..self.clone() }
    }
}

impl fmt::Display for Query {
    /// What stands behind the `?`, empty where nothing is asked for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sort = match (self.sort, self.descending) {
            (Sort::Problems, false) => String::new(),
            (sort, descending) => format!("{}{}", if descending { "-" } else { "" }, sort.as_str()),
        };
        let parameters = [
            ("q", self.search.as_str()),
            ("account", self.account.as_deref().unwrap_or_default()),
            ("status", self.status.as_deref().unwrap_or_default()),
            ("show", self.show.as_str()),
            ("sort", &sort),
        ];
        let mut separator = "";
        for (name, value) in parameters.into_iter().filter(|(_, value)| !value.is_empty()) {
            write!(f, "{separator}{name}={}", utf8_percent_encode(value, PLAIN))?;
            separator = "&";
        }
        Ok(())
    }
}

impl Shown {
    fn parse(text: &str) -> Self {
        match text {
            "problems" => Self::Problems,
            text => {
                ProblemKind::ALL.into_iter().find(|kind| kind.as_str() == text).map_or(Self::All, Self::Kind)
            }
        }
    }

    /// The value in an address; empty for all.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Problems => "problems",
            Self::Kind(kind) => kind.as_str(),
        }
    }
}

impl Sort {
    const ALL: [Sort; 11] = [
        Sort::Problems,
        Sort::Name,
        Sort::Status,
        Sort::Usage,
        Sort::Connected,
        Sort::Disconnected,
        Sort::Idle,
        Sort::Headroom,
        Sort::Change,
        Sort::Expiry,
        Sort::Fetched,
    ];

    fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|sort| sort.as_str() == text).unwrap_or_default()
    }

    /// The value in an address.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Sort::Problems => "problems",
            Sort::Name => "name",
            Sort::Status => "status",
            Sort::Usage => "usage",
            Sort::Connected => "connected",
            Sort::Disconnected => "disconnected",
            Sort::Idle => "idle",
            Sort::Headroom => "headroom",
            Sort::Change => "change",
            Sort::Expiry => "expiry",
            Sort::Fetched => "fetched",
        }
    }
}

/// A number that has an order.
#[derive(PartialEq)]
struct Number(f64);

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// As forms write it: `+` is a blank. What is no UTF-8 is shown as such.
fn decode(text: &str) -> String {
    let blanks = text.replace('+', " ");
    percent_decode_str(&blanks).decode_utf8_lossy().into_owned()
}
