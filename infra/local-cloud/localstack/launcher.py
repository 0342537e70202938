"""Starts the local cloud: LocalStack's community edition on 127.0.0.1, without Docker, with patches for what Stockline needs.

    GATEWAY_PORT=4566 DYNAMODB_PORT=4567 DYNAMODB_FOLDER=emulator python infra/local-cloud/localstack/launcher.py

It is ready when GET /_localstack/health returns 200. SIGTERM ends it, its functions and DynamoDB Local; nothing is kept. Each
patch is a module beside this file, and states what LocalStack lacks. The patches are Stockline's own code, so a test that
depends on one of them shows that the patch works, not that LocalStack does.
"""

import os
import signal
from pathlib import Path

# Environment variables that are kept. Others, for example the AWS_PROFILE or the proxy of the user, would change how
# LocalStack and the functions behave.
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "GATEWAY_PORT", "DYNAMODB_PORT", "DYNAMODB_FOLDER")

# The services that Terraform and the functions use. LocalStack rejects calls of others.
SERVICES = (
    "apigateway", "cloudwatch", "dynamodb", "dynamodbstreams", "events", "iam", "kms", "lambda", "logs",
    "resourcegroupstaggingapi", "s3", "scheduler", "sns", "sqs", "ssm", "sts",
)


def set_environment():
    """Replaces the environment by the settings of LocalStack."""
    kept = {key: os.environ[key] for key in KEPT_VARIABLES if key in os.environ}
    port, dynamodb_port = kept["GATEWAY_PORT"], kept["DYNAMODB_PORT"]
    folder = kept.get("TMPDIR", os.getcwd())
    os.environ.clear()
    os.environ.update(
        kept,
        # Host mode: LocalStack runs in this process instead of a container.
        OVERRIDE_IN_DOCKER="0",
        FILESYSTEM_ROOT=folder,
        SERVICES=",".join(SERVICES),
        # LocalStack ignores the host of an IPv4 address and listens on every interface. It respects the host of the same
        # address in IPv6 notation.
        GATEWAY_LISTEN=f"[::ffff:127.0.0.1]:{port}",
        # No DNS server: it would listen on every interface.
        DNS_ADDRESS="0",
        # The host in the URLs that LocalStack returns. Its default name needs a public DNS server.
        LOCALSTACK_HOST=f"127.0.0.1:{port}",
        SQS_ENDPOINT_STRATEGY="off",
        # No downloads and no usage reports.
        SKIP_SSL_CERT_DOWNLOAD="1",
        DISABLE_EVENTS="1",
        # The v2 providers pass requests on to DynamoDB Local unchanged.
        PROVIDER_OVERRIDE_DYNAMODB="v2",
        PROVIDER_OVERRIDE_DYNAMODBSTREAMS="v2",
        DYNAMODB_IN_MEMORY="1",
        # One database for all credentials and regions, so that clients may also call DynamoDB Local directly.
        DYNAMODB_SHARE_DB="1",
        DYNAMODB_LOCAL_PORT=dynamodb_port,
        # Execution environments stay warm for an hour.
        LAMBDA_KEEPALIVE_MS="3600000",
        # Stream and queue mappings are polled ten times per second, like on AWS.
        LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC="0.1",
        LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC="0.2",
    )


def install_patches():
    """Installs all patches. They must be in place before LocalStack loads its services."""
    import alarm_tags
    import authorizers
    import dynamodb_local
    import gateway_responses
    import process_executor
    import schedules
    import stream_mappings

    process_executor.install(f"http://127.0.0.1:{os.environ['DYNAMODB_PORT']}")
    dynamodb_local.install(Path(os.environ["DYNAMODB_FOLDER"]))
    authorizers.install()
    gateway_responses.install()
    stream_mappings.install()
    schedules.install()
    alarm_tags.install()


def end(*_):
    """Ends all child processes and this one. LocalStack's own shutdown takes up to 13 s, to save state that is not kept here."""
    import psutil

    for child in psutil.Process().children(recursive=True):
        try:
            child.kill()
        except psutil.NoSuchProcess:
            pass
    os._exit(0)


def main():
    """Serves until SIGTERM or SIGINT."""
    set_environment()
    install_patches()
    from localstack.logging.setup import setup_logging_from_config
    from localstack.runtime import current

    # The same steps as localstack.runtime.main, with another signal handler.
    setup_logging_from_config()
    runtime = current.initialize_runtime()
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    runtime.run()


if __name__ == "__main__":
    main()
