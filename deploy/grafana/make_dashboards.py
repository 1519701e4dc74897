#!/usr/bin/env python3
"""Writes the dashboards beside it from the queries below:  deploy/grafana/make_dashboards.py [FOLDER]

The JSON files are what Grafana reads and are kept in the repository; a test compares them with what this writes.
"""
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24  # Grafana's grid.

# One colour for a state wherever it is shown.
COLORS = {"completed": "green", "finished": "green", "running": "blue", "busy": "blue", "pending": "light-blue",
          "total": "text", "stopped": "yellow", "failed": "red", "infeasible": "purple", "lost": "orange",
          "handed_back": "light-orange", "free": "light-green"}


# --- Variables -----------------------------------------------------------------------

def datasource_variable():
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "hide": 0,
            "refresh": 1, "regex": "", "current": {}, "options": [], "multi": False, "includeAll": False}


def variable(name, label, query, several=False):
    """A choice of label values; `several`: any number of them, all at first."""
    everything = {"selected": True, "text": "All", "value": "$__all"}
    return {"name": name, "label": label, "type": "query", "datasource": DATASOURCE, "hide": 0, "refresh": 2,
            "sort": 1, "regex": "", "query": {"query": query, "refId": "variable"}, "definition": query,
            "multi": several, "includeAll": several, "allValue": ".*" if several else None,
            "current": everything if several else {}, "options": []}


COORDINATOR = variable("coordinator", "Coordinator", "label_values(assay_studies, instance)")
WORKERS = variable("worker", "Worker", "label_values(assay_worker_info, instance)", several=True)
STUDY = variable("study", "Study", 'label_values(assay_trials{instance=~"$coordinator"}, study)')


# --- Panels --------------------------------------------------------------------------

def targets(queries, instant=False):
    return [{"refId": chr(ord("A") + i), "datasource": DATASOURCE, "expr": expression, "legendFormat": legend,
             "range": not instant, "instant": instant, **({"format": "table"} if instant == "table" else {})}
            for i, (expression, legend) in enumerate(queries)]


def panel(kind, title, about, queries, unit, width, height, defaults=None, options=None, instant=False):
    return {"type": kind, "title": title, "description": about, "datasource": DATASOURCE,
            "targets": targets(queries, instant),
            "fieldConfig": {"defaults": {"unit": unit, **(defaults or {})}, "overrides": color_overrides(queries)},
            "options": options or {}, "size": (width, height)}


def color_overrides(queries):
    """The fixed colours, where series are named by a state."""
    states = ("{{state}}", "{{outcome}}")
    if not any(legend in states or legend in COLORS for _, legend in queries):
        return []
    return [{"matcher": {"id": "byName", "options": name},
             "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": color}}]}
            for name, color in COLORS.items()]


def graph(title, about, queries, unit="short", width=8, height=8, stacked=False, least=None, most=None):
    custom = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 40 if stacked else 8, "showPoints": "never",
              "spanNulls": False, "stacking": {"mode": "normal" if stacked else "none", "group": "A"}}
    limits = {key: value for key, value in (("min", least), ("max", most)) if value is not None}
    options = {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
               "tooltip": {"mode": "multi", "sort": "desc"}}
    return panel("timeseries", title, about, queries, unit, width, height, {"custom": custom, **limits}, options)


def figure(title, about, query, unit="short", width=4, legend="", steps=None, decimals=None, text="auto"):
    """One large number, or with `text` "name" its legend. `steps`: [(from, colour), ...], the first from None."""
    thresholds = {"mode": "absolute", "steps": [{"color": color, "value": value}
                                                for value, color in steps or [(None, "text")]]}
    defaults = {"thresholds": thresholds, "color": {"mode": "thresholds"}}
    if decimals is not None:
        defaults["decimals"] = decimals
    options = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "graphMode": "area",
               "colorMode": "value", "textMode": text, "justifyMode": "auto", "orientation": "auto"}
    return panel("stat", title, about, [(query, legend)], unit, width, 4, defaults, options)


def table(title, about, query, width=8, height=8, hidden=(), renamed=None):
    shown = panel("table", title, about, [(query, "")], "short", width, height,
                  {"custom": {"align": "auto", "cellOptions": {"type": "auto"}}},
                  {"showHeader": True, "cellHeight": "sm"}, instant="table")
    excluded = {name: True for name in ("Time", "__name__", "job", "instance", *hidden)}
    shown["transformations"] = [{"id": "organize", "options": {
        "excludeByName": excluded, "indexByName": {}, "renameByName": renamed or {}}}]
    return shown


def row(title):
    return {"type": "row", "title": title, "collapsed": False, "panels": [], "size": (WIDTH, 1)}


def place(panels):
    """Gives each its id and its place: from left to right, then the next line."""
    placed, x, y, line = [], 0, 0, 0
    for number, one in enumerate(panels, 1):
        width, height = one.pop("size")
        if x + width > WIDTH:
            x, y, line = 0, y + line, 0
        placed.append({"id": number, "gridPos": {"x": x, "y": y, "w": width, "h": height}, **one})
        x, line = x + width, max(line, height)
    return placed


def dashboard(uid, title, about, variables, panels):
    links = [{"title": "Assay", "type": "dashboards", "tags": ["assay"], "asDropdown": False, "includeVars": True,
              "keepTime": True, "targetBlank": False, "icon": "external link", "tooltip": "", "url": ""}]
    return {"id": None, "uid": uid, "title": title, "description": about, "tags": ["assay"], "editable": True,
            "schemaVersion": 38, "version": 1, "graphTooltip": 1, "refresh": "10s", "timezone": "",
            "time": {"from": "now-1h", "to": "now"}, "timepicker": {}, "fiscalYearStartMonth": 0, "liveNow": False,
            "style": "dark", "links": links, "annotations": {"list": []},
            "templating": {"list": [datasource_variable(), *variables]}, "panels": place(panels)}


def quantiles(metric, labels, by=""):
    """Median and 99 % of a histogram, for each value of the label `by`."""
    legend = "{{%s}} " % by if by else ""
    group = f"le, {by}" if by else "le"
    return [(f"histogram_quantile({q}, sum by ({group}) (rate({metric}_bucket{{{labels}}}[$__rate_interval])))",
             f"{legend}{name}") for q, name in ((0.5, "50 %"), (0.99, "99 %"))]


# --- The fleet -----------------------------------------------------------------------

C = 'instance=~"$coordinator"'
W = 'instance=~"$worker"'
ENDED = "completed|stopped|failed|infeasible"
GOOD_IS_HIGH = [(None, "red"), (0.5, "orange"), (0.8, "green")]


def fleet():
    return dashboard(
        "assay-fleet", "Assay: fleet", "Workers, their slots, GPUs and machines, and what runs on them.",
        [COORDINATOR, WORKERS],
        [row("Now"),
         figure("Workers", "Connected to the coordinator.", f"assay_workers{{{C}}}", width=3,
                steps=[(None, "red"), (1, "green")]),
         figure("Busy slots", "Of all slots of connected workers.",
                f'sum(assay_worker_slots{{{C},state="busy"}}) / sum(assay_worker_slots{{{C},state="total"}})',
                "percentunit", 3, steps=GOOD_IS_HIGH, decimals=0),
         figure("Trials that run", "Of all studies, on workers and clients.",
                f'sum(assay_trials{{{C},state="running"}})', width=3, steps=[(None, "blue")]),
         figure("Studies", "That are not over.", f"assay_studies{{{C}}}", width=3, steps=[(None, "blue")]),
         figure("GPUs", "That workers have slots for.", f"count(assay_gpu_info{{{W}}})", width=3,
                steps=[(None, "blue")]),
         figure("GPU utilization", "Mean over GPUs.", f"avg(assay_gpu_utilization_ratio{{{W}}})", "percentunit", 3,
                steps=GOOD_IS_HIGH, decimals=0),
         figure("Training saved", "By early stopping and schedules, in studies that are not over.",
                f"sum(assay_study_saved_training_seconds{{{C}}})", "s", 3, steps=[(None, "green")]),
         figure("Lost attempts, 1 h", "Their leases ran out: a machine died, slept or was cut off.",
                f"increase(assay_lease_expiries_total{{{C}}}[1h])", width=3,
                steps=[(None, "green"), (1, "orange"), (5, "red")], decimals=0),

         row("Trials"),
         graph("Slots", "Of connected workers.",
               [(f'sum by (state) (assay_worker_slots{{{C}}})', "{{state}}")], least=0),
         graph("Unfinished trials", "Waiting in the queue and running.",
               [(f'sum by (state) (assay_trials{{{C},state=~"pending|running"}})', "{{state}}")], stacked=True, least=0),
         graph("Attempts that end", "A minute, on these workers.",
               [(f"60 * sum by (outcome) (rate(assay_attempts_total{{{W}}}[$__rate_interval]))", "{{outcome}}")],
               stacked=True, least=0),
         graph("Training", "Seconds a second of attempts that ended: how many slots were of use, and for what.",
               [(f"sum by (outcome) (rate(assay_training_seconds_total{{{C}}}[$__rate_interval]))", "{{outcome}}")],
               stacked=True, least=0),
         graph("Trials that run, by study", "Who has the fleet.",
               [(f'sum by (study) (assay_trials{{{C},state="running"}}) > 0', "{{study}}")], stacked=True, least=0),
         table("Studies that wait", "Why no worker takes their trials now.", f"assay_study_waiting{{{C}}}",
               hidden=("Value",), renamed={"study": "Study", "id": "Id", "reason": "Reason"}),

         row("GPUs"),
         graph("Utilization", "Share of time with a kernel.",
               [(f"assay_gpu_utilization_ratio{{{W}}}", "{{instance}} GPU {{gpu}}")], "percentunit", least=0, most=1),
         graph("Memory", "In use, of what there is.",
               [(f"assay_gpu_memory_used_bytes{{{W}}} / assay_gpu_memory_bytes{{{W}}}", "{{instance}} GPU {{gpu}}")],
               "percentunit", least=0, most=1),
         graph("Busy, but idle", "GPUs that a trial has, less their utilization: paid for and not used.",
               [(f"assay_gpu_busy{{{W}}} - assay_gpu_utilization_ratio{{{W}}}", "{{instance}} GPU {{gpu}}")],
               "percentunit", most=1),
         graph("Power", "Drawn by each GPU.", [(f"assay_gpu_power_watts{{{W}}}", "{{instance}} GPU {{gpu}}")], "watt",
               width=12, least=0),
         graph("Temperature", "Of each GPU.", [(f"assay_gpu_temperature_celsius{{{W}}}", "{{instance}} GPU {{gpu}}")],
               "celsius", width=12),

         row("Machines"),
         graph("Processors", "Share of the machine's time in use, by whatever program.",
               [(f'sum by (instance) (rate(assay_machine_cpu_seconds_total{{{W},mode="busy"}}[$__rate_interval])) '
                 f'/ sum by (instance) (rate(assay_machine_cpu_seconds_total{{{W}}}[$__rate_interval]))',
                 "{{instance}}")], "percentunit", least=0, most=1),
         graph("Processors used by trials", "Processors' worth of time, with all their children.",
               [(f"rate(assay_trial_cpu_seconds_total{{{W}}}[$__rate_interval])", "{{instance}}")], least=0),
         graph("Memory available", "Of what the machine has.",
               [(f'assay_machine_memory_bytes{{{W},state="available"}} '
                 f'/ ignoring (state) assay_machine_memory_bytes{{{W},state="total"}}', "{{instance}}")],
               "percentunit", least=0, most=1),
         graph("Memory of trials", "Resident, with trainers that stand by.",
               [(f"assay_trial_resident_memory_bytes{{{W}}}", "{{instance}}")], "bytes", least=0),
         graph("Processes of trials", "With trainers that stand by.",
               [(f"assay_trial_processes{{{W}}}", "{{instance}}")], least=0),
         graph("Link to the coordinator", "1: connected; and how often it connected again in the last hour.",
               [(f"assay_worker_connected{{{W}}}", "{{instance}}"),
                (f"changes(assay_worker_connections_total{{{W}}}[1h])", "{{instance}} reconnects")], least=0),
         graph("Not yet acknowledged", "What workers keep for the coordinator.",
               [(f"assay_worker_spool_bytes{{{W}}}", "{{instance}}")], "bytes", width=12, least=0),
         table("Workers", "Their names, as `assay worker list` has them.", f"assay_worker_info{{{W}}}", width=12,
               hidden=("Value",), renamed={"worker": "Worker"})])


# --- One study -----------------------------------------------------------------------

S = f'{C},study="$study"'


def study():
    return dashboard(
        "assay-study", "Assay: one study", "How far a study is, what it has found and what it costs.",
        [COORDINATOR, STUDY],
        [row("Now"),
         figure("Best", "Of each metric, among COMPLETED trials.", f"assay_study_best_value{{{S}}}", width=8,
                legend="{{metric}}", steps=[(None, "green")]),
         figure("Ended", "Trials: completed, stopped, failed or infeasible.",
                f'sum(assay_trials{{{S},state=~"{ENDED}"}})', width=4, steps=[(None, "blue")]),
         figure("Running", "On workers and clients.", f'assay_trials{{{S},state="running"}}', width=4,
                steps=[(None, "blue")]),
         figure("Failed", "Of the trials that ended.",
                f'sum(assay_trials{{{S},state="failed"}}) / (sum(assay_trials{{{S},state=~"{ENDED}"}}) > 0)',
                "percentunit", 4, steps=[(None, "green"), (0.1, "orange"), (0.3, "red")], decimals=0),
         figure("Training saved", "By early stopping and the schedule.",
                f"sum(assay_study_saved_training_seconds{{{S}}})", "s", 4, steps=[(None, "green")]),

         row("Progress"),
         graph("Best value", "So far, of each metric.", [(f"assay_study_best_value{{{S}}}", "{{metric}}")], width=12,
               height=9),
         graph("Trials", "By state.", [(f"sum by (state) (assay_trials{{{S}}})", "{{state}}")], width=12, height=9,
               stacked=True, least=0),
         graph("Trials that end", "A minute.",
               [(f'60 * sum by (state) (deriv(assay_trials{{{S},state=~"{ENDED}"}}[$__rate_interval]))', "{{state}}")],
               stacked=True),
         graph("Improvements", "In the last hour: how often the best value changed.",
               [(f"changes(assay_study_best_value{{{S}}}[1h])", "{{metric}}")], least=0),
         graph("Training saved", "By what saved it.",
               [(f"assay_study_saved_training_seconds{{{S}}}", "{{by}}")], "s"),

         row("What it waits for"),
         graph("Waiting and running", "Trials in the queue and on machines.",
               [(f'sum by (state) (assay_trials{{{S},state=~"pending|running"}})', "{{state}}")], stacked=True, least=0),
         graph("Proposals in stock", "Ready to be handed out. Zero: the search is behind, or nothing is left.",
               [(f"assay_stock_proposals{{{S}}}", "{{study}}")], least=0),
         table("Why no worker takes its trials", "busy: every slot that could is taken.",
               f"assay_study_waiting{{{S}}}", hidden=("Value", "study", "id"), renamed={"reason": "Reason"})])


# --- The coordinator -----------------------------------------------------------------

def rate(metric, by="", scale=""):
    total = f"rate({metric}{{{C}}}[$__rate_interval])"
    return scale + (f"sum by ({by}) ({total})" if by else total)


def coordinator():
    return dashboard(
        "assay-coordinator", "Assay: coordinator", "Whether the coordinator is well: calls, commits, searches, memory.",
        [COORDINATOR],
        [row("Now"),
         figure("Health", "1: /healthz says ok.", f"assay_healthy{{{C}}}", width=3,
                steps=[(None, "red"), (1, "green")]),
         figure("Up for", "Since the process started.", f"time() - process_start_time_seconds{{{C}}}", "s", 3),
         figure("Version", "", f"assay_build_info{{{C}}}", width=3, legend="{{version}}", text="name"),
         figure("Calls a second", "RPCs of clients and workers.", f"sum({rate('assay_rpcs_total')})", width=3,
                steps=[(None, "blue")]),
         figure("Commit, 99 %", "Every acknowledged write waits for one.",
                quantiles("assay_commit_seconds", C)[1][0], "s", 3,
                steps=[(None, "green"), (0.05, "orange"), (0.5, "red")]),
         figure("Disk free", "In the data folder.", f"assay_disk_free_bytes{{{C}}}", "bytes", 3,
                steps=[(None, "red"), (2 * 2**30, "green")]),
         figure("Failed commits, 1 h", "Groups of writes that could not be made durable.",
                f"increase(assay_commit_failures_total{{{C}}}[1h])", width=3,
                steps=[(None, "green"), (1, "red")], decimals=0),
         figure("Studies without series", "Beyond the 200 that have series of their own.",
                f"assay_studies_without_series{{{C}}}", width=3, steps=[(None, "green"), (1, "orange")]),

         row("Calls"),
         graph("Calls", "A second, by method.", [(rate("assay_rpcs_total", "method"), "{{method}}")], "reqps",
               least=0),
         graph("Duration", "From a call's arrival to its end. Suggest may wait on purpose.",
               quantiles("assay_rpc_seconds", C, "method"), "s", least=0),
         graph("Not OK", "A second, by code.",
               [(f'sum by (code) (rate(assay_rpcs_total{{{C},code!="OK"}}[$__rate_interval]))', "{{code}}")], "reqps",
               stacked=True, least=0),
         graph("Reports", "Messages and measurements a second.",
               [(rate("assay_reports_total"), "messages"), (rate("assay_measurements_total"), "measurements")], "cps",
               least=0),
         graph("Waiting and watching", "Calls of Suggest that wait, and streams that watch.",
               [(f"assay_waiting_suggests{{{C}}}", "waiting for a trial"), (f"assay_watchers{{{C}}}", "watching")],
               least=0),
         graph("Lost attempts", "A minute: leases that ran out.",
               [(rate("assay_lease_expiries_total", scale="60 * "), "lost")], least=0),

         row("Storage"),
         graph("Commits", "How long a durable commit takes.", quantiles("assay_commit_seconds", C), "s", least=0),
         graph("Writes that share a commit", "On average: it rises with the load.",
               [(f"{rate('assay_commit_group_size_sum')} / {rate('assay_commit_group_size_count')}", "writes")],
               least=0),
         graph("Writes that wait", "Bytes in the queue of commits.", [(f"assay_commit_queue_bytes{{{C}}}", "waiting")],
               "bytes", least=0),
         graph("Files", "The database and its write-ahead log.",
               [(f"assay_database_bytes{{{C}}}", "database"), (f"assay_wal_bytes{{{C}}}", "log")], "bytes", least=0),
         graph("Checkpoints kept", "Bytes on the disk.", [(f"assay_checkpoint_bytes{{{C}}}", "kept")], "bytes",
               least=0),
         graph("Checkpoints taken and deleted", "A minute.",
               [(rate("assay_checkpoints_total", scale="60 * "), "taken"),
                (rate("assay_checkpoint_deletions_total", scale="60 * "), "deleted")], least=0),
         graph("Checkpoints on their way", "Bytes a second that workers send.",
               [(rate("assay_checkpoint_upload_bytes_total"), "received")], "Bps", width=24, height=6, least=0),

         row("Search"),
         graph("Asking", "From a client's Suggest to its trials, a wait on purpose included. Workers are served from the stock.",
               quantiles("assay_suggest_seconds", C, "algorithm"), "s", width=12, least=0),
         graph("Proposals in stock", "By study.", [(f"assay_stock_proposals{{{C}}}", "{{study}}")], width=12, least=0),
         graph("Searching", "Making proposals in the background, fits of models included.",
               quantiles("assay_search_seconds", C, "algorithm"), "s", width=24, height=6, least=0),

         row("Process"),
         graph("Processor", "Processors' worth of time.", [(rate("process_cpu_seconds_total"), "coordinator")],
               least=0),
         graph("Memory", "Resident.", [(f"process_resident_memory_bytes{{{C}}}", "coordinator")], "bytes", least=0),
         graph("Descriptors", "Open, of those it may open.",
               [(f"process_open_fds{{{C}}} / process_max_fds{{{C}}}", "coordinator")], "percentunit", least=0)])


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "dashboards"
    folder.mkdir(parents=True, exist_ok=True)
    for one in (fleet(), study(), coordinator()):
        (folder / f"{one['uid']}.json").write_text(json.dumps(one, indent=1) + "\n")


if __name__ == "__main__":
    main()
