"""Alarms, dashboards and budgets."""

from __future__ import annotations

from collections.abc import Iterator

from standin.rules import Context, Problem, Resource, rule

_ALARM = "aws_cloudwatch_metric_alarm"
_DAY, _WEEK, _HOUR = 86400, 604800, 3600


@rule(_ALARM)
def evaluation(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"""
    count = resource.number("evaluation_periods")
    periods = [resource.number("period"), *(value for value in resource.values("metric_query.metric.period"))]
    for period in periods:
        most = _DAY if period is not None and period < _HOUR else _WEEK
        if period is not None and count is not None and period * count > most:
            yield Problem(
                f"Metrics cannot be checked across more than {most} s (EvaluationPeriods * Period), and "
                f"{count:g} * {period:g} is more",
                "evaluation_periods",
            )
    points = resource.number("datapoints_to_alarm")
    if points is not None and count is not None and points > count:
        yield Problem(
            f"DatapointsToAlarm ({points:g}) must be less than or equal to EvaluationPeriods ({count:g})",
            "datapoints_to_alarm",
        )


@rule(_ALARM)
def metric(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"""
    simple, queries = resource["metric_name"] is not None, resource["metric_query"]
    if simple == bool(queries):
        yield Problem("an alarm has either a metric_name or metric_query blocks", "metric_name")
    if simple and (resource["statistic"] is None) == (resource["extended_statistic"] is None):
        yield Problem("an alarm on a metric has either statistic or extended_statistic", "statistic")
    if simple and resource["period"] is None:
        yield Problem("an alarm on a metric needs a period", "period")
    if isinstance(queries, list) and queries:
        returned = [block for block in resource.blocks("metric_query") if block.get("return_data") is True]
        if len(returned) != 1:
            yield Problem(f"exactly one metric_query returns data, not {len(returned)}", "metric_query")
    if resource["treat_missing_data"] not in (None, "missing", "ignore", "breaching", "notBreaching") and resource.text(
        "treat_missing_data"
    ):
        yield Problem(f"treat_missing_data cannot be {resource['treat_missing_data']}", "treat_missing_data")
    for argument in ("alarm_actions", "ok_actions", "insufficient_data_actions"):
        if isinstance(resource[argument], list) and len(resource[argument]) > 5:
            yield Problem(f"{argument} has at most five actions", argument)


@rule("aws_cloudwatch_dashboard")
def dashboard(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html"""
    text, document = resource.text("dashboard_body"), resource.document("dashboard_body")
    if text is None:
        return
    if not isinstance(document, dict) or not isinstance(document.get("widgets"), list):
        yield Problem("the body of a dashboard is JSON with a list of widgets", "dashboard_body")
        return
    for number, widget in enumerate(document["widgets"]):
        where, properties = f"widgets[{number}]", widget.get("properties") or {}
        if widget.get("type") not in ("metric", "text", "log", "alarm", "explorer", "custom"):
            yield Problem(f"{where}: unknown type {widget.get('type')}", "dashboard_body")
        if widget.get("type") == "metric":
            if not properties.get("region"):
                yield Problem(f"{where}: a metric widget needs a region", "dashboard_body")
            if not properties.get("metrics") and not (properties.get("annotations") or {}).get("alarms"):
                yield Problem(f"{where}: should have metrics or annotations of alarms", "dashboard_body")
        if widget.get("type") == "alarm" and not properties.get("alarms"):
            yield Problem(f"{where}: an alarm widget needs alarms", "dashboard_body")
        if widget.get("type") == "text" and "markdown" not in properties:
            yield Problem(f"{where}: a text widget needs markdown", "dashboard_body")
        if not 1 <= widget.get("width", 6) <= 24 or widget.get("x", 0) + widget.get("width", 6) > 24:
            yield Problem(f"{where}: the grid has 24 columns", "dashboard_body")


@rule("aws_budgets_budget")
def subscribers(resource: Resource, context: Context) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_NotificationWithSubscribers.html"""
    notifications = resource.blocks("notification")
    if len(notifications) > 10:
        yield Problem(f"a budget has at most ten notifications, not {len(notifications)}", "notification")
    for block in notifications:
        mail, topics = block.get("subscriber_email_addresses"), block.get("subscriber_sns_topic_arns")
        if isinstance(mail, list) and len(mail) > 10:
            yield Problem(f"a notification has at most ten e-mail addresses, not {len(mail)}", "notification")
        if isinstance(topics, list) and len(topics) > 1:
            yield Problem(f"a notification has at most one topic, not {len(topics)}", "notification")
        if not mail and not topics:
            yield Problem("a notification needs a subscriber", "notification")
