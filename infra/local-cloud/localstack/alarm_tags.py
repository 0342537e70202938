"""Gap: LocalStack drops the tags of PutMetricAlarm, which is a diff at every plan. Patch: they are stored, like on AWS."""

import functools

from localstack.services.cloudwatch.provider_v2 import CloudwatchProvider


def install() -> None:
    """Makes PutMetricAlarm store the tags of a new alarm."""
    original_put = CloudwatchProvider.put_metric_alarm

    # Keeps the attributes by which LocalStack finds the handler of an operation.
    @functools.wraps(original_put)
    def put_metric_alarm(self, context, request):
        arn = f"arn:{context.partition}:cloudwatch:{context.region}:{context.account_id}:alarm:{request['AlarmName']}"
        store = self.get_store(context.account_id, context.region)
        # The tags of an existing alarm do not change: AWS ignores the parameter then.
        is_new = arn not in store.alarms
        original_put(self, context, request)
        if is_new and request.get("Tags"):
            store.TAGS.tag_resource(arn, request["Tags"])

    CloudwatchProvider.put_metric_alarm = put_metric_alarm
