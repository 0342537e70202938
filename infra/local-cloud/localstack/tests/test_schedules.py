"""Schedules are due when EventBridge Scheduler says, and their targets are invoked."""

import datetime
import unittest
from types import SimpleNamespace
from unittest.mock import MagicMock

from schedule_times import next_due
from schedules import DueTimes, deliver, stored_schedules

FUNCTION = "arn:aws:lambda:eu-central-1:000000000000:function:f"
QUEUE = "arn:aws:sqs:eu-central-1:000000000000:f-failures"


def at(text: str) -> float:
    return datetime.datetime.fromisoformat(text).timestamp()


def schedule(expression: str, created: float, state: str = "ENABLED"):
    return SimpleNamespace(arn="s", schedule_expression=expression, schedule_expression_timezone="UTC",
                           last_modified_date=created, state=state, target={})


class NextDueTest(unittest.TestCase):
    def test_rate_counts_from_the_last_time(self):
        self.assertEqual(next_due("rate(1 minute)", "UTC", 100), 160)
        self.assertEqual(next_due("rate(2 hours)", "UTC", 100), 7300)

    def test_cron_is_in_its_time_zone(self):
        summer, winter = at("2026-07-01T00:00:00+00:00"), at("2026-12-01T00:00:00+00:00")
        expression = "cron(0 5 * * ? *)"
        self.assertEqual(next_due(expression, "Europe/Berlin", summer), at("2026-07-01T03:00:00+00:00"))
        self.assertEqual(next_due(expression, "Europe/Berlin", winter), at("2026-12-01T04:00:00+00:00"))

    def test_cron_weekdays_start_with_sunday(self):
        # 2026-03-01 is a Sunday.
        start = at("2026-03-01T12:00:00+00:00")
        self.assertEqual(next_due("cron(0 9 ? * 2-6 *)", "UTC", start), at("2026-03-02T09:00:00+00:00"))
        self.assertEqual(next_due("cron(0 9 ? * SUN *)", "UTC", start), at("2026-03-08T09:00:00+00:00"))

    def test_at_is_due_once(self):
        due = at("2026-03-01T11:00:00+00:00")
        self.assertEqual(next_due("at(2026-03-01T12:00:00)", "Europe/Berlin", 0), due)
        self.assertIsNone(next_due("at(2026-03-01T12:00:00)", "Europe/Berlin", due))

    def test_unsupported_expressions_are_errors(self):
        for expression in ("cron(0 9 L * ? *)", "cron(0 9 ? * 2#1 *)", "every(1 minute)"):
            with self.assertRaises(ValueError):
                next_due(expression, "UTC", 0)


class DueTimesTest(unittest.TestCase):
    def test_each_due_time_is_taken_once(self):
        times, minutely = DueTimes(), schedule("rate(1 minute)", created=0)
        due = [len(times.take_due([minutely], now)) for now in (0, 59, 60, 61, 119, 120, 121)]
        self.assertEqual(due, [0, 0, 1, 0, 0, 1, 0])

    def test_missed_due_times_are_skipped(self):
        times, minutely = DueTimes(), schedule("rate(1 minute)", created=0)
        self.assertEqual(len(times.take_due([minutely], 600)), 1)
        self.assertEqual(times.take_due([minutely], 601), [])

    def test_disabled_and_unreadable_schedules_are_never_due(self):
        times = DueTimes()
        schedules = [schedule("rate(1 minute)", 0, state="DISABLED"), schedule("cron(0 9 L * ? *)", 0)]
        with self.assertLogs("schedules", "ERROR"):
            self.assertEqual(times.take_due(schedules, 0), [])
        self.assertEqual(times.take_due(schedules, 100), [])

    def test_gap_schedules_of_localstack_are_data_only(self):
        from moto.scheduler.models import scheduler_backends

        backend = scheduler_backends["000000000000"]["eu-central-1"]
        backend.create_schedule(
            description="", end_date=None, flexible_time_window={"Mode": "OFF"}, group_name="default", kms_key_arn=None,
            name="nightly", schedule_expression="rate(1 minute)", schedule_expression_timezone="UTC", start_date=None,
            state="ENABLED", target={"Arn": FUNCTION}, action_after_completion=None)
        self.addCleanup(backend.delete_schedule, "default", "nightly")
        [stored] = stored_schedules()
        # There is nothing to run it: neither a method nor a timer.
        self.assertFalse([name for name in dir(stored) if "invoke" in name or "run" in name or "timer" in name])
        self.assertEqual(len(DueTimes().take_due([stored], stored.last_modified_date + 60)), 1)


class DeliverTest(unittest.TestCase):
    def setUp(self):
        self.clients = MagicMock()
        self.clients.sqs.get_queue_url.return_value = {"QueueUrl": "url"}
        self.target = {
            "Arn": FUNCTION, "Input": '{"days": 8}', "DeadLetterConfig": {"Arn": QUEUE},
            "RetryPolicy": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 3600},
        }

    def deliver(self):
        waits = []
        deliver(self.target, connect=lambda **_: self.clients, sleep=waits.append)
        return waits

    def test_function_gets_the_input(self):
        self.assertEqual(self.deliver(), [])
        self.clients.lambda_.invoke.assert_called_once_with(
            FunctionName=FUNCTION, InvocationType="Event", Payload='{"days": 8}')

    def test_failed_call_is_repeated(self):
        self.clients.lambda_.invoke.side_effect = [ConnectionError("busy"), None]
        self.assertEqual(self.deliver(), [2])
        self.clients.sqs.send_message.assert_not_called()

    def test_last_failure_goes_to_the_queue(self):
        self.clients.lambda_.invoke.side_effect = ConnectionError("busy")
        with self.assertLogs("schedules", "WARNING"):
            self.assertEqual(self.deliver(), [2, 4])
        sent = self.clients.sqs.send_message.call_args.kwargs
        self.assertEqual((sent["QueueUrl"], sent["MessageBody"]), ("url", '{"days": 8}'))
        self.assertEqual(sent["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"], "busy")


if __name__ == "__main__":
    unittest.main()
