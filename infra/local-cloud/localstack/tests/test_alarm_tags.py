"""Alarms keep the tags that they are created with."""

import unittest
from types import SimpleNamespace
from unittest.mock import MagicMock

from localstack.aws.skeleton import create_dispatch_table
from localstack.services.cloudwatch.provider_v2 import CloudwatchProvider

import alarm_tags
from tests.shipped import restore

CONTEXT = SimpleNamespace(account_id="000000000000", region="eu-central-1", partition="aws")
ARN = "arn:aws:cloudwatch:eu-central-1:000000000000:alarm:"


class AlarmTagsTest(unittest.TestCase):
    def setUp(self):
        restore(self, (CloudwatchProvider, "put_metric_alarm"))
        self.provider = CloudwatchProvider.__new__(CloudwatchProvider)
        self.provider.alarm_scheduler = MagicMock()

    def tags_after_put(self, name: str, value: str) -> list[dict]:
        self.provider.put_metric_alarm(CONTEXT, {
            "AlarmName": name, "Namespace": "AWS/Lambda", "MetricName": "Errors", "Statistic": "Sum", "Period": 60,
            "EvaluationPeriods": 1, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold",
            "Tags": [{"Key": "environment", "Value": value}],
        })
        return self.provider.list_tags_for_resource(CONTEXT, ARN + name)["Tags"]

    def test_gap_tags_are_dropped(self):
        self.assertEqual(self.tags_after_put("shipped", "local"), [])

    def test_patch_stores_the_tags_of_a_new_alarm(self):
        alarm_tags.install()
        expected = [{"Key": "environment", "Value": "local"}]
        self.assertEqual(self.tags_after_put("patched", "local"), expected)
        self.assertEqual(self.tags_after_put("patched", "other"), expected)

    def test_operation_is_still_found(self):
        alarm_tags.install()
        self.assertIn("PutMetricAlarm", create_dispatch_table(self.provider))


if __name__ == "__main__":
    unittest.main()
