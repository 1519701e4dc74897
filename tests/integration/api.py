"""Calls to a server, made from the descriptors of assay.v1; and raw ones."""

import grpc
from google.protobuf import message as protobuf_message
from google.protobuf import message_factory

from assay.v1 import checkpoint_pb2, insight_pb2, server_pb2, study_pb2, trial_pb2, worker_pb2

Code = grpc.StatusCode
FILES = (checkpoint_pb2, insight_pb2, server_pb2, study_pb2, trial_pb2, worker_pb2)
SERVICES = {
    service.name: service
    for file in FILES
    for service in file.DESCRIPTOR.services_by_name.values()
}
# "StudyService/Create" -> its descriptor.
METHODS = {
    f"{service.name}/{method.name}": method
    for service in SERVICES.values()
    for method in service.methods
}
_STREAMS = {"StudyService/Watch", "StudyService/Export", "WorkerService/Connect"}
UNARY = sorted(set(METHODS) - _STREAMS)

_factory = message_factory.MessageFactory()


def request_type(method):
    return _factory.GetPrototype(METHODS[method].input_type)


def response_type(method):
    return _factory.GetPrototype(METHODS[method].output_type)


def path(method):
    service, name = method.split("/")
    return f"/{SERVICES[service].full_name}/{name}"


def serialize(request):
    if isinstance(request, protobuf_message.Message):
        return request.SerializeToString()
    return request  # Bytes, to send what no message can say.


class Api:
    """A channel to one server."""

    def __init__(self, address, options=()):
        self.channel = grpc.insecure_channel(
            address, options=[("grpc.use_local_subchannel_pool", 1), *options])

    def close(self):
        self.channel.close()

    def _stub(self, make, method):
        return make(path(method), request_serializer=serialize,
                    response_deserializer=response_type(method).FromString)

    def call(self, method, request=None, timeout=30, **fields):
        """The response; grpc.RpcError if there is none."""
        if request is None:
            request = request_type(method)(**fields)
        return self._stub(self.channel.unary_unary, method)(request, timeout=timeout)

    def future(self, method, request, timeout=60):
        return self._stub(self.channel.unary_unary, method).future(request, timeout=timeout)

    def stream(self, method, request=None, timeout=60, **fields):
        """An iterator over a server stream."""
        if request is None:
            request = request_type(method)(**fields)
        return self._stub(self.channel.unary_stream, method)(request, timeout=timeout)

    def connect(self, messages, timeout=60):
        """The stream of a worker that sends what `messages` iterates over."""
        return self._stub(self.channel.stream_stream, "WorkerService/Connect")(
            messages, timeout=timeout)

    def outcome(self, method, request=None, timeout=30, **fields):
        """(code, details) of any call, streams included."""
        if request is None:
            request = request_type(method)(**fields)
        try:
            if method == "WorkerService/Connect":
                list(self.connect(iter(request), timeout))
            elif method in _STREAMS:
                list(self.stream(method, request, timeout))
            else:
                self.call(method, request, timeout)
        except grpc.RpcError as error:
            return error.code(), error.details()
        return Code.OK, ""

    def problems(self):
        """What Check finds."""
        return list(self.call("ServerService/Check", timeout=120).problems)
