"""Due times of EventBridge Scheduler expressions.

Grammar: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import datetime
import re
from zoneinfo import ZoneInfo

from crontab import CronTab

SECONDS_PER_UNIT = {"minute": 60, "hour": 3600, "day": 86400}
# Wildcards that CronTab does not know: last day, nearest weekday, nth weekday of the month.
UNSUPPORTED = re.compile(r"[LW#]")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def next_due(expression: str, time_zone: str, after: float) -> float | None:
    """The first due time after a moment; both in seconds since the Unix epoch.

    `after` is the creation of a schedule or its last due time. Returns None if an `at` expression is due no more. Raises
    ValueError for an expression that cannot be read.
    """
    match = re.fullmatch(r"(rate|cron|at)\((.+)\)", expression.strip())
    if not match:
        raise ValueError(f"unknown schedule expression: {expression}")
    kind, argument = match.groups()
    if kind == "rate":
        number, unit = argument.split()
        return after + int(number) * SECONDS_PER_UNIT[unit.removesuffix("s")]
    zone = ZoneInfo(time_zone)
    if kind == "at":
        due = datetime.datetime.fromisoformat(argument).replace(tzinfo=zone).timestamp()
        return due if due > after else None
    local = datetime.datetime.fromtimestamp(after, zone).replace(tzinfo=None)
    wait = CronTab(unix_cron(argument)).next(now=local, default_utc=False)
    if wait is None:
        return None
    return (local + datetime.timedelta(seconds=wait)).replace(tzinfo=zone).timestamp()


def unix_cron(fields: str) -> str:
    """The fields of a `cron` expression for CronTab, with seconds. Raises ValueError for wildcards it does not know."""
    minute, hour, day, month, weekday, year = fields.split()
    if UNSUPPORTED.search(day) or "#" in weekday or re.search(r"\dL|^L$", weekday):
        raise ValueError(f"unsupported cron expression: {fields}")
    # EventBridge counts weekdays from 1 (Sunday).
    days, slash, step = weekday.partition("/")
    days = re.sub(r"[1-7]", lambda match: WEEKDAYS[int(match[0]) - 1], days)
    return f"0 {minute} {hour} {day} {month} {days}{slash}{step} {year}".replace("?", "*")
