#!/usr/bin/env python3
"""Prints the dashboard of pipelines for Grafana (classic model): dashboard.py > vigil.json

A panel is a line here: title, unit, and queries with their legends. `$i` stands for the labels that the
variables of the dashboard choose. Anything else is Grafana's form.
"""
import json

WIDTH = 24
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
CHOSEN = 'job=~"$job", instance=~"$instance"'

# Unit names are Grafana's. A "stat" shows the newest value, "states" a band that changes colour.
ROWS = [
    ("At a glance", [
        ("Ready", "stat", "bool_yes_no", [("vigil_ready{$i}", "{{instance}}")]),
        ("Active alerts", "stat", "short",
         [("sum by (priority) (vigil_alerts_active{$i})", "{{priority}}")]),
        ("Partitions", "stat", "short",
         [("sum by (state) (vigil_partitions{$i})", "{{state}}")]),
        ("Behind the present", "stat", "s", [("max(vigil_log_time_lag_seconds{$i})", "log time")]),
        ("Replay mismatches (anything but 0 is a bug)", "stat", "short",
         [("sum(vigil_replay_mismatch_total{$i})", "events")]),
        ("Running for", "stat", "s",
         [("time() - process_start_time_seconds{$i}", "{{instance}}")]),
        ("Troubles", "states", "short", [("vigil_trouble{$i}", "{{instance}} {{what}}")]),
    ]),
    ("Rates", [
        ("Records read", "lines", "reqps",
         [('rate(vigil_component_received_messages_total{$i, kind="source"}[$__rate_interval])',
           "{{instance}}")]),
        ("Rows that enter a stage", "lines", "reqps",
         [('sum by (component) (rate(vigil_component_received_messages_total{$i, kind="stage"}'
           "[$__rate_interval]))", "{{component}}")]),
        ("Rows that leave a stage", "lines", "reqps",
         [('sum by (component) (rate(vigil_component_sent_messages_total{$i, kind="stage"}'
           "[$__rate_interval]))", "{{component}}")]),
        ("Time share of stages (1: one core)", "stack", "percentunit",
         [("sum by (component) (rate(vigil_component_busy_seconds_total{$i}[$__rate_interval]))",
           "{{component}}")]),
        ("Waiting in front of a component", "lines", "percentunit",
         [("sum by (component) (vigil_queue_messages{$i})"
           " / sum by (component) (vigil_queue_capacity_messages{$i})", "{{component}}")]),
        ("A stage at a stretch, p99", "lines", "s",
         [("histogram_quantile(0.99, sum by (component, le) (rate("
           "vigil_component_processing_seconds_bucket{$i}[$__rate_interval])))", "{{component}}")]),
        ("In flight, of what may be", "lines", "percentunit",
         [("vigil_in_flight_messages{$i} / vigil_in_flight_capacity_messages{$i}",
           "{{instance}}")]),
    ]),
    ("Lag", [
        ("Records not read yet", "lines", "short",
         [("vigil_kafka_consumer_lag_messages{$i}", "{{instance}} {{partition}}")]),
        ("Log time behind the present", "lines", "s",
         [("vigil_log_time_lag_seconds{$i}", "{{instance}} {{partition}}")]),
        ("Since anything passed the whole chain (above 5 s: stalled)", "lines", "s",
         [("vigil_chain_mark_age_seconds{$i}", "{{instance}} {{partition}}")]),
    ]),
    ("Delays per hop", [
        (title, "lines", "s",
         [(f'histogram_quantile({q}, sum by (le) (rate(vigil_delay_seconds_bucket{{$i, hop="{hop}"}}'
           "[$__rate_interval])))", name)
          for q, name in ((0.5, "median"), (0.95, "p95"), (0.99, "p99"))])
        for hop, title in (("event", "Device to Kafka"), ("ingest", "Kafka to Vigil"),
                           ("chain", "Through the chain"), ("commit", "To the disk"))
    ]),
    ("Sinks", [
        ("Up", "states", "short", [("vigil_sink_up{$i}", "{{instance}} {{sink}}")]),
        ("Delivered", "lines", "reqps",
         [("sum by (sink) (rate(vigil_sink_delivered_total{$i}[$__rate_interval]))", "{{sink}}")]),
        ("Delay, p99", "lines", "s",
         [("histogram_quantile(0.99, sum by (sink, le) (rate(vigil_sink_delay_seconds_bucket{$i}"
           "[$__rate_interval])))", "{{sink}}")]),
        ("From due to accepted, p99", "lines", "s",
         [("histogram_quantile(0.99, sum by (sink, le) (rate(vigil_end_to_end_latency_seconds_bucket{$i}"
           "[$__rate_interval])))", "{{sink}}")]),
        ("Connections of subscribers", "lines", "short",
         [("sum by (sink) (vigil_subscribers{$i})", "{{sink}}"),
          ("sum by (sink) (vigil_subscribers_late{$i})", "{{sink}} late to confirm")]),
        ("Oldest event that waits", "lines", "s",
         [("max by (sink) (vigil_sink_oldest_waiting_seconds{$i})", "{{sink}}")]),
        ("Events that wait", "lines", "short",
         [("sum by (sink) (vigil_sink_waiting_messages{$i})", "{{sink}}")]),
        ("Tried again, refused, passed over, filtered: per hour", "lines", "short",
         [(f"sum by (sink) (increase(vigil_sink_{what}_total{{$i}}[1h]))",
           "{{sink}} " + what.replace("_", " "))
          for what in ("retries", "refused", "passed_over", "filtered")]),
    ]),
    ("Alerts", [
        ("Active", "stack", "short",
         [("sum by (ward, priority) (vigil_alerts_active{$i})", "{{ward}} {{priority}}")]),
        ("Starts per hour, by priority", "stack", "short",
         [('sum by (priority) (increase(vigil_alerts_total{$i, transition="start"}[1h]))',
           "{{priority}}")]),
        ("Starts per hour, the ten loudest rules", "lines", "short",
         [('topk(10, sum by (ward, rule) (increase(vigil_alerts_total{$i, transition="start"}'
           "[1h])))", "{{ward}} {{rule}}")]),
        ("Transitions per hour", "lines", "short",
         [("sum by (transition) (increase(vigil_alerts_total{$i}[1h]))", "{{transition}}")]),
        ("Patients, by whether data come", "stack", "short",
         [("sum by (ward, state) (vigil_beds{$i})", "{{ward}} {{state}}")]),
        ("Rows that the ward page missed per hour", "lines", "short",
         [("increase(vigil_ward_lost_rows_total{$i}[1h])", "{{instance}}")]),
        ("Dead letters per hour", "stack", "short",
         [("sum by (reason) (increase(vigil_dead_letters_total{$i}[1h]))", "{{reason}}")]),
        ("Errors per hour", "lines", "short",
         [("sum by (component, reason) (increase(vigil_component_errors_total{$i}[1h]))",
           "{{component}} {{reason}}")]),
    ]),
    ("Storage and process", [
        ("Free space for data", "lines", "bytes", [("vigil_data_free_bytes{$i}", "{{instance}}")]),
        ("Outbox", "lines", "bytes", [("vigil_outbox_size_bytes{$i}", "{{instance}}")]),
        ("Age of the newest snapshot", "lines", "s",
         [("vigil_snapshot_age_seconds{$i}", "{{instance}}")]),
        ("Time to write a snapshot", "lines", "s",
         [("vigil_snapshot_duration_seconds{$i}", "{{instance}}")]),
        ("Size of a snapshot", "lines", "bytes",
         [("vigil_snapshot_size_bytes{$i}", "{{instance}}")]),
        ("Snapshots", "lines", "ops",
         [("rate(vigil_snapshots_total{$i}[$__rate_interval])", "{{instance}}")]),
        ("Processor", "lines", "percentunit",
         [("rate(process_cpu_seconds_total{$i}[$__rate_interval])", "{{instance}}")]),
        ("Memory", "lines", "bytes", [("process_resident_memory_bytes{$i}", "{{instance}}")]),
        ("File descriptors, of what may be", "lines", "percentunit",
         [("process_open_fds{$i} / process_max_fds{$i}", "{{instance}}")]),
        ("HTTP answers", "lines", "reqps",
         [("sum by (code) (rate(vigil_http_requests_total{$i}[$__rate_interval]))", "{{code}}")]),
        ("Configuration in force (1: that of the start)", "lines", "short",
         [("vigil_config_generation{$i}", "{{instance}}"),
          ("vigil_config_last_reload_successful{$i}", "{{instance}} last reload was taken over")]),
        ("Since the last reload that was not refused", "lines", "s",
         [("time() - vigil_config_last_reload_success_timestamp_seconds{$i}", "{{instance}}")]),
        ("Builds", "table", "short", [("vigil_build_info{$i}", "")]),
        ("Configurations", "table", "short", [("vigil_config_info{$i}", "")]),
        ("Models", "table", "short", [("vigil_model_info{$i}", "")]),
    ]),
]

TYPES = {"stat": "stat", "states": "state-timeline", "lines": "timeseries", "stack": "timeseries",
         "table": "table"}
HEIGHTS = {"stat": 4, "states": 6, "table": 6}
PER_LINE = {"stat": 6, "states": 1}


def options(kind):
    if kind == "stat":
        return {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
                "colorMode": "value", "graphMode": "none", "textMode": "value_and_name"}
    if kind == "states":
        return {"showValue": "never", "mergeValues": True}
    if kind == "table":
        return {"showHeader": True}
    return {"legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
            "tooltip": {"mode": "multi", "sort": "desc"}}


def colours(title, kind):
    """Green and red where 0 and 1 are good and bad; else one colour for each line."""
    bad_is_1 = title == "Troubles"
    if kind != "states" and title not in ("Ready", "Replay mismatches (anything but 0 is a bug)"):
        return {"color": {"mode": "palette-classic"}}
    low, high = ("red", "green")
    if bad_is_1 or title.startswith("Replay"):
        low, high = high, low
    return {"color": {"mode": "thresholds"},
            "thresholds": {"mode": "absolute", "steps": [{"color": low, "value": None},
                                                         {"color": high, "value": 1}]}}


def panel(number, title, kind, unit, queries, place):
    custom = {"stacking": {"mode": "normal"}, "fillOpacity": 30} if kind == "stack" else \
        {"fillOpacity": 0, "showPoints": "never", "spanNulls": False} if kind == "lines" else {}
    return {
        "id": number, "title": title, "type": TYPES[kind], "datasource": SOURCE, "gridPos": place,
        "fieldConfig": {"defaults": {"unit": unit, "custom": custom, **colours(title, kind)},
                        "overrides": []},
        "options": options(kind),
        "targets": [{"refId": chr(ord("A") + i), "datasource": SOURCE, "legendFormat": legend,
                     "expr": query.replace("$i", CHOSEN),
                     **({"format": "table", "instant": True} if kind == "table" else {})}
                    for i, (query, legend) in enumerate(queries)],
    }


def panels():
    number, y = 0, 0
    for title, content in ROWS:
        number += 1
        yield {"id": number, "title": title, "type": "row", "collapsed": False, "panels": [],
               "gridPos": {"h": 1, "w": WIDTH, "x": 0, "y": y}}
        y += 1
        x, tall = 0, 0
        for name, kind, unit, queries in content:
            number += 1
            width, height = WIDTH // PER_LINE.get(kind, 3), HEIGHTS.get(kind, 8)
            if x + width > WIDTH:
                x, y, tall = 0, y + tall, 0
            yield panel(number, name, kind, unit, queries,
                        {"h": height, "w": width, "x": x, "y": y})
            x, tall = x + width, max(tall, height)
        y += tall


def choice(name, label, query):
    return {"name": name, "label": label, "type": "query", "datasource": SOURCE, "multi": True,
            "includeAll": True, "refresh": 2, "sort": 1,
            "query": {"query": query, "refId": name}, "current": {"text": "All", "value": "$__all"}}


def dashboard():
    return {
        "uid": "vigil", "title": "Vigil", "tags": ["vigil"], "schemaVersion": 38, "version": 1,
        "description": "How pipelines do. Alerts of patients are delivered by sinks and not by this "
                       "page. Vigil is not a medical device.",
        "editable": True, "graphTooltip": 1, "refresh": "15s", "timezone": "browser",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [
            {"name": "datasource", "label": "Prometheus", "type": "datasource",
             "query": "prometheus", "current": {}},
            choice("job", "Job", "label_values(vigil_ready, job)"),
            choice("instance", "Pipeline", 'label_values(vigil_ready{job=~"$job"}, instance)')]},
        "annotations": {"list": [
            {"name": "Starts", "enable": True, "datasource": SOURCE, "iconColor": "blue",
             "expr": f"changes(process_start_time_seconds{{{CHOSEN}}}[1m]) > 0",
             "titleFormat": "{{instance}} started"}]},
        "links": [], "panels": list(panels()),
    }


if __name__ == "__main__":
    print(json.dumps(dashboard(), indent=1))
