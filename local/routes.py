"""Workaround: the emulator creates no routes and authorizers of an HttpApi. This creates them from the template."""

from __future__ import annotations

import json
import re
from typing import Any

from .deploy import client, physical_ids
from .place import REGION, STACK, Place

# A function's name in the processed template: in the text of a Fn::Sub, or in its variables.
FUNCTION = re.compile(r'\$\{(\w+)\.Arn\}|"Fn::GetAtt": \["(\w+)", "Arn"\]')


def open_routes(place: Place) -> None:
    """Read the API's definition (OpenAPI) from the processed template, as AWS does, and create what it defines."""
    processed = client("cloudformation", place).get_template(StackName=STACK, TemplateStage="Processed")["TemplateBody"]
    gateway = Gateway(place)
    definition = processed["Resources"]["HttpApi"]["Properties"]["Body"]
    schemes = definition["components"]["securitySchemes"]
    authorizers = {
        name: gateway.authorizer(name, scheme["x-amazon-apigateway-authorizer"]) for name, scheme in schemes.items()
    }
    for path, methods in definition["paths"].items():
        for method, operation in methods.items():
            ((scheme, _),) = [item for requirement in operation["security"] for item in requirement.items()]
            verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
            gateway.route(
                path if path == "$default" else f"{verb} {path}",
                gateway.integration(operation["x-amazon-apigateway-integration"]),
                authorizers.get(scheme),
            )


class Gateway:
    """The stack's HTTP API, changed by calls of API Gateway v2."""

    def __init__(self, place: Place) -> None:
        self._client = client("apigatewayv2", place)
        self._functions = client("lambda", place)
        self._names = physical_ids(place)
        self._api = self._names["HttpApi"]
        self._integrations: dict[str, str] = {}

    def authorizer(self, name: str, said: dict[str, Any]) -> str:
        made = self._client.create_authorizer(
            ApiId=self._api,
            Name=name,
            AuthorizerType=said["type"].upper(),
            AuthorizerUri=self._uri(said["authorizerUri"]),
            AuthorizerPayloadFormatVersion=said["authorizerPayloadFormatVersion"],
            AuthorizerResultTtlInSeconds=said["authorizerResultTtlInSeconds"],
            EnableSimpleResponses=said["enableSimpleResponses"],
            IdentitySource=said["identitySource"],
        )
        return str(made["AuthorizerId"])

    def integration(self, said: dict[str, Any]) -> str:
        """The id of the function's integration, which is created once."""
        uri = self._uri(said["uri"])
        if uri not in self._integrations:
            made = self._client.create_integration(
                ApiId=self._api,
                IntegrationType=said["type"].upper(),
                IntegrationMethod=said["httpMethod"],
                IntegrationUri=uri,
                PayloadFormatVersion=said["payloadFormatVersion"],
            )
            self._integrations[uri] = made["IntegrationId"]
        return self._integrations[uri]

    def route(self, key: str, integration: str, authorizer: str | None) -> None:
        guard = {"AuthorizationType": "CUSTOM", "AuthorizerId": authorizer} if authorizer else {}
        self._client.create_route(ApiId=self._api, RouteKey=key, Target=f"integrations/{integration}", **guard)

    def _uri(self, reference: object) -> str:
        """The invocation URI of the function that ``reference`` names. Raises :class:`ValueError` if it names none."""
        found = FUNCTION.search(json.dumps(reference))
        if found is None:
            raise ValueError(f"names no function: {reference}")
        function = self._functions.get_function(FunctionName=self._names[found[1] or found[2]])
        arn = function["Configuration"]["FunctionArn"]
        return f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations"
