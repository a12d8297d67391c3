"""The cases of test/polyglot/cases.ts in Python: one JSON line per case, with what was answered.

Run with the directory of the generated code, the address and a namespace of its own.
"""

import base64
import json
import sys

generated, address, namespace = sys.argv[1:4]
sys.path.insert(0, generated)

import grpc  # noqa: E402
from google.rpc import error_details_pb2, status_pb2  # noqa: E402
from kvdb.v1 import admin_pb2, admin_pb2_grpc, kv_pb2, kv_pb2_grpc, types_pb2  # noqa: E402

TIMEOUT_SECONDS = 20


def error_info(error):
    """The ErrorInfo that travels in the trailers."""
    for name, value in error.trailing_metadata() or ():
        if name != "grpc-status-details-bin":
            continue
        for packed in status_pb2.Status.FromString(value).details:
            info = error_details_pb2.ErrorInfo()
            if packed.Unpack(info):
                return info
    return error_details_pb2.ErrorInfo()


def report(case, run):
    try:
        answer = {"case": case, "code": "OK", "facts": run()}
    except grpc.RpcError as error:
        info = error_info(error)
        answer = {
            "case": case,
            "code": error.code().name,
            "reason": info.reason,
            "domain": info.domain,
            "hint": info.metadata.get("hint", "") != "",
        }
    print(json.dumps(answer), flush=True)


channel = grpc.insecure_channel(address)
kv = kv_pb2_grpc.KvServiceStub(channel)
admin = admin_pb2_grpc.AdminServiceStub(channel)


def put(key, value, **more):
    request = kv_pb2.PutRequest(namespace=namespace, key=key, value=value, **more)
    return kv.Put(request, timeout=TIMEOUT_SECONDS)


def put_new():
    answer = put(b"a", b"\x00\xff", condition=types_pb2.Condition(if_absent=True))
    return {"revision": str(answer.header.revision), "namespace": answer.header.namespace}


def get(key):
    answer = kv.Get(kv_pb2.GetRequest(namespace=namespace, key=key), timeout=TIMEOUT_SECONDS)
    if not answer.HasField("kv"):
        return {"found": False}
    value = base64.b64encode(answer.kv.value).decode()
    return {"found": True, "value": value, "version": str(answer.kv.version)}


def put_if_version():
    put(b"a", b"x", condition=types_pb2.Condition(if_version=9))


def rename_absent():
    request = kv_pb2.RenameRequest(namespace=namespace, key=b"none", new_key=b"other")
    kv.Rename(request, timeout=TIMEOUT_SECONDS)


def increment_twice():
    request = kv_pb2.IncrementRequest(
        namespace=namespace, key=b"n", delta=5, request_id="the-same"
    )
    values = [kv.Increment(request, timeout=TIMEOUT_SECONDS).value for _ in range(2)]
    return {"values": [str(value) for value in values]}


def bulk_load():
    def chunks():
        for chunk in (1, 2):
            entry = types_pb2.KeyValue(key=f"bulk/{chunk}".encode(), value=b"v")
            yield kv_pb2.BulkLoadRequest(namespace=namespace, chunk_id=chunk, kvs=[entry])

    answers = kv.BulkLoad(chunks(), timeout=TIMEOUT_SECONDS)
    return {"chunks": [str(answer.chunk_id) for answer in answers]}


def list_keys():
    request = kv_pb2.ListRequest(namespace=namespace, range=types_pb2.KeyRange(prefix=b"bulk/"))
    answer = kv.List(request, timeout=TIMEOUT_SECONDS)
    return {"keys": [entry.key.decode() for entry in answer.kvs]}


def scan_keys():
    request = kv_pb2.ScanRequest(namespace=namespace, range=types_pb2.KeyRange(all=True))
    answers = kv.Scan(request, timeout=TIMEOUT_SECONDS)
    return {"keys": [entry.key.decode() for answer in answers for entry in answer.kvs]}


def checkpoint():
    mode = admin_pb2.CHECKPOINT_MODE_TRUNCATE
    answer = admin.Checkpoint(admin_pb2.CheckpointRequest(mode=mode), timeout=TIMEOUT_SECONDS)
    return {"outcome": admin_pb2.CheckpointOutcome.Name(answer.outcome)}


def pragmas():
    answer = admin.GetPragmaStatus(admin_pb2.GetPragmaStatusRequest(), timeout=TIMEOUT_SECONDS)
    writer = next(
        one for one in answer.connections if one.role == admin_pb2.CONNECTION_ROLE_WRITER
    )
    journal = next(pragma for pragma in writer.pragmas if pragma.name == "journal_mode")
    drift = any(pragma.drift for one in answer.connections for pragma in one.pragmas)
    return {"journal_mode": journal.effective, "drift": drift}


report("put a new key", put_new)
report("put it again, if absent", put_new)
report("get it", lambda: get(b"a"))
report("get an absent key", lambda: get(b"none"))
report("get an empty key", lambda: get(b""))
report("put it, if at another version", put_if_version)
report("rename an absent key", rename_absent)
report("increment twice under one id", increment_twice)
report("load two chunks", bulk_load)
report("list a prefix", list_keys)
report("scan everything", scan_keys)
report("checkpoint", checkpoint)
report("read the pragmas", pragmas)
