"""The context that Lambda passes to a handler, as far as powertools reads it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


def lambda_context(function: str) -> Any:
    return SimpleNamespace(
        function_name=function,
        memory_limit_in_mb=1024,
        invoked_function_arn=f"arn:aws:lambda:eu-central-1:123456789012:function:{function}",
        aws_request_id="5e0c5a3e-0000-4000-8000-000000000000",
    )
