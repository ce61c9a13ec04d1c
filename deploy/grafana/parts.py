"""Building blocks of the dashboards: panels, queries, variables and links."""

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, table, timeseries
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

GREEN, YELLOW, RED = "green", "yellow", "red"


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


def number(title, about, expr, unit="short", colors=None, legend="", width=4, text_mode="auto", link=None):
    """Returns a panel with one number, or with one number for each series."""
    panel = (
        stat.Panel().title(title).description(about).datasource(DATASOURCE).with_target(query(expr, legend, instant=True))
        .unit(unit).height(4).span(width).thresholds(colors or steps(GREEN))
        .color_mode(words.BigValueColorMode.BACKGROUND if colors else words.BigValueColorMode.NONE)
        .graph_mode(words.BigValueGraphMode.NONE).text_mode(words.BigValueTextMode(text_mode))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .no_value("-")
    )
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
