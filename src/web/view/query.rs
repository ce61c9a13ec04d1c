//! Filter and order of the groups, as a query string: `?q=&account=&status=&show=&sort=`.

use std::cmp::Ordering;
use std::fmt;

use form_urlencoded::{Serializer, parse};

use super::GroupView;
use crate::fleet::problems::{ProblemKind, Severity};

/// Filter and order. Invalid values are ignored: an old link still shows a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FleetQuery {
    /// Words that must all occur in the group's name, id, region, account or status.
    pub(crate) search: String,
    pub(crate) account: Option<String>,
    pub(crate) status: Option<String>,
    /// The filter by problems.
    pub(crate) show: ProblemFilter,
    pub(crate) sort: SortColumn,
    /// Whether the order is reversed.
    pub(crate) descending: bool,
}

/// A filter by problems.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ProblemFilter {
    #[default]
    All,
    /// Groups with a critical problem or a warning.
    Problems,
    /// Groups with a problem of this kind.
    Kind(ProblemKind),
}

/// The column by which groups are sorted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum SortColumn {
    /// Most urgent problem first, then by name.
    #[default]
    Problems,
    Name,
    Status,
    Usage,
    Connected,
    Disconnected,
    Idle,
    /// Sessions that can still start before a scale-out starts.
    Headroom,
    /// The next change of the schedule.
    Change,
    /// The end of the subscription.
    Expiry,
    /// The age of the data.
    Fetched,
}

impl FleetQuery {
    /// Parses a query string. An empty value is ignored.
    pub(crate) fn parse(text: &str) -> Self {
        let mut query = Self::default();
        for (name, value) in parse(text.as_bytes()).filter(|(_, value)| !value.is_empty()) {
            let value = value.into_owned();
            match &*name {
                "q" => query.search = value,
                "account" => query.account = Some(value),
                "status" => query.status = Some(value),
                "show" => query.show = ProblemFilter::parse(&value),
                "sort" => {
                    let name = value.strip_prefix('-');
                    query.descending = name.is_some();
                    query.sort = SortColumn::parse(name.unwrap_or(&value));
                }
                _ => {}
            }
        }
        query
    }

    /// Whether the group matches the filter.
    pub(crate) fn matches(&self, group: &GroupView<'_>) -> bool {
        let shown = match self.show {
            ProblemFilter::All => true,
            ProblemFilter::Problems => group.severity().is_some_and(|severity| severity < Severity::Info),
            ProblemFilter::Kind(kind) => group.problems.iter().any(|problem| problem.kind == kind),
        };
        shown
            && self.account.as_deref().is_none_or(|account| account == group.account)
            && self.status.as_deref().is_none_or(|status| Some(status) == group.status)
            && self.matches_search(group)
    }

    fn matches_search(&self, group: &GroupView<'_>) -> bool {
        if self.search.trim().is_empty() {
            return true;
        }
        let status = group.status.unwrap_or_default();
        let GroupView { name, group_id, region_id, account, .. } = group;
        let text = format!("{name} {group_id} {region_id} {account} {status}").to_lowercase();
        self.search.to_lowercase().split_whitespace().all(|word| text.contains(word))
    }

    /// Sorts the groups; unknown values come last in both directions.
    pub(crate) fn sort(&self, groups: &mut [GroupView<'_>]) {
        let by_name = |a: &GroupView<'_>, b: &GroupView<'_>| {
            let key = |group: &GroupView<'_>| group.name.to_lowercase();
            key(a).cmp(&key(b)).then_with(|| (a.account, a.group_id).cmp(&(b.account, b.group_id)))
        };
        let urgency =
            |group: &GroupView<'_>| group.problems.first().map(|problem| (problem.severity, problem.kind));
        groups.sort_by(|a, b| {
            let (s, t) = (&a.sessions, &b.sessions);
            let order = match self.sort {
                SortColumn::Problems => self.order(urgency(a), urgency(b)),
                SortColumn::Name if self.descending => by_name(b, a),
                SortColumn::Name => Ordering::Equal,
                SortColumn::Status => self.order(a.status, b.status),
                SortColumn::Usage => {
                    self.order(s.usage_ratio.map(OrderedNumber), t.usage_ratio.map(OrderedNumber))
                }
                SortColumn::Connected => self.order(s.connected, t.connected),
                SortColumn::Disconnected => self.order(s.disconnected, t.disconnected),
                SortColumn::Idle => self.order(s.idle, t.idle),
                SortColumn::Headroom => {
                    self.order(s.until_scale_out.map(OrderedNumber), t.until_scale_out.map(OrderedNumber))
                }
                SortColumn::Change => self.order(a.next_schedule_change, b.next_schedule_change),
                SortColumn::Expiry => self.order(a.expires, b.expires),
                SortColumn::Fetched => self.order(Some(a.fetched), Some(b.fetched)),
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

    /// Whether every group matches.
    pub(crate) fn is_unfiltered(&self) -> bool {
        let Self { search, account, status, show, .. } = self;
        search.trim().is_empty() && account.is_none() && status.is_none() && *show == ProblemFilter::All
    }

    /// The same filter, sorted by `sort`; in reverse order if `sort` is the current column.
    pub(crate) fn sorted_by(&self, sort: SortColumn) -> Self {
        // The largest values of these columns are the most interesting ones.
        let largest_first = matches!(
            sort,
            SortColumn::Usage | SortColumn::Connected | SortColumn::Disconnected | SortColumn::Idle
        );
        let descending = if self.sort == sort { !self.descending } else { largest_first };
        Self { sort, descending, ..self.clone() }
    }
}

impl fmt::Display for FleetQuery {
    /// The query string without `?`; empty for the default.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sort = match (self.sort, self.descending) {
            (SortColumn::Problems, false) => String::new(),
            (sort, descending) => format!("{}{}", if descending { "-" } else { "" }, sort.as_str()),
        };
        let parameters = [
            ("q", self.search.as_str()),
            ("account", self.account.as_deref().unwrap_or_default()),
            ("status", self.status.as_deref().unwrap_or_default()),
            ("show", self.show.as_str()),
            ("sort", &sort),
        ];
        let mut serializer = Serializer::new(String::new());
        serializer.extend_pairs(parameters.into_iter().filter(|(_, value)| !value.is_empty()));
        f.write_str(&serializer.finish())
    }
}

impl ProblemFilter {
    fn parse(text: &str) -> Self {
        match text {
            "problems" => Self::Problems,
            text => {
                let kind = ProblemKind::ALL.iter().find(|kind| kind.as_str() == text);
                kind.copied().map_or(Self::All, Self::Kind)
            }
        }
    }

    /// The value in a query string; empty for all.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Problems => "problems",
            Self::Kind(kind) => kind.as_str(),
        }
    }
}

impl SortColumn {
    const ALL: [SortColumn; 11] = [
        SortColumn::Problems,
        SortColumn::Name,
        SortColumn::Status,
        SortColumn::Usage,
        SortColumn::Connected,
        SortColumn::Disconnected,
        SortColumn::Idle,
        SortColumn::Headroom,
        SortColumn::Change,
        SortColumn::Expiry,
        SortColumn::Fetched,
    ];

    fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|sort| sort.as_str() == text).unwrap_or_default()
    }

    /// The value in a query string.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            SortColumn::Problems => "problems",
            SortColumn::Name => "name",
            SortColumn::Status => "status",
            SortColumn::Usage => "usage",
            SortColumn::Connected => "connected",
            SortColumn::Disconnected => "disconnected",
            SortColumn::Idle => "idle",
            SortColumn::Headroom => "headroom",
            SortColumn::Change => "change",
            SortColumn::Expiry => "expiry",
            SortColumn::Fetched => "fetched",
        }
    }
}

/// A number with a total order.
#[derive(PartialEq)]
struct OrderedNumber(f64);

impl Eq for OrderedNumber {}

impl PartialOrd for OrderedNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OrderedNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}
