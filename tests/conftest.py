"""What several test files share: the whole stack, booted once for the session."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.running import Running, boot

# Whatever a test forgets to fake fails here, and never reaches anybody's account.
os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION="eu-central-1",
    AWS_EC2_METADATA_DISABLED="true",
    POWERTOOLS_METRICS_NAMESPACE="Convoke",
    POWERTOOLS_SERVICE_NAME="convoke",
)
os.environ.pop("AWS_PROFILE", None)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One stack for all tests of a run, on free ports. It must leave when told to, and leave nothing behind."""
    running = boot(tmp_path_factory.mktemp("stack"))
    try:
        yield running
    finally:
        running.leave()
    assert running.exit_code == 0, running.said()
    assert not running.left_behind()
