"""Judges a run of rollouts.py."""

import statistics
import zlib

from exposition import counters, depends_on_poll, fleet, label, name, without_times

LIMITS = {"graceful": 2, "return": 5, "crash": 20}
# Relative. Counters are whole numbers, and sums are whole seconds.
TOLERANCE = 1e-5
SHOWN = 5


class Report:
    def __init__(self, run):
        self.failures = list(run.broken)
        self.rows = []
        self.expected = [fleet(body) for body in run.simulation.expected]
        self.scrapes(run)
        self.requests(run)
        self.takeovers(run)
        self.increases(run)

    def row(self, measured, value, limit, is_good):
        self.rows.append((measured, value, limit))
        if not is_good:
            self.failures.append(f"{measured}: {value} ({limit})")

    def detail(self, texts):
        self.failures.extend(texts[:SHOWN])

    def scrapes(self, run):
        expected = [without_times(values) for values in self.expected]
        missing, incomplete, other, lower, previous = 0, [], [], [], {}
        for began, step, replica, body in run.scrapes:
            values = fleet(zlib.decompress(body).decode())
            at = f"scrape of {replica} at {began - run.began:.1f} s"
            # The poll of the next step may have ended already.
            possible = expected[step : step + 2]
            shown = without_times(values)
            if shown not in possible:
                lost = set.intersection(*(set(each) for each in possible)) - set(shown)
                missing += len(lost)
                if lost:
                    incomplete.append(f"{at}: {len(lost)} of {len(possible[0])} series are missing, such as {min(lost)}")
                else:
                    wrong = [series for series in shown if all(shown[series] != each.get(series, "") for each in possible)]
                    other.append(f"{at}: not what one process serves: {wrong[:SHOWN]}")
            now = counters(values)
            lower.extend(f"{at}: {series} went down" for series, value in previous.items() if now.get(series, value) < value)
            previous = now
        self.row("scrapes", len(run.scrapes) + len(run.failed_scrapes), "one a second", len(run.scrapes) > run.options.duration * 0.9)
        self.row("failed scrapes", len(run.failed_scrapes), "0", not run.failed_scrapes)
        self.row("refused connections, sent to the other replica", len(run.service.refused), "", True)
        self.row("series of the fleet", len(self.expected[-1]), "", True)
        self.row("series missing from a scrape", missing, "0", missing == 0)
        self.row("scrapes with other values than one process's", len(other), "0", not other)
        self.row("counters that went down", len(lower), "0", not lower)
        for texts in (run.failed_scrapes, incomplete, other, lower):
            self.detail(texts)

    def requests(self, run):
        one, replicas = (after - before for after, before in zip(run.after, run.simulation.before))
        self.row("polls", len(self.expected), "", len(self.expected) > run.options.duration / run.options.interval / 2)
        self.row("requests of one process", one, "", one > 0)
        difference = (replicas - one) / one
        self.row("requests of the replicas", f"{replicas} ({difference:+.1%})", "within 1 %", abs(difference) <= 0.01)

    def takeovers(self, run):
        kinds = {"pair": LIMITS, "kubernetes": {kind: LIMITS[kind] for kind in ("graceful", "crash")}}
        for kind, limit in kinds[run.options.mode].items():
            times = [took for found, took in run.takeovers if found == kind]
            value = f"{len(times)}: median {statistics.median(times):.2f} s, at most {max(times):.2f} s" if times else "none"
            self.row(f"changes of the active replica: {kind}", value, f"under {limit} s", bool(times) and max(times) < limit)

    def increases(self, run):
        truth = run.simulation.events()
        first, last = counters(self.expected[0]), counters(self.expected[-1])
        increased = {job: increases(run, job, {name(series) for series in last}) for job in ("replicas", "reference")}
        wrong, compared, events = [], 0, 0
        for series in last:
            if series not in first or depends_on_poll(series):
                # A series that appears with its first event has a count that increase() leaves out.
                continue
            found = increased["replicas"].get(key(series))
            one = last[series] - first[series]
            wanted = truth.get(as_event(series), one) if first[series] == 0 else one
            compared += 1
            events += wanted if name(series).endswith("_total") else 0
            if found is None or abs(found - wanted) > TOLERANCE * wanted or wanted != one:
                wrong.append(f"increase({series}) is {found}; true: {wanted}, one process: {one}")
        self.row("counters, compared with the truth or with one process", compared, "", compared > 0)
        self.row("events that they counted", f"{events:.0f}", "", events > 0)
        self.row("increases that differ", len(wrong), "0", not wrong)
        missed = run.prometheus.query('count_over_time((up{job="replicas"} == 0)[%ds:1s])' % (run.until - run.began), run.until)
        self.row("failed scrapes of Prometheus", missed[0]["value"][1] if missed else 0, "0", not missed)
        self.detail(wrong)

    def table(self):
        lines = ["| measured | value | limit |", "|---|--:|---|"]
        return "\n".join(lines + [f"| {measured} | {value} | {limit} |" for measured, value, limit in self.rows])


def increases(run, job, names):
    """increase() of every counter, exactly from the first to the last scrape of the run."""
    window = f"{int(run.until - run.began)}s"
    (up,) = run.prometheus.query(f'up{{job="{job}"}}[{window}]', run.until)
    times = [float(at) for at, _ in up["values"]]
    # One millisecond more, because newer versions of Prometheus exclude the first instant. If the
    # range begins at a scrape and ends at one, increase() extrapolates nothing.
    milliseconds = round((times[-1] - times[0]) * 1000) + 1
    found = {}
    for each in sorted(names):
        for series in run.prometheus.query(f'increase({each}{{job="{job}"}}[{milliseconds}ms])', times[-1]):
            labels = {name: value for name, value in series["metric"].items() if name not in ("job", "instance")}
            found[each, frozenset(labels.items())] = float(series["value"][1])
    return found


def key(series):
    """A series as Prometheus identifies it."""
    text = series.partition("{")[2].rstrip("}")
    pairs = [pair.split('="', 1) for pair in text.split('",') if pair]
    return name(series), frozenset((label, value.rstrip('"')) for label, value in pairs)


def as_event(series):
    """The key of a series in the truth."""
    has_status = name(series) == "appstreaming_group_instances_entered_total"
    has_group = 'group_id="' in series
    return name(series), label(series, "group_id") if has_group else "", label(series, "status") if has_status else ""
