"""gRPC's own services (health, reflection), as far as the tests speak them.

Their Python packages are not everywhere: the few messages are built here.
"""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto
_TYPES = dict(string=_FIELD.TYPE_STRING, bytes=_FIELD.TYPE_BYTES, int32=_FIELD.TYPE_INT32)


def _file(name, package, messages):
    """Messages of (field, number, type, repeated); other types are messages of the file."""
    file = descriptor_pb2.FileDescriptorProto(name=name, package=package, syntax="proto3")
    for message, fields in messages.items():
        to = file.message_type.add(name=message)
        for field, number, kind, repeated in fields:
            label = _FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL
            made = to.field.add(name=field, number=number, label=label)
            if kind in _TYPES:
                made.type = _TYPES[kind]
            else:
                made.type = _FIELD.TYPE_MESSAGE
                made.type_name = f".{package}.{kind}"
    return file


_REFLECTION = _file("reflection.proto", "grpc.reflection.v1alpha", {
    "ServerReflectionRequest": [
        ("file_containing_symbol", 4, "string", False), ("list_services", 7, "string", False)],
    "ServerReflectionResponse": [
        ("file_descriptor_response", 4, "Files", False),
        ("list_services_response", 6, "Services", False), ("error_response", 7, "Error", False)],
    "Files": [("file_descriptor_proto", 1, "bytes", True)],
    "Services": [("service", 1, "Service", True)],
    "Service": [("name", 1, "string", False)],
    "Error": [("error_code", 1, "int32", False), ("error_message", 2, "string", False)],
})
_HEALTH = _file("health.proto", "grpc.health.v1", {
    "HealthCheckRequest": [("service", 1, "string", False)],
    "HealthCheckResponse": [("status", 1, "int32", False)],
})
SERVING = 1


def _classes(*files):
    pool = descriptor_pool.DescriptorPool()
    for file in files:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return lambda name: factory.GetPrototype(pool.FindMessageTypeByName(name))


_message = _classes(_REFLECTION, _HEALTH)


class Reflection:
    """What a client without .proto files learns of a server."""

    def __init__(self, channel):
        package = "grpc.reflection.v1alpha"
        self._request = _message(f"{package}.ServerReflectionRequest")
        self._call = channel.stream_stream(
            f"/{package}.ServerReflection/ServerReflectionInfo",
            request_serializer=self._request.SerializeToString,
            response_deserializer=_message(f"{package}.ServerReflectionResponse").FromString)

    def ask(self, **question):
        return next(self._call(iter([self._request(**question)]), timeout=20))

    def services(self):
        response = self.ask(list_services="*").list_services_response
        return sorted(service.name for service in response.service)

    def pool(self, symbol):
        """The descriptors of the symbol's file and all that it needs."""
        files = {}
        for content in self.ask(
                file_containing_symbol=symbol).file_descriptor_response.file_descriptor_proto:
            file = descriptor_pb2.FileDescriptorProto.FromString(content)
            files[file.name] = file
        pool = descriptor_pool.DescriptorPool()

        def add(name):
            if file := files.pop(name, None):
                for dependency in file.dependency:
                    add(dependency)
                pool.Add(file)

        for name in list(files):
            add(name)
        return pool


class Health:
    """grpc.health.v1."""

    def __init__(self, channel):
        request, response = (_message(f"grpc.health.v1.HealthCheck{kind}")
                             for kind in ("Request", "Response"))
        self._request = request
        self._check = channel.unary_unary(
            "/grpc.health.v1.Health/Check", request_serializer=request.SerializeToString,
            response_deserializer=response.FromString)
        self._watch = channel.unary_stream(
            "/grpc.health.v1.Health/Watch", request_serializer=request.SerializeToString,
            response_deserializer=response.FromString)

    def check(self, service=""):
        return self._check(self._request(service=service), timeout=20).status

    def watch(self, service=""):
        return self._watch(self._request(service=service), timeout=60)
