"""Gap: LocalStack stores BisectBatchOnFunctionError and MaximumRecordAgeInSeconds of stream mappings, but ignores both.

Patch: a batch that fails as a whole is split in halves, which are sent one after the other. The age of a record counts from its
creation, and the failure record of one that is too old has the reason. Filters, retries, partial failures and all other failure
records are LocalStack's own.
"""

import copy

from localstack.services.lambda_.event_source_mapping.esm_event_processor import EsmEventProcessor
from localstack.services.lambda_.event_source_mapping.esm_worker_factory import EsmWorkerFactory
from localstack.services.lambda_.event_source_mapping.event_processor import BatchFailureError
from localstack.services.lambda_.event_source_mapping.pipe_utils import get_current_time
from localstack.services.lambda_.event_source_mapping.pollers.dynamodb_poller import DynamoDBPoller
from localstack.services.lambda_.event_source_mapping.pollers.stream_poller import StreamPoller

# DynamoDB Local rounds the creation time of a record down to the minute.
CREATION_TIME_ROUNDING_SECONDS = 60


def install() -> None:
    """Makes stream mappings bisect batches and respect the age of records."""
    original_forward = StreamPoller.forward_events_to_target
    original_worker = EsmWorkerFactory.get_esm_worker
    original_context = EsmEventProcessor.generate_event_failure_context

    def forward(self, shard_id, records):
        # LocalStack changes the records that it sends, so each attempt gets a copy.
        original_forward(self, shard_id, copy.deepcopy(records))
        if not isinstance(self.processor, BisectingProcessor):
            return
        failed = {self.get_sequence_number(event) for event in self.processor.take_failed_batch()}
        batch = [record for record in records if self.get_sequence_number(record) in failed]
        middle = (len(batch) + 1) // 2
        for half in (batch[:middle], batch[middle:]):
            if half:
                # A split does not count as a retry, so each half has all attempts of the mapping.
                forward(self, shard_id, half)

    def get_worker(self):
        worker = original_worker(self)
        if self.esm_config.get("BisectBatchOnFunctionError"):
            worker.poller.processor = BisectingProcessor(worker.poller.processor)
        return worker

    def failure_context(self, abort_condition, **details):
        # Without an invocation, LocalStack returns nothing.
        return original_context(self, abort_condition, **details) or {"requestContext": {
            "functionArn": self.sender.target_arn,
            "condition": abort_condition,
            "approximateInvokeCount": details.get("attempts_count", 0),
        }}

    StreamPoller.forward_events_to_target = forward
    EsmEventProcessor.generate_event_failure_context = failure_context
    EsmWorkerFactory.get_esm_worker = get_worker
    DynamoDBPoller.get_approximate_arrival_time = creation_time


class BisectingProcessor:
    """Sends batches with another processor. A batch of several records that fails as a whole is kept for its halves.

    A poller uses it from one thread.
    """

    def __init__(self, processor):
        self._processor = processor
        self._failed_batch: list[dict] = []

    def __getattr__(self, name):
        return getattr(self._processor, name)

    def process_events_batch(self, events: list[dict]) -> None:
        """Sends a batch. Raises the processor's error for a single record and for a partial failure, which are retried."""
        try:
            self._processor.process_events_batch(events)
        except BatchFailureError:
            if len(events) == 1:
                raise
            self._failed_batch = events

    def take_failed_batch(self) -> list[dict]:
        """The events of the batch that failed, once."""
        failed, self._failed_batch = self._failed_batch, []
        return failed


def creation_time(_poller: DynamoDBPoller, record: dict) -> float:
    """The latest time at which the record can have been created, in seconds since the Unix epoch."""
    now = get_current_time().timestamp()
    rounded = record["dynamodb"].get("ApproximateCreationDateTime")
    return now if rounded is None else min(now, float(rounded) + CREATION_TIME_ROUNDING_SECONDS)
