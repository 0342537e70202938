"""Stream mappings bisect failed batches and respect the age of records."""

import datetime
import unittest
from unittest.mock import MagicMock, patch

from localstack.services.lambda_.event_source_mapping.esm_event_processor import EsmEventProcessor
from localstack.services.lambda_.event_source_mapping.esm_worker_factory import EsmWorkerFactory
from localstack.services.lambda_.event_source_mapping.event_processor import (
    BatchFailureError,
    PartialBatchFailureError,
)
from localstack.services.lambda_.event_source_mapping.pollers.dynamodb_poller import DynamoDBPoller
from localstack.services.lambda_.event_source_mapping.pollers.stream_poller import StreamPoller

import stream_mappings
from stream_mappings import BisectingProcessor
from tests.shipped import restore

STREAM = "arn:aws:dynamodb:eu-central-1:000000000000:table/stock/stream/2026-01-01T00:00:00.000"
ERROR = {"requestId": "r", "httpStatusCode": 200, "functionError": "Unhandled"}


def record(number: int, age: float = 0) -> dict:
    created = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=age)
    return {"eventID": str(number), "eventName": "MODIFY",
            "dynamodb": {"SequenceNumber": str(number), "ApproximateCreationDateTime": created}}


class Handler:
    """A function that panics on some records, and reports others as failed items."""

    def __init__(self, panics: set[int], reports: set[int] = frozenset()):
        self.panics, self.reports = panics, reports
        self.applied: list[int] = []
        self.batches: list[list[int]] = []

    def process_events_batch(self, events):
        numbers = [int(event["dynamodb"]["SequenceNumber"]) for event in events]
        self.batches.append(numbers)
        if self.panics & set(numbers):
            raise BatchFailureError(error=ERROR)
        failed = [number for number in numbers if number in self.reports]
        self.applied += numbers[:numbers.index(failed[0])] if failed else numbers
        if failed:
            payload = {"batchItemFailures": [{"itemIdentifier": str(failed[0])}]}
            raise PartialBatchFailureError(partial_failure_payload=payload, error=ERROR)

    def generate_event_failure_context(self, abort_condition, **_):
        return {"requestContext": {"condition": abort_condition}}


class Mapping:
    """A poller with a handler, and the records that reach its failure queue."""

    def __init__(self, handler, retries: int = 1, max_age: int = -1, bisects: bool = True):
        parameters = {"BatchSize": 100, "MaximumRetryAttempts": retries, "MaximumRecordAgeInSeconds": max_age}
        processor = BisectingProcessor(handler) if bisects else handler
        self.poller = DynamoDBPoller(STREAM, {"DynamoDBStreamParameters": parameters}, MagicMock(), processor)
        self.failed: list[tuple[str, list[int]]] = []
        self.poller.send_events_to_dlq = self.keep

    def keep(self, _shard_id, events, context):
        numbers = [int(event["dynamodb"]["SequenceNumber"]) for event in events]
        self.failed.append((context["requestContext"]["condition"], numbers))

    def send(self, records):
        with patch("localstack.utils.backoff.ExponentialBackoff.next_backoff", return_value=0):
            self.poller.forward_events_to_target("shard", records)


class StreamMappingsTest(unittest.TestCase):
    def setUp(self):
        restore(self, (StreamPoller, "forward_events_to_target"), (EsmWorkerFactory, "get_esm_worker"),
                (DynamoDBPoller, "get_approximate_arrival_time"), (EsmEventProcessor, "generate_event_failure_context"))

    def test_gap_failed_batch_is_dropped_as_a_whole(self):
        handler = Handler(panics={7})
        mapping = Mapping(handler, bisects=False)
        mapping.send([record(number) for number in range(10)])
        self.assertEqual(handler.applied, [])
        self.assertEqual(mapping.failed, [("RetryAttemptsExhausted", list(range(10)))])

    def test_patch_drops_the_failing_record_only(self):
        stream_mappings.install()
        handler = Handler(panics={7})
        mapping = Mapping(handler)
        mapping.send([record(number) for number in range(10)])
        self.assertEqual(handler.applied, [0, 1, 2, 3, 4, 5, 6, 8, 9])
        self.assertEqual(mapping.failed, [("RetryAttemptsExhausted", [7])])

    def test_halves_have_all_retries(self):
        stream_mappings.install()
        handler = Handler(panics={1})
        Mapping(handler, retries=2).send([record(0), record(1)])
        self.assertEqual(handler.batches, [[0, 1], [0], [1], [1], [1]])

    def test_partial_failure_continues_at_its_record(self):
        stream_mappings.install()
        handler = Handler(panics={3}, reports={2})
        mapping = Mapping(handler)
        mapping.send([record(number) for number in (0, 1, 2)])
        self.assertEqual(handler.batches, [[0, 1, 2], [2]])
        self.assertEqual((handler.applied, mapping.failed), ([0, 1], [("RetryAttemptsExhausted", [2])]))

    def test_gap_age_of_a_record_is_always_zero(self):
        handler = Handler(panics=set())
        mapping = Mapping(handler, max_age=60, bisects=False)
        mapping.send([record(0, age=3600)])
        self.assertEqual(handler.applied, [0])

    def test_patch_old_records_go_to_the_failure_queue(self):
        stream_mappings.install()
        handler = Handler(panics=set())
        mapping = Mapping(handler, max_age=300)
        mapping.send([record(0, age=3600), record(1, age=400), record(2, age=299)])
        self.assertEqual(handler.applied, [2])
        self.assertEqual(mapping.failed, [("RecordAgeExceeded", [0, 1])])

    def failure_context(self, error: dict):
        processor = EsmEventProcessor(sender=MagicMock(target_arn="arn"), logger=None)
        return processor.generate_event_failure_context("RecordAgeExceeded", error=error, attempts_count=2)

    def test_gap_failure_record_of_old_records_has_no_reason(self):
        self.assertEqual(self.failure_context(error={}), {})

    def test_patch_failure_record_of_old_records_has_the_reason(self):
        stream_mappings.install()
        expected = {"functionArn": "arn", "condition": "RecordAgeExceeded", "approximateInvokeCount": 2}
        self.assertEqual(self.failure_context(error={})["requestContext"], expected)
        self.assertEqual(self.failure_context(error=ERROR)["responseContext"]["functionError"], "Unhandled")

    def test_setting_of_the_mapping_decides(self):
        EsmWorkerFactory.get_esm_worker = lambda _: MagicMock(poller=MagicMock(processor="plain"))
        stream_mappings.install()
        for bisects in (True, False):
            worker = EsmWorkerFactory({"BisectBatchOnFunctionError": bisects}, "role", True).get_esm_worker()
            self.assertEqual(isinstance(worker.poller.processor, BisectingProcessor), bisects)


if __name__ == "__main__":
    unittest.main()
