#!/usr/bin/env python3
"""Writes the dashboards from the description below; with --check, only says whether they are up to date.

A test runs each query against a Prometheus that scraped a server under load, and fails on one that gives
nothing. Needs grafana-foundation-sdk (scripts/tools installs it).
"""

import itertools
import pathlib
import sys

from grafana_foundation_sdk.builders import dashboard, prometheus, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef

FOLDER = pathlib.Path(__file__).resolve().parent / "dashboards"
SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")


def rate(metric, by="", where=""):
    grouped = f"sum by ({by}) " if by else "sum"
    return f"{grouped}(rate(pacioli_{metric}{{{where}}}[$__rate_interval]))"


def quantile(metric, by="", share=0.95, where=""):
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate(pacioli_{metric}_bucket{{{where}}}[$__rate_interval])))"


def hourly(metric, by):
    return f"sum by ({by}) (increase(pacioli_{metric}[1h]))"


def day(metric, where=""):
    return f"increase(pacioli_{metric}{{{where}}}[1d])"


def daily(metric, by):
    return f"sum by ({by}) ({day(metric)})"


WRONG = day("feedback_total", 'verdict="wrong"')
BOTH_DIFFER = rate("model_readings_total", where='outcome="differed"')
BOTH_READ = rate("model_readings_total", where='outcome=~"agreed|differed"')
BUDGET = "max(pacioli_model_budget_spent_tokens) / (max(pacioli_model_budget_tokens) > 0)"
FAILING = '(sum(rate(pacioli_http_requests_total{status="5xx"}[5m])) or vector(0)) / sum(rate(pacioli_http_requests_total[5m]))'
KEPT, NOT_KEPT = rate("engine_cache_hits_total"), rate("engine_cache_misses_total")
PROCESS = '{job="pacioli"}'

# (uid, title, what it says) -> row -> (title, what it says, unit, {legend: query}). A legend in braces is a label.
DASHBOARDS = {
    ("pacioli-service", "Service", "Is it up, is it quick, what does it use"): {
        "Requests": [
            ("Requests", "Answered, by class of status", "reqps", {"{{status}}": rate("http_requests_total", "status")}),
            ("Share that fails", "5xx of all, over five minutes", "percentunit", {"failing": FAILING}),
            ("Time to answer", "From a request's head to its answer's head", "s",
             {f"{share * 100:g} of 100": quantile("http_request_seconds", share=share) for share in (0.5, 0.95, 0.99)}),
            ("Slowest routes", "Time that 95 of 100 stay under", "s", {"{{route}}": f"topk(8, {quantile('http_request_seconds', 'route')})"}),
            ("In flight", "Requests being worked on", "short", {"{{instance}}": "pacioli_http_requests_in_flight"}),
        ],
        "What it depends on": [
            ("Up", "Replicas, and what they depend on", "short",
             {"{{instance}}": f"up{PROCESS}", "{{instance}} {{dependency}}": "pacioli_dependency_up", "{{instance}} cache": "pacioli_cache_up"}),
            ("Database", "Time that 95 of 100 calls stay under", "s", {"{{call}}": quantile("store_seconds", "call")}),
            ("Redis", "Time of commands", "s", {f"{share * 100:g} of 100": quantile("cache_seconds", share=share) for share in (0.5, 0.95)}),
            ("Accounts found", "Where the account of a request came from", "reqps",
             {"memory": rate("cache_local_hits_total"), "Redis": rate("cache_redis_hits_total"), "database": rate("cache_misses_total")}),
        ],
        "Process": [
            ("Processor", "Cores in use", "short", {"{{instance}}": f"rate(process_cpu_seconds_total{PROCESS}[$__rate_interval])"}),
            ("Memory", "In RAM", "bytes",
             {"{{instance}}": f"process_resident_memory_bytes{PROCESS}", "{{instance}} workers": "pacioli_workers_resident_bytes"}),
            ("File descriptors", "Open", "short", {"{{instance}}": f"process_open_fds{PROCESS}"}),
            ("Panics", "Since the start; more than none is a fault of ours", "short", {"{{instance}}": "pacioli_panics_total"}),
        ],
    },
    ("pacioli-questions", "Questions and answers", "What people ask, and what they get"): {
        "Questions": [
            ("Questions", "By what came of them", "reqps", {"{{status}}": rate("queries_total", "status")}),
            ("Answered by", "What understood them", "reqps", {"{{source}}": rate("answers_total", "source")}),
            ("Time to the answer", "All of it", "s", {f"{share * 100:g} of 100": quantile("query_seconds", share=share) for share in (0.5, 0.95)}),
            ("Time by stage", "95 of 100 stay under", "s", {"{{stage}}": quantile("query_stage_seconds", "stage")}),
        ],
        "Engine": [
            ("Queries", "What became of them", "reqps",
             {word.replace("_", " "): rate(f"engine_queries_{word}_total") for word in ("answered", "failed", "timed_out", "cancelled", "refused")}),
            ("Running and waiting", "Now", "short",
             {"{{instance}} running": "pacioli_engine_queries_running", "{{instance}} waiting": "pacioli_engine_queries_waiting"}),
            ("Answers that were kept", "Share of those asked for", "percentunit", {"kept": f"{KEPT} / ({KEPT} + {NOT_KEPT})"}),
            ("Workers", "Started and died", "short",
             {"{{instance}} started": "pacioli_engine_workers_spawned_total", "{{instance}} died": "pacioli_engine_worker_deaths_total"}),
        ],
        "Models of language": [
            ("Prompts", "By kind of model and what came of them", "reqps", {"{{model}} {{outcome}}": rate("model_requests_total", "model, outcome")}),
            ("Time of a prompt", "95 of 100 stay under, waiting included", "s", {"{{model}}": quantile("model_seconds", "model")}),
            ("Queue", "Prompts that are worked on or wait", "short", {"{{instance}} {{model}}": "pacioli_model_prompts_in_flight"}),
            ("Readings", "What became of questions that a model was asked beside the rules", "reqps", {"{{outcome}}": rate("model_readings_total", "outcome")}),
            ("Rules and model differ", "Share of those that both read", "percentunit",
             {"differ": f"({BOTH_DIFFER} or vector(0)) / ({BOTH_READ} > 0)"}),
            ("Refused", "Questions without an answer, and prompts that no budget or queue was left for", "reqps",
             {"questions refused": rate("queries_total", where='status="not_answerable"'),
              "{{outcome}}": rate("model_requests_total", "outcome", 'outcome=~"over_budget|busy"')}),
            ("Tokens", "Read and written, an hour", "short", {"{{model}}": hourly("model_tokens_total", "model")}),
            ("Budget", "Share of the month's budget that the company nearest to its end has spent", "percentunit", {"spent": BUDGET}),
        ],
        "What people say": [
            ("Feedback", "Answers that were said to be right or wrong, a day", "short", {"{{verdict}}": daily("feedback_total", "verdict")}),
            ("Share said to be wrong", "Over a day", "percentunit",
             {"wrong": f"(sum({WRONG}) or vector(0)) / sum({day('feedback_total')})"}),
            ("Answered", "Share of questions that get an answer, an hour", "percentunit", {"answered": "pacioli:queries_answered:ratio1h"}),
        ],
    },
    ("pacioli-loads", "Data loads", "How the books come in"): {
        "Loads": [
            ("Tables loaded", "By outcome, an hour", "short", {"{{outcome}}": hourly("loads_total", "outcome")}),
            ("Runs of connections", "By how they ended, an hour", "short", {"{{outcome}}": hourly("runs_total", "outcome")}),
            ("Failures", "By code, an hour", "short", {"{{code}}": hourly("load_failures_total", "code")}),
            ("Rows", "From connections and pushes", "short", {"rows a second": rate("rows_loaded_total")}),
            ("Bytes", "From connections and pushes", "Bps", {"bytes a second": rate("bytes_loaded_total")}),
            ("Uploads", "Time that 95 of 100 stay under", "s", {"95 of 100": quantile("http_request_seconds", where='route="/uploads"')}),
        ],
    },
    ("pacioli-reports", "Reports and deliveries", "What is made and sent"): {
        "Reports": [
            ("Reports", "By how making them ended, an hour", "short", {"{{outcome}}": hourly("reports_total", "outcome")}),
            ("Time to make one", "From the request, queries included", "s",
             {f"{share * 100:g} of 100": quantile("report_seconds", share=share) for share in (0.5, 0.95)}),
            ("Files", "Written, by format, an hour", "short", {"{{format}}": hourly("report_file_seconds_count", "format")}),
            ("Time to write a file", "95 of 100 stay under", "s", {"{{format}}": quantile("report_file_seconds", "format")}),
        ],
        "Deliveries": [
            ("Attempts", "By what came of them, an hour", "short", {"{{outcome}}": hourly("deliveries_total", "outcome")}),
            ("Share that fails", "Of attempts, over an hour", "percentunit",
             {"given up or tried again": "(sum(increase(pacioli_deliveries_total{outcome=~\"failed|retried\"}[1h])) or vector(0))"
                                         " / sum(increase(pacioli_deliveries_total[1h]))"}),
        ],
    },
    ("pacioli-security", "Accounts and security", "Who comes in, and who tries to"): {
        "Logins": [
            ("Logins", "By outcome", "reqps", {"{{outcome}}": rate("logins_total", "outcome")}),
            ("Tokens refused", "By reason", "reqps", {"{{kind}}": rate("token_errors_total", "kind")}),
            ("Limits", "Requests refused by a limit", "reqps", {"{{limit}}": rate("limiter_decisions_total", "limit", 'decision="refused"')}),
            ("Refused", "Not who they say, not allowed, not there, too many", "reqps", {"4xx": rate("http_requests_total", where='status="4xx"')}),
        ],
        "Hashing": [
            ("Waiting", "Passwords in the queue", "short", {"{{instance}}": "pacioli_hash_queue_depth"}),
            ("Wait", "95 of 100 wait less", "s", {"95 of 100": quantile("hash_wait_seconds")}),
            ("Time of one hash", "Half take less", "s", {"50 of 100": quantile("hash_seconds", share=0.5)}),
            ("Turned away", "Because the queue was full", "short", {"{{instance}}": "pacioli_hash_rejections_total"}),
        ],
        "Withdrawals": [
            ("Copies withdrawn", "Of accounts that changed", "reqps",
             {"sent": rate("cache_withdrawals_sent_total"), "heard": rate("cache_withdrawals_received_total")}),
            ("Missed", "Times all copies were dropped because one may have been missed", "short", {"{{instance}}": "pacioli_cache_gaps_total"}),
        ],
    },
}


def panel(number, title, text, unit, queries):
    built = timeseries.Panel().id(number).title(title).description(text).unit(unit).datasource(SOURCE).span(8).height(8).min(0)
    for letter, (legend, query) in zip("ABCDEFGH", queries.items()):
        query = query.replace("{}", "")
        built.with_target(prometheus.Dataquery().ref_id(letter).expr(query).legend_format(legend).datasource(SOURCE))
    return built


def board(uid, title, text, rows):
    built = (
        dashboard.Dashboard(f"Pacioli: {title}").uid(uid).description(text).tags(["pacioli"]).refresh("30s")
        .time("now-3h", "now").timezone("browser").readonly()
    )
    numbers = itertools.count(1)
    for name, panels in rows.items():
        built.with_row(dashboard.Row(name).id(next(numbers)))
        for described in panels:
            built.with_panel(panel(next(numbers), *described))
    return JSONEncoder(sort_keys=True, indent=2).encode(built.build()) + "\n"


def main():
    stale = []
    for (uid, title, text), rows in DASHBOARDS.items():
        file, made = FOLDER / f"{uid}.json", board(uid, title, text, rows)
        if "--check" not in sys.argv:
            file.write_text(made)
        elif not file.exists() or file.read_text() != made:
            stale.append(file.name)
    if stale:
        sys.exit(f"not what deploy/grafana/generate.py says: {', '.join(stale)}; run it and commit them")


if __name__ == "__main__":
    main()
