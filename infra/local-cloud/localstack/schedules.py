"""Gap: LocalStack stores the schedules of EventBridge Scheduler, but never invokes their targets.

Patch: a thread looks for due schedules twice per second, invokes their functions, retries, and sends events that cannot be
delivered to the dead-letter queue.
"""

import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

from localstack.aws.connect import connect_to
from localstack.utils.aws.arns import extract_region_from_arn

from schedule_times import next_due

LOG = logging.getLogger(__name__)
INTERVAL_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 60


def install() -> None:
    """Starts the thread."""
    threading.Thread(target=run, daemon=True, name="schedules").start()


def run() -> None:
    """Delivers due schedules, for ever."""
    due_times = DueTimes()
    while True:
        time.sleep(INTERVAL_SECONDS)
        try:
            for schedule in due_times.take_due(list(stored_schedules()), time.time()):
                threading.Thread(target=deliver, args=(schedule.target,), daemon=True).start()
        except Exception:
            LOG.exception("the schedules cannot be checked")


def stored_schedules() -> Iterator[Any]:
    """All schedules, which LocalStack keeps in moto."""
    from moto.scheduler.models import scheduler_backends

    for account in list(scheduler_backends.values()):
        for backend in list(account.values()):
            for group in list(backend.schedule_groups.values()):
                yield from list(group.schedules.values())


class DueTimes:
    """The next due time of each schedule."""

    def __init__(self):
        # A changed schedule has another key, so that it counts from its change.
        self._due: dict[tuple, float | None] = {}

    def take_due(self, schedules: list[Any], now: float) -> list[Any]:
        """The schedules that are due now. Each due time is returned once."""
        due, known = [], self._due
        self._due = {}
        for schedule in schedules:
            key = (schedule.arn, schedule.schedule_expression, schedule.last_modified_date)
            moment = known[key] if key in known else _next_due(schedule, schedule.last_modified_date)
            if moment is not None and moment <= now:
                if schedule.state == "ENABLED":
                    due.append(schedule)
                # Due times that were missed are skipped.
                moment = _next_due(schedule, now)
            self._due[key] = moment
        return due


def _next_due(schedule: Any, after: float) -> float | None:
    try:
        return next_due(schedule.schedule_expression, schedule.schedule_expression_timezone, after)
    except (ValueError, KeyError) as error:
        LOG.error("%s is never due: %s", schedule.arn, error)
        return None


def deliver(target: dict, connect=connect_to, sleep=time.sleep, clock=time.monotonic) -> None:
    """Invokes a target. A failed call is repeated within the limits of its retry policy, with exponential backoff."""
    policy, start, attempt = target["RetryPolicy"], clock(), 0
    payload = target.get("Input") or "{}"
    while True:
        try:
            client = connect(region_name=extract_region_from_arn(target["Arn"])).lambda_
            client.invoke(FunctionName=target["Arn"], InvocationType="Event", Payload=payload)
            return
        except Exception as error:
            attempt += 1
            is_too_old = clock() - start >= policy.get("MaximumEventAgeInSeconds", 86400)
            if attempt > policy.get("MaximumRetryAttempts", 185) or is_too_old:
                LOG.warning("the target %s cannot be invoked: %s", target["Arn"], error)
                send_to_dead_letter_queue(target, payload, str(error), connect)
                return
        sleep(min(2**attempt, MAX_BACKOFF_SECONDS))


def send_to_dead_letter_queue(target: dict, payload: str, error: str, connect=connect_to) -> None:
    """Sends the event of a failed schedule to its queue, if it has one."""
    arn = target.get("DeadLetterConfig", {}).get("Arn")
    if not arn:
        return
    sqs = connect(region_name=extract_region_from_arn(arn)).sqs
    sqs.send_message(
        QueueUrl=sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"],
        MessageBody=payload,
        MessageAttributes={"ERROR_MESSAGE": {"DataType": "String", "StringValue": error[:256]}},
    )
