"""`make key`: an API key for an account, in whichever deployment the caller's own AWS settings lead to."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

import boto3

from convoke.store import accounts


def main() -> int:
    account, name = os.environ.get("ACCOUNT"), os.environ.get("NAME")
    if not account or not name:
        print("Say for whom: make key ACCOUNT=acme NAME=ci [STACK=convoke]", file=sys.stderr)
        return 2
    stack = os.environ.get("STACK") or "convoke"
    described = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
    now = datetime.now(UTC)
    print(accounts.create_key(boto3.client("dynamodb"), outputs["AccountsTable"], account=account, name=name, now=now))
    print("It is shown this once.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
