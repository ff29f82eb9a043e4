"""Serves the provider to Terraform over gRPC.

Terraform normally starts a provider's program several times in each command. It can also use a program that runs
already (TF_REATTACH_PROVIDERS, made for debugging providers). Then `init` installs nothing and writes no lock file, and
a command takes a fifth of the time. Every provider instance of Terraform is one connection, so each connection gets its
own provider.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc

from standin import protocol, rules
from standin.provider import Provider, Schema

ADDRESS = "registry.terraform.io/hashicorp/aws"
_LARGE = [("grpc.max_send_message_length", 64 << 20), ("grpc.max_receive_message_length", 64 << 20)]
_THREADS = 16


class _Providers:
    """The provider of each connection."""

    def __init__(self, make: Callable[[], Provider]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._by_peer: dict[str, Provider] = {}

    def of(self, peer: str) -> Provider:
        with self._lock:
            if peer not in self._by_peer:
                self._by_peer[peer] = self._make()
            return self._by_peer[peer]


def main() -> None:
    """Serves the folder named by the first argument, as the account named by the second, until stdin ends.

    The first line of output is the value for TF_REATTACH_PROVIDERS.
    """
    folder, account = Path(sys.argv[1]), sys.argv[2]
    rules.load()
    schema = Schema.load(folder)
    providers = _Providers(lambda: Provider(schema, account))
    server = grpc.server(futures.ThreadPoolExecutor(_THREADS), options=_LARGE)
    server.add_generic_rpc_handlers((_provider_methods(providers), *_plugin_methods()))
    # Not a Unix socket: connections to one cannot be told apart.
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    place = {"Network": "tcp", "String": f"127.0.0.1:{port}"}
    plugin = {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": os.getpid(), "Test": True, "Addr": place}
    print(json.dumps({ADDRESS: plugin}), flush=True)
    sys.stdin.read()
    os._exit(0)  # gRPC's own threads end slowly


def _provider_methods(providers: _Providers) -> Any:
    handlers = {}
    for method, (request, _) in protocol.METHODS.items():
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", method).lower()
        serialise = bytes if method == "GetProviderSchema" else _serialise
        handlers[method] = grpc.unary_unary_rpc_method_handler(
            _answering(providers, name), protocol.parser(request), serialise
        )
    return grpc.method_handlers_generic_handler(protocol.SERVICE, handlers)


def _serialise(response: Any) -> bytes:
    serialised: bytes = response.SerializeToString()
    return serialised


def _answering(providers: _Providers, name: str) -> Callable[[Any, Any], Any]:
    return lambda request, context: getattr(providers.of(context.peer()), name)(request)


def _plugin_methods() -> list[Any]:
    """Other calls of the plugin library: shutdown, which the parent process controls instead, and output."""
    controller = {"Shutdown": grpc.unary_unary_rpc_method_handler(lambda request, context: b"", bytes, bytes)}
    # There is no output. Keeping the stream open would keep a thread for each connection, of which a run of
    # `terraform test` makes hundreds and closes none.
    stdio = {"StreamStdio": grpc.unary_stream_rpc_method_handler(lambda request, context: iter(()), bytes, bytes)}
    return [
        grpc.method_handlers_generic_handler("plugin.GRPCController", controller),
        grpc.method_handlers_generic_handler("plugin.GRPCStdio", stdio),
    ]


if __name__ == "__main__":
    main()
