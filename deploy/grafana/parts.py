"""Building blocks of the dashboards: panels, queries, variables and links."""

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common as words
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue as Property
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATASOURCE = words.DataSourceRef(type_val="prometheus", uid="${datasource}")
TAG = "appstreaming"
FLEET, GROUP, EXPORTER = "appstreaming-fleet", "appstreaming-group", "appstreaming-exporter"

# Label matchers for the series of a group, and for those of an account.
GROUPS = 'account=~"$account",region_id=~"$region",group_id=~"$group"'
ACCOUNTS = 'account=~"$account"'
# Replicas export the same fleet: counts each series once.
ONE = "max without (instance, pod)"

GREEN, BLUE, YELLOW, RED = "green", "blue", "yellow", "red"

# Verdicts of appstreaming_group_scale_out, with their texts and colours. A panel shows texts only
# for numbers, so the number of a verdict is its place here. If replicas disagree during a change,
# the later one is shown.
VERDICTS = (
    ("below_threshold", "Below the threshold", GREEN),
    ("held_by_idle", "Held by idle sessions", GREEN),
    ("due", "Due", BLUE),
    ("between_bounds", "Uncertain", YELLOW),
    ("at_limit", "At the limit", RED),
)
ABOUT_VERDICTS = (
    "Below the threshold: no scale-out is needed. Held by idle sessions: the node pool has as many idle sessions as its settings require. "
    "Due: scaling should add capacity now. Uncertain: only the disconnected sessions bring usage above the threshold. "
    "At the limit: scaling has added everything that it may add."
)


def verdict(by="account, region_id, group_id"):
    """Returns a query for the number of each group's verdict."""
    numbers = (
        f'appstreaming_group_scale_out{{verdict="{name}",{GROUPS}}} * {number}'
        for number, (name, _, _) in enumerate(VERDICTS)
    )
    return f"max by ({by}) ({' or '.join(numbers)})"


def named(expr):
    """Returns a query that adds the name of the group to each series."""
    return (
        f"{expr} * on (account, region_id, group_id) group_left (name) "
        "max by (account, region_id, group_id, name) (group:appstreaming_group_info:name)"
    )


def quantile(q, metric, by="", matchers="", window="$__rate_interval"):
    """Returns a query for a quantile of a histogram.

    The second half is for servers that store native histograms instead of buckets.
    """
    comma = ", " if by else ""
    return (
        f"histogram_quantile({q}, sum by ({by}{comma}le) (rate({metric}_bucket{{{matchers}}}[{window}]))) or "
        f"histogram_quantile({q}, sum by ({by}) (rate({metric}{{{matchers}}}[{window}])))"
    )


def quantiles(metric, **options):
    """Returns the queries for the median and the 95th percentile, with legends."""
    return [(quantile(q, metric, **options), f"{round(q * 100)} %") for q in (0.5, 0.95)]


def texts(*pairs):
    """Returns mappings of the numbers 0, 1, ... to (text, colour)."""
    options = {str(number): model.ValueMappingResult(text=text, color=color, index=number) for number, (text, color) in enumerate(pairs)}
    return [model.ValueMap(options=options)]


VERDICT_TEXTS = texts(*((text, color) for _, text, color in VERDICTS))


def without_value():
    """Returns a mapping that gives a missing value no colour: by default it has that of the lowest threshold."""
    return model.SpecialValueMap(
        options=model.DashboardSpecialValueMapOptions(
            match=model.SpecialValueMatch.NULL_AND_NAN, result=model.ValueMappingResult(text="-", color="transparent"),
        )
    )


def steps(*pairs):
    """Returns thresholds. Each colour applies from its value: steps(GREEN, (0.8, YELLOW))."""
    first, *rest = pairs
    found = [model.Threshold(value=None, color=first)]
    found += [model.Threshold(value=value, color=color) for value, color in rest]
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(found)


def query(expr, legend="", instant=False, as_table=False, ref=None):
    built = prometheus.Dataquery().expr(expr).legend_format(legend or "__auto").datasource(DATASOURCE)
    built = built.instant() if instant or as_table else built.range()
    if as_table:
        built = built.format(PromQueryFormat.TABLE)
    return built.ref_id(ref) if ref else built


def number(title, about, expr, unit="short", colors=None, mapped=None, legend="", width=4, text_mode="auto", link=None, decimals=None):
    """Returns a panel with one number, or with one number for each series.

    `mapped` are mappings of values to texts and colours, as returned by `texts`.
    """
    panel = (
        stat.Panel().title(title).description(about).datasource(DATASOURCE).with_target(query(expr, legend, instant=True))
        .unit(unit).height(4).span(width).thresholds(colors or steps(GREEN))
        .color_mode(words.BigValueColorMode.BACKGROUND if colors or mapped else words.BigValueColorMode.NONE)
        .graph_mode(words.BigValueGraphMode.NONE).text_mode(words.BigValueTextMode(text_mode))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .no_value("-")
    )
    if colors or mapped:
        panel = panel.mappings([*(mapped or []), without_value()])
    if decimals is not None:
        panel = panel.decimals(decimals)
    return panel.data_links([link]) if link else panel


def lines(title, about, *queries, unit="short", width=12, stacked=False, least=0, most=None, colors=None):
    """Returns a panel with values over time. Each query is (expression, legend)."""
    panel = (
        timeseries.Panel().title(title).description(about).datasource(DATASOURCE).unit(unit).height(8).span(width)
        .line_width(1).fill_opacity(25 if stacked else 8).show_points(words.VisibilityMode.NEVER).span_nulls(False)
        .legend(
            common.VizLegendOptions().show_legend(True).display_mode(words.LegendDisplayMode.TABLE)
            .placement(words.LegendPlacement.BOTTOM).calcs(["lastNotNull", "max"])
        )
        .tooltip(common.VizTooltipOptions().mode(words.TooltipDisplayMode.MULTI).sort(words.SortOrder.DESCENDING))
    )
    for expr, legend in queries:
        panel = panel.with_target(query(expr, legend))
    if least is not None:
        panel = panel.min(least)
    if most is not None:
        panel = panel.max(most)
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(words.StackingMode.NORMAL))
    if colors:
        panel = panel.thresholds(colors).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(words.GraphThresholdsStyleMode.DASHED)
        )
    return panel


def timeline(title, about, expr, legend, mapped, width=24, height=8):
    """Returns a panel with the states of each series over time, given as in `number`."""
    return (
        statetimeline.Panel().title(title).description(about).datasource(DATASOURCE).height(height).span(width)
        .with_target(query(expr, legend)).mappings(mapped).fill_opacity(70).line_width(0).row_height(0.8)
        .merge_values(True).show_value(words.VisibilityMode.AUTO).align_value(words.TimelineValueAlignment.LEFT)
        .legend(
            common.VizLegendOptions().show_legend(True).display_mode(words.LegendDisplayMode.LIST)
            .placement(words.LegendPlacement.BOTTOM)
        )
        .tooltip(common.VizTooltipOptions().mode(words.TooltipDisplayMode.SINGLE).sort(words.SortOrder.NONE))
    )


def grid(title, about, queries, columns, width=24, height=9, joined_by=None, sort=None, properties=None):
    """Returns a table panel.

    `queries` are (reference, expression). `columns` maps fields to titles, in order; other fields
    are hidden.
    """
    panel = (
        table.Panel().title(title).description(about).datasource(DATASOURCE).height(height).span(width)
        .show_header(True).cell_height(words.TableCellHeight.SM).no_value("-")
    )
    for ref, expr in queries:
        panel = panel.with_target(query(expr, as_table=True, ref=ref))
    if joined_by:
        panel = panel.with_transformation(
            model.DataTransformerConfig(id_val="joinByField", options={"byField": joined_by, "mode": "outer"})
        )
    panel = panel.with_transformation(
        model.DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"names": list(columns)}})
    ).with_transformation(
        model.DataTransformerConfig(
            id_val="organize",
            options={
                "indexByName": {field: place for place, field in enumerate(columns)},
                "renameByName": {field: shown for field, shown in columns.items() if field != shown},
            },
        )
    )
    if sort:
        field, descending = sort
        panel = panel.sort_by([common.TableSortByFieldState().display_name(field).desc(descending)])
    for field, changes in (properties or {}).items():
        panel = panel.override_by_name(field, [Property(id_val=key, value=value) for key, value in changes.items()])
    return panel


def colored(colors):
    """Returns the properties of a cell with a background by thresholds, given as in `steps`."""
    first, *rest = colors
    found = [{"value": None, "color": first}] + [{"value": value, "color": color} for value, color in rest]
    return {
        "thresholds": {"mode": "absolute", "steps": found},
        "mappings": [without_value()],
        "custom.cellOptions": {"type": "color-background", "mode": "basic"},
    }


def worded(mapped):
    """Returns the properties of a cell that shows the texts and colours of `texts`."""
    return {
        "mappings": [*mapped, without_value()],
        "custom.cellOptions": {"type": "color-background", "mode": "basic"},
    }


def to_group():
    """Returns the properties of a cell that links to the dashboard of its group."""
    url = (
        f"/d/{GROUP}?var-datasource=${{datasource}}&var-account=${{__data.fields.account}}"
        "&var-group=${__data.fields.group_id}&${__url_time_range}"
    )
    return {"links": [{"title": "Open the delivery group", "url": url}]}


def variable(name, label, expr, regex="", multi=True):
    built = (
        dashboard.QueryVariable(name).label(label).datasource(DATASOURCE).query(expr).regex(regex)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(multi).include_all(multi)
    )
    return built.all_value(".*") if multi else built


def account_variable():
    return variable("account", "Account", "label_values(appstreaming_exporter_polls_total, account)")


def region_variable():
    return variable("region", "Region", 'label_values(appstreaming_group_info{account=~"$account"}, region_id)')


def group_variable(multi):
    """Returns the variable that selects groups: it shows names, its values are ids."""
    return variable(
        "group", "Delivery group", 'query_result(appstreaming_group_info{account=~"$account",region_id=~"$region"})',
        regex='/group_id="(?<value>[^"]+)"|[{,]name="(?<text>[^"]+)"/g', multi=multi,
    )


def start(uid, title, about, runbook):
    link = lambda title, uid: (
        dashboard.DashboardLink(title).type(model.DashboardLinkType.LINK).url(f"/d/{uid}").icon("dashboard")
        .keep_time(True).include_vars(True)
    )
    pages = {FLEET: "Fleet", GROUP: "Delivery group", EXPORTER: "Exporter"}
    built = (
        dashboard.Dashboard(title).uid(uid).description(about).tags([TAG]).refresh("1m").time("now-6h", "now")
        .timezone("browser").tooltip(model.DashboardCursorSync.CROSSHAIR).editable()
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )
    for other, name in pages.items():
        if other != uid:
            built = built.link(link(name, other))
    return built.link(
        dashboard.DashboardLink("Runbook").type(model.DashboardLinkType.LINK).url(runbook).icon("doc").target_blank(True)
    )


def row(title):
    return dashboard.Row(title)
