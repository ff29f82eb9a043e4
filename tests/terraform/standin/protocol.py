"""The part of Terraform's plugin protocol 6 that a provider without functions needs.

The messages are built from the table below when the module is imported, so that nothing has to be generated or
installed. The wire format has only field numbers and types. The names of messages are ours. If Terraform sends fields
that are missing here, protobuf skips them.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICE = "tfplugin6.Provider"

# NAME: TYPE FIELD NUMBER, ... with * for a repeated field. A map is a list of entries with key 1 and value 2.
_MESSAGES = """
Empty:
DynamicValue: bytes msgpack 1, bytes json 2
Step: string attribute_name 1, string element_key_string 2, int64 element_key_int 3
AttributePath: *Step steps 1
Diagnostic: int32 severity 1, string summary 2, string detail 3, AttributePath attribute 4
RawState: bytes json 1
Attribute: string name 1, bytes type 2, bool required 4, bool optional 5, bool computed 6, bool sensitive 7, \
bool write_only 11
NestedBlock: string type_name 1, Block block 2, int32 nesting 3, int64 min_items 4, int64 max_items 5
Block: int64 version 1, *Attribute attributes 2, *NestedBlock block_types 3
Schema: int64 version 1, Block block 2
SchemaEntry: string key 1, Schema value 2
Capabilities: bool plan_destroy 1, bool get_provider_schema_optional 2, bool move_resource_state 3
GetProviderSchemaResponse: Schema provider 1, *SchemaEntry resource_schemas 2, *SchemaEntry data_source_schemas 3, \
*Diagnostic diagnostics 4, Capabilities server_capabilities 6, *SchemaEntry ephemeral_resource_schemas 8
GetMetadataResponse: Capabilities server_capabilities 1
ValidateProviderConfigRequest: DynamicValue config 1
ValidateProviderConfigResponse: *Diagnostic diagnostics 2
ConfigureProviderRequest: string terraform_version 1, DynamicValue config 2
TypedConfigRequest: string type_name 1, DynamicValue config 2
DiagnosticsResponse: *Diagnostic diagnostics 1
UpgradeResourceStateRequest: string type_name 1, int64 version 2, RawState raw_state 3
UpgradeResourceStateResponse: DynamicValue upgraded_state 1, *Diagnostic diagnostics 2
ReadResourceRequest: string type_name 1, DynamicValue current_state 2, bytes private 3
ReadResourceResponse: DynamicValue new_state 1, *Diagnostic diagnostics 2, bytes private 3
PlanResourceChangeRequest: string type_name 1, DynamicValue prior_state 2, DynamicValue proposed_new_state 3, \
DynamicValue config 4, bytes prior_private 5
PlanResourceChangeResponse: DynamicValue planned_state 1, *AttributePath requires_replace 2, bytes planned_private 3, \
*Diagnostic diagnostics 4, bool legacy_type_system 5
ApplyResourceChangeRequest: string type_name 1, DynamicValue prior_state 2, DynamicValue planned_state 3, \
DynamicValue config 4, bytes planned_private 5
ApplyResourceChangeResponse: DynamicValue new_state 1, bytes private 2, *Diagnostic diagnostics 3, \
bool legacy_type_system 4
MoveResourceStateRequest: string source_provider_address 1, string source_type_name 2, int64 source_schema_version 3, \
RawState source_state 4, string target_type_name 5, bytes source_private 6
MoveResourceStateResponse: DynamicValue target_state 1, *Diagnostic diagnostics 2, bytes target_private 3
ImportResourceStateRequest: string type_name 1, string id 2
ImportResourceStateResponse: *Diagnostic diagnostics 2
ReadDataSourceResponse: DynamicValue state 1, *Diagnostic diagnostics 2
OpenEphemeralResourceResponse: *Diagnostic diagnostics 1, DynamicValue result 3, bytes private 4
EphemeralRequest: string type_name 1, bytes private 2
StopProviderResponse: string error 1
"""

# Method of the provider service -> its request and response.
METHODS = {
    "GetMetadata": ("Empty", "GetMetadataResponse"),
    "GetProviderSchema": ("Empty", "GetProviderSchemaResponse"),
    "GetResourceIdentitySchemas": ("Empty", "Empty"),
    "GetFunctions": ("Empty", "Empty"),
    "ValidateProviderConfig": ("ValidateProviderConfigRequest", "ValidateProviderConfigResponse"),
    "ConfigureProvider": ("ConfigureProviderRequest", "DiagnosticsResponse"),
    "ValidateResourceConfig": ("TypedConfigRequest", "DiagnosticsResponse"),
    "ValidateDataResourceConfig": ("TypedConfigRequest", "DiagnosticsResponse"),
    "ValidateEphemeralResourceConfig": ("TypedConfigRequest", "DiagnosticsResponse"),
    "UpgradeResourceState": ("UpgradeResourceStateRequest", "UpgradeResourceStateResponse"),
    "ReadResource": ("ReadResourceRequest", "ReadResourceResponse"),
    "PlanResourceChange": ("PlanResourceChangeRequest", "PlanResourceChangeResponse"),
    "ApplyResourceChange": ("ApplyResourceChangeRequest", "ApplyResourceChangeResponse"),
    "MoveResourceState": ("MoveResourceStateRequest", "MoveResourceStateResponse"),
    "ImportResourceState": ("ImportResourceStateRequest", "ImportResourceStateResponse"),
    "ReadDataSource": ("TypedConfigRequest", "ReadDataSourceResponse"),
    "OpenEphemeralResource": ("TypedConfigRequest", "OpenEphemeralResourceResponse"),
    "RenewEphemeralResource": ("EphemeralRequest", "DiagnosticsResponse"),
    "CloseEphemeralResource": ("EphemeralRequest", "DiagnosticsResponse"),
    "StopProvider": ("Empty", "StopProviderResponse"),
}

NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}
_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "bytes": _FIELD.TYPE_BYTES,
    "string": _FIELD.TYPE_STRING,
    "bool": _FIELD.TYPE_BOOL,
    "int32": _FIELD.TYPE_INT32,
    "int64": _FIELD.TYPE_INT64,
}


def _build() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="standin.proto", package="standin", syntax="proto3")
    for line in _MESSAGES.strip().splitlines():
        name, _, fields = line.partition(":")
        message = file.message_type.add(name=name)
        for field in filter(None, (part.split() for part in fields.split(","))):
            kind, field_name, number = field
            new = message.field.add(name=field_name, number=int(number))
            new.label = _FIELD.LABEL_REPEATED if kind.startswith("*") else _FIELD.LABEL_OPTIONAL
            kind = kind.lstrip("*")
            if kind in _SCALARS:
                new.type = _SCALARS[kind]
            else:
                new.type, new.type_name = _FIELD.TYPE_MESSAGE, f".standin.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    described = pool.FindFileByName(file.name)
    return {name: message_factory.GetMessageClass(message) for name, message in described.message_types_by_name.items()}


_CLASSES = _build()


def message(name: str, /, **fields: Any) -> Any:
    """A new message of the table above."""
    return _CLASSES[name](**fields)


def parser(name: str) -> Any:
    """The function that reads a message from bytes."""
    return _CLASSES[name].FromString
